"""The configuration: YAML files → `Config`, or every problem at once. Nobody else reads these files.

The reference a user reads is `config/README.md`; what each part becomes stands in `checked.py`.
"""

from pathlib import Path

from ..errors import ConfigError, Problem
from .checked import Cem, Config, DeviceConfig, Fallback, Gateway, PointSource, Report

__all__ = ["Cem", "Config", "DeviceConfig", "Fallback", "Gateway", "PointSource", "Report", "load"]

GATEWAY_FILE = "s2d.yaml"


def load(path: Path) -> Config:
    """The configuration in the gateway file *path*, or in the directory *path* that holds `s2d.yaml`.

    Raises: ConfigError: every problem in all its files, sorted by file and line; files are named relative to the
    gateway file's directory.
    """
    from .files import read

    file = path / GATEWAY_FILE if path.is_dir() else path
    if not file.exists():
        hint = "Say with -c where the configuration is; config/README.md tells what stands in it"
        raise ConfigError([Problem(str(file), 0, 0, "", "there is no such file", hint)])
    try:
        return read(file)
    except ConfigError as exc:
        raise ConfigError(_sorted(exc.problems)) from None


def _sorted(problems: list[Problem]) -> list[Problem]:
    """*problems* by file and line, each once: a wrong key of a bus shows in every device on it."""
    once = {(*problem[:3], problem.what): problem for problem in reversed(problems)}
    return sorted(once.values())

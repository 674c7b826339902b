"""The configuration: YAML files → `Config`, or every problem at once. Nobody else reads these files.

The reference a user reads is `config/README.md`; what each part becomes stands in `checked.py`.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, Problem
from ..host.regular_file import is_missing
from .checked import Cem, Config, DeviceConfig, Draft, Fallback, Gateway, House, PointSource, Report

__all__ = [
    "Cem",
    "Config",
    "DeviceConfig",
    "Draft",
    "Fallback",
    "Gateway",
    "House",
    "PointSource",
    "Report",
    "draft",
    "gateway_file",
    "load",
]

GATEWAY_FILE = "s2d.yaml"


def gateway_file(path: Path) -> Path:
    """The gateway file that *path* means: itself, or `s2d.yaml` in the directory that it is."""
    return path / GATEWAY_FILE if os.path.isdir(path) else path


def draft(path: Path) -> Draft:
    """The configuration in the gateway file *path*, or in the directory *path* that holds `s2d.yaml`, so far as right.

    It holds every problem in all its files, sorted by file and line; files are named relative to the gateway file's
    directory.
    """
    from .files import read

    file = gateway_file(path)
    found = read(file)
    if is_missing(file):
        hint = "Say with -c where the configuration is; config/README.md tells what stands in it"
        return replace(found, problems=(Problem(str(file), 0, 0, "", "there is no such file", hint),))
    return replace(found, problems=tuple(_sorted(found.problems)))


def load(path: Path) -> Config:
    """The configuration at *path*, as `draft` finds it.

    Raises: ConfigError: every problem it has.
    """
    found = draft(path)
    if found.problems:
        raise ConfigError(list(found.problems))
    return found.config


def _sorted(problems: Sequence[Problem]) -> list[Problem]:
    """*problems* by file and line, each once: a wrong key of a bus shows in every device on it."""
    once = {(*problem[:3], problem.what): problem for problem in reversed(problems)}
    return sorted(once.values())

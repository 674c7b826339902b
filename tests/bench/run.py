"""What sections share: how thorough to be, the venvs to measure in, processes, and the words for progress."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import quantiles

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).parent / "peers"
PEER = "s2-python[ws]==0.11.1"
"""`ws` brings the websockets it connects with."""

_INSTALL_WITHIN_S = 300.0
_OURS = ("s2d", "drivers", "config", "schemas", "systemd")
"""The folders that are installed."""


class Unmeasured(Exception):
    """A measurement could not be made."""


@dataclass(frozen=True)
class Run:
    """One run of the benchmark."""

    is_quick: bool
    is_fresh: bool = False
    """Whether to make the venvs anew."""
    given_peer_python: Path | None = None

    def tell(self, what: str) -> None:
        """Shows that something is going on."""
        print(f"... {what}", file=sys.stderr, flush=True)

    @cached_property
    def peer_python(self) -> Path:
        """A Python that has s2-python, and nothing it does not need.

        Raises: Unmeasured: it cannot be installed.
        """
        return self.given_peer_python or self._venv(".venv-bench", [PEER], self.is_fresh)

    @cached_property
    def s2d_python(self) -> Path:
        """A Python that has s2d as it is now, and nothing it does not need: structlog alone grows when it sees rich.

        Raises: Unmeasured: it cannot be installed.
        """
        place = REPOSITORY / ".venv-bench-s2d"
        mark = place / "installed"
        installed_at = mark.stat().st_mtime if mark.exists() and not self.is_fresh else 0.0
        newest = max(path.stat().st_mtime for path in _sources())
        if installed_at < newest:
            with _copy_of_sources() as sources:
                python = self._venv(place.name, [str(sources)], is_new=not installed_at)
                if installed_at:
                    self.tell("installing s2d as it is now")
                    _pip(python, "--no-deps", "--force-reinstall", str(sources))
            mark.touch()
            os.utime(mark, (newest, newest))
        return place / "bin" / "python"

    @property
    def s2d(self) -> Path:
        """The command, in its own venv."""
        return self.s2d_python.with_name("s2d")

    def _venv(self, name: str, packages: Sequence[str], is_new: bool) -> Path:
        place = REPOSITORY / name
        python = place / "bin" / "python"
        if is_new or not python.exists():
            self.tell(f"making {name}, which takes a while")
            venv.create(place, clear=True, with_pip=True)
            _pip(python, *packages)
        return python


def versions_of(python: Path | str, packages: Sequence[str]) -> dict[str, str]:
    """Which of *packages* *python* has, and in which version; its own under `python`."""
    code = (
        "import importlib.metadata as m, json, platform, sys\n"
        "have = {d.name.lower(): d.version for d in m.distributions()}\n"
        "names = [n for n in sys.argv[1:] if n in have]\n"
        "print(json.dumps({'python': platform.python_version(), **{n: have[n] for n in names}}))"
    )
    done = subprocess.run([python, "-P", "-c", code, *packages], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Unmeasured(f"{python} does not run: {done.stderr.strip()}")
    found: dict[str, str] = json.loads(done.stdout)
    return found


@contextmanager
def started(command: Sequence[str | Path], name: str, **popen: object) -> Iterator[subprocess.Popen[str]]:
    """*command* as a process while the context lasts; what it says to stderr is shown if the context fails.

    Raises: Unmeasured: the context failed after the process ended by itself.
    """
    with tempfile.TemporaryFile("w+") as said:
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said, "text": True, **popen}
        process = subprocess.Popen([str(each) for each in command], **options)  # type: ignore[call-overload]
        try:
            yield process
        except (Unmeasured, TimeoutError, OSError, ValueError) as exc:
            said.seek(0)
            told = said.read()[-2000:].strip()
            state = "runs" if process.poll() is None else f"ended with {process.returncode}"
            raise Unmeasured(f"{str(exc) or 'timed out'}\n{name} {state}{': ' if told else ''}{told}") from exc
        finally:
            # How it ends is not measured, and to end well it may want an answer of who stands still here meanwhile.
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()


def percentile(values: Sequence[float], percent: int) -> float:
    """The *percent*-th percentile of *values*."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S)
    if done.returncode:
        raise Unmeasured(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


def _sources() -> Iterator[Path]:
    yield REPOSITORY / "pyproject.toml"
    for folder in _OURS:
        yield from (path for path in (REPOSITORY / folder).rglob("*") if "__pycache__" not in path.parts)


@contextmanager
def _copy_of_sources() -> Iterator[Path]:
    """pip builds beside the sources, and what was built once stays in the next wheel; so it gets a copy."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "s2d"
        copy.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            if (REPOSITORY / name).exists():
                shutil.copy(REPOSITORY / name, copy)
        for folder in _OURS:
            shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
        yield copy

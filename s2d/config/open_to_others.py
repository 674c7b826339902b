"""Files open to others: who can write to the configuration decides what the hardware does."""

import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..driver import AnyDriver
from ..errors import Problem
from .driver_discovery import AdaptedDriver

_HINT = "Who writes there decides what your devices do. Run: chmod o-w {}"


def files_open_to_others(folder: Path, names: Iterable[str], *, shared: Iterable[str] = ()) -> Iterator[Problem]:
    """Warnings of what anybody may write to, of *names* in *folder*; *shared* are folders in which any file is used."""
    seen: set[Path] = set()
    for name in (*names, *shared):
        path = folder / name
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # said elsewhere, if it is needed
        # In a folder with the sticky bit, such as /tmp, others add files and change none.
        is_safe = stat.S_ISDIR(mode) and mode & stat.S_ISVTX and name not in shared
        if mode & stat.S_IWOTH and not is_safe:
            what = f"may be written to by anybody (mode {stat.S_IMODE(mode):03o})"
            yield Problem(str(path) if name == "." else name, 0, 0, "", what, _HINT.format(path))


def local_driver_files(drivers: Iterable[type[AnyDriver]]) -> Iterator[Path]:
    """The files of those of *drivers* that were not installed as a package, and their folders."""
    for driver in dict.fromkeys(drivers):
        shape = driver.shape if issubclass(driver, AdaptedDriver) else driver
        file = getattr(sys.modules.get(shape.__module__), "__file__", None)
        if file and "site-packages" not in file:
            yield from (Path(file), Path(file).parent)

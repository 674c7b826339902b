"""A regular file, read whole: nothing that never ends, that waits for somebody to write, or that is too large."""

import os
import stat
from pathlib import Path

MOST_BYTES = 2**20
"""Of a file that its owner writes; the largest profile has a twentieth of it."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnfitFile(OSError):
    """A file that is none to be read whole; its `strerror` says why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(None, why, str(path))


def contents_of(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """What stands in the file *path*; returns at once, whatever is there.

    Raises: OSError: it cannot be read. UnfitFile: it is no regular file, or larger than *most_bytes*.
    """
    _check(path, os.stat(path))  # to open some devices is to have them do something
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with open(descriptor, "rb") as file:
        _check(path, os.fstat(descriptor))
        contents = file.read(most_bytes + 1)
    if len(contents) > most_bytes:
        raise UnfitFile(path, f"it is larger than {most_bytes // 2**20} MiB")
    return contents


def is_missing(path: Path) -> bool:
    """Whether it is certain that there is nothing at *path*; in a folder that is closed to us something may be."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise UnfitFile(path, f"it is {kind}, not a regular file")

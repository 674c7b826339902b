"""State files: for their owner alone, and on the disk when a call returns.

What root makes belongs to the owner of the folder, or the service could not use it afterwards.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ..errors import ConfigError, Problem


def replace(path: Path, content: bytes) -> None:
    """Has *path* hold *content*, whole or not at all, whatever happens to the power.

    Raises: OSError: it is as it was.
    """
    make_folder(path.parent)
    beside = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(opened(beside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(content)
            _sync(file)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def append(path: Path, line: bytes) -> bool:
    """Adds *line* to *path*, which comes to be if there is none; others may add to it at the same time.

    Returns whether it is the first. Raises: OSError: it may be there in part.
    """
    make_folder(path.parent)
    with os.fdopen(opened(path, os.O_RDWR | os.O_APPEND), "a+b") as file:
        is_first = file.seek(0, os.SEEK_END) == 0
        file.write((b"" if is_first or _ends(file) else b"\n") + line)
        _sync(file)
    if is_first:
        _sync_folder(path.parent)
    return is_first


def make_folder(folder: Path) -> None:
    """Makes *folder*, and those above it, unless they are there. Raises: OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return  # made meanwhile; or it is no folder, as whoever uses it will hear
    if os.geteuid() == 0:
        above = folder.parent.stat()
        os.chown(folder, above.st_uid, above.st_gid)
    _sync_folder(folder.parent)


def opened(path: Path, flags: int) -> int:
    """The descriptor of *path*, which comes to be if there is none. Raises: OSError."""
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def try_out(folder: Path) -> None:
    """Finds out whether there can be a new file in *folder*, and leaves nothing behind. Raises: OSError."""
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    with TemporaryDirectory(dir=there, prefix=".s2d-"):
        pass


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raises: ConfigError: instead of the OSError that *path* gave meanwhile."""
    try:
        yield
    except OSError as exc:
        hint = "Make it writable for the user s2d runs as, or set gateway: state_dir"
        raise ConfigError([Problem(str(path), 0, 0, "", f"cannot be used: {reason_of(exc)}", hint)]) from exc


def reason_of(exc: OSError) -> str:
    """Why, in the words of the system."""
    return exc.strerror or str(exc)


def _ends(file: BinaryIO) -> bool:
    """Whether the last line of *file* is complete; if it was cut off, by a full disk say, it would swallow the next."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

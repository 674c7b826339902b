"""The lock of a state directory: of all who would drive its devices for long, one at a time.

The kernel gives it back with the process, however that ends. Spec: flock(2).
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import LockHeld
from . import state_file
from .regular_file import is_missing

LOCK = "lock"
_PAUSE_S = 0.05
_MOST_PAUSES = 20


@contextmanager
def held(state_dir: Path, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """The lock of *state_dir*, which comes to be if there is none, while the context lasts.

    Who only looks has it for a moment, which a *pause* gives him.

    Raises: LockHeld: by another process. ConfigError: the directory cannot be used.
    """
    path = state_dir / LOCK
    with state_file.explained(path):
        state_file.make_folder(state_dir)
        descriptor = _opened(path)
    try:
        with state_file.explained(path):
            if not _is_ours(descriptor, pause):
                raise LockHeld(str(path), _holder(descriptor))
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def holder_of(state_dir: Path) -> str:
    """Who has the lock of *state_dir*, in words; empty if nobody has.

    Raises: OSError: that cannot be told.
    """
    try:
        descriptor = os.open(state_dir / LOCK, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        return "" if _is_given(descriptor, fcntl.LOCK_SH) else _holder(descriptor)
    finally:
        os.close(descriptor)


def is_nobodys(state_dir: Path) -> bool:
    """Whether nobody can have the lock of *state_dir*, as there is none, though it cannot be had."""
    return is_missing(state_dir / LOCK)


def try_out(state_dir: Path) -> None:
    """Finds out whether there can be a lock in *state_dir*, and leaves it alone.

    Raises: ConfigError: there cannot.
    """
    path = state_dir / LOCK
    with state_file.explained(path):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except FileNotFoundError:
            state_file.try_out(state_dir)


def _opened(path: Path) -> int:
    try:
        return state_file.opened(path, os.O_RDWR)
    except OSError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)  # on a disk that became read-only it can be had all the same


def _is_ours(descriptor: int, pause: Callable[[float], None]) -> bool:
    for _ in range(_MOST_PAUSES):
        if _is_given(descriptor, fcntl.LOCK_EX):
            return True
        if not _is_given(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        pause(_PAUSE_S)
    return False


def _is_given(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int) -> None:
    with suppress(OSError):  # a full disk is no reason not to work
        os.ftruncate(descriptor, os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0))


def _holder(descriptor: int) -> str:
    pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return f"process {pid}" if pid.isdigit() else "another process"

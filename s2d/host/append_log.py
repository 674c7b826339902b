"""Append-only logs: lines are only ever added, by several processes if need be, and outlive whatever ends these."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from ..errors import StoreError
from . import state_file
from .disk import AtOnce, Disk, answer_of


class AppendLog(Protocol):
    """An append-only log: lines, the oldest first. Its `str` says where it is, for people."""

    def news(self) -> list[bytes]:
        """The complete lines that were added since the last call, by whomever; at first all. Raises: StoreError."""
        ...

    def all(self) -> list[bytes]:
        """Every line with its end, which the last may lack: it was cut off, or is being added. Raises: StoreError."""
        ...

    async def add(self, line: str) -> None:
        """Has *line*, given with its end, kept by the time this is done.

        Raises: StoreError: it is not kept; or the disk takes its time, and it may be yet.
        """
        ...

    def replace(self, lines: Sequence[str]) -> None:
        """Keeps *lines* and none but these; what another process adds meanwhile may be lost. Raises: StoreError."""
        ...


class MemoryLog:
    """A log that is forgotten with the process."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._read_to = 0

    def __str__(self) -> str:
        return "memory"

    def news(self) -> list[bytes]:
        news = self._lines[self._read_to :]
        self._read_to = len(self._lines)
        return news

    def all(self) -> list[bytes]:
        return list(self._lines)

    async def add(self, line: str) -> None:
        self._lines.append(line.encode())

    def replace(self, lines: Sequence[str]) -> None:
        self._lines = [line.encode() for line in lines]
        self._read_to = len(self._lines)


class FileLog:
    """A log in the file *path*, which comes to be with the first line."""

    def __init__(self, path: Path, disk: Disk = AtOnce()) -> None:  # noqa: B008 (immutable)
        self._path = path
        self._disk = disk
        self._read_to = 0
        """So much of the file is known."""

    def __str__(self) -> str:
        return str(self._path)

    def news(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._read_to:
                    self._read_to = 0  # somebody began it anew
                file.seek(self._read_to)
                complete, newline, _ = file.read(size - self._read_to).rpartition(b"\n")
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise self._error(exc) from exc
        self._read_to += len(complete) + len(newline)
        return (complete + newline).splitlines(keepends=True)

    def all(self) -> list[bytes]:
        try:
            return self._path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise self._error(exc) from exc

    async def add(self, line: str) -> None:
        work = partial(state_file.append, self._path, line.encode())
        if await answer_of(self._disk, work, str(self)):
            self._read_to = 0  # somebody removed it

    def replace(self, lines: Sequence[str]) -> None:
        content = "".join(lines).encode()
        try:
            state_file.replace(self._path, content)
        except OSError as exc:
            raise self._error(exc) from exc
        self._read_to = len(content)

    def _error(self, exc: OSError) -> StoreError:
        return StoreError(str(self), state_file.reason_of(exc))

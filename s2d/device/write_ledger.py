"""The ledger of a device: what of its writes must not be forgotten when the process ends, however it ends.

One line for each write of a point whose memory wears out, and for each switching that has to dwell. A line is on the
disk before the write goes to the device; nothing else is ever written to it. Several processes may add lines, as
`s2d write` does beside the daemon. A line that cannot be read counts for nothing.

    2026-06-01T12:00:00+00:00 wrote limit
    2026-06-01T12:00:00+00:00 switched power_setpoint +

Clocks are set, and a Pi starts without knowing the time. So no line is dropped for its date, and what was written
while this process looked on is as old as the clock that never steps says.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID, uuid5

from ..errors import ConfigError, DeviceRefused, Problem
from ..values import Now

LINES_KEPT = 5000
"""The newest; a file of more than twice as many is cut down to these."""
_DAY = timedelta(days=1)
_DAY_S = _DAY.total_seconds()


class _LedgerLine(NamedTuple):
    at: datetime
    verb: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.verb} {self.name} {self.detail}".rstrip() + "\n"


class WriteLedger:
    """The writes of the last day, and the last switchings. Without a *path* they are forgotten with the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._read_to = 0
        """So much of the file is known."""
        self._before: list[_LedgerLine] = []
        """Writes that were in the file when it was opened; only their dates tell when they were."""
        self._looked_since: float | None = None
        self._seen: dict[str, list[float]] = {}
        """When points were written since, on the clock that never steps."""
        self._switched: dict[str, _LedgerLine] = {}

    @classmethod
    def opened(cls, path: Path) -> "WriteLedger":
        """The ledger at *path*, which comes to be when there is something to write.

        Raises: OSError: it cannot be read.
        """
        ledger = cls(path)
        ledger._before = [line for line in ledger._added() if line.verb == "wrote"]
        return ledger

    def tidy(self) -> str:
        """Drops lines that cannot be read, and of far too many the older ones; says what was wrong, if anything.

        What another process adds meanwhile may be lost.
        """
        if self._path is None or not self._path.exists():
            return ""
        flaw = ""
        try:
            written = self._path.read_bytes().splitlines(keepends=True)
            lines = [line for line in map(_line_of, written) if line]
            if unreadable := len(written) - len(lines):
                flaw = f"lines that cannot be read, and count for nothing: {unreadable}"
            if len(lines) > 2 * LINES_KEPT:
                kept = {*lines[-LINES_KEPT:], *self._switched.values()}
                lines = [line for line in lines if line in kept]
            if len(lines) < len(written):
                self._replace(self._path, "".join(map(str, lines)).encode())
        except OSError as exc:
            flaw = f"{flaw or 'it has grown long'}; it stays as it is: {exc.strerror}"
        return f"{self._path}: {flaw}" if flaw else ""

    def writes(self, point: str, now: Now) -> int:
        """How often *point* was written within 24 h; where clocks were set, rather too often than too rarely."""
        self._look(now.mono)
        return sum(line.name == point for line in self._of_the_day(now.utc)) + len(self._seen.get(point, ()))

    def switched(self, command: str) -> tuple[datetime, str] | None:
        """When *command* last switched the device over, and to what."""
        line = self._switched.get(command)
        return (line.at, line.detail) if line else None

    def enter_write(self, point: str, now: Now) -> None:
        """*point* is about to be written.

        Raises: DeviceRefused: that could not be put on the disk.
        """
        if self._path is None:
            self.remember_write(point, now)
        else:
            self._append(self._path, _LedgerLine(now.utc, "wrote", point))
            self._look(now.mono)

    def remember_write(self, point: str, now: Now) -> None:
        """*point* is about to be written; that is known as long as the process lives."""
        self._seen.setdefault(point, []).append(now.mono)

    def enter_switching(self, command: str, direction: str, now: datetime) -> None:
        """*command* is about to switch the device over to *direction*.

        Raises: DeviceRefused: that could not be put on the disk.
        """
        line = _LedgerLine(now, "switched", command, direction)
        if self._path is not None:
            self._append(self._path, line)
        self._switched[command] = line

    def _of_the_day(self, now: datetime) -> Iterator[_LedgerLine]:
        """What may have been written within a day, going by dates. A clock that is behind the last of them is wrong."""
        if self._before:
            last = max(now, self._before[-1].at)
            yield from (each for each in self._before if abs(now - each.at) < _DAY or abs(last - each.at) < _DAY)

    def _look(self, mono: float) -> None:
        """Takes note of the lines that were added, by whomever, and forgets what is older than a day for certain."""
        with suppress(OSError):
            for line in self._added():
                if line.verb == "wrote":
                    self._seen.setdefault(line.name, []).append(mono)
        if self._looked_since is None:
            self._looked_since = mono
        elif mono - self._looked_since >= _DAY_S:
            self._before = []
        for times in self._seen.values():
            times[:] = [at for at in times if mono - at < _DAY_S]

    def _added(self) -> list[_LedgerLine]:
        """What can be read of the complete lines that were not known yet.

        Raises: OSError.
        """
        if self._path is None or not self._path.exists():
            return []
        with self._path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < self._read_to:
                self._read_to = 0  # somebody began it anew
            file.seek(self._read_to)
            complete, newline, _ = file.read(size - self._read_to).rpartition(b"\n")
        self._read_to += len(complete) + len(newline)
        lines = [line for line in map(_line_of, (complete + newline).splitlines(keepends=True)) if line]
        self._switched |= {line.name: line for line in lines if line.verb == "switched"}
        return lines

    def _append(self, path: Path, line: _LedgerLine) -> None:
        """Raises: DeviceRefused."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                is_new = file.seek(0, os.SEEK_END) == 0
                file.write((b"" if is_new or _ends(file) else b"\n") + str(line).encode())
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                self._read_to = 0
                _sync_folder(path.parent)
        except OSError as exc:
            raise DeviceRefused(f"{line.name} cannot be accounted for: {path}: {exc.strerror}") from exc

    def _replace(self, path: Path, content: bytes) -> None:
        """Raises: OSError: the file is as it was."""
        beside = path.with_name(f"{path.name}.new")
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        self._read_to = len(content)
        _sync_folder(path.parent)


def ledger_of(device: str, state_dir: Path, gateway: UUID) -> WriteLedger:
    """The ledger of *device* that is kept in *state_dir*.

    Raises: ConfigError: it cannot be read.
    """
    path = state_dir / "ledgers" / str(uuid5(gateway, device))
    try:
        return WriteLedger.opened(path)
    except OSError as exc:
        hint = "Make it readable and writable for the user s2d runs as"
        raise ConfigError([Problem(str(path), 0, 0, "", f"cannot be used: {exc.strerror}", hint)]) from exc


def _line_of(written: bytes) -> _LedgerLine | None:
    """None: it cannot be read, or was cut off."""
    at, _, said = written.decode(errors="replace").partition(" ")
    parts = said.rstrip("\n").split(" ", 2)
    if not written.endswith(b"\n") or len(parts) < 2 or parts[0] not in ("wrote", "switched"):
        return None
    try:
        line = _LedgerLine(datetime.fromisoformat(at), *parts)
    except ValueError:
        return None
    return line if line.at.tzinfo else None


def _ends(file: BinaryIO) -> bool:
    """Whether the last line of *file* is complete; if it was cut off, by a full disk say, it would swallow the next."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

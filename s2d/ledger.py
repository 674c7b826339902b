"""The ledger of a device: what of its writes must not be forgotten when the process ends, however it ends.

One line for each write of a point whose memory wears out, and for each switching that has to dwell. A line is on the
disk before the write goes to the device; nothing else is ever written to it.

    2026-06-01T12:00:00+00:00 wrote limit
    2026-06-01T12:00:00+00:00 switched power_setpoint +
"""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from .errors import DeviceRefused

_DAY = timedelta(days=1)


class _Line(NamedTuple):
    at: datetime
    verb: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.verb} {self.name} {self.detail}".rstrip() + "\n"


class Ledger:
    """The writes of the last day, and the last switchings. Without a *path* they are forgotten with the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._wrote: dict[str, list[datetime]] = {}
        self._switched: dict[str, _Line] = {}

    @classmethod
    def opened(cls, path: Path) -> "Ledger":
        """The ledger at *path*, which comes to be when there is something to write.

        Lines that say nothing any more are dropped, as is a last one that was cut off.

        Raises: OSError: it cannot be read.
        """
        ledger = cls(path)
        try:
            written = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ledger
        for line in filter(None, map(_line_of, written.splitlines(keepends=True))):
            ledger._note(line)
        ledger._compact(written)
        return ledger

    def writes(self, point: str, now: datetime) -> int:
        """How often *point* was written within 24 h of *now*; before or after, as clocks are set."""
        return sum(abs(now - at) < _DAY for at in self._wrote.get(point, ()))

    def switched(self, command: str) -> tuple[datetime, str] | None:
        """When *command* last switched the device over, and to what."""
        line = self._switched.get(command)
        return (line.at, line.detail) if line else None

    def enter_write(self, point: str, now: datetime) -> None:
        """*point* is about to be written.

        Raises: DeviceRefused: that could not be put on the disk, so it must not be.
        """
        self._enter(_Line(now, "wrote", point))

    def enter_switching(self, command: str, direction: str, now: datetime) -> None:
        """*command* is about to switch the device over to *direction*.

        Raises: DeviceRefused: that could not be put on the disk, so it must not be.
        """
        self._enter(_Line(now, "switched", command, direction))

    def _enter(self, line: _Line) -> None:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                is_new = not self._path.exists()
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(str(line))
                    file.flush()
                    os.fsync(file.fileno())
                if is_new:
                    _sync_folder(self._path.parent)
            except OSError as exc:
                raise DeviceRefused(
                    f"{line.name} must not be written unaccounted: {self._path}: {exc.strerror}"
                ) from exc
        self._note(line)

    def _note(self, line: _Line) -> None:
        if line.verb == "switched":
            self._switched[line.name] = line
        else:
            known = self._wrote.setdefault(line.name, [])
            known[:] = [at for at in known if abs(line.at - at) < _DAY] + [line.at]

    def _compact(self, written: str) -> None:
        assert self._path is not None
        lines = [_Line(at, "wrote", point) for point, times in self._wrote.items() for at in times]
        kept = "".join(map(str, sorted([*lines, *self._switched.values()])))
        if kept == written:
            return
        beside = self._path.with_name(f"{self._path.name}.new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(kept)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        _sync_folder(self._path.parent)


def _line_of(written: str) -> _Line | None:
    at, _, said = written.partition(" ")
    parts = said.rstrip("\n").split(" ", 2)
    if not written.endswith("\n") or len(parts) < 2 or parts[0] not in ("wrote", "switched"):
        return None
    try:
        return _Line(datetime.fromisoformat(at), *parts)
    except (ValueError, TypeError):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

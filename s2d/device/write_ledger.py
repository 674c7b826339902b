"""The write ledger of a device: the writes that must not be forgotten when the process ends, however it ends.

One line for each write of a point whose memory wears out, and for each switching that has to dwell. A line is on the
disk before the write goes to the device; nothing else is ever written to it. Several processes may add lines, as
`s2d write` does beside the daemon. A line that cannot be read counts for nothing.

    2026-06-01T12:00:00+00:00 wrote limit
    2026-06-01T12:00:00+00:00 switched power_setpoint +

Clocks are set, and a Pi starts without knowing the time. So no line is dropped for its date, and what was written
while this process looked on is as old as the clock that never steps says.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from ..errors import ConfigError, DeviceRefused, Problem, StoreError
from ..host.append_log import AppendLog, MemoryLog
from ..host.store import Store
from ..values import Now

LINES_KEPT = 5000
"""The newest; a file of more than twice as many is cut down to these."""
_DAY = timedelta(days=1)
_DAY_S = _DAY.total_seconds()


class _LedgerLine(NamedTuple):
    """A line of the ledger."""

    at: datetime
    verb: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.verb} {self.name} {self.detail}".rstrip() + "\n"


class WriteLedger:
    """The writes of the last day, and the last switchings, kept in *log*; by default forgotten with the process."""

    def __init__(self, log: AppendLog | None = None) -> None:
        self._log = log or MemoryLog()
        self._before: list[_LedgerLine] = []
        """Writes that were in the log when it was opened; only their dates tell when they were."""
        self._looked_since: float | None = None
        self._seen: dict[str, list[float]] = {}
        """When points were written since, on the clock that never steps."""
        self._switched: dict[str, _LedgerLine] = {}

    @classmethod
    def opened(cls, log: AppendLog) -> "WriteLedger":
        """The ledger kept in *log*.

        Raises: StoreError: it cannot be read.
        """
        ledger = cls(log)
        ledger._before = [line for line in ledger._added() if line.verb == "wrote"]
        return ledger

    def tidy(self) -> str:
        """Drops lines that cannot be read, and of far too many the older ones; says what was wrong, if anything.

        What another process adds meanwhile may be lost.
        """
        flaw = ""
        try:
            written = self._log.all()
            lines = [line for line in map(_line_of, written) if line]
            if unreadable := len(written) - len(lines):
                flaw = f"lines that cannot be read, and count for nothing: {unreadable}"
            if len(lines) > 2 * LINES_KEPT:
                kept = {*lines[-LINES_KEPT:], *self._switched.values()}
                lines = [line for line in lines if line in kept]
            if len(lines) < len(written):
                self._log.replace([str(line) for line in lines])
        except StoreError as exc:
            flaw = f"{flaw or 'it has grown long'}; it stays as it is: {exc.reason}"
        return f"{self._log}: {flaw}" if flaw else ""

    def writes(self, point: str, now: Now) -> int:
        """How often *point* was written within 24 h; where clocks were set, rather too often than too rarely."""
        self._catch_up(now.mono)
        return sum(line.name == point for line in self._of_the_day(now.utc)) + len(self._seen.get(point, ()))

    def switched(self, command: str) -> tuple[datetime, str] | None:
        """When *command* last switched the device over, and to what."""
        line = self._switched.get(command)
        return (line.at, line.detail) if line else None

    async def record_write(self, point: str, now: Now) -> None:
        """*point* is about to be written.

        Raises: DeviceRefused: that could not be put on the disk.
        """
        await self._add(_LedgerLine(now.utc, "wrote", point))
        self._catch_up(now.mono)

    def count_write(self, point: str, now: Now) -> None:
        """*point* is about to be written; that is known as long as the process lives."""
        self._seen.setdefault(point, []).append(now.mono)

    async def record_switching(self, command: str, direction: str, now: datetime) -> None:
        """*command* is about to switch the device over to *direction*.

        Raises: DeviceRefused: that could not be put on the disk.
        """
        line = _LedgerLine(now, "switched", command, direction)
        await self._add(line)
        self._switched[command] = line

    def _of_the_day(self, now: datetime) -> Iterator[_LedgerLine]:
        """What may have been written within a day, going by dates. A clock that is behind the last of them is wrong."""
        if self._before:
            last = max(now, self._before[-1].at)
            yield from (each for each in self._before if abs(now - each.at) < _DAY or abs(last - each.at) < _DAY)

    def _catch_up(self, mono: float) -> None:
        """Takes note of the lines that were added, by whomever, and forgets what is older than a day for certain."""
        with suppress(StoreError):
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
        """What can be read of the lines that were not known yet.

        Raises: StoreError.
        """
        lines = [line for line in map(_line_of, self._log.news()) if line]
        self._switched |= {line.name: line for line in lines if line.verb == "switched"}
        return lines

    async def _add(self, line: _LedgerLine) -> None:
        """Raises: DeviceRefused."""
        try:
            await self._log.add(str(line))
        except StoreError as exc:
            raise DeviceRefused(f"{line.name} cannot be accounted for: {exc}") from exc


def ledger_of(device: str, store: Store, gateway: UUID) -> WriteLedger:
    """The ledger of *device* that is kept in *store*.

    Raises: ConfigError: it cannot be read.
    """
    try:
        return WriteLedger.opened(store.log("ledgers", uuid5(gateway, device)))
    except StoreError as exc:
        hint = "Make it readable and writable for the user s2d runs as"
        raise ConfigError([Problem(exc.where, 0, 0, "", f"cannot be used: {exc.reason}", hint)]) from exc


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

"""The write saver of a device: does not write what a point holds already, and seldom what wears out.

It remembers what points hold, as long as nothing casts doubt on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from msgspec.structs import replace

from ..driver import PointSettings
from ..errors import BadReading, DeviceRefused, DeviceUnreachable
from ..host.log import Logger
from ..quantities import factor_of
from ..values import Clock, Reading, Setpoint, Value
from .command_plan import Plan, Wait, Write, direction_of
from .opened_device import OpenedDevice
from .write_ledger import WriteLedger

RESERVE = 10
"""So many more writes a day memory that wears out may take to bring the device to safety."""


@dataclass(slots=True)
class Tally:
    """Counts of what was done since the start."""

    commands: int = 0
    refreshes: int = 0
    writes: int = 0
    """Requests to the device, for either."""
    saved: int = 0
    """Writes that were not needed."""
    worn: int = 0
    """Writes to memory that wears out."""


class WriteSaver:
    """The write saver of one device, through all its openings."""

    def __init__(self, ledger: WriteLedger, *, clock: Clock, log: Logger) -> None:
        self.tally = Tally()
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._held: dict[str, Value] = {}
        """What points are known to hold."""
        self._spent: set[str] = set()

    def observe(self, readings: Sequence[Reading], points: Mapping[str, PointSettings]) -> None:
        """Notes where a point does not hold any more what was written."""
        for reading in readings:
            held = self._held.get(reading.point)
            if held is None or reading.value is None or _reads_back_as(points[reading.point], held, reading.value):
                continue
            self._held[reading.point] = reading.value

    def invalidate(self) -> None:
        """What was written may not be there any more."""
        self._held.clear()

    async def write(
        self,
        opened: OpenedDevice,
        write: Write,
        reason: str,
        *,
        may_save: bool = True,
        is_read_first: bool = False,
        is_safe: bool = False,
    ) -> None:
        """Makes sure that the points of *write* hold their values.

        Unless it *may_save* the device is written to in any case, but not in memory that wears out. What *is_safe*
        brings the device to safety, and may be written when too much else was.

        Raises: DeviceRefused: by the device, or because too much was written to such memory. DeviceUnreachable.
        """
        points = opened.make.points
        for name in write.values:
            if name not in points:
                raise DeviceRefused(f"this device has no point {name}")
        worn = _worn(write, points)
        if is_read_first or worn:
            await self._read_unknown(opened, write)
        if (may_save or len(worn) == len(write.values)) and self._holds_all(write, points):
            self.tally.saved += 1
            return
        await self._account(worn, points, is_safe=is_safe)
        first, *others = (Setpoint(name, value, reason) for name, value in write.values.items())
        self.tally.writes += 1
        try:
            await opened.write(first, *others)
        except (DeviceRefused, DeviceUnreachable):
            for name in write.values:
                self._held.pop(name, None)
            raise
        self._held |= write.values

    async def _read_unknown(self, opened: OpenedDevice, write: Write) -> None:
        points = opened.make.points
        unknown = [name for name in write.values if name not in self._held and points[name].is_readable]
        for reading in await opened.read(unknown) if unknown else ():
            if reading.point in unknown and reading.value is not None:
                self._held[reading.point] = reading.value

    def _holds_all(self, write: Write, points: Mapping[str, PointSettings]) -> bool:
        return all(self._holds(points[name], name, value) for name, value in write.values.items())

    def _holds(self, point: PointSettings, name: str, value: Value) -> bool:
        held = self._held.get(name)
        if held is None:
            return False
        if isinstance(held, str) or isinstance(value, str):
            return held == value
        deadband = point.deadband * (factor_of(point.unit) if point.unit else 1.0)
        is_near = abs(held - value) < deadband and direction_of(held) == direction_of(value)
        return is_near or _reads_back_as(point, value, held)

    async def _account(self, worn: list[str], points: Mapping[str, PointSettings], *, is_safe: bool) -> None:
        """Enters the coming write of *worn* points, if all of them may still be written."""
        now = self._clock()
        for name in worn:
            budget, written = points[name].daily_writes, self._ledger.writes(name, now)
            if written >= budget + (RESERVE if is_safe else 0):
                if name not in self._spent:
                    self._spent.add(name)
                    self._log.warning("budget.spent", point=name, daily_writes=budget)
                what = f"{name} is kept in memory that wears out, and was written {written} times within a day"
                raise DeviceRefused(f"{what}; `daily_writes` allows {budget}")
        self.tally.worn += len(worn)
        for name in worn:
            self._spent.discard(name)
            try:
                await self._ledger.record_write(name, now)
            except DeviceRefused as exc:
                if not is_safe:
                    raise
                self._log.warning("ledger.failed", reason=exc.reason)
                self._ledger.count_write(name, now)


def sparing(plan: Plan, points: Mapping[str, PointSettings]) -> Plan:
    """*plan* as a refresh does it: without the requests that would write memory that wears out."""
    return replace(plan, steps=tuple(step for step in plan.steps if isinstance(step, Wait) or not _worn(step, points)))


def _worn(write: Write, points: Mapping[str, PointSettings]) -> list[str]:
    return [name for name in write.values if name in points and points[name].persistent]


def _reads_back_as(point: PointSettings, value: Value, found: Value) -> bool:
    """Whether *found* is what is read after *value* was written, as the raw value has whole steps."""
    if isinstance(value, str | bool) or isinstance(found, str | bool):
        return value == found
    if isclose(value, found, abs_tol=1e-9):
        return True
    try:
        raw = point.raw_of(value)
        stepped = point.value_of(round(raw)) if isinstance(raw, int | float) else raw
    except (DeviceRefused, BadReading):
        return False
    return isinstance(stepped, int | float) and isclose(stepped, found, abs_tol=1e-9)

"""The write saver of a device: does not write what a point holds already, and seldom what wears out.

It remembers what points hold, as long as nothing casts doubt on it. What brings the device to safety is written in any
case, or read first where its memory wears out: "applied" is never but remembered.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import NamedTuple

from msgspec.structs import replace

from ..driver import SETTLE_AT_MOST_S, PointSettings
from ..errors import BadReading, DeviceRefused, DeviceUnreachable
from ..host.log import Logger
from ..quantities import factor_of
from ..values import Clock, Reading, Setpoint, Value
from .command_plan import Plan, Wait, Write, direction_of
from .confirmation import Unseen, seen, swapped_words
from .opened_device import OpenedDevice
from .write_ledger import WriteLedger

LEAST_SHARE_KEPT = 0.5
"""A device that keeps less of what it is told does not do it."""
_MAGNITUDES = ("power", "current", "percentage")
"""Dimensions of what a device may do less of."""
RESERVE = 10
"""So many more writes a day memory that wears out may take to bring the device to safety."""
SAFE_READ_WITHIN_S = 1.0
"""How long what brings the device to safety may wait to hear that it is so already."""


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


class _Held(NamedTuple):
    """What a point is known to hold."""

    value: Value
    """As it was written, or read."""
    reads_as: Value
    """As it is read."""


class _Acknowledged(NamedTuple):
    """A value that the device acknowledged, and that was not seen yet."""

    value: Value
    reads_as: Value
    settled_at: float


class WriteSaver:
    """The write saver of one device, through all its openings."""

    def __init__(self, ledger: WriteLedger, *, clock: Clock, log: Logger) -> None:
        self.tally = Tally()
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._held: dict[str, _Held] = {}
        self._acknowledged: dict[str, _Acknowledged] = {}
        """By point: it may hold that by now."""
        self.stirs = asyncio.Event()
        """Set whenever something else is wanted."""
        self._spent: set[str] = set()

    def observe(self, readings: Sequence[Reading], points: Mapping[str, PointSettings]) -> None:
        """Notes where a point does not hold any more what was written."""
        for reading in readings:
            held = self._held.get(reading.point)
            if held is None or reading.value is None or held.reads_as == reading.value:
                continue
            if not _reads_back_as(points[reading.point], held.value, reading.value):
                self._held[reading.point] = _Held(reading.value, reading.value)

    def invalidate(self) -> None:
        """What was written may not be there any more."""
        self._held.clear()

    def forget(self) -> None:
        """Nothing of what was written is there any more."""
        self._held.clear()
        self._acknowledged.clear()

    def reads_as(self, points: Collection[str]) -> dict[str, Value]:
        """What those of *points* read as that are known to hold what was written."""
        return {name: self._held[name].reads_as for name in points if name in self._held}

    async def write(
        self,
        opened: OpenedDevice,
        write: Write,
        reason: str,
        *,
        may_save: bool = True,
        is_read_first: bool = False,
        is_safe: bool = False,
        scaled: Collection[str] = (),
        is_preempted: Callable[[], bool] = lambda: False,
    ) -> float:
        """Makes sure that the points of *write* hold their values, and has seen that where it can be seen.

        Of what is written to *scaled* points a device may keep half and more: what it rounds to, or the most it can.
        Returns which share it keeps of it all, 0.5 to 1.

        Unless it *may_save* the device is written to in any case, but not in memory that wears out. What *is_safe*
        brings the device to safety, and may be written when too much else was.

        Raises: DeviceRefused: by the device, or because too much was written to such memory. DeviceUnreachable.
        WriteShadowed: the device is only shadowed. Unseen, Preempted: it took it and does not show it yet.
        """
        points = opened.make.points
        for name in write.values:
            if name not in points:
                raise DeviceRefused(f"this device has no point {name}")
        worn = _worn(write, points)
        pending = self._pending(write)
        if pending is None or self._clock().mono >= pending:
            if is_safe:
                for name in write.values:
                    self._held.pop(name, None)
            if is_read_first or worn or pending is not None:
                await self._read_unknown(opened, write, is_safe=is_safe, was_taken=pending is not None)
            may_save |= pending is not None or len(worn) == len(write.values)
            if may_save and self._holds_all(write, points):
                self._forget_acknowledged(write)
                self.tally.saved += 1
                return self._share_kept(write, scaled, points)
            if not opened.is_shadowed:
                await self._account(worn, points, is_safe=is_safe)
            await self._send(opened, write, reason)
        await self._see(opened, write, scaled, is_preempted)
        return self._share_kept(write, scaled, points)

    async def _send(self, opened: OpenedDevice, write: Write, reason: str) -> None:
        """Has the device take *write*."""
        first, *others = (Setpoint(name, value, reason) for name, value in write.values.items())
        self.tally.writes += not opened.is_shadowed
        for name in write.values:
            self._held.pop(name, None)
        self._forget_acknowledged(write)
        reads_as = await opened.write(first, *others)
        for name, value in write.values.items():
            if name in reads_as:
                self._acknowledged[name] = _Acknowledged(value, reads_as[name], opened.settled_at)
            else:
                self._held[name] = _Held(value, value)

    async def _see(
        self, opened: OpenedDevice, write: Write, scaled: Collection[str], is_preempted: Callable[[], bool]
    ) -> None:
        """Looks until the device shows what it took of *write*."""
        taken = {name: self._acknowledged[name] for name in write.values if name in self._acknowledged}
        if not taken:
            return
        reads_as = {name: each.reads_as for name, each in taken.items()}
        until = max(each.settled_at for each in taken.values())
        found = await seen(opened, reads_as, until, clock=self._clock, stirs=self.stirs, is_preempted=is_preempted)
        self._forget_acknowledged(write)
        for name, each in taken.items():
            point, kept = opened.make.points[name], found.get(name)
            is_less = name in scaled and LEAST_SHARE_KEPT <= _share(each.value, kept, point) <= 1.0
            if kept is None or (kept != each.reads_as and not is_less):
                raise DeviceRefused(_not_kept(name, point, each.value, kept, is_scaled=name in scaled))
            self._held[name] = _Held(each.value, kept)

    def _share_kept(self, write: Write, scaled: Collection[str], points: Mapping[str, PointSettings]) -> float:
        held = {name: self._held[name].reads_as for name in write.values if name in scaled and name in self._held}
        shares = (_share(write.values[name], kept, points[name]) for name, kept in held.items())
        return min((share for share in shares if LEAST_SHARE_KEPT <= share < 1.0), default=1.0)

    def has_taken(self, write: Write) -> bool:
        """Whether the device acknowledged *write*, though it does not show it yet."""
        return self._pending(write) is not None

    def _pending(self, write: Write) -> float | None:
        """Until when (monotonic seconds) what the device took of *write* may not show yet; None: it took another."""
        taken = {name: self._acknowledged[name] for name in write.values if name in self._acknowledged}
        if not taken or any(write.values[name] != each.value for name, each in taken.items()):
            return None
        return max(each.settled_at for each in taken.values())

    def _forget_acknowledged(self, write: Write) -> None:
        for name in write.values:
            self._acknowledged.pop(name, None)

    async def _read_unknown(self, opened: OpenedDevice, write: Write, *, is_safe: bool, was_taken: bool) -> None:
        """Reads what *write* is about. What *is_safe* is rather written than waited for, unless it *was_taken*.

        Raises: Unseen: silence, though the device *was_taken* to hold it. DeviceUnreachable: silence.
        """
        points = opened.make.points
        unknown = [name for name in write.values if name not in self._held and points[name].is_readable]
        if not unknown:
            return
        is_hurried = is_safe and not was_taken
        found: Mapping[str, Value] = {}
        try:
            await opened.rested()
            async with asyncio.timeout(SAFE_READ_WITHIN_S if is_hurried else None):
                found = await opened.look(unknown)
        except (TimeoutError, DeviceRefused):
            if not is_hurried:
                raise
        except DeviceUnreachable as exc:
            if was_taken:
                raise Unseen(exc.reason) from exc
            if not is_hurried:
                raise
        for name, value in found.items():
            self._held[name] = _Held(value, value)

    def _holds_all(self, write: Write, points: Mapping[str, PointSettings]) -> bool:
        return all(self._holds(points[name], name, value) for name, value in write.values.items())

    def _holds(self, point: PointSettings, name: str, value: Value) -> bool:
        if name not in self._held:
            return False
        held = self._held[name].value
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


def _not_kept(name: str, point: PointSettings, value: Value, found: Value | None, *, is_scaled: bool) -> str:
    """That *point* does not become *value*, in words, with the way out."""
    if found is None:
        return f"{name}: took {point.shown(value)}, but what it holds cannot be read"
    if reason := swapped_words(name, point, value, found):
        return reason
    what = f"{name}: took {point.shown(value)} but still reads {point.shown(found)}"
    if not is_scaled or not 0 < _share(value, found, point) < LEAST_SHARE_KEPT or isinstance(found, str | bool):
        if point.settle < SETTLE_AT_MOST_S:
            what += f" after {point.settle:g} s. If it shows it later, state a longer `settle`"
        return what
    most, limit = point.shown(abs(found)), "the limit of the device"
    if point.dimension == "power":
        is_discharge = found < 0 or "discharge" in name
        limit = f"`max_{'discharge' if is_discharge else 'charge'}_power: {most}`"
    return f"{what}. If that is the most it can, state {limit}; if it rounds, a `step`"


def _share(value: Value, kept: Value | None, point: PointSettings) -> float:
    """Which share of *value* is *kept*, where *point* is of a kind of which there is more or less; else 0, or 1."""
    if kept == value:
        return 1.0
    if kept is None or isinstance(kept, str | bool) or isinstance(value, str | bool) or not value:
        return 0.0
    share = kept / value
    return 1.0 if isclose(share, 1.0, rel_tol=1e-6) else share if point.dimension in _MAGNITUDES else 0.0


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

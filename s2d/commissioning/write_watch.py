"""The watch kept after a manual write: reads on for as long as the device may take, and says what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from ..device.command_plan import Plan, Write
from ..device.confirmation import swapped_words
from ..errors import DeviceError
from ..quantities import factor_of
from ..rm.kinds.battery.settings import BatterySettings
from ..values import RELEASE, Reading, Setpoint, Value
from .device_visit import DeviceVisit, with_one_retry
from .manual_write import REASON, written_points
from .power_watch import PowerWatch, expected_power
from .table import shown, unit_of

EVERY_S = 1.0
FOLLOW_WITHIN_S = 60.0
"""Where no kind says how long it may take."""
POWER, SOC = "power", "soc"
_NEARLY_FULL, _NEARLY_EMPTY = 95.0, 15.0
"""A state of charge in % beyond which many a battery charges, or discharges, more slowly or not at all."""

_ITS_OWN_IDEA = "it has a limit, or steps, of its own; state `max_charge_power` and `max_discharge_power`, or a `step`"


class WriteOutcome(NamedTuple):
    """The outcome of a manual write, as far as readings show it."""

    is_good: bool
    """It was done as ordered, or nothing tells."""
    sentence: str
    hints: tuple[str, ...] = ()


class WriteWatch:
    """The watch over the device *visit* is at, around a write by *plan* to *point*."""

    def __init__(self, visit: DeviceVisit, point: str, plan: Plan) -> None:
        self._visit = visit
        self._point = point
        self._plan = plan
        settings = visit.config.settings
        settle_s = [each.settle + each.rest for name in written_points(plan) if (each := visit.make.points.get(name))]
        follow_s = settings.follow_within_s if isinstance(settings, BatterySettings) else FOLLOW_WITHIN_S
        self._settle_s = float(max(settle_s, default=0.0))
        self._longest_s = self._settle_s + float(follow_s)
        measured = visit.make.points.get(POWER) or visit.make.computed.get(POWER)
        self._is_power_mixed = measured is not None and measured.includes_others
        is_told = measured is not None and POWER in visit.names and not self._is_power_mixed
        self._expected = expected_power(point, plan.value, settings) if is_told else None
        self._reads_back = point in visit.names and point not in visit.make.commands and plan.value != RELEASE
        self._names = [name for name in dict.fromkeys((POWER, SOC, point)) if name in visit.names]
        self._before: dict[str, Reading] = {}
        self._newest: dict[str, Reading] = {}
        self._kept_at_first: Value | None = None
        self._trouble = ""

    async def look_before(self) -> None:
        """Reads how the device stands before the write.

        Raises: DeviceUnreachable: it did not answer.
        """
        if self._names:
            readings = await with_one_retry(lambda: self._visit.read(self._names))
            self._before = {reading.point: reading for reading in readings}

    async def keep(self, remind: Callable[[], Awaitable[None]], tell: Callable[[str], None]) -> WriteOutcome:
        """Reads on until it is clear what came of the write, or time is over; *tell* hears of the progress.

        *remind* tells a device again what it forgets by itself.
        """
        began_at = self._visit.clock().mono
        power = self._power_watch(began_at)
        while True:
            await self._look(remind)
            if power and (reading := self._newest.get(POWER)) and reading.value is not None:
                power.observe(reading)
            is_decided = power is None or power.is_followed or power.contradiction is not None
            left_s = began_at + self._longest_s - self._visit.clock().mono
            if is_decided or left_s <= 0:
                return self._outcome(power)
            tell(f"{power.sentence} ({left_s:.0f} s to go; Ctrl-C ends the watch)" if power else "")
            await asyncio.sleep(EVERY_S)

    def _power_watch(self, now: float) -> PowerWatch | None:
        if self._expected is None:
            return None
        before = self._before.get(POWER)
        before_w = before.number if before and before.value is not None else None
        return PowerWatch(self._expected, before_w, now + self._settle_s)

    async def _look(self, remind: Callable[[], Awaitable[None]]) -> None:
        self._trouble = ""
        looked_at = self._visit.clock().mono
        try:
            await remind()
            readings = await self._visit.read(self._names) if self._names else []
        except DeviceError as exc:
            self._trouble = exc.reason
            return
        self._newest = {
            reading.point: reading if reading.at is not None else replace(reading, at=looked_at) for reading in readings
        }
        if self._kept_at_first is None:
            self._kept_at_first = self._kept

    @property
    def _kept(self) -> Value | None:
        """What was written, as it reads back now; None where it does not."""
        reading = self._newest.get(self._point)
        return reading.value if reading and self._reads_back else None

    def _outcome(self, power: PowerWatch | None) -> WriteOutcome:
        if self._trouble:
            trouble = self._visit.opened.explained(self._trouble)
            return WriteOutcome(False, f"whether it follows is not known: {trouble}")
        kept, first = self._kept, self._kept_at_first
        if kept is not None and first is not None and not self._are_alike(kept, first):
            if reason := swapped_words(self._point, self._visit.make.points[self._point], first, kept):
                return WriteOutcome(False, reason)
            what = f"{self._point} was {self._in_unit(first)} and became {self._in_unit(kept)} by itself"
            return WriteOutcome(False, f"{what}: another controller or the app writes it, or the device forgot it")
        if kept is not None and not self._are_alike(kept, self._plan.value):
            what = f"it keeps {self._in_unit(kept)} instead of {self._in_unit(self._plan.value)}"
            if not isinstance(kept, str | bool):
                what += f": {_ITS_OWN_IDEA}"
            seen = (power.sentence,) if power else ()
            return WriteOutcome(False, what, (*seen, *self._other_readings()))
        if power is None:
            return WriteOutcome(True, self._untold(kept))
        if power.is_followed:
            return WriteOutcome(True, power.sentence)
        if power.contradiction:
            return WriteOutcome(False, power.sentence, (self._sign_hint(),))
        return WriteOutcome(False, power.sentence, tuple(self._hints(power, kept)))

    def _untold(self, kept: Value | None) -> str:
        """What is known where no power tells whether it follows."""
        if self._plan.value == RELEASE:
            return "given back: the device does as it likes"
        if self._is_power_mixed:
            why = "its power holds sun or load as well"
        elif POWER in self._visit.names:
            why = f"power says nothing about {self._point}"
        else:
            why = "it tells no power of its own"
        return f"{'it reads back so; ' if kept is not None else ''}{why}: look at the device whether it follows"

    def _sign_hint(self) -> str:
        written = self._visit.make.points.get(self._point)
        at_power = "at power, if its display shows the opposite"
        if written is None or self._point in self._visit.make.commands:
            return f"look at the signs in the steps of the command {self._point}; or turn `invert` {at_power}"
        return f"try `invert: {'false' if written.invert else 'true'}` at {self._point}; or turn it {at_power}"

    def _hints(self, power: PowerWatch, kept: Value | None) -> list[str]:
        hints = []
        if kept is not None and power.is_still:
            what = f"{self._point} reads back {self._in_unit(kept)}"
            hints.append(f"{what}: the device took the value and does not act on it")
        hints += self._other_readings()
        soc = self._newest.get(SOC)
        expected = self._expected
        if soc and soc.value is not None and expected:
            if expected.least_w > 0 and soc.number >= _NEARLY_FULL:
                hints.append(f"the state of charge is {soc.number:g} %: nearly full, it charges slowly or not at all")
            if expected.most_w < 0 and soc.number <= _NEARLY_EMPTY:
                hints.append(f"the state of charge is {soc.number:g} %: nearly empty, it may not discharge")
        return hints

    def _other_readings(self) -> Iterator[str]:
        """What was written, as a device may have read it that takes words in another order."""
        writes = [step for step in self._plan.steps if isinstance(step, Write)]
        for name, value in ((name, value) for write in writes for name, value in write.values.items()):
            if other := self._visit.tap.other_reading_of(Setpoint(name, value, REASON)) if self._visit.tap else "":
                what = f"{name} {shown(value)} {unit_of(self._visit, name)}".rstrip()
                yield f"the words of {what} read {other}: if the device wants them so, say it with `write_order`"

    def _are_alike(self, one: Value, other: Value) -> bool:
        """Whether they are the same but for the steps in which the device counts."""
        if isinstance(one, str | bool) or isinstance(other, str | bool):
            return one == other
        point = self._visit.make.points[self._point]
        step = abs(point.scale) * (factor_of(point.unit) if point.unit else 1.0)
        return abs(one - other) <= max(step, 0.001 * abs(other))

    def _in_unit(self, value: Value) -> str:
        return f"{shown(value)} {unit_of(self._visit, self._point)}".rstrip()

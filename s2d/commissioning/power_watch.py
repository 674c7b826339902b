"""Power watched after a manual write: what its readings say of whether the device does as it was told. Pure."""

from math import inf
from typing import NamedTuple

from msgspec import Struct

from ..rm.kinds.battery.contrary_power import ContraryPower
from ..rm.kinds.battery.settings import BatterySettings
from ..values import RELEASE, Reading, Value

_IDLE_BELOW_W = 25.0
"""Where no kind says what is idle."""
_MOVED_SHARE = 0.1
"""Of the change that was ordered: less is noise."""


class ExpectedPower(NamedTuple):
    """The power that a device is expected to come to."""

    least_w: float
    most_w: float
    words: str
    """What was ordered."""
    ordered_w: float | None = None
    """None for a limit, or a mode."""
    tolerance_w: float = 50.0

    def is_met_by(self, power_w: float) -> bool:
        return self.least_w - self.tolerance_w <= power_w <= self.most_w + self.tolerance_w


def expected_power(point: str, value: Value, settings: Struct | None) -> ExpectedPower | None:
    """The power that writing *value* to *point* is to lead to; None if it need not lead to any.

    *settings*: of the kind of the device, if it has one.
    """
    battery = settings if isinstance(settings, BatterySettings) else None
    if value == RELEASE:
        return None
    if point == "mode":
        idle_w = battery.idle_below_w if battery else _IDLE_BELOW_W
        ends = {"idle": (-idle_w, idle_w), "charge": (idle_w, inf), "discharge": (-inf, -idle_w)}.get(str(value))
        return ExpectedPower(*ends, str(value), tolerance_w=0.0) if ends else None
    if isinstance(value, str | bool):
        return None
    tolerance_w = battery.tolerance_w if battery else max(50.0, 0.05 * abs(value))
    match point:
        case "power_setpoint":
            return ExpectedPower(value, value, f"{value:.0f} W", value, tolerance_w)
        case "charge_limit":
            return ExpectedPower(-inf, value, f"to charge with {value:.0f} W at most", None, tolerance_w)
        case "discharge_limit":
            return ExpectedPower(-value, inf, f"to discharge with {value:.0f} W at most", None, tolerance_w)
    return None


class PowerWatch:
    """The power since a write, reading by reading."""

    def __init__(self, expected: ExpectedPower, before_w: float | None, settled_at: float) -> None:
        """*before_w*: what it was before; *settled_at*: when (monotonic seconds) the write must have shown."""
        self._expected = expected
        self._before_w = before_w
        self._settled_at = settled_at
        self._contrary: ContraryPower | None = None
        if expected.ordered_w is not None and before_w is not None:
            self._contrary = ContraryPower(expected.ordered_w, before_w, expected.tolerance_w)
        self._newest: Reading | None = None
        self._met_in_a_row = 0

    def observe(self, power: Reading) -> None:
        """Takes a reading of the power, which has a value."""
        if self._newest and self._newest.at == power.at:
            return
        self._newest = power
        self._met_in_a_row = self._met_in_a_row + 1 if self._expected.is_met_by(power.number) else 0
        if self._contrary:
            self._contrary.observe(power)

    @property
    def is_followed(self) -> bool:
        """Whether the last two readings show what was ordered."""
        return self._met_in_a_row >= 2

    @property
    def contradiction(self) -> str | None:
        """What the readings say against the order itself, in words."""
        return self._contrary.seen_since(self._settled_at) if self._contrary else None

    @property
    def is_still(self) -> bool:
        """Whether the power is as it was before."""
        if self._newest is None or self._before_w is None:
            return False
        change_w, moved_w = self._changes_w(self._newest.number, self._before_w)
        return abs(moved_w) < max(_IDLE_BELOW_W, _MOVED_SHARE * abs(change_w))

    def _changes_w(self, power_w: float, before_w: float) -> tuple[float, float]:
        """By how much the power has to change to be as expected, and by how much it has."""
        wanted_w = min(max(power_w, self._expected.least_w), self._expected.most_w)
        return wanted_w - before_w, power_w - before_w

    @property
    def sentence(self) -> str:
        """What came of it, as far as it was seen."""
        if self._newest is None:
            return "power was not read since, so whether it follows is not known"
        power_w, expected = self._newest.number, self._expected
        now = f"power is {power_w:.0f} W, ordered: {expected.words}"
        if self.is_followed:
            was_so = self._before_w is not None and expected.is_met_by(self._before_w)
            return f"it follows: {now}{', as it did before: that proves little' if was_so else ''}"
        if contradiction := self.contradiction:
            return f"it does the contrary: {contradiction}"
        if self._before_w is None:
            return f"it does not follow: {now}"
        change_w, moved_w = self._changes_w(power_w, self._before_w)
        if self.is_still:
            return f"nothing moved: {now}, {self._before_w:.0f} W it was before"
        if moved_w * change_w > 0 and abs(moved_w) < abs(change_w):
            return f"it follows partly: {now}"
        return f"it does not follow: {now}, {self._before_w:.0f} W it was before"

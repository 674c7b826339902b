"""Contrary power: readings of a battery that takes where it was ordered to give, or gives where it was to take. Pure.

It is no delay then: a sign is inverted, of the power that is read or of the one that is written.
"""

from ....values import Reading


class ContraryPower:
    """The contrary power of one order, as far as it was read in a row."""

    def __init__(self, ordered_w: float, before_w: float, tolerance_w: float) -> None:
        """*before_w*: the power when it was ordered."""
        self._ordered_w = ordered_w
        self._before_w = before_w
        self._tolerance_w = tolerance_w
        self._seen: tuple[Reading, ...] = ()
        """The newest, two at most."""

    def observe(self, power: Reading) -> None:
        """Takes the newest reading of the power."""
        if self._seen and self._seen[-1].at == power.at:
            return
        self._seen = (*self._seen[-1:], power) if self._is_contrary(power.number) else ()

    def seen_since(self, since: float) -> str | None:
        """What two readings in a row, true since then (monotonic seconds), have shown, in words; None: nothing."""
        shown = [reading for reading in self._seen if reading.at is not None and reading.at >= since]
        if len(shown) < 2:
            return None
        to_do, done = ("take", "gives") if self._ordered_w > 0 else ("give", "takes")
        what = f"it was to {to_do} {abs(self._ordered_w):.0f} W and {done} {abs(shown[-1].number):.0f} W"
        return f"{what}, {self._before_w:.0f} W before: the sign of what is read or of what is written may be inverted"

    def _is_contrary(self, power_w: float) -> bool:
        """Whether it has the other sign, and has gone the other way by half of what was ordered."""
        if power_w * self._ordered_w >= 0 or abs(power_w) <= self._tolerance_w:
            return False
        ordered_change_w, change_w = self._ordered_w - self._before_w, power_w - self._before_w
        return change_w * ordered_change_w < 0 and abs(change_w) >= abs(ordered_change_w) / 2

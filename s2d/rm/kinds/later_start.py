"""The later start of what a contact has cut off: it is left to itself again, but not before its time.

What wears has to rest first, what was shed under abnormal conditions stays so for two hours, and the devices of a
street do not start at once. Pure.
"""

from collections.abc import Iterable
from math import inf

from ...values import RELEASE, Now, Setpoint
from .kept_values import KeptValues

ON = "on"
"""The point by which a device is told whether it may run."""
SHED_FOR_S = 7200.0
_SHED_AT = "shed_at"
_STARTS = (True, RELEASE)
"""What starts it: what is given back to itself runs as it likes."""


class LaterStart:
    """The later start of one device. When it was shed is kept."""

    def __init__(self, kept: KeptValues, *, own_s: float = 0.0) -> None:
        """*own_s*: so much after all the others it starts."""
        self.at = inf
        """When (monotonic seconds) it starts; infinite while nothing waits."""
        self._kept = kept
        self._own_s = own_s
        self._setpoints: list[Setpoint] = []

    def order(self, now: Now, *, is_shed: bool) -> None:
        """Something is ordered of it; *is_shed*: to be off, under abnormal conditions."""
        self.at = inf
        if is_shed:
            self._kept.put_instant(_SHED_AT, now.mono, is_urgent=True)
        else:
            self._kept.drop(_SHED_AT)

    def defer(
        self, setpoints: Iterable[Setpoint], not_before: float, now: Now, *, is_on: bool | None, is_last: bool = False
    ) -> list[Setpoint]:
        """Of *setpoints*, which leave it to itself, those to write by now: what starts it too soon is written later.

        *not_before* (monotonic seconds): when it has rested for long enough. *is_last*: nobody is there later.
        """
        self.at = inf
        setpoints = list(setpoints)
        if is_on or not any(each.point == ON and each.value in _STARTS for each in setpoints):
            return setpoints
        shed_until = self._kept.instants.get(_SHED_AT, -inf) + SHED_FOR_S
        at = max(now.mono + (0.0 if is_last else self._own_s), not_before, shed_until)
        if at <= now.mono:
            return setpoints
        self.at, self._setpoints = at, [each for each in setpoints if each.point == ON]
        return [each for each in setpoints if each.point != ON]

    def drop(self) -> None:
        """It does not start any more, or has."""
        self.at = inf

    def take(self, now: Now) -> list[Setpoint]:
        """What starts it, once it is time; empty before that."""
        if now.mono < self.at:
            return []
        self.at = inf
        self._kept.drop(_SHED_AT)
        return self._setpoints

"""The plug-in of a car: whether one is there, may charge, and does; when it is woken, and when it counts as refusing.

Status letters are those of IEC 61851-1: A no car, B a car, C it charges, D it charges and wants ventilation, E and F a
fault. Numbers: evcc's for waking; stations drop between A and B for seconds when a plug goes in (EVerest, 2594).
"""

from math import inf
from typing import NamedTuple

from ....values import Now

ABSENT_AFTER_S = 10.0
"""A car has gone when its station has said so for this long."""
IDLE_BELOW_W = 100.0
"""A car that takes less does not charge."""
WAKE_EVERY_S = 30.0
WAKES = 6
REFUSES_AFTER_S = 300.0
"""A car that has not charged for this long though it may refuses..."""
RETRY_EVERY_S = 1800.0
"""...and is woken again so often."""
CHARGING, FAULTY = ("C", "D"), ("E", "F")


class SeenCar(NamedTuple):
    """What a station says of its car at one instant; None: it is unknown."""

    status: str | None
    is_authorised: bool | None
    power_w: float | None


class PlugIn:
    """The plug-in of a car, and the station without one."""

    def __init__(self) -> None:
        self.is_car_there: bool | None = None
        """None before that was known."""
        self.is_authorised = True
        self.is_charging = False
        self.is_refusing = False
        self.number = 0
        """Which it is, counted from the start."""
        self.starts = 0
        """How often the car has begun to charge."""
        self._absent_since: float | None = None
        self._idle_since: float | None = None
        """Since when it is waited for the car to charge; None: it has, by itself it may stop, or it may not charge."""
        self.is_offered = False
        self._wakes = 0
        self._woken_at = -inf

    def observe(self, seen: SeenCar, now: Now) -> None:
        """Takes what the station says now."""
        if seen.status == "A":
            if self._absent_since is None:
                self._absent_since = now.mono
        elif seen.status is not None:
            self._absent_since = None
            if not self.is_car_there and seen.status not in FAULTY:
                self._plug(now)
        self.advance(now)
        was_authorised, self.is_authorised = self.is_authorised, seen.is_authorised is not False
        if self.is_authorised and not was_authorised and self._idle_since is not None:
            self._idle_since = now.mono
        if seen.status is None:
            return
        was_charging = self.is_charging
        self.is_charging = seen.status in CHARGING and (seen.power_w is None or seen.power_w >= IDLE_BELOW_W)
        if self.is_charging:
            self.starts += not was_charging
            self.is_refusing, self._idle_since, self._wakes = False, None, 0

    def advance(self, now: Now) -> None:
        """Does what time does."""
        if self._absent_since is not None and now.mono >= self._absent_from:
            self.is_car_there = self.is_charging = self.is_refusing = False
            self._wakes = 0
        if self._is_waited_for and now.mono >= self._refuses_at:
            self.is_refusing = True

    def offer(self, is_offered: bool, now: Now) -> None:
        """The station may charge from now on, or may not."""
        if is_offered and not self.is_offered:
            self._idle_since, self._wakes, self._woken_at = now.mono, 0, -inf
        elif not is_offered:
            self._idle_since, self.is_refusing = None, False
        self.is_offered = is_offered

    def retry(self, now: Now) -> None:
        """The car is given another chance, from now on."""
        self.is_refusing = False
        self._idle_since, self._wakes = now.mono, 0

    def wake(self, now: Now) -> None:
        """Notes that the car is being woken."""
        self._wakes += 1
        self._woken_at = now.mono

    @property
    def wakes_at(self) -> float:
        """When (monotonic seconds) the car is to be woken; infinite: it is not."""
        if not self._is_waited_for or self._idle_since is None:
            return inf
        if self._wakes < WAKES and not self.is_refusing:
            return self._idle_since + (self._wakes + 1) * WAKE_EVERY_S
        return max(self._woken_at, self._idle_since) + RETRY_EVERY_S if self.is_refusing else inf

    @property
    def next_at(self) -> float:
        """When (monotonic seconds) `advance` has something to do."""
        refuses_at = self._refuses_at if self._is_waited_for and not self.is_refusing else inf
        return min(refuses_at, self._absent_from if self.is_car_there else inf)

    @property
    def _is_waited_for(self) -> bool:
        return bool(self.is_car_there) and self.is_authorised and self._idle_since is not None

    @property
    def _absent_from(self) -> float:
        if self._absent_since is None:
            return inf
        return self._absent_since + (ABSENT_AFTER_S if self.is_car_there else 0.0)

    @property
    def _refuses_at(self) -> float:
        return inf if self._idle_since is None else self._idle_since + REFUSES_AFTER_S

    def _plug(self, now: Now) -> None:
        self.is_car_there, self.is_charging, self.is_refusing = True, False, False
        self.number += 1
        self.starts = self._wakes = 0
        self._idle_since = now.mono if self.is_offered else None

"""The head-room of a device: what its house's limit leaves it on each of its phases; less at once, more in a while.

It comes as readings, as whatever another device says. Where it is not known, the share holds that the device has then.
Pure.
"""

from collections import deque
from math import inf

from msgspec import Struct

from ...values import Now
from .shared_state import SharedState

HEAD_ROOM = ("head_room_l1", "head_room_l2", "head_room_l3")
"""The points by which it is told, in A on the device's own phases."""
UP_AFTER_S = 60.0
"""What it has more of lasts so long before it is used."""


class HouseShare(Struct, frozen=True):
    """The share that a device has in the limit of its house."""

    unknown_a: float
    """What it may take on each phase while nobody knows what is left, or nobody is there to look."""


class HeadRoom:
    """The head-room of one device."""

    def __init__(self, state: SharedState, share: HouseShare) -> None:
        self.wanted_a = 0.0
        """What it would take on each phase by now if it had all the room; 0: nothing."""
        self._state = state
        self._unknown = (share.unknown_a,) * 3
        self._told: deque[tuple[float, tuple[float, ...]]] = deque([(-inf, self._unknown)])
        """Since when (monotonic seconds) what was left, for as long as that counts."""

    def observe(self, now: Now) -> None:
        """Takes note of what is left now."""
        known = [self._state.number(point) for point in HEAD_ROOM]
        present = self._unknown if None in known else tuple(each for each in known if each is not None)
        if present != self._told[-1][1]:
            self._told.append((now.mono, present))
        while len(self._told) > 1 and self._told[1][0] + UP_AFTER_S <= now.mono:
            self._told.popleft()

    def most_a(self, phases: int) -> float:
        """The most that it may take by now on each of its first *phases*."""
        return max(0.0, min(min(each[:phases]) for _, each in self._told))

    def left_alone_a(self, phases: int) -> float:
        """The most that it may take on each of them once nobody is there to look."""
        return min(self.most_a(phases), *self._unknown)

"""Occasions on which a device is brought to rest: why nobody is in charge of it, or why an order failed.

For each the owner says what the device becomes (`safe:`); `fallback:` is the short form for all of them.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from ..values import Setpoint


class Occasion(StrEnum):
    """An occasion on which a device is brought to rest, named as in the configuration; `MEANING` tells when that is."""

    CEM_LOST = "cem_lost"
    UNINSTRUCTED = "uninstructed"
    DESELECTED = "deselected"
    ENDED = "ended"
    ABORTED = "aborted"
    STOPPING = "stopping"
    STARTED = "started"
    RETURNED = "returned"
    STALE = "stale"
    CLOCK = "clock"


MEANING: Mapping[Occasion, str] = {
    Occasion.CEM_LOST: "Whoever was in charge has been away for too long",
    Occasion.UNINSTRUCTED: "A control type was selected, and nothing is ordered yet",
    Occasion.DESELECTED: "The CEM gave it up: another control type, none, or the end of the session",
    Occasion.ENDED: "An order was revoked, or has lapsed",
    Occasion.ABORTED: "An order failed, or would do harm",
    Occasion.STOPPING: "The daemon ends",
    Occasion.STARTED: "The daemon begins, perhaps after a crash: what the device was told last is unknown",
    Occasion.RETURNED: "The device answers again after it was lost, and nothing is ordered of it",
    Occasion.STALE: "What an order is judged by has not been read for too long",
    Occasion.CLOCK: "Our clock is not synchronised, and another than the CEM's",
}


class SafeStates(Struct, frozen=True):
    """The safe states of one device: what is written to it on each occasion."""

    usual: tuple[Setpoint, ...]
    """On every occasion..."""
    special: dict[Occasion, tuple[Setpoint, ...]] = {}
    """...but what takes its place on one, point by point."""

    def is_said_of(self, occasion: Occasion) -> bool:
        """Whether the owner says what is written on *occasion* by itself, not only how long that may wait."""
        return bool(self.special.get(occasion))

    def on(self, occasion: Occasion, reason: str) -> list[Setpoint]:
        """What to write on *occasion*, marked `is_safe`."""
        by_point = {each.point: each for each in (*self.usual, *self.special.get(occasion, ()))}
        return [replace(each, reason=reason, is_safe=True) for each in by_point.values()]

"""Occasions on which a device is brought to rest: why nobody is in charge of it, or why an order failed.

For each the owner says what the device becomes (`safe:`); `fallback:` is the short form for all of them.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec.structs import replace

from ..values import Setpoint


class Occasion(StrEnum):
    """Why a device is brought to rest. The names are those of the configuration."""

    CEM_LOST = "cem_lost"
    """Whoever was in charge has been away for too long."""
    UNINSTRUCTED = "uninstructed"
    """A control type was selected, and nothing is ordered yet."""
    DESELECTED = "deselected"
    """The CEM gave it up: another control type, none, or the end of the session."""
    ENDED = "ended"
    """An order was revoked, or has lapsed."""
    ABORTED = "aborted"
    """An order failed, or would do harm."""
    STOPPING = "stopping"
    """The daemon ends."""
    STARTED = "started"
    """The daemon begins, perhaps after a crash: what the device was told last is unknown."""
    RETURNED = "returned"
    """The device answers again after it was lost, and nothing is ordered of it."""
    STALE = "stale"
    """What an order is judged by has not been read for too long."""


class SafeStates:
    """The safe states of one device: what is written to it on each occasion."""

    def __init__(self, usual: Iterable[Setpoint], special: Mapping[Occasion, Iterable[Setpoint]] | None = None) -> None:
        """*usual* is written on every occasion; what is *special* to one takes its place there, point by point."""
        common = {setpoint.point: setpoint for setpoint in usual}
        self._by_occasion = {
            occasion: tuple({**common, **{each.point: each for each in (special or {}).get(occasion, ())}}.values())
            for occasion in Occasion
        }

    def on(self, occasion: Occasion, reason: str) -> list[Setpoint]:
        """What to write on *occasion*, marked `is_safe`."""
        return [replace(each, reason=reason, is_safe=True) for each in self._by_occasion[occasion]]

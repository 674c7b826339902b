"""Values that everything else is made of: instants, readings, setpoints, and the quality of a reading."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final

from msgspec import Struct

Value = float | int | bool | str
"""What a point can hold, in the base unit of its dimension (W, Wh, A, V, %, °C, s)."""

RELEASE: Final = "release"
"""As the value of a Setpoint: give control of the point back to the device."""


class Now(Struct, frozen=True):
    """An instant, on both clocks: deadlines use `mono`, S2 timestamps use `utc`."""

    mono: float
    """Seconds on a clock that never steps."""
    utc: datetime
    """Aware, UTC; steps when the system clock is set."""


Clock = Callable[[], Now]
"""Tells the time; only `s2d/host/clock.py` makes a real one."""


class Quality(StrEnum):
    """The quality of a reading: how far it can be trusted."""

    GOOD = "good"
    ABSENT = "absent"
    """The device itself says it has no value (a sentinel)."""
    BAD = "bad"
    """The device gave a value that cannot be true."""
    DOUBTFUL = "doubtful"
    """It may be true, but not so soon after the last good one, which holds until this is seen to last."""


class Reading(Struct, frozen=True):
    """A reading: what a device said a point is, and when that was true."""

    point: str
    """Name of the point within its device, e.g. `soc`."""
    value: Value | None
    """In the base unit; None unless the quality is GOOD or DOUBTFUL."""
    quality: Quality = Quality.GOOD
    detail: str = ""
    """Why the quality is not GOOD."""
    at: float | None = None
    """When (monotonic seconds) the value was true; None from a driver that does not know: it is when it was asked.
    What is computed of several readings is as old as the oldest of them."""
    good_until: float = inf
    """When (monotonic seconds) it is too old to be believed, by `max_age`, unless a newer one comes."""
    age_s: float = 0.0
    """Of a driver without a clock: how long before it was handed over the value was true. To be replaced by `at`."""

    @property
    def number(self) -> float:
        """The value of a point that holds a number.

        Raises: ValueError: there is none.
        """
        if self.value is None:
            raise ValueError(f"{self.point} has no value: {self.detail or self.quality}")
        return float(self.value)

    def true_at(self, now: Now) -> datetime:
        """When the value was true, by the clock as it is set *now*."""
        return now.utc if self.at is None else now.utc - timedelta(seconds=now.mono - self.at)


class PlausibleRange(Struct, frozen=True, kw_only=True):
    """The plausible range of a number, in its base unit: what it can be at all, and how fast it can have changed."""

    low: float = -inf
    high: float = inf
    margin: float = 0.0
    """What is no further beyond `low` and `high` is taken for these; devices round, and drift."""
    usual_low: float = -inf
    usual_high: float = inf
    """Beyond these it is believed and worth a note: less is expected by its owner."""
    step: float = inf
    """A change of so much is no matter of time: resolution, and correction by the device itself."""
    change_per_s: float = 0.0
    """A larger one needs the time that it takes at this pace."""

    def joined(self, other: "PlausibleRange") -> "PlausibleRange":
        """What is plausible by this range or by *other*."""
        return PlausibleRange(
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            margin=max(self.margin, other.margin),
            usual_low=min(self.usual_low, other.usual_low),
            usual_high=max(self.usual_high, other.usual_high),
            step=max(self.step, other.step),
            change_per_s=max(self.change_per_s, other.change_per_s),
        )


class Setpoint(Struct, frozen=True):
    """A setpoint: what a point shall become."""

    point: str
    value: Value
    """In the base unit; consumption positive. RELEASE gives control back, where the device has a command for that."""
    reason: str
    """Who wants it, e.g. `instruction 3f…` or `fallback`."""
    is_safe: bool = False
    """It brings the device to safety: it stays wanted even if the device refuses it."""

"""The four values everything else is made of: an instant, what was read, what to write, and how good a reading is."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

Value = float | int | bool | str
"""What a point can hold, in the base unit of its dimension (W, Wh, A, V, %, °C, s)."""

RELEASE: Final = "release"
"""As the value of a Setpoint: give control of the point back to the device."""


class Now(NamedTuple):
    """One instant on both clocks: deadlines use `mono`, S2 timestamps use `utc`."""

    mono: float
    """Seconds on a clock that never steps."""
    utc: datetime
    """Aware, UTC; steps when the system clock is set."""


Clock = Callable[[], Now]
"""Tells the time; only `s2d/host/clock.py` makes a real one."""


class Quality(StrEnum):
    """How far a reading can be trusted."""

    GOOD = "good"
    ABSENT = "absent"
    """The device itself says it has no value (a sentinel)."""
    BAD = "bad"
    """The device gave a value that cannot be true."""


class Reading(Struct, frozen=True):
    """What a device said a point is."""

    point: str
    """Name of the point within its device, e.g. `soc`."""
    value: Value | None
    """In the base unit; None unless the quality is GOOD."""
    quality: Quality = Quality.GOOD
    detail: str = ""
    """Why the quality is not GOOD."""
    age_s: float = 0.0
    """How long before the reading was handed over the value was true."""


class Setpoint(Struct, frozen=True):
    """What a point shall become."""

    point: str
    value: Value
    """In the base unit; consumption positive. RELEASE gives control back, where the device has a command for that."""
    reason: str
    """Who wants it, e.g. `instruction 3f…` or `fallback`."""
    is_safe: bool = False
    """It brings the device to safety: it stays wanted even if the device refuses it."""

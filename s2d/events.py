"""Events of a device: what whoever listens to it hears. Knows no S2. Pure."""

from enum import StrEnum

from msgspec import Struct

from .values import Reading, Setpoint


class Measured(Struct, frozen=True, tag=True):
    """The device gave readings."""

    readings: tuple[Reading, ...]
    is_lent: bool = False
    """It was another device that gave them, which says nothing of whether this one answers."""


class Lost(Struct, frozen=True, tag=True):
    """The device does not answer any more; the next Measured of its own says that it is back."""

    reason: str


class Applied(Struct, frozen=True, tag=True):
    """The device confirmed the setpoint."""

    setpoint: Setpoint
    keeps: float | None = None
    """What it does of that, where this is nearer to 0: what it rounds to, or the most that it can."""


class Refused(Struct, frozen=True, tag=True):
    """The setpoint did not get into the device."""

    setpoint: Setpoint
    reason: str
    will_retry: bool = False
    """It stays wanted until it is replaced."""


class Shadowed(Struct, frozen=True, tag=True):
    """The setpoint was worked out to its last write, and not written: the device is only shadowed."""

    setpoint: Setpoint


class UndoneBy(StrEnum):
    """What undoes a setpoint that was confirmed."""

    REFUSED_REFRESH = "refused_refresh"
    """The device refused to be told again in time, which is tried again."""
    RESTART = "restart"
    """The device was switched on anew, or was away; what was written may be gone."""
    OTHERS = "others"
    """The device holds something else: another controller, an app, or it has changed its mind."""
    WORD_ORDER = "word_order"
    """The device shows the words of it in another order, and may have understood something else."""


class Undone(Struct, frozen=True, tag=True):
    """The device does not hold any more what it confirmed, or will soon forget it; told once until it is confirmed."""

    setpoint: Setpoint
    reason: str
    by: UndoneBy
    wears: bool = False
    """To write it again would wear out memory."""
    forgotten_at: float | None = None
    """When (monotonic seconds) the device forgets it, unless it is repeated; None if that is not known."""


class Identified(Struct, frozen=True, tag=True):
    """The device says what it is; None where it says nothing."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None


DeviceEvent = Measured | Lost | Applied | Refused | Shadowed | Undone | Identified

"""Events of a device: what whoever listens to it hears. Knows no S2. Pure."""

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


class Refused(Struct, frozen=True, tag=True):
    """The setpoint did not get into the device."""

    setpoint: Setpoint
    reason: str
    will_retry: bool = False
    """It stays wanted until it is replaced."""


class Identified(Struct, frozen=True, tag=True):
    """The device says what it is; None where it says nothing."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None


DeviceEvent = Measured | Lost | Applied | Refused | Identified

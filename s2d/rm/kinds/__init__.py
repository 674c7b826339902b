"""Kinds of devices, in S2's terms: which points they have, what is configured of them, what they can do.

A resource turns readings into storage, actuators, limits and power, and wanted states into Setpoints. It knows no
message, no session and no register.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct

from ...s2.messages.common import CommodityQuantity, ControlType, Role
from ...values import Now, Reading, Setpoint, Value
from ..control.reporting import Reporting


class CanonicalPoint(NamedTuple):
    """A point by which a kind of device is known; hardware is mapped to these names."""

    access: Literal["read", "write"]
    dimension: str
    """Of the point's unit; "" for a plain number, a state or a switch."""
    meaning: str


class Resource(Protocol):
    """A configured device of some kind, as far as every kind is alike. What it does further, its control types say."""

    roles: tuple[Role, ...]
    quantities: tuple[CommodityQuantity, ...]
    """The power it measures."""
    provides_forecast: bool
    """Whether it foresees its power; then it is a `ForeseeingResource`, too."""

    def reporting(self, power_w: float | None, percent: float | None, every_s: float) -> Reporting:
        """How eager to tell; where the owner said nothing, what is sensible for this device."""
        ...

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        """Takes what the device said; a reading that is not good makes its point unknown."""
        ...

    def lose(self) -> None:
        """The device does not answer; what was last read stays, but nothing is undertaken on it."""
        ...

    def control_types(self) -> tuple[ControlType, ...]:
        """What can be offered now; empty while too little is known of the device."""
        ...

    def power_w(self) -> dict[CommodityQuantity, float]:
        """The last good readings of every quantity in `quantities`; empty while one is missing."""
        ...

    def measured_at(self) -> datetime:
        """When the power was read; meaningless while it is unknown."""
        ...

    def default(self, reason: str) -> list[Setpoint]:
        """What to write so that the device is in its safe default state; each is marked `is_safe`."""
        ...

    def protect(self) -> tuple[str, list[Setpoint]] | None:
        """What to write against orders that would do harm now, marked `is_safe`, and why; None when all is well."""
        ...


@dataclass(frozen=True)
class Kind:
    """One kind of device."""

    name: str
    settings: type[Struct]
    """What is configured of such a device, beside what every device has."""
    points: Mapping[str, CanonicalPoint]
    required: tuple[str, ...]
    """Points without which nothing can be said of the device."""
    control_types: tuple[str, ...]
    """What it can offer to a CEM, by the short names of `messages.common.CONTROL_TYPES`."""
    safe: Mapping[str, Value]
    """What its points become without a CEM, unless the owner says otherwise."""
    reach: Callable[[Any], Mapping[str, tuple[float, float]]]
    """Of its settings: the least and the most that may be written to its points."""
    resource: Callable[..., Resource]
    """Makes the resource: `resource(resource_id, name, settings, points, fallback)`."""


KINDS = ("battery",)
"""Every kind there is; its module is imported when a device is of it."""


def kind(name: str) -> Kind:
    """The kind *name*, one of `KINDS`."""
    found = import_module(f"{__name__}.{name}").KIND
    assert isinstance(found, Kind)
    return found

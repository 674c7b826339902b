"""Kinds of devices, in S2's terms: which points they have, what is configured of them, what they can do.

A resource turns readings into storage, actuators, limits and power, and wanted states into Setpoints. It knows no
message, no session and no register.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, NamedTuple

from msgspec import Struct


class CanonicalPoint(NamedTuple):
    """A point by which a kind of device is known; hardware is mapped to these names."""

    access: Literal["read", "write"]
    dimension: str
    """Of the point's unit; "" for a plain number, a state or a switch."""
    meaning: str


@dataclass(frozen=True)
class Kind:
    """One kind of device."""

    name: str
    settings: type[Struct]
    """What is configured of such a device, beside what every device has."""
    points: Mapping[str, CanonicalPoint]
    required: tuple[str, ...]
    """Points without which nothing can be said of the device."""


KINDS = ("battery",)
"""Every kind there is; its module is imported when a device is of it."""


def kind(name: str) -> Kind:
    """The kind *name*, one of `KINDS`."""
    found = import_module(f"{__name__}.{name}").KIND
    assert isinstance(found, Kind)
    return found

"""The tools a driver may bring for commissioning. Drivers without them run just as well.

They are an entry point of their own, so that the daemon never imports them.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from ..config.driver_discovery import DriverUnavailable, find_driver
from ..driver import AnyDriver
from ..values import Setpoint, Value

GROUP = "s2d.tools"
"""The entry-point group of tools: a class of theirs under the name that their driver has in `s2d.drivers`."""

RecordedFrame = Mapping[str, object]
"""One answer of a device, in the driver's own words; JSON can hold it."""
ProgressCallback = Callable[[str], None]
"""Takes a sentence about the progress."""


class WireTap(Protocol):
    """A tap on the wire of one opened device."""

    @property
    def driver(self) -> AnyDriver:
        """The driver of the device, opened so that the tap sees what it reads."""
        ...

    def raw_of(self, point: str) -> str:
        """The raw value in which the device told *point* last; empty before it did."""
        ...

    async def preview_write(self, setpoint: Setpoint, *together: Setpoint) -> Sequence[str]:
        """The requests that `write` would send, in words; nothing is written.

        Raises: DeviceUnreachable, DeviceRefused: as `write`.
        """
        ...

    def other_reading_of(self, setpoint: Setpoint) -> str:
        """What a device reads that takes what `write` sends in another order, raw; empty if there is none."""
        ...

    def drain_frames(self) -> list[RecordedFrame]:
        """The answers of the device since this was called last."""
        ...


class DeviceImage(Protocol):
    """The registers of a simulated device, for the points of a real one."""

    units: Sequence[int]
    """Numbers under which it answers."""

    @property
    def points(self) -> Collection[str]:
        """Names of the points it has."""
        ...

    def show(self, point: str, value: Value | None) -> None:
        """Makes *point* read *value*, in the base unit; None: not available.

        Raises: DeviceRefused: the point cannot hold it.
        """
        ...

    def value_of(self, point: str) -> Value | None:
        """What *point* holds."""
        ...

    def read(self, unit: int, table: str, register: int, count: int) -> list[int]:
        """Raises: LookupError: there is no such place."""
        ...

    def write(self, unit: int, table: str, register: int, words: Sequence[int]) -> list[str]:
        """Writes all or nothing, and returns the points in which something was written.

        Raises: LookupError: there is no such place, or it cannot be written.
        """
        ...


class Survey(Protocol):
    """A survey: finds out what is at a place that is not configured yet."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds how the place is named on the command line."""
        ...

    async def find(self, arguments: Namespace, tell: ProgressCallback) -> "SurveyResult":
        """Asks who is there; *tell* hears of the progress.

        Raises: ValueError: arguments that make no sense together.
        """
        ...


class SurveyResult(Protocol):
    """The result of a survey."""

    parts: Sequence[str | Sequence[Sequence[str]]]
    """What to show: lines, and tables as their rows, of which the first are the titles (`>`: to the right)."""
    connections: Sequence[Mapping[str, Any]]
    """What may stand under `connection:`, of each device that answered."""


class Tools(Protocol):
    """The tools of one driver."""

    probe: Survey
    """Of one device: what works, and what its registers may mean."""
    scan: Survey
    """Of a line or of hosts: who is there."""

    def tapped(self, connection: Any, points: Mapping[str, Any], bus: Any) -> AbstractAsyncContextManager[WireTap]:
        """The device, opened as by `Driver.open`, with a tap on its wire."""
        ...

    def image(self, connection: Any, points: Mapping[str, Any], present: Collection[str]) -> DeviceImage:
        """The registers of a device of this driver with *points*; optional ones only if they are *present*."""
        ...


def tools_of(driver: type[AnyDriver]) -> Tools | None:
    """The tools of *driver*, if it has any."""
    from importlib.metadata import entry_points  # costs memory and start-up time: only for who works at a device

    for each in entry_points(group=GROUP):
        if _is_called(driver, each.name):
            tools: Tools = each.load()()
            return tools
    return None


def _is_called(driver: type[AnyDriver], name: str) -> bool:
    """Whether *driver*, or what it is made of, is the driver *name*."""
    try:
        return issubclass(driver, find_driver(name))
    except DriverUnavailable:
        return False

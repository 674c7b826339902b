"""The tools a driver may bring for commissioning. Drivers without them run just as well.

A driver with tools has a classmethod `tools()` that returns them; s2d never imports a driver to get at them.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from ..driver import Driver
from ..values import Setpoint, Value

RecordedFrame = Mapping[str, object]
"""One answer of a device, in the driver's own words; JSON can hold it."""
ProgressCallback = Callable[[str], None]
"""Takes a sentence about the progress."""


class TappedDriver(Driver, Protocol):
    """A driver that also records what passes on the wire."""

    def raw_of(self, point: str) -> str:
        """The raw value in which the device told *point* last; empty before it did."""
        ...

    async def preview_write(self, setpoint: Setpoint, *together: Setpoint) -> Sequence[str]:
        """The requests that `write` would send, in words; nothing is written.

        Raises: DeviceUnreachable, DeviceRefused: as `write`.
        """
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

    tapped_driver: type[TappedDriver]
    probe: Survey
    """Of one device: what works, and what its registers may mean."""
    scan: Survey
    """Of a line or of hosts: who is there."""

    def image(self, connection: Any, points: Mapping[str, Any], present: Collection[str]) -> DeviceImage:
        """The registers of a device of this driver with *points*; optional ones only if they are *present*."""
        ...


def tools_of(driver: type[Driver]) -> Tools | None:
    """The tools of *driver*, if it has any."""
    tools = getattr(driver, "tools", None)
    found: Tools | None = tools() if tools else None
    return found

"""A driver of devices that are not there: each point has a value, and some sway about it from reading to reading."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from s2d.driver import Driver, PointSettings
from s2d.values import Reading, Setpoint, Value

SWAYS_BY = 0.2
"""Up and down by this share: enough that a CEM is told each time."""


class NoConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is: nowhere."""

    number: Annotated[int, Meta(description="So that no two are the same")] = 0


class SimulatedPoint(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point with what it holds."""

    holds: Annotated[float | str | bool, Meta(description="In the base unit")] = 0.0
    sways: Annotated[bool, Meta(description="Another value at each reading")] = False


class Simulated(Driver[NoConnection, SimulatedPoint, None]):
    """A device that takes whatever is written."""

    Connection = NoConnection
    Point = SimulatedPoint

    def __init__(self, connection: NoConnection, points: Mapping[str, SimulatedPoint], bus: None) -> None:
        super().__init__(connection, points, bus)
        self._held: dict[str, Value] = {name: point.holds for name, point in points.items()}
        self._reads = 0

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        self._reads += 1
        return [Reading(name, self._value(name)) for name in points]

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> None:
        for each in (setpoint, *together):
            self._held[each.point] = each.value

    def _value(self, name: str) -> Value:
        held = self._held[name]
        if self.points[name].sways and isinstance(held, float):
            return held * (1 + SWAYS_BY * (self._reads % 2))
        return held

"""The map of a device: its points, what is computed of them, its commands, start, availability and nameplate.

Devices of one type differ by model and firmware: a `Variant` is another map, and when it is the one that holds. Where
variables are called *make* they hold a map, as a device is of one make or another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from ..driver import PointSettings
from ..quantities import Duration, Power, factor_of
from ..values import PlausibleRange, Value
from .command import Command, Step
from .computed import Computed
from .expression import Expression


class Nameplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A nameplate, what the device says it is: each the name of a point or computed value, else the text itself."""

    manufacturer: Annotated[str | None, Meta(description="Point, or text")] = None
    model: Annotated[str | None, Meta(description="Point, or text")] = None
    serial_number: Annotated[str | None, Meta(description="Point, or text")] = None
    firmware_version: Annotated[str | None, Meta(description="Point, or text")] = None
    power: Annotated[
        Power | Expression | None,
        Meta(description="Most it is built for; a power, or an expression in W over its points and parameters"),
    ] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: no power at all."""
        if isinstance(self.power, Power) and self.power <= 0:
            raise ValueError("power: must be above 0 W")

    @property
    def texts(self) -> tuple[str | None, str | None, str | None, str | None]:
        """Maker, model, serial number and firmware version: each the name of a point or computed value, or text."""
        return self.manufacturer, self.model, self.serial_number, self.firmware_version

    @property
    def names(self) -> frozenset[str]:
        """All that may be names of points or computed values."""
        of_power = self.power.names if isinstance(self.power, Expression) else frozenset[str]()
        return of_power.union(text for text in self.texts if text)

    def power_w(self, known: Mapping[str, Value]) -> float | None:
        """The power, of what is *known*; None if it says nothing of it, or that is unknown yet."""
        power = self.power.evaluate(known) if isinstance(self.power, Expression) else self.power
        return float(power) if isinstance(power, int | float) and power > 0 else None


class Available(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The availability of a device: when it can be had; otherwise it counts as one that does not answer."""

    if_: Annotated[Expression, Meta(description="False: it cannot be had; unknown counts as true")] = msgspec.field(
        name="if"
    )
    else_: Annotated[str, Meta(min_length=1, description="Why it cannot be had, in words")] = msgspec.field(name="else")


PlausibleOf = Callable[[float | None], Mapping[str, PlausibleRange]]
"""Name → what the point or computed value can be, by the power on the nameplate in W; None while that is unknown."""


def nothing_plausible(nameplate_w: float | None) -> Mapping[str, PlausibleRange]:
    """Of a device of which nothing is known."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMap:
    """A device map: all that is known of a device before it is opened."""

    points: Mapping[str, PointSettings]
    computed: Mapping[str, Computed] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    """Name of the wanted point → how it is done. The name need not be a point of the device."""
    start: tuple[Step, ...] = ()
    """After each opening, before anything else is written: what a register holds already is not written."""
    nameplate: Nameplate = Nameplate()  # noqa: RUF009 (immutable)
    available: Available | None = None
    """None: whenever it answers."""
    interval_s: Duration = Duration(0)  # noqa: RUF009 (immutable)
    """Least time between two executions of a command that says none itself."""
    uptime: str | None = None
    """Point that only falls when the device is switched on anew."""
    ready: Expression | None = None
    """While it is 0, false or empty nothing that the device says is believed; None: it is always ready."""
    plausible: PlausibleOf = nothing_plausible
    """What its points and computed values can be."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Names that expressions may use beside points, in base units."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of a device: its map, complete, as what differs has been laid over the rest already."""

    when: Expression
    """Over points with `poll: once` and parameters; unknown is false."""
    make: DeviceMap


def probing_map(make: DeviceMap) -> DeviceMap:
    """What of *make* tells its variants apart: what is read once, and whether the device is ready to say it."""
    decisive = make.ready.names if make.ready else frozenset[str]()
    points = {name: each for name, each in make.points.items() if name in decisive or each.poll == "once"}
    readable = {name: each for name, each in points.items() if each.is_readable}
    return DeviceMap(points=readable, ready=make.ready, parameters=make.parameters)


def commands_of(make: DeviceMap) -> dict[str, Command]:
    """Everything that can be wanted of such a device: its commands, and its writable points as they are."""
    plain = {name: _plain(name, point) for name, point in make.points.items() if point.is_writable}
    commands = {**plain, **make.commands}
    return {
        name: replace(each, interval_s=make.interval_s) if each.interval_s is None else each
        for name, each in commands.items()
    }


def _plain(name: str, point: PointSettings) -> Command:
    factor = factor_of(point.unit) if point.unit else 1.0
    return Command(
        steps=(Step(write={name: _VALUE}),),
        step=None if point.step is None else point.step * factor,
        deadband=point.deadband * factor,
        interval_s=point.interval,
        refresh_s=None if point.persistent else point.refresh,
        if_unchanged="write",
    )


_VALUE = Expression.parse("value")

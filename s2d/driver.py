"""What a driver is, and where drivers come from.

A driver speaks to one kind of device: registers, topics, telegrams. It has never heard of S2, keeps no schedule, does
not retry and does not know the time; `s2d/device/device.py` does all that. It converts at the edge, once: values are in
base units, consumption positive.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, ClassVar, Literal, Protocol, Self, cast

from msgspec import Struct

from .errors import BadReading, DeviceRefused, S2dError
from .quantities import Duration, dimension_of, factor_of
from .values import Reading, Setpoint, Value

GROUP = "s2d.drivers"
"""The entry-point group drivers register in, ours and third parties' alike."""


OTHERS = "_"
"""The raw value, in `values`, that stands for all others."""
SETTLE_AT_MOST_S = 3.0
"""A driver that does not answer for long is taken for hung."""


class PointSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of any point, whatever carries it; a driver adds where the value is found.

    raw value --invert, scale, offset, unit, values--> Value: `value = (±raw · scale + offset) · unit`.
    """

    unit: str = ""
    """Unit of the raw value after scale and offset, e.g. `W`, `%`, `kWh`; empty for a plain number or state."""
    access: Literal["read", "write", "read_write"] = "read"
    """Whether it is read, written, or written and read back."""
    poll: Duration | Literal["once", "never"] | None = None
    """How often to read it; `once` after each connecting, `never` unless it is asked for. Default: the device's."""
    optional: bool = False
    """A device may lack it."""
    max_age: Duration | None = None
    """After this long without a new value the point counts as unknown."""
    lag: Duration = Duration(0)
    """What is read was true this long ago, where a device shows old values."""
    refresh: Duration | None = None
    """Write the last setpoint again this often, for devices that forget it."""
    settle: Duration = Duration(2)
    """What is written has this long to show when it is read back; many devices acknowledge first and apply later."""
    deadband: float = 0.0
    """A change of less than this, in `unit`, is not written and counts as done."""
    interval: Duration | None = None
    """Least time between two writes; the newest value waits."""
    persistent: bool = False
    """Kept in memory that wears out: written only if it changes, and at most `daily_writes` times."""
    daily_writes: int = 50
    """Most writes of a persistent point within 24 h."""
    scale: float = 1.0
    """What one step of the raw value is worth, in `unit`."""
    offset: float = 0.0
    """Added after the scale, in `unit`."""
    invert: bool = False
    """Flip the sign, where the device counts consumption negative; of a switch, swap on and off."""
    min: float | None = None
    """Lowest plausible value, in `unit`."""
    max: float | None = None
    """Highest plausible value, in `unit`."""
    values: dict[str, str] | None = None
    """Raw value → state, e.g. `{0: idle, 1: charging}`; `_` stands for all others, and is never written."""

    @property
    def is_readable(self) -> bool:
        return self.access != "write"

    @property
    def is_writable(self) -> bool:
        return self.access != "read"

    @property
    def dimension(self) -> str:
        """Dimension of the unit, or "" without one.

        Raises: ValueError: no such unit.
        """
        return dimension_of(self.unit) if self.unit else ""

    def value_of(self, raw: Value) -> Value:
        """What the raw value *raw* means, in the base unit.

        Raises: BadReading: outside `min`..`max`, or a state `values` does not list.
        """
        if self.values is not None:
            key = str(int(raw)) if isinstance(raw, bool | float) and float(raw).is_integer() else str(raw)
            if key not in self.values and OTHERS not in self.values:
                raise BadReading(f"{key} is none of the values {', '.join(self.values)}")
            return self.values[key if key in self.values else OTHERS]
        if isinstance(raw, bool):
            return raw != self.invert
        if isinstance(raw, str):
            return raw
        value: float = -raw if self.invert else raw
        if self.scale != 1:  # an integer that is not scaled stays exact, also beyond 2**53
            value *= self.scale
        if self.offset != 0:
            value += self.offset
        if not self._is_plausible(value):
            raise BadReading(self._outside(value))
        return value * factor if (factor := self._factor) != 1 else value

    def objection_to(self, value: Value) -> str | None:
        """Why *value* can never be written, if so; a driver knows further reasons."""
        try:
            self.raw_of(value)
        except DeviceRefused as exc:
            return exc.reason
        return None

    def raw_of(self, value: Value) -> Value:
        """The raw value that means *value*: the inverse of `value_of`.

        Raises: DeviceRefused: outside `min`..`max`, or a state `values` does not list; such a value is never written.
        """
        if self.values is not None:
            for key, state in self.values.items():
                if state == value and key != OTHERS:
                    return int(key) if key.lstrip("-").isdigit() else key
            raise DeviceRefused(f"{value!r} is none of the states {', '.join(self.values.values())}")
        if isinstance(value, bool):
            return value != self.invert
        if isinstance(value, str):
            return value
        raw = value / factor if (factor := self._factor) != 1 else value
        if not self._is_plausible(raw):
            raise DeviceRefused(self._outside(raw))
        if self.offset != 0:
            raw -= self.offset
        if self.scale != 1:
            raw /= self.scale
        # A 0 has no sign in any register; an integer stays exact.
        return (-raw if self.invert else raw) + 0

    @property
    def _factor(self) -> float:
        """How many base units one `unit` is."""
        return factor_of(self.unit) if self.unit else 1

    def _is_plausible(self, value: float) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def _outside(self, value: float) -> str:
        low, high = ("…" if limit is None else f"{limit:g}" for limit in (self.min, self.max))
        return f"{value:g} {self.unit}".rstrip() + f" is outside {low} .. {high}"


class Driver(Protocol):
    """One device, opened. Raises nothing but DeviceError from `read` and `write`."""

    Connection: ClassVar[type[Struct]]
    """What stands under `connection:`."""
    Point: ClassVar[type[PointSettings]]
    """What stands under each of `points:`."""

    @classmethod
    def bus_of(cls, connection: Any) -> Hashable:
        """Devices whose connections give the same key share one bus (a serial line, a Modbus connection)."""
        ...

    @classmethod
    def open_bus(cls, connection: Any) -> AbstractAsyncContextManager[Any]:
        """The bus that *connection* names, ready to be shared; connecting to the hardware comes later, on first use."""
        ...

    @classmethod
    def open(cls, connection: Any, points: Mapping[str, Any], bus: Any) -> AbstractAsyncContextManager[Self]:
        """The device behind *connection* on *bus*; does no I/O yet."""
        ...

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        """The next values of *points*. A value that cannot be true comes as a Reading that is BAD, not as an error.

        Raises: DeviceUnreachable: the device did not answer.
        """
        ...

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> None:
        """Writes *setpoint* and returns once the device confirmed it (by reading back, where it can be read).

        What it is written *together* with goes into the same request. Where some bits of a register are a point, the
        others are kept.

        Raises: DeviceUnreachable: no answer. DeviceRefused: it said no, did not keep the value, or
        cannot be told all that with one request.
        """
        ...


class DriverUnavailable(S2dError):
    """A driver that is named but cannot be used."""

    def __init__(self, name: str, why: str, known: Sequence[str]) -> None:
        self.name = name
        self.why = why
        self.known = known

    def __str__(self) -> str:
        return f"driver {self.name!r} {self.why}"


def find(name: str) -> type[Driver]:
    """The driver *name*: an entry point of the group `s2d.drivers`, or `module:Class` for a local plugin.

    Raises: DriverUnavailable: not installed, or it fails to import.
    """
    from importlib.metadata import entry_points  # costs memory and start-up time: only for who looks for a driver

    known = sorted(entry_points(group=GROUP).names)
    try:
        if ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(import_module(module), attribute)
        elif name in known:
            found = entry_points(group=GROUP)[name].load()
        else:
            raise DriverUnavailable(name, "is not installed", known)
    except (ImportError, AttributeError, SyntaxError) as exc:
        raise DriverUnavailable(name, f"cannot be loaded: {exc}", known) from exc
    return cast("type[Driver]", found)

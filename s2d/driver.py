"""The driver interface: a class to inherit, generic in its settings; every hook stands here with its default.

A driver speaks to one kind of device: registers, topics, telegrams. It has never heard of S2, keeps no schedule and
does not retry; `s2d/device/device.py` does all that. It converts at the edge, once: values are in base units,
consumption positive.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from math import isfinite
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, Protocol, Self, TypeAlias, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import fields

from .errors import BadReading, DeviceRefused
from .quantities import Duration, dimension_of, factor_of, limits, number_in
from .values import Reading, Setpoint, Value

OTHERS = "_"
"""The raw value, in `values`, that stands for all others."""
SETTLE_AT_MOST_S = 30.0
"""What is written and does not show for longer was not taken; nor is any device left alone for longer."""
SECRET = ("password", "token", "secret", "user")
"""Words in the names of those keys of a connection that are secret."""


class PointSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a point, whatever carries it; a driver adds where the value is found.

    raw value --invert, scale, offset, unit, values--> Value: `value = (±raw · scale + offset) · unit`.
    """

    unit: str = ""
    """Unit of the raw value after scale and offset, e.g. `W`, `%`, `kWh`; empty for a plain number or state."""
    access: Literal["read", "write", "read_write"] = "read"
    """Whether it is read, written, or written and read back."""
    poll: Annotated[Duration | Literal["once", "never"] | None, Meta(extra=limits("1 ms", "1 d"))] = None
    """How often to read it; `once` after each connecting, `never` unless it is asked for. Default: the device's."""
    optional: bool = False
    """A device may lack it."""
    max_age: Annotated[Duration | None, Meta(extra=limits("10 ms", "365 d"))] = None
    """After this long without a new value the point counts as unknown."""
    lag: Annotated[Duration, Meta(extra=limits("0 s", "1 h"))] = Duration(0)
    """What is read was true this long ago, where a device shows old values."""
    refresh: Annotated[Duration | None, Meta(extra=limits("10 ms", "1 d"))] = None
    """Write the last setpoint again this often, for devices that forget it."""
    settle: Duration = Duration(2)
    """What is written has this long to show when it is read back; many devices acknowledge first and apply later."""
    rest: Duration = Duration(0)
    """After it is written the device is asked nothing for this long."""
    step: float | None = None
    """What is written is rounded towards 0 to a multiple of this, in `unit`, as the device would."""
    deadband: float = 0.0
    """A change of less than this, in `unit`, is not written and counts as done."""
    interval: Annotated[Duration | None, Meta(extra=limits("0 s", "1 d"))] = None
    """Least time between two writes; the newest value waits, unless it is safe, 0, or lower than the one before.

    0 s: none. Default: 1 s.
    """
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
    includes_others: bool = False
    """It holds more than what the device alone does, as a hybrid's AC power does with sun or load in it: that it goes
    the other way than ordered says nothing."""
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

    @property
    def is_scaled_by_device(self) -> bool:
        """Whether the device itself says how its raw value is scaled, so that nothing tells that of a value alone."""
        return False

    def value_of(self, raw: Value) -> Value:
        """What the raw value *raw* means, in the base unit; text that is a number counts as one where there is a unit.

        Raises: BadReading: outside `min`..`max`, a state `values` does not list, or no number though there is a unit.
        """
        if self.values is not None:
            return self._state_of(raw)
        if self.unit and isinstance(raw, str | bool):
            raw = number_in(raw, self.unit)
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
        if (factor := self._factor) != 1:
            value *= factor
        if not isfinite(value):
            raise BadReading(f"{value} is no measurement")
        return value

    def _state_of(self, raw: Value) -> str:
        """The state that `values` lists for *raw*; text counts without regard to case, a truth as a word and as 0 or 1.

        Raises: BadReading: it lists none.
        """
        assert self.values is not None
        key = str(int(raw)) if isinstance(raw, bool | float) and float(raw).is_integer() else str(raw)
        if key in self.values:
            return self.values[key]
        alike = {each.casefold(): state for each, state in self.values.items()}
        words = [str(raw).casefold()] if isinstance(raw, str | bool) else []
        found = [alike[each] for each in words if each in alike]
        if not found and OTHERS not in self.values:
            raise BadReading(f"{str(raw)[:40]} is none of the values {', '.join(self.values)}")
        return found[0] if found else self.values[OTHERS]

    def swapped(self, value: Value) -> Value | None:
        """What *value* is to a device that takes its words in another order; None where it has no such order."""
        return None

    def shown(self, value: Value) -> str:
        """*value* as its owner would write it."""
        if isinstance(value, str | bool):
            return str(value)
        return f"{value / self._factor:.9g} {self.unit}".rstrip()

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


ConnectionT = TypeVar("ConnectionT", bound=Struct)
PointT = TypeVar("PointT", bound=PointSettings)
BusT = TypeVar("BusT")
ConnectionT_co = TypeVar("ConnectionT_co", bound=Struct, covariant=True)
PointT_co = TypeVar("PointT_co", bound=PointSettings, covariant=True)


class Driver(ABC, Generic[ConnectionT, PointT, BusT]):
    """Driver of one device, opened; `Driver[Connection, Point, Bus]`, where Bus is what its devices may share.

    It is asked one thing at a time. `read` and `write` raise nothing but DeviceError.
    """

    Connection: ClassVar[type[Struct]]
    """What stands under `connection:`."""
    Point: ClassVar[type[PointSettings]]
    """What stands under each of `points:`."""
    belongs_to: ClassVar[Mapping[str, Collection[str]]] = {}
    """Key of a connection → those without which it says nothing; then what a profile says of it is left out."""
    news: "News | None" = None
    """Where a driver that listens says which points have something new; None: it only answers when asked."""

    def __init__(self, connection: ConnectionT, points: Mapping[str, PointT], bus: BusT) -> None:
        self.connection = connection
        self.points = points
        self.bus = bus

    @abstractmethod
    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        """The newest values of *points*. A value that cannot be true comes as a Reading that is BAD, not as an error.

        Raises: DeviceUnreachable: the device did not answer.
        """

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value] | None:
        """Writes *setpoint*, and returns once the device took it: what its points read as then, where that can be read.

        Whoever called reads that back, for as long as the point's `settle`; None: the driver has seen to it itself.
        What it is written *together* with goes into the same request. Where some bits of a register are a point, the
        others are kept. By default nothing can be written.

        Raises: DeviceUnreachable: no answer. DeviceRefused: it said no, or cannot be told all that with one request.
        """
        raise DeviceRefused(f"{setpoint.point}: the driver {type(self).__name__} writes nothing")

    @property
    def doubt(self) -> "Doubt | None":
        """Why who answers may be another device by now: while that is so, nothing is written. By default never.

        It may come up with any exchange, as that may have to connect anew.
        """
        return None

    def judge(self, doubt: "Doubt", *, is_device: bool) -> None:
        """Takes down whether it is the device all the same; if not, hangs up, so that it is looked for anew."""

    @property
    def oddities(self) -> Collection[str]:
        """What is odd about how the device speaks, though it is understood: a sentence each. By default nothing.

        What was said once stays; each is told once.
        """
        return ()

    @classmethod
    def open(
        cls, connection: ConnectionT, points: Mapping[str, PointT], bus: BusT
    ) -> AbstractAsyncContextManager[Self]:
        """The device behind *connection* on *bus*, until the context ends; does no I/O yet. By default just made."""
        return nullcontext(cls(connection, points, bus))

    @classmethod
    def bus_of(cls, connection: ConnectionT) -> Hashable:
        """Devices whose connections give the same key share one bus (a serial line, a Modbus connection).

        By default those with equal connections.
        """
        return repr(connection)

    @classmethod
    def open_bus(cls, connection: ConnectionT) -> AbstractAsyncContextManager[BusT]:
        """The bus that *connection* names, ready to be shared; connecting to the hardware comes later, on first use.

        By default None: there is nothing to share.
        """
        nothing: Any = None  # which is what Bus is where this is not overridden
        return nullcontext(nothing)

    @classmethod
    def where(cls, connection: ConnectionT) -> str:
        """Where the device is, for people; by default what *connection* says, but for defaults and secrets."""
        said = ((field, getattr(connection, field.name)) for field in fields(connection))
        return ", ".join(
            f"{field.encode_name} {value}"
            for field, value in said
            if isinstance(value, str | int | float)
            and value != field.default
            and not any(word in field.encode_name for word in SECRET)
        )

    @classmethod
    def problems_of_bus(cls, devices: "Iterable[AttachedDevice[ConnectionT, PointT]]") -> "Iterable[Remark]":
        """Where *devices*, all of this driver, clash or are unwise; by default nowhere."""
        return ()

    @classmethod
    def loads_of_buses(cls, devices: "Iterable[AttachedDevice[ConnectionT, PointT]]") -> "Iterable[BusLoad]":
        """How busy *devices*, all of this driver, will keep buses that have little room; by default none has."""
        return ()


AnyDriver: TypeAlias = Driver[Any, Any, Any]
"""A driver, whatever its settings are."""


class Doubt(NamedTuple):
    """A doubt about who answers: the name of a device cannot be looked up, and this is where it was last."""

    since: float
    """On the clock of the loop."""
    address: str


class News:
    """News of a device that speaks unasked: a driver tells which points have something new, and `read` gives it."""

    def __init__(self) -> None:
        self._listener: Callable[[Collection[str]], None] = lambda points: None

    def listen(self, listener: Callable[[Collection[str]], None]) -> None:
        """Has *listener*, and nobody else, called with the points that are told from now on."""
        self._listener = listener

    def tell(self, *points: str) -> None:
        """Says that *points* have something new; nobody minds how often, nor points that nobody configured.

        To be called in the loop's own thread, once `read` would give the new values; returns at once.
        """
        self._listener(points)


class AttachedDevice(Protocol[ConnectionT_co, PointT_co]):
    """A configured device, with what is asked of it."""

    @property
    def name(self) -> str: ...
    @property
    def connection(self) -> ConnectionT_co: ...
    @property
    def points(self) -> Mapping[str, PointT_co]: ...
    @property
    def poll_s(self) -> float: ...
    @property
    def refreshes(self) -> Iterable[tuple[float, Collection[str], Sequence[Collection[str]]]]:
        """What it is told again and again: how often, the points read for it, and those of each write."""
        ...

    @property
    def profile(self) -> str | None: ...
    @property
    def part(self) -> str | None:
        """Of the profile; different ones may share a place."""
        ...


class Remark(NamedTuple):
    """A remark on one device that its owner should know of."""

    device: str
    keys: tuple[str, ...]
    """Where in its configuration, outermost first."""
    what: str
    hint: str = ""
    is_warning: bool = False


class BusLoad(NamedTuple):
    """The load of a bus: how busy it will be."""

    bus: str
    share: float
    """Of its time, 0..1 and more."""
    detail: str

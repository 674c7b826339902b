"""Driver discovery: the driver of a name, complete; one that fits by shape alone is made one that inherits."""

from asyncio import CancelledError
from collections.abc import AsyncIterator, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Self

from msgspec import Struct

from ..driver import AnyDriver, Driver, PointSettings
from ..errors import S2dError
from ..values import Reading, Setpoint, Value
from .wording import did_you_mean

GROUP = "s2d.drivers"
"""The entry-point group drivers register in, ours and third parties' alike."""
_METHODS = ("bus_of", "open_bus", "open", "read", "write")
"""What a driver has that does not inherit them..."""
_OPTIONAL = ("problems_of_bus", "loads_of_buses")
"""...and what it may have."""


class DriverUnavailable(S2dError):
    """A driver that is named but cannot be used."""

    def __init__(self, name: str, why: str, hint: str = "") -> None:
        self.name = name
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return f"driver {self.name!r} {self.why}"


class Deprecation(NamedTuple):
    """Something of a driver that will not do in a later version."""

    what: str
    hint: str


def find_driver(name: str) -> type[AnyDriver]:
    """The driver *name*: an entry point of the group `s2d.drivers`, or `module:Class` for a local plugin.

    Raises: DriverUnavailable: not installed, it fails to import, or it is no driver.
    """
    from importlib.metadata import entry_points  # costs memory and start-up time: only for who looks for a driver

    with code_of(name, "cannot be loaded"):
        if ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(import_module(module), attribute)
        else:
            known = entry_points(group=GROUP)
            if name not in known.names:
                names = sorted(known.names)
                hint = did_you_mean(name, names) or f"Installed are: {', '.join(names)}"
                raise DriverUnavailable(name, "is not installed", hint)
            found = known[name].load()
        flaws = list(_flaws(found))
    if flaws:
        hint = "One inherits s2d.driver.Driver and has at least Connection, Point and read"
        raise DriverUnavailable(name, f"is no driver: {'; '.join(flaws)}", hint)
    driver: type[AnyDriver] = found if issubclass(found, Driver) else _adapted(found)
    return driver


@contextmanager
def code_of(name: str, what: str = "is broken") -> Iterator[None]:
    """Whatever the code of the driver *name* does meanwhile, nobody but its author sees a traceback.

    Raises: DriverUnavailable: it failed; *what* begins to say how.
    """
    try:
        yield
    except (S2dError, KeyboardInterrupt, CancelledError):
        raise
    except (ImportError, AttributeError, SyntaxError) as exc:
        hint = "It is looked for where s2d is installed, and in PYTHONPATH" if ":" in name else ""
        raise DriverUnavailable(name, f"{what}: {exc}", hint) from exc
    except BaseException as exc:
        hint = "Tell its author, or use another version of it"
        raise DriverUnavailable(name, f"{what}: {type(exc).__name__}: {exc}", hint) from exc


def deprecations(driver: type[AnyDriver]) -> Iterator[Deprecation]:
    """What the author of *driver* should change."""
    of = driver
    if issubclass(driver, AdaptedDriver):
        of = driver.shape
        yield Deprecation("fits by its shape alone, which a later version will not take", "Inherit s2d.driver.Driver")
    if hasattr(of, "tools"):
        yield Deprecation(
            "has a tools(), which nobody asks any more", "Name its tools as an entry point of the group s2d.tools"
        )
    if hasattr(of.Connection, "belongs_to"):
        yield Deprecation(
            "has a belongs_to at its Connection, where nobody looks any more", "Let the driver itself have it"
        )


def _flaws(found: object) -> Iterator[str]:
    """What keeps *found* from being a driver."""
    if not isinstance(found, type):
        yield "it is no class"
        return
    for part, expected in (("Connection", Struct), ("Point", PointSettings)):
        settings = getattr(found, part, None)
        if settings is not None and not (isinstance(settings, type) and issubclass(settings, expected)):
            yield f"its {part} is no {expected.__name__}"
    lacking = [part for part in ("Connection", "Point") if not hasattr(found, part)]
    if issubclass(found, Driver):
        lacking += sorted(found.__abstractmethods__)
    else:
        lacking += [name for name in _METHODS if not callable(getattr(found, name, None))]
    if lacking:
        yield f"it lacks {', '.join(lacking)}"


class AdaptedDriver(AnyDriver):
    """A driver that fits by shape, as one that inherits."""

    shape: ClassVar[Any]

    def __init__(self, connection: Struct, points: Mapping[str, PointSettings], bus: Any, opened: Any) -> None:
        super().__init__(connection, points, bus)
        self._opened = opened

    @classmethod
    def bus_of(cls, connection: Struct) -> Hashable:
        key: Hashable = cls.shape.bus_of(connection)
        return key

    @classmethod
    def open_bus(cls, connection: Struct) -> AbstractAsyncContextManager[Any]:
        bus: AbstractAsyncContextManager[Any] = cls.shape.open_bus(connection)
        return bus

    @classmethod
    @asynccontextmanager
    async def open(cls, connection: Struct, points: Mapping[str, PointSettings], bus: Any) -> AsyncIterator[Self]:
        async with cls.shape.open(connection, points, bus) as opened:
            yield cls(connection, points, bus, opened)

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        readings: Sequence[Reading] = await self._opened.read(points)
        return readings

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value] | None:
        reads_as: Mapping[str, Value] | None = await self._opened.write(setpoint, *together)
        return reads_as


@cache
def _adapted(shape: Any) -> type[AnyDriver]:
    """The one driver that *shape* is, however often it is found."""
    members = {name: getattr(shape, name) for name in ("Connection", "Point")}
    members |= {name: staticmethod(getattr(shape, name)) for name in _OPTIONAL if hasattr(shape, name)}
    return type(shape.__name__, (AdaptedDriver,), {**members, "shape": shape, "__doc__": shape.__doc__})

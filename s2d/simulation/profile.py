"""The registers of simulated hardware as a profile describes them. Pure: time is an argument.

What the points show of the hardware, and which orders stand in the registers that are written, is defined under
`simulation:` in the profile. How a point becomes registers is the driver's own business (`DeviceImage`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from ..commissioning.tools import DeviceImage
from ..config.profile import Simulation
from ..device.computed import in_order
from ..device.device_map import DeviceMap, Variant
from ..driver import PointSettings
from ..errors import BadReading, DeviceRefused
from ..values import Value
from .faults import NIGHT_OFFLINE, Faults
from .hardware import RATINGS, SimulatedHardware
from .registers import NoResponse, Registers, Table
from .sun import Sun

ImageOf = Callable[[Mapping[str, PointSettings], Collection[str]], DeviceImage]
"""Makes the registers of a device that has these points, the optional ones as far as they are in the second."""

_SUN_STEP_S = 1.0
"""How often what the sun changes is felt..."""
_MOST_SUN_STEPS = 600
"""...unless nobody asked for so long that it would be more often than this."""


class ProfileRegisters:
    """The registers of a device of some profile, with *hardware* behind them; `units` has them by unit number.

    Of its variants it is the one that its own values choose. *on_write* is called for every point that is written.
    """

    def __init__(
        self,
        hardware: SimulatedHardware,
        make: DeviceMap,
        variants: Sequence[Variant],
        simulation: Simulation,
        image_of: ImageOf,
        on_write: Callable[[str, Value | None], None] = lambda point, value: None,
        faults: Faults | None = None,
        sun: Sun = Sun(0.0),  # noqa: B008 (immutable)
    ) -> None:
        """Raises: DeviceRefused: a point cannot hold what it shows at the start."""
        self._hardware = hardware
        self._simulation = simulation
        self._parameters = make.parameters
        self._faults = faults or Faults()
        self._sun = sun
        self._now_s = 0.0
        self._sun_w = sun.power_w(self._now_s)
        self._on_write = on_write
        self._before_fault: dict[str, Value | None] = {}
        """The values, before the fault, of the points that `fails` changes."""
        self._orders = simulation.orders
        values = hardware.values()
        self._measured = {name for name, value in values.items() if not isinstance(value, str | bool)} - RATINGS.keys()
        used_points = simulation.shows.keys() | simulation.starts.keys() | simulation.fails.keys() | values.keys()
        used_points |= {name for each in (make, *(each.make for each in variants)) for name in each.nameplate.names}
        expressions = [*simulation.shows.values(), *simulation.fails.values()]
        self._shown_points = frozenset().union(*(each.names for each in expressions)) - {"sun", *values}
        """Points that others depend on."""
        self._feels_sun = any("sun" in each.names for each in self._orders.values())
        self._make = make
        self._image = self._switched_on(image_of(make.points, used_points))
        probes = {name: point for name, point in make.points.items() if point.poll == "once"}
        known = {**make.parameters, **self._points()}
        for variant in variants:
            if variant.when.evaluate(known):
                self._make = variant.make
                self._image = self._switched_on(image_of({**probes, **variant.make.points}, used_points))
                break
        self._initial = {
            name: self._image.value_of(name) for name, point in self._make.points.items() if point.is_writable
        }
        self._written: set[str] = set()
        self._written_at_s = -inf
        self._obey(self._now_s)

    @property
    def units(self) -> dict[int, Registers]:
        """The registers of each unit."""
        return {unit: _ProfileUnit(self, unit) for unit in self._image.units}

    def read(self, unit: int, table: Table, address: int, count: int, now_s: float) -> list[int]:
        """See `Registers`."""
        self._answer(now_s)
        return self._image.read(unit, table, address, count)

    def write(self, unit: int, table: Table, address: int, words: Sequence[int], now_s: float) -> None:
        """See `Registers`."""
        self._answer(now_s)
        written = self._image.write(unit, table, address, words)
        self._written |= {*written}
        self._written_at_s = now_s
        self._obey(now_s)
        for name in written:
            self._on_write(name, self._image.value_of(name))

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*, in seconds on a clock that never steps."""
        forgets_s = self._faults.forgets_s if self._faults.is_on("forgets") else self._simulation.forgets_s
        if forgets_s is not None and self._written and now_s - self._written_at_s >= forgets_s:
            for name in self._written:
                self._image.show(name, self._initial[name])
            self._written.clear()
            self._obey(self._written_at_s + forgets_s)
        if self._feels_sun:
            self._follow_sun(now_s)
        self._sun_w = self._sun.power_w(now_s)
        self._hardware.advance(now_s)

    def _answer(self, now_s: float) -> None:
        self.advance(now_s)
        if self._faults.is_on(NIGHT_OFFLINE) and self._hardware.values().get("state") == "sleeping":
            raise NoResponse
        self._show(self._image)

    def _follow_sun(self, now_s: float) -> None:
        """Lives until *now_s* with the sun as it is meanwhile."""
        step_s = max(_SUN_STEP_S, (now_s - self._now_s) / _MOST_SUN_STEPS)
        while self._now_s < now_s:
            self._now_s = min(now_s, self._now_s + step_s)
            self._sun_w = self._sun.power_w(self._now_s)
            self._obey(self._now_s)

    def _obey(self, now_s: float) -> None:
        known = {**self._known(self._hardware.values()), **self._parameters, **self._points()}
        for name in in_order(self._make.computed):
            try:
                known[name] = self._make.computed[name].value_of(known)
            except BadReading:
                known.pop(name, None)
        told = {name: expression.evaluate(known) for name, expression in self._orders.items()}
        self._hardware.obey(_without_unknown(told), now_s)

    def _points(self) -> dict[str, Value]:
        return _without_unknown({name: self._image.value_of(name) for name in self._image.points})

    def _known(self, values: Mapping[str, Value | None]) -> dict[str, Value]:
        """The *values* that the hardware knows, and the sun."""
        return {"sun": self._sun_w, **_without_unknown(values)}

    def _is_told(self, point: str) -> bool:
        """Whether *point* holds what was written to it."""
        return point in self._make.points and self._make.points[point].is_writable

    def _switched_on(self, image: DeviceImage) -> DeviceImage:
        """*image* as it is when the device is switched on."""
        values = self._hardware.values()
        for name in image.points:
            if name in RATINGS and name in values:
                image.show(name, values[name])
            elif name in values:
                _show(image, name, values[name])
        plate = self._make.nameplate
        for point, text in (
            (plate.manufacturer, "s2d"),
            (plate.model, "simulated"),
            (plate.serial_number, values.get("serial_number")),
        ):
            if point in image.points and isinstance(image.value_of(str(point)), str | None):
                _show(image, str(point), text)
        for name, node in self._simulation.starts.items():
            if name in image.points and isinstance(node.content, bool | int | float | str):
                image.show(name, node.content)
        self._show(image)
        return image

    def _show(self, image: DeviceImage) -> None:
        values = self._hardware.values()
        held = ((name, image.value_of(name)) for name in self._shown_points if name in image.points)
        known = {
            **{name: value for name, value in held if value is not None},
            **self._parameters,
            **self._known(values),
        }
        is_away = self._faults.is_on("nan")
        if self._before_fault and not self._hardware.fault:
            for name, value in self._before_fault.items():
                _show(image, name, value)
            self._before_fault.clear()
        for name, expression in self._simulation.shows.items():
            value = expression.evaluate(known)
            if name in image.points:
                _show(image, name, None if is_away and not self._measured.isdisjoint(expression.names) else value)
        for name in image.points:
            if name in values and name not in self._simulation.shows and not self._is_told(name):
                _show(image, name, None if is_away and name in self._measured else values[name])
        for name, expression in self._simulation.fails.items() if self._hardware.fault else ():
            if name in image.points:
                self._before_fault.setdefault(name, image.value_of(name))
                _show(image, name, expression.evaluate(known))


def _without_unknown(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _show(image: DeviceImage, point: str, value: Value | None) -> None:
    try:
        image.show(point, value)
    except DeviceRefused:
        image.show(point, None)  # what a register cannot say it does not know


@dataclass(frozen=True, slots=True)
class _ProfileUnit:
    """One Modbus unit of a device that may have several."""

    whole: ProfileRegisters
    unit: int

    def read(self, address: int, count: int, now_s: float, table: Table = "holding") -> list[int]:
        return self.whole.read(self.unit, table, address, count, now_s)

    def write(self, address: int, words: Sequence[int], now_s: float, table: Table = "holding") -> None:
        self.whole.write(self.unit, table, address, words, now_s)

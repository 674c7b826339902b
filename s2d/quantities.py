"""Quantities as people write them ("10 kWh", "10 % .. 95 %") and the numbers they stand for.

Each quantity is a float in the base unit of its dimension; its class knows how it is written, so that configuration,
error messages and JSON Schema all say the same.
"""

import re
from typing import ClassVar, Self

from .errors import BadReading
from .written import Written, shown

UNITS: dict[str, tuple[str, float]] = {
    "W": ("power", 1.0),
    "kW": ("power", 1e3),
    "MW": ("power", 1e6),
    "Wh": ("energy", 1.0),
    "kWh": ("energy", 1e3),
    "MWh": ("energy", 1e6),
    "mA": ("current", 1e-3),
    "A": ("current", 1.0),
    "mV": ("voltage", 1e-3),
    "V": ("voltage", 1.0),
    "Hz": ("frequency", 1.0),
    "%": ("percentage", 1.0),
    "°C": ("temperature", 1.0),
    "K": ("temperature difference", 1.0),
    "ms": ("duration", 1e-3),
    "s": ("duration", 1.0),
    "min": ("duration", 60.0),
    "h": ("duration", 3600.0),
    "d": ("duration", 86400.0),
    "l/h": ("flow", 1 / 3600),
    "l/s": ("flow", 1.0),
    "l": ("volume", 1.0),
}
"""Unit as written → its dimension and how many base units it is. The base unit is the one with 1.0.

What begins with another unit stands before it: "l/h" before "l".
"""

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_DIGITS_AT_MOST = 64
_QUANTITY = re.compile(rf"\s*((?a:{_NUMBER}))\s*(\S+)\s*")


class Quantity(float, Written):
    """A number with a dimension, kept in the base unit."""

    dimension: ClassVar[str]
    article: ClassVar[str] = "a"
    most: ClassVar[str]
    """More than this, in either direction, is a slip of the pen wherever it stands; a key may have narrower limits."""

    @classmethod
    def phrase(cls) -> str:
        """What was expected, in a sentence."""
        return f'{cls.article} {cls.dimension} such as "{cls.example}"'

    @classmethod
    def parse(cls, written: object) -> Self:
        """The quantity *written* stands for.

        Raises: ValueError: not text, no number, no unit, a unit of another dimension, or more than can be meant.
        """
        number = cls._number_of(written)
        if abs(number) > cls._number_of(cls.most):
            raise ValueError(f"must be at most {cls.most}, got {shown(written)}")
        return cls(number)

    @classmethod
    def _number_of(cls, written: object) -> float:
        match = _QUANTITY.fullmatch(written) if isinstance(written, str) else None
        dimension, factor = UNITS.get(match[2], ("", 0.0)) if match else ("", 0.0)
        if match is None or dimension != cls.dimension:
            raise cls.unlike(written)
        return float(match[1]) * factor

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        return rf"^\s*{cls.inner_pattern()}\s*$"

    @classmethod
    def inner_pattern(cls) -> str:
        """The same for one that is part of a text."""
        units = "|".join(re.escape(unit) for unit, (dimension, _) in UNITS.items() if dimension == cls.dimension)
        return rf"{_NUMBER}\s*({units})"

    def text(self) -> str:
        """How it is written in the base unit."""
        return f"{self:g} {base_unit(self.dimension)}"


class Power(Quantity):
    """A power, in W."""

    dimension = "power"
    example = "5 kW"
    most = "100 MW"


class Energy(Quantity):
    """An energy, in Wh."""

    dimension = "energy"
    article = "an"
    example = "10 kWh"
    most = "1000 MWh"


class Current(Quantity):
    """A current, in A."""

    dimension = "current"
    example = "16 A"
    most = "10000 A"


class Voltage(Quantity):
    """A voltage, in V."""

    dimension = "voltage"
    example = "230 V"
    most = "10000 V"


class Percentage(Quantity):
    """A percentage, in %."""

    dimension = "percentage"
    example = "92 %"
    most = "1000 %"


class Temperature(Quantity):
    """A temperature, in °C."""

    dimension = "temperature"
    example = "55 °C"
    most = "2000 °C"


class TemperatureDifference(Quantity):
    """A difference of temperatures, in K."""

    dimension = "temperature difference"
    example = "5 K"
    most = "1000 K"


class Volume(Quantity):
    """A volume, in l."""

    dimension = "volume"
    example = "200 l"
    most = "1000000 l"


class Duration(Quantity):
    """A duration, in s."""

    dimension = "duration"
    example = "30 s"
    most = "365 d"


def limits(least: str, most: str) -> dict[str, str]:
    """The limits of a key that holds a quantity, as the `extra` of its `Meta`; written as their owner would."""
    return {"least": least, "most": most}


class QuantityRange(tuple[float, float], Written):
    """A range of a quantity, the lower end first, as in "10 % .. 95 %"."""

    noun = "a range"
    quantity: ClassVar[type[Quantity]]
    is_one_enough: ClassVar[bool] = False
    """One quantity alone is both ends."""

    @classmethod
    def parse(cls, written: object) -> Self:
        """The range *written* stands for.

        Raises: ValueError: not two such quantities with `..` between, not in rising order, or more than can be meant.
        """
        ends = [end for end, _ in cls.parts(written)] if isinstance(written, str) else []
        if len(ends) == 1 and cls.is_one_enough:
            ends *= 2
        if len(ends) != 2 or not all(re.fullmatch(cls.quantity.pattern(), end) for end in ends):
            raise cls.unlike(written)
        low, high = map(cls.quantity.parse, ends)
        if low > high or (low == high and not cls.is_one_enough):
            raise ValueError(f"expected the lower end first and below the upper, got {shown(written)}")
        return cls((low, high))

    @classmethod
    def parts(cls, written: str) -> list[tuple[str, type[Written]]]:
        """The ends as they are *written*."""
        return [(end.strip(), cls.quantity) for end in written.split("..")]

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        end = cls.quantity.inner_pattern()
        return rf"^\s*({end}\s*\.\.\s*)?{end}\s*$" if cls.is_one_enough else rf"^\s*{end}\s*\.\.\s*{end}\s*$"

    def text(self) -> str:
        """How it is written in the base unit."""
        low, high = map(self.quantity, self)
        return low.text() if low == high else f"{low.text()} .. {high.text()}"


class PercentageRange(QuantityRange):
    """A range of two percentages, in %."""

    quantity = Percentage
    example = "10 % .. 95 %"


class PowerSpan(QuantityRange):
    """A range of powers, in W, as in "500 W .. 2 kW"; "1.8 kW" is both ends. (S2 has a message PowerRange.)"""

    quantity = Power
    example = "500 W .. 2 kW"
    is_one_enough = True


class TemperatureRange(QuantityRange):
    """A range of two temperatures, in °C."""

    quantity = Temperature
    example = "50 °C .. 58 °C"


class TemperatureDifferenceRange(QuantityRange):
    """A range of two differences of temperatures, in K."""

    quantity = TemperatureDifference
    example = "-3 K .. 5 K"


def number_in(said: str | bool, unit: str) -> float:
    """The number that a device *said* in words of a quantity in *unit*.

    Raises: BadReading: it is none.
    """
    if isinstance(said, str) and len(said) <= _DIGITS_AT_MOST and re.fullmatch(_NUMBER, said.strip(), re.ASCII):
        return float(said)
    raise BadReading(f"{said[:_DIGITS_AT_MOST] if isinstance(said, str) else said!r} is no number of {unit}")


def dimension_of(unit: str) -> str:
    """The dimension of *unit*, e.g. `power` of `kW`.

    Raises: ValueError: no such unit.
    """
    return _unit(unit)[0]


def factor_of(unit: str) -> float:
    """How many base units one *unit* is, e.g. 1000.0 of `kW`.

    Raises: ValueError: no such unit.
    """
    return _unit(unit)[1]


def base_unit(dimension: str) -> str:
    """The unit in which values of *dimension* are kept; empty for a plain number or state."""
    units = (unit for unit, (known, factor) in UNITS.items() if known == dimension and factor == 1.0)
    return next(units, "")


def _unit(unit: str) -> tuple[str, float]:
    try:
        return UNITS[unit]
    except KeyError:
        raise ValueError(f"unknown unit {unit!r}; known are {', '.join(UNITS)}") from None

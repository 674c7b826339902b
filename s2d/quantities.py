"""Quantities as people write them ("10 kWh", "10 % .. 95 %") and the numbers they stand for.

Each quantity is a float in the base unit of its dimension; its class knows how it is written, so that configuration,
error messages and JSON Schema all say the same.
"""

import re
from typing import ClassVar, Self

from .errors import BadReading

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
    "ms": ("duration", 1e-3),
    "s": ("duration", 1.0),
    "min": ("duration", 60.0),
    "h": ("duration", 3600.0),
    "d": ("duration", 86400.0),
    "l/h": ("flow", 1 / 3600),
    "l/s": ("flow", 1.0),
}
"""Unit as written → its dimension and how many base units it is. The base unit is the one with 1.0."""

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(\S+)\s*")


class Quantity(float):
    """A number with a dimension, kept in the base unit."""

    dimension: ClassVar[str]
    article: ClassVar[str] = "a"
    example: ClassVar[str]
    most: ClassVar[str]
    """More than this, in either direction, is a slip of the pen wherever it stands; a key may have narrower limits."""

    @classmethod
    def parse(cls, written: object) -> Self:
        """The quantity *written* stands for.

        Raises: ValueError: not text, no number, no unit, a unit of another dimension, or more than can be meant.
        """
        number = cls._number_of(written)
        if abs(number) > cls._number_of(cls.most):
            raise ValueError(f"must be at most {cls.most}, got {_shown(written)}")
        return cls(number)

    @classmethod
    def _number_of(cls, written: object) -> float:
        match = _QUANTITY.fullmatch(written) if isinstance(written, str) else None
        dimension, factor = UNITS.get(match[2], ("", 0.0)) if match else ("", 0.0)
        if match is None or dimension != cls.dimension:
            raise ValueError(f'expected {cls.article} {cls.dimension} such as "{cls.example}", got {_shown(written)}')
        return float(match[1]) * factor

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        units = "|".join(re.escape(unit) for unit, (dimension, _) in UNITS.items() if dimension == cls.dimension)
        return rf"^\s*{_NUMBER}\s*({units})\s*$"


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


class Duration(Quantity):
    """A duration, in s."""

    dimension = "duration"
    example = "30 s"
    most = "365 d"


def limits(least: str, most: str) -> dict[str, str]:
    """The limits of a key that holds a quantity, as the `extra` of its `Meta`; written as their owner would."""
    return {"least": least, "most": most}


class PercentageRange(tuple[float, float]):
    """A range of two percentages, the lower first, as in "10 % .. 95 %"."""

    example: ClassVar[str] = "10 % .. 95 %"

    @classmethod
    def parse(cls, written: object) -> Self:
        """The range *written* stands for.

        Raises: ValueError: not two percentages with `..` between, or not in rising order.
        """
        ends = written.split("..") if isinstance(written, str) else []
        try:
            low, high = map(Percentage.parse, ends)
        except ValueError:
            raise ValueError(f'expected a range such as "{cls.example}", got {_shown(written)}') from None
        if low >= high:
            raise ValueError(f"expected the lower end first and below the upper, got {_shown(written)}")
        return cls((low, high))

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        return rf"^\s*{_NUMBER}\s*%\s*\.\.\s*{_NUMBER}\s*%\s*$"


def number_in(said: str | bool, unit: str) -> float:
    """The number that a device *said* in words of a quantity in *unit*.

    Raises: BadReading: it is none.
    """
    if isinstance(said, str) and re.fullmatch(_NUMBER, said.strip()):
        return float(said)
    raise BadReading(f"{said!r} is no number of {unit}")


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


def _unit(unit: str) -> tuple[str, float]:
    try:
        return UNITS[unit]
    except KeyError:
        raise ValueError(f"unknown unit {unit!r}; known are {', '.join(UNITS)}") from None


def _shown(written: object) -> str:
    return f'"{written}"' if isinstance(written, str) else str(written)

"""Heat: what a tank loses by itself, and how much of it a heat pump makes of its power."""

import re
from dataclasses import dataclass
from typing import Annotated, Self

from msgspec import Meta

from .quantities import Power, Temperature
from .written import Composed, Written, shown

_MOST = "10 kW"
"""No tank loses more."""
_AT = re.compile(r"\s+at\s+")


@dataclass(frozen=True, slots=True)
class StandingLosses(Written):
    """The heat that a tank loses by itself at one temperature of its water, as in "50 W at 50 °C" or "50 W"."""

    noun = "a power at a temperature"
    example = "50 W at 50 °C"

    power_w: float
    at_c: float = 50.0

    @classmethod
    def parse(cls, written: object) -> Self:
        """The losses that *written* stands for.

        Raises: ValueError: no power, or with something else behind it than "at" and a temperature; or no such power.
        """
        parts = [part for part, _ in cls.parts(written)] if isinstance(written, str) else []
        if not parts or not re.fullmatch(cls.pattern(), str(written)):
            raise cls.unlike(written)
        power_w, *at_c = Power.parse(parts[0]), *map(Temperature.parse, parts[1:])
        if not 0 <= power_w <= Power.parse(_MOST):
            raise ValueError(f"must be from 0 W to {_MOST}, got {shown(written)}")
        return cls(float(power_w), *map(float, at_c))

    @classmethod
    def parts(cls, written: str) -> list[tuple[str, type[Written]]]:
        """The power, and the temperature if it stands there."""
        return list(zip(_AT.split(written.strip(), maxsplit=1), (Power, Temperature), strict=False))

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        return rf"^\s*{Power.inner_pattern()}(\s+at\s+{Temperature.inner_pattern()})?\s*$"

    def text(self) -> str:
        """How they are written in base units."""
        return f"{Power(self.power_w).text()} at {Temperature(self.at_c).text()}"

    def w_per_k(self, ambient_c: float) -> float:
        """The heat lost for each kelvin that the water is warmer than *ambient_c*, which is below `at_c`."""
        return self.power_w / (self.at_c - ambient_c)


Cop = Annotated[float, Meta(ge=1, le=20)]
"""No heat pump gives more, and none less than a heater rod."""


@dataclass(frozen=True, slots=True)
class CoefficientOfPerformance(Composed):
    """The heat that a heat pump gives for its power: a number, or one at each of two temperatures outdoors."""

    shape = Cop | dict[Temperature, Cop]
    example = "{-7 °C: 2.4, 7 °C: 3.4}"

    points: tuple[tuple[float, float], ...]
    """Temperature outdoors in °C and number, the colder first; a single one holds at any temperature."""

    @classmethod
    def of(cls, parts: float | dict[Temperature, float]) -> Self:
        """Raises: ValueError: not two points, or a lower number where it is warmer."""
        if isinstance(parts, float):
            return cls(((0.0, parts),))
        points = sorted((float(outdoor_c), cop) for outdoor_c, cop in parts.items())
        if len(points) != 2:
            raise ValueError(f"expected one number or two points such as {cls.example}, got {len(points)}")
        if points[0][1] > points[1][1]:
            raise ValueError("expected no lower number where it is warmer outdoors")
        return cls(tuple(points))

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same at any temperature outdoors."""
        return self.points[0][1] == self.points[-1][1]

    def at(self, outdoor_c: float) -> float:
        """The number at *outdoor_c*: straight between the two points and beyond, never below 1."""
        (cold_c, low), (warm_c, high) = self.points[0], self.points[-1]
        if self.is_fixed:
            return low
        return max(1.0, low + (outdoor_c - cold_c) * (high - low) / (warm_c - cold_c))

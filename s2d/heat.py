"""Heat: what a tank loses by itself, and how much of it a heat pump makes of its power."""

import re
from dataclasses import dataclass
from typing import Self

from .quantities import Power, Temperature
from .written import Written, shown

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

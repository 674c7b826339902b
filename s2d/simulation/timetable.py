"""A timetable of a simulated car: when it comes home, used how far, and leaves. Pure; the same seed, the same weeks.

Day 0 is a Monday. Times are local; nobody keeps them to the minute.
"""

from typing import NamedTuple

from .chance import chance
from .sun import DAY_S


class Visit(NamedTuple):
    """A visit of the car to its socket, in seconds since the midnight that day 0 begins with."""

    arrives_s: float
    leaves_s: float
    used_percent: float
    """What it used of its battery before."""


class Timetable:
    """On weekdays away from about 07:15 to 17:30, at weekends for some hours; 10 % to 40 % are used meanwhile."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed

    def visit(self, day: int) -> Visit:
        """The visit that begins on *day* and ends on the next."""
        used_percent = 10 + 30 * chance(self._seed, f"used {day}")
        return Visit(self._arrives_s(day), self._leaves_s(day + 1), used_percent)

    def _leaves_s(self, day: int) -> float:
        late = chance(self._seed, f"leaves {day}")
        return day * DAY_S + (9.5 + 2 * late if _is_weekend(day) else 7 + 0.5 * late) * 3600

    def _arrives_s(self, day: int) -> float:
        late = chance(self._seed, f"arrives {day}")
        return day * DAY_S + (13 + 6 * late if _is_weekend(day) else 17 + late) * 3600


def _is_weekend(day: int) -> bool:
    return day % 7 >= 5

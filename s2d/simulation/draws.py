"""The hot water that a household draws over a day. Pure; the same seed makes the same days.

What is drawn, when and at which flow follows the load profile M of the European energy label for water heaters: two
showers, the dishes, and a little many times, 5.845 kWh a day (Regulation (EU) No 812/2013, Annex VII, Table 3). Each
draw comes up to a quarter of an hour sooner or later and takes up to a fifth more or less, differently each day.
"""

from collections.abc import Iterator
from typing import NamedTuple

from .chance import chance
from .sun import DAY_S

USED_AT_C = 40.0
"""At the tap; the flows of the profile are of water that is as warm, mixed of hot and cold."""
COLD_WATER_C = 10.0
"""From the mains, as in the profile."""
WATER_J_PER_LK = 4190.0
"""What a litre of water takes to become warmer by a kelvin."""

_MOST_SHIFT_S = 900.0
_MOST_EXCESS = 0.2

_BASIN_L_PER_MIN, _DISHES_L_PER_MIN, _SHOWER_L_PER_MIN = 3.0, 4.0, 6.0
_AT_BASINS = (
    7.0,
    7.5,
    7.75,
    8.25,
    8.5,
    8.75,
    9.0,
    9.5,
    10.5,
    11.5,
    11.75,
    14.5,
    15.5,
    16.5,
    18.0,
    18.25,
    18.5,
    19.0,
    21.25,
)
_PROFILE_M = (
    *((hour, 0.105, _BASIN_L_PER_MIN) for hour in _AT_BASINS),
    (7 + 5 / 60, 1.4, _SHOWER_L_PER_MIN),
    (12.75, 0.315, _DISHES_L_PER_MIN),
    (20.5, 0.735, _DISHES_L_PER_MIN),
    (21.5, 1.4, _SHOWER_L_PER_MIN),
)
"""Hour of the day, kWh, and flow at the tap."""


class _Draw(NamedTuple):
    """One draw of a day."""

    begins_s: float
    ends_s: float
    l_per_s: float


class HotWaterDraws:
    """What a household draws that uses about *kwh_per_day*; none at all for 0."""

    def __init__(self, kwh_per_day: float = 5.845, seed: int = 1) -> None:
        """Raises: ValueError: a household that gives hot water."""
        if not 0 <= kwh_per_day < 1000:
            raise ValueError("a household draws 0 kWh of hot water a day or more")
        self._scale = kwh_per_day / sum(kwh for _, kwh, _ in _PROFILE_M)
        self._seed = seed
        self._day = -1
        self._draws: tuple[_Draw, ...] = ()
        """Of `_day`."""

    def l_per_s(self, time_s: float) -> float:
        """What runs out of the taps at `USED_AT_C`, *time_s* after the midnight before the first day."""
        day, second = divmod(time_s, DAY_S)
        if day != self._day:
            self._day, self._draws = int(day), tuple(self._of_day(int(day)))
        return sum(draw.l_per_s for draw in self._draws if draw.begins_s <= second < draw.ends_s)

    def _of_day(self, day: int) -> Iterator[_Draw]:
        for hour, kwh, l_per_min in _PROFILE_M:
            shift = 2 * chance(self._seed, f"shift {day} {hour}") - 1
            excess = 2 * chance(self._seed, f"excess {day} {hour}") - 1
            begins_s = hour * 3600 + shift * _MOST_SHIFT_S
            w_at_tap = l_per_min / 60 * WATER_J_PER_LK * (USED_AT_C - COLD_WATER_C)
            lasts_s = kwh * 3.6e6 * self._scale * (1 + excess * _MOST_EXCESS) / w_at_tap
            yield _Draw(begins_s, begins_s + lasts_s, l_per_min / 60)

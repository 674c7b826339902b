"""A household, and what it uses by day and night besides heat and cars. Pure; the same seed makes the same days.

It changes once a minute at most. That a refrigerator and an oven run in cycles, and how, follows
Pipattanasomporn, Kuzlu, Rahman, Teklu, Load Profiles of Selected Major Household Appliances and Their Demand Response
Opportunities, IEEE Transactions on Smart Grid 5 (2014).
"""

from typing import NamedTuple

from .chance import chance
from .sun import NOON_S

_DAY_MIN = 1440
_ALWAYS_W = (60.0, 50.0, 40.0)
"""What is never off, phase by phase."""


class _Appliance(NamedTuple):
    """An appliance, and when a day uses it."""

    name: str
    phase: int
    power_w: float
    hours: tuple[float, ...]
    """When it is used, more or less."""
    shift_min: int
    """So much sooner or later."""
    likely: float
    """Each time it is used with this probability."""
    least_min: int
    most_min: int
    """How long."""
    warms_up_min: int = 0
    on_min: int = 1
    off_min: int = 0
    """Afterwards its thermostat has it so long on and off in turns."""


_APPLIANCES = (
    _Appliance("kettle", 1, 2000, (6.75, 7.5, 10.5, 13, 16, 19.5, 21), 20, 0.8, 2, 4),
    _Appliance("oven", 2, 2500, (18,), 30, 0.7, 40, 60, warms_up_min=10, on_min=2, off_min=4),
    _Appliance("lights", 0, 120, (18.5,), 20, 1.0, 240, 300),
    _Appliance("television", 1, 100, (19,), 45, 0.9, 90, 210),
)
_FRIDGE_W = 90.0
_FRIDGE_CYCLE_MIN = 45
_FRIDGE_LEAST_MIN, _FRIDGE_MOST_MIN = 12, 18


class Household:
    """A household on three phases; at 0 s it is *time_of_day_s* after midnight, to the minute."""

    def __init__(self, seed: int = 1, time_of_day_s: float = NOON_S) -> None:
        self._seed = seed
        self._began_min = int(time_of_day_s // 60)

    def power_w(self, now_s: float) -> tuple[float, float, float]:
        """What it uses at *now_s*, in seconds on a clock that never steps, phase by phase."""
        minute = self._began_min + int(now_s // 60)
        day, of_day = divmod(minute, _DAY_MIN)
        used_w = [*_ALWAYS_W]
        used_w[0] += _FRIDGE_W if self._is_fridge_on(minute) else 0.0
        for each in _APPLIANCES:
            used_w[each.phase] += each.power_w if self._is_on(each, day, of_day) else 0.0
        return used_w[0], used_w[1], used_w[2]

    def steady_until_s(self, now_s: float) -> float:
        """Until when, from *now_s* on, what it uses stays the same."""
        return (now_s // 60 + 1) * 60

    def _is_fridge_on(self, minute: int) -> bool:
        cycle, into = divmod(minute, _FRIDGE_CYCLE_MIN)
        return into < self._between(_FRIDGE_LEAST_MIN, _FRIDGE_MOST_MIN, f"fridge {cycle}")

    def _is_on(self, appliance: _Appliance, day: int, minute: int) -> bool:
        for hour in appliance.hours:
            of = f"{appliance.name} {day} {hour}"
            into = minute - round(hour * 60) - self._between(-appliance.shift_min, appliance.shift_min, f"{of} shift")
            if not 0 <= into < appliance.most_min or into >= self._between(
                appliance.least_min, appliance.most_min, f"{of} length"
            ):
                continue
            if chance(self._seed, of) >= appliance.likely:
                continue
            warm = into - appliance.warms_up_min
            if warm < 0 or warm % (appliance.on_min + appliance.off_min) >= appliance.off_min:
                return True
        return False

    def _between(self, least: int, most: int, of: str) -> int:
        return least + int((most - least + 1) * chance(self._seed, of))

"""The simulated meter and the household behind it: what is used, what the sun gives, and what is counted."""

from itertools import pairwise

import pytest

from s2d.simulation.household import Household
from s2d.simulation.meter import LINE_OHM, SimulatedMeter
from s2d.simulation.sun import Sun

HOUR_S = 3600.0
MIDNIGHT_S = 0.0


class Using(Household):
    """A household that uses the same at all times."""

    def __init__(self, *powers_w: float) -> None:
        super().__init__()
        self._powers_w = powers_w

    def power_w(self, now_s: float) -> tuple[float, float, float]:
        first_w, second_w, third_w = self._powers_w
        return first_w, second_w, third_w


class Rising(Sun):
    """A sun that rises in a straight line from 0 s on, by 1 W a second."""

    def power_w(self, now_s: float) -> float:
        return now_s


def test_a_phase_has_what_its_part_of_the_house_uses_less_a_third_of_the_sun() -> None:
    meter = SimulatedMeter(Using(2000, 100, 50), Rising(1))
    meter.advance(600.0)
    values = meter.values()
    assert [values[f"power_l{phase}"] for phase in (1, 2, 3)] == [1800, -100, -150]
    assert values["power"] == 1550


def test_import_and_export_are_counted_of_the_sum_and_to_the_watt_hour() -> None:
    meter = SimulatedMeter(Using(1800, 0, 0), Rising(1))
    meter.advance(2 * HOUR_S)
    # Two triangles: down from 1800 W in half an hour, and up to 5400 W in an hour and a half.
    assert meter.import_wh == pytest.approx(1800 / 2 * 0.5)
    assert meter.export_wh == pytest.approx(5400 / 2 * 1.5)


def test_a_current_is_signed_and_the_line_takes_its_part_of_the_voltage() -> None:
    meter, dark = SimulatedMeter(Using(4600, 0, -4600), Sun(0)), SimulatedMeter(Using(0, 0, 0), Sun(0))
    loaded, unloaded = meter.values(), dark.values()
    for phase, power_w in ((1, 4600.0), (2, 0.0), (3, -4600.0)):
        volts, amperes = loaded[f"voltage_l{phase}"], loaded[f"current_l{phase}"]
        grid_v = unloaded[f"voltage_l{phase}"]
        assert isinstance(volts, float)
        assert isinstance(amperes, float)
        assert isinstance(grid_v, float)
        assert volts * amperes == pytest.approx(power_w)
        assert volts == pytest.approx(grid_v - LINE_OHM * amperes)
        assert 228 <= grid_v <= 232
    assert loaded["current_l3"] == pytest.approx(-20, abs=0.6)


def test_one_phase_has_all() -> None:
    values = SimulatedMeter(Using(100, 200, 300), Sun(0), phases=1).values()
    assert values["power"] == 600
    assert {name for name in values if "_l" in name} == {"voltage_l1", "current_l1"}


def test_with_a_fault_it_measures_nothing_and_counts_on() -> None:
    meter = SimulatedMeter(Using(1000, 0, 0), Sun(0))
    meter.set_fault(True, 0.0)
    meter.advance(HOUR_S)
    assert {name for name, value in meter.values().items() if value is not None} == {"serial_number"}
    meter.set_fault(False, 2 * HOUR_S)
    assert meter.values()["energy_import"] == pytest.approx(2000)


def test_a_step_of_a_day_leaves_it_as_steps_of_seven_seconds_do() -> None:
    at_once, slowly = (SimulatedMeter(Household(3, 0.1), Sun(5000, 3, 0.1)) for _ in range(2))
    at_once.advance(24 * HOUR_S)
    for step in range(1, int(24 * HOUR_S / 7) + 1):
        slowly.advance(step * 7.0)
    slowly.advance(24 * HOUR_S)
    assert at_once.import_wh > 2000
    assert at_once.export_wh > 5000
    assert slowly.import_wh == pytest.approx(at_once.import_wh, rel=1e-9)
    assert slowly.export_wh == pytest.approx(at_once.export_wh, rel=1e-9)


def day_of(household: Household, day: int = 0) -> list[tuple[float, float, float]]:
    """What it uses, minute by minute of a day that begins at midnight."""
    return [household.power_w((day * 1440 + minute) * 60.0) for minute in range(1440)]


def test_a_household_is_the_same_for_the_same_seed_and_no_day_is_as_another() -> None:
    assert day_of(Household(1, MIDNIGHT_S)) == day_of(Household(1, MIDNIGHT_S))
    assert day_of(Household(1, MIDNIGHT_S)) != day_of(Household(2, MIDNIGHT_S))
    assert day_of(Household(1, MIDNIGHT_S)) != day_of(Household(1, MIDNIGHT_S), day=1)


def test_it_uses_what_a_household_does() -> None:
    days = [day_of(Household(1, MIDNIGHT_S), day) for day in range(30)]
    kwh_per_day = sum(sum(minute) for day in days for minute in day) / 60 / 30 / 1000
    assert 5 < kwh_per_day < 9
    assert min(sum(minute) for day in days for minute in day) == 150
    nights = [minute for day in days for minute in day[60:300]]
    assert max(sum(night) for night in nights) == 240  # nothing but the fridge


def test_the_fridge_cycles_all_night() -> None:
    night = [first_w for first_w, _, _ in day_of(Household(1, MIDNIGHT_S))[:360]]
    starts = [at for at, (before_w, after_w) in enumerate(pairwise(night)) if before_w < after_w]
    assert [later - sooner for sooner, later in pairwise(starts)] == [45] * (len(starts) - 1)
    assert 0.25 < sum(each_w > 60 for each_w in night) / len(night) < 0.42


def test_the_kettle_boils_for_minutes_and_the_oven_is_switched_by_its_thermostat() -> None:
    days = [day_of(Household(1, MIDNIGHT_S), day) for day in range(10)]
    kettle = [[second_w >= 2000 for _, second_w, _ in day] for day in days]
    oven = [[third_w >= 2500 for _, _, third_w in day] for day in days]
    assert {length for day in kettle for length in runs_of(day)} <= {2, 3, 4, 5, 6, 7, 8}
    assert {length for day in oven for length in runs_of(day)} == {10, 2, 1}
    assert all(any(day[16 * 60 : 20 * 60]) == any(day) for day in oven)


def runs_of(switch: list[bool]) -> list[int]:
    """How long it was on, each time."""
    return [len(run) for run in "".join("x" if each else " " for each in switch).split()]

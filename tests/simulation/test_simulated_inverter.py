"""The simulated PV inverter: its day, its limits, its night; exact whatever the steps."""

from random import Random

import pytest

from s2d.simulation.inverter import CONNECTS_AFTER_S, SimulatedInverter
from s2d.simulation.sun import Sun

HOUR_S = 3600.0


def clear_noon(**values: float) -> SimulatedInverter:
    """An inverter of 5 kW under a sun of 4 kW, at noon, without a cloud for the first minute."""
    return SimulatedInverter(Sun(4000, seed=7), **values)


def test_it_makes_of_the_sun_what_there_is() -> None:
    inverter = clear_noon()
    inverter.advance(10.0)
    assert inverter.produced_w == pytest.approx(Sun(4000, 7).power_w(10.0))
    assert dict(inverter.values()) | {"energy": 0} == {
        "power": -inverter.produced_w,
        **{f"power_l{phase}": pytest.approx(-inverter.produced_w / 3) for phase in (1, 2, 3)},
        "energy": 0,
        "state": "producing",
        "fault": "ok",
        "power_limit": 5000,
        "is_limited": False,
        "max_power": 5000,
        "serial_number": "S2D-SIM-0001",
    }


def test_it_gives_no_more_than_it_is_built_for() -> None:
    inverter = clear_noon(max_power_w=3000)
    inverter.advance(10.0)
    assert (inverter.produced_w, inverter.state) == (3000, "producing")


def test_a_limit_is_reached_by_a_ramp_of_ten_percent_a_second_both_ways() -> None:
    inverter = SimulatedInverter(Steady(4000))
    inverter.obey({"power_limit": 1500.0}, 10.0)
    seen = []
    for second in (10, 11, 12, 15, 16):
        inverter.advance(float(second))
        seen.append(inverter.produced_w)
    assert seen == [4000, 3500, 3000, 1500, 1500]
    assert inverter.state == "throttled"
    inverter.obey({"power_limit": 5000.0}, 20.0)
    inverter.advance(22.0)
    assert inverter.produced_w == 2500
    inverter.advance(30.0)
    assert (inverter.produced_w, inverter.state) == (4000, "producing")


class Steady(Sun):
    """A sun that never moves, and has no clouds."""

    def power_w(self, now_s: float) -> float:
        return self.peak_w


class Setting(Sun):
    """A sun that sets in a straight line, by 100 W a second."""

    def power_w(self, now_s: float) -> float:
        return max(0.0, self.peak_w - 100 * now_s)


def test_it_never_gives_what_the_sun_does_not_however_slow_its_ramp() -> None:
    inverter = SimulatedInverter(Setting(4000), ramp_percent_per_s=1)
    inverter.obey({"power_limit": 1000.0}, 0.0)
    inverter.advance(10.0)
    assert inverter.produced_w == pytest.approx(3000)
    assert inverter.produced_wh == pytest.approx(3500 * 10 / 3600)


def test_a_limit_that_is_not_repeated_lapses_with_its_timer_to_what_the_installer_set() -> None:
    inverter = SimulatedInverter(Steady(4000), installed_limit_w=2800)
    assert (inverter.produced_w, inverter.values()["power_limit"]) == (2800, 2800)
    inverter.obey({"power_limit": 1000.0, "limit_revert": 30}, 100.0)
    inverter.obey({"power_limit": 1000.0, "limit_revert": 30}, 120.0)
    inverter.advance(149.9)
    assert (inverter.produced_w, inverter.limit_w) == (1000, 1000)
    inverter.advance(151.0)
    assert (inverter.produced_w, inverter.limit_w) == (1500, 2800)
    inverter.obey({}, 200.0)
    inverter.advance(300.0)
    assert inverter.produced_w == 2800


def test_a_limit_without_a_timer_stays() -> None:
    inverter = SimulatedInverter(Steady(4000))
    inverter.obey({"power_limit": 0.0, "limit_revert": 0}, 0.0)
    inverter.advance(24 * HOUR_S)
    assert (inverter.produced_w, inverter.state) == (0, "throttled")


def test_it_sleeps_at_night_and_watches_the_grid_before_it_feeds_again() -> None:
    inverter = SimulatedInverter(Sun(4000, seed=3, time_of_day_s=0.0))
    states: list[tuple[str, float]] = []
    for step in range(int(24 * HOUR_S)):
        inverter.advance(float(step))
        assert inverter.state in ("producing", "starting") or inverter.produced_w == 0
        if not states or states[-1][0] != inverter.state:
            states.append((inverter.state, step))
    names, times = zip(*states, strict=True)
    assert names == ("sleeping", "starting", "producing", "sleeping")
    assert times[2] - times[1] == CONNECTS_AFTER_S
    assert 6 * HOUR_S < times[1] < 7 * HOUR_S
    assert 17 * HOUR_S < times[3] < 18 * HOUR_S


def test_a_limit_that_was_set_at_night_holds_in_the_morning() -> None:
    inverter = SimulatedInverter(Sun(4000, seed=3, time_of_day_s=0.0))
    inverter.obey({"power_limit": 200.0}, HOUR_S)
    inverter.advance(12 * HOUR_S)
    assert inverter.produced_w == pytest.approx(200)


def test_a_fault_stops_it_at_once_and_it_comes_back_by_itself() -> None:
    inverter = SimulatedInverter(Steady(4000))
    inverter.set_fault(True, 10.0)
    inverter.advance(100.0)
    assert (inverter.produced_w, inverter.state, inverter.values()["fault"]) == (0, "fault", "fault")
    inverter.set_fault(False, 100.0)
    inverter.advance(159.0)
    assert (inverter.produced_w, inverter.state) == (0, "starting")
    inverter.advance(162.0)
    assert (inverter.produced_w, inverter.state) == (1000, "producing")


def test_a_step_of_hours_leaves_it_as_steps_of_a_second_do() -> None:
    chance = Random(5)
    instants = sorted(chance.uniform(0, 24 * HOUR_S) for _ in range(200))
    sun, second = Sun(6500, 11, 4 * HOUR_S), 0
    at_once, slowly = (SimulatedInverter(sun, installed_limit_w=4500) for _ in range(2))
    for at_s in instants:
        told = {"power_limit": chance.uniform(0, 5000), "limit_revert": chance.choice([0, 300, 3000])}
        at_once.obey(told, at_s)
        while second <= at_s:
            slowly.advance(float(second))
            assert slowly.produced_w <= min(5000, sun.power_w(float(second))) + 1e-3
            second += 1
        slowly.obey(told, at_s)
    assert at_once.produced_wh > 5000
    assert slowly.produced_wh == pytest.approx(at_once.produced_wh, rel=1e-9)
    assert slowly.produced_w == pytest.approx(at_once.produced_w, abs=1e-3)


def test_what_it_made_is_what_its_power_adds_up_to() -> None:
    inverter, added_wh = SimulatedInverter(Sun(4000, 11, 9 * HOUR_S)), 0.0
    for second in range(int(2 * HOUR_S)):
        inverter.obey({"power_limit": 1000.0 if second % 600 < 300 else 5000.0}, float(second))
        before_w = inverter.produced_w
        inverter.advance(second + 1.0)
        added_wh += (before_w + inverter.produced_w) / 2 / 3600
    assert inverter.produced_wh == pytest.approx(added_wh, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"max_power_w": 0}, "max power must be above 0 W"),
        ({"installed_limit_w": 6000}, "the installer's limit must lie between 0 W and max power"),
        ({"phases": 2}, "phases must be 1 or 3"),
        ({"ramp_percent_per_s": 0}, "ramp must be above 0 % a second"),
    ],
)
def test_what_cannot_be_true_is_refused(values: dict[str, float], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        clear_noon(**values)

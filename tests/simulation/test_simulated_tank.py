"""A tank of water, what a household draws of it, and the weather around: reckoned by hand, and in balance."""

from itertools import pairwise
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.tank import Tank

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

LIVES = st.lists(
    st.tuples(st.floats(0, 60), st.floats(-4000, 9000), st.sampled_from([0.0, 0.05, 0.1])), min_size=1, max_size=40
)
"""For how long, with which heat, and what is drawn meanwhile."""


def test_200_l_become_warmer_by_10_k_with_8_38_mj():
    tank = Tank(200, 45, loss_w_per_k=0)
    tank.live(8.38e6 / 2000, 2000)
    assert tank.mean_c == pytest.approx(55)


def test_a_tank_cools_towards_its_room():
    tank = Tank(200, 50, loss_w_per_k=5 / 3, ambient_c=20)
    tank.live(60, 0)
    assert tank.lost_j / 60 == pytest.approx(50, rel=1e-3)
    tank.live(DAY_S - 60, 0)
    assert tank.mean_c == pytest.approx(20 + 30 * exp(-DAY_S * 5 / 3 / 838_000))


def test_a_day_at_once_equals_a_day_by_the_second():
    at_once, in_steps = Tank(), Tank()
    at_once.live(HOUR_S, 1234)
    for _ in range(3600):
        in_steps.live(1, 1234)
    assert (in_steps.mean_c, in_steps.lost_j) == pytest.approx((at_once.mean_c, at_once.lost_j), rel=1e-9)


def test_a_draw_replaces_hot_water_by_cold():
    tank = Tank(200, 55, loss_w_per_k=0)
    tank.live(1, 0, 0.1)
    assert tank.drawn_l == pytest.approx(0.1 * 30 / 45), "a third of what comes out of the tap is cold"
    assert tank.mean_c == pytest.approx(55 - 0.1 * 30 / 45 * 45 / 200, rel=1e-4)


def test_a_tank_that_is_too_cold_is_drawn_unmixed():
    tank = Tank(200, 30, loss_w_per_k=0)
    tank.live(10, 0, 0.1)
    assert tank.drawn_l == pytest.approx(1)


def test_hot_water_stays_above_cold_and_mixes_when_it_is_heated():
    tank, mixed = Tank(200, 55, layers=4), Tank(200, 55)
    for _ in range(60):
        tank.live(10, 0, 0.1)
        mixed.live(10, 0, 0.1)
    assert tank.top_c > 52 > mixed.top_c > 44 > tank.bottom_c
    while tank.bottom_c < tank.top_c - 1e-9:
        top_c = tank.top_c
        tank.live(10, 5000)
        assert tank.top_c <= top_c + 0.1
    assert tank.mean_c == pytest.approx(tank.top_c)


@given(LIVES, st.sampled_from([1, 2, 5]), st.floats(15, 70))
def test_what_goes_in_is_stored_lost_or_drawn(lives, layers, temperature_c):
    tank = Tank(150, temperature_c, layers=layers)
    stored_j, heat_j = tank.stored_j, 0.0
    for duration_s, heat_w, tapped_l_per_s in lives:
        tank.live(duration_s, heat_w, tapped_l_per_s)
        heat_j += heat_w * duration_s
    assert tank.stored_j - stored_j == pytest.approx(heat_j - tank.lost_j - tank.drawn_j, abs=1)


@given(LIVES, st.sampled_from([2, 5]))
def test_no_layer_is_warmer_than_the_one_above(lives, layers):
    tank = Tank(150, 50, layers=layers)
    for duration_s, heat_w, tapped_l_per_s in lives:
        tank.live(duration_s, heat_w, tapped_l_per_s)
        temperatures_c = [layer.temperature_c for layer in tank._layers]
        assert all(above_c >= below_c - 1e-9 for above_c, below_c in pairwise(temperatures_c))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"volume_l": 0}, "a tank must hold more than 0 l"),
        ({"temperature_c": 120}, "the water in a tank must be between 0 and 100 °C"),
        ({"loss_w_per_k": -1}, "what a tank loses must be 0 W/K or above"),
        ({"layers": 9}, "a tank has 1 to 8 layers"),
    ],
)
def test_tanks_that_cannot_be_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{rule}$"):
        Tank(**value)


def used_kwh(draws, day):
    return sum(draws.l_per_s(day * DAY_S + second) * 10 * 4190 * 30 for second in range(0, 86_400, 10)) / 3.6e6


def test_a_household_draws_what_the_energy_label_says():
    draws = HotWaterDraws()
    days = [used_kwh(draws, day) for day in range(20)]
    assert sum(days) / 20 == pytest.approx(5.845, rel=0.03)
    assert max(days) > min(days) + 0.2
    assert used_kwh(HotWaterDraws(0), 0) == 0


def test_showers_are_taken_in_the_morning_and_in_the_evening():
    draws = HotWaterDraws(seed=5)
    first_seconds = set()
    for day in range(3):
        seconds = [second for second in range(86_400) if draws.l_per_s(day * DAY_S + second) >= 0.1]
        hours = {second // 3600 for second in seconds}
        assert hours & {6, 7}
        assert hours & {21}
        assert not hours & {0, 1, 2, 3, 4, 5, 23}
        first_seconds.add(seconds[0])
    assert len(first_seconds) == 3, "never at the same second"


def test_the_same_seed_draws_the_same():
    same, other = (HotWaterDraws(seed=seed) for seed in (1, 2))
    again = HotWaterDraws(seed=1)
    instants = [float(second) for second in range(0, 3 * 86_400, 30)]
    assert [again.l_per_s(at) for at in reversed(instants)][::-1] == [same.l_per_s(at) for at in instants]
    assert [other.l_per_s(at) for at in instants] != [same.l_per_s(at) for at in instants]


def test_it_is_coldest_before_sunrise_and_warmest_in_the_afternoon():
    outdoor = OutdoorTemperature(-4, 8)
    by_minute = [outdoor.at(minute * 60) for minute in range(2 * 1440)]
    assert (by_minute[6 * 60], by_minute[15 * 60]) == pytest.approx((-4, 8))
    assert (min(by_minute), max(by_minute)) == pytest.approx((-4, 8))
    assert by_minute[1440:] == pytest.approx(by_minute[:1440])
    assert max(abs(after - before) for before, after in pairwise(by_minute)) < 0.04


def test_a_day_that_is_coldest_when_it_is_warmest_is_refused():
    with pytest.raises(ValueError, match="the coldest first"):
        OutdoorTemperature(8, -4)

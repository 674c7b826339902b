"""A simulated boiler: with a thermostat it looks after itself, without one its cut-out does, with neither it boils."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2d.simulation.boiler import SimulatedBoiler
from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.tank import Tank

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

NO_DRAWS = HotWaterDraws(0)


def boiler_at(temperature_c, **values):
    return SimulatedBoiler(tank=Tank(120, temperature_c, loss_w_per_k=1.0), draws=NO_DRAWS, is_on=True, **values)


def heated_until(boiler, is_reached, from_s=0.0):
    """The instant, to 10 s."""
    now_s = from_s
    while not is_reached():
        now_s += 10
        assert now_s < from_s + DAY_S
        boiler.advance(now_s)
    return now_s


def test_120_l_become_warmer_by_4_k_in_a_quarter_of_an_hour():
    boiler = boiler_at(50, thermostat_c=70)
    boiler.advance(1000)
    assert boiler.tank.bottom_c == pytest.approx(50 + (2000 - 31.9) * 1000 / (120 * 4190), abs=0.01)
    assert boiler.energy_j == pytest.approx(2e6)


def test_its_thermostat_keeps_it_within_its_hysteresis_over_days_of_showers():
    boiler = SimulatedBoiler(is_on=True)
    heated_until(boiler, lambda: boiler.power_w == 0)
    for now_s in range(2 * 3600, 5 * 86_400, 60):
        boiler.advance(now_s)
        assert 40 < boiler.tank.bottom_c < 60.1
        assert boiler.power_w in (0, 2000)
    assert 5 * 5 < boiler.energy_j / 3.6e6 < 5 * 9
    assert not boiler.fault


def test_a_boiler_that_is_left_on_does_not_heat_while_it_is_hot_enough():
    boiler = boiler_at(55)
    boiler.advance(HOUR_S)
    assert (boiler.relay.is_on, boiler.power_w) == (True, 0)
    boiler.obey({"temperature_setpoint": 64.0}, HOUR_S)
    assert boiler.power_w == 2000


def test_switched_off_it_takes_nothing_and_cools():
    boiler = boiler_at(45)
    assert boiler.power_w == 2000
    boiler.obey({"on": False}, 5)
    boiler.advance(DAY_S)
    assert boiler.energy_j == pytest.approx(2000 * 5)
    assert boiler.tank.bottom_c < 45


def test_without_a_thermostat_its_cut_out_trips_and_only_a_hand_resets_it():
    boiler = boiler_at(80, thermostat_c=None)
    heated_until(boiler, lambda: boiler.fault)
    assert 92 <= boiler.tank.top_c < 92.1
    assert boiler.status_line().startswith("cut out")
    boiler.obey({"on": False}, HOUR_S)
    boiler.obey({"on": True}, 2 * HOUR_S)
    boiler.set_fault(False, 3 * HOUR_S)
    assert (boiler.fault, boiler.power_w) == (True, 0), "too hot to be reset"
    boiler.advance(DAY_S)
    assert (boiler.fault, boiler.power_w) == (True, 0)
    boiler.set_fault(False, DAY_S)
    assert (boiler.fault, boiler.power_w) == (False, 2000)


def test_with_neither_it_boils():
    boiler = boiler_at(90, thermostat_c=None, has_cut_out=False)
    boiler.advance(3 * HOUR_S)
    assert boiler.damage == 1
    assert 100 <= boiler.tank.top_c < 100.1
    boiled_kg = boiler.boiled_off_j / 2.257e6
    assert 5 < boiled_kg < 9


def test_its_relay_flips_back_between_two_steps():
    boiler = boiler_at(40)
    boiler.obey({"on": True, "toggle_after": 155}, 7)
    boiler.advance(HOUR_S)
    assert not boiler.relay.is_on
    assert boiler.energy_j == pytest.approx(2000 * 162)


def test_an_element_that_modulates_takes_no_more_than_its_limit():
    boiler = boiler_at(40, is_modulating=True)
    for limit_w, power_w in ((500.0, 500), (5000.0, 2000), (-5.0, 0)):
        boiler.obey({"power_limit": limit_w}, 0)
        assert boiler.power_w == power_w
    fixed = boiler_at(40)
    fixed.obey({"power_limit": 500.0}, 0)
    assert fixed.power_w == 2000


def test_a_broken_element_heats_nothing():
    boiler = boiler_at(40)
    boiler.set_fault(True, 0)
    boiler.advance(HOUR_S)
    assert (boiler.energy_j, boiler.status_line()[:5]) == (0, "fault")
    boiler.set_fault(False, HOUR_S)
    assert boiler.power_w == 2000


def test_of_two_layers_the_upper_one_stays_warm():
    boiler = SimulatedBoiler(tank=Tank(120, 60, loss_w_per_k=1.0, layers=2), time_of_day_s=7 * HOUR_S, is_on=False)
    boiler.advance(HOUR_S)
    values = boiler.values()
    assert values["temperature_top"] > values["temperature"] + 5


ORDERS = st.lists(
    st.tuples(
        st.floats(0, 20_000),
        st.fixed_dictionaries(
            {},
            optional={
                "on": st.booleans(),
                "toggle_after": st.sampled_from([0, 155]),
                "power_limit": st.floats(0, 3000),
                "temperature_setpoint": st.floats(40, 70),
            },
        ),
    ),
    max_size=6,
)


@given(ORDERS, st.booleans())
def test_however_often_it_is_asked_it_lives_the_same_life_in_balance(orders, has_thermostat):
    seldom, often = (
        SimulatedBoiler(is_modulating=True, thermostat_c=60 if has_thermostat else None, is_on=True) for _ in range(2)
    )
    stored_j, now_s = seldom.tank.stored_j, 0.0
    for wait_s, order in orders:
        for part in range(1, 50):
            often.advance(now_s + wait_s * part / 50)
        now_s += wait_s
        seldom.obey(order, now_s)
        often.obey(order, now_s)
    assert often.values() == seldom.values()
    tank = seldom.tank
    went_in_j = seldom.energy_j - seldom.boiled_off_j
    assert tank.stored_j - stored_j == pytest.approx(went_in_j - tank.lost_j - tank.drawn_j, abs=10)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"element_w": 0}, "the power of the element must be above 0 W"),
        ({"thermostat_c": 95}, "a thermostat is set between 20 and 85 °C"),
        ({"hysteresis_k": 0}, "the hysteresis must be above 0 K and at most 20 K"),
        ({"time_of_day_s": DAY_S}, "the time of day must be between 00:00 and 24:00"),
    ],
)
def test_values_that_cannot_be_true_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        SimulatedBoiler(**value)

"""A simulated plug with something behind it, a heater that modulates, and relays that flip back by themselves."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2d.simulation.load import SimulatedLoad
from s2d.simulation.relay import Relay
from s2d.simulation.sg_ready import SgState, sg_state_of


def test_it_takes_its_power_while_it_is_on():
    load = SimulatedLoad(2000, least_power_w=2000, standby_w=1)
    load.obey({"on": True}, 100)
    load.obey({"on": False}, 1900)
    load.advance(3700)
    assert load.energy_j == pytest.approx(3700 + 2000 * 1800)
    assert load.values() == {
        "power": 1,
        "energy": pytest.approx(3700 / 3600 + 1000),
        "on": False,
        "switched": 2,
        "fault": "ok",
        "power_limit": 2000,
        "max_power": 2000,
        "serial_number": "S2D-SIM-0001",
    }
    assert load.status_line() == "off         power      1 W   energy     1001 Wh"


def test_what_is_not_ordered_stays_as_it_is():
    load = SimulatedLoad(2000, standby_w=0)
    load.obey({"on": True, "power_limit": 500.0}, 0)
    load.obey({}, 10)
    assert (load.relay.is_on, load.power_w) == (True, 2000)


@pytest.mark.parametrize(
    ("limit_w", "power_w"), [(0, 0), (249, 0), (250, 250), (1240, 1230), (2999, 2990), (3000, 3000), (9000, 3000)]
)
def test_a_heater_takes_no_more_than_its_limit_in_its_steps(limit_w, power_w):
    heater = SimulatedLoad(3000, least_power_w=250, step_w=10, standby_w=0, is_on=True)
    heater.obey({"power_limit": float(limit_w)}, 0)
    assert heater.power_w == pytest.approx(power_w, abs=10)
    assert heater.power_w <= limit_w
    assert heater.power_w % 10 == 0


def test_a_thing_that_cannot_modulate_takes_all_or_nothing():
    kettle = SimulatedLoad(2000, least_power_w=2000, standby_w=0, is_on=True)
    kettle.obey({"power_limit": 1999.0}, 0)
    assert kettle.power_w == 0


def test_a_relay_opens_by_itself_when_nobody_repeats_the_order():
    load = SimulatedLoad(1000, standby_w=0)
    for now_s in (0, 60, 120):
        load.obey({"on": True, "toggle_after": 150}, now_s)
    load.advance(269)
    assert load.relay.is_on
    load.advance(100_000)
    assert not load.relay.is_on
    assert load.energy_j == pytest.approx(1000 * 270)


def test_a_relay_that_was_told_to_open_closes_by_itself_just_as_well():
    load = SimulatedLoad(1000, standby_w=0, is_on=True)
    load.obey({"on": False, "toggle_after": 150}, 0)
    load.advance(149)
    assert load.power_w == 0
    load.advance(150)
    assert load.power_w == 1000


def test_two_relays_that_both_flip_back_from_normal_order_a_heat_pump_for_ever():
    contacts = Relay(), Relay()
    for relay in contacts:
        relay.tell(False, 0, toggle_after_s=150)
    for now_s in (149, 150, 86_400):
        for relay in contacts:
            relay.advance(now_s)
    assert sg_state_of(*(relay.is_on for relay in contacts)) is SgState.ORDERED


def test_a_fault_takes_nothing_until_it_is_gone():
    load = SimulatedLoad(1000, standby_w=0, is_on=True)
    load.set_fault(True, 10)
    assert (load.power_w, load.fault, load.status_line()[:5]) == (0, True, "fault")
    load.set_fault(False, 20)
    load.advance(30)
    assert load.energy_j == pytest.approx(1000 * 20)


ORDERS = st.lists(
    st.tuples(
        st.floats(0, 1000),
        st.fixed_dictionaries(
            {},
            optional={
                "on": st.booleans(),
                "toggle_after": st.sampled_from([0, 150]),
                "power_limit": st.floats(-100, 4000),
            },
        ),
    ),
    max_size=8,
)


@given(ORDERS, st.lists(st.floats(0, 1), max_size=20))
def test_one_long_step_equals_many_short_ones(orders, cuts):
    at_once, in_steps = (SimulatedLoad(3000, least_power_w=100, step_w=50) for _ in range(2))
    now_s = 0.0
    for wait_s, order in [*orders, (500.0, {})]:
        for cut in sorted(cuts):
            in_steps.advance(now_s + cut * wait_s)
        now_s += wait_s
        for load in (at_once, in_steps):
            load.obey(order, now_s)
            assert 0 <= load.power_w - 0.5 <= 3000
    assert in_steps.values() == pytest.approx(at_once.values())


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"power_w": 0}, "power must be above 0 W"),
        ({"power_w": 100, "least_power_w": 200}, "the least power must lie between 0 W and the power"),
        ({"step_w": 0}, "the step must be above 0 W and at most the power"),
        ({"standby_w": -1}, "standby must be 0 W or above"),
    ],
)
def test_values_that_cannot_be_true_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        SimulatedLoad(**value)

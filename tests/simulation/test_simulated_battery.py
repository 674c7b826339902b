"""The battery's physics: tables for what can be reckoned by hand, properties for what must hold whatever happens."""

import re
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2d.simulation.battery import BatteryStatus, SimulatedBattery

EVENTS = st.lists(
    st.tuples(
        st.floats(0, 4000),
        st.one_of(
            st.floats(-12_000, 12_000).map(lambda power_w: ("order", power_w)),
            st.sampled_from([("fault", 1), ("fault", 0)]),
            st.integers(0, 300).map(lambda seconds: ("watchdog", seconds)),
        ),
    ),
    max_size=6,
)
"""How long to wait, then what happens."""

BATTERIES = st.builds(
    dict,
    capacity_wh=st.sampled_from([50.0, 1000.0, 10_000.0]),
    max_charge_power_w=st.sampled_from([1000.0, 5000.0]),
    max_discharge_power_w=st.sampled_from([2000.0, 7000.0]),
    round_trip_efficiency=st.sampled_from([0.5, 0.92, 1.0]),
    usable_range_percent=st.sampled_from([(0.0, 100.0), (10.0, 90.0)]),
    soc_percent=st.floats(10, 90),
    ramp_w_per_s=st.sampled_from([10.0, 2500.0, 1e6]),
    watchdog_s=st.sampled_from([0.0, 10.0, 600.0]),
)


def happen(battery, event, now_s):
    kind, value = event
    if kind == "order":
        battery.order(value, now_s)
    elif kind == "fault":
        battery.set_fault(bool(value), now_s)
    else:
        battery.set_watchdog(value, now_s)


def state(battery):
    return battery.soc_percent, battery.power_w, battery.setpoint_w, battery.status


@pytest.mark.parametrize(
    ("order_w", "after_s", "expected"),
    [
        (3000, 0.0, (50.0, 0.0, 3000, BatteryStatus.IDLE)),
        (3000, 1.0, (50.0 + 500 / 3600 / 10, 1000.0, 3000, BatteryStatus.CHARGING)),
        (3000, 3.0, (50.0 + 4500 / 3600 / 10, 3000.0, 3000, BatteryStatus.CHARGING)),
        (-2000, 12.0, (50.0 - (2000 + 20_000) / 3600 / 10, -2000.0, -2000, BatteryStatus.DISCHARGING)),
        (9000, 10.0, (50.0 + (12_500 + 25_000) / 3600 / 100 * 10, 5000.0, 9000, BatteryStatus.CHARGING)),
        (-9000, 10.0, (50.0 - (8000 + 24_000) / 3600 / 10, -4000.0, -9000, BatteryStatus.DISCHARGING)),
    ],
)
def test_power_ramps_to_the_order_within_the_limits(order_w, after_s, expected):
    battery = SimulatedBattery(
        capacity_wh=1000, max_discharge_power_w=4000, round_trip_efficiency=1, ramp_w_per_s=1000, watchdog_s=0
    )
    battery.order(order_w, 100.0)
    battery.advance(100.0 + after_s)
    assert state(battery) == pytest.approx(expected)


def test_losses_are_shared_by_both_ways():
    battery = SimulatedBattery(round_trip_efficiency=0.81, ramp_w_per_s=1e9, watchdog_s=0)
    battery.order(1000, 0)
    battery.advance(3600)
    assert battery.soc_percent == pytest.approx(50 + 9)
    battery.order(-810, 3600)
    battery.advance(7200)
    assert battery.soc_percent == pytest.approx(50)


def test_an_order_lapses_exactly_when_its_watchdog_ends():
    battery = SimulatedBattery(ramp_w_per_s=100, watchdog_s=60)
    battery.order(1000, 0)
    battery.advance(59.999)
    assert state(battery)[1:] == (1000, 1000, BatteryStatus.CHARGING)
    battery.advance(65)
    assert state(battery)[1:] == (pytest.approx(500), 0, BatteryStatus.CHARGING)
    battery.advance(70)
    assert state(battery)[1:] == (0, 0, BatteryStatus.IDLE)


def test_the_same_order_again_restarts_the_watchdog():
    battery = SimulatedBattery(watchdog_s=60)
    for now_s in (0, 59, 118, 177):
        battery.order(1000, now_s)
    battery.advance(236)
    assert battery.setpoint_w == 1000
    battery.advance(237)
    assert battery.setpoint_w == 0


def test_a_shorter_watchdog_counts_for_the_order_in_force():
    battery = SimulatedBattery(watchdog_s=60)
    battery.order(1000, 0)
    battery.set_watchdog(5, 20)
    battery.advance(20.001)
    assert (battery.setpoint_w, battery.watchdog_s) == (0, 5)
    assert battery.power_w == pytest.approx(1000 - 2.5)


def test_a_full_battery_takes_nothing_but_gives():
    battery = SimulatedBattery(usable_range_percent=(20, 80), watchdog_s=0, round_trip_efficiency=1)
    battery.order(5000, 0)
    battery.advance(1e6)
    assert state(battery) == (80, 0, 5000, BatteryStatus.IDLE)
    battery.order(-5000, 1e6)
    battery.advance(1e6 + 60)
    assert battery.status is BatteryStatus.DISCHARGING
    battery.advance(2e6)
    assert state(battery) == (pytest.approx(20), 0, -5000, BatteryStatus.IDLE)


@pytest.mark.parametrize("steps", [1, 7, 10, 300, 3601])
def test_the_power_is_cut_off_at_the_instant_it_is_full(steps):
    battery = SimulatedBattery(capacity_wh=1000, round_trip_efficiency=1, ramp_w_per_s=1000, watchdog_s=0)
    battery.order(1000, 0)
    full_after_s = 1800.5
    for step in range(1, steps + 1):
        battery.advance(full_after_s * step / steps)
    assert state(battery) == (100, 0, 1000, BatteryStatus.IDLE)


def test_a_battery_below_its_range_can_only_be_charged():
    battery = SimulatedBattery(usable_range_percent=(20, 80), soc_percent=5, watchdog_s=0)
    battery.order(-1000, 0)
    battery.advance(100)
    assert state(battery) == (5, 0, -1000, BatteryStatus.IDLE)
    battery.order(1000, 100)
    battery.advance(200)
    assert battery.status is BatteryStatus.CHARGING


def test_a_fault_stops_the_power_at_once_and_the_order_waits():
    battery = SimulatedBattery(watchdog_s=60)
    battery.order(3000, 0)
    battery.set_fault(True, 10)
    assert state(battery)[1:] == (0, 3000, BatteryStatus.FAULT)
    battery.order(-2000, 30)
    battery.advance(50)
    assert state(battery)[1:] == (0, -2000, BatteryStatus.FAULT)
    battery.set_fault(False, 50)
    battery.advance(55)
    assert state(battery)[1:] == (-2000, -2000, BatteryStatus.DISCHARGING)


def test_time_that_goes_back_changes_nothing():
    battery = SimulatedBattery()
    battery.order(3000, 100)
    battery.advance(110)
    before = state(battery)
    battery.advance(50)
    assert state(battery) == before


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"capacity_wh": 0}, "capacity must be above 0 Wh"),
        ({"max_charge_power_w": -1}, "max charge power must be above 0 W"),
        ({"max_discharge_power_w": float("nan")}, "max discharge power must be above 0 W"),
        ({"round_trip_efficiency": 92}, "round-trip efficiency must be above 0 and at most 1"),
        ({"usable_range_percent": (90, 10)}, "usable range must lie between 0 % and 100 %"),
        ({"soc_percent": 101}, "state of charge must be between 0 % and 100 %"),
        ({"ramp_w_per_s": 0}, "ramp must be above 0 W/s"),
        ({"watchdog_s": -1}, "watchdog must be 0 s (never) or above"),
    ],
)
def test_values_that_cannot_be_true_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        SimulatedBattery(**value)


@given(BATTERIES, EVENTS, st.lists(st.floats(0, 1), max_size=30))
def test_one_long_step_equals_many_short_ones(parameters, events, cuts):
    at_once, in_steps = SimulatedBattery(**parameters), SimulatedBattery(**parameters)
    now_s = 0.0
    for wait_s, event in [*events, (1000.0, ("watchdog", 0))]:
        for cut in sorted(cuts):
            in_steps.advance(now_s + cut * wait_s)
        now_s += wait_s
        for battery in (at_once, in_steps):
            happen(battery, event, now_s)
        assert in_steps.soc_percent == pytest.approx(at_once.soc_percent, abs=1e-6)
        assert in_steps.power_w == pytest.approx(at_once.power_w, abs=1e-3)
        assert in_steps.setpoint_w == at_once.setpoint_w


def test_an_hour_at_once_equals_an_hour_by_the_second():
    at_once, in_steps = SimulatedBattery(watchdog_s=0), SimulatedBattery(watchdog_s=0)
    for battery in (at_once, in_steps):
        battery.order(-4321, 0)
    at_once.advance(3600)
    for second in range(1, 3601):
        in_steps.advance(second)
    assert state(in_steps) == pytest.approx(state(at_once))


@given(BATTERIES, EVENTS)
def test_range_limits_and_ramp_hold_whatever_happens(parameters, events):
    battery = SimulatedBattery(**parameters)
    low, high = parameters["usable_range_percent"]
    now_s = 0.0
    for wait_s, event in events:
        for part in range(1, 21):
            before_w = battery.power_w
            battery.advance(now_s + wait_s * part / 20)
            assert low - 1e-6 <= battery.soc_percent <= high + 1e-6
            assert -battery.max_discharge_power_w <= battery.power_w <= battery.max_charge_power_w
            # The power rises, in either direction, no faster than the ramp; a full or empty battery may cut it off.
            risen_w = abs(battery.power_w) - (abs(before_w) if battery.power_w * before_w > 0 else 0.0)
            assert risen_w <= parameters["ramp_w_per_s"] * wait_s / 20 + 1e-3
            is_at_edge = battery.soc_percent <= low + 1e-6 or battery.soc_percent >= high - 1e-6
            if abs(battery.power_w - before_w) > parameters["ramp_w_per_s"] * wait_s / 20 + 1e-3:
                assert is_at_edge
                assert battery.power_w * before_w <= 0
        now_s += wait_s
        happen(battery, event, now_s)


@given(
    st.floats(-6000, 6000), st.floats(-6000, 6000), st.sampled_from([0.5, 0.92, 1.0]), st.sampled_from([50.0, 700.0])
)
def test_stored_energy_is_the_power_summed_up_less_the_losses(first_w, second_w, efficiency, ramp_w_per_s):
    battery = SimulatedBattery(capacity_wh=4000, round_trip_efficiency=efficiency, ramp_w_per_s=ramp_w_per_s)
    one_way = sqrt(efficiency)
    stored_wh = battery.soc_percent * 40
    step_s = 0.25
    for step in range(1200):
        if step in (0, 200):
            battery.order(first_w if step == 0 else second_w, step * step_s)
        before_w = battery.power_w
        battery.advance((step + 1) * step_s)
        mean_w = (before_w + battery.power_w) / 2
        stored_wh += mean_w * step_s / 3600 * (one_way if mean_w > 0 else 1 / one_way)
    assert battery.soc_percent * 40 == pytest.approx(stored_wh, abs=0.1)

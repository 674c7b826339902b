"""What a simulated charging station does, story by story, and what must hold whatever is ordered of it."""

import re
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2d.simulation.car import MOST_REACTION_S, SimulatedCar
from s2d.simulation.ev_charger import Feeder, SimulatedEvCharger
from s2d.simulation.mains import Mains
from s2d.simulation.timetable import Timetable

STEADY = Mains(noise_v=0)
"""Exactly 230 V."""


def charger_of(car=None, **charger):
    """A charger on exactly 230 V, with *car* in it from 0 s on."""
    charger = SimulatedEvCharger(car or SimulatedCar(), **{"feeder": Feeder(mains=STEADY), **charger})
    charger.plug_in(0.0)
    return charger


def seen(charger, now_s):
    """Status and power at *now_s*."""
    charger.advance(now_s)
    return charger.pilot_state, round(charger.power_w)


def test_empty_it_offers_nothing():
    charger = SimulatedEvCharger()
    charger.advance(100.0)
    values = charger.values()
    assert {name: values[name] for name in ("status", "pilot_state", "ocpp_status", "power", "current_offered")} == {
        "status": "A",
        "pilot_state": "A1",
        "ocpp_status": "Available",
        "power": 0,
        "current_offered": 0,
    }
    assert values["car_id"] is None


def test_without_a_word_it_gives_all_that_it_can():
    charger = charger_of(SimulatedCar(max_current_a=32.0), max_current_a=20.0)
    assert seen(charger, 10.0) == ("C2", 3 * 20 * 230)
    assert charger.ocpp_status == "Charging"


@pytest.mark.parametrize(
    ("limit_a", "below_least", "offered_a"),
    [
        (32.0, "pause", 16.0),
        (16.0, "pause", 16.0),
        (6.0, "pause", 6.0),
        (5.9, "pause", 0.0),
        (5.9, "raise", 6.0),
        (0.0, "raise", 0.0),
        (-3.0, "pause", 0.0),
    ],
)
def test_a_limit_is_clamped_to_its_own_most_and_to_the_least_that_a_pilot_can_say(limit_a, below_least, offered_a):
    charger = charger_of(below_least=below_least)
    charger.obey({"current_limit": limit_a}, 1.0)
    charger.advance(10.0)
    assert charger.values()["current_offered"] == offered_a
    assert charger.power_w == pytest.approx(3 * offered_a * 230)


def test_disabled_it_offers_nothing_and_keeps_its_limit():
    charger = charger_of()
    charger.obey({"current_limit": 10.0, "enable": False}, 10.0)
    assert seen(charger, 20.0) == ("B1", 0)
    assert charger.ocpp_status == "SuspendedEVSE"
    charger.obey({"current_limit": 10.0, "enable": True}, 20.0)
    assert seen(charger, 30.0) == ("C2", 6900)


def test_it_wants_a_card_for_each_car():
    charger = charger_of(needs_authorisation=True)
    charger.obey({"current_limit": 16.0, "wake": True}, 10.0)
    assert seen(charger, 450.0) == ("B1", 0)
    assert (charger.ocpp_status, charger.values()["authorised"]) == ("Preparing", False)
    charger.obey({"current_limit": 16.0, "authorise": True}, 450.0)
    assert seen(charger, 460.0) == ("C2", 11_040)
    charger.unplug(500.0)
    charger.authorise(510.0)  # nobody is there whom it could count for
    charger.plug_in(520.0)
    assert seen(charger, 600.0) == ("B1", 0)


def test_without_its_heartbeat_it_falls_to_its_safe_current():
    charger = charger_of(heartbeat_s=30.0, safe_current_a=8.0)
    charger.obey({"current_limit": 16.0}, 10.0)
    assert seen(charger, 39.9) == ("C2", 11_040)
    assert (charger.is_left_alone, charger.offered_a) == (False, 16)
    charger.advance(40.0)
    assert (charger.is_left_alone, charger.offered_a) == (True, 8)
    assert seen(charger, 45.0) == ("C2", 3 * 8 * 230)
    charger.obey({"current_limit": 16.0}, 100.0)
    assert seen(charger, 105.0) == ("C2", 11_040)


def test_its_safe_current_may_be_none_and_may_be_more_than_it_was_told():
    none = charger_of(heartbeat_s=30.0, safe_current_a=0.0)
    assert seen(none, 40.0) == ("B1", 0)
    more = charger_of(heartbeat_s=30.0, safe_current_a=10.0)
    more.obey({"current_limit": 0.0}, 5.0)
    assert seen(more, 20.0) == ("B1", 0)
    assert seen(more, 45.0) == ("C2", 6900)


def test_a_heartbeat_of_its_own_is_the_only_thing_that_counts():
    charger = charger_of(heartbeat_s=30.0)
    charger.obey({"current_limit": 16.0, "heartbeat": 1}, 0.0)
    charger.obey({"current_limit": 12.0, "heartbeat": 0}, 20.0)
    charger.advance(29.0)
    assert charger.offered_a == 12
    charger.advance(31.0)
    assert charger.offered_a == 6
    charger.obey({"current_limit": 12.0, "heartbeat": 1}, 32.0)
    charger.advance(33.0)
    assert charger.offered_a == 12


def test_phases_are_switched_while_nothing_flows():
    charger = charger_of()
    assert seen(charger, 10.0) == ("C2", 11_040)
    charger.obey({"current_limit": 0.0, "phase_count": 3}, 10.0)
    charger.advance(20.0)
    charger.obey({"current_limit": 0.0, "phase_count": 1}, 20.0)
    charger.obey({"current_limit": 16.0, "phase_count": 1}, 30.0)
    assert seen(charger, 40.0) == ("C2", 3680)
    assert charger.values()["phase_count"] == 1
    assert (charger.welded_contactors, charger.early_phase_orders) == (0, 0)


def test_phases_that_are_switched_under_load_weld_the_contactor():
    charger = charger_of()
    assert seen(charger, 10.0) == ("C2", 11_040)
    charger.obey({"current_limit": 16.0, "phase_count": 1}, 10.0)
    assert (charger.pilot_state, charger.fault, charger.welded_contactors) == ("F", True, 1)
    assert seen(charger, 1000.0) == ("F", 0)
    assert (charger.values()["welded_contactors"], charger.values()["fault"]) == (1, "welded contactor")
    charger.set_fault(False, 1000.0)
    assert seen(charger, 1010.0) == ("C2", 3680)
    assert (charger.values()["welded_contactors"], charger.values()["fault"]) == (1, "ok")


def test_phases_that_are_ordered_before_the_dwell_is_over_wait_for_it_and_for_a_pause():
    charger = charger_of(phase_dwell_s=300.0)
    stopped = {"current_limit": 0.0, "phase_count": 1}
    charger.obey(stopped, 0.0)
    assert charger.values()["phase_count"] == 1
    charger.obey({**stopped, "phase_count": 3}, 100.0)
    charger.advance(299.0)
    assert (charger.values()["phase_count"], charger.early_phase_orders) == (1, 1)
    charger.advance(300.0)
    assert charger.values()["phase_count"] == 3
    charger.obey(stopped, 400.0)
    charger.obey({"current_limit": 16.0, "phase_count": 1}, 500.0)
    assert seen(charger, 1000.0) == ("C2", 11_040)
    charger.obey(stopped, 1000.0)
    assert seen(charger, 1010.0) == ("B1", 0)
    assert charger.values()["phase_count"] == 1
    assert (charger.welded_contactors, charger.early_phase_orders) == (0, 2)


def test_a_socket_of_one_phase_and_one_that_cannot_switch_stay_as_they_are():
    for charger, power_w in ((charger_of(phases=1), 3680), (charger_of(switches_phases=False), 11_040)):
        for phase_count in (1, 3, 2):
            charger.obey({"current_limit": 0.0, "phase_count": phase_count}, 0.0)
        charger.obey({"current_limit": 16.0}, 100.0)
        assert seen(charger, 110.0) == ("C2", power_w)
    assert "current_l2" not in charger_of(phases=1).values()


def test_the_mains_are_never_quite_at_230_volts_and_power_is_what_flows_at_them():
    charger = SimulatedEvCharger(SimulatedCar())
    charger.plug_in(0.0)
    voltages_v = set()
    for now_s in range(10, 3600, 20):
        charger.advance(now_s)
        values = charger.values()
        for phase in (1, 2, 3):
            voltages_v.add(values[f"voltage_l{phase}"])
            assert values[f"current_l{phase}"] == pytest.approx(16)
            assert values[f"power_l{phase}"] == pytest.approx(values[f"voltage_l{phase}"] * 16)
        assert values["power"] == pytest.approx(sum(values[f"power_l{phase}"] for phase in (1, 2, 3)))
    assert len(voltages_v) == 3 * 180
    assert 227 <= min(voltages_v) < 228
    assert 232 < max(voltages_v) <= 233


def test_each_session_counts_from_0_and_the_counter_goes_on():
    charger = charger_of(SimulatedCar(reaction_s=0.0, soc_percent=10.0), energy_wh=1000.0)
    charger.advance(1800.0)
    charger.unplug(1800.0)
    values = charger.values()
    assert (values["session_energy"], values["energy"]) == (pytest.approx(5520), pytest.approx(6520))
    charger.plug_in(3600.0)
    charger.advance(3600.0 + 900.0)
    values = charger.values()
    assert (values["session_energy"], values["energy"]) == (pytest.approx(2760), pytest.approx(9280))
    assert "session_energy" not in charger_of(has_session_energy=False).values()


def test_its_own_load_balancing_shows_in_what_it_offers():
    charger = charger_of()
    charger.obey({"current_limit": 16.0}, 0.0)
    charger.balance(9.0, 10.0)
    assert seen(charger, 20.0) == ("C2", 3 * 9 * 230)
    assert charger.values()["current_offered"] == 9
    charger.balance(5.0, 20.0)
    assert seen(charger, 30.0) == ("B1", 0)
    charger.balance(inf, 30.0)
    assert seen(charger, 40.0) == ("C2", 11_040)


def test_only_some_hear_from_the_car_how_full_it_is():
    assert "vehicle_soc" not in charger_of().values()
    charger = charger_of(SimulatedCar(soc_percent=40.0, car_id="DEADBEEF"), knows_soc=True)
    assert (charger.values()["vehicle_soc"], charger.values()["car_id"]) == (pytest.approx(40), "DEADBEEF")
    charger.unplug(0.0)
    assert (charger.values()["vehicle_soc"], charger.values()["car_id"]) == (None, None)


def test_the_pilot_of_some_drops_twice_just_after_a_car_was_plugged_in():
    charger = charger_of(bounces=True)
    states = []
    for tenth in range(300):
        charger.advance(tenth / 10)
        if not states or charger.status != states[-1][1]:
            states.append((tenth / 10, charger.status))
    assert states == [(0, "B"), (2, "A"), (3.5, "B"), (5.5, "C"), (11, "A"), (14, "B"), (16, "C")]
    assert charger.values()["session_energy"] == pytest.approx((5.5 + 13.9) * 11_040 / 3600)


@pytest.mark.parametrize("fault_status", ["E", "F"])
def test_a_fault_opens_the_contactor_at_once(fault_status):
    charger = charger_of(fault_status=fault_status)
    charger.advance(60.0)
    charger.set_fault(True, 60.0)
    assert seen(charger, 60.0) == (fault_status, 0)
    assert (charger.fault, charger.ocpp_status, charger.values()["fault"]) == (True, "Faulted", "out of order")
    charger.obey({"current_limit": 6.0}, 70.0)
    assert seen(charger, 80.0) == (fault_status, 0)
    charger.set_fault(False, 90.0)
    assert seen(charger, 100.0) == ("C2", 3 * 6 * 230)


def test_its_car_comes_and_goes_by_order():
    charger = charger_of()
    charger.obey({"plug": True}, 10.0)
    assert seen(charger, 20.0) == ("C2", 11_040)
    charger.obey({"plug": False}, 20.0)
    assert seen(charger, 30.0) == ("A1", 0)
    charger.obey({"plug": 1}, 30.0)
    assert seen(charger, 40.0) == ("C2", 11_040)
    with pytest.raises(ValueError, match=r"^a car is plugged in already$"):
        charger.plug_in(50.0)


def test_a_week_of_its_car_by_the_timetable():
    timetable = Timetable(seed=3)
    car = SimulatedCar(soc_percent=50.0)
    charger = SimulatedEvCharger(car, timetable=timetable, time_of_day_s=12 * 3600.0)
    noon_s = 12 * 3600.0
    for day in range(7):
        visit = timetable.visit(day)
        arrives_s, leaves_s = visit.arrives_s - noon_s, visit.leaves_s - noon_s
        soc_percent = car.soc_percent
        charger.advance(arrives_s - 1)
        assert charger.status == "A"
        charger.advance(arrives_s)
        assert charger.status == "B"
        assert car.soc_percent == pytest.approx(soc_percent - visit.used_percent)
        charger.advance(leaves_s - 1)
        assert (charger.status, car.soc_percent) == ("B", 100)
        charger.advance(leaves_s)
        assert charger.status == "A"


def test_in_the_night_its_car_stands_there_already():
    car = SimulatedCar(soc_percent=50.0)
    charger = SimulatedEvCharger(car, timetable=Timetable(), time_of_day_s=3 * 3600.0)
    charger.advance(0.0)
    assert (charger.status, car.soc_percent) == ("B", 50)


def test_the_same_seed_makes_the_same_weeks():
    weeks = [[Timetable(seed).visit(day) for day in range(14)] for seed in (1, 1, 2)]
    assert weeks[0] == weeks[1] != weeks[2]
    for before, after in zip(weeks[0], weeks[0][1:], strict=False):
        assert before.arrives_s < before.leaves_s < after.arrives_s


def two_sockets(max_current_a, *cars):
    feeder = Feeder(max_current_a, STEADY)
    return [SimulatedEvCharger(car, feeder=feeder) for car in cars]


def test_two_sockets_share_what_their_feeder_carries():
    left, right = two_sockets(20.0, SimulatedCar(), SimulatedCar())
    left.plug_in(0.0)
    assert seen(left, 60.0) == ("C2", 11_040)
    right.plug_in(60.0)
    assert (left.offered_a, right.offered_a) == (14, 0)  # the second waits for the first to follow
    right.advance(62.0)
    assert (left.offered_a, right.offered_a) == (14, 6)
    assert (seen(left, 80.0), seen(right, 80.0)) == (("C2", 3 * 10 * 230), ("C2", 3 * 10 * 230))
    right.obey({"current_limit": 7.0}, 100.0)
    assert (seen(left, 120.0), seen(right, 120.0)) == (("C2", 3 * 13 * 230), ("C2", 3 * 7 * 230))
    left.unplug(200.0)
    right.obey({}, 200.0)
    assert (seen(left, 220.0), seen(right, 220.0)) == (("A1", 0), ("C2", 11_040))


def test_a_feeder_too_small_for_two_serves_who_came_first():
    left, right = two_sockets(10.0, SimulatedCar(soc_percent=40), SimulatedCar(soc_percent=89, limit_soc_percent=90.0))
    right.plug_in(0.0)
    left.plug_in(10.0)
    assert (seen(left, 60.0), seen(right, 60.0)) == (("B1", 0), ("C2", 6900))
    assert seen(right, 3600.0)[0] == "B2"
    assert (left.offered_a, right.offered_a) == (0, 10)
    right.unplug(3600.0)
    assert seen(left, 3610.0) == ("C2", 6900)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"max_current_a": 5}, "max current must be 6 A or above"),
        ({"phases": 2}, "a socket has 1 or 3 phases"),
        ({"phase_dwell_s": -1}, "phase dwell must be 0 s or above"),
        ({"heartbeat_s": -1}, "heartbeat must be 0 s (never) or above"),
        ({"safe_current_a": 17}, "safe current must be between 0 A and max current"),
        ({"energy_wh": -1}, "the energy counter must be 0 Wh or above"),
        ({"time_of_day_s": 86_400}, "the time of day must be within a day"),
        ({"timetable": Timetable()}, "a timetable needs a car"),
    ],
)
def test_values_that_cannot_be_true_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        SimulatedEvCharger(**value)


def test_a_feeder_and_mains_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"^a feeder carries at least 6 A$"):
        Feeder(5.0)
    with pytest.raises(ValueError, match=r"^the mains have a voltage above 0 V, and above its noise$"):
        Mains(nominal_v=0.0)


def test_the_names_of_its_values_are_always_the_same():
    charger = SimulatedEvCharger(SimulatedCar(), knows_soc=True)
    empty = list(charger.values())
    charger.plug_in(0.0)
    charger.advance(60.0)
    assert list(charger.values()) == empty


def test_time_that_goes_back_changes_nothing():
    charger = charger_of()
    charger.advance(1000.0)
    before = charger.values()
    charger.advance(500.0)
    charger.obey({}, 400.0)
    assert charger.values() == before


CARS = st.builds(
    dict,
    battery_capacity_wh=st.sampled_from([2000.0, 24_000.0, 60_000.0]),
    soc_percent=st.floats(5, 95),
    phases=st.sampled_from([1, 2, 3]),
    max_current_a=st.sampled_from([10.0, 16.0, 32.0]),
    min_current_a=st.sampled_from([6.0, 8.0]),
    limit_soc_percent=st.sampled_from([80.0, 100.0]),
    taper_from_percent=st.sampled_from([60.0, 85.0, 100.0]),
    reaction_s=st.sampled_from([0.0, 2.0, 5.0]),
    sleeps_after_s=st.sampled_from([300.0, inf]),
    most_starts=st.sampled_from([3, inf]),
)
CHARGERS = st.builds(
    dict,
    max_current_a=st.sampled_from([16.0, 32.0]),
    below_least=st.sampled_from(["pause", "raise"]),
    heartbeat_s=st.sampled_from([0.0, 60.0]),
    needs_authorisation=st.booleans(),
    bounces=st.booleans(),
)
ORDERS = st.lists(
    st.tuples(
        st.floats(0, 1500),
        st.fixed_dictionaries(
            {"current_limit": st.one_of(st.floats(0, 40), st.sampled_from([0.0, 6.0, 16.0]))},
            optional={
                "enable": st.sampled_from([True, True, False]),
                "phase_count": st.sampled_from([1, 3]),
                "wake": st.booleans(),
                "authorise": st.booleans(),
                "heartbeat": st.sampled_from([0, 1]),
                "plug": st.sampled_from([True, True, False]),
                "precondition_w": st.sampled_from([0.0, 1500.0]),
                "fault": st.sampled_from([True, False, False]),
            },
        ),
    ),
    max_size=8,
)
"""How long to wait, then what is ordered, by the master or by the owner of the car."""


def happen(charger, orders, now_s):
    charger.obey(orders, now_s)
    if "fault" in orders:
        charger.set_fault(orders["fault"], now_s)
    if "precondition_w" in orders:
        charger.car.precondition(orders["precondition_w"], now_s)


def state(charger):
    car = charger.car
    return charger.pilot_state, car.starts, car.is_asleep, charger.welded_contactors, charger.values()["phase_count"]


def measures(charger):
    values = charger.values()
    return [charger.car.soc_percent, *(values[name] for name in ("power", "energy", "session_energy"))]


@given(CARS, CHARGERS, ORDERS, st.lists(st.floats(0, 1), max_size=20))
def test_one_long_step_equals_many_short_ones(car, charger, orders, cuts):
    at_once, in_steps = (SimulatedEvCharger(SimulatedCar(**car), **charger) for _ in range(2))
    now_s = 0.0
    for each in (at_once, in_steps):
        each.plug_in(0.0)
    for wait_s, order in [*orders, (1000.0, {"current_limit": 16.0})]:
        for cut in sorted(cuts):
            in_steps.advance(now_s + cut * wait_s)
        now_s += wait_s
        for each in (at_once, in_steps):
            happen(each, order, now_s)
        assert state(in_steps) == state(at_once)
        assert measures(in_steps) == pytest.approx(measures(at_once), rel=1e-6, abs=1e-6)


def test_an_hour_at_once_equals_an_hour_by_the_second():
    at_once, in_steps = (SimulatedEvCharger(SimulatedCar(soc_percent=83.0)) for _ in range(2))
    for each in (at_once, in_steps):
        each.plug_in(0.0)
    at_once.advance(3600.0)
    for second in range(1, 3601):
        in_steps.advance(second)
    assert measures(in_steps) == pytest.approx(measures(at_once), rel=1e-9)
    assert state(in_steps) == state(at_once) == ("C2", 1, False, 0, 3)


@given(CARS, CHARGERS, ORDERS)
def test_limits_and_the_balance_of_energy_hold_whatever_is_ordered(car, charger, orders):
    charger = SimulatedEvCharger(SimulatedCar(**car), **charger)
    car = charger.car
    charger.plug_in(0.0)
    energy_wh, stored_percent = 0.0, car.soc_percent
    offers_a = [(-inf, 0.0)]
    """Since when what is offered."""

    def look(now_s):
        offered_a = charger.offered_a
        assert offered_a == 0 or 6 <= offered_a <= charger.values()["max_current"]
        if offered_a != offers_a[-1][1]:
            offers_a.append((now_s, offered_a))
        # A car may still take what it was offered 5 s ago.
        while len(offers_a) > 1 and offers_a[1][0] < now_s - MOST_REACTION_S - 1e-6:
            del offers_a[0]
        allowed_a = max(offer_a for _, offer_a in offers_a)
        values = charger.values()
        voltages_v = [values[f"voltage_l{phase}"] for phase in range(1, values["phase_count"] + 1)]
        assert -1e-9 <= charger.power_w <= allowed_a * sum(voltages_v) + 1e-6
        currents_a = [values[f"current_l{phase}"] for phase in (1, 2, 3)]
        assert max(currents_a) <= min(allowed_a, car.max_current_a) + 1e-9
        assert sum(current_a > 0 for current_a in currents_a) <= min(car.phases, values["phase_count"])
        if charger.power_w:
            assert charger.status == "C"

    now_s = 0.0
    for wait_s, order in [(0.0, {}), *orders, (600.0, {"current_limit": 0.0}), (60.0, {})]:
        steps = max(1, round(wait_s / 2.5))
        for step in range(1, steps + 1):
            charger.advance(now_s + wait_s * step / steps)
            look(now_s + wait_s * step / steps)
        now_s += wait_s
        happen(charger, order, now_s)
        look(now_s)
        assert charger.values()["energy"] >= energy_wh
        energy_wh = charger.values()["energy"]
    stored_wh = (car.soc_percent - stored_percent) / 100 * car.battery_capacity_wh
    if not any("precondition_w" in order for _, order in orders):
        assert energy_wh * 0.9 == pytest.approx(stored_wh, rel=1e-6, abs=1e-3)
    else:
        assert energy_wh * 0.9 >= stored_wh - 1e-3
    assert car.soc_percent <= 100


@given(ORDERS, ORDERS, st.sampled_from([10.0, 16.0, 20.0, 32.0]))
def test_two_sockets_never_take_more_than_their_feeder_carries(left_orders, right_orders, max_current_a):
    left, right = two_sockets(max_current_a, SimulatedCar(reaction_s=5.0), SimulatedCar(reaction_s=1.0))
    events = [(left, order) for order in left_orders] + [(right, order) for order in right_orders]
    now_s = 0.0
    left.plug_in(0.0)
    right.plug_in(30.0)
    for index, (socket, (wait_s, order)) in enumerate(events[::2] + events[1::2]):
        for step in range(1, 41):
            socket.advance(now_s + (wait_s % 60) * step / 40)
            assert left.drawn_a + right.drawn_a <= max_current_a + 1e-9
            assert left.offered_a == 0 or left.offered_a >= 6
            assert right.offered_a == 0 or right.offered_a >= 6
        now_s += wait_s % 60
        happen((left, right)[index % 2], order, now_s)
        assert left.drawn_a + right.drawn_a <= max_current_a + 1e-9

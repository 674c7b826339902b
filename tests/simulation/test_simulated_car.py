"""What a simulated car does at its socket, story by story."""

import re
from math import inf

import pytest

from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import INTERRUPTION_S, Feeder, SimulatedEvCharger
from s2d.simulation.mains import Mains

STEADY = Mains(noise_v=0)
"""Exactly 230 V."""


def plugged(now_s=0.0, **car):
    """A charger that lets its car take what it can, from *now_s* on."""
    charger = SimulatedEvCharger(SimulatedCar(**car), feeder=Feeder(mains=STEADY))
    charger.plug_in(now_s)
    return charger, charger.car


def seen(charger, now_s):
    """Status and power at *now_s*."""
    charger.advance(now_s)
    return charger.pilot_state, round(charger.power_w)


@pytest.mark.parametrize("reaction_s", [0.0, 1.0, 5.0])
def test_it_follows_the_pilot_after_its_reaction_time(reaction_s):
    charger, _ = plugged(reaction_s=reaction_s)
    if reaction_s:
        assert seen(charger, reaction_s - 0.001) == ("B2", 0)
    assert seen(charger, reaction_s + 0.001) == ("C2", 3 * 16 * 230)
    charger.obey({"current_limit": 10.0}, 100.0)
    if reaction_s:
        assert seen(charger, 100 + reaction_s - 0.001) == ("C2", 3 * 16 * 230)
    assert seen(charger, 100 + reaction_s + 0.001) == ("C2", 3 * 10 * 230)


def test_a_pause_gives_it_the_time_to_stop_by_itself():
    charger, car = plugged(reaction_s=3.0)
    charger.obey({"current_limit": 0.0}, 60.0)
    assert seen(charger, 62.9) == ("C1", 11_040)
    assert seen(charger, 63.1) == ("B1", 0)
    charger.obey({"current_limit": 6.0}, 120.0)
    assert seen(charger, 124.0) == ("C2", 3 * 6 * 230)
    assert car.starts == 2


@pytest.mark.parametrize(("phases", "expected_a"), [(1, (16, 0, 0)), (2, (16, 16, 0)), (3, (16, 16, 16))])
def test_it_uses_as_many_phases_as_it_has(phases, expected_a):
    charger, car = plugged(phases=phases)
    charger.advance(10.0)
    assert car.currents_a == pytest.approx(expected_a)
    assert charger.power_w == pytest.approx(phases * 3680)


def test_its_own_charger_may_be_the_limit():
    charger, _ = plugged(phases=1, max_current_a=10.0)
    assert seen(charger, 10.0) == ("C2", 2300)
    assert charger.offered_a == 16


def test_a_car_that_needs_8_amperes_waits_below_and_stops_when_it_gets_less():
    charger, car = plugged(min_current_a=8.0)
    charger.obey({"current_limit": 7.9}, 0.0)
    assert seen(charger, 60.0) == ("B2", 0)
    charger.obey({"current_limit": 8.0}, 60.0)
    assert seen(charger, 70.0) == ("C2", 3 * 8 * 230)
    charger.obey({"current_limit": 6.0}, 70.0)
    assert seen(charger, 80.0) == ("B2", 0)
    assert car.starts == 1


def test_losses_are_taken_off_what_it_takes():
    charger, car = plugged(soc_percent=20.0, efficiency=0.9, phases=1, reaction_s=0.0)
    charger.advance(3600.0)
    assert car.soc_percent == pytest.approx(20 + 3680 * 0.9 / 600)
    assert charger.values()["session_energy"] == pytest.approx(3680)


def test_nearly_full_it_takes_less_and_less_and_full_it_stops_by_itself():
    charger, car = plugged(soc_percent=80.0, taper_from_percent=85.0, taper_to=0.1)
    strongest_w = 3 * 16 * 253
    powers_w = {}
    for now_s in range(0, 4 * 3600, 60):
        charger.advance(now_s)
        powers_w[car.soc_percent] = charger.power_w
    for soc_percent, power_w in powers_w.items():
        if 80 < soc_percent < 85:
            assert power_w == pytest.approx(11_040)
        elif 90 < soc_percent < 100:
            assert power_w == pytest.approx(strongest_w * (1 - 0.9 * (soc_percent - 85) / 15))
    assert sum(90 < soc_percent < 100 for soc_percent in powers_w) > 30
    assert (charger.pilot_state, charger.power_w, car.soc_percent) == ("B2", 0, 100)
    assert (car.starts, charger.ocpp_status) == (1, "SuspendedEV")
    charger.obey({"current_limit": 0.0}, 5 * 3600.0)
    charger.obey({"current_limit": 16.0}, 6 * 3600.0)
    assert seen(charger, 7 * 3600.0) == ("B2", 0)


def test_it_stops_at_its_own_limit_at_the_very_instant():
    charger, car = plugged(soc_percent=50.0, limit_soc_percent=60.0, reaction_s=0.0, efficiency=1.0)
    full_after_s = 6000 / 11_040 * 3600
    assert seen(charger, full_after_s - 0.001) == ("C2", 11_040)
    assert seen(charger, full_after_s + 0.001) == ("B2", 0)
    assert car.soc_percent == 60


def test_a_car_that_is_fuller_than_its_limit_does_not_begin():
    charger, car = plugged(soc_percent=70.0, limit_soc_percent=60.0)
    assert seen(charger, 3600.0) == ("B2", 0)
    assert (car.soc_percent, car.starts) == (70, 0)


def test_it_refuses_until_its_owner_allows_it():
    charger, car = plugged(refuses=True)
    assert seen(charger, 3600.0) == ("B2", 0)
    assert charger.ocpp_status == "SuspendedEV"
    car.refuse(False, 3600.0)
    assert seen(charger, 3610.0) == ("C2", 11_040)
    car.refuse(True, 3700.0)
    assert seen(charger, 3710.0) == ("B2", 0)


def test_its_timer_starts_it_even_if_it_sleeps():
    charger, car = plugged(sleeps_after_s=300.0)
    car.charge_not_before(7200.0, 0.0)
    assert seen(charger, 7199.0) == ("B2", 0)
    assert car.is_asleep
    assert seen(charger, 7200.0) == ("C2", 11_040)


@pytest.mark.parametrize("wakes", [True, False])
def test_without_a_current_it_falls_asleep_and_an_interruption_of_the_pilot_may_wake_it(wakes):
    charger, car = plugged(sleeps_after_s=600.0, wakes=wakes)
    charger.obey({"current_limit": 0.0}, 60.0)
    charger.advance(61.0)
    assert not car.is_asleep
    charger.advance(60.0 + 2.0 + 600.0)
    assert car.is_asleep
    charger.obey({"current_limit": 16.0}, 1000.0)
    assert seen(charger, 1100.0) == ("B2", 0)
    charger.obey({"current_limit": 16.0, "wake": True}, 1100.0)
    assert seen(charger, 1100.0 + INTERRUPTION_S - 0.1) == ("B1", 0)
    assert seen(charger, 1110.0) == (("C2", 11_040) if wakes else ("B2", 0))
    car.wake(1200.0)
    assert seen(charger, 1210.0) == ("C2", 11_040)


def test_one_that_has_charged_is_asleep_later_than_one_that_never_did():
    charger, car = plugged(sleeps_after_s=600.0, soc_percent=50, limit_soc_percent=55.0, efficiency=1.0)
    full_at_s = 2 + 3000 / 11_040 * 3600
    charger.advance(full_at_s + 599)
    assert not car.is_asleep
    charger.advance(full_at_s + 601)
    assert car.is_asleep


def test_after_so_many_starts_it_has_had_enough_until_it_is_plugged_in_anew_or_its_app_is_opened():
    charger, car = plugged(most_starts=3)
    for minute in range(1, 10):
        charger.obey({"current_limit": 6.0 if minute % 2 else 0.0, "wake": minute % 2}, minute * 60.0)
    assert seen(charger, 1000.0) == ("B2", 0)
    assert car.starts == 3
    car.wake(1100.0)
    assert seen(charger, 1110.0) == ("C2", 4140)
    assert car.starts == 4
    charger.unplug(1200.0)
    charger.plug_in(1300.0)
    assert seen(charger, 1310.0) == ("C2", 4140)
    assert car.starts == 1


def test_it_heats_itself_though_it_is_full_if_something_is_offered():
    charger, car = plugged(soc_percent=100.0)
    assert seen(charger, 60.0) == ("B2", 0)
    car.precondition(2000.0, 60.0)
    assert seen(charger, 70.0) == ("C2", 2000)
    assert car.soc_percent == 100
    car.precondition(0.0, 600.0)
    assert seen(charger, 610.0) == ("B2", 0)


def test_what_it_heats_with_is_not_charged():
    charger, car = plugged(soc_percent=50.0, phases=1, efficiency=1.0, reaction_s=0.0)
    car.precondition(3000.0, 0.0)
    charger.advance(3600.0)
    assert charger.power_w == pytest.approx(3680)
    assert car.soc_percent == pytest.approx(50 + 680 / 600)


def test_its_maker_knows_what_it_was_when_it_last_said_so():
    charger, car = plugged(soc_percent=50.0, efficiency=1.0, reaction_s=0.0, reports_every_s=900.0)
    assert car.reported_soc_percent == 50
    charger.advance(899.0)
    assert car.reported_soc_percent == 50
    charger.advance(1500.0)
    assert car.reported_soc_percent == pytest.approx(50 + 11_040 * 900 / 3600 / 600)
    charger.obey({"current_limit": 0.0}, 1500.0)
    charger.advance(1501.0)
    assert car.reported_soc_percent == car.soc_percent == pytest.approx(50 + 11_040 * 1500 / 3600 / 600)


def test_its_maker_may_know_only_what_was_yesterday():
    charger, car = plugged(soc_percent=50.0, reported_soc_percent=90.0, reports_every_s=inf)
    charger.advance(7200.0)
    assert car.reported_soc_percent == 90
    assert car.soc_percent > 80


def test_who_drives_comes_back_with_less_but_never_with_nothing():
    car = SimulatedCar(soc_percent=40.0)
    car.drive(30.0)
    assert car.soc_percent == pytest.approx(10)
    car.drive(30.0)
    assert car.soc_percent == pytest.approx(5)
    empty = SimulatedCar(soc_percent=2.0)
    empty.drive(10.0)
    assert empty.soc_percent == pytest.approx(2)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"battery_capacity_wh": 0}, "battery capacity must be above 0 Wh"),
        ({"soc_percent": 101}, "state of charge must be between 0 % and 100 %"),
        ({"phases": 4}, "a car has 1, 2 or 3 phases"),
        ({"min_current_a": 5}, "currents of a car: 6 A ≤ least ≤ most"),
        ({"min_current_a": 20}, "currents of a car: 6 A ≤ least ≤ most"),
        ({"efficiency": 90}, "efficiency must be above 0 and at most 1"),
        ({"limit_soc_percent": 0}, "its own limit must be above 0 % and at most 100 %"),
        ({"taper_from_percent": 120}, "the taper must begin between 0 % and 100 %"),
        ({"taper_to": 0}, "at 100 % its battery takes more than nothing"),
        ({"reaction_s": 6}, "a car reacts within 5 s"),
        ({"sleeps_after_s": 0}, "a car falls asleep after more than 0 s"),
        ({"most_starts": 0}, "a car starts at least once"),
        ({"reports_every_s": 0}, "a car reports every so many seconds, above 0"),
    ],
)
def test_values_that_cannot_be_true_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        SimulatedCar(**value)

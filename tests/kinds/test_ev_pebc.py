"""An EV charger under PEBC: limits become whole amperes, a car is woken, phases change while it stands still."""

from typing import Any

import pytest

from s2d.rm.occasion import Occasion
from s2d.s2.messages.common import NumberRange, PowerMeasurement, RevokeObject
from s2d.s2.messages.pebc import EnergyConstraint, PowerConstraints, PowerEnvelopeConsequenceType

from .ev_stage import HOUR, MINUTE, POINTS, SWITCHED, SYMMETRIC, EvStage
from .stage import PEBC, of_type, statuses


def limited(keys: str = POINTS, **options: int) -> EvStage:
    stage = EvStage(keys, **options)
    stage.session(PEBC)
    stage.written.clear()
    return stage


def test_ranges_are_what_the_settings_say_the_useful_one_first() -> None:
    stage = EvStage()
    (constraints,) = of_type(PowerConstraints, stage.session(PEBC))
    assert constraints.consequence_type is PowerEnvelopeConsequenceType.DEFER
    assert constraints.valid_until is None
    assert [
        (each.limit_type, each.range_boundary, each.commodity_quantity) for each in constraints.allowed_limit_ranges
    ] == [
        ("UPPER_LIMIT", NumberRange(start_of_range=4140.0, end_of_range=11040.0), SYMMETRIC),
        ("UPPER_LIMIT", NumberRange(start_of_range=0.0, end_of_range=0.0), SYMMETRIC),
        ("LOWER_LIMIT", NumberRange(start_of_range=0.0, end_of_range=0.0), SYMMETRIC),
    ]


def test_phases_that_can_be_switched_make_one_range_of_all() -> None:
    (constraints,) = of_type(PowerConstraints, EvStage(POINTS + SWITCHED).session(PEBC))
    useful = constraints.allowed_limit_ranges[0].range_boundary
    assert useful == NumberRange(start_of_range=1380.0, end_of_range=11040.0)


@pytest.mark.parametrize(
    ("limit_w", "voltage_v", "amperes"),
    [
        (11040.0, 230.0, 16.0),
        (5000.0, 230.0, 7.0),
        (4140.0, 230.1, 6.0),
        (4140.0, 234.0, 6.0),
        (4139.0, 230.0, 0.0),
        (3000.0, 230.0, 0.0),
        (0.0, 230.0, 0.0),
        (7360.0, 240.0, 10.0),
    ],
)
def test_a_limit_becomes_the_next_lower_ampere_and_the_least_is_granted(
    limit_w: float, voltage_v: float, amperes: float
) -> None:
    stage = limited(POINTS + "  voltage_l1: {register: 9, unit: V}\n")
    stage.voltage_v, stage.extra = voltage_v, {"voltage_l1": voltage_v}
    stage.reads()
    assert statuses(stage.ordered("limit", (3600, 0, limit_w))) == [
        ("limit", "ACCEPTED"),
        ("limit", "STARTED"),
        ("limit", "SUCCEEDED"),
    ]
    assert stage.limit_a == amperes


def test_a_limit_beyond_the_ranges_is_rejected_and_the_one_before_stays() -> None:
    stage = limited()
    stage.ordered("first", (3600, 0, 5000))
    assert statuses(stage.ordered("second", (3600, 0, 12000))) == [("second", "REJECTED")]
    assert stage.limit_a == 7.0


def test_a_limit_that_means_a_stop_says_so() -> None:
    stage = limited()
    effects = stage.hears(stage.envelope("gap", (3600, 0, 3000), quantity=SYMMETRIC))
    assert [each.setpoint.reason for each in effects if hasattr(each, "setpoint")] == [
        "instruction gap: 3000 W is less than its least, so it stops"
    ]


def test_without_a_car_a_limit_is_kept_by_nobody_charging() -> None:
    stage = limited()
    stage.is_plugged = False
    stage.lives(20)
    assert statuses(stage.ordered("limit", (3600, 0, 5000)))[-1] == ("limit", "SUCCEEDED")


def test_a_limit_that_is_not_kept_ends_and_what_it_may_give_is_no_more_than_it_or_what_is_safe() -> None:
    stage = limited()
    stage.does(stage.hears(stage.envelope("limit", (3600, 0, 3000), quantity=SYMMETRIC)))
    stage.extra = {"power": 5000.0, "status": "C"}
    assert statuses(stage.lives(70))[-1] == ("limit", "ABORTED")
    assert stage.limit_a == 0.0


def test_a_pause_lasts_however_often_limits_change() -> None:
    stage = limited()
    stage.lives(10)
    stage.ordered("stop", (3600, 0, 0))
    stopped_at = stage.elapsed_s
    stage.ordered("go", (3600, 0, 11040))
    assert stage.limit_a == 0.0
    stage.lives(60)
    (again_at,) = [at for at, _, value in stage.written if value == 16.0]
    assert 40 <= again_at - stopped_at <= 62


def test_phases_change_after_two_minutes_and_never_under_load() -> None:
    stage = limited(POINTS + SWITCHED)
    stage.lives(10)
    stage.ordered("one-phase", (36000, 0, 3700))
    assert stage.limit_a == 0.0
    stage.lives(100)
    assert stage.relay == 3
    stage.lives(60)
    assert (stage.relay, stage.limit_a) == (1, 16.0)
    switched_at = next(at for at, point, _ in stage.written if point == "phase_count")
    started_at = stage.written[-1][0]
    assert started_at - switched_at >= 10
    # Back to three: not before the phases have been as they are for ten minutes.
    stage.ordered("three-phases", (36000, 0, 11040))
    assert stage.limit_a == 16.0
    stage.lives(5 * MINUTE)
    assert stage.relay == 1
    stage.lives(6 * MINUTE)
    assert (stage.relay, stage.limit_a) == (3, 16.0)


@pytest.mark.parametrize("shown", [{"status": "C"}, {"status": "B", "power": 500.0}])
def test_a_car_that_does_not_stop_keeps_its_phases(shown: dict[str, Any]) -> None:
    stage = limited(POINTS + SWITCHED)
    stage.lives(10)
    stage.extra = shown
    stage.ordered("one-phase", (36000, 0, 3700))
    stage.lives(10 * MINUTE)
    assert [value for _, point, value in stage.written if point == "phase_count"] == []


def test_the_only_car_that_takes_no_change_of_phases_keeps_them_and_no_less_is_promised() -> None:
    stage = EvStage(POINTS + SWITCHED + "cars: [{name: Zoe, switch_phases: no}]\n")
    (constraints,) = of_type(PowerConstraints, stage.session(PEBC))
    useful = constraints.allowed_limit_ranges[0].range_boundary
    assert useful == NumberRange(start_of_range=4140.0, end_of_range=11040.0)
    stage.lives(3 * MINUTE)  # a car charges for a while before it is paused first
    stage.ordered("one-phase", (36000, 0, 3700))
    stage.lives(10 * MINUTE)
    assert (stage.relay, stage.limit_a) == (3, 0.0)


@pytest.mark.parametrize(("card", "relay", "amperes"), [("AA", 3, 0.0), ("BB", 1, 16.0), ("a guest's", 1, 16.0)])
def test_of_several_cars_the_phases_of_those_are_changed_that_take_it(card: str, relay: int, amperes: float) -> None:
    cars = "cars: [{name: Zoe, id: AA, switch_phases: no}, {name: Ours, id: BB}]\n"
    stage = EvStage(f"{POINTS}  car_id: {{register: 9}}\n{SWITCHED}" + cars)
    stage.extra["car_id"] = card
    stage.session(PEBC)
    stage.ordered("one-phase", (36000, 0, 3700))
    stage.lives(10 * MINUTE)
    assert (stage.relay, stage.limit_a) == (relay, amperes)


def test_a_car_that_must_not_be_woken_is_not_though_its_battery_is_unknown() -> None:
    stage = limited(POINTS + "  wake: {register: 8, access: write}\ncars: [{name: Zoe, wake: no}]\n")
    stage.wants = False
    stage.ordered("stop", (3600, 0, 0))
    stage.lives(60)
    stage.ordered("go", (3600, 0, 11040))
    stage.written.clear()
    stage.lives(10 * MINUTE)
    assert [point for _, point, _ in stage.written if point == "wake"] == []


def test_a_car_is_not_paused_before_it_has_charged_for_a_while_unless_that_is_abnormal() -> None:
    stage = limited(POINTS + "cars: [{name: Zoe, first_charge: 5 min}]\n")
    stage.lives(4 * MINUTE)
    assert statuses(stage.ordered("stop", (3600, 0, 0))) == [("stop", "REJECTED")]
    assert stage.taken_w > 0
    assert statuses(stage.ordered("slow", (3600, 0, 4140)))[-1] == ("slow", "SUCCEEDED")
    stage.lives(2 * MINUTE)
    assert statuses(stage.ordered("again", (3600, 0, 0)))[-1] == ("again", "SUCCEEDED")
    other = limited(POINTS + "cars: [{name: Zoe, first_charge: 5 min}]\n")
    assert statuses(other.ordered("shed", (3600, 0, 0), is_abnormal=True))[-1] == ("shed", "SUCCEEDED")


def test_a_car_that_sleeps_is_woken_by_what_the_charger_has_for_that() -> None:
    stage = limited(POINTS + "  wake: {register: 8, access: write}\n")
    stage.wants = False
    stage.ordered("stop", (3600, 0, 0))
    stage.lives(60)
    stage.ordered("go", (3600, 0, 11040))
    stage.written.clear()
    began_at = stage.elapsed_s - 10
    stage.lives(10 * MINUTE)
    assert [(round(at - began_at, -1), point) for at, point, _ in stage.written] == [
        (30.0 * number, "wake") for number in range(1, 7)
    ]


def test_a_car_that_sleeps_is_woken_by_pauses() -> None:
    stage = limited()
    stage.wants = False
    stage.ordered("stop", (3600, 0, 0))
    stage.lives(60)
    stage.ordered("go", (3600, 0, 11040))
    stage.written.clear()
    stage.lives(4 * MINUTE)
    assert stage.limits() == [0.0, 16.0, 0.0, 16.0, 0.0, 16.0]
    stage.wants = True
    stage.lives(10)
    assert stage.taken_w == 11040.0


def test_nobody_is_woken_while_the_card_is_missing() -> None:
    stage = limited(POINTS + "  authorised: {register: 8}\n")
    stage.wants, stage.extra = False, {"authorised": 0}
    stage.ordered("stop", (3600, 0, 0))
    stage.lives(60)
    stage.ordered("go", (36000, 0, 11040))
    stage.written.clear()
    stage.lives(HOUR)
    assert stage.written == []


def test_a_fault_ends_the_limit_and_stops_it() -> None:
    stage = limited()
    stage.ordered("limit", (3600, 0, 5000))
    stage.extra = {"status": "E"}
    assert statuses(stage.lives(4)) == [("limit", "ABORTED")]
    assert stage.limit_a == 0.0
    stage.extra = {}
    stage.lives(120)
    assert stage.limit_a == 6.0


def test_an_order_while_it_reports_an_error_is_rejected() -> None:
    stage = limited()
    stage.extra = {"status": "F"}
    stage.reads()
    assert statuses(stage.ordered("limit", (3600, 0, 5000))) == [("limit", "REJECTED")]


def test_what_a_car_wants_until_it_leaves_is_told_and_it_stops_when_it_has_it() -> None:
    points = "  session_energy: {register: 30, unit: Wh}\n  requested_energy: {register: 31, unit: Wh}\n"
    stage = EvStage(POINTS + points + 'departure: "22:00"\n')
    stage.extra = {"session_energy": 0.0, "requested_energy": 20_000.0}
    (need,) = of_type(EnergyConstraint, stage.session(PEBC))
    assert (need.lower_average_power, need.upper_average_power) == (2500.0, 2500.0)
    assert (need.valid_until - need.valid_from).total_seconds() == 8 * HOUR
    stage.lives(302)
    stage.extra["session_energy"] = 10_000.0
    half = stage.lives(2)
    (need,) = of_type(EnergyConstraint, half)
    assert need.lower_average_power == pytest.approx(10_000 / (8 - 304 / 3600))
    assert [each.object_type for each in of_type(RevokeObject, half)] == ["PEBC.EnergyConstraint"]
    stage.extra["session_energy"] = 20_000.0
    assert len(of_type(RevokeObject, stage.lives(4))) == 1
    assert stage.limit_a == 0.0


def test_a_station_with_a_switch_is_stopped_by_that() -> None:
    stage = EvStage(POINTS + "  enable: {register: 9, access: write}\n")
    stage.session(PEBC)
    stage.ordered("go", (3600, 0, 5000))
    assert [each[1:] for each in stage.written] == [("current_limit", 7.0), ("enable", True)]
    stage.written.clear()
    stage.ordered("stop", (3600, 0, 0))
    assert [each[1:] for each in stage.written] == [("enable", False)]


def test_a_station_that_measures_but_currents_is_judged_by_them() -> None:
    currents = "".join(f"  current_l{phase}: {{register: 1{phase}, unit: A}}\n" for phase in (1, 2, 3))
    stage = EvStage(POINTS.replace("  power: {register: 2, unit: W}\n", currents))
    a = {"current_l1": 7.0, "current_l2": 7.0, "current_l3": 7.0}
    stage.extra = a
    stage.session(PEBC)
    effects = stage.ordered("limit", (3600, 0, 5000))
    assert statuses(effects)[-1] == ("limit", "SUCCEEDED")
    told = [each for each in stage.said if isinstance(each, PowerMeasurement)][-1]
    assert [(each.commodity_quantity, each.value) for each in told.values] == [(SYMMETRIC, 4830.0)]
    stage.extra = a | {"current_l1": 7.0, "current_l2": 0.0, "current_l3": 0.0}
    stage.lives(10)
    told = [each for each in stage.said if isinstance(each, PowerMeasurement)][-1]
    assert [each.value for each in told.values] == [1610.0, 0.0, 0.0]


def test_two_sockets_are_two_resources() -> None:
    left, right = limited(), limited()
    left.ordered("left", (3600, 0, 5000))
    right.ordered("right", (3600, 0, 8000))
    assert (left.limit_a, right.limit_a) == (7.0, 11.0)


def test_the_states_of_occasions_are_what_the_owner_says() -> None:
    stage = EvStage(POINTS + "safe_current: 8 A\nsafe: {stopping: {current_limit: 10 A}}\n")
    safe = stage.setup.safe
    assert [safe.on(each, "")[0].value for each in (Occasion.CEM_LOST, Occasion.STOPPING)] == [8.0, 10.0]

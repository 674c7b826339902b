"""What an EV charger may give on each occasion: the lower of a limit in force and what is safe; never is it released.

Safe are 8 A here, and 5000 W are 7 A.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from s2d.events import Lost
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Connected, Disconnected, Started, Stopping
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)

from .ev_stage import HOUR, MINUTE, POINTS, SYMMETRIC, EvStage
from .stage import FRBC, PEBC, statuses
from .test_ev_frbc import EVENING, Planned, charging, selected
from .test_ev_frbc import KEYS as FRBC_KEYS

KEYS = POINTS + "safe_current: 8 A\n"
Act = Callable[[EvStage], None]


def limited(limit_w: float, seconds: float = 10 * MINUTE, *, is_abnormal: bool = False, keys: str = KEYS) -> EvStage:
    """A charger that gives what a CEM allows it for so long."""
    stage = EvStage(keys)
    stage.session(PEBC)
    assert ("limit", "SUCCEEDED") in statuses(stage.ordered("limit", (seconds, 0, limit_w), is_abnormal=is_abnormal))
    stage.written.clear()
    return stage


def given(stage: EvStage, seconds: float) -> list[tuple[float, float]]:
    """What it may give from now on: when (s) it became another current, and which."""
    began_at, first = stage.elapsed_s, len(stage.written)
    stage.lives(seconds)
    told = [(at - began_at, value) for at, point, value in stage.written[first:] if point == "current_limit"]
    return [each for number, each in enumerate(told) if not number or each[1] != told[number - 1][1]]


def loses_cem(stage: EvStage) -> None:
    stage.on(Disconnected("gone"))


def comes_back(stage: EvStage) -> None:
    """A CEM connects, and selects what was selected before."""
    stage.on(Connected())
    stage.hears(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
    stage.heard(*stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta")))
    stage.does(stage.selects(PEBC))


def stops(stage: EvStage) -> None:
    stage.does(stage.on(Stopping()))


def deselects(stage: EvStage) -> None:
    stage.does(stage.hears(SelectControlType(message_id="none", control_type=ControlType.NO_SELECTION)))


def revokes(stage: EvStage) -> None:
    revoke = RevokeObject(message_id="no", object_type=RevokableObjects.PEBC_INSTRUCTION, object_id="limit")
    stage.does(stage.hears(revoke))


def is_lost_and_back(stage: EvStage) -> None:
    stage.does(stage.on(Lost("no answer")))


def doubts_clock(stage: EvStage) -> None:
    stage.on(Disconnected("gone"))
    stage.on(Connected(cem_time=stage.now.utc + timedelta(hours=1), is_clock_synchronised=False))


@pytest.mark.parametrize(
    ("limit_w", "is_abnormal", "happens", "expected"),
    [
        (11040, False, loses_cem, [(60, 8.0)]),
        (5000, False, loses_cem, [(60, 7.0), (592, 8.0)]),
        (0, False, loses_cem, [(60, 0.0), (592, 8.0)]),
        (5000, True, loses_cem, [(60, 7.0), (7260, 8.0)]),
        (11040, False, deselects, []),
        (5000, False, deselects, [(592, 8.0)]),
        (5000, False, revokes, []),
        (0, False, revokes, [(52, 16.0)]),
        (5000, False, is_lost_and_back, []),
        (11040, False, is_lost_and_back, []),
        (5000, False, doubts_clock, [(1800, 8.0)]),
        (11040, False, doubts_clock, [(1800, 8.0)]),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_each_occasion_gives_the_lower_of_limit_and_safe_until_the_limit_ends(
    limit_w: float, is_abnormal: bool, happens: Act, expected: list[tuple[float, float]]
) -> None:
    stage = limited(limit_w, is_abnormal=is_abnormal)
    happens(stage)
    assert given(stage, 3 * HOUR) == [(pytest.approx(at, abs=4), value) for at, value in expected]


@pytest.mark.parametrize(
    ("limit_w", "happens", "at_once"),
    [
        (11040, deselects, 8.0),
        (5000, deselects, 7.0),
        (0, deselects, 0.0),
        (11040, stops, 8.0),
        (5000, stops, 7.0),
        (0, stops, 0.0),
        (5000, revokes, 16.0),
        (11040, is_lost_and_back, 8.0),
        (0, is_lost_and_back, 0.0),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_comes_at_once(limit_w: float, happens: Act, at_once: float) -> None:
    stage = limited(limit_w)
    happens(stage)
    assert stage.limit_a == at_once


def test_a_limit_that_lapses_leaves_it_unlimited_while_its_cem_is_there() -> None:
    assert given(limited(5000, MINUTE), 2 * MINUTE) == [(pytest.approx(52, abs=4), 16.0)]


def test_a_limit_that_failed_stays_until_the_cem_says_something_else_or_is_lost() -> None:
    stage = limited(5000)
    stage.does(stage.hears(stage.envelope("lower", (10 * MINUTE, 0, 4200), quantity=SYMMETRIC)))
    stage.extra = {"status": "C", "power": 9000.0}
    assert statuses(stage.lives(70))[-1] == ("lower", "ABORTED")
    assert stage.limit_a == 6.0
    stage.extra = {}
    assert given(stage, HOUR) == []
    loses_cem(stage)
    assert given(stage, 2 * MINUTE) == [(pytest.approx(60, abs=4), 8.0)]


def test_a_session_that_sets_no_limit_leaves_it_unlimited() -> None:
    stage = EvStage(KEYS)
    stage.does(stage.on(Started()))
    stage.reads()
    assert given(stage, 6 * MINUTE) == [(pytest.approx(300, abs=4), 8.0)]
    comes_back(stage)
    assert stage.limit_a == 16.0


@pytest.mark.parametrize(("is_abnormal", "after_s"), [(False, 300), (True, 7200)])
def test_a_cem_that_is_back_and_sets_no_limit_leaves_an_earlier_one_for_a_while(
    is_abnormal: bool, after_s: float
) -> None:
    stage = limited(5000, 10 * HOUR, is_abnormal=is_abnormal)
    loses_cem(stage)
    stage.lives(20)
    comes_back(stage)
    assert given(stage, 3 * HOUR) == [(pytest.approx(60, abs=4), 7.0), (pytest.approx(60 + after_s, abs=4), 16.0)]


def test_after_a_crash_a_charger_that_keeps_its_limit_is_left_as_it_is_for_a_while() -> None:
    stage = limited(5000, 10 * MINUTE)
    stage.restarted(after_s=10)
    stage.on(Started())
    assert given(stage, 12 * MINUTE) == [(pytest.approx(300, abs=4), 7.0), (pytest.approx(582, abs=4), 8.0)]


def test_after_a_crash_a_charger_that_takes_more_than_its_limit_is_limited_at_once() -> None:
    stage = limited(5000, 10 * MINUTE)
    stage.restarted(after_s=10)
    stage.limit_a = 16.0
    stage.on(Started())
    assert given(stage, 20) == [(2, 7.0)]


def test_a_charger_of_which_nothing_is_known_gets_the_lower_of_what_it_was_told_and_what_is_safe() -> None:
    stage = limited(11040, HOUR)
    began_at = stage.elapsed_s
    effects = [effect for _ in range(300) for effect in stage.does(stage.after(2))]
    assert statuses(effects) == [("limit", "ABORTED")]
    told = [(at - began_at, value) for at, _, value in stage.written]
    assert told[0] == (pytest.approx(150, abs=4), 8.0)
    assert {value for _, value in told} == {8.0}


@pytest.mark.parametrize(
    ("happens", "later"),
    [
        (loses_cem, [(60, 8.0)]),
        (deselects, [(0, 8.0)]),
        (stops, [(0, 8.0)]),
        (doubts_clock, [(1800, 8.0)]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("factor", [1.0, 0.0])
def test_under_frbc_it_gives_what_is_safe(happens: Act, later: list[tuple[float, float]], factor: float) -> None:
    stage = charging(FRBC_KEYS + "safe_current: 8 A\n", factor)
    assert stage.limit_a == (16.0 if factor else 6.0)
    began_at, first = stage.elapsed_s, len(stage.written)
    happens(stage)
    stage.lives(40 * MINUTE, every_s=10)
    told = [(at - began_at, value) for at, point, value in stage.written[first:] if point == "current_limit"]
    assert told[0] == (pytest.approx(later[0][0], abs=12), later[0][1])
    assert {value for _, value in told} == {later[0][1]}


def test_under_frbc_a_revoked_order_is_off_and_a_failed_stop_stays_one() -> None:
    stage = selected(FRBC_KEYS)
    stage.orders("go", stage.mode(3))
    assert stage.limit_a == 16.0
    revoke = RevokeObject(message_id="no", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id="go")
    stage.does(stage.hears(revoke))
    assert stage.limit_a == 0.0
    stage = charging(FRBC_KEYS)
    stage.lives(5 * MINUTE)
    stage.orders("stop", stage.off)
    stage.extra |= {"status": "C", "power": 5000.0}
    assert ("stop", "ABORTED") in statuses(stage.lives(70))
    assert stage.limit_a == 0.0


def test_a_charger_of_which_nothing_is_known_under_frbc() -> None:
    stage = charging(FRBC_KEYS)
    first = len(stage.written)
    effects = [effect for _ in range(100) for effect in stage.does(stage.after(2))]
    assert ("go", "ABORTED") in statuses(effects)
    assert [value for _, _, value in stage.written[first:]] == [6.0]


def test_a_limit_outlasts_that_another_control_type_is_selected_though_the_car_has_to_be_charged() -> None:
    stage = Planned(FRBC_KEYS + "min_soc: 50 %\n", soc=40.0)
    stage.session(PEBC)
    stage.lives(370)
    stage.ordered("limit", (20 * MINUTE, 0, 5000))
    stage.does(stage.selects(FRBC))
    stage.lives(18 * MINUTE)
    assert stage.limit_a == 6.0
    stage.lives(3 * MINUTE)
    assert stage.limit_a == 16.0


def test_its_owner_says_what_each_occasion_is() -> None:
    stage = limited(11040, keys=KEYS + "safe: {cem_lost: {after: 10 min, current_limit: 12 A}}\n")
    loses_cem(stage)
    assert given(stage, HOUR) == [(pytest.approx(600, abs=4), 12.0)]


@pytest.mark.parametrize("occasion", Occasion)
def test_on_no_occasion_it_gives_more_than_a_limit_in_force_or_is_left_to_itself(occasion: Occasion) -> None:
    stage = limited(5000, HOUR)
    told = stage.resource.rest(occasion, "", stage.now)
    assert all(each.value != "release" and each.is_safe for each in told)
    is_over = occasion is Occasion.ENDED
    assert [each.value for each in told] == [16.0 if is_over else 7.0]


def test_a_clock_that_is_not_trusted_has_no_car_charged_by_its_time_of_leaving() -> None:
    stage = charging(FRBC_KEYS, at=EVENING + timedelta(hours=12))  # it leaves in an hour
    stage.lives(5 * MINUTE)
    assert statuses(stage.orders("stop", stage.off)) == [("stop", "REJECTED")]
    assert stage.resource_manager.troubles == ()
    doubts_clock(stage)
    stage.hears(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
    stage.heard(*stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta")))
    stage.does(stage.selects(FRBC))
    stage.lives(MINUTE)
    stage.orders("off", stage.off)
    stage.lives(10 * MINUTE)
    assert stage.limit_a == 0.0
    (trouble,) = stage.resource_manager.troubles
    assert trouble.startswith("the clock is not synchronised")
    stage.utc_step += timedelta(hours=1)
    stage.lives(MINUTE)
    assert stage.resource_manager.troubles == ()

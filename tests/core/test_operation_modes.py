"""What FRBC, OMBC and DDBC share, played by a heat pump under OMBC: transitions, timers, and what is told of them."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from s2d.rm.control.ombc import WHOLE
from s2d.s2.effects import Effect, Note
from s2d.s2.messages import ombc
from s2d.s2.messages.common import ControlType, RevokableObjects, RevokeObject, SelectControlType, Timer

from .resources_modes import RUN, HeatPump, Play, timers, way
from .stage import NOON, applied, said, told

REJECTED = ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
ACCEPTED = ["ReceptionStatus OK", "InstructionStatusUpdate ACCEPTED"]
STARTED = [*ACCEPTED, "InstructionStatusUpdate STARTED"]
STARTED_WITH_TIMER = [*STARTED, "OMBC.TimerStatus"]
ABORTED = ["InstructionStatusUpdate STARTED", "InstructionStatusUpdate ABORTED"]
DAY_S = 86_400.0


def play(doing: str = "off 0", **changes: Any) -> Play:
    """A heat pump with a CEM in charge."""
    playing = Play(HeatPump(**changes))
    playing.seen(**{WHOLE: doing})
    playing.connected()
    return playing


def reasons(effects: list[Effect]) -> list[object]:
    return [effect.facts["reason"] for effect in effects if isinstance(effect, Note) and "reason" in effect.facts]


# --- transitions -----------------------------------------------------------------------------------------------------


def test_a_change_along_a_transition_is_carried_out() -> None:
    playing = play()
    effects = playing.orders("on 1")
    assert told(effects) == STARTED_WITH_TIMER
    assert applied(effects) == [(WHOLE, "on 1")]


def test_a_change_along_no_transition_is_rejected() -> None:
    playing = play()
    effects = playing.orders("boost 1")
    assert told(effects) == REJECTED
    assert applied(effects) == []
    assert reasons(effects) == ["no transition leads from off to boost"]


def test_another_factor_of_the_same_mode_needs_no_transition() -> None:
    playing = play("on 0.2")
    effects = playing.orders("on 0.9")
    assert told(effects) == STARTED
    assert applied(effects) == [(WHOLE, "on 0.9")]


def test_without_any_transition_every_change_is_open() -> None:
    playing = play(transitions=())
    assert applied(playing.orders("boost 1")) == [(WHOLE, "boost 1")]


def test_a_mode_for_abnormal_conditions_needs_one() -> None:
    playing = play(emergency=("purge",), transitions=(way("off", "purge"),))
    effects = playing.orders("purge 1")
    assert (told(effects), reasons(effects)) == (REJECTED, ["the mode is for abnormal conditions only"])
    assert told(playing.orders("purge 1", after_s=60)) == REJECTED
    assert applied(playing.orders("purge 1", abnormal_condition=True)) == [(WHOLE, "purge 1")]


def test_a_transition_for_abnormal_conditions_needs_one() -> None:
    playing = play("boost 1")
    effects = playing.orders("off 0")
    assert (told(effects), reasons(effects)) == (REJECTED, ["the transition is for abnormal conditions only"])
    assert applied(playing.orders("off 0", abnormal_condition=True)) == [(WHOLE, "off 0")]


def test_an_abnormal_condition_still_holds_when_a_waiting_instruction_starts() -> None:
    playing = play("boost 1")
    assert told(playing.orders("off 0", abnormal_condition=True, after_s=60)) == ACCEPTED
    assert applied(playing.after(60)) == [(WHOLE, "off 0")]


def test_of_two_ways_the_open_one_is_taken() -> None:
    slow, fast = replace(way("off", "on", abnormal=True), id="slow"), way("off", "on", starts=["run"])
    playing = play(transitions=(slow, fast))
    assert told(playing.orders("on 1")) == STARTED_WITH_TIMER


def test_a_future_instruction_is_rejected_if_no_transition_leads_there_from_here() -> None:
    playing = play()
    assert told(playing.orders("boost 1", after_s=60)) == REJECTED


def test_behind_others_an_instruction_is_looked_at_when_it_starts() -> None:
    playing = play()
    assert told(playing.orders("on 1", after_s=60)) == ACCEPTED
    assert told(playing.orders("boost 1", after_s=120)) == ACCEPTED
    playing.follows(playing.after(60))
    assert applied(playing.after(60)) == [(WHOLE, "boost 1")]


def test_a_way_that_has_closed_meanwhile_aborts_and_leaves_the_device_as_it_is() -> None:
    playing = play("on 1")
    assert told(playing.orders("boost 1", after_s=60)) == ACCEPTED
    playing.seen(**{WHOLE: "off 0"})
    effects = playing.after(60)
    assert told(effects) == ABORTED
    assert applied(effects) == []
    assert reasons(effects) == ["no transition leads from off to boost"]


def test_what_is_under_way_counts_as_where_the_next_begins() -> None:
    playing = play(timers=(), transitions=(way("off", "on"), way("on", "boost")))
    playing.orders("on 1")
    assert applied(playing.orders("boost 1")) == [(WHOLE, "boost 1")]


# --- timers ----------------------------------------------------------------------------------------------------------


def test_timers_are_told_at_activation_as_long_finished_if_they_were_never_started() -> None:
    playing = Play(HeatPump())
    effects = playing.connected()
    assert told(effects) == [
        "ReceptionStatus OK",
        "OMBC.SystemDescription",
        "OMBC.Status",
        "OMBC.TimerStatus",
        "OMBC.TimerStatus",
    ]
    assert timers(effects) == [("rest", -DAY_S), ("run", -DAY_S)]


def test_an_order_starts_timers_at_once_and_being_followed_does_not_start_them_again() -> None:
    playing = play()
    playing.elapsed_s = 10.0
    effects = playing.orders("on 1")
    assert timers(effects) == [("run", 310.0)]
    playing.elapsed_s = 15.0
    assert told(playing.follows(effects)) == ["OMBC.Status", "InstructionStatusUpdate SUCCEEDED"]


def test_a_running_timer_blocks_until_it_has_finished() -> None:
    playing = play()
    playing.follows(playing.orders("on 1"))
    playing.after(299)
    effects = playing.orders("off 0")
    assert told(effects) == REJECTED
    assert reasons(effects) == ["the transition is blocked by the timer run"]
    playing.after(1)
    effects = playing.orders("off 0")
    assert told(effects) == STARTED_WITH_TIMER
    assert timers(effects) == [("rest", 900.0)]


@pytest.mark.parametrize(("after_s", "is_taken"), [(299, False), (300, True), (301, True)])
def test_whether_a_timer_blocks_is_a_matter_of_the_execution_time(after_s: float, is_taken: bool) -> None:
    playing = play()
    playing.follows(playing.orders("on 1"))
    assert told(playing.orders("off 0", after_s=after_s)) == (ACCEPTED if is_taken else REJECTED)
    assert applied(playing.after(310)) == ([(WHOLE, "off 0")] if is_taken else [])


def test_an_abnormal_condition_stops_no_timer() -> None:
    playing = play()
    playing.follows(playing.orders("on 1"))
    assert told(playing.orders("off 0", abnormal_condition=True)) == REJECTED


def test_a_timer_started_meanwhile_aborts_and_does_not_bring_the_device_where_it_must_not_go() -> None:
    playing = play("boost 1")
    playing.seen(**{WHOLE: "on 1"})
    playing.seen(**{WHOLE: "off 0"})
    playing.after(540)
    assert told(playing.orders("on 1", after_s=60)) == ACCEPTED
    playing.seen(**{WHOLE: "on 1"})
    playing.seen(**{WHOLE: "off 0"})
    effects = playing.after(60)
    assert told(effects) == ABORTED
    assert applied(effects) == []


def test_a_change_by_the_device_itself_starts_timers() -> None:
    playing = play("on 1")
    playing.elapsed_s = 20.0
    effects = playing.seen(**{WHOLE: "off 0"})
    assert told(effects) == ["OMBC.Status", "OMBC.TimerStatus"]
    assert timers(effects) == [("rest", 620.0)]
    assert told(playing.orders("on 1")) == REJECTED


def test_a_default_state_that_ends_a_mode_starts_its_timers_once_it_is_seen() -> None:
    playing = play()
    playing.follows(playing.orders("on 1", name="one"))
    playing.after(10)
    again = playing.orders("on 0.5", name="two")
    revoke = RevokeObject(message_id="revoke", object_type=RevokableObjects.OMBC_INSTRUCTION, object_id="two")
    assert applied(again) == [(WHOLE, "on 0.5")]
    effects = playing.hears(revoke)
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REVOKED"]
    assert applied(effects) == [(WHOLE, "off 0")]
    assert timers(playing.seen(**{WHOLE: "off 0"})) == [("rest", 610.0)]


@pytest.mark.parametrize("between", [ControlType.NO_SELECTION, ControlType.OPERATION_MODE_BASED_CONTROL, None])
def test_timers_run_on_over_another_selection_and_another_session(between: ControlType | None) -> None:
    playing = play()
    playing.follows(playing.orders("on 1"))
    playing.elapsed_s = 100.0
    if between:
        playing.hears(SelectControlType(message_id="between", control_type=between))
        effects = playing.selected()
    else:
        playing.left()
        playing.elapsed_s = 200.0
        effects = playing.connected()
    assert timers(effects) == [("rest", -DAY_S + playing.elapsed_s), ("run", 300.0)]
    assert told(playing.orders("off 0")) == REJECTED
    playing.elapsed_s = 300.0
    assert told(playing.orders("off 0")) == STARTED_WITH_TIMER


def test_an_order_that_was_followed_while_nobody_watched_starts_no_timer_twice() -> None:
    playing = play()
    playing.orders("on 1")
    playing.left()
    playing.elapsed_s = 100.0
    playing.seen(**{WHOLE: "on 1"})
    assert timers(playing.connected()) == [("rest", 100.0 - DAY_S), ("run", 300.0)]


def test_a_change_while_nobody_watched_counts_from_when_it_is_found() -> None:
    playing = play("on 1")
    playing.left()
    playing.elapsed_s = 100.0
    playing.seen(**{WHOLE: "off 0"})
    playing.elapsed_s = 200.0
    assert timers(playing.connected()) == [("rest", 800.0), ("run", 200.0 - DAY_S)]


@pytest.mark.parametrize("names", [("run", "grid"), ("grid", "run")])
def test_of_several_timers_all_are_started_and_each_blocks(names: tuple[str, str]) -> None:
    transitions = (way("off", "on", starts=names), way("on", "off", blocked_by=names))
    playing = play(transitions=transitions, timers=(RUN, Timer(id="grid", duration=900_000)))
    effects = playing.orders("on 1")
    assert sorted(timers(effects)) == [("grid", 900.0), ("run", 300.0)]
    playing.follows(effects)
    for at_s, blocking in ((299.0, names[0]), (301.0, "grid"), (899.0, "grid")):
        playing.elapsed_s = at_s
        refused = playing.orders("off 0")
        assert (told(refused), applied(refused)) == (REJECTED, [])
        assert reasons(refused) == [f"the transition is blocked by the timer {blocking}"]
    playing.elapsed_s = 900.0
    assert applied(playing.orders("off 0")) == [(WHOLE, "off 0")]


def test_a_change_by_the_device_itself_starts_every_timer_of_it() -> None:
    both = ("run", "grid")
    transitions = (way("off", "on", starts=both), way("on", "off", blocked_by=both))
    playing = play(transitions=transitions, timers=(RUN, Timer(id="grid", duration=900_000)))
    assert timers(playing.seen(**{WHOLE: "on 1"})) == [("run", 300.0), ("grid", 900.0)]
    playing.elapsed_s = 301.0
    assert told(playing.orders("off 0")) == REJECTED


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_step_of_the_clock_neither_ends_a_timer_nor_prolongs_it(step: timedelta) -> None:
    playing = play()
    playing.follows(playing.orders("on 1"))
    playing.elapsed_s = 100.0
    playing.utc_step = step
    assert timers(playing.selected())[1] == ("run", 300.0 + step.total_seconds())
    assert told(playing.orders("off 0", after_s=199)) == REJECTED
    assert told(playing.orders("off 0", after_s=200)) == ACCEPTED
    assert applied(playing.after(200)) == [(WHOLE, "off 0")]


def test_an_instruction_that_a_step_of_the_clock_brings_forward_is_still_blocked() -> None:
    playing = play()
    playing.follows(playing.orders("on 1"))
    assert told(playing.orders("off 0", after_s=1800)) == ACCEPTED
    playing.utc_step = timedelta(hours=1)
    effects = playing.after(1)
    assert told(effects) == ABORTED
    assert applied(effects) == []


# --- what is told of the activity ------------------------------------------------------------------------------------


def test_a_status_names_the_mode_before_and_when_the_change_was_ordered() -> None:
    playing = play()
    effects = playing.orders("on 1")
    playing.elapsed_s = 5.0
    status = said(playing.follows(effects))[0]
    assert status == ombc.Status(
        message_id=status.message_id,  # type: ignore[attr-defined]
        active_operation_mode_id="on",
        operation_mode_factor=1.0,
        previous_operation_mode_id="off",
        transition_timestamp=NOON,
    )


def test_a_change_by_the_device_itself_began_when_it_was_seen() -> None:
    playing = play("on 1")
    playing.elapsed_s = 7.0
    status = said(playing.seen(**{WHOLE: "boost 0.5"}))[0]
    assert isinstance(status, ombc.Status)
    assert (status.previous_operation_mode_id, status.transition_timestamp) == ("on", NOON + timedelta(seconds=7))


def test_the_first_mode_that_is_known_has_no_change_before_it() -> None:
    (first,) = [each for each in said(play("on 1").selected()) if isinstance(each, ombc.Status)]
    assert (first.previous_operation_mode_id, first.transition_timestamp) == (None, None)


def test_the_next_session_is_told_the_mode_before_and_when_it_was_left() -> None:
    playing = play()
    playing.elapsed_s = 5.0
    playing.follows(playing.orders("on 1"))
    playing.left()
    playing.elapsed_s = 9.0
    (status,) = [each for each in said(playing.connected()) if isinstance(each, ombc.Status)]
    assert (status.active_operation_mode_id, status.previous_operation_mode_id) == ("on", "off")
    assert status.transition_timestamp == NOON + timedelta(seconds=5)


def test_a_change_while_nobody_listened_began_when_it_was_seen_and_what_was_only_ordered_was_never_active() -> None:
    playing = play("on 1")
    playing.orders("boost 1")
    playing.left()
    playing.elapsed_s = 9.0
    playing.seen(**{WHOLE: "off 0"})
    (status,) = [each for each in said(playing.connected()) if isinstance(each, ombc.Status)]
    assert (status.active_operation_mode_id, status.previous_operation_mode_id) == ("off", "on")
    assert status.transition_timestamp == NOON + timedelta(seconds=9)


# --- another description ---------------------------------------------------------------------------------------------


def test_a_changed_description_is_published_with_all_statuses_and_what_runs_goes_on() -> None:
    playing = play()
    effects = playing.orders("on 1", name="one")
    assert isinstance(playing.resource, HeatPump)
    playing.resource.modes = ("off", "on")
    effects = playing.follows(effects)
    assert told(effects) == [
        "OMBC.SystemDescription",
        "OMBC.Status",
        "InstructionStatusUpdate SUCCEEDED",
        "OMBC.TimerStatus",
        "OMBC.TimerStatus",
    ]
    assert timers(effects)[1] == (RUN.id, 300.0)


def test_an_instruction_whose_mode_is_gone_is_aborted() -> None:
    playing = play("on 1")
    playing.orders("boost 1", name="runs")
    playing.orders("boost 0.5", name="waits", after_s=60)
    assert isinstance(playing.resource, HeatPump)
    playing.resource.modes = ("off", "on")
    effects = playing.seen(**{WHOLE: "on 1"})
    assert told(effects) == [
        "OMBC.SystemDescription",
        "InstructionStatusUpdate ABORTED",
        "OMBC.Status",
        "OMBC.TimerStatus",
        "OMBC.TimerStatus",
    ]
    assert applied(effects) == [(WHOLE, "off 0")]
    effects = playing.after(60)
    assert told(effects) == ABORTED
    assert applied(effects) == []


def test_a_status_names_no_mode_that_is_gone() -> None:
    playing = play("boost 1")
    playing.seen(**{WHOLE: "on 1"})
    assert isinstance(playing.resource, HeatPump)
    playing.resource.modes = ("off", "on")
    status = said(playing.seen(**{WHOLE: "on 1"}))[1]
    assert isinstance(status, ombc.Status)
    assert (status.previous_operation_mode_id, status.transition_timestamp) == (None, None)

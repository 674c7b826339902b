"""A dishwasher that runs on while its CEM is away: what the next session is told of it."""

from datetime import timedelta

import pytest

from s2d.events import Lost
from s2d.s2.effects import (
    Connected,
    Effect,
)
from s2d.s2.messages.common import ControlType, HandshakeResponse, SelectControlType

from .resources_played import updates
from .resources_washer import WasherStage, dishes
from .stage import applied, notes, told
from .test_ppbc import FREE, HOT, paused, revoke, statuses, washing

PPBC = ControlType.POWER_PROFILE_BASED_CONTROL


def selected(stage: WasherStage, control_type: ControlType = PPBC) -> list[Effect]:
    return stage.hears(SelectControlType(message_id="select-again", control_type=control_type))


def back(stage: WasherStage) -> list[Effect]:
    """The CEM connects again and selects PPBC; what its selection led to."""
    stage.on(Connected())
    stage.hears(HandshakeResponse(message_id="version-again", selected_protocol_version="0.0.2-beta"))
    effects = selected(stage)
    assert "message.withheld" not in notes(effects)
    assert told(effects)[:3] == ["ReceptionStatus OK", "PPBC.PowerProfileDefinition", "PPBC.PowerProfileStatus"]
    return effects


def away(stage: WasherStage, seconds: float) -> list[Effect]:
    """The CEM is away for so long, then back."""
    stage.left()
    stage.after(seconds)
    return back(stage)


def test_what_runs_is_told_with_its_progress_and_not_disturbed() -> None:
    stage = washing()
    effects = away(stage, 30)
    assert (statuses(effects), applied(effects)) == ([[("quick", "EXECUTING", 31_000), FREE]], [])
    assert applied(stage.after(568)) == []
    effects = stage.after(1)
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects) == [[("quick", "FINISHED", 600_000), FREE]]


def test_what_is_to_follow_is_scheduled_anew_behind_what_runs() -> None:
    stage = washing()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=599))
    effects = away(stage, 30)
    assert statuses(effects) == [[("quick", "EXECUTING", 31_000), FREE]]
    assert updates(stage.hears(stage.schedule("early", "dry", "hot", after_s=500))) == [("early", "REJECTED")]
    assert statuses(stage.hears(stage.schedule("dry", "dry", "hot", after_s=569))) == [
        [("quick", "EXECUTING", 31_000), HOT]
    ]
    assert applied(stage.after(569)) == [("task", "nothing"), ("task", "run dry hot")]


def test_the_new_session_interrupts_what_the_former_began() -> None:
    stage = washing()
    away(stage, 30)
    stage.done(stage.hears(stage.interruption("pause")), does="pause wash quick")
    effects = away(stage, 40)
    assert statuses(effects) == [[("quick", "INTERRUPTED", 31_000), FREE]]
    effects = stage.done(stage.hears(stage.resumption("on")), does="resume wash quick")
    assert statuses(effects) == [[("quick", "EXECUTING", 32_000), FREE]]


def test_an_instruction_of_the_former_session_cannot_be_revoked_any_more() -> None:
    stage = washing()
    away(stage, 30)
    assert told(stage.hears(revoke("wash"))) == ["ReceptionStatus INVALID_CONTENT"]


def test_what_finished_meanwhile_ended_when_it_did() -> None:
    stage = washing()
    stage.after(590)
    effects = away(stage, 50)
    assert statuses(effects) == [[("quick", "FINISHED", 600_000), FREE]]
    assert applied(effects) == [("task", "nothing")]
    late = stage.hears(stage.schedule("late", "dry", "hot", after_s=900 - 41 + 1))
    assert updates(late) == [("late", "REJECTED")]
    assert updates(stage.hears(stage.schedule("dry", "dry", "hot", after_s=900 - 41))) == [("dry", "ACCEPTED")]


@pytest.mark.parametrize("is_seen_while_away", [True, False])
def test_what_was_commanded_and_not_yet_seen_is_still_watched(is_seen_while_away: bool) -> None:
    stage = WasherStage()
    stage.active()
    stage.confirmed(*stage.hears(stage.schedule("wash")))
    stage.left()
    if is_seen_while_away:
        stage.seen(power=900.0, does="run wash quick")
    effects = back(stage)
    status = ("quick", "EXECUTING", 1000) if is_seen_while_away else ("quick", "SCHEDULED", None)
    assert statuses(effects) == [[status, FREE]]
    if not is_seen_while_away:
        effects = stage.seen(power=900.0, does="run wash quick")
        assert statuses(effects) == [[("quick", "EXECUTING", 1000), FREE]]
    assert "ABORTED" not in str(statuses(stage.after(598)))
    assert statuses(stage.after(1))[-1] == [("quick", "FINISHED", 600_000), FREE]


def test_what_was_commanded_and_is_not_seen_is_given_up_in_the_next_session() -> None:
    stage = WasherStage()
    stage.active()
    stage.confirmed(*stage.hears(stage.schedule("wash")))
    away(stage, 10)
    assert applied(stage.after(19)) == []
    effects = stage.after(1)
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects) == [[("quick", "ABORTED", 30_000), FREE]]


def test_a_pause_that_was_commanded_and_not_yet_seen_is_still_watched() -> None:
    stage = washing()
    stage.confirmed(*stage.hears(stage.interruption("pause")))
    assert statuses(away(stage, 10)) == [[("quick", "EXECUTING", 1000), FREE]]
    effects = stage.seen(power=0.0, does="pause wash quick")
    assert statuses(effects) == [[("quick", "INTERRUPTED", 1000), FREE]]


def test_a_pause_that_is_not_seen_is_given_up_in_the_next_session_and_the_wash_goes_on() -> None:
    stage = washing()
    stage.after(100)
    stage.confirmed(*stage.hears(stage.interruption("pause")))
    away(stage, 10)
    assert applied(stage.after(19)) == []
    assert applied(stage.after(1)) == [("task", "resume wash quick")]
    assert "FINISHED" not in str(statuses(stage.after(498)))
    assert statuses(stage.after(1)) == [[("quick", "FINISHED", 600_000), FREE]]


@pytest.mark.parametrize("has_finished", [False, True])
def test_a_cem_that_was_away_for_too_long_finds_what_ran_ended(has_finished: bool) -> None:
    stage = washing()
    stage.after(560 if has_finished else 100)
    effects = away(stage, 61)
    status = ("quick", "FINISHED", 600_000) if has_finished else ("quick", "ABORTED", 161_000)
    assert (statuses(effects), applied(effects)) == ([[status, FREE]], [])
    assert updates(stage.hears(stage.schedule("again"))) == [("again", "REJECTED")]


def test_a_washer_that_was_protected_meanwhile_has_given_up() -> None:
    stage = paused()
    stage.left()
    assert applied(stage.measured(mishap="it leaks")) == [("task", "nothing")]
    assert statuses(back(stage)) == [[("quick", "ABORTED", 101_000), FREE]]


@pytest.mark.parametrize("by_way_of", [PPBC, ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE])
def test_another_selection_ends_what_runs_and_remembers_what_is_done(by_way_of: ControlType) -> None:
    stage = washing()
    stage.after(599)
    stage.done(stage.hears(stage.schedule("dry", "dry", "hot")), does="run dry hot")
    effects = selected(stage, by_way_of)
    assert applied(effects) == [("task", "nothing")]
    if by_way_of is not PPBC:
        effects = selected(stage)
    assert statuses(effects) == [[("quick", "FINISHED", 600_000), ("hot", "ABORTED", 1000)]]


def test_another_task_that_came_meanwhile_ends_what_runs() -> None:
    stage = washing()
    stage.left()
    stage.washer.task = dishes(id="dishes-2")
    effects = back(stage)
    assert "RevokeObject" not in told(effects)
    assert (statuses(effects), applied(effects)) == ([[FREE, FREE]], [("task", "nothing")])
    assert updates(stage.hears(stage.schedule("new", power_profile_id="dishes-2")))[-1] == ("new", "STARTED")


def test_a_step_of_the_clock_meanwhile_changes_nothing() -> None:
    stage = washing()
    stage.utc_step = timedelta(hours=-1)
    assert statuses(away(stage, 30)) == [[("quick", "EXECUTING", 31_000), FREE]]


def test_a_washer_lost_in_the_new_session_gives_up_what_the_former_began() -> None:
    stage = washing()
    away(stage, 30)
    effects = stage.on(Lost("no answer"))
    assert (updates(effects), applied(effects)) == ([], [("task", "nothing")])
    assert statuses(effects) == [[("quick", "ABORTED", 31_000), FREE]]

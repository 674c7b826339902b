"""A dishwasher steered by PPBC: its task, what is scheduled, interrupted and finished."""

import json
from datetime import timedelta

import pytest

from s2d.events import Lost, Refused
from s2d.s2.effects import (
    Apply,
    Effect,
)
from s2d.s2.messages import ppbc, wire
from s2d.s2.messages.common import (
    ControlType,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)

from ..published import needs_spec, violations
from .resources_played import revocation, updates
from .resources_washer import DRY, WASH, WasherStage, dishes
from .stage import NOON, applied, said, told

Status = tuple[str | None, str, int | None]


def statuses(effects: list[Effect]) -> list[list[Status]]:
    """Every profile status told: sequence, status and progress of each container."""
    return [
        [(each.selected_sequence_id, each.status.value, each.progress) for each in message.sequence_container_status]
        for message in said(effects)
        if isinstance(message, ppbc.PowerProfileStatus)
    ]


def revoke(object_id: str, object_type: RevokableObjects = RevokableObjects.PPBC_SCHEDULE_INSTRUCTION) -> RevokeObject:
    return revocation(object_type, object_id)


FREE: Status = (None, "NOT_SCHEDULED", None)
QUICK: Status = ("quick", "SCHEDULED", None)
HOT: Status = ("hot", "SCHEDULED", None)


def washing() -> WasherStage:
    """The quick wash runs since 1 s, of 600."""
    stage = WasherStage()
    stage.active()
    effects = stage.done(stage.hears(stage.schedule("wash")), does="run wash quick")
    assert updates(effects) == [("wash", "SUCCEEDED")]
    assert statuses(effects) == [[("quick", "EXECUTING", 1000), FREE]]
    return stage


def paused() -> WasherStage:
    """The quick wash was interrupted after 101 of its 600 s."""
    stage = washing()
    stage.after(100)
    effects = stage.hears(stage.interruption("pause"))
    assert applied(effects) == [("task", "pause wash quick")]
    assert statuses(effects) == []
    effects = stage.done(effects, does="pause wash quick")
    assert updates(effects) == [("pause", "SUCCEEDED")]
    assert statuses(effects) == [[("quick", "INTERRUPTED", 101_000), FREE]]
    return stage


# --- the task --------------------------------------------------------------------------------------------------------


def test_selecting_ppbc_tells_the_task_and_how_it_stands() -> None:
    stage = WasherStage()
    effects = stage.active()
    assert told(effects) == [
        "ReceptionStatus OK",
        "PPBC.PowerProfileDefinition",
        "PPBC.PowerProfileStatus",
        "PowerMeasurement",
    ]
    assert said(effects)[1] == ppbc.PowerProfileDefinition(
        message_id="rm-1",
        id="dishes-1",
        start_time=NOON - timedelta(hours=1),
        end_time=NOON + timedelta(hours=4),
        power_sequences_containers=(WASH, DRY),
    )
    assert statuses(effects) == [[FREE, FREE]]
    assert applied(effects) == []


def test_a_task_is_told_when_there_is_one() -> None:
    stage = WasherStage(has_task=False)
    assert told(stage.active()) == ["ReceptionStatus OK", "PowerMeasurement"]
    assert told(stage.hears(stage.schedule("none"))) == ["ReceptionStatus INVALID_CONTENT"]
    stage.washer.task = dishes()
    assert told(stage.measured(power=0.0)) == ["PPBC.PowerProfileDefinition", "PPBC.PowerProfileStatus"]


def test_another_task_ends_what_runs_and_waits_for_the_former() -> None:
    stage = washing()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=900))
    stage.washer.task = dishes(id="dishes-2")
    effects = stage.measured(power=0.0)
    assert told(effects) == [
        "InstructionStatusUpdate ABORTED",
        "InstructionStatusUpdate ABORTED",
        "RevokeObject",
        "PPBC.PowerProfileDefinition",
        "PPBC.PowerProfileStatus",
    ]
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects) == [[FREE, FREE]]
    assert told(stage.hears(stage.schedule("late"))) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]


def test_another_task_drops_what_was_only_scheduled() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("wash", after_s=60))
    stage.washer.task = dishes(id="dishes-2")
    effects = stage.measured(power=0.0)
    assert (updates(effects), applied(effects)) == ([("wash", "ABORTED")], [])
    assert applied(stage.after(120)) == []


def test_a_status_is_told_again_at_a_steady_pace_with_the_progress() -> None:
    stage = washing()
    assert statuses(stage.after(299)) == []
    assert statuses(stage.after(1)) == [[("quick", "EXECUTING", 301_000), FREE]]


# --- schedules -------------------------------------------------------------------------------------------------------


def test_containers_run_one_after_the_other() -> None:
    stage = WasherStage()
    stage.active()
    effects = stage.hears(stage.schedule("wash", after_s=60))
    assert updates(effects) == [("wash", "ACCEPTED")]
    assert statuses(effects) == [[QUICK, FREE]]
    effects = stage.hears(stage.schedule("dry", "dry", "hot", after_s=660))
    assert statuses(effects) == [[QUICK, HOT]]
    assert applied(stage.after(59)) == []
    effects = stage.after(1)
    assert (applied(effects), updates(effects)) == ([("task", "run wash quick")], [("wash", "STARTED")])
    assert statuses(effects) == []
    effects = stage.done(effects, does="run wash quick")
    assert updates(effects) == [("wash", "SUCCEEDED")]
    assert statuses(effects) == [[("quick", "EXECUTING", 1000), HOT]]
    stage.after(598)
    effects = stage.after(1)
    assert applied(effects) == [("task", "nothing"), ("task", "run dry hot")]
    assert updates(effects) == [("dry", "STARTED")]
    assert statuses(effects) == [[("quick", "FINISHED", 600_000), HOT]]
    effects = stage.done(effects, does="run dry hot")
    assert statuses(effects) == [[("quick", "FINISHED", 600_000), ("hot", "EXECUTING", 1000)]]
    stage.after(598)
    effects = stage.after(1)
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects) == [[("quick", "FINISHED", 600_000), ("hot", "FINISHED", 600_000)]]


def test_an_alternative_takes_the_place_of_what_has_not_started() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("first", after_s=60))
    effects = stage.hears(stage.schedule("second", "wash", "eco", after_s=120))
    assert updates(effects) == [("first", "ABORTED"), ("second", "ACCEPTED")]
    assert statuses(effects) == [[("eco", "SCHEDULED", None), FREE]]
    assert applied(stage.after(119)) == []
    assert applied(stage.after(1)) == [("task", "run wash eco")]


def test_what_is_rejected_takes_the_place_of_nothing() -> None:
    stage = WasherStage(max_instruction_age_s=60.0)
    stage.active()
    stage.hears(stage.schedule("first", after_s=60))
    effects = stage.hears(stage.schedule("late", "wash", "eco", after_s=-61))
    assert (updates(effects), statuses(effects)) == ([("late", "REJECTED")], [])
    assert applied(stage.after(60)) == [("task", "run wash quick")]


@pytest.mark.parametrize("has_finished", [False, True])
def test_what_has_started_is_not_scheduled_anew(has_finished: bool) -> None:
    stage = washing()
    if has_finished:
        stage.after(600)
    assert updates(stage.hears(stage.schedule("again", "wash", "eco"))) == [("again", "REJECTED")]
    assert told(stage.hears(revoke("wash")))[0] == f"ReceptionStatus {'INVALID_CONTENT' if has_finished else 'OK'}"


def test_a_container_cannot_come_before_the_one_before_it() -> None:
    stage = WasherStage()
    stage.active()
    assert updates(stage.hears(stage.schedule("alone", "dry", "hot", after_s=60))) == [("alone", "REJECTED")]
    stage.hears(stage.schedule("wash", after_s=60))
    assert updates(stage.hears(stage.schedule("early", "dry", "hot", after_s=654))) == [("early", "REJECTED")]
    assert updates(stage.hears(stage.schedule("dry", "dry", "hot", after_s=660))) == [("dry", "ACCEPTED")]
    assert updates(stage.hears(stage.schedule("shift", after_s=120))) == [("shift", "REJECTED")]


def test_the_pause_before_a_sequence_is_not_longer_than_it_may_be() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("wash"))
    assert updates(stage.hears(stage.schedule("late", "dry", "hot", after_s=1501))) == [("late", "REJECTED")]
    assert updates(stage.hears(stage.schedule("dry", "dry", "hot", after_s=1500))) == [("dry", "ACCEPTED")]


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_the_pause_since_what_has_finished_is_not_changed_by_the_clock(step: timedelta) -> None:
    stage = washing()
    stage.after(599 + 800)
    stage.utc_step = step
    assert updates(stage.hears(stage.schedule("late", "dry", "hot", after_s=101))) == [("late", "REJECTED")]
    assert updates(stage.hears(stage.schedule("dry", "dry", "hot", after_s=100))) == [("dry", "ACCEPTED")]


def test_a_schedule_leaves_time_for_what_is_to_follow() -> None:
    stage = WasherStage(dishes(end_time=NOON + timedelta(seconds=1300)))
    stage.active()
    assert updates(stage.hears(stage.schedule("late", after_s=101))) == [("late", "REJECTED")]
    assert updates(stage.hears(stage.schedule("long", "wash", "eco"))) == [("long", "REJECTED")]
    assert updates(stage.hears(stage.schedule("wash", after_s=100))) == [("wash", "ACCEPTED")]


def test_a_schedule_that_a_step_of_the_clock_made_too_late_is_aborted_and_can_be_made_anew() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("wash", after_s=60))
    stage.utc_step = timedelta(hours=5)
    effects = stage.after(1)
    assert (updates(effects), applied(effects)) == ([("wash", "STARTED"), ("wash", "ABORTED")], [])
    assert statuses(effects) == [[FREE, FREE]]


def test_a_profile_does_not_start_too_early() -> None:
    stage = WasherStage(dishes(start_time=NOON + timedelta(hours=1)))
    stage.active()
    assert updates(stage.hears(stage.schedule("early", after_s=3599))) == [("early", "REJECTED")]
    assert updates(stage.hears(stage.schedule("then", after_s=3600))) == [("then", "ACCEPTED")]


def test_a_sequence_for_abnormal_conditions_needs_one() -> None:
    stage = WasherStage()
    stage.active()
    assert updates(stage.hears(stage.schedule("normal", "wash", "boost"))) == [("normal", "REJECTED")]
    effects = stage.hears(stage.schedule("abnormal", "wash", "boost", abnormal_condition=True))
    assert applied(effects) == [("task", "run wash boost")]


def test_one_that_is_due_in_the_last_seconds_of_the_one_before_waits_for_it() -> None:
    stage = washing()
    assert updates(stage.hears(stage.schedule("dry", "dry", "hot", after_s=595)))[0] == ("dry", "ACCEPTED")
    assert applied(stage.after(598)) == []
    assert applied(stage.after(1)) == [("task", "run dry hot")]


def test_one_that_waits_for_the_last_seconds_of_the_one_before_can_be_revoked() -> None:
    stage = washing()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=595))
    stage.after(597)
    effects = stage.hears(revoke("dry"))
    assert (updates(effects), applied(effects)) == ([("dry", "REVOKED")], [])
    assert statuses(effects) == [[("quick", "EXECUTING", 598_000), FREE]]
    assert applied(stage.after(60)) == [("task", "nothing")]


def test_one_that_is_due_while_the_one_before_is_interrupted_is_aborted() -> None:
    stage = paused()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=600))
    effects = stage.after(600)
    assert (updates(effects), applied(effects)) == ([("dry", "STARTED"), ("dry", "ABORTED")], [])
    assert statuses(effects)[-1] == [("quick", "INTERRUPTED", 101_000), FREE]


def test_one_that_waits_for_the_last_seconds_of_another_that_is_interrupted_in_them_is_aborted() -> None:
    stage = washing()
    stage.after(597)
    stage.done(stage.hears(stage.interruption("pause")), does="pause wash quick")
    effects = stage.hears(stage.schedule("dry", "dry", "hot"))
    assert updates(effects) == [("dry", "ACCEPTED"), ("dry", "STARTED"), ("dry", "ABORTED")]
    assert applied(effects) == []


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"power_profile_id": "laundry"}, "PPBC-002 at /power_profile_id: no profile 'laundry' is defined"),
        (
            {"sequence_container_id": "rinse"},
            "PPBC-003 at /sequence_container_id: 'rinse' is not a container of it",
        ),
        ({"power_sequence_id": "hot"}, "PPBC-004 at /power_sequence_id: 'hot' is not a sequence of it"),
        ({"id": "known"}, "INST-001 at /id: 'known' was used before in this session"),
    ],
)
@pytest.mark.parametrize("kind", ["schedule", "interruption", "resumption"])
def test_what_cannot_be_meant_is_refused_at_reception_and_changes_nothing(
    kind: str, changes: dict[str, object], label: str
) -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("known", after_s=60))
    effects = stage.hears(getattr(stage, kind)("bad", **changes))
    assert said(effects) == [
        ReceptionStatus(
            subject_message_id="m-bad", status=ReceptionStatusValues.INVALID_CONTENT, diagnostic_label=label
        )
    ]


# --- interruptions ---------------------------------------------------------------------------------------------------


def test_an_interruption_does_not_count_as_progress() -> None:
    stage = paused()
    stage.after(200)
    effects = stage.hears(stage.resumption("on"))
    assert applied(effects) == [("task", "resume wash quick")]
    effects = stage.done(effects, does="resume wash quick")
    assert updates(effects) == [("on", "SUCCEEDED")]
    assert statuses(effects) == [[("quick", "EXECUTING", 102_000), FREE]]
    assert "FINISHED" not in str(statuses(stage.after(497)))
    assert statuses(stage.after(1))[-1] == [("quick", "FINISHED", 600_000), FREE]


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_step_of_the_clock_leaves_what_runs_alone(step: timedelta) -> None:
    stage = washing()
    stage.utc_step = step
    assert "FINISHED" not in str(statuses(stage.after(598)))
    assert statuses(stage.after(1))[-1] == [("quick", "FINISHED", 600_000), FREE]


def test_an_interruption_can_be_planned_ahead() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("wash", after_s=60))
    assert updates(stage.hears(stage.interruption("pause", after_s=120))) == [("pause", "ACCEPTED")]
    assert updates(stage.hears(stage.resumption("on", after_s=180))) == [("on", "ACCEPTED")]
    stage.done(stage.after(60), does="run wash quick")
    effects = stage.after(59)
    assert applied(effects) == [("task", "pause wash quick")]
    stage.done(effects, does="pause wash quick")
    assert applied(stage.after(59)) == [("task", "resume wash quick")]


def test_only_what_runs_and_may_be_interrupted_is() -> None:
    stage = washing()
    for name, instruction in (
        ("other", stage.interruption("other", "wash", "boost", abnormal_condition=True)),
        ("idle", stage.interruption("idle", "dry", "hot")),
        ("on", stage.resumption("on")),
    ):
        effects = stage.hears(instruction)
        assert (updates(effects), applied(effects)) == ([(name, "REJECTED")], [])
    stage = paused()
    assert updates(stage.hears(stage.interruption("twice"))) == [("twice", "REJECTED")]
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("later", after_s=60))
    assert updates(stage.hears(stage.interruption("early"))) == [("early", "REJECTED")]
    stage = WasherStage()
    stage.active()
    stage.done(stage.hears(stage.schedule("wash", "wash", "eco")), does="run wash eco")
    assert updates(stage.hears(stage.interruption("pause", "wash", "eco"))) == [("pause", "REJECTED")]
    stage.after(1800)
    assert updates(stage.hears(stage.interruption("over", "wash", "eco"))) == [("over", "REJECTED")]


def test_a_washer_that_does_not_pause_goes_on() -> None:
    stage = washing()
    effects = stage.hears(stage.interruption("pause"))
    (setpoint,) = (effect.setpoint for effect in effects if isinstance(effect, Apply))
    effects = stage.on(Refused(setpoint, "exception 4"))
    assert updates(effects) == [("pause", "ABORTED")]
    assert applied(effects) == [("task", "resume wash quick")]
    assert statuses(stage.after(599))[-1] == [("quick", "FINISHED", 600_000), FREE]


def test_a_washer_that_does_not_resume_has_given_up() -> None:
    stage = paused()
    stage.confirmed(*stage.hears(stage.resumption("on")))
    effects = stage.after(30)
    assert updates(effects) == [("on", "ABORTED"), ("wash", "ABORTED")]
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects)[-1][0][:2] == ("quick", "ABORTED")


def test_going_on_overtakes_a_pause_that_is_not_yet_seen() -> None:
    stage = washing()
    stage.hears(stage.interruption("pause"))
    effects = stage.hears(stage.resumption("on"))
    assert updates(effects) == [("on", "ACCEPTED"), ("pause", "ABORTED"), ("on", "STARTED")]
    assert applied(effects) == [("task", "resume wash quick")]


@pytest.mark.parametrize("after_s", [10, 30])
def test_a_pause_on_top_of_one_that_is_not_yet_seen_leaves_that_one_watched(after_s: float) -> None:
    stage = washing()
    stage.hears(stage.interruption("again", after_s=after_s))
    stage.confirmed(*stage.hears(stage.interruption("pause")))
    effects = stage.after(after_s)
    assert updates(effects) == [("pause", "ABORTED"), ("again", "STARTED"), ("again", "ABORTED")]
    effects += stage.after(30 - after_s)
    assert applied(effects) == [("task", "resume wash quick")]
    assert "FINISHED" not in str(statuses(stage.after(598)))
    assert statuses(stage.after(1))[-1] == [("quick", "FINISHED", 600_000), FREE]


def test_a_schedule_is_not_revoked_as_an_interruption() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("wash", after_s=60))
    for kind in (
        RevokableObjects.PPBC_START_INTERRUPTION_INSTRUCTION,
        RevokableObjects.PPBC_END_INTERRUPTION_INSTRUCTION,
    ):
        assert told(stage.hears(revoke("wash", kind))) == ["ReceptionStatus INVALID_CONTENT"]
    assert updates(stage.hears(revoke("wash"))) == [("wash", "REVOKED")]


def test_an_interruption_can_be_revoked_until_it_has_succeeded() -> None:
    kind = RevokableObjects.PPBC_START_INTERRUPTION_INSTRUCTION
    stage = washing()
    stage.hears(stage.interruption("later", after_s=60))
    assert updates(stage.hears(revoke("later", kind))) == [("later", "REVOKED")]
    stage.hears(stage.interruption("now"))
    effects = stage.hears(revoke("now", kind))
    assert (updates(effects), applied(effects)) == ([("now", "REVOKED")], [("task", "resume wash quick")])
    assert told(paused().hears(revoke("pause", kind))) == ["ReceptionStatus INVALID_CONTENT"]


def test_a_resumption_revoked_on_its_way_leaves_the_pause() -> None:
    stage = paused()
    stage.hears(stage.resumption("on"))
    effects = stage.hears(revoke("on", RevokableObjects.PPBC_END_INTERRUPTION_INSTRUCTION))
    assert (updates(effects), applied(effects)) == ([("on", "REVOKED")], [("task", "pause wash quick")])
    assert statuses(stage.after(600))[-1] == [("quick", "INTERRUPTED", 101_000), FREE]


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_schedule_that_waits_can_be_revoked_and_made_anew() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("wash", after_s=60))
    effects = stage.hears(revoke("m-wash"))
    assert (updates(effects), applied(effects)) == ([("wash", "REVOKED")], [])
    assert statuses(effects) == [[FREE, FREE]]
    assert applied(stage.after(120)) == []
    assert updates(stage.hears(stage.schedule("anew", after_s=60))) == [("anew", "ACCEPTED")]


def test_revoking_what_runs_aborts_it_and_what_was_to_follow() -> None:
    stage = washing()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=600))
    effects = stage.hears(revoke("wash"))
    assert updates(effects) == [("wash", "REVOKED"), ("dry", "ABORTED")]
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects) == [[("quick", "ABORTED", 1000), FREE]]
    assert updates(stage.hears(stage.schedule("again", "dry", "hot"))) == [("again", "REJECTED")]


def test_a_cem_does_not_revoke_what_is_not_its_own() -> None:
    stage = washing()
    effects = stage.hears(revoke("dishes-1", RevokableObjects.PPBC_POWER_PROFILE_DEFINITION))
    assert told(effects) == ["ReceptionStatus INVALID_CONTENT"]


@pytest.mark.parametrize("mishap", ["lost", "protected"])
def test_a_washer_that_fails_aborts_what_runs(mishap: str) -> None:
    stage = washing()
    effects = stage.on(Lost("no answer")) if mishap == "lost" else stage.measured(mishap="it leaks")
    assert updates(effects) == [("wash", "ABORTED")]
    assert applied(effects) == [("task", "nothing")]
    assert statuses(effects) == [[("quick", "ABORTED", 1000), FREE]]
    assert applied(stage.after(3600)) == []


def test_a_washer_that_does_not_start_aborts() -> None:
    stage = WasherStage()
    stage.active()
    stage.confirmed(*stage.hears(stage.schedule("wash")))
    effects = stage.after(30)
    assert (updates(effects), applied(effects)) == ([("wash", "ABORTED")], [("task", "nothing")])
    assert statuses(effects)[-1] == [("quick", "ABORTED", 30_000), FREE]


def test_what_is_read_before_the_confirmation_proves_nothing() -> None:
    stage = WasherStage()
    stage.active()
    effects = stage.hears(stage.schedule("wash"))
    early = stage.seen(power=0.0, does="run wash quick")
    assert (updates(early), statuses(early)) == ([], [])
    effects = stage.done(effects, does="run wash quick")
    assert (updates(effects), statuses(effects)) == ([("wash", "SUCCEEDED")], [[("quick", "EXECUTING", 2000), FREE]])


def test_a_schedule_for_a_lost_washer_is_rejected_now_and_aborted_later() -> None:
    stage = WasherStage()
    stage.active()
    stage.hears(stage.schedule("later", after_s=60))
    stage.on(Lost("no answer"))
    assert updates(stage.hears(stage.schedule("now"))) == [("now", "REJECTED")]
    effects = stage.after(60)
    assert (updates(effects), applied(effects)) == ([("later", "STARTED"), ("later", "ABORTED")], [])
    assert statuses(effects) == [[FREE, FREE]]


def test_deselecting_ends_everything() -> None:
    stage = washing()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=600))
    effects = stage.hears(SelectControlType(message_id="off", control_type=ControlType.NO_SELECTION))
    assert (updates(effects), applied(effects)) == ([("dry", "ABORTED")], [("task", "nothing")])
    assert applied(stage.after(3600)) == []


@needs_spec
def test_what_is_said_follows_the_published_schemas() -> None:
    stage = paused()
    stage.hears(stage.schedule("dry", "dry", "hot", after_s=600))
    stage.hears(stage.resumption("on"))
    stage.hears(revoke("wash"))
    stage.washer.task = None
    stage.measured(power=0.0)
    frames = [json.loads(wire.encode(message)) for message in stage.told]
    assert [violations(frame) for frame in frames if violations(frame)] == []
    assert {"PPBC.PowerProfileDefinition", "PPBC.PowerProfileStatus", "RevokeObject", "InstructionStatusUpdate"} <= {
        frame["message_type"] for frame in frames
    }

"""PPBC there and back: a dishwasher behind our resource manager is told when to run which sequence."""

import pytest
from meeting import Meeting
from msgspec.structs import replace

from s2d.cem.commands import CommandRefused
from s2d.s2.messages import wire
from s2d.s2.messages.common import ControlType
from s2d.s2.messages.ppbc import PowerSequenceContainer
from tests.core.resources_washer import WasherStage, dishes, sequence

PPBC = ControlType.POWER_PROFILE_BASED_CONTROL
WASH = (
    "quick (10 min, up to 1000 W L1), eco (30 min, up to 1000 W L1, not interruptible), "
    "boost (1 min, up to 1000 W L1, abnormal)"
)
DRY = "hot (10 min, up to 1000 W L1, within 15 min)"
PROFILE = "profile 1    dishes-1  from 2026-06-01 11:00:00Z until 2026-06-01 16:00:00Z"


@pytest.fixture
def meeting():
    return Meeting(WasherStage(), PPBC, power=0.0)


def refusal_of(meeting, line):
    with pytest.raises(CommandRefused) as refused:
        meeting.order(line)
    return str(refused.value)


def places(meeting, count):
    """What the last *count* instructions were about."""
    return [
        (each["message_type"], each["sequence_container_id"], each["power_sequence_id"])
        for each in meeting.sent[-count:]
    ]


def test_a_sequence_is_scheduled_interrupted_and_resumed(meeting):
    quick = "wash quick (10 min, up to 1000 W L1) of dishes-1"
    assert meeting.order("schedule quick in 10s") == f"#1 schedule: {quick}, at 2026-06-01 12:00:10Z"
    instruction = meeting.sent[-1]
    assert instruction == {
        "message_type": "PPBC.ScheduleInstruction",
        "message_id": instruction["message_id"],
        "id": instruction["id"],
        "power_profile_id": "dishes-1",
        "sequence_container_id": "wash",
        "power_sequence_id": "quick",
        "execution_time": "2026-06-01T12:00:10Z",
        "abnormal_condition": False,
    }
    assert meeting.shown()[3] == f"1          wash  SCHEDULED quick  {WASH}"
    meeting.after(10)
    meeting.follow(does="run wash quick")
    assert meeting.order("interrupt") == f"#2 interrupt: {quick}, at once"
    meeting.follow(does="pause wash quick")
    assert meeting.order("resume wash") == f"#3 resume: {quick}, at once"
    meeting.follow(does="resume wash quick")
    assert places(meeting, 2) == [
        ("PPBC.StartInterruptionInstruction", "wash", "quick"),
        ("PPBC.EndInterruptionInstruction", "wash", "quick"),
    ]
    assert meeting.statuses == {number: ["ACCEPTED", "STARTED", "SUCCEEDED"] for number in (1, 2, 3)}
    assert [value for _, value in meeting.applied[1:]] == ["run wash quick", "pause wash quick", "resume wash quick"]


def test_the_task_and_how_it_stands_are_shown(meeting):
    meeting.order("schedule quick")
    meeting.follow(does="run wash quick")
    meeting.after(59)
    meeting.order("interrupt")
    meeting.follow(does="pause wash quick")
    assert meeting.shown() == [
        "@1 Played  played-1  0.0.2-beta  POWER_PROFILE_BASED_CONTROL",
        "power        0 W ELECTRIC.POWER.L1",
        PROFILE,
        f"1          wash  INTERRUPTED quick 1 min  {WASH}",
        f"2          dry  NOT_SCHEDULED  {DRY}",
        "instruction  #2 interrupt, wash quick (10 min, up to 1000 W L1) of dishes-1  SUCCEEDED",
    ]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("schedule eco", ("wash", "eco")),
        ("schedule wash eco", ("wash", "eco")),
        ("schedule 1 2", ("wash", "eco")),
        ("schedule dishes-1 wash 2", ("wash", "eco")),
        ("schedule dish wash eco", ("wash", "eco")),
        ("schedule dry", ("dry", "hot")),
        ("schedule 1 2 1", ("dry", "hot")),
        ("interrupt hot", ("dry", "hot")),
        ("interrupt wash eco", ("wash", "eco")),
        ("resume 2", ("dry", "hot")),
    ],
)
def test_a_sequence_is_named_as_far_as_needed(meeting, line, place):
    meeting.order(line)
    assert places(meeting, 1)[0][1:] == place


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("schedule", "schedule which? There are wash quick, wash eco, wash boost, dry hot"),
        ("schedule wash", "schedule which? There are wash quick, wash eco, wash boost"),
        ("schedule 1", "schedule which? There are wash quick, dry hot"),
        ("interrupt", "interrupt which? None is EXECUTING; there are wash quick, wash eco, wash boost, dry hot"),
        ("resume wash", "resume which? None is INTERRUPTED; there are wash quick, wash eco, wash boost"),
        (
            "schedule ec",
            'nothing is called "ec"; there are "schedule", "interrupt" and "resume" of '
            "wash quick, wash eco, wash boost, dry hot",
        ),
        (
            "schedule rinse",
            'nothing is called "rinse"; there are "schedule", "interrupt" and "resume" of '
            "wash quick, wash eco, wash boost, dry hot",
        ),
        (
            "charge 1",
            '"charge" cannot be ordered: under POWER_PROFILE_BASED_CONTROL there are "schedule", "interrupt" and '
            '"resume" of wash quick, wash eco, wash boost, dry hot',
        ),
    ],
)
def test_what_is_not_clear_is_asked_back(meeting, line, sentence):
    assert refusal_of(meeting, line) == sentence


def test_a_schedule_is_taken_back_even_while_it_runs(meeting):
    meeting.order("schedule boost abnormal")
    assert meeting.sent[-1]["abnormal_condition"] is True
    meeting.follow(does="run wash boost")
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED"]}
    assert meeting.order("revoke schedule").startswith("revoked: #1 schedule, wash boost")
    assert meeting.sent[-1]["object_type"] == "PPBC.ScheduleInstruction"
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED", "REVOKED"]}
    assert meeting.applied[-1] == ("task", "nothing")


def test_a_task_taken_back_is_gone_and_another_takes_its_place():
    stage = WasherStage()
    meeting = Meeting(stage, PPBC, power=0.0)
    stage.washer.task = dishes(id="dishes-2")
    meeting.measure(power=0.0)
    assert [line for line in meeting.shown() if line.startswith("profile")] == [PROFILE.replace("s-1 ", "s-2 ")]
    assert meeting.order("schedule quick").endswith(" of dishes-2, at once")


def test_of_several_tasks_the_newest_is_meant_unless_another_is_named(meeting):
    (task,) = meeting.cem.choices.profiles.values()
    meeting.cem.receive(wire.encode(replace(task, message_id="another", id="dishes-2")).decode())
    for line, task_id in (("schedule quick", "dishes-2"), ("schedule dishes-1 wash quick", "dishes-1")):
        meeting.order(line)
        order = next(each for each in reversed(meeting.sent) if each["message_type"] == "PPBC.ScheduleInstruction")
        assert order["power_profile_id"] == task_id


def test_without_a_task_there_is_nothing_to_schedule():
    meeting = Meeting(WasherStage(has_task=False), PPBC, power=0.0)
    for line in ("schedule", "interrupt"):
        assert refusal_of(meeting, line) == "no power profile is defined"


def test_of_very_many_containers_the_first_are_shown():
    containers = tuple(
        PowerSequenceContainer(id=f"part-{n}", power_sequences=(sequence("run", 60),)) for n in range(25)
    )
    meeting = Meeting(WasherStage(dishes(containers=containers)), PPBC, power=0.0)
    rows = meeting.shown()[3:]
    assert len(rows) == 21
    assert rows[-1] == "and 5 more containers"
    assert refusal_of(meeting, "schedule run").endswith("part-19 run and 5 more")
    meeting.order("schedule part-24 run")
    assert places(meeting, 1)[0][1] == "part-24"


def test_what_can_be_typed_is_completed(meeting):
    expected = ["schedule", "interrupt", "resume", "wash", "quick", "dishes-1", "eco", "boost", "dry", "hot"]
    assert list(meeting.cem.choices.completions()) == expected

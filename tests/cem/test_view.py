"""What people are shown, as text."""

import json
from datetime import UTC, datetime

import pytest
from meeting import Meeting
from played_rm import (
    CHARGE,
    actuator_status,
    counted_ids,
    description,
    details,
    forecast,
    handshake,
    power,
    reception,
    storage_status,
    update,
)

from s2d.cem.commands import CommandRefused
from s2d.cem.conversation import Conversation
from s2d.cem.formatting import STYLES
from s2d.cem.grammar import parse
from s2d.cem.transcript import ConnectionRejected, FrameReceived, MessageSent, RmConnected, RmDisconnected, json_line
from s2d.cem.view import event_line, is_news, overview, text_of
from s2d.s2.messages import wire
from s2d.s2.messages.common import ControlType
from s2d.values import Now
from tests.core.resources_modes import FIRST, HeatPump, Hybrid, Play
from tests.core.resources_roof import RoofStage
from tests.core.resources_washer import WasherStage

AT = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def told(*messages):
    cem = Conversation("/s2", ControlType.FILL_RATE_BASED_CONTROL, counted_ids())
    cem.open()
    for message in messages:
        cem.receive(json.dumps(message))
    return cem


def shown(*conversations):
    lines = overview(conversations)
    assert {style for line in lines for style, _ in line} <= STYLES.keys()
    return [text_of(line) for line in lines]


def heard(message, cem=None):
    frame = message if isinstance(message, str | bytes) else json.dumps(message)
    cem = cem or told(details())
    return FrameReceived(AT, cem, frame, cem.receive(frame).message)


def test_nobody_there():
    assert shown() == ["no resource manager is connected"]


def test_what_is_not_known_has_no_line():
    assert shown(told()) == [
        "@1 /s2  NO_SELECTION  (wanted FILL_RATE_BASED_CONTROL, offered nothing yet)",
        "   in           ",
        "   out          Handshake 1",
    ]


def test_asked_for_the_status_it_tells_how_old_what_was_measured_is():
    cem = Conversation("/s2", ControlType.NOT_CONTROLABLE, counted_ids())
    cem.open()
    for message in (handshake(), details("NOT_CONTROLABLE"), power(-1500.0)):
        cem.receive(json.dumps(message))
    ages = [
        text_of(overview([cem], datetime(2030, 1, 1, 0, 0, second, tzinfo=UTC))[1]).rpartition("L1")[2]
        for second in (0, 7)
    ]
    assert ages == ["  0 s ago", "  7 s ago"]
    assert text_of(overview([cem], datetime(2029, 12, 31, tzinfo=UTC))[1]).endswith("L1")


def test_what_is_not_controllable_shows_what_it_measures_and_expects():
    cem = Conversation("/s2", ControlType.NOT_CONTROLABLE, counted_ids())
    cem.open()
    for message in (
        handshake(),
        details("NOT_CONTROLABLE"),
        reception("00000000-0000-4000-8000-000000000003"),
        power(-1500.0),
        forecast(0.0, -500.0, -1000.0, -1500.0),
    ):
        cem.receive(json.dumps(message))
    assert shown(cem)[:3] == [
        "@1 Home battery  battery-1  0.0.2-beta  NOT_CONTROLABLE",
        "   power        -1500 W ELECTRIC.POWER.L1",
        "   forecast     from 2030-01-01 00:00:00Z: "
        "0 W for 15 min, then -500 W for 15 min, then -1000 W for 15 min, and 1 more",
    ]
    with pytest.raises(CommandRefused) as refused:
        cem.execute(parse("limit 0").command, Now(0.0, AT))
    sentence = '"limit" cannot be ordered: NOT_CONTROLABLE takes no instructions; it offers not_controlable'
    assert str(refused.value) == sentence


def test_instructions_under_way_are_shown_by_their_numbers():
    cem = told(handshake(), details(), reception("00000000-0000-4000-8000-000000000003"), description())
    for number in range(1, 9):
        cem.execute(parse(f"charge 0.{number} in {number} h").command, Now(0.0, AT))
    for sent, status in zip(cem.instructions.values(), ("SUCCEEDED", "REJECTED"), strict=False):
        cem.receive(json.dumps(update(sent.instruction.id, status)))
    rows = [line.split()[1] for line in shown(cem) if line.startswith("   instruction")]
    assert rows == ["#4", "#5", "#6", "#7", "#8"]
    for sent in list(cem.instructions.values())[3:]:
        cem.receive(json.dumps(update(sent.instruction.id, "ABORTED")))
    rows = [line.split()[1] for line in shown(cem) if line.startswith("   instruction")]
    assert rows == ["#3", "#8"]


def test_everything_known_of_two_resource_managers():
    cem = told(handshake(), details(), reception("00000000-0000-4000-8000-000000000003"), description())
    for message in (storage_status(52.5), actuator_status(CHARGE, 0.5), power(2480.0)):
        cem.receive(json.dumps(message))
    cem.execute(parse("charge 0.5").command, Now(0.0, AT))
    cem.receive(json.dumps(update(cem.last.instruction.id, "SUCCEEDED")))
    cem.receive(json.dumps(reception("never-sent", "INVALID_CONTENT", "\x1b[2Jboo")))
    assert shown(cem, told(details("NOT_CONTROLABLE", name="Car"))) == [
        "@1 Home battery  battery-1  0.0.2-beta  FILL_RATE_BASED_CONTROL",
        "   power        2480 W ELECTRIC.POWER.L1",
        "   fill level   ██████████░░░░░░░░░░ 52.5  of 10 .. 95  state of charge, %",
        "   modes        idle 0 W, charge 0 .. 5000 W, discharge -5000 .. -1000 W",
        "   mode         charge (factor 1 is full power)  factor 0.5",
        "   instruction  #1 charge, S2 factor 0.5, 2500 W  SUCCEEDED",
        "   in           Handshake 1, ResourceManagerDetails 1, ReceptionStatus 2, FRBC.SystemDescription 1, "
        "FRBC.StorageStatus 1, FRBC.ActuatorStatus 1, PowerMeasurement 1, InstructionStatusUpdate 1",
        "   out          Handshake 1, ReceptionStatus 7, HandshakeResponse 1, SelectControlType 1, FRBC.Instruction 1",
        "   refused      a message never sent INVALID_CONTENT: \\u001b[2Jboo",
        "",
        "@2 Car  battery-1  NO_SELECTION  (wanted FILL_RATE_BASED_CONTROL, offered NOT_CONTROLABLE)",
        "   in           ResourceManagerDetails 1",
        "   out          Handshake 1, ReceptionStatus 1",
    ]


@pytest.mark.parametrize(
    ("event", "line", "news"),
    [
        (RmConnected(AT, told()), "12:00:00Z /s2  connected", True),
        (RmDisconnected(AT, told(details()), "closed with 1000"), "12:00:00Z Home battery  closed with 1000", True),
        (ConnectionRejected(AT, "/s2", "no token"), "12:00:00Z /s2  turned away: no token", True),
        (heard(storage_status(50.0)), "12:00:00Z Home battery < FRBC.StorageStatus  present_fill_level 50", False),
        (heard(reception("ab")), None, False),
        (
            heard(reception("ab", "INVALID_CONTENT")),
            "12:00:00Z Home battery < ReceptionStatus  status INVALID_CONTENT",
            True,
        ),
        (
            heard(details("NOT_CONTROLABLE")),
            "12:00:00Z Home battery < ResourceManagerDetails  Home battery  offers NOT_CONTROLABLE",
            True,
        ),
        (
            heard(update("ab", "STARTED")),
            "12:00:00Z Home battery < InstructionStatusUpdate  status_type STARTED  timestamp 2030-01-01T00:00:00Z",
            True,
        ),
        (
            heard(forecast(500.0)),
            "12:00:00Z Home battery < PowerForecast  from 2030-01-01 00:00:00Z: 500 W for 15 min",
            False,
        ),
        (heard("{\x07"), "12:00:00Z Home battery < no message: {\\u0007", True),
        (heard(b"\x00\x01"), "12:00:00Z Home battery < no message: 2 bytes", True),
        (
            MessageSent(AT, told(details()), wire.decode(json.dumps(handshake()))),
            "12:00:00Z Home battery > Handshake  role RM",
            True,
        ),
    ],
)  # fmt: skip
def test_an_event_is_one_line(event, line, news):
    shown_line = event_line(event)
    assert (None if shown_line is None else text_of(shown_line), is_news(event)) == (line, news)


@pytest.mark.parametrize(
    ("meeting", "lines"),
    [
        (
            lambda: Meeting(RoofStage(), ControlType.POWER_ENVELOPE_BASED_CONTROL, power=0.0),
            ["PEBC.PowerConstraints  L1 lower limit -4000 .. 0 W, upper limit 0 W  VANISH"],
        ),
        (
            lambda: Meeting(WasherStage(), ControlType.POWER_PROFILE_BASED_CONTROL, power=0.0),
            [
                "PPBC.PowerProfileDefinition  dishes-1  from 2026-06-01 11:00:00Z until 2026-06-01 16:00:00Z",
                "PPBC.PowerProfileStatus  wash NOT_SCHEDULED, dry NOT_SCHEDULED",
            ],
        ),
        (
            lambda: Meeting(Play(HeatPump()), ControlType.OPERATION_MODE_BASED_CONTROL),
            ["OMBC.SystemDescription  valid_from 2026-06-01T12:00:00Z", "OMBC.Status  off  factor 0", "rest until"],
        ),
        (
            lambda: Meeting(Play(Hybrid()), ControlType.DEMAND_DRIVEN_BASED_CONTROL, FIRST),
            ["DDBC.PresentDemandStatus  3000 .. 3500", "DDBC.ActuatorStatus  on  factor 0.5", "run until 2026-05-31"],
        ),
    ],
)
def test_what_a_control_type_tells_is_put_in_words(meeting, lines):
    meeting = meeting()
    events = (event_line(FrameReceived(AT, meeting.cem, "", message)) for message in meeting.received)
    told = [text_of(line) for line in events if line is not None]
    assert [line for line in lines if any(line in each for each in told)] == lines


def test_the_log_holds_frames_as_they_were():
    cem = told(details())
    spaced = json.dumps(storage_status(50.0), indent=2)
    events = [
        RmConnected(AT, cem),
        MessageSent(AT, told(), wire.decode(json.dumps(reception("ab")))),
        heard(spaced, cem),
        heard("{\n", cem),
        heard(b"\x00\xff", cem),
        RmDisconnected(AT, cem, "gone"),
    ]
    lines = [line for line in map(json_line, events) if line is not None]
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    at = "2030-01-31T12:00:00Z"
    assert [json.loads(line) for line in lines] == [
        {"at": at, "rm": "/s2", "direction": "out", "message": reception("ab")},
        {"at": at, "rm": "battery-1", "direction": "in", "message": storage_status(50.0)},
        {"at": at, "rm": "battery-1", "direction": "in", "frame": "{\n"},
        {"at": at, "rm": "battery-1", "direction": "in", "frame": "00ff"},
    ]

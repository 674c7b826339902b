"""The CEM's side of a conversation: every frame in, every message out, compared whole."""

import json
from datetime import UTC, datetime

import pytest
from played_rm import (
    ACTUATOR,
    CHARGE,
    DISCHARGE,
    IDLE,
    actuator_status,
    counted_ids,
    description,
    details,
    handshake,
    mode,
    power,
    reception,
    storage_status,
    update,
)
from s2python.s2_parser import S2Parser

from s2d.cem.commands import CommandRefused
from s2d.cem.conversation import Conversation
from s2d.cem.grammar import parse
from s2d.s2.messages import wire
from s2d.s2.messages.common import ControlType
from s2d.values import Now

NOW = Now(0.0, datetime(2030, 1, 31, 12, 0, tzinfo=UTC))
FRBC = "FILL_RATE_BASED_CONTROL"


def conversation(control_type=ControlType.FILL_RATE_BASED_CONTROL):
    return Conversation("/s2", control_type, counted_ids())


def as_sent(messages):
    return [json.loads(wire.encode(message)) for message in messages]


def hear(cem, *messages):
    """What the CEM says to *messages*; OKs to them are expected and left out."""
    said = []
    for message in messages:
        frame = message if isinstance(message, str | bytes) else json.dumps(message)
        answers = as_sent(cem.receive(frame).answers)
        if isinstance(message, dict) and answers and answers[0] == reception(message["message_id"]):
            answers.pop(0)
        said += answers
    return said


def execute(cem, line):
    reply = cem.execute(parse(line).command, NOW)
    (said,) = as_sent(reply.messages)
    return reply.sentence, said


def charging_cem(*modes, fill_level=50.0):
    """With FRBC selected and a system described."""
    cem = conversation()
    cem.open()
    (_, selection) = hear(cem, handshake(), details())
    hear_quietly(cem, reception(selection["message_id"]), description(*modes), storage_status(fill_level))
    return cem


def hear_quietly(cem, *messages):
    assert [answer for message in messages for answer in hear_one(cem, message)] == []


def hear_one(cem, message):
    return as_sent(cem.receive(json.dumps(message)).answers)[1:]


def test_it_says_hello_chooses_a_version_and_selects_once_introduced():
    cem = conversation()
    hello, response, selection = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
    assert as_sent(cem.open()) == [
        {
            "message_type": "Handshake",
            "message_id": hello,
            "role": "CEM",
            "supported_protocol_versions": ["0.0.2-beta", "1.0.0"],
        }
    ]
    assert hear(cem, reception(hello)) == []
    assert as_sent(cem.receive(json.dumps(handshake(["v1.0.0", "9.9"]))).answers) == [
        reception("rm-hello"),
        {"message_type": "HandshakeResponse", "message_id": response, "selected_protocol_version": "v1.0.0"},
    ]
    assert as_sent(cem.receive(json.dumps(details())).answers) == [
        reception("rm-details"),
        {"message_type": "SelectControlType", "message_id": selection, "control_type": FRBC},
    ]
    assert cem.control_type == "NO_SELECTION"
    assert as_sent(cem.receive(json.dumps(reception(selection))).answers) == []
    assert (cem.control_type, cem.version, cem.name, cem.resource_id) == (FRBC, "v1.0.0", "Home battery", "battery-1")


@pytest.mark.parametrize(("versions", "there"), [(["9.9", "1.0.0-beta"], "9.9, 1.0.0-beta"), (None, "none")])
def test_without_a_common_version_it_ends_the_session(versions, there):
    cem = conversation()
    (request,) = hear(cem, handshake(versions))
    assert request == {
        "message_type": "SessionRequest",
        "message_id": request["message_id"],
        "request": "TERMINATE",
        "diagnostic_label": f"no version in common: 0.0.2-beta, 1.0.0 here, {there} there",
    }
    assert cem.is_over


def test_another_cem_is_no_resource_manager():
    label = "STATE-002 at /role: both sides are CEM; this one needs an RM"
    assert hear(conversation(), handshake(role="CEM")) == [reception("rm-hello", "INVALID_CONTENT", label)]


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("{", ("00000000-0000-0000-0000-000000000000", "INVALID_DATA")),
        ("[]", ("00000000-0000-0000-0000-000000000000", "INVALID_DATA")),
        (b"\x00", ("00000000-0000-0000-0000-000000000000", "INVALID_DATA")),
        ('{"message_type": "Pigeon", "message_id": "m-1"}', ("m-1", "INVALID_MESSAGE")),
        ('{"message_type": "ReceptionStatus", "status": "OK"}', None),
    ],
)
def test_what_is_no_message_is_answered_and_counted(frame, answer):
    cem = conversation()
    said = [(each["subject_message_id"], each["status"]) for each in hear(cem, frame)]
    assert said == ([] if answer is None else [answer])
    assert cem.received == {"unreadable": 1}
    assert not cem.is_over


def test_a_control_type_not_offered_yet_is_waited_for_and_selected_once():
    cem = conversation()
    assert hear(cem, handshake(), details("NOT_CONTROLABLE"))[1:] == []
    (selection,) = hear(cem, details("NOT_CONTROLABLE", FRBC, message_id="rm-details-2"))
    assert selection["control_type"] == FRBC
    assert hear(cem, details(FRBC, message_id="rm-details-3")) == []
    hear(cem, reception(selection["message_id"]))
    assert hear(cem, details(FRBC, message_id="rm-details-4")) == []
    hear(cem, details("NOT_CONTROLABLE", message_id="rm-details-5"))
    assert cem.control_type == "NO_SELECTION"
    assert [each["control_type"] for each in hear(cem, details(FRBC, message_id="rm-details-6"))] == [FRBC]


def test_the_best_that_is_offered_is_selected_until_a_better_one_is():
    pebc, ombc = "POWER_ENVELOPE_BASED_CONTROL", "OPERATION_MODE_BASED_CONTROL"
    cem = Conversation("/s2", ControlType(FRBC), counted_ids(), (ControlType(pebc), ControlType(ombc)))
    cem.open()

    def selected(*offered):
        return [answer["control_type"] for answer in hear(cem, details(*offered))]

    hear(cem, handshake())
    assert selected("NOT_CONTROLABLE") == []
    assert selected(ombc, pebc) == [pebc]
    assert selected(ombc, pebc) == []
    assert selected(pebc, FRBC) == [FRBC]
    assert execute(cem, "select pebc")[1]["control_type"] == pebc
    assert selected(pebc, FRBC) == []


def test_a_refused_selection_leaves_nothing_selected():
    cem = conversation()
    (selection,) = hear(cem, details())
    hear(cem, reception(selection["message_id"], "TEMPORARY_ERROR", "still starting"))
    assert cem.control_type == "NO_SELECTION"
    assert list(cem.refusals) == [("SelectControlType", "TEMPORARY_ERROR", "still starting")]


@pytest.mark.parametrize(
    ("line", "fill_level", "mode_id", "factor", "sentence"),
    [
        ("charge 0.5", 50, CHARGE, 0.5, "charge (factor 1 is full power): S2 factor 0.5, 2500 W, at once"),
        ("charge 1", 90, CHARGE, 1.0, "charge (factor 1 is full power): S2 factor 1, 2000 W, at once"),
        ("charge 1", 99, CHARGE, 1.0, "charge (factor 1 is full power): S2 factor 1, 5000 W, at once"),
        ("discharge 1", 50, DISCHARGE, 0.0, "discharge (factor 0 is full power): S2 factor 0, -5000 W, at once"),
        ("discharge 0.25", 50, DISCHARGE, 0.75, "discharge (factor 0 is full power): S2 factor 0.75, -2000 W, at once"),
        ("discharge 0", 50, DISCHARGE, 1.0, "discharge (factor 0 is full power): S2 factor 1, -1000 W, at once"),
        ("factor discharge 0", 50, DISCHARGE, 0, "discharge (factor 0 is full power): S2 factor 0, -5000 W, at once"),
        (f"factor {CHARGE} 0.1", 50, CHARGE, 0.1, "charge (factor 1 is full power): S2 factor 0.1, 500 W, at once"),
        ("IDLE", 99, IDLE, 0.0, "idle: S2 factor 0, 0 W, at once"),
    ],
)
def test_a_command_becomes_an_instruction(line, fill_level, mode_id, factor, sentence):
    cem = charging_cem(fill_level=fill_level)
    told, said = execute(cem, line)
    assert told == f"#1 {sentence}"
    assert said == {
        "message_type": "FRBC.Instruction",
        "message_id": said["message_id"],
        "id": said["id"],
        "actuator_id": ACTUATOR,
        "operation_mode": mode_id,
        "operation_mode_factor": factor,
        "execution_time": "2030-01-31T12:00:00Z",
        "abnormal_condition": False,
    }
    assert said["id"] != said["message_id"]


@pytest.mark.parametrize(
    ("line", "execution_time"),
    [
        ("idle in 30s", "2030-01-31T12:00:30Z"),
        ("idle in 5 min", "2030-01-31T12:05:00Z"),
        ("idle at 14:30:00Z", "2030-01-31T14:30:00Z"),
        ("idle at 12:00:00+01:00", "2030-02-01T11:00:00Z"),
        ("idle at 2030-03-01T00:00:00+01:00", "2030-02-28T23:00:00Z"),
        ("idle at 2029-01-01T00:00:00Z", "2029-01-01T00:00:00Z"),
    ],
)
def test_an_instruction_may_be_for_later(line, execution_time):
    _, said = execute(charging_cem(), line)
    assert said["execution_time"] == execution_time


def test_two_actuators_with_a_mode_of_that_name_want_an_id():
    twins = (mode(CHARGE, "charge a", ((0, 100), 0, 10)), mode(DISCHARGE, "charge b", ((0, 100), 0, 10)))
    cem = charging_cem(*twins)
    with pytest.raises(CommandRefused) as refused:
        execute(cem, "charge 1")
    ids = f"{CHARGE} (charge a), {DISCHARGE} (charge b)"
    assert str(refused.value) == f'"charge" may be any of {ids}; name it by its id'
    assert execute(cem, f"{CHARGE} 1")[1]["operation_mode"] == CHARGE


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "frobnicate 1",
            'no operation mode and no command "frobnicate"; the modes are both; "help" lists the commands',
        ),
        ("both", "both needs a power, or the share of its full power, such as both 50 %"),
        (
            "both 1",
            "both ways reaches from -3000 W to 3000 W, so a share of it is not clear; "
            "give the factor itself, such as factor both 0.5",
        ),
        ("revoke", "there is no instruction that can be taken back"),
        ("select pebc", "Home battery does not offer POWER_ENVELOPE_BASED_CONTROL; it offers frbc"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_and_nothing_is_said(line, sentence):
    cem = charging_cem(mode(IDLE, "both ways", ((0, 100), -3000, 3000)))
    before = cem.sent.copy()
    with pytest.raises(CommandRefused) as refused:
        execute(cem, line)
    assert str(refused.value) == sentence
    assert cem.sent == before


def test_nothing_can_be_ordered_of_a_stranger():
    cem = conversation()
    for line, sentence in (
        ("charge 1", '"charge" cannot be ordered: /s2 has not introduced itself yet'),
        ("select frbc", "/s2 has not introduced itself yet"),
    ):
        with pytest.raises(CommandRefused) as refused:
            execute(cem, line)
        assert str(refused.value) == sentence


def test_what_becomes_of_an_instruction_is_remembered():
    cem = charging_cem()
    _, first = execute(cem, "charge 0.5")
    _, second = execute(cem, "idle in 1 h")
    states = [cem.last.state]
    hear(cem, reception(second["message_id"]))
    states.append(cem.last.state)
    hear(cem, update(second["id"], "ACCEPTED"))
    states.append(cem.last.state)
    hear(cem, update(first["id"], "STARTED"), update("who-is-this", "STARTED"))
    assert states == ["unanswered", "received", "ACCEPTED"]
    assert [sent.statuses for sent in cem.instructions.values()] == [["STARTED"], ["ACCEPTED"]]


def test_revoke_takes_back_the_last_instruction_not_finished():
    cem = charging_cem()
    _, first = execute(cem, "charge 0.5")
    _, second = execute(cem, "discharge 1 in 30s")
    _, third = execute(cem, "idle")
    hear(cem, update(third["id"], "SUCCEEDED"))
    sentence, said = execute(cem, "revoke")
    assert sentence == "revoked: #2 discharge, S2 factor 0, -5000 W, at 2030-01-31 12:00:30Z"
    assert said == {
        "message_type": "RevokeObject",
        "message_id": said["message_id"],
        "object_type": "FRBC.Instruction",
        "object_id": second["id"],
    }
    hear(cem, update(second["id"], "REVOKED"), reception(first["message_id"], "INVALID_CONTENT", "FRBC-004"))
    assert cem.instructions[first["id"]].state == "INVALID_CONTENT: FRBC-004"
    with pytest.raises(CommandRefused):
        execute(cem, "revoke")


def test_another_selection_voids_what_was_described():
    cem = charging_cem()
    hear(cem, actuator_status(IDLE, 0), power(12.0))
    _, selection = execute(cem, "select no_selection")
    assert selection["control_type"] == "NO_SELECTION"
    assert cem.choices.description is not None
    hear(cem, reception(selection["message_id"]))
    assert (cem.control_type, cem.choices) == ("NO_SELECTION", None)
    assert cem.power is not None
    assert hear(cem, details(message_id="rm-details-2")) == []


def test_a_revoked_description_is_gone():
    cem = charging_cem()
    revoked = {"message_type": "RevokeObject", "message_id": "rm-revoke", "object_type": "FRBC.SystemDescription"}
    hear(cem, {**revoked, "object_id": "another"})
    assert cem.choices.description is not None
    hear(cem, {**revoked, "object_id": "rm-system"})
    assert cem.choices.description is None


@pytest.mark.parametrize("line", ["terminate", "reconnect"])
def test_the_session_ends_when_the_resource_manager_has_answered(line):
    cem = charging_cem()
    _, said = execute(cem, line)
    assert said == {
        "message_type": "SessionRequest",
        "message_id": said["message_id"],
        "request": line.upper(),
    }
    assert (cem.is_ending, cem.is_over) == (True, False)
    with pytest.raises(CommandRefused):
        execute(cem, "charge 1")
    hear(cem, reception(said["message_id"]))
    assert cem.is_over


def test_a_session_that_the_resource_manager_ends_is_over():
    cem = charging_cem()
    assert hear(cem, {"message_type": "SessionRequest", "message_id": "rm-bye", "request": "RECONNECT"}) == []
    assert cem.is_over


def test_messages_are_counted_both_ways():
    cem = charging_cem()
    hear(cem, storage_status(51.0), reception("never-sent", "PERMANENT_ERROR"))
    assert cem.received == {
        "Handshake": 1,
        "ResourceManagerDetails": 1,
        "ReceptionStatus": 2,
        "FRBC.SystemDescription": 1,
        "FRBC.StorageStatus": 2,
    }
    assert cem.sent == {"Handshake": 1, "ReceptionStatus": 5, "HandshakeResponse": 1, "SelectControlType": 1}
    assert list(cem.refusals) == [("a message never sent", "PERMANENT_ERROR", "")]


def test_s2_python_reads_everything_the_cem_says():
    cem = conversation()
    said = [*cem.open(), *cem.receive("{").answers]
    for message in (handshake(), details()):
        said += cem.receive(json.dumps(message)).answers
    hear(cem, reception(as_sent(said)[-1]["message_id"]), description(), storage_status(50.0))
    for line in ("charge 0.5", "discharge 1 in 30 s", "revoke", "select frbc", "reconnect"):
        said += cem.execute(parse(line).command, NOW).messages
    stranger = conversation()
    said += stranger.receive(json.dumps(handshake(["9.9"]))).answers
    # s2-python takes no id but a UUID, and the RM played here has others.
    frames = [
        wire.encode(message).decode().replace("rm-hello", ACTUATOR).replace("rm-details", ACTUATOR) for message in said
    ]
    read = [S2Parser().parse_as_any_message(frame).to_dict()["message_type"] for frame in frames]
    assert read == [message["message_type"] for message in as_sent(said)]

"""Events about messages: each names type and id wherever they can be read, and blames nobody for our own limit."""

import pytest

from s2d.events import Lost
from s2d.s2.effects import Connected, Effect, Note, Received, Send
from s2d.s2.messages import frbc, wire
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    Message,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)
from s2d.s2.session import UNANSWERED_LIMIT, Session

from .every_control import EVERY, Staged
from .stage import OK, Stage, closed, notes

PERMANENT_ERROR = ReceptionStatusValues.PERMANENT_ERROR


def facts_of(effects: list[Effect], event: str) -> list[dict[str, object]]:
    """What is told by each *event* among *effects*, but the reason."""
    found = [effect.facts for effect in effects if isinstance(effect, Note) and effect.event == event]
    return [{key: value for key, value in facts.items() if key not in ("reason", "label")} for facts in found]


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        ('{"message_type":"Hello","message_id":"aa"}', {"message_type": "Hello", "message_id": "aa"}),
        ('{"message_id":"aa", "message_type" : "FRBC.Hello"', {"message_type": "FRBC.Hello", "message_id": "aa"}),
        ('{"message_type":"SelectControlType"}', {"message_type": "SelectControlType"}),
        ('{"message_type":"SelectControlType","message_id":"!"}', {"message_type": "SelectControlType"}),
        ('{"message_type":"SelectControlType","message_id":17}', {"message_type": "SelectControlType"}),
        ('{"message_type":"a\\u0022b\\nc","message_id":"aa"}', {"message_id": "aa"}),
        (
            '{"message_type":"Handshake","message_id":"aa","role":"RM","role":"CEM"}',
            {"message_type": "Handshake", "message_id": "aa"},
        ),
        (
            '{"message_type":"RevokeObject","message_id":"aa","object_type":"FRBC.Instruction","object_id":"sp ace"}',
            {"message_type": "RevokeObject", "message_id": "aa"},
        ),
        (
            '{"message_type":"ReceptionStatus","subject_message_id":"bb","status":"FINE"}',
            {"message_type": "ReceptionStatus", "subject_message_id": "bb"},
        ),
        (
            '{"message_type":"Hello","message_id":"aa","x":' + "[" * 100_000,
            {"message_type": "Hello", "message_id": "aa"},
        ),
        (b'{"message_type":"Hello","message_id":"aa"}\xff', {"message_type": "Hello", "message_id": "aa"}),
        (b"\x00\xff", {}),
        ("hello", {}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_frame_that_is_no_message_is_refused_by_name(frame: str | bytes, named: dict[str, str]) -> None:
    stage = Stage()
    stage.active()
    (refused,) = facts_of(stage.on(Received(frame)), "message.refused")
    assert {key: value for key, value in refused.items() if key != "status"} == named


@pytest.mark.parametrize(
    "message",
    [
        Handshake(message_id="other", role=EnergyManagementRole.RM),
        HandshakeResponse(message_id="late", selected_protocol_version="1.0.0"),
        SelectControlType(message_id="what", control_type=ControlType.POWER_PROFILE_BASED_CONTROL),
        RevokeObject(message_id="take", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id="never-was"),
    ],
    ids=lambda message: wire.name_of(type(message)),
)
def test_a_message_that_is_refused_is_named(message: Message) -> None:
    stage = Stage()
    stage.active()
    (refused,) = facts_of(stage.hears(message), "message.refused")
    assert (refused["message_type"], refused["message_id"]) == (wire.name_of(type(message)), message.message_id)


def test_a_version_that_nobody_offered_is_refused_by_name() -> None:
    stage = Stage()
    stage.on(Connected())
    effects = stage.hears(HandshakeResponse(message_id="odd", selected_protocol_version="9"))
    assert facts_of(effects, "message.refused") == [
        {"message_type": "HandshakeResponse", "message_id": "odd", "status": "INVALID_CONTENT"}
    ]


def test_what_we_say_is_named_when_it_is_disputed_and_when_nobody_answers() -> None:
    stage = Stage()
    stage.active()
    stage.heard(*map(Send, stage.said))
    stage.measured(soc=60.0)
    status = stage.said[-1]
    assert isinstance(status, frbc.StorageStatus)
    named = {"message_type": "FRBC.StorageStatus", "message_id": status.message_id}
    refusal = ReceptionStatus(
        subject_message_id=status.message_id, status=ReceptionStatusValues.INVALID_CONTENT, diagnostic_label="no"
    )
    assert facts_of(stage.hears(refusal), "message.disputed") == [{**named, "status": "INVALID_CONTENT"}]
    stage.measured(soc=61.0)
    status = stage.said[-1]
    assert isinstance(status, frbc.StorageStatus)
    assert facts_of(stage.after(5), "reception_status.missed") == [{**named, "message_id": status.message_id}]


def test_what_is_odd_is_named_on_both_sides() -> None:
    stage = Stage()
    stage.active()
    select = SelectControlType(message_id="twice", control_type=ControlType.NOT_CONTROLABLE)
    stage.hears(select)
    (doubted,) = facts_of(stage.hears(select), "message.doubted")
    assert (doubted["message_type"], doubted["message_id"], doubted["sender"]) == ("SelectControlType", "twice", "CEM")


@pytest.mark.parametrize("staged", EVERY)
def test_an_instruction_is_named_in_every_event_of_its_life(staged: type[Staged]) -> None:
    scene = staged()
    effects = scene.order(1)
    effects += scene.follows(effects)
    effects += scene.order(900)
    effects += scene.stage.on(Lost("gone"))
    effects += scene.order(901)
    scene = staged()
    scene.follows(scene.order(1))
    scene.order(2, after_s=600)
    effects += scene.revokes(2)
    events = [effect for effect in effects if isinstance(effect, Note) and effect.event.startswith("instruction.")]
    assert {each.event.removeprefix("instruction.") for each in events} == {
        *("accepted", "started", "succeeded", "aborted", "refused", "revoked")
    }
    for each in events:
        count = int(str(each.facts["instruction"]).removeprefix("i-"))
        assert (each.facts["message_type"], each.facts["message_id"]) == (scene.kind_of(count), f"m-i-{count}")


def answer(session: Session, message: Message, status: ReceptionStatusValues = OK) -> list[Effect]:
    frame = wire.encode(ReceptionStatus(subject_message_id=message.message_id, status=status)).decode()
    return session.receive(frame, lambda *_: [], Stage().now)


def burst(length: int) -> tuple[Session, list[Message], list[Effect]]:
    """A session in which so many messages are said at once; what was said, and what that led to."""
    stage = Stage()
    stage.active()
    session = stage.resource_manager.session
    assert session
    stage.heard(*map(Send, stage.said))
    updates = [frbc.StorageStatus(message_id=f"u-{count}", present_fill_level=50.0) for count in range(length)]
    return session, [*updates], [effect for update in updates for effect in session.say(update, stage.now)]


def test_that_more_is_said_than_is_remembered_is_told_once_and_not_blamed_on_the_cem() -> None:
    session, updates, effects = burst(UNANSWERED_LIMIT + 3499)
    assert notes(effects).count("reception_status.overrun") == 1
    assert [notes(answer(session, update)) for update in updates] == [[]] * len(updates)
    assert notes(answer(session, updates[0])) == ["reception_status.unexpected"]


def test_as_much_as_is_remembered_is_not_too_much() -> None:
    session, updates, effects = burst(UNANSWERED_LIMIT)
    assert "reception_status.overrun" not in notes(effects)
    assert [notes(answer(session, update)) for update in updates] == [[]] * len(updates)


def test_an_error_about_what_is_not_remembered_any_more_counts_all_the_same() -> None:
    session, updates, _ = burst(UNANSWERED_LIMIT + 2)
    refusal = answer(session, updates[0], ReceptionStatusValues.INVALID_CONTENT)
    assert facts_of(refusal, "message.disputed") == [{"message_id": "u-0", "status": "INVALID_CONTENT"}]
    assert len(closed(answer(session, updates[1], PERMANENT_ERROR))) == 1


def test_an_answer_that_comes_late_is_not_held_against_the_cem_twice() -> None:
    stage = Stage()
    stage.active()
    stage.heard(*map(Send, stage.said))
    stage.measured(soc=60.0)
    status = stage.said[-1]
    assert isinstance(status, frbc.StorageStatus)
    assert notes(stage.after(5)) == ["reception_status.missed"]
    late = ReceptionStatus(subject_message_id=status.message_id, status=OK)
    assert notes(stage.hears(late)) == []
    assert notes(stage.hears(late)) == ["reception_status.unexpected"]

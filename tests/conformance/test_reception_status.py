"""Answers: those the RM gives, and what it makes of those it gets, or does not get."""

import re

import pytest
from msgspec.structs import replace

from s2d.s2.messages.common import ReceptionStatus, ReceptionStatusValues
from tests.core.stage import Stage, closed, notes, said, told

from .plants import FOLLOWS_WITHIN_S, heat_pump, hybrid, roof, washer
from .rm import versions_of
from .rows import House, Peer, Published, leading_there, row
from .test_certification import a_tank_with_outlooks
from .wire import DDBC, DESCRIPTION, FRBC, NO_SELECTION, OMBC, PEBC, PPBC, SHORT, new_id

STATUS = House("ReceptionStatus")
REASON = re.compile(r"[A-Z]+-\d{3} at (/\S*)?: .+", re.DOTALL)
TELLING = {
    FRBC: a_tank_with_outlooks,
    OMBC: heat_pump,
    DDBC: lambda: hybrid(provides_forecast=True),
    PEBC: lambda: roof(needs_energy=True),
    PPBC: washer,
}
"""Resources that have something to say by all messages there are for it."""


def temporary_error(stage, *messages):
    for message in messages:
        status = ReceptionStatusValues.TEMPORARY_ERROR
        stage.hears(ReceptionStatus(subject_message_id=message.message_id, status=status))


@row(
    "RECEPTION-1", "every message is answered once, and a hundred at a time are too", source=Peer("certification tool")
)
async def test_answered_once(bench):
    async with bench.negotiated() as rm:
        sent = [await rm.send("SelectControlType", control_type=NO_SELECTION) for _ in range(100)]
        for message_id in sent:
            assert (await rm.answer_to(message_id))["status"] == "OK"
        await rm.is_well()


@row(
    "RECEPTION-2",
    "the answer does not wait for the hardware",
    source=Peer("s2-python"),
    by=["plain"],
)
async def test_prompt(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        plant.hardware.is_hung = True
        order = await rm.instruct("on")
        assert "ABORTED" not in rm.steps_of(order)
        plant.passes(FOLLOWS_WITHIN_S)
        assert (await rm.fate_of(order))[-1] == "ABORTED"


@row("RECEPTION-3", "what follows from a message comes after its answer", source=Peer("peers"))
async def test_answer_first(bench):
    async with bench.negotiated() as rm:
        offered = rm.details["available_control_types"][0]
        selection = await rm.send("SelectControlType", control_type=offered)
        with leading_there("something follows from it"):
            if offered not in DESCRIPTION:
                pytest.skip("no control type is offered")
            description = await rm.expect(DESCRIPTION[offered])
        answer = await rm.answer_to(selection)
        assert answer["status"] == "OK"
        assert rm.frames.index(answer) < rm.frames.index(description), "the description came before the answer"


@row("RECEPTION-4", "a CEM that never answers is served all the same", source=Peer("peers"))
async def test_never_answered(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ()
        await rm.negotiate()
        await bench.any_charge(rm)
        await rm.is_well()


@row("RECEPTION-5", "an answer that is not there after 5 s is noted, and ends nothing", source=STATUS, virtual=True)
def test_missing_answer():
    stage = Stage()
    stage.active()
    effects = stage.measured(soc=55.0, power=0.0)
    assert told(effects) == ["FRBC.StorageStatus"]
    effects = stage.after(6.0)
    assert set(notes(effects)) == {"reception_status.missed"}
    assert not closed(effects)


@row("RECEPTION-6", "answers that come twice are ignored", source=Peer("FlexMeasures client"))
async def test_answered_twice(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ("OK", "OK")
        await rm.negotiate()
        await bench.any_charge(rm)
        await rm.is_well()


@row("RECEPTION-7", "an error after an OK, for the same message, is ignored", source=Peer("FlexMeasures client"))
async def test_late_error(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ("OK", "PERMANENT_ERROR", "INVALID_CONTENT")
        await rm.negotiate()
        await bench.any_charge(rm)
        await rm.is_well()


@row(
    "RECEPTION-8",
    "answers about messages that never were are ignored",
    source=Peer("message analysers", "between RM and CEM"),
)
async def test_unknown_subject(bench):
    async with bench.negotiated() as rm:
        for status in ("OK", "INVALID_CONTENT", "TEMPORARY_ERROR", "PERMANENT_ERROR"):
            await rm.answer(new_id(), status)
        await rm.is_well()


@row("RECEPTION-9", "answers that come late, and all at once, are taken", source=Peer("peers"))
async def test_late_answers(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ()
        await rm.negotiate()
        await bench.any_charge(rm)
        for message in list(rm.heard.all):
            await rm.answer(message["message_id"])
        rm.answers_to = bench.profile.answers_to
        await rm.is_well()


@row(
    "RECEPTION-10",
    "TEMPORARY_ERROR to everything ends nothing, and nothing is repeated at once",
    source=Peer("FlexMeasures client"),
)
async def test_temporary_error(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ("TEMPORARY_ERROR",)
        await rm.negotiate()
        await bench.any_charge(rm)
        await rm.is_well()
        kinds = [each["message_type"] for each in rm.heard.all]
        assert kinds.count("Handshake") == 1
        assert kinds.count("ResourceManagerDetails") <= 2


@row("RECEPTION-11", "what got TEMPORARY_ERROR is said again once, some seconds later", source=STATUS, virtual=True)
def test_repeated_once():
    stage = Stage()
    stage.active()
    (status,) = said(stage.measured(soc=55.0, power=0.0))
    temporary_error(stage, status)
    assert told(stage.after(4.0)) == []
    (again,) = said(stage.after(2.0))
    assert again == replace(status, message_id=again.message_id)
    temporary_error(stage, again)
    assert told(stage.after(30.0)) == []


@row("RECEPTION-12", "INVALID_CONTENT to everything ends nothing, and nothing is repeated", source=STATUS)
async def test_invalid_content(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ("INVALID_CONTENT",)
        await rm.negotiate()
        await bench.any_charge(rm)
        await rm.is_well()


@row(
    "RECEPTION-13",
    "PERMANENT_ERROR to any message ends the session, and the RM comes back",
    source=Published("S2 JSON", "ReceptionStatusValues"),
    by=["plain", "s2-python"],
)
async def test_permanent_error(bench):
    async with bench.cem(needs="" if bench.is_own else "an RM that is back soon after each of seven errors") as cem:
        for refused in (
            "Handshake",
            "ResourceManagerDetails",
            "FRBC.SystemDescription",
            "FRBC.StorageStatus",
            "FRBC.ActuatorStatus",
            "PowerMeasurement",
            "InstructionStatusUpdate",
        ):
            rm = await cem.joined()
            rm.answers_to = lambda message, refused=refused: (
                ("PERMANENT_ERROR",) if message["message_type"] == refused else ("OK",)
            )
            await rm.expect("Handshake")
            if refused != "Handshake":
                version = bench.profile.version_of(versions_of(rm.told("Handshake")[0]))
                await rm.send("HandshakeResponse", selected_protocol_version=version)
                await rm.expect("ResourceManagerDetails")
            if refused not in ("Handshake", "ResourceManagerDetails"):
                await rm.is_offering(FRBC)
                await rm.send("SelectControlType", control_type=FRBC)
                await rm.expect(refused if refused != "InstructionStatusUpdate" else "PowerMeasurement")
            if refused == "InstructionStatusUpdate":
                rm.control_type, rm.description = FRBC, rm.told("FRBC.SystemDescription")[0]
                await rm.send_whole(rm.instruction(rm.mode("charge")))
                await rm.expect(refused)
            await rm.has_ended()
        await (await cem.joined()).negotiate()


@pytest.mark.parametrize("control_type", TELLING, ids=[SHORT[each] for each in TELLING])
@row(
    "RECEPTION-14",
    "under each control type: PERMANENT_ERROR to any type of message ends the session, other errors end nothing",
    source=House("ReceptionStatusValues"),
    by=["plain"],
)
async def test_errors_to_each_type(own, control_type):
    async with own.cem(TELLING[control_type]()) as cem:

        async def selected(refused, status):
            rm = await cem.joined()
            rm.answers_to = lambda message: (status if message["message_type"] in refused else "OK",)
            await rm.negotiate()
            await rm.is_offering(control_type)
            before = len(rm.heard.all)
            await rm.send("SelectControlType", control_type=control_type)
            await rm.heard.until(lambda heard: len(heard) > before, "anything told")
            return rm, before

        rm, before = await selected((), "OK")
        await rm.tell("RevokeObject", object_type="FRBC.Instruction", object_id="nothing")
        kinds = {each["message_type"] for each in rm.heard.all[before:]} - {"ResourceManagerDetails"}
        assert len(kinds) >= 2
        rm.break_off()
        for status in ("TEMPORARY_ERROR", "INVALID_CONTENT"):
            rm, _ = await selected(kinds, status)
            rm.control_type = control_type
            await rm.is_well()
            rm.break_off()
        for kind in kinds:
            rm, _ = await selected((kind,), "PERMANENT_ERROR")
            await rm.has_ended()


@row(
    "RECEPTION-15",
    "what got TEMPORARY_ERROR is not said again once there is something newer of its kind, told before or since",
    source=STATUS,
    virtual=True,
)
def test_only_the_newest_is_repeated():
    stage = Stage()
    stage.active()
    for is_told_before in (True, False):
        (first,) = said(stage.measured(soc=55.0, power=0.0))
        if is_told_before:
            stage.measured(soc=60.0, power=0.0)
        temporary_error(stage, first)
        if not is_told_before:
            stage.measured(soc=60.0, power=0.0)
        assert told(stage.after(30.0)) == []


@row("RECEPTION-16", "each refusal says why: which rule, where in the message, and a sentence", source=STATUS)
async def test_label(own):
    async with own.in_charge(FRBC) as rm:
        mode, about = rm.mode("idle"), new_id()
        for answer in (
            await rm.send_raw("to be or not to be"),
            await rm.send_raw(b"\x00"),
            await rm.tell("FRBC.Suggestion"),
            await rm.tell("SelectControlType", control_type="ANY"),
            await rm.tell("SelectControlType", control_type=OMBC),
            await rm.tell("HandshakeResponse", selected_protocol_version="1.0.0"),
            await rm.tell("RevokeObject", object_type="FRBC.Instruction", object_id=about),
            await rm.tell_whole(rm.instruction(mode, 2.0)),
            await rm.tell_whole(rm.instruction(mode, actuator_id=about)),
            await rm.tell_whole(rm.instruction(about)),
        ):
            assert answer["status"].startswith("INVALID_"), answer
            assert REASON.fullmatch(answer["diagnostic_label"]), answer
        assert "diagnostic_label" not in await rm.tell("SelectControlType", control_type=NO_SELECTION)


@row(
    "RECEPTION-17",
    "each message that is refused is named in the log by its type and id, as far as they could be read",
    source=House("what is told of a refusal"),
    by=["plain"],
)
async def test_refusals_are_named(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        refused = [
            rm.instruction("on", 2.0),
            rm.instruction("on") | {"colour": "green"},
            {"message_type": "FRBC.Suggestion", "message_id": new_id()},
            {"message_type": "SelectControlType", "message_id": new_id(), "control_type": PPBC},
            {
                "message_type": "RevokeObject",
                "message_id": new_id(),
                "object_type": "OMBC.Instruction",
                "object_id": "x1",
            },
        ]
        for message in refused:
            assert (await rm.tell_whole(message))["status"] != "OK", message
        told = [line for line in plant.log.lines if line["event"] == "message.refused"]
        assert [(each["message_type"], each["message_id"]) for each in told] == [
            (each["message_type"], each["message_id"]) for each in refused
        ]

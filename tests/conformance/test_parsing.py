"""What is no message, or not quite one: it is refused in the right words, and the session goes on."""

import json

import pytest

from .rows import House, Peer, Published, row
from .wire import FRBC, NIL, NO_SELECTION, SHORT, new_id

STATUS_OF_MESSAGE = House("ReceptionStatusValues")
FRAME_LIMIT = 2**20


async def refused(rm, status, frame, about=NIL, *, or_about="", what=""):
    """*frame* is answered with *status*, about that id or, if none is given, about nobody's.

    An answer about the other id, which *frame* may seem to have, is wrong, but is an answer.
    """
    answer = await rm.send_raw(frame, about, or_about)
    assert answer["status"] == status, f"{what or repr(frame[:100])} is answered {answer['status']}"
    assert answer["subject_message_id"] == about, f"{what or repr(frame[:100])} is answered about another id"


@row("PARSE-1", "what is not JSON is answered INVALID_DATA, about the all-zero UUID", source=STATUS_OF_MESSAGE)
async def test_no_json(bench):
    async with bench.negotiated() as rm:
        for frame in ("", "to be or not to be", "{", '{"message_type": "Handshake",}', '{"message_id": NaN}'):
            await refused(rm, "INVALID_DATA", frame)
        await rm.is_well()


@row("PARSE-2", "JSON that is no object is answered INVALID_DATA", source=STATUS_OF_MESSAGE)
async def test_no_object(bench):
    async with bench.negotiated() as rm:
        for frame in ("[]", "7", "null", '"Handshake"', "true"):
            await refused(rm, "INVALID_DATA", frame)
        await rm.is_well()


@row("PARSE-3", "an object without a usable message_id is answered INVALID_DATA", source=STATUS_OF_MESSAGE)
async def test_no_id(bench):
    async with bench.negotiated() as rm:
        select = {"message_type": "SelectControlType", "control_type": NO_SELECTION}
        for message in (
            {},
            select,
            select | {"message_id": 7},
            select | {"message_id": None},
            select | {"message_id": "?"},
        ):
            await refused(rm, "INVALID_DATA", json.dumps(message), or_about="?")
        await rm.is_well()


@row(
    "PARSE-4",
    "a message_type that S2 does not have is answered INVALID_MESSAGE",
    source=Published("S2 JSON", "ReceptionStatusValues"),
)
async def test_unknown_type(bench):
    async with bench.negotiated() as rm:
        for message_type in ("FRBC.Suggestion", "handshake", "", 7, None):
            about = new_id()
            await refused(rm, "INVALID_MESSAGE", json.dumps({"message_type": message_type, "message_id": about}), about)
        await rm.is_well()


@row(
    "PARSE-5",
    "a property missing, too many or of the wrong kind is answered INVALID_MESSAGE",
    source=Published("S2 JSON", "ReceptionStatusValues"),
)
async def test_invalid_by_schema(bench):
    async with bench.negotiated() as rm:
        good = {"message_type": "SelectControlType", "control_type": NO_SELECTION}
        for message in (
            {"message_type": "SelectControlType"},
            good | {"colour": "green"},
            good | {"control_type": None},
            good | {"control_type": ["NO_SELECTION"]},
            good | {"control_type": "no_selection"},
            {"message_type": "SessionRequest", "request": "LEAVE"},
            {"message_type": "Handshake", "role": "CEM", "supported_protocol_versions": []},
        ):
            about = new_id()
            await refused(rm, "INVALID_MESSAGE", json.dumps(message | {"message_id": about}), about)
        await rm.is_well()


@row(
    "PARSE-6",
    "an instruction that is invalid by schema is answered INVALID_MESSAGE",
    source=Published("S2 JSON", "ReceptionStatusValues"),
    by=["plain"],
)
async def test_invalid_instruction(bench):
    async with bench.in_charge(FRBC) as rm:
        order = rm.instruction(rm.machine().modes[0])
        for changes in (
            {"operation_mode_factor": "full"},
            {"operation_mode_factor": None},
            {"execution_time": "2026-06-01T12:00:00"},
            {"execution_time": "tomorrow"},
            {"abnormal_condition": "no"},
            {"id": "a b"},
        ):
            about = new_id()
            frame = json.dumps(order | {"message_id": about} | changes)
            await refused(rm, "INVALID_MESSAGE", frame, about, what=f"an instruction with {changes}")
        await rm.is_well()
        assert not rm.told("InstructionStatusUpdate")


@row("PARSE-7", "what is valid by schema but cannot be meant is answered INVALID_CONTENT", source=STATUS_OF_MESSAGE)
async def test_invalid_by_meaning(bench):
    async with bench.negotiated() as rm:
        for message_type, fields in (
            ("SelectControlType", {"control_type": _not_offered(rm)}),
            ("RevokeObject", {"object_type": "FRBC.Instruction", "object_id": new_id()}),
        ):
            assert (await rm.tell(message_type, **fields))["status"] == "INVALID_CONTENT", message_type
        await rm.is_well()


@row(
    "PARSE-8",
    "a binary frame is answered INVALID_DATA, whatever is in it",
    source=House("text frames"),
)
async def test_binary(bench):
    async with bench.negotiated() as rm:
        select = {"message_type": "SelectControlType", "message_id": new_id(), "control_type": NO_SELECTION}
        for frame in (b"\x00\xff", json.dumps(select).encode()):
            await refused(rm, "INVALID_DATA", frame, or_about=select["message_id"])
        await rm.is_well()


@row(
    "PARSE-9",
    "a message of a megabyte is answered; a larger one may end the connection, and the RM comes back",
    source=Peer("peers"),
)
async def test_large(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        await rm.negotiate()
        about = new_id()
        message = {"message_type": "SelectControlType", "message_id": about, "control_type": NO_SELECTION, "x": ""}
        message["x"] = "x" * (FRAME_LIMIT - len(json.dumps(message)))
        await refused(rm, "INVALID_MESSAGE", json.dumps(message), about)
        try:
            await refused(rm, "INVALID_DATA", "x" * 4 * FRAME_LIMIT)
        except AssertionError:
            await rm.has_ended()
            rm = await cem.joined()
            await rm.negotiate()
        await rm.must_take("SelectControlType", control_type=NO_SELECTION)


@row(
    "PARSE-10",
    "JSON nested a hundred thousand deep is answered INVALID_DATA",
    source=House("RFC 8259, section 9"),
    by=["plain"],
)
async def test_deep(bench):
    async with bench.negotiated() as rm:
        for frame in ("[" * 100_000, '{"x":' * 100_000):
            await refused(rm, "INVALID_DATA", frame)
        await rm.is_well()


@row("PARSE-11", "what is malformed among ReceptionStatuses is never answered", source=House("ReceptionStatus"))
async def test_malformed_reception_status(bench):
    async with bench.negotiated() as rm:
        await rm.answer("?")
        await rm.answer(new_id(), "FINE")
        await rm.is_well()
        assert not rm.answers_too_many, "a malformed ReceptionStatus is answered"


@row(
    "PARSE-12",
    "keys in any order, and any white space, make the same message",
    source=Published("RFC 8259", "sections 2 and 4"),
)
async def test_layout(bench):
    async with bench.negotiated() as rm:
        for about in (new_id(), new_id()):
            message = {"control_type": NO_SELECTION, "message_id": about, "message_type": "SelectControlType"}
            await refused(rm, "OK", json.dumps(message, indent=4), about)
            await refused(rm, "OK", f"\r\n\t {json.dumps(message, sort_keys=True)} \n", about)


@row("PARSE-13", "a key that stands twice is not taken for one", source=House("RFC 8259, section 4"), by=["plain"])
async def test_twins(bench):
    async with bench.negotiated() as rm:
        about = new_id()
        select = f'{{"message_type": "SelectControlType", "message_id": "{about}", "control_type": '
        frame = f'{select}"NO_SELECTION", "control_type": "NOT_CONTROLABLE"}}'
        await refused(rm, "INVALID_DATA", frame, or_about=about, what="a key that stands twice")
        await rm.is_well()


@row(
    "PARSE-14",
    "a message in fragments is one message",
    source=Published("RFC 6455", "section 5.4"),
    by=["plain", "s2-python"],
)
async def test_fragments(bench):
    async with bench.negotiated() as rm:
        message = {"message_type": "SelectControlType", "message_id": new_id(), "control_type": NO_SELECTION}
        frame = json.dumps(message)
        assert (await rm.send_in_parts([frame[:9], frame[9:70], frame[70:]], message["message_id"]))["status"] == "OK"


@row(
    "PARSE-15",
    "letters of any script, and half a letter, break nothing",
    source=House("RFC 8259, section 8"),
    by=["plain"],
)
async def test_scripts(bench):
    async with bench.negotiated() as rm:
        for text in ("Grüße 電気 ⚡", "\u0000", "\\", '\\"'):
            select = {"message_type": "SelectControlType", "message_id": new_id(), "control_type": text}
            await refused(rm, "INVALID_MESSAGE", json.dumps(select), select["message_id"])
            await refused(rm, "INVALID_DATA", json.dumps(select | {"message_id": text}), or_about=text)
        await refused(rm, "INVALID_DATA", '{"message_type": "SelectControlType", "message_id": "\\ud800"}')
        await rm.is_well()


def _not_offered(rm):
    missing = [each for each in SHORT if each not in rm.details["available_control_types"]]
    if not missing:
        pytest.skip("every control type is offered")
    return missing[0]

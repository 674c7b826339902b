"""Who may say what, and when."""

from .rows import House, Peer, Published, leading_there, row
from .wire import DDBC, FRBC, NO_SELECTION, NOT_CONTROLABLE, OMBC, SHORT, new_id

STATE = House("State of communication")


def an_instruction(of="FRBC", **changes):
    """An instruction about nothing that exists."""
    known = {
        "message_type": f"{of}.Instruction",
        "message_id": new_id(),
        "id": new_id(),
        "operation_mode_factor": 0.0,
        "execution_time": "2026-06-01T12:00:00Z",
        "abnormal_condition": False,
    }
    mode = {"operation_mode" if of == "FRBC" else "operation_mode_id": new_id()}
    return known | mode | ({} if of == "OMBC" else {"actuator_id": new_id()}) | changes


@row(
    "ORDER-1",
    "before the versions are settled nothing is taken but what settles them, and the session goes on",
    source=STATE,
)
async def test_before_handshake(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        for message in (
            {"message_type": "SelectControlType", "message_id": new_id(), "control_type": FRBC},
            an_instruction(),
            {
                "message_type": "RevokeObject",
                "message_id": new_id(),
                "object_type": "FRBC.Instruction",
                "object_id": new_id(),
            },
        ):
            await rm.must_refuse(message)
        await rm.negotiate()
        await rm.is_well()


@row(
    "ORDER-2",
    "the RM says nothing but Handshake and SessionRequest until a version is selected",
    source=Published("EN 50491-12-2", "State of communication"),
)
async def test_only_handshake(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        with leading_there("it answers while no version is selected"):
            await rm.expect("Handshake")
            if bench.profile.says_hello:
                await rm.must_take("Handshake", role="CEM")
            await rm.tell("SelectControlType", control_type=NO_SELECTION)
        assert {each["message_type"] for each in rm.heard.all} <= {"Handshake", "SessionRequest"}


@row(
    "ORDER-3",
    "a control type selected before the details were answered is answered, and the session goes on",
    source=Peer("peers"),
)
async def test_early_selection(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        rm.answers_to = lambda message: ()
        await rm.negotiate()
        answer = await rm.tell("SelectControlType", control_type=NO_SELECTION)
        assert answer["status"] in ("OK", "INVALID_CONTENT", "TEMPORARY_ERROR")
        rm.answers_to = bench.profile.answers_to
        for message in rm.heard.all:
            await rm.answer(message["message_id"])
        await rm.is_well()


@row("ORDER-4", "an instruction of another control type than the active one is answered INVALID_CONTENT", source=STATE)
async def test_other_control_type(bench):
    async with bench.negotiated() as rm:
        with leading_there("a control type is in charge"):
            active = await bench.any_charge(rm)
        for other in {FRBC, OMBC, DDBC} - {active}:
            instruction = an_instruction({FRBC: "FRBC", OMBC: "OMBC", DDBC: "DDBC"}[other])
            await rm.must_refuse(instruction)
        await rm.is_well()
        assert not rm.told("InstructionStatusUpdate")


@row("ORDER-5", "an instruction while no control type is active is answered INVALID_CONTENT", source=STATE)
async def test_instruction_without_control_type(bench):
    async with bench.negotiated() as rm:
        await rm.must_refuse(an_instruction())
        await rm.must_take("SelectControlType", control_type=NO_SELECTION)
        await rm.must_refuse(an_instruction())
        await rm.is_well()


@row(
    "ORDER-6",
    "an instruction right behind the selection, before any description, is answered once",
    source=Peer("peers"),
)
async def test_instruction_before_description(bench):
    async with bench.negotiated() as rm:
        offered = rm.details["available_control_types"][0]
        instruction = an_instruction(SHORT.get(offered, "FRBC"))
        selection = await rm.send("SelectControlType", control_type=offered)
        assert (await rm.tell_whole(instruction))["status"] != "OK"
        assert (await rm.answer_to(selection))["status"] == "OK"
        rm.control_type = offered
        await rm.is_well()


@row(
    "ORDER-7",
    "a control type that is not offered is refused, and the one before stays",
    source=House("SelectControlType"),
)
async def test_unsupported_control_type(bench):
    async with bench.negotiated() as rm:
        with leading_there("a control type is in charge"):
            await bench.any_charge(rm)
        for other in {FRBC, OMBC, DDBC} - set(rm.details["available_control_types"]):
            assert (await rm.tell("SelectControlType", control_type=other))["status"] == "INVALID_CONTENT"
        if rm.control_type in (FRBC, OMBC, DDBC):
            order = await rm.instruct(await rm.active_mode(rm.machine()))
            assert (await rm.fate_of(order))[-1] in ("SUCCEEDED", "ABORTED", "REJECTED")


@row("ORDER-8", "what only an RM may say is refused when the CEM says it", source=STATE)
async def test_messages_of_an_rm(bench):
    async with bench.negotiated() as rm:
        details = dict(rm.details) | {"message_id": new_id()}
        await rm.must_refuse(details)
        measurement = {
            "message_type": "PowerMeasurement",
            "message_id": new_id(),
            "measurement_timestamp": "2026-06-01T12:00:00Z",
            "values": [{"commodity_quantity": "ELECTRIC.POWER.L1", "value": 1.0}],
        }
        await rm.must_refuse(measurement)
        await rm.is_well()


@row(
    "ORDER-9",
    "a message that comes twice, with the id it had, is answered both times",
    source=Peer("peers", "that repeat"),
)
async def test_message_twice(bench):
    async with bench.negotiated() as rm:
        message = {"message_type": "SelectControlType", "message_id": new_id(), "control_type": NO_SELECTION}
        for _ in range(2):
            await rm.must_accept(message)
        await rm.is_well()


@row(
    "ORDER-10",
    "SessionRequest is taken while the versions are not settled: RECONNECT and TERMINATE, with Handshake or without",
    source=STATE,
)
async def test_session_request_while_negotiating(bench):
    async with bench.cem() as cem:
        # Of a foreign RM, TERMINATE would have the next row wait.
        for request in ("RECONNECT", "TERMINATE") if bench.is_own else ("RECONNECT",):
            for says_hello in (False, True):
                rm = await cem.joined()
                await rm.expect("Handshake")
                if says_hello:
                    await rm.must_take("Handshake", role="CEM", supported_protocol_versions=["0.0.2-beta", "1.0.0"])
                await rm.must_take("SessionRequest", request=request)
                await rm.has_ended()
                assert [each["message_type"] for each in rm.heard.all] == ["Handshake"]
        await (await cem.joined()).negotiate()


@row(
    "ORDER-11",
    "a revocation while no control type is active is refused for what it names, not for coming when it does",
    source=STATE,
)
async def test_revocation_while_nothing_is_active(own):
    async with own.negotiated() as rm:
        for control_type in ("", NO_SELECTION, NOT_CONTROLABLE):
            if control_type:
                await rm.must_take("SelectControlType", control_type=control_type)
            answer = await rm.tell("RevokeObject", object_type="FRBC.Instruction", object_id=new_id())
            assert answer["status"] == "INVALID_CONTENT"
            assert answer["diagnostic_label"].startswith("REV-")
        await rm.is_well()

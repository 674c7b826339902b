"""Instructions: which are refused, which are rejected, and what becomes of those that are taken."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from .own import ModbusBattery
from .plants import TIMED, by_control_type, home_battery, roof, washer
from .rows import House, Peer, Published, beyond_the_text, leading_there, row
from .test_pebc import envelope
from .test_ppbc import schedule
from .wire import DONE, FRBC, PEBC, PPBC, Order, new_id, soon, time_of

INSTRUCTION = House("FRBC.Instruction")
REVOCATION = House("RevokeObject")
SOON_S = 0.3
PUNCTUAL_S = 5.0
"""Ours shares a process, and perhaps a slow machine, with the suite. In virtual time it is on the dot."""
AHEAD_S = 60.0
AT_ONCE, A_SECOND = 200, 50
"""No more messages than that, which an RM may want to be spared."""
IN_FLIGHT_S = 5.0
"""What was told so long ago a CEM knows."""


@row(
    "INSTR-1",
    "an instruction at factor 0, 0.5 and 1 is accepted, started and succeeds; the device does it",
    source=INSTRUCTION,
)
async def test_factors(own):
    plant = ModbusBattery()
    async with own.in_charge(FRBC, plant) as rm:
        written = [0]
        for mode, factor, power_w in (
            ("charge", 0.0, 0),
            ("charge", 0.5, 2500),
            ("charge", 1.0, 5000),
            ("discharge", 0.0, -4000),
            ("idle", 0.0, 0),
        ):
            assert await rm.fate_of(await rm.instruct(rm.mode(mode), factor)) == DONE, (mode, factor)
            written.append(power_w)
            assert plant.simulator.writes.all == written, "not before it is done"


@row("INSTR-2", "a factor below 0 or above 1 is answered INVALID_CONTENT", source=House("operation_mode_factor"))
async def test_factor_out_of_range(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = rm.machine().modes[0]
        for factor in (-0.01, 1.01, -1e300, 1e300):
            await rm.must_refuse(rm.instruction(mode, factor), f"an instruction with {factor}")
        await rm.is_well()
        assert not rm.told("InstructionStatusUpdate")


@row(
    "INSTR-3",
    "an unknown actuator or operation mode is answered INVALID_CONTENT",
    source=Published("S2 JSON", "ReceptionStatusValues"),
)
async def test_unknown(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = rm.machine().modes[0]
        for changes in ({"actuator_id": new_id()}, {"operation_mode": new_id()}):
            await rm.must_refuse(rm.instruction(mode, **changes), f"an instruction with {changes}")
        await rm.is_well()
        assert not rm.told("InstructionStatusUpdate")


@row(
    "INSTR-4",
    "an instruction id used before is answered INVALID_CONTENT, and changes nothing",
    source=House("Instruction.id"),
)
async def test_duplicate(bench):
    plant = ModbusBattery()
    async with bench.in_charge(FRBC, plant) as rm:
        mode = await rm.elsewhere()
        order = await rm.instruct(mode, 1.0)
        steps = await rm.fate_of(order)
        assert steps[-1] == "SUCCEEDED"
        twin = rm.instruction(await rm.elsewhere(), 0.0, id=order.id)
        await rm.must_refuse(twin)
        assert (await rm.fate_of(await rm.instruct(mode, 0.5)))[-1] == "SUCCEEDED"
        assert rm.steps_of(order) == steps
        if bench.is_own:
            await plant.simulator.written(0, 5000, 2500)


@row(
    "INSTR-5",
    "a mode with no element for the present fill level is refused in the ReceptionStatus",
    source=Peer("certification tool"),
)
async def test_mode_outside_its_band(own):
    async with own.in_charge(FRBC, ModbusBattery(simulator={"soc_percent": 95.0})) as rm:
        await rm.must_refuse(rm.instruction(rm.mode("charge"), 1.0))
        assert await rm.fate_of(await rm.instruct(rm.mode("discharge"), 0.0)) == DONE


@row("INSTR-6", "an execution time in the past is run at once, however long ago", source=Peer("certification tool"))
async def test_past(bench):
    async with bench.in_charge(FRBC) as rm:
        long_ago = datetime.now(UTC) - timedelta(days=30)
        order = await rm.instruct(await rm.elsewhere(), at=long_ago)
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"


@row(
    "INSTR-7",
    "an execution time ahead is waited for, and met within seconds",
    source=Published("S2 JSON", "FRBC.Instruction.execution_time"),
)
async def test_future(bench):
    async with bench.in_charge(FRBC) as rm:
        with leading_there("instructions for later are taken"):
            mode, at = await rm.elsewhere(), soon(SOON_S)
            order = await rm.instruct(mode, at=at)
            later = await rm.instruct(mode, at=soon(3600))
        with beyond_the_text("the first is done"):
            assert (await rm.fate_of(order))[-1] == "SUCCEEDED"
        await rm.is_well()
        assert not {"STARTED", "SUCCEEDED"} & set(rm.steps_of(later)), "started an hour before its time"
        if bench.is_own:
            started = time_of((await rm.reached(order, "STARTED"))["timestamp"])
            assert at <= started < at + timedelta(seconds=PUNCTUAL_S)


@row(
    "INSTR-8",
    "an instruction that is started while one is under way ends that one as ABORTED",
    source=House("instructions that overtake others"),
)
async def test_overtaken(own):
    slow = ModbusBattery(simulator={"ramp_w_per_s": 2500.0})
    async with own.in_charge(FRBC, slow) as rm:
        first = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(first, "STARTED")
        then = await rm.instruct(rm.mode("idle"))
        assert await rm.fate_of(first) == ["ACCEPTED", "STARTED", "ABORTED"]
        assert await rm.fate_of(then) == DONE


@row(
    "INSTR-9",
    "of two for the same instant the later one is done, the other ABORTED",
    source=House("instructions that overtake others"),
    by=["plain", "s2-python"],
)
async def test_same_instant(bench):
    plant = home_battery()
    async with bench.in_charge(FRBC, plant) as rm:
        mode = await rm.elsewhere()
        at = soon(AHEAD_S if bench.is_own else SOON_S)
        first = await rm.instruct(mode, 1.0, at=at)
        then = await rm.instruct(mode, 0.5, at=at)
        if bench.is_own:
            plant.passes(AHEAD_S)
        assert (await rm.fate_of(first))[-1] == "ABORTED"
        assert "STARTED" not in rm.steps_of(first)
        assert (await rm.fate_of(then))[-1] == "SUCCEEDED"
        if bench.is_own:
            await plant.has_written("power_setpoint", 0, 2500)


@row(
    "INSTR-10",
    "a timetable of 24 instructions is held, and a new one replaces it",
    source=Peer("FlexMeasures client"),
    by=["flexmeasures", "plain"],
)
async def test_timetable(bench):
    async with bench.in_charge(FRBC) as rm:
        mode, start = await rm.elsewhere(), soon(3600)
        for _ in range(2):
            slots = [start + timedelta(minutes=15 * number) for number in range(24)]
            sent = [rm.instruction(mode, number / 24, at=at) for number, at in enumerate(slots)]
            for each in sent:
                await rm.send_whole(each)
            for each in sent:
                assert (await rm.answer_to(each["message_id"]))["status"] == "OK"
        await rm.heard.until(
            lambda _: len(rm.told("InstructionStatusUpdate", status_type="ACCEPTED")) >= 48, "all accepted"
        )
        await rm.heard.until(
            lambda _: len(rm.told("InstructionStatusUpdate", status_type="ABORTED")) >= 24, "the first ones replaced"
        )
        assert not rm.told("InstructionStatusUpdate", status_type="STARTED")


@row("INSTR-11", "revoked before its time: it is REVOKED, and not done", source=REVOCATION)
async def test_revoked_before(bench):
    plant = home_battery()
    async with bench.in_charge(FRBC, plant) as rm:
        mode, ahead_s = await rm.elsewhere(), AHEAD_S if bench.is_own else SOON_S
        first = await rm.instruct(mode, 1.0, at=soon(ahead_s))
        then = await rm.instruct(mode, 0.5, at=soon(ahead_s + 0.1))
        assert (await rm.revoke(first))["status"] == "OK"
        if bench.is_own:
            plant.passes(AHEAD_S + 0.1)
        assert (await rm.fate_of(then))[-1] == "SUCCEEDED"
        assert rm.steps_of(first)[-1] == "REVOKED"
        assert "STARTED" not in rm.steps_of(first)
        if bench.is_own:
            await plant.has_written("power_setpoint", 0, 2500)


@row(
    "INSTR-12",
    "revoked while the device is on its way: it is REVOKED, and the device in its default state",
    source=REVOCATION,
)
async def test_revoked_during(own):
    plant = ModbusBattery(simulator={"ramp_w_per_s": 1000.0})
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "STARTED")
        await plant.simulator.written(0, 5000)
        assert (await rm.revoke(order))["status"] == "OK"
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "REVOKED"]
        await plant.simulator.written(0, 5000, 0)


@row(
    "INSTR-13",
    "revoked when it has ended, twice, or never given: INVALID_CONTENT, and nothing changes",
    source=REVOCATION,
)
async def test_revoked_after(bench):
    async with bench.in_charge(FRBC) as rm:
        order = await rm.instruct(await rm.elsewhere())
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"
        assert (await rm.revoke(order))["status"] == "INVALID_CONTENT"
        assert (await rm.revoke(order, object_id=new_id()))["status"] == "INVALID_CONTENT"
        later = await rm.instruct(await rm.active_mode(rm.machine()), at=soon(60))
        assert (await rm.revoke(later))["status"] == "OK"
        assert (await rm.revoke(later))["status"] == "INVALID_CONTENT"
        steps = await rm.fate_of(later)
        assert steps[-1] == "REVOKED"
        assert "STARTED" not in steps


@row(
    "INSTR-14",
    "an instruction can be revoked by its message_id",
    source=Peer("FlexMeasures client"),
    by=["flexmeasures"],
)
async def test_revoked_by_message_id(bench):
    async with bench.in_charge(FRBC) as rm:
        order = await rm.instruct(await rm.elsewhere(), at=soon(60))
        answer = await rm.tell("RevokeObject", object_type="FRBC.Instruction", object_id=order.message_id)
        assert answer["status"] == "OK"
        assert (await rm.fate_of(order))[-1] == "REVOKED"


@row(
    "INSTR-15",
    "what a CEM cannot revoke is refused: descriptions, instructions of other control types",
    source=REVOCATION,
)
async def test_not_revocable(bench):
    async with bench.in_charge(FRBC) as rm:
        for object_type, object_id in (
            ("FRBC.SystemDescription", rm.description["message_id"]),
            ("OMBC.Instruction", new_id()),
            ("PEBC.PowerConstraints", new_id()),
        ):
            answer = await rm.tell("RevokeObject", object_type=object_type, object_id=object_id)
            assert answer["status"] == "INVALID_CONTENT", object_type
        await rm.is_well()


@row(
    "INSTR-16",
    "a thousand instructions that wait are all answered, accepted or rejected, and one is still done",
    source=Peer("peers"),
    by=["plain"],
)
async def test_many(bench):
    async with bench.in_charge(FRBC) as rm:
        mode, start = await rm.elsewhere(), soon(3600)
        sent = [rm.instruction(mode, at=start + timedelta(seconds=number)) for number in range(1000)]
        for number, each in enumerate(sent):
            await rm.send_whole(each)
            if number >= AT_ONCE:
                await asyncio.sleep(1 / A_SECOND)
        for each in sent:
            assert (await rm.answer_to(each["message_id"]))["status"] == "OK"
        await rm.heard.until(lambda heard: len(rm.told("InstructionStatusUpdate")) >= 1000, "all told of", 60.0)
        order = await rm.instruct(mode)
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"


@row(
    "INSTR-17",
    "a number is the same number however it is written: 1, 1.0, 1e0, and 0 below 0",
    source=Published("RFC 8259", "section 6"),
    by=["plain"],
)
async def test_numbers(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = await rm.elsewhere()
        for text in ("1", "1.0", "1e0", "10E-1", "-0.0", "0.500000000000000000001"):
            instruction = rm.instruction(mode, 0.125)
            frame = json.dumps(instruction).replace("0.125", text)
            assert (await rm.send_raw(frame, instruction["message_id"]))["status"] == "OK", text
            order = Order(instruction["id"], instruction["message_id"])
            with beyond_the_text("it is done"):
                assert (await rm.fate_of(order))[-1] == "SUCCEEDED", text


@row(
    "INSTR-18",
    "ids that are no UUIDs are taken, and told back as they came",
    source=House("ID: 2 to 64 of a-z A-Z 0-9 - _ :"),
    by=["plain"],
)
async def test_other_ids(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = await rm.elsewhere()
        for instruction_id in ("a1", "Order:1_of-2", "x" * 64, new_id().upper()):
            order = await rm.instruct(mode, id=instruction_id, message_id=f"m{instruction_id[:63]}")
            assert (await rm.fate_of(order))[-1] == "SUCCEEDED"


@row(
    "INSTR-19",
    "an id names its own instruction, not one that came in a message of that id",
    source=REVOCATION,
    by=["plain"],
)
async def test_revoked_by_id_first(bench):
    async with bench.in_charge(FRBC) as rm:
        mode, shared = await rm.active_mode(rm.machine()), new_id()
        by_message = await rm.instruct(mode, at=soon(60), message_id=shared)
        by_id = await rm.instruct(mode, at=soon(120), id=shared)
        assert (await rm.revoke(by_id))["status"] == "OK"
        assert (await rm.fate_of(by_id))[-1] == "REVOKED"
        assert rm.steps_of(by_message) in ([], ["ACCEPTED"])


@row(
    "INSTR-20",
    "of two whose time came while the RM was busy the later is done, the other ABORTED before it starts",
    source=House("instructions that overtake others"),
    by=["plain", "flexmeasures"],
)
async def test_overtaken_before_start(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        first = await rm.instruct(rm.mode("charge"), 1.0, at=soon(AHEAD_S))
        then = await rm.instruct(rm.mode("charge"), 0.5, at=soon(2 * AHEAD_S))
        plant.passes(3 * AHEAD_S)
        assert await rm.fate_of(then) == DONE
        assert rm.steps_of(first) == ["ACCEPTED", "ABORTED"]
        await plant.has_written("power_setpoint", 0, 2500)


@row(
    "INSTR-21",
    "an owner may have instructions that come too late REJECTED; those in time are done",
    source=House("settings of RMs"),
    by=["plain"],
)
async def test_too_old(own):
    plant = home_battery(max_instruction_age_s=AHEAD_S)
    async with own.in_charge(FRBC, plant) as rm:
        for late_s, fate in ((2 * AHEAD_S, ["REJECTED"]), (0.0, DONE)):
            order = await rm.instruct(rm.mode("charge"), 1.0, at=soon(-late_s))
            assert await rm.fate_of(order) == fate, late_s
        ahead = await rm.instruct(rm.mode("idle"), at=soon(AHEAD_S))
        plant.passes(AHEAD_S)
        assert await rm.fate_of(ahead) == DONE
        await plant.has_written("power_setpoint", 0, 5000, 0)


@by_control_type
@row(
    "INSTR-22",
    "under each control type a time in the past is run at once, however long ago",
    source=Peer("certification tool"),
    by=["plain", "certification"],
)
async def test_past_under_each(own, control_type):
    async with own.in_charge(control_type, (TIMED | {PEBC: roof, PPBC: washer})[control_type]()) as rm:
        long_ago = (datetime.now(UTC) - timedelta(days=30)).isoformat()
        assert await rm.fate_of(await rm.give(await any_instruction(rm, long_ago))) == DONE


@by_control_type
@row(
    "INSTR-23",
    "under each control type times at the ends of the calendar are answered, and break nothing",
    source=House("RFC 3339"),
    by=["plain"],
)
async def test_ends_of_the_calendar_under_each(own, control_type):
    async with own.in_charge(control_type, (TIMED | {PEBC: roof, PPBC: washer})[control_type]()) as rm:
        for at in ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00"):
            answer = await rm.tell_whole(await any_instruction(rm, at))
            assert answer["status"] in ("OK", "INVALID_CONTENT", "INVALID_MESSAGE"), at
        await rm.is_well()


@row(
    "INSTR-24",
    "a mode that fitted the level told last but one is well received, and REJECTED: the CEM cannot have known",
    source=Peer("FlexMeasures client", "plans while the level moves"),
    by=["plain", "flexmeasures"],
)
async def test_level_moves_in_flight(own):
    plant = home_battery(values={"soc": 94.0, "power": 0.0})
    async with own.in_charge(FRBC, plant) as rm:
        await rm.expect("FRBC.StorageStatus", present_fill_level=94.0)
        order = rm.instruction(rm.mode("charge"), 1.0)
        plant.shows(soc=99.0)
        await rm.expect("FRBC.StorageStatus", present_fill_level=99.0)
        assert await rm.fate_of(await rm.give(order)) == ["REJECTED"]
        plant.passes(IN_FLIGHT_S)
        await rm.must_refuse(rm.instruction(rm.mode("charge"), 1.0))
        await rm.is_well()


@row(
    "INSTR-25",
    "ids that are UUIDs are the same in capital letters, and are told back as they came",
    source=House("RFC 9562, section 4"),
    by=["plain", "s2-python"],
)
async def test_capital_ids(own):
    async with own.in_charge(FRBC, ModbusBattery()) as rm:
        capital = {"operation_mode": rm.mode("charge").upper(), "id": new_id().upper()}
        order = await rm.instruct(rm.mode("charge"), actuator_id=rm.machine().scope["actuator_id"].upper(), **capital)
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"
        later = await rm.instruct(rm.mode("idle"), at=soon(60))
        answer = await rm.tell("RevokeObject", object_type="FRBC.Instruction", object_id=later.id.upper())
        assert answer["status"] == "OK"
        assert (await rm.fate_of(later))[-1] == "REVOKED"


async def any_instruction(rm, execution_time):
    """One that can be followed, whatever is in charge."""
    if rm.control_type == PEBC:
        return envelope(rm, (3_600_000, -1000, 0), execution_time=execution_time)
    if rm.control_type == PPBC:
        return schedule(rm, "wash", "quick", execution_time=execution_time)
    return rm.instruction(await rm.elsewhere(), execution_time=execution_time)

"""What is told of an instruction from beginning to end."""

from .plants import home_battery
from .rows import House, Peer, Published, leading_there, row
from .wire import DONE, FRBC, soon, time_of


@row(
    "LIFE-1",
    "NEW if told, ACCEPTED, STARTED, SUCCEEDED: each once, in that order, and never back in time",
    source=House("InstructionStatus"),
)
async def test_life(bench):
    async with bench.in_charge(FRBC) as rm:
        order = await rm.instruct(await rm.elsewhere())
        await rm.fate_of(order)
        updates = rm.told("InstructionStatusUpdate", instruction_id=order.id)
        steps = list(dict.fromkeys(each["status_type"] for each in updates))
        assert steps == [each for each in ("NEW", *DONE) if each in steps]
        told = [time_of(each["timestamp"]) for each in updates]
        assert told == sorted(told)


@row("LIFE-2", "an instruction that has ended is told of no more", source=House("InstructionStatus"))
async def test_nothing_after_the_end(bench):
    async with bench.in_charge(FRBC) as rm:
        first = await rm.instruct(await rm.elsewhere())
        steps = await rm.fate_of(first)
        then = await rm.instruct(await rm.elsewhere())
        await rm.fate_of(then)
        await rm.must_take("SelectControlType", control_type="NO_SELECTION")
        assert rm.steps_of(first) == steps


@row(
    "LIFE-3",
    "asked to, the RM tells nothing of an instruction but how it ends",
    source=Peer("certification tool"),
    by=["certification"],
)
async def test_final_only(own):
    plant = home_battery(updates="final")
    async with own.in_charge(FRBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == ["SUCCEEDED"]
        later = await rm.instruct(rm.mode("idle"), at=soon(60))
        assert (await rm.revoke(later))["status"] == "OK"
        assert await rm.fate_of(later) == ["REVOKED"]
        plant.refuses()
        assert await rm.fate_of(await rm.instruct(rm.mode("idle"))) == ["ABORTED"]
        plant.is_lost()
        await plant.has_logged("device.unreachable")
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == ["REJECTED"]


@row(
    "LIFE-4",
    "updates are about the id of the instruction, never its message_id",
    source=Published("S2 JSON", "InstructionStatusUpdate.instruction_id"),
)
async def test_updates_name_the_instruction(bench):
    async with bench.in_charge(FRBC) as rm:
        order = await rm.instruct(await rm.elsewhere())
        with leading_there("what becomes of an instruction is told"):
            await rm.expect("InstructionStatusUpdate")
        assert {each["instruction_id"] for each in rm.told("InstructionStatusUpdate")} == {order.id}


@row("LIFE-5", "an instruction for what is done already succeeds too", source=Peer("peers"))
async def test_done_already(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = await rm.elsewhere()
        for _ in range(2):
            assert (await rm.fate_of(await rm.instruct(mode, 0.5)))[-1] == "SUCCEEDED"

"""Power Profile Based Control."""

from dataclasses import replace

from .plants import WASH_S, washer
from .rows import House, Published, row
from .wire import DONE, PPBC, new_id, soon

SEQUENCES = House("PPBC")
AHEAD_S = 60.0
DRYING_S = 600.0
LONGEST_PAUSE_S = 900.0
"""Before drying."""


def order(rm, kind, container, sequence, *, after_s=0.0, **changes):
    """`ScheduleInstruction`, `StartInterruptionInstruction` or `EndInterruptionInstruction`."""
    known = {
        "message_type": f"PPBC.{kind}",
        "message_id": new_id(),
        "id": new_id(),
        "power_profile_id": rm.description["id"],
        "sequence_container_id": container,
        "power_sequence_id": sequence,
        "execution_time": soon(after_s).isoformat(),
        "abnormal_condition": False,
    }
    return known | changes


def schedule(rm, container, sequence, **changes):
    return order(rm, "ScheduleInstruction", container, sequence, **changes)


async def told(rm, container, status):
    """The first profile status in which *container* has *status*."""

    def has_it(message):
        return any(
            (each["sequence_container_id"], each["status"]) == (container, status)
            for each in message["sequence_container_status"]
        )

    return await rm.expect("PPBC.PowerProfileStatus", has_it)


@row("PPBC-1", "the profile and a status of every container come once PPBC is selected", source=SEQUENCES, by=["plain"])
async def test_definition(bench):
    async with bench.in_charge(PPBC) as rm:
        status = await rm.expect("PPBC.PowerProfileStatus")
        containers = [each["id"] for each in rm.description["power_sequences_containers"]]
        assert [each["sequence_container_id"] for each in status["sequence_container_status"]] == containers


@row(
    "PPBC-2",
    "a sequence that is scheduled is told as SCHEDULED, EXECUTING and FINISHED, and done",
    source=SEQUENCES,
    by=["plain"],
)
async def test_schedule(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        given = await rm.give(schedule(rm, "wash", "quick", after_s=AHEAD_S))
        await told(rm, "wash", "SCHEDULED")
        plant.passes(AHEAD_S)
        assert await rm.fate_of(given) == DONE
        await told(rm, "wash", "EXECUTING")
        plant.passes(WASH_S)
        await told(rm, "wash", "FINISHED")
        await plant.has_written("task", "nothing", "run wash quick", "nothing")


@row(
    "PPBC-3",
    "a sequence is interrupted and goes on again",
    source=House("PPBC.*InterruptionInstruction"),
    by=["plain"],
)
async def test_interruption(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        assert await rm.fate_of(await rm.give(schedule(rm, "wash", "quick"))) == DONE
        pause = await rm.give(order(rm, "StartInterruptionInstruction", "wash", "quick"))
        assert await rm.fate_of(pause) == DONE
        await told(rm, "wash", "INTERRUPTED")
        resume = await rm.give(order(rm, "EndInterruptionInstruction", "wash", "quick"))
        assert await rm.fate_of(resume) == DONE
        await told(rm, "wash", "EXECUTING")
        assert plant.written("task") == ["nothing", "run wash quick", "pause wash quick", "resume wash quick"]


@row(
    "PPBC-4",
    "what is not interruptible, for abnormal conditions only, or comes too early is REJECTED",
    source=SEQUENCES,
    by=["plain"],
)
async def test_rejected(own):
    async with own.in_charge(PPBC, washer()) as rm:
        for wrong in (
            schedule(rm, "wash", "boost"),
            schedule(rm, "dry", "hot"),
            schedule(rm, "wash", "quick", after_s=5 * 3600),
            order(rm, "StartInterruptionInstruction", "wash", "quick"),
        ):
            assert await rm.fate_of(await rm.give(wrong)) == ["REJECTED"], wrong
        assert await rm.fate_of(await rm.give(schedule(rm, "wash", "eco"))) == DONE
        pause = order(rm, "StartInterruptionInstruction", "wash", "eco")
        assert await rm.fate_of(await rm.give(pause)) == ["REJECTED"]


@row(
    "PPBC-5",
    "an unknown profile, container or sequence is answered INVALID_CONTENT",
    source=Published("S2 JSON", "ReceptionStatusValues"),
    by=["plain"],
)
async def test_unknown(bench):
    async with bench.in_charge(PPBC) as rm:
        container = rm.description["power_sequences_containers"][0]
        known = schedule(rm, container["id"], container["power_sequences"][0]["id"])
        for name in ("power_profile_id", "sequence_container_id", "power_sequence_id"):
            wrong = known | {"message_id": new_id(), name: new_id()}
            await rm.must_refuse(wrong, f"an instruction with {name}")
        await rm.is_well()


@row(
    "PPBC-6",
    "what is scheduled can be revoked before and while it runs, and then it is not done",
    source=House("RevokeObject"),
    by=["plain", "flexmeasures"],
)
async def test_revoked(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        later = await rm.give(schedule(rm, "wash", "quick", after_s=60))
        assert (await rm.revoke(later, "PPBC.ScheduleInstruction"))["status"] == "OK"
        assert await rm.fate_of(later) == ["ACCEPTED", "REVOKED"]
        await told(rm, "wash", "NOT_SCHEDULED")
        now = await rm.give(schedule(rm, "wash", "quick"))
        assert await rm.fate_of(now) == DONE
        assert (await rm.revoke(now, "PPBC.ScheduleInstruction"))["status"] == "OK"
        await told(rm, "wash", "ABORTED")
        await plant.has_written("task", "nothing", "run wash quick", "nothing")


@row("PPBC-7", "a sequence scheduled anew replaces the one that waited", source=SEQUENCES, by=["plain"])
async def test_replaced(own):
    async with own.in_charge(PPBC, washer()) as rm:
        first = await rm.give(schedule(rm, "wash", "quick", after_s=60))
        then = await rm.give(schedule(rm, "wash", "eco", after_s=30))
        assert await rm.fate_of(first) == ["ACCEPTED", "ABORTED"]
        await rm.reached(then, "ACCEPTED")


@row(
    "PPBC-8",
    "a profile that is withdrawn is revoked, and what was to be done of it ABORTED",
    source=House("RevokeObject"),
    by=["plain"],
)
async def test_withdrawn(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        later = await rm.give(schedule(rm, "wash", "quick", after_s=60))
        await rm.reached(later, "ACCEPTED")
        plant.built.task = replace(plant.built.task, id="dishes-2")
        revocation = await rm.expect("RevokeObject", object_type="PPBC.PowerProfileDefinition")
        assert revocation["object_id"] == rm.description["id"]
        assert (await rm.expect("PPBC.PowerProfileDefinition"))["id"] == "dishes-2"
        assert await rm.fate_of(later) == ["ACCEPTED", "ABORTED"]


@row(
    "PPBC-9",
    "hardware that refuses a sequence: the instruction and the sequence are ABORTED",
    source=SEQUENCES,
    by=["plain"],
)
async def test_refused(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        plant.refuses()
        given = await rm.give(schedule(rm, "wash", "quick"))
        assert await rm.fate_of(given) == ["ACCEPTED", "STARTED", "ABORTED"]
        await told(rm, "wash", "ABORTED")


@row(
    "PPBC-10",
    "a sequence scheduled for the end of the calendar is turned down, and the session goes on",
    source=House("RFC 3339"),
    by=["plain"],
)
async def test_end_of_the_calendar(bench):
    async with bench.in_charge(PPBC) as rm:
        container = rm.description["power_sequences_containers"][0]
        for text in ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z"):
            late = schedule(rm, container["id"], container["power_sequences"][0]["id"], execution_time=text)
            assert await rm.is_turned_down(late), text
        await rm.is_well()


@row(
    "PPBC-11",
    "a schedule is not revoked as an interruption",
    source=House("RevokeObject.object_type"),
    by=["plain"],
)
async def test_revoked_as_another_type(own):
    async with own.in_charge(PPBC, washer()) as rm:
        given = await rm.give(schedule(rm, "wash", "quick", after_s=60))
        for kind in ("PPBC.StartInterruptionInstruction", "PPBC.EndInterruptionInstruction"):
            assert (await rm.revoke(given, kind))["status"] == "INVALID_CONTENT", kind
        assert (await rm.revoke(given, "PPBC.ScheduleInstruction"))["status"] == "OK"
        assert await rm.fate_of(given) == ["ACCEPTED", "REVOKED"]


def progress_s(status, container):
    """How far *container* has got, by a profile status."""
    (told,) = [each for each in status["sequence_container_status"] if each["sequence_container_id"] == container]
    return told["progress"] / 1000


@row(
    "PPBC-12",
    "a sequence that would begin later after the one before it than it may is REJECTED, one in time is done",
    source=House("PPBC.PowerSequence.max_pause_before"),
    by=["plain"],
)
async def test_longest_pause(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        assert await rm.fate_of(await rm.give(schedule(rm, "wash", "quick"))) == DONE
        too_late = schedule(rm, "dry", "hot", after_s=WASH_S + LONGEST_PAUSE_S + 300)
        assert await rm.fate_of(await rm.give(too_late)) == ["REJECTED"]
        in_time = await rm.give(schedule(rm, "dry", "hot", after_s=WASH_S + LONGEST_PAUSE_S - 300))
        await told(rm, "dry", "SCHEDULED")
        plant.passes(WASH_S)
        await told(rm, "wash", "FINISHED")
        plant.passes(LONGEST_PAUSE_S - 300)
        assert await rm.fate_of(in_time) == DONE
        plant.passes(DRYING_S)
        await told(rm, "dry", "FINISHED")
        await plant.has_written("task", "nothing", "run wash quick", "nothing", "run dry hot", "nothing")


@row(
    "PPBC-13",
    "progress is told in time run, pauses do not count, and the sequence ends so much later",
    source=House("PPBC.PowerSequenceContainerStatus.progress"),
    by=["plain"],
)
async def test_progress(own):
    plant = washer()
    third_s = WASH_S / 3
    async with own.in_charge(PPBC, plant) as rm:
        assert await rm.fate_of(await rm.give(schedule(rm, "wash", "quick"))) == DONE
        plant.passes(third_s)
        pause = order(rm, "StartInterruptionInstruction", "wash", "quick")
        assert await rm.fate_of(await rm.give(pause)) == DONE
        paused = progress_s(await told(rm, "wash", "INTERRUPTED"), "wash")
        assert third_s <= paused < 2 * third_s
        plant.passes(2 * third_s)
        resume = order(rm, "EndInterruptionInstruction", "wash", "quick")
        assert await rm.fate_of(await rm.give(resume)) == DONE
        resumed = progress_s(await told(rm, "wash", "EXECUTING"), "wash")
        assert paused <= resumed < 2 * third_s
        plant.passes(third_s)
        await plant.is_read()
        await rm.tell("RevokeObject", object_type="PPBC.ScheduleInstruction", object_id="nothing")
        assert "FINISHED" not in str(rm.told("PPBC.PowerProfileStatus"))
        plant.passes(WASH_S - third_s - resumed)
        assert progress_s(await told(rm, "wash", "FINISHED"), "wash") == WASH_S


@row(
    "PPBC-14",
    "an interruption that is revoked is over: the sequence goes on, and no word of ABORTED",
    source=House("RevokeObject"),
    by=["plain"],
)
async def test_interruption_revoked(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        assert await rm.fate_of(await rm.give(schedule(rm, "wash", "quick"))) == DONE
        later = await rm.give(order(rm, "StartInterruptionInstruction", "wash", "quick", after_s=AHEAD_S))
        assert (await rm.revoke(later, "PPBC.StartInterruptionInstruction"))["status"] == "OK"
        assert await rm.fate_of(later) == ["ACCEPTED", "REVOKED"]
        plant.passes(AHEAD_S)
        await plant.is_read()
        plant.hardware.follows.clear()
        pause = await rm.give(order(rm, "StartInterruptionInstruction", "wash", "quick"))
        await rm.reached(pause, "STARTED")
        assert (await rm.revoke(pause, "PPBC.StartInterruptionInstruction"))["status"] == "OK"
        assert await rm.fate_of(pause) == ["ACCEPTED", "STARTED", "REVOKED"]
        await plant.has_written("task", "nothing", "run wash quick", "pause wash quick", "resume wash quick")
        assert "ABORTED" not in str(rm.told("PPBC.PowerProfileStatus"))


@row(
    "PPBC-15",
    "what runs when a session ends runs on, and the next session is told how far it has got",
    source=House("PPBC"),
    by=["plain"],
)
async def test_next_session(own):
    plant = washer()
    async with own.cem(plant) as cem:
        rm = await own.joined(cem, PPBC)
        assert await rm.fate_of(await rm.give(schedule(rm, "wash", "quick"))) == DONE
        plant.passes(WASH_S / 3)
        rm.break_off()
        rm = await own.joined(cem, PPBC)
        assert WASH_S / 3 <= progress_s(await told(rm, "wash", "EXECUTING"), "wash") < WASH_S
        plant.passes(WASH_S)
        await told(rm, "wash", "FINISHED")
        await plant.has_written("task", "nothing", "run wash quick", "nothing")


@row(
    "PPBC-16",
    "when a sequence is given up, what was to follow it is ABORTED too",
    source=House("PPBC.PowerProfileDefinition: containers run one after the other"),
    by=["plain"],
)
async def test_followers(own):
    plant = washer()
    async with own.in_charge(PPBC, plant) as rm:
        wash = await rm.give(schedule(rm, "wash", "quick"))
        assert await rm.fate_of(wash) == DONE
        drying = await rm.give(schedule(rm, "dry", "hot", after_s=WASH_S))
        await rm.reached(drying, "ACCEPTED")
        assert (await rm.revoke(wash, "PPBC.ScheduleInstruction"))["status"] == "OK"
        assert await rm.fate_of(drying) == ["ACCEPTED", "ABORTED"]
        plant.passes(WASH_S)
        await plant.is_read()
        await plant.has_written("task", "nothing", "run wash quick", "nothing")


@row(
    "PPBC-17",
    "a profile that is withdrawn while it runs, or gone for good, is ended on the device and revoked",
    source=House("RevokeObject"),
    by=["plain"],
)
async def test_withdrawn_while_it_runs(own):
    for successor in ("dishes-2", None):
        plant = washer()
        async with own.in_charge(PPBC, plant) as rm:
            assert await rm.fate_of(await rm.give(schedule(rm, "wash", "quick"))) == DONE
            plant.built.task = replace(plant.built.task, id=successor) if successor else None
            revocation = await rm.expect("RevokeObject", object_type="PPBC.PowerProfileDefinition")
            assert revocation["object_id"] == rm.description["id"]
            await plant.has_written("task", "nothing", "run wash quick", "nothing")
            late = schedule(rm, "wash", "quick")
            assert await rm.is_turned_down(late)

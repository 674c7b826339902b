"""How sessions begin and end, and what comes after."""

import asyncio
import gc
import sys
from collections import Counter
from itertools import pairwise

import pytest

from s2d.backoff import Backoff
from s2d.s2.messages.common import SelectControlType
from s2d.service.link import BACKOFF
from tests.chronicle import PATIENCE_S
from tests.core.stage import FRBC as OUR_FRBC
from tests.core.stage import Stage
from tests.fakes import pass_s
from tests.system.certificates import authority, server_context

from .own import ModbusBattery
from .plants import heat_pump, home_battery, pump_with_tank
from .rows import House, Peer, Published, beyond_the_text, leading_there, row
from .test_certification import settled
from .wire import DESCRIPTION, FRBC, NO_SELECTION, OMBC, soon

QUIET_S = 0.3
AHEAD_S = 30.0
RARELY_S = 600.0
PINGS_AT_LEAST_S = 50.0
NOTICES_WITHIN_S = 90.0
SOON_S = 1.5
LATE_S = 29.0
RETURNS_WITHIN_S = 61.0
TRIES = 60
RECONNECTS = 30
RECONNECTS_OF_THE_CORE = 10_000
SELECTIONS = 50


in_virtual_time = pytest.mark.virtual_time
"""For rows about waits of the RM itself: a minute is over in no time, and nothing else is different."""


def patient_battery(**changes):
    """One that is asked seldom, and whose RM takes its time to come back as the daemon does."""
    plant = home_battery(poll_s=RARELY_S, **changes)
    plant.backoff = BACKOFF
    return plant


def now_s():
    return asyncio.get_running_loop().time()


@row(
    "SESSION-1",
    "SessionRequest RECONNECT is answered OK, the RM leaves and comes back",
    source=Published("S2 JSON", "SessionRequestType"),
)
async def test_reconnect(bench):
    async with bench.cem() as cem:
        with leading_there("it introduces itself"):
            rm = await cem.joined()
            await rm.negotiate()
        asked = await rm.send("SessionRequest", request="RECONNECT")
        await rm.has_ended(cem.joins_within_s)
        await (await cem.joined()).expect("Handshake")
        with beyond_the_text("it answers before it leaves"):
            assert (await rm.answer_to(asked))["status"] == "OK"


@row(
    "SESSION-2", "SessionRequest TERMINATE is answered OK before the connection ends", source=Peer("certification tool")
)
async def test_terminate(bench):
    async with bench.negotiated() as rm:
        await rm.must_take("SessionRequest", request="TERMINATE")
        await rm.has_ended()
        assert rm.close_code in (1000, 1001, 1005)


@row(
    "SESSION-3",
    "a CEM that leaves right after TERMINATE breaks nothing",
    source=Peer("certification tool"),
    by=["plain", "certification"],
)
async def test_terminate_and_leave(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        await rm.send("SessionRequest", request="TERMINATE")
        await rm.close()
        await plant.has_written("resource", "off 0", "on 0", "off 0")
        await plant.has_logged("session.closed")
        assert "link.lost" not in plant.log.events()


@row(
    "SESSION-4",
    "after TERMINATE the device is in its default state, and what waited is not done",
    source=House("session"),
    by=["plain", "certification"],
)
async def test_terminate_makes_safe(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0))
        later = await rm.instruct(rm.mode("charge"), 0.5, at=soon(AHEAD_S))
        await rm.reached(later, "ACCEPTED")
        await rm.must_take("SessionRequest", request="TERMINATE")
        await rm.has_ended()
        plant.passes(AHEAD_S)
        await plant.is_read()
        await plant.has_written("power_setpoint", 0, 5000, 0)


@row("SESSION-5", "a CEM that crashes is found again, and what the device does goes on meanwhile", source=Peer("peers"))
async def test_crash(own):
    plant = home_battery()
    async with own.cem(plant) as cem:
        rm = await own.ordered(cem)
        rm.break_off()
        rm = await own.joined(cem, FRBC)
        assert await rm.active_mode(rm.machine()) == rm.mode("charge")
        assert plant.written("power_setpoint")[-1] == 5000


@row(
    "SESSION-6",
    "with nobody in charge for a while the device is brought to its default state",
    source=House("who is in charge"),
    by=["plain"],
)
async def test_fallback(own):
    plant = home_battery(fallback_after_s=AHEAD_S)
    async with own.cem(plant) as cem:
        rm = await own.ordered(cem)
        cem.turns_away_with = 503
        rm.break_off()
        await plant.has_logged("session.closed")
        assert plant.written("power_setpoint") == [0, 5000]
        plant.passes(AHEAD_S)
        await plant.has_written("power_setpoint", 0, 5000, 0)


@row(
    "SESSION-7",
    "nothing of a session lives on: what waited in one is not known in the next",
    source=House("session"),
    by=["plain", "certification"],
)
async def test_forgotten(own):
    plant = home_battery()
    async with own.cem(plant) as cem:
        rm = await own.joined(cem, FRBC)
        later = await rm.instruct(rm.mode("charge"), 1.0, at=soon(AHEAD_S))
        await rm.reached(later, "ACCEPTED")
        rm.break_off()
        rm = await own.joined(cem, FRBC)
        assert (await rm.revoke(later))["status"] == "INVALID_CONTENT"
        plant.passes(AHEAD_S)
        await plant.is_read()
        assert 5000 not in plant.written("power_setpoint")


@row(
    "SESSION-8",
    "a CEM that says nothing for a while, because its other side is missing, is waited for",
    source=Peer("message analysers"),
)
async def test_silent_cem(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        await rm.expect("Handshake")
        await asyncio.sleep(QUIET_S)
        assert not rm.ended.is_set()
        await rm.must_take("Handshake", role="CEM")


@row("SESSION-9", "pings are answered", source=Published("RFC 6455", "section 5.5.2"))
async def test_ping(bench):
    async with bench.negotiated() as rm:
        async with asyncio.timeout(PATIENCE_S):
            await rm.ping()


@row("SESSION-10", "an RM has one connection at a time", source=Peer("Victron", "one CEM per RM"))
async def test_one_connection(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        await rm.negotiate()
        await asyncio.sleep(QUIET_S)
        assert len([each for each in cem.rms.all if not each.ended.is_set()]) == 1


@row(
    "SESSION-11",
    "an RM that stops says TERMINATE, and leaves the device in its default state",
    source=House("SessionRequest"),
)
async def test_farewell(own):
    plant = ModbusBattery()
    async with own.in_charge(FRBC, plant) as rm:
        later = await rm.instruct(rm.mode("charge"), 1.0, at=soon(60))
        await rm.reached(later, "ACCEPTED")
        plant.stopping.set()
        await rm.expect("SessionRequest", request="TERMINATE")
        await rm.has_ended()
        assert await rm.fate_of(later) == ["ACCEPTED", "ABORTED"]
        assert plant.simulator.writes.all[-1] == 0


@in_virtual_time
@row(
    "SESSION-12",
    "a bearer token is borne, and an RM that is refused does not come again at once",
    source=House("S2 Connect"),
    by=["plain"],
)
async def test_bearer_token(own, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with own.cem(home_battery(token_file=token)) as cem:
        rm = await cem.joined()
        assert rm.request.headers["Authorization"] == "Bearer s3cret"
    patient = home_battery(token_file=token)
    patient.backoff = Backoff(first_s=0.02, most_s=60.0)
    async with own.cem(patient, turns_away_with=401) as cem:
        await cem.requests.next()
        await asyncio.sleep(QUIET_S)
        assert len(cem.requests.all) == 1


@in_virtual_time
@row(
    "SESSION-13",
    "who is turned away comes back soon, then ever less often but at least once a minute, and for ever",
    source=House("S2 Connect"),
    by=["plain"],
)
async def test_backoff(own):
    async with own.cem(patient_battery(), turns_away_with=503) as cem:
        for attempt in range(TRIES):
            await cem.requests.next()
            since_s = now_s()
            await cem.requests.until(lambda tried, n=attempt: len(tried) > n + 1, "another try", 3600.0)
            assert now_s() - since_s <= min(2.0**attempt, RETURNS_WITHIN_S) + 0.1
        cem.joins_within_s = RETURNS_WITHIN_S
        cem.turns_away_with = None
        await (await cem.joined()).negotiate()
    assert [BACKOFF.ceiling_s(attempt) for attempt in (0, 1, 5, 6, 10_000)] == [1.0, 2.0, 32.0, 60.0, 60.0]


@row("SESSION-14", "many sessions leave no task and no memory behind", source=Peer("peers"), by=["plain"])
async def test_nothing_is_left(own):
    async with own.cem(home_battery()) as cem:
        before = None
        for number in range(RECONNECTS):
            rm = await own.joined(cem, FRBC)
            if number in (RECONNECTS // 2, RECONNECTS - 1):
                for _ in range(2):  # then nothing is on its way, in either direction
                    await settled(rm)
                gc.collect()
                kept = Counter(type(each).__name__ for each in gc.get_objects() if _is_of_the_rm(each))
                counts = len(asyncio.all_tasks()), kept
                before = before or counts
            await rm.must_take("SessionRequest", request="RECONNECT")
            await rm.has_ended()
        assert counts == before


@row(
    "SESSION-15",
    "several control types can be selected one after the other in one session",
    source=Peer("certification tool", "9.2.3"),
    by=["plain", "certification"],
)
async def test_every_control_type(bench):
    async with bench.negotiated(pump_with_tank()) as rm:
        offered = rm.details["available_control_types"]
        for control_type in [*offered, *reversed(offered), NO_SELECTION, *offered]:
            await rm.select(control_type)
            if control_type in DESCRIPTION:
                await rm.expect(DESCRIPTION[control_type])
        await rm.is_well()


@row(
    "SESSION-16",
    "selecting another control type ends what was ordered under the one before",
    source=House("SelectControlType"),
    by=["plain"],
)
async def test_deselection(own):
    plant = pump_with_tank()
    async with own.in_charge(OMBC, plant) as rm:
        done = await rm.instruct("on")
        assert (await rm.fate_of(done))[-1] == "SUCCEEDED"
        later = await rm.instruct("off", at=soon(60))
        await rm.reached(later, "ACCEPTED")
        await rm.take_charge(FRBC)
        assert await rm.fate_of(later) == ["ACCEPTED", "ABORTED"]
        await plant.has_written("resource", "off 0", "on 0", "off 0")
        assert (await rm.revoke(later, "OMBC.Instruction"))["status"] == "INVALID_CONTENT"


@row(
    "SESSION-17",
    "a CEM that does not read for a while is obeyed meanwhile, and then finds every answer, in order",
    source=Peer("peers"),
    by=["plain"],
)
async def test_slow_reader(bench):
    if bench.is_of_a_kind:
        pytest.skip("what piles up in the kernel takes its time, which virtual time does not know")
    plant = ModbusBattery()
    async with bench.in_charge(FRBC, plant) as rm:
        mode = await rm.elsewhere()
        with rm.not_reading():
            asked = [await rm.send_whole(rm.instruction(mode, 1.0))]
            if bench.is_own:
                await plant.simulator.writes.until(lambda writes: len(writes) > 1, "the instruction done")
            for _ in range(SELECTIONS):
                for control_type in (NO_SELECTION, FRBC):
                    asked.append(await rm.send("SelectControlType", control_type=control_type))
        await rm.answer_to(asked[-1])
        answers = [each["subject_message_id"] for each in rm.frames if each["message_type"] == "ReceptionStatus"]
        assert answers[-len(asked) :] == asked
        await rm.is_well()


@in_virtual_time
@row(
    "SESSION-18",
    "after RECONNECT the RM is back at once, after TERMINATE not for half a minute, and then it is",
    source=House("SessionRequest"),
    by=["plain", "certification"],
)
async def test_soon_or_late(own):
    async with own.cem(patient_battery()) as cem:
        cem.joins_within_s = 3600.0
        rm = await cem.joined()
        for request, least_s, most_s in (
            ("RECONNECT", 0.0, SOON_S),
            ("TERMINATE", LATE_S, RETURNS_WITHIN_S),
            ("RECONNECT", 0.0, SOON_S),
        ):
            await rm.negotiate()
            await rm.must_take("SessionRequest", request=request)
            await rm.has_ended()
            since_s = now_s()
            rm = await cem.joined()
            assert least_s <= now_s() - since_s <= most_s, request
        assert len(cem.requests.all) == 4


@in_virtual_time
@row(
    "SESSION-19",
    "a connection that is dead and does not know it is noticed, and the device not left alone with its orders",
    source=House("S2 Connect, keepalive"),
    by=["plain"],
)
async def test_half_open(own):
    plant = patient_battery(fallback_after_s=AHEAD_S)
    async with own.cem(plant) as cem:
        cem.joins_within_s = 3600.0
        rm = await own.ordered(cem)
        cem.turns_away_with = 503
        since_s = now_s()
        with rm.not_reading():
            await plant.has_logged("session.closed", 3600.0)
            assert now_s() - since_s <= NOTICES_WITHIN_S
            await plant.has_written("power_setpoint", 0, 5000, 0)
            assert now_s() - since_s <= NOTICES_WITHIN_S + AHEAD_S
            cem.turns_away_with = None
            again = await cem.joined()
            await again.negotiate()


@in_virtual_time
@row(
    "SESSION-20",
    "an RM pings, no more often than every 50 s, and stays with a CEM that answers",
    source=House("S2 Connect, keepalive"),
    by=["plain", "victron"],
)
async def test_pings(own):
    async with own.cem(patient_battery()) as cem:
        rm = await own.joined(cem, FRBC)
        await pass_s(10 * PINGS_AT_LEAST_S)
        await rm.is_well()
        assert len(rm.pinged_at) >= 5
        assert all(later - earlier >= PINGS_AT_LEAST_S for earlier, later in pairwise(rm.pinged_at))


@in_virtual_time
@row(
    "SESSION-21",
    "ten minutes of silence before the first Handshake are waited out",
    source=Peer("message analysers"),
    by=["plain", "s2-python"],
)
async def test_long_silence(own):
    async with own.cem(patient_battery()) as cem:
        rm = await cem.joined()
        await rm.heard.until(bool, "its Handshake")
        await pass_s(600.0)
        assert not rm.ended.is_set()
        await rm.negotiate()


@row(
    "SESSION-22",
    "a CEM whose certificate nobody vouches for is told nothing; one that is vouched for is served",
    source=House("S2 Connect: wss"),
    by=["plain"],
)
async def test_certificates(own, tmp_path):
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    plant = home_battery(ca_file=ours)
    async with own.cem(plant, ssl=server_context(theirs)) as cem:
        await plant.has_logged("link.denied")
        (denied,) = [line for line in plant.log.lines if line["event"] == "link.denied"]
        assert "no trust" in denied["reason"]
        assert not cem.requests.all
    async with own.cem(home_battery(ca_file=ours), ssl=server_context(ours)) as cem:
        await (await cem.joined()).negotiate()


@row(
    "SESSION-23",
    f"{RECONNECTS_OF_THE_CORE} sessions, each with an instruction that waits, leave no memory behind",
    source=Peer("peers"),
    by=["plain"],
    virtual=True,
)
def test_sessions_without_number():
    stage = Stage()
    stage.measured(soc=50.0, power=0.0)
    before = 0
    for number in range(RECONNECTS_OF_THE_CORE):
        if number == RECONNECTS_OF_THE_CORE // 10:
            before = _memory_blocks()
        stage.negotiated()
        stage.heard(*stage.hears(SelectControlType(message_id="select", control_type=OUR_FRBC)))
        stage.heard(*stage.hears(stage.instruction("later", stage.charge, 1.0, after_s=60.0)))
        stage.left()
        stage.said.clear()
    assert _memory_blocks() - before < RECONNECTS_OF_THE_CORE // 10


@row(
    "SESSION-24",
    "who selects another control type than was active when the last session broke off finds the default state",
    source=House("session"),
    by=["plain", "certification"],
)
async def test_another_control_type_in_the_next_session(own):
    plant = pump_with_tank()
    async with own.cem(plant) as cem:
        rm = await cem.joined()
        await rm.negotiate()
        await rm.must_take("SelectControlType", control_type=OMBC)
        rm.control_type, rm.description = OMBC, await rm.expect("OMBC.SystemDescription")
        assert (await rm.fate_of(await rm.instruct("on")))[-1] == "SUCCEEDED"
        rm.break_off()
        rm = await cem.joined()
        await rm.negotiate()
        await rm.must_take("SelectControlType", control_type=FRBC)
        await rm.expect("FRBC.SystemDescription")
        await plant.has_written("resource", "off 0", "on 0", "off 0")


def _memory_blocks():
    gc.collect()
    return sys.getallocatedblocks()


def _is_of_the_rm(thing):
    return str(getattr(type(thing), "__module__", "")).startswith(
        ("s2d.", "websockets.asyncio.client", "websockets.client")
    )

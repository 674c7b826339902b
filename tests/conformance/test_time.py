"""Clocks: those of the two sides, and what becomes of plans when one is set."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from s2d.s2.effects import Tick
from tests.core.stage import Stage, applied, told

from .plants import TIMER_S, heat_pump, home_battery
from .rows import House, Peer, Published, beyond_the_text, row
from .wire import DONE, FRBC, OMBC, soon, time_of

STEP = Peer("peers", "a computer without a clock of its own")
HOUR = timedelta(hours=1)


@row(
    "TIME-1", "an execution time in another time zone is the same instant", source=Published("RFC 3339", "section 4.2")
)
async def test_time_zones(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = await rm.elsewhere()
        east = datetime.now(timezone(timedelta(hours=5, minutes=30)))
        now = await rm.instruct(mode, at=east)
        west = (soon(3600)).astimezone(timezone(timedelta(hours=-11)))
        later = await rm.instruct(mode, at=west)
        with beyond_the_text("the first is done"):
            assert (await rm.fate_of(now))[-1] == "SUCCEEDED"
        assert "STARTED" not in rm.steps_of(later)


@row(
    "TIME-2",
    "execution times are read to the millisecond, with Z, and with small letters",
    source=House("RFC 3339, section 5.6"),
)
async def test_spellings(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = await rm.elsewhere()
        for text in ("2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00Z", "2026-01-01t00:00:00.5z"):
            order = await rm.instruct(mode, execution_time=text)
            assert (await rm.fate_of(order))[-1] == "SUCCEEDED", text


@row(
    "TIME-3",
    "all that the RM tells is aware of its time zone, and not far from the CEM's clock",
    source=House("date-time"),
)
async def test_timestamps(bench):
    async with bench.in_charge(FRBC) as rm:
        await rm.fate_of(await rm.instruct(await rm.elsewhere()))
        for message in rm.heard.all:
            for name, value in message.items():
                if name in ("timestamp", "measurement_timestamp", "valid_from", "transition_timestamp"):
                    assert abs(time_of(value) - datetime.now(UTC)) < timedelta(minutes=10), (name, value)


@row("TIME-4", "the clock is set an hour ahead: what waits for a time that is over starts", source=STEP, by=["plain"])
async def test_step_ahead(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        order = await rm.instruct("on", at=soon(1800))
        await rm.reached(order, "ACCEPTED")
        plant.step = HOUR
        assert await rm.fate_of(order) == DONE


@row(
    "TIME-5",
    "the clock is set an hour back: what waits goes on waiting, what runs and timers are not touched",
    source=STEP,
    by=["plain"],
)
async def test_step_back(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        running = await rm.instruct("on")
        assert await rm.fate_of(running) == DONE
        later = await rm.instruct("boost", at=soon(2 * TIMER_S))
        await rm.reached(later, "ACCEPTED")
        plant.step = -HOUR
        off = await rm.instruct("off", at=soon(TIMER_S) - HOUR)
        await rm.reached(off, "ACCEPTED")
        await plant.is_read()  # by then all is answered: who lets an RM wait for so long has left
        plant.passes(TIMER_S)
        assert await rm.fate_of(off) == DONE
        plant.passes(2 * TIMER_S)
        await plant.is_read()
        assert rm.steps_of(later) == ["ACCEPTED"]
        assert rm.steps_of(running) == DONE


@pytest.mark.parametrize("step_h", [1, -1])
@row(
    "TIME-6", "a step of the clock by an hour, either way, changes no wait of the RM itself", source=STEP, virtual=True
)
def test_step_and_deadlines(step_h):
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("charge", stage.charge, 1.0))
    stage.heard(*effects)
    assert applied(effects) == [("power_setpoint", 5000.0)]
    stage.utc_step = timedelta(hours=step_h)
    assert not applied(stage.after(59.0))
    assert told(stage.on(Tick())) == []
    assert ("power_setpoint", 0.0) in applied(stage.after(2.0))


@row(
    "TIME-7",
    "an RM that does not know the time yet takes instructions, and does them once it does",
    source=STEP,
    by=["plain"],
)
async def test_clock_not_set(own):
    plant = home_battery(step=timedelta(days=-365 * 20))
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "ACCEPTED")
        plant.step = timedelta()
        assert await rm.fate_of(order) == DONE


@row(
    "TIME-8",
    "times at the ends of the calendar, in any zone, are answered, and the session goes on",
    source=House("RFC 3339"),
)
async def test_ends_of_the_calendar(bench):
    async with bench.in_charge(FRBC) as rm:
        mode = await rm.elsewhere()
        for text in (
            "0001-01-01T00:00:00+14:00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "9999-12-31T23:59:59.999999Z",
        ):
            answer = await rm.tell_whole(rm.instruction(mode, execution_time=text))
            assert answer["status"] in ("OK", "INVALID_CONTENT", "INVALID_MESSAGE"), text
        order = await rm.instruct(mode)
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"

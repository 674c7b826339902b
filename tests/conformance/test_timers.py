"""Timers of transitions, under FRBC, OMBC and DDBC."""

from tests.core.resources_modes import way

from .plants import TIMED, TIMER_S, by_modes, heat_pump
from .rows import House, Peer, Published, row
from .wire import DONE, OMBC, SHORT, seconds_from_now, soon, time_of


def timers_of(rm):
    """All that was told of timers."""
    return rm.told(f"{SHORT[rm.control_type]}.TimerStatus")


@by_modes
@row(
    "TIMER-1",
    "with the description every timer is told; one never started has finished long ago",
    source=Published("S2 JSON", "FRBC.TimerStatus.finished_at"),
    by=["plain"],
)
async def test_timers_told(own, control_type):
    async with own.in_charge(control_type, TIMED[control_type]()) as rm:
        described = {
            (*each.scope.values(), timer["id"]) for each in rm.machines for timer in each.description["timers"]
        }
        await rm.heard.until(lambda _: len(timers_of(rm)) >= len(described), "every timer told")
        told = {(*([each["actuator_id"]] if "actuator_id" in each else []), each["timer_id"]) for each in timers_of(rm)}
        assert told == described
        assert all(seconds_from_now(each["finished_at"]) < 0 for each in timers_of(rm))


@by_modes
@row(
    "TIMER-2",
    "when a transition starts a timer, it is told again, and when it will have finished",
    source=House("TimerStatus"),
    by=["plain", "victron"],
)
async def test_timer_started(own, control_type):
    async with own.in_charge(control_type, TIMED[control_type]()) as rm:
        order = await rm.instruct("on")
        started = await rm.reached(order, "STARTED")
        status = await rm.expect(
            f"{SHORT[control_type]}.TimerStatus", lambda each: seconds_from_now(each["finished_at"]) > 0
        )
        assert status["timer_id"] == "run"
        runs = time_of(status["finished_at"]) - time_of(started["timestamp"])
        assert abs(runs.total_seconds() - TIMER_S) < 0.1


@by_modes
@row(
    "TIMER-3",
    "while a timer blocks it a transition is REJECTED, for a later time it is taken and done",
    source=House("Timer"),
    by=["plain"],
)
async def test_blocked(own, control_type):
    plant = TIMED[control_type]()
    async with own.in_charge(control_type, plant) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]
        later = await rm.instruct("off", at=soon(TIMER_S))
        plant.passes(TIMER_S)
        assert await rm.fate_of(later) == DONE


@row(
    "TIMER-4",
    "one timer blocks every transition that names it",
    source=Published("S2 JSON", "Transition.blocking_timers"),
    by=["plain"],
)
async def test_shared_timer(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct("boost")) == ["REJECTED"]
        later = await rm.instruct("boost", at=soon(TIMER_S))
        plant.passes(TIMER_S)
        assert await rm.fate_of(later) == DONE


@row(
    "TIMER-5",
    "timers are the resource's: the next session is told what still runs, and is held to it",
    source=House("Timer"),
    by=["plain"],
)
async def test_timers_outlive_sessions(own):
    slow = (way("off", "on", starts=["rest"]), way("on", "off", blocked_by=["rest"]))
    async with own.cem(heat_pump(transitions=slow)) as cem:
        rm = await own.joined(cem, OMBC)
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        rm.break_off()
        rm = await own.joined(cem, OMBC)
        status = await rm.expect("OMBC.TimerStatus", timer_id="rest")
        assert 0 < seconds_from_now(status["finished_at"]) < 2 * TIMER_S
        assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]


@row(
    "TIMER-6",
    "a change of mode that nobody ordered starts timers, and is told, like an ordered one",
    source=Peer("peers"),
    by=["plain"],
)
async def test_drift(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        await rm.active_mode(rm.machine())
        plant.shows(resource="on 0.5")
        status = await rm.expect("OMBC.Status", active_operation_mode_id="on")
        assert (status["previous_operation_mode_id"], status["operation_mode_factor"]) == ("off", 0.5)
        await rm.expect("OMBC.TimerStatus", lambda each: seconds_from_now(each["finished_at"]) > 0, timer_id="run")
        assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]


@row(
    "TIMER-7",
    "a transition starts all the timers it names, and any one of those that block it is enough",
    source=Published("S2 JSON", "Transition.start_timers"),
    by=["plain"],
)
async def test_several_timers(own):
    ways = (way("off", "on", starts=["run", "rest"]), way("on", "off", blocked_by=["run", "rest"]))
    plant = heat_pump(transitions=ways)
    async with own.in_charge(OMBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        for timer_id in ("run", "rest"):
            await rm.heard.until(
                lambda _, timer_id=timer_id: any(
                    seconds_from_now(each["finished_at"]) > 0 for each in rm.told("OMBC.TimerStatus", timer_id=timer_id)
                ),
                f"{timer_id} told as running",
            )
        plant.passes(TIMER_S)
        assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]
        plant.passes(TIMER_S)
        assert await rm.fate_of(await rm.instruct("off")) == DONE
    for first, second in (("run", "rest"), ("rest", "run")):
        ways = (way("off", "on", starts=[second]), way("on", "off", blocked_by=[first, second]))
        async with own.in_charge(OMBC, heat_pump(transitions=ways)) as rm:
            assert await rm.fate_of(await rm.instruct("on")) == DONE
            assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]


@row(
    "TIMER-8",
    "a timer that is started again is told again, and blocks for its whole time again",
    source=House("TimerStatus.finished_at"),
    by=["plain"],
)
async def test_timer_restarted(own):
    plant = heat_pump(
        transitions=(way("off", "on", starts=["run"]), way("on", "off"), way("on", "boost", blocked_by=["run"]))
    )
    async with own.in_charge(OMBC, plant) as rm:
        finished = []
        for _ in range(2):
            assert await rm.fate_of(await rm.instruct("on")) == DONE
            status = await rm.expect(
                "OMBC.TimerStatus", lambda each: seconds_from_now(each["finished_at"]) > 0, timer_id="run"
            )
            finished.append(time_of(status["finished_at"]))
            plant.passes(TIMER_S / 2)
            assert await rm.fate_of(await rm.instruct("off")) == DONE
        assert (finished[1] - finished[0]).total_seconds() >= TIMER_S / 2
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        assert await rm.fate_of(await rm.instruct("boost")) == ["REJECTED"]

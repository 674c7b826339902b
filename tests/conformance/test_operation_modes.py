"""What FRBC, OMBC and DDBC have in common: state machines, the ways between their modes, and the timers of these."""

from datetime import timedelta

from tests.core.resources_modes import way

from .plants import PLANTS, TIMED, TIMER_S, by_modes, heat_pump
from .rows import House, Peer, Published, row
from .wire import DESCRIPTION, DONE, OMBC, SHORT, new_id, seconds_from_now, soon, time_of

MODES = House("OperationMode, Transition, Timer")
RECENT_S = 30.0


def reached_from(start, modes, machine):
    """Those of *modes* to which transitions lead from *start*, one after the other."""
    reached, news = set(), {start}
    while news:
        reached |= news
        news = {each for each in modes - reached if any(machine.leads(before, each) for before in reached)}
    return reached & modes


@by_modes
@row(
    "MODES-1",
    "the description comes first once a control type is selected, then a status of everything it names",
    source=Peer("peers"),
    by=["plain"],
)
async def test_description_and_statuses(bench, control_type):
    async with bench.in_charge(control_type) as rm:
        for machine in rm.machines:
            status = await rm.expect(rm.status_type, **machine.scope)
            assert status["active_operation_mode_id"] in machine.modes
            assert 0 <= status["operation_mode_factor"] <= 1
        kinds = [each["message_type"] for each in rm.heard.all if each["message_type"].startswith(SHORT[control_type])]
        assert kinds[0] == DESCRIPTION[control_type]


@by_modes
@row(
    "MODES-2",
    "what is described refers only to what is described, and each id stands once",
    source=Published("S2 JSON", "Transition"),
    by=["plain", "victron"],
)
async def test_description_agrees(bench, control_type):
    async with bench.in_charge(control_type) as rm:
        for machine in rm.machines:
            timers = [timer["id"] for timer in machine.description["timers"]]
            ways = machine.description["transitions"]
            for ids in (machine.modes, timers, [way["id"] for way in ways]):
                assert len(ids) == len(set(ids))
            for each in ways:
                assert {each["from"], each["to"]} <= set(machine.modes)
                assert {*each["start_timers"], *each["blocking_timers"]} <= set(timers)


@by_modes
@row(
    "MODES-3",
    "from the active mode every other that is not for emergencies can be reached, and the way back is open",
    source=Peer("certification tool"),
    by=["plain"],
)
async def test_no_dead_end(bench, control_type):
    async with bench.in_charge(control_type, PLANTS[control_type]()) as rm:
        for machine in rm.machines:
            modes = zip(machine.modes, machine.description["operation_modes"], strict=True)
            normal = {mode_id for mode_id, mode in modes if not mode["abnormal_condition_only"]}
            for start in {await rm.active_mode(machine)} | normal:
                assert reached_from(start, normal, machine) == normal, start


@by_modes
@row(
    "MODES-4",
    "an instruction is followed, told as the status, and its mode is the one instructed when it SUCCEEDED",
    source=Peer("certification tool"),
    by=["plain", "victron"],
)
async def test_instruction(bench, control_type):
    async with bench.in_charge(control_type, TIMED[control_type]() if bench.is_own else None) as rm:
        machine = rm.machine()
        before, mode = await rm.active_mode(machine), await rm.elsewhere()
        order = await rm.instruct(mode, 0.0)
        steps = await rm.fate_of(order)
        assert steps[-1] == "SUCCEEDED"
        succeeded = await rm.reached(order, "SUCCEEDED")
        said = [each for each in rm.heard.all[: rm.heard.all.index(succeeded)] if "active_operation_mode_id" in each]
        status = [{}, *(each for each in said if machine.scope.items() <= each.items())][-1]
        assert status.get("active_operation_mode_id") == mode
        assert status.get("previous_operation_mode_id") == before
        assert "transition_timestamp" in status
        assert abs(seconds_from_now(status["transition_timestamp"])) < RECENT_S


@by_modes
@row(
    "MODES-5",
    "an unknown mode or actuator, or a factor beyond 0 to 1, is answered INVALID_CONTENT",
    source=MODES,
    by=["plain"],
)
async def test_unknown(bench, control_type):
    async with bench.in_charge(control_type) as rm:
        mode = rm.machine().modes[0]
        wrong = [rm.instruction(new_id()), rm.instruction(mode, 1.5), rm.instruction(mode, -0.5)]
        if rm.machine().scope:
            wrong.append(rm.instruction(mode, actuator_id=new_id()))
        for each in wrong:
            await rm.must_refuse(each)
        await rm.is_well()


@by_modes
@row(
    "MODES-6",
    "an instruction that waits can be revoked; one that succeeded can not",
    source=House("RevokeObject"),
    by=["plain", "flexmeasures"],
)
async def test_revocation(bench, control_type):
    async with bench.in_charge(control_type) as rm:
        mode = await rm.elsewhere()
        later = await rm.instruct(mode, at=soon(60))
        assert (await rm.revoke(later))["status"] == "OK"
        assert (await rm.fate_of(later))[-1] == "REVOKED"
        now = await rm.instruct(mode)
        assert (await rm.fate_of(now))[-1] == "SUCCEEDED"
        assert (await rm.revoke(now))["status"] == "INVALID_CONTENT"


@row(
    "MODES-7",
    "a mode to which no transition leads from the present one is REJECTED",
    source=MODES,
    by=["plain", "victron"],
)
async def test_no_transition(own):
    async with own.in_charge(OMBC, heat_pump()) as rm:
        assert await rm.fate_of(await rm.instruct("boost")) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct("on", 0.3)) == DONE
        assert await rm.fate_of(await rm.instruct("on", 0.8)) == DONE


@row(
    "MODES-8",
    "without any transition every change of mode is open",
    source=House("transitions may be empty"),
    by=["plain", "victron"],
)
async def test_no_transitions_at_all(own):
    async with own.in_charge(OMBC, heat_pump(transitions=())) as rm:
        for mode in ("boost", "off", "on"):
            assert await rm.fate_of(await rm.instruct(mode)) == DONE


@row(
    "MODES-9",
    "modes and transitions for abnormal conditions are REJECTED unless the instruction is abnormal",
    source=MODES,
    by=["plain"],
)
async def test_abnormal(own):
    async with own.in_charge(OMBC, heat_pump(transitions=())) as rm:
        assert await rm.fate_of(await rm.instruct("island")) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct("island", abnormal_condition=True)) == DONE
    ways = (way("off", "on"), way("on", "off", abnormal=True))
    async with own.in_charge(OMBC, heat_pump(transitions=ways)) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        assert await rm.fate_of(await rm.instruct("off")) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct("off", abnormal_condition=True)) == DONE


@row(
    "MODES-10",
    "what waits is looked at again when its time has come, and ABORTED if it has become impossible",
    source=MODES,
    by=["plain"],
)
async def test_impossible_by_then(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        first = await rm.instruct("on", at=soon(TIMER_S))
        then = await rm.instruct("off", at=soon(TIMER_S + 10))
        plant.passes(TIMER_S)
        assert await rm.fate_of(first) == DONE
        plant.passes(10)
        assert await rm.fate_of(then) == ["ACCEPTED", "STARTED", "ABORTED"]
        assert await rm.active_mode(rm.machine()) == "on"


@row(
    "MODES-11",
    "a transition that takes time is STARTED when it is initiated, SUCCEEDED when the mode is seen",
    source=House("Transition.transition_duration"),
    by=["plain"],
)
async def test_transition_takes_time(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        plant.hardware.takes_s = 0.2
        order = await rm.instruct("on")
        assert await rm.fate_of(order) == DONE
        started, succeeded = [await rm.reached(order, each) for each in ("STARTED", "SUCCEEDED")]
        took = time_of(succeeded["timestamp"]) - time_of(started["timestamp"])
        assert took >= timedelta(seconds=0.2)
        status = (await rm.statuses(rm.machine()))[-1]
        assert status["transition_timestamp"] == started["timestamp"]

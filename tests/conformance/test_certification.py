"""The cases of the certification tool for an RM, by their numbers there, with the sense they are meant to have."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from s2d.rm.control.reporting import ReportThresholds
from s2d.s2.messages import frbc
from s2d.s2.messages.common import NumberRange
from tests.core.resources_modes import way

from .own import ModbusBattery
from .plants import by_control_type, heat_pump, home_battery, hybrid, roof, tank, washer
from .rows import Peer, leading_there, row
from .wire import DDBC, DONE, FRBC, NO_SELECTION, NOT_CONTROLABLE, OMBC, PEBC, PPBC, time_of

TOOL = Peer("certification tool")
HOUR, MILLISECOND = timedelta(hours=1), timedelta(milliseconds=1)
WALKS_EVERY_S = 15.0
WATCHES_S = 30
WATCHED_EVERY_S = 10
WATCHED = ReportThresholds(power_w=50.0, fill_level=1.0, every_s=WATCHED_EVERY_S)
LEAKS = (
    frbc.LeakageBehaviourElement(
        fill_level_range=NumberRange(start_of_range=0.0, end_of_range=100.0), leakage_rate=0.0001
    ),
)
OUTLOOKS = {
    "FRBC.LeakageBehaviour": "provides_leakage_behaviour",
    "FRBC.UsageForecast": "provides_usage_forecast",
    "FRBC.FillLevelTargetProfile": "provides_fill_level_target_profile",
}


def a_tank_with_outlooks():
    now = datetime.now(UTC)
    usage = frbc.UsageForecastElement(duration=3_600_000, usage_rate_expected=-0.001)
    target = frbc.FillLevelTargetProfileElement(
        duration=3_600_000, fill_level_range=NumberRange(start_of_range=60.0, end_of_range=90.0)
    )
    return tank(provides=("leakage", "usage", "target"), leakage=LEAKS, usage=(now, (usage,)), target=(now, (target,)))


async def settled(rm):
    """Waits until what a selection sets off has been said: the last of it is there, and a question is answered."""
    await rm.statuses(rm.machine())
    await rm.tell("RevokeObject", object_type="FRBC.Instruction", object_id="nothing")


@row("CERT-9.2.2", "the first SelectControlType is answered OK within 5 s", source=TOOL)
async def test_first_selection(bench):
    async with bench.negotiated() as rm:
        await rm.must_take("SelectControlType", control_type=rm.details["available_control_types"][0])


@row("CERT-9.2.3", "every later SelectControlType is answered OK within 5 s, in one session", source=TOOL)
async def test_later_selections(bench):
    async with bench.negotiated() as rm:
        offered = rm.details["available_control_types"]
        for control_type in [*offered, NO_SELECTION, *reversed(offered), NOT_CONTROLABLE, *offered]:
            await rm.must_take("SelectControlType", control_type=control_type)


@by_control_type
@row(
    "CERT-9.2.4",
    "power is measured within 5 s of a selection, of quantities declared and no other",
    source=TOOL,
    by=["plain", "flexmeasures", "victron", "certification"],
)
async def test_power_measurement(bench, control_type):
    async with bench.in_charge(control_type) as rm:
        if not (declared := rm.details["provides_power_measurement_types"]):
            pytest.skip("no quantity is declared")
        measured = await rm.expect("PowerMeasurement", within_s=rm.answers_within_s)
        assert {each["commodity_quantity"] for each in measured["values"]} <= set(declared)


@pytest.mark.parametrize("foresees", [True, False], ids=["announced", "not announced"])
@row(
    "CERT-9.2.5",
    "a PowerForecast comes within 5 s if announced, of quantities declared, again when it changes; else never",
    source=TOOL,
    by=["plain", "s2-python", "flexmeasures", "certification"],
)
async def test_power_forecast(bench, foresees):
    plant = roof(foresees=foresees)
    async with bench.negotiated(plant) as rm:
        if rm.details["provides_forecast"] is not foresees:
            assert not bench.is_own
            pytest.skip(f"a forecast is {'not ' if foresees else ''}announced")
        with leading_there("a control type is in charge"):
            await bench.any_charge(rm)
        if foresees:
            forecast = await rm.expect("PowerForecast", within_s=rm.answers_within_s)
            foreseen = [value["commodity_quantity"] for each in forecast["elements"] for value in each["power_values"]]
            assert set(foreseen) <= set(rm.details["provides_power_measurement_types"])
            if bench.is_own:
                plant.built.forecast = (plant.built.forecast[0] + HOUR, plant.built.forecast[1])
                await rm.expect("PowerForecast", lambda each: time_of(each["start_time"]) > datetime.now(UTC))
        await rm.is_well()
        assert foresees or not rm.told("PowerForecast")


@row("CERT-FRBC-1", "FRBC.SystemDescription and then FRBC.StorageStatus come once FRBC is selected", source=TOOL)
async def test_frbc_setup(bench):
    async with bench.in_charge(FRBC) as rm:
        await rm.expect("FRBC.StorageStatus", within_s=rm.answers_within_s)
        kinds = [each["message_type"] for each in rm.heard.all]
        assert kinds.index("FRBC.SystemDescription") < kinds.index("FRBC.StorageStatus")


@row("CERT-FRBC-2", "FRBC is set up anew each time it is selected, also when nothing has changed", source=TOOL)
async def test_frbc_setup_again(bench):
    async with bench.in_charge(FRBC) as rm:
        for _ in range(2):
            await rm.must_take("SelectControlType", control_type=NO_SELECTION)
            rm.description = {}
            await rm.take_charge(FRBC)
            await rm.expect("FRBC.StorageStatus", within_s=rm.answers_within_s)


@row("CERT-FRBC-3", "the fill level lies strictly within the range published", source=TOOL)
async def test_fill_level(bench):
    async with bench.in_charge(FRBC) as rm:
        level = (await rm.expect("FRBC.StorageStatus"))["present_fill_level"]
        published = rm.description["storage"]["fill_level_range"]
        assert published["start_of_range"] < level < published["end_of_range"]


@row(
    "CERT-9.6.3",
    "leakage, usage and targets that are announced come, only after the description, and again when they change",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_outlooks(bench):
    plant = a_tank_with_outlooks()
    async with bench.in_charge(FRBC, plant) as rm:
        announced = [name for name, flag in OUTLOOKS.items() if rm.description["storage"][flag]]
        if not announced:
            pytest.skip("the storage announces none of them")
        for name in announced:
            await rm.expect(name)
        assert not bench.is_own or announced == list(OUTLOOKS)
        first = rm.heard.all.index(rm.description)
        assert all(rm.heard.all.index(each) > first for name in announced for each in rm.told(name))
        if bench.is_own:
            built = plant.built
            built.leakage = tuple(replace(each, leakage_rate=0.0002) for each in built.leakage)
            built.usage, built.target = ((start + HOUR, elements) for start, elements in (built.usage, built.target))
            assert (await rm.expect("FRBC.LeakageBehaviour"))["elements"][0]["leakage_rate"] == 0.0002
            for name, (start, _) in (
                ("FRBC.UsageForecast", built.usage),
                ("FRBC.FillLevelTargetProfile", built.target),
            ):
                assert time_of((await rm.expect(name))["start_time"]) - start < MILLISECOND


@row("CERT-9.6.5", "leakage, usage and targets that are not announced do not come", source=TOOL)
async def test_no_outlooks(bench):
    async with bench.in_charge(FRBC) as rm:
        await settled(rm)
        for name, flag in OUTLOOKS.items():
            assert rm.description["storage"][flag] or not rm.told(name), name


@row(
    "CERT-FRBC-4",
    "the walk: along every transition, at factor 0, SUCCEEDED where the fill level fits the mode",
    source=TOOL,
)
async def test_walk(bench):
    async with bench.in_charge(FRBC) as rm:
        await walked(bench, rm)


@row(
    "CERT-OMBC-1",
    "the walk: along every transition under OMBC, with no timer that blocks, SUCCEEDED at each step",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_walk_under_ombc(bench):
    if not bench.is_quick:
        pytest.skip("it is too slow for the pace of the tool")
    async with bench.in_charge(OMBC, heat_pump(transitions=(way("off", "on"), way("on", "off")))) as rm:
        await walked(bench, rm)


async def walked(bench, rm):
    """Goes along every transition of *rm*, at the pace of the tool where time is virtual."""
    for machine in rm.machines:
        steps = _walk(machine, await rm.active_mode(machine))
        if len(steps) < 2:
            pytest.skip("there are no transitions")
        for mode in steps:
            order = await rm.instruct(mode, 0.0, of=machine.scope.get("actuator_id", ""))
            assert (await rm.fate_of(order))[-1] == "SUCCEEDED", mode
            assert await rm.active_mode(machine) == mode
            if bench.is_of_a_kind:
                before = len(rm.heard.all)
                await asyncio.sleep(WALKS_EVERY_S)
                since = [each for each in rm.heard.all[before:] if "active_operation_mode_id" in each]
                assert {each["active_operation_mode_id"] for each in since} <= {mode}


@row(
    "CERT-FRBC-5",
    "an instruction is answered OK if and only if the fill level fits the mode",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_walk_when_full(own):
    plant = home_battery(values={"soc": 96.0, "power": 0.0})
    async with own.in_charge(FRBC, plant) as rm:
        level = (await rm.expect("FRBC.StorageStatus"))["present_fill_level"]
        machine = rm.machine()
        for mode_id, mode in zip(machine.modes, machine.description["operation_modes"], strict=True):
            ranges = [each["fill_level_range"] for each in mode["elements"]]
            fits = any(each["start_of_range"] < level < each["end_of_range"] for each in ranges)
            answer = await rm.tell_whole(rm.instruction(mode_id))
            assert (answer["status"] == "OK") is fits, mode


@pytest.mark.parametrize("soc_percent", [90.0, 10.0], ids=["full", "empty"])
@row(
    "CERT-FRBC-6",
    "a full or empty battery is strictly within the range published, if its owner set a margin, and is walked",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_walk_at_the_end_of_the_range(own, soc_percent):
    plant = ModbusBattery(simulator={"soc_percent": soc_percent}, fill_level_margin="0.5 %")
    async with own.in_charge(FRBC, plant) as rm:
        level = (await rm.expect("FRBC.StorageStatus"))["present_fill_level"]
        assert level == soc_percent
        published = rm.description["storage"]["fill_level_range"]
        assert (published["start_of_range"], published["end_of_range"]) == (9.5, 90.5)
        for mode in rm.machine().description["operation_modes"]:
            order = await rm.instruct(mode["id"], 0.0)
            is_harmful = soc_percent == 10.0 and mode["diagnostic_label"].startswith("discharge")
            assert (await rm.fate_of(order))[-1] == ("REJECTED" if is_harmful else "SUCCEEDED"), mode


@row("CERT-S8", "SessionRequest TERMINATE is answered OK within 5 s, whatever is active", source=TOOL)
async def test_terminate(bench):
    async with bench.in_charge(FRBC) as rm:
        later = await rm.instruct(await rm.elsewhere(), at=datetime(2099, 1, 1, tzinfo=UTC))
        if bench.is_own:
            await rm.reached(later, "ACCEPTED")
        await rm.must_take("SessionRequest", request="TERMINATE")
        await rm.has_ended()


@row(
    "CERT-FRBC-7",
    "the walk at the pace of the tool, 15 s from step to step: what is told fits what was instructed",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_walk_with_pauses(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        machine = rm.machine()
        for mode in _walk(machine, await rm.active_mode(machine)):
            order = await rm.instruct(mode, 0.0)
            assert (await rm.fate_of(order))[-1] == "SUCCEEDED", mode
            succeeded = rm.heard.all.index(await rm.reached(order, "SUCCEEDED"))
            plant.passes(WALKS_EVERY_S)
            await plant.is_read()
            since = [each for each in rm.heard.all[succeeded:] if "active_operation_mode_id" in each]
            assert {each["active_operation_mode_id"] for each in since} <= {mode}
            assert await rm.active_mode(machine) == mode


@by_control_type
@row(
    "CERT-S7",
    "half a minute of watching, under each control type: all that is told is valid, and is told again in time",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_watching(own, control_type):
    plants = {FRBC: home_battery, OMBC: heat_pump, DDBC: hybrid, PEBC: roof, PPBC: washer}
    plant = plants[control_type](thresholds=WATCHED)
    async with own.in_charge(control_type, plant) as rm:
        await rm.expect("PowerMeasurement")
        for _ in range(WATCHES_S // WATCHED_EVERY_S):
            measured = len(rm.told("PowerMeasurement"))
            plant.passes(WATCHED_EVERY_S)
            await rm.heard.until(lambda _, measured=measured: len(rm.told("PowerMeasurement")) > measured, "told again")
        assert not rm.told("InstructionStatusUpdate")
        assert not rm.ended.is_set()
        await rm.is_well()


@row(
    "CERT-FRBC-8",
    "a description that changes is told anew, then everything it names; the new one holds",
    source=TOOL,
    by=["plain", "certification"],
)
async def test_description_changes(own):
    plant = tank()
    async with own.in_charge(FRBC, plant) as rm:
        await settled(rm)
        await rm.must_refuse(rm.instruction("boost"))
        plant.built.modes = ("off", "on", "boost")
        rm.description = await rm.expect("FRBC.SystemDescription")
        assert rm.machine().modes == ["off", "on", "boost"]
        for message_type in ("FRBC.StorageStatus", "FRBC.ActuatorStatus", "FRBC.TimerStatus"):
            await rm.expect(message_type)
        assert await rm.fate_of(await rm.instruct("boost")) == [
            "REJECTED"
        ]  # known by now, but no transition leads there
        assert await rm.fate_of(await rm.instruct("on")) == DONE


def _walk(machine, start):
    """Modes to go to one after the other, from *start*, so that each normal transition is gone where that leads on."""
    ways = [
        (way["from"], way["to"]) for way in machine.description["transitions"] if not way["abnormal_condition_only"]
    ]
    here, steps = start, [start]
    while ahead := [way for way in ways if way[0] == here]:
        ways.remove(ahead[0])
        here = ahead[0][1]
        steps.append(here)
    return steps

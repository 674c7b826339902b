"""What only one CEM of the field does, or asks for, and an RM must live with."""

import pytest

from tests.fakes import pass_s

from .connection import S2_PYTHON_CANNOT
from .plants import PLANTS, TIMER_S, heat_pump, home_battery, roof, tank
from .rows import House, Peer, row
from .test_certification import LEAKS
from .test_ppbc import schedule, told
from .wire import DDBC, DONE, FRBC, OMBC, PEBC, PPBC, new_id, soon

CLIENT = Peer("FlexMeasures client")
RARELY_S = 600.0


@row(
    "PEER-1",
    "the description comes once more after the first fill level, for a CEM without Handshake",
    source=CLIENT,
    by=["flexmeasures"],
)
async def test_described_again(bench):
    async with bench.in_charge(FRBC) as rm:
        await rm.expect("FRBC.StorageStatus")
        again = await rm.expect("FRBC.SystemDescription")
        assert again["actuators"] == rm.description["actuators"]
        assert (await rm.fate_of(await rm.instruct(await rm.elsewhere())))[-1] == "SUCCEEDED"


@row(
    "PEER-2",
    "the description comes once only, for everybody else",
    source=Peer("peers", "that start afresh with each"),
    by=["plain", "s2-python", "victron"],
)
async def test_described_once(bench):
    async with bench.in_charge(FRBC) as rm:
        assert (await rm.fate_of(await rm.instruct(await rm.elsewhere())))[-1] == "SUCCEEDED"
        assert len(rm.told("FRBC.SystemDescription")) == 1


@row(
    "PEER-3",
    "a fill level that was accepted and then answered PERMANENT_ERROR, each time, ends nothing",
    source=CLIENT,
    by=["flexmeasures"],
)
async def test_late_errors(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        for level in (52.0, 54.0, 56.0):
            plant.shows(soc=level)
            await rm.expect("FRBC.StorageStatus", present_fill_level=level)
        await rm.is_well()


@row(
    "PEER-4",
    "TEMPORARY_ERROR to every InstructionStatusUpdate ends nothing, and no instruction",
    source=CLIENT,
    by=["flexmeasures"],
)
async def test_updates_unhandled(bench):
    async with bench.in_charge(FRBC) as rm:
        for _ in range(3):
            assert (await rm.fate_of(await rm.instruct(await rm.elsewhere())))[-1] == "SUCCEEDED"
        assert not rm.ended.is_set()


@row(
    "PEER-5",
    "the unit of the fill level is named, and the labels of modes tell people and programs apart",
    source=CLIENT,
    by=["flexmeasures"],
)
async def test_labels(own):
    async with own.in_charge(FRBC, home_battery()) as rm:
        assert rm.description["storage"]["fill_level_label"]
        labels = [mode["diagnostic_label"] for mode in rm.machine().description["operation_modes"]]
        assert len(set(labels)) == len(labels)


@row(
    "PEER-6",
    "each id is a UUID, and no range falls or holds one quantity twice",
    source=Peer("s2-python"),
    by=["s2-python"],
)
async def test_s2_python(bench):
    async with bench.in_charge(FRBC) as rm:
        assert (await rm.fate_of(await rm.instruct(await rm.elsewhere())))[-1] == "SUCCEEDED"
        for machine in rm.machines:
            for mode in machine.description["operation_modes"]:
                for element in mode["elements"]:
                    ranges = element["power_ranges"]
                    assert all(each["start_of_range"] <= each["end_of_range"] for each in ranges)
                    assert len({each["commodity_quantity"] for each in ranges}) == len(ranges)


@row(
    "PEER-7",
    "the description is there as soon as it is selected, whatever the device does, and statuses only after it",
    source=Peer("Victron", "six ticks"),
    by=["victron"],
)
async def test_prompt_description(own):
    plant = heat_pump()
    async with own.negotiated(plant) as rm:
        await rm.is_offering(OMBC)
        plant.hardware.is_hung = True
        await rm.select(OMBC)
        rm.description = await rm.expect("OMBC.SystemDescription")
        status = await rm.expect("OMBC.Status")
        assert rm.heard.all.index(rm.description) < rm.heard.all.index(status)


@row(
    "PEER-8",
    "PERMANENT_ERROR to a type that the CEM does not know ends the session, and the RM comes back",
    source=Peer("Victron", "s2-ruby"),
    by=["victron"],
)
async def test_unknown_type(own):
    async with own.cem(tank(provides=("leakage",), leakage=LEAKS)) as cem:
        rm = await own.joined(cem, FRBC)
        await rm.has_ended()
        await (await cem.joined()).negotiate()
    async with own.cem(roof(foresees=True)) as cem:
        for _ in range(2):
            rm = await cem.joined()
            await rm.negotiate()
            await rm.heard.until(lambda _, rm=rm: rm.told("PowerForecast"), "a forecast")
            await rm.has_ended()


@row(
    "PEER-9",
    "a revocation is heard although the table of allowed messages omits it",
    source=House("State of communication"),
    by=["plain", "victron"],
)
async def test_revocation_is_allowed(bench):
    async with bench.in_charge(FRBC) as rm:
        later = await rm.instruct(await rm.elsewhere(), at=soon(60))
        assert (await rm.revoke(later))["status"] == "OK"


@row(
    "PEER-10",
    "messages somebody put in between end nothing: answers to unknown ids, instructions that repeat",
    source=Peer("message analysers"),
    by=["plain"],
)
async def test_injected(bench):
    async with bench.in_charge(FRBC) as rm:
        instruction = rm.instruction(await rm.elsewhere())
        await rm.must_accept(instruction)
        for _ in range(3):
            await rm.answer(new_id(), "INVALID_CONTENT")
            await rm.must_refuse(instruction | {"message_id": new_id()})
        await rm.is_well()


@row(
    "PEER-11",
    "with a new description all is told anew, for a CEM that starts afresh; what goes on is not touched",
    source=Peer("Victron"),
    by=["plain", "victron"],
)
async def test_starts_afresh(own):
    plant = heat_pump()
    async with own.in_charge(OMBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        plant.built.modes = ("off", "on")
        rm.description = await rm.expect("OMBC.SystemDescription")

        def told_since(heard):
            return [each["message_type"] for each in heard[heard.index(rm.description) + 1 :]]

        await rm.heard.until(lambda heard: told_since(heard).count("OMBC.TimerStatus") == 2, "both timers told anew")
        assert set(told_since(rm.heard.all)) <= {"OMBC.Status", "OMBC.TimerStatus", "PowerMeasurement"}
        assert (await rm.statuses(rm.machine()))[-1]["active_operation_mode_id"] == "on"
        assert plant.written("resource") == ["off 0", "on 0"]
        later = await rm.instruct("off", at=soon(TIMER_S))
        plant.passes(TIMER_S)
        assert await rm.fate_of(later) == DONE


@pytest.mark.virtual_time
@row(
    "PEER-12",
    "TEMPORARY_ERROR before the CEM's own Handshake: the RM says its Handshake once more, and waits to be served",
    source=Peer("Victron"),
    by=["victron"],
)
async def test_not_ready_yet(own):
    async with own.cem(home_battery(poll_s=RARELY_S)) as cem:
        rm = await cem.joined()
        await rm.heard.until(bool, "its Handshake")
        await pass_s(60.0)
        assert [each["message_type"] for each in rm.heard.all] == ["Handshake", "Handshake"]
        await rm.negotiate()
        await own.select(rm, FRBC)
        assert (await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)))[-1] == "SUCCEEDED"


@pytest.mark.parametrize("control_type", [DDBC, PPBC], ids=["DDBC", "PPBC"])
@row(
    "PEER-13",
    "a CEM that refuses valid descriptions or progress, as s2-python does, is told no less, and obeyed",
    source=Peer("s2-python"),
    by=["plain"],
)
async def test_refused_though_valid(own, control_type):
    async with own.cem(PLANTS[control_type]()) as cem:
        rm = await cem.joined()
        rm.answers_to = lambda each: ("INVALID_MESSAGE",) if each["message_type"] in S2_PYTHON_CANNOT else ("OK",)
        await rm.negotiate()
        await own.select(rm, control_type)
        if control_type == PPBC:
            given = await rm.give(schedule(rm, "wash", "quick"))
            assert (await rm.fate_of(given))[-1] == "SUCCEEDED"
            statuses = (await told(rm, "wash", "EXECUTING"))["sequence_container_status"]
            assert [("progress" in each, each["status"]) for each in statuses] == [
                (True, "EXECUTING"),
                (False, "NOT_SCHEDULED"),
            ]
        else:
            assert (await rm.fate_of(await rm.instruct("on")))[-1] == "SUCCEEDED"
        assert not rm.ended.is_set()


@pytest.mark.virtual_time
@row(
    "PEER-14",
    "what the CEM has no use for is said once more at most, and when it has changed; the session goes on",
    source=CLIENT,
    by=["flexmeasures"],
)
async def test_forecast_unhandled(own):
    async with own.in_charge(PEBC, roof(foresees=True, poll_s=RARELY_S)) as rm:
        await rm.expect("PowerForecast")
        before = len(rm.told("PowerForecast"))
        await pass_s(300.0)
        assert len(rm.told("PowerForecast")) <= before + 1
        assert not rm.ended.is_set()

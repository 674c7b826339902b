"""What is told of the resource, when, and what is rather not told."""

import pytest

from s2d.rm.control.reporting import ReportThresholds
from s2d.s2.rules.history import ON_ITS_WAY_S
from s2d.values import Quality, Reading

from .own import CALM, ModbusBattery
from .plants import home_battery
from .rows import House, Peer, Published, row
from .wire import DONE, FRBC, soon

EAGER = ReportThresholds(power_w=50.0, fill_level=1.0, every_s=0.3)
AGES_AFTER_S = 60.0
WITH_SENTINELS = {
    "soc": {
        "register": 843,
        "table": "input",
        "type": "uint16",
        "scale": 0.1,
        "unit": "%",
        "sentinel": 0xFFFF,
        "max_age": "2 s",
    },
    "power": {"register": 842, "table": "input", "type": "int16", "unit": "W", "sentinel": -0x8000, "max_age": "2 s"},
    "power_setpoint": {"register": 2700, "type": "int16", "unit": "W", "access": "read_write"},
}


def powers(rm):
    return [each["values"][0]["value"] for each in rm.told("PowerMeasurement")]


def levels(rm):
    return [each["present_fill_level"] for each in rm.told("FRBC.StorageStatus")]


@row(
    "STATUS-1",
    "a fill level that has changed is told, one that has changed too little is not",
    source=Peer("FlexMeasures client"),
)
async def test_deadband(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        await rm.expect("FRBC.StorageStatus", present_fill_level=50.0)
        for level in (50.4, 50.9, 52.0):
            plant.shows(soc=level)
            await plant.is_read()
        await rm.expect("FRBC.StorageStatus", present_fill_level=52.0)
        assert levels(rm) == [50.0, 52.0]


@row(
    "STATUS-2",
    "what does not change is told again now and then",
    source=House("status"),
    by=["plain", "s2-python"],
)
async def test_heartbeat(own):
    async with own.in_charge(FRBC, home_battery(thresholds=EAGER)) as rm:
        for _ in range(2):
            await rm.expect("FRBC.StorageStatus", present_fill_level=50.0)
            await rm.expect("FRBC.ActuatorStatus")
            await rm.expect("PowerMeasurement")


@row(
    "STATUS-3",
    "a fill level that is unknown is not told, and nothing is undertaken on it",
    source=Peer("peers"),
    by=["plain", "s2-python"],
)
async def test_unknown_level(own):
    plant = home_battery(max_age_s=AGES_AFTER_S)
    async with own.in_charge(FRBC, plant) as rm:
        plant.shows(soc=Reading("soc", None, Quality.BAD, "not a number"))
        await plant.is_read()
        later = await rm.instruct(rm.mode("charge"), 1.0, at=soon(2 * AGES_AFTER_S))
        plant.passes(1.5 * AGES_AFTER_S)
        await plant.is_read()
        plant.passes(AGES_AFTER_S)
        assert (await rm.fate_of(later))[-1] == "ABORTED"
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == ["REJECTED"]
        assert set(levels(rm)) == {50.0}
        plant.shows(soc=53.0)
        await rm.expect("FRBC.StorageStatus", present_fill_level=53.0)
        assert (await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)))[-1] == "SUCCEEDED"


@row(
    "STATUS-4",
    "a fill level beyond its range is told as it is, and only what leads back is done",
    source=House("FRBC"),
    by=["plain", "s2-python"],
)
async def test_level_out_of_range(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        plant.shows(soc=97.0)
        await rm.expect("FRBC.StorageStatus", present_fill_level=97.0)
        in_flight = await rm.instruct(rm.mode("charge"), 1.0)
        assert await rm.fate_of(in_flight) == ["REJECTED"]
        plant.passes(ON_ITS_WAY_S)
        answer = await rm.tell_whole(rm.instruction(rm.mode("charge"), 1.0))
        assert answer["status"] == "INVALID_CONTENT"
        assert (await rm.fate_of(await rm.instruct(rm.mode("discharge"), 0.0)))[-1] == "SUCCEEDED"


@row(
    "STATUS-5",
    "after each change of mode the previous one is named, and when the change was initiated",
    source=Peer("FlexMeasures client"),
)
async def test_previous_mode(own):
    async with own.in_charge(FRBC, home_battery()) as rm:
        before = await rm.active_mode(rm.machine())
        for label in ("charge", "discharge", "idle"):
            order = await rm.instruct(rm.mode(label), 0.0 if label == "discharge" else 1.0)
            started = await rm.reached(order, "STARTED")
            assert (await rm.fate_of(order))[-1] == "SUCCEEDED"
            status = (await rm.statuses(rm.machine()))[-1]
            assert status["active_operation_mode_id"] == rm.mode(label)
            assert status["previous_operation_mode_id"] == before
            assert status["transition_timestamp"] == started["timestamp"]
            before = rm.mode(label)


@row(
    "STATUS-6",
    "what the device does by itself is told, not what was ordered",
    source=House("ActuatorStatus"),
    by=["plain", "s2-python"],
)
async def test_really_done(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        assert (await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)))[-1] == "SUCCEEDED"
        plant.shows(power=-4000.0)
        await rm.expect("FRBC.ActuatorStatus", active_operation_mode_id=rm.mode("discharge"))
        plant.shows(power=0.0)
        await rm.expect("FRBC.ActuatorStatus", active_operation_mode_id=rm.mode("idle"))


@row(
    "STATUS-7",
    "everything is told at once when a control type is selected, however often, without waiting for a poll",
    source=Peer("certification tool"),
)
async def test_told_at_once(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        await rm.expect("PowerMeasurement")
        plant.hardware.is_hung = True
        for message_type in ("FRBC.SystemDescription", "FRBC.StorageStatus", "FRBC.ActuatorStatus", "PowerMeasurement"):
            await rm.must_take("SelectControlType", control_type="NO_SELECTION")
            await rm.must_take("SelectControlType", control_type=FRBC)
            await rm.expect(message_type, within_s=CALM.every_s / 2)
        plant.hardware.is_hung = False


@row(
    "STATUS-8",
    "the first status of a session names the mode before too, if the RM has known another, and since when",
    source=Published("S2 JSON", "FRBC.ActuatorStatus.transition_timestamp"),
)
async def test_previous_mode_in_the_next_session(own):
    async with own.cem(home_battery()) as cem:
        rm = await own.joined(cem, FRBC)
        assert "transition_timestamp" not in (await rm.statuses(rm.machine()))[0]
        before = await rm.active_mode(rm.machine())
        order = await rm.instruct(rm.mode("charge"), 1.0)
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"
        started = await rm.reached(order, "STARTED")
        rm.break_off()
        rm = await own.joined(cem, FRBC)
        status = (await rm.statuses(rm.machine()))[0]
        assert status["active_operation_mode_id"] == rm.mode("charge")
        assert status["previous_operation_mode_id"] == before
        assert status["transition_timestamp"] == started["timestamp"]


@row(
    "STATUS-9",
    "registers that say not available: nothing of them is told, and nothing undertaken, until they are back",
    source=House("device documents: sentinels"),
    by=["plain"],
)
async def test_sentinels(own):
    plant = ModbusBattery(points=WITH_SENTINELS)
    async with own.in_charge(FRBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == DONE
        plant.simulator.faults.switch("nan")
        order = await rm.instruct(rm.mode("charge"), 0.5)
        assert await rm.fate_of(order) in (["ACCEPTED", "STARTED", "ABORTED"], ["REJECTED"])
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 0.4)) == ["REJECTED"]
        plant.simulator.faults.switch("nan", on=False)
        await rm.heard.until(lambda _: powers(rm)[-1] == 0.0, "the power is known again")
        assert await rm.fate_of(await rm.instruct(rm.mode("discharge"), 0.0)) == DONE
        assert {*powers(rm)} == {0.0, 5000.0, -4000.0}
        assert all(49.0 < level < 51.0 for level in levels(rm))
        factors = [each["operation_mode_factor"] for each in rm.told("FRBC.ActuatorStatus")]
        assert all(0.0 <= factor <= 1.0 for factor in factors)


@row(
    "STATUS-10",
    "power that is taken is positive, power that is given negative: in descriptions and in measurements",
    source=Published("EN 50491-12-2", "sign convention"),
)
async def test_sign(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        for label, factor, power_w in (("charge", 1.0, 5000.0), ("discharge", 0.0, -4000.0)):
            mode = next(each for each in rm.machine().description["operation_modes"] if each["id"] == rm.mode(label))
            ranges = mode["elements"][0]["power_ranges"]
            assert power_w in (ranges[0]["start_of_range"], ranges[0]["end_of_range"])
            assert (mode["elements"][0]["fill_rate"]["end_of_range"] > 0) is (power_w > 0)
            assert (await rm.fate_of(await rm.instruct(rm.mode(label), factor)))[-1] == "SUCCEEDED"
            await plant.has_written("power_setpoint", *([0, 5000] if power_w > 0 else [0, 5000, -4000]))
            await rm.expect("PowerMeasurement", values=[{"commodity_quantity": "ELECTRIC.POWER.L1", "value": power_w}])


@pytest.mark.parametrize(("unit", "level", "full"), [("%", 50.0, 95.0), ("Wh", 5000.0, 9500.0), ("kWh", 5.0, 9.5)])
@row(
    "STATUS-11",
    "the fill level is in the unit its owner has chosen, in the description, its label, its rates and its status",
    source=Peer("FlexMeasures client"),
    by=["plain", "flexmeasures"],
)
async def test_unit(own, unit, level, full):
    async with own.in_charge(FRBC, home_battery(owner={"fill_level_unit": unit})) as rm:
        await rm.expect("FRBC.StorageStatus", present_fill_level=level)
        storage = rm.description["storage"]
        assert storage["fill_level_range"]["end_of_range"] == full
        assert unit in storage["fill_level_label"]
        charge = next(each for each in rm.machine().description["operation_modes"] if each["id"] == rm.mode("charge"))
        per_hour = charge["elements"][0]["fill_rate"]["end_of_range"] * 3600
        assert 0.9 <= per_hour / level <= 1.0  # half of it, at 5 kW, with what is lost


@row(
    "STATUS-12",
    "a battery on three phases tells and describes the total, as one symmetric quantity",
    source=Peer("Victron", "divides by three"),
    by=["plain", "s2-python", "victron"],
)
async def test_three_phases(own):
    plant = home_battery(owner={"phases": 3})
    async with own.in_charge(FRBC, plant) as rm:
        assert (await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)))[-1] == "SUCCEEDED"
        whole = "ELECTRIC.POWER.3_PHASE_SYMMETRIC"
        await rm.expect("PowerMeasurement", values=[{"commodity_quantity": whole, "value": 5000.0}])
        assert rm.details["provides_power_measurement_types"] == [whole]
        for mode in rm.machine().description["operation_modes"]:
            assert [each["commodity_quantity"] for each in mode["elements"][0]["power_ranges"]] == [whole]

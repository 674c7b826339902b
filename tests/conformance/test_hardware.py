"""Instructions, and hardware that refuses them, does not follow, or is lost."""

import asyncio

import pytest

from s2d.rm.control.reporting import ReportThresholds

from .own import ModbusBattery
from .plants import heat_pump, home_battery
from .rows import House, Peer, row
from .wire import DONE, FRBC, OMBC, soon

SOON_S = 0.3
AHEAD_S = 60.0
HUNG_AFTER_S = 30.0
"""A driver that is silent for so long is given up, whatever its own limits are."""
TALKATIVE = ReportThresholds(power_w=50.0, fill_level=1.0, every_s=5.0)


@row(
    "HARDWARE-1",
    "hardware that refuses: ABORTED, and the default state",
    source=House("InstructionStatus"),
    by=["plain", "s2-python"],
)
async def test_hardware_refuses(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        plant.refuses()
        order = await rm.instruct(rm.mode("charge"), 1.0)
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]
        await plant.has_written("power_setpoint", 0, 5000, 0)


@row(
    "HARDWARE-2",
    "hardware that does not answer: ABORTED once its time is over",
    source=House("InstructionStatus"),
    by=["plain"],
)
async def test_hardware_hangs(own):
    plant = heat_pump(follow_within_s=SOON_S)
    async with own.in_charge(OMBC, plant) as rm:
        plant.hardware.is_hung = True
        order = await rm.instruct("on")
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]


@row(
    "HARDWARE-3",
    "hardware that confirms and does not follow: ABORTED once its time is over",
    source=Peer("peers"),
    by=["plain", "s2-python"],
)
async def test_hardware_does_not_follow(own):
    plant = ModbusBattery(simulator={"ramp_w_per_s": 10.0}, follow_within="300 ms")
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0)
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]
        await plant.simulator.written(0, 5000, 0)


@row(
    "HARDWARE-4",
    "the device is lost while it is on its way: ABORTED",
    source=House("InstructionStatus"),
    by=["plain", "s2-python"],
)
async def test_device_lost(own):
    plant = home_battery(follows={})
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "STARTED")
        plant.is_lost()
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]
        plant.is_back()
        await plant.has_written("power_setpoint", 0, 5000, 0)


@row(
    "HARDWARE-5",
    "while the device is lost an instruction is REJECTED, and the session goes on",
    source=Peer("peers"),
    by=["plain", "s2-python"],
)
async def test_device_is_lost(own):
    plant = home_battery(follows={"power_setpoint": "power"})
    async with own.in_charge(FRBC, plant) as rm:
        running = await rm.instruct(rm.mode("charge"), 0.5, at=soon(60))
        await rm.reached(running, "ACCEPTED")
        plant.is_lost()
        await plant.has_logged("device.unreachable")
        order = await rm.instruct(rm.mode("charge"), 1.0)
        assert await rm.fate_of(order) == ["REJECTED"]
        plant.is_back()
        await plant.has_logged("device.recovered")
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == DONE


@row(
    "HARDWARE-6",
    "what would do harm is REJECTED after OK, and the session goes on",
    source=House("InstructionStatus"),
)
async def test_harm(own):
    plant = ModbusBattery(simulator={"soc_percent": 90.0})
    async with own.in_charge(FRBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct(rm.mode("discharge"), 0.0)) == DONE
        await plant.simulator.written(0, -4000)


@row(
    "HARDWARE-7",
    "a running instruction that would do harm by now is ABORTED",
    source=Peer("peers"),
    by=["plain"],
)
async def test_protection(own):
    plant = home_battery(follows={})
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "STARTED")
        plant.shows(soc=96.0)
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]
        await plant.has_written("power_setpoint", 0, 5000, 0)


@row(
    "HARDWARE-8",
    "a device that does what is asked before it is told to: no success until it has confirmed the order",
    source=House("InstructionStatus"),
    by=["plain", "s2-python"],
)
async def test_unconfirmed(own):
    plant = home_battery(follows={})
    async with own.in_charge(FRBC, plant) as rm:
        plant.shows(power=5000.0)
        await rm.expect("FRBC.ActuatorStatus", active_operation_mode_id=rm.mode("charge"))
        plant.refuses()
        await plant.waits()
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "STARTED")
        await plant.goes_on()  # what was being read is read; now the order waits to be written
        assert plant.written("power_setpoint") == [0, 5000]
        assert rm.steps_of(order) == ["ACCEPTED", "STARTED"]
        plant.waits_no_more()
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]


@row(
    "HARDWARE-9",
    "an order that is confirmed: no success on what was read before, though it would fit",
    source=House("InstructionStatus"),
    by=["plain", "s2-python"],
)
async def test_old_reading(own):
    plant = home_battery(follows={}, thresholds=TALKATIVE)
    async with own.in_charge(FRBC, plant) as rm:
        plant.shows(power=5000.0)
        await rm.expect("FRBC.ActuatorStatus", active_operation_mode_id=rm.mode("charge"))
        await plant.waits()
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await plant.goes_on()  # what was being read is read
        await plant.goes_on()  # the order is written; now the next reading waits
        plant.shows(power=0.0)
        told = len(rm.told("PowerMeasurement"))
        plant.passes(TALKATIVE.every_s)
        await rm.heard.until(lambda _: len(rm.told("PowerMeasurement")) > told, "what is known told again")
        assert rm.steps_of(order) == ["ACCEPTED", "STARTED"]
        plant.waits_no_more()
        await rm.expect("FRBC.ActuatorStatus", active_operation_mode_id=rm.mode("idle"))
        plant.shows(power=5000.0)
        assert await rm.fate_of(order) == DONE


@pytest.mark.virtual_time
@row(
    "HARDWARE-10",
    "hardware that hangs for longer than a driver may: ABORTED, and the RM goes on without it",
    source=Peer("peers"),
    by=["plain"],
)
async def test_hardware_hangs_for_good(own):
    plant = home_battery(poll_s=10.0)
    async with own.in_charge(FRBC, plant) as rm:
        plant.hardware.is_hung = True
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "STARTED")
        since = asyncio.get_running_loop().time()
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]
        assert asyncio.get_running_loop().time() - since < HUNG_AFTER_S + 1.0
        await plant.has_logged("device.unreachable")
        assert await rm.fate_of(await rm.instruct(rm.mode("idle"))) == ["REJECTED"]
        plant.hardware.is_hung = False
        await plant.has_logged("device.recovered")
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == DONE


@row(
    "HARDWARE-11",
    "what waits, and would do harm by its time, is ABORTED then, and never written",
    source=House("InstructionStatus"),
    by=["plain", "flexmeasures"],
)
async def test_harm_by_then(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0, at=soon(AHEAD_S))
        await rm.reached(order, "ACCEPTED")
        plant.shows(soc=96.0)
        await rm.expect("FRBC.StorageStatus", present_fill_level=96.0)
        plant.passes(AHEAD_S)
        assert (await rm.fate_of(order))[-1] == "ABORTED"
        assert await rm.fate_of(await rm.instruct(rm.mode("discharge"), 0.0)) == DONE
        assert 5000 not in plant.written("power_setpoint")


@row(
    "HARDWARE-12",
    "what has SUCCEEDED, goes on, and would do harm by now is ABORTED as well",
    source=House("InstructionStatus"),
    by=["plain", "s2-python"],
)
async def test_protection_of_what_is_done(own):
    plant = home_battery()
    async with own.in_charge(FRBC, plant) as rm:
        order = await rm.instruct(rm.mode("charge"), 1.0)
        assert await rm.fate_of(order) == DONE
        plant.shows(soc=96.0)
        await rm.reached(order, "ABORTED")
        await plant.has_written("power_setpoint", 0, 5000, 0)

"""Instructions, and hardware that refuses them, does not follow, or is lost."""

from .own import ModbusBattery
from .plants import heat_pump, home_battery
from .rows import row
from .wire import DONE, FRBC, OMBC, soon

SOON_S = 0.3


@row(
    "HARDWARE-1",
    "hardware that refuses: ABORTED, and the default state",
    source="EN 50491-12-2, InstructionStatus",
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
    source="EN 50491-12-2, InstructionStatus",
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
    source="peers",
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
    source="EN 50491-12-2, InstructionStatus",
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
    source="peers",
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
    source="EN 50491-12-2, InstructionStatus",
)
async def test_harm(own):
    plant = ModbusBattery(simulator={"soc_percent": 90.0})
    async with own.in_charge(FRBC, plant) as rm:
        assert await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct(rm.mode("discharge"), 0.0)) == DONE
        await plant.simulator.written(0, -4000)


@row(
    "HARDWARE-7",
    "a running instruction that would do harm by now is ABORTED, or ends unsaid if it had succeeded",
    source="peers",
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

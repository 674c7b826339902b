"""Each fault of the simulated battery, as the real driver meets it."""

import asyncio
import re
import struct
from contextlib import asynccontextmanager

import pytest
from s2d_drivers.modbus import ModbusPoint

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import FAULTS, Faults
from s2d.simulation.modbus import serve_rtu, serve_tcp
from s2d.simulation.registers import BatteryRegisters
from s2d.values import Quality, Setpoint
from tests.drivers.modbus_peers import device
from tests.ptys import pty_pair

pytestmark = [pytest.mark.system, pytest.mark.virtual_time]

POINTS = {
    "soc": ModbusPoint(register=843, scale=0.1, unit="%", sentinel=0xFFFF),
    "power": ModbusPoint(register=842, type="int16", unit="W", sentinel=0x8000),
    "power_setpoint": ModbusPoint(register=2700, type="int16", unit="W", access="read_write"),
}
ORDER = Setpoint("power_setpoint", 1500, "test")


class HandClock:
    """A clock that only the test moves."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@asynccontextmanager
async def battery(*faults, points=POINTS, clock=None, timeout=0.3, every=1):
    """The driver in front of a battery with *faults*, the battery, and its faults."""
    simulated, wrong = SimulatedBattery(ramp_w_per_s=1e9), Faults(faults)
    wrong.every = every
    registers = BatteryRegisters(simulated, faults=wrong)
    async with (
        serve_tcp(registers, faults=wrong, clock=clock) as address,
        device(points, host=address.host, port=address.port, timeout_s=timeout) as driver,
    ):
        yield driver, simulated, wrong


async def values(driver, *points):
    return {reading.point: reading.value for reading in await driver.read(points or ("soc", "power"))}


async def test_a_late_reply_is_no_reply_and_never_taken_for_the_next_one():
    async with battery("late-reply=500ms") as (driver, _, wrong):
        with pytest.raises(DeviceUnreachable, match=r"no answer from unit 1 at .* within 0.3 s"):
            await driver.read(["soc"])
        wrong.switch("late-reply", False)
        assert await values(driver, "power_setpoint") == {"power_setpoint": 0}
        assert await values(driver, "soc") == {"soc": 50.0}


async def test_a_late_answer_bears_the_number_of_its_own_question():
    late = Faults(["late-reply=50ms"])
    late.every = 1
    began, of_request = asyncio.Event(), late.of_request
    late.of_request = lambda: (began.set(), of_request())[1]
    async with serve_tcp(BatteryRegisters(SimulatedBattery()), faults=late) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        for transaction, register in ((7, 843), (8, 842)):
            writer.write(struct.pack(">HHHBBHH", transaction, 0, 6, 1, 3, register, 1))
            await began.wait()
            began.clear()
        answers = [await reader.readexactly(11) for _ in range(2)]
        writer.close()
        await writer.wait_closed()
    assert [struct.unpack(">HHHBBBH", answer)[0::6] for answer in answers] == [(7, 500), (8, 0)]


async def test_an_answer_of_another_unit_is_not_believed():
    async with battery("wrong-unit") as (driver, _, wrong):
        with pytest.raises(DeviceUnreachable):
            await driver.read(["soc"])
        wrong.switch("wrong-unit", False)
        assert await values(driver, "soc") == {"soc": 50.0}


async def test_a_busy_device_is_asked_again_at_once():
    async with battery("busy", every=2) as (driver, _, wrong):
        for _ in range(4):
            assert await values(driver) == {"soc": 50.0, "power": 0}
        wrong.every = 1
        with pytest.raises(DeviceUnreachable, match="is busy"):
            await driver.read(["soc"])


async def test_measurements_that_are_not_available_are_absent():
    async with battery("nan") as (driver, _, wrong):
        read = await driver.read(["soc", "power"])
        assert {(each.point, each.value, each.quality) for each in read} == {
            ("soc", None, Quality.ABSENT),
            ("power", None, Quality.ABSENT),
        }
        wrong.switch("nan", False)
        assert await values(driver) == {"soc": 50.0, "power": 0}


async def test_a_device_without_function_6_says_so_and_takes_16():
    multiple = {"power_setpoint": ModbusPoint(register=2700, type="int16", access="read_write", write="multiple")}
    async with battery("refuses-fc6") as (driver, simulated, _):
        with pytest.raises(DeviceRefused, match=r"exception 1\); it may want `write: multiple`"):
            await driver.write(ORDER)
        assert simulated.setpoint_w == 0
    async with battery("refuses-fc6", points=multiple) as (driver, simulated, _):
        await driver.write(ORDER)
        assert simulated.setpoint_w == 1500


async def test_an_order_is_forgotten_when_nobody_repeats_it():
    clock = HandClock()
    async with battery("forgets=10s", clock=clock) as (driver, _, _):
        await driver.write(ORDER)
        clock.now_s += 9.9
        assert await values(driver, "power", "power_setpoint") == {"power": 1500, "power_setpoint": 1500}
        clock.now_s += 0.1
        assert await values(driver, "power_setpoint") == {"power_setpoint": 0}


async def test_a_write_that_is_acknowledged_and_ignored_does_not_show():
    async with battery("ignores-writes") as (driver, simulated, _):
        assert await driver.write(ORDER) == {"power_setpoint": 1500}
        assert await values(driver, "power_setpoint") == {"power_setpoint": 0}
        assert simulated.setpoint_w == 0


async def test_a_dropped_line_is_a_closed_connection_and_a_new_one_works():
    async with battery("drops-line") as (driver, _, wrong):
        with pytest.raises(DeviceUnreachable, match="closed the connection"):
            await driver.read(["soc"])
        wrong.switch("drops-line", False)
        assert await values(driver, "soc") == {"soc": 50.0}


async def test_on_a_serial_line_a_dropped_line_is_silence():
    wrong = Faults(["drops-line"])
    wrong.every = 1
    async with (
        pty_pair() as (line, far_end),
        serve_rtu(BatteryRegisters(SimulatedBattery()), far_end, faults=wrong),
        device(POINTS, serial=line, timeout_s=0.2) as driver,
    ):
        with pytest.raises(DeviceUnreachable, match="no answer"):
            await driver.read(["soc"])


def test_faults_take_turns():
    both = Faults(["busy", "late-reply", "ignores-writes"])
    struck = [sorted(both.of_request()) for _ in range(4)]
    assert struck == [
        ["busy", "ignores-writes"],
        ["ignores-writes"],
        ["ignores-writes", "late-reply"],
        ["busy", "ignores-writes"],
    ]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("bussy", f"no fault is called 'bussy'; there are {', '.join(FAULTS)}"),
        ("busy=3s", "busy takes no time; only late-reply and forgets do"),
        ("forgets=3", 'expected a duration such as "30 s", got "3"'),
    ],
)
def test_a_wrong_fault_is_one_sentence(written, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Faults([written])


def test_the_faults_are_told_apart_by_their_text():
    assert str(Faults(["busy", "nan"])) == "busy, nan"

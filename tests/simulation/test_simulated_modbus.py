"""The simulated battery asked by a real Modbus client, over TCP and over a pty pair."""

import asyncio

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.modbus import CannotServe, serve_rtu, serve_tcp
from s2d.simulation.registers import BatteryRegisters
from tests.chronicle import PATIENCE_S
from tests.ptys import pty_pair

pytestmark = [pytest.mark.system, pytest.mark.virtual_time]


class HandClock:
    """A clock that only the test moves."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


async def connected(port):
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=PATIENCE_S, retries=0, reconnect_delay=0)
    assert await client.connect()
    return client


async def test_an_order_over_tcp_moves_the_battery():
    clock, written = HandClock(), asyncio.Queue()
    registers = BatteryRegisters(SimulatedBattery(), on_write=lambda name, value: written.put_nowait((name, value)))
    async with serve_tcp(registers, clock=clock) as address:
        client = await connected(address.port)
        await client.write_register(2700, 0x10000 - 2000)
        async with asyncio.timeout(PATIENCE_S):
            assert await written.get() == ("power_setpoint", -2000)
        clock.now_s += 10
        assert (await client.read_input_registers(842, count=4)).registers == [0x10000 - 2000, 499, 2, 0]
        assert (await client.read_holding_registers(842, count=4)).registers == [0x10000 - 2000, 499, 2, 0]
        await client.write_registers(2700, [1500, 30])
        clock.now_s += 29
        assert (await client.read_holding_registers(2700, count=2)).registers == [1500, 30]
        clock.now_s += 1
        assert (await client.read_holding_registers(2700, count=2)).registers == [0, 30]
        client.close()


async def test_the_serial_number_is_ascii_text():
    async with serve_tcp(BatteryRegisters(SimulatedBattery(serial_number="B2-77"))) as address:
        client = await connected(address.port)
        read = await client.read_holding_registers(850, count=8)
        text = client.convert_from_registers(read.registers, client.DATATYPE.STRING)
        assert text == "B2-77"
        client.close()


async def test_what_is_not_there_is_answered_with_its_exception():
    async with serve_tcp(BatteryRegisters(SimulatedBattery()), unit=7) as address:
        client = await connected(address.port)
        answers = [
            (await answer).exception_code
            for answer in (
                client.read_holding_registers(0, device_id=7),
                client.read_holding_registers(846, device_id=7),
                client.read_input_registers(842, count=16, device_id=7),
                client.read_holding_registers(2800, device_id=7),
                client.read_holding_registers(65535, device_id=7),
                client.write_register(2711, 1, device_id=7),
                client.write_register(842, 1, device_id=7),
                client.write_registers(2700, [1, 2, 3], device_id=7),
                client.write_register(2799, 2, device_id=7),
                client.read_coils(842, count=1, device_id=7),
                client.read_holding_registers(842, device_id=1),
                client.write_register(2700, 1, device_id=1),
            )
        ]
        assert answers == [2, 2, 2, 2, 2, 2, 2, 2, 3, 1, 11, 11]
        assert (await client.read_holding_registers(2700, device_id=7)).registers == [0]
        client.close()


async def test_it_comes_back_on_the_same_port_with_its_state():
    clock = HandClock()
    registers = BatteryRegisters(SimulatedBattery(watchdog_s=0))
    async with serve_tcp(registers, clock=clock) as address:
        client = await connected(address.port)
        await client.write_register(2700, 3000)
        client.close()
        orphan, orphan_writer = await asyncio.open_connection(*address)
        # An answered request shows that the server knows the connection: exception 2 for register 0.
        orphan_writer.write(bytes.fromhex("000100000006 01 03 0000 0001"))
        async with asyncio.timeout(PATIENCE_S):
            assert await orphan.readexactly(9) == bytes.fromhex("000100000003 01 83 02")
    async with asyncio.timeout(PATIENCE_S):
        assert await orphan.read() == b""
    clock.now_s += 3600
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    async with serve_tcp(registers, port=address.port, clock=clock) as again:
        assert again == address
        client = await connected(again.port)
        assert (await client.read_holding_registers(842, count=2)).registers == [3000, 788]
        client.close()
    orphan_writer.close()


async def test_a_port_in_use_is_named():
    registers = BatteryRegisters(SimulatedBattery())
    async with serve_tcp(registers) as address:
        with pytest.raises(CannotServe) as refusal:
            async with serve_tcp(registers, port=address.port):
                pass
    assert str(refusal.value) == f"cannot serve Modbus on 127.0.0.1:{address.port}: address already in use"


async def test_a_serial_line_that_is_not_there_is_named():
    with pytest.raises(CannotServe) as refusal:
        async with serve_rtu(BatteryRegisters(SimulatedBattery()), "/dev/no-such-line"):
            pass
    assert str(refusal.value) == "cannot serve Modbus on /dev/no-such-line: no such file or directory"


async def test_rtu_serves_its_unit_and_is_silent_for_others():
    written = asyncio.Queue()
    registers = BatteryRegisters(SimulatedBattery(), on_write=lambda name, value: written.put_nowait((name, value)))
    async with pty_pair() as (device, gateway), serve_rtu(registers, device, baudrate=115200, unit=3):
        client = AsyncModbusSerialClient(gateway, baudrate=115200, timeout=PATIENCE_S, retries=0, reconnect_delay=0)
        assert await client.connect()
        await client.write_register(2700, 1234, device_id=3)
        assert (await client.read_holding_registers(2700, device_id=3)).registers == [1234]
        client.ctx.comm_params.timeout_connect = 0.2
        with pytest.raises(ModbusIOException, match="No response"):
            await client.read_holding_registers(2700, device_id=4)
        client.ctx.comm_params.timeout_connect = PATIENCE_S
        await client.write_register(2700, 99, device_id=0, no_response_expected=True)
        async with asyncio.timeout(PATIENCE_S):
            assert [await written.get(), await written.get()] == [("power_setpoint", 1234), ("power_setpoint", 99)]
        assert (await client.read_holding_registers(2700, device_id=3)).registers == [99]
        client.close()

"""Modbus devices that hear nothing for a while after each write, on every transport. Time is virtual."""

import asyncio
from contextlib import asynccontextmanager
from math import inf

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint

from s2d.device.device import Device
from s2d.device.device_map import DeviceMap
from s2d.events import Applied, Lost, Measured, Refused
from s2d.quantities import Duration
from s2d.values import Setpoint
from tests.drivers.modbus_peers import WRITES, Unit
from tests.fakes import FakeLog, now, pass_s
from tests.ptys import pty_pair

pytestmark = pytest.mark.virtual_time

TRANSPORTS = ("tcp", "rtu through tcp", "rtu")
ORDER = Setpoint("limit", 300.0, "order")


def deaf(for_s, place):
    """Lets pass what a server hears and says, unless it is deaf; the function stands at *place* of a frame."""
    until = -inf

    def passes(is_sent, frame):
        nonlocal until
        time_s = asyncio.get_running_loop().time()
        if is_sent and frame[place] in WRITES:
            until = time_s + for_s
        return frame if is_sent or time_s >= until else b""

    return passes


@asynccontextmanager
async def served(transport, unit, for_s):
    """The connection to *unit*, which is deaf *for_s* after each write."""
    devices = [unit.device(1)]
    async with pty_pair() as (ours, theirs):
        if transport == "rtu":
            server = ModbusSerialServer(devices, port=theirs, trace_packet=deaf(for_s, 1))
        else:
            framer, place = (FramerType.SOCKET, 7) if transport == "tcp" else (FramerType.RTU, 1)
            server = ModbusTcpServer(devices, address=("127.0.0.1", 0), framer=framer, trace_packet=deaf(for_s, place))
        await server.serve_forever(background=True)
        try:
            if transport == "rtu":
                yield ModbusConnection(serial=ours)
            else:
                port = server.transport.sockets[0].getsockname()[1]
                yield ModbusConnection(host="127.0.0.1", port=port, framing="tcp" if transport == "tcp" else "rtu")
        finally:
            await server.shutdown()


@asynccontextmanager
async def at_work(transport, for_s, **limit):
    """The device in front of it, the unit, and what was told."""
    unit, told = Unit(), []
    points = {"power": ModbusPoint(register=10), "limit": ModbusPoint(register=20, **limit)}
    async with served(transport, unit, for_s) as where, Modbus.open_bus(where) as bus:
        device = Device(
            "battery",
            lambda points: Modbus.open(where, points, bus),
            DeviceMap(points=points),
            poll_s=2.0,
            clock=now,
            log=FakeLog().logger,
        )
        device.listen(told.append)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(device.run())
            await pass_s(3)
            yield device, unit, told
            running.cancel()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("access", ["write", "read_write"])
@pytest.mark.parametrize(("for_s", "keys"), [(3.0, {}), (8.0, {"settle": Duration(10)}), (8.0, {"rest": Duration(8)})])
async def test_it_is_told_once_and_read_again_as_soon_as_it_hears(transport, access, for_s, keys):
    async with at_work(transport, for_s, access=access, **keys) as (device, unit, told):
        device.offer(ORDER)
        await pass_s(for_s + 10)
        assert [each for each in told if isinstance(each, Applied | Refused | Lost)] == [Applied(ORDER)]
        assert [asked[0] for asked in unit.asked if asked[0] in WRITES] == [6]
        told.clear()
        await pass_s(10)
        assert sum(isinstance(each, Measured) for each in told) == 5


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_is_safe_is_not_told_again_and_again_either(transport):
    async with at_work(transport, 3.0, access="read_write") as (device, unit, told):
        rest = Setpoint("limit", 0.0, "fallback", is_safe=True)
        device.offer(rest)
        await pass_s(20)
        assert [each for each in told if isinstance(each, Applied | Refused | Lost)] == [Applied(rest)]
        assert [asked[0] for asked in unit.asked if asked[0] in WRITES] == [6]

"""A device whose name cannot be looked up any more: written at its last address only if it is still the same."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest
from s2d_drivers.modbus import ModbusConnection
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.transport.bus import ModbusBus

from s2d.device.device import UNPROVEN_FOR_S, Device
from s2d.device.device_map import DeviceMap, Nameplate
from s2d.driver import Doubt, PointSettings
from s2d.errors import DeviceUnreachable
from s2d.values import Setpoint
from tests.fakes import FakeDriver, FakeLog, Hardware, now, pass_s
from tests.shell.test_tcp import NameServer

POINTS = {
    "power": PointSettings(),
    "serial": PointSettings(poll="once"),
    "setpoint": PointSettings(access="write"),
}
SAYS = Nameplate(serial_number="serial")


class Doubted(FakeDriver):
    """A driver in doubt about who answers, as long as the test says so, or until it is told better."""

    doubted = None
    judged = ()

    @property
    def doubt(self):
        return None if Doubted.doubted in Doubted.judged else Doubted.doubted

    def judge(self, doubt, *, is_device):
        if is_device:
            Doubted.judged = (*Doubted.judged, doubt)

    async def write(self, setpoint, *together):
        if self.doubt:
            raise DeviceUnreachable("it may not be where it was")
        await super().write(setpoint, *together)


@asynccontextmanager
async def at_work(nameplate, hardware, monkeypatch):
    monkeypatch.setattr(Doubted, "judged", ())
    monkeypatch.setattr(Doubted, "doubted", None)
    log = FakeLog()
    device = Device(
        "device",
        lambda points: Doubted.open(hardware, points, None),
        DeviceMap(points=POINTS, nameplate=nameplate),
        poll_s=1.0,
        clock=now,
        log=log.logger,
    )
    running = asyncio.create_task(device.run())
    await pass_s(5)
    try:
        yield device, log
    finally:
        running.cancel()
        await asyncio.wait([running])


def hardware(serial="A1"):
    return Hardware({"power": 0.0, "serial": serial})


def doubt():
    """One that comes up now, as the connection was lost."""
    Doubted.doubted = Doubt(now().mono, "192.0.2.7")


def written(of):
    return [value for _, _, value in of.writes]


@pytest.mark.virtual_time
async def test_one_that_says_who_it_is_is_written_however_long_that_lasts(monkeypatch):
    of = hardware()
    async with at_work(SAYS, of, monkeypatch) as (device, log):
        doubt()
        device.offer(Setpoint("setpoint", 1.0, "test"))
        await pass_s(5)
        assert written(of) == [1.0]
        await pass_s(2 * UNPROVEN_FOR_S)
        device.offer(Setpoint("setpoint", 2.0, "test"))
        await pass_s(5)
        assert written(of) == [1.0, 2.0]
        assert log.events() == []


@pytest.mark.virtual_time
async def test_another_at_its_address_is_never_written_until_it_is_found_again(monkeypatch):
    of = hardware()
    async with at_work(SAYS, of, monkeypatch) as (device, log):
        of.values["serial"] = "B2"
        doubt()
        device.offer(Setpoint("setpoint", 1.0, "test"))
        await pass_s(1000)
        assert written(of) == []
        (lost,) = [line for line in log.lines if line["event"] == "device.unavailable"]
        assert lost["reason"] == "its name cannot be looked up, and at its last address, 192.0.2.7, is another"
        Doubted.doubted = None  # its name is known again, and leads to it
        of.values["serial"] = "A1"
        await pass_s(5)
        assert written(of) == [1.0]


@pytest.mark.virtual_time
async def test_one_that_says_nothing_of_itself_is_believed_for_ten_minutes_and_then_unreachable(monkeypatch):
    of = hardware()
    async with at_work(Nameplate(), of, monkeypatch) as (device, log):
        doubt()
        device.offer(Setpoint("setpoint", 1.0, "test"))
        await pass_s(UNPROVEN_FOR_S - 10)
        assert written(of) == [1.0]
        since = Doubted.doubted.since
        Doubted.doubted = Doubt(since, "192.0.2.8")  # connected anew
        await pass_s(5)
        Doubted.doubted = Doubt(since, "192.0.2.9")
        await pass_s(20)
        Doubted.doubted = Doubt(since, "192.0.2.10")
        device.offer(Setpoint("setpoint", 2.0, "test"))
        await pass_s(60)
        assert written(of) == [1.0]
        (lost,) = [line for line in log.lines if line["event"] == "device.unreachable"]
        assert lost["reason"].startswith("its name cannot be looked up, and who is at its last address, 192.0.2.10,")
        Doubted.doubted = None
        await pass_s(60)
        assert written(of) == [1.0, 2.0]


async def test_a_modbus_bus_sends_no_write_in_doubt(monkeypatch):
    names = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    names.says["inverter.test"] = ["127.0.0.1"]
    heard = []

    async def answer(reader, writer):
        """One request, and then it hangs up."""
        with suppress(asyncio.IncompleteReadError):
            request = await reader.readexactly(12)
            heard.append(request[7])
            writer.write(request[:4] + (b"\0\5\1\3\2\0\7" if request[7] == 3 else request[4:]))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        connection = ModbusConnection(host="inverter.test", port=server.sockets[0].getsockname()[1])
        block = RegisterBlock("holding", 5, 1)
        async with ModbusBus.opened(connection) as bus:
            await bus.write(connection, block, [7], is_multiple=False)
            assert bus.doubt is None
            names.says["inverter.test"] = []
            assert await bus.read(connection, block) == (7,)
            doubted = bus.doubt
            assert doubted is None or doubted.address == "127.0.0.1"
            with pytest.raises(
                DeviceUnreachable, match=r"^inverter\.test cannot be looked up, and may not be where it was$"
            ):
                await bus.write(connection, block, [8], is_multiple=False)
            assert bus.doubt
            bus.judge(bus.doubt, is_device=True)
            await bus.write(connection, block, [9], is_multiple=False)
            assert heard == [6, 3, 6]
            bus.judge(Doubt(0.0, "127.0.0.1"), is_device=False)
            assert bus.connection_number is None

"""Commands on a real Modbus server: what goes over the wire, and a device that only pretends to obey."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint

from s2d.device.command import Command, Step, Verify
from s2d.device.computed import Computed
from s2d.device.device import Device
from s2d.device.device_map import DeviceMap, Nameplate, Variant
from s2d.device.expression import Expression
from s2d.events import Applied, Identified, Lost, Refused
from s2d.quantities import Duration
from s2d.values import RELEASE, Setpoint
from tests.drivers.modbus_peers import WRITES, OddUnit, Unit, odd_device, tcp_server
from tests.fakes import FakeLog, now, pass_s

pytestmark = pytest.mark.virtual_time

E = Expression.parse
WITHIN_S = 5.0

IDENTITY = {"firmware": ModbusPoint(register=0, poll="once")}
POINTS = IDENTITY | {
    "failsafe": ModbusPoint(register=10, access="read_write", poll="never", unit="W"),
    "mode": ModbusPoint(register=11, access="read_write", poll="never", values={"0": "own", "2": "forced"}),
    "charge": ModbusPoint(register=20, access="read_write", poll="never", unit="W"),
    "discharge": ModbusPoint(register=21, access="read_write", poll="never", unit="W"),
    "limit": ModbusPoint(register=30, poll="never", unit="W"),
}
FORCED = Command(
    unit="W",
    min=E("-limit"),
    max=E("limit"),
    steps=(
        Step(write={"mode": E("'forced'")}),
        Step(together={"charge": E("max(value, 0)"), "discharge": E("max(-value, 0)")}),
    ),
    verify=Verify(point="power", is_=E("value"), within_s=Duration(0.2)),
    release=(Step(write={"mode": E("'own'")}),),
)
MAKE = DeviceMap(
    points=POINTS,
    computed={"power": Computed(value=E("charge - discharge"), unit="W")},
    commands={"power_setpoint": FORCED},
    start=(Step(write={"failsafe": E("0")}),),
    nameplate=Nameplate(manufacturer="Acme", firmware_version="firmware"),
)


@asynccontextmanager
async def at_work(unit):
    """A device in front of *unit*, and the events it tells."""
    events: asyncio.Queue = asyncio.Queue()
    async with tcp_server({1: unit}) as served, Modbus.open_bus(where := connection(served.port)) as bus:
        device = Device(
            "battery",
            lambda points: Modbus.open(where, points, bus),
            DeviceMap(points=IDENTITY),
            poll_s=60.0,
            clock=now,
            log=FakeLog().logger,
            variants=(Variant(E("firmware >= 300"), MAKE),),
        )
        device.listen(events.put_nowait)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(device.run())
            yield device, events
            running.cancel()


def connection(port):
    return ModbusConnection(host="127.0.0.1", port=port)


async def next_of(events, *kinds):
    async with asyncio.timeout(WITHIN_S):
        while True:
            event = await events.get()
            if isinstance(event, kinds):
                return event


def wanted(value):
    return Setpoint("power_setpoint", value, "test")


async def test_a_command_goes_over_the_wire_as_its_profile_says():
    unit = Unit()
    unit.holding[0], unit.holding[10], unit.holding[30] = 312, 5000, 2500
    async with at_work(unit) as (device, events):
        assert await next_of(events, Identified) == Identified("Acme", None, None, "312")
        for value in (-4000.0, -4000.0, 1000.0, RELEASE):
            device.offer(wanted(value))
            keeps = -2500.0 if value == -4000.0 else None
            assert await next_of(events, Applied, Refused) == Applied(wanted(value), keeps)
    assert [asked for asked in unit.asked if asked[0] in WRITES] == [
        (6, 10, 1),  # the failsafe, once, because it differed
        (6, 11, 1),
        (16, 20, 2),
        (16, 20, 2),
        (6, 11, 1),
    ]


async def test_a_device_that_only_says_yes_is_found_out():
    unit = Unit(takes=False)
    unit.holding[0], unit.holding[11], unit.holding[30] = 312, 2, 2500
    async with at_work(unit) as (device, events):
        device.offer(wanted(1000.0))
        refused = await next_of(events, Applied, Refused)
        assert refused.setpoint == wanted(1000.0)
        assert refused.reason.startswith("step 2 of 2 (charge, discharge): charge: ")
        assert not refused.will_retry


SIMPLE = {
    "soc": ModbusPoint(register=10, table="input"),
    "status": ModbusPoint(register=13, table="input"),
    "setpoint": ModbusPoint(register=20, access="read_write", write="multiple", refresh=Duration(30)),
}


@asynccontextmanager
async def odd_device_at_work(unit, transport, points, variants=()):
    """A device in front of *unit*, the events it tells, and its log."""
    events, log = [], FakeLog()
    async with odd_device(unit, transport) as settings, Modbus.open_bus(where := ModbusConnection(**settings)) as bus:
        device = Device(
            "battery",
            lambda opened: Modbus.open(where, opened, bus),
            DeviceMap(points=points),
            poll_s=1.0,
            clock=now,
            log=log.logger,
            variants=variants,
        )
        device.listen(events.append)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(device.run())
            yield device, events, log
            running.cancel()


ODD = {
    "a short acknowledgement": (OddUnit(answers=lambda asked, pdu: pdu[:2] if asked[0] == 16 else pdu), 1),
    "few registers": (
        OddUnit(answers=lambda asked, pdu: b"\4\4" + pdu[2:6] if asked[0] == 4 and len(pdu) > 6 else pdu),
        1,
    ),
    "a byte too many": (OddUnit(says=lambda frame: [(0.0, frame), (0.03, b"\0")]), 1),
    "twice": (OddUnit(says=lambda frame: [(0.0, frame + frame)]), 1),
    "hangs up": (OddUnit(hangs_up_s=0.003, is_deaf_meanwhile=True), 0),
    "an echo": (OddUnit(echoes=True, says=lambda frame: [(0.12, frame)]), 1),
}


ON_A_LINE = ("a byte too many", "twice")
"""Nothing odd there."""


@pytest.mark.parametrize("transport", ["tcp", "line", "through tcp"])
@pytest.mark.parametrize("how", ODD)
async def test_an_odd_device_is_never_lost_and_never_written_twice(how, transport):
    unit, oddities = ODD[how]
    unit = OddUnit(**{**vars(unit), "asked": []})
    async with odd_device_at_work(unit, transport, SIMPLE) as (device, events, log):
        device.offer(Setpoint("setpoint", 700.0, "test"))
        await pass_s(299)
    assert not [event for event in events if isinstance(event, Lost | Refused)]
    assert len(unit.written()) == 10, "once, and again every 30 s"
    assert len(unit.asked) >= 299 * 2
    # A network brings nothing back; what else is heard on a line may be anybody's.
    is_told = oddities and (transport != "tcp" if how == "an echo" else transport == "tcp" or how not in ON_A_LINE)
    assert [line["event"] for line in log.lines if line["level"] == "warning"] == ["device.odd"] * is_told


async def test_what_is_odd_is_told_once_though_the_device_is_opened_again_to_be_what_it_turned_out_to_be():
    unit = OddUnit(says=lambda frame: [(0.0, frame + frame)])
    points = SIMPLE | {"kind": ModbusPoint(register=13, table="input", poll="once")}
    variants = [Variant(Expression.parse("kind == 13"), DeviceMap(points=points))]
    async with odd_device_at_work(unit, "tcp", points, variants) as (_, _, log):
        await pass_s(10)
    assert [line["event"] for line in log.lines if line["level"] == "warning"] == ["device.odd"]


async def test_a_device_that_refused_at_times_is_asked_as_ever_once_it_does_not():
    """A fifth of its questions for a minute, with exceptions that say nothing of what was asked."""
    chance, began = random.Random(7), asyncio.get_running_loop().time()

    def passing(asked, pdu):
        is_over = asyncio.get_running_loop().time() > began + 60
        refused = bytes((asked[0] | 0x80, chance.choice((4, 5, 6, 8, 10, 11))))
        return pdu if is_over or chance.random() > 0.2 else refused

    unit = OddUnit(answers=passing)
    points = {f"p{register}": ModbusPoint(register=register) for register in range(100, 108)}
    async with odd_device_at_work(unit, "tcp", points) as (_, events, log):
        await pass_s(62)
        asked = len(unit.asked)
        assert asked < 62 * 3
        await pass_s(100)
    assert len(unit.asked) - asked == 100, "one request a poll"
    assert not [event for event in events if isinstance(event, Lost)]
    assert log.events("warning") == []

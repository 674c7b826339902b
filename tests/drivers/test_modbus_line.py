"""A serial line at 9600 baud with everything on it that makes one difficult."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint

from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Reading
from tests.chronicle import PATIENCE_S
from tests.hybrid import POINTS, REGISTERS
from tests.paced import PacedUnit, paced_line

virtual_time = pytest.mark.virtual_time

PAIR = {"first": ModbusPoint(register=10), "second": ModbusPoint(register=11)}
PERIOD_S = 0.4
WATCHED_S = 4.0


@asynccontextmanager
async def drivers(
    units: Mapping[int, PacedUnit], serial: str, **connection: object
) -> AsyncIterator[Mapping[int, Modbus]]:
    """A driver for each of *units* on one bus."""
    where = {unit: ModbusConnection(serial=serial, unit=unit, **connection) for unit in units}
    async with Modbus.open_bus(next(iter(where.values()))) as bus:
        yield {unit: Modbus(connection, PAIR, bus) for unit, connection in where.items()}


async def poll(driver: Modbus, took: list[list[Reading]], reasons: list[str]) -> None:
    """Reads as a device's task does: every PERIOD_S, and after a failure only when half a second has passed."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        try:
            took.append(list(await driver.read(PAIR)))
            due = max(due + PERIOD_S, loop.time())
        except DeviceUnreachable as exc:
            reasons.append(exc.reason)
            due = loop.time() + 0.5
        await asyncio.sleep(due - loop.time())


@virtual_time
async def test_five_units_of_which_one_is_dead_one_late_and_one_garbles() -> None:
    units = {unit: PacedUnit(offset=1000 * unit) for unit in range(1, 6)}
    units[2].is_dead = True
    units[3].late_s = 0.25
    units[4].garbles = lambda number: number % 4 == 0
    took: dict[int, list[list[Reading]]] = {unit: [] for unit in units}
    reasons: dict[int, list[str]] = {unit: [] for unit in units}
    async with (
        paced_line(units) as line,
        drivers(units, line.path, timeout_s=Duration(0.2)) as polled,
    ):
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCHED_S), asyncio.TaskGroup() as tasks:
                for unit, driver in polled.items():
                    tasks.create_task(poll(driver, took[unit], reasons[unit]))
    for unit in units:
        right = [Reading("first", 1010.0 + 1000 * (unit - 1)), Reading("second", 1011.0 + 1000 * (unit - 1))]
        assert all(readings == right for readings in took[unit]), "somebody got somebody else's answer"
    for healthy in (1, 4, 5):
        assert len(took[healthy]) >= 0.8 * WATCHED_S / PERIOD_S
        assert reasons[healthy] == [], "what is garbled is asked for once more"
    assert took[2] == took[3] == []
    assert len(units[2].asked) <= 6, "a dead unit was asked again and again"


@virtual_time
async def test_an_adapter_is_pulled_out_and_put_back_elsewhere(tmp_path: Path) -> None:
    """The line keeps its name below by-id, and the port behind it gets another number."""
    unit = PacedUnit(offset=5)
    name = tmp_path / "usb-FTDI"
    right = [Reading("first", 15.0), Reading("second", 16.0)]
    async with asyncio.timeout(PATIENCE_S), paced_line({1: unit}) as line, drivers({1: unit}, str(name)) as polled:
        name.symlink_to(line.path)
        assert await polled[1].read(PAIR) == right
        for _ in range(2):
            unit.is_dead = True
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(_reason(polled[1]))
                await line.asked()
                line.unplug()
                name.unlink()
            assert reading.result() == f"the serial port {name} went away; was the adapter unplugged?"
            assert await _reason(polled[1]) == f"cannot open {name}: No such file or directory"
            unit.is_dead = False
            line.plug_in()
            name.symlink_to(line.path)
            assert await _read_once_reachable(polled[1]) == right


async def _reason(driver: Modbus) -> str:
    try:
        await driver.read(PAIR)
    except DeviceUnreachable as exc:
        return exc.reason
    return "it was read"


async def _read_once_reachable(driver: Modbus) -> list[Reading]:
    while True:
        try:
            return list(await driver.read(PAIR))
        except DeviceUnreachable:
            await asyncio.sleep(0.05)


@virtual_time
async def test_an_adapter_that_is_pulled_out_while_nobody_asks_costs_nothing() -> None:
    """A port without an adapter is for ever ready to be read, of nothing; who goes on reading spins."""
    unit = PacedUnit()
    async with paced_line({1: unit}) as line, drivers({1: unit}, line.path) as polled:
        await polled[1].read(PAIR)
        line.unplug()
        await asyncio.sleep(0.2)


@virtual_time
async def test_83_scattered_registers_take_ten_requests() -> None:
    unit = PacedUnit()
    async with paced_line({1: unit}) as line:
        where = ModbusConnection(serial=line.path)
        async with Modbus.open_bus(where) as bus, Modbus.open(where, POINTS, bus) as inverter:
            readings = await inverter.read(POINTS)
    assert {reading.point: reading.value for reading in readings} == {f"r{number}": number for number in REGISTERS}
    assert all(reading.quality is Quality.GOOD for reading in readings)
    assert len(unit.asked) == 10


@virtual_time
async def test_a_timeout_is_for_the_device_and_not_for_the_line() -> None:
    """At 1200 baud question and answer alone take 0.14 s."""
    unit = PacedUnit(turnaround_s=0.05)
    async with (
        paced_line({1: unit}, baudrate=1200) as line,
        drivers({1: unit}, line.path, baudrate=1200, timeout_s=Duration(0.1)) as polled,
    ):
        assert await polled[1].read(PAIR) == [Reading("first", 10), Reading("second", 11)]
        assert len(unit.asked) == 1


@virtual_time
async def test_every_unit_has_its_own_gap() -> None:
    """One needs a rest before it is asked, and after it has answered; the others are not slowed down by it."""
    units = {1: PacedUnit(), 2: PacedUnit()}
    loop = asyncio.get_running_loop()
    async with paced_line(units, is_paced=False) as line:
        quick = ModbusConnection(serial=line.path, unit=1)
        slow = ModbusConnection(serial=line.path, unit=2, gap_s=Duration(0.15))
        async with Modbus.open_bus(quick) as bus:
            one, other = Modbus(quick, PAIR, bus), Modbus(slow, PAIR, bus)
            took_s = []
            for driver in (one, one, other, one, one):
                began = loop.time()
                await driver.read(PAIR)
                took_s.append(loop.time() - began)
    assert [took > 0.15 for took in took_s] == [False, False, True, True, False]

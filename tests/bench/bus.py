"""What the Modbus bus costs: requests, wire time beyond the shortest possible, dead units, many devices, decoding."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from statistics import median
from time import perf_counter

from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint
from s2d_drivers.modbus.read_planner import Borders, planned_reads
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.request_cost import LineSettings, RequestCost, cost_on_line

from s2d.errors import DeviceUnreachable
from tests.hybrid import POINTS, REGISTERS
from tests.paced import PacedUnit, paced_line

from .cem import serving
from .many import many_devices
from .run import Run
from .table import Row

REQUESTS = 14
CYCLE_PERCENT = 110.0
RATE_PERCENT = 90.0
POINT_US = 3.0
CPU_PERCENT = 8.0
RSS_MB = 70.0
DEVICES = 100

LINE = LineSettings(9600, "N", 1)
POLL_S = 1.0
RATED_S = 20.0
"""How long rates are watched, from the first connecting on: finding out that a unit is dead takes some of it."""
FEW = {"power": ModbusPoint(register=10, type="int32"), "soc": ModbusPoint(register=14)}


def rows(run: Run) -> list[Row]:
    """Requests, cycle, rate, decoding, and a hundred devices in one process."""
    return asyncio.run(_rows(run))


async def _rows(run: Run) -> list[Row]:
    cycles, watch_s, repeats = (4, 5.0, 50) if run.is_quick else (12, 20.0, 400)
    run.tell(f"reading 83 registers {cycles} times at 9600 baud")
    requests, cycle_s = await _cycle(cycles)
    shortest_s = sum(_shortest(LINE).of(block) for block, _ in _plan())
    run.tell(f"polling five units for {2 * RATED_S:g} s, one of them dead half of the time")
    healthy, beside_dead = [await _rate(RATED_S, is_one_dead=is_one_dead) for is_one_dead in (False, True)]
    point_us = await _point_us(repeats)
    run.tell(f"watching {DEVICES} devices for {watch_s:g} s")
    async with serving() as cem:
        many = await many_devices(run, cem, DEVICES, watch_s)
    return [
        Row(what="requests for 83 scattered registers, 9600 baud", unit="", ours=requests, at_most=REQUESTS),
        Row(
            what="a cycle of them (limit: the shortest possible by arithmetic, and a tenth)",
            unit="ms",
            ours=1000 * cycle_s,
            floor=1000 * shortest_s,
            at_most=1000 * shortest_s * CYCLE_PERCENT / 100,
        ),
        Row(
            what="rate of four units beside a dead one, of that beside a fifth that lives",
            unit="%",
            ours=100 * beside_dead / healthy,
            at_least=RATE_PERCENT,
        ),
        Row(what="registers of a block → Reading, per point", unit="µs", ours=point_us, at_most=POINT_US),
        Row(
            what=f"processor, {DEVICES} devices polled every 1 s, a session each",
            unit="%",
            ours=many.cpu_percent,
            at_most=CPU_PERCENT,
        ),
        Row(what=f"RSS with {DEVICES} devices", unit="MB", ours=many.rss_mb, at_most=RSS_MB),
    ]


def _shortest(line: LineSettings) -> RequestCost:
    """A unit that answers as soon as it may."""
    return cost_on_line(line)


def _plan() -> list[tuple[RegisterBlock, list[RegisterBlock]]]:
    return planned_reads([RegisterBlock("holding", register, 1) for register in REGISTERS], _shortest(LINE), Borders())


async def _cycle(cycles: int) -> tuple[int, float]:
    """How many requests it takes to read all, and how long."""
    unit = PacedUnit(turnaround_s=LINE.silence_s)
    async with _devices({1: unit}, POINTS) as drivers:
        await drivers[1].read(POINTS)
        took_s = []
        for _ in range(cycles):
            unit.asked.clear()
            began = perf_counter()
            await drivers[1].read(POINTS)
            took_s.append(perf_counter() - began)
    return len(unit.asked), median(took_s)


async def _rate(watch_s: float, *, is_one_dead: bool) -> float:
    """Readings a second of four units of five, polled from the first connecting on."""
    units = {unit: PacedUnit() for unit in range(1, 6)}
    units[1].is_dead = is_one_dead
    readings: dict[int, list[object]] = {unit: [] for unit in units}
    async with _devices(units, FEW) as drivers:
        with suppress(TimeoutError):
            async with asyncio.timeout(watch_s), asyncio.TaskGroup() as tasks:
                for unit, driver in drivers.items():
                    tasks.create_task(_poll(driver, readings[unit]))
    return sum(len(readings[unit]) for unit in units if unit != 1) / watch_s


async def _poll(driver: Modbus, readings: list[object]) -> None:
    """Reads once a second as a device's task does, which rests for longer and longer while there is no answer."""
    loop = asyncio.get_running_loop()
    due, rest_s = loop.time(), 0.5
    while True:
        try:
            readings.append(await driver.read(FEW))
            due, rest_s = max(due + POLL_S, loop.time()), 0.5
        except DeviceUnreachable:
            due, rest_s = loop.time() + rest_s, min(2 * rest_s, 30.0)
        await asyncio.sleep(due - loop.time())


@asynccontextmanager
async def _devices(
    units: Mapping[int, PacedUnit], points: Mapping[str, ModbusPoint]
) -> AsyncIterator[Mapping[int, Modbus]]:
    async with paced_line(units, LINE.baudrate) as line:
        where = {unit: ModbusConnection(serial=line.path, unit=unit) for unit in units}
        async with Modbus.open_bus(where[1]) as bus:
            yield {unit: Modbus(connection, points, bus) for unit, connection in where.items()}


async def _point_us(repeats: int) -> float:
    """The driver's whole way from the words of its blocks to readings, in µs per point."""
    driver = Modbus(ModbusConnection(host="nowhere"), POINTS, _Words())  # type: ignore[arg-type]
    await driver.read(POINTS)
    took_s = []
    for _ in range(repeats):
        began = perf_counter()
        await driver.read(POINTS)
        took_s.append(perf_counter() - began)
    return 1e6 * median(took_s) / len(POINTS)


class _Words:
    """An endpoint that knows all words at once."""

    connection = ModbusConnection(host="nowhere")
    connection_number = 1
    doubt = None
    _cost = connection.cost()
    _words = tuple(range(125))

    def cost(self, connection: ModbusConnection) -> RequestCost:
        return self._cost

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> Sequence[int]:
        return self._words[: block.count]

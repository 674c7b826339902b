"""Peers for the Modbus driver: pymodbus' own servers, and a server that says exactly what a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint

from tests.chronicle import PATIENCE_S

WRITES = (5, 6, 15, 16)


@dataclass
class Unit:
    """A device with 200 registers and bits in each table; remembers what it was asked."""

    holding: list[int] = field(default_factory=lambda: [0] * 200)
    input: list[int] = field(default_factory=lambda: [0] * 200)
    refuses: Callable[[int, int, int], ExcCodes | None] = lambda function, register, count: None
    takes: bool = True
    """Whether it does what it acknowledges."""
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    """Function, register, count."""

    def device(self, unit: int) -> SimDevice:
        bits = [False] * 208
        return SimDevice(
            id=unit,
            simdata=(
                [SimData(0, values=bits, datatype=DataType.BITS)],
                [SimData(0, values=[True, *bits[1:]], datatype=DataType.BITS)],
                [SimData(0, values=self.holding, datatype=DataType.REGISTERS)],
                [SimData(0, values=self.input, datatype=DataType.REGISTERS)],
            ),
            action=self.act,
        )

    async def act(
        self, function: int, start: int, address: int, count: int, registers: list[int], written: list[int] | None
    ) -> ExcCodes | None:
        if function in WRITES and written is None:
            return None  # how pymodbus makes its answer to a write, no request
        self.asked.append((function, address, count))
        if refusal := self.refuses(function, address, count):
            return refusal
        if written is not None and not self.takes:
            written[:] = registers[address - start : address - start + count]
        return None


@dataclass
class Served:
    port: int
    connections: list[bool]
    """True for each connection made, False for each that ended."""


@asynccontextmanager
async def tcp_server(units: Mapping[int, Unit], port: int = 0) -> AsyncIterator[Served]:
    connections: list[bool] = []
    server = ModbusTcpServer(
        [unit.device(number) for number, unit in units.items()],
        address=("127.0.0.1", port),
        trace_connect=connections.append,
    )
    await server.serve_forever(background=True)
    try:
        yield Served(server.transport.sockets[0].getsockname()[1], connections)
    finally:
        await server.shutdown()


@asynccontextmanager
async def rtu_over_tcp_server(units: Mapping[int, Unit]) -> AsyncIterator[int]:
    """The port of an adapter that passes a serial line on; a unit that is not there says nothing."""
    server = ModbusTcpServer(
        [unit.device(number) for number, unit in units.items()],
        address=("127.0.0.1", 0),
        framer=FramerType.RTU,
        trace_packet=lambda is_sent, frame: b"" if is_sent and frame[0] not in units else frame,
    )
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@asynccontextmanager
async def rtu_server(units: Mapping[int, Unit], path: str) -> AsyncIterator[None]:
    """The units of a serial line; a unit that is not there says nothing."""
    server = ModbusSerialServer(
        [unit.device(number) for number, unit in units.items()],
        port=path,
        trace_packet=lambda is_sent, frame: b"" if is_sent and frame[0] not in units else frame,
    )
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


Scene = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(*scenes: Scene) -> AsyncIterator[int]:
    """The port of a server that plays one scene per connection, in order, and then hangs up; none are left over."""
    left = list(scenes)
    stages: list[asyncio.Task[None]] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stages.append(asyncio.current_task())
        try:
            await left.pop(0)(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
        assert not left, "not every scene was played"
    finally:
        server.close()
        async with asyncio.timeout(PATIENCE_S):
            for stage in stages:
                await stage


def answer_to(request: bytes, *words: int) -> bytes:
    """A Modbus TCP answer to a read request."""
    told = bytes([2 * len(words)]) + b"".join(word.to_bytes(2) for word in words)
    return request[:4] + (2 + len(told)).to_bytes(2) + request[6:8] + told


def reads_words(*words: int) -> Scene:
    """One connection on which every read is answered with *words*."""

    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):  # somebody who is cancelled does not wait for the answer
            while request := await reader.read(12):
                writer.write(answer_to(request, *words))

    return scene


@asynccontextmanager
async def device(points: Mapping[str, ModbusPoint], **connection: object) -> AsyncIterator[Modbus]:
    """A Modbus device alone on its bus."""
    where = ModbusConnection(**connection)
    async with Modbus.open_bus(where) as bus, Modbus.open(where, points, bus) as opened:
        yield opened

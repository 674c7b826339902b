"""Peers for the Modbus driver: pymodbus' own servers, a server that says exactly what a test wants, odd devices."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
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


@dataclass
class OddUnit:
    """A device whose answers can be bent, with 800 registers and bits that hold their own number (bits: whether odd).

    What it is asked and says is the same on every transport: `answers` bends the PDU, `frames` the frame of Modbus TCP
    or RTU round it, both given the request's PDU, and `says` when which bytes are said.
    """

    answers: Callable[[bytes, bytes], bytes | None] = lambda asked, pdu: pdu
    frames: Callable[[bytes, bytes], bytes] = lambda asked, frame: frame
    says: Callable[[bytes], list[tuple[float, bytes]]] = lambda frame: [(0.0, frame)]
    lacks: Callable[[int, int], int] = lambda function, register: 0
    """The exception with which it refuses a register; 0 for none."""
    echoes: bool = False
    """The adapter before it hears itself..."""
    garbles: Callable[[bytes], bytes] = lambda frame: frame
    """...and makes this of it."""
    is_there: bool = True
    is_taking: bool = True
    """Whether it does what it acknowledges."""
    hangs_up_s: float | None = None
    """So long after each answer it ends the connection, through TCP."""
    is_deaf_meanwhile: bool = False
    holds_s: float | None = None
    """It serves one connection, whose place it holds for so long after its end; others are ended at once."""
    registers: dict[int, int] = field(default_factory=lambda: {each: each for each in range(800)})
    bits: dict[int, int] = field(default_factory=lambda: {each: each % 2 for each in range(800)})
    asked: list[bytes] = field(default_factory=list)
    """The PDU of each request."""
    connections: int = 0
    """Those that were served."""

    def written(self) -> list[bytes]:
        return [pdu for pdu in self.asked if pdu[0] in WRITES]

    def answer(self, asked: bytes) -> bytes | None:
        self.asked.append(asked)
        function, first, count = asked[0], int.from_bytes(asked[1:3]), int.from_bytes(asked[3:5])
        table = self.bits if function in (1, 2, 5, 15) else self.registers
        places = range(first, first + (1 if function in (5, 6) else count))
        codes = [2 if place not in table else self.lacks(function, place) for place in places]
        if code := max(codes):
            return self.answers(asked, bytes((function | 0x80, code)))
        if function in WRITES:
            if self.is_taking:
                table.update(zip(places, self._words(asked, count), strict=True))
            return self.answers(asked, asked[:5])
        if function in (1, 2):
            said = sum(table[place] << at for at, place in enumerate(places)).to_bytes((count + 7) // 8, "little")
        else:
            said = b"".join(table[place].to_bytes(2) for place in places)
        return self.answers(asked, bytes((function, len(said))) + said)

    def _words(self, asked: bytes, count: int) -> list[int]:
        match asked[0]:
            case 5:
                return [int(asked[3:5] == b"\xff\0")]
            case 6:
                return [count]
            case 15:
                return [asked[6 + at // 8] >> at % 8 & 1 for at in range(count)]
        return [int.from_bytes(asked[6 + 2 * at : 8 + 2 * at]) for at in range(count)]

    def reply(self, head: bytes, asked: bytes, *, is_rtu: bool) -> list[tuple[float, bytes]]:
        """When which bytes are said to *asked*; *head* is what stood before it."""
        pdu = self.answer(asked) if self.is_there else None
        if pdu is None:
            return []
        if is_rtu:
            body = head[-1:] + pdu
            frame = body + crc_of(body)
        else:
            frame = head[:4] + (len(pdu) + 1).to_bytes(2) + head[6:] + pdu
        return self.says(self.frames(asked, frame))


def crc_of(body: bytes) -> bytes:
    return FramerRTU.compute_CRC(body).to_bytes(2)


def _rtu_request(heard: bytes) -> bytes:
    """The whole request with which *heard* begins; nothing while it is not whole."""
    size = 8 if len(heard) < 7 or heard[1] not in (15, 16) else 9 + heard[6]
    return heard[:size] if len(heard) >= size else b""


@asynccontextmanager
async def odd_server(unit: OddUnit, *, framing: str = "tcp") -> AsyncIterator[dict[str, object]]:
    """*unit* behind a TCP port; gives what has to stand under `connection:`."""
    stages: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []
    loop = asyncio.get_running_loop()
    is_taken = False

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_taken
        stages.append(asyncio.current_task())
        writers.append(writer)
        if is_taken:
            writer.close()
            return
        unit.connections += 1
        is_taken = unit.holds_s is not None
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            is_heard = True
            while is_heard:
                if framing == "tcp":
                    head = await reader.readexactly(7)
                    asked = await reader.readexactly(int.from_bytes(head[4:6]) - 1)
                else:
                    heard = await reader.readexactly(8)
                    if heard[1] in (15, 16):
                        heard += await reader.readexactly(1 + heard[6])
                    head, asked = heard[:1], heard[1:-2]
                    if unit.echoes:
                        writer.write(unit.garbles(heard))
                for after_s, said in unit.reply(head, asked, is_rtu=framing == "rtu"):
                    await asyncio.sleep(after_s)
                    writer.write(said)
                if unit.hangs_up_s is not None:
                    loop.call_later(unit.hangs_up_s, writer.close)
                    is_heard = not unit.is_deaf_meanwhile
        if unit.holds_s is not None:
            await asyncio.sleep(unit.holds_s)
        is_taken = False
        if unit.hangs_up_s is None:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "framing": framing}
    finally:
        server.close()
        async with asyncio.timeout(PATIENCE_S):
            for stage in stages:
                await stage
            for writer in writers:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()


@asynccontextmanager
async def odd_line(unit: OddUnit) -> AsyncIterator[dict[str, object]]:
    """*unit* on a serial line."""
    loop = asyncio.get_running_loop()
    master, port = os.openpty()
    tty.setraw(port)
    os.set_blocking(master, False)
    heard = bytearray()
    timers: list[asyncio.TimerHandle] = []

    def hear() -> None:
        said = os.read(master, 512)
        if unit.echoes:
            os.write(master, unit.garbles(said))
        heard.extend(said)
        while request := _rtu_request(bytes(heard)):
            del heard[: len(request)]
            at_s = 0.004  # it thinks
            for after_s, part in unit.reply(request[:1], request[1:-2], is_rtu=True):
                at_s += after_s
                timers.append(loop.call_later(at_s, os.write, master, part))

    loop.add_reader(master, hear)
    try:
        yield {"serial": os.ttyname(port)}
    finally:
        loop.remove_reader(master)
        for timer in timers:
            timer.cancel()
        os.close(master)
        os.close(port)


def odd_device(unit: OddUnit, transport: str) -> AbstractAsyncContextManager[dict[str, object]]:
    """*unit* on `tcp`, on a `line`, or on one `through tcp`."""
    if transport == "line":
        return odd_line(unit)
    return odd_server(unit, framing="rtu" if transport == "through tcp" else "tcp")

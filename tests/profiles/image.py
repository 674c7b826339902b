"""A profile against its device: a Modbus server that holds a register image, and the real driver in front of it.

    image = Image({30845: u32(55), 40149: i32(0)})
    async with played("sma-storage", image, capacity="10 kWh", max_charge_power="5 kW") as device:
        assert (await device.read())["soc"] == 55
        assert await device.told("power_setpoint", 3000.0) == [Written(16, 40149, i32(-3000)), ...]

What is read comes over a real connection, through the codecs and the expressions; what is written is what the server
was asked, request by request. Pauses of a command are told but not waited for.
"""

import asyncio
import json
import struct
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from s2d.config import DeviceConfig, load
from s2d.device.command import Command, sequence
from s2d.device.command_plan import CommandMemory, Plan, Wait, Write
from s2d.device.device_map import DeviceMap, commands_of
from s2d.device.latest_values import LatestValues
from s2d.driver import Driver
from s2d.errors import DeviceRefused
from s2d.values import RELEASE, Reading, Setpoint, Value
from tests.chronicle import PATIENCE_S
from tests.fakes import FakeLog

Words = int | Sequence[int]


def u32(value: int) -> list[int]:
    """Two registers, most significant first; turn the list round for the other order."""
    return [value >> 16 & 0xFFFF, value & 0xFFFF]


def i32(value: int) -> list[int]:
    return u32(value & 0xFFFFFFFF)


def i16(value: int) -> int:
    return value & 0xFFFF


def u64(value: int) -> list[int]:
    return u32(value >> 32) + u32(value)


def f32(value: float) -> list[int]:
    return list(struct.unpack(">2H", struct.pack(">f", value)))


def text(value: str, registers: int) -> list[int]:
    """ASCII, two characters in a register, filled up with zeros."""
    return list(struct.unpack(f">{registers}H", value.encode().ljust(2 * registers, b"\0")))


class Written(NamedTuple):
    """One request to write."""

    function: int
    """5, 6, 15 or 16."""
    register: int
    words: list[int]
    """Bits as 0 and 1."""


class Pause(NamedTuple):
    """What a command waits between two requests."""

    seconds: float


class Peer(Protocol):
    """What a device is played by."""

    written: list[Any]
    """What it was told, message by message."""

    async def settled(self) -> None:
        """Waits until all that was told it is in `written`, and its answers are heard."""


class Image:
    """What a device holds: register → its word, or the words from there on. What is not in it is exception 2.

    Holding and input registers are the same unless *input* says otherwise. Whatever is written is taken and kept.
    """

    def __init__(
        self,
        holding: Mapping[int, Words] = {},
        *,
        input: Mapping[int, Words] | None = None,
        coils: Mapping[int, Words] = {},
        discrete: Mapping[int, Words] = {},
    ) -> None:
        self.holding = _flat(holding)
        self.input = self.holding if input is None else _flat(input)
        self.coils, self.discrete = _flat(coils), _flat(discrete)
        self.counts_too_many = False
        """Exceptions say in their header that they are one byte longer than they are."""
        self.refuses: dict[int, int] = {}
        """Register → exception with which writing to it is answered."""
        self.written: list[Written] = []

    async def settled(self) -> None:
        """Whoever tells it something waits for its response."""

    def answer(self, pdu: bytes) -> bytes:
        """The response to the request *pdu*."""
        function, register, count = struct.unpack(">BHH", pdu[:5])
        if function in (1, 2, 3, 4):
            table = {1: self.coils, 2: self.discrete, 3: self.holding, 4: self.input}[function]
            try:
                words = [table[each] for each in range(register, register + count)]
            except KeyError:
                return bytes([function | 0x80, 2])
            if function in (3, 4):
                return bytes([function, 2 * count]) + struct.pack(f">{count}H", *words)
            packed = sum(bit << at for at, bit in enumerate(words)).to_bytes((count + 7) // 8, "little")
            return bytes([function, len(packed)]) + packed
        if function not in (5, 6, 15, 16):
            return bytes([function | 0x80, 1])
        match function:
            case 5:
                words = [int(count == 0xFF00)]
            case 6:
                words = [count]
            case 15:
                bits = int.from_bytes(pdu[6:], "little")
                words = [bits >> at & 1 for at in range(count)]
            case _:
                words = list(struct.unpack(f">{count}H", pdu[6:]))
        self.written.append(Written(function, register, words))
        if exception := self.refuses.get(register):
            return bytes([function | 0x80, exception])
        table = self.coils if function in (5, 15) else self.holding
        table.update(zip(range(register, register + len(words)), words, strict=True))
        return pdu[:5]


class Played:
    """A device of some profile, opened, with its peer behind it."""

    def __init__(self, config: DeviceConfig, make: DeviceMap, driver: Driver, peer: Peer) -> None:
        self.config = config
        self.make = make
        """As it was found out to be."""
        self._driver = driver
        self._peer = peer
        self.commands: dict[str, Command] = dict(commands_of(make))
        self.memory = {name: CommandMemory() for name in self.commands}
        self.found: dict[str, Value] = {}
        """What points held before the first order, as far as `release` puts it back."""
        self._knowledge = LatestValues(make, {}, 0.0, FakeLog().logger)

    async def readings(self) -> dict[str, Reading]:
        """What the device says of every point that can be read."""
        names = [name for name, point in self.make.points.items() if point.is_readable]
        await self._peer.settled()
        return {reading.point: reading for reading in await self._driver.read(names)}

    async def read(self) -> dict[str, Value]:
        """Points and computed values that are known, in base units."""
        self._knowledge.observe((await self.readings()).values(), 0.0)
        known = {*self.make.points, *self.make.computed}
        return {name: value for name, value in self._knowledge.values.items() if name in known}

    async def obstacle(self) -> str | None:
        """Why it cannot be had as it is now; None: it can."""
        if not_ready := self._knowledge.why_not_ready((await self.readings()).values()):
            return not_ready
        await self.read()
        available = self.make.available
        is_had = available is None or available.if_.evaluate(self._knowledge.values) in (True, None)
        return None if is_had or available is None else available.else_

    async def told(self, command: str, value: Value, *, again: bool = False) -> list[Any]:
        """What *value* of *command* puts on the wire, after everything was read anew; *again* is a refresh.

        Raises: DeviceRefused: not allowed, something it depends on is unknown, or the device refuses.
        """
        await self.read()
        memory = self.memory[command]
        plan = self.commands[command].plan(value, self._knowledge.values, memory, again=again, found=self.found)
        if value == RELEASE:
            self.found.clear()
        else:
            self._find(command, plan)
        told = await self._take(plan.steps)
        memory.note(plan, 0.0)
        return told

    async def released(self, command: str) -> list[Any]:
        """What giving control back puts on the wire."""
        return await self.told(command, RELEASE)

    async def started(self) -> list[Any]:
        """What `start` puts on the wire of a device that holds nothing of it yet."""
        await self.read()
        steps, _ = sequence(self.make.start, self._knowledge.values, {})
        return await self._take(steps)

    def _find(self, command: str, plan: Plan) -> None:
        written = {name for step in plan.steps if isinstance(step, Write) for name in step.values}
        new = sorted(written & self.commands[command].restored - self.found.keys())
        if unknown := [name for name in new if name not in self._knowledge.values]:
            raise DeviceRefused(f"what {', '.join(unknown)} holds is unknown, so it could not be put back")
        self.found |= {name: self._knowledge.values[name] for name in new}

    async def _take(self, steps: Sequence[Write | Wait]) -> list[Any]:
        told: list[Any] = []
        for step in steps:
            if isinstance(step, Wait):
                told.append(Pause(step.seconds))
                continue
            await self._peer.settled()
            self._peer.written.clear()
            first, *others = (Setpoint(point, value, "test") for point, value in step.values.items())
            await self._driver.write(first, *others)
            await self._peer.settled()
            told += self._peer.written
        return told


@asynccontextmanager
async def played(profile: str, image: Image, **keys: Any) -> AsyncIterator[Played]:
    """A device of *profile*, whose owner wrote *keys*, with *image* behind it.

    Raises: ConfigError: the profile or the keys are wrong.
    """
    async with served(image) as port, connected(profile, port, image, **keys) as device:
        yield device


@asynccontextmanager
async def connected(profile: str, port: int, image: Image | None = None, **keys: Any) -> AsyncIterator[Played]:
    """A device of *profile*, whose owner wrote *keys*, at a server on *port*; *image* is what that holds, if known."""
    connection = {"host": "127.0.0.1", "port": port, "timeout": f"{PATIENCE_S:g} s"} | keys.pop("connection", {})
    config = configured(profile, connection=connection, **keys)
    async with config.driver.open_bus(config.connection) as bus:
        make = config.make
        if config.variants:
            async with config.driver.open(config.connection, make.points, bus) as driver:
                make = await _found_out(config, driver)
        async with config.driver.open(config.connection, make.points, bus) as driver:
            yield Played(config, make, driver, image or Image())


def configured(profile: str, **keys: Any) -> DeviceConfig:
    """The device that an owner configures with *profile* and *keys*.

    Raises: ConfigError: the profile or the keys are wrong.
    """
    device = {"name": "Device", "profile": profile, "connection": {"host": "127.0.0.1"}} | keys
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "s2d.yaml"
        file.write_text(json.dumps({"cem": {"url": "ws://localhost"}, "devices": [device]}))
        return load(file).devices[0]


async def _found_out(config: DeviceConfig, driver: Driver) -> DeviceMap:
    knowledge = LatestValues(config.make, {}, 0.0, FakeLog().logger)
    once = [name for name, point in config.points.items() if point.poll == "once"]
    knowledge.observe(await driver.read(once) if once else (), 0.0)
    return next((each.make for each in config.variants if each.when.evaluate(knowledge.values)), config.make)


@asynccontextmanager
async def served(image: Image) -> AsyncIterator[int]:
    """The port of a Modbus TCP server that answers for every unit with *image*."""
    stages: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage = asyncio.current_task()
        assert stage
        stages.append(stage)
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                answer = image.answer(await reader.readexactly(length - 1))
                told = len(answer) + 1 + (image.counts_too_many and answer[0] >= 0x80)
                writer.write(struct.pack(">HHHB", transaction, 0, told, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        async with asyncio.timeout(PATIENCE_S):
            for stage in stages:
                await stage


def _flat(image: Mapping[int, Words]) -> dict[int, int]:
    flat: dict[int, int] = {}
    for register, words in image.items():
        flat.update(enumerate([words] if isinstance(words, int) else words, register))
    return flat

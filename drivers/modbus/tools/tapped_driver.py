"""Tapped driver: the Modbus driver before somebody's eyes, with the words it read and the requests a write would be."""

from collections.abc import AsyncIterator, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar, Self

from msgspec import Struct

from s2d.driver import Driver, PointSettings
from s2d.values import Reading, Setpoint

from ..codec import Codec
from ..connection import ModbusConnection
from ..device import ModbusDevice
from ..point import ModbusPoint
from ..register_block import RegisterAddress, RegisterBlock
from ..register_bus import RegisterBus
from ..transport.bus import ModbusBus
from ..transport.refusals import RequestRefused, label_of
from ..write_requests import WriteRequest


class TappedModbus(Driver):
    """The driver of a Modbus device whose words are kept as they come. See `s2d.commissioning.tools.TappedDriver`."""

    Connection: ClassVar[type[Struct]] = ModbusConnection
    Point: ClassVar[type[PointSettings]] = ModbusPoint

    @classmethod
    def bus_of(cls, connection: ModbusConnection) -> Hashable:
        return connection.bus

    @classmethod
    def open_bus(cls, connection: ModbusConnection) -> AbstractAsyncContextManager[RegisterBus]:
        return ModbusBus.opened(connection)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus
    ) -> AsyncIterator[Self]:
        yield cls(connection, points, bus)

    def __init__(self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus) -> None:
        self._tap = TappedBus(bus)
        self._device = ModbusDevice(connection, points, self._tap)
        self._unit = connection.unit

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        return await self._device.read(points)

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> None:
        await self._device.write(setpoint, *together)

    def raw_of(self, point: str) -> str:
        """The raw value as a number or text, and its words."""
        codec = self._device.codec_of(point)
        words = self._words_of(codec) if codec else None
        if codec is None or words is None:
            return ""
        if codec.point.is_text:
            return repr(codec.raw_of(words))
        return f"{codec.raw_of(words)} ({hexadecimal(words)})"

    async def preview_write(self, setpoint: Setpoint, *together: Setpoint) -> Sequence[str]:
        """See `s2d.commissioning.tools.TappedDriver`."""
        planned = await self._device.planned(setpoint, *together)
        of = "" if planned.unit is None else f" of unit {planned.unit}"
        return [f"{_sentence(request)}{of}" for request in planned.requests]

    def drain_frames(self) -> list[Mapping[str, object]]:
        """Blocks with their words, or with the exception for which there are none."""
        notes, self._tap.notes = self._tap.notes, []
        return notes

    def _words_of(self, codec: Codec) -> list[int] | None:
        unit = self._unit if codec.point.unit_id is None else codec.point.unit_id
        addresses = [address for block in codec.value_blocks for address in block.addresses_at(unit)]
        known = self._tap.words
        return [known[address] for address in addresses] if known.keys() >= set(addresses) else None


class TappedBus:
    """A tap on *bus*: remembers what was read through it, and leaves all else to it."""

    def __init__(self, bus: RegisterBus) -> None:
        self._bus = bus
        self.write = bus.write
        self.cost = bus.cost
        self.notes: list[Mapping[str, object]] = []
        self.words: dict[RegisterAddress, int] = {}

    @property
    def connection(self) -> ModbusConnection:
        return self._bus.connection

    @property
    def connection_number(self) -> int | None:
        return self._bus.connection_number

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> Sequence[int]:
        at = {"unit": connection.unit, "table": block.table, "register": block.register}
        try:
            words = await self._bus.read(connection, block)
        except RequestRefused as refusal:
            self.notes.append({**at, "count": block.count, "exception": refusal.code})
            raise
        self.notes.append({**at, "words": list(words)})
        self.words.update(zip(block.addresses_at(connection.unit), words, strict=True))
        return words


def hexadecimal(words: Iterable[int]) -> str:
    """*words* as manuals print them: `0x0001 0xF4A0`."""
    return " ".join(f"0x{word:04X}" for word in words)


def _sentence(request: WriteRequest) -> str:
    function = {
        ("holding", False): 6,
        ("holding", True): 16,
        ("coil", False): 5,
        ("coil", True): 15,
    }[request.block.table, request.is_multiple]
    return f"{hexadecimal(request.words)} to {label_of(request.block)} (function {function})"

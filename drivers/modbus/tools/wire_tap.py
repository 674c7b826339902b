"""Wire tap: a Modbus device before somebody's eyes, with the words it read and the requests a write would be."""

from collections.abc import Iterable, Mapping, Sequence

from s2d.driver import Doubt
from s2d.values import Setpoint

from ..codec import Codec
from ..connection import ModbusConnection
from ..driver import Modbus
from ..register_block import RegisterAddress, RegisterBlock
from ..register_bus import RegisterBus
from ..transport.refusals import RequestRefused, label_of
from ..write_requests import WriteRequest
from .decodings import other_reading


class ModbusTap:
    """A tap on the wire of *driver*, which is on *bus*. See `s2d.commissioning.tools.WireTap`."""

    def __init__(self, driver: Modbus, bus: "TappedBus") -> None:
        self.driver = driver
        self._bus = bus

    def raw_of(self, point: str) -> str:
        """The raw value as a number or text, and its words; of what is written also as it reads in the other order."""
        codec = self.driver.device.codec_of(point)
        words = self._words_of(codec) if codec else None
        if codec is None or words is None:
            return ""
        if codec.point.is_text:
            return repr(codec.raw_of(words))
        other = other_reading(codec.point, words) if codec.point.is_writable else ""
        return f"{codec.raw_of(words)} ({hexadecimal(words)}{f'; {other}' if other else ''})"

    async def preview_write(self, setpoint: Setpoint, *together: Setpoint) -> Sequence[str]:
        """See `s2d.commissioning.tools.WireTap`."""
        planned = await self.driver.device.planned(setpoint, *together)
        of = "" if planned.unit is None else f" of unit {planned.unit}"
        return [f"{_sentence(request)}{of}" for request in planned.requests]

    def other_reading_of(self, setpoint: Setpoint) -> str:
        """See `s2d.commissioning.tools.WireTap`."""
        codec = self.driver.device.codec_of(setpoint.point)
        if codec is None or codec.needs_present:
            return ""
        return other_reading(codec.point, codec.as_read(codec.words_of(setpoint.value)))

    def drain_frames(self) -> list[Mapping[str, object]]:
        """Blocks with their words, or with the exception for which there are none."""
        notes, self._bus.notes = self._bus.notes, []
        return notes

    def _words_of(self, codec: Codec) -> list[int] | None:
        unit = self.driver.connection.unit if codec.point.unit_id is None else codec.point.unit_id
        addresses = [address for block in codec.value_blocks for address in block.addresses_at(unit)]
        known = self._bus.words
        return [known[address] for address in addresses] if known.keys() >= set(addresses) else None


class TappedBus:
    """A tap on *bus*: remembers what was read through it, and leaves all else to it."""

    def __init__(self, bus: RegisterBus) -> None:
        self._bus = bus
        self.write = bus.write
        self.cost = bus.cost
        self.judge = bus.judge
        self.oddities_of = bus.oddities_of
        self.notes: list[Mapping[str, object]] = []
        self.words: dict[RegisterAddress, int] = {}

    @property
    def connection(self) -> ModbusConnection:
        return self._bus.connection

    @property
    def doubt(self) -> Doubt | None:
        return self._bus.doubt

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

"""The Modbus driver at work before somebody's eyes: what was read, word by word, and what a write would send."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from s2d.values import Setpoint

from .block import Block
from .codec import Codec
from .connection import ModbusConnection
from .driver import Modbus
from .point import ModbusPoint
from .refusals import Refused, place_of
from .writing import WriteRequest, Written, request_for

if TYPE_CHECKING:
    from .endpoint import Endpoint

Place = tuple[int, str, int]
"""Unit, table, register."""


class ObservedModbus(Modbus):
    """A Modbus device whose words are kept as they come."""

    def __init__(self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], endpoint: "Endpoint") -> None:
        self._tap = _Tap(endpoint)
        super().__init__(connection, points, cast("Endpoint", self._tap))

    def raw_of(self, point: str) -> str:
        """The raw value as a number or text, and its words."""
        codec = self._codecs.get(point)
        words = self._words_of(codec.value_blocks, codec) if codec else None
        if codec is None or words is None:
            return ""
        if codec.point.is_text:
            return repr(codec.raw_of(words))
        return f"{codec.raw_of(words)} ({hexadecimal(words)})"

    async def sketch(self, setpoint: Setpoint, *together: Setpoint) -> Sequence[str]:
        """See `s2d.commissioning.tools.ObservedDriver`."""
        await self._prepare()
        written: list[Written] = []
        for each in (setpoint, *together):
            codec = self._writable(each.point)
            present = await self._words(codec.blocks, codec.point.unit_id) if codec.needs_present else ()
            written.append(Written(codec, codec.words_of(each.value, present)))
        unit = written[0].codec.point.unit_id
        of = "" if unit is None else f" of unit {unit}"
        return [f"{_sentence(request)}{of}" for request in request_for(written, self._connection.write)]

    def take_notes(self) -> list[Mapping[str, object]]:
        """Blocks with their words, or with the exception for which there are none."""
        notes, self._tap.notes = self._tap.notes, []
        return notes

    def _words_of(self, blocks: Iterable[Block], codec: Codec) -> list[int] | None:
        own = codec.point.unit_id
        unit = self._connection.unit if own is None else own
        places = [
            (unit, block.table, register)
            for block in blocks
            for register in range(block.register, block.register + block.count)
        ]
        known = self._tap.words
        return [known[place] for place in places] if all(place in known for place in places) else None


class _Tap:
    """An endpoint that remembers what was read through it; all else it leaves to the real one."""

    def __init__(self, endpoint: "Endpoint") -> None:
        self._endpoint = endpoint
        self.notes: list[Mapping[str, object]] = []
        self.words: dict[Place, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    async def read(self, connection: ModbusConnection, block: Block) -> Sequence[int]:
        at = {"unit": connection.unit, "table": block.table, "register": block.register}
        try:
            words = await self._endpoint.read(connection, block)
        except Refused as refusal:
            self.notes.append({**at, "count": block.count, "exception": refusal.code})
            raise
        self.notes.append({**at, "words": list(words)})
        places = ((connection.unit, block.table, register) for register in range(block.register, 65536))
        self.words.update(zip(places, words, strict=False))
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
    return f"{hexadecimal(request.words)} to {place_of(request.block)} (function {function})"

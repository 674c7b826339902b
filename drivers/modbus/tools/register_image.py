"""The registers of a device that does not exist: its points, encoded by the codecs that read and write a real one.

SunSpec points lie in a map as the Alliance's definitions say: "SunS", model 1, the models that the points name, and the
end. What no point says anything of reads there as not implemented.

Spec: SunSpec Device Information Model Specification 1.1, 3 and 4.
"""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence

from s2d.values import Value

from ..codec import Codec
from ..connection import ModbusConnection
from ..point import ModbusPoint
from ..register_block import Block
from ..sunspec.definitions import SunSpecAddress, place_of, registers_of
from ..value_format import form_of

_BASE = 40000
_MARK = [0x5375, 0x6E53]
_END = [0xFFFF, 0]
_HEADER = 2
_COMMON = 1
"""The model that every SunSpec device begins with."""

Place = tuple[int, str, int]
"""Unit, table, register."""


class Image:
    """See `s2d.commissioning.tools.Image`."""

    def __init__(
        self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], present: Collection[str]
    ) -> None:
        self._words: dict[Place, int] = {}
        self._writable: dict[Place, list[str]] = {}
        self._unit = connection.unit
        there = {name: point for name, point in points.items() if not point.optional or name in present}
        sunspec = {name: point for name, point in there.items() if point.alternatives}
        models = self._lay_out(sunspec)
        self._codecs = {
            name: Codec(
                name,
                _in_model(point, models) if name in sunspec else point,
                connection.address_base or 0,
            )
            for name, point in there.items()
        }
        for name, codec in self._codecs.items():
            for place in self._places(name, codec.blocks):
                self._words.setdefault(place, 0)
            if codec.point.is_writable:
                for place in self._places(name, codec.value_blocks):
                    self._writable.setdefault(place, []).append(name)
        self._scale(sunspec)
        for name, codec in self._codecs.items():
            self._begin(name, codec)
        self.units = tuple(dict.fromkeys((self._unit, *(unit for unit, _, _ in self._words))))

    @property
    def points(self) -> Collection[str]:
        """Those that it has."""
        return self._codecs.keys()

    def show(self, point: str, value: Value | None) -> None:
        """See `s2d.commissioning.tools.Image`."""
        codec = self._codecs[point]
        if value is None:
            words = _absent(codec)
        else:
            present = [self._words[place] for place in self._places(point, codec.blocks)]
            words = codec.words_of(value, present)
        self._words.update(zip(self._places(point, codec.value_blocks), words, strict=True))

    def value_of(self, point: str) -> Value | None:
        """See `s2d.commissioning.tools.Image`."""
        codec = self._codecs.get(point)
        if codec is None:
            return None
        return codec.reading_of([self._words[place] for place in self._places(point, codec.blocks)]).value

    def read(self, unit: int, table: str, register: int, count: int) -> list[int]:
        """See `s2d.commissioning.tools.Image`."""
        return [self._words[unit, table, each] for each in range(register, register + count)]

    def write(self, unit: int, table: str, register: int, words: Sequence[int]) -> list[str]:
        """See `s2d.commissioning.tools.Image`."""
        places = [(unit, table, each) for each in range(register, register + len(words))]
        written = dict.fromkeys(name for place in places for name in self._writable[place])
        self._words.update(zip(places, words, strict=True))
        return list(written)

    def _unit_of(self, name: str) -> int:
        own = self._codecs[name].point.unit_id
        return self._unit if own is None else own

    def _places(self, name: str, blocks: Iterable[Block]) -> list[Place]:
        unit = self._unit_of(name)
        return [
            (unit, block.table, register)
            for block in blocks
            for register in range(block.register, block.register + block.count)
        ]

    def _begin(self, name: str, codec: Codec) -> None:
        """A state of which 0 is none begins as the first of them."""
        states = codec.point.values
        if states and not codec.is_part and "0" not in states and "_" not in states and self.value_of(name) is None:
            self.show(name, next(iter(states.values())))

    def _lay_out(self, points: Mapping[str, ModbusPoint]) -> dict[int, int]:
        """Model → register of its id; the words of all models are there then."""
        if not points:
            return {}
        groups: dict[int, int] = {_COMMON: 0}
        for point in points.values():
            model = SunSpecAddress.parse(point.alternatives[0]).model
            groups[model] = max(groups.get(model, 1), (point.group or 0) + 1)
        words = list(_MARK)
        models: dict[int, int] = {}
        for model in sorted(groups):
            models[model] = _BASE + len(words)
            body = registers_of(model, groups[model])
            words += [model, len(body) - _HEADER, *body[_HEADER:]]
        words += _END
        for register, word in enumerate(words, _BASE):
            self._words[self._unit, "holding", register] = word
        return models

    def _scale(self, points: Collection[str]) -> None:
        """Gives every scale factor that a point needs a power of ten that goes with its unit."""
        for name in points:
            codec = self._codecs[name]
            for place in self._places(name, codec.blocks[len(codec.value_blocks) :]):
                if self._words[place] == _UNKNOWN_EXPONENT:
                    self._words[place] = _TENTHS if codec.point.unit == "%" else 0


_UNKNOWN_EXPONENT = 0x8000
_TENTHS = 0xFFFF
"""10 to the power of -1"""


def _in_model(point: ModbusPoint, models: Mapping[int, int]) -> ModbusPoint:
    address = point.alternatives[0]
    return point.located(place_of(address, point.group), models[SunSpecAddress.parse(address).model])


def _absent(codec: Codec) -> list[int]:
    """Words that say that there is no value."""
    point = codec.point
    if point.value_type.startswith("float"):
        nan = struct.pack(">f" if point.value_type == "float32" else ">d", float("nan"))
        words = list(struct.unpack(f">{len(nan) // 2}H", nan))
        return words[::-1] if point.order in ("CDAB", "DCBA") else words
    if point.sentinels and not codec.is_part:
        form = form_of(point.value_type, point.order, point.encoding, is_hex=point.format == "hex")
        return form.words_of(next(iter(point.sentinels)))
    is_signed = point.value_type.startswith("int")
    words = [0x8000 if is_signed else 0xFFFF, *[0 if is_signed else 0xFFFF] * (codec.count - 1)]
    return words[::-1] if point.order in ("CDAB", "DCBA") else words

"""Register image: the registers of a device that does not exist, as the codecs that read a real one write them.

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
from ..register_block import RegisterAddress, RegisterBlock
from ..sunspec.definitions import SunSpecAddress, definition_of, unimplemented_model
from ..value_format import format_of

_BASE = 40000
_MARK = [0x5375, 0x6E53]
_END = [0xFFFF, 0]
_HEADER = 2
_COMMON = 1
"""The model that every SunSpec device begins with."""


class RegisterImage:
    """The register image of one device. See `s2d.commissioning.tools.DeviceImage`."""

    def __init__(
        self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], present: Collection[str]
    ) -> None:
        self._words: dict[RegisterAddress, int] = {}
        self._writable: dict[RegisterAddress, list[str]] = {}
        self._unit = connection.unit
        there = {name: point for name, point in points.items() if not point.optional or name in present}
        sunspec = {name: point for name, point in there.items() if point.alternatives}
        models = self._lay_out_models(sunspec)
        self._codecs = {
            name: Codec(
                name,
                _located(point, models) if name in sunspec else point,
                connection.address_base or 0,
            )
            for name, point in there.items()
        }
        for name, codec in self._codecs.items():
            for address in self._addresses(name, codec.blocks):
                self._words.setdefault(address, 0)
            if codec.point.is_writable:
                for address in self._addresses(name, codec.value_blocks):
                    self._writable.setdefault(address, []).append(name)
        self._set_scales(sunspec)
        for name, codec in self._codecs.items():
            self._set_first_state(name, codec)
        self.units = tuple(dict.fromkeys((self._unit, *(unit for unit, _, _ in self._words))))

    @property
    def points(self) -> Collection[str]:
        """Those that it has."""
        return self._codecs.keys()

    def show(self, point: str, value: Value | None) -> None:
        """See `s2d.commissioning.tools.DeviceImage`."""
        codec = self._codecs[point]
        if value is None:
            words = _absent(codec)
        else:
            present = [self._words[address] for address in self._addresses(point, codec.blocks)]
            words = codec.as_read(codec.words_of(value, present))
        self._words.update(zip(self._addresses(point, codec.value_blocks), words, strict=True))

    def value_of(self, point: str) -> Value | None:
        """See `s2d.commissioning.tools.DeviceImage`."""
        codec = self._codecs.get(point)
        if codec is None:
            return None
        return codec.reading_of([self._words[address] for address in self._addresses(point, codec.blocks)]).value

    def read(self, unit: int, table: str, register: int, count: int) -> list[int]:
        """See `s2d.commissioning.tools.DeviceImage`."""
        return [self._words[unit, table, each] for each in range(register, register + count)]

    def write(self, unit: int, table: str, register: int, words: Sequence[int]) -> list[str]:
        """See `s2d.commissioning.tools.DeviceImage`."""
        addresses = [(unit, table, each) for each in range(register, register + len(words))]
        written = dict.fromkeys(name for address in addresses for name in self._writable[address])
        self._words.update(zip(addresses, words, strict=True))
        for name in written:
            own = self._addresses(name, self._codecs[name].value_blocks)
            shown = self._codecs[name].as_read([self._words[address] for address in own])
            self._words.update(zip(own, shown, strict=True))
        return list(written)

    def _unit_of(self, name: str) -> int:
        own = self._codecs[name].point.unit_id
        return self._unit if own is None else own

    def _addresses(self, name: str, blocks: Iterable[RegisterBlock]) -> list[RegisterAddress]:
        unit = self._unit_of(name)
        return [address for block in blocks for address in block.addresses_at(unit)]

    def _set_first_state(self, name: str, codec: Codec) -> None:
        """A state of which 0 is none begins as the first of them."""
        states = codec.point.values
        if states and not codec.is_part and "0" not in states and "_" not in states and self.value_of(name) is None:
            self.show(name, next(iter(states.values())))

    def _lay_out_models(self, points: Mapping[str, ModbusPoint]) -> dict[int, int]:
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
            body = unimplemented_model(model, groups[model])
            words += [model, len(body) - _HEADER, *body[_HEADER:]]
        words += _END
        for register, word in enumerate(words, _BASE):
            self._words[self._unit, "holding", register] = word
        return models

    def _set_scales(self, points: Collection[str]) -> None:
        """Gives every scale factor that a point needs a power of ten that goes with its unit."""
        for name in points:
            codec = self._codecs[name]
            for address in self._addresses(name, codec.blocks[len(codec.value_blocks) :]):
                if self._words[address] == _UNKNOWN_EXPONENT:
                    self._words[address] = _TENTHS if codec.point.unit == "%" else 0


_UNKNOWN_EXPONENT = 0x8000
_TENTHS = 0xFFFF
"""10 to the power of -1"""


def _located(point: ModbusPoint, models: Mapping[int, int]) -> ModbusPoint:
    address = point.alternatives[0]
    return point.located(definition_of(address, point.group), models[SunSpecAddress.parse(address).model])


def _absent(codec: Codec) -> list[int]:
    """Words that say that there is no value."""
    point = codec.point
    if point.value_type.startswith("float"):
        nan = struct.pack(">f" if point.value_type == "float32" else ">d", float("nan"))
        words = list(struct.unpack(f">{len(nan) // 2}H", nan))
        return words[::-1] if point.order in ("CDAB", "DCBA") else words
    if point.sentinels and not codec.is_part:
        form = format_of(point.value_type, point.order, point.encoding, is_hex=point.format == "hex")
        return form.words_of(next(iter(point.sentinels)))
    is_signed = point.value_type.startswith("int")
    words = [0x8000 if is_signed else 0xFFFF, *[0 if is_signed else 0xFFFF] * (codec.count - 1)]
    return words[::-1] if point.order in ("CDAB", "DCBA") else words

"""Where Modbus keeps a point, and what its registers mean: 16-bit words to readings, values to words. No I/O.

Words are what the wire carries; a coil or discrete input is a word that is 0 or 1.

Spec: MODBUS Application Protocol V1.1b3, 4.2 and 4.3.
"""

import math
import re
import struct
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from s2d.driver import PointSettings
from s2d.errors import BadReading, DeviceRefused
from s2d.values import Quality, Reading, Value

Table = Literal["holding", "input", "coil", "discrete"]

_NUMBERS = {
    "uint16": struct.Struct(">H"),
    "int16": struct.Struct(">h"),
    "uint32": struct.Struct(">I"),
    "int32": struct.Struct(">i"),
    "uint64": struct.Struct(">Q"),
    "int64": struct.Struct(">q"),
    "float32": struct.Struct(">f"),
    "float64": struct.Struct(">d"),
}
_MAX_STRING = 246  # characters; what one FC16 request can write
_TYPE_PATTERN = r"^(u?int(16|32|64)|float(32|64)|bool|string\[[1-9]\d{0,2}\])$"
_BITS_PATTERN = r"^\d{1,2}(\.\.\d{1,2})?$"


class ModbusPoint(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point and the registers it is kept in."""

    register: Annotated[int, Meta(ge=0, le=65535, description="Address on the wire, counted from 0")]
    table: Annotated[Table, Meta(description="holding and input have registers; coil and discrete have bits")] = (
        "holding"
    )
    type: Annotated[
        str | None,
        Meta(
            description="uint16 int16 uint32 int32 uint64 int64 float32 float64 bool, or string[n] of n characters; "
            "uint16 by default, bool for a coil or discrete input",
            extra_json_schema={"pattern": _TYPE_PATTERN},
        ),
    ] = None
    order: Annotated[
        Literal["ABCD", "CDAB", "BADC", "DCBA"], Meta(description="How the bytes arrive; A is the most significant")
    ] = "ABCD"
    sentinel: Annotated[int | float | None, Meta(description='Raw value that means "not available"')] = None
    bits: Annotated[
        int | str | None,
        Meta(
            description='Part of the number, as "4..7" or 3; bit 0 is the least significant',
            extra_json_schema={"pattern": _BITS_PATTERN},
        ),
    ] = None
    write: Annotated[
        Literal["single", "multiple"] | None,
        Meta(description="Function for writing: FC05/06 or FC15/16; single by default where there is one register"),
    ] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: settings that make no sense together."""
        if not re.match(_TYPE_PATTERN, self.value_type) or self.count > _MAX_STRING // 2:
            raise ValueError(
                f"type: unknown type {self.type!r}; known are {', '.join(_NUMBERS)}, bool "
                f"and string[n] with n up to {_MAX_STRING}"
            )
        if self.table in ("input", "discrete") and self.is_writable:
            raise ValueError(f"access: the {self.table} table can only be read; use holding or coil, or access: read")
        if self.is_bit and self.value_type != "bool":
            raise ValueError(f"type: a {self.table} is a bool, not {self.type}")
        if self.is_bit and (self.order != "ABCD" or self.sentinel is not None or self.bits is not None):
            raise ValueError(f"order, sentinel and bits are for registers; a {self.table} is one bit")
        if self.value_type == "bool" and not self.is_bit and self.bits is None:
            raise ValueError("type: a bool in a register needs `bits` to say which one; or use table: coil or discrete")
        if self.register + self.count > 65536:
            raise ValueError(f"register: {self.value_type} at {self.register} ends beyond 65535")
        if self.write == "single" and self.count > 1:
            raise ValueError(f"write: single writes one register, {self.value_type} has {self.count}; use multiple")
        if self.is_text and (self.order in ("CDAB", "DCBA") or self.sentinel is not None):
            raise ValueError("a string has no sentinel, and its order is ABCD or BADC")
        if self.bits is not None:
            self._check_bits(self.bits)
        _ = self.sentinel_as_read

    def _check_bits(self, bits: int | str) -> None:
        if not re.match(_BITS_PATTERN, str(bits)):
            raise ValueError(f'bits: expected a range such as "4..7" or a bit such as 3, got {bits!r}')
        if self.value_type not in ("uint16", "uint32", "uint64", "bool"):
            raise ValueError(f"bits: are taken from uint16, uint32, uint64 or bool, not {self.value_type}")
        low, high = self.bit_range
        if not low <= high < 16 * self.count:
            raise ValueError(f"bits: {bits} is not within 0..{16 * self.count - 1}, the lower first")
        if self.value_type == "bool" and low != high:
            raise ValueError(f"bits: a bool is one bit, {bits} are {high - low + 1}")

    @property
    def value_type(self) -> str:
        """The type, also where it is left to the default."""
        return self.type or ("bool" if self.is_bit else "uint16")

    @property
    def is_bit(self) -> bool:
        """Kept in a table of bits, not of registers."""
        return self.table in ("coil", "discrete")

    @property
    def is_text(self) -> bool:
        return self.value_type.startswith("string")

    @property
    def count(self) -> int:
        """How many registers (or bits of a table of bits) it takes."""
        if self.is_text:
            return (int(self.value_type[len("string[") : -1]) + 1) // 2
        number = _NUMBERS.get(self.value_type)
        return number.size // 2 if number else 1

    @property
    def sentinel_as_read(self) -> int | float | None:
        """The sentinel as the type reads it: a manual says 0x8000 where an int16 reads -32768.

        Raises: ValueError: no register of this type can hold it.
        """
        if self.sentinel is None:
            return None
        number = _NUMBERS.get(self.value_type, _NUMBERS["uint16"])
        try:
            if self.value_type.startswith("float"):
                packed = number.pack(self.sentinel)
            elif float(self.sentinel).is_integer():
                packed = int(self.sentinel).to_bytes(number.size, signed=self.sentinel < 0)
            else:
                raise OverflowError
        except OverflowError as exc:
            raise ValueError(f"sentinel: {self.sentinel} does not fit {self.value_type}") from exc
        read: int | float = number.unpack(packed)[0]
        return read

    @property
    def bit_range(self) -> tuple[int, int]:
        """First and last bit of `bits`."""
        low, _, high = str(self.bits).partition("..")
        return int(low), int(high or low)


class Codec:
    """One point's way between words and values, worked out once."""

    def __init__(self, name: str, point: ModbusPoint) -> None:
        self.name = name
        self.point = point
        self.count = point.count
        self._is_bit = point.is_bit
        self._is_text = point.is_text
        self._number = _NUMBERS.get(point.value_type, _NUMBERS["uint16"])
        self._words = struct.Struct(f"{'<' if point.order in ('BADC', 'DCBA') else '>'}{self.count}H")
        self._is_reversed = point.order in ("CDAB", "DCBA")
        self._sentinel = point.sentinel_as_read
        self._shift = self._mask = 0
        if point.bits is not None:
            self._shift, last = point.bit_range
            self._mask = (1 << last - self._shift + 1) - 1

    def reading_of(self, words: Sequence[int]) -> Reading:
        """What the registers say: absent where they hold the sentinel or NaN, bad where it cannot be true."""
        whole = self._whole_of(words)
        if whole == self._sentinel or (isinstance(whole, float) and math.isnan(whole)):
            return Reading(self.name, None, Quality.ABSENT, "the device says it has no value")
        if isinstance(whole, float) and math.isinf(whole):
            return Reading(self.name, None, Quality.BAD, f"{whole} is no measurement")
        try:
            return Reading(self.name, self.point.value_of(self._part_of(whole)))
        except BadReading as exc:
            return Reading(self.name, None, Quality.BAD, str(exc))

    def raw_of(self, words: Sequence[int]) -> Value:
        """The raw value in *words*, before scale and unit."""
        return self._part_of(self._whole_of(words))

    def words_of(self, value: Value, present: Sequence[int] = ()) -> list[int]:
        """Words that mean *value*; *present* is what the registers hold, needed where the point is part of them.

        Raises: DeviceRefused: outside the point's limits, no such state, or it does not fit the type.
        """
        raw = self.point.raw_of(value)
        if self._is_text:
            return self._text_words(raw)
        number = self._number_of(raw)
        if self._is_bit:
            return [self._switch_of(number)]
        if self._mask:
            if not 0 <= number <= self._mask:
                raise self._misfit(number, f"bits {self.point.bits}")
            whole = int(self._whole_of(present))
            number = whole & ~(self._mask << self._shift) | int(number) << self._shift
        try:
            packed = self._number.pack(number)
        except (struct.error, OverflowError) as exc:
            raise self._misfit(number, self.point.value_type) from exc
        return list(self._arranged(self._words.unpack(packed)))

    @property
    def is_part(self) -> bool:
        """The point is some bits of its registers; the others belong to something else."""
        return self._mask != 0

    def _whole_of(self, words: Sequence[int]) -> Value:
        if self._is_bit:
            return bool(words[0])
        packed = self._words.pack(*self._arranged(words))
        if self._is_text:
            return packed.split(b"\0", 1)[0].decode(errors="replace").rstrip()
        number: int | float = self._number.unpack(packed)[0]
        return number

    def _part_of(self, whole: Value) -> Value:
        if not self._mask:
            return whole
        part = int(whole) >> self._shift & self._mask
        return part == 1 if self.point.value_type == "bool" else part

    def _arranged(self, words: Sequence[int]) -> Sequence[int]:
        return words[::-1] if self._is_reversed else words

    def _number_of(self, raw: Value) -> int | float:
        if isinstance(raw, str):
            raise DeviceRefused(f"{self.name}: {raw!r} is not a number")
        if not math.isfinite(raw):
            raise self._misfit(raw, self.point.value_type)
        return float(raw) if self.point.value_type.startswith("float") else round(raw)

    def _switch_of(self, number: float) -> int:
        if number not in (0, 1):
            raise self._misfit(number, "bool")
        return int(number)

    def _text_words(self, raw: Value) -> list[int]:
        encoded = str(raw).encode()
        if len(encoded) > int(self.point.value_type[len("string[") : -1]):
            raise DeviceRefused(f"{self.name}: {raw!r} is too long for {self.point.value_type}")
        return list(self._words.unpack(encoded.ljust(2 * self.count, b"\0")))

    def _misfit(self, number: float, room: str) -> DeviceRefused:
        return DeviceRefused(f"{self.name}: the raw value {number:g} does not fit {room}")

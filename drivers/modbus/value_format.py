"""Value formats: a raw value of some type in registers, words to a number or text and back. Knows no scale or unit.

Words are what the wire carries; a coil or discrete input is a word that is 0 or 1.

Spec: MODBUS Application Protocol V1.1b3, 4.2.
"""

import math
import struct
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from s2d.values import Value

Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Words = Sequence[int]
Sentinel = int | float | str
"""Raw value that means "not available"."""

NUMBERS = {
    "uint16": struct.Struct(">H"),
    "int16": struct.Struct(">h"),
    "uint32": struct.Struct(">I"),
    "int32": struct.Struct(">i"),
    "uint64": struct.Struct(">Q"),
    "int64": struct.Struct(">q"),
    "float32": struct.Struct(">f"),
    "float64": struct.Struct(">d"),
    "bcd16": struct.Struct(">H"),
    "bcd32": struct.Struct(">I"),
}
"""Type of a number → its bytes, the most significant first. A BCD number is taken for an unsigned one here."""

WORDS_SWAPPED: dict[Order, Order] = {"ABCD": "CDAB", "CDAB": "ABCD", "BADC": "DCBA", "DCBA": "BADC"}
"""An order of bytes → that with the words the other way round."""


class ValueFormat(Protocol):
    """The format of one type in one order of bytes."""

    def raw_of(self, words: Words) -> Value:
        """What the first of *words* say; there may be more. Never raises."""
        ...

    def words_of(self, raw: Value) -> list[int]:
        """The words that say *raw*.

        Raises: ValueError: it does not fit; says what it is that does not fit what.
        """
        ...


def format_of(kind: str, order: Order, encoding: str = "ascii", *, is_hex: bool = False) -> ValueFormat:
    """The format of the type *kind*: a number, `bool` for a bit, or `string[n]`; *is_hex*: its bytes as hexadecimal."""
    if is_hex:
        return HexFormat(size_of(kind, encoding), order)
    if kind.startswith("string"):
        return TextFormat(kind, order, encoding)
    return NumberFormat(kind, order) if kind in NUMBERS else BitFormat()


def size_of(kind: str, encoding: str = "ascii") -> int:
    """Bytes that the type *kind* takes."""
    if kind.startswith("string"):
        return int(kind[len("string[") : -1]) * (2 if encoding == "utf-16" else 1)
    return NUMBERS[kind].size


def shown(number: int | float) -> str:
    """*number* in a sentence."""
    return str(number) if isinstance(number, int) else f"{number:g}"


class BitFormat:
    """The format of a bit of a table of bits."""

    def raw_of(self, words: Words) -> bool:
        return bool(words[0])

    def words_of(self, raw: Value) -> list[int]:
        number = _number(raw)
        if number not in (0, 1):
            raise ValueError(f"the raw value {shown(number)} does not fit bool")
        return [int(number)]


class NumberFormat:
    """The format of a number of 16, 32 or 64 bits."""

    def __init__(self, kind: str, order: Order) -> None:
        self._kind = kind
        self._struct = NUMBERS[kind]
        self._is_float = kind.startswith("float")
        self._arrangement = _ByteOrder(self._struct.size // 2, order)
        self.raw_of: Callable[[Words], int | float] = _QUICK.get((kind, order), self._raw_of)

    def words_of(self, raw: Value) -> list[int]:
        number = _number(raw)
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"the raw value {number} does not fit {self._kind}")
        try:
            packed = self._struct.pack(float(number) if self._is_float else round(number))
        except (struct.error, OverflowError) as exc:
            raise ValueError(f"the raw value {shown(number)} does not fit {self._kind}") from exc
        return self._arrangement.words_of(packed)

    def _raw_of(self, words: Words) -> int | float:
        number: int | float = self._struct.unpack(self._arrangement.bytes_of(words))[0]
        return number


class TextFormat:
    """The format of text: characters, two or one to a register, filled up with zeros, spaces or 0xFF."""

    def __init__(self, kind: str, order: Order, encoding: str) -> None:
        self._kind = kind
        self._size = size_of(kind, encoding)
        self._encoding = "utf-16-be" if encoding == "utf-16" else "utf-8"
        self._arrangement = _ByteOrder((self._size + 1) // 2, order)

    def raw_of(self, words: Words) -> str:
        packed = self._arrangement.bytes_of(words)
        if self._encoding == "utf-8":
            packed = packed.rstrip(b"\xff")
        text = packed.decode(self._encoding, errors="replace")
        return text.rstrip("\uffff").split("\0", 1)[0].strip()

    def words_of(self, raw: Value) -> list[int]:
        try:
            encoded = str(raw).encode(self._encoding)
        except UnicodeEncodeError as exc:
            raise ValueError(f"{raw!r} is no text that can be written") from exc
        if len(encoded) > self._size:
            raise ValueError(f"{raw!r} is too long for {self._kind}")
        return self._arrangement.words_of(encoded)


class HexFormat:
    """The format of bytes shown as a serial number: two capital hexadecimal digits each, all of them."""

    def __init__(self, size: int, order: Order) -> None:
        self._size = size
        self._arrangement = _ByteOrder((size + 1) // 2, order)

    def raw_of(self, words: Words) -> str:
        return self._arrangement.bytes_of(words)[: self._size].hex().upper()

    def words_of(self, raw: Value) -> list[int]:
        try:
            packed = bytes.fromhex(str(raw))
        except ValueError:
            raise ValueError(f"{raw!r} is not hexadecimal") from None
        if len(packed) != self._size:
            raise ValueError(f"{raw!r} has not the {2 * self._size} digits of {self._size} bytes")
        return self._arrangement.words_of(packed)


class _ByteOrder:
    """*count* registers and the order in which the bytes of a value arrive."""

    def __init__(self, count: int, order: Order) -> None:
        self._count = count
        self._is_reversed = order in ("CDAB", "DCBA")
        self._words = struct.Struct(f"{'<' if order in ('BADC', 'DCBA') else '>'}{count}H")

    def bytes_of(self, words: Words) -> bytes:
        own = words[: self._count]
        return self._words.pack(*(own[::-1] if self._is_reversed else own))

    def words_of(self, packed: bytes) -> list[int]:
        words = self._words.unpack(packed.ljust(self._words.size, b"\0"))
        return list(words[::-1] if self._is_reversed else words)


# Most registers in the field are these; bare arithmetic costs half of packing and unpacking.
_QUICK: dict[tuple[str, Order], Callable[[Words], int]] = {
    ("uint16", "ABCD"): lambda words: words[0],
    ("uint16", "CDAB"): lambda words: words[0],
    ("int16", "ABCD"): lambda words: (words[0] ^ 0x8000) - 0x8000,
    ("int16", "CDAB"): lambda words: (words[0] ^ 0x8000) - 0x8000,
    ("uint32", "ABCD"): lambda words: words[0] << 16 | words[1],
    ("uint32", "CDAB"): lambda words: words[1] << 16 | words[0],
    ("int32", "ABCD"): lambda words: ((words[0] ^ 0x8000) - 0x8000) << 16 | words[1],
    ("int32", "CDAB"): lambda words: ((words[1] ^ 0x8000) - 0x8000) << 16 | words[0],
}


def _number(raw: Value) -> int | float:
    if isinstance(raw, str):
        raise ValueError(f"{raw!r} is not a number")
    return raw

"""Decodings: everything that registers may mean, side by side. Pure."""

from collections.abc import Mapping, Sequence

from ..point import ModbusPoint
from ..value_format import WORDS_SWAPPED, Order, format_of, shown

ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
TITLES = (
    "REGISTER",
    ">HEX",
    ">UINT16",
    ">INT16",
    *(f">INT32 {order}" for order in ORDERS),
    *(f">FLOAT32 {order}" for order in ORDERS[:2]),
    "TEXT",
)
"""Titles of `decodings`; `>` marks columns of numbers."""

_TEXT_REGISTERS = 8
_SANE = range(-6, 12)
"""Powers of ten of a float that may be a measurement."""


def decodings(words: Mapping[int, int], asked: Sequence[int]) -> list[tuple[str, ...]]:
    """One row for each of the registers *words*; those *asked* for are marked, the others are neighbours.

    A number of 32 bits begins in the register of its row. Unsigned, it is shown beside where that differs.
    """
    return [_row(register, words, register in asked) for register in sorted(words)]


def other_reading(point: ModbusPoint, words: Sequence[int]) -> str:
    """What *words* of a *point* mean in the other order of words, as `65536000 as CDAB`; empty if that is the same."""
    if not point.has_word_order:
        return ""
    other = WORDS_SWAPPED[point.order]
    here, there = (format_of(point.value_type, order).raw_of(words) for order in (point.order, other))
    assert isinstance(there, int | float)
    return "" if here == there else f"{shown(there)} as {other}"


def _row(register: int, words: Mapping[int, int], is_asked: bool) -> tuple[str, ...]:
    word = words[register]
    pair = [word, words[register + 1]] if register + 1 in words else None
    return (
        f"{'*' if is_asked else ' '}{register}",
        f"{word:04X}",
        str(word),
        str((word ^ 0x8000) - 0x8000),
        *(_integer(pair, order) if pair else "" for order in ORDERS),
        *(_float(pair, order) if pair else "" for order in ORDERS[:2]),
        _text(register, words),
    )


def _integer(pair: Sequence[int], order: Order) -> str:
    signed, unsigned = (format_of(kind, order).raw_of(pair) for kind in ("int32", "uint32"))
    return str(signed) if signed == unsigned else f"{signed}|{unsigned}"


def _float(pair: Sequence[int], order: Order) -> str:
    value = format_of("float32", order).raw_of(pair)
    assert isinstance(value, int | float)
    if value == 0:
        return "0"
    is_sane = value == value and 10.0 ** _SANE[0] < abs(value) < 10.0 ** _SANE[-1]
    return f"{value:.6g}" if is_sane else "-"


def _text(register: int, words: Mapping[int, int]) -> str:
    """The characters from *register* on, as long as they are some; a dot stands for what is none."""
    characters = ""
    for each in range(register, register + _TEXT_REGISTERS):
        word = words.get(each)
        if word is None:
            break
        pair = [chr(byte) if 32 <= byte < 127 else "." for byte in word.to_bytes(2)]
        if pair == [".", "."]:
            break
        characters += "".join(pair)
    return characters if len(characters) > 2 or characters.replace(".", "").isalnum() else ""

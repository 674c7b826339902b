"""From words to readings and back, as tables."""

import math
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from s2d_drivers.modbus.registers import Codec, ModbusPoint

from s2d.errors import DeviceRefused
from s2d.values import Quality, Reading

INTEGERS = {"uint16": (0, 2**16), "int16": (-(2**15), 2**15), "uint32": (0, 2**32), "int32": (-(2**31), 2**31)}
INTEGERS |= {"uint64": (0, 2**64), "int64": (-(2**63), 2**63)}
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


def codec(**settings: object) -> Codec:
    return Codec("p", ModbusPoint(**{"register": 0} | settings))


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(
    ("settings", "wire", "value"),
    [
        ({}, "ffff", 65535),
        ({"type": "int16"}, "ffff", -1),
        ({"type": "int16", "order": "BADC"}, "fffe", -257),
        ({"type": "uint32"}, "0001 0002", 0x00010002),
        ({"type": "uint32", "order": "CDAB"}, "0001 0002", 0x00020001),
        ({"type": "uint32", "order": "BADC"}, "0102 0304", 0x02010403),
        ({"type": "uint32", "order": "DCBA"}, "0102 0304", 0x04030201),
        ({"type": "int32"}, "ffff fffe", -2),
        ({"type": "uint64", "order": "CDAB"}, "0004 0003 0002 0001", 0x0001000200030004),
        ({"type": "int64"}, "ffff ffff ffff ffff", -1),
        ({"type": "float32"}, "4148 0000", 12.5),
        ({"type": "float32", "order": "CDAB"}, "0000 4148", 12.5),
        ({"type": "float64"}, "4029 0000 0000 0000", 12.5),
        ({"type": "int16", "scale": 0.1, "unit": "kW"}, "ff9c", -10_000),
        ({"type": "int16", "invert": True, "unit": "W"}, "0064", -100),
        ({"scale": 0.1, "offset": -40, "unit": "°C"}, "01f4", 10),
        ({"bits": "4..7"}, "1230", 3),
        ({"bits": 3}, "0008", 1),
        ({"bits": "3", "type": "bool"}, "0008", True),
        ({"bits": 3, "type": "bool"}, "fff7", False),
        ({"bits": "16..31", "type": "uint32"}, "1234 5678", 0x1234),
        ({"table": "coil"}, "0001", True),
        ({"table": "discrete", "type": "bool"}, "0000", False),
        ({"values": {"0": "idle", "1": "charging"}}, "0001", "charging"),
        ({"table": "coil", "values": {"0": "off", "1": "on"}}, "0001", "on"),
        ({"type": "string[5]"}, "4163 6d65 2000", "Acme"),
        ({"type": "string[4]", "order": "BADC"}, "6341 656d", "Acme"),
        ({"type": "string[4]"}, "0000 0000", ""),
    ],
)
def test_words_become_a_value(settings: dict[str, object], wire: str, value: object) -> None:
    reading = codec(**settings).reading_of(words(wire))
    assert reading == Reading("p", pytest.approx(value) if isinstance(value, float) else value)
    assert isinstance(reading.value, bool) is isinstance(value, bool)


ABSENT = Reading("p", None, Quality.ABSENT, "the device says it has no value")


@pytest.mark.parametrize(
    ("settings", "wire", "reading"),
    [
        ({"sentinel": 0xFFFF}, "ffff", ABSENT),
        ({"type": "int16", "sentinel": 0x8000}, "8000", ABSENT),
        ({"type": "int16", "sentinel": -32768}, "8000", ABSENT),
        ({"type": "int32", "sentinel": 0x80000000, "order": "CDAB"}, "0000 8000", ABSENT),
        ({"type": "float32", "sentinel": 3.4e38}, "7f7f c99e", ABSENT),
        ({"sentinel": 0xFFFF, "bits": "0..3"}, "ffff", ABSENT),
        ({"sentinel": 0xFFFF, "min": 0, "max": 100, "unit": "%"}, "ffff", ABSENT),
        ({"type": "float32"}, "7fc0 0000", ABSENT),
        ({"type": "float64"}, "7ff8 0000 0000 0000", ABSENT),
        ({"type": "float32"}, "ff80 0000", Reading("p", None, Quality.BAD, "-inf is no measurement")),
        ({"type": "float32", "sentinel": -math.inf}, "ff80 0000", ABSENT),
        ({"max": 100, "unit": "%"}, "0065", Reading("p", None, Quality.BAD, "101 % is outside … .. 100")),
        ({"values": {"0": "idle"}}, "0007", Reading("p", None, Quality.BAD, "7 is none of the values 0")),
    ],
)
def test_words_that_are_no_value_become_none(settings: dict[str, object], wire: str, reading: Reading) -> None:
    assert codec(**settings).reading_of(words(wire)) == reading


@pytest.mark.parametrize(
    ("settings", "value", "wire"),
    [
        ({"unit": "kW", "scale": 0.1, "type": "int16"}, -10_000, "ff9c"),
        ({"unit": "W", "invert": True, "type": "int16"}, 100, "ff9c"),
        ({}, 41.7, "002a"),
        ({"table": "coil"}, True, "0001"),
        ({"table": "coil"}, 0.0, "0000"),
        ({"values": {"1": "auto", "2": "manual"}}, "manual", "0002"),
        ({"type": "string[5]"}, "Acme", "4163 6d65 0000"),
        ({"type": "float32", "order": "CDAB"}, 12.5, "0000 4148"),
    ],
)
def test_a_value_becomes_words(settings: dict[str, object], value: object, wire: str) -> None:
    assert codec(**settings).words_of(value) == words(wire)


def test_bits_leave_their_neighbours_alone() -> None:
    assert codec(bits="4..7").words_of(3, words("ffff")) == words("ff3f")
    assert codec(bits=0, type="bool", order="BADC").words_of(True, words("0000")) == words("0100")


@pytest.mark.parametrize(
    ("settings", "value", "reason"),
    [
        ({}, 65536, "p: the raw value 65536 does not fit uint16"),
        ({}, -1, "p: the raw value -1 does not fit uint16"),
        ({"type": "int16", "scale": 0.1}, 4000, "p: the raw value 40000 does not fit int16"),
        ({"type": "float32"}, 1e39, "p: the raw value 1e+39 does not fit float32"),
        ({"type": "float32"}, math.nan, "p: the raw value nan does not fit float32"),
        ({}, math.inf, "p: the raw value inf does not fit uint16"),
        ({"bits": "4..5"}, 4, "p: the raw value 4 does not fit bits 4..5"),
        ({"table": "coil"}, 2, "p: the raw value 2 does not fit bool"),
        ({}, "full", "p: 'full' is not a number"),
        ({"type": "string[3]"}, "Acme", "p: 'Acme' is too long for string[3]"),
        ({"max": 16, "unit": "A"}, 32, "32 A is outside … .. 16"),
        ({"values": {"1": "auto"}}, "manual", "'manual' is none of the states auto"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(settings: dict[str, object], value: object, reason: str) -> None:
    with pytest.raises(DeviceRefused) as refusal:
        codec(**settings).words_of(value, [0])
    assert str(refusal.value) == reason


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", INTEGERS)
@given(drawn=st.data())
def test_integers_survive_the_way_to_the_device_and_back(kind: str, order: str, drawn: st.DataObject) -> None:
    low, end = INTEGERS[kind]
    limit = 2**53  # beyond it a float cannot tell neighbours apart, and values are floats
    value = drawn.draw(st.integers(max(low, -limit), min(end - 1, limit)))
    both_ways = codec(type=kind, order=order)
    assert both_ways.reading_of(both_ways.words_of(value)) == Reading("p", value)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("kind", "width"), [("float32", 32), ("float64", 64)])
@given(drawn=st.data())
def test_floats_survive_the_way_to_the_device_and_back(kind: str, width: int, order: str, drawn: st.DataObject) -> None:
    value = drawn.draw(st.floats(width=width, allow_nan=False, allow_infinity=False))
    both_ways = codec(type=kind, order=order)
    assert both_ways.reading_of(both_ways.words_of(value)) == Reading("p", value)


@pytest.mark.parametrize("order", ["ABCD", "BADC"])
@given(text=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=7))
def test_text_survives_the_way_to_the_device_and_back(order: str, text: str) -> None:
    both_ways = codec(type="string[7]", order=order)
    assert both_ways.reading_of(both_ways.words_of(text)) == Reading("p", text)


@given(whole=st.integers(0, 2**32 - 1), ends=st.tuples(st.integers(0, 31), st.integers(0, 31)), drawn=st.data())
def test_bits_survive_and_so_do_the_others(whole: int, ends: tuple[int, int], drawn: st.DataObject) -> None:
    low, high = sorted(ends)
    value = drawn.draw(st.integers(0, 2 ** (high - low + 1) - 1))
    part = codec(type="uint32", bits=f"{low}..{high}")
    present = list(struct.unpack(">HH", whole.to_bytes(4)))
    written = part.words_of(value, present)
    assert part.reading_of(written) == Reading("p", value)
    changed = int.from_bytes(struct.pack(">HH", *written)) ^ whole
    assert changed & ~((2 ** (high - low + 1) - 1) << low) == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"type": "uint8"}, "type: unknown type 'uint8'; known are uint16, int16,"),
        ({"type": "string[300]"}, "type: unknown type 'string[300]'"),
        ({"table": "input", "access": "write"}, "access: the input table can only be read; use holding or coil,"),
        ({"table": "discrete", "access": "read_write"}, "access: the discrete table can only be read"),
        ({"table": "coil", "type": "uint16"}, "type: a coil is a bool, not uint16"),
        ({"table": "coil", "bits": 1}, "order, sentinel and bits are for registers; a coil is one bit"),
        ({"type": "bool"}, "type: a bool in a register needs `bits` to say which one"),
        ({"register": 65535, "type": "uint32"}, "register: uint32 at 65535 ends beyond 65535"),
        ({"type": "uint32", "write": "single"}, "write: single writes one register, uint32 has 2; use multiple"),
        ({"type": "string[4]", "order": "CDAB"}, "a string has no sentinel, and its order is ABCD or BADC"),
        ({"bits": "7..4"}, "bits: 7..4 is not within 0..15, the lower first"),
        ({"bits": 16}, "bits: 16 is not within 0..15, the lower first"),
        ({"bits": "x"}, "bits: expected a range such as \"4..7\" or a bit such as 3, got 'x'"),
        ({"bits": "4..7", "type": "bool"}, "bits: a bool is one bit, 4..7 are 4"),
        ({"bits": 1, "type": "int16"}, "bits: are taken from uint16, uint32, uint64 or bool, not int16"),
        ({"sentinel": 70000}, "sentinel: 70000 does not fit uint16"),
        ({"sentinel": 0.5}, "sentinel: 0.5 does not fit uint16"),
        ({"sentinel": -40000, "type": "int16"}, "sentinel: -40000 does not fit int16"),
        ({"sentinel": 1e39, "type": "float32"}, "sentinel: 1e+39 does not fit float32"),
    ],
)
def test_settings_that_make_no_sense_are_explained(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as problem:
        msgspec.convert({"register": 0} | settings, ModbusPoint)
    assert str(problem.value).startswith(sentence)


def test_the_type_left_out_is_uint16_or_one_bit() -> None:
    assert codec().point.value_type == "uint16"
    assert codec(table="discrete").point.value_type == "bool"

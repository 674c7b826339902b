"""Every way from a value to words and back, and any words at all: nothing is lost, nothing breaks."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s2d_drivers.modbus.codec import Codec
from s2d_drivers.modbus.point import ModbusPoint
from s2d_drivers.modbus.value_format import NUMBERS

from s2d.errors import BadReading, DeviceRefused
from s2d.values import Quality, Reading

INTEGERS = {"uint16": (0, 2**16), "int16": (-(2**15), 2**15), "uint32": (0, 2**32), "int32": (-(2**31), 2**31)}
INTEGERS |= {"uint64": (0, 2**64), "int64": (-(2**63), 2**63), "bcd16": (0, 10**4), "bcd32": (0, 10**8)}
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
WORD = st.integers(0, 0xFFFF)


def codec(**settings: object) -> Codec:
    place = {} if "registers" in settings else {"register": 0}
    return Codec("p", ModbusPoint(**place | settings))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", INTEGERS)
@given(drawn=st.data())
def test_integers_survive_exactly(kind: str, order: str, drawn: st.DataObject) -> None:
    low, end = INTEGERS[kind]
    value = drawn.draw(st.integers(low, end - 1))
    both_ways = codec(type=kind, order=order)
    read = both_ways.reading_of(both_ways.words_of(value))
    assert read == Reading("p", value)
    assert isinstance(read.value, int)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("kind", "width"), [("float32", 32), ("float64", 64)])
@given(drawn=st.data())
def test_floats_survive(kind: str, width: int, order: str, drawn: st.DataObject) -> None:
    value = drawn.draw(st.floats(width=width, allow_nan=False, allow_infinity=False))
    both_ways = codec(type=kind, order=order)
    assert both_ways.reading_of(both_ways.words_of(value)) == Reading("p", value)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", NUMBERS)
@given(words=st.lists(WORD, min_size=4, max_size=4))
def test_the_order_says_where_each_byte_goes(kind: str, order: str, words: list[int]) -> None:
    number = NUMBERS[kind]
    packed = number.pack(number.unpack(struct.pack(">4H", *words)[: number.size])[0])
    own = list(struct.unpack(f">{number.size // 2}H", packed))
    if order in ("CDAB", "DCBA"):
        own.reverse()
    if order in ("BADC", "DCBA"):
        own = [word >> 8 | (word & 0xFF) << 8 for word in own]
    expected = number.unpack(packed)[0]
    found = ModbusPoint(register=0, type=kind, order=order).register_format.whole_of(own)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@pytest.mark.parametrize("order", ["ABCD", "BADC"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
@given(drawn=st.data())
def test_text_survives(encoding: str, order: str, drawn: st.DataObject) -> None:
    highest = 126 if encoding == "ascii" else 0xD7FF
    text = drawn.draw(st.text(st.characters(min_codepoint=33, max_codepoint=highest), max_size=7))
    both_ways = codec(type="string[7]", order=order, encoding=encoding)
    assert both_ways.reading_of(both_ways.words_of(text)) == Reading("p", text.strip())


@pytest.mark.parametrize("order", ORDERS)
@given(digits=st.binary(min_size=8, max_size=8))
def test_hexadecimal_survives(order: str, digits: bytes) -> None:
    both_ways = codec(type="uint64", format="hex", order=order)
    assert both_ways.reading_of(both_ways.words_of(digits.hex())) == Reading("p", digits.hex().upper())


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


@pytest.mark.parametrize("order", ["ABCD", "BADC"])
@pytest.mark.parametrize("kind", ["uint32", "int64", "float64"])
@given(drawn=st.data())
def test_a_value_spread_over_registers_is_the_same_value(kind: str, order: str, drawn: st.DataObject) -> None:
    together = codec(type=kind, order=order)
    words = drawn.draw(st.lists(WORD, min_size=together.count, max_size=together.count))
    spread = codec(type=kind, order=order, registers=tuple(range(9, 9 - together.count, -1)))
    assert [block.register for block in spread.blocks] == list(range(9, 9 - together.count, -1))
    assert spread.reading_of(words) == together.reading_of(words)


@given(raw=st.integers(-(2**31), 2**31 - 1), exponent=st.integers(-10, 10))
def test_a_scale_register_moves_the_point_both_ways(raw: int, exponent: int) -> None:
    scaled = codec(type="int32", scale_register=9)
    present = [*codec(type="int32").words_of(raw), exponent & 0xFFFF]
    value = scaled.reading_of(present).value
    assert value == (raw * 10**exponent if exponent >= 0 else raw / 10**-exponent)
    assert scaled.words_of(value, present) == present[:2]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [kind for kind in NUMBERS if not kind.startswith("float")])
@given(drawn=st.data())
def test_every_sentinel_is_absent_and_nothing_else_is(kind: str, order: str, drawn: st.DataObject) -> None:
    bits = 8 * NUMBERS[kind].size
    sentinels = drawn.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=3))
    word_count = bits // 16
    unsigned = codec(type=f"uint{bits}", order=order)
    known = codec(type=kind, order=order, sentinel=tuple(sentinels))
    for sentinel in sentinels:
        words = unsigned.words_of(sentinel)
        assert known.reading_of(words).quality is Quality.ABSENT
        assert codec(type=kind, order=order, sentinel=sentinel, absent="zero").reading_of(words) == Reading("p", 0)
    words = drawn.draw(st.lists(WORD, min_size=word_count, max_size=word_count))
    if unsigned.raw_of(words) not in sentinels:
        assert known.reading_of(words) == codec(type=kind, order=order).reading_of(words)


def test_a_number_beyond_all_numbers_is_no_measurement() -> None:
    beyond = codec(offset=1e306, unit="kW", max=1e306)
    assert beyond.reading_of([0]) == Reading("p", None, Quality.BAD, "inf is no measurement")


SETTINGS = st.fixed_dictionaries(
    {
        "type": st.sampled_from([*NUMBERS, "string[3]"]),
        "order": st.sampled_from(["ABCD", "BADC"]),
        "access": st.sampled_from(["read", "read_write"]),
    },
    optional={
        "scale": st.floats(allow_nan=False, allow_infinity=False).filter(bool),
        "offset": st.floats(allow_nan=False, allow_infinity=False),
        "unit": st.sampled_from(["W", "kW", "ms", "%"]),
        "invert": st.booleans(),
        "min": st.floats(allow_nan=False),
        "max": st.floats(allow_nan=False),
        "values": st.dictionaries(st.sampled_from(["0", "1", "-1", "65535"]), st.sampled_from(["on", "off"])),
        "sentinel": st.sampled_from([0, 1, 0xFFFF, (0, 1), "n/a"]),
        "absent": st.sampled_from(["drop", "zero", "keep"]),
        "bits": st.sampled_from([0, "3..7", "0..15"]),
        "flags": st.dictionaries(st.sampled_from(["0", "15"]), st.sampled_from(["hot", "fan"])),
        "format": st.just("hex"),
        "encoding": st.just("utf-16"),
        "scale_register": st.just(9),
    },
)
VALUE = st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=8))


def any_codec(settings: dict[str, object]) -> Codec | None:
    try:
        return codec(**settings)
    except ValueError:
        return None  # settings that do not go together


@given(settings=SETTINGS, words=st.lists(WORD, min_size=5, max_size=5), value=VALUE)
def test_whatever_the_device_says_and_whatever_is_asked_the_answer_is_a_reading_or_a_refusal(
    settings: dict[str, object], words: list[int], value: object
) -> None:
    any_way = any_codec(settings)
    if any_way is None:
        return
    present = words[: sum(block.count for block in any_way.blocks)]
    reading = any_way.reading_of(present)
    assert (reading.value is None) is (reading.quality is not Quality.GOOD)
    assert not isinstance(reading.value, float) or math.isfinite(reading.value)
    try:
        written = any_way.words_of(value, present)
    except DeviceRefused:
        return
    assert [0 <= word <= 0xFFFF for word in written] == [True] * any_way.count


@given(settings=SETTINGS, words=st.lists(WORD, min_size=5, max_size=5))
def test_the_quick_way_says_what_the_settings_say(settings: dict[str, object], words: list[int]) -> None:
    any_way = any_codec({key: settings[key] for key in settings if key not in ("scale_register", "flags", "sentinel")})
    if any_way is None:
        return
    raw = any_way.raw_of(words)
    if raw != raw or raw in (math.inf, -math.inf) or (any_way.point.value_type.startswith("bcd") and type(raw) is str):
        return  # no number: said in a table elsewhere
    try:
        value = any_way.point.value_of(raw)
        is_good = isinstance(value, str | int) or math.isfinite(value)
        expected = Reading("p", value) if is_good else Reading("p", None, Quality.BAD, f"{value} is no measurement")
    except BadReading as exc:
        expected = Reading("p", None, Quality.BAD, str(exc))
    assert any_way.reading_of(words) == expected

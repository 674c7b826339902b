"""From words to readings and back, as tables."""

import math

import pytest
from s2d_drivers.modbus.codec import Codec
from s2d_drivers.modbus.point import ModbusPoint
from s2d_drivers.modbus.register_block import RegisterBlock

from s2d.errors import DeviceRefused
from s2d.values import Quality, Reading


def codec(**settings: object) -> Codec:
    place = {} if "registers" in settings else {"register": 0}
    return Codec("p", ModbusPoint(**place | settings))


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
        ({"type": "string[6]"}, "2041 4200 4344", "AB"),
        ({"type": "string[4]"}, "4142 ffff", "AB"),
        ({"type": "string[4]", "encoding": "utf-16"}, "004d 00fc 6f22 0000", "Mü漢"),
        ({"type": "string[3]", "encoding": "utf-16"}, "0041 ffff ffff", "A"),
        ({"type": "string[3]", "format": "hex"}, "00a1 b200", "00A1B2"),
        ({"type": "uint32", "format": "hex", "order": "CDAB"}, "e240 0001", "0001E240"),
        ({"type": "bcd16"}, "1234", 1234),
        ({"type": "bcd32", "order": "CDAB", "scale": 0.1, "unit": "kWh"}, "5678 1234", 1234567800),
        ({"type": "bcd16", "values": {"12": "on"}}, "0012", "on"),
        ({"type": "uint32", "registers": [671, 667]}, "0001 0002", 0x00010002),
        ({"type": "uint64", "registers": [4, 3, 2, 1]}, "0001 0002 0003 0004", 0x0001000200030004),
        ({"type": "int32", "registers": [9, 1], "order": "BADC"}, "ffff feff", -2),
        ({"type": "uint64"}, "ffff ffff ffff fffe", 2**64 - 2),
        ({"type": "int64", "unit": "W", "invert": True}, "8000 0000 0000 0001", 2**63 - 1),
        ({"flags": {"0": "over temperature", "3": "fan", "15": "door"}}, "8009", "over temperature, fan, door"),
        ({"flags": {"0": "over temperature"}}, "fffe", "ok"),
        ({"flags": {"0": "low"}, "bits": "4..7"}, "0010", "low"),
        ({"type": "uint32", "flags": {"31": "high"}, "order": "CDAB"}, "0000 8000", "high"),
        ({"values": {"1": "idle", "2": "idle", "3": "charging"}}, "0002", "idle"),
        ({"scale_register": 9, "unit": "W"}, "00eb 0000", 235),
        ({"scale_register": 9, "unit": "W"}, "00eb ffff", 23.5),
        ({"scale_register": 9, "unit": "W"}, "0003 ffff", 0.3),
        ({"scale_register": 9, "unit": "kW", "invert": True, "type": "int16"}, "0002 0002", -200_000),
        ({"scale_register": 9, "type": "float32", "scale": 10}, "4148 0000 fffe", 1.25),
        ({"scale_register": 9, "bits": "0..7"}, "ff02 0001", 20),
        ({"sentinel": 0xFFFF, "absent": "keep"}, "ffff", 65535),
        ({"sentinel": 0x8000, "type": "int16", "absent": "zero", "unit": "W", "offset": 5}, "8000", 0),
        ({"type": "float32", "absent": "zero"}, "7fc0 0000", 0),
        ({"scale_register": 9, "absent": "zero"}, "0001 8000", 0),
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
        ({"type": "int16", "sentinel": (0x8000, 0x7FFF, -1)}, "ffff", ABSENT),
        ({"type": "int16", "sentinel": (0x8000, 0x7FFF, -1)}, "7fff", ABSENT),
        ({"type": "bcd16", "sentinel": 0xFFFF}, "ffff", ABSENT),
        ({"type": "string[4]", "sentinel": ("", "n/a")}, "6e2f 6100", ABSENT),
        ({"type": "uint32", "format": "hex", "sentinel": 0xFFFFFFFF}, "ffff ffff", ABSENT),
        ({"type": "float32", "absent": "keep"}, "7fc0 0000", ABSENT),
        ({"scale_register": 9}, "0001 8000", ABSENT),
        ({"scale_register": 9, "sentinel": 0xFFFF}, "ffff 0000", ABSENT),
        (
            {"scale_register": 9},
            "0001 000b",
            Reading("p", None, Quality.BAD, "its scale register 9 says 10^11, which is no scale"),
        ),
        ({"type": "bcd16"}, "1a34", Reading("p", None, Quality.BAD, "0x1A34 is no BCD number")),
        (
            {"type": "float64", "scale": 1e300},
            "7fef ffff ffff ffff",
            Reading("p", None, Quality.BAD, "inf is no measurement"),
        ),
        ({"max": 100, "unit": "%"}, "0065", Reading("p", None, Quality.BAD, "101 % is outside … .. 100")),
        ({"values": {"0": "idle"}}, "0007", Reading("p", None, Quality.BAD, "7 is none of the values 0")),
        ({"values": {"0": "idle", "_": "busy"}}, "0007", Reading("p", "busy")),
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
        ({"type": "float32", "invert": True}, 0.0, "0000 0000"),
        ({"type": "float32", "scale": -1.0}, 0.0, "0000 0000"),
        ({"type": "uint64"}, 2**64 - 1, "ffff ffff ffff ffff"),
        ({"type": "int64", "invert": True}, 2**63 - 1, "8000 0000 0000 0001"),
        ({"type": "bcd32"}, 1234567, "0123 4567"),
        ({"type": "string[4]", "encoding": "utf-16"}, "Mü漢", "004d 00fc 6f22 0000"),
        ({"type": "string[3]", "format": "hex"}, "00a1b2", "00a1 b200"),
        ({"type": "uint32", "registers": [671, 667]}, 0x00010002, "0001 0002"),
        ({"values": {"1": "auto", "2": "manual"}}, 2, "0002"),
        ({"table": "coil", "values": {"0": "off", "1": "on"}}, True, "0001"),
    ],
)
def test_a_value_becomes_words(settings: dict[str, object], value: object, wire: str) -> None:
    assert codec(**settings).words_of(value) == words(wire)


def test_bits_leave_their_neighbours_alone() -> None:
    assert codec(bits="4..7").words_of(3, words("ffff")) == words("ff3f")
    assert codec(bits=0, type="bool", order="BADC").words_of(True, words("0000")) == words("0100")


@pytest.mark.parametrize(
    ("exponent", "value", "word"),
    [("fffe", 12.34, "04d2"), ("0000", 12, "000c"), ("0001", 120, "000c"), ("ffff", -1.5, "fff1")],
)
def test_a_value_is_written_in_the_scale_that_the_device_names(exponent: str, value: float, word: str) -> None:
    assert codec(type="int16", scale_register=9).words_of(value, words(f"0000 {exponent}")) == words(word)


@pytest.mark.parametrize(
    ("exponent", "reason"),
    [
        ("8000", "p: the device does not say how it is scaled"),
        ("0063", "p: its scale register 9 says 10^99, which is no scale"),
    ],
)
def test_a_value_without_a_known_scale_is_refused(exponent: str, reason: str) -> None:
    with pytest.raises(DeviceRefused) as refusal:
        codec(scale_register=9).words_of(1, words(f"0000 {exponent}"))
    assert str(refusal.value) == reason


def test_a_codec_names_all_the_blocks_it_needs_and_those_it_writes() -> None:
    alone = codec(register=7, type="uint32", table="input")
    assert (alone.blocks, alone.value_blocks, alone.needs_present) == ((RegisterBlock("input", 7, 2),),) * 2 + (False,)
    spread = codec(registers=(671, 667), type="uint32", scale_register=680)
    assert spread.value_blocks == (RegisterBlock("holding", 671, 1), RegisterBlock("holding", 667, 1))
    assert spread.blocks == (*spread.value_blocks, RegisterBlock("holding", 680, 1))
    assert spread.needs_present
    assert codec(bits=3).needs_present


def test_registers_are_counted_from_where_the_manual_counts_them() -> None:
    point = ModbusPoint(register=10, scale_register=12)
    assert [block.register for block in Codec("p", point, address_base=1).blocks] == [9, 11]
    assert Codec("p", ModbusPoint(register=10, base=0), address_base=1).blocks == (RegisterBlock("holding", 10, 1),)
    assert Codec("p", ModbusPoint(register=10, base=1)).blocks == (RegisterBlock("holding", 9, 1),)
    with pytest.raises(ValueError, match="counting registers from 1, there is no register 0"):
        Codec("p", ModbusPoint(register=0), address_base=1)


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
        ({"values": {"1": "auto"}}, 2, "2 is none of the states auto"),
        ({"type": "bcd16"}, 10000, "p: the raw value 10000 does not fit bcd16"),
        ({"type": "bcd16"}, -1, "p: the raw value -1 does not fit bcd16"),
        ({"type": "string[2]", "format": "hex"}, "a1b2c3", "p: 'a1b2c3' has not the 4 digits of 2 bytes"),
        ({"type": "string[2]", "format": "hex"}, "a1", "p: 'a1' has not the 4 digits of 2 bytes"),
        ({"type": "string[2]", "format": "hex"}, "Acme", "p: 'Acme' is not hexadecimal"),
        ({"type": "string[9]"}, "\ud800", "p: '\\ud800' is no text that can be written"),
        ({"type": "uint64"}, 10**400, f"p: the raw value {10**400} does not fit uint64"),
        ({"scale": 0.1}, 10**400, "p: the value does not fit uint16"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(settings: dict[str, object], value: object, reason: str) -> None:
    with pytest.raises(DeviceRefused) as refusal:
        codec(**settings).words_of(value, [0])
    assert str(refusal.value) == reason


def test_the_state_that_stands_for_all_others_is_never_written() -> None:
    point = ModbusPoint(register=1, access="read_write", values={"0": "idle", "_": "busy"})
    assert Codec("p", point).words_of("idle") == [0]
    with pytest.raises(DeviceRefused, match="'busy' is none of the states"):
        Codec("p", point).words_of("busy")

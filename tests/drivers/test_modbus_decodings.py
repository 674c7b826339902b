"""Everything that registers may mean, and the registers of devices that do not exist."""

import struct

from s2d_drivers.modbus import ModbusConnection, ModbusPoint
from s2d_drivers.modbus.tools.decodings import TITLES, decodings
from s2d_drivers.modbus.tools.register_image import RegisterImage


def row(words, register):
    rows = {each[0].strip("* "): dict(zip(TITLES, each, strict=True)) for each in decodings(words, [register])}
    return rows[str(register)]


def test_a_float_is_recognised_in_its_order():
    high, low = struct.unpack(">2H", struct.pack(">f", 230.5))
    assert row({10: high, 11: low}, 10)[">FLOAT32 ABCD"] == "230.5"
    assert row({10: low, 11: high}, 10)[">FLOAT32 CDAB"] == "230.5"
    assert row({10: 0x7FC0, 11: 0}, 10)[">FLOAT32 ABCD"] == "-"


def test_a_negative_number_is_shown_with_both_signs():
    shown = row({10: 0xFFFF, 11: 0xFC18}, 10)
    assert shown[">INT32 ABCD"] == "-1000|4294966296"
    assert (shown[">UINT16"], shown[">INT16"]) == ("65535", "-1")


def test_the_last_register_has_no_numbers_of_two():
    assert row({11: 7}, 11) | {"REGISTER": ""} == dict.fromkeys(TITLES, "") | {
        ">HEX": "0007",
        ">UINT16": "7",
        ">INT16": "7",
    }


def test_text_begins_in_its_register_and_ends_with_what_is_none():
    words = dict(enumerate(struct.unpack(">4H", b"Deye\0\0\0\0"), 3))
    assert row(words, 3)["TEXT"] == "Deye"
    assert row(words, 4)["TEXT"] == "ye"
    assert row(words, 5)["TEXT"] == ""


def test_an_image_keeps_the_bits_that_are_not_written():
    low = ModbusPoint(register=5, bits="0..3", access="read_write")
    high = ModbusPoint(register=5, bits="4..7", access="read_write")
    image = RegisterImage(ModbusConnection(host="nowhere"), {"low": low, "high": high}, ())
    image.show("low", 3)
    image.show("high", 9)
    assert image.read(1, "holding", 5, 1) == [0x93]
    assert image.write(1, "holding", 5, [0x21]) == ["low", "high"]
    assert (image.value_of("low"), image.value_of("high")) == (1, 2)


def test_an_image_has_no_optional_point_that_nobody_spoke_of():
    points = {"old": ModbusPoint(register=5), "new": ModbusPoint(register=6, optional=True)}
    assert [*RegisterImage(ModbusConnection(host="nowhere"), points, ()).points] == ["old"]
    assert [*RegisterImage(ModbusConnection(host="nowhere"), points, ("new",)).points] == ["old", "new"]

"""What cannot be said of a Modbus point, and how it is explained."""

from pathlib import Path

import pytest
from s2d_drivers.modbus.point import ModbusPoint

from s2d.config.decoder import Decoder
from s2d.config.yaml_source import parse
from s2d.errors import ConfigError


def told(text: str) -> ModbusPoint:
    return Decoder(Path()).struct(parse(text, "a.yaml"), ModbusPoint, ("p",))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"type": "uint8"}, "type: unknown type 'uint8'; known are uint16, int16,"),
        ({"type": "string[300]"}, "type: unknown type 'string[300]'"),
        ({"type": "int16\n"}, "type: unknown type 'int16\\n'"),
        ({"bits": "3\n"}, "bits: expected a range such as \"4..7\" or a bit such as 3, got '3\\n'"),
        ({"table": "input", "access": "write"}, "access: the input table can only be read; use holding or coil,"),
        ({"table": "discrete", "access": "read_write"}, "access: the discrete table can only be read"),
        ({"table": "coil", "type": "uint16"}, "type: a coil is a bool, not uint16"),
        ({"write_order": "CDAB", "type": "int32"}, "write_order: is about writing, and this point is only read"),
        (
            {"write_order": "BADC", "table": "coil", "access": "write"},
            "write_order: is for registers; a coil is one bit",
        ),
        (
            {"write_order": "CDAB", "type": "string[4]", "access": "write"},
            "write_order: of a string, and of `registers`, it is ABCD or BADC",
        ),
        (
            {"write_order": "DCBA", "registers": (1, 2), "register": None, "type": "uint32", "access": "write"},
            "write_order: of a string, and of `registers`, it is ABCD or BADC",
        ),
        (
            {"sunspec": "704:WSet", "register": None, "write_order": "CDAB", "access": "write"},
            "sunspec: the model tells table, type, order, write_order,",
        ),
        ({"table": "coil", "bits": 1}, "order, sentinel, bits, flags, format and registers are for registers; a coil"),
        ({"type": "bool"}, "type: a bool in a register needs `bits` to say which one"),
        ({"register": 65535, "type": "uint32"}, "register: uint32 at 65535 ends beyond 65535"),
        ({"type": "uint32", "write": "single"}, "write: single writes one register, uint32 has 2; use multiple"),
        ({"type": "string[4]", "order": "CDAB"}, "order: of a string it is ABCD or BADC"),
        ({"bits": "7..4"}, "bits: 7..4 is not within 0..15, the lower first"),
        ({"bits": 16}, "bits: 16 is not within 0..15, the lower first"),
        ({"bits": "x"}, "bits: expected a range such as \"4..7\" or a bit such as 3, got 'x'"),
        ({"bits": "4..7", "type": "bool"}, "bits: a bool is one bit, 4..7 are 4"),
        ({"bits": 1, "type": "int16"}, "bits: are taken from uint16, uint32, uint64 or bool, not int16"),
        ({"sentinel": 70000}, "sentinel: 70000 does not fit uint16"),
        ({"sentinel": 0.5}, "sentinel: 0.5 does not fit uint16"),
        ({"sentinel": -40000, "type": "int16"}, "sentinel: -40000 does not fit int16"),
        ({"sentinel": 1e39, "type": "float32"}, "sentinel: 1e+39 does not fit float32"),
        ({"registers": (1, 2)}, "`register` and `registers` exclude each other: a point is in one place"),
        ({"register": None}, "say where the point is: `register: 843`, or `sunspec: 802:SoC`"),
        ({"registers": (1, 2, 3), "register": None, "type": "uint32"}, "registers: uint32 has 2, not 3"),
        (
            {"registers": (1, 2), "register": None, "type": "uint32", "order": "CDAB"},
            "order: `registers` are named the most significant first, so it is ABCD or BADC",
        ),
        ({"base": 1}, "base: counting from 1, there is no register 0"),
        ({"type": "string[124]", "encoding": "utf-16"}, "type: unknown type 'string[124]'"),
        ({"type": "string[4]", "sentinel": 0}, "sentinel: 0 is not what a string[4] can be"),
        ({"sentinel": "0xFFFF"}, "sentinel: '0xFFFF' is not what a uint16 can be"),
        ({"sentinel": (0xFFFF, 70000)}, "sentinel: 70000 does not fit uint16"),
        ({"type": "string[4]", "absent": "zero"}, "absent: zero is for numbers"),
        ({"format": "hex", "bits": 1}, "format: hex shows whole registers, without bits or flags"),
        ({"flags": {"16": "x"}}, "flags: '16' is no bit of uint16; they are 0..15"),
        ({"flags": {"fan": "x"}}, "flags: 'fan' is no bit of uint16; they are 0..15"),
        ({"flags": {"0": "x"}, "type": "int16"}, "flags: are bits of uint16, uint32 or uint64, not int16"),
        ({"flags": {"0": "x"}, "access": "read_write"}, "flags: are only read, and are texts without `values`"),
        ({"flags": {"0": "x"}, "values": {"0": "x"}}, "flags: are only read, and are texts without `values`"),
        ({"flags": "model"}, "group and flags: model belong to `sunspec`"),
        ({"group": 0}, "group and flags: model belong to `sunspec`"),
        ({"scale_register": 1, "values": {"0": "x"}}, "scale_register: belongs to a number"),
        ({"scale_register": 1, "type": "bool", "bits": 1}, "scale_register: belongs to a number"),
    ],
)
def test_settings_that_make_no_sense_are_explained(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError) as problem:  # noqa: PT011 - the sentence is compared below
        ModbusPoint(**{"register": 0} | settings)
    assert str(problem.value).startswith(sentence)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sunspec": "802:Soc"}, "sunspec: 802:Soc: its model has no such point; did you mean SoC?"),
        ({"sunspec": ("802:SoC", "9:Nix")}, "sunspec: 9:Nix: its model has no such point; it has ID, L,"),
        (
            {"sunspec": "64999:X"},
            "sunspec: 64999:X: pysunspec2 does not define model 64999; if it is the maker's own, write `register`",
        ),
        ({"sunspec": "160:DCW"}, "sunspec: 160:DCW: the point is in the repeating groups of its model: say which, as"),
        ({"sunspec": "103:W", "group": 0}, "sunspec: 103:W: `group` counts repeating groups, which this is none of"),
        ({"sunspec": "704:PF"}, "sunspec: 704:PF: the point is in a group of its model: write PFWInj.PF"),
        ({"sunspec": "704:PFInj.PF"}, "sunspec: 704:PFInj.PF: its model has no group PFInj; did you mean PFWInj?"),
        ({"sunspec": "705:ActPt", "group": 1}, "sunspec: 705:ActPt: its groups Crv are not all of one size, so they"),
        ({"sunspec": "1:Pad"}, "sunspec: 1:Pad: a pad cannot be read"),
        ({"sunspec": ()}, "sunspec: name a model and its point, as `802:SoC`"),
        ({"sunspec": "802:SoC", "register": 7}, "`register` and `sunspec` exclude each other: a point is in one place"),
        (
            {"sunspec": "802:SoC", "type": "int16"},
            "sunspec: the model tells table, type, order, write_order,",
        ),
        (
            {"sunspec": "802:SoC", "table": "input"},
            "sunspec: the model tells table, type, order, write_order,",
        ),
        ({"sunspec": "802:SoC", "flags": "model"}, "sunspec: 802:SoC: is no field of flags"),
        ({"sunspec": "802:EvtVnd1", "flags": "model"}, "sunspec: 802:EvtVnd1: the model gives its flags no names"),
        (
            {"sunspec": "802:ChaSt", "values": {"CHARGIN": "charging"}},
            "sunspec: 802:ChaSt: 'CHARGIN' is neither a number nor a name of the model; known are OFF, EMPTY,",
        ),
        ({"sunspec": "124:StorCtl_Mod", "bits": 16}, "sunspec: 124:StorCtl_Mod: bits: 16 is not within 0..15, the"),
    ],
)
def test_a_sunspec_point_is_checked_against_the_definition_of_its_model(
    settings: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError) as problem:  # noqa: PT011 - the sentence is compared below
        ModbusPoint(**settings)
    assert str(problem.value).startswith(sentence)


def test_the_type_left_out_is_uint16_or_one_bit() -> None:
    assert ModbusPoint(register=0).value_type == "uint16"
    assert ModbusPoint(register=0, table="discrete").value_type == "bool"


def test_a_point_is_written_in_yaml_as_its_manual_says_it() -> None:
    assert told("{registers: [671, 667], type: uint32, sentinel: [0xFFFFFFFF, 0]}") == ModbusPoint(
        registers=(671, 667), type="uint32", sentinel=(0xFFFFFFFF, 0)
    )
    assert told('{sunspec: ["704:WSet", "123:WMaxLimPct"]}') == ModbusPoint(sunspec=("704:WSet", "123:WMaxLimPct"))
    assert told("{sunspec: 802:Evt1, flags: model}") == ModbusPoint(sunspec="802:Evt1", flags="model")
    assert told("{register: 1, flags: {0: hot, 3: fan}}") == ModbusPoint(register=1, flags={"0": "hot", "3": "fan"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "sunspec: 802.SoC",
            "a.yaml:1:10: p: sunspec: 802.SoC: is no SunSpec address; write a model and its point, as",
        ),
        ("registers: [1, 65536]", "a.yaml:1:16: p: registers: expected"),
        ("{register: 1, sentinel: [true]}", "a.yaml:1:26: p: sentinel: expected"),
        ("{register: 1, type: uint8}", "a.yaml:1:21: p: type: unknown type 'uint8'"),
        ("{sunspec: 802:Soc}", "a.yaml:1:11: p: sunspec: 802:Soc: its model has no such point; did you mean SoC?"),
    ],
)
def test_what_is_written_wrong_is_shown_where_it_stands(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        told(text)
    assert str(wrong.value).startswith(problem)

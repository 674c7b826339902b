"""config/README.md against the Structs that the decoder follows: what can be written is there, and nothing else."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields

from drivers.modbus.connection import ModbusConnection
from drivers.modbus.point import ModbusPoint
from drivers.mqtt.connection import MqttConnection
from drivers.mqtt.point import MqttPoint
from s2d.config.checked import Cem, Gateway
from s2d.config.device import DeviceKeys
from s2d.config.files import GatewayFile
from s2d.config.house_limit import HouseLimitKeys
from s2d.device.command import Command, Step
from s2d.driver import PointSettings
from s2d.rm.kinds import KINDS, kind
from s2d.rm.kinds.ev_charger.car import Car
from s2d.rm.occasion import Occasion

ROOT = Path(__file__).parents[2]
KEYS = {
    ("A device", "Key"): DeviceKeys,
    ("`kind: ev_charger`", "Key of one of `cars`"): Car,
    ("A point", "Key"): PointSettings,
    ("More than registers", "Key of a command"): Command,
    ("More than registers", "Key of a step"): Step,
    ("`driver: modbus`", "Key of `connection`"): ModbusConnection,
    ("`driver: mqtt`", "Key of `connection`"): MqttConnection,
    **{(f"`kind: {name}`", "Key"): kind(name).settings for name in KINDS},
}
"""Where a table of keys stands: its heading, and that of its first column."""


@cache
def reference() -> str:
    return (ROOT / "config/README.md").read_text()


def rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Heading of the section, heading of the first column, first cell, for each row of a table."""
    section = column = ""
    is_inside = False
    for line in text.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        first = line.split("|")[1].strip() if line.startswith("|") else ""
        if line.startswith("|") and not is_inside:
            column = first
        elif line.startswith("|") and set(first) - set("-:"):
            yield section, column, first
        is_inside = line.startswith("|")


def names(cell: str) -> list[str]:
    return re.findall(r"`([a-z0-9_]+)`", cell)


def documented(section: str, column: str) -> list[str]:
    return [name for at, under, cell in rows(reference()) if (at, under) == (section, column) for name in names(cell)]


def keys(shape: type[Struct]) -> set[str]:
    return {field.encode_name for field in fields(shape)}


def structs(of: object) -> Iterator[type[Struct]]:
    """The Structs in a type: itself, or what it is made of."""
    if isinstance(of, type) and issubclass(of, Struct):
        yield of
    for each in get_args(of):
        yield from structs(each)


@pytest.mark.parametrize(("section", "column"), KEYS, ids=" ".join)
def test_the_keys_of_a_table_are_those_that_are_known(section: str, column: str) -> None:
    told = documented(section, column)
    assert sorted(told) == sorted(set(told)), "said twice"
    assert set(told) == keys(KEYS[section, column])


@pytest.mark.parametrize(("driver", "point"), [("modbus", ModbusPoint), ("mqtt", MqttPoint)])
def test_the_keys_of_a_point_of_a_driver_are_those_that_any_point_has_not(
    driver: str, point: type[PointSettings]
) -> None:
    assert set(documented(f"`driver: {driver}`", "Key of a point")) == keys(point) - keys(PointSettings)


def test_the_keys_of_the_gateway_file_are_those_that_are_known() -> None:
    told: dict[str, set[str]] = {}
    owner = ""
    for cell in (cell for section, _, cell in rows(reference()) if section == "The gateway file"):
        is_within = cell.startswith("&emsp;")
        owner = owner if is_within else names(cell)[0]
        told.setdefault(owner, set()).update(names(cell) if is_within else ())
    assert told.keys() == keys(GatewayFile)
    assert {owner: inside for owner, inside in told.items() if inside} == {
        "gateway": keys(Gateway),
        "cem": keys(Cem),
        "house_limit": keys(HouseLimitKeys),
    }


@pytest.mark.parametrize("name", KINDS)
def test_the_points_of_a_kind_are_those_that_are_known(name: str) -> None:
    told = documented(f"`kind: {name}`", "Point")
    assert sorted(told) == sorted(kind(name).points)


def test_the_occasions_are_those_that_there_are() -> None:
    assert documented("Safe states", "Occasion") == [each.value for each in Occasion]


@pytest.mark.parametrize("shape", KEYS.values(), ids=lambda shape: shape.__name__)
def test_keys_within_a_key_are_said_in_one_breath_with_it_unless_they_have_a_table(shape: type[Struct]) -> None:
    within = [
        (field.encode_name, key)
        for field in fields(shape)
        for each in structs(field.type)
        if each not in {*KEYS.values(), Cem}
        for key in sorted(keys(each))
    ]
    breaths = re.split(r"\n\n|\n(?=\|)", reference())
    assert [
        (outer, key)
        for outer, key in within
        if not any(f"`{outer}" in each and (f"`{key}" in each or f"{{{key}: " in each) for each in breaths)
    ] == []

"""How single settings are written: what a right one becomes, what is said of a wrong one, and its JSON Schema."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import Meta, Struct, field

from s2d.config.decoder import Decoder
from s2d.config.json_schema import struct_schema
from s2d.config.yaml_source import YamlNode, parse
from s2d.errors import ConfigError
from s2d.heat import StandingLosses
from s2d.phases import UNROTATED, PhaseRotation
from s2d.quantities import (
    PercentageRange,
    PowerSpan,
    TemperatureDifference,
    TemperatureDifferenceRange,
    TemperatureRange,
    Volume,
    limits,
)


class HotWaterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of every type there is."""

    volume_l: Annotated[Volume | None, Meta(extra=limits("10 l", "5000 l"))] = field(name="volume", default=None)
    hysteresis_k: Annotated[TemperatureDifference, Meta(extra=limits("0 K", "30 K"))] = field(
        name="hysteresis", default=TemperatureDifference(5)
    )
    power_w: Annotated[PowerSpan | None, Meta(extra=limits("1 W", "100 kW"))] = field(name="power", default=None)
    comfort_c: TemperatureRange = field(name="comfort", default=TemperatureRange((50.0, 55.0)))
    curve_k: TemperatureDifferenceRange | None = field(name="curve", default=None)
    usable_range: PercentageRange | None = None
    standing_losses: StandingLosses | None = None
    phase_rotation: PhaseRotation = UNROTATED


def decoded(text: str) -> HotWaterSettings:
    return Decoder(Path()).struct(parse(text, "s2d.yaml"), HotWaterSettings, ("Tank",))


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        decoded(text)
    return [f"{problem}" for problem in caught.value.problems]


def is_valid(text: str) -> bool:
    """Whether the JSON Schema takes it."""
    return Draft202012Validator(struct_schema(HotWaterSettings)).is_valid(plain(parse(text, "s2d.yaml")))


def plain(node: YamlNode) -> Any:
    """*node* without positions, as JSON has it."""
    if isinstance(node.content, dict):
        return {key: plain(entry.node) for key, entry in node.content.items()}
    return [plain(inner) for inner in node.content] if isinstance(node.content, list) else node.content


RIGHT = {
    "volume: 200 l": {"volume_l": 200.0, "phase_rotation": (1, 2, 3)},
    "volume: 0.2e3l": {"volume_l": 200.0},
    "hysteresis: 5 K": {"hysteresis_k": 5.0},
    "power: 500 W .. 2 kW": {"power_w": (500.0, 2000.0)},
    "power: 500 W..2kW": {"power_w": (500.0, 2000.0)},
    "power: 1.8 kW": {"power_w": (1800.0, 1800.0)},
    "comfort: 50 °C .. 58 °C": {"comfort_c": (50.0, 58.0)},
    "curve: -3 K .. 5 K": {"curve_k": (-3.0, 5.0)},
    "usable_range: 10 % .. 95 %": {"usable_range": (10.0, 95.0)},
    "standing_losses: 0.05 kW at 60 °C": {"standing_losses": StandingLosses(50.0, 60.0)},
    "standing_losses: 50 W": {"standing_losses": StandingLosses(50.0, 50.0)},
    "phase_rotation: L2 L3 L1": {"phase_rotation": (2, 3, 1)},
}

WRONG = {
    "volume: 200": '1:9: Tank: volume: expected a volume such as "200 l", got 200',
    "volume: 0.2 m³": '1:9: Tank: volume: expected a volume such as "200 l", got "0.2 m³"',
    "volume: 200 L": '1:9: Tank: volume: expected a volume such as "200 l", got "200 L". Did you mean "l"?',
    "volume: 200 l/h": '1:9: Tank: volume: expected a volume such as "200 l", got "200 l/h". l/h is a unit of flow',
    "volume: 2 l": '1:9: Tank: volume: must be from 10 l to 5000 l, got "2 l"',
    "hysteresis: 5": '1:13: Tank: hysteresis: expected a temperature difference such as "5 K", got 5',
    "hysteresis: 5 °C": '1:13: Tank: hysteresis: expected a temperature difference such as "5 K", got "5 °C". '
    "°C is a unit of temperature",
    "hysteresis: -5 K": '1:13: Tank: hysteresis: must be from 0 K to 30 K, got "-5 K"',
    "power: 1800": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got 1800',
    "power: 500 .. 2000 W": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got "500 .. 2000 W"',
    "power: 500 W - 2 kW": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got "500 W - 2 kW"',
    "power: 500 W .. 1 kW .. 2 kW": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", '
    'got "500 W .. 1 kW .. 2 kW"',
    "power: 500 W .. 2 kWh": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got "500 W .. 2 kWh". '
    "kWh is a unit of energy",
    "power: 500 W .. 2,5 kW": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got "500 W .. 2,5 kW". '
    "Write decimals behind a point",
    "power: 500 w .. 2 kW": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got "500 w .. 2 kW". '
    'Did you mean "W"?',
    "power: 2 kW .. 500 W": '1:8: Tank: power: expected the lower end first and below the upper, got "2 kW .. 500 W"',
    "power: 0 W .. 2 kW": '1:8: Tank: power: must be from 1 W to 100 kW, got "0 W .. 2 kW"',
    "power: 500 W .. 200 kW": '1:8: Tank: power: must be from 1 W to 100 kW, got "500 W .. 200 kW"',
    "power: 500 W .. 200 MW": '1:8: Tank: power: must be at most 100 MW, got "200 MW"',
    "power: [500 W, 2 kW]": '1:8: Tank: power: expected a range such as "500 W .. 2 kW", got a list',
    "comfort: 50 °C": '1:10: Tank: comfort: expected a range such as "50 °C .. 58 °C", got "50 °C"',
    "comfort: 50 °C .. 50 °C": "1:10: Tank: comfort: expected the lower end first and below the upper, "
    'got "50 °C .. 50 °C"',
    "comfort: 50 K .. 58 K": '1:10: Tank: comfort: expected a range such as "50 °C .. 58 °C", got "50 K .. 58 K". '
    "K is a unit of temperature difference",
    "curve: \u22123 K .. 5 K": '1:8: Tank: curve: expected a range such as "-3 K .. 5 K", got "\u22123 K .. 5 K". '
    "It has a minus sign (U+2212): type a plain -",
    "standing_losses: 50": "1:18: Tank: standing_losses: expected a power at a temperature such as "
    '"50 W at 50 °C", got 50',
    "standing_losses: 50 W by 50 °C": "1:18: Tank: standing_losses: expected a power at a temperature such as "
    '"50 W at 50 °C", got "50 W by 50 °C"',
    "standing_losses: 50 °C at 50 W": "1:18: Tank: standing_losses: expected a power at a temperature such as "
    '"50 W at 50 °C", got "50 °C at 50 W". °C is a unit of temperature',
    "standing_losses: 50 W at 50 C": "1:18: Tank: standing_losses: expected a power at a temperature such as "
    '"50 W at 50 °C", got "50 W at 50 C". Did you mean "°C"?',
    "standing_losses: -50 W at 50 °C": '1:18: Tank: standing_losses: must be from 0 W to 10 kW, got "-50 W at 50 °C"',
    "standing_losses: 50 kW": '1:18: Tank: standing_losses: must be from 0 W to 10 kW, got "50 kW"',
    "phase_rotation: L2 L3": "1:17: Tank: phase_rotation: expected the phases of the house in some order such as "
    '"L2 L3 L1", got "L2 L3"',
    "phase_rotation: L1 L1 L2": "1:17: Tank: phase_rotation: expected the phases of the house in some order such as "
    '"L2 L3 L1", got "L1 L1 L2"',
    "phase_rotation: 231": "1:17: Tank: phase_rotation: expected the phases of the house in some order such as "
    '"L2 L3 L1", got 231',
    "phase_rotation: [L2, L3, L1]": "1:17: Tank: phase_rotation: expected the phases of the house in some order "
    'such as "L2 L3 L1", got a list',
}

BEYOND_A_SCHEMA = ("must ", "expected the lower end")
"""A schema knows how it is written, and not how much it is."""


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_one_becomes_what_it_stands_for(text: str) -> None:
    settings = decoded(text)
    assert {name: getattr(settings, name) for name in RIGHT[text]} == RIGHT[text]
    assert is_valid(text)


@pytest.mark.parametrize("text", WRONG)
def test_of_a_wrong_one_is_said_where_it_stands_and_what_was_expected(text: str) -> None:
    assert problems(text) == [f"s2d.yaml:{WRONG[text]}"]
    assert is_valid(text) == any(words in WRONG[text] for words in BEYOND_A_SCHEMA)


def test_a_default_stands_in_the_schema_as_its_owner_would_write_it() -> None:
    properties = struct_schema(HotWaterSettings)["properties"]
    assert isinstance(properties, dict)
    defaults = {key: schema["default"] for key, schema in properties.items() if "default" in schema}
    assert defaults == {"hysteresis": "5 K", "comfort": "50 °C .. 55 °C", "phase_rotation": "L1 L2 L3"}
    assert PowerSpan((1800.0, 1800.0)).text() == "1800 W"


def test_what_a_device_has_on_its_phases_is_on_those_of_the_house() -> None:
    assert UNROTATED.in_house(("on L1", "on L2", "on L3")) == ("on L1", "on L2", "on L3")
    assert PhaseRotation((2, 3, 1)).in_house(("on L1", "on L2", "on L3")) == ("on L3", "on L1", "on L2")
    assert PhaseRotation.parse("L1 L3 L2").text() == "L1 L3 L2"


def test_a_tank_loses_as_much_as_it_is_warmer_than_what_is_around_it() -> None:
    assert StandingLosses(50.0).w_per_k(20.0) == 50 / 30
    assert StandingLosses.parse("50 W at 65 °C").w_per_k(15.0) == 1.0
    assert StandingLosses(50.0).text() == "50 W at 50 °C"

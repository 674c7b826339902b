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
from s2d.heat import CoefficientOfPerformance, StandingLosses
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
from s2d.schedule import DrawOfDay, TimeOfDay, WeekDraws, WeekTimes


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
    hygiene_at: TimeOfDay = TimeOfDay(13, 0)
    departure: WeekTimes | None = None
    usage: WeekDraws | None = None
    cop: CoefficientOfPerformance | None = None


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


SEVEN = TimeOfDay(7, 0)
SHOWER = DrawOfDay(TimeOfDay(6, 30), 1500.0)

RIGHT: dict[str, dict[str, object]] = {
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
    "hygiene_at: 9:05": {"hygiene_at": TimeOfDay(9, 5)},
    "departure: 07:00": {"departure": WeekTimes((SEVEN,) * 7)},
    'departure: {weekdays: "07:00", weekend: 09:30}': {"departure": WeekTimes((SEVEN,) * 5 + (TimeOfDay(9, 30),) * 2)},
    "departure: {friday: 15:00, weekdays: 07:00}": {
        "departure": WeekTimes((SEVEN,) * 4 + (TimeOfDay(15, 0), None, None))
    },
    'usage: {weekdays: {"06:30": 1.5 kWh}, sunday: {"20:00": 2 kWh, "8:00": 500 Wh}}': {
        "usage": WeekDraws(
            ((SHOWER,),) * 5 + ((), (DrawOfDay(TimeOfDay(8, 0), 500.0), DrawOfDay(TimeOfDay(20, 0), 2000.0)))
        )
    },
    "usage: {weekdays: {06:30: 1.5 kWh}, friday: {}}": {"usage": WeekDraws(((SHOWER,),) * 4 + ((), (), ()))},
    "cop: 2.9": {"cop": CoefficientOfPerformance(((0.0, 2.9),))},
    "cop: 3": {"cop": CoefficientOfPerformance(((0.0, 3.0),))},
    "cop: {7 °C: 3.4, -7 °C: 2.4}": {"cop": CoefficientOfPerformance(((-7.0, 2.4), (7.0, 3.4)))},
}

WRONG: dict[str, str | list[str]] = {
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
    "hygiene_at: 24:00": '1:13: Tank: hygiene_at: expected a time of day such as "07:00", got "24:00"',
    "hygiene_at: 7": '1:13: Tank: hygiene_at: expected a time of day such as "07:00", got 7',
    "hygiene_at: 07:60": '1:13: Tank: hygiene_at: expected a time of day such as "07:00", got "07:60"',
    "departure: 7 h": '1:12: Tank: departure: expected a time of day such as "07:00" or a mapping, got "7 h"',
    "departure: [07:00]": '1:12: Tank: departure: expected a time of day such as "07:00" or a mapping, got a list',
    "departure: {}": '1:12: Tank: departure: expected at least one day, as in {weekdays: "07:00", weekend: "09:30"}',
    "departure: {weekday: 07:00}": '1:13: Tank: departure: unknown key "weekday". Did you mean "weekdays"?',
    "departure: {weekdays: 07.00}": "1:23: Tank: departure: weekdays: expected a time of day such as "
    '"07:00", got 07.00',
    "departure: {friday:}": '1:20: Tank: departure: friday: expected a time of day such as "07:00", got nothing',
    "usage: 1.5 kWh": '1:8: Tank: usage: expected a mapping, got "1.5 kWh"',
    "usage: {weekdays: 1.5 kWh}": '1:19: Tank: usage: weekdays: expected a mapping, got "1.5 kWh"',
    "usage: {weekdays: {1.5 kWh: 06:30}}": [
        '1:29: Tank: usage: weekdays: 1.5 kWh: expected an energy such as "10 kWh", got "06:30"',
        '1:20: Tank: usage: weekdays: expected a time of day such as "07:00", got "1.5 kWh"',
    ],
    "usage: {weekdays: {06:30: 1.5 kW, 08:00: 150 kWh}}": [
        '1:27: Tank: usage: weekdays: 06:30: expected an energy such as "10 kWh", got "1.5 kW". kW is a unit of power',
        '1:42: Tank: usage: weekdays: 08:00: must be from 1 Wh to 100 kWh, got "150 kWh"',
    ],
    "usage: {monday: {6:30: 1 kWh, 06:30: 1 kWh}}": '1:31: Tank: usage: monday: key "06:30" is given twice '
    "(the other: s2d.yaml:1:18)",
    "cop: lots": '1:6: Tank: cop: expected a number or a mapping, got "lots"',
    "cop: 0.9": "1:6: Tank: cop: expected a number between 1 and 20, got 0.9",
    "cop: 300 %": '1:6: Tank: cop: expected a number or a mapping, got "300 %"',
    "cop: {-7 °C: 2.4}": "1:6: Tank: cop: expected one number or two points such as {-7 °C: 2.4, 7 °C: 3.4}, got 1",
    "cop: {-7 °C: 2.4, 2 °C: 3, 7 °C: 3.4}": "1:6: Tank: cop: expected one number or two points such as "
    "{-7 °C: 2.4, 7 °C: 3.4}, got 3",
    "cop: {-7 °C: 3.4, 7 °C: 2.4}": "1:6: Tank: cop: expected no lower number where it is warmer outdoors",
    "cop: {-7 °C: 2.4, 7 °C: 34}": "1:25: Tank: cop: 7 °C: expected a number between 1 and 20, got 34",
    "cop: {-7: 2.4, 7 K: 3.4}": [
        '1:7: Tank: cop: expected a temperature such as "55 °C", got "-7"',
        '1:16: Tank: cop: expected a temperature such as "55 °C", got "7 K". K is a unit of temperature difference',
    ],
    "cop: {7 °C: 2.4, 7.0 °C: 3.4}": '1:18: Tank: cop: key "7.0 °C" is given twice (the other: s2d.yaml:1:7)',
}

BEYOND_A_SCHEMA = ("must ", "expected the lower end", "at least one day", "twice", "two points", "no lower number")
"""A schema knows how it is written, and not how much it is."""


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_one_becomes_what_it_stands_for(text: str) -> None:
    settings = decoded(text)
    assert {name: getattr(settings, name) for name in RIGHT[text]} == RIGHT[text]
    assert is_valid(text)


@pytest.mark.parametrize("text", WRONG)
def test_of_a_wrong_one_is_said_where_it_stands_and_what_was_expected(text: str) -> None:
    told = WRONG[text]
    sentences = [told] if isinstance(told, str) else told
    assert problems(text) == [f"s2d.yaml:{sentence}" for sentence in sentences]
    assert is_valid(text) == all(any(words in sentence for words in BEYOND_A_SCHEMA) for sentence in sentences)


def test_a_default_stands_in_the_schema_as_its_owner_would_write_it() -> None:
    properties = struct_schema(HotWaterSettings)["properties"]
    assert isinstance(properties, dict)
    defaults = {key: schema["default"] for key, schema in properties.items() if "default" in schema}
    assert defaults == {
        "hysteresis": "5 K",
        "comfort": "50 °C .. 55 °C",
        "phase_rotation": "L1 L2 L3",
        "hygiene_at": "13:00",
    }
    assert PowerSpan((1800.0, 1800.0)).text() == "1800 W"


def test_what_a_device_has_on_its_phases_is_on_those_of_the_house() -> None:
    assert UNROTATED.in_house(("on L1", "on L2", "on L3")) == ("on L1", "on L2", "on L3")
    assert PhaseRotation((2, 3, 1)).in_house(("on L1", "on L2", "on L3")) == ("on L3", "on L1", "on L2")
    assert PhaseRotation.parse("L1 L3 L2").text() == "L1 L3 L2"


def test_a_tank_loses_as_much_as_it_is_warmer_than_what_is_around_it() -> None:
    assert StandingLosses(50.0).w_per_k(20.0) == 50 / 30
    assert StandingLosses.parse("50 W at 65 °C").w_per_k(15.0) == 1.0
    assert StandingLosses(50.0).text() == "50 W at 50 °C"


def test_heat_for_power_is_straight_between_two_points_and_beyond_and_never_below_1() -> None:
    cop = decoded("cop: {-7 °C: 2.4, 7 °C: 3.4}").cop
    assert cop
    assert {at: round(cop.at(at), 6) for at in (-7.0, 0.0, 2.0, 7.0, 21.0, -40.0)} == {
        -7.0: 2.4, 0.0: 2.9, 2.0: 3.042857, 7.0: 3.4, 21.0: 4.4, -40.0: 1.0
    }  # fmt: skip
    assert not cop.is_fixed
    fixed = CoefficientOfPerformance.of(2.9)
    assert fixed.is_fixed
    assert (fixed.at(-20.0), fixed.at(30.0)) == (2.9, 2.9)


def test_what_is_missing_comes_with_an_example() -> None:
    class Needy(Struct, forbid_unknown_fields=True):
        cop: CoefficientOfPerformance
        departure: WeekTimes

    with pytest.raises(ConfigError) as caught:
        Decoder(Path()).struct(parse("{}", "s2d.yaml"), Needy, ())
    assert [str(problem) for problem in caught.value.problems] == [
        's2d.yaml:1:1: missing key "cop". For example "cop: {-7 °C: 2.4, 7 °C: 3.4}"',
        's2d.yaml:1:1: missing key "departure". For example "departure: {weekdays: "07:00", weekend: "09:30"}"',
    ]

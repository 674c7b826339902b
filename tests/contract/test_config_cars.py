"""The cars of a charger: what right ones become, what is said of wrong ones, and which of them is there."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from msgspec import Struct

from s2d.config.decoder import Decoder
from s2d.config.json_schema import struct_schema
from s2d.config.yaml_source import parse
from s2d.errors import ConfigError
from s2d.quantities import Current, Duration, Energy, Percentage
from s2d.rm.kinds.ev_charger.car import Car, car_of, check_ids

from .test_config_written import plain


class Garage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings with cars."""

    cars: tuple[Car, ...] = ()

    def __post_init__(self) -> None:
        check_ids(self.cars)


def cars(text: str) -> tuple[Car, ...]:
    return Decoder(Path()).struct(parse(text, "s2d.yaml"), Garage, ("Charger",)).cars


def is_valid(text: str) -> bool:
    return Draft202012Validator(struct_schema(Garage)).is_valid(plain(parse(text, "s2d.yaml")))


EVERYTHING = """\
cars:
- {name: Our car, id: "04A2B1", battery_capacity: 60 kWh, phases: 3, max_current: 16 A, limit_soc: 90 %}
- name: Small one
  id: "12345678"
  battery_capacity: 24 kWh
  phases: 1
  pause: never
  switch_phases: no
  wake: no
  first_charge: 5 min
  min_current: 8 A
"""


def test_a_car_is_what_its_owner_says_and_else_as_cars_are() -> None:
    ours, small = cars(EVERYTHING)
    assert ours == Car(
        name="Our car",
        id="04A2B1",
        battery_capacity_wh=Energy(60_000),
        phases=3,
        max_current_a=Current(16),
        limit_soc=Percentage(90),
    )
    assert (ours.can_switch_phases, ours.can_be_woken, ours.pause) == (True, True, "allowed")
    assert (ours.min_current_a, ours.first_charge_s) == (6.0, 120.0)
    assert small == Car(
        name="Small one",
        id="12345678",
        battery_capacity_wh=Energy(24_000),
        phases=1,
        pause="never",
        stated_switch_phases="no",
        stated_wake="no",
        first_charge_s=Duration(300),
        min_current_a=Current(8),
    )
    assert (small.can_switch_phases, small.can_be_woken) == (False, False)
    assert is_valid(EVERYTHING)


@pytest.mark.parametrize(
    ("written", "can_be_woken"), [("no", False), ("false", False), ('"no"', False), ("yes", True), ("true", True)]
)
def test_no_is_no_and_yes_is_yes_however_they_are_written(written: str, can_be_woken: bool) -> None:
    text = f"cars: [{{name: Zoe, wake: {written}}}]"
    (car,) = cars(text)
    assert car.can_be_woken is can_be_woken
    assert is_valid(text)


WRONG = {
    "cars: Zoe": '1:7: cars: expected a list, got "Zoe". Write [Zoe]',
    "cars: [{id: a}]": '1:8: cars: missing key "name"',
    "cars: [{name: Zoe, capacity: 22 kWh}]": '1:20: cars: unknown key "capacity". Did you mean "battery_capacity"?',
    "cars: [{name: Zoe, id: 04815}]": '1:24: cars: id: expected text, got 04815. Write it in quotes: "04815"',
    "cars: [{name: Zoe, phases: 4}]": "1:28: cars: phases: expected one of: 1, 2, 3, got 4",
    "cars: [{name: Zoe, pause: no}]": '1:27: cars: pause: expected one of: allowed, never, got "no"',
    "cars: [{name: Zoe, wake: off}]": '1:26: cars: wake: expected true or false or one of: yes, no, got "off"',
    "cars: [{name: Zoe, max_current: 4 A}]": '1:33: cars: max_current: must be from 6 A to 80 A, got "4 A"',
    "cars: [{name: Zoe, max_current: 10 A, min_current: 13 A}]": "1:52: cars: min_current: must not be above "
    'max_current, which is 10 A, got "13 A"',
    "cars: [{name: Zoe, id: a}, {name: Leaf, id: A}]": '1:45: cars: id: two cars have the id "A" (the other is "Zoe")',
    "cars: [{name: Zoe, id: a}, {name: Leaf}]": '1:28: cars: missing key "id", by which a charger knows one of '
    "several cars",
}
BEYOND_A_SCHEMA = ("must ", "two cars", "several cars")


@pytest.mark.parametrize("text", WRONG)
def test_of_a_wrong_one_is_said_where_it_stands_and_what_was_expected(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        cars(text)
    place, _, sentence = WRONG[text].partition(": ")
    assert [str(problem) for problem in caught.value.problems] == [f"s2d.yaml:{place}: Charger: {sentence}"]
    assert is_valid(text) == any(words in sentence for words in BEYOND_A_SCHEMA)


def test_a_car_is_known_by_what_the_charger_says() -> None:
    ours, small = known = cars(EVERYTHING)
    assert car_of(known, "04a2b1") == ours
    assert car_of(known, " 12345678 ") == small
    assert car_of(known, "04A2B2") is None
    assert car_of(known, None) is None
    assert car_of((), "04A2B1") is None


def test_one_car_without_an_id_is_the_only_one() -> None:
    (only,) = known = cars("cars: [{name: Zoe}]")
    assert car_of(known, "04A2B1") == only
    assert car_of(known, None) == only
    assert car_of(cars('cars: [{name: Zoe, id: "04A2B1"}]'), None) is None

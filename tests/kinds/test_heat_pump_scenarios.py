"""The worked scenarios of heat pumps, number by number: what is described is what stands there, whatever its ids."""

import json
from typing import Any

import pytest

from s2d.s2.messages import frbc, ombc, wire
from s2d.s2.messages.pebc import PowerConstraints

from ..published import SPEC
from .stage import PEBC, of_type
from .test_heat_pump_frbc import OFFERED, SET, Pump, by_setpoint, offered
from .test_heat_pump_safe_states import CAPPED, Capped
from .test_heat_pump_sg_ready import RELAYS
from .test_heat_pump_sg_ready import Pump as SgPump

needs_scenarios = pytest.mark.skipif(
    not (SPEC / "scenarios").is_dir(), reason="the worked scenarios are not in ../shared/spec"
)
LABELS = {"heat the hot water": "heat", "running": "heat", "Off": "rest"}


def told(scenario: str, message_type: str) -> list[dict[str, Any]]:
    """The messages of that type in *scenario*."""
    messages = json.loads((SPEC / "scenarios" / f"{scenario}.json").read_text())
    return [each for each in messages if each["message_type"] == message_type]


def as_told(message: object) -> dict[str, Any]:
    """*message* as it goes over the wire."""
    found: dict[str, Any] = json.loads(wire.encode(message))  # type: ignore[arg-type]
    return found


def modes(described: list[dict[str, Any]]) -> dict[str, Any]:
    """What modes are, by label, without their ids."""
    return {
        LABELS.get(mode["diagnostic_label"], mode["diagnostic_label"]): mode.get("elements", mode.get("power_ranges"))
        for mode in described
    }


def ways(machine: dict[str, Any]) -> set[tuple[object, ...]]:
    """The transitions and timers of *machine*, by labels."""
    names = {each["id"]: each["diagnostic_label"] for each in (*machine["operation_modes"], *machine["timers"])}
    names = {each: LABELS.get(label, label) for each, label in names.items()}
    durations = {(each["diagnostic_label"], each["duration"]) for each in machine["timers"]}
    return durations | {
        (
            names[way["from"]],
            names[way["to"]],
            frozenset(names[each] for each in way["start_timers"]),
            frozenset(names[each] for each in way["blocking_timers"]),
            way["abnormal_condition_only"],
            way.get("transition_duration"),
        )
        for way in machine["transitions"]
    }


def assert_same_tank(pump: Pump, scenario: str) -> None:
    (wanted,) = told(scenario, "FRBC.SystemDescription")[0]["actuators"]
    (is_told,) = as_told(pump.description)["actuators"]
    expected, found = modes(wanted["operation_modes"]), modes(is_told["operation_modes"])
    assert found.keys() == expected.keys()
    for label, (element,) in expected.items():
        for part, ends in element.items():
            (other,) = found[label]
            for one, same in zip(
                *([each] if isinstance(each, dict) else each for each in (ends, other[part])), strict=True
            ):
                assert {**same} == {
                    key: pytest.approx(value) if isinstance(value, float | int) else value for key, value in one.items()
                }
    assert ways(is_told) == ways(wanted)


@needs_scenarios
def test_the_walkthrough_of_the_documentation() -> None:
    """But for its leakage, which is told here in two halves of the band that are 41.9 W on the average, as it is."""
    keys = (
        OFFERED.replace("50 °C .. 58 °C", "45 °C .. 55 °C")
        .replace("cop: {-7 °C: 2.4, 7 °C: 3.4}", "cop: 3.5")
        .replace("standing_losses: 50 W", "standing_losses: 50 W at 50 °C")
    )
    keys += "i_know: legionella\nlevel_limits: 45 °C .. 55 °C\ntimers: {run: 2 h, pause: 1 h}\n"
    pump = Pump(keys, temperature=52.0, power=0.0, outdoor=10.0)
    (wanted,) = told("hp1-walkthrough", "FRBC.SystemDescription")[0]["actuators"]
    (is_told,) = as_told(pump.description)["actuators"]
    expected, found = modes(wanted["operation_modes"]), modes(is_told["operation_modes"])
    for label in ("heat", "rest"):
        rate = expected[label][0]["fill_rate"]
        assert found[label][0]["fill_rate"] == {end: pytest.approx(value) for end, value in rate.items()}
        assert found[label][0]["fill_level_range"] == expected[label][0]["fill_level_range"]
    (leakage,) = of_type(frbc.LeakageBehaviour, pump.first)
    (element,) = told("hp1-walkthrough", "FRBC.LeakageBehaviour")[0]["elements"]
    rates = [each.leakage_rate for each in leakage.elements]
    assert sum(rates) / len(rates) == pytest.approx(element["leakage_rate"])


@needs_scenarios
def test_a_tank_by_the_weather() -> None:
    pump = offered()
    assert_same_tank(pump, "hp2-weather")
    for message_type, kind in (("LeakageBehaviour", frbc.LeakageBehaviour), ("UsageForecast", frbc.UsageForecast)):
        (message,) = of_type(kind, pump.first)
        (wanted,) = told("hp2-weather", f"FRBC.{message_type}")
        found = as_told(message)
        assert found.get("start_time") == wanted.get("start_time")
        for one, same in zip(wanted["elements"], found["elements"], strict=True):
            for key, value in one.items():
                assert same[key] == (pytest.approx(value) if isinstance(value, float | int) else value)


@needs_scenarios
def test_hot_water_beside_rooms() -> None:
    assert_same_tank(by_setpoint(SET), "hp5-dhw-and-heating")


@needs_scenarios
@pytest.mark.parametrize(
    ("scenario", "keys"),
    [
        ("hp3-sgready", RELAYS),
        ("hp3-dim", RELAYS.replace("650 W", "1.9 kW").replace("2.1 kW", "5.2 kW") + "state_1: dim\n"),
    ],
)
def test_sg_ready(scenario: str, keys: str) -> None:
    (wanted,) = told(scenario, "OMBC.SystemDescription")
    description: ombc.SystemDescription = SgPump(keys).description
    found = as_told(description)
    assert modes(found["operation_modes"]) == modes(wanted["operation_modes"])
    assert ways(found) == ways(wanted)


@needs_scenarios
def test_a_cap() -> None:
    (wanted,) = told("hp6-cap", "PEBC.PowerConstraints")
    pump = Capped(CAPPED)
    (constraints,) = of_type(PowerConstraints, pump.first)
    found = as_told(constraints)
    assert found["allowed_limit_ranges"] == wanted["allowed_limit_ranges"]
    assert found["consequence_type"] == wanted["consequence_type"]
    assert pump.offered()[0] is PEBC

"""The worked scenarios of an EV charger, where they lie beside the checkout: numbers, ways, timers, outcomes."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from s2d.s2.messages import frbc, wire
from s2d.s2.messages.common import InstructionStatusUpdate

from ..published import SPEC
from .ev_stage import HOUR, POINTS, EvStage
from .stage import FRBC, PEBC
from .test_ev_frbc import BOTH, EVENING, KEYS, SOC, Planned, selected

SCENARIOS = SPEC / "scenarios"
pytestmark = pytest.mark.skipif(not SCENARIOS.is_dir(), reason="no scenarios beside the checkout")
Json = dict[str, Any]


def written(name: str) -> list[Json]:
    messages: list[Json] = json.loads((SCENARIOS / f"{name}.json").read_text())
    return messages


def spoken(messages: Iterable[Any]) -> list[Json]:
    return [json.loads(wire.encode(message)) for message in messages]


def descriptions(messages: list[Json]) -> list[Json]:
    """Each description without its ids and labels of its owner's: they are told apart by labels and powers."""
    return [described(each) for each in messages if each["message_type"] == "FRBC.SystemDescription"]


def described(message: Json) -> Json:
    (actuator,) = message["actuators"]
    names = {mode["id"]: mode["diagnostic_label"] for mode in actuator["operation_modes"]}
    names |= {timer["id"]: timer["diagnostic_label"] for timer in actuator["timers"]}
    ways = [
        (
            names[way["from"]],
            names[way["to"]],
            sorted(names[each] for each in way["start_timers"]),
            sorted(names[each] for each in way["blocking_timers"]),
            way["abnormal_condition_only"],
            way["transition_duration"],
        )
        for way in actuator["transitions"]
    ]
    storage = {key: value for key, value in message["storage"].items() if key != "diagnostic_label"}
    return {
        "modes": [(mode["diagnostic_label"], rounded(mode["elements"])) for mode in actuator["operation_modes"]],
        "ways": sorted(ways),
        "timers": {names[timer["id"]]: timer["duration"] for timer in actuator["timers"]},
        "storage": rounded(storage),
    }


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.9g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


def targets(messages: list[Json]) -> list[Any]:
    """The target profiles, by when their last element begins; what is told twice in a row counts once."""
    told: list[Any] = []
    for message in messages:
        if message["message_type"] == "FRBC.FillLevelTargetProfile":
            elements = message["elements"]
            begins_at = datetime.fromisoformat(message["start_time"]) + timedelta(
                milliseconds=sum(each["duration"] for each in elements[:-1])
            )
            ranges = [rounded(each["fill_level_range"]) for each in elements]
            profile = (begins_at if len(elements) > 1 else None, elements[-1]["duration"], ranges)
            if told[-1:] != [profile]:
                told.append(profile)
    return told


def outcomes(messages: list[Json]) -> list[list[str]]:
    """What became of each instruction, in their order; that one which succeeded is over later on is left out."""
    by_id: dict[str, list[str]] = {}
    for message in messages:
        if message["message_type"] == "InstructionStatusUpdate":
            told = by_id.setdefault(message["instruction_id"], [])
            if "SUCCEEDED" not in told:
                told.append(message["status_type"])
    return list(by_id.values())


def same(stage: Planned | EvStage, name: str) -> None:
    """What was said is what is written down."""
    said, expected = spoken(stage.said), written(name)
    assert descriptions(said) == descriptions(expected)
    assert targets(said) == targets(expected)
    assert outcomes(said) == outcomes(expected)


def test_the_walkthrough_of_the_standard() -> None:
    keys = (
        "kind: ev_charger\nmax_current: 16 A\nmin_charge_power: 1.4 kW\nmax_charge_power: 11 kW\n"
        "timers: {on: 0 s, off: 0 s}\n"
        "points:\n  status: {register: 1, values: {1: A, 2: B, 3: C}}\n  power: {register: 2, unit: W}\n"
        '  power_limit: {register: 3, unit: W, access: write}\n  vehicle_soc: {register: 7, unit: "%"}\n'
        'cars: [{name: Car, battery_capacity: 60 kWh}]\ncharge_efficiency: 100 %\ndeparture: "08:00"\n'
    )
    stage = Planned(keys, soc=0.0)
    stage.wants = False
    stage.session(FRBC)
    (said,), (expected,) = descriptions(spoken(stage.said)), descriptions(written("ev1-walkthrough"))
    assert [elements for _, elements in said["modes"]] == [elements for _, elements in expected["modes"]]
    assert said["timers"] == expected["timers"] == {}
    assert [way[2:5] for way in said["ways"]] == [way[2:5] for way in expected["ways"]]
    stage.lives(302)
    stage.orders("go", stage.mode(3))
    assert [each for each in stage.written if each[1] == "power_limit"][-1][2] == 11_000.0
    stage.extra = {"status": "C", "power": 10_963.0}
    effects = stage.lives(4)
    assert effects
    status = [each for each in stage.said if isinstance(each, frbc.ActuatorStatus)][-1]
    assert status.operation_mode_factor == pytest.approx(0.996146, abs=1e-6)
    assert [each.status_type for each in stage.said if isinstance(each, InstructionStatusUpdate)][-1] == "SUCCEEDED"


def test_a_day() -> None:
    stage = Planned(BOTH, relay=1, at=EVENING - timedelta(hours=1))
    stage.is_plugged = False
    stage.session(FRBC)
    stage.lives(HOUR)
    stage.is_plugged, stage.wants = True, True
    stage.reads()
    stage.lives(2)
    stage.voltage_v = 231.333
    stage.orders("i1", stage.mode(3), 0.5)
    stage.lives(328)
    stage.orders("i2", stage.mode(1))
    stage.lives(272)
    stage.orders("i3", stage.mode(1))
    stage.lives(4 * HOUR - 602)
    stage.is_plugged = False
    stage.lives(14)
    same(stage, "ev2-day")


def test_limits() -> None:
    points = "  session_energy: {register: 30, unit: Wh}\n  requested_energy: {register: 31, unit: Wh}\n"
    stage = EvStage(POINTS + points + 'departure: "07:00"\n', utc_step=timedelta(days=182, hours=10))
    stage.wants = True
    stage.extra = {"session_energy": 0.0, "requested_energy": 20_000.0}
    stage.session(PEBC)
    said = spoken(stage.said)
    expected = written("ev3-pebc")
    for message_type in ("PEBC.PowerConstraints", "PEBC.EnergyConstraint"):
        assert first(message_type, said) == first(message_type, expected)
    stage.lives(2)
    stage.ordered("i1", (7200, 0, 0), (21600, 0, 5000))
    assert stage.limit_a == 0.0
    stage.lives(7190)
    assert stage.limit_a == 7.0
    assert stage.taken_w == 4830.0
    stage.lives(HOUR - 4)
    stage.ordered("i2", (18000, 0, 3000))
    assert stage.limit_a == 0.0
    stage.lives(30)
    stage.ordered("i3", (14400, 0, 12000))
    assert stage.limit_a == 0.0
    assert outcomes(spoken(stage.said)) == outcomes(expected)


def first(message_type: str, messages: list[Json]) -> Any:
    """The first of that type, without its ids."""
    message = next(each for each in messages if each["message_type"] == message_type)
    return rounded({key: value for key, value in message.items() if key not in ("id", "message_id")})


@pytest.mark.parametrize(("name", "phases"), [("ev4-onephase", 1), ("ev4-twophase", 2)])
def test_a_car_of_fewer_phases(name: str, phases: int) -> None:
    stage = selected()
    stage.car_phases = phases
    stage.lives(2)
    stage.orders("i1", stage.mode(3))
    stage.lives(1198)
    stage.orders("i2", stage.mode(3), 0.5)
    stage.lives(20)
    same(stage, name)


def test_a_card_that_comes_late() -> None:
    stage = Planned(KEYS.replace(SOC, SOC + "  authorised: {register: 8}\n"))
    stage.wants, stage.extra["authorised"] = False, False
    stage.session(FRBC)
    stage.lives(448)
    stage.extra["authorised"] = True
    stage.lives(2)
    same(stage, "ev5-authorise")


def test_a_car_that_sleeps() -> None:
    keys = KEYS.replace(SOC, SOC + "  wake: {register: 8, access: write}\n")
    stage = selected(keys, at=datetime(2026, 12, 1, 1, tzinfo=UTC), soc=60.0)
    stage.wants = False
    stage.orders("i1", stage.mode(3))
    stage.lives(300)
    stage.lives(1838)
    stage.wants = True
    stage.lives(2)
    same(stage, "ev6-asleep")


def test_there_is_a_test_for_each() -> None:
    names = {file.stem for file in SCENARIOS.glob("ev*.json")}
    text = Path(__file__).read_text()
    assert {name for name in names if f'"{name}"' not in text} == set()

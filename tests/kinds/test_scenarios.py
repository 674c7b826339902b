"""The worked scenarios of loads, inverters and batteries, message by message: what is told is what stands there.

The CEM says what stands there when it stands there, and the device shows the powers that are measured there.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from s2d.s2.effects import Effect, Started
from s2d.s2.messages import wire
from s2d.s2.messages.common import ControlType, Tagged

from ..core.stage import NOON, applied
from ..published import SPEC
from .stage import KindStage
from .test_meter import CONNECTION, counted

pytestmark = pytest.mark.skipif(not (SPEC / "scenarios").is_dir(), reason="no worked scenarios beside the checkout")
Json = dict[str, Any]
SAID_BY_CEM = ("SelectControlType", "FRBC.Instruction", "OMBC.Instruction", "PEBC.Instruction")
WHEN = ("timestamp", "measurement_timestamp")
OWN = ("message_id", "name", "resource_id", "valid_until")
UNORDERED = {"limit_type", "from"}


class Walk(NamedTuple):
    """How a scenario is walked."""

    keys: str
    first: Json
    """What is read before the CEM comes."""
    shows: Callable[[float], Json]
    """What is read while so much is measured."""
    told: tuple[tuple[str, object], ...]
    """What is written to the device, in order."""


def plug(power_w: float) -> Json:
    return {"power": power_w, "on": power_w > 1000}


def power_alone(power_w: float) -> Json:
    return {"power": power_w}


PLUG = """
kind: load
power: 2 kW
points:
  power: {register: 1, unit: W}
  "on": {register: 2, access: read_write}
"""
BOILER = (
    PLUG
    + """
  temperature: {register: 3, type: int16, scale: 0.1, unit: "°C"}
thermostat: true
volume: 120 l
comfort: 50 °C .. 60 °C
standing_losses: 40 W at 55 °C
"""
)
HEATER = """
kind: load
power: 0 W .. 3 kW
points:
  power: {register: 1, unit: W}
  power_limit: {register: 3, unit: W, access: write}
"""
ROOF = """
kind: pv
max_power: 4 kW
points:
  power: {register: 1, type: int16, scale: 0.1, unit: W}
  power_limit: {register: 3, unit: W, access: write}
"""
BATTERY = """
kind: battery
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
round_trip_efficiency: 92 %
usable_range: 10 % .. 95 %
phases: 3
points:
  power: {register: 1, type: int16, unit: W}
"""
FORCED = (
    BATTERY
    + """
  soc: {register: 2, unit: "%"}
  power_setpoint: {register: 3, type: int16, unit: W, access: write}
reserve: 20 %
"""
)
BY_LIMITS = (
    BATTERY
    + """
  charge_limit: {register: 3, unit: W, access: write}
  discharge_limit: {register: 4, unit: W, access: write}
"""
)
BY_MODE = (
    BATTERY.replace("5 kW", "2.5 kW").replace("phases: 3", "phases: 1")
    + """
  mode: {register: 3, access: write, values: {0: idle, 1: charge, 2: discharge}}
"""
)
WALKS = {
    "load1-relay": Walk(PLUG, plug(0.0), plug, (("on", True), ("on", False))),
    "load4-boiler": Walk(BOILER, {"temperature": 51.0} | plug(0.0), plug, (("on", True),)),
    "load5-modulating": Walk(HEATER, {"power": 0.0}, power_alone, (("power_limit", 1240.0),)),
    "pv1-walkthrough": Walk(ROOF, {"power": -3450.6}, power_alone, (("power_limit", 2000.0),)),
    "bat1-reserve": Walk(FORCED, {"power": 0.0, "soc": 20.0}, power_alone, (("power_setpoint", -1000.0),)),
    "bat2-limits": Walk(
        BY_LIMITS, {"power": 0.0}, power_alone, (("charge_limit", 2500.0), ("discharge_limit", 1500.0))
    ),
    "bat3-modes": Walk(BY_MODE, {"power": 0.0}, power_alone, (("mode", "charge"),)),
}


class Walker(KindStage):
    """A resource manager, and a CEM that says what a scenario has it say."""

    def __init__(self, walk: Walk, scenario: list[Json]) -> None:
        self.scenario, self.walk = scenario, walk
        starts = [each["valid_from"] for each in scenario if "valid_from" in each]
        super().__init__(walk.keys, utc_step=datetime.fromisoformat(starts[0]) - NOON)
        self.written: list[list[tuple[str, object]]] = [[]]
        """What is written to the device, before and after each instruction."""
        self.ids: dict[str, str] = {}
        """Those of the scenario, and what they are here."""
        self.on(Started())
        self.measured(**walk.first)
        self.negotiated()

    def walks(self) -> None:
        for number, message in enumerate(self.scenario):
            if message["message_type"] in SAID_BY_CEM:
                self.until(next((each["timestamp"] for each in self.scenario[number:] if "timestamp" in each), None))
                if message["message_type"] != "SelectControlType":
                    self.written.append([])
                self.does(self.hears(wire.decode(self.here(message))))
                self.learn()
            else:
                self.until(next((message[key] for key in WHEN if key in message), None))
            if message["message_type"] == "PowerMeasurement":
                self.does(self.measured(**self.walk.shows(message["values"][0]["value"])))

    def until(self, timestamp: str | None) -> None:
        """Time passes until then."""
        begun = self.resource_manager.instructions is not None
        left_s = (datetime.fromisoformat(timestamp) - self.now.utc).total_seconds() if timestamp and begun else 0.0
        if left_s > 0:
            self.does(self.after(left_s))

    def does(self, effects: list[Effect]) -> None:
        """The device confirms what is written, and the CEM what is said."""
        while effects:
            self.heard(*effects)
            self.written[-1] += applied(effects)
            effects = self.confirmed(*effects)

    def learn(self) -> None:
        """Which of our ids is which of the scenario's, by what is described."""
        theirs, ours = (dict(named_ids(each)) for each in (self.scenario, spoken(self.said)))
        assert theirs.keys() == ours.keys()
        self.ids = {theirs[name]: ours[name] for name in theirs}

    def here(self, message: Json) -> str:
        """*message* with the ids that are ours."""
        text = json.dumps(message).replace(json.dumps(self.scenario[0]["name"]), '"Device"')
        for theirs, ours in self.ids.items():
            text = text.replace(theirs, ours)
        return text

    def expected(self) -> dict[str, list[Json]]:
        """What stands there that we say."""
        ours = [json.loads(self.here(each)) for each in self.scenario if each["message_type"] not in SAID_BY_CEM]
        return by_type(ours)


def spoken(messages: Iterable[Tagged]) -> list[Json]:
    return [json.loads(wire.encode(message)) for message in messages]


def named_ids(messages: Iterable[Json]) -> Iterable[tuple[tuple[str, ...], str]]:
    """The ids of what is described, each by what it is."""
    for message in messages:
        if message["message_type"] == "PEBC.PowerConstraints":
            yield ("constraints",), message["id"]
        for machine in (message, *message.get("actuators", ())):
            if "operation_modes" not in machine:
                continue
            if "id" in machine:
                yield ("actuator",), machine["id"]
            names = {each["id"]: each["diagnostic_label"] for each in machine["operation_modes"]}
            names |= {each["id"]: each["diagnostic_label"] for each in machine["timers"]}
            yield from (((label,), part_id) for part_id, label in names.items())
            for way in machine["transitions"]:
                yield (names[way["from"]], names[way["to"]], str(way["abnormal_condition_only"])), way["id"]


def by_type(messages: Iterable[Json]) -> dict[str, list[Json]]:
    """*messages* as they are compared, in the order in which those of a type are said, but what is said again."""
    sorted_out: dict[str, list[Json]] = {}
    for message in messages:
        of_type, compared = sorted_out.setdefault(message["message_type"], []), comparable(in_one(message))
        if compared not in of_type[-1:]:
            of_type.append(compared)
    return sorted_out


def in_one(message: Json) -> Json:
    """*message*; where it is a leakage, the same in one element: we tell it in two halves of the band."""
    if message["message_type"] != "FRBC.LeakageBehaviour":
        return message
    elements = message["elements"]
    ends = {
        "start_of_range": elements[0]["fill_level_range"]["start_of_range"],
        "end_of_range": elements[-1]["fill_level_range"]["end_of_range"],
    }
    rate = sum(each["leakage_rate"] for each in elements) / len(elements)
    return message | {"elements": [{"fill_level_range": ends, "leakage_rate": rate}]}


def comparable(value: Any) -> Any:
    """*value* to 9 digits, without what names a message or a device, and what the order of a list says nothing of."""
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items() if key not in OWN and inner is not None}
    if isinstance(value, list):
        # We offer that only while there is nothing else to offer.
        value = [each for each in value if each != "NOT_CONTROLABLE"]
        inner = [comparable(each) for each in value]
        is_ordered = not inner or not isinstance(inner[0], dict) or not inner[0].keys() & UNORDERED
        return inner if is_ordered else sorted(inner, key=lambda each: json.dumps(each, sort_keys=True))
    return float(f"{value:.9g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize("name", WALKS)
def test_what_is_told_is_what_stands_there(name: str) -> None:
    walk = WALKS[name]
    walker = Walker(walk, json.loads((SPEC / "scenarios" / f"{name}.json").read_text()))
    walker.walks()
    expected, said = walker.expected(), by_type(spoken(walker.said))
    assert tuple(each for written in walker.written[1:] for each in written) == walk.told
    # It is measured in between as well.
    at = {each["measurement_timestamp"] for each in expected["PowerMeasurement"]}
    measured = [each for each in said["PowerMeasurement"] if each["measurement_timestamp"] in at]
    said["PowerMeasurement"] = measured[len(measured) - len(expected["PowerMeasurement"]) :]
    for message_type, messages in expected.items():
        assert (message_type, said.get(message_type)) == (message_type, messages)


def test_a_meter_tells_gas_as_of_when_it_was_counted() -> None:
    scenario = json.loads((SPEC / "scenarios/meter-p1.json").read_text())
    begins = datetime(2026, 11, 30, 9, 55, tzinfo=UTC)
    stage = KindStage(CONNECTION, utc_step=begins - NOON)
    stage.on(Started())
    for at_s, count_l in ((-300.0, 39_980.0), (0.0, 40_000.0)):
        counted(stage, count_l, at_s=at_s)
    stage.in_session(ControlType.NOT_CONTROLABLE, power_l1=0.0, power_l2=0.0, power_l3=0.0)
    stage.after(307.0)
    stage.measured(power_l1=1234.0, power_l2=-410.0, power_l3=83.0)
    counted(stage, 40_040.0, at_s=300.0)
    expected = by_type(each for each in scenario if each["message_type"] not in SAID_BY_CEM)
    said = by_type(spoken(stage.said))
    assert said["ResourceManagerDetails"] == expected["ResourceManagerDetails"]
    assert said["PowerMeasurement"][-2:] == expected["PowerMeasurement"]

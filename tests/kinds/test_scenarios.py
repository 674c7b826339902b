"""The worked scenarios of batteries, loads and roofs: what is described is what stands there, and orders end so."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from s2d.s2.effects import Effect, Started
from s2d.s2.messages import frbc, ombc, wire
from s2d.s2.messages.common import CONTROL_TYPES, InstructionStatusUpdate, ResourceManagerDetails
from s2d.s2.messages.pebc import PowerConstraints

from ..core.stage import NOON, applied, said
from ..published import SPEC
from .stage import KindStage
from .test_battery_reserve import FORCED, LIMITED, SWITCHED
from .test_heat_pump_scenarios import as_told, modes, needs_scenarios, ways

ROOF = """
kind: pv
max_power: 4 kW
points: {power: {register: 1, type: int16, unit: W}, power_limit: {register: 2, unit: W, access: write}}
"""
PLUG = """
kind: load
power: 2 kW
points: {power: {register: 1, unit: W}, on: {register: 1, table: coil, access: write}}
"""
HEATER = """
kind: load
power: 0 W .. 3 kW
points: {power: {register: 1, unit: W}, power_limit: {register: 2, unit: W, access: write}}
"""
HALF = SWITCHED.replace("5 kW", "2500 W").replace("phases: 3\n", "").replace("reserve: 20 %\n", "")
SCENARIOS: dict[str, tuple[str, dict[str, Any], list[tuple[str, object]]]] = {
    "bat1-reserve": (FORCED, {"soc": 20.0, "power": 0.0}, [("power_setpoint", -1000.0)]),
    "bat2-limits": (
        LIMITED.replace("reserve: 20 %\n", ""),
        {"soc": 50.0, "power": 0.0},
        [("charge_limit", 2500.0), ("discharge_limit", 1500.0)],
    ),
    "bat3-modes": (HALF, {"soc": 50.0, "power": 0.0}, [("mode", "charge")]),
    "pv1-walkthrough": (ROOF, {"power": -3450.6}, [("power_limit", 2000.0)]),
    "load1-relay": (PLUG, {"power": 0.0}, [("on", True), ("on", False)]),
    "load5-modulating": (HEATER, {"power": 3000.0}, [("power_limit", 1240.0)]),
}
"""Name → what its owner configures, what is read first, and what its orders write."""
DESCRIBED = {
    "FRBC.SystemDescription": frbc.SystemDescription,
    "OMBC.SystemDescription": ombc.SystemDescription,
    "PEBC.PowerConstraints": PowerConstraints,
}
LABELLED = ("operation_mode", "operation_mode_id")


class Played(KindStage):
    """A device that is played through a scenario, and confirms whatever it is told."""

    def __init__(self, name: str) -> None:
        self.script = json.loads((SPEC / "scenarios" / f"{name}.json").read_text())
        keys, self.read, _ = SCENARIOS[name]
        begins_at = datetime.fromisoformat(self.first("timestamp", "valid_from", "measurement_timestamp"))
        super().__init__(keys, utc_step=begins_at - NOON)
        self.told: list[tuple[str, object]] = []
        self.lived = self.does(self.on(Started()))
        self.after(3600.0)  # what it was found at is over
        self.utc_step -= timedelta(hours=1)
        (selects,) = [each for each in self.script if each["message_type"] == "SelectControlType"]
        self.control_type = selects["control_type"]
        self.lived += self.in_session(self.control_type, **self.read)
        self.told.clear()

    def first(self, *keys: str) -> str:
        return next(str(each[key]) for each in self.script for key in keys if key in each)

    def does(self, effects: list[Effect]) -> list[Effect]:
        lived = [*effects]
        while applied(effects):
            self.told += applied(effects)
            effects = self.confirmed(*effects)
            lived += effects
        return lived

    def described(self) -> dict[str, Any]:
        """What was described last."""
        (of_type,) = {DESCRIBED[each["message_type"]] for each in self.script if each["message_type"] in DESCRIBED}
        return as_told([each for each in said(self.lived) if isinstance(each, of_type)][-1])

    def wanted(self) -> dict[str, Any]:
        """What the scenario describes."""
        found: dict[str, Any] = next(each for each in self.script if each["message_type"] in DESCRIBED)
        return found

    def plays(self) -> None:
        """All that the CEM orders, and what is measured then."""
        for number, message in enumerate(self.script):
            if message["message_type"].endswith(".Instruction"):
                self.until(min(self.now.utc, datetime.fromisoformat(message["execution_time"])))
                self.lived += self.does(self.hears(wire.decode(json.dumps(self.ours(message)).encode())))
            elif message["message_type"] == "PowerMeasurement" and number > 3:
                self.until(datetime.fromisoformat(message["measurement_timestamp"]))
                self.read["power"] = message["values"][0]["value"]
                self.lived += self.does(self.measured(**self.read))

    def until(self, instant: datetime) -> None:
        self.lived += self.does(self.after(max(0.0, (instant - self.now.utc).total_seconds())))

    def ours(self, instruction: dict[str, Any]) -> dict[str, Any]:
        """*instruction* with our ids in place of the scenario's."""
        wanted, described = self.wanted(), self.described()
        if "actuator_id" in instruction:
            wanted, described = wanted["actuators"][0], described["actuators"][0]
        names = {each["id"]: each["diagnostic_label"] for each in wanted.get("operation_modes", ())}
        ids = {each["diagnostic_label"]: each["id"] for each in described.get("operation_modes", ())}
        swapped = {key: ids[names[instruction[key]]] for key in LABELLED if key in instruction}
        if "actuator_id" in instruction:
            swapped["actuator_id"] = described["id"]
        if "power_constraints_id" in instruction:
            swapped["power_constraints_id"] = described["id"]
        return instruction | swapped


@needs_scenarios
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_introduced_and_described_as_it_stands_there(name: str) -> None:
    played = Played(name)
    details = next(each for each in played.said if isinstance(each, ResourceManagerDetails))
    told, wanted = as_told(details), played.script[0]
    for key in ("roles", "instruction_processing_delay", "provides_forecast", "provides_power_measurement_types"):
        assert told[key] == wanted[key]
    assert played.control_type in CONTROL_TYPES.values()
    assert told["available_control_types"][0] == wanted["available_control_types"][0]
    described, wanted = played.described(), played.wanted()
    if "allowed_limit_ranges" in wanted:
        assert described["consequence_type"] == wanted["consequence_type"]
        ranges = [sorted(map(json.dumps, each["allowed_limit_ranges"])) for each in (described, wanted)]
        assert [json.loads(each) for each in ranges[0]] == [json.loads(each) for each in ranges[1]]
        return
    if "actuators" in wanted:
        described, wanted = described["actuators"][0], wanted["actuators"][0]
    labels = [[mode["diagnostic_label"] for mode in each["operation_modes"]] for each in (described, wanted)]
    assert labels[0] == labels[1]
    if name != "bat1-reserve":  # its rates have a test of their own
        assert modes(described["operation_modes"]) == modes(wanted["operation_modes"])
    assert ways(described) == ways(wanted)


@needs_scenarios
@pytest.mark.parametrize("name", SCENARIOS)
def test_its_orders_are_carried_out_as_it_stands_there(name: str) -> None:
    played = Played(name)
    played.plays()
    told = [each for each in said(played.lived) if isinstance(each, InstructionStatusUpdate)]
    wanted = [each for each in played.script if each["message_type"] == "InstructionStatusUpdate"]
    assert [(each.instruction_id, each.status_type.value) for each in told] == [
        (each["instruction_id"], each["status_type"]) for each in wanted
    ]
    assert played.told == SCENARIOS[name][2]

"""Whatever a CEM orders of a heat pump, whatever its tank and the weather do: warm, unworn, unfrozen, truly told."""

from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from s2d.events import Lost
from s2d.s2.effects import Apply, Connected, Effect, Event, Note, Send, Started
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    SelectControlType,
    Tagged,
)
from s2d.s2.messages.pebc import PowerConstraints
from s2d.values import RELEASE

from ..core.stage import applied
from .stage import FRBC, OMBC, PEBC, KindStage

POLL_S = 30.0
POLLS = 1200
"""10 h."""
TANK = """
kind: heat_pump
storage: dhw
volume: 200 l
comfort: 50 °C .. 58 °C
cop: 3
hygiene_at: "11:00"
"""
COMMON = """
poll: 30 s
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  outdoor: {register: 3, type: int16, unit: "°C"}
  compressor: {register: 4, table: discrete}
"""
APART_S = 1.0
"""Contacts move so far apart, of one order."""
PUMPS = {
    "offer": (
        TANK + "power: 500 W .. 2 kW\n" + COMMON + "  power_offer: {register: 5, unit: W, access: write}\n",
        FRBC,
    ),
    "curve": (
        TANK.replace("dhw", "buffer").replace("50 °C .. 58 °C", "{curve: -4 K .. 4 K}")
        + "power: 500 W .. 2 kW\n"
        + COMMON
        + "  power_offer: {register: 5, unit: W, access: write}\n"
        + '  flow_setpoint: {register: 6, unit: "°C"}\n',
        FRBC,
    ),
    "setpoint": (
        TANK + "power: 1.8 kW\n" + COMMON + '  temperature_setpoint: {register: 5, unit: "°C", access: read_write}\n',
        FRBC,
    ),
    "cap": (
        "kind: heat_pump\ncap: 500 W .. 2 kW\ncap_stops: true\n"
        + COMMON
        + "  power_limit: {register: 5, unit: W, access: write}\n",
        PEBC,
    ),
    "relays": (
        TANK
        + "power_normal: 600 W\npower_boost: 2 kW\n"
        + COMMON
        + "  relay_1: {register: 5, table: coil, access: read_write}\n"
        + "  relay_2: {register: 6, table: coil, access: read_write}\n",
        OMBC,
    ),
}


class Watched(KindStage):
    """A heat pump of which everything is looked at as it happens."""

    def __init__(self, name: str, chance: Random) -> None:
        super().__init__(PUMPS[name][0], holds_s=4 * POLL_S)
        self.name, self.control_type, self.chance = name, PUMPS[name][1], chance
        self.temperature, self.outdoor, self.is_on = 53.0, chance.choice([-5.0, 6.0, 15.0]), False
        self.flow_setpoint, self.low, self.high, self.rests = 54.0, 50.0, 58.0, ""
        self.told: dict[str, object] = {"relay_1": False, "relay_2": False}
        self.open: set[str] = set()
        self.modes: set[str] = set()
        self.relay_moves: list[tuple[float, str, object]] = []
        self.cold_polls = 0
        self.shed_at = -1e9
        self.abnormal_at: set[float] = set()
        self.sheds: set[str] = set()
        """Abnormal orders that keep it from heating."""
        self.is_legible = True

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        for effect in effects:
            match effect:
                case Send(message):
                    self.hears_of(message)
                case Apply(setpoint):
                    self.writes(setpoint.point, setpoint.value)
                case Note(_, event_name, facts):
                    assert event_name != "message.withheld", facts
        return effects

    def writes(self, point: str, value: object) -> None:
        if point.startswith("relay") and self.told[point] != value:
            self.relay_moves.append((self.elapsed_s, point, value))
            if point == "relay_1" and value:
                assert self.outdoor >= 4.0, "blocked into the frost"
                assert self.temperature >= 50.0 or self.elapsed_s == self.shed_at, "blocked though it is cold"
        if point == "power_limit" and value != RELEASE:
            assert value == 0.0 or 500.0 <= float(str(value)) <= 2000.0
            assert value != 0.0 or self.outdoor >= 4.0
        if point == "power_offer":
            assert value == 0.0 or 500.0 <= float(str(value)) <= 2000.0
        self.told[point] = value

    def hears_of(self, message: Tagged) -> None:
        match message:
            case frbc.SystemDescription():
                self.modes = {mode.id for mode in message.actuators[0].operation_modes}
                self.rests = message.actuators[0].operation_modes[-1].id
                self.low = message.storage.fill_level_range.start_of_range
                self.high = message.storage.fill_level_range.end_of_range
            case ombc.SystemDescription():
                self.modes = {mode.id for mode in message.operation_modes}
            case frbc.StorageStatus():
                assert self.is_legible
                assert message.present_fill_level == self.temperature
            case frbc.ActuatorStatus() | ombc.Status():
                assert message.active_operation_mode_id in self.modes
            case InstructionStatusUpdate(instruction_id=name, status_type=status):
                self.open.discard(name)
                if status in (InstructionStatus.ACCEPTED, InstructionStatus.STARTED):
                    self.open.add(name)
                if status is InstructionStatus.STARTED and name in self.sheds:
                    self.shed_at = self.elapsed_s

    def lives(self) -> None:
        """Until the next poll."""
        self.dos(self.after(POLL_S))
        wants = self.is_on
        match self.name:
            case "offer" | "curve":
                wants = float(str(self.told.get("power_offer", 0.0))) >= 500.0
            case "setpoint":
                target = float(str(self.told.get("temperature_setpoint", 58.0)))
                wants = self.temperature < (target if self.is_on else target - 5.0)
            case "relays":
                wants = not self.told["relay_1"] and self.temperature < (56.0 if self.is_on else 51.0)
            case "cap":
                wants = self.told.get("power_limit") != 0.0
        self.is_on = wants
        self.temperature += (0.2 if wants else 0.0) - self.chance.choice([0.002] * 40 + [1.5])
        self.temperature = round(max(20.0, self.temperature), 1)
        if self.chance.random() < 0.01:
            self.outdoor = self.chance.choice([-5.0, 3.0, 4.0, 6.0, 15.0])
            self.flow_setpoint = self.chance.choice([44.0, 51.0, 53.0, 55.0, 60.0, 3.0])
        self.is_legible = self.chance.random() > 0.02
        read: dict[str, Any] = {"power": 600.0 if wants else 0.0, "outdoor": self.outdoor, "compressor": wants}
        if "temperature:" in self.keys:
            read["temperature"] = self.temperature if self.is_legible else None
        if self.name == "curve":
            read["flow_setpoint"] = self.flow_setpoint if self.chance.random() > 0.02 else None
        read |= {point: value for point, value in self.told.items() if f"{point}:" in self.keys and "relay" in point}
        if "temperature_setpoint" in self.told:
            read["temperature_setpoint"] = self.told["temperature_setpoint"]
        self.dos(self.measured(**read))
        self.looks()

    def dos(self, effects: list[Effect]) -> None:
        while applied(effects):
            effects = self.confirmed(*effects)

    def looks(self) -> None:
        """What must be by now, a poll after it was read."""
        if self.name in ("offer", "curve", "setpoint") and self.is_legible and self.temperature < self.low:
            told = self.told.get("power_offer", self.told.get("temperature_setpoint", 58.0))
            may_be_cold = self.elapsed_s - self.shed_at <= 7200.0 + POLL_S
            heats = float(str(told)) > (50.0 if self.name == "setpoint" else 0.0)
            assert heats or may_be_cold, f"{self.temperature} °C, and it is told {told}"
        if self.name in ("offer", "curve") and self.is_legible and self.temperature >= self.high + 3.0:
            assert not self.told.get("power_offer"), f"{self.temperature} °C, and it is heated"
        if self.name == "relays" and self.told["relay_1"]:
            (began_at, *_) = [each for each in self.relay_moves if each[1] == "relay_1"][-1]
            assert self.elapsed_s - began_at <= 6900.0 + 2 * POLL_S
            if self.outdoor < 4.0:
                assert self.elapsed_s - began_at <= 600.0 + 2 * POLL_S

    def orders(self) -> None:
        name, is_abnormal = self.new_id(), self.chance.random() < 0.2
        at = self.now.utc + timedelta(seconds=self.chance.choice([0.0, 0.0, 0.0, 120.0]))
        if self.control_type is PEBC:
            if any(isinstance(each, PowerConstraints) for each in self.said):
                cap = self.chance.choice([0.0, 500.0, 1200.0, 2000.0])
                self.dos(self.hears(self.envelope(name, (self.chance.choice([60.0, 3600.0]), 0.0, cap), at=at)))
            return
        if not self.modes:
            return
        mode = self.chance.choice(sorted(self.modes))
        common: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "operation_mode_factor": self.chance.choice([0.0, 0.5, 1.0]),
            "execution_time": at,
            "abnormal_condition": is_abnormal,
        }
        if is_abnormal:
            self.abnormal_at.add(self.elapsed_s + (at - self.now.utc).total_seconds())
            if self.control_type is OMBC or mode == self.rests:
                self.sheds.add(name)
        if self.control_type is FRBC:
            actuator = [each for each in self.said if isinstance(each, frbc.SystemDescription)][-1].actuators[0]
            self.dos(self.hears(frbc.Instruction(actuator_id=actuator.id, operation_mode=mode, **common)))
        else:
            self.dos(self.hears(ombc.Instruction(operation_mode_id=mode, **common)))

    def comes(self) -> None:
        self.leaves()
        self.on(Connected())
        self.hears(HandshakeResponse(message_id=self.new_id(), selected_protocol_version="0.0.2-beta"))
        self.dos(self.hears(SelectControlType(message_id=self.new_id(), control_type=self.control_type)))

    def leaves(self) -> None:
        self.open.clear()
        if self.resource_manager.session:
            self.dos(self.left())


@pytest.mark.parametrize("name", PUMPS)
@pytest.mark.parametrize("seed", range(6))
def test_it_is_warm_and_unworn_and_never_frozen(name: str, seed: int) -> None:
    chance = Random(f"{name} {seed}")
    pump = Watched(name, chance)
    pump.on(Started())
    pump.lives()
    pump.comes()
    for _ in range(POLLS):
        pump.lives()
        happens = chance.random()
        if pump.resource_manager.session is None or pump.resource_manager.session.is_closing or happens < 0.003:
            pump.comes()
        elif happens < 0.10:
            pump.orders()
        elif happens < 0.102:
            pump.on(Lost("no answer"))
        elif happens < 0.104:
            pump.leaves()
        elif happens < 0.106:
            pump.open.clear()
            pump.restarted(after_s=POLL_S)
            pump.dos(pump.on(Started()))
        elif happens < 0.108:
            pump.utc_step += timedelta(seconds=chance.choice([-3600.0, -60.0, 60.0, 3600.0]))
    blocks = [(at, value) for at, point, value in pump.relay_moves if point == "relay_1"]
    lifted = [(before, at) for (before, was), (at, _) in pairwise(blocks) if was and at not in pump.abnormal_at]
    assert all(at - before >= 600.0 - APART_S for before, at in lifted), "lifted too soon"
    if pump.resource_manager.session and pump.resource_manager.session.control_type is pump.control_type:
        pump.hears(SelectControlType(message_id="end", control_type=ControlType.NO_SELECTION))
        assert pump.open == set()

"""Whatever a CEM orders of a plug, a boiler or a roof, and whatever they do: limits hold, nothing untrue is told."""

from abc import ABC, abstractmethod
from datetime import timedelta
from math import inf
from random import Random

import msgspec
import pytest

from s2d.events import Lost
from s2d.s2.effects import Apply, Connected, Effect, Event, Note, Send, Started
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    PowerMeasurement,
    SelectControlType,
)
from s2d.s2.messages.pebc import PowerConstraints
from s2d.values import RELEASE

from .stage import FRBC, OMBC, PEBC, KindStage

POLL_S = 20.0
POLLS = 2000
"""11 h."""
PLUG = """
kind: load
power: 2 kW
poll: 20 s
points:
  power: {register: 1, unit: W}
  "on": {register: 2, access: read_write}
"""
BOILER = (
    PLUG.replace("power: 2 kW", "power: 2 kW\nvolume: 120 l\ncomfort: 50 °C .. 60 °C\nhygiene: off\ni_know: legionella")
    + "  temperature: {register: 3, type: int16, scale: 0.1, unit: °C}\n"
)
ROOF = """
kind: pv
max_power: 4 kW
poll: 20 s
points:
  power: {register: 1, type: int16, unit: W}
  limit: {register: 3, unit: W, access: read_write}
commands:
  power_limit: {unit: W, steps: [{write: {limit: value}}], release: [{write: {limit: found}}]}
"""


class Random11h(KindStage, ABC):
    """A device and a CEM that does what comes to its mind; all that is said and written is looked at."""

    control_type: ControlType

    def __init__(self, keys: str, seed: int) -> None:
        super().__init__(keys, holds_s=3 * POLL_S)
        self.chance = Random(seed)
        self.open: set[str] = set()
        """Instructions that were accepted and have not come to an end."""
        self.final: set[str] = set()
        self.is_read = False
        """Whether the device has said something that still holds."""
        self.read_at = -inf
        self.count = 0

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        for effect in effects:
            match effect:
                case Apply(setpoint):
                    self.writes(setpoint.value)
                case Note(_, name, facts):
                    assert name != "message.withheld", facts
                case Send(InstructionStatusUpdate(instruction_id=name, status_type=status)):
                    is_final = status not in (InstructionStatus.ACCEPTED, InstructionStatus.STARTED)
                    (self.open.discard if is_final else self.open.add)(name)
                case Send(PowerMeasurement()):
                    assert self.elapsed_s - self.read_at < 3 * POLL_S, "told though it is old"
                case Send(message):
                    self.hears_of(message)
        return effects

    @abstractmethod
    def writes(self, value: object) -> None:
        """Something is to be written."""

    def hears_of(self, message: object) -> None: ...

    @abstractmethod
    def lives(self) -> None:
        """The device does what it is told, and says so."""

    @abstractmethod
    def orders(self) -> None:
        """The CEM orders something."""

    def comes(self) -> None:
        """A CEM connects and selects."""
        self.on(Connected())
        version = HandshakeResponse(message_id=f"v-{self.new_id()}", selected_protocol_version="0.0.2-beta")
        self.heard(*self.hears(version))
        if self.control_type in self.offered():
            select = SelectControlType(message_id=f"s-{self.new_id()}", control_type=self.control_type)
            self.heard(*self.hears(select))

    def day(self) -> None:
        self.on(Started())
        for _ in range(POLLS):
            chance = self.chance.random()
            if chance < 0.01 and self.resource_manager.session:
                self.left()
                self.open.clear()
            elif chance < 0.04 and not self.resource_manager.session:
                self.comes()
            elif chance < 0.045:
                self.on(Lost("no answer"))
            elif chance < 0.05:
                self.utc_step += timedelta(seconds=self.chance.choice([-3600, 3600]))
            elif chance < 0.052:
                self.open.clear()
                self.restarted(after_s=self.chance.choice([5.0, 600.0]))
                self.on(Started())
            elif chance < 0.2 and self.resource_manager.instructions is not None:
                self.count += 1
                self.orders()
            self.heard(*self.after(POLL_S))
            if self.chance.random() < 0.95:
                self.read_at = self.elapsed_s
                self.lives()


class Plug11h(Random11h):
    control_type = OMBC

    def __init__(self, seed: int) -> None:
        super().__init__(PLUG, seed)
        self.is_on = self.chance.random() < 0.5
        self.changed_at = -inf
        self.abnormal_at = -inf
        self.modes: set[str] = set()

    def writes(self, value: object) -> None:
        if value is True and not self.is_on:
            assert self.elapsed_s - self.changed_at >= 300.0, "switched on too soon"
        if value is not self.is_on:
            self.is_on, self.changed_at = bool(value), self.elapsed_s

    def hears_of(self, message: object) -> None:
        match message:
            case ombc.SystemDescription(operation_modes=modes):
                self.modes = {mode.id for mode in modes}
                self.on_id, self.off_id = (mode.id for mode in modes)
            case ombc.Status(active_operation_mode_id=mode_id):
                assert mode_id in self.modes
                assert self.elapsed_s - self.read_at < 3 * POLL_S

    def lives(self) -> None:
        self.heard(*self.measured(power=1980.0 if self.is_on else 0.0, on=self.is_on))

    def orders(self) -> None:
        if not self.modes:
            return
        effects = self.hears(
            ombc.Instruction(
                message_id=f"m-{self.count}",
                id=f"order-{self.count}",
                execution_time=self.now.utc + timedelta(seconds=self.chance.choice([0, 0, 120])),
                operation_mode_id=self.chance.choice([self.on_id, self.off_id]),
                operation_mode_factor=0.0,
                abnormal_condition=self.chance.random() < 0.1,
            )
        )
        if self.chance.random() < 0.95:
            self.confirmed(*effects)


class Boiler11h(Random11h):
    """A boiler without a thermostat: it is kept warm, and neither boils nor is switched too often."""

    control_type = FRBC
    keys_of_it = BOILER
    element_w = 1980.0
    """What it takes while it is on."""

    def __init__(self, seed: int) -> None:
        super().__init__(self.keys_of_it, seed)
        self.temperature = 53.0
        self.is_on = self.chance.random() < 0.5
        self.changed_at = -inf
        self.shed_at = -inf
        self.cold_since = inf
        self.blind_since = inf
        """Since when its temperature cannot be read."""
        self.modes: dict[str, str] = {}

    def writes(self, value: object) -> None:
        if value is True and not self.is_on:
            assert self.elapsed_s - self.changed_at >= 300.0, "switched on too soon"
            assert self.temperature < 60.0, "switched on though it is warm"
        if value is not self.is_on:
            self.is_on, self.changed_at = bool(value), self.elapsed_s

    def hears_of(self, message: object) -> None:
        match message:
            case frbc.SystemDescription(actuators=(actuator,)):
                self.actuator_id = actuator.id
                self.modes = {str(mode.diagnostic_label): mode.id for mode in actuator.operation_modes}
            case frbc.StorageStatus(present_fill_level=level):
                assert self.blind_since == inf
                assert level == self.temperature
            case frbc.ActuatorStatus(active_operation_mode_id=mode_id):
                assert mode_id in self.modes.values()
                assert self.elapsed_s - self.read_at < 3 * POLL_S

    def restarted(self, *, after_s: float = 0.0) -> None:
        super().restarted(after_s=after_s)
        self.cold_since = inf

    def lives(self) -> None:
        self.temperature += self.element_w / 502_800 * POLL_S if self.is_on else 0.0
        # Somebody has a shower; the sun heats it as well.
        self.temperature += self.chance.choices([0.0, -4.0, 4.0], [0.97, 0.02, 0.01])[0]
        if self.chance.random() < 0.01:
            self.blind_since = self.elapsed_s if self.blind_since == inf else inf
        is_blind = self.blind_since < inf
        self.heard(
            *self.measured(
                temperature=None if is_blind else self.temperature,
                power=self.element_w if self.is_on else 0.0,
                on=self.is_on,
            )
        )
        assert self.temperature < 63.0 + 0.1 or not self.is_on or is_blind, "it boils"
        assert not self.is_on or self.elapsed_s - self.blind_since <= 300.0 + 3 * POLL_S, "on though nobody sees it"
        may_be_cold = is_blind or self.is_on or self.temperature >= 50.0 or self.elapsed_s - self.shed_at <= 7200.0
        self.cold_since = inf if may_be_cold else min(self.cold_since, self.elapsed_s)
        has_rested_s = self.elapsed_s - max(self.changed_at, self.cold_since)
        assert has_rested_s <= 300.0 + 3 * POLL_S, "left cold"

    def orders(self) -> None:
        if not self.modes:
            return
        is_abnormal = self.chance.random() < 0.1
        mode = self.chance.choice(sorted(self.modes))
        if is_abnormal and mode in ("rest", "off"):
            self.shed_at = self.elapsed_s + 120.0
        effects = self.hears(self.order(self.modes[mode], is_abnormal=is_abnormal))
        if self.chance.random() < 0.95:
            self.confirmed(*effects)

    def order(self, mode_id: str, *, is_abnormal: bool) -> frbc.Instruction | ombc.Instruction:
        return frbc.Instruction(
            message_id=f"m-{self.count}",
            id=f"order-{self.count}",
            actuator_id=self.actuator_id,
            operation_mode=mode_id,
            operation_mode_factor=0.0,
            execution_time=self.now.utc + timedelta(seconds=self.chance.choice([0, 0, 120])),
            abnormal_condition=is_abnormal,
        )


class SwitchedBoiler11h(Boiler11h):
    """The same, where the CEM only switches it."""

    control_type = OMBC

    def hears_of(self, message: object) -> None:
        match message:
            case ombc.SystemDescription(operation_modes=modes):
                self.modes = {str(mode.diagnostic_label): mode.id for mode in modes}
            case ombc.Status(active_operation_mode_id=mode_id):
                assert mode_id in self.modes.values()

    def order(self, mode_id: str, *, is_abnormal: bool) -> frbc.Instruction | ombc.Instruction:
        return ombc.Instruction(
            message_id=f"m-{self.count}",
            id=f"order-{self.count}",
            operation_mode_id=mode_id,
            operation_mode_factor=0.0,
            execution_time=self.now.utc + timedelta(seconds=self.chance.choice([0, 0, 120])),
            abnormal_condition=is_abnormal,
        )


class LimitedBoiler11h(Boiler11h):
    """One that modulates: what it takes is what it was told."""

    keys_of_it = BOILER.replace("power: 2 kW", "power: 500 W .. 2 kW").replace(
        '"on": {register: 2, access: read_write}', "power_limit: {register: 2, unit: W, access: write}"
    )

    def writes(self, value: object) -> None:
        limit_w = float(str(value))
        assert limit_w == 0.0 or 500.0 <= limit_w <= 2000.0
        assert limit_w == 0.0 or self.temperature < 60.0, "told to heat though it is warm"
        if (limit_w > 0.0) is not self.is_on:
            self.is_on, self.changed_at = limit_w > 0.0, self.elapsed_s
        self.element_w = limit_w or self.element_w

    def order(self, mode_id: str, *, is_abnormal: bool) -> frbc.Instruction | ombc.Instruction:
        return msgspec.structs.replace(
            super().order(mode_id, is_abnormal=is_abnormal), operation_mode_factor=self.chance.choice([0.0, 0.4, 1.0])
        )


class Roof11h(Random11h):
    control_type = PEBC

    def __init__(self, seed: int) -> None:
        super().__init__(ROOF, seed)
        self.limit_w = 4000.0
        self.ordered: tuple[float, float] | None = None
        """The limit that was ordered last, and when (seconds) it ends, as long as nobody else is there."""

    def comes(self) -> None:
        self.ordered = None
        super().comes()

    def restarted(self, *, after_s: float = 0.0) -> None:
        self.ordered = None
        super().restarted(after_s=after_s)

    def writes(self, value: object) -> None:
        self.limit_w = 4000.0 if value == RELEASE else float(str(value))
        assert 0.0 <= self.limit_w <= 4000.0

    def lives(self) -> None:
        sun_w = self.chance.choice([0.0, 1000.0, 3900.0])
        self.heard(*self.measured(power=-min(sun_w, self.limit_w), limit=self.limit_w))
        if self.ordered and not self.resource_manager.session and self.elapsed_s < self.ordered[1]:
            assert self.limit_w <= self.ordered[0], "more than it was limited to, and nobody has said that it is over"

    def orders(self) -> None:
        if not any(isinstance(each, PowerConstraints) for each in self.said):
            return
        lower_w, seconds = self.chance.choice([0.0, 500.0, 2000.0]), self.chance.choice([300.0, 3600.0])
        effects = self.hears(self.envelope(f"order-{self.count}", (seconds, -lower_w, 0.0)))
        if any(isinstance(each, Apply) for each in effects):
            self.ordered = (lower_w, self.elapsed_s + seconds)
        self.confirmed(*effects)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("device", [Plug11h, Boiler11h, SwitchedBoiler11h, LimitedBoiler11h, Roof11h])
def test_a_day(device: type[Plug11h | Boiler11h | Roof11h], seed: int) -> None:
    stage = device(seed)
    stage.day()
    assert stage.count > 40
    # What is ordered comes to an end: of what was accepted nothing is left but what waits or is in force.
    instructions = stage.resource_manager.instructions
    known = {each.id for each in (*instructions.held, *instructions.started.values())} if instructions else set()
    assert stage.open <= known

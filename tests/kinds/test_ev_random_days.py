"""Random days of an EV charger: whatever a CEM orders and a car does, and whatever fails, this always holds."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from s2d.events import Lost
from s2d.s2.effects import Connected, Disconnected, Effect, Started
from s2d.s2.messages import frbc
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatusUpdate,
    PowerMeasurement,
    ResourceManagerDetails,
    SelectControlType,
)

from ..core.stage import said
from .ev_stage import HOUR, MAX_AGE_S, SYMMETRIC
from .stage import FRBC, PEBC
from .test_ev_frbc import BOTH, Planned

STEP_S = 5.0
FINAL = {"SUCCEEDED", "ABORTED", "REJECTED", "REVOKED"}
FRESH = (frbc.StorageStatus, frbc.ActuatorStatus, PowerMeasurement)
KEYS = BOTH + "legal_limit: 4.2 kW\nmin_soc: 20 %\n"


class RandomDay(Planned):
    """A day of which nobody knows what comes; each step is looked at."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        super().__init__(KEYS, relay=self.random.choice((1, 3)), soc=self.random.uniform(5, 95))
        self.selected: ControlType | None = None
        self.described: set[str] = set()
        self.accepted: dict[str, list[str]] = {}
        self.number = 0
        self.silent_s = 0.0
        """How long nothing was read."""
        self.is_silent = False
        self.limit_w, self.limit_until = float("inf"), 0.0
        """What the CEM has limited it to last, and until when."""
        self.relay_moved_at = float("-inf")
        self.stopped_at: float | None = None
        self.was_taking = False

    def does(self, effects: list[Effect]) -> list[Effect]:
        relay, before = self.relay, len(self.written)
        done = super().does(effects)
        for at, point, value in self.written[before:]:
            if point == "current_limit":
                assert value == 0 or 6 <= value <= 16, (at, value)
        if self.relay != relay:
            assert self.elapsed_s - self.relay_moved_at >= 590, "phases were changed too soon"
            self.relay_moved_at = self.elapsed_s
        return done

    def listens(self, effects: list[Effect]) -> None:
        for message in said(effects):
            match message:
                case ResourceManagerDetails():
                    pass
                case frbc.SystemDescription():
                    self.described = {mode.id for mode in message.actuators[0].operation_modes}
                case frbc.ActuatorStatus():
                    assert message.active_operation_mode_id in self.described
                case InstructionStatusUpdate():
                    self.accepted.setdefault(message.instruction_id, []).append(message.status_type.value)
            if isinstance(message, FRESH):
                assert self.silent_s <= MAX_AGE_S + STEP_S, message

    def step(self) -> None:
        effects = self.does(self.after(STEP_S))
        self.silent_s += STEP_S
        if not self.is_silent:
            self.silent_s = 0.0
            effects += self.reads()
        self.heard(*effects)
        self.listens(effects)
        if self.car_soc is not None:
            self.car_soc = min(100.0, self.car_soc + self.taken_w * STEP_S / 3600 / 60_000 * 100)
        self.looks()

    def looks(self) -> None:
        """Nobody gives more than a limit in force, nor starts again before its pause is over."""
        is_taking = self.taken_w > 0
        if self.elapsed_s < self.limit_until and self.limit_a is not None and not self.is_silent:
            allowed_w = max(self.limit_w, 0.0)
            assert self.limit_a * 230 * self.relay <= allowed_w + 1, (self.limit_a, self.relay, self.limit_w)
        if self.was_taking and not is_taking and self.limit_a == 0:
            self.stopped_at = self.elapsed_s
        if is_taking and not self.was_taking and self.stopped_at is not None:
            is_pause = self.elapsed_s - self.relay_moved_at > 3 * STEP_S + 20
            assert not is_pause or self.elapsed_s - self.stopped_at >= 60 - STEP_S, "it was started too soon"
        self.was_taking = is_taking

    def connects(self) -> None:
        self.on(Connected())
        self.hears(Handshake(message_id=f"hello-{self.number}", role=EnergyManagementRole.CEM))
        version = HandshakeResponse(message_id=f"version-{self.number}", selected_protocol_version="0.0.2-beta")
        self.heard(*self.hears(version))

    def selects_any(self) -> None:
        possible = [each for each in self.offered() if each in (FRBC, PEBC)]
        if possible:
            self.selected = self.random.choice(possible)
            message = SelectControlType(message_id=f"select-{self.number}", control_type=self.selected)
            effects = self.does(self.hears(message))
            self.heard(*effects)
            self.listens(effects)
            # A session that sets no limit for five minutes wants none.
            self.limit_until = min(self.limit_until, 0.0 if self.selected is FRBC else self.elapsed_s + 300)

    def orders_any(self) -> None:
        name, is_abnormal = f"i-{self.number}", self.random.random() < 0.2
        control: Any = self.resource_manager._control
        if control is None:
            return
        if type(control).__name__ == "PowerEnvelopeControl":
            limit_w = self.random.choice((0.0, 1000.0, 1380.0, 3000.0, 3700.0, 4140.0, 5000.0, 8000.0, 11040.0))
            seconds = self.random.choice((60.0, 600.0, 3600.0))
            order: Any = self.envelope(name, (seconds, 0.0, limit_w), quantity=SYMMETRIC, is_abnormal=is_abnormal)
            effects = self.does(self.hears(order))
            if any(getattr(each, "status_type", None) == "STARTED" for each in said(effects)):
                self.limit_w, self.limit_until = limit_w, self.elapsed_s + seconds
        else:
            modes = [*control._resource.description.modes, control._resource.description.off]
            order = self.instruction(
                name, self.random.choice(modes), self.random.choice((0.0, 0.3, 1.0)), is_abnormal=is_abnormal
            )
            effects = self.does(self.hears(order))
            if any(getattr(each, "status_type", None) == "STARTED" for each in said(effects)):
                self.limit_until = 0.0
        self.listens(effects)

    def happens(self) -> None:
        """Something happens."""
        self.number += 1
        has_session = self.resource_manager.session is not None
        match self.random.randrange(20):
            case 0:
                self.is_plugged = not self.is_plugged
                self.car_soc = self.random.uniform(5, 95)
            case 1:
                self.wants = not self.wants
            case 2:
                self.car_phases, self.car_a = self.random.choice((1, 2, 3)), self.random.choice((10.0, 16.0, 32.0))
            case 3 if has_session:
                self.listens(self.does(self.on(Disconnected("gone"))))
                # What becomes of orders is told to nobody any more.
                self.accepted.clear()
            case 4 | 5 if not has_session:
                self.connects()
                self.selects_any()
            case 6 if has_session:
                self.selects_any()
            case 7:
                self.extra["status"] = self.random.choice(("E", "F"))
            case 8 | 9:
                self.extra.pop("status", None)
            case 10:
                self.is_silent = not self.is_silent
                if self.is_silent and self.random.random() < 0.5:
                    self.listens(self.does(self.on(Lost("no answer"))))
            case 11:
                self.is_silent = False
            case 12 if self.random.random() < 0.3:
                self.accepted.clear()
                self.restarted(after_s=STEP_S)
                self.does(self.on(Started()))
            case 13 if self.random.random() < 0.3:
                self.utc_step += timedelta(seconds=self.random.choice((-3600.0, -60.0, 60.0, 3600.0)))
            case _ if has_session:
                self.orders_any()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_a_charger_is_safe_and_says_the_truth(seed: int) -> None:
    day = RandomDay(seed)
    day.does(day.on(Started()))
    day.reads()
    day.connects()
    day.selects_any()
    while day.elapsed_s < 8 * HOUR:
        day.happens()
        for _ in range(day.random.randrange(1, 60)):
            day.step()
    if day.resource_manager.session:
        none = SelectControlType(message_id="none", control_type=ControlType.NO_SELECTION)
        day.listens(day.does(day.hears(none)))
        for name, statuses in day.accepted.items():
            assert FINAL & {*statuses}, (name, statuses)

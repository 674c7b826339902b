"""A resource manager that must live with whatever arrives; every frame is checked against what was promised."""

import json
from dataclasses import dataclass, field
from math import isinf

from s2d.effects import Close, Connected, Disconnected, Effect, Received
from s2d.instructions import HELD_LIMIT, REMEMBERED_LIMIT
from s2d.messages.common import (
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    Message,
    ReceptionStatus,
    SelectControlType,
    Tagged,
)
from s2d.session import LEDGER_LIMIT

from ..core.stage import FRBC, Stage, applied, closed, said, told

PHASES = ("negotiating", "initialised", "active")


@dataclass
class Trial:
    """One connection, from its *phase* on; `receives` fails where a promise is broken."""

    phase: str
    stage: Stage = field(default_factory=Stage)
    closes: int = 0

    def __post_init__(self) -> None:
        self.stage.measured(soc=50.0, power=0.0)
        if self.phase == "negotiating":
            self._connect()
        else:
            self.stage.negotiated()
        if self.phase == "active":
            self._hears(SelectControlType(message_id="cem-select", control_type=FRBC))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids that mean something here."""
        stage = self.stage
        ours = [message.message_id for message in stage.said if isinstance(message, Message)]
        return (stage.battery.actuator_id, stage.idle, stage.charge, stage.discharge, "i1", "i2", "i3", *ours)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Ids of what was said and not answered yet."""
        session = self.stage.resource_manager._session
        return tuple(session._ledger) if session else ()

    def receives(self, frame: str | bytes) -> list[Effect]:
        """Hands *frame* over: answered exactly once, or not at all when it is an answer or the session is over."""
        is_over = self.closes > 0
        effects = self.happens(self.stage.on(Received(frame)))
        answers = [message for message in said(effects) if isinstance(message, ReceptionStatus)]
        if is_over:
            assert said(effects) == [], f"said after the end, to {frame!r}"
        elif not is_ambiguous(frame):
            assert len(answers) == (0 if is_answer(frame) else 1), f"{len(answers)} answers to {frame!r}"
        return effects

    def passes(self, seconds: float) -> None:
        """Lets time pass."""
        self.happens(self.stage.after(seconds))

    def measures(self, soc: float, power: float) -> None:
        """The device gives readings, and confirms what it was told."""
        self.happens(self.stage.measured(soc=soc, power=power))

    def happens(self, effects: list[Effect]) -> list[Effect]:
        self.stage.confirmed(*effects)
        self.closes += len([effect for effect in effects if isinstance(effect, Close)])
        assert self.closes <= 1, "closed twice"
        self._is_bounded()
        return effects

    def goes_on(self) -> None:
        """Whatever was said before, an order that is right is carried out: now, or on the next connection."""
        if self.closes:
            self.stage.on(Disconnected("closed"))
            assert self.stage.resource_manager._session is None
            self.closes = 0
            self.stage.measured(soc=50.0, power=0.0)
            self._connect()
        else:
            self.happens(self.stage.measured(soc=50.0, power=0.0))
        session = self.stage.resource_manager._session
        assert session is not None
        if session.phase == "negotiating":
            self._hears(HandshakeResponse(message_id="last-response", selected_protocol_version="1.0.0"))
        self._hears(SelectControlType(message_id="last-select", control_type=FRBC))
        assert self.stage.resource_manager._control is not None
        order = self.stage.instruction("last-order", self.stage.charge, 0.5)
        effects = self._hears(order)
        assert told(effects)[1:] == ["InstructionStatusUpdate ACCEPTED", "InstructionStatusUpdate STARTED"]
        assert applied(effects) == [("power_setpoint", 2500.0)]

    def _connect(self) -> None:
        self.stage.on(Connected())
        self._hears(Handshake(message_id="cem-hello", role=EnergyManagementRole.CEM))

    def _hears(self, message: Tagged) -> list[Effect]:
        effects = self.stage.hears(message)
        assert told(effects)[:1] == ["ReceptionStatus OK"]
        assert closed(effects) == []
        return effects

    def _is_bounded(self) -> None:
        session, control = self.stage.resource_manager._session, self.stage.resource_manager._control
        if session is not None:
            assert len(session._ledger) <= LEDGER_LIMIT
            assert len(session._newest) <= len(session._ledger)
            assert len(session._repeats) <= LEDGER_LIMIT
        if control is not None:
            instructions = control._instructions
            assert len(instructions._held) <= HELD_LIMIT
            assert len(instructions._used) <= REMEMBERED_LIMIT
            assert len(instructions.started) <= 1


def is_answer(frame: str | bytes) -> bool:
    """Whether *frame* is a ReceptionStatus, if only by its name."""
    try:
        found = json.loads(frame, parse_constant=_refused, parse_float=_finite) if isinstance(frame, str) else None
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("message_type") == "ReceptionStatus"


def is_ambiguous(frame: str | bytes) -> bool:
    """Whether *frame* may pass for a ReceptionStatus or not: it says twice what it is, or has half a character."""
    is_one = isinstance(frame, str) and "ReceptionStatus" in frame
    return is_one and (frame.count("message_type") > 1 or "\\ud" in frame.lower())


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    if isinf(value := float(number)):
        raise ValueError(f"{number} is beyond a float")
    return value

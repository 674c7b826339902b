"""A resource manager that must live with whatever arrives; every frame is checked against what was promised."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import isinf

from s2d.events import Lost, Measured
from s2d.rm.instructions import ELEMENTS_LIMIT, HELD_LIMIT
from s2d.s2.effects import (
    Apply,
    Close,
    Connected,
    Disconnected,
    Effect,
    Note,
    Received,
)
from s2d.s2.messages import wire
from s2d.s2.messages.common import (
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    Message,
    ReceptionStatus,
    SelectControlType,
    Tagged,
)
from s2d.s2.session import UNANSWERED_LIMIT
from s2d.values import Reading, Setpoint, Value

from ..core.resources_played import updates
from ..core.stage import Stage, applied, closed, said, told
from .parts import Battery, Part

PATIENCE_S = 1000.0
"""After this long no timer holds anything up."""
PHASES = ("negotiating", "initialised", "active")


@dataclass
class Trial:
    """One connection, from its *phase* on; `receives` fails where a promise is broken."""

    phase: str
    part: Part = field(default_factory=Battery)
    closes: int = 0
    is_quiet: bool = False
    """Whether the device does not confirm what is written."""

    def __post_init__(self) -> None:
        self._written: list[Setpoint] = []
        self.measures(self.part.rest)
        if self.phase == "negotiating":
            self._connect()
        else:
            self.stage.negotiated()
        if self.phase == "active":
            self._hears(SelectControlType(message_id="cem-select", control_type=self.part.control_type))

    @property
    def stage(self) -> Stage:
        return self.part.stage

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids that mean something here."""
        ours = [message.message_id for message in self.stage.said if isinstance(message, Message)]
        return (*self.part.ids, "i1", "i2", "i3", *ours[-50:])

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Ids of what was said and not answered yet."""
        session = self.stage.resource_manager._session
        return tuple(session._unanswered) if session else ()

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
        """Lets time pass; nobody answers meanwhile."""
        self.happens(Stage.after(self.stage, seconds))

    def steps(self, seconds: float) -> None:
        """The clock is set."""
        self.stage.utc_step += timedelta(seconds=seconds)
        self.passes(0.0)

    def measures(self, readings: Mapping[str, Value]) -> None:
        """The device gives readings, and confirms what it was told."""
        self.stage.elapsed_s += 0.001
        self.happens(self.stage.on(Measured(tuple(Reading(*each) for each in readings.items()))))

    def follows(self) -> None:
        """The device is read doing what was written last."""
        if self._written:
            self.measures(self.part.seen(self._written[-1]))

    def is_lost(self) -> None:
        """The device does not answer."""
        self.happens(self.stage.on(Lost("no answer")))

    def comes_back(self) -> None:
        """The CEM connects again, and selects what it had."""
        self.stage.on(Disconnected("gone"))
        self.closes = 0
        self._connect()
        self._hears(HandshakeResponse(message_id="back-response", selected_protocol_version="1.0.0"))
        self.selects()

    def selects(self) -> None:
        """The CEM selects the control type, as far as it can: the device may have been unknown."""
        self.receives(wire.encode(SelectControlType(message_id="again", control_type=self.part.control_type)).decode())

    def happens(self, effects: list[Effect]) -> list[Effect]:
        self._written += [effect.setpoint for effect in effects if isinstance(effect, Apply)]
        if not self.is_quiet:
            self.stage.confirmed(*effects)
        self.closes += len([effect for effect in effects if isinstance(effect, Close)])
        assert self.closes <= 1, "closed twice"
        withheld = [each for each in effects if isinstance(each, Note) and each.event == "message.withheld"]
        assert not withheld, withheld
        self._is_bounded()
        return effects

    def goes_on(self) -> None:
        """Whatever was said before, an order that is right is carried out: now, or on the next connection."""
        self.is_quiet = False
        self.part.renew()
        if self.closes:
            self.stage.on(Disconnected("closed"))
            assert self.stage.resource_manager._session is None
            self.closes = 0
            self.measures(self.part.rest)
            self._connect()
        else:
            self.measures(self.part.rest)
        session = self.stage.resource_manager._session
        assert session is not None
        if session.phase == "negotiating":
            self._hears(HandshakeResponse(message_id="last-response", selected_protocol_version="1.0.0"))
        self._hears(SelectControlType(message_id="last-select", control_type=self.part.control_type))
        assert self.stage.resource_manager._control is not None
        self.measures(self.part.rest)
        self.passes(PATIENCE_S)
        order, written = self.part.last()
        effects = self._hears(order)
        assert updates(effects) == [("last", "ACCEPTED"), ("last", "STARTED")]
        assert applied(effects) == written

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
            assert len(session._unanswered) <= UNANSWERED_LIMIT
            assert len(session._newest) <= len(session._unanswered)
            assert len(session._repeats) <= UNANSWERED_LIMIT
        if control is not None:
            instructions = control._instructions
            assert len(instructions._held) <= HELD_LIMIT
            assert instructions._held_elements == sum(order.elements for order in instructions._held) <= ELEMENTS_LIMIT
            assert len(instructions.started) <= self.part.scopes
            assert len(control._orders._under_way) <= self.part.scopes


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

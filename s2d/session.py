"""The S2 conversation on one connection: who may say what, what is answered, and was it heard.

Nothing of a session survives its connection. This file knows no control type beyond which messages belong to it, and
no device.

Spec: EN 50491-12-2 as carried by S2 JSON, "State of communication"; ReceptionStatus.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from .effects import Close, Effect, Level, Note, Return, Send, Settled
from .errors import InvalidContent, LocalProtocolError
from .messages import ddbc, frbc, ombc, pebc, ppbc, wire
from .messages.common import (
    NIL_ID,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatusUpdate,
    Message,
    PowerForecast,
    PowerMeasurement,
    ReceptionStatus,
    ReceptionStatusValues,
    ResourceManagerDetails,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
    Tagged,
)
from .messages.vet import vet
from .messages.wire import name_of
from .rules import Said, Severity, judge
from .values import Now, Value

ANSWER_WITHIN_S = 5.0
"""A message of ours without ReceptionStatus for this long is reported as unanswered."""
RESEND_AFTER_S = 5.0
"""A message answered with TEMPORARY_ERROR is said once more after this long."""
LEDGER_LIMIT = 1000
"""Most messages of ours that are remembered as unanswered; beyond it the oldest is forgotten."""


class Phase(StrEnum):
    NEGOTIATING = "negotiating"
    INITIALISED = "initialised"
    ACTIVE = "active"


INSTRUCTIONS: dict[ControlType, tuple[type[Message], ...]] = {
    ControlType.FILL_RATE_BASED_CONTROL: (frbc.Instruction,),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: (pebc.Instruction,),
    ControlType.OPERATION_MODE_BASED_CONTROL: (ombc.Instruction,),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: (ddbc.Instruction,),
    ControlType.POWER_PROFILE_BASED_CONTROL: (
        ppbc.ScheduleInstruction,
        ppbc.StartInterruptionInstruction,
        ppbc.EndInterruptionInstruction,
    ),
}
"""What a CEM may order under each control type."""

STATUSES: dict[ControlType, tuple[type[Message], ...]] = {
    ControlType.FILL_RATE_BASED_CONTROL: (
        frbc.SystemDescription,
        frbc.StorageStatus,
        frbc.ActuatorStatus,
        frbc.TimerStatus,
        frbc.LeakageBehaviour,
        frbc.UsageForecast,
        frbc.FillLevelTargetProfile,
    ),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: (pebc.PowerConstraints, pebc.EnergyConstraint),
    ControlType.OPERATION_MODE_BASED_CONTROL: (ombc.SystemDescription, ombc.Status, ombc.TimerStatus),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: (
        ddbc.SystemDescription,
        ddbc.SystemDescriptionBeta,
        ddbc.PresentDemandStatus,
        ddbc.ActuatorStatus,
        ddbc.TimerStatus,
        ddbc.AverageDemandRateForecast,
    ),
    ControlType.POWER_PROFILE_BASED_CONTROL: (ppbc.PowerProfileDefinition, ppbc.PowerProfileStatus),
}
"""What an RM may tell under each control type."""

CEM_MAY_SEND: dict[Phase, tuple[type[Tagged], ...]] = {
    Phase.NEGOTIATING: (Handshake, HandshakeResponse, SessionRequest, ReceptionStatus),
    Phase.INITIALISED: (SelectControlType, SessionRequest, ReceptionStatus, RevokeObject),
    Phase.ACTIVE: (SelectControlType, SessionRequest, ReceptionStatus, RevokeObject),
}
"""Beside the instructions of the active control type. A CEM in the field revokes although the table omits it."""

RM_MAY_SEND: dict[Phase, tuple[type[Tagged], ...]] = {
    Phase.NEGOTIATING: (Handshake, SessionRequest, ReceptionStatus),
    Phase.INITIALISED: (ResourceManagerDetails, PowerMeasurement, PowerForecast, SessionRequest, ReceptionStatus),
    Phase.ACTIVE: (
        ResourceManagerDetails,
        PowerMeasurement,
        PowerForecast,
        SessionRequest,
        ReceptionStatus,
        InstructionStatusUpdate,
        RevokeObject,
    ),
}
"""Beside the statuses of the active control type."""

CEM, RM = EnergyManagementRole.CEM, EnergyManagementRole.RM

LABEL_LIMIT = 500
"""Most characters of a diagnostic label sent or logged; it may quote a frame of 1 MiB."""
BINARY = "MSG-001 at : a message is a text frame, this one is binary"

Obey = Callable[[Message, Now], Iterable[Effect]]
"""Carries out a message that is allowed; raises InvalidContent, having changed nothing, to refuse it."""


_Kind = tuple[type[Message], str]
"""Messages of one kind replace each other: the same type, about the same thing."""


@dataclass(slots=True)
class _Unanswered:
    message: Message
    kind: _Kind
    overdue_at: float
    is_repeat: bool = False


class Session:
    """The conversation from the RM's side. Times are those of `Now`; effects are in the order to be carried out."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.control_type = ControlType.NO_SELECTION
        self._enter(Phase.NEGOTIATING)
        self._decode = wire.decoder_of(wire.VERSIONS[0])
        self.is_closing = False
        self._new_id = new_id
        self._said = Said()
        self._ledger: dict[str, _Unanswered] = {}
        self._repeats: dict[_Kind, tuple[float, Message]] = {}
        self._newest: dict[_Kind, str] = {}

    def open(self, now: Now) -> list[Effect]:
        """Says hello."""
        return self.say(
            Handshake(
                message_id=self._new_id(),
                role=EnergyManagementRole.RM,
                supported_protocol_versions=wire.VERSIONS,
            ),
            now,
        )

    def say(self, message: Message, now: Now) -> list[Effect]:
        """Sends *message* and expects a ReceptionStatus for it; if it breaks a rule, a bug, it is told and not sent.

        Raises: LocalProtocolError: S2 does not allow it now.
        """
        if self.is_closing:
            return []
        if message.__class__ not in self._sayable:
            raise LocalProtocolError(f"{name_of(type(message))} may not be sent while {self._state()}")
        broken = [each for each in judge(message, RM, self._said, now) if each.rule.severity is Severity.ERROR]
        if broken:
            facts: dict[str, Value | None] = {"message_type": _name(message), "reason": broken[0].label}
            return [Note(Level.ERROR, "message.withheld", facts)]
        self._said.note(message, RM, now)
        kind = _kind_of(message)
        self._ledger[message.message_id] = _Unanswered(message, kind, now.mono + ANSWER_WITHIN_S)
        self._newest[kind] = message.message_id
        self._repeats.pop(kind, None)
        if len(self._ledger) > LEDGER_LIMIT:
            self._forget(next(iter(self._ledger)))
        return [Send(message)]

    def receive(self, frame: str | bytes, obey: Obey, now: Now) -> list[Effect]:
        """Answers *frame* and does what it asks; *obey* carries out what is beyond the conversation itself."""
        if self.is_closing:
            return []
        if isinstance(frame, bytes):
            return self._refuse(NIL_ID, ReceptionStatusValues.INVALID_DATA, BINARY, "frame")
        try:
            message = self._decode(frame)
            vet(frame, message)
        except wire.UnreadableFrame as exc:
            return self._refuse(exc.subject_message_id, ReceptionStatusValues(exc.status), exc.label, "frame")
        if isinstance(message, ReceptionStatus):
            return self._settle(message, now)
        assert isinstance(message, Message)
        try:
            if message.__class__ not in self._hearable:
                raise InvalidContent("STATE-001", "/message_type", f"not allowed while {self._state()}")
            warnings = self._judged(message, now)
            self._said.note(message, CEM, now)
            effects = [*self._converse(message, now), *obey(message, now)]
        except InvalidContent as exc:
            return self._refuse(message.message_id, ReceptionStatusValues.INVALID_CONTENT, exc.label, _name(message))
        except _Incompatible as exc:
            return [
                *self._refuse(message.message_id, ReceptionStatusValues.INVALID_CONTENT, exc.label, _name(message)),
                *self.end(SessionRequestType.TERMINATE, exc.label, now),
                Close(exc.label, Return.LATE),
            ]
        return [
            Send(ReceptionStatus(subject_message_id=message.message_id, status=ReceptionStatusValues.OK)),
            *warnings,
            *effects,
        ]

    def select(self, control_type: ControlType) -> None:
        """Moves to the phase in which *control_type* is active."""
        self.control_type = control_type
        is_none = control_type in (ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE)
        self._enter(Phase.INITIALISED if is_none else Phase.ACTIVE)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._hearable = frozenset((*CEM_MAY_SEND[phase], *INSTRUCTIONS.get(self.control_type, ())))
        self._sayable = frozenset((*RM_MAY_SEND[phase], *STATUSES.get(self.control_type, ())))

    def end(self, request: SessionRequestType, label: str, now: Now) -> list[Effect]:
        """Tells the CEM that the session ends; after this nothing is said or heard any more."""
        said = self.say(SessionRequest(message_id=self._new_id(), request=request, diagnostic_label=label), now)
        self.is_closing = True
        return said

    def due(self, now: Now) -> list[Effect]:
        """What has become due: second tries, and messages that stay unanswered."""
        effects: list[Effect] = []
        while self._repeats and self._next_repeat()[0] <= now.mono:
            message = self._next_repeat()[1]
            del self._repeats[_kind_of(message)]
            if not self.is_closing and message.__class__ in self._sayable:
                again = msgspec.structs.replace(message, message_id=self._new_id())
                effects += self.say(again, now)
                self._ledger[again.message_id].is_repeat = True
        while self._ledger and self._oldest().overdue_at <= now.mono:
            message = self._oldest().message
            self._forget(message.message_id)
            facts: dict[str, Value | None] = {"message_type": _name(message), "message_id": message.message_id}
            effects.append(Note(Level.WARNING, "reception_status.missed", facts))
        return effects

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        if self._repeats:
            yield self._next_repeat()[0]
        if self._ledger:
            yield self._oldest().overdue_at

    def _next_repeat(self) -> tuple[float, Message]:
        return next(iter(self._repeats.values()))

    def _oldest(self) -> _Unanswered:
        return next(iter(self._ledger.values()))

    def _forget(self, message_id: str) -> _Unanswered | None:
        entry = self._ledger.pop(message_id, None)
        if entry is not None and self._newest.get(entry.kind) == message_id:
            del self._newest[entry.kind]
        return entry

    def _judged(self, message: Message, now: Now) -> list[Effect]:
        """What is odd about *message*; raises InvalidContent for what is wrong."""
        odd: list[Effect] = []
        for violation in judge(message, CEM, self._said, now):
            if violation.rule.severity is Severity.ERROR:
                raise InvalidContent(violation.rule.id, violation.pointer, violation.sentence)
            facts: dict[str, Value | None] = {"message_type": _name(message), "reason": violation.label}
            odd.append(Note(Level.WARNING, "message.doubted", facts))
        return odd

    def _state(self) -> str:
        return f"{self.phase}" if self.phase is not Phase.ACTIVE else f"{self.control_type} is active"

    def _converse(self, message: Message, now: Now) -> list[Effect]:
        match message:
            case Handshake():
                if message.role is not EnergyManagementRole.CEM:
                    raise InvalidContent("STATE-002", "/role", "both sides are RM; this one needs a CEM")
            case HandshakeResponse():
                version = message.selected_protocol_version
                if version.removeprefix("v") not in wire.VERSIONS:
                    what = f"{version[:64]!r} is none of {', '.join(wire.VERSIONS)}"
                    raise _Incompatible(f"STATE-003 at /selected_protocol_version: {what}")
                self._enter(Phase.INITIALISED)
                self._decode = wire.decoder_of(version.removeprefix("v"))
                return [Settled(), Note(Level.INFO, "session.opened", {"version": version})]
        return []

    def _refuse(self, subject: str | None, status: ReceptionStatusValues, label: str, what: str) -> list[Effect]:
        label = label[:LABEL_LIMIT]
        note = Note(Level.WARNING, "message.refused", {"message_type": what, "status": status, "reason": label})
        if subject is None:
            return [note]
        return [Send(ReceptionStatus(subject_message_id=subject, status=status, diagnostic_label=label)), note]

    def _settle(self, answer: ReceptionStatus, now: Now) -> list[Effect]:
        """What a ReceptionStatus for one of our own messages leads to."""
        entry = self._ledger.get(answer.subject_message_id)
        label = (answer.diagnostic_label or "")[:LABEL_LIMIT]
        facts: dict[str, Value | None] = {"status": answer.status, "label": label}
        if entry is None:
            facts["subject_message_id"] = answer.subject_message_id
            return [Note(Level.WARNING, "reception_status.unexpected", facts)]
        is_newest = self._newest.get(entry.kind) == answer.subject_message_id
        self._forget(answer.subject_message_id)
        if answer.status is ReceptionStatusValues.OK:
            return []
        disputed = Note(Level.WARNING, "message.disputed", {**facts, "message_type": _name(entry.message)})
        if answer.status is ReceptionStatusValues.PERMANENT_ERROR:
            self.is_closing = True
            return [disputed, Close(f"the CEM answered PERMANENT_ERROR to {_name(entry.message)}", Return.SOON)]
        is_worth_it = is_newest and not entry.is_repeat and len(self._repeats) < LEDGER_LIMIT
        if answer.status is ReceptionStatusValues.TEMPORARY_ERROR and is_worth_it:
            self._repeats[entry.kind] = (now.mono + RESEND_AFTER_S, entry.message)
        return [disputed]


class _Incompatible(Exception):
    def __init__(self, label: str) -> None:
        self.label = label


def _name(message: Tagged) -> str:
    return name_of(type(message))


_ABOUT: dict[type[Message], str] = {
    InstructionStatusUpdate: "instruction_id",
    frbc.ActuatorStatus: "actuator_id",
    ddbc.ActuatorStatus: "actuator_id",
    frbc.TimerStatus: "timer_id",
    ddbc.TimerStatus: "timer_id",
    ombc.TimerStatus: "timer_id",
}
"""What a message is about, where there are several to tell of."""


def _kind_of(message: Message) -> _Kind:
    about = _ABOUT.get(message.__class__)
    return message.__class__, getattr(message, about) if about else ""

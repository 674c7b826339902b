"""The S2 session, the conversation on one connection: who may say what, what is answered, and was it heard.

Nothing of a session survives its connection. This file knows no control type beyond which messages belong to it, and
no device.

Spec: EN 50491-12-2 as carried by S2 JSON, "State of communication"; ReceptionStatus.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache

import msgspec
from msgspec import Struct

from ..errors import InvalidContent, LocalProtocolError
from ..values import Now, Value
from .effects import Close, Effect, Level, Note, ReconnectPolicy, Send
from .legality import CEM_MAY_SEND, INSTRUCTIONS, RM_MAY_SEND, STATUSES, Phase
from .messages import ddbc, frbc, ombc, pebc, wire
from .messages.common import (
    NIL_ID,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatusUpdate,
    Message,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokeObject,
    SessionRequest,
    SessionRequestType,
    Tagged,
)
from .messages.references import canonical, canonical_references
from .messages.vet import vet
from .messages.wire import name_of
from .rules import History, Severity, Violation, judge
from .signs_of_life import ANSWER_WITHIN_S, SignsOfLife

RESEND_AFTER_S = 5.0
"""A message answered with TEMPORARY_ERROR is said once more after this long."""
UNANSWERED_LIMIT = 1000
"""Most messages of ours that are remembered as unanswered; beyond it the oldest is forgotten."""
LASTED_S = 60.0
"""A session that ends earlier, and in which nothing was instructed, has failed."""


CEM, RM = EnergyManagementRole.CEM, EnergyManagementRole.RM

LABEL_LIMIT = 500
"""Most characters of a diagnostic label sent or logged; it may quote a frame of 1 MiB."""
BINARY = "MSG-001 at : a message is a text frame, this one is binary"

Obey = Callable[[Message, Now], Iterable[Effect]]
"""Carries out a message that is allowed; raises InvalidContent, having changed nothing, to refuse it."""


_Kind = tuple[type[Message], str]
"""Messages of one kind replace each other: the same type, about the same thing."""


class _Unanswered(Struct):
    """A message of ours that had no ReceptionStatus yet."""

    message: Message
    kind: _Kind
    overdue_at: float
    is_repeat: bool = False


class Session:
    """The session from the RM's side. Times are those of `Now`; effects are in the order to be carried out."""

    def __init__(self, new_id: Callable[[], str], now: Now) -> None:
        self.control_type = ControlType.NO_SELECTION
        self._speak(wire.VERSIONS[0])
        self._enter(Phase.NEGOTIATING)
        self.is_closing = False
        self.life = SignsOfLife(now.mono)
        self.said_at = now.mono
        """When a message was said last."""
        self._opened_at = now.mono
        self.is_asked_back = False
        """The CEM wants us to come back: to end is no failure then."""
        self._is_unanswering_told = False
        self._last_said: Message | None = None
        self._last_heard: type[Tagged] | None = None
        self._new_id = new_id
        self._history = History()
        self._doubted: set[str] = set()
        """The rules our own messages were doubted by."""
        self._unanswered: dict[str, _Unanswered] = {}
        self._let_go = 0
        """How many messages are not remembered any more though they had no answer: it may still come."""
        self._is_overrun_told = False
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

        What is odd about our own messages is told once a session: nobody can answer it, and they repeat.

        Raises: LocalProtocolError: S2 does not allow it now.
        """
        if self.is_closing:
            return []
        if message.__class__ not in self._sayable:
            what = f"{name_of(type(message))} may not be sent in version {self._version}"
            raise LocalProtocolError(f"{what} while {self._state()}")
        odd: list[Effect] = []
        for violation in judge(message, RM, self._history, now):
            if violation.rule.severity is Severity.ERROR:
                return [Note(Level.ERROR, "message.withheld", _blame(violation, message))]
            if violation.rule.id not in self._doubted:
                self._doubted.add(violation.rule.id)
                odd.append(Note(Level.WARNING, "message.doubted", {**_blame(violation, message), "sender": RM}))
        return self._send(message, now) + odd

    def _send(self, message: Message, now: Now, *, is_repeat: bool = False) -> list[Effect]:
        self._history.record(message, now)
        self.said_at, self._last_said = now.mono, message
        self.life.said(self.said_at)
        kind = _kind_of(message)
        self._unanswered[message.message_id] = _Unanswered(message, kind, self.said_at + ANSWER_WITHIN_S, is_repeat)
        self._newest[kind] = message.message_id
        if self._repeats:
            self._repeats.pop(kind, None)
        if isinstance(message, RevokeObject):
            self._forget_revoked(message.object_id)
        if len(self._unanswered) <= UNANSWERED_LIMIT:
            return [Send(message)]
        self._let_go_of_oldest()
        if self._is_overrun_told:
            return [Send(message)]
        self._is_overrun_told = True
        return [Send(message), Note(Level.WARNING, "reception_status.overrun", {"limit": UNANSWERED_LIMIT})]

    def receive(self, frame: str | bytes, obey: Obey, now: Now) -> list[Effect]:
        """Answers *frame* and does what it asks; *obey* carries out what is beyond the conversation itself."""
        if self.is_closing:
            return []
        if isinstance(frame, bytes):
            return self._refuse(NIL_ID, ReceptionStatusValues.INVALID_DATA, BINARY, wire.claims_of(frame))
        try:
            message = self._decode(frame)
            vet(frame, message)
        except wire.UnreadableFrame as exc:
            status = ReceptionStatusValues(exc.status)
            return self._refuse(exc.subject_message_id, status, exc.label, wire.claims_of(frame))
        self._last_heard = message.__class__
        if isinstance(message, ReceptionStatus):
            return self._on_reception_status(message, now)
        assert isinstance(message, Message)
        message = canonical_references(message)
        try:
            if message.__class__ not in self._hearable:
                raise InvalidContent("STATE-001", "/message_type", f"not allowed while {self._state()}")
            effects = self._judged(message, now)
            self._history.record(message, now)
            if self.phase is Phase.NEGOTIATING:
                effects += self._handshake(message)
            effects += obey(message, now)
        except InvalidContent as exc:
            return self._refuse(
                message.message_id, ReceptionStatusValues.INVALID_CONTENT, exc.label, _facts_of(message)
            )
        except _Incompatible as exc:
            return [
                *self._refuse(message.message_id, ReceptionStatusValues.INVALID_CONTENT, exc.label, _facts_of(message)),
                *self.end(SessionRequestType.TERMINATE, exc.label, now),
                Close(exc.label, ReconnectPolicy.LATE),
            ]
        answer = ReceptionStatus(subject_message_id=message.message_id, status=ReceptionStatusValues.OK)
        return [Send(answer), *effects]

    def select(self, control_type: ControlType) -> None:
        """Moves to the phase in which *control_type* is active."""
        self.control_type = control_type
        is_none = control_type in (ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE)
        self._enter(Phase.INITIALISED if is_none else Phase.ACTIVE)

    def _speak(self, version: str) -> None:
        self._version = version
        self._decode = wire.decoder_of(version)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._hearable, self._sayable = _allowed(phase, self.control_type, self._version)

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
                # A second time it may take back what is gone already, but not tell of what is gone.
                if isinstance(again, RevokeObject) or not self._is_wrong(again, now):
                    effects += self._send(again, now, is_repeat=True)
        while self._unanswered and self._oldest().overdue_at <= now.mono:
            message = self._let_go_of_oldest()
            effects.append(Note(Level.WARNING, "reception_status.missed", {**_facts_of(message)}))
            if not self.life.is_answering and not self._is_unanswering_told:
                self._is_unanswering_told = True
                effects.append(Note(Level.WARNING, "session.unanswered"))
        return effects

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        if self._repeats:
            yield self._next_repeat()[0]
        if self._unanswered:
            yield self._oldest().overdue_at

    def _next_repeat(self) -> tuple[float, Message]:
        return next(iter(self._repeats.values()))

    def _oldest(self) -> _Unanswered:
        return next(iter(self._unanswered.values()))

    def _let_go_of_oldest(self) -> Message:
        oldest = self._oldest()
        self._forget(oldest)
        self._let_go += 1
        return oldest.message

    def _forget(self, entry: _Unanswered) -> bool:
        """Whether it was the newest of its kind."""
        message_id = entry.message.message_id
        del self._unanswered[message_id]
        if self._newest.get(entry.kind) != message_id:
            return False
        del self._newest[entry.kind]
        return True

    def _forget_revoked(self, object_id: str) -> None:
        """What is taken back is not said again."""
        for kind, (_, message) in list(self._repeats.items()):
            if getattr(message, "id", None) == object_id:
                del self._repeats[kind]
        for message_id, entry in self._unanswered.items():
            if getattr(entry.message, "id", None) == object_id and self._newest.get(entry.kind) == message_id:
                del self._newest[entry.kind]

    def _is_wrong(self, message: Message, now: Now) -> bool:
        return any(each.rule.severity is Severity.ERROR for each in judge(message, RM, self._history, now))

    def _judged(self, message: Message, now: Now) -> list[Effect]:
        """What is odd about *message*; raises InvalidContent for what is wrong."""
        odd: list[Effect] = []
        for violation in judge(message, CEM, self._history, now):
            if violation.rule.severity is Severity.ERROR:
                raise InvalidContent(violation.rule.id, violation.pointer, violation.sentence)
            odd.append(Note(Level.WARNING, "message.doubted", {**_blame(violation, message), "sender": CEM}))
        return odd

    def _state(self) -> str:
        return f"{self.phase}" if self.phase is not Phase.ACTIVE else f"{self.control_type} is active"

    def _handshake(self, message: Message) -> list[Effect]:
        match message:
            case Handshake():
                if message.role is not EnergyManagementRole.CEM:
                    raise InvalidContent("STATE-002", "/role", "both sides are RM; this one needs a CEM")
            case HandshakeResponse():
                version = message.selected_protocol_version
                if version.removeprefix("v") not in wire.VERSIONS:
                    what = f"{version[:64]!r} is none of {', '.join(wire.VERSIONS)}"
                    raise _Incompatible(f"STATE-003 at /selected_protocol_version: {what}")
                self._speak(version.removeprefix("v"))
                self._enter(Phase.INITIALISED)
                return [Note(Level.INFO, "session.opened", {"version": version})]
        return []

    def _refuse(
        self, subject: str | None, status: ReceptionStatusValues, label: str, about: Mapping[str, str]
    ) -> list[Effect]:
        label = label[:LABEL_LIMIT]
        note = Note(Level.WARNING, "message.refused", {**about, "status": status, "reason": label})
        if subject is None:
            return [note]
        return [Send(ReceptionStatus(subject_message_id=subject, status=status, diagnostic_label=label)), note]

    def _on_reception_status(self, answer: ReceptionStatus, now: Now) -> list[Effect]:
        """What a ReceptionStatus for one of our own messages leads to."""
        self.life.is_answering = True
        subject = answer.subject_message_id
        entry = self._unanswered.get(subject) or self._unanswered.get(canonical(subject))
        is_expected, is_newest = True, False
        if entry:
            is_newest = self._forget(entry)
        elif self._let_go:
            self._let_go -= 1
        else:
            is_expected = False
        if is_expected and answer.status is ReceptionStatusValues.OK:
            return []
        label = (answer.diagnostic_label or "")[:LABEL_LIMIT]
        facts: dict[str, Value | None] = {"status": answer.status, "label": label}
        if not is_expected:
            return [Note(Level.WARNING, "reception_status.unexpected", {**facts, "subject_message_id": subject})]
        about = _facts_of(entry.message) if entry else {"message_id": subject}
        disputed = Note(Level.WARNING, "message.disputed", {**about, **facts})
        if answer.status is ReceptionStatusValues.PERMANENT_ERROR:
            self.is_closing = True
            what = _name(entry.message) if entry else f"message {subject}"
            return [disputed, Close(f"the CEM answered PERMANENT_ERROR to {what}", ReconnectPolicy.SOON)]
        is_temporary = answer.status is ReceptionStatusValues.TEMPORARY_ERROR
        if entry and is_temporary and is_newest and not entry.is_repeat and len(self._repeats) < UNANSWERED_LIMIT:
            self._repeats[entry.kind] = (now.mono + RESEND_AFTER_S, entry.message)
        return [disputed]

    def has_failed(self, now: Now) -> bool:
        """Whether it has got nowhere, if it ends now."""
        is_early = now.mono < self._opened_at + LASTED_S
        return is_early and not self._history.instructions and not self.is_asked_back

    def facts(self, now: Now) -> dict[str, Value | None]:
        """What there is to tell of its end: how long it lasted, and what was said last on both sides."""
        said = _facts_of(self._last_said) if self._last_said else {}
        heard = name_of(self._last_heard) if self._last_heard else None
        return {"lasted_s": round(now.mono - self._opened_at, 1), **said, "last_heard": heard}

    @property
    def version(self) -> str:
        """The protocol version spoken, until another is agreed on."""
        return self._version

    @property
    def unanswered(self) -> int:
        """How many messages of ours have had no ReceptionStatus yet."""
        return len(self._unanswered)


@cache
def _allowed(
    phase: Phase, control_type: ControlType, version: str
) -> tuple[frozenset[type[Tagged]], frozenset[type[Tagged]]]:
    """What may be heard then, and what may be said."""
    hearable = frozenset((*CEM_MAY_SEND[phase], *INSTRUCTIONS.get(control_type, ())))
    sayable = frozenset((*RM_MAY_SEND[phase], *STATUSES.get(control_type, ())))
    return hearable, sayable.intersection(wire.MESSAGES_OF[version])


class _Incompatible(Exception):
    """A protocol version that is not spoken here."""

    def __init__(self, label: str) -> None:
        self.label = label


def _name(message: Tagged) -> str:
    return name_of(type(message))


def _facts_of(message: Message) -> dict[str, str]:
    return {"message_type": _name(message), "message_id": message.message_id}


def _blame(violation: Violation, message: Message) -> dict[str, Value | None]:
    return {**_facts_of(message), "reason": violation.label}


_ABOUT: dict[type[Message], str] = {
    InstructionStatusUpdate: "instruction_id",
    RevokeObject: "object_id",
    pebc.EnergyConstraint: "id",
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

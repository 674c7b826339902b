"""The conversation with one resource manager, from the CEM's side. Pure: frames and commands go in, messages come out.

Nothing is remembered beyond the connection.

Spec: EN 50491-12-2 as carried by S2 JSON; ReceptionStatus, Handshake, SelectControlType.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..s2.messages import wire
from ..s2.messages.common import (
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
from ..s2.messages.vet import vet
from ..s2.messages.wire import name_of
from ..values import Now
from .choices import MOST_REMEMBERED, Choices, InstructionHeader, remember
from .commands import CONTROL_TYPES, Command, CommandRefused, Order, Reconnect, Revoke, Select, Terminate
from .control_types import CHOICES
from .formatting import utc_text
from .sent_instructions import RefusedMessage, SentInstruction, to_revoke

UNREADABLE = "unreadable"
"""The type under which frames that are no message are counted."""


class HandledFrame(NamedTuple):
    """A frame that was handled: the message in it, and the answers to send."""

    message: Tagged | None
    """None for a frame that is no message."""
    answers: tuple[Tagged, ...]


class Reply(NamedTuple):
    """The result of a command: a sentence for people, and the messages to send."""

    sentence: str
    """For whoever gave the command."""
    messages: tuple[Message, ...]
    instruction: SentInstruction | None = None
    """The instruction it is about."""


class Conversation:
    """The CEM's side of one connection. Every message it returns has to be sent, in that order."""

    def __init__(
        self, path: str, control_type: ControlType, new_id: Callable[[], str], otherwise: Sequence[ControlType] = ()
    ) -> None:
        """*control_type* is selected as soon as it is offered; as long as it is not, the first *otherwise* that is."""
        self.path = path
        self.wanted = control_type
        self._wishes = (control_type, *otherwise)
        self.version: str | None = None
        self.details: ResourceManagerDetails | None = None
        self.control_type = ControlType.NO_SELECTION
        """As the RM confirmed it."""
        self.choices: Choices | None = None
        """The choices under it; None if that takes no instructions."""
        self.power: PowerMeasurement | None = None
        self.forecast: PowerForecast | None = None
        self.instructions: dict[str, SentInstruction] = {}
        """By id, oldest first."""
        self.refusals: deque[RefusedMessage] = deque(maxlen=MOST_REMEMBERED)
        self.received: Counter[str] = Counter()
        """Messages received, by type."""
        self.sent: Counter[str] = Counter()
        """Messages sent, by type."""
        self.is_ending = False
        """A SessionRequest ends the session; the RM is given a little time to answer it and leave."""
        self.is_over = False
        """The connection is to be closed once all is sent."""
        self._new_id = new_id
        self._unanswered: dict[str, Message] = {}
        self._selected: ControlType | None = None
        self._sent_count = 0

    @property
    def resource_id(self) -> str | None:
        return self.details.resource_id if self.details else None

    @property
    def name(self) -> str:
        """What to call the RM: its name, else its resource id, else the path it came by."""
        return (self.details and (self.details.name or self.details.resource_id)) or self.path

    @property
    def last(self) -> SentInstruction | None:
        """The instruction sent last."""
        return next(reversed(self.instructions.values()), None)

    @property
    def possible(self) -> str:
        """What can be ordered now, in words."""
        if self.choices:
            return f"under {self.control_type} {self.choices.possible()}"
        if self.details is None:
            return f"{self.name} has not introduced itself yet"
        return f"{self.control_type} takes no instructions; {self._offered()}"

    def open(self) -> tuple[Tagged, ...]:
        """The Handshake of the CEM, to be sent first."""
        hello = Handshake(
            message_id=self._new_id(), role=EnergyManagementRole.CEM, supported_protocol_versions=wire.VERSIONS
        )
        return self._send(hello)

    def receive(self, frame: str | bytes) -> HandledFrame:
        """Takes in *frame* and answers it."""
        if isinstance(frame, bytes):
            label = "MSG-001 at : a message is a text frame, this one is binary"
            return HandledFrame(None, self._refuse(NIL_ID, ReceptionStatusValues.INVALID_DATA, label))
        try:
            message = wire.decode(frame, (self.version or wire.VERSIONS[0]).removeprefix("v"))
            vet(frame, message)
        except wire.UnreadableFrame as exc:
            status = ReceptionStatusValues(exc.status)
            return HandledFrame(None, self._refuse(exc.subject_message_id, status, exc.label))
        self.received[name_of(type(message))] += 1
        if isinstance(message, ReceptionStatus):
            self._handle_reception(message)
            return HandledFrame(message, ())
        assert isinstance(message, Message)
        if isinstance(message, Handshake) and message.role is not EnergyManagementRole.RM:
            label = "STATE-002 at /role: both sides are CEM; this one needs an RM"
            answer = _reception(message.message_id, ReceptionStatusValues.INVALID_CONTENT, label)
            return HandledFrame(message, self._send(answer))
        return HandledFrame(message, self._send(_reception(message.message_id), *self._handle(message)))

    def execute(self, command: Command, now: Now) -> Reply:
        """Carries out *command*.

        Raises: CommandRefused: it makes no sense now; there is nothing to send.
        """
        if self.is_ending or self.is_over:
            raise CommandRefused(f"the session with {self.name} is ending")
        match command:
            case Revoke(which):
                return self._revoke(which)
            case Select(control_type):
                return self._select_by_command(control_type)
            case Terminate():
                return self._end_session(SessionRequestType.TERMINATE)
            case Reconnect():
                return self._end_session(SessionRequestType.RECONNECT)
            case order:
                return self._instruct(order, now)

    def _handle(self, message: Message) -> tuple[Message, ...]:
        """Takes in *message*; returns what is to be sent beside the ReceptionStatus."""
        match message:
            case Handshake():
                return self._negotiate(message.supported_protocol_versions or ())
            case ResourceManagerDetails():
                self.details = message
                if self.control_type not in (*message.available_control_types, ControlType.NO_SELECTION):
                    self._activate(ControlType.NO_SELECTION)
                return self._select_wanted()
            case SessionRequest():
                self.is_over = True
            case PowerMeasurement():
                self.power = message
            case InstructionStatusUpdate() if sent := self.instructions.get(message.instruction_id):
                sent.statuses.append(message.status_type)
            case PowerForecast():
                self.forecast = message
            case _ if self.choices:
                self.choices.receive(message)
        return ()

    def _negotiate(self, offered: tuple[str, ...]) -> tuple[Message, ...]:
        """Agrees on the version: the first of ours that the RM speaks, spelt as the RM does."""
        if self.version is not None:
            return ()
        spoken = {version.removeprefix("v"): version for version in reversed(offered)}
        self.version = next((spoken[version] for version in wire.VERSIONS if version in spoken), None)
        if self.version is not None:
            return (HandshakeResponse(message_id=self._new_id(), selected_protocol_version=self.version),)
        self.is_over = True
        label = f"no version in common: {', '.join(wire.VERSIONS)} here, {', '.join(offered) or 'none'} there"
        return (self._request(SessionRequestType.TERMINATE, label),)

    def _select_wanted(self) -> tuple[Message, ...]:
        assert self.details is not None
        offered = self.details.available_control_types
        self.wanted = next((each for each in self._wishes if each in offered), self.wanted)
        if self.wanted in (self.control_type, self._selected):
            return ()
        if self.wanted not in offered:
            return ()
        self._selected = self.wanted
        return (SelectControlType(message_id=self._new_id(), control_type=self.wanted),)

    def _activate(self, control_type: ControlType) -> None:
        """Makes *control_type* active; what belonged to the one before is void."""
        self.control_type = control_type
        self.choices = CHOICES[control_type]() if control_type in CHOICES else None

    def _handle_reception(self, answer: ReceptionStatus) -> None:
        """Takes in the ReceptionStatus of one of our messages."""
        message = self._unanswered.pop(answer.subject_message_id, None)
        is_ok = answer.status is ReceptionStatusValues.OK
        name = name_of(type(message)) if message else "a message never sent"
        refusal = RefusedMessage(name, answer.status, answer.diagnostic_label or "")
        if not is_ok:
            self.refusals.append(refusal)
        match message:
            case SelectControlType():
                if is_ok:
                    self._activate(message.control_type)
                if self._selected is message.control_type:
                    self._selected = None
            case SessionRequest():
                self.is_over = True
            case RevokeObject() if not is_ok and (sent := self.instructions.get(message.object_id)):
                sent.is_kept = True
            case Message() if sent := self.instructions.get(getattr(message, "id", "")):
                sent.reception = answer.status if is_ok else refusal

    def _instruct(self, order: Order, now: Now) -> Reply:
        if self.choices is None or not isinstance(order, self.choices.accepts):
            raise CommandRefused(f'"{order.verb}" cannot be ordered: {self.possible}')
        header = InstructionHeader(self._new_id(), self._new_id(), order.when.instant(now.utc), order.is_abnormal)
        draft = self.choices.draft(order, header, self._new_id)
        is_later = header.execution_time > now.utc
        delay = f", at {utc_text(header.execution_time)}" if is_later else ""
        self._sent_count += 1
        sent = SentInstruction(draft.instruction, self._sent_count, draft.name, f"{draft.name}, {draft.details}{delay}")
        remember(self.instructions, header.id, sent)
        sentence = f"#{sent.number} {draft.label}: {draft.details}{delay or ', at once'}"
        return self._reply(f"{sentence}; {draft.remark}" if draft.remark else sentence, draft.instruction, sent)

    def _revoke(self, which: str | None) -> Reply:
        sent = to_revoke(tuple(self.instructions.values()), which)
        revocation = RevokeObject(
            message_id=self._new_id(), object_type=sent.object_type, object_id=sent.instruction.id
        )
        return self._reply(f"revoked: #{sent.number} {sent.meaning}", revocation, sent)

    def _select_by_command(self, control_type: ControlType) -> Reply:
        if self.details is None:
            raise CommandRefused(f"{self.name} has not introduced itself yet")
        offered = self.details.available_control_types
        if control_type not in (*offered, ControlType.NO_SELECTION):
            raise CommandRefused(f"{self.name} does not offer {control_type}; {self._offered()}")
        self.wanted = self._selected = control_type
        self._wishes = (control_type,)
        selection = SelectControlType(message_id=self._new_id(), control_type=control_type)
        return self._reply(f"selected {control_type}", selection)

    def _offered(self) -> str:
        offered = self.details.available_control_types if self.details else ()
        return f"it offers {', '.join(name for name, each in CONTROL_TYPES.items() if each in offered)}"

    def _end_session(self, request: SessionRequestType) -> Reply:
        self.is_ending = True
        return self._reply(f"{request} asked of {self.name}", self._request(request))

    def _request(self, request: SessionRequestType, label: str | None = None) -> SessionRequest:
        return SessionRequest(message_id=self._new_id(), request=request, diagnostic_label=label)

    def _reply(self, sentence: str, message: Message, instruction: SentInstruction | None = None) -> Reply:
        self._send(message)
        return Reply(sentence, (message,), instruction)

    def _refuse(self, subject: str | None, status: ReceptionStatusValues, label: str) -> tuple[Tagged, ...]:
        """Answers a frame that is no message; None is for what is never answered."""
        self.received[UNREADABLE] += 1
        return () if subject is None else self._send(_reception(subject, status, label))

    def _send(self, *messages: Tagged) -> tuple[Tagged, ...]:
        for message in messages:
            self.sent[name_of(type(message))] += 1
            if isinstance(message, Message):
                remember(self._unanswered, message.message_id, message)
        return messages


def _reception(
    subject: str, status: ReceptionStatusValues = ReceptionStatusValues.OK, label: str | None = None
) -> ReceptionStatus:
    return ReceptionStatus(subject_message_id=subject, status=status, diagnostic_label=label)

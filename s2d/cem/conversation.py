"""What is said with one resource manager, from the CEM's side. Pure: frames and commands go in, messages come out.

Nothing is remembered beyond the connection.

Spec: EN 50491-12-2 as carried by S2 JSON; ReceptionStatus, Handshake, SelectControlType.
"""

from collections import Counter, deque
from collections.abc import Callable
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
from .choices import MOST_REMEMBERED, Common, Menu, remember
from .commands import CONTROL_TYPES, Command, CommandRefused, Order, Reconnect, Revoke, Select, Terminate
from .control_types import MENUS
from .formatting import moment
from .sent_instructions import Given, Refusal, to_revoke

UNREADABLE = "unreadable"
"""What frames that are no message are counted as."""


class Turn(NamedTuple):
    """One frame and what is said to it."""

    heard: Tagged | None
    """None for a frame that is no message."""
    said: tuple[Tagged, ...]


class Reply(NamedTuple):
    """What a command comes to."""

    sentence: str
    """For whoever gave the command."""
    said: tuple[Message, ...]
    given: Given | None = None
    """The instruction it is about."""


class Conversation:
    """The CEM's side of one connection. Every message it returns has to be sent, in that order."""

    def __init__(self, path: str, control_type: ControlType, new_id: Callable[[], str]) -> None:
        """*control_type* is selected as soon as it is offered."""
        self.path = path
        self.wanted = control_type
        self.version: str | None = None
        self.details: ResourceManagerDetails | None = None
        self.control_type = ControlType.NO_SELECTION
        """As the RM confirmed it."""
        self.menu: Menu | None = None
        """What is offered under it; None if that takes no instructions."""
        self.power: PowerMeasurement | None = None
        self.forecast: PowerForecast | None = None
        self.instructions: dict[str, Given] = {}
        """By id, oldest first."""
        self.refusals: deque[Refusal] = deque(maxlen=MOST_REMEMBERED)
        self.heard: Counter[str] = Counter()
        """Messages received, by type."""
        self.said: Counter[str] = Counter()
        """Messages sent, by type."""
        self.is_ending = False
        """A SessionRequest ends the session; the RM is given a little time to answer it and leave."""
        self.is_over = False
        """The connection is to be closed once all is sent."""
        self._new_id = new_id
        self._unanswered: dict[str, Message] = {}
        self._selected: ControlType | None = None
        self._given_count = 0

    @property
    def resource_id(self) -> str | None:
        return self.details.resource_id if self.details else None

    @property
    def name(self) -> str:
        """What to call the RM: its name, else its resource id, else the path it came by."""
        return (self.details and (self.details.name or self.details.resource_id)) or self.path

    @property
    def last(self) -> Given | None:
        """The instruction given last."""
        return next(reversed(self.instructions.values()), None)

    @property
    def possible(self) -> str:
        """What can be ordered now, in words."""
        if self.menu:
            return f"under {self.control_type} {self.menu.possible()}"
        if self.details is None:
            return f"{self.name} has not introduced itself yet"
        return f"{self.control_type} takes no instructions; {self._offer()}"

    def open(self) -> tuple[Tagged, ...]:
        """Says hello."""
        hello = Handshake(
            message_id=self._new_id(), role=EnergyManagementRole.CEM, supported_protocol_versions=wire.VERSIONS
        )
        return self._say(hello)

    def receive(self, frame: str | bytes) -> Turn:
        """Takes in *frame* and answers it."""
        if isinstance(frame, bytes):
            label = "MSG-001 at : a message is a text frame, this one is binary"
            return Turn(None, self._refuse(NIL_ID, ReceptionStatusValues.INVALID_DATA, label))
        try:
            message = wire.decode(frame, (self.version or wire.VERSIONS[0]).removeprefix("v"))
            vet(frame, message)
        except wire.UnreadableFrame as exc:
            status = ReceptionStatusValues(exc.status)
            return Turn(None, self._refuse(exc.subject_message_id, status, exc.label))
        self.heard[name_of(type(message))] += 1
        if isinstance(message, ReceptionStatus):
            self._settle(message)
            return Turn(message, ())
        assert isinstance(message, Message)
        if isinstance(message, Handshake) and message.role is not EnergyManagementRole.RM:
            label = "STATE-002 at /role: both sides are CEM; this one needs an RM"
            answer = _reception(message.message_id, ReceptionStatusValues.INVALID_CONTENT, label)
            return Turn(message, self._say(answer))
        return Turn(message, self._say(_reception(message.message_id), *self._converse(message)))

    def obey(self, command: Command, now: Now) -> Reply:
        """Carries out *command*.

        Raises: CommandRefused: it makes no sense now; nothing has been said.
        """
        if self.is_ending or self.is_over:
            raise CommandRefused(f"the session with {self.name} is ending")
        match command:
            case Revoke(which):
                return self._revoke(which)
            case Select(control_type):
                return self._choose(control_type)
            case Terminate():
                return self._end(SessionRequestType.TERMINATE)
            case Reconnect():
                return self._end(SessionRequestType.RECONNECT)
            case order:
                return self._instruct(order, now)

    def _converse(self, message: Message) -> tuple[Message, ...]:
        """What *message* changes, and what is said to it beside the ReceptionStatus."""
        match message:
            case Handshake():
                return self._negotiate(message.supported_protocol_versions or ())
            case ResourceManagerDetails():
                self.details = message
                if self.control_type not in (*message.available_control_types, ControlType.NO_SELECTION):
                    self._select(ControlType.NO_SELECTION)
                return self._select_wanted()
            case SessionRequest():
                self.is_over = True
            case PowerMeasurement():
                self.power = message
            case InstructionStatusUpdate() if given := self.instructions.get(message.instruction_id):
                given.statuses.append(message.status_type)
            case PowerForecast():
                self.forecast = message
            case _ if self.menu:
                self.menu.hear(message)
        return ()

    def _negotiate(self, offered: tuple[str, ...]) -> tuple[Message, ...]:
        """Settles the version: the first of ours that the RM speaks, spelt as the RM does."""
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
        if self.wanted in (self.control_type, self._selected):
            return ()
        if self.wanted not in self.details.available_control_types:
            return ()
        self._selected = self.wanted
        return (SelectControlType(message_id=self._new_id(), control_type=self.wanted),)

    def _select(self, control_type: ControlType) -> None:
        """*control_type* is active; what belonged to the one before is void."""
        self.control_type = control_type
        self.menu = MENUS[control_type]() if control_type in MENUS else None

    def _settle(self, answer: ReceptionStatus) -> None:
        """Notes what became of one of our messages."""
        message = self._unanswered.pop(answer.subject_message_id, None)
        is_ok = answer.status is ReceptionStatusValues.OK
        name = name_of(type(message)) if message else "a message never sent"
        refusal = Refusal(name, answer.status, answer.diagnostic_label or "")
        if not is_ok:
            self.refusals.append(refusal)
        match message:
            case SelectControlType():
                if is_ok:
                    self._select(message.control_type)
                if self._selected is message.control_type:
                    self._selected = None
            case SessionRequest():
                self.is_over = True
            case RevokeObject() if not is_ok and (given := self.instructions.get(message.object_id)):
                given.is_kept = True
            case Message() if given := self.instructions.get(getattr(message, "id", "")):
                given.reception = answer.status if is_ok else refusal

    def _instruct(self, order: Order, now: Now) -> Reply:
        if self.menu is None or not isinstance(order, self.menu.takes):
            raise CommandRefused(f'"{order.verb}" cannot be ordered: {self.possible}')
        common = Common(self._new_id(), self._new_id(), order.when.instant(now.utc), order.is_abnormal)
        draft = self.menu.draft(order, common, self._new_id)
        is_later = common.execution_time > now.utc
        delay = f", at {moment(common.execution_time)}" if is_later else ""
        self._given_count += 1
        given = Given(draft.instruction, self._given_count, draft.name, f"{draft.name}, {draft.details}{delay}")
        remember(self.instructions, common.id, given)
        sentence = f"#{given.number} {draft.label}: {draft.details}{delay or ', at once'}"
        return self._reply(f"{sentence}; {draft.remark}" if draft.remark else sentence, draft.instruction, given)

    def _revoke(self, which: str | None) -> Reply:
        given = to_revoke(tuple(self.instructions.values()), which)
        revocation = RevokeObject(
            message_id=self._new_id(), object_type=given.object_type, object_id=given.instruction.id
        )
        return self._reply(f"revoked: #{given.number} {given.meaning}", revocation, given)

    def _choose(self, control_type: ControlType) -> Reply:
        if self.details is None:
            raise CommandRefused(f"{self.name} has not introduced itself yet")
        offered = self.details.available_control_types
        if control_type not in (*offered, ControlType.NO_SELECTION):
            raise CommandRefused(f"{self.name} does not offer {control_type}; {self._offer()}")
        self.wanted = self._selected = control_type
        selection = SelectControlType(message_id=self._new_id(), control_type=control_type)
        return self._reply(f"selected {control_type}", selection)

    def _offer(self) -> str:
        offered = self.details.available_control_types if self.details else ()
        return f"it offers {', '.join(name for name, each in CONTROL_TYPES.items() if each in offered)}"

    def _end(self, request: SessionRequestType) -> Reply:
        self.is_ending = True
        return self._reply(f"{request} asked of {self.name}", self._request(request))

    def _request(self, request: SessionRequestType, label: str | None = None) -> SessionRequest:
        return SessionRequest(message_id=self._new_id(), request=request, diagnostic_label=label)

    def _reply(self, sentence: str, message: Message, given: Given | None = None) -> Reply:
        self._say(message)
        return Reply(sentence, (message,), given)

    def _refuse(self, subject: str | None, status: ReceptionStatusValues, label: str) -> tuple[Tagged, ...]:
        """Answers a frame that is no message; None is for what is never answered."""
        self.heard[UNREADABLE] += 1
        return () if subject is None else self._say(_reception(subject, status, label))

    def _say(self, *messages: Tagged) -> tuple[Tagged, ...]:
        for message in messages:
            self.said[name_of(type(message))] += 1
            if isinstance(message, Message):
                remember(self._unanswered, message.message_id, message)
        return messages


def _reception(
    subject: str, status: ReceptionStatusValues = ReceptionStatusValues.OK, label: str | None = None
) -> ReceptionStatus:
    return ReceptionStatus(subject_message_id=subject, status=status, diagnostic_label=label)

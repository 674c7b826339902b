"""One connection of the RM under test: what it says, held against the schemas, and what it is told and answers.

Whatever a row looks at, every message of the RM must be valid, every message to it must get exactly one
ReceptionStatus, and a Handshake comes first. What goes against that is a fault by a row of its own, and is taken as
well as it can be, so that the row that is being asked gets an answer to its own question.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, TypeVar
from uuid import UUID

from websockets.asyncio.server import Request, ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.chronicle import PATIENCE_S, Chronicle
from tests.published import has_schema, violations

from .profiles import Profile
from .said import ANSWERED, ANSWERED_ONCE, HANDSHAKE_FIRST, OF_ITS_OWN, READABLE, TEXT, VALID, Fault
from .wire import NIL, Message, new_id

S2_PYTHON_CANNOT = ("DDBC.SystemDescription", "PPBC.PowerProfileStatus")
"""Valid messages that s2-python refuses."""


T = TypeVar("T")


class Record(Chronicle[T]):
    """What the RM sends. Where a row does not say how long it may take, all records wait equally long."""

    def __init__(self, name: str, kind_of: Callable[[T], Hashable], patience_s: float) -> None:
        super().__init__(name, kind_of)
        self._patience_s = patience_s

    async def next(
        self, wanted: Callable[[T], bool] = lambda thing: True, what: str = "anything", within_s: float | None = None
    ) -> T:
        return await super().next(wanted, what, self._patience_s if within_s is None else within_s)

    async def until(self, is_so: Callable[[list[T]], Any], what: str, within_s: float | None = None) -> None:
        await super().until(is_so, what, self._patience_s if within_s is None else within_s)


class PingedConnection(ServerConnection):
    """A connection that remembers when it was pinged."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.pinged_at: list[float] = []
        """In seconds of the event loop."""

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pinged_at.append(asyncio.get_running_loop().time())
        super().process_event(event)


class Connection:
    """The RM under test on one connection."""

    def __init__(
        self,
        websocket: PingedConnection,
        profile: Profile,
        faults: list[Fault],
        patience_s: float = PATIENCE_S,
        answers_within_s: float = PATIENCE_S,
    ) -> None:
        self._websocket = websocket
        self._faults = faults
        self._patience_s = max(patience_s, answers_within_s)
        self._asked: list[str] = []
        self._sent: dict[str, str] = {}
        """The type of each message sent, by its id."""
        self._other_ids: dict[str, str] = {}
        """What else an answer may be about, and what that stands for."""
        self.answers_too_many: list[Message] = []
        self._waited_for: list[str] = []
        """What was asked and not answered in time, though the RM was answered itself."""
        self._answers: Record[Message] = Record("answers of the RM", self._subject_of, patience_s)
        self._message_ids: set[str] = set()
        self.answers_within_s = answers_within_s
        """So soon it answers, and says what has to follow by itself."""
        self.profile = profile
        self.heard: Record[Message] = Record("messages of the RM", lambda heard: heard["message_type"], patience_s)
        """All messages but answers."""
        self.frames: list[Message] = []
        """All it sent, answers and others, in order."""
        self.ended = asyncio.Event()
        """Set when the connection is closed."""
        self.answers_to: Callable[[Message], tuple[str, ...]] = profile.answers_to
        """The statuses a message of the RM is answered with; none leaves it unanswered."""
        self.version = ""
        """The one selected."""

    @property
    def request(self) -> Request:
        """How it connected."""
        assert self._websocket.request
        return self._websocket.request

    @property
    def pinged_at(self) -> list[float]:
        return self._websocket.pinged_at

    @property
    def close_code(self) -> int | None:
        return self._websocket.close_code

    def told(self, message_type: str, **fields: Any) -> list[Message]:
        """All it said so far of that type and with those fields."""
        return [each for each in self.heard.all if _is_such(each, message_type, fields)]

    async def expect(
        self,
        message_type: str,
        wanted: Callable[[Message], bool] = lambda message: True,
        *,
        within_s: float | None = None,
        **fields: Any,
    ) -> Message:
        """The next message of that type with those fields that is *wanted*; other types stay to be expected."""
        return await self.heard.next(
            lambda heard: _is_such(heard, message_type, fields) and wanted(heard),
            f"{message_type} {fields or ''}".strip(),
            within_s,
        )

    async def tell(self, message_type: str, **fields: Any) -> Message:
        """Says it; returns the one answer."""
        return await self.tell_whole({"message_type": message_type, "message_id": new_id(), **fields})

    async def tell_whole(self, message: Message) -> Message:
        self._sent[message["message_id"]] = message["message_type"]
        return await self.send_raw(json.dumps(message), about=message["message_id"])

    async def must_take(self, message_type: str, **fields: Any) -> None:
        """Says it; the answer must be OK."""
        await self.must_accept({"message_type": message_type, "message_id": new_id(), **fields})

    async def must_accept(self, message: Message) -> None:
        answer = await self.tell_whole(message)
        assert answer["status"] == "OK", f"{message['message_type']} is answered {answer['status']}: {answer}"

    async def must_refuse(self, message: Message, what: str = "", status: str = "INVALID_CONTENT") -> None:
        """Says it; the answer must be *status*."""
        answer = await self.tell_whole(message)
        assert answer["status"] == status, f"{what or message['message_type']} is answered {answer['status']}"

    async def send_raw(self, frame: str | bytes, about: str = NIL, or_about: str = "") -> Message:
        """Sends *frame* as it is; returns the one answer *about* that id, or about the other one it might name."""
        if or_about:
            self._other_ids[or_about] = about
        await self._send(frame, about)
        return await self.answer_to(about)

    async def send_in_parts(self, parts: list[str], about: str) -> Message:
        """Sends one message in several frames; returns the one answer *about* that id."""
        await self._send(parts, about)
        return await self.answer_to(about)

    async def send(self, message_type: str, **fields: Any) -> str:
        """Says it and does not wait; returns the message's id, which is answered once all the same."""
        return await self.send_whole({"message_type": message_type, "message_id": new_id(), **fields})

    async def send_whole(self, message: Message) -> str:
        self._sent[message["message_id"]] = message["message_type"]
        await self._send(json.dumps(message), message["message_id"])
        return str(message["message_id"])

    async def _send(self, frame: str | bytes | list[str], about: str) -> None:
        self._asked.append(about)
        try:
            await self._websocket.send(frame)
        except ConnectionClosed:
            raise AssertionError("the RM has left") from None

    async def answer_to(self, message_id: str) -> Message:
        """The one answer to what was sent."""
        try:
            return await self._answers.next(
                lambda answer: self._subject_of(answer) == message_id,
                f"answer to {self._sent.get(message_id, message_id)}",
                self.answers_within_s,
            )
        except AssertionError:
            if not self.ended.is_set() and self.answers_to == self.profile.answers_to:
                self._waited_for.append(message_id)
            raise

    async def answer(self, message_id: str, status: str = "OK") -> None:
        """Sends a ReceptionStatus, asked for or not."""
        answer = {"message_type": "ReceptionStatus", "subject_message_id": message_id, "status": status}
        with suppress(ConnectionClosed):  # an RM that says goodbye does not wait for the answer
            await self._websocket.send(json.dumps(answer))

    async def ping(self) -> None:
        """Waits for the pong."""
        try:
            async with asyncio.timeout(self.answers_within_s):
                await (await self._websocket.ping())
        except TimeoutError:
            raise AssertionError(f"no pong within {self.answers_within_s:g} s") from None
        except ConnectionClosed:
            raise AssertionError("the RM has left") from None

    @contextmanager
    def not_reading(self) -> Iterator[None]:
        """Lets what the RM says pile up, with next to no room for it on this side."""
        self._websocket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._websocket.transport.pause_reading()
        try:
            yield
        finally:
            self._websocket.transport.resume_reading()

    def break_off(self) -> None:
        """Drops the connection, as a CEM does that is killed."""
        self._websocket.transport.abort()

    async def close(self) -> None:
        await self._websocket.close()

    async def has_ended(self, within_s: float | None = None) -> None:
        try:
            async with asyncio.timeout(within_s or self._patience_s):
                await self.ended.wait()
        except TimeoutError:
            raise AssertionError(f"the RM is still there after {within_s or self._patience_s:g} s") from None

    async def listen(self) -> None:
        try:
            with suppress(ConnectionClosed):
                async for frame in self._websocket:
                    await self._hear(frame)
        finally:
            self.ended.set()
            for chronicle in (self.heard, self._answers):
                chronicle.fail("the RM has left")

    def is_over(self) -> None:
        """Notes what it has not answered by now."""
        told = [each for each in self._waited_for if each in self._asked]
        if told:
            self._faults.append(Fault(ANSWERED, f"{len(told)} not answered, first {self._sent.get(told[0], told[0])}"))

    def _is_published(self, message_type: str) -> bool:
        """Whether the schemas at hand, which are those of 0.0.2-beta, have it as the version spoken has."""
        is_changed = message_type == "DDBC.SystemDescription" and self.version.removeprefix("v") != "0.0.2-beta"
        return has_schema(message_type) and not is_changed

    def _is_message(self, frame: str | bytes, message: Any) -> bool:
        """Whether *message* is one that can be taken; what is wrong with it is noted."""
        if isinstance(frame, bytes):
            self._faults.append(Fault(TEXT, "a binary frame"))
        if not isinstance(message, dict) or not isinstance(message.get("message_type"), str):
            self._faults.append(Fault(VALID, f"no message: {frame[:80]!r}"))
            return False
        message_type = message["message_type"]
        problems = violations(message) if self._is_published(message_type) else []
        if problems:
            self._faults.append(Fault(VALID, f"{message_type}: {'; '.join(problems)}"))
        if self.profile.is_strict and (unreadable := _vetted(message, frame)):
            self._faults.append(Fault(READABLE, unreadable))
        return isinstance(message.get("subject_message_id" if message_type == "ReceptionStatus" else "message_id"), str)

    async def _hear(self, frame: str | bytes) -> None:
        try:
            message = json.loads(frame)
        except ValueError:
            message = None
        if not self._is_message(frame, message):
            return
        self.frames.append(message)
        if message["message_type"] == "ReceptionStatus":
            self._hear_answer(message)
            return
        if not self.heard.all and message["message_type"] != "Handshake":
            self._faults.append(Fault(HANDSHAKE_FIRST, f"{message['message_type']} came first"))
        if message["message_id"] in self._message_ids:
            self._faults.append(Fault(OF_ITS_OWN, f"{message['message_type']}: {message['message_id']}"))
        self._message_ids.add(message["message_id"])
        for status in self.answers_to(message):
            await self.answer(message["message_id"], status)
        self.heard.add(message)

    def _subject_of(self, answer: Message) -> str:
        about: str = answer["subject_message_id"]
        return self._other_ids.get(about, about)

    def _hear_answer(self, answer: Message) -> None:
        about = self._subject_of(answer)
        if about in self._asked:
            self._asked.remove(about)
            self._answers.add(answer)
        else:
            self.answers_too_many.append(answer)
            self._faults.append(Fault(ANSWERED_ONCE, f"an answer too many about {about}: {answer.get('status')}"))


def _is_such(message: Message, message_type: str, fields: dict[str, Any]) -> bool:
    return message["message_type"] == message_type and fields.items() <= message.items()


def _vetted(message: Message, frame: str | bytes) -> str:
    """Why s2-python, which asks more than the schema, does not take *message*; empty if it does."""
    for name, value in _ids_of(message):
        try:
            UUID(value)
        except ValueError:
            return f"{message['message_type']}: {name} is no UUID: {value}"
    if find_spec("s2python") and message["message_type"] not in S2_PYTHON_CANNOT:
        from s2python.s2_parser import S2Parser
        from s2python.s2_validation_error import S2ValidationError

        try:
            S2Parser.parse_as_any_message(frame)
        except S2ValidationError as exc:
            return f"s2-python refuses {message['message_type']}: {exc}: {exc.__cause__}"
    return ""


def _ids_of(part: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _ids_of(value, key)
    elif isinstance(part, list):
        for value in part:
            yield from _ids_of(value, name)
    elif isinstance(part, str) and (name in ("id", "Id", "from", "to") or name.endswith(("_id", "_timers"))):
        yield name, part

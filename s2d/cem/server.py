"""The WebSocket server of the CEM: any number of resource managers, on any path. Shell; `Conversation` decides."""

import asyncio
import hmac
import logging
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import NamedTuple, TypeVar

from websockets.asyncio import server as websockets
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..errors import S2dError
from ..s2.messages import wire
from ..s2.messages.common import ControlType, Tagged
from ..values import Clock
from .commands import Command, CommandRefused, Terminate
from .conversation import Conversation, Reply
from .transcript import ConnectionRejected, Event, FrameReceived, MessageSent, Observer, RmConnected, RmDisconnected

LARGEST_FRAME_BYTES = 2**20
PING_EVERY_S = 60.0
"""S2 forbids more often than every 50 s."""
SEND_WITHIN_S = 10.0
"""A resource manager that does not take a frame for this long is cut off."""
GOODBYE_WITHIN_S = 2.0
"""How long a resource manager may take to answer the end of the session and leave."""
CLOSE_WITHIN_S = 1.0
OPEN_WITHIN_S = 5.0
OUTBOX_LIMIT = 100
"""Answers waiting to be sent; while they are so many, nothing more is read."""

_SILENT = logging.Logger("s2d.cem.websockets", logging.CRITICAL + 1)
"""Bugs reach the caller of `serve` as exceptions; what else websockets reports is noise on a screen."""

T = TypeVar("T")


class CannotListen(S2dError):
    """An error: the server cannot listen where it was told to."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot listen on {self.host}:{self.port}: {self.reason}"


class CemAddress(NamedTuple):
    """The address on which the CEM listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class CemServer:
    """The CEM server at work; made by `serve`. To be used on its event loop only."""

    def __init__(
        self,
        *,
        control_type: ControlType,
        otherwise: Sequence[ControlType],
        clock: Clock,
        new_id: Callable[[], str],
        token: str | None,
        observers: Sequence[Observer],
    ) -> None:
        self.address = CemAddress("", 0)
        self.control_type = control_type
        self._otherwise = otherwise
        self._clock = clock
        self._new_id = new_id
        self._token = token
        self._observers = observers
        self._connections: list[_Connection] = []
        self._tasks = asyncio.TaskGroup()
        self._is_leaving = False
        self._changed = asyncio.Event()

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """With the resource managers connected, the longest connected first."""
        return tuple(connection.conversation for connection in self._connections)

    def find(self, to: str | None = None) -> Conversation:
        """The conversation *to* stands for: its number from 1, or how its name or resource id starts.

        Raises: CommandRefused: there is none, or None was given and there are several.
        """
        found = list(enumerate(self.conversations, 1))
        if not found:
            raise CommandRefused("no resource manager is connected")
        if to is not None:
            found = [each for each in found if str(each[0]) == to] or [
                each for each in found if _is_called(each[1], to)
            ]
        if len(found) == 1:
            return found[0][1]
        known = ", ".join(f"@{number} {each.name}" for number, each in enumerate(self.conversations, 1))
        what = "which resource manager?" if to is None or found else f'no resource manager "{to}" is connected;'
        raise CommandRefused(f"{what} There are {known}")

    def execute(self, command: Command, conversation: Conversation) -> Reply:
        """Carries out *command* in *conversation*.

        Raises: CommandRefused: it makes no sense now, or the resource manager is gone or does not listen.
        """
        connection = next((each for each in self._connections if each.conversation is conversation), None)
        if connection is None:
            raise CommandRefused(f"{conversation.name} is not connected any more")
        if connection.outbox.full():
            raise CommandRefused(f"{conversation.name} does not take what it is sent")
        reply = conversation.execute(command, self._clock())
        connection.send(reply.messages)
        self._wake_waiters()
        return reply

    async def until(self, found: Callable[[], T]) -> T:
        """What *found* returns once that is true; it is asked again after whatever happens on any connection."""
        while not (result := found()):
            await self._changed.wait()
        return result

    def _wake_waiters(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _notify_observers(self, event: Event) -> None:
        for observer in self._observers:
            observer(event)

    async def _accept(self, socket: websockets.ServerConnection) -> None:
        if self._is_leaving:
            return
        # In a task of our own group, for websockets only logs what goes wrong in its own.
        self._tasks.create_task(self._serve_connection(socket))
        await socket.wait_closed()

    async def _serve_connection(self, socket: websockets.ServerConnection) -> None:
        assert socket.request is not None
        conversation = Conversation(socket.request.path, self.control_type, self._new_id, self._otherwise)
        connection = _Connection(conversation)
        self._connections.append(connection)
        self._notify_observers(RmConnected(self._clock().utc, conversation))
        connection.send(conversation.open())
        self._wake_waiters()
        reason = ""
        try:
            async with connection.goodbye_timeout, asyncio.TaskGroup() as both:
                both.create_task(self._write(socket, connection))
                await self._read(socket, connection)
                await connection.outbox.put(None)
        except* ConnectionClosed:
            pass
        except* TimeoutError:
            reason = "it did not answer the end of the session" if conversation.is_ending else "it took no more frames"
        finally:
            self._connections.remove(connection)
            await socket.close()
            left = f"closed with code {socket.close_code} {socket.close_reason or ''}".rstrip()
            self._notify_observers(RmDisconnected(self._clock().utc, conversation, reason or left))
            self._wake_waiters()

    async def _read(self, socket: websockets.ServerConnection, connection: "_Connection") -> None:
        conversation = connection.conversation
        async for frame in socket:
            handled = conversation.receive(frame)
            self._notify_observers(FrameReceived(self._clock().utc, conversation, frame, handled.message))
            if handled.answers:
                await connection.outbox.put(handled.answers)
            self._wake_waiters()
            if conversation.is_over:
                break

    async def _write(self, socket: websockets.ServerConnection, connection: "_Connection") -> None:
        while (messages := await connection.outbox.get()) is not None:
            for message in messages:
                self._notify_observers(MessageSent(self._clock().utc, connection.conversation, message))
                self._wake_waiters()
                async with asyncio.timeout(SEND_WITHIN_S):
                    await socket.send(wire.encode(message), text=True)

    def _authorize(self, socket: websockets.ServerConnection, request: Request) -> Response | None:
        if self._token is None:
            return None
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(errors="replace"), f"Bearer {self._token}".encode()):
            return None
        reason = "a wrong token" if given else "no token"
        self._notify_observers(ConnectionRejected(self._clock().utc, request.path, reason))
        response = socket.respond(HTTPStatus.UNAUTHORIZED, f"{reason}\n")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    async def _end_sessions(self) -> None:
        """Ends all sessions and waits until the resource managers are gone, for as long as they may take."""
        self._is_leaving = True
        for connection in self._connections:
            conversation = connection.conversation
            if not (conversation.is_ending or conversation.is_over or connection.outbox.full()):
                connection.send(conversation.execute(Terminate(), self._clock()).messages)
        await self.until(lambda: not self._connections)


class _Connection:
    """A connection: its conversation, and the messages yet to be sent."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.outbox: asyncio.Queue[tuple[Tagged, ...] | None] = asyncio.Queue(OUTBOX_LIMIT)
        self.goodbye_timeout = asyncio.timeout(None)

    def send(self, messages: tuple[Tagged, ...]) -> None:
        self.outbox.put_nowait(messages)
        if self.conversation.is_ending:
            self.goodbye_timeout.reschedule(asyncio.get_running_loop().time() + GOODBYE_WITHIN_S)


@asynccontextmanager
async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    control_type: ControlType = ControlType.FILL_RATE_BASED_CONTROL,
    otherwise: Sequence[ControlType] = (),
    clock: Clock,
    new_id: Callable[[], str],
    token: str | None = None,
    observers: Sequence[Observer] = (),
    farewell: bool = True,
) -> AsyncGenerator[CemServer]:
    """A CEM while the context lasts; port 0 lets the system choose, `address` tells.

    *control_type* is selected wherever it is offered, elsewhere the first *otherwise* that is. With a *token*, who does
    not bear it is turned away. Leaving the context terminates all sessions; without *farewell*, or after an error, it
    only cuts the connections.

    Raises: CannotListen: the address is in use, not ours, or not allowed.
    """
    cem = CemServer(
        control_type=control_type,
        otherwise=otherwise,
        clock=clock,
        new_id=new_id,
        token=token,
        observers=observers,
    )
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            server = await websockets.serve(
                cem._accept,
                host,
                port,
                process_request=cem._authorize,
                max_size=LARGEST_FRAME_BYTES,
                ping_interval=PING_EVERY_S,
                close_timeout=CLOSE_WITHIN_S,
                open_timeout=OPEN_WITHIN_S,
                logger=_SILENT,
            )
    except TimeoutError as exc:
        raise CannotListen(host, port, "timed out") from exc
    except OSError as exc:
        reason = os.strerror(exc.errno).lower() if exc.errno and exc.errno > 0 else str(exc)
        raise CannotListen(host, port, reason) from exc
    try:
        async with cem._tasks:
            try:
                cem.address = CemAddress(host, server.sockets[0].getsockname()[1])
                yield cem
                if farewell:
                    await cem._end_sessions()
            finally:
                cem._is_leaving = True
                server.close()
                await server.wait_closed()
    except BaseExceptionGroup as exc:
        # Whoever uses the context wants to catch what went wrong, not a group of one.
        if len(exc.exceptions) > 1:
            raise
        raise exc.exceptions[0] from exc.exceptions[0].__cause__


def _is_called(conversation: Conversation, to: str) -> bool:
    names = (conversation.name, conversation.resource_id or "")
    return any(name.casefold().startswith(to.casefold()) for name in names)

"""The CEM of the suite: a real WebSocket server, which behaves like one of the CEMs in the field."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

from websockets.asyncio.server import Request, Response, ServerConnection, serve

from tests.chronicle import PATIENCE_S, Chronicle

from .connection import PingedConnection
from .profiles import Profile
from .rm import Rm
from .rows import Misspoke
from .said import Fault


class Cem:
    """The CEM at work, for any number of connections."""

    def __init__(self, profile: Profile, faults: list[Fault]) -> None:
        self.profile = profile
        self.port = 0
        self.rms: Chronicle[Rm] = Chronicle("connections of the RM", kind_of=id)
        self.requests: Chronicle[Request] = Chronicle("requests to connect", kind_of=id)
        self.faults = faults
        """What the RM said wrong, whatever it was asked."""
        self.joins_within_s = PATIENCE_S
        self.patience_s = PATIENCE_S
        """How long it waits for what an RM should say by and by."""
        self.answers_within_s = PATIENCE_S
        """How long for what is due at once. Ours shares a process with the suite, and is as late as that is busy."""
        self.turns_away_with: int | None = None
        """The HTTP status that whoever connects is answered with..."""
        self.turning_away_says: dict[str, str] = {}
        """...and further headers of that answer."""

    async def joined(self) -> Rm:
        """The next connection of the RM."""
        return await self.rms.next(lambda rm: True, "connection", self.joins_within_s)


@asynccontextmanager
async def serving(
    profile: Profile, sock: socket.socket, faults: list[Fault], ssl: SSLContext | None = None
) -> AsyncIterator[Cem]:
    """A CEM at work on *sock*, which adds to *faults* what the RM says wrong whatever it is asked."""
    cem = Cem(profile, faults)

    def admit(connection: ServerConnection, request: Request) -> Response | None:
        cem.requests.add(request)
        if not cem.turns_away_with:
            return None
        answer = connection.respond(cem.turns_away_with, "not now\n")  # type: ignore[arg-type]
        answer.headers.update(cem.turning_away_says)
        return answer

    async def serve_one(websocket: ServerConnection) -> None:
        assert isinstance(websocket, PingedConnection)
        rm = Rm(websocket, profile, cem.faults, cem.patience_s, cem.answers_within_s)
        cem.rms.add(rm)
        await rm.listen()

    async with serve(
        serve_one,
        sock=sock,
        ssl=ssl,
        process_request=admit,
        create_connection=PingedConnection,
        ping_interval=None,
        close_timeout=1.0,
    ):
        cem.port = sock.getsockname()[1]
        try:
            yield cem
        finally:
            for rm in cem.rms.all:
                rm.is_over()
    if cem.faults:
        raise Misspoke(f"{cem.faults[0].row.id}: {cem.faults[0].why}")


def listening(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A socket for `serving`. It names its protocol, for asyncio to send small messages without delay."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen()
    return sock

"""A link at work, and a WebSocket server that refuses, sends elsewhere, or takes what it is sent. Time is virtual."""

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import urlsplit

from websockets.asyncio.server import serve

from s2d.service.link import Link
from tests.fakes import FakeLog


class Server:
    """A WebSocket server that refuses, or takes and forgets; knows when it was asked."""

    def __init__(self, status=None, location=None, headers=()):
        self.asked_at = []
        self.asked_for = []
        self.location = location
        """Where it sends whoever asks for `/`."""
        self.frames = asyncio.Queue()
        self.connections = []
        self.status = status
        """What it refuses with; None while it takes whoever comes."""
        self.headers = headers
        """Of a refusal."""

    def admit(self, connection, request):
        self.asked_at.append(asyncio.get_running_loop().time())
        self.asked_for.append(request.path)
        if self.location and request.path == "/":
            self.location = self.location.format(port=connection.local_address[1])
            response = connection.respond(302, "")
            response.headers["Location"] = self.location
            return response
        if not self.status:
            return None
        response = connection.respond(self.status, "")
        for name, value in dict(self.headers).items():
            response.headers.pop(name, None)
            response.headers[name] = value
        return response

    async def serve(self, websocket):
        self.connections.append(websocket)
        async for frame in websocket:
            self.frames.put_nowait(frame)

    def waits_s(self):
        return [later - earlier for earlier, later in pairwise(self.asked_at)]


class Stage:
    def __init__(self, url, **settings):
        self.port = urlsplit(url).port
        self.told = []
        self.log = FakeLog()
        self.link = Link(url, take=self.take, log=self.log.logger, **settings)
        self._news = asyncio.Event()

    def take(self, event):
        self.told.append(event)
        self._news.set()

    async def hears(self, event):
        """Waits until there was an event of this type."""
        async with asyncio.timeout(3600):
            while not any(isinstance(told, event) for told in self.told):
                self._news.clear()
                await self._news.wait()
        return next(told for told in self.told if isinstance(told, event))


@asynccontextmanager
async def serving(server, port=0, ssl=None):
    """*server* at work; its URL."""
    settings = {"process_request": server.admit, "ping_interval": None, "ssl": ssl}
    async with serve(server.serve, "127.0.0.1", port, **settings) as listening:
        yield f"{'wss' if ssl else 'ws'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def linked(server, **settings):
    async with serving(server) as url, at_work(Stage(url, **settings)) as stage:
        yield stage


@asynccontextmanager
async def at_work(stage):
    async with asyncio.TaskGroup() as tasks:
        stage.running = tasks.create_task(stage.link.run())
        yield stage
        stage.running.cancel()

"""Connections by name: a dead address or a hanging name server holds up nobody but who has nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from threading import Event

import pytest
from websockets.asyncio.server import serve

from s2d.host.loop import run
from s2d.s2.effects import Connected
from s2d.service.link import Link
from s2d.tcp import NotConnected, connected, last_addresses, look_up
from tests.fakes import FakeLog

PATIENCE_S = 60.0


class NameServer:
    """A name server: what it says of each name, or an Event until which it says nothing."""

    def __init__(self) -> None:
        self.says: dict[str, list[str] | Event] = {}
        self.asked: list[str] = []
        self._ask = socket.getaddrinfo

    def getaddrinfo(self, host, port, *more):
        if host not in self.says:
            return self._ask(host, port, *more)
        self.asked.append(host)
        said = self.says[host]
        if isinstance(said, Event):
            said.wait(PATIENCE_S)
            said = self.says[host]
        if not said or isinstance(said, Event):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [info for address in said for info in self._ask(address, port, *more)]


@pytest.fixture
def names(monkeypatch) -> NameServer:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    return server


@asynccontextmanager
async def listening(address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """The port of a server at *address* that takes every connection."""
    async with await asyncio.start_server(lambda reader, writer: writer.close(), address, port) as server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def keeping_all_waiting(address: str, port: int) -> Iterator[None]:
    """A server whose queue is full, so that whoever connects hears nothing."""
    full = socket.create_server((address, port), backlog=0)
    waiting = [socket.socket() for _ in range(3)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex((address, port))
    try:
        yield
    finally:
        for each in (full, *waiting):
            each.close()


async def peer_of(host: str, port: int, within_s: float = PATIENCE_S) -> str:
    """The address at which *host* was reached."""
    connection = await connected(host, port, within_s)
    with connection.sock:
        return connection.sock.getpeername()[0]


async def failure(host: str, port: int, within_s: float) -> str:
    with pytest.raises(NotConnected) as caught:
        await connected(host, port, within_s)
    return str(caught.value)


async def test_the_next_address_is_tried_while_the_first_is_silent(names):
    names.says["two-homes.test"] = ["127.0.0.2", "127.0.0.1"]
    async with listening() as port:
        with keeping_all_waiting("127.0.0.2", port):
            assert await peer_of("two-homes.test", port) == "127.0.0.1"


async def test_the_next_address_is_tried_at_once_when_the_first_refuses(names):
    names.says["half-there.test"] = ["127.0.0.3", "127.0.0.1"]
    async with listening() as port:
        assert await peer_of("half-there.test", port) == "127.0.0.1"


async def test_a_failure_names_the_addresses_that_were_tried(names, port):
    names.says["dead.test"] = ["127.0.0.2", "127.0.0.3"]
    with keeping_all_waiting("127.0.0.2", port):
        told = await failure("dead.test", port, 0.6)
    assert told == "127.0.0.2: no answer within 0.6 s; 127.0.0.3: Connection refused"
    names.says["dead-too.test"] = ["127.0.0.3"]
    assert await failure("dead-too.test", port, PATIENCE_S) == "127.0.0.3: Connection refused"
    assert await failure("127.0.0.3", port, PATIENCE_S) == "Connection refused"


async def test_a_name_that_is_not_known_is_said_to_be_so(names, port):
    names.says["nobody.test"] = []
    assert await failure("nobody.test", port, PATIENCE_S) == "Name or service not known"
    assert last_addresses("nobody.test") == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%1"])
async def test_an_address_is_looked_up_by_nobody(names, host):
    names.says[host] = []
    assert await look_up(host) == ([host], None)
    assert names.asked == []


async def test_names_that_hang_hold_up_no_other_and_are_asked_for_once(names):
    answers = Event()
    hanging = [f"hanging-{number}.test" for number in range(40)]
    names.says |= dict.fromkeys(hanging, answers) | {"fine.test": ["127.0.0.1"]}
    async with listening() as port, asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(failure(name, port, 0.2)) for name in hanging for _ in range(3)]
        assert await peer_of("fine.test", port) == "127.0.0.1"
        told = {await each for each in waiting}
    assert told == {f"no answer within 0.2 s to what the address of {name} is" for name in hanging}
    assert sorted(names.asked) == sorted([*hanging, "fine.test"])
    answers.set()


@pytest.mark.parametrize("nothing", [list[str], Event], ids=["not known", "hanging"])
async def test_a_name_that_cannot_be_looked_up_is_what_it_was_last_and_in_doubt(names, nothing):
    name = f"moving-{nothing.__name__}.test"
    names.says[name] = ["127.0.0.1"]
    async with listening() as port:
        assert (await look_up(name)).doubted_since is None
        before = asyncio.get_running_loop().time()
        names.says[name] = silence = nothing()
        found = await look_up(name)
        assert found.addresses == ["127.0.0.1"]
        assert found.doubted_since is not None
        assert found.doubted_since >= before
        assert await look_up(name) == found  # since the same instant
        assert await peer_of(name, port) == "127.0.0.1"
        names.says[name] = ["127.0.0.1"]
        if isinstance(silence, Event):
            silence.set()
        async with asyncio.timeout(PATIENCE_S):
            while (await look_up(name)).doubted_since is not None:
                pass
        names.says[name] = ["127.0.0.5"]
        assert await look_up(name) == (["127.0.0.5"], None)  # anew with every connection


def test_on_our_event_loop_asyncios_own_means_wait_for_nobodys_name(names):
    answers = Event()
    hanging = [f"stuck-{number}.test" for number in range(40)]
    names.says |= dict.fromkeys(hanging, answers) | {"good.test": ["127.0.0.2", "127.0.0.1"]}

    async def connect() -> str:
        async with listening() as port, AsyncExitStack() as stack:
            for name in hanging:
                task = asyncio.create_task(asyncio.open_connection(name, port))
                stack.callback(task.cancel)
            _, writer = await asyncio.open_connection("good.test", port, family=socket.AF_INET)
            writer.close()
            with pytest.raises(OSError, match="Name or service not known"):
                await asyncio.open_connection("good.test", port, family=socket.AF_INET6)
            return writer.get_extra_info("peername")[0]

    assert run(connect()) == "127.0.0.1"
    answers.set()


def test_a_cem_is_reached_at_its_second_address_while_the_first_is_silent(names):
    names.says["cem.test"] = ["127.0.0.2", "127.0.0.1"]

    async def reached() -> None:
        is_reached = asyncio.Event()
        async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with keeping_all_waiting("127.0.0.2", port):
                take = {Connected: is_reached.set}
                link = Link(
                    f"ws://cem.test:{port}", take=lambda event: take.get(type(event), int)(), log=FakeLog().logger
                )
                running = asyncio.create_task(link.run())
                async with asyncio.timeout(PATIENCE_S):
                    await is_reached.wait()
                running.cancel()
                await asyncio.wait([running])

    run(reached())


def test_a_cem_that_is_nowhere_is_told_of_with_the_addresses_that_were_tried(names, port):
    names.says["cem.test"] = ["127.0.0.2", "127.0.0.3"]
    log = FakeLog()

    async def refused() -> None:
        running = asyncio.create_task(Link(f"ws://cem.test:{port}", take=lambda event: None, log=log.logger).run())
        async with asyncio.timeout(PATIENCE_S):
            while not log.lines:
                await asyncio.wait([running], timeout=0.01)
        running.cancel()
        await asyncio.wait([running])

    run(refused())
    assert log.lines[0]["reason"].endswith("(tried 127.0.0.2, 127.0.0.3)")

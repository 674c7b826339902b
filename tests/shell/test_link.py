"""The link: when it comes back, and what it notices, with a real WebSocket server in the same loop. Time is virtual."""

import asyncio
import gc
import socket
import warnings
from base64 import b64encode
from contextlib import asynccontextmanager, suppress
from hashlib import sha1

import pytest

from s2d.s2.effects import Connected, Disconnected, Pinged, Ponged, Received, ReconnectPolicy, ReconnectTerms
from s2d.s2.messages.common import EnergyManagementRole, Handshake, ReceptionStatus, ReceptionStatusValues
from s2d.s2.messages.wire import encode
from s2d.service.link import FRAME_LIMIT
from tests.fakes import FakeDisk, pass_s

from .link_stage import Server, Stage, at_work, linked, serving

pytestmark = pytest.mark.virtual_time

HELLO = Handshake(message_id="hello", role=EnergyManagementRole.RM, supported_protocol_versions=("0.0.2-beta",))

LONG_BYTES = 2**16
LONG = ReceptionStatus(subject_message_id="long", status=ReceptionStatusValues.OK, diagnostic_label="x" * LONG_BYTES)
FRAME_HEADER_BYTES = 14
CLOSE_FRAME, CLOSE_FRAME_BYTES = 0x88, 8
"""Spec: RFC 6455, 5.2 and 5.5.1."""


def welcome(request):
    """What a WebSocket server answers to who connects."""
    key = next(line[19:] for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
    accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


class Listener:
    """A peer that reads only when it is told to."""

    def __init__(self, sock):
        self._sock = sock

    def hears_at_once(self):
        """What has been sent, while nobody else has a turn."""
        self._sock.settimeout(60)
        try:
            return self._sock.recv(65536)
        finally:
            self._sock.setblocking(False)

    async def hears(self, size):
        """The next *size* bytes."""
        heard = bytearray()
        while len(heard) < size:
            heard += await asyncio.get_running_loop().sock_recv(self._sock, size - len(heard))
        return bytes(heard)


@asynccontextmanager
async def listened_to(**settings):
    """A link, and its peer that reads only when it is told to."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        async with at_work(Stage(f"ws://127.0.0.1:{listening.getsockname()[1]}", **settings)) as stage:
            sock, _ = await loop.sock_accept(listening)
            with sock:
                sock.setblocking(False)
                await loop.sock_sendall(sock, welcome(await loop.sock_recv(sock, 65536)))
                await stage.hears(Connected)
                yield stage, Listener(sock)


def kept_by_the_kernel():
    """How many bytes are on their way when a peer does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as sock:
        sock.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while True:
                sent += sock.send(bytes(LONG_BYTES))
    return sent


@pytest.mark.parametrize("status", [401, 403])
async def test_denied_it_waits_long_before_it_asks_again(status):
    server = Server(status)
    async with linked(server) as stage:
        await pass_s(3600)
        assert len(server.asked_at) >= 60
        assert all(29.9 < wait_s < 61 for wait_s in server.waits_s())
        assert stage.told == []
        assert stage.log.events() == ["link.denied"]


async def test_failing_it_asks_ever_more_rarely_but_at_least_every_minute():
    server = Server(503)
    async with linked(server) as stage:
        await pass_s(3600)
        assert all(wait_s < min(60, 2**attempt) + 0.5 for attempt, wait_s in enumerate(server.waits_s()))
        assert len(server.asked_at) < 400
        assert stage.log.events() == ["link.lost"]


async def test_without_its_token_it_does_not_even_ask(tmp_path):
    server = Server()
    async with linked(server, token_file=tmp_path / "missing") as stage:
        await pass_s(3600)
        assert server.asked_at == []
        assert stage.log.events() == ["link.denied"]
        assert len(stage.log.lines) < 130


async def test_without_its_ca_file_it_does_not_even_ask(tmp_path):
    async with at_work(Stage("wss://127.0.0.1:1", ca_file=tmp_path / "missing")) as stage:
        await pass_s(3600)
        assert stage.log.events() == ["link.denied"]
        assert len(stage.log.lines) < 130


async def test_a_disk_that_hangs_with_the_token_is_a_reason_and_holds_up_nothing_else(tmp_path):
    (path := tmp_path / "token").write_text("secret")
    server, disk = Server(), FakeDisk(is_hung=True)
    async with linked(server, token_file=path, files=disk) as stage:
        await pass_s(10)
        assert server.asked_at == []
        (told,) = [line for line in stage.log.lines if line["event"] == "link.lost" and line["level"] == "warning"]
        assert told["reason"].endswith("cannot be read: the disk did not answer within 2 s")
        disk.recover()
        await stage.hears(Connected)


async def test_a_token_is_read_anew_each_time(tmp_path):
    path = tmp_path / "token"
    server = Server()
    async with linked(server, token_file=path) as stage:
        await pass_s(100)
        path.write_text("s3cret\n")
        await stage.hears(Connected)
        assert server.connections[0].request.headers["Authorization"] == "Bearer s3cret"
        assert stage.log.events() == ["link.denied", "link.recovered"]


@pytest.mark.parametrize("written", ["", " \n", "two\nlines\n", "two words", "sécret", b"\xff", "line\x00end"])
async def test_a_token_that_cannot_be_borne_is_not_told_to_anybody(tmp_path, written):
    path = tmp_path / "token"
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    server = Server()
    async with linked(server, token_file=path) as stage:
        await pass_s(100)
        assert server.asked_at == []
        told = stage.log.lines[0]
        assert told["event"] == "link.denied"
        assert told["reason"] == f"the token file {path} does not hold one token: one line of visible ASCII characters"


async def test_it_is_sent_on_within_the_cem():
    server = Server(location="/elsewhere")
    async with linked(server) as stage:
        await stage.hears(Connected)
        assert server.asked_for == ["/", "/elsewhere"]


@pytest.mark.parametrize("to", ["ws://localhost:{port}/", "ws://127.0.0.1:1/", "wss://127.0.0.1:{port}/"])
async def test_it_is_not_sent_to_anybody_else(to):
    server = Server(location=to)
    async with linked(server) as stage:
        await pass_s(100)
        assert set(server.asked_for) == {"/"}
        (told, *_) = stage.log.lines
        assert told["event"] == "link.denied"
        there = server.location
        assert told["reason"] == f"the CEM sends us to {there}: if it is there now, say so under cem: url"


async def test_all_that_was_said_is_out_before_it_closes():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        for _ in range(3):
            stage.link.send(HELLO)
        stage.link.close(ReconnectPolicy.NEVER)
        await stage.running
        assert server.frames.qsize() == 3
        assert [type(event) for event in stage.told] == [Connected, Disconnected]
        assert not stage.link.is_connected


@pytest.mark.parametrize(
    ("back", "least_s", "most_s"), [(ReconnectPolicy.SOON, 0, 1.5), (ReconnectPolicy.LATE, 29.9, 61)]
)
async def test_after_a_close_it_comes_back_as_told(back, least_s, most_s):
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        stage.link.close(back)
        await stage.hears(Disconnected)
        stage.told.clear()
        await stage.hears(Connected)
        assert least_s <= server.waits_s()[0] <= most_s


async def test_what_was_not_sent_is_dropped_with_its_session():
    server = Server()
    async with linked(server) as stage:
        stage.link.send(HELLO)
        await stage.hears(Connected)
        stage.link.close(ReconnectPolicy.NEVER)
        await stage.running
        assert server.frames.qsize() == 0


async def test_frames_are_handed_on_as_they_came():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        for frame in ("one", b"two", ""):
            await server.connections[0].send(frame)
        await server.connections[0].close(1001, "restarting")
        gone = await stage.hears(Disconnected)
        assert stage.told[1:4] == [Received("one"), Received(b"two"), Received("")]
        assert gone.reason == "the CEM closed the connection with 1001: restarting"


async def test_a_connection_that_broke_is_said_to_have():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        server.connections[0].transport.abort()
        assert (await stage.hears(Disconnected)).reason == "the connection broke"


async def test_a_frame_that_is_too_long_ends_the_connection():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        await server.connections[0].send("x" * (FRAME_LIMIT + 1))
        assert (await stage.hears(Disconnected)).reason == f"the CEM sends a frame longer than {FRAME_LIMIT} bytes"


async def test_what_is_no_websocket_server_is_said_to_be_none():
    async def say_hello(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(say_hello, "127.0.0.1", 0) as mail:
        url = f"ws://127.0.0.1:{mail.sockets[0].getsockname()[1]}"
        async with at_work(Stage(url)) as stage:
            await pass_s(10)
    assert stage.log.lines[0]["reason"] == "what answers there is no WebSocket server"


async def test_a_peer_that_is_dead_is_noticed():
    async def answer_and_fall_silent(reader, writer):
        writer.write(welcome(await reader.readuntil(b"\r\n\r\n")))
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_server(answer_and_fall_silent, "127.0.0.1", 0) as silent:
        url = f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        async with at_work(Stage(url)) as stage:
            await stage.hears(Connected)
            connected_at = asyncio.get_running_loop().time()
            gone = await stage.hears(Disconnected)
            assert 50 <= asyncio.get_running_loop().time() - connected_at <= 90
            assert gone.reason == "the CEM answers no ping within 20 s"


async def test_a_peer_that_is_alive_is_kept():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        await pass_s(3605)
        assert [type(event) for event in stage.told] == [Connected, *[Pinged, Ponged] * 60]


async def test_once_settled_it_comes_back_quickly_again():
    server = Server(503)
    async with linked(server) as stage:
        await pass_s(3600)
        stage.link.come_back(ReconnectTerms(is_anew=True, within_s=None))
        server.asked_at.clear()
        await pass_s(130)
        waits_s = server.waits_s()
        assert len(waits_s) >= 3
        assert waits_s[0] < 1.5


async def test_frames_are_deflated_where_the_peer_can():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        stage.link.send(HELLO)
        assert "hello" in await server.frames.get()
        (websocket,) = server.connections
        assert [extension.name for extension in websocket.protocol.extensions] == ["permessage-deflate"]


async def test_what_is_said_leaves_before_anybody_else_has_a_turn():
    async with listened_to() as (stage, peer):
        stage.link.send(HELLO)
        assert len(peer.hears_at_once()) > 100


async def test_a_peer_that_reads_late_is_told_all_before_the_end():
    messages = kept_by_the_kernel() // LONG_BYTES + 8
    async with listened_to() as (stage, peer):
        for _ in range(messages):
            stage.link.send(LONG)
        stage.link.close(ReconnectPolicy.NEVER)
        await pass_s(20)
        await peer.hears(messages * (FRAME_HEADER_BYTES + len(encode(LONG))))
        assert (await peer.hears(CLOSE_FRAME_BYTES))[0] == CLOSE_FRAME
        await stage.running
        assert stage.log.events() == []


async def test_a_peer_that_does_not_read_is_given_up_after_a_while():
    messages = kept_by_the_kernel() // LONG_BYTES + 8
    async with listened_to() as (stage, _):
        for _ in range(messages):
            stage.link.send(LONG)
        await pass_s(29)
        assert stage.log.events() == []
        await pass_s(2)
        assert stage.log.events() == ["link.overflowed"]
        assert isinstance(stage.told[-1], Disconnected)


async def test_a_peer_that_does_not_read_is_given_up_when_too_much_waits_for_it(caplog):
    too_many = 2 * (kept_by_the_kernel() + 2**20) // LONG_BYTES
    async with listened_to() as (stage, _):
        for _ in range(too_many):
            stage.link.send(LONG)
        (told,) = [line for line in stage.log.lines if line["level"] == "warning"]
        assert told["event"] == "link.overflowed"
        assert 2**20 < told["unsent_bytes"] < 2**20 + 2 * LONG_BYTES
        assert caplog.records == []  # nobody else notices what is said after that
        await stage.hears(Disconnected)


async def test_a_link_that_is_cancelled_at_any_moment_leaves_no_socket_behind():
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        async with serving(Server()) as url:
            for turns in range(40):
                running = asyncio.create_task(Stage(url).link.run())
                for _ in range(turns):
                    await asyncio.sleep(0)
                running.cancel()
                await asyncio.wait([running])
                await pass_s(1.0)
        gc.collect()
    assert [str(each.message) for each in told] == []

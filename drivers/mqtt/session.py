"""MQTT session: one connection to a broker, from its CONNECT to its end; never used again.

MQTT 5 is spoken where the broker does, else 3.1.1. Spec: OASIS MQTT 5.0 and 3.1.1.
"""

import asyncio
import socket
import ssl
from asyncio import Future
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, Self

import aiomqtt
from aiomqtt import ProtocolVersion
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTT_ERR_SUCCESS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from s2d.driver import Doubt
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.tcp import NotConnected, connected

from ..payload.document import LONGEST
from .connection import Broker

CONNECTED_WITHIN_S = 5.0
ACKNOWLEDGED_WITHIN_S = 5.0
"""A broker that is silent for longer about what it was told is gone."""
KEEP_ALIVE_S = 15
TOPICS_AT_ONCE = 50
"""So many are subscribed to with one packet."""
_NO_SUBSCRIBERS = 0x10
_FAILURE = 0x80
_BAD_CREDENTIALS = (0x86, 0x87, 4, 5)
_OTHER_VERSION = (0x84, 1)


class SessionEnded(Exception):
    """A session has come to its end, or to nothing; *reason* is in words."""

    def __init__(self, reason: str, *, is_denied: bool = False, is_other_version: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_denied = is_denied
        """The broker knows us not, or will not have us: a human must act."""
        self.is_other_version = is_other_version
        """The broker may speak another version of MQTT."""


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """The inbox of a session: hands on what comes, where aiomqtt would make a task for each message."""

    handler: Callable[[aiomqtt.Message], None] = staticmethod(lambda message: None)

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self.handler(item)


class MqttSession:
    """A session with a broker, as one client."""

    def __init__(self, client: aiomqtt.Client, sock: socket.socket, doubt: Doubt | None, *, is_v5: bool) -> None:
        self.doubt = doubt
        self._client = client
        assert isinstance(client._queue, Inbox)
        self._inbox = client._queue
        self._sock = sock
        self._is_v5 = is_v5
        self._ended: str | None = None
        self._acknowledgements: dict[int, Future[int]] = {}
        # aiomqtt drops the reason with which a broker acknowledges.
        client._client.on_publish = self._on_publish

    @classmethod
    @asynccontextmanager
    async def opened(cls, broker: Broker, client_id: str, *, is_v5: bool) -> AsyncIterator[Self]:
        """A session that is up, until the context ends. Raises: SessionEnded: there is none."""
        try:
            plain, doubted_since = await connected(broker.host, broker.port, CONNECTED_WITHIN_S)
        except NotConnected as exc:
            raise SessionEnded(f"no connection to the broker at {broker.host}:{broker.port}: {exc.reason}") from exc
        sock = await _secured(plain, broker) if broker.is_tls else plain
        try:
            client = _client(broker, client_id, is_v5=is_v5)
        except (OSError, ValueError) as exc:
            sock.close()
            raise SessionEnded(f"password_file: {exc}", is_denied=True) from exc
        # So that names are looked up, and addresses tried, as everywhere; and nothing is left that connects later on.
        setattr(client._client, "_create_socket", lambda: sock)  # noqa: B010
        sock.settimeout(CONNECTED_WITHIN_S)
        is_up = False
        try:
            await client.__aenter__()
            is_up = True
        except aiomqtt.MqttError as exc:
            raise _not_opened(exc, is_v5=is_v5) from exc
        finally:
            if not is_up:
                _hang_up(client, sock)
        doubt = None if doubted_since is None else Doubt(doubted_since, broker.host)
        session = cls(client, sock, doubt, is_v5=is_v5)
        try:
            yield session
        finally:
            with suppress(aiomqtt.MqttError, OSError):
                async with asyncio.timeout(CONNECTED_WITHIN_S):
                    await client.__aexit__(None, None, None)
            _hang_up(client, sock)

    async def hear(self, handler: Callable[[aiomqtt.Message], None]) -> NoReturn:
        """Has *handler* take what the broker sends, at once, as long as there is a connection. Raises: SessionEnded."""
        self._inbox.handler = handler
        ended = self._client._disconnected
        await asyncio.wait([ended])
        raise SessionEnded(self._ended or _words(ended.exception()))

    def end(self, reason: str) -> None:
        """Hangs up, for *reason*."""
        self._ended = reason
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    async def subscribe(self, topics: Sequence[str]) -> Sequence[str]:
        """Has the broker send what is said on *topics*; those that it refuses. Raises: SessionEnded."""
        refused = []
        for first in range(0, len(topics), TOPICS_AT_ONCE):
            some = topics[first : first + TOPICS_AT_ONCE]
            try:
                codes = await self._client.subscribe([(topic, 0) for topic in some], timeout=ACKNOWLEDGED_WITHIN_S)
            except aiomqtt.MqttError as exc:
                raise SessionEnded(_words(exc)) from exc
            refused += [topic for topic, code in zip(some, codes, strict=True) if _number(code) >= _FAILURE]
        return refused

    async def publish(self, topic: str, payload: str, *, qos: int, is_kept: bool = False, expires_s: int = 0) -> None:
        """Says *payload*; with *qos* 1 the broker has taken it then.

        Raises: DeviceRefused: the broker may not pass it on. DeviceUnreachable: nobody listens to it. SessionEnded.
        """
        properties = None
        if self._is_v5 and expires_s and not is_kept:
            properties = _properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = expires_s
        info = self._client._client.publish(topic, payload, qos, is_kept, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise SessionEnded("the broker is gone")
        if not qos:
            return
        answer = self._acknowledgements[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
                reason = await answer
        except TimeoutError as exc:
            raise SessionEnded(
                f"the broker did not acknowledge what was said within {ACKNOWLEDGED_WITHIN_S:g} s"
            ) from exc
        finally:
            del self._acknowledgements[info.mid]
        if reason >= _FAILURE:
            raise DeviceRefused(f"the broker does not let us write to {topic}: {_reason_name(reason)}")
        if reason == _NO_SUBSCRIBERS:
            raise DeviceUnreachable(f"nobody listens on {topic}")

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        answer = self._acknowledgements.get(mid)
        if answer and not answer.done():
            answer.set_result(_number(reason))


async def _secured(sock: socket.socket, broker: Broker) -> ssl.SSLSocket:
    """TLS by *sock*, which is closed otherwise. Raises: SessionEnded: there is none, or none to trust."""

    def secure() -> ssl.SSLSocket:
        try:
            context = ssl.create_default_context(cafile=broker.ca_file)
            if broker.cert_file is not None:
                context.load_cert_chain(broker.cert_file, broker.key_file)
            sock.settimeout(CONNECTED_WITHIN_S)
            secured = context.wrap_socket(sock, server_hostname=broker.host, do_handshake_on_connect=False)
        except OSError:
            sock.close()
            raise
        try:
            secured.do_handshake()
        except OSError:
            secured.close()
            raise
        return secured

    securing = asyncio.get_running_loop().run_in_executor(None, secure)
    try:
        return await asyncio.shield(securing)
    except asyncio.CancelledError:
        securing.add_done_callback(lambda done: None if done.exception() else done.result().close())
        raise
    except ssl.SSLCertVerificationError as exc:
        raise SessionEnded(f"TLS: the broker is not trusted: {exc.verify_message}", is_denied=True) from exc
    except ssl.SSLError as exc:
        raise SessionEnded(f"TLS: {exc.reason or exc}", is_denied=True) from exc
    except TimeoutError as exc:
        raise SessionEnded(f"TLS: no answer within {CONNECTED_WITHIN_S:g} s") from exc
    except OSError as exc:
        raise SessionEnded(f"TLS: {exc}", is_denied=isinstance(exc, FileNotFoundError | PermissionError)) from exc


def _client(broker: Broker, client_id: str, *, is_v5: bool) -> aiomqtt.Client:
    """A new client. Raises: OSError, ValueError: the file of its password cannot be used, or is no text."""
    properties, password = None, None
    if is_v5:
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = LONGEST
    if broker.password_file is not None:
        password = Path(broker.password_file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=password,
        identifier=client_id,
        queue_type=Inbox,
        protocol=ProtocolVersion.V5 if is_v5 else ProtocolVersion.V311,
        clean_session=None if is_v5 else True,
        clean_start=True if is_v5 else MQTT_CLEAN_START_FIRST_ONLY,
        timeout=CONNECTED_WITHIN_S,
        keepalive=KEEP_ALIVE_S,
        properties=properties,
    )


def _properties(of: int) -> Properties:
    return Properties(of)  # type: ignore[no-untyped-call]


def _hang_up(client: aiomqtt.Client, sock: socket.socket) -> None:
    """Leaves nothing of *client*: aiomqtt lets one go on that was given up, and the loop watch its socket."""
    client._client._sock_close()
    if misc := client._misc_task:
        misc.cancel()
    sock.close()


def _not_opened(exc: aiomqtt.MqttError, *, is_v5: bool) -> SessionEnded:
    code = _number(exc.rc) if isinstance(exc, aiomqtt.MqttCodeError) and exc.rc is not None else None
    if code in _BAD_CREDENTIALS:
        return SessionEnded(f"the broker does not take who we say we are: {_words(exc)}", is_denied=True)
    return SessionEnded(f"no session: {_words(exc)}", is_other_version=is_v5 and code in (None, *_OTHER_VERSION))


def _number(code: Any) -> int:
    """The number of a reason, whatever the library makes of it."""
    return int(code.value) if isinstance(code, ReasonCode) else int(code)


def _reason_name(number: int) -> str:
    try:
        return str(ReasonCode(PacketTypes.PUBACK, identifier=number)).lower()
    except KeyError:
        return f"reason {number}"


def _words(exc: BaseException | None) -> str:
    """Why there is no session any more, for people: what the libraries say of a broken one tells nobody anything."""
    cause = exc.__cause__ or exc if exc else None
    if isinstance(cause, aiomqtt.MqttCodeError) and isinstance(cause.rc, ReasonCode) and cause.rc.value != _FAILURE:
        return str(cause.rc).lower()
    return str(cause) if cause and not isinstance(cause, aiomqtt.MqttError) else "the connection to the broker broke"

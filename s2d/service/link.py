"""The link, a task that keeps a WebSocket to the CEM: connects, carries frames both ways, comes back for ever.

It knows frames and nothing of what they mean. Events go to *take*, which is quick and never blocks.

Spec: S2 Connect 1.0, "Keepalive & heartbeat" (a ping no more often than every 50 s).
"""

import asyncio
import os
import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from logging import DEBUG
from math import inf
from pathlib import Path
from random import random
from ssl import SSLContext, SSLError
from typing import Any
from urllib.parse import urljoin, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import broadcast
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    SecurityError,
    WebSocketException,
)
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from .. import __version__
from ..backoff import Backoff
from ..config.cem_url import shown_url
from ..errors import LinkDenied, LinkError, LinkLost, StoreError
from ..host import clock
from ..host.disk import AtOnce, Disk, answer_of
from ..host.log import Logger
from ..host.regular_file import contents_of
from ..s2.effects import Connected, Disconnected, Event, Pinged, Ponged, Received, ReconnectPolicy, ReconnectTerms
from ..s2.messages.common import Message, Tagged
from ..s2.messages.wire import encode
from ..tcp import ATTEMPT_DELAY_S, is_address, last_addresses
from .frame_intake import A_SECOND, FrameIntake
from .tls import TlsContexts, why_no_tls

OPEN_WITHIN_S = 10.0
CLOSE_WITHIN_S = 2.0
SEND_WITHIN_S = 30.0
PING_EVERY_S = 60.0
PONG_WITHIN_S = 20.0
FRAME_LIMIT = 2**20
"""Largest frame taken, in bytes."""
UNSENT_LIMIT = 2**20
"""Most bytes that wait for a CEM that does not read; beyond it the connection is given up."""
UNREAD_LIMIT = 2**22
"""Most characters of frames that wait for their turn; beyond it the connection is not read for a moment."""
FRAMES_A_TURN = 16
"""So many are taken before others have a turn."""
_DEFLATE = ClientPerMessageDeflateFactory(
    server_max_window_bits=10, client_max_window_bits=10, compress_settings={"level": 1, "memLevel": 4}
)
"""Messages are short and alike, and their answers awaited: a larger window costs memory, and saves little."""
BACKOFF = Backoff(first_s=1.0, most_s=60.0)
RETRY_AFTER_AT_MOST_S = 300.0
"""A CEM that wants to be left alone for longer is asked after so long all the same."""
_REASONS_TOLD = 10
"""So many different reasons are told while the CEM is away."""
_WHY_WE_CLOSED = {
    1000: "we closed the connection",
    1008: f"the CEM sends more than {A_SECOND} messages a second",
    1002: "what the CEM sends is no WebSocket frame",
    1007: "what the CEM sends is no UTF-8",
    1009: f"the CEM sends a frame longer than {FRAME_LIMIT} bytes",
    1011: f"the CEM answers no ping within {PONG_WITHIN_S:g} s",
}
"""By the code that websockets closes with. Spec: RFC 6455, section 7.4.1."""


class _Connect(connect):
    """A connect that goes where it is sent within the same origin only: who may steer is the owner's word."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        place = _redirect(exc)
        if place is None:
            return exc
        target = _as_websocket(self.uri, place)
        if _origin(target) != _origin(self.uri):
            return LinkDenied(f"the CEM sends us to {shown_url(target)}: if it is there now, say so under cem: url")
        return target

    async def __aexit__(self, *raised: Any) -> None:
        ended = self.connection
        await super().__aexit__(*raised)
        # A cycle within websockets has it wait for the garbage collector, and most of its memory is for compressing.
        ended.protocol.extensions.clear()


class Link:
    """The link of one resource manager to its CEM."""

    def __init__(
        self,
        url: str,
        *,
        take: Callable[[Event], None],
        log: Logger,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        tls: TlsContexts | None = None,
        backoff: Backoff = BACKOFF,
        is_clock_synchronised: Callable[[], bool | None] = clock.is_synchronised,
        files: Disk = AtOnce(),  # noqa: B008 (immutable)
    ) -> None:
        """*tls* is what all links have in common; *files* waits for what is read before each connection."""
        self._url = url
        self._take = take
        self._log = log.bind(url=shown_url(url))
        self._token_file = token_file
        self._ca_file = ca_file
        self._tls = tls or TlsContexts()
        self._backoff = backoff
        self._is_clock_synchronised = is_clock_synchronised
        self._files = files
        self._attempt = 0
        self._within_s: float | None = None
        """The longest wait, unless the CEM refuses us."""
        self._is_flooded = False
        self._intake = FrameIntake()
        self._back = ReconnectPolicy.SOON
        self._ending: ReconnectPolicy | None = None
        self._is_pending = asyncio.Event()
        """Something is still to leave, or the connection is to end once all has left."""
        self._down_since = clock.now().mono
        self._told: set[tuple[str, str]] = set()
        """Why there is no connection: what was told loudly since there was none."""
        self._websocket: ClientConnection | None = None
        self._alive_until = inf

    @property
    def is_connected(self) -> bool:
        """Whether a close would be heard."""
        return self._websocket is not None

    def send(self, message: Tagged) -> None:
        """Sends *message* at once, behind those before it; one that cannot be sent is dropped with its session."""
        websocket = self._websocket
        if websocket is None or websocket.transport.is_closing():
            return
        if isinstance(message, Message):
            self._intake.owe()
        frame = encode(message).decode()
        broadcast([websocket], frame)  # the only way websockets has to send without waiting
        if self._log.is_enabled_for(DEBUG):
            self._log.debug("frame.sent", frame=frame)
        if unsent := websocket.transport.get_write_buffer_size():
            self._is_pending.set()
            if unsent > UNSENT_LIMIT:
                self._give_up(websocket)

    def close(self, back: ReconnectPolicy) -> None:
        """Ends the connection once everything sent before is out, and comes back as *back* says."""
        self._ending = back
        self._is_pending.set()

    def come_back(self, terms: ReconnectTerms) -> None:
        """Comes back on these *terms* from now on; who has flooded us does not choose them."""
        self._within_s = None if self._is_flooded else terms.within_s
        if terms.is_anew and not self._is_flooded:
            self._attempt = 0

    async def run(self) -> None:
        """Keeps connecting; returns only after a close that says never to come back."""
        while True:
            self._back, retry_after_s = ReconnectPolicy.SOON, 0.0
            self._alive_for(OPEN_WITHIN_S)
            try:
                await self._connect()
            except LinkError as exc:
                self._log_failure(exc)
                retry_after_s = exc.retry_after_s
                if isinstance(exc, LinkDenied):
                    self._back = ReconnectPolicy.LATE
            if self._back is ReconnectPolicy.NEVER:
                return
            # Of many who were told the same, each comes somewhat later than the one before.
            wait_s = max(self._wait_s(), retry_after_s * (1 + random() / 10))
            self._alive_for(wait_s)
            await clock.sleep(wait_s)

    @property
    def alive_until(self) -> float:
        """Until when, on the clock of the loop, its task may be silent; if it says nothing by then, it is hung."""
        return self._alive_until

    def _alive_for(self, seconds: float) -> None:
        self._alive_until = asyncio.get_running_loop().time() + seconds + SEND_WITHIN_S

    def _wait_s(self) -> float:
        wait_s = self._backoff.longest_s(random())
        if self._back is not ReconnectPolicy.LATE:
            wait_s = self._backoff.full_jitter_s(self._attempt, random())
            self._attempt += 1
        return wait_s if self._within_s is None else min(wait_s, self._within_s)

    async def _connect(self) -> None:
        """One connection, from its first frame to its last.

        Raises: LinkLost: it could not be made, or broke. LinkDenied: we are not welcome, or do not trust the peer.
        """
        headers, trust = await self._credentials()
        # asyncio loses the socket of a race that is cancelled as it is won; an address alone needs no race.
        is_race = not is_address(urlsplit(self._url).hostname or "")
        try:
            async with _Connect(
                self._url,
                additional_headers=headers,
                user_agent_header=f"s2d/{__version__}",
                ssl=trust,
                compression=None,
                extensions=[_DEFLATE],
                proxy=None,
                max_size=FRAME_LIMIT,
                open_timeout=OPEN_WITHIN_S,
                happy_eyeballs_delay=ATTEMPT_DELAY_S if is_race else None,
                close_timeout=CLOSE_WITHIN_S,
                ping_interval=None,
            ) as websocket:
                await self._carry(websocket)
        except InvalidStatus as exc:
            status, retry_after_s = exc.response.status_code, _retry_after_s(exc.response.headers, clock.now().utc)
            if status in (401, 403):
                what = f"the CEM refuses us with HTTP {status}: check cem: token_file"
                raise LinkDenied(what, retry_after_s=max(retry_after_s, self._backoff.most_s / 2)) from exc
            raise LinkLost(f"the CEM answers with HTTP {status}", retry_after_s=retry_after_s) from exc
        except SSLError as exc:
            raise why_no_tls(exc, urlsplit(self._url).hostname or "") from exc
        except (OSError, TimeoutError, WebSocketException) as exc:
            tried = ", ".join(last_addresses(urlsplit(self._url).hostname or ""))
            raise LinkLost(f"{_why(exc)} (tried {tried})" if tried else _why(exc)) from exc

    async def _carry(self, websocket: ClientConnection) -> None:
        if self._told:
            self._log.info("link.recovered", down_s=round(clock.now().mono - self._down_since, 1))
        self._told.clear()
        self._websocket = websocket
        self._alive_until = inf  # pings tell
        self._ending = None
        self._is_flooded = False
        self._intake = FrameIntake()
        self._is_pending.clear()
        reason = "the connection broke"
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self._carry_out(websocket))
                pinger = tasks.create_task(self._ping(websocket))
                self._take(Connected(_time_of(websocket), self._is_clock_synchronised()))
                reason = await self._carry_in(websocket)
                sender.cancel()
                pinger.cancel()
        except asyncio.CancelledError:
            websocket.transport.abort()  # a close would wait for a CEM that may not be reading
            raise
        finally:
            self._websocket = None
            self._alive_for(CLOSE_WITHIN_S)
            self._down_since = clock.now().mono
            self._take(Disconnected(reason))

    async def _carry_in(self, websocket: ClientConnection) -> str:
        """Hands every frame on, not too many at a time; returns why there are no more.

        It is read on while frames wait for their time: a pong may be behind them.
        """
        intake, loop, taken = self._intake, asyncio.get_running_loop(), 0
        try:
            while True:
                if intake.next_at <= loop.time():
                    self._take(Received(intake.take()))
                    taken += 1
                    # A burst is read without a pause: its answers would never leave, nor others have a turn.
                    is_much_unsent = websocket.transport.get_write_buffer_size() > UNSENT_LIMIT // 2
                    if taken % FRAMES_A_TURN == 0 or is_much_unsent:
                        await clock.sleep(0)
                    continue
                frame = await (websocket.recv() if intake.next_at == inf else _next(websocket, intake))
                if frame is None:
                    continue
                if self._log.is_enabled_for(DEBUG):
                    self._log.debug("frame.received", frame=str(frame))
                if not intake.put(frame, loop.time()):
                    self._is_flooded = True
                    self._log.warning("link.flooded", a_second=A_SECOND)
                    await websocket.close(1008, "too many messages")
                    return _WHY_WE_CLOSED[1008]
        except ConnectionClosed as exc:
            while intake.next_at < inf and not self._ending:
                await clock.sleep(intake.next_at - loop.time())
                self._take(Received(intake.take()))
            return _why_ended(exc)

    async def _ping(self, websocket: ClientConnection) -> None:
        """Finds out now and then whether somebody is there, and ends the connection if not."""
        try:
            while True:
                await clock.sleep(PING_EVERY_S)
                async with asyncio.timeout(PONG_WITHIN_S):
                    self._take(Pinged())
                    await (await websocket.ping())
                self._take(Ponged())
        except TimeoutError:
            await websocket.close(1011, "no pong")
        except ConnectionClosed:
            return  # the reader tells

    async def _carry_out(self, websocket: ClientConnection) -> None:
        """Sees to it that all that was sent leaves in time, and ends the connection when that is wanted."""
        try:
            while not self._ending:
                await self._is_pending.wait()
                self._is_pending.clear()
                async with asyncio.timeout(SEND_WITHIN_S):
                    await websocket.drain()
            self._back = self._ending
            await websocket.close()
        except TimeoutError:
            self._give_up(websocket)
        except OSError:
            return  # the reader tells

    def _give_up(self, websocket: ClientConnection) -> None:
        """Cuts off a CEM that does not read."""
        if not websocket.transport.is_closing():
            self._log.warning("link.overflowed", unsent_bytes=websocket.transport.get_write_buffer_size())
            websocket.transport.abort()

    def _log_failure(self, exc: LinkError) -> None:
        """Logs the first failure for each reason loudly, as long as there is no connection, the others quietly."""
        event = "link.denied" if isinstance(exc, LinkDenied) else "link.lost"
        if (event, exc.reason) in self._told or len(self._told) >= _REASONS_TOLD:
            self._log.debug(event, reason=exc.reason, attempt=self._attempt)
            return
        self._told.add((event, exc.reason))
        self._log.warning(event, reason=exc.reason)

    async def _credentials(self) -> tuple[dict[str, str], SSLContext | None]:
        """What shows the CEM who we are, and us who it is.

        Raises: LinkDenied: there is no use in it. LinkLost: the disk does not answer.
        """
        if self._token_file is None and not self._url.startswith("wss:"):
            return {}, None
        try:
            return await answer_of(self._files, self._read_credentials, "cem")
        except StoreError as exc:
            raise LinkLost(f"what shows who we are, or who the CEM is, cannot be read: {exc.reason}") from exc

    def _read_credentials(self) -> tuple[dict[str, str], SSLContext | None]:
        return self._headers(), self._tls.of(self._ca_file) if self._url.startswith("wss:") else None

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = contents_of(self._token_file).strip()
        except OSError as exc:
            raise LinkDenied(f"cannot read the token file {self._token_file}: {exc.strerror}") from exc
        if not re.fullmatch(rb"[!-~]+", token):
            needed = "one token: one line of visible ASCII characters"
            raise LinkDenied(f"the token file {self._token_file} does not hold {needed}")
        return {"Authorization": f"Bearer {token.decode()}"}


async def _next(websocket: ClientConnection, intake: FrameIntake) -> str | bytes | None:
    """The next frame that comes; None once the first in *intake* may be taken."""
    try:
        async with asyncio.timeout_at(intake.next_at):
            if intake.length > UNREAD_LIMIT:
                await asyncio.Event().wait()
            return await websocket.recv()
    except TimeoutError:
        return None


def _redirect(exc: Exception) -> str | None:
    """Where the CEM sends us; None if it does not."""
    if not isinstance(exc, InvalidStatus) or exc.response.status_code not in (300, 301, 302, 303, 307, 308):
        return None
    return next(iter(exc.response.headers.get_all("Location")), None)


def _as_websocket(url: str, place: str) -> str:
    """The URL that *place* is, seen from *url*. Many servers, and most proxies, only know what to call it for HTTP."""
    try:
        target = urljoin(url, place).partition("#")[0]
    except ValueError:
        return place
    scheme, colon, rest = target.partition(":")
    return {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme) + colon + rest


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Whom *url* leads to; None if it leads nowhere."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"ws": 80, "wss": 443}.get(parts.scheme)
    except ValueError:
        return None


def _retry_after_s(headers: Headers, now: datetime) -> float:
    """How long the CEM wants to be left alone, as far as we do that.

    Spec: RFC 9110, 10.2.3: seconds, or an instant, which is by the clock of who says it.
    """
    said = next(iter(headers.get_all("Retry-After")), "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said), RETRY_AFTER_AT_MOST_S)
    until, at = _instant(said), _instant(next(iter(headers.get_all("Date")), ""))
    if until is None:
        return 0.0
    return min(max(0.0, (until - (at or now)).total_seconds()), RETRY_AFTER_AT_MOST_S)


def _instant(written: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo else None


def _time_of(websocket: ClientConnection) -> datetime | None:
    """What time it is by the answer of the CEM's server; None if that does not say. Spec: RFC 9110, section 6.6.1."""
    dates = websocket.response.headers.get_all("Date") if websocket.response else ()
    return _instant(next(iter(dates), ""))


def _why_ended(exc: ConnectionClosed) -> str:
    if exc.sent is not None and not exc.rcvd_then_sent:
        return _WHY_WE_CLOSED.get(exc.sent.code, f"we closed the connection with {exc.sent.code}")
    if exc.rcvd is not None:
        said = f": {exc.rcvd.reason}" if exc.rcvd.reason else ""
        return f"the CEM closed the connection with {exc.rcvd.code}{said}"
    return "the connection broke"


def _why(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {OPEN_WITHIN_S:g} s"
    # asyncio words a refused connection by its number; names that are not known have numbers below 0.
    if isinstance(exc, OSError) and exc.errno is not None and exc.errno > 0:
        return os.strerror(exc.errno)
    if isinstance(exc, OSError) and str(exc).startswith("Multiple exceptions"):  # asyncio's, of several addresses
        return "nobody takes the connection"
    if isinstance(exc, InvalidURI):
        return "the CEM sends us to what is no URL"
    if type(exc) is SecurityError:
        return "the CEM sends us from one place to the next"
    if isinstance(exc, InvalidHandshake):
        return "what answers there is no WebSocket server"
    if isinstance(exc, ConnectionError):
        return "the CEM hangs up before there is a connection"
    return str(exc) or type(exc).__name__

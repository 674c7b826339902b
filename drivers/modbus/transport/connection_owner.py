"""Connection owner: the connection to one endpoint, made when it is needed, with one request on its way at a time.

A late response is never taken for the next one. Over TCP its number says what it responds to, and where that is not
relied on, the connection is given up after a silence; a serial line is listened to until it is silent. What nobody
waits for is thrown away before each request. A request is sent twice only if it is the first on a new connection, if
its response was garbled, or if the connection had been used before and ended without a byte in response.
"""

import asyncio
import errno
import os
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from s2d.driver import Doubt
from s2d.errors import DeviceUnreachable
from s2d.tcp import NotConnected

from ..connection import ModbusConnection
from .byte_stream import ByteStream, SerialStream, TcpStream
from .framing import ANSWERS_FOR_ALL, FrameOddity, Framing, Misfit, RtuFraming, TcpFraming, shown_bytes
from .refusals import ForeignResponse, Silent
from .request import Request
from .unit_backoff import UnitBackoff

_CONNECT_TIMEOUT_S = 3.0
_BELIEVED_S = 60.0
"""So long it is believed that a device is where it was, also with those who hang up after each answer."""
_LISTEN_S = 0.3
"""Longest wait for a serial line to be silent; somebody who talks for ever is no reason to ask nothing."""
_LINGER_S = 0.2
"""How long after an unanswered first request its response may still come."""
_HARD_BEHIND = 2
"""The next response of a unit comes within so many times as long as it usually takes."""
_PIECES_WITHIN_S = 0.05
"""Between the pieces in which adapters hand a response over."""
_SILENCES = 2
"""So many in a row end a TCP connection: its far end may have gone unnoticed."""
_IDLE_S = 30.0
"""After so long without a word a single silence ends it: what translates addresses on the way may have forgotten it."""
_SAME_ADAPTER_S = 1.0
"""An adapter that hangs up and is connected to anew within this time has not been exchanged."""
_FRAME_BYTES = 3
"""Unit and checksum round what is said on a serial line."""


class Response(NamedTuple):
    """The response of a unit, and how long it took to respond, wire time not counted."""

    pdu: bytes
    turnaround_s: float
    is_proper: bool = True
    """It is a normal or exception response as Modbus has them."""


class ConnectionOwner:
    """The owner of the connection to one Modbus TCP server or RTU line."""

    def __init__(self, connection: ModbusConnection) -> None:
        self._to = connection
        self._loop = asyncio.get_running_loop()
        self._stream: ByteStream | None = None
        self._framing: Framing = TcpFraming()
        self._connections = 0
        self._connected_at = 0.0
        self._is_fresh = False
        """Nothing has been asked on this connection yet."""
        self._is_known = False
        """It has been understood before."""
        self._silences = 0
        """In a row."""
        self.is_line_mute = False
        """Nothing at all was heard of the last request."""
        self._used_at = float("-inf")
        """When something was last sent or answered."""
        self._rest_s = 0.0
        """How long the unit asked last wants it to be silent afterwards."""
        self._backoff = UnitBackoff()
        self._why_not_connected = ""
        self._believed: Doubt | None = None
        self._believed_until = 0.0

    @property
    def number(self) -> int | None:
        """Another for each connection that was made; None while there is none."""
        return None if self._stream is None or self._stream.is_lost else self._connections

    @property
    def doubt(self) -> Doubt | None:
        """Why it may be another device that answers, unless that was judged not long ago."""
        doubt = self._stream.doubt if self._stream else None
        return doubt if doubt != self._believed or self._loop.time() >= self._believed_until else None

    def judge(self, doubt: Doubt, *, is_device: bool) -> None:
        """Takes down whether it is the device all the same; if not, hangs up."""
        if is_device:
            self._believed, self._believed_until = doubt, self._loop.time() + _BELIEVED_S
        else:
            self.close()

    @property
    def is_echoing(self) -> bool | None:
        """Whether what is sent to a line is heard on it; None where nothing has shown that on this connection yet."""
        return None if self.number is None else self._framing.is_echoing

    @property
    def frame_oddities(self) -> Sequence[FrameOddity]:
        """What is odd about the frames on this connection."""
        return self._framing.oddities

    @contextmanager
    def trusted_line(self) -> Iterator[None]:
        """While it lasts, the line is taken for one that does not echo, as it was mute."""
        framing = self._framing
        framing.is_echoing = False
        try:
            yield
        finally:
            framing.is_echoing = framing.is_echoing or None

    async def exchange(self, request: Request, of: ModbusConnection, timeout_s: float) -> Response:
        """The response of the unit *of* to *request* within *timeout_s*, beside the time on the wire.

        Raises: Silent: no response. ForeignResponse: another one. DeviceUnreachable: no connection.
        """
        while True:
            stream = await self._ready(of)
            if request.is_write and self.doubt:
                raise DeviceUnreachable(f"{self._to.host} cannot be looked up, and may not be where it was")
            is_fresh, self._is_fresh = self._is_fresh, False
            try:
                response = await self._exchange_on(stream, request, of, timeout_s, is_fresh=is_fresh)
            except OSError as exc:
                self.close()
                if is_fresh or stream.received or self._to.serial:
                    raise DeviceUnreachable(self._why_lost()) from exc
            else:
                self._silences = 0
                self._is_known = True
                self.is_line_mute = False
                return response

    def keep_silent(self, for_s: float) -> None:
        """Lets so long pass before the next request."""
        self._rest_s = max(self._rest_s, for_s)

    def let_pass(self, usual_s: float) -> None:
        """Before the next request, lets everything pass that a unit may still say which takes *usual_s* to respond.

        Only on a serial line: through TCP a response says what it responds to.
        """
        if self._to.is_rtu:
            self.keep_silent(max(_LINGER_S, _HARD_BEHIND * usual_s))

    def close(self) -> None:
        """Hangs up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _exchange_on(
        self, stream: ByteStream, request: Request, of: ModbusConnection, timeout_s: float, *, is_fresh: bool
    ) -> Response:
        """Raises: Silent, ForeignResponse: as `exchange`. OSError: the connection ended."""
        idle_s = self._loop.time() - max(self._used_at, self._connected_at)
        found = await self._exchange_once(stream, request, of, timeout_s)
        is_told_apart = self._to.is_rtu or of.is_number_checked
        is_unheard = is_fresh and is_told_apart and found is None and not stream.received
        if is_unheard or (isinstance(found, Misfit) and found.is_garbled):
            if is_unheard:
                self.keep_silent(_LINGER_S)
            await self._wait_for_silence(stream, of)
            found = await self._exchange_once(stream, request, of, timeout_s)
            if is_unheard and isinstance(found, Response):
                self.let_pass(found.turnaround_s)
        if isinstance(found, Response):
            return found
        if found and not self._to.is_rtu and found.why:
            if found.is_hopeless:
                self.close()
            raise ForeignResponse(f"no proper answer from {of.place}: {found.why}", found.remedy)
        raise self._no_response(stream, of, timeout_s, found, is_idle=idle_s > _IDLE_S)

    async def _exchange_once(
        self, stream: ByteStream, request: Request, of: ModbusConnection, timeout_s: float
    ) -> Response | Misfit | None:
        """The response, or what came instead of it; None for nothing that is worth a word.

        Raises: OSError: the connection ended.
        """
        asked_at = self._loop.time()
        self._rest_s = of.silence_s
        self._framing.discard(stream.received)
        try:
            stream.send(self._framing.encode(request, is_number_checked=of.is_number_checked))
            found = await self._heard(stream, timeout_s + self._travel_s(request, request.response_size))
        finally:
            self._used_at = self._loop.time()
        pdu = found.pdu if isinstance(found, Misfit) else found
        if pdu is None:
            assert not isinstance(found, bytes)
            return found
        turnaround_s = max(0.0, self._used_at - asked_at - self._travel_s(request, len(pdu)))
        return Response(pdu, turnaround_s, is_proper=isinstance(found, bytes))

    async def _heard(self, stream: ByteStream, within_s: float) -> bytes | Misfit | None:
        """The response, or what comes instead, as soon as there is a pause behind it; None for nothing.

        Raises: OSError: the connection ended.
        """
        framing, received = self._framing, stream.received
        try:
            async with asyncio.timeout(within_s):
                while (pdu := framing.extract(received)) is None:
                    if received and not await _goes_on(stream):
                        if misfit := framing.misfit(received):
                            return misfit
                        await stream.arrival()
                    elif not received:
                        await stream.arrival()
        except TimeoutError:
            return framing.misfit(received, is_final=True)
        return pdu

    async def _ready(self, of: ModbusConnection) -> ByteStream:
        """The connection, silent and still there, so that *of* may be asked.

        Raises: DeviceUnreachable: there is none.
        """
        stream = await self._connected()
        await self._wait_for_silence(stream, of)
        if stream.is_lost:  # while we waited
            stream = await self._connected()
            await self._wait_for_silence(stream, of)
        return stream

    async def _wait_for_silence(self, stream: ByteStream, of: ModbusConnection) -> None:
        """Waits until the unit may be asked, and on a serial line until nobody talks."""
        gap_s = max(of.silence_s, self._rest_s)
        listened_until = self._loop.time() + gap_s + _LISTEN_S
        warm_at = self._connected_at + of.warm_up_s
        while True:
            quiet_at = max(self._used_at, min(stream.heard_at, listened_until)) + gap_s
            wait_s = max(quiet_at, warm_at) - self._loop.time()
            if wait_s <= 0:
                break
            await asyncio.sleep(wait_s)

    def _travel_s(self, request: Request, response_size: int) -> float:
        """How long request and response are on their way."""
        if not self._to.is_rtu:
            return 0.0
        return (len(request.pdu) + response_size + 2 * _FRAME_BYTES) * self._to.line.character_s

    async def _connected(self) -> ByteStream:
        if self._stream is not None and not self._stream.is_lost:
            return self._stream
        self.close()
        if self._backoff.left_s(self._loop.time()):
            raise DeviceUnreachable(self._why_not_connected)
        to = self._to
        try:
            if to.serial is not None:
                stream: ByteStream = SerialStream(to.serial, to.line)
            else:
                stream = await TcpStream.opened(str(to.host), to.port, _CONNECT_TIMEOUT_S)
        except NotConnected as exc:
            raise self._not_connected(exc.reason) from exc
        except (OSError, ValueError, termios.error) as exc:
            raise self._not_connected(_why_not_opened(exc)) from exc
        self._backoff.succeed()
        self._framing = RtuFraming(is_echoing=self._known_echo) if to.is_rtu else TcpFraming(is_known=self._is_known)
        self._stream, self._is_fresh, self._silences = stream, True, 0
        self._connections += 1
        self._connected_at = self._loop.time()
        return stream

    @property
    def _known_echo(self) -> bool | None:
        """Whether the line that is about to be opened echoes, where that was seen just before."""
        is_same = self._to.host is not None and self._loop.time() - self._used_at < _SAME_ADAPTER_S
        return self._framing.is_echoing if is_same else None

    def _no_response(
        self, stream: ByteStream, of: ModbusConnection, timeout_s: float, found: Misfit | None, *, is_idle: bool
    ) -> Silent:
        self._silences += 1
        self.is_line_mute = not stream.received and not self._framing.is_echoing
        heard = shown_bytes(stream.received)
        is_echo_alone = self._framing.is_echoing and not heard
        if self._to.host is not None and (is_idle or self._silences >= _SILENCES or not self._tells_apart(of)):
            self.close()
        if found and found.why:
            return Silent(f"no proper answer from {of.place}: {found.why}", found.remedy)
        if heard and self._to.is_rtu:
            return Silent(
                f"no proper answer from {of.place}: what was heard is no frame of its, {heard}; "
                "check the line, and that no two units have one number"
            )
        why = f"no answer from {of.place} within {timeout_s:g} s"
        if heard:
            why += f", but {heard}, which is none"
        if is_echo_alone:
            why += "; all that was heard is what was sent, as the adapter hears itself"
        return Silent(why)

    def _tells_apart(self, of: ModbusConnection) -> bool:
        """Whether a late response of *of* would be known for one; on a line the bus and silence see to that."""
        return self._to.is_rtu or (of.is_number_checked and of.unit not in ANSWERS_FOR_ALL)

    def _not_connected(self, why: str) -> DeviceUnreachable:
        self._backoff.fail(self._loop.time())
        verb = "open" if self._to.serial else "connect to"
        self._why_not_connected = f"cannot {verb} {self._to.endpoint}: {why}"
        return DeviceUnreachable(self._why_not_connected)

    def _why_lost(self) -> str:
        if self._to.serial:
            return f"the serial port {self._to.endpoint} went away; was the adapter unplugged?"
        if self._is_known:
            return f"{self._to.endpoint} closed the connection without an answer"
        return f"{self._to.endpoint} closed the connection; if this repeats, is another Modbus client connected to it?"


async def _goes_on(stream: ByteStream) -> bool:
    """Whether more is received, before a pause that no adapter makes within a response.

    Raises: OSError: the connection ended.
    """
    try:
        async with asyncio.timeout(_PIECES_WITHIN_S):
            await stream.arrival()
    except TimeoutError:
        return False
    return True


def _why_not_opened(exc: Exception) -> str:
    why = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else str(exc)
    match exc:
        case OSError(errno=errno.EACCES | errno.EPERM):
            return f"{why}; may this user use serial ports (group dialout)?"
        case OSError(errno=errno.EAGAIN | errno.EBUSY):
            return "another program has it open"
    return why

"""Connection owner: the connection to one endpoint, made when it is needed, with one request on its way at a time.

Over TCP it hangs up after anything but a proper response; a serial line it listens to until that is silent. So a late
response is never taken for the next one. A request is sent twice only if it is the first on a new connection, or if its
response was garbled.
"""

import asyncio
import errno
import os
import termios
from typing import NamedTuple

from s2d.errors import DeviceUnreachable
from s2d.tcp import NotConnected

from ..connection import ModbusConnection
from .byte_stream import ByteStream, SerialStream, TcpStream
from .framing import Framing, FramingError, RtuFraming, TcpFraming
from .refusals import Silent
from .request import Request
from .unit_backoff import UnitBackoff

_CONNECT_TIMEOUT_S = 3.0
_LISTEN_S = 0.3
"""Longest wait for a serial line to be silent; somebody who talks for ever is no reason to ask nothing."""
_LINGER_S = 0.2
"""How long after an unanswered first request its response may still come."""
_HARD_BEHIND = 2
"""The next response of a unit comes within so many times as long as it usually takes."""
_PIECES_WITHIN_S = 0.05
"""Between the pieces in which adapters hand a response over."""
_SILENCES = 2
"""So many in a row end a connection that only passes a serial line on: its far end may have gone unnoticed."""
_FRAME_BYTES = 3
"""Unit and checksum round what is said on a serial line."""
_SHOWN_BYTES = 12
"""Of what was heard instead of a response."""


class Response(NamedTuple):
    """The response of a unit, and how long it took to respond, wire time not counted."""

    pdu: bytes
    turnaround_s: float


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
        self._silences = 0
        """In a row."""
        self._used_at = float("-inf")
        """When something was last sent or answered."""
        self._rest_s = 0.0
        """How long the unit asked last wants it to be silent afterwards."""
        self._backoff = UnitBackoff()
        self._why_not_connected = ""

    @property
    def number(self) -> int | None:
        """Another for each connection that was made; None while there is none."""
        return None if self._stream is None or self._stream.is_lost else self._connections

    async def exchange(self, request: Request, of: ModbusConnection, timeout_s: float) -> Response:
        """The response of the unit *of* to *request* within *timeout_s*, beside the time on the wire.

        Raises: Silent: no response. DeviceUnreachable: no connection, or no proper response.
        """
        stream = await self._connected()
        is_fresh, self._is_fresh = self._is_fresh, False
        try:
            try:
                response = await self._exchange_once(stream, request, of, timeout_s)
            except TimeoutError:
                self._framing.give_up()
                is_unheard = is_fresh and not stream.received
                if not is_unheard and not self._framing.is_garbled(stream.received):
                    raise
                if is_unheard:
                    self._rest_s = max(self._rest_s, _LINGER_S)
                response = await self._exchange_once(stream, request, of, timeout_s)
                if is_unheard:
                    self.let_pass(response.turnaround_s)
        except TimeoutError as exc:
            raise self._no_response(stream, of, timeout_s) from exc
        except OSError as exc:
            self.close()
            raise DeviceUnreachable(self._why_lost()) from exc
        except FramingError as exc:
            self.close()
            raise DeviceUnreachable(f"no proper answer from {of.place}: {exc}") from exc
        self._silences = 0
        return response

    def let_pass(self, usual_s: float) -> None:
        """Before the next request, lets everything pass that a unit may still say which takes *usual_s* to respond.

        Only on a serial line: through TCP a response says what it responds to.
        """
        if self._to.is_rtu:
            self._rest_s = max(self._rest_s, _LINGER_S, _HARD_BEHIND * usual_s)

    def close(self) -> None:
        """Hangs up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _exchange_once(
        self, stream: ByteStream, request: Request, of: ModbusConnection, timeout_s: float
    ) -> Response:
        """Raises: TimeoutError: no response. OSError: the connection ended. FramingError: no response to that."""
        await self._wait_for_silence(stream, of)
        asked_at = self._loop.time()
        self._rest_s = of.silence_s
        try:
            stream.send(self._framing.encode(request))
            async with asyncio.timeout(timeout_s + self._travel_s(request, request.response_size)):
                while (pdu := self._framing.extract(stream.received)) is None:
                    is_over = self._framing.is_garbled(stream.received)
                    async with asyncio.timeout(_PIECES_WITHIN_S if is_over else None):
                        await stream.arrival()
        finally:
            self._used_at = self._loop.time()
        return Response(pdu, max(0.0, self._used_at - asked_at - self._travel_s(request, len(pdu))))

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
        if self._to.is_rtu:
            stream.received.clear()

    def _travel_s(self, request: Request, response_size: int) -> float:
        """How long request and response are on their way."""
        if not self._to.is_rtu:
            return 0.0
        return (len(request.pdu) + response_size + 2 * _FRAME_BYTES) * self._to.line.character_s

    async def _connected(self) -> ByteStream:
        if self._stream is not None and not self._stream.is_lost and (self._to.is_rtu or not self._stream.received):
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
        self._framing = RtuFraming() if to.is_rtu else TcpFraming()
        self._stream, self._is_fresh, self._silences = stream, True, 0
        self._connections += 1
        self._connected_at = self._loop.time()
        return stream

    def _no_response(self, stream: ByteStream, of: ModbusConnection, timeout_s: float) -> Silent:
        self._silences += 1
        received = bytes(stream.received[:_SHOWN_BYTES])
        if not self._to.is_rtu or (self._to.host is not None and self._silences >= _SILENCES):
            self.close()
        if received and self._to.is_rtu:
            return Silent(
                f"no proper answer from {of.place}: what was heard is no frame of its, {received.hex(' ')}; "
                "check the line, and that no two units have one number"
            )
        return Silent(f"no answer from {of.place} within {timeout_s:g} s")

    def _not_connected(self, why: str) -> DeviceUnreachable:
        self._backoff.fail(self._loop.time())
        verb = "open" if self._to.serial else "connect to"
        self._why_not_connected = f"cannot {verb} {self._to.endpoint}: {why}"
        return DeviceUnreachable(self._why_not_connected)

    def _why_lost(self) -> str:
        if self._to.serial:
            return f"the serial port {self._to.endpoint} went away; was the adapter unplugged?"
        return f"{self._to.endpoint} closed the connection; if this repeats, is another Modbus client connected to it?"


def _why_not_opened(exc: Exception) -> str:
    why = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else str(exc)
    match exc:
        case OSError(errno=errno.EACCES | errno.EPERM):
            return f"{why}; may this user use serial ports (group dialout)?"
        case OSError(errno=errno.EAGAIN | errno.EBUSY):
            return "another program has it open"
    return why

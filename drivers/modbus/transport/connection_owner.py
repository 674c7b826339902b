"""The way to an endpoint: connected when it is needed, silent when it has to be, one question at a time.

Over TCP it hangs up after anything but a proper answer; a serial line it listens to until that is silent. So a late
answer is never taken for the next one. A question is asked twice only if it is the first on a new connection, or if the
answer was garbled.
"""

import asyncio
import errno
import os
import termios
from typing import NamedTuple

from s2d.errors import DeviceUnreachable

from ..connection import ModbusConnection
from .byte_stream import SerialWire, TcpWire, Wire
from .framing import Frames, RtuFrames, Strange, TcpFrames
from .refusals import Silent
from .request import Request
from .unit_backoff import Patience

_CONNECT_TIMEOUT_S = 3.0
_LISTEN_S = 0.3
"""Longest wait for a serial line to be silent; somebody who talks for ever is no reason to ask nothing."""
_LINGER_S = 0.2
"""How long after an unanswered first question its answer may still come."""
_HARD_BEHIND = 2
"""The next answer of a unit comes within so many times as long as it usually takes."""
_PIECES_WITHIN_S = 0.05
"""Between the pieces in which adapters hand an answer over."""
_SILENCES = 2
"""So many in a row end a connection that only passes a serial line on: its far end may have gone unnoticed."""
_FRAME_BYTES = 3
"""Unit and checksum round what is said on a serial line."""
_SHOWN_BYTES = 12
"""Of what was heard instead of an answer."""


class Answered(NamedTuple):
    """What a unit said, and how long it took to say so, wire time not counted."""

    pdu: bytes
    turnaround_s: float


class Channel:
    """A connection to a Modbus TCP server or an RTU line."""

    def __init__(self, connection: ModbusConnection) -> None:
        self._to = connection
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._frames: Frames = TcpFrames()
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
        self._patience = Patience()
        self._why_not_connected = ""

    @property
    def number(self) -> int | None:
        """Another for each connection that was made; None while there is none."""
        return None if self._wire is None or self._wire.is_lost else self._connections

    async def ask(self, request: Request, of: ModbusConnection, timeout_s: float) -> Answered:
        """What the unit *of* answers to *request* within *timeout_s*, beside the time on the wire.

        Raises: Silent: no answer. DeviceUnreachable: no connection, or no proper answer.
        """
        wire = await self._connected()
        is_fresh, self._is_fresh = self._is_fresh, False
        try:
            try:
                answered = await self._exchange(wire, request, of, timeout_s)
            except TimeoutError:
                self._frames.give_up()
                is_unheard = is_fresh and not wire.received
                if not is_unheard and not self._frames.is_garbled(wire.received):
                    raise
                if is_unheard:
                    self._rest_s = max(self._rest_s, _LINGER_S)
                answered = await self._exchange(wire, request, of, timeout_s)
                if is_unheard:
                    self.let_pass(answered.turnaround_s)
        except TimeoutError as exc:
            raise self._unanswered(wire, of, timeout_s) from exc
        except OSError as exc:
            self.close()
            raise DeviceUnreachable(self._lost()) from exc
        except Strange as exc:
            self.close()
            raise DeviceUnreachable(f"no proper answer from {of.place}: {exc}") from exc
        self._silences = 0
        return answered

    def let_pass(self, usual_s: float) -> None:
        """Before the next question, lets everything pass that a unit may still say which takes *usual_s* to answer.

        Only on a serial line: through TCP an answer says what it answers.
        """
        if self._to.is_rtu:
            self._rest_s = max(self._rest_s, _LINGER_S, _HARD_BEHIND * usual_s)

    def close(self) -> None:
        """Hangs up."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _exchange(self, wire: Wire, request: Request, of: ModbusConnection, timeout_s: float) -> Answered:
        """Raises: TimeoutError: no answer. OSError: the connection ended. Strange: no answer to that."""
        await self._silence(wire, of)
        asked_at = self._loop.time()
        self._rest_s = of.silence_s
        try:
            wire.send(self._frames.question(request))
            async with asyncio.timeout(timeout_s + self._travel_s(request, request.answer_size)):
                while (pdu := self._frames.answer(wire.received)) is None:
                    is_over = self._frames.is_garbled(wire.received)
                    async with asyncio.timeout(_PIECES_WITHIN_S if is_over else None):
                        await wire.news()
        finally:
            self._used_at = self._loop.time()
        return Answered(pdu, max(0.0, self._used_at - asked_at - self._travel_s(request, len(pdu))))

    async def _silence(self, wire: Wire, of: ModbusConnection) -> None:
        """Waits until the unit may be asked, and on a serial line until nobody talks."""
        gap_s = max(of.silence_s, self._rest_s)
        listened_until = self._loop.time() + gap_s + _LISTEN_S
        warm_at = self._connected_at + of.warm_up_s
        while True:
            quiet_at = max(self._used_at, min(wire.heard_at, listened_until)) + gap_s
            wait_s = max(quiet_at, warm_at) - self._loop.time()
            if wait_s <= 0:
                break
            await asyncio.sleep(wait_s)
        if self._to.is_rtu:
            wire.received.clear()

    def _travel_s(self, request: Request, answer_size: int) -> float:
        """How long question and answer are on their way."""
        if not self._to.is_rtu:
            return 0.0
        return (len(request.pdu) + answer_size + 2 * _FRAME_BYTES) * self._to.line.character_s

    async def _connected(self) -> Wire:
        if self._wire is not None and not self._wire.is_lost and (self._to.is_rtu or not self._wire.received):
            return self._wire
        self.close()
        if self._patience.left_s(self._loop.time()):
            raise DeviceUnreachable(self._why_not_connected)
        to = self._to
        try:
            if to.serial is not None:
                wire: Wire = SerialWire(to.serial, to.line)
            else:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    wire = await TcpWire.opened(str(to.host), to.port)
        except TimeoutError as exc:
            raise self._unconnected(f"no answer within {_CONNECT_TIMEOUT_S:g} s") from exc
        except (OSError, ValueError, termios.error) as exc:
            raise self._unconnected(_why_not_opened(exc) if to.serial else _why(exc)) from exc
        self._patience.succeed()
        self._frames = RtuFrames() if to.is_rtu else TcpFrames()
        self._wire, self._is_fresh, self._silences = wire, True, 0
        self._connections += 1
        self._connected_at = self._loop.time()
        return wire

    def _unanswered(self, wire: Wire, of: ModbusConnection, timeout_s: float) -> Silent:
        self._silences += 1
        received = bytes(wire.received[:_SHOWN_BYTES])
        if not self._to.is_rtu or (self._to.host is not None and self._silences >= _SILENCES):
            self.close()
        if received and self._to.is_rtu:
            return Silent(
                f"no proper answer from {of.place}: what was heard is no frame of its, {received.hex(' ')}; "
                "check the line, and that no two units have one number"
            )
        return Silent(f"no answer from {of.place} within {timeout_s:g} s")

    def _unconnected(self, why: str) -> DeviceUnreachable:
        self._patience.fail(self._loop.time())
        verb = "open" if self._to.serial else "connect to"
        self._why_not_connected = f"cannot {verb} {self._to.endpoint}: {why}"
        return DeviceUnreachable(self._why_not_connected)

    def _lost(self) -> str:
        if self._to.serial:
            return f"the serial port {self._to.endpoint} went away; was the adapter unplugged?"
        return f"{self._to.endpoint} closed the connection; if this repeats, is another Modbus client connected to it?"


def _why(exc: Exception) -> str:
    if not isinstance(exc, OSError) or exc.errno is None:
        return str(exc)
    if exc.errno < 0:  # a name that is not known has numbers of its own
        return exc.strerror or str(exc)
    return os.strerror(exc.errno)


def _why_not_opened(exc: Exception) -> str:
    match exc:
        case OSError(errno=errno.EACCES | errno.EPERM):
            return f"{_why(exc)}; may this user use serial ports (group dialout)?"
        case OSError(errno=errno.EAGAIN | errno.EBUSY):
            return "another program has it open"
    return _why(exc)

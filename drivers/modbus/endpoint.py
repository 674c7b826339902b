"""The one owner of a Modbus connection, and the only module that knows pymodbus.

An endpoint serves all units behind it in turn. It connects on first use and again whenever it has to; after anything
but a proper answer it hangs up, so that a late answer is never taken for the next one. It keeps no schedule and does
not retry: that is the caller's.
"""

import asyncio
import errno
import logging
import math
import os
import termios
from asyncio import Future, PriorityQueue, TaskGroup
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Self

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu import bit_message as bits
from pymodbus.pdu import register_message as registers

from s2d.errors import DeviceError, DeviceUnreachable

from .connection import ModbusConnection
from .plan import Block
from .refusals import Asked, refusal_of

_CONNECT_TIMEOUT_S = 3.0
_PAUSE_AFTER_FAILED_CONNECT_S = 0.5
_READS = {
    "holding": registers.ReadHoldingRegistersRequest,
    "input": registers.ReadInputRegistersRequest,
    "coil": bits.ReadCoilsRequest,
    "discrete": bits.ReadDiscreteInputsRequest,
}

# What goes wrong reaches the caller as a DeviceError; pymodbus would log it a second time, at every attempt.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


@dataclass(order=True, slots=True)
class _Turn:
    """A request waiting for its turn: writes first, else first come first served."""

    is_read: bool
    place: int
    request: ModbusPDU = field(compare=False)
    asked: Asked = field(compare=False)
    timeout_s: float = field(compare=False)
    reply: "Future[ModbusPDU]" = field(compare=False)


class Endpoint:
    """A Modbus TCP server or an RTU line, shared by the units behind it."""

    def __init__(self, connection: ModbusConnection) -> None:
        self.connection = connection
        self._name = connection.endpoint
        self._queue: PriorityQueue[_Turn] = PriorityQueue()  # at most one entry per waiting caller
        self._places = count()
        self._loop = asyncio.get_running_loop()
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._deadline: asyncio.Timeout | None = None
        self._is_lost = False
        self._is_closed = False
        self._last_traffic = -math.inf
        self._connect_again_at = -math.inf
        self._why_not_connected = ""

    @classmethod
    @asynccontextmanager
    async def opened(cls, connection: ModbusConnection) -> AsyncIterator[Self]:
        """An endpoint with its owner at work; nothing is connected before the first request."""
        endpoint = cls(connection)
        async with TaskGroup() as tasks:
            owner = tasks.create_task(endpoint._serve(), name=f"modbus {endpoint._name}")
            try:
                yield endpoint
            finally:
                owner.cancel()

    async def read(self, unit: int, block: Block, timeout_s: float) -> list[int]:
        """The words of *block*; bits as 0 or 1.

        Raises: DeviceUnreachable: no answer, or none that makes sense. Refused: an exception response.
        """
        request = _READS[block.table](address=block.register, count=block.count, dev_id=unit)
        reply = await self._ask(request, Asked(self._unit(unit), block), timeout_s)
        if block.table in ("holding", "input"):
            return list(reply.registers)
        return [int(bit) for bit in reply.bits[: block.count]]

    async def write(
        self, unit: int, block: Block, words: Sequence[int], *, is_multiple: bool, timeout_s: float
    ) -> None:
        """Has the device take *words* as *block*; returns when it acknowledged.

        Raises: DeviceUnreachable: no answer, or none that makes sense. Refused: an exception response.
        """
        request: ModbusPDU
        if block.table == "coil":
            bits_request = bits.WriteMultipleCoilsRequest if is_multiple else bits.WriteSingleCoilRequest
            request = bits_request(address=block.register, bits=[word == 1 for word in words], dev_id=unit)
        else:
            registers_request = (
                registers.WriteMultipleRegistersRequest if is_multiple else registers.WriteSingleRegisterRequest
            )
            request = registers_request(address=block.register, registers=list(words), dev_id=unit)
        written_with = "multiple" if is_multiple else "single"
        await self._ask(request, Asked(self._unit(unit), block, written_with), timeout_s)

    async def _ask(self, request: ModbusPDU, asked: Asked, timeout_s: float) -> ModbusPDU:
        if self._is_closed:
            raise self._gone()
        reply: Future[ModbusPDU] = self._loop.create_future()
        is_read = not asked.written_with
        self._queue.put_nowait(_Turn(is_read, next(self._places), request, asked, timeout_s, reply))
        return await reply

    async def _serve(self) -> None:
        try:
            while True:
                turn = await self._queue.get()
                if not turn.reply.done():  # else nobody waits for it any more
                    await self._take(turn)
        finally:
            self._is_closed = True
            self._hang_up()
            while not self._queue.empty():
                _settle(self._queue.get_nowait().reply, self._gone())

    async def _take(self, turn: _Turn) -> None:
        outcome: ModbusPDU | DeviceError = self._gone()
        try:
            outcome = await self._exchange(turn)
        except DeviceError as exc:
            outcome = exc
        finally:
            _settle(turn.reply, outcome)

    async def _exchange(self, turn: _Turn) -> ModbusPDU:
        client = await self._connected()
        silent_for_s = self._loop.time() - self._last_traffic
        if silent_for_s < self.connection.silence_s:
            await asyncio.sleep(self.connection.silence_s - silent_for_s)
        try:
            async with asyncio.timeout(turn.timeout_s) as self._deadline:
                reply: ModbusPDU = await client.execute(False, turn.request)
        except (TimeoutError, ModbusException, OSError) as exc:
            reason = self._lost() if self._is_lost else self._unanswered(turn, exc)
            self._hang_up()
            raise DeviceUnreachable(reason) from exc
        finally:
            self._deadline = None
            self._last_traffic = self._loop.time()
        _restore_cancellation()
        if reply.isError() and reply.function_code == turn.request.function_code | 0x80:
            raise refusal_of(turn.asked, reply.exception_code)
        if not _answers(reply, turn.request, turn.asked):
            self._hang_up()
            raise DeviceUnreachable(f"{turn.asked.unit} gave an answer to another question")
        return reply

    async def _connected(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        if self._client is not None and self._client.connected:
            return self._client
        if self._loop.time() < self._connect_again_at:
            raise DeviceUnreachable(self._why_not_connected)
        self._hang_up()
        client = self._client = self._new_client()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                # What client.connect() does too, but that keeps the reason of a failure to itself.
                client.ctx.transport, _ = await client.ctx.call_create()
        except TimeoutError as exc:
            raise self._unconnected(f"no answer within {_CONNECT_TIMEOUT_S:g} s") from exc
        except (OSError, ValueError, termios.error) as exc:
            raise self._unconnected(_why_not_opened(exc) if self.connection.serial else _why(exc)) from exc
        return client

    def _new_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        self._is_lost = False
        of = self.connection
        # Reconnecting, retrying and timing are ours, hence 0, 0 and never.
        if of.serial is None:
            client = AsyncModbusTcpClient(
                str(of.host),
                port=of.port,
                reconnect_delay=0,
                retries=0,
                timeout=math.inf,
                trace_connect=self._note_connection,
            )
            client.ctx.framer = _TcpFrames(DecodePDU(False))
            return client
        return AsyncModbusSerialClient(
            of.serial,
            baudrate=of.baudrate,
            parity=of.parity,
            stopbits=of.stopbits,
            reconnect_delay=0,
            retries=0,
            timeout=math.inf,
            trace_connect=self._note_connection,
        )

    def _note_connection(self, is_up: bool) -> None:
        """Ends the wait for an answer that cannot come any more; pymodbus itself would go on waiting."""
        if not is_up:
            self._is_lost = True
            if self._deadline is not None and not self._deadline.expired():
                self._deadline.reschedule(self._loop.time())

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _unit(self, unit: int) -> str:
        return f"unit {unit} at {self._name}"

    def _unconnected(self, why: str) -> DeviceUnreachable:
        self._hang_up()
        self._connect_again_at = self._loop.time() + _PAUSE_AFTER_FAILED_CONNECT_S
        verb = "open" if self.connection.serial else "connect to"
        self._why_not_connected = f"cannot {verb} {self._name}: {why}"
        return DeviceUnreachable(self._why_not_connected)

    def _lost(self) -> str:
        if self.connection.serial:
            return f"the serial port {self._name} went away; was the adapter unplugged?"
        return f"{self._name} closed the connection; if this repeats, is another Modbus client connected to it?"

    def _unanswered(self, turn: _Turn, exc: Exception) -> str:
        if isinstance(exc, TimeoutError):
            return f"no answer from {turn.asked.unit} within {turn.timeout_s:g} s"
        return f"no proper answer from {turn.asked.unit}: {exc}"

    def _gone(self) -> DeviceUnreachable:
        return DeviceUnreachable(f"the connection to {self._name} is shut down")


class _TcpFrames(FramerSocket):
    """Nonsense is no answer; pymodbus raises over it, into the event loop, where nobody can catch it."""

    def handleFrame(  # noqa: N802 - pymodbus' name
        self, data: bytes, exp_devid: int, exp_tid: int
    ) -> tuple[int, ModbusPDU | None]:
        try:
            return super().handleFrame(data, exp_devid, exp_tid)
        except ModbusException:
            return len(data), None


def _settle(reply: "Future[ModbusPDU]", outcome: ModbusPDU | DeviceError) -> None:
    if reply.done():
        return
    if isinstance(outcome, DeviceError):
        reply.set_exception(outcome)
    else:
        reply.set_result(outcome)


def _answers(reply: ModbusPDU, request: ModbusPDU, asked: Asked) -> bool:
    """TCP answers carry a number that pymodbus compares; RTU answers are known only by what they say."""
    if reply.function_code != request.function_code:
        return False
    if asked.written_with:
        return reply.address == request.address
    if asked.block.table in ("holding", "input"):
        return len(reply.registers) == request.count
    return len(reply.bits) == (request.count + 7) // 8 * 8


def _restore_cancellation() -> None:
    """A cancellation that meets the answer is lost in the `wait_for` pymodbus awaits with (before Python 3.12)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


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

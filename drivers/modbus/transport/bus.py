"""Modbus bus: all requests to the units behind one endpoint, served by one task in turn, writes before reads.

It backs off from a unit that does not answer, for longer and longer, and then waits for it only briefly, so that the
others keep their turns. Here it is decided whose silence a silence is: that of a unit which gave this block before, or
which does not answer anything else either; or that of the one block, which is nothing against the unit. A bus keeps no
schedule, and repeats nothing but what a unit was too busy for.
"""

import asyncio
import math
from asyncio import Future, PriorityQueue, TaskGroup
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Self

from s2d.backoff import Backoff
from s2d.driver import Doubt
from s2d.errors import DeviceError, DeviceUnreachable

from ..connection import ModbusConnection
from ..register_block import RegisterBlock
from ..request_cost import RequestCost
from .connection_owner import ConnectionOwner, Response
from .refusals import (
    BackingOff,
    BlockSilent,
    Busy,
    GatewaySilent,
    MalformedResponse,
    RequestRefused,
    Silent,
    asked_for,
    label_of,
    refusal_of,
)
from .request import Request
from .unit_health import UnitHealth, are_alike

_WHILE_BUSY = Backoff(first_s=0.05, most_s=math.inf)
"""Before a busy unit is asked again; its timeout ends that."""


@dataclass(order=True, slots=True)
class _QueuedRequest:
    """A request waiting for its turn: writes first, else first come first served."""

    is_later: bool
    arrival: int
    request: Request = field(compare=False)
    connection: ModbusConnection = field(compare=False)
    reply: "Future[bytes]" = field(compare=False)


class ModbusBus:
    """A Modbus bus: a TCP server or an RTU line, shared by the units behind it. See `RegisterBus`."""

    def __init__(self, connection: ModbusConnection) -> None:
        self.connection = connection
        self._connection_owner = ConnectionOwner(connection)
        self._queue: PriorityQueue[_QueuedRequest] = PriorityQueue()  # at most one entry per waiting caller
        self._arrivals = count()
        self._loop = asyncio.get_running_loop()
        self._units: dict[int, UnitHealth] = {}
        self._is_closed = False

    @classmethod
    @asynccontextmanager
    async def opened(cls, connection: ModbusConnection) -> AsyncIterator[Self]:
        """A bus with its task at work; nothing is connected before the first request."""
        bus = cls(connection)
        async with TaskGroup() as tasks:
            server = tasks.create_task(bus._serve(), name=f"modbus {connection.endpoint}")
            try:
                yield bus
            finally:
                server.cancel()

    @property
    def connection_number(self) -> int | None:
        return self._connection_owner.number

    @property
    def doubt(self) -> Doubt | None:
        return self._connection_owner.doubt

    def judge(self, doubt: Doubt, *, is_device: bool) -> None:
        self._connection_owner.judge(doubt, is_device=is_device)

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> Sequence[int]:
        request = Request(connection.unit, block)
        was_given = self._unit(connection.unit).has_given(block)
        try:
            pdu = await self._exchange_when_ready(request, connection)
        except RequestRefused as refusal:
            if not (refusal.may_pass and was_given):
                raise
            pdu = await self._exchange_when_ready(request, connection)
        return request.words_in(pdu)

    async def write(
        self, connection: ModbusConnection, block: RegisterBlock, words: Sequence[int], *, is_multiple: bool
    ) -> None:
        await self._exchange_when_ready(Request(connection.unit, block, tuple(words), is_multiple), connection)

    def oddities_of(self, connection: ModbusConnection) -> Sequence[str]:
        return self._unit(connection.unit).oddities

    def cost(self, connection: ModbusConnection) -> RequestCost:
        return self._unit(connection.unit).cost(connection)

    def _unit(self, unit: int) -> UnitHealth:
        return self._units.setdefault(unit, UnitHealth())

    async def _exchange_when_ready(self, request: Request, connection: ModbusConnection) -> bytes:
        """The response; as long as the unit says that it is busy it is asked again, within its timeout."""
        ready_until = self._loop.time() + connection.timeout_s
        attempt = 0
        while True:
            try:
                return await self._enqueue(request, connection)
            except Busy:
                pause_s = _WHILE_BUSY.ceiling_s(attempt)
                if self._loop.time() + pause_s > ready_until:
                    raise
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _enqueue(self, request: Request, connection: ModbusConnection) -> bytes:
        if self._is_closed:
            raise self._closed_error()
        # What is not expected to be answered does not go before anybody.
        is_later = not request.is_write or self._unit(request.unit).is_silent
        queued = _QueuedRequest(is_later, next(self._arrivals), request, connection, self._loop.create_future())
        self._queue.put_nowait(queued)
        return await queued.reply

    async def _serve(self) -> None:
        try:
            while True:
                queued = await self._queue.get()
                if not queued.reply.done():  # else nobody waits for it any more
                    await self._serve_one(queued)
        finally:
            self._is_closed = True
            self._connection_owner.close()
            while not self._queue.empty():
                _resolve(self._queue.get_nowait().reply, self._closed_error())

    async def _serve_one(self, queued: _QueuedRequest) -> None:
        outcome: bytes | DeviceError = self._closed_error()
        try:
            outcome = await self._exchange_in_turn(queued.request, queued.connection)
        except DeviceError as exc:
            outcome = exc
        finally:
            _resolve(queued.reply, outcome)

    async def _exchange_in_turn(self, request: Request, connection: ModbusConnection) -> bytes:
        unit = self._unit(request.unit)
        if self._is_shared:
            self._check_backoff(unit)
        try:
            if unit.is_silent and request.is_write:
                # It may be what brings the device to safety. A late response to a read cannot be taken for one to it.
                if connection.is_rtu:
                    with suppress(Silent):
                        await self._probe(unit, request, connection)
            elif unit.is_silent and (connection.is_rtu or not unit.has_given(request.block)):
                await self._probe(unit, request, connection)
            if request.is_write and connection.is_rtu:
                return await self._write_on_line(unit, request, connection)
            return await self._exchange_attributing_silence(unit, request, connection)
        except BlockSilent:
            raise
        except Silent as silence:
            unit.record_silence(self._loop.time(), silence.reason)
            raise

    async def _write_on_line(self, unit: UnitHealth, request: Request, connection: ModbusConnection) -> bytes:
        """The acknowledgement of a write; where the line echoes, not what was said ourselves.

        To functions 5 and 6 the one is like the other, so a line on which nothing was read yet is classified first.

        Raises: Silent: none, and it does not read back either.
        """
        owner = self._connection_owner
        if owner.is_echoing is None:
            known = Request(request.unit, unit.known_block or request.block)
            with suppress(Silent, RequestRefused, Busy):
                await self._exchange(unit, known, connection)
            if owner.is_echoing is None and owner.is_line_mute:
                with owner.trusted_line():
                    return await self._exchange(unit, request, connection)
        try:
            return await self._exchange(unit, request, connection)
        except Silent:
            if owner.is_echoing is False or not await self._reads_back(unit, request, connection):
                raise
            return request.pdu

    async def _reads_back(self, unit: UnitHealth, request: Request, connection: ModbusConnection) -> bool:
        """Whether what *request* was to write is there."""
        read = Request(request.unit, request.block)
        try:
            return read.words_in(await self._exchange(unit, read, connection)) == request.words
        except (Silent, RequestRefused, Busy):
            return False

    async def _exchange_attributing_silence(
        self, unit: UnitHealth, request: Request, connection: ModbusConnection
    ) -> bytes:
        """Raises: BlockSilent: the unit is silent at this alone. Silent: the unit is silent."""
        is_surprise = unit.has_given(request.block)
        try:
            try:
                return await self._exchange(unit, request, connection)
            except GatewaySilent:
                if request.is_write or unit.is_silent:
                    raise
                return await self._exchange(unit, request, connection)  # it may have passed
        except Silent as silence:
            unit.invalidate(request.block)
            if request.is_write or is_surprise or unit.is_silent or unit.known_block in (None, request.block):
                raise
            try:
                await self._probe(unit, request, connection)
            except Silent:
                raise silence from None
            what = label_of(request.block)
            raise BlockSilent(f"{connection.place} is there, but says nothing when asked for {what}") from silence

    async def _probe(self, unit: UnitHealth, request: Request, connection: ModbusConnection) -> None:
        """Has *unit*, which was silent, answer something that it answered before, and drops all that it says.

        A unit answers in order: what it may still say to the last request comes before this, or hard behind. So no
        late response is left for *request*, which on a serial line nothing else would tell from its own. Where that
        late one came, or may have been taken for the response to this, the response to this is waited for as well.

        Raises: Silent: it does not answer.
        """
        known = unit.known_block if request.is_write else unit.known_block_unlike(request.block)
        is_owing = not request.is_write and known not in (None, request.block) and are_alike(known, request.block)
        if known is None and (request.is_write or not connection.is_rtu):
            if connection.is_rtu:
                self._connection_owner.keep_silent(connection.timeout_s)
            return  # there is nothing that may be asked in its place
        try:
            await self._exchange(unit, Request(request.unit, known) if known else request, connection)
        except MalformedResponse:
            is_owing = True
        except (RequestRefused, Busy):
            pass  # that is a response
        except Silent:
            if known:
                unit.invalidate(known)
            raise
        self._connection_owner.let_pass(connection.timeout_s if is_owing else unit.turnaround_s or 0.0)

    async def _exchange(self, unit: UnitHealth, request: Request, connection: ModbusConnection) -> bytes:
        timeout_s = float(connection.timeout_s)
        try:
            response = await self._connection_owner.exchange(
                request, connection, unit.probe_timeout_s(timeout_s) if self._is_shared else timeout_s
            )
        finally:
            if self._connection_owner.is_echoing:
                what = f"the adapter at {connection.endpoint} hears itself: what is sent comes back first"
                unit.note_oddity("echo", what)
            for each in self._connection_owner.frame_oddities:
                what = f"unit {each.unit} at {connection.endpoint} gives answers {each.what}"
                self._unit(each.unit).note_oddity(each.kind, what)
        refusal = self._refusal_in(response, unit, request, connection)
        if isinstance(refusal, Silent):
            raise refusal
        unit.record_response(response.turnaround_s)
        if not request.is_write and not isinstance(refusal, Busy):
            unit.record_read(request.block, is_given=refusal is None)
        if refusal:
            raise refusal
        return response.pdu

    def _refusal_in(
        self, response: Response, unit: UnitHealth, request: Request, connection: ModbusConnection
    ) -> DeviceError | None:
        """Why *response* is none that does what was asked; what is odd about it is noted."""
        if response.is_proper:
            code = request.exception_in(response.pdu)
            return None if code is None else refusal_of(connection.place, request, code)
        if request.is_write and response.pdu[:1] == request.pdu[:1]:
            said = response.pdu.hex(" ")
            what = f"{connection.place} acknowledges to {asked_for(request)} with {said}, which is malformed"
            unit.note_oddity("acknowledgement", f"{what}; it counts as taken, unless it reads back otherwise")
            return None
        refusal = MalformedResponse(connection.place, request, response.pdu)
        unit.note_oddity("response", refusal.reason)
        return refusal

    @property
    def _is_shared(self) -> bool:
        """Whether time spent on one unit may be taken from others; on a serial line there may always be some."""
        return len(self._units) > 1 or self.connection.is_rtu

    def _check_backoff(self, unit: UnitHealth) -> None:
        if left_s := unit.backoff.left_s(self._loop.time()):
            raise BackingOff(f"{unit.why_silent}; it is asked again in {left_s:.1f} s")

    def _closed_error(self) -> DeviceUnreachable:
        return DeviceUnreachable(f"the connection to {self.connection.endpoint} is shut down")


def _resolve(reply: "Future[bytes]", outcome: bytes | DeviceError) -> None:
    if reply.done():
        return
    if isinstance(outcome, DeviceError):
        reply.set_exception(outcome)
    else:
        reply.set_result(outcome)

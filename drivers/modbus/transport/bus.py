"""The one owner of a Modbus endpoint: serves all units behind it in turn, writes before reads.

A unit that does not answer is left alone for longer and longer, and asked briefly then, so that the others keep their
turns. Here it is decided whose silence a silence is: that of a unit which gave this before, or which does not answer
anything else either; or that of the one block, which is nothing against the unit. It keeps no schedule, and repeats
nothing but what a unit was too busy for.
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
from s2d.errors import DeviceError, DeviceUnreachable

from ..connection import ModbusConnection
from ..register_block import Block
from ..request_cost import Cost
from .connection_owner import Channel
from .refusals import Busy, LeftAlone, Mute, Refused, Silent, place_of, refusal_of
from .request import Request
from .unit_health import Unit

_WHILE_BUSY = Backoff(first_s=0.05, most_s=math.inf)
"""Before a busy unit is asked again; its timeout ends that."""


@dataclass(order=True, slots=True)
class _Turn:
    """A request waiting for its turn: writes first, else first come first served."""

    is_later: bool
    place: int
    request: Request = field(compare=False)
    connection: ModbusConnection = field(compare=False)
    reply: "Future[bytes]" = field(compare=False)


class Endpoint:
    """A Modbus TCP server or an RTU line, shared by the units behind it."""

    def __init__(self, connection: ModbusConnection) -> None:
        self.connection = connection
        self._channel = Channel(connection)
        self._queue: PriorityQueue[_Turn] = PriorityQueue()  # at most one entry per waiting caller
        self._places = count()
        self._loop = asyncio.get_running_loop()
        self._units: dict[int, Unit] = {}
        self._is_closed = False

    @classmethod
    @asynccontextmanager
    async def opened(cls, connection: ModbusConnection) -> AsyncIterator[Self]:
        """An endpoint with its owner at work; nothing is connected before the first request."""
        endpoint = cls(connection)
        async with TaskGroup() as tasks:
            owner = tasks.create_task(endpoint._serve(), name=f"modbus {connection.endpoint}")
            try:
                yield endpoint
            finally:
                owner.cancel()

    @property
    def connection_number(self) -> int | None:
        """Another for each connection that was made; None while there is none."""
        return self._channel.number

    async def read(self, connection: ModbusConnection, block: Block) -> Sequence[int]:
        """The words of *block* of the unit that *connection* names; bits as 0 or 1.

        Raises: DeviceUnreachable: no answer, or none that makes sense. Mute: none to this, though the unit is there.
        Refused: an exception response.
        """
        request = Request(connection.unit, block)
        return request.words_in(await self._ask(request, connection))

    async def write(
        self, connection: ModbusConnection, block: Block, words: Sequence[int], *, is_multiple: bool
    ) -> None:
        """Has the unit take *words* as *block*; returns when it acknowledged.

        Raises: DeviceUnreachable: no answer, or none that makes sense. Refused: an exception response.
        """
        await self._ask(Request(connection.unit, block, tuple(words), is_multiple), connection)

    def cost(self, connection: ModbusConnection) -> Cost:
        """What a read from the unit that *connection* names costs, as far as is known; the same until that changes."""
        return self._unit(connection.unit).cost(connection)

    def _unit(self, unit: int) -> Unit:
        return self._units.setdefault(unit, Unit())

    async def _ask(self, request: Request, connection: ModbusConnection) -> bytes:
        """The answer, waited for as long as the unit says that it is busy, within its timeout."""
        patient_until = self._loop.time() + connection.timeout_s
        attempt = 0
        while True:
            try:
                return await self._turn(request, connection)
            except Busy:
                pause_s = _WHILE_BUSY.ceiling_s(attempt)
                if self._loop.time() + pause_s > patient_until:
                    raise
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _turn(self, request: Request, connection: ModbusConnection) -> bytes:
        if self._is_closed:
            raise self._gone()
        # What is not expected to be answered does not go before anybody.
        is_later = not request.is_write or self._unit(request.unit).is_silent
        turn = _Turn(is_later, next(self._places), request, connection, self._loop.create_future())
        self._queue.put_nowait(turn)
        return await turn.reply

    async def _serve(self) -> None:
        try:
            while True:
                turn = await self._queue.get()
                if not turn.reply.done():  # else nobody waits for it any more
                    await self._take(turn)
        finally:
            self._is_closed = True
            self._channel.close()
            while not self._queue.empty():
                _settle(self._queue.get_nowait().reply, self._gone())

    async def _take(self, turn: _Turn) -> None:
        outcome: bytes | DeviceError = self._gone()
        try:
            outcome = await self._answer(turn.request, turn.connection)
        except DeviceError as exc:
            outcome = exc
        finally:
            _settle(turn.reply, outcome)

    async def _answer(self, request: Request, connection: ModbusConnection) -> bytes:
        unit = self._unit(request.unit)
        if self._is_shared:
            self._check_patience(unit)
        try:
            if unit.is_silent and request.is_write:
                # It may be what brings the device to safety. A late answer to a read cannot be taken for one to it.
                if connection.is_rtu:
                    with suppress(Silent):
                        await self._call(unit, request, connection)
            elif unit.is_silent and (connection.is_rtu or not unit.has_given(request.block)):
                await self._call(unit, request, connection)
            return await self._put(unit, request, connection)
        except Mute:
            raise
        except Silent as silence:
            unit.silent(self._loop.time(), silence.reason)
            raise

    async def _put(self, unit: Unit, request: Request, connection: ModbusConnection) -> bytes:
        """The answer to *request*.

        Raises: Mute: the unit is silent at this alone. Silent: the unit is silent.
        """
        is_surprise = unit.has_given(request.block)
        try:
            return await self._exchange(unit, request, connection)
        except Silent as silence:
            unit.doubt(request.block)
            if request.is_write or is_surprise or unit.is_silent or unit.known in (None, request.block):
                raise
            try:
                await self._call(unit, request, connection)
            except Silent:
                raise silence from None
            what = place_of(request.block)
            raise Mute(f"{connection.place} is there, but says nothing when asked for {what}") from silence

    async def _call(self, unit: Unit, request: Request, connection: ModbusConnection) -> None:
        """Has *unit*, which was silent, answer something that it answered before, and drops all that it says.

        A unit answers in order: what it may still say to the last question comes before this, or hard behind. So no
        late answer is left for *request*, which on a serial line nothing else would tell from its own.

        Raises: Silent: it does not answer.
        """
        known = unit.known
        if known is None and (request.is_write or not connection.is_rtu):
            return  # there is nothing that may be asked in its place
        try:
            await self._exchange(unit, Request(request.unit, known) if known else request, connection)
        except (Refused, Busy):
            pass  # that is an answer
        except Silent:
            if known:
                unit.doubt(known)
            raise
        self._channel.let_pass(unit.turnaround_s or 0.0)

    async def _exchange(self, unit: Unit, request: Request, connection: ModbusConnection) -> bytes:
        timeout_s = float(connection.timeout_s)
        answered = await self._channel.ask(
            request, connection, unit.probe_s(timeout_s) if self._is_shared else timeout_s
        )
        code = request.refusal_in(answered.pdu)
        refusal = None if code is None else refusal_of(connection.place, request, code)
        if isinstance(refusal, Silent):
            raise refusal
        unit.answered(answered.turnaround_s)
        if not request.is_write and not isinstance(refusal, Busy):
            unit.read(request.block, is_given=refusal is None)
        if refusal:
            raise refusal
        return answered.pdu

    @property
    def _is_shared(self) -> bool:
        """Whether time spent on one unit may be taken from others; on a serial line there may always be some."""
        return len(self._units) > 1 or self.connection.is_rtu

    def _check_patience(self, unit: Unit) -> None:
        if left_s := unit.patience.left_s(self._loop.time()):
            raise LeftAlone(f"{unit.why_silent}; it is asked again in {left_s:.1f} s")

    def _gone(self) -> DeviceUnreachable:
        return DeviceUnreachable(f"the connection to {self.connection.endpoint} is shut down")


def _settle(reply: "Future[bytes]", outcome: bytes | DeviceError) -> None:
    if reply.done():
        return
    if isinstance(outcome, DeviceError):
        reply.set_exception(outcome)
    else:
        reply.set_result(outcome)

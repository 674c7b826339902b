"""Reader: reads the register blocks of one unit with as few requests as pay, and learns which of them it refuses.

A block that is refused is halved until what is wrong is found: a register that cannot be read at all is left alone from
then on, and asked for again more and more seldom; registers that cannot be read together, or over a hole, are not put
together again. What is good keeps sharing requests. What is learnt so holds for an hour, or until the unit was lost.

Only exceptions 1 to 3 say something of what was asked. Another one may pass: it teaches nothing until it has come three
times, ten minutes apart, and never in between was given what it refused.

Some devices say nothing where they should refuse. Where the bus finds that a unit is silent at one block alone, that
counts as its refusal. To find out, something must have been answered: as long as nothing was, each read begins with a
liveness probe, a request for one block, another one each time.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from math import inf
from typing import NamedTuple

from s2d.errors import DeviceUnreachable

from .connection import ModbusConnection
from .read_planner import Borders, enclosing, planned_reads
from .register_block import RegisterBlock, Table
from .register_bus import RegisterBus
from .request_cost import RequestCost
from .transport.refusals import UNKNOWN_FUNCTION, BlockSilent, Busy, MalformedResponse, RequestRefused, Silent

NotGiven = RequestRefused | BlockSilent | Busy
"""What may stand for words: the unit is there, but does not give them."""
Answer = Sequence[int] | NotGiven

_LONGEST_PAUSE = 32
"""What is refused is asked for at least once in so many reads."""
_LONGEST_PAUSE_SILENT = 1024
"""What is met with silence, which costs its bus a whole timeout."""
_LESSON_S = 3600.0
"""So long a lesson holds."""
_DOUBTS = 3
"""So often what may pass has to come..."""
_DOUBT_S = 600.0
"""...so long after each other to be a lesson."""
_LOST_AFTER = 2
"""Silences in a row; it may be another device when it comes back."""


class ReadBatch:
    """A batch of blocks that are read at the same time, and the requests that were found best for them."""

    def __init__(self, wanted: Iterable[RegisterBlock]) -> None:
        self.wanted = tuple(dict.fromkeys(wanted))
        self.places = {block: place for place, block in enumerate(self.wanted)}
        """Block → its place in `wanted`, and in what is read."""
        self._plan: list[_PlannedRead] = []
        self._planned_for: tuple[RequestCost, int] | None = None


class _PlannedRead(NamedTuple):
    """One request to read, and the blocks that it serves."""

    block: RegisterBlock
    members: list[RegisterBlock]
    parts: list[tuple[int, slice]]
    """Of each member: its place in the batch, and its words among those of the block."""


class Reader:
    """The reader of one unit's registers."""

    def __init__(
        self,
        connection: ModbusConnection,
        bus: RegisterBus,
        alone: Collection[RegisterBlock] = (),
        liveness_probes: Collection[RegisterBlock] = (),
    ) -> None:
        """*alone* is never read together with anything; one of *liveness_probes* the unit gives if it is there."""
        self._connection = connection
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._alone = set(alone)
        self._fixed = [*connection.hole_blocks, *alone]
        self._borders = Borders(self._fixed)
        self._refused: dict[RegisterBlock, _RefusedBlock] = {}
        self._seams: dict[_Seam, float] = {}
        """What is not read over → when that was learnt."""
        self._doubts: dict[_Seam, _Recurrence] = {}
        """What may have to become a seam."""
        self._most = connection.max_registers
        """Registers that it gives at once."""
        self._forgets_at = inf
        """When the oldest lesson has held for long enough."""
        self._silences = 0
        """Reads in a row without an answer."""
        self._liveness_probes = deque(liveness_probes)
        self._is_alive: bool | None = None
        """Whether anything was ever answered; None before the first request."""
        self._lessons = 0
        """How often something was learnt."""

    async def read(self, batch: ReadBatch) -> list[Answer]:
        """The words of each block of *batch*, in its order, or why there are none.

        Raises: DeviceUnreachable: the unit did not answer.
        """
        if self._loop.time() >= self._forgets_at:
            self._forget_lessons()
        try:
            answers = await self._read(batch)
        except DeviceUnreachable:
            self._silences += 1
            if self._silences == _LOST_AFTER:
                self._refused.clear()
                self._forget_lessons()
            raise
        self._silences = 0
        return answers

    async def _read(self, batch: ReadBatch) -> list[Answer]:
        answers: list[Answer] = [()] * len(batch.wanted)
        refused = [block for block in self._refused if block in batch.places]
        if self._is_alive is False and self._liveness_probes:
            await self._probe_liveness()
        for planned in self._plan(batch):
            await self._read_shared(planned, batch, answers)
        for block in refused:
            answers[batch.places[block]] = await self._read_refused(block)
        busy = [answer for answer in answers if isinstance(answer, Busy)]
        if busy and len(busy) == len(answers):
            raise busy[0]  # who is too busy for anything cannot be told from one who is away
        return answers

    async def read_one(self, block: RegisterBlock) -> Sequence[int]:
        """The words of *block*, in a request of its own.

        Raises: DeviceUnreachable: the unit did not answer. RequestRefused, BlockSilent: it did not give them.
        """
        return await self._bus.read(self._connection, block)

    async def _probe_liveness(self) -> None:
        """Raises: DeviceUnreachable: the unit did not answer."""
        try:
            with suppress(RequestRefused, BlockSilent, Busy):
                await self.read_one(self._liveness_probes[0])
        except Silent:
            self._liveness_probes.rotate(-1)
            raise
        self._is_alive = True

    def _plan(self, batch: ReadBatch) -> list[_PlannedRead]:
        known = self._bus.cost(self._connection), self._lessons
        if batch._planned_for != known:
            batch._planned_for = known
            good = [block for block in batch.wanted if block not in self._refused]
            apart = [block for block in good if block in self._alone]
            others = [block for block in good if block not in self._alone]
            planned = planned_reads(others, known[0], self._borders, self._most)
            together = [[block] for block in apart] + [members for _, members in planned]
            batch._plan = [_planned_read(members, batch) for members in together]
        return batch._plan

    async def _read_shared(self, planned: _PlannedRead, batch: ReadBatch, answers: list[Answer]) -> bool:
        """Reads what *planned* is for; returns whether the unit gave it all."""
        block, members, parts = planned
        try:
            words = await self.read_one(block)
        except (RequestRefused, BlockSilent, Busy) as refusal:
            await self._bisect(members, refusal, batch, answers)
            return False
        except Silent:
            self._is_alive = bool(self._is_alive) and self._connection.is_rtu  # there the bus probes
            raise
        self._is_alive = True
        if self._doubts:
            self._doubts = {seam: doubt for seam, doubt in self._doubts.items() if not _is_within(seam, block)}
        for place, part in parts:
            answers[place] = words[part]
        return True

    async def _bisect(
        self, members: list[RegisterBlock], refusal: NotGiven, batch: ReadBatch, answers: list[Answer]
    ) -> None:
        """Finds what is wrong with *members*, whose reading together met with *refusal*."""
        is_hopeless = isinstance(refusal, Busy) or (
            isinstance(refusal, RequestRefused) and refusal.code == UNKNOWN_FUNCTION
        )
        if len(members) == 1 or is_hopeless:
            for member in members:
                answers[batch.places[member]] = refusal
            if not is_hopeless and (isinstance(refusal, BlockSilent) or members[0] not in self._alone):
                self._refused[members[0]] = _RefusedBlock(refusal, self._loop.time())
                self._lessons += 1
            return
        if isinstance(refusal, MalformedResponse) and refusal.most:
            await self._read_in_pieces(members, refusal.most, batch, answers)
            return
        left, right = _halves(members)
        if isinstance(refusal, BlockSilent):
            self._split(left, right)  # the read may be cut off before all timeouts are over; the next goes on from here
        are_good = [await self._read_shared(_planned_read(half, batch), batch, answers) for half in (left, right)]
        if all(are_good) and not isinstance(refusal, BlockSilent) and self._is_certain(refusal, left, right):
            self._split(left, right)

    async def _read_in_pieces(
        self, members: list[RegisterBlock], most: int, batch: ReadBatch, answers: list[Answer]
    ) -> None:
        """Reads *members* with requests of *most* registers, which is all that the unit gives at once."""
        self._most = min(self._most, most)
        self._learn()
        cost = self._bus.cost(self._connection)
        for _, each in planned_reads(members, cost, self._borders, self._most):
            await self._read_shared(_planned_read(each, batch), batch, answers)

    def _is_certain(self, refusal: NotGiven, left: list[RegisterBlock], right: list[RegisterBlock]) -> bool:
        """Whether *refusal* says that *left* and *right*, each of which is given, are not given together."""
        if not (isinstance(refusal, RequestRefused) and refusal.may_pass):
            return True
        seam, now = _seam_between(left, right), self._loop.time()
        doubt = self._doubts.setdefault(seam, _Recurrence())
        return doubt.is_confirmed(now)

    def _split(self, left: list[RegisterBlock], right: list[RegisterBlock]) -> None:
        """Has *left* and *right* not read together again."""
        seam = _seam_between(left, right)
        self._doubts.pop(seam, None)
        self._seams[seam] = self._loop.time()
        self._borders.add_seam(*seam)
        self._learn()

    def _learn(self) -> None:
        self._lessons += 1
        self._forgets_at = min(self._forgets_at, self._loop.time() + _LESSON_S)

    def _forget_lessons(self) -> None:
        """Forgets at which registers requests had to end; those that are refused are asked for by themselves."""
        self._seams.clear()
        self._doubts.clear()
        self._most = self._connection.max_registers
        self._borders = Borders(self._fixed)
        self._forgets_at = inf
        self._lessons += 1

    async def _read_refused(self, block: RegisterBlock) -> Answer:
        """What is known of a *block* that was refused, or what the unit says of it now."""
        refused = self._refused[block]
        if refused.is_due(self._loop.time()):
            try:
                words = await self.read_one(block)
            except Busy as refusal:
                return refusal
            except (RequestRefused, BlockSilent) as refusal:
                refused.refuse_again(refusal, self._loop.time())
            else:
                del self._refused[block]
                self._lessons += 1
                return words
        return refused.refusal


class _RefusedBlock:
    """The refusal of one block, and when to ask for it again: soon where it may pass, else more and more seldom."""

    def __init__(self, refusal: NotGiven, now: float) -> None:
        self.refusal = refusal
        self._asked_at = now
        self._doubt = _Recurrence()
        self._pause = self._left = 1
        self._is_certain = self._is_certain_at(now)

    def is_due(self, now: float) -> bool:
        """Whether to ask at *now*; counts the reads."""
        self._left -= 1
        if self._left > 0 and now < self._asked_at + _LESSON_S:
            return False
        self._asked_at = now
        if self._is_certain:
            most, factor = (_LONGEST_PAUSE_SILENT, 8) if isinstance(self.refusal, BlockSilent) else (_LONGEST_PAUSE, 2)
            self._pause = min(factor * self._pause, most)
        self._left = self._pause
        return True

    def refuse_again(self, refusal: NotGiven, now: float) -> None:
        """It was asked for, and met with *refusal*."""
        self.refusal = refusal
        self._is_certain = self._is_certain_at(now)

    def _is_certain_at(self, now: float) -> bool:
        may_pass = isinstance(self.refusal, RequestRefused) and self.refusal.may_pass
        return self._doubt.is_confirmed(now) if may_pass else True


class _Recurrence:
    """How often a refusal that may pass came again, so that it may be here to stay."""

    def __init__(self) -> None:
        self._times = 0
        self._at = -inf

    def is_confirmed(self, now: float) -> bool:
        """Whether it came often enough, *now* once more."""
        if now >= self._at + _DOUBT_S:
            self._times += 1
            self._at = now
        return self._times >= _DOUBTS


class _Seam(NamedTuple):
    """A place over which no request reads: all there is from *end* up to *start*."""

    table: Table
    end: int
    start: int


def _seam_between(left: Sequence[RegisterBlock], right: Sequence[RegisterBlock]) -> _Seam:
    return _Seam(left[0].table, _end(left), right[0].register)


def _is_within(seam: _Seam, block: RegisterBlock) -> bool:
    """Whether *block* reads over *seam*."""
    low, high = min(seam.end, seam.start), seam.start
    return seam.table == block.table and block.register < high and low < block.register + block.count


def _planned_read(members: list[RegisterBlock], batch: ReadBatch) -> _PlannedRead:
    block, parts = enclosing(members), []
    for member in members:
        first = member.register - block.register
        parts.append((batch.places[member], slice(first, first + member.count)))
    return _PlannedRead(block, members, parts)


def _halves(members: Sequence[RegisterBlock]) -> tuple[list[RegisterBlock], list[RegisterBlock]]:
    """*members* in two: at the hole next to the middle, or in the middle if there is none."""
    holes = [place for place in range(1, len(members)) if _end(members[:place]) < members[place].register]
    middle = len(members) // 2
    at = min(holes or [middle], key=lambda place: abs(place - middle))
    return list(members[:at]), list(members[at:])


def _end(members: Sequence[RegisterBlock]) -> int:
    return max(member.register + member.count for member in members)

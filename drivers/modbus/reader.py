"""Reader: reads the register blocks of one unit with as few requests as pay, and learns which of them it refuses.

A block that is refused is halved until what is wrong is found: a register that cannot be read at all is left alone from
then on, and asked for again more and more seldom; registers that cannot be read together, or over a hole, are never put
together again. What is good keeps sharing requests.

Some devices say nothing where they should refuse. Where the bus finds that a unit is silent at one block alone, that
counts as its refusal. To find out, something must have been answered: as long as nothing was, each read begins with a
liveness probe, a request for one block, another one each time.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from .connection import ModbusConnection
from .read_planner import Borders, enclosing, planned_reads
from .register_block import RegisterBlock
from .register_bus import RegisterBus
from .request_cost import RequestCost
from .transport.refusals import UNKNOWN_FUNCTION, BlockSilent, RequestRefused, Silent

NotGiven = RequestRefused | BlockSilent
"""What may stand for words: the unit is there, but does not give them."""
Answer = Sequence[int] | NotGiven

_LONGEST_PAUSE = 32
"""What is refused is asked for at least once in so many reads."""
_LONGEST_PAUSE_SILENT = 1024
"""What is met with silence, which costs its bus a whole timeout."""


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
        self._alone = set(alone)
        self._borders = Borders([*connection.hole_blocks, *alone])
        self._refused: dict[RegisterBlock, _RefusedBlock] = {}
        self._liveness_probes = deque(liveness_probes)
        self._is_alive: bool | None = None
        """Whether anything was ever answered; None before the first request."""
        self._lessons = 0
        """How often something was learnt."""

    async def read(self, batch: ReadBatch) -> list[Answer]:
        """The words of each block of *batch*, in its order, or why there are none.

        Raises: DeviceUnreachable: the unit did not answer.
        """
        answers: list[Answer] = [()] * len(batch.wanted)
        refused = [block for block in self._refused if block in batch.places]
        if self._is_alive is False and self._liveness_probes:
            await self._probe_liveness()
        for planned in self._plan(batch):
            await self._read_shared(planned, batch, answers)
        for block in refused:
            answers[batch.places[block]] = await self._read_refused(block)
        return answers

    async def read_one(self, block: RegisterBlock) -> Sequence[int]:
        """The words of *block*, in a request of its own.

        Raises: DeviceUnreachable: the unit did not answer. RequestRefused, BlockSilent: it did not give them.
        """
        return await self._bus.read(self._connection, block)

    async def _probe_liveness(self) -> None:
        """Raises: DeviceUnreachable: the unit did not answer."""
        try:
            with suppress(RequestRefused, BlockSilent):
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
            planned = planned_reads(others, known[0], self._borders, self._connection.max_registers)
            together = [[block] for block in apart] + [members for _, members in planned]
            batch._plan = [_planned_read(members, batch) for members in together]
        return batch._plan

    async def _read_shared(self, planned: _PlannedRead, batch: ReadBatch, answers: list[Answer]) -> bool:
        """Reads what *planned* is for; returns whether the unit gave it all."""
        block, members, parts = planned
        try:
            words = await self.read_one(block)
        except (RequestRefused, BlockSilent) as refusal:
            await self._bisect(members, refusal, batch, answers)
            return False
        except Silent:
            self._is_alive = bool(self._is_alive) and self._connection.is_rtu  # there the bus probes
            raise
        self._is_alive = True
        for place, part in parts:
            answers[place] = words[part]
        return True

    async def _bisect(
        self, members: list[RegisterBlock], refusal: NotGiven, batch: ReadBatch, answers: list[Answer]
    ) -> None:
        """Finds what is wrong with *members*, whose reading together met with *refusal*."""
        is_hopeless = isinstance(refusal, RequestRefused) and refusal.code == UNKNOWN_FUNCTION
        if len(members) == 1 or is_hopeless:
            for member in members:
                answers[batch.places[member]] = refusal
            if not is_hopeless and (isinstance(refusal, BlockSilent) or members[0] not in self._alone):
                self._refused[members[0]] = _RefusedBlock(refusal)
                self._lessons += 1
            return
        left, right = _halves(members)
        if isinstance(refusal, BlockSilent):
            self._split(left, right)  # the read may be cut off before all timeouts are over; the next goes on from here
        are_good = [await self._read_shared(_planned_read(half, batch), batch, answers) for half in (left, right)]
        if all(are_good) and not isinstance(refusal, BlockSilent):
            self._split(left, right)

    def _split(self, left: list[RegisterBlock], right: list[RegisterBlock]) -> None:
        """Never has *left* and *right* read together again."""
        self._borders.add_seam(left[0].table, _end(left), right[0].register)
        self._lessons += 1

    async def _read_refused(self, block: RegisterBlock) -> Answer:
        """What is known of a *block* that was refused, or what the unit says of it now."""
        refused = self._refused[block]
        if refused.is_due():
            try:
                words = await self.read_one(block)
            except (RequestRefused, BlockSilent) as refusal:
                refused.refusal = refusal
            else:
                del self._refused[block]
                self._lessons += 1
                return words
        return refused.refusal


class _RefusedBlock:
    """The refusal of one block, and when to ask for it again."""

    def __init__(self, refusal: NotGiven) -> None:
        self.refusal = refusal
        self._pause = self._left = 1

    def is_due(self) -> bool:
        """Whether to ask now; counts the reads."""
        self._left -= 1
        if self._left > 0:
            return False
        if isinstance(self.refusal, BlockSilent):
            self._pause = min(8 * self._pause, _LONGEST_PAUSE_SILENT)
        else:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._left = self._pause
        return True


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

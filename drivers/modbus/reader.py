"""Reads registers of one unit with as few requests as pay, and learns which of them the unit refuses.

A block that is refused is halved until what is wrong is found: a register that cannot be read at all is left alone from
then on, and asked for again more and more seldom; registers that cannot be read together, or over a hole, are never put
together again. What is good keeps sharing requests.

Some devices say nothing where they should refuse. Where the owner of the endpoint finds that a unit is silent at one
block alone, that counts as its refusal. To find out, something must have been answered: as long as nothing was, and it
is asked again, it is asked for one block at first, another one each time.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from .connection import ModbusConnection
from .read_planner import Borders, around, blocks_of
from .register_block import Block
from .register_bus import RegisterBus
from .request_cost import Cost
from .transport.refusals import UNKNOWN_FUNCTION, Mute, Refused, Silent

No = Refused | Mute
"""What may stand for words: the unit is there, but does not give them."""
Answer = Sequence[int] | No

_SELDOM = 32
"""What is refused is asked for at least once in so many reads."""
_SELDOM_MUTE = 1024
"""What is met with silence, which costs its bus a whole timeout."""


class Batch:
    """Blocks that are read at the same time, and the requests that were found best for them."""

    def __init__(self, wanted: Iterable[Block]) -> None:
        self.wanted = tuple(dict.fromkeys(wanted))
        self.places = {block: place for place, block in enumerate(self.wanted)}
        """Block → its place in `wanted`, and in what is read."""
        self._plan: list[_Shared] = []
        self._planned_for: tuple[Cost, int] | None = None


class _Shared(NamedTuple):
    """One request and whom it serves."""

    block: Block
    members: list[Block]
    parts: list[tuple[int, slice]]
    """Of each member: its place in the batch, and its words among those of the block."""


class Reader:
    """The way to registers of one unit."""

    def __init__(
        self,
        connection: ModbusConnection,
        bus: RegisterBus,
        alone: Collection[Block] = (),
        signs: Collection[Block] = (),
    ) -> None:
        """*alone* is what is never read together with anything else; one of *signs* shows whether the unit is there."""
        self._connection = connection
        self._bus = bus
        self._alone = set(alone)
        self._borders = Borders([*connection.hole_blocks, *alone])
        self._bad: dict[Block, _Bad] = {}
        self._signs = deque(signs)
        self._is_there: bool | None = None
        """Whether anything was ever answered; None before the first question."""
        self._lessons = 0
        """How often something was learnt."""

    async def read(self, batch: Batch) -> list[Answer]:
        """The words of each block of *batch*, in its order, or why there are none.

        Raises: DeviceUnreachable: the unit did not answer.
        """
        answers: list[Answer] = [()] * len(batch.wanted)
        bad = [block for block in self._bad if block in batch.places]
        if self._is_there is False and self._signs:
            await self._look_for_sign()
        for shared in self._plan(batch):
            await self._take(shared, batch, answers)
        for block in bad:
            answers[batch.places[block]] = await self._again(block)
        return answers

    async def one(self, block: Block) -> Sequence[int]:
        """The words of *block*, in a request of its own.

        Raises: DeviceUnreachable: the unit did not answer. Refused: it said no.
        """
        return await self._bus.read(self._connection, block)

    async def _look_for_sign(self) -> None:
        """Raises: DeviceUnreachable: the unit did not answer."""
        try:
            with suppress(Refused, Mute):
                await self.one(self._signs[0])
        except Silent:
            self._signs.rotate(-1)
            raise
        self._is_there = True

    def _plan(self, batch: Batch) -> list[_Shared]:
        known = self._bus.cost(self._connection), self._lessons
        if batch._planned_for != known:
            batch._planned_for = known
            good = [block for block in batch.wanted if block not in self._bad]
            apart = [block for block in good if block in self._alone]
            others = [block for block in good if block not in self._alone]
            planned = blocks_of(others, known[0], self._borders, self._connection.max_registers)
            together = [[block] for block in apart] + [members for _, members in planned]
            batch._plan = [_shared(members, batch) for members in together]
        return batch._plan

    async def _take(self, shared: _Shared, batch: Batch, answers: list[Answer]) -> bool:
        """Reads what *shared* is for; returns whether the unit gave it all."""
        block, members, parts = shared
        try:
            words = await self.one(block)
        except (Refused, Mute) as refusal:
            await self._halve(members, refusal, batch, answers)
            return False
        except Silent:
            self._is_there = bool(self._is_there) and self._connection.is_rtu  # there its owner asks for a sign
            raise
        self._is_there = True
        for place, part in parts:
            answers[place] = words[part]
        return True

    async def _halve(self, members: list[Block], refusal: No, batch: Batch, answers: list[Answer]) -> None:
        """Finds what is wrong with *members*, whose reading together met with *refusal*."""
        is_hopeless = isinstance(refusal, Refused) and refusal.code == UNKNOWN_FUNCTION
        if len(members) == 1 or is_hopeless:
            for member in members:
                answers[batch.places[member]] = refusal
            if not is_hopeless and (isinstance(refusal, Mute) or members[0] not in self._alone):
                self._bad[members[0]] = _Bad(refusal)
                self._lessons += 1
            return
        left, right = _halves(members)
        if isinstance(refusal, Mute):
            self._part(left, right)  # the read may be cut off before all timeouts are over; the next goes on from here
        are_good = [await self._take(_shared(half, batch), batch, answers) for half in (left, right)]
        if all(are_good) and not isinstance(refusal, Mute):
            self._part(left, right)

    def _part(self, left: list[Block], right: list[Block]) -> None:
        """Never has *left* and *right* read together again."""
        self._borders.add_seam(left[0].table, _end(left), right[0].register)
        self._lessons += 1

    async def _again(self, block: Block) -> Answer:
        """What is known of a *block* that was refused, or what the unit says of it now."""
        bad = self._bad[block]
        if bad.is_due():
            try:
                words = await self.one(block)
            except (Refused, Mute) as refusal:
                bad.refusal = refusal
            else:
                del self._bad[block]
                self._lessons += 1
                return words
        return bad.refusal


class _Bad:
    """That a block was refused, and when to ask for it again."""

    def __init__(self, refusal: No) -> None:
        self.refusal = refusal
        self._pause = self._left = 1

    def is_due(self) -> bool:
        """Whether to ask now; counts the reads."""
        self._left -= 1
        if self._left > 0:
            return False
        if isinstance(self.refusal, Mute):
            self._pause = min(8 * self._pause, _SELDOM_MUTE)
        else:
            self._pause = min(2 * self._pause, _SELDOM)
        self._left = self._pause
        return True


def _shared(members: list[Block], batch: Batch) -> _Shared:
    block, parts = around(members), []
    for member in members:
        first = member.register - block.register
        parts.append((batch.places[member], slice(first, first + member.count)))
    return _Shared(block, members, parts)


def _halves(members: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """*members* in two: at the hole next to the middle, or in the middle if there is none."""
    holes = [place for place in range(1, len(members)) if _end(members[:place]) < members[place].register]
    middle = len(members) // 2
    at = min(holes or [middle], key=lambda place: abs(place - middle))
    return list(members[:at]), list(members[at:])


def _end(members: Sequence[Block]) -> int:
    return max(member.register + member.count for member in members)

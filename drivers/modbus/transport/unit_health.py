"""Unit health: whether one unit answers, how quickly, and which blocks it gave; learnt from its responses."""

from ..connection import ModbusConnection
from ..register_block import RegisterBlock
from ..request_cost import RequestCost, size_of
from .unit_backoff import UnitBackoff

_WEIGHT = 1 / 8
"""Of the newest turnaround against all before."""
_FORGETS_AFTER = 5
"""What it answered before means nothing any more once it was silent so often, at all of that."""
_DRIFT = 1.25
"""A cost is worked out again once the turnaround has changed by this factor."""


def are_alike(one: RegisterBlock, other: RegisterBlock) -> bool:
    """Whether a response with the words of *one* looks as one with those of *other*."""
    return one.table == other.table and size_of(one) == size_of(other)


class UnitHealth:
    """The health of one unit, as the bus has seen it."""

    def __init__(self) -> None:
        self.backoff = UnitBackoff()
        self.turnaround_s: float | None = None
        """How long it takes from a request to its response, wire time not counted; None before the first."""
        self.why_silent = ""
        """What its silence began with."""
        self.oddities: list[str] = []
        """See `RegisterBus.oddities_of`."""
        self._noted: set[str] = set()
        self._answered: dict[RegisterBlock, bool] = {}
        """What it was asked for and answered → whether it gave it. Last is what it answered last."""
        self._costs: dict[ModbusConnection, tuple[float | None, RequestCost]] = {}

    def record_response(self, turnaround_s: float) -> None:
        """Takes down that it responded, whatever it said, after *turnaround_s*."""
        self.backoff.succeed()
        known_s = turnaround_s if self.turnaround_s is None else self.turnaround_s
        self.turnaround_s = known_s + _WEIGHT * (turnaround_s - known_s)

    def record_read(self, block: RegisterBlock, *, is_given: bool) -> None:
        """Takes down that it responded to a read of *block*, and whether it gave it."""
        self._answered.pop(block, None)
        self._answered[block] = is_given

    def note_oddity(self, kind: str, sentence: str) -> None:
        """Takes down what is odd about how it speaks, once of each *kind*."""
        if kind not in self._noted:
            self._noted.add(kind)
            self.oddities.append(sentence)

    def record_silence(self, now: float, why: str) -> None:
        """Takes down that it did not respond, and *why* that is thought."""
        if not self.backoff.failures:
            self.why_silent = why
        self.backoff.fail(now)

    @property
    def is_silent(self) -> bool:
        """It has not answered since it was silent."""
        return self.backoff.failures > 0

    @property
    def known_block(self) -> RegisterBlock | None:
        """What it answers if it answers at all; None if it never did."""
        return next(reversed(self._answered), None)

    def known_block_unlike(self, block: RegisterBlock) -> RegisterBlock | None:
        """As `known_block`; where it can be one whose words are no answer to a read of *block*."""
        unlike = (each for each in reversed(self._answered) if not are_alike(each, block))
        return next(unlike, self.known_block)

    def invalidate(self, block: RegisterBlock) -> None:
        """*block* was met with silence: it may do so for ever, and something else has to show that it is there."""
        if self._answered.pop(block, None) is not None:
            self._answered = {block: False} | self._answered
        if self.backoff.failures >= _FORGETS_AFTER and not any(self._answered.values()):
            self._answered.clear()  # it may be another device by now

    def has_given(self, block: RegisterBlock) -> bool:
        """Whether *block* was given when it was last asked for."""
        return self._answered.get(block, False)

    def probe_timeout_s(self, timeout_s: float) -> float:
        """How long to wait for its response, of *timeout_s* at most."""
        return self.backoff.probe_timeout_s(timeout_s, self.turnaround_s or 0.0)

    def cost(self, connection: ModbusConnection) -> RequestCost:
        """What a read from it costs; the same object until that has changed much."""
        at_s, cost = self._costs.get(connection, (None, None))
        now_s = self.turnaround_s
        if cost is None or (now_s is not None and (at_s is None or not at_s / _DRIFT <= now_s <= at_s * _DRIFT)):
            cost = connection.cost(now_s)
            self._costs[connection] = now_s, cost
        return cost

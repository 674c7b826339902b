"""The replay of a recorded Modbus device, with the timing of its polls. Pure: time is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import msgspec
from msgspec import Struct

from ..commissioning.recording import NoRecording, RecordedPoll, RecordingHeader
from .registers import ExceptionResponse, NoResponse, Registers, Table

_ILLEGAL_ADDRESS = 2


class _RecordedBlock(Struct, frozen=True):
    """A recorded answer: the words of a block of registers, or the exception."""

    unit: int
    table: Table
    register: int
    words: tuple[int, ...] = ()
    count: int = 0
    exception: int | None = None


class Replay:
    """A replay of *polls*, *speed* times as fast as they were, from the first request on; the last one lasts.

    Requests that were answered with an exception are again; what was never asked for is exception 2. Writes are
    acknowledged and change nothing.
    """

    def __init__(self, header: RecordingHeader, polls: Sequence[RecordedPoll], place: str, speed: float = 1.0) -> None:
        """Raises: NoRecording: it is not of a Modbus device, or has no answer."""
        self.header = header
        self.length_s = polls[-1].at_s / speed if polls else 0.0
        self._speed = speed
        self._polls = [(poll.at_s / speed, bool(poll.silent), _blocks(poll, place)) for poll in polls]
        units = dict.fromkeys(block.unit for _, _, blocks in self._polls for block in blocks)
        if not units:
            raise NoRecording(place, "no Modbus device says anything in it")
        self.units: Mapping[int, Registers] = {unit: _ReplayedUnit(self) for unit in units}
        self._started_at_s = inf
        self._next = 0
        self._is_silent = False

    def played_s(self, now_s: float) -> float:
        """How long it has been playing, at most its length."""
        return min(max(0.0, now_s - self._started_at_s), self.length_s)

    def advance(self, now_s: float) -> None:
        """Brings all units to the polls up to *now_s*, in seconds on a clock that never steps.

        Raises: NoResponse: there was no answer.
        """
        self._started_at_s = min(self._started_at_s, now_s)
        played_s = now_s - self._started_at_s
        while self._next < len(self._polls) and self._polls[self._next][0] <= played_s:
            _, self._is_silent, blocks = self._polls[self._next]
            for block in blocks:
                unit = self.units[block.unit]
                assert isinstance(unit, _ReplayedUnit)
                unit.record(block)
            self._next += 1
        if self._is_silent:
            raise NoResponse


def _blocks(poll: RecordedPoll, place: str) -> list[_RecordedBlock]:
    try:
        return msgspec.convert(poll.notes, list[_RecordedBlock])
    except msgspec.ValidationError as exc:
        raise NoRecording(place, f"what is noted at {poll.at_s:g} s is none of Modbus") from exc


@dataclass(slots=True)
class _ReplayedUnit:
    """A unit as recorded so far: its words, and the requests it refused."""

    replay: Replay
    words: dict[tuple[str, int], int] = field(default_factory=dict)
    refused: dict[tuple[str, int, int], int] = field(default_factory=dict)
    """Table, first register and count → exception."""

    def record(self, block: _RecordedBlock) -> None:
        if block.exception is not None:
            self.refused[block.table, block.register, block.count] = block.exception
            return
        self.refused.pop((block.table, block.register, len(block.words)), None)
        for register, word in enumerate(block.words, block.register):
            self.words[block.table, register] = word

    def read(self, address: int, count: int, now_s: float, table: Table = "holding") -> list[int]:
        self.replay.advance(now_s)
        if code := self.refused.get((table, address, count)):
            raise ExceptionResponse(code)
        places = [(table, register) for register in range(address, address + count)]
        missing = [register for _, register in places if (table, register) not in self.words]
        if missing:
            raise ExceptionResponse(self._code(table, missing[0]))
        return [self.words[place] for place in places]

    def write(self, address: int, words: Sequence[int], now_s: float, table: Table = "holding") -> None:
        self.replay.advance(now_s)

    def _code(self, table: str, register: int) -> int:
        """The exception to a request for *register* alone, or to the smallest that held it."""
        holding = [
            (count, code)
            for (where, first, count), code in self.refused.items()
            if where == table and first <= register < first + count
        ]
        return min(holding)[1] if holding else _ILLEGAL_ADDRESS

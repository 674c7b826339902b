"""A recorded device that says again what it said, at the times at which it said so. Pure: time is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import msgspec
from msgspec import Struct

from ..commissioning.recording import NoRecording, RecordedPoll, RecordingHeader
from .registers import Refusal, Registers, Silence, Table

_NO_SUCH_ADDRESS = 2


class _Note(Struct, frozen=True):
    """What a Modbus device said of some registers."""

    unit: int
    table: Table
    register: int
    words: tuple[int, ...] = ()
    count: int = 0
    exception: int | None = None


class Replay:
    """*polls* of a Modbus device, *speed* times as fast as they were, from the first request on; the last one lasts.

    Requests that were answered with an exception are again; what was never asked for is exception 2. Writes are
    acknowledged and change nothing.
    """

    def __init__(self, header: RecordingHeader, polls: Sequence[RecordedPoll], place: str, speed: float = 1.0) -> None:
        """Raises: NoRecording: it is not of a Modbus device, or says nothing."""
        self.header = header
        self.length_s = polls[-1].at_s / speed if polls else 0.0
        self._speed = speed
        self._polls = [(poll.at_s / speed, bool(poll.silent), _notes(poll, place)) for poll in polls]
        units = dict.fromkeys(note.unit for _, _, notes in self._polls for note in notes)
        if not units:
            raise NoRecording(place, "no Modbus device says anything in it")
        self.units: Mapping[int, Registers] = {unit: _Unit(self) for unit in units}
        self._started_at_s = inf
        self._next = 0
        self._is_silent = False

    def played_s(self, now_s: float) -> float:
        """How long it has been playing, at most its length."""
        return min(max(0.0, now_s - self._started_at_s), self.length_s)

    def advance(self, now_s: float) -> None:
        """Brings all units to what was said by *now_s*, in seconds on a clock that never steps.

        Raises: Silence: nothing was said.
        """
        self._started_at_s = min(self._started_at_s, now_s)
        played_s = now_s - self._started_at_s
        while self._next < len(self._polls) and self._polls[self._next][0] <= played_s:
            _, self._is_silent, notes = self._polls[self._next]
            for note in notes:
                unit = self.units[note.unit]
                assert isinstance(unit, _Unit)
                unit.take(note)
            self._next += 1
        if self._is_silent:
            raise Silence


def _notes(poll: RecordedPoll, place: str) -> list[_Note]:
    try:
        return msgspec.convert(poll.notes, list[_Note])
    except msgspec.ValidationError as exc:
        raise NoRecording(place, f"at {poll.at_s:g} s: {exc}") from exc


@dataclass(slots=True)
class _Unit:
    """What one unit has said so far."""

    replay: Replay
    words: dict[tuple[str, int], int] = field(default_factory=dict)
    refused: dict[tuple[str, int, int], int] = field(default_factory=dict)
    """Table, first register and count → exception."""

    def take(self, note: _Note) -> None:
        if note.exception is not None:
            self.refused[note.table, note.register, note.count] = note.exception
            return
        self.refused.pop((note.table, note.register, len(note.words)), None)
        for register, word in enumerate(note.words, note.register):
            self.words[note.table, register] = word

    def read(self, address: int, count: int, now_s: float, table: Table = "holding") -> list[int]:
        self.replay.advance(now_s)
        if code := self.refused.get((table, address, count)):
            raise Refusal(code)
        places = [(table, register) for register in range(address, address + count)]
        missing = [register for _, register in places if (table, register) not in self.words]
        if missing:
            raise Refusal(self._code(table, missing[0]))
        return [self.words[place] for place in places]

    def write(self, address: int, words: Sequence[int], now_s: float, table: Table = "holding") -> None:
        self.replay.advance(now_s)

    def _code(self, table: str, register: int) -> int:
        """With which exception a request for *register* alone was refused, or one that held it."""
        holding = [
            (count, code)
            for (where, first, count), code in self.refused.items()
            if where == table and first <= register < first + count
        ]
        return min(holding)[1] if holding else _NO_SUCH_ADDRESS

"""The log limiter: what is noted over and over is logged some times, then counted, lest it fill the disk. Pure."""

from collections import Counter
from math import inf

from msgspec.structs import replace

from ..s2.effects import Level, Note

WITHIN_S = 60.0
MOST_ALIKE = 5
"""Of notes that say the same, so many are logged within this time..."""
MOST_OF_AN_EVENT = 100
"""...and of all that note the same event at the same level, so many. The others are counted."""


class LogLimiter:
    """The log limiter of one node: what was noted lately."""

    def __init__(self) -> None:
        self._spells: dict[tuple[str, Level], _Spell] = {}

    def admit(self, note: Note, now_s: float) -> list[Note]:
        """What is to be logged when *note* is made; perhaps nothing."""
        of = note.event, note.level
        spell = self._spells.get(of)
        if spell is None or now_s >= spell.until_s:
            counted = spell.counted() if spell else []
            self._spells[of] = spell = _Spell(note, now_s + WITHIN_S)
            return [*counted, note]
        return [note] if spell.admits(note) else []

    def due(self, now_s: float) -> list[Note]:
        """What was counted, and is to be logged by *now_s*."""
        ended = [spell for spell in self._spells.values() if now_s >= spell.until_s]
        self._spells = {of: spell for of, spell in self._spells.items() if now_s < spell.until_s}
        return [count for spell in ended for count in spell.counted()]

    def next_at(self) -> float:
        """When something is due; never while there is nothing to tell."""
        return min((spell.until_s for spell in self._spells.values() if spell.more), default=inf)


class _Spell:
    """A spell of notes of one event, from the first of them until the time is over."""

    def __init__(self, first: Note, until_s: float) -> None:
        self.until_s = until_s
        self.more = 0
        self._newest = first
        self._logged = Counter([_said(first)])

    def admits(self, note: Note) -> bool:
        """Whether *note* is to be logged."""
        self._newest = note
        said = _said(note)
        if self._logged[said] < MOST_ALIKE and self._logged.total() < MOST_OF_AN_EVENT:
            self._logged[said] += 1
            return True
        self.more += 1
        return False

    def counted(self) -> list[Note]:
        return [replace(self._newest, facts={"more": self.more})] if self.more else []


def _said(note: Note) -> tuple[object, ...]:
    # The same of one message after the other is the same.
    return tuple((key, value) for key, value in note.facts.items() if key != "message_id")

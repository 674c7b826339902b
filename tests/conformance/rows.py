"""The rows of the suite: what each asks of an RM, what came of it under which CEM, and how that is told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import pytest

PASS, FAIL, NOT_APPLICABLE = "PASS", "FAIL", "N_A"
_RANK = (NOT_APPLICABLE, PASS, FAIL)
_COLOURS = {PASS: "\033[32m", FAIL: "\033[31m", NOT_APPLICABLE: "\033[33m"}
_PLAIN_INK = "\033[0m"
_SENTENCE_LIMIT = 110
"""A longer sentence is no sentence."""

Test = TypeVar("Test", bound=Callable[..., object])


class Row(NamedTuple):
    """One thing that is asked of an RM."""

    id: str
    """Stable, e.g. `PARSE-1`; what stands before the number is its area."""
    sentence: str
    source: str
    """The kind of source that asks for it."""
    profiles: tuple[str, ...]
    """The CEMs it is asked by; empty for all."""
    is_virtual: bool
    """Whether it is played without a socket, in virtual time, and so asks only our own RM."""

    @property
    def area(self) -> str:
        return self.id.rpartition("-")[0]


ROWS: dict[str, Row] = {}
"""All rows of the modules imported so far, by id."""


def row(
    row_id: str, sentence: str, *, source: str, by: Iterable[str] = (), virtual: bool = False
) -> Callable[[Test], Test]:
    """States a row, which the test it stands above asks. *by* names the CEM profiles that ask; all if none is named."""
    assert row_id not in ROWS, f"{row_id} is stated twice"
    assert len(sentence) <= _SENTENCE_LIMIT, f"{row_id}: {len(sentence)} characters"
    ROWS[row_id] = stated = Row(row_id, sentence, source, tuple(by), virtual)
    return pytest.mark.row(stated)


@dataclass
class Results:
    """What came of the rows."""

    profiles: tuple[str, ...]
    """The columns, in order."""
    verdicts: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """By row id and profile: the verdict and, unless it passed, why."""

    def add(self, row_id: str, profile: str, verdict: str, why: str = "") -> None:
        """Notes a verdict. Of several, one that failed counts, else one that passed."""
        known = self.verdicts.setdefault(row_id, {})
        if profile not in known or _RANK.index(verdict) > _RANK.index(known[profile][0]):
            known[profile] = (verdict, why)

    def count(self, verdict: str) -> int:
        return sum(found == verdict for by_profile in self.verdicts.values() for found, _ in by_profile.values())

    def summary(self) -> str:
        """All in one line."""
        counts = ", ".join(f"{self.count(each)} {each}" for each in (PASS, FAIL, NOT_APPLICABLE))
        return f"{len(self.verdicts)} rows: {counts}"

    def lines(self, rows: Iterable[Row], *, is_coloured: bool = False) -> list[str]:
        """A heading, then one line for each of *rows* that was asked, in their order."""
        asked = [row for row in rows if row.id in self.verdicts]
        if not asked:
            return []
        id_width = max(len(row.id) for row in asked)
        width = max(len(row.sentence) for row in asked)
        heading = " ".join(f"{name:<{self._width(name)}}" for name in self.profiles)
        lines = [f"{'':<{id_width}}  {'':<{width}}  {heading}".rstrip()]
        for row in asked:
            cells = " ".join(self._cell(row.id, profile, is_coloured) for profile in self.profiles)
            lines.append(f"{row.id:<{id_width}}  {row.sentence:<{width}}  {cells}  {self._reasons(row.id)}".rstrip())
        return lines

    def _cell(self, row_id: str, profile: str, is_coloured: bool) -> str:
        verdict, _ = self.verdicts[row_id].get(profile, ("·", ""))
        cell = f"{verdict:<{self._width(profile)}}"
        return f"{_COLOURS[verdict]}{cell}{_PLAIN_INK}" if is_coloured and verdict in _COLOURS else cell

    def _width(self, profile: str) -> int:
        return max(len(profile), len(PASS))

    def _reasons(self, row_id: str) -> str:
        """Each reason once, with whom it is about unless that is everybody who asked."""
        by_profile = self.verdicts[row_id]
        whose: dict[str, list[str]] = {}
        for profile, (_, why) in by_profile.items():
            if why:
                whose.setdefault(why, []).append(profile)
        told = (why if len(names) == len(by_profile) else f"{', '.join(names)}: {why}" for why, names in whose.items())
        return "; ".join(told)

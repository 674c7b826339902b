"""The rows of the suite: what each asks of an RM and on what ground, what came of it, and how that is told."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

import pytest

_PLAIN_INK = "\033[0m"
_SENTENCE_LIMIT = 110
"""A longer sentence is no sentence."""

Test = TypeVar("Test", bound=Callable[..., object])


class Published(NamedTuple):
    """A published text that says what the row says, so that whoever does otherwise breaks it."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


class Peer(NamedTuple):
    """A CEM or a tool of the field that needs it, though no published text asks for it."""

    name: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.name}, {self.where}" if self.where else self.name


class House(NamedTuple):
    """What this house makes of a text that leaves it open."""

    about: str

    def __str__(self) -> str:
        return f"our reading: {self.about}"


Source = Published | Peer | House


class Verdict(StrEnum):
    """What came of a row under one CEM."""

    BROKEN = "FAIL"
    DIFFERS = "DIFF"
    NOT_ASKED = "N_A"
    PASS = "PASS"


MEANING = {
    Verdict.BROKEN: "broke the published text",
    Verdict.DIFFERS: "broke this house's reading",
    Verdict.NOT_ASKED: "could not be asked",
    Verdict.PASS: "as asked",
}
"""In the order of the report, worst first."""
_RANK = (Verdict.NOT_ASKED, Verdict.PASS, Verdict.DIFFERS, Verdict.BROKEN)
_COLOURS = {
    Verdict.BROKEN: "\033[31m",
    Verdict.DIFFERS: "\033[35m",
    Verdict.NOT_ASKED: "\033[33m",
    Verdict.PASS: "\033[32m",
}


class Row(NamedTuple):
    """One thing that is asked of an RM."""

    id: str
    """Stable, e.g. `PARSE-1`; what stands before the number is its area."""
    sentence: str
    source: Source
    """Who asks for it; whose text is broken by an RM that does otherwise."""
    profiles: tuple[str, ...] = ()
    """The CEMs it is asked by; empty for all."""
    is_virtual: bool = False
    """Whether it is played without a socket, in virtual time, and so asks only our own RM."""

    @property
    def area(self) -> str:
        return self.id.rpartition("-")[0]

    @property
    def failed(self) -> Verdict:
        """The verdict on an RM that does otherwise."""
        return Verdict.BROKEN if isinstance(self.source, Published) else Verdict.DIFFERS


class NotReached(AssertionError):
    """The RM did not come to where the row asks its question."""


class Differs(AssertionError):
    """It is otherwise than this house reads the text, whatever asks for the row."""


class Misspoke(AssertionError):
    """The row has its answer; what the RM said on the way was wrong, for which there are rows of their own."""


@contextmanager
def leading_there(what: str) -> Iterator[None]:
    """Steps on the way to what a row asks: an RM that fails in one could not be asked."""
    try:
        yield
    except NotReached:
        raise
    except AssertionError as exc:
        raise NotReached(f"{what}: {exc}") from exc


@contextmanager
def beyond_the_text(what: str) -> Iterator[None]:
    """What a row with a published source looks at besides: an RM that does otherwise breaks our reading only."""
    try:
        yield
    except (NotReached, Differs):
        raise
    except AssertionError as exc:
        raise Differs(f"{what}: {exc}") from exc


ROWS: dict[str, Row] = {}
"""All rows of the modules imported so far, by id."""


def state(row_id: str, sentence: str, *, source: Source, by: Iterable[str] = (), virtual: bool = False) -> Row:
    """States a row. *by* names the CEM profiles that ask; all if none is named."""
    assert row_id not in ROWS, f"{row_id} is stated twice"
    assert len(sentence) <= _SENTENCE_LIMIT, f"{row_id}: {len(sentence)} characters"
    ROWS[row_id] = stated = Row(row_id, sentence, source, tuple(by), virtual)
    return stated


def row(
    row_id: str, sentence: str, *, source: Source, by: Iterable[str] = (), virtual: bool = False
) -> Callable[[Test], Test]:
    """States a row, which the test it stands above asks."""
    return pytest.mark.row(state(row_id, sentence, source=source, by=by, virtual=virtual))


def verdict_on(error: BaseException, row: Row, *, is_own: bool) -> Verdict | None:
    """What *error* says of the RM that was asked *row*; None if it says something of the suite.

    Our own RM has no excuse for not coming to where it is asked.
    """
    match error:
        case Misspoke():
            return Verdict.PASS
        case NotReached() if not is_own:
            return Verdict.NOT_ASKED
        case Differs():
            return Verdict.DIFFERS
        case AssertionError() | pytest.fail.Exception():
            return row.failed
        case _:
            return None


@dataclass
class Results:
    """What came of the rows."""

    profiles: tuple[str, ...]
    """The columns, in order."""
    verdicts: dict[str, dict[str, tuple[Verdict, str]]] = field(default_factory=dict)
    """By row id and profile: the verdict and, unless it passed, why."""
    is_suite_broken: bool = False
    """Whether something failed that says nothing of the RM."""

    def add(self, row_id: str, profile: str, verdict: Verdict, why: str = "") -> None:
        """Notes a verdict. Of several the worst counts, and one that was asked more than one that was not."""
        known = self.verdicts.setdefault(row_id, {})
        if profile not in known or _RANK.index(verdict) > _RANK.index(known[profile][0]):
            known[profile] = (verdict, why)

    def count(self, verdict: Verdict) -> int:
        return sum(found == verdict for by_profile in self.verdicts.values() for found, _ in by_profile.values())

    @property
    def exit_status(self) -> int:
        """Of a run on a foreign RM: 1 if it broke the published text, 3 if the suite itself is broken, else 0."""
        if self.count(Verdict.BROKEN):
            return int(pytest.ExitCode.TESTS_FAILED)
        return int(pytest.ExitCode.INTERNAL_ERROR if self.is_suite_broken else pytest.ExitCode.OK)

    def summary(self) -> str:
        """All in one line."""
        counts = ", ".join(f"{self.count(each)} {each} ({meaning})" for each, meaning in MEANING.items())
        return f"{len(self.verdicts)} rows: {counts}"

    def lines(self, rows: Iterable[Row], *, is_coloured: bool = False) -> list[str]:
        """A heading, then those of *rows* that were asked, one a line, under what the worst verdict on each means."""
        asked = [row for row in rows if row.id in self.verdicts]
        if not asked:
            return []
        id_width, width, source_width = (
            max(map(len, texts))
            for texts in zip(*((row.id, row.sentence, str(row.source)) for row in asked), strict=True)
        )
        heading = " ".join(f"{name:<{self._width(name)}}" for name in self.profiles)
        lines = [f"{'':<{id_width}}  {'':<{width}}  {'':<{source_width}}  {heading}".rstrip()]
        for verdict, meaning in MEANING.items():
            group = [row for row in asked if self._worst(row.id) is verdict]
            lines += ["", f"{meaning}: {len(group)}"] if group else []
            for row in group:
                cells = " ".join(self._cell(row.id, profile, is_coloured) for profile in self.profiles)
                told = f"{row.id:<{id_width}}  {row.sentence:<{width}}  {row.source!s:<{source_width}}  {cells}"
                lines.append(f"{told}  {self._reasons(row.id)}".rstrip())
        return lines

    def _worst(self, row_id: str) -> Verdict:
        return max((verdict for verdict, _ in self.verdicts[row_id].values()), key=_RANK.index)

    def _cell(self, row_id: str, profile: str, is_coloured: bool) -> str:
        if profile not in self.verdicts[row_id]:
            return f"{'·':<{self._width(profile)}}"
        verdict, _ = self.verdicts[row_id][profile]
        cell = f"{verdict:<{self._width(profile)}}"
        return f"{_COLOURS[verdict]}{cell}{_PLAIN_INK}" if is_coloured else cell

    def _width(self, profile: str) -> int:
        return max(len(profile), len(Verdict.PASS))

    def _reasons(self, row_id: str) -> str:
        """Each reason once, with whom it is about unless that is everybody who asked."""
        by_profile = self.verdicts[row_id]
        whose: dict[str, list[str]] = {}
        for profile, (_, why) in by_profile.items():
            if why:
                whose.setdefault(why, []).append(profile)
        told = (why if len(names) == len(by_profile) else f"{', '.join(names)}: {why}" for why, names in whose.items())
        return "; ".join(told)

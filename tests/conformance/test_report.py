"""The verdicts, whose blame each is, and the report at the end of a run."""

import importlib
from pathlib import Path

import pytest

from tests.published import SCHEMAS, needs_spec

from .rows import (
    MEANING,
    ROWS,
    Differs,
    House,
    Misspoke,
    NotReached,
    Peer,
    Published,
    Results,
    Row,
    beyond_the_text,
    leading_there,
    verdict_on,
)

BROKEN, DIFFERS, NOT_ASKED, PASS = MEANING
TEXT = Row("ONE-1", "it answers", Published("S2 JSON", "ReceptionStatus"))
PEERS = Row("TWO-10", "it comes back", Peer("peers"))
OURS = Row("TWO-11", "it is quick", House("ReceptionStatus"))
SILENT = Row("TWO-12", "nobody asked", House("ReceptionStatus"))
ROWS_HERE = (TEXT, PEERS, OURS, SILENT)


def test_rows_that_were_asked_stand_under_what_came_of_them_worst_first():
    results = Results(("plain", "strict"))
    results.add("ONE-1", "plain", PASS)
    results.add("ONE-1", "strict", BROKEN, "no answer")
    results.add("TWO-10", "plain", NOT_ASKED, "needs hardware")
    results.add("TWO-11", "plain", DIFFERS, "slow")
    results.add("TWO-11", "strict", DIFFERS, "slow")
    assert results.lines(ROWS_HERE) == [
        "                                                     plain strict",
        "",
        "broke the published text: 1",
        "ONE-1   it answers     S2 JSON, ReceptionStatus      PASS  FAIL    strict: no answer",
        "",
        "broke this house's reading: 1",
        "TWO-11  it is quick    our reading: ReceptionStatus  DIFF  DIFF    slow",
        "",
        "could not be asked: 1",
        "TWO-10  it comes back  peers                         N_A   ·       needs hardware",
    ]
    assert results.summary() == (
        "3 rows: 1 FAIL (broke the published text), 2 DIFF (broke this house's reading), "
        "1 N_A (could not be asked), 1 PASS (as asked)"
    )


def test_verdicts_are_coloured_on_a_terminal_and_stay_aligned():
    results = Results(("plain", "strict"))
    results.add("ONE-1", "plain", PASS)
    results.add("ONE-1", "strict", BROKEN, "no answer")
    assert results.lines(ROWS_HERE, is_coloured=True)[-1] == (
        "ONE-1  it answers  S2 JSON, ReceptionStatus  \033[32mPASS \033[0m \033[31mFAIL  \033[0m  strict: no answer"
    )


def test_of_several_verdicts_on_a_row_the_worst_counts():
    results = Results(("plain",))
    for verdict in (NOT_ASKED, PASS, DIFFERS, BROKEN, DIFFERS, NOT_ASKED, PASS):
        results.add("ONE-1", "plain", verdict, "" if verdict is PASS else verdict)
    assert results.verdicts == {"ONE-1": {"plain": (BROKEN, "FAIL")}}


@pytest.mark.parametrize(
    ("verdicts", "is_suite_broken", "status"),
    [
        ((PASS, DIFFERS, NOT_ASKED), False, 0),
        ((PASS, BROKEN, NOT_ASKED), False, 1),
        ((PASS, BROKEN), True, 1),
        ((PASS, DIFFERS), True, 3),
    ],
)
def test_the_exit_status_says_whether_the_published_text_was_broken(verdicts, is_suite_broken, status):
    results = Results(("plain",), is_suite_broken=is_suite_broken)
    for row, verdict in zip(ROWS_HERE, verdicts, strict=False):
        results.add(row.id, "plain", verdict)
    assert results.exit_status == status


@pytest.mark.parametrize(
    ("error", "on_text", "on_peers"),
    [
        (AssertionError("OK"), BROKEN, DIFFERS),
        (NotReached("no fill level"), NOT_ASKED, NOT_ASKED),
        (Differs("no answer"), DIFFERS, DIFFERS),
        (Misspoke("SAID-1: no such field"), PASS, PASS),
        (KeyError("transition_timestamp"), None, None),
    ],
)
def test_blame_follows_from_the_source_and_from_where_it_went_wrong(error, on_text, on_peers):
    assert verdict_on(error, TEXT, is_own=False) == on_text
    assert verdict_on(error, PEERS, is_own=False) == on_peers
    assert verdict_on(error, OURS, is_own=False) == on_peers


def test_our_own_rm_has_no_excuse_for_not_coming_to_where_it_is_asked():
    assert verdict_on(NotReached("no fill level"), TEXT, is_own=True) is BROKEN
    assert verdict_on(NotReached("no fill level"), OURS, is_own=True) is DIFFERS


def test_what_fails_on_the_way_is_not_what_the_row_asks():
    level = leading_there("the fill level is told")
    with pytest.raises(NotReached, match="the fill level is told: none"), beyond_the_text("it is done"), level:
        raise AssertionError("none")
    with pytest.raises(Differs, match="it is done: ABORTED"), beyond_the_text("it is done"):
        raise AssertionError("ABORTED")


@needs_spec
def test_every_section_of_the_schemas_that_is_cited_is_there():
    for module in Path(__file__).parent.glob("test_*.py"):
        importlib.import_module(f"{__package__}.{module.stem}")
    cited = {
        row.source.section
        for row in ROWS.values()
        if isinstance(row.source, Published) and row.source.document == "S2 JSON"
    }
    assert len(cited) >= 10
    for section in cited - {"the schema of the message"}:
        name, _, field = section.rpartition(".")
        is_field = bool(name) and field[0].islower()
        files = [*SCHEMAS.glob(f"*/{name if is_field else section}.schema.json")]
        assert files, section
        assert not is_field or f'"{field}"' in files[0].read_text(), section

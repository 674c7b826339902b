"""The report at the end of a run."""

from .rows import FAIL, NOT_APPLICABLE, PASS, Results, Row

ROWS = (
    Row("ONE-1", "it answers", "peers", (), is_virtual=False),
    Row("TWO-10", "it comes back", "peers", (), is_virtual=False),
    Row("TWO-11", "nobody asked", "peers", (), is_virtual=False),
)


def test_there_is_a_line_for_each_row_that_was_asked():
    results = Results(("plain", "strict"))
    results.add("ONE-1", "plain", PASS)
    results.add("ONE-1", "strict", FAIL, "AssertionError: no answer")
    results.add("TWO-10", "plain", NOT_APPLICABLE, "needs hardware")
    assert results.lines(ROWS) == [
        "                       plain strict",
        "ONE-1   it answers     PASS  FAIL    strict: AssertionError: no answer",
        "TWO-10  it comes back  N_A   ·       needs hardware",
    ]
    assert results.summary() == "2 rows: 1 PASS, 1 FAIL, 1 N_A"


def test_verdicts_are_coloured_on_a_terminal_and_stay_aligned():
    results = Results(("plain", "strict"))
    results.add("ONE-1", "plain", PASS)
    results.add("ONE-1", "strict", FAIL, "no answer")
    coloured = results.lines(ROWS, is_coloured=True)[1]
    assert coloured == "ONE-1  it answers  \033[32mPASS \033[0m \033[31mFAIL  \033[0m  strict: no answer"


def test_of_several_verdicts_on_a_row_the_one_that_failed_counts():
    results = Results(("plain",))
    for verdict in (NOT_APPLICABLE, PASS, FAIL, NOT_APPLICABLE, PASS):
        results.add("ONE-1", "plain", verdict, "" if verdict == PASS else verdict)
    assert results.verdicts == {"ONE-1": {"plain": (FAIL, FAIL)}}

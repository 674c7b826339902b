"""What holds of instructions under every control type."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from s2d.s2.effects import Apply, Effect
from s2d.s2.messages.common import ControlType

from .every_control import EDGES_OF_TIME, EVERY, Staged, statuses
from .stage import told

every = pytest.mark.parametrize("staged", EVERY)
HOUR_S = 3600
MANY, APART_S = 1000, 16


def written_for(effects: list[Effect]) -> list[int]:
    """The orders that were written, by their counts, in order."""
    reasons = [effect.setpoint.reason for effect in effects if isinstance(effect, Apply)]
    return [int(reason.rpartition("i-")[2]) for reason in reasons if reason.startswith("instruction i-")]


@every
def test_every_step_of_an_instruction_is_told(staged: type[Staged]) -> None:
    scene = staged()
    effects = scene.order(1)
    assert statuses([*effects, *scene.follows(effects)]) == [(1, "ACCEPTED"), (1, "STARTED"), (1, "SUCCEEDED")]


@every
@pytest.mark.parametrize("after_s", [0, -600])
def test_the_first_thing_told_can_be_the_verdict(staged: type[Staged], after_s: float) -> None:
    scene = staged("final")
    effects = scene.order(1, after_s=after_s)
    assert told(effects)[0] == "ReceptionStatus OK"
    assert statuses(effects) == []
    assert statuses(scene.follows(effects)) == [(1, "SUCCEEDED")]


@every
@pytest.mark.parametrize("after_s", [0, 600])
def test_the_verdict_on_what_is_taken_back_is_that_it_was(staged: type[Staged], after_s: float) -> None:
    scene = staged("final")
    count = 1
    if after_s:
        scene.follows(scene.order(1))
        count = 2
    assert statuses(scene.order(count, after_s=after_s)) == []
    assert statuses(scene.revokes(count)) == [(count, "REVOKED")]


@every
def test_what_comes_late_is_done_at_once(staged: type[Staged]) -> None:
    scene = staged()
    effects = scene.order(1, after_s=-30 * 24 * HOUR_S)
    assert written_for(effects) == [1]
    assert statuses(scene.follows(effects)) == [(1, "SUCCEEDED")]


@every
@pytest.mark.parametrize("at", EDGES_OF_TIME, ids=str)
def test_an_order_for_the_edge_of_time_is_answered_and_hinders_no_other(staged: type[Staged], at: datetime) -> None:
    scene = staged()
    effects = scene.order(1, execution_time=at)
    # A task has an end; all else can wait for ever.
    later = "REJECTED" if scene.control_type is ControlType.POWER_PROFILE_BASED_CONTROL else "ACCEPTED"
    assert told(effects)[0] == "ReceptionStatus OK"
    assert statuses(effects)[-1] == (1, later if at.year > 9000 else "STARTED")
    scene.follows(effects)
    scene.lives(HOUR_S)
    assert told(scene.order(2))[0] == "ReceptionStatus OK"


@every
@pytest.mark.parametrize(("age_s", "became"), [(60.0, "STARTED"), (60.001, "REJECTED")])
def test_an_owner_may_have_what_comes_too_late_rejected(staged: type[Staged], age_s: float, became: str) -> None:
    scene = staged(max_instruction_age_s=60.0)
    effects = scene.order(1, after_s=-age_s)
    assert told(effects)[0] == "ReceptionStatus OK"
    assert statuses(effects)[-1] == (1, became)
    assert written_for(effects) == ([1] if became == "STARTED" else [])


@every
@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_thousand_wait_and_a_step_of_the_clock_neither_loses_nor_repeats_one(
    staged: type[Staged], step_s: float
) -> None:
    scene = staged()
    effects: list[Effect] = []
    for count in range(1, MANY + 1):
        effects += scene.order(count, after_s=count * APART_S)
    assert statuses(effects) == [(count, "ACCEPTED") for count in range(1, MANY + 1)]
    effects = scene.lives(100.5 * APART_S)
    scene.stage.utc_step = timedelta(seconds=step_s)
    effects += scene.lives((MANY + 1) * APART_S + HOUR_S)
    # An hour forward makes 225 due at once: the last of them begins, and each of those before is told to have ended.
    overtaken = range(101, 325) if step_s > 0 else range(0)
    started = [count for count in range(1, MANY + 1) if count not in overtaken]
    written = written_for(effects)  # modes are written only if they differ enough from what is done already
    assert written == sorted(set(written) & set(started))
    became = Counter(statuses(effects))
    assert became == Counter(
        {(count, status): 1 for count in started for status in ("STARTED", "SUCCEEDED")}
        | {(count, "ABORTED"): 1 for count in overtaken}
    )

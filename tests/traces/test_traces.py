"""Every trace: replayed, it comes to equal effects, ids included."""

from pathlib import Path
from typing import get_args

import pytest

from s2d.observe.recording import RecordedRun, decode_run, replay
from s2d.s2.effects import Effect, Event

from . import FOLDER
from .stories import STORIES

TRACES = sorted(FOLDER.glob("*.jsonl"))


def run_of(path: Path) -> RecordedRun:
    with path.open("rb") as lines:
        return decode_run(lines)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_recorded_run_replays_to_equal_effects(path: Path) -> None:
    run = run_of(path)
    for expected, found in zip(run.taken, replay(run), strict=True):
        assert found == expected


def test_every_story_is_recorded() -> None:
    assert STORIES.keys() <= {path.stem for path in TRACES}


def test_together_the_traces_hold_every_event_and_every_effect() -> None:
    taken = [each for path in TRACES for each in run_of(path).taken]
    assert {type(event) for event, _, _ in taken} == set(get_args(Event))
    assert {type(effect) for _, effects, _ in taken for effect in effects} == set(get_args(Effect))

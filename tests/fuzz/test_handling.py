"""Whatever arrives, in whatever order: handling is total, every frame is answered once, and nothing piles up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2d.messages import wire
from s2d.messages.common import ReceptionStatus, ReceptionStatusValues
from s2d.messages.vet import vet

from .atheris_handling import one_conversation
from .frames import any_json, messages, near_messages, noise, twins
from .trial import PHASES, Trial

phases = st.sampled_from(PHASES)
STATUSES = [status for status in ReceptionStatusValues if status is not ReceptionStatusValues.PERMANENT_ERROR]


@given(phases, st.lists(noise | any_json, min_size=1, max_size=30))
@settings(deadline=None)
def test_noise_is_answered_once_and_changes_nothing(phase: str, frames: list[str | bytes]) -> None:
    trial = Trial(phase)
    for frame in frames:
        trial.receives(frame)
    trial.goes_on()


@given(phases, st.data())
@settings(deadline=None)
def test_a_conversation_of_anything_goes_on(phase: str, choices: st.DataObject) -> None:
    trial = Trial(phase)
    for _ in range(choices.draw(st.integers(1, 30))):
        match choices.draw(
            st.sampled_from(["said", "said", "nearly", "nearly", "noise", "answered", "passed", "measured"])
        ):
            case "said":
                trial.receives(choices.draw(messages(trial.ids)))
            case "nearly":
                trial.receives(choices.draw(near_messages(trial.ids)))
            case "noise":
                trial.receives(choices.draw(noise | any_json))
            case "answered":
                subject = choices.draw(st.sampled_from(trial.unanswered or trial.ids))
                status = choices.draw(st.sampled_from(STATUSES))
                trial.receives(wire.encode(ReceptionStatus(subject_message_id=subject, status=status)).decode())
            case "passed":
                trial.passes(choices.draw(st.sampled_from([0.0, 0.5, 4.9, 5.0, 30.0, 400.0])))
            case "measured":
                trial.measures(choices.draw(st.floats(0, 100)), choices.draw(st.floats(-6000, 6000)))
    trial.goes_on()


@given(twins(("a1", "i1")))
@settings(deadline=None)
def test_a_key_that_stands_twice_is_found_wherever_it_stands(frame: str) -> None:
    for version in wire.VERSIONS:
        with pytest.raises(wire.UnreadableFrame):
            vet(frame, wire.decode(frame, version))


@given(st.binary(max_size=500))
@settings(deadline=None)
def test_what_atheris_would_try_runs(octets: bytes) -> None:
    one_conversation(octets)

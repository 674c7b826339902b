"""Whatever arrives, in whatever order: handling is total, every frame is answered once, and nothing piles up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from s2d.s2.messages import wire
from s2d.s2.messages.common import ReceptionStatus, ReceptionStatusValues
from s2d.s2.messages.vet import vet

from ..core.every_control import EDGES_OF_TIME
from .atheris_handling import one_conversation
from .frames import any_json, messages, near_messages, nearly, noise, twins
from .parts import PARTS, Part
from .trial import PHASES, Trial

phases = st.sampled_from(PHASES)
parts = st.sampled_from(PARTS)
happenings = st.sampled_from(
    (
        *(
            "ordered",
            "ordered",
            "ordered",
            "ordered for the edge of time",
            "nearly ordered",
            "said",
            "nearly said",
            "noise",
            "answered",
        ),
        *("passed", "stepped", "measured", "followed", "followed", "quiet"),
        *("changed", "lost", "selected", "came back"),
    )
)
STATUSES = [status for status in ReceptionStatusValues if status is not ReceptionStatusValues.PERMANENT_ERROR]


@given(phases, parts, st.lists(noise | any_json, min_size=1, max_size=30))
def test_noise_is_answered_once_and_changes_nothing(phase: str, part: type[Part], frames: list[str | bytes]) -> None:
    trial = Trial(phase, part())
    for frame in frames:
        trial.receives(frame)
    trial.goes_on()


@pytest.mark.parametrize("part", PARTS)
@given(phase=phases, choices=st.data())
def test_a_conversation_of_anything_goes_on(part: type[Part], phase: str, choices: st.DataObject) -> None:
    trial = Trial(phase, part())
    for count in range(choices.draw(st.integers(1, 30))):
        happening = choices.draw(happenings)
        choice = choices.draw(st.integers(0, 20_000))
        match happening:
            case "ordered":
                trial.receives(wire.encode(trial.part.order(f"order-{count}", choice)).decode())
            case "ordered for the edge of time":
                at = EDGES_OF_TIME[choice % len(EDGES_OF_TIME)]
                order = replace(trial.part.order(f"order-{count}", choice), execution_time=at)
                trial.receives(wire.encode(order).decode())
            case "nearly ordered":
                trial.receives(choices.draw(nearly(trial.part.order(f"order-{count}", choice))))
            case "said":
                trial.receives(choices.draw(messages(trial.ids, part.instructions)))
            case "nearly said":
                trial.receives(choices.draw(near_messages(trial.ids, part.instructions)))
            case "noise":
                trial.receives(choices.draw(noise | any_json))
            case "answered":
                subject = choices.draw(st.sampled_from(trial.unanswered or trial.ids))
                status = choices.draw(st.sampled_from(STATUSES))
                trial.receives(wire.encode(ReceptionStatus(subject_message_id=subject, status=status)).decode())
            case "passed":
                trial.passes(choices.draw(st.sampled_from([0.0, 0.5, 4.9, 5.0, 30.0, 400.0])))
            case "stepped":
                trial.steps(choices.draw(st.sampled_from([3600.0, -3600.0])))
            case "measured":
                trial.measures(trial.part.readings(choice))
            case "followed":
                trial.follows()
            case "quiet":
                trial.is_quiet = not trial.is_quiet
            case "changed":
                trial.part.change(choice)
                trial.measures({})
            case "lost":
                trial.is_lost()
            case "selected":
                trial.selects()
            case "came back":
                trial.comes_back()
    trial.goes_on()


@given(twins(("a1", "i1")))
def test_a_key_that_stands_twice_is_found_wherever_it_stands(frame: str) -> None:
    for version in wire.VERSIONS:
        with pytest.raises(wire.UnreadableFrame):
            vet(frame, wire.decode(frame, version))


@given(st.binary(max_size=500))
def test_what_atheris_would_try_runs(octets: bytes) -> None:
    one_conversation(octets)

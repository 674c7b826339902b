"""Several actuators in one resource: what goes wrong with one is no business of the others, in FRBC and in DDBC."""

import pytest

from s2d.events import Applied, Lost, Refused
from s2d.s2.effects import (
    Apply,
    Effect,
)
from s2d.s2.messages.common import InstructionStatusUpdate, RevokableObjects, RevokeObject

from .resources_modes import Hybrid, Play, Tank, messages
from .stage import applied

both = pytest.mark.parametrize(
    ("make", "other", "kind"),
    [(Tank, "rod", RevokableObjects.FRBC_INSTRUCTION), (Hybrid, "boiler", RevokableObjects.DDBC_INSTRUCTION)],
    ids=["FRBC", "DDBC"],
)


def updates(effects: list[Effect]) -> list[tuple[str, str]]:
    return [
        (message.instruction_id, message.status_type.value)
        for message in messages(effects)
        if isinstance(message, InstructionStatusUpdate)
    ]


def running(make: type[Tank] | type[Hybrid], other: str) -> tuple[Play, list[Effect], list[Effect]]:
    """Both actuators are told to run, and neither was seen to yet; what is to be written to each."""
    play = Play(make())
    play.connected()
    pump = play.orders("on 1", of="pump", name="pump")
    rest = play.orders("on 0.3", of=other, name="other")
    return play, pump, rest


def other_goes_on(play: Play, rest: list[Effect]) -> None:
    assert updates(play.follows(rest)) == [("other", "SUCCEEDED")]


@both
def test_one_that_does_not_follow_is_brought_to_its_default_alone(
    make: type[Tank] | type[Hybrid], other: str, kind: RevokableObjects
) -> None:
    play, pump, rest = running(make, other)
    for effect in [*pump, *rest]:
        if isinstance(effect, Apply):
            play.on(Applied(effect.setpoint))
    play.elapsed_s = 59.0
    play.seen(**{other: "on 0.3"})
    effects = play.after(1.0)
    assert updates(effects) == [("pump", "ABORTED")]
    assert applied(effects) == [("pump", "off 0")]


@both
def test_one_whose_write_fails_is_brought_to_its_default_alone(
    make: type[Tank] | type[Hybrid], other: str, kind: RevokableObjects
) -> None:
    play, pump, rest = running(make, other)
    (setpoint,) = (effect.setpoint for effect in pump if isinstance(effect, Apply))
    effects = play.on(Refused(setpoint, "exception 4"))
    assert (updates(effects), applied(effects)) == ([("pump", "ABORTED")], [("pump", "off 0")])
    other_goes_on(play, rest)


@both
def test_one_whose_instruction_is_revoked_is_brought_to_its_default_alone(
    make: type[Tank] | type[Hybrid], other: str, kind: RevokableObjects
) -> None:
    play, _, rest = running(make, other)
    effects = play.hears(RevokeObject(message_id="revoke", object_type=kind, object_id="pump"))
    assert (updates(effects), applied(effects)) == ([("pump", "REVOKED")], [("pump", "off 0")])
    other_goes_on(play, rest)


@both
def test_what_waits_for_the_others_still_comes(
    make: type[Tank] | type[Hybrid], other: str, kind: RevokableObjects
) -> None:
    play, pump, rest = running(make, other)
    play.orders("on 0.8", of=other, name="later", after_s=30)
    (setpoint,) = (effect.setpoint for effect in pump if isinstance(effect, Apply))
    play.on(Refused(setpoint, "exception 4"))
    play.follows(rest)
    assert applied(play.after(30)) == [(other, "on 0.8")]


@both
def test_a_device_that_is_lost_takes_all_that_run_with_it(
    make: type[Tank] | type[Hybrid], other: str, kind: RevokableObjects
) -> None:
    play, _, _ = running(make, other)
    effects = play.on(Lost("no answer"))
    assert updates(effects) == [("pump", "ABORTED"), ("other", "ABORTED")]
    assert applied(effects) == [("pump", "off 0"), (other, "off 0")]

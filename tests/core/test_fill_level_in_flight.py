"""A fill level that leaves a mode while an instruction is on its way, and instructions for when it will be another."""

from .resources_played import updates
from .stage import Stage, told

INVALID = "ReceptionStatus INVALID_CONTENT"


def at_the_limit() -> Stage:
    """The battery has just become full, and said so."""
    stage = Stage()
    stage.active(soc=94.0)
    stage.elapsed_s += 60
    stage.heard(*stage.measured(soc=99.0))
    return stage


def test_what_was_possible_when_it_was_sent_is_well_received_and_rejected() -> None:
    stage = at_the_limit()
    stage.elapsed_s += 4.9
    effects = stage.hears(stage.instruction("late", stage.charge, 0.5))
    assert (told(effects)[0], updates(effects)) == ("ReceptionStatus OK", [("late", "REJECTED")])


def test_what_a_cem_should_know_is_invalid() -> None:
    stage = at_the_limit()
    stage.elapsed_s += 5
    assert told(stage.hears(stage.instruction("wrong", stage.charge, 0.5))) == [INVALID]


def test_for_a_later_time_it_is_held_and_looked_at_when_it_is_due() -> None:
    stage = at_the_limit()
    stage.elapsed_s += 5
    for name in ("noon", "night"):
        after_s = 3600 if name == "noon" else 7200
        effects = stage.hears(stage.instruction(name, stage.charge, 0.5, after_s=after_s))
        assert updates(effects) == [(name, "ACCEPTED")]
    assert updates(stage.after(3600)) == [("noon", "STARTED"), ("noon", "ABORTED")]
    stage.measured(soc=60.0, power=0.0)
    assert updates(stage.after(3600)) == [("night", "STARTED")]

"""A CEM that plans ahead says the same a dozen times; what is done already is not written once more."""

from typing import Any

import pytest

from s2d.s2.effects import Effect

from .resources_played import updates
from .stage import Stage, applied

DONE = ["ACCEPTED", "STARTED", "SUCCEEDED"]


def charging(factor: float = 0.5, **changes: Any) -> Stage:
    stage = Stage(**changes)
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("first", stage.charge, factor)))
    stage.measured(soc=50.0, power=5000.0 * factor)
    return stage


def again(stage: Stage, factor: float) -> list[Effect]:
    stage.elapsed_s += 60
    return stage.hears(stage.instruction(f"again-{factor * 1000:.0f}", stage.charge, factor))


def test_the_same_and_what_is_not_worth_telling_from_it_succeed_at_once() -> None:
    stage = charging()
    for factor in (0.5, 0.505):
        effects = again(stage, factor)
        assert [status for _, status in updates(effects)] == DONE
        assert applied(effects) == []


def test_small_steps_do_not_add_up_to_what_is_never_written() -> None:
    stage = charging()
    assert applied(again(stage, 0.509)) == []
    assert applied(again(stage, 0.518)) == [("power_setpoint", 2590.0)]


@pytest.mark.parametrize("worth_telling_w", [50.0, 1000.0])
def test_another_power_is_written(worth_telling_w: float) -> None:
    stage = charging(power_w=worth_telling_w)
    assert applied(again(stage, 0.6)) == [("power_setpoint", 3000.0)]


def test_what_is_not_done_any_more_is_written_again() -> None:
    stage = charging()
    stage.measured(power=1000.0)
    assert applied(again(stage, 0.5)) == [("power_setpoint", 2500.0)]


def test_what_the_battery_was_kept_from_is_written_again() -> None:
    stage = charging()
    assert applied(stage.measured(soc=95.0)) == [("power_setpoint", 0.0)]
    stage.measured(soc=90.0, power=2500.0)
    assert applied(again(stage, 0.5)) == [("power_setpoint", 2500.0)]


def test_what_was_ended_by_an_order_that_could_not_begin_is_written_again() -> None:
    stage = charging()
    stage.hears(stage.instruction("later", stage.discharge, 0.0, after_s=10.0))
    stage.elapsed_s += 9
    stage.measured(soc=10.0, power=2500.0)
    assert applied(stage.after(1)) == [("power_setpoint", 0.0)]
    assert applied(again(stage, 0.5)) == [("power_setpoint", 2500.0)]

"""A state of charge that came too soon: protections act on it, the CEM is not told of it."""

import pytest

from s2d.events import Measured
from s2d.rm.control.pebc.envelopes import PresentLimits
from s2d.rm.kinds.battery.battery import OrderedLimits
from s2d.s2.effects import Effect
from s2d.s2.messages import frbc
from s2d.values import Quality, Reading

from .stage import Stage, applied, notes, said, told

DOUBT = "went from 50 to 0 % within 2 s, which is too soon to be believed at once"
LIMITED = ("soc", "power", "charge_limit", "discharge_limit")


def doubted(stage: Stage, soc: float) -> list[Effect]:
    return stage.on(Measured((Reading("soc", soc, Quality.DOUBTFUL, DOUBT),)))


def levels(effects: list[Effect]) -> list[float]:
    return [each.present_fill_level for each in said(effects) if isinstance(each, frbc.StorageStatus)]


@pytest.mark.parametrize(
    ("mode", "soc", "is_stopped"),
    [("discharge", 0.0, True), ("charge", 100.0, True), ("discharge", 100.0, False), ("charge", 0.0, False)],
)
def test_an_order_towards_full_or_empty_is_stopped_at_once_and_the_level_told_to_nobody(
    mode: str, soc: float, is_stopped: bool
) -> None:
    stage = Stage()
    stage.active(soc=50.0)
    stage.confirmed(*stage.hears(stage.instruction("one", getattr(stage, mode), 0.5)))
    effects = doubted(stage, soc)
    assert applied(effects) == ([("power_setpoint", 0.0)] if is_stopped else [])
    assert told(effects) == (["InstructionStatusUpdate ABORTED"] if is_stopped else [])
    assert notes(effects)[:1] == (["resource.protected"] if is_stopped else [])
    stage.elapsed_s += 1
    assert levels(stage.measured(soc=51.0)) == [51.0]


def test_nothing_is_begun_against_it_and_all_is_possible_again_once_it_has_passed() -> None:
    stage = Stage()
    stage.active(soc=50.0)
    doubted(stage, 0.0)
    effects = stage.hears(stage.instruction("one", stage.discharge, 0.5))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
    stage.measured(soc=50.0)
    effects = stage.hears(stage.instruction("two", stage.discharge, 0.5))
    assert applied(effects) == [("power_setpoint", -2000.0)]


def test_a_level_that_is_believed_at_last_is_told() -> None:
    stage = Stage()
    stage.active(soc=20.0)
    assert levels(doubted(stage, 100.0)) == []
    assert levels(stage.measured(soc=100.0)) == [100.0]


def test_a_doubt_ends_with_what_it_was_about() -> None:
    stage = Stage()
    stage.active(soc=50.0)
    doubted(stage, 0.0)
    stage.on(Measured((Reading("soc", None, Quality.BAD, "no good value for 10 s"),)))
    stage.measured(soc=50.0)
    assert applied(stage.hears(stage.instruction("one", stage.discharge, 0.5))) == [("power_setpoint", -2000.0)]


def test_within_limits_only_the_one_that_would_go_beyond_is_put_to_0() -> None:
    stage = Stage(points=LIMITED, fallback=())
    stage.measured(soc=50.0, power=0.0)
    wanted = PresentLimits({}, until=stage.now.mono + 3600.0, is_abnormal=False)
    stage.battery.limits_within(OrderedLimits(3000.0, 2000.0), wanted, "test")
    effects = doubted(stage, 5.0)
    assert applied(effects) == [("charge_limit", 3000.0), ("discharge_limit", 0.0)]
    assert applied(stage.measured(soc=50.0)) == [("charge_limit", 3000.0), ("discharge_limit", 2000.0)]

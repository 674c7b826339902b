"""A device that keeps less of an order than it was told: what it rounds to, or the most that it can."""

import pytest

from s2d.events import Applied
from s2d.s2.effects import Apply, Effect, Note

from .stage import Stage, applied, told

ORDERED_W, KEPT_W = 5000.0, 3680.0


def ordered(stage: Stage, keeps: float | None, name: str = "i-1", factor: float = 1.0) -> list[Effect]:
    """The device confirms an order, and what it keeps of it."""
    effects = stage.hears(stage.instruction(name, stage.charge, factor))
    for effect in effects:
        if isinstance(effect, Apply):
            effects = stage.on(Applied(effect.setpoint, keeps))
    stage.elapsed_s += 1
    return effects


@pytest.mark.parametrize("power_w", [KEPT_W, KEPT_W - 200, KEPT_W + 200])
def test_what_it_keeps_is_what_it_has_to_do(power_w: float) -> None:
    stage = Stage()
    stage.active()
    effects = ordered(stage, KEPT_W)
    (note,) = [each for each in effects if isinstance(each, Note)]
    assert note.facts == {
        "point": "power_setpoint",
        "value": ORDERED_W,
        "reason": "instruction i-1",
        "keeps": KEPT_W,
    }
    effects = stage.measured(soc=50.0, power=power_w)
    assert "InstructionStatusUpdate SUCCEEDED" in told(effects)
    (status,) = [effect.message for effect in effects if told([effect]) == ["FRBC.ActuatorStatus"]]
    assert status.active_operation_mode_id == stage.charge
    assert status.operation_mode_factor == pytest.approx(power_w / ORDERED_W)


def test_who_does_neither_what_it_keeps_nor_what_was_ordered_does_not_follow() -> None:
    stage = Stage()
    stage.active()
    ordered(stage, KEPT_W)
    stage.measured(soc=50.0, power=2000.0)
    effects = stage.after(61)
    assert "InstructionStatusUpdate ABORTED" in told(effects)
    assert applied(effects) == [("power_setpoint", 0.0)]


def test_what_it_kept_of_another_order_is_no_matter() -> None:
    stage = Stage()
    stage.active()
    ordered(stage, KEPT_W)
    stage.measured(soc=50.0, power=KEPT_W)
    ordered(stage, None, "i-2", 0.9)
    assert "InstructionStatusUpdate SUCCEEDED" not in told(stage.measured(soc=50.0, power=KEPT_W))
    assert "InstructionStatusUpdate SUCCEEDED" in told(stage.measured(soc=50.0, power=4500.0))


def test_once_it_keeps_all_again_it_has_to_do_all() -> None:
    stage = Stage()
    stage.active()
    for name, keeps in (("i-1", KEPT_W), ("i-2", None)):
        ordered(stage, None, f"before {name}", 0.2)
        ordered(stage, keeps, name)
    assert "InstructionStatusUpdate SUCCEEDED" not in told(stage.measured(soc=50.0, power=KEPT_W))


def test_the_same_order_again_is_done_already_as_far_as_it_is_kept() -> None:
    stage = Stage()
    stage.active()
    ordered(stage, KEPT_W)
    stage.measured(soc=50.0, power=KEPT_W)
    effects = stage.hears(stage.instruction("i-2", stage.charge, 1.0))
    assert applied(effects) == []
    assert told(effects)[-1] == "InstructionStatusUpdate SUCCEEDED"

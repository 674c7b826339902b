"""A roof whose constraints and needs are for a while only."""

from datetime import timedelta

import pytest

from s2d.rm.control.pebc.control import EnergyNeed
from s2d.s2.messages.common import ControlType, RevokeObject, SelectControlType
from s2d.s2.messages.pebc import EnergyConstraint, PowerEnvelopeConsequenceType

from .resources_played import L1, updates
from .resources_roof import LOWER, UPPER, Roof, RoofStage, allowed, constraints
from .stage import NOON, applied, notes, said, told

PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL


def need(begins_s: float, ends_s: float) -> EnergyNeed:
    return EnergyNeed(L1, NOON + timedelta(seconds=begins_s), NOON + timedelta(seconds=ends_s), 0.0, -1000.0)


def selected(stage: RoofStage) -> list[str]:
    effects = stage.hears(SelectControlType(message_id="again", control_type=PEBC))
    assert "message.withheld" not in notes(effects)
    return told(effects)


def test_constraints_that_have_run_out_are_not_told_until_there_are_others() -> None:
    stage = RoofStage(Roof(constraints(valid_until=NOON + timedelta(seconds=60))))
    assert "PEBC.PowerConstraints" in told(stage.active())
    stage.after(61)
    assert selected(stage) == ["ReceptionStatus OK", "PowerMeasurement"]
    assert told(stage.hears(stage.envelope("late", (60, -2000, 0)))) == ["ReceptionStatus INVALID_CONTENT"]
    stage.roof.offered = constraints(valid_until=NOON + timedelta(seconds=120))
    assert told(stage.measured(power=0.0)) == ["PEBC.PowerConstraints"]
    assert updates(stage.hears(stage.envelope("now", (60, -2000, 0))))[-1] == ("now", "STARTED")


def test_constraints_replaced_by_ones_that_have_run_out_are_revoked_and_end_what_is_limited() -> None:
    stage = RoofStage()
    stage.active()
    stage.done(stage.hears(stage.envelope("limit", (3600, -2000, 0))), power=0.0)
    stage.hears(stage.envelope("later", (3600, -2000, 0), after_s=30))
    stage.roof.offered = constraints(valid_until=NOON)
    effects = stage.measured(power=0.0)
    assert told(effects) == ["RevokeObject", "InstructionStatusUpdate ABORTED"]
    assert applied(effects) == [("limits", "none")]
    effects = stage.after(30)
    assert (updates(effects), applied(effects)) == ([("later", "STARTED"), ("later", "ABORTED")], [("limits", "none")])


def test_constraints_that_have_run_out_and_been_replaced_are_no_base_for_an_instruction() -> None:
    stage = RoofStage(Roof(constraints(valid_until=NOON + timedelta(seconds=60))))
    stage.active()
    former = stage.constraints_id
    stage.after(61)
    stage.roof.offered = constraints()
    assert told(stage.measured(power=0.0)) == ["PEBC.PowerConstraints"]
    effects = stage.hears(stage.envelope("old", (60, -2000, 0), power_constraints_id=former))
    assert (told(effects)[0], updates(effects)) == ("ReceptionStatus OK", [("old", "REJECTED")])


def test_a_need_that_is_gone_is_revoked_unless_its_time_is_over() -> None:
    stage = RoofStage(Roof(needs=(need(-10, 60), need(60, 120))))
    stage.active()
    stage.elapsed_s = 61
    stage.roof.needs = ()
    assert told(stage.measured(power=0.0)) == ["PowerMeasurement", "RevokeObject"]


def test_a_need_whose_time_is_over_is_not_told() -> None:
    past, present, future = need(-20, -10), need(-10, 60), need(60, 120)
    stage = RoofStage(Roof(needs=(past, present, future)))
    told_of = [each for each in said(stage.active()) if isinstance(each, EnergyConstraint)]
    assert [(each.valid_from, each.valid_until) for each in told_of] == [
        (present.valid_from, present.valid_until),
        (future.valid_from, future.valid_until),
    ]
    stage.elapsed_s = 61
    assert selected(stage).count("PEBC.EnergyConstraint") == 1
    stage.roof.needs = ()
    (revoked,) = said(stage.measured(power=0.0))
    assert isinstance(revoked, RevokeObject)


@pytest.mark.parametrize("consequence", PowerEnvelopeConsequenceType)
def test_what_a_limit_costs_the_resource_is_told_and_changes_nothing_else(
    consequence: PowerEnvelopeConsequenceType,
) -> None:
    ranges = (allowed(LOWER, -4000, 0), allowed(UPPER, 0, 0))
    stage = RoofStage(Roof(type(constraints())(consequence, ranges), (need(0, 3600),)))
    published, energy = said(stage.active())[1:3]
    assert getattr(published, "consequence_type", None) is consequence
    assert isinstance(energy, EnergyConstraint)
    stage.done(stage.hears(stage.envelope("limit", (60, -2000, 0))), power=0.0)
    assert applied(stage.after(60)) == [("limits", "none")]

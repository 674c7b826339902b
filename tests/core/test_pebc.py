"""A roof steered by PEBC: what may be limited, and what becomes of envelopes."""

import json
from datetime import timedelta
from math import inf

import pytest
from msgspec.structs import replace

from s2d.events import Lost, Refused
from s2d.rm.control.pebc.control import EnergyNeed, Limits, PresentLimits
from s2d.rm.instructions import ELEMENTS_LIMIT
from s2d.s2.effects import (
    Apply,
    Connected,
    Note,
    Tick,
)
from s2d.s2.messages import pebc, wire
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)

from ..published import needs_spec, violations
from .resources_played import L1, L2, revocation, updates
from .resources_roof import LOWER, UPPER, Roof, RoofStage, allowed, constraints, envelope
from .stage import NOON, applied, said, told

HOUR = 3600.0
NEED = EnergyNeed(L1, NOON, NOON + timedelta(hours=8), 3000.0, 1000.0)


def revoke(object_id: str) -> RevokeObject:
    return revocation(RevokableObjects.PEBC_INSTRUCTION, object_id)


def limited(stage: RoofStage) -> None:
    """An envelope of three hours is in force and has succeeded."""
    effects = stage.hears(stage.envelope("three", (HOUR, -2000, 0), (HOUR, -1000, 0), (HOUR, -3000, 0)))
    assert updates(stage.done(effects, power=-1500.0)) == [("three", "SUCCEEDED")]


# --- constraints -----------------------------------------------------------------------------------------------------


def test_selecting_pebc_tells_constraints_at_once_and_leaves_no_limit_of_before() -> None:
    stage = RoofStage(Roof(needs=(NEED,)))
    effects = stage.active(power=-100.0)
    assert told(effects) == [
        "ReceptionStatus OK",
        "PEBC.PowerConstraints",
        "PEBC.EnergyConstraint",
        "PowerMeasurement",
    ]
    assert said(effects)[1:3] == [
        pebc.PowerConstraints(
            message_id="rm-2",
            id="rm-1",
            valid_from=NOON,
            consequence_type=pebc.PowerEnvelopeConsequenceType.VANISH,
            allowed_limit_ranges=(allowed(LOWER, -4000, 0), allowed(UPPER, 0, 0)),
        ),
        pebc.EnergyConstraint(
            message_id="rm-4",
            id="rm-3",
            valid_from=NOON,
            valid_until=NOON + timedelta(hours=8),
            upper_average_power=3000.0,
            lower_average_power=1000.0,
            commodity_quantity=L1,
        ),
    ]
    assert applied(effects) == [("limits", "none")]


def test_what_has_not_changed_is_not_told_again() -> None:
    stage = RoofStage(Roof(needs=(NEED,)))
    stage.active()
    stage.roof.offered = constraints()
    assert told(stage.measured(power=10.0)) == []


def test_other_constraints_take_the_place_of_the_former() -> None:
    stage = RoofStage(Roof(needs=(NEED,)))
    stage.active()
    stage.roof.offered = constraints(allowed(LOWER, -3000, 0), allowed(UPPER, 0, 0))
    stage.roof.needs = ()
    former, (revoked, new, energy) = stage.constraints_id, said(stage.measured(power=0.0))
    assert isinstance(revoked, RevokeObject)
    assert (revoked.object_type, revoked.object_id) == (RevokableObjects.PEBC_POWER_CONSTRAINTS, former)
    assert isinstance(new, pebc.PowerConstraints)
    assert new.id != former
    assert isinstance(energy, RevokeObject)
    assert (energy.object_type, energy.object_id) == (RevokableObjects.PEBC_ENERGY_CONSTRAINT, "rm-3")
    late = stage.hears(stage.envelope("late", (HOUR, -2000, 0), power_constraints_id=former))
    assert told(late) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]


def test_constraints_that_have_run_out_are_not_revoked() -> None:
    stage = RoofStage(Roof(constraints(valid_until=NOON + timedelta(minutes=1))))
    stage.active()
    stage.after(60)
    stage.roof.offered = constraints(valid_until=NOON + timedelta(minutes=2))
    assert "RevokeObject" not in told(stage.measured(power=0.0))


def test_an_envelope_goes_on_under_new_constraints_that_allow_it() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    stage.roof.offered = constraints(allowed(LOWER, -2500, 0), allowed(UPPER, 0, 0))
    effects = stage.measured(power=-1500.0)
    assert told(effects) == ["RevokeObject", "PEBC.PowerConstraints"]
    assert applied(effects) == []
    effects = stage.after(HOUR)
    assert (applied(effects), updates(effects)) == ([("limits", "L1 -1000..0")], [])
    stage.done(effects, power=-900.0)
    effects = stage.after(HOUR)
    assert (applied(effects), updates(effects)) == ([("limits", "none")], [("three", "ABORTED")])


def test_a_present_limit_that_new_constraints_do_not_allow_is_aborted() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    stage.roof.offered = constraints(allowed(LOWER, -4000, -3000), allowed(UPPER, 0, 0))
    effects = stage.measured(power=-1500.0)
    assert told(effects) == ["RevokeObject", "PEBC.PowerConstraints", "InstructionStatusUpdate ABORTED"]
    assert applied(effects) == [("limits", "none")]
    assert applied(stage.after(4 * HOUR)) == []


def test_a_present_limit_beyond_what_is_possible_by_now_goes_on() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    stage.roof.offered = constraints(allowed(LOWER, -1500, 0), allowed(UPPER, 0, 0))
    effects = stage.measured(power=-1500.0)
    assert told(effects) == ["RevokeObject", "PEBC.PowerConstraints"]
    assert applied(effects) == []


def test_a_limit_between_two_ranges_is_allowed_and_one_beyond_them_is_not() -> None:
    charging = constraints(allowed(LOWER, 0, 0), allowed(UPPER, 4140, 11_000), allowed(UPPER, 0, 0))
    stage = RoofStage(Roof(charging))
    stage.active()
    assert updates(stage.hears(stage.envelope("gap", (60, 0, 2000))))[0] == ("gap", "ACCEPTED")
    assert updates(stage.hears(stage.envelope("beyond", (60, 0, 11_001)))) == [("beyond", "REJECTED")]


def test_limits_end_with_the_constraints_they_are_based_on() -> None:
    stage = RoofStage(Roof(constraints(valid_until=NOON + timedelta(minutes=30))))
    stage.active()
    limited(stage)
    assert applied(stage.after(1798)) == []
    effects = stage.after(1)
    assert (applied(effects), updates(effects)) == ([("limits", "none")], [("three", "ABORTED")])


# --- envelopes -------------------------------------------------------------------------------------------------------


def test_an_envelope_is_followed_element_by_element_and_then_lapses() -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(stage.envelope("day", (60, -2000, 0), (60, -1000, 0), (60, -3000, 0)))
    assert told(effects) == [
        "ReceptionStatus OK",
        "InstructionStatusUpdate ACCEPTED",
        "InstructionStatusUpdate STARTED",
    ]
    assert applied(effects) == [("limits", "L1 -2000..0")]
    assert updates(stage.done(effects, power=-1900.0)) == [("day", "SUCCEEDED")]
    assert applied(stage.after(58)) == []
    effects = stage.after(1)
    assert applied(effects) == [("limits", "L1 -1000..0")]
    assert updates(stage.done(effects, power=-990.0)) == []
    effects = stage.after(59)
    assert applied(effects) == [("limits", "L1 -3000..0")]
    stage.done(effects, power=-2990.0)
    effects = stage.after(59)
    assert (applied(effects), updates(effects)) == ([("limits", "none")], [])
    assert applied(stage.after(HOUR)) == []
    assert told(stage.hears(revoke("day"))) == ["ReceptionStatus INVALID_CONTENT"]


def test_an_element_that_says_the_same_as_the_one_before_writes_nothing() -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(stage.envelope("day", (60, -2000, 0), (60, -2000, 0), (60, -1000, 0)))
    assert applied(effects) == [("limits", "L1 -2000..0")]
    assert updates(stage.done(effects, power=-2000.0)) == [("day", "SUCCEEDED")]
    assert applied(stage.after(118)) == []
    effects = stage.after(1)
    assert applied(effects) == [("limits", "L1 -1000..0")]
    stage.done(effects, power=-990.0)
    assert applied(stage.after(59)) == [("limits", "none")]


def test_every_quantity_has_its_own_steps() -> None:
    ranges = (allowed(LOWER, -4000, 0, each) for each in (L1, L2)), (allowed(UPPER, 0, 0, each) for each in (L1, L2))
    stage = RoofStage(Roof(constraints(*ranges[0], *ranges[1])))
    stage.active()
    envelopes = (envelope((60, -2000, 0), (60, -1000, 0)), envelope((90, -500, 0), quantity=L2))
    effects = stage.hears(stage.envelope("both", power_envelopes=envelopes))
    assert applied(effects) == [("limits", "L1 -2000..0, L2 -500..0")]
    stage.done(effects, power=0.0)
    for wait_s, limits in ((59, "L1 -1000..0, L2 -500..0"), (29, "L1 -1000..0"), (29, "none")):
        effects = stage.after(wait_s)
        assert applied(effects) == [("limits", limits)]
        stage.done(effects, power=0.0)


def test_a_future_envelope_waits_for_its_time() -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(stage.envelope("later", (HOUR, -2000, 0), after_s=600))
    assert (applied(effects), updates(effects)) == ([], [("later", "ACCEPTED")])
    assert applied(stage.after(599)) == []
    assert applied(stage.after(1)) == [("limits", "L1 -2000..0")]


def test_one_that_comes_late_is_executed_whole_from_when_it_comes() -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(stage.envelope("late", (60, -2000, 0), (60, -1000, 0), after_s=-7200))
    assert applied(effects) == [("limits", "L1 -2000..0")]
    stage.done(effects, power=0.0)
    assert applied(stage.after(59)) == [("limits", "L1 -1000..0")]


def test_one_that_waited_and_starts_late_skips_what_should_be_over() -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("asleep", (60, -2000, 0), (60, -1000, 0), after_s=60))
    stage.elapsed_s += 150
    assert applied(stage.on(Tick())) == [("limits", "L1 -1000..0")]
    (limiting,) = stage.roof.limit(PresentLimits({L1: Limits(-1000, 0)}, inf, False), "instruction asleep", stage.now)
    stage.confirmed(*map(Apply, limiting.setpoints))
    assert updates(stage.seen(power=0.0)) == [("asleep", "SUCCEEDED")]
    assert applied(stage.after(29)) == [("limits", "none")]


def test_one_whose_whole_time_has_passed_while_it_waited_is_aborted() -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("asleep", (60, -2000, 0), after_s=60))
    stage.elapsed_s += 150
    effects = stage.on(Tick())
    assert updates(effects) == [("asleep", "STARTED"), ("asleep", "ABORTED")]
    assert applied(effects) == [("limits", "none")]


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_step_of_the_clock_leaves_the_steps_of_a_running_envelope_alone(step: timedelta) -> None:
    stage = RoofStage()
    stage.active()
    stage.done(stage.hears(stage.envelope("day", (60, -2000, 0), (60, -1000, 0))), power=0.0)
    stage.utc_step = step
    assert applied(stage.after(58)) == []
    assert applied(stage.after(1)) == [("limits", "L1 -1000..0")]


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_step_of_the_clock_neither_loses_nor_repeats_a_waiting_envelope(step: timedelta) -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("later", (3 * HOUR, -2000, 0), after_s=1800))
    stage.utc_step = step
    stage.roof.follow_within_s = 10 * HOUR
    assert [each for _ in range(6) for each in applied(stage.after(900))] == [("limits", "L1 -2000..0")]


def test_an_instruction_for_now_is_obeyed_after_the_clock_was_set_back() -> None:
    stage = RoofStage()
    stage.active()
    stage.utc_step = timedelta(hours=-1)
    assert applied(stage.hears(stage.envelope("now", (60, -2000, 0)))) == [("limits", "L1 -2000..0")]


def test_a_newer_envelope_ends_the_older_silently_if_that_had_succeeded() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    effects = stage.hears(stage.envelope("newer", (60, -500, 0)))
    assert updates(effects) == [("newer", "ACCEPTED"), ("newer", "STARTED")]
    assert applied(effects) == [("limits", "L1 -500..0")]
    effects = stage.hears(stage.envelope("newest", (60, -400, 0)))
    assert updates(effects) == [("newest", "ACCEPTED"), ("newer", "ABORTED"), ("newest", "STARTED")]
    stage.done(effects, power=0.0)
    assert applied(stage.after(3 * HOUR)) == [("limits", "none")]


def test_the_first_update_can_be_the_verdict() -> None:
    stage = RoofStage(updates="final")
    stage.active()
    effects = stage.hears(stage.envelope("one", (HOUR, 0, 0), execution_time=NOON - timedelta(hours=2)))
    assert told(effects) == ["ReceptionStatus OK"]
    assert updates(stage.done(effects, power=0.0)) == [("one", "SUCCEEDED")]
    assert told(stage.hears(stage.envelope("two", (HOUR, -4001, 0)))) == [
        "ReceptionStatus OK",
        "InstructionStatusUpdate REJECTED",
    ]


def test_readings_of_before_prove_nothing_and_neither_does_power_beyond_the_limits() -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(stage.envelope("one", (HOUR, -1000, 0)))
    assert updates(stage.seen(power=-500.0)) == []
    assert updates(stage.confirmed(*effects)) == []
    assert updates(stage.measured(power=-500.0)) == []
    assert updates(stage.seen(power=-1500.0)) == []
    assert updates(stage.seen(power=-500.0)) == [("one", "SUCCEEDED")]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lower", "upper"), [(-4001.0, 0.0), (1.0, 1.0), (-2000.0, -1.0), (-2000.0, 1.0)], ids=str)
@pytest.mark.parametrize("position", [0, 1])
def test_a_limit_outside_what_is_allowed_is_well_received_and_rejected(
    lower: float, upper: float, position: int
) -> None:
    stage = RoofStage()
    stage.active()
    elements = [(60.0, -100.0, 0.0), (60.0, -100.0, 0.0)]
    elements[position] = (60.0, lower, upper)
    effects = stage.hears(stage.envelope("beyond", *elements))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
    assert applied(effects) == []


@pytest.mark.parametrize("lower", [-4000.0, 0.0])
def test_the_ends_of_a_range_are_allowed(lower: float) -> None:
    stage = RoofStage()
    stage.active()
    assert updates(stage.hears(stage.envelope("end", (60, lower, 0))))[0] == ("end", "ACCEPTED")


def test_a_quantity_that_cannot_be_limited_is_rejected() -> None:
    stage = RoofStage()
    stage.active()
    assert updates(stage.hears(stage.envelope("other", (60, 0, 0), quantity=L2))) == [("other", "REJECTED")]


def test_ranges_for_abnormal_conditions_count_only_in_those() -> None:
    ranges = allowed(LOWER, -4000, 0), allowed(UPPER, 0, 0), allowed(UPPER, -4000, 0, abnormal=True)
    stage = RoofStage(Roof(constraints(*ranges)))
    stage.active()
    assert updates(stage.hears(stage.envelope("normal", (60, -4000, -1)))) == [("normal", "REJECTED")]
    effects = stage.hears(stage.envelope("abnormal", (60, -4000, -1), abnormal_condition=True))
    assert applied(effects) == [("limits", "L1 -4000..-1")]


def test_an_envelope_starts_while_its_constraints_are_valid() -> None:
    hours = {"valid_from": NOON + timedelta(hours=1), "valid_until": NOON + timedelta(hours=2)}
    stage = RoofStage(Roof(constraints(**hours)))
    stage.active()
    for name, after_s, status in (("soon", 3599, "REJECTED"), ("then", 3600, "ACCEPTED"), ("late", 7200, "REJECTED")):
        assert updates(stage.hears(stage.envelope(name, (60, 0, 0), after_s=after_s))) == [(name, status)]


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        (
            {"power_constraints_id": "old-ones"},
            "PEBC-003 at /power_constraints_id: no constraints 'old-ones' were published",
        ),
        (
            {"power_envelopes": (envelope((60, -100, 0)), replace(envelope((60, -200, 0)), id="other"))},
            "PEBC-005 at /power_envelopes/1/commodity_quantity: ELECTRIC.POWER.L1 has an envelope before",
        ),
        (
            {"power_envelopes": (envelope((60, -100, 0), (60, 0, -100)),)},
            "PEBC-006 at /power_envelopes/0/power_envelope_elements/1/lower_limit: 0 is above -100",
        ),
        ({"id": "known"}, "INST-001 at /id: 'known' was used before in this session"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_reception_and_changes_nothing(
    changes: dict[str, object], label: str
) -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("known", (HOUR, -1000, 0)))
    effects = stage.hears(stage.envelope("bad", (60, -100, 0), **changes))
    assert said(effects) == [
        ReceptionStatus(
            subject_message_id="m-bad", status=ReceptionStatusValues.INVALID_CONTENT, diagnostic_label=label
        )
    ]
    assert applied(effects) == []


def test_constraints_that_have_run_out_are_no_base_for_an_instruction() -> None:
    stage = RoofStage(Roof(constraints(valid_until=NOON + timedelta(minutes=1))))
    stage.active()
    assert told(stage.hears(stage.envelope("in", (60, -100, 0))))[0] == "ReceptionStatus OK"
    stage.after(60)
    effects = stage.hears(stage.envelope("out", (60, -100, 0)))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]


def test_an_envelope_for_a_lost_roof_is_rejected_now_and_aborted_later() -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("later", (60, -100, 0), after_s=60))
    stage.on(Lost("no answer"))
    assert updates(stage.hears(stage.envelope("now", (60, -100, 0)))) == [("now", "REJECTED")]
    effects = stage.after(60)
    assert updates(effects) == [("later", "STARTED"), ("later", "ABORTED")]
    assert applied(effects) == [("limits", "none")]


def test_no_more_elements_wait_than_can_be_remembered() -> None:
    stage = RoofStage()
    stage.active()
    day = [(300.0, -1000.0, 0.0)] * 288

    def sent(count: int) -> list[tuple[str, str]]:
        return updates(stage.hears(stage.envelope(f"day-{count}", *day, after_s=HOUR * count)))

    most = ELEMENTS_LIMIT // len(day)
    assert [sent(count) for count in range(1, most + 1)] == [[(f"day-{n}", "ACCEPTED")] for n in range(1, most + 1)]
    effects = stage.hears(stage.envelope("beyond", *day, after_s=1.0))
    assert (told(effects)[0], updates(effects)) == ("ReceptionStatus OK", [("beyond", "REJECTED")])
    (note,) = [each for each in effects if isinstance(each, Note) and each.event == "instruction.refused"]
    assert note.facts["reason"] == "with its 288 elements more than 50000 would be waiting"
    # Whatever ceases to wait makes room.
    stage.hears(revoke("day-2"))
    assert sent(most + 1) == [(f"day-{most + 1}", "ACCEPTED")]
    assert sent(most + 2) == [(f"day-{most + 2}", "REJECTED")]
    stage.after(HOUR)
    assert sent(most + 3) == [(f"day-{most + 3}", "ACCEPTED")]


# --- ends ------------------------------------------------------------------------------------------------------------


def test_revoking_what_waits_drops_it() -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("later", (60, -100, 0), after_s=60))
    effects = stage.hears(revoke("later"))
    assert (updates(effects), applied(effects)) == ([("later", "REVOKED")], [])
    assert applied(stage.after(HOUR)) == []


@pytest.mark.parametrize("by", ["three", "m-three"], ids=["id", "message id"])
def test_revoking_limits_in_force_lifts_them(by: str) -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    effects = stage.hears(revoke(by))
    assert (updates(effects), applied(effects)) == ([("three", "REVOKED")], [("limits", "none")])
    assert applied(stage.after(4 * HOUR)) == []


def test_revoking_an_instruction_leaves_the_constraints_of_the_same_id() -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope(stage.constraints_id, (60, -100, 0), after_s=60))
    stage.hears(revoke(stage.constraints_id))
    assert updates(stage.hears(stage.envelope("next", (60, -100, 0))))[0] == ("next", "ACCEPTED")


def test_after_one_was_revoked_the_next_one_has_a_verdict_of_its_own() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    stage.hears(revoke("three"))
    effects = stage.hears(stage.envelope("next", (60, -100, 0)))
    assert updates(stage.done(effects, power=0.0)) == [("next", "SUCCEEDED")]


def test_one_too_short_to_be_seen_is_aborted_once_as_it_lapses() -> None:
    stage = RoofStage()
    stage.active()
    stage.hears(stage.envelope("blink", (10, -100, 0)))
    effects = stage.after(120)
    assert (updates(effects), applied(effects)) == ([("blink", "ABORTED")], [("limits", "none")])


def test_a_cem_does_not_revoke_what_is_not_its_own() -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(revocation(RevokableObjects.PEBC_POWER_CONSTRAINTS, stage.constraints_id))
    assert told(effects) == ["ReceptionStatus INVALID_CONTENT"]


@pytest.mark.parametrize("has_succeeded", [True, False])
def test_a_write_that_fails_aborts(has_succeeded: bool) -> None:
    stage = RoofStage()
    stage.active()
    effects = stage.hears(stage.envelope("one", (60, -100, 0), (60, -200, 0)))
    if has_succeeded:
        stage.done(effects, power=0.0)
        effects = stage.after(59)
    (setpoint,) = (effect.setpoint for effect in effects if isinstance(effect, Apply))
    effects = stage.on(Refused(setpoint, "exception 4"))
    assert (updates(effects), applied(effects)) == ([("one", "ABORTED")], [("limits", "none")])
    assert applied(stage.after(HOUR)) == []


def test_limits_confirmed_and_not_kept_are_given_up() -> None:
    stage = RoofStage()
    stage.active()
    stage.done(stage.hears(stage.envelope("one", (HOUR, -100, 0))), power=-3000.0)
    effects = stage.after(30)
    assert (updates(effects), applied(effects)) == ([("one", "ABORTED")], [("limits", "none")])


def test_safety_ends_limits_in_force_and_says_so() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    effects = stage.measured(mishap="overheated")
    assert (updates(effects), applied(effects)) == ([("three", "ABORTED")], [("limits", "none")])


def test_a_roof_lost_while_limited_ends_the_limits() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    effects = stage.on(Lost("no answer"))
    assert (updates(effects), applied(effects)) == ([("three", "ABORTED")], [("limits", "none")])


def test_deselecting_ends_everything_and_says_so_only_of_what_had_no_verdict() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    stage.hears(stage.envelope("later", (60, -100, 0), after_s=60))
    effects = stage.hears(SelectControlType(message_id="off", control_type=ControlType.NO_SELECTION))
    assert (updates(effects), applied(effects)) == ([("later", "ABORTED")], [("limits", "none")])
    assert applied(stage.after(4 * HOUR)) == []


def test_a_cem_that_comes_back_finds_its_limits_until_their_time_is_up() -> None:
    stage = RoofStage()
    stage.active()
    limited(stage)
    stage.left()
    stage.after(30)
    stage.on(Connected())
    stage.hears(HandshakeResponse(message_id="v2", selected_protocol_version="1.0.0"))
    select = SelectControlType(message_id="s2", control_type=ControlType.POWER_ENVELOPE_BASED_CONTROL)
    assert applied(stage.hears(select)) == []
    assert applied(stage.after(59)) == []
    assert applied(stage.after(1)) == [("limits", "none")]


@needs_spec
def test_what_is_said_follows_the_published_schemas() -> None:
    stage = RoofStage(Roof(constraints(valid_until=NOON + timedelta(hours=4)), (NEED,)))
    stage.active()
    limited(stage)
    stage.roof.offered, stage.roof.needs = constraints(), ()
    stage.measured(power=-1.0)
    stage.hears(revoke("three"))
    frames = [json.loads(wire.encode(message)) for message in stage.told]
    assert [violations(frame) for frame in frames if violations(frame)] == []
    assert {"PEBC.PowerConstraints", "PEBC.EnergyConstraint", "RevokeObject", "InstructionStatusUpdate"} <= {
        frame["message_type"] for frame in frames
    }

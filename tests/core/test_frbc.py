"""A battery steered by FRBC: what it tells, and what becomes of instructions."""

from datetime import timedelta, timezone

import pytest

from s2d.events import Lost, Measured, Refused
from s2d.rm.instructions import HELD_LIMIT
from s2d.s2.effects import (
    Apply,
    Connected,
    Disconnected,
    Level,
    Note,
    ReconnectTerms,
    Send,
    Started,
    Stopping,
    Tick,
)
from s2d.s2.messages import frbc
from s2d.s2.messages.common import (
    CommodityQuantity,
    ControlType,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    PowerMeasurement,
    PowerValue,
    ReceptionStatus,
    ReceptionStatusValues,
    ResourceManagerDetails,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)
from s2d.values import Quality, Reading, Setpoint

from .resources_played import updates
from .stage import BASIC, FRBC, NOON, Stage, applied, notes, said, settings, told

INVALID_CONTENT = ReceptionStatusValues.INVALID_CONTENT


def revoke(object_id: str) -> RevokeObject:
    return RevokeObject(
        message_id=f"revoke-{object_id}", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id=object_id
    )


# --- activation ------------------------------------------------------------------------------------------------------


def test_selecting_frbc_is_answered_then_described_then_told_at_once() -> None:
    stage = Stage()
    effects = stage.active(soc=50.0, power=1200.0)
    assert told(effects) == [
        "ReceptionStatus OK",
        "FRBC.SystemDescription",
        "FRBC.StorageStatus",
        "FRBC.ActuatorStatus",
        "PowerMeasurement",
    ]
    _, _, level, activity, power = said(effects)
    assert level == frbc.StorageStatus(message_id="rm-4", present_fill_level=50.0)
    assert activity == frbc.ActuatorStatus(
        message_id="rm-5",
        actuator_id=stage.battery.description.actuator_id,
        active_operation_mode_id=stage.charge,
        operation_mode_factor=0.24,
    )
    assert power == PowerMeasurement(
        message_id="rm-6",
        measurement_timestamp=NOON,
        values=(PowerValue(commodity_quantity=CommodityQuantity.ELECTRIC_POWER_L1, value=1200.0),),
    )


def test_an_unknown_device_offers_nothing_but_to_be_measured_until_it_is_known() -> None:
    stage = Stage()
    (_, details) = said(stage.negotiated())
    assert isinstance(details, ResourceManagerDetails)
    assert details.available_control_types == (ControlType.NOT_CONTROLABLE,)
    refusal = said(stage.hears(SelectControlType(message_id="early", control_type=FRBC)))[0]
    assert isinstance(refusal, ReceptionStatus)
    assert refusal.status is INVALID_CONTENT
    assert stage.measured(soc=50.0) == []
    (details,) = said(stage.measured(power=0.0))
    assert isinstance(details, ResourceManagerDetails)
    assert details.available_control_types == (FRBC,)


@pytest.mark.parametrize("control_type", [ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE])
def test_deselecting_ends_instructions_and_brings_the_device_to_its_default(control_type: ControlType) -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("running", stage.charge, 1.0)))
    stage.hears(stage.instruction("waiting", stage.charge, 1.0, after_s=60))
    effects = stage.hears(SelectControlType(message_id="deselect", control_type=control_type))
    measured = ["PowerMeasurement"] if control_type is ControlType.NOT_CONTROLABLE else []
    assert told(effects) == [
        "ReceptionStatus OK",
        "InstructionStatusUpdate ABORTED",
        "InstructionStatusUpdate ABORTED",
        *measured,
    ]
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert applied(stage.after(120)) == []


def test_selecting_again_starts_over_with_the_description() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(SelectControlType(message_id="again", control_type=FRBC))
    assert told(effects)[:2] == ["ReceptionStatus OK", "FRBC.SystemDescription"]


def test_an_owner_may_withhold_a_control_type() -> None:
    stage = Stage(control_types=())
    stage.measured(soc=50.0, power=0.0)
    (_, details) = said(stage.negotiated())
    assert isinstance(details, ResourceManagerDetails)
    assert details.available_control_types == (ControlType.NOT_CONTROLABLE,)


# --- statuses --------------------------------------------------------------------------------------------------------


def test_small_changes_are_not_told_large_ones_are() -> None:
    stage = Stage()
    stage.active(soc=50.0, power=0.0)
    assert said(stage.measured(soc=50.4, power=20.0)) == []
    assert told(stage.measured(soc=50.5, power=20.0)) == ["FRBC.StorageStatus"]
    assert told(stage.measured(power=60.0)) == ["FRBC.ActuatorStatus", "PowerMeasurement"]
    assert told(stage.measured(power=111.0)) == ["FRBC.ActuatorStatus", "PowerMeasurement"]
    assert said(stage.measured(power=150.0)) == []


def test_what_does_not_change_is_told_again_at_a_steady_pace() -> None:
    stage = Stage()
    stage.active()
    assert said(stage.after(299)) == []
    assert told(stage.after(2)) == ["FRBC.StorageStatus", "FRBC.ActuatorStatus", "PowerMeasurement"]
    stage.heard(*[Send(message) for message in stage.said[-3:]])
    assert said(stage.after(290)) == []


def test_a_change_of_mode_names_the_former_and_when_it_ended() -> None:
    stage = Stage()
    stage.active(power=0.0)
    stage.elapsed_s = 10.0
    status = said(stage.measured(power=-2000.0))[0]
    assert isinstance(status, frbc.ActuatorStatus)
    assert status.active_operation_mode_id == stage.discharge
    assert status.operation_mode_factor == 0.5
    assert status.previous_operation_mode_id == stage.idle
    assert status.transition_timestamp == NOON + timedelta(seconds=10)
    stage.elapsed_s = 20.0
    status = said(stage.measured(power=-3000.0))[0]
    assert isinstance(status, frbc.ActuatorStatus)
    assert status.operation_mode_factor == 0.25
    assert status.previous_operation_mode_id == stage.idle
    assert status.transition_timestamp == NOON + timedelta(seconds=10)


def test_fill_levels_can_be_energies() -> None:
    stage = Stage(settings=settings(fill_level_unit="kWh"))
    effects = stage.active(soc=50.0)
    description, level = said(effects)[1:3]
    assert isinstance(description, frbc.SystemDescription)
    assert isinstance(level, frbc.StorageStatus)
    assert level.present_fill_level == 5.0
    assert description.storage.fill_level_label == "energy stored, kWh"
    assert description.storage.fill_level_range.end_of_range == 9.5
    charge = description.actuators[0].operation_modes[0].elements[0]
    assert charge.fill_rate.end_of_range == pytest.approx(5 * 0.9**0.5 / 3600)


def test_three_phases_are_measured_one_by_one_and_steered_by_their_sum() -> None:
    stage = Stage(settings=settings(phases=3), points=(*BASIC, "power_l1", "power_l2", "power_l3"))
    stage.measured(power_l1=100.0, power_l2=200.0, power_l3=300.0)
    effects = stage.active(power=600.0)
    description, power = said(effects)[1], said(effects)[-1]
    assert isinstance(power, PowerMeasurement)
    assert [value.value for value in power.values] == [100.0, 200.0, 300.0]
    assert isinstance(description, frbc.SystemDescription)
    (power_range,) = description.actuators[0].operation_modes[0].elements[0].power_ranges
    assert power_range.commodity_quantity is CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC


# --- instructions ----------------------------------------------------------------------------------------------------


def test_an_instruction_lives_from_accepted_to_succeeded() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("one", stage.charge, 0.5))
    assert told(effects) == [
        "ReceptionStatus OK",
        "InstructionStatusUpdate ACCEPTED",
        "InstructionStatusUpdate STARTED",
    ]
    setpoint = Setpoint("power_setpoint", 2500.0, "instruction one")
    assert [effect for effect in effects if isinstance(effect, Apply)] == [Apply(setpoint)]
    assert said(stage.measured(power=2500.0)) != []
    assert told(stage.confirmed(*effects)) == []
    stage.elapsed_s += 1
    assert told(stage.measured(power=1000.0)) == ["FRBC.ActuatorStatus", "PowerMeasurement"]
    effects = stage.measured(power=2490.0)
    assert told(effects) == ["FRBC.ActuatorStatus", "InstructionStatusUpdate SUCCEEDED", "PowerMeasurement"]
    status, update, _ = said(effects)
    assert isinstance(status, frbc.ActuatorStatus)
    assert (status.active_operation_mode_id, status.operation_mode_factor) == (stage.charge, 0.498)
    assert update == InstructionStatusUpdate(
        message_id=update.message_id,  # type: ignore[attr-defined]
        instruction_id="one",
        status_type=InstructionStatus.SUCCEEDED,
        timestamp=stage.now.utc,
    )


def test_the_mode_told_after_success_is_the_mode_instructed_even_at_no_power() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 0.0)))
    stage.elapsed_s += 1
    effects = stage.measured(power=0.0)
    assert told(effects) == ["FRBC.ActuatorStatus", "InstructionStatusUpdate SUCCEEDED"]
    status = said(effects)[0]
    assert isinstance(status, frbc.ActuatorStatus)
    assert status.active_operation_mode_id == stage.charge


def test_a_cem_that_wants_only_verdicts_gets_only_verdicts() -> None:
    stage = Stage(updates="final")
    stage.active()
    effects = stage.hears(stage.instruction("one", stage.charge, 0.5))
    assert told(effects) == ["ReceptionStatus OK"]
    stage.confirmed(*effects)
    stage.elapsed_s += 1
    assert "InstructionStatusUpdate SUCCEEDED" in told(stage.measured(power=2500.0))


def test_a_future_instruction_waits_for_its_time() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("later", stage.discharge, 0.0, after_s=6 * 3600))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate ACCEPTED"]
    assert applied(effects) == []
    stage.heard(*effects)
    assert applied(stage.after(6 * 3600 - 1)) == []
    effects = stage.after(1)
    assert applied(effects) == [("power_setpoint", -4000.0)]
    assert "InstructionStatusUpdate STARTED" in told(effects)


def test_times_are_compared_as_instants_whatever_their_offset() -> None:
    stage = Stage()
    stage.active()
    amsterdam = (NOON + timedelta(hours=1)).astimezone(timezone(timedelta(hours=2)))
    stage.hears(stage.instruction("later", stage.charge, 1.0, execution_time=amsterdam))
    assert applied(stage.after(3599)) == []
    assert applied(stage.after(1)) == [("power_setpoint", 5000.0)]


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_step_of_the_clock_neither_loses_nor_repeats_an_instruction(step: timedelta) -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("later", stage.charge, 1.0, after_s=1800))
    stage.utc_step = step
    started = [setpoint for _ in range(4) for setpoint in applied(stage.after(1800)) if setpoint[1]]
    assert started == [("power_setpoint", 5000.0)]


def test_several_wait_for_one_actuator_and_each_starts_at_its_time() -> None:
    stage = Stage()
    stage.active()
    for hour in range(24):
        stage.hears(stage.instruction(f"hour-{hour}", stage.charge, hour / 23, after_s=3600 * hour + 1))
    stage.confirmed()
    for hour in range(24):
        effects = stage.after(3600)
        assert ("power_setpoint", pytest.approx(5000 * hour / 23)) in applied(effects)


def test_a_newer_start_ends_the_older() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("older", stage.charge, 1.0)))
    effects = stage.hears(stage.instruction("newer", stage.discharge, 0.0))
    updates = [(u.instruction_id, u.status_type) for u in said(effects) if isinstance(u, InstructionStatusUpdate)]
    assert updates == [
        ("newer", InstructionStatus.ACCEPTED),
        ("older", InstructionStatus.ABORTED),
        ("newer", InstructionStatus.STARTED),
    ]
    assert applied(effects) == [("power_setpoint", -4000.0)]


def test_of_two_for_the_same_instant_the_last_received_wins() -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("first", stage.charge, 1.0, after_s=60))
    effects = stage.hears(stage.instruction("second", stage.charge, 0.2, after_s=60))
    updates = [(u.instruction_id, u.status_type) for u in said(effects) if isinstance(u, InstructionStatusUpdate)]
    assert updates == [("first", InstructionStatus.ABORTED), ("second", InstructionStatus.ACCEPTED)]
    assert applied(stage.after(60)) == [("power_setpoint", 1000.0)]


def test_of_several_overdue_at_once_only_the_latest_reaches_the_device() -> None:
    stage = Stage()
    stage.active()
    for index in range(5):
        stage.hears(stage.instruction(f"i-{index}", stage.charge, index / 4, after_s=10 + index))
    stage.elapsed_s += 60
    effects = stage.on(Tick())
    assert applied(effects) == [("power_setpoint", 5000.0)]
    assert told(effects)[-5:] == [*["InstructionStatusUpdate ABORTED"] * 4, "InstructionStatusUpdate STARTED"]


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"actuator_id": "nobody"}, "FRBC-003 at /actuator_id: 'nobody' is not an actuator here"),
        ({"operation_mode": "sleep"}, "FRBC-004 at /operation_mode: 'sleep' is not a mode of it"),
        ({"operation_mode_factor": 1.01}, "NUM-004 at /operation_mode_factor: a factor lies between 0 and 1"),
        ({"operation_mode_factor": -0.01}, "NUM-004 at /operation_mode_factor: a factor lies between 0 and 1"),
        ({"id": "known"}, "INST-001 at /id: 'known' was used before in this session"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_reception_and_changes_nothing(
    changes: dict[str, object], label: str
) -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("known", stage.charge, 0.5))
    effects = stage.hears(stage.instruction("bad", stage.charge, 0.5, **changes))
    assert said(effects) == [
        ReceptionStatus(subject_message_id="m-bad", status=INVALID_CONTENT, diagnostic_label=label)
    ]
    assert applied(effects) == []


def test_a_mode_that_does_not_cover_the_fill_level_is_refused_at_reception() -> None:
    stage = Stage()
    stage.active(soc=96.0)
    refusal = said(stage.hears(stage.instruction("full", stage.charge, 1.0)))
    assert [answer.status for answer in refusal if isinstance(answer, ReceptionStatus)] == [INVALID_CONTENT]
    assert told(stage.hears(stage.instruction("out", stage.discharge, 1.0)))[0] == "ReceptionStatus OK"


def test_an_instruction_for_a_lost_device_is_well_received_and_rejected() -> None:
    stage = Stage()
    stage.active()
    stage.on(Lost("no answer"))
    effects = stage.hears(stage.instruction("one", stage.charge, 1.0))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
    assert applied(effects) == []
    stage.measured(soc=50.0, power=0.0)
    assert applied(stage.hears(stage.instruction("two", stage.charge, 1.0))) == [("power_setpoint", 5000.0)]


def test_a_future_instruction_whose_time_comes_while_the_device_is_lost_is_aborted() -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("one", stage.charge, 1.0, after_s=60))
    stage.on(Lost("no answer"))
    effects = stage.after(60)
    assert told(effects)[-2:] == ["InstructionStatusUpdate STARTED", "InstructionStatusUpdate ABORTED"]
    assert ("power_setpoint", 5000.0) not in applied(effects)


def test_a_write_that_fails_aborts_and_brings_the_device_to_its_default() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("one", stage.charge, 1.0))
    setpoint = next(effect.setpoint for effect in effects if isinstance(effect, Apply))
    effects = stage.on(Refused(setpoint, "exception 4"))
    assert told(effects) == ["InstructionStatusUpdate ABORTED"]
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert "instruction.aborted" in notes(effects)


def test_a_device_lost_while_following_aborts() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    effects = stage.on(Lost("no answer"))
    assert told(effects) == ["InstructionStatusUpdate ABORTED"]
    assert applied(effects) == [("power_setpoint", 0.0)]


def test_a_device_that_confirms_and_does_not_follow_aborts() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    stage.elapsed_s += 1
    stage.measured(power=100.0)
    effects = stage.after(60)
    assert "InstructionStatusUpdate ABORTED" in told(effects)
    assert applied(effects) == [("power_setpoint", 0.0)]


def test_readings_from_before_the_confirmation_prove_nothing() -> None:
    stage = Stage()
    stage.active(power=0.0)
    stage.elapsed_s += 5
    effects = stage.hears(stage.instruction("rest", stage.idle, 0.0))
    assert "InstructionStatusUpdate SUCCEEDED" not in told(stage.confirmed(*effects))
    assert "InstructionStatusUpdate SUCCEEDED" not in told(stage.measured(soc=51.0))
    assert "InstructionStatusUpdate SUCCEEDED" in told(stage.measured(power=0.0))


@pytest.mark.parametrize("by", ["later", "m-later"], ids=["id", "message id"])
def test_a_waiting_instruction_can_be_revoked_by_either_id(by: str) -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("later", stage.charge, 1.0, after_s=60))
    effects = stage.hears(revoke(by))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REVOKED"]
    assert applied(effects) == []
    assert applied(stage.after(120)) == []


@pytest.mark.parametrize("by", ["now", "m-now"], ids=["id", "message id"])
def test_revoking_what_runs_brings_the_device_to_its_default(by: str) -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("now", stage.charge, 1.0)))
    effects = stage.hears(revoke(by))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REVOKED"]
    assert applied(effects) == [("power_setpoint", 0.0)]


def test_no_more_instructions_wait_than_can_be_remembered() -> None:
    stage = Stage()
    stage.active()
    for count in range(HELD_LIMIT):
        order = stage.instruction(f"i-{count}", stage.charge, 0.5, after_s=60.0 + count)
        assert updates(stage.hears(order)) == [(f"i-{count}", "ACCEPTED")]
    effects = stage.hears(stage.instruction("beyond", stage.charge, 0.5, after_s=1.0))
    assert (told(effects)[0], updates(effects)) == ("ReceptionStatus OK", [("beyond", "REJECTED")])
    stage.hears(revoke("i-7"))
    assert updates(stage.hears(stage.instruction("next", stage.charge, 0.5, after_s=1.0))) == [("next", "ACCEPTED")]


def test_an_id_names_its_own_instruction_before_one_that_came_in_a_message_of_that_id() -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("one", stage.charge, 0.5, after_s=60, message_id="two"))
    stage.hears(stage.instruction("two", stage.charge, 0.7, after_s=120))
    assert updates(stage.hears(revoke("two"))) == [("two", "REVOKED")]
    assert applied(stage.after(61)) == [("power_setpoint", 2500.0)]


def test_two_instructions_with_one_message_id_are_revoked_by_it_one_after_the_other() -> None:
    stage = Stage()
    stage.active()
    for name, after_s in (("running", 0), ("first", 60), ("second", 120)):
        stage.hears(stage.instruction(name, stage.charge, 0.5, after_s=after_s, message_id="same"))
    revocations = [stage.hears(revoke("same")) for _ in range(4)]
    assert [updates(effects) for effects in revocations] == [
        [("first", "REVOKED")],
        [("second", "REVOKED")],
        [("running", "REVOKED")],
        [],
    ]
    assert told(revocations[-1]) == ["ReceptionStatus INVALID_CONTENT"]
    assert [applied(effects) for effects in revocations] == [[], [], [("power_setpoint", 0.0)], []]


def test_revoking_an_instruction_takes_back_nothing_else_of_its_id() -> None:
    stage = Stage()
    (described,) = [each for each in said(stage.active()) if isinstance(each, frbc.SystemDescription)]
    name = described.message_id
    stage.hears(stage.instruction(name, stage.charge, 0.5, after_s=60))
    assert updates(stage.hears(revoke(name))) == [(name, "REVOKED")]
    assert told(stage.measured(soc=70.0)) == ["FRBC.StorageStatus"]


def test_what_has_ended_or_never_was_cannot_be_revoked() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("done", stage.charge, 1.0)))
    stage.elapsed_s += 1
    stage.measured(power=5000.0)
    for object_id, why in (("done", "has ended"), ("never", "is unknown")):
        label = f"REV-001 at /object_id: instruction '{object_id}' {why}"
        assert said(stage.hears(revoke(object_id))) == [
            ReceptionStatus(subject_message_id=f"revoke-{object_id}", status=INVALID_CONTENT, diagnostic_label=label)
        ]


# --- safety ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "factor", "power", "soc"), [("charge", 1.0, 5000.0, 95.0), ("discharge", 0.0, -4000.0, 10.0)]
)
def test_at_the_end_of_the_usable_range_the_battery_rests(mode: str, factor: float, power: float, soc: float) -> None:
    stage = Stage()
    stage.active(soc=50.0)
    stage.confirmed(*stage.hears(stage.instruction("one", getattr(stage, mode), factor)))
    stage.elapsed_s += 1
    assert "InstructionStatusUpdate SUCCEEDED" in told(stage.measured(power=power))
    effects = stage.measured(soc=soc)
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert "resource.protected" in notes(effects)
    stage.elapsed_s += 1
    status = said(stage.measured(power=0.0))[0]
    assert isinstance(status, frbc.ActuatorStatus)
    assert status.active_operation_mode_id == stage.idle
    assert applied(stage.measured(soc=soc)) == []


def test_an_order_against_the_end_of_the_range_is_rejected() -> None:
    stage = Stage()
    stage.active(soc=95.0)
    effects = stage.hears(stage.instruction("one", stage.charge, 1.0))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]


@pytest.mark.parametrize("point", ["soc", "power"])
def test_flying_blind_ends_what_runs(point: str) -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    effects = stage.on(Measured((Reading(point, None, Quality.BAD, "no good value for 10 s"),)))
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert told(effects) == ["InstructionStatusUpdate ABORTED"]
    assert told(stage.hears(stage.instruction("two", stage.charge, 1.0)))[1] == "InstructionStatusUpdate REJECTED"


@pytest.mark.parametrize("fault", [1, True, "overheated"])
def test_a_fault_of_the_device_ends_what_runs(fault: object) -> None:
    stage = Stage()
    stage.active()
    stage.measured(fault=0)
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    effects = stage.measured(fault=fault)
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert told(effects) == ["InstructionStatusUpdate ABORTED"]


def test_starting_brings_the_hardware_to_its_default_as_nobody_knows_what_it_was_told_last() -> None:
    stage = Stage()
    assert stage.on(Started()) == [Apply(Setpoint("power_setpoint", 0.0, "start", is_safe=True))]


def test_a_cem_away_for_long_enough_leaves_the_hardware_in_its_default() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    assert applied(stage.left()) == []
    assert applied(stage.after(59)) == []
    effects = stage.after(1)
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert notes(effects) == ["fallback.applied"]
    assert applied(stage.after(3600)) == []


def test_a_cem_that_comes_back_in_time_finds_things_as_it_left_them() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    stage.left()
    stage.after(30)
    stage.measured(power=5000.0)
    stage.on(Connected())
    stage.after(1)
    stage.hears(HandshakeResponse(message_id="v2", selected_protocol_version="1.0.0"))
    effects = stage.hears(SelectControlType(message_id="s2", control_type=FRBC))
    status = next(message for message in said(effects) if isinstance(message, frbc.ActuatorStatus))
    assert status.active_operation_mode_id == stage.charge
    assert applied(stage.after(59)) == []
    assert told(stage.hears(stage.instruction("one", stage.idle, 0.0)))[0] == "ReceptionStatus OK"


def test_a_connection_without_a_selection_does_not_put_off_the_fallback() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    stage.left()
    stage.after(30)
    stage.on(Connected())
    assert applied(stage.after(30)) == [("power_setpoint", 0.0)]


def test_stopping_ends_instructions_says_goodbye_and_restores_the_default() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    effects = stage.on(Stopping())
    assert told(effects) == ["InstructionStatusUpdate ABORTED", "SessionRequest"]
    assert applied(effects) == [("power_setpoint", 0.0)]


def test_stopped_it_waits_for_nobody_to_come_back() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    stage.on(Stopping())
    assert stage.on(Disconnected("stopping")) == [ReconnectTerms(is_anew=True, within_s=None)]
    assert stage.after(3600) == []


def test_a_default_that_is_not_rest_is_not_overruled_before_anything_is_known() -> None:
    stage = Stage(fallback=(Setpoint("power_setpoint", 300.0, "fallback"),))
    assert applied(stage.on(Started())) == [("power_setpoint", 300.0)]
    assert applied(stage.measured(power=0.0)) == []
    assert applied(stage.measured(soc=50.0)) == []
    assert applied(stage.measured(soc=95.0)) == [("power_setpoint", 0.0)]


def test_noise_about_the_threshold_is_not_told_as_a_change_of_mode() -> None:
    stage = Stage()
    stage.active(power=0.0)
    assert "FRBC.ActuatorStatus" in told(stage.measured(power=60.0))
    for power in (45.0, 55.0, 40.0, 60.0, 30.0):
        assert "FRBC.ActuatorStatus" not in told(stage.measured(power=power))
    status = said(stage.measured(power=20.0))[0]
    assert isinstance(status, frbc.ActuatorStatus)
    assert status.active_operation_mode_id == stage.idle


def test_a_default_that_the_device_refuses_is_an_error_for_a_human() -> None:
    stage = Stage()
    (effect,) = stage.on(Started())
    assert isinstance(effect, Apply)
    (note,) = stage.on(Refused(effect.setpoint, "exception 4"))
    assert isinstance(note, Note)
    assert (note.level, note.event) == (Level.ERROR, "setpoint.refused")
    (note,) = stage.on(Refused(effect.setpoint, "no answer", will_retry=True))
    assert isinstance(note, Note)
    assert note.level is Level.WARNING

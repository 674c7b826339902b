"""Each rule is broken at least once, alone, and says where; what is valid breaks none."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from s2d.s2.messages import ddbc, frbc, ombc, pebc, ppbc, wire
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    InstructionStatus,
    InstructionStatusUpdate,
    Message,
    PowerForecast,
    PowerForecastElement,
    PowerMeasurement,
    PowerValue,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    Tagged,
)
from s2d.s2.messages.instruction import Instruction
from s2d.s2.messages.schema import schemas
from s2d.s2.rules import REGISTRY, History, Severity, judge
from s2d.s2.rules.__main__ import listing
from s2d.s2.rules.common import _TIMESTAMPS_OF
from s2d.s2.rules.history import IDS_LIMIT
from s2d.s2.rules.ids_and_ranges import HasFactor, HasNumbers
from s2d.values import Now

from ..core.stage import NOON
from ..fuzz.frames import messages
from ..published import examples, needs_spec
from .valid import (
    ACTUATOR,
    CEM,
    CONSTRAINTS,
    DDBC,
    DDBC_ACTUATOR,
    DDBC_MODE,
    DDBC_ORDER,
    DDBC_STATUS,
    DEMAND,
    DETAILS,
    DRY_STATUS,
    ELEMENT,
    ENERGY,
    ENVELOPE,
    FRBC,
    FRBC_ORDER,
    FRBC_STATUS,
    L1,
    L2,
    L3,
    LEAKAGE,
    LOWER,
    NOW,
    OFF,
    OMBC,
    OMBC_MODE,
    OMBC_ORDER,
    OMBC_STATUS,
    PEBC_ORDER,
    PROFILE,
    PROFILE_STATUS,
    RM,
    RUN,
    SCHEDULE,
    SEQUENCE,
    SESSIONS,
    SOON,
    STORAGE,
    SYMMETRIC,
    TARGET,
    TIMER,
    TRANSITION,
    UPPER,
    USAGE,
    WASH,
    WASH_STATUS,
    changed,
    expected,
    history_of,
    power,
    span,
)

NOTHING = History()
FRBC_CONTROL = ControlType.FILL_RATE_BASED_CONTROL
YEARS = NOON + timedelta(days=4000)


class Row(NamedTuple):
    rule: str
    message: Tagged
    pointer: str
    history: History = NOTHING
    sender: EnergyManagementRole = RM


def system(actuator: Any = ACTUATOR, **changes: Any) -> frbc.SystemDescription:
    return changed(FRBC, actuators=(changed(actuator, **changes),))  # type: ignore[no-any-return]


def element(**changes: Any) -> frbc.SystemDescription:
    off = changed(OFF, elements=(changed(ELEMENT, **changes),))
    return system(operation_modes=(off, RUN))


def ddbc_system(**changes: Any) -> ddbc.SystemDescription:
    return changed(DDBC, actuators=(changed(DDBC_ACTUATOR, **changes),))  # type: ignore[no-any-return]


def measured(*quantities: Any, **changes: Any) -> PowerMeasurement:
    values = tuple(PowerValue(commodity_quantity=quantity, value=1.0) for quantity in quantities)
    return changed(PowerMeasurement(message_id="power", measurement_timestamp=NOON, values=values), **changes)  # type: ignore[no-any-return]


def forecast(*values: Any) -> PowerForecast:
    elements = (PowerForecastElement(duration=1000, power_values=values),)
    return PowerForecast(message_id="forecast", start_time=NOON, elements=elements)


def update(status: str, instruction: str = "order") -> InstructionStatusUpdate:
    status_type = InstructionStatus(status)
    return InstructionStatusUpdate(
        message_id=f"update-{status}", instruction_id=instruction, status_type=status_type, timestamp=NOON
    )


def revoke(object_type: str, object_id: str) -> RevokeObject:
    return RevokeObject(message_id="revoke", object_type=RevokableObjects(object_type), object_id=object_id)


def select(control_type: ControlType) -> SelectControlType:
    return SelectControlType(message_id="select-it", control_type=control_type)


def timer(kind: Any, **changes: Any) -> Any:
    return kind(**({"message_id": "timer-status", "timer_id": "nothing", "finished_at": NOON} | changes))


def statuses(*parts: Any) -> ppbc.PowerProfileStatus:
    return changed(PROFILE_STATUS, sequence_container_status=parts)  # type: ignore[no-any-return]


ON = history_of(FRBC, control_type=FRBC_CONTROL)
ORDERED = history_of(FRBC, FRBC_ORDER, control_type=FRBC_CONTROL)
UNDESCRIBED = history_of(control_type=FRBC_CONTROL)
DEFINED = history_of(PROFILE)
PEBC = history_of(CONSTRAINTS, control_type=ControlType.POWER_ENVELOPE_BASED_CONTROL)
SCHEDULED = ppbc.PowerSequenceStatus.SCHEDULED
FAR = timedelta(days=400)
FALLING = changed(RUN.elements[1], power_ranges=(power(0, 100), power(0, -100, L2)))
SECOND = changed(ACTUATOR, id="second", operation_modes=(OFF, changed(RUN, elements=(RUN.elements[0], FALLING))))

WITHDRAWN = history_of(
    CONSTRAINTS,
    ENERGY,
    PROFILE,
    revoke("PEBC.PowerConstraints", "limits"),
    revoke("PEBC.EnergyConstraint", "energy"),
    revoke("PPBC.PowerProfileDefinition", "laundry"),
)
NEED = changed(ENERGY, lower_average_power=-1000.0, upper_average_power=1000.0)
NEEDY = history_of(CONSTRAINTS, NEED)


def envelope(*elements: tuple[int, float, float]) -> pebc.PowerEnvelope:
    """Of elements as seconds, lower and upper limit."""
    return changed(  # type: ignore[no-any-return]
        ENVELOPE,
        power_envelope_elements=tuple(
            pebc.PowerEnvelopeElement(duration=seconds * 1000, lower_limit=lower, upper_limit=upper)
            for seconds, lower, upper in elements
        ),
    )


def providing(*what: str) -> frbc.StorageDescription:
    """A storage that tells of *what* and of nothing else."""
    flags = ("leakage_behaviour", "usage_forecast", "fill_level_target_profile")
    return changed(STORAGE, **{f"provides_{flag}": flag in what for flag in flags})  # type: ignore[no-any-return]


BROKEN = [
    Row("ID-001", changed(FRBC, actuators=(ACTUATOR, ACTUATOR)), "/actuators/1/id"),
    Row("ID-001", changed(DDBC, actuators=(DDBC_ACTUATOR, DDBC_ACTUATOR)), "/actuators/1/id"),
    Row("ID-002", system(operation_modes=(OFF, RUN, OFF)), "/actuators/0/operation_modes/2/id"),
    Row("ID-002", changed(OMBC, operation_modes=(*OMBC.operation_modes, OMBC_MODE)), "/operation_modes/2/id"),
    Row(
        "ID-002",
        ddbc_system(operation_modes=(*DDBC_ACTUATOR.operation_modes, DDBC_MODE)),
        "/actuators/0/operation_modes/2/Id",
    ),
    Row("ID-003", system(transitions=(TRANSITION, TRANSITION)), "/actuators/0/transitions/1/id"),
    Row("ID-004", system(timers=(TIMER, TIMER)), "/actuators/0/timers/1/id"),
    Row("ID-005", changed(PROFILE, power_sequences_containers=(WASH, WASH)), "/power_sequences_containers/1/id"),
    Row(
        "ID-006",
        changed(PROFILE, power_sequences_containers=(changed(WASH, power_sequences=(SEQUENCE, SEQUENCE)),)),
        "/power_sequences_containers/0/power_sequences/1/id",
    ),
    Row(
        "ID-007",
        changed(PEBC_ORDER, power_envelopes=(ENVELOPE, changed(ENVELOPE, commodity_quantity=L2))),
        "/power_envelopes/1/id",
        sender=CEM,
    ),
    Row(
        "ID-008",
        changed(PEBC_ORDER, message_id="m1", id="second"),
        "/power_envelopes/0/id",
        history_of(CONSTRAINTS, PEBC_ORDER),
        CEM,
    ),
    Row(
        "ID-008",
        changed(
            PEBC_ORDER,
            message_id="m1",
            id="second",
            power_envelopes=(changed(ENVELOPE, id="new", commodity_quantity=L2), ENVELOPE),
        ),
        "/power_envelopes/1/id",
        history_of(CONSTRAINTS, PEBC_ORDER),
        CEM,
    ),
    Row("NUM-001", frbc.StorageStatus(message_id="m1", present_fill_level=float("inf")), "/present_fill_level"),
    Row("NUM-001", forecast(expected(1.0), expected(float("nan"), L2)), "/elements/0/power_values/1/value_expected"),
    Row("NUM-002", element(running_costs=span(2, 1)), "/actuators/0/operation_modes/0/elements/0/running_costs"),
    Row(
        "NUM-002",
        changed(CONSTRAINTS, allowed_limit_ranges=(UPPER, changed(LOWER, range_boundary=span(1, 0)))),
        "/allowed_limit_ranges/1/range_boundary",
    ),
    Row(
        "NUM-002",
        ddbc.PresentDemandStatus(message_id="m1", present_demand_rate=span(1, 0)),
        "/present_demand_rate",
    ),
    Row(
        "NUM-003",
        changed(LEAKAGE, elements=(changed(LEAKAGE.elements[0], fill_level_range=span(5, 5)),)),
        "/elements/0/fill_level_range",
    ),
    *(
        Row("NUM-004", changed(order, operation_mode_factor=factor), "/operation_mode_factor", sender=sender)
        for order, sender in (
            (FRBC_ORDER, CEM),
            (FRBC_STATUS, RM),
            (OMBC_ORDER, CEM),
            (OMBC_STATUS, RM),
            (DDBC_ORDER, CEM),
            (DDBC_STATUS, RM),
        )
        for factor in (-0.01, 1.01, float("inf"), float("nan"))
    ),
    Row(
        "NUM-005",
        element(power_ranges=(power(0, -100),)),
        "/actuators/0/operation_modes/0/elements/0/power_ranges/0",
    ),
    Row("NUM-005", element(fill_rate=span(0, -1)), "/actuators/0/operation_modes/0/elements/0/fill_rate"),
    Row(
        "NUM-005",
        changed(FRBC, actuators=(ACTUATOR, SECOND)),
        "/actuators/1/operation_modes/1/elements/1/power_ranges/1",
    ),
    Row("MSG-007", TARGET, "/message_id", history_of(TARGET)),
    Row("MSG-008", measured(L1, measurement_timestamp=SOON), "/measurement_timestamp"),
    Row("MSG-008", changed(FRBC_ORDER, execution_time=NOON + FAR), "/execution_time", sender=CEM),
    Row("MSG-008", changed(TARGET, start_time=NOON - FAR), "/start_time"),
    *(
        Row("MSG-008", message, f"/{name}")
        for message, name in (
            (measured(L1, measurement_timestamp=NOON + FAR), "measurement_timestamp"),
            (changed(CONSTRAINTS, valid_until=NOON + FAR), "valid_until"),
            (changed(ENERGY, valid_until=NOON + FAR), "valid_until"),
            (changed(PROFILE, end_time=NOON + FAR), "end_time"),
            (timer(frbc.TimerStatus, actuator_id="actuator", finished_at=NOON + FAR), "finished_at"),
            (timer(ombc.TimerStatus, finished_at=NOON + FAR), "finished_at"),
            (timer(ddbc.TimerStatus, actuator_id="actuator", finished_at=NOON + FAR), "finished_at"),
            *(
                (changed(status, previous_operation_mode_id="run", transition_timestamp=date), "transition_timestamp")
                for status in (FRBC_STATUS, OMBC_STATUS, DDBC_STATUS)
                for date in (SOON, NOON - FAR)
            ),
        )
    ),
    Row("MSG-009", Handshake(message_id="m1", role=RM), "/supported_protocol_versions"),
    Row("PM-001", measured(L1, L1), "/values/1/commodity_quantity"),
    Row("PM-002", measured(L1, L2), "/values/1/commodity_quantity", history_of(DETAILS)),
    Row("PM-003", forecast(expected(1.0)), "", history_of(DETAILS)),
    Row("PM-004", forecast(expected(1.0), expected(2.0)), "/elements/0/power_values/1/commodity_quantity"),
    Row("PM-005", forecast(expected(1.0, value_upper_limit=0.0)), "/elements/0/power_values/0"),
    Row(
        "PM-005",
        changed(USAGE, elements=(changed(USAGE.elements[0], usage_rate_lower_68PPR=2.0),)),
        "/elements/0",
    ),
    *(
        Row("PM-005", forecast(expected(1.0, **{f"value_{band}": wrong})), "/elements/0/power_values/0")
        for side, wrong in (("lower", 1.1), ("upper", 0.9))
        for band in (f"{side}_68PPR", f"{side}_95PPR", f"{side}_limit")
    ),
    *(
        Row(
            "PM-005",
            forecast(
                expected(1.0, **{f"value_{side}_{within}": beyond, f"value_{side}_{without}": (beyond + 1.0) / 2})
            ),
            "/elements/0/power_values/0",
        )
        for side, beyond in (("lower", 0.0), ("upper", 2.0))
        for within, without in (("68PPR", "95PPR"), ("95PPR", "limit"), ("68PPR", "limit"))
    ),
    *(Row("PM-006", measured(phase, SYMMETRIC), "/values") for phase in (L1, L2, L3)),
    Row(
        "PM-009",
        changed(DETAILS, provides_power_measurement_types=(L2,)),
        "/provides_power_measurement_types",
    ),
    Row(
        "PM-007",
        element(power_ranges=(power(0, 1), power(0, 2))),
        "/actuators/0/operation_modes/0/elements/0/power_ranges/1/commodity_quantity",
    ),
    Row(
        "PM-008",
        system(supported_commodities=("ELECTRICITY", "HEAT")),
        "/actuators/0/operation_modes/0/elements/0/power_ranges",
    ),
    Row("RMD-001", select(ControlType.OPERATION_MODE_BASED_CONTROL), "/control_type", history_of(DETAILS), CEM),
    Row(
        "RMD-002",
        element(running_costs=span(0, 1)),
        "/actuators/0/operation_modes/0/elements/0/running_costs",
        history_of(DETAILS),
    ),
    Row(
        "RMD-002",
        changed(OMBC, transitions=(changed(TRANSITION, transition_costs=1.0),)),
        "/transitions/0/transition_costs",
        history_of(DETAILS),
    ),
    Row("RMD-003", changed(DETAILS, roles=DETAILS.roles * 2), "/roles/1/commodity"),
    Row(
        "RMD-004",
        changed(DETAILS, available_control_types=(ControlType.NO_SELECTION,)),
        "/available_control_types/0",
    ),
    Row("RMD-005", changed(DETAILS, message_id="m1", resource_id="other"), "/resource_id", history_of(DETAILS)),
    Row(
        "STATUS-001",
        changed(FRBC_STATUS, message_id="m1", active_operation_mode_id="run"),
        "/previous_operation_mode_id",
        history_of(FRBC, FRBC_STATUS),
    ),
    Row(
        "STATUS-001",
        changed(FRBC_STATUS, message_id="m1"),
        "/previous_operation_mode_id",
        history_of(FRBC, changed(FRBC_STATUS, previous_operation_mode_id="run", transition_timestamp=NOON)),
    ),
    Row("STATUS-002", changed(OMBC_STATUS, previous_operation_mode_id="run"), "/transition_timestamp"),
    Row("STATUS-002", changed(DDBC_STATUS, transition_timestamp=NOON), "/previous_operation_mode_id"),
    Row("STATUS-003", timer(frbc.TimerStatus, actuator_id="actuator"), "/timer_id", ON),
    Row("STATUS-003", timer(ombc.TimerStatus), "/timer_id", history_of(OMBC)),
    Row("STATUS-003", timer(ddbc.TimerStatus, actuator_id="actuator"), "/timer_id", history_of(DDBC)),
    Row("STATUS-004", changed(FRBC_STATUS, actuator_id="nobody"), "/actuator_id", ON),
    Row("STATUS-004", changed(DDBC_STATUS, actuator_id="nobody"), "/actuator_id", history_of(DDBC)),
    Row(
        "STATUS-005",
        changed(FRBC_STATUS, active_operation_mode_id="sleep"),
        "/active_operation_mode_id",
        ON,
    ),
    Row(
        "STATUS-005",
        changed(OMBC_STATUS, active_operation_mode_id="sleep"),
        "/active_operation_mode_id",
        history_of(OMBC),
    ),
    Row(
        "STATUS-006",
        changed(FRBC_STATUS, previous_operation_mode_id="sleep", transition_timestamp=NOON),
        "/previous_operation_mode_id",
        ON,
    ),
    Row(
        "STATUS-006",
        changed(FRBC_STATUS, message_id="m1", previous_operation_mode_id="sleep", transition_timestamp=NOON),
        "/previous_operation_mode_id",
        history_of(FRBC, FRBC_STATUS),
    ),
    Row("STATUS-007", FRBC_STATUS, "", UNDESCRIBED),
    Row("STATUS-007", frbc.StorageStatus(message_id="m1", present_fill_level=1.0), "", UNDESCRIBED),
    Row("INST-001", changed(FRBC_ORDER, message_id="m1"), "/id", ORDERED, CEM),
    Row("INST-002", update("ACCEPTED", "other"), "/instruction_id", ORDERED),
    Row("INST-003", update("ACCEPTED"), "/status_type", history_of(FRBC_ORDER, update("STARTED"))),
    Row("INST-003", update("STARTED"), "/status_type", history_of(FRBC_ORDER, update("REVOKED"))),
    Row("INST-003", update("REVOKED"), "/status_type", history_of(FRBC_ORDER, update("SUCCEEDED"))),
    Row("INST-003", update("STARTED"), "/status_type", history_of(PEBC_ORDER, update("SUCCEEDED"))),
    Row("INST-003", update("ABORTED"), "/status_type", history_of(SCHEDULE, update("SUCCEEDED"), update("REVOKED"))),
    Row("REV-001", revoke("FRBC.Instruction", "other"), "/object_id", ORDERED, CEM),
    Row(
        "REV-001",
        revoke("FRBC.Instruction", "order"),
        "/object_id",
        history_of(FRBC_ORDER, update("SUCCEEDED"), control_type=FRBC_CONTROL),
        CEM,
    ),
    Row(
        "REV-001",
        revoke("PPBC.StartInterruptionInstruction", "order"),
        "/object_type",
        history_of(SCHEDULE, control_type=ControlType.POWER_PROFILE_BASED_CONTROL),
        CEM,
    ),
    Row("REV-002", revoke("FRBC.SystemDescription", "order"), "/object_type", ORDERED, CEM),
    Row("REV-003", revoke("FRBC.SystemDescription", "other"), "/object_id", ORDERED, RM),
    Row("REV-003", revoke("FRBC.SystemDescription", "limits"), "/object_id", PEBC, RM),
    Row("REV-003", revoke("PEBC.EnergyConstraint", "limits"), "/object_id", PEBC, RM),
    Row("REV-004", revoke("FRBC.Instruction", "order"), "/object_type", ORDERED, RM),
    Row(
        "FRBC-001",
        system(
            operation_modes=(
                OFF,
                changed(RUN, elements=(changed(RUN.elements[0], fill_level_range=span(60, 100)), RUN.elements[1])),
            )
        ),
        "/actuators/0/operation_modes/1/elements/0/fill_level_range",
    ),
    Row(
        "FRBC-002",
        changed(FRBC, storage=changed(STORAGE, fill_level_range=span(-1, 100))),
        "/actuators/0/operation_modes/0/elements",
    ),
    Row(
        "FRBC-002",
        changed(FRBC, storage=changed(STORAGE, fill_level_range=span(0, 101))),
        "/actuators/0/operation_modes/0/elements",
    ),
    Row("FRBC-003", changed(FRBC_ORDER, actuator_id="nobody"), "/actuator_id", ON, CEM),
    Row("FRBC-003", FRBC_ORDER, "/actuator_id", UNDESCRIBED, CEM),
    Row("FRBC-004", changed(FRBC_ORDER, operation_mode="sleep"), "/operation_mode", ON, CEM),
    Row(
        "FRBC-005",
        FRBC_ORDER,
        "/operation_mode",
        history_of(FRBC, frbc.StorageStatus(message_id="m1", present_fill_level=101.0)),
        CEM,
    ),
    Row("FRBC-006", system(transitions=(changed(TRANSITION, to="sleep"),)), "/actuators/0/transitions/0/to"),
    Row("FRBC-007", system(timers=()), "/actuators/0/transitions/0/start_timers/0"),
    Row(
        "FRBC-007",
        system(transitions=(changed(TRANSITION, blocking_timers=("timer", "none")),)),
        "/actuators/0/transitions/0/blocking_timers/1",
    ),
    Row(
        "FRBC-008",
        changed(LEAKAGE, elements=(LEAKAGE.elements[0], changed(LEAKAGE.elements[1], fill_level_range=span(40, 100)))),
        "/elements/1/fill_level_range",
    ),
    Row("FRBC-009", LEAKAGE, "", ON),
    Row("FRBC-009", USAGE, "", ON),
    *(
        Row("FRBC-009", message, "", history_of(changed(FRBC, storage=providing(*others)), control_type=FRBC_CONTROL))
        for message, others in (
            (LEAKAGE, ("usage_forecast", "fill_level_target_profile")),
            (USAGE, ("leakage_behaviour", "fill_level_target_profile")),
            (TARGET, ("leakage_behaviour", "usage_forecast")),
        )
    ),
    Row(
        "FRBC-010",
        changed(TARGET, elements=(changed(TARGET.elements[0], fill_level_range=span(101, 102)),)),
        "/elements/0/fill_level_range",
        ON,
    ),
    Row("PEBC-001", changed(CONSTRAINTS, allowed_limit_ranges=(UPPER, UPPER)), "/allowed_limit_ranges/0"),
    Row("PEBC-002", changed(CONSTRAINTS, valid_until=NOON), "/valid_until"),
    Row("PEBC-002", changed(ENERGY, valid_until=NOON), "/valid_until"),
    Row(
        "PEBC-003",
        changed(PEBC_ORDER, power_constraints_id="others"),
        "/power_constraints_id",
        history_of(CONSTRAINTS),
        CEM,
    ),
    Row(
        "PEBC-003",
        PEBC_ORDER,
        "/power_constraints_id",
        history_of(control_type=ControlType.POWER_ENVELOPE_BASED_CONTROL),
        CEM,
    ),
    Row(
        "PEBC-004",
        changed(PEBC_ORDER, execution_time=NOON + timedelta(days=2)),
        "/power_constraints_id",
        history_of(CONSTRAINTS),
        CEM,
    ),
    Row("PEBC-004", PEBC_ORDER, "/power_constraints_id", history_of(changed(CONSTRAINTS, valid_from=SOON)), CEM),
    Row(
        "PEBC-005",
        changed(PEBC_ORDER, power_envelopes=(ENVELOPE, changed(ENVELOPE, id="second"))),
        "/power_envelopes/1/commodity_quantity",
        sender=CEM,
    ),
    Row(
        "PEBC-006",
        changed(
            PEBC_ORDER,
            power_envelopes=(
                changed(
                    ENVELOPE,
                    power_envelope_elements=(changed(ENVELOPE.power_envelope_elements[0], lower_limit=1.0),),
                ),
            ),
        ),
        "/power_envelopes/0/power_envelope_elements/0/lower_limit",
        sender=CEM,
    ),
    Row("PEBC-007", changed(ENERGY, lower_average_power=3.0), "/lower_average_power"),
    Row("PEBC-008", changed(CONSTRAINTS, message_id="m1", valid_until=None), "/id", history_of(CONSTRAINTS)),
    Row("PEBC-008", changed(CONSTRAINTS, message_id="m1", valid_until=None), "/id", WITHDRAWN),
    Row("PEBC-008", changed(ENERGY, message_id="m1", upper_average_power=3.0), "/id", WITHDRAWN),
    *(
        Row("PEBC-009", changed(PEBC_ORDER, power_envelopes=(limits,)), "/power_envelopes/0", NEEDY, CEM)
        for limits in (
            envelope((1800, -5000, 999), (1800, -5000, 1000)),
            envelope((1800, -1000, 5000), (1801, -999, 5000)),
            envelope((3600, 0, 5000)),
        )
    ),
    Row(
        "PEBC-009",
        changed(PEBC_ORDER, power_envelopes=(envelope((3600, -5000, 5000), (3600, -1000, 999)),)),
        "/power_envelopes/0",
        history_of(CONSTRAINTS, changed(NEED, valid_from=SOON, valid_until=SOON + timedelta(hours=1))),
        CEM,
    ),
    Row("PPBC-001", changed(PROFILE, end_time=NOON), "/end_time"),
    Row("PPBC-002", changed(SCHEDULE, power_profile_id="other"), "/power_profile_id", DEFINED, CEM),
    Row("PPBC-003", changed(SCHEDULE, sequence_container_id="iron"), "/sequence_container_id", DEFINED, CEM),
    Row("PPBC-004", changed(SCHEDULE, power_sequence_id="slow"), "/power_sequence_id", DEFINED, CEM),
    Row("PPBC-005", statuses(WASH_STATUS), "/sequence_container_status", DEFINED),
    Row(
        "PPBC-006",
        statuses(WASH_STATUS, changed(DRY_STATUS, status=SCHEDULED, selected_sequence_id="slow")),
        "/sequence_container_status/1/selected_sequence_id",
        DEFINED,
    ),
    Row(
        "PPBC-006",
        statuses(WASH_STATUS, DRY_STATUS, changed(DRY_STATUS, sequence_container_id="iron")),
        "/sequence_container_status/2/sequence_container_id",
        DEFINED,
    ),
    Row(
        "PPBC-007",
        statuses(changed(WASH_STATUS, status=ppbc.PowerSequenceStatus.EXECUTING, selected_sequence_id="eco")),
        "/sequence_container_status/0/progress",
    ),
    *(
        Row(
            "PPBC-007",
            statuses(changed(WASH_STATUS, status=ppbc.PowerSequenceStatus(status), selected_sequence_id="eco")),
            "/sequence_container_status/0/progress",
        )
        for status in ("INTERRUPTED", "FINISHED")
    ),
    Row("PPBC-007", statuses(changed(WASH_STATUS, progress=1)), "/sequence_container_status/0/progress"),
    Row(
        "PPBC-008",
        statuses(changed(WASH_STATUS, status=ppbc.PowerSequenceStatus.SCHEDULED)),
        "/sequence_container_status/0/selected_sequence_id",
    ),
    Row(
        "PPBC-008",
        statuses(changed(WASH_STATUS, selected_sequence_id="eco")),
        "/sequence_container_status/0/selected_sequence_id",
    ),
    Row(
        "PPBC-009",
        ppbc.StartInterruptionInstruction(
            message_id="m1",
            id="stop",
            power_profile_id="laundry",
            sequence_container_id="wash",
            power_sequence_id="eco",
            execution_time=NOON,
            abnormal_condition=False,
        ),
        "/power_sequence_id",
        DEFINED,
        CEM,
    ),
    Row(
        "PPBC-010",
        changed(
            SCHEDULE,
            message_id="m1",
            id="then",
            sequence_container_id="dry",
            execution_time=NOON + timedelta(seconds=62),
        ),
        "/execution_time",
        history_of(PROFILE, SCHEDULE),
        CEM,
    ),
    Row("PPBC-011", changed(PROFILE, end_time=NOON + timedelta(seconds=119)), "/end_time"),
    Row("PPBC-012", changed(PROFILE, message_id="m1", start_time=NOON - timedelta(1)), "/id", DEFINED),
    Row("PPBC-012", changed(PROFILE, message_id="m1", start_time=NOON - timedelta(1)), "/id", WITHDRAWN),
    Row(
        "PPBC-013",
        statuses(WASH_STATUS, DRY_STATUS, changed(WASH_STATUS, status=SCHEDULED, selected_sequence_id="eco")),
        "/sequence_container_status/2/sequence_container_id",
        DEFINED,
    ),
    Row("OMBC-001", changed(OMBC, transitions=(changed(TRANSITION, from_="sleep"),)), "/transitions/0/from"),
    Row("OMBC-002", changed(OMBC, timers=()), "/transitions/0/start_timers/0"),
    Row(
        "OMBC-002",
        changed(OMBC, transitions=(changed(TRANSITION, blocking_timers=("none",)),)),
        "/transitions/0/blocking_timers/0",
    ),
    Row("OMBC-003", changed(OMBC_ORDER, operation_mode_id="sleep"), "/operation_mode_id", history_of(OMBC), CEM),
    Row(
        "OMBC-003",
        OMBC_ORDER,
        "/operation_mode_id",
        history_of(control_type=ControlType.OPERATION_MODE_BASED_CONTROL),
        CEM,
    ),
    Row("DDBC-001", ddbc_system(transitions=(changed(TRANSITION, to="sleep"),)), "/actuators/0/transitions/0/to"),
    Row("DDBC-002", ddbc_system(timers=()), "/actuators/0/transitions/0/start_timers/0"),
    Row(
        "DDBC-002",
        ddbc_system(transitions=(changed(TRANSITION, blocking_timers=("none",)),)),
        "/actuators/0/transitions/0/blocking_timers/0",
    ),
    Row("DDBC-003", changed(DDBC_ORDER, actuator_id="nobody"), "/actuator_id", history_of(DDBC), CEM),
    Row("DDBC-004", changed(DDBC_ORDER, operation_mode_id="sleep"), "/operation_mode_id", history_of(DDBC), CEM),
    Row("DDBC-005", DEMAND, "", history_of(DDBC)),
]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: f"{row.rule}{row.pointer}")
def test_a_broken_rule_is_the_only_one_told_and_says_where(row: Row) -> None:
    violations = judge(row.message, row.sender, row.history, NOW)
    assert [(violation.rule.id, violation.pointer) for violation in violations] == [(row.rule, row.pointer)]


def test_every_rule_is_broken_by_some_message() -> None:
    judged_here = {rule.id for rule in REGISTRY.values() if not rule.judged_in}
    assert {row.rule for row in BROKEN} == judged_here


@pytest.mark.parametrize(("control_type", "story"), SESSIONS.values(), ids=SESSIONS)
def test_a_valid_session_breaks_no_rule(control_type: ControlType | None, story: tuple[Tagged, ...]) -> None:
    history = history_of(control_type=control_type)
    for message in story:
        sender = CEM if hasattr(message, "execution_time") else RM
        assert judge(message, sender, history, NOW) == []
        history.record(message, NOW)


@needs_spec
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
@pytest.mark.parametrize("sender", [CEM, RM])
def test_published_examples_are_valid(path: Path, sender: EnergyManagementRole) -> None:
    violations = judge(wire.decode(path.read_text()), sender, History(), NOW)
    assert [violation.label for violation in violations if violation.rule.severity is Severity.ERROR] == []


def test_a_rule_broken_twice_is_told_once() -> None:
    wrong = changed(ENVELOPE.power_envelope_elements[0], lower_limit=1.0)
    order = changed(PEBC_ORDER, power_envelopes=(changed(ENVELOPE, power_envelope_elements=(wrong, wrong)),))
    (violation,) = judge(order, CEM, NOTHING, NOW)
    assert violation.pointer == "/power_envelopes/0/power_envelope_elements/0/lower_limit"


def test_a_label_says_which_rule_where_and_what() -> None:
    (violation,) = judge(changed(FRBC_ORDER, operation_mode="sleep"), CEM, ON, NOW)
    assert violation.label == "FRBC-004 at /operation_mode: 'sleep' is not a mode of it"


def test_a_description_announced_for_later_does_not_count_yet() -> None:
    later = changed(system(id="another"), message_id="later", valid_from=SOON)
    history = history_of(FRBC, later, control_type=FRBC_CONTROL)
    after = replace(NOW, utc=SOON)
    another = changed(FRBC_ORDER, actuator_id="another", execution_time=SOON)
    assert [judge(FRBC_ORDER, CEM, history, NOW), judge(another, CEM, history, after)] == [[], []]
    assert [judge(order, CEM, history, now) == [] for order, now in ((another, NOW), (FRBC_ORDER, after))] == [
        False
    ] * 2


def test_another_selection_forgets_what_was_published_but_no_instruction_id() -> None:
    history = history_of(FRBC, FRBC_STATUS, FRBC_ORDER, select(ControlType.POWER_ENVELOPE_BASED_CONTROL))
    assert (history.systems, history.active, list(history.instructions)) == ({}, {}, ["order"])


def test_an_object_revoked_is_forgotten() -> None:
    history = history_of(FRBC, CONSTRAINTS, ENERGY, PROFILE)
    for object_type, object_id in (
        ("FRBC.SystemDescription", "system"),
        ("PEBC.PowerConstraints", "limits"),
        ("PEBC.EnergyConstraint", "energy"),
        ("PPBC.PowerProfileDefinition", "laundry"),
    ):
        message = changed(revoke(object_type, object_id), message_id=f"revoke-{object_id}")
        assert judge(message, RM, history, NOW) == []
        history.record(message, NOW)
    assert history.system(FRBC_CONTROL, NOW) is None
    assert (history.constraints, history.energy_constraints, history.profiles) == ({}, {}, {})


@pytest.mark.parametrize("order", [PEBC_ORDER, SCHEDULE])
@pytest.mark.parametrize("status", ["REVOKED", "ABORTED"])
def test_limits_and_sequences_go_on_after_they_succeeded_and_may_be_revoked_or_aborted(
    order: Message, status: str
) -> None:
    history = history_of(order, *map(update, ("ACCEPTED", "STARTED", "SUCCEEDED")))
    assert judge(update(status), RM, history, NOW) == []
    history.record(update(status), NOW)
    assert [history.instructions["order"].status, history.instructions["order"].has_ended()] == [status, True]


def test_an_instruction_may_be_revoked_by_its_message_id() -> None:
    assert judge(revoke("FRBC.Instruction", "m-order"), CEM, ORDERED, NOW) == []


def test_of_several_in_one_message_id_any_that_has_not_ended_may_be_revoked_by_it() -> None:
    second = changed(FRBC_ORDER, id="second")
    history = history_of(FRBC_ORDER, second, control_type=FRBC_CONTROL)
    revoked: list[bool] = []
    for instruction in ("order", "second"):
        revoked.append(judge(revoke("FRBC.Instruction", "m-order"), CEM, history, NOW) == [])
        history.record(update("REVOKED", instruction), NOW)
    (violation,) = judge(revoke("FRBC.Instruction", "m-order"), CEM, history, NOW)
    assert (revoked, violation.sentence) == ([True, True], "instruction 'm-order' has ended")


def test_an_instruction_taken_back_takes_nothing_else_of_its_id_along() -> None:
    history = history_of(FRBC, CONSTRAINTS, ENERGY, PROFILE)
    for name in ("system", "limits", "energy", "laundry"):
        history.record(changed(revoke("FRBC.Instruction", name), message_id=f"revoke-{name}"), NOW)
    assert history.system(FRBC_CONTROL, NOW) is not None
    assert [list(each) for each in (history.constraints, history.energy_constraints, history.profiles)] == [
        ["limits"],
        ["energy"],
        ["laundry"],
    ]


@pytest.mark.parametrize(
    "elements",
    [
        [(3599, 0.0, 0.0)],
        [(1800, -2000.0, 2000.0), (1800, 0.0, 0.0)],
        [(3600, -1000.0, 1000.0)],
    ],
    ids=["not the whole time", "all in the first half", "just enough"],
)
def test_an_envelope_that_leaves_room_for_the_energy_is_not_odd(elements: list[tuple[int, float, float]]) -> None:
    order = changed(PEBC_ORDER, power_envelopes=(envelope(*elements),))
    assert judge(order, CEM, NEEDY, NOW) == []
    before = changed(PEBC_ORDER, power_envelopes=(envelope((3600, 0.0, 0.0)),), execution_time=NOON + timedelta(1))
    assert [violation.rule.id for violation in judge(before, CEM, NEEDY, NOW)] == []


@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({"commodity_quantity": L2}, (0.0, 0.0)),
        ({"lower_average_power": -1000.0, "upper_average_power": -500.0}, (-1000.0, -600.0)),
        ({"lower_average_power": 500.0, "upper_average_power": 1000.0}, (600.0, 1000.0)),
    ],
    ids=["another quantity", "it only produces", "it only consumes"],
)
def test_an_envelope_need_not_allow_more_than_is_needed(changes: Any, limits: tuple[float, float]) -> None:
    history = history_of(CONSTRAINTS, changed(NEED, **changes))
    order = changed(PEBC_ORDER, power_envelopes=(envelope((3600, *limits)),))
    assert judge(order, CEM, history, NOW) == []


def test_a_mode_that_was_active_may_be_named_after_it_is_gone() -> None:
    history = history_of(FRBC, FRBC_STATUS, system(operation_modes=(RUN,), transitions=()))
    changes = {"previous_operation_mode_id": "off", "transition_timestamp": NOON}
    assert (
        judge(changed(FRBC_STATUS, message_id="m1", active_operation_mode_id="run", **changes), RM, history, NOW) == []
    )


def test_a_timer_that_never_ran_has_finished_at_any_time_before() -> None:
    history = history_of(FRBC, control_type=FRBC_CONTROL)
    never = timer(frbc.TimerStatus, actuator_id="actuator", timer_id="timer", finished_at=NOON - 100 * FAR)
    assert judge(never, RM, history, NOW) == []


def test_what_was_taken_back_may_be_published_again_as_it_was() -> None:
    for message in (CONSTRAINTS, ENERGY, PROFILE):
        assert judge(changed(message, message_id="again"), RM, WITHDRAWN, NOW) == []


@pytest.mark.parametrize("level", [0.0, 50.0, 100.0])
def test_the_ends_of_a_fill_level_band_belong_to_it(level: float) -> None:
    history = history_of(FRBC, frbc.StorageStatus(message_id="m1", present_fill_level=level))
    assert judge(FRBC_ORDER, CEM, history, NOW) == []


def test_who_may_have_both_announces_both() -> None:
    assert judge(changed(DETAILS, provides_power_measurement_types=(SYMMETRIC, L1)), RM, History(), NOW) == []


def test_a_fill_level_counts_while_a_message_may_be_on_its_way_and_for_orders_for_now() -> None:
    history = History()
    for seconds, level in ((0.0, 50.0), (60.0, 101.0)):
        told_at = Now(NOW.mono + seconds, NOW.utc + timedelta(seconds=seconds))
        for message in (FRBC, frbc.StorageStatus(message_id=f"level-{level:g}", present_fill_level=level)):
            history.record(message, told_at)
    later = {seconds: Now(NOW.mono + seconds, NOW.utc + timedelta(seconds=seconds)) for seconds in (64.9, 65.0)}
    assert judge(FRBC_ORDER, CEM, history, later[64.9]) == []
    assert [each.rule.id for each in judge(FRBC_ORDER, CEM, history, later[65.0])] == ["FRBC-005"]
    in_a_minute = changed(FRBC_ORDER, execution_time=later[65.0].utc + timedelta(seconds=60))
    assert judge(in_a_minute, CEM, history, later[65.0]) == []


def test_under_abnormal_conditions_a_mode_is_right_at_any_fill_level() -> None:
    empty = history_of(FRBC, frbc.StorageStatus(message_id="m1", present_fill_level=-1.0))
    assert judge(changed(FRBC_ORDER, abnormal_condition=True), CEM, empty, NOW) == []


def test_what_is_said_again_under_another_message_id_is_no_second_object() -> None:
    history = history_of(CONSTRAINTS, PROFILE, FRBC_ORDER, update("ACCEPTED"))
    for message in (CONSTRAINTS, PROFILE, update("ACCEPTED")):
        assert judge(changed(message, message_id="again"), RM, history, NOW) == []


def test_a_session_without_end_does_not_fill_the_memory() -> None:
    history = History()
    for number in range(1100):
        history.record(changed(CONSTRAINTS, message_id=f"m{number}", id=f"c{number}"), NOW)
        history.record(changed(FRBC, message_id=f"s{number}", valid_from=SOON), NOW)
    assert (len(history.message_ids), len(history.constraints), len(history.systems[FRBC_CONTROL])) == (1000, 100, 10)


def test_of_instructions_the_oldest_is_forgotten_by_all_its_names() -> None:
    history = History()
    for number in range(IDS_LIMIT + 1):
        shared = "shared" if number < 2 else f"m{number}"
        history.record(changed(FRBC_ORDER, message_id=shared, id=f"i{number}"), NOW)
    forgotten, kept = history.instruction("i0"), history.instruction("i1")
    assert (forgotten, len(history.instructions)) == (None, IDS_LIMIT)
    assert history.instruction("shared") is kept is not None
    history.record(changed(FRBC_ORDER, message_id="last", id="last"), NOW)
    assert [history.instruction(name) for name in ("i1", "shared")] == [None, None]


def test_every_message_with_a_number_is_checked_for_infinite_ones() -> None:
    def has_number(node: Any, found: dict[str, Any]) -> bool:
        if isinstance(node, dict):
            if node.get("type") == "number":
                return True
            if "$ref" in node:
                return has_number(found[node["$ref"].rpartition("/")[2]], found)
            return any(has_number(part, found) for part in node.values())
        return isinstance(node, list) and any(has_number(part, found) for part in node)

    found: dict[str, Any] = {**schemas("1.0.0"), **schemas("0.0.2-beta")}
    numbered = {wire.name_of(kind) for kind in wire.MESSAGES if has_number(found[wire.name_of(kind)], found)}
    assert {wire.name_of(kind) for kind in get_args(HasNumbers | HasFactor)} == numbered


def test_every_date_is_looked_at() -> None:
    def dates(kind: type[Tagged]) -> list[str]:
        found = {**schemas("1.0.0"), **schemas("0.0.2-beta")}[wire.name_of(kind)]["properties"]
        return [name for name, schema in found.items() if "date-time" in json.dumps(schema)]

    assert {kind: list(_TIMESTAMPS_OF.get(kind, ())) for kind in wire.MESSAGES} == {k: dates(k) for k in wire.MESSAGES}


def test_what_is_judged_elsewhere_is_judged_in_a_file_that_there_is() -> None:
    root = Path(__file__).parents[2]
    assert [rule.id for rule in REGISTRY.values() if not (root / rule.judged_in).exists()] == []


def test_the_listing_has_a_line_for_each_rule() -> None:
    lines = listing().splitlines()
    assert [line.split()[0] for line in lines] == sorted(REGISTRY)
    assert all(line.isprintable() for line in lines)


ORDERS = tuple(wire.name_of(kind) for kind in get_args(Instruction))
IDS = ("order", "actuator", "off", "run", "limits", "laundry", "wash", "eco", "m1", "timer")


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(messages(IDS, ORDERS), st.sampled_from([CEM, RM])), min_size=1, max_size=4))
def test_whatever_can_be_read_can_be_judged(frames: list[tuple[str, EnergyManagementRole]]) -> None:
    history = history_of(FRBC, OMBC, DDBC, CONSTRAINTS, PROFILE, FRBC_ORDER, control_type=FRBC_CONTROL)
    for frame, sender in frames:
        for version in wire.VERSIONS:
            try:
                message = wire.decode(frame, version)
            except wire.UnreadableFrame:
                continue
            for violation in judge(message, sender, history, NOW):
                assert violation.rule is REGISTRY[violation.rule.id]
                _look_up(json.loads(wire.encode(message)), violation.pointer)
            if isinstance(message, Message):
                history.record(message, NOW)


def _look_up(document: Any, pointer: str) -> None:
    """The pointer leads to something that is there, or to a property that is missing from something that is."""
    *path, last = pointer.split("/")[1:] or [""]
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    assert isinstance(document, dict) or int(last) < len(document)

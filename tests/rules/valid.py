"""A session that keeps to every rule, for each control type, to break one rule at a time in."""

from datetime import timedelta
from typing import Any

import msgspec

from s2d.s2.messages import ddbc, frbc, ombc, pebc, ppbc
from s2d.s2.messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    EnergyManagementRole,
    Message,
    NumberRange,
    PowerForecastValue,
    PowerRange,
    ResourceManagerDetails,
    Role,
    RoleType,
    SelectControlType,
    Tagged,
    Timer,
    Transition,
)
from s2d.s2.rules import History
from s2d.values import Now

from ..core.stage import NOON

CEM, RM = EnergyManagementRole.CEM, EnergyManagementRole.RM
NOW = Now(1000.0, NOON)
SOON = NOON + timedelta(hours=1)
L1, L2, L3 = (CommodityQuantity(f"ELECTRIC.POWER.L{phase}") for phase in (1, 2, 3))
SYMMETRIC = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC


def changed(part: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(part, **changes)


def span(start: float, end: float) -> NumberRange:
    return NumberRange(start_of_range=start, end_of_range=end)


def power(start: float, end: float, quantity: CommodityQuantity = L1) -> PowerRange:
    return PowerRange(start_of_range=start, end_of_range=end, commodity_quantity=quantity)


def expected(value: float, quantity: CommodityQuantity = L1, **bands: float) -> PowerForecastValue:
    return PowerForecastValue(value_expected=value, commodity_quantity=quantity, **bands)


def history_of(*messages: Message, control_type: ControlType | None = None) -> History:
    """The history of a session in which *messages* were exchanged."""
    history = History()
    if control_type is not None:
        history.record(SelectControlType(message_id="select", control_type=control_type), NOW)
    for message in messages:
        history.record(message, NOW)
    return history


DETAILS = ResourceManagerDetails(
    message_id="details",
    resource_id="resource",
    roles=(Role(role=RoleType.ENERGY_STORAGE, commodity=Commodity.ELECTRICITY),),
    instruction_processing_delay=0,
    available_control_types=(ControlType.FILL_RATE_BASED_CONTROL, ControlType.NOT_CONTROLABLE),
    provides_forecast=False,
    provides_power_measurement_types=(L1,),
)
TIMER = Timer(id="timer", duration=1000)
TRANSITION = Transition(
    id="on", from_="off", to="run", start_timers=("timer",), blocking_timers=("timer",), abnormal_condition_only=False
)
ELEMENT = frbc.OperationModeElement(fill_level_range=span(0, 100), fill_rate=span(0, 1), power_ranges=(power(0, 100),))
OFF = frbc.OperationMode(id="off", elements=(ELEMENT,), abnormal_condition_only=False)
RUN = frbc.OperationMode(
    id="run",
    elements=(changed(ELEMENT, fill_level_range=span(50, 100)), changed(ELEMENT, fill_level_range=span(0, 50))),
    abnormal_condition_only=False,
)
ACTUATOR = frbc.ActuatorDescription(
    id="actuator",
    supported_commodities=(Commodity.ELECTRICITY,),
    operation_modes=(OFF, RUN),
    transitions=(TRANSITION,),
    timers=(TIMER,),
)
STORAGE = frbc.StorageDescription(
    provides_leakage_behaviour=False,
    provides_fill_level_target_profile=True,
    provides_usage_forecast=False,
    fill_level_range=span(0, 100),
)
FRBC = frbc.SystemDescription(message_id="system", valid_from=NOON, actuators=(ACTUATOR,), storage=STORAGE)
FRBC_STATUS = frbc.ActuatorStatus(
    message_id="status", actuator_id="actuator", active_operation_mode_id="off", operation_mode_factor=0.0
)
FRBC_ORDER = frbc.Instruction(
    message_id="m-order",
    id="order",
    actuator_id="actuator",
    operation_mode="run",
    operation_mode_factor=1.0,
    execution_time=NOON,
    abnormal_condition=False,
)
LEAKAGE = frbc.LeakageBehaviour(
    message_id="leakage",
    valid_from=NOON,
    elements=(
        frbc.LeakageBehaviourElement(fill_level_range=span(0, 50), leakage_rate=0.1),
        frbc.LeakageBehaviourElement(fill_level_range=span(50, 100), leakage_rate=0.2),
    ),
)
TARGET = frbc.FillLevelTargetProfile(
    message_id="target",
    start_time=NOON,
    elements=(frbc.FillLevelTargetProfileElement(duration=1000, fill_level_range=span(80, 100)),),
)
USAGE = frbc.UsageForecast(
    message_id="usage",
    start_time=NOON,
    elements=(frbc.UsageForecastElement(duration=1000, usage_rate_expected=1.0),),
)

OMBC_MODE = ombc.OperationMode(id="off", power_ranges=(power(0, 0),), abnormal_condition_only=False)
OMBC = ombc.SystemDescription(
    message_id="system",
    valid_from=NOON,
    operation_modes=(OMBC_MODE, changed(OMBC_MODE, id="run")),
    transitions=(TRANSITION,),
    timers=(TIMER,),
)
OMBC_STATUS = ombc.Status(message_id="status", active_operation_mode_id="off", operation_mode_factor=0.0)
OMBC_ORDER = ombc.Instruction(
    message_id="m-order",
    id="order",
    execution_time=NOON,
    operation_mode_id="run",
    operation_mode_factor=1.0,
    abnormal_condition=False,
)

DDBC_MODE = ddbc.OperationMode(
    id="off", power_ranges=(power(0, 100),), supply_range=span(0, 1), abnormal_condition_only=False
)
DDBC_ACTUATOR = ddbc.ActuatorDescription(
    id="actuator",
    supported_commodites=(Commodity.ELECTRICITY,),
    operation_modes=(DDBC_MODE, changed(DDBC_MODE, id="run")),
    transitions=(TRANSITION,),
    timers=(TIMER,),
)
DDBC = ddbc.SystemDescription(
    message_id="system", valid_from=NOON, actuators=(DDBC_ACTUATOR,), provides_average_demand_rate_forecast=False
)
DDBC_STATUS = ddbc.ActuatorStatus(
    message_id="status", actuator_id="actuator", active_operation_mode_id="off", operation_mode_factor=0.0
)
DDBC_ORDER = ddbc.Instruction(
    message_id="m-order",
    id="order",
    execution_time=NOON,
    abnormal_condition=False,
    actuator_id="actuator",
    operation_mode_id="run",
    operation_mode_factor=1.0,
)
DEMAND = ddbc.AverageDemandRateForecast(
    message_id="demand",
    start_time=NOON,
    elements=(ddbc.AverageDemandRateForecastElement(duration=1000, demand_rate_expected=1.0),),
)

UPPER = pebc.AllowedLimitRange(
    commodity_quantity=L1,
    limit_type=pebc.PowerEnvelopeLimitType.UPPER_LIMIT,
    range_boundary=span(0, 0),
    abnormal_condition_only=False,
)
LOWER = changed(UPPER, limit_type=pebc.PowerEnvelopeLimitType.LOWER_LIMIT, range_boundary=span(-4000, 0))
CONSTRAINTS = pebc.PowerConstraints(
    message_id="m-limits",
    id="limits",
    valid_from=NOON,
    valid_until=NOON + timedelta(days=1),
    consequence_type=pebc.PowerEnvelopeConsequenceType.VANISH,
    allowed_limit_ranges=(UPPER, LOWER),
)
ENERGY = pebc.EnergyConstraint(
    message_id="m-energy",
    id="energy",
    valid_from=NOON,
    valid_until=SOON,
    upper_average_power=2.0,
    lower_average_power=1.0,
    commodity_quantity=L1,
)
ENVELOPE = pebc.PowerEnvelope(
    id="envelope",
    commodity_quantity=L1,
    power_envelope_elements=(pebc.PowerEnvelopeElement(duration=1000, upper_limit=0.0, lower_limit=-2000.0),),
)
PEBC_ORDER = pebc.Instruction(
    message_id="m-order",
    id="order",
    execution_time=NOON,
    abnormal_condition=False,
    power_constraints_id="limits",
    power_envelopes=(ENVELOPE,),
)

SEQUENCE = ppbc.PowerSequence(
    id="eco",
    elements=(ppbc.PowerSequenceElement(duration=60_000, power_values=(expected(100.0),)),),
    is_interruptible=False,
    max_pause_before=1000,
    abnormal_condition_only=False,
)
WASH = ppbc.PowerSequenceContainer(id="wash", power_sequences=(SEQUENCE, changed(SEQUENCE, id="fast")))
DRY = changed(WASH, id="dry")
PROFILE = ppbc.PowerProfileDefinition(
    message_id="m-laundry", id="laundry", start_time=NOON, end_time=SOON, power_sequences_containers=(WASH, DRY)
)
SCHEDULE = ppbc.ScheduleInstruction(
    message_id="m-order",
    id="order",
    power_profile_id="laundry",
    sequence_container_id="wash",
    power_sequence_id="eco",
    execution_time=NOON,
    abnormal_condition=False,
)
WASH_STATUS = ppbc.PowerSequenceContainerStatus(
    power_profile_id="laundry", sequence_container_id="wash", status=ppbc.PowerSequenceStatus.NOT_SCHEDULED
)
THEN_DRY = changed(
    SCHEDULE,
    message_id="m-then",
    id="then",
    sequence_container_id="dry",
    execution_time=NOON + timedelta(seconds=61),
)
DRY_STATUS = changed(WASH_STATUS, sequence_container_id="dry")
PROFILE_STATUS = ppbc.PowerProfileStatus(message_id="status", sequence_container_status=(WASH_STATUS, DRY_STATUS))

SESSIONS: dict[str, tuple[ControlType | None, tuple[Tagged, ...]]] = {
    "FRBC": (ControlType.FILL_RATE_BASED_CONTROL, (FRBC, FRBC_STATUS, TARGET, FRBC_ORDER)),
    "OMBC": (ControlType.OPERATION_MODE_BASED_CONTROL, (OMBC, OMBC_STATUS, OMBC_ORDER)),
    "DDBC": (ControlType.DEMAND_DRIVEN_BASED_CONTROL, (DDBC, DDBC_STATUS, DDBC_ORDER)),
    "PEBC": (ControlType.POWER_ENVELOPE_BASED_CONTROL, (CONSTRAINTS, ENERGY, PEBC_ORDER)),
    "PPBC": (ControlType.POWER_PROFILE_BASED_CONTROL, (PROFILE, PROFILE_STATUS, SCHEDULE, THEN_DRY)),
    "none": (None, (DETAILS, LEAKAGE, USAGE, DEMAND)),
}
"""Name → what is selected, and what is said one after the other."""

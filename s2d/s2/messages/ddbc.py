"""Demand Driven Based Control: actuators that together meet a demand rate. The only room where versions differ.

Spec: S2 JSON 0.0.2-beta and 1.0.0. In 1.0.0 the present demand has a message of its own; before, it stood in the system
description.
"""

from .common import (
    ID,
    Commodity,
    Duration,
    Many,
    Message,
    NumberRange,
    Part,
    PowerRange,
    Timer,
    Timestamp,
    Transition,
    UpTo4,
    UpTo10,
    UpTo100,
    UpTo288,
)


class OperationMode(Part, frozen=True, kw_only=True, rename={"id": "Id"}):
    id: ID
    diagnostic_label: str | None = None
    power_ranges: UpTo10[PowerRange]
    supply_range: NumberRange
    running_costs: NumberRange | None = None
    abnormal_condition_only: bool


class ActuatorDescription(Part, frozen=True, kw_only=True):
    id: ID
    diagnostic_label: str | None = None
    supported_commodites: UpTo4[Commodity]
    operation_modes: UpTo100[OperationMode]
    transitions: Many[Transition]
    timers: Many[Timer]


class AverageDemandRateForecastElement(Part, frozen=True, kw_only=True):
    duration: Duration
    demand_rate_upper_limit: float | None = None
    demand_rate_upper_95PPR: float | None = None  # noqa: N815 (the wire's spelling)
    demand_rate_upper_68PPR: float | None = None  # noqa: N815
    demand_rate_expected: float
    demand_rate_lower_68PPR: float | None = None  # noqa: N815
    demand_rate_lower_95PPR: float | None = None  # noqa: N815
    demand_rate_lower_limit: float | None = None


class SystemDescription(Message, frozen=True, kw_only=True, tag="DDBC.SystemDescription"):
    valid_from: Timestamp
    actuators: UpTo10[ActuatorDescription]
    provides_average_demand_rate_forecast: bool


class SystemDescriptionBeta(Message, frozen=True, kw_only=True, tag="DDBC.SystemDescription"):
    """As 0.0.2-beta has it."""

    valid_from: Timestamp
    actuators: UpTo10[ActuatorDescription]
    present_demand_rate: NumberRange
    provides_average_demand_rate_forecast: bool


class PresentDemandStatus(Message, frozen=True, kw_only=True, tag="DDBC.PresentDemandStatus"):
    """As 1.0.0 has it."""

    present_demand_rate: NumberRange


class ActuatorStatus(Message, frozen=True, kw_only=True, tag="DDBC.ActuatorStatus"):
    actuator_id: ID
    active_operation_mode_id: ID
    operation_mode_factor: float
    previous_operation_mode_id: ID | None = None
    transition_timestamp: Timestamp | None = None


class AverageDemandRateForecast(Message, frozen=True, kw_only=True, tag="DDBC.AverageDemandRateForecast"):
    start_time: Timestamp
    elements: UpTo288[AverageDemandRateForecastElement]


class TimerStatus(Message, frozen=True, kw_only=True, tag="DDBC.TimerStatus"):
    timer_id: ID
    actuator_id: ID
    finished_at: Timestamp


class Instruction(Message, frozen=True, kw_only=True, tag="DDBC.Instruction"):
    id: ID
    execution_time: Timestamp
    abnormal_condition: bool
    actuator_id: ID
    operation_mode_id: ID
    operation_mode_factor: float


MESSAGES = (SystemDescription, PresentDemandStatus, ActuatorStatus, AverageDemandRateForecast, TimerStatus, Instruction)
MESSAGES_BETA = (SystemDescriptionBeta, ActuatorStatus, AverageDemandRateForecast, TimerStatus, Instruction)

"""Fill Rate Based Control: a storage, and actuators that fill and empty it.

Spec: S2 JSON 0.0.2-beta and 1.0.0, in which these are the same.
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


class OperationModeElement(Part, frozen=True, kw_only=True):
    """An operation mode while the fill level lies in `fill_level_range`; ranges run from factor 0 to factor 1."""

    fill_level_range: NumberRange
    fill_rate: NumberRange
    power_ranges: UpTo10[PowerRange]
    running_costs: NumberRange | None = None


class OperationMode(Part, frozen=True, kw_only=True):
    id: ID
    diagnostic_label: str | None = None
    elements: UpTo100[OperationModeElement]
    abnormal_condition_only: bool


class ActuatorDescription(Part, frozen=True, kw_only=True):
    id: ID
    diagnostic_label: str | None = None
    supported_commodities: UpTo4[Commodity]
    operation_modes: UpTo100[OperationMode]
    transitions: Many[Transition]
    timers: Many[Timer]


class StorageDescription(Part, frozen=True, kw_only=True):
    diagnostic_label: str | None = None
    fill_level_label: str | None = None
    provides_leakage_behaviour: bool
    provides_fill_level_target_profile: bool
    provides_usage_forecast: bool
    fill_level_range: NumberRange


class LeakageBehaviourElement(Part, frozen=True, kw_only=True):
    fill_level_range: NumberRange
    leakage_rate: float


class UsageForecastElement(Part, frozen=True, kw_only=True):
    duration: Duration
    usage_rate_upper_limit: float | None = None
    usage_rate_upper_95PPR: float | None = None  # noqa: N815 (the wire's spelling)
    usage_rate_upper_68PPR: float | None = None  # noqa: N815
    usage_rate_expected: float
    usage_rate_lower_68PPR: float | None = None  # noqa: N815
    usage_rate_lower_95PPR: float | None = None  # noqa: N815
    usage_rate_lower_limit: float | None = None


class FillLevelTargetProfileElement(Part, frozen=True, kw_only=True):
    duration: Duration
    fill_level_range: NumberRange


class SystemDescription(Message, frozen=True, kw_only=True, tag="FRBC.SystemDescription"):
    valid_from: Timestamp
    actuators: UpTo10[ActuatorDescription]
    storage: StorageDescription


class StorageStatus(Message, frozen=True, kw_only=True, tag="FRBC.StorageStatus"):
    present_fill_level: float


class ActuatorStatus(Message, frozen=True, kw_only=True, tag="FRBC.ActuatorStatus"):
    """What an actuator really does."""

    actuator_id: ID
    active_operation_mode_id: ID
    operation_mode_factor: float
    previous_operation_mode_id: ID | None = None
    transition_timestamp: Timestamp | None = None


class TimerStatus(Message, frozen=True, kw_only=True, tag="FRBC.TimerStatus"):
    timer_id: ID
    actuator_id: ID
    finished_at: Timestamp


class LeakageBehaviour(Message, frozen=True, kw_only=True, tag="FRBC.LeakageBehaviour"):
    valid_from: Timestamp
    elements: UpTo288[LeakageBehaviourElement]


class UsageForecast(Message, frozen=True, kw_only=True, tag="FRBC.UsageForecast"):
    start_time: Timestamp
    elements: UpTo288[UsageForecastElement]


class FillLevelTargetProfile(Message, frozen=True, kw_only=True, tag="FRBC.FillLevelTargetProfile"):
    start_time: Timestamp
    elements: UpTo288[FillLevelTargetProfileElement]


class Instruction(Message, frozen=True, kw_only=True, tag="FRBC.Instruction"):
    id: ID
    actuator_id: ID
    operation_mode: ID
    operation_mode_factor: float
    execution_time: Timestamp
    abnormal_condition: bool


MESSAGES = (
    SystemDescription,
    StorageStatus,
    ActuatorStatus,
    TimerStatus,
    LeakageBehaviour,
    UsageForecast,
    FillLevelTargetProfile,
    Instruction,
)

"""Operation Mode Based Control: one state machine for the whole resource.

Spec: S2 JSON 0.0.2-beta and 1.0.0, in which these are the same.
"""

from .common import ID, Many, Message, NumberRange, Part, PowerRange, Timer, Timestamp, Transition, UpTo10, UpTo100


class OperationMode(Part, frozen=True, kw_only=True):
    id: ID
    diagnostic_label: str | None = None
    power_ranges: UpTo10[PowerRange]
    running_costs: NumberRange | None = None
    abnormal_condition_only: bool


class SystemDescription(Message, frozen=True, kw_only=True, tag="OMBC.SystemDescription"):
    valid_from: Timestamp
    operation_modes: UpTo100[OperationMode]
    transitions: Many[Transition]
    timers: Many[Timer]


class Status(Message, frozen=True, kw_only=True, tag="OMBC.Status"):
    active_operation_mode_id: ID
    operation_mode_factor: float
    previous_operation_mode_id: ID | None = None
    transition_timestamp: Timestamp | None = None


class TimerStatus(Message, frozen=True, kw_only=True, tag="OMBC.TimerStatus"):
    timer_id: ID
    finished_at: Timestamp


class Instruction(Message, frozen=True, kw_only=True, tag="OMBC.Instruction"):
    id: ID
    execution_time: Timestamp
    operation_mode_id: ID
    operation_mode_factor: float
    abnormal_condition: bool


MESSAGES = (SystemDescription, Status, TimerStatus, Instruction)

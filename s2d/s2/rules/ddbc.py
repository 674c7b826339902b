"""DDBC: rules about actuators that together meet a demand rate."""

from ...values import Now
from ..messages.common import ControlType
from ..messages.ddbc import ActuatorDescription, AverageDemandRateForecast, Instruction
from .history import History
from .registry import Breach, rule
from .state_machines import undescribed_actuator, undescribed_mode, unknown_modes, unknown_timers

_DDBC = ControlType.DEMAND_DRIVEN_BASED_CONTROL


@rule(
    "DDBC-001", "a transition leads from mode to mode of its actuator", source="S2 JSON, Transition.from, Transition.to"
)
def transition_modes(part: ActuatorDescription) -> Breach | None:
    return unknown_modes(part)


@rule(
    "DDBC-002",
    "a transition starts, and is blocked by, timers of its actuator",
    source="S2 JSON, Transition.start_timers, Transition.blocking_timers",
)
def transition_timers(part: ActuatorDescription) -> Breach | None:
    return unknown_timers(part)


@rule(
    "DDBC-003",
    "an instruction names an actuator that is, or was, described",
    source="S2 JSON, DDBC.Instruction.actuator_id",
)
def actuator(message: Instruction, history: History, now: Now) -> Breach | None:
    return undescribed_actuator(history, _DDBC, message.actuator_id, now)


@rule("DDBC-004", "an instruction names a mode of its actuator", source="S2 JSON, DDBC.Instruction.operation_mode_id")
def mode(message: Instruction, history: History, now: Now) -> Breach | None:
    return undescribed_mode(history, _DDBC, message.operation_mode_id, "operation_mode_id", now, message.actuator_id)


@rule(
    "DDBC-005",
    "a forecast of demand is told only if announced",
    source="S2 JSON, DDBC.SystemDescription.provides_average_demand_rate_forecast",
)
def announced(message: AverageDemandRateForecast, history: History, now: Now) -> Breach | None:
    system = history.system(_DDBC, now)
    if system is not None and not system.provides_demand_forecast:
        return "", "no forecast was announced"
    return None

"""OMBC: rules about the one state machine of the whole resource."""

from ...values import Now
from ..messages.common import ControlType
from ..messages.ombc import Instruction, SystemDescription
from .history import History
from .registry import Breach, rule
from .state_machines import undescribed_mode, unknown_modes, unknown_timers


@rule(
    "OMBC-001", "a transition leads from mode to mode of its system", source="S2 JSON, Transition.from, Transition.to"
)
def transition_modes(message: SystemDescription) -> Breach | None:
    return unknown_modes(message)


@rule(
    "OMBC-002",
    "a transition starts, and is blocked by, timers of its system",
    source="S2 JSON, Transition.start_timers, Transition.blocking_timers",
)
def transition_timers(message: SystemDescription) -> Breach | None:
    return unknown_timers(message)


@rule(
    "OMBC-003",
    "an instruction names a mode that is, or was, described",
    source="S2 JSON, OMBC.Instruction.operation_mode_id",
)
def mode(message: Instruction, history: History, now: Now) -> Breach | None:
    control_type = ControlType.OPERATION_MODE_BASED_CONTROL
    if history.control_type is control_type and history.system(control_type, now) is None:
        return "/operation_mode_id", "no mode was described yet"
    return undescribed_mode(history, control_type, message.operation_mode_id, "operation_mode_id", now)

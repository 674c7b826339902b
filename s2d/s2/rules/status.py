"""STATUS: rules about the statuses of actuators, operation modes and timers in FRBC, OMBC and DDBC."""

from ...values import Now
from ..messages import ddbc, frbc, ombc
from ..messages.common import ControlType
from .history import History
from .history_entries import WHOLE
from .registry import Breach, Severity, rule
from .state_machines import machine_of, unknown_actuator, unknown_mode

ModeStatus = frbc.ActuatorStatus | ombc.Status | ddbc.ActuatorStatus
TimerStatus = frbc.TimerStatus | ombc.TimerStatus | ddbc.TimerStatus
AboutSystem = (
    ModeStatus
    | TimerStatus
    | frbc.StorageStatus
    | frbc.LeakageBehaviour
    | frbc.UsageForecast
    | frbc.FillLevelTargetProfile
    | ddbc.PresentDemandStatus
    | ddbc.AverageDemandRateForecast
)

_FRBC = ControlType.FILL_RATE_BASED_CONTROL
_OMBC = ControlType.OPERATION_MODE_BASED_CONTROL
_DDBC = ControlType.DEMAND_DRIVEN_BASED_CONTROL


@rule(
    "STATUS-001",
    "the previous operation mode is named, unless the active one is the first",
    source="S2 JSON, *.previous_operation_mode_id",
    severity=Severity.WARNING,
)
def previous_named(message: ModeStatus, history: History) -> Breach | None:
    before = history.active.get(_actuator_of(message))
    if before is None or message.previous_operation_mode_id is not None:
        return None
    if before.has_previous or before.operation_mode_id != message.active_operation_mode_id:
        return "/previous_operation_mode_id", f"{before.operation_mode_id!r} was active before"
    return None


@rule(
    "STATUS-002",
    "a previous operation mode and the time of the transition from it come together",
    source="S2 JSON, *.transition_timestamp",
    severity=Severity.WARNING,
)
def transition_dated(message: ModeStatus) -> Breach | None:
    if (message.previous_operation_mode_id is None) != (message.transition_timestamp is None):
        missing = "transition_timestamp" if message.transition_timestamp is None else "previous_operation_mode_id"
        return f"/{missing}", "one is told without the other"
    return None


@rule("STATUS-003", "a timer that is told of was described", source="S2 JSON, *.TimerStatus.timer_id")
def timer_known(message: TimerStatus, history: History, now: Now) -> Breach | None:
    machine = machine_of(history, _control_type_of(message), _actuator_of(message), now)
    if machine is not None and message.timer_id not in machine.timers:
        return "/timer_id", f"{message.timer_id!r} is not a timer of it"
    return None


@rule("STATUS-004", "an actuator that is told of was described", source="S2 JSON, *Status.actuator_id")
def actuator_known(
    message: frbc.ActuatorStatus | frbc.TimerStatus | ddbc.ActuatorStatus | ddbc.TimerStatus, history: History, now: Now
) -> Breach | None:
    control_type = _control_type_of(message)
    if history.system(control_type, now) is None:
        return None
    return unknown_actuator(history, control_type, message.actuator_id, now)


@rule("STATUS-005", "a mode told to be active was described", source="S2 JSON, *.active_operation_mode_id")
def mode_known(message: ModeStatus, history: History, now: Now) -> Breach | None:
    mode_id, member = message.active_operation_mode_id, "active_operation_mode_id"
    return unknown_mode(history, _control_type_of(message), mode_id, member, now, _actuator_of(message))


@rule(
    "STATUS-006",
    "a mode told to have been active was described, now or before",
    source="S2 JSON, *.previous_operation_mode_id",
    severity=Severity.WARNING,
)
def previous_known(message: ModeStatus, history: History, now: Now) -> Breach | None:
    mode_id, actuator_id = message.previous_operation_mode_id, _actuator_of(message)
    if mode_id is not None:
        before = history.active.get(actuator_id)
        if before is None or mode_id != before.operation_mode_id:
            member = "previous_operation_mode_id"
            return unknown_mode(history, _control_type_of(message), mode_id, member, now, actuator_id)
    return None


@rule("STATUS-007", "a system is described before it is told of", source="EN 50491-12-2, State of communication")
def described_first(message: AboutSystem, history: History, now: Now) -> Breach | None:
    control_type = _control_type_of(message)
    if history.control_type is control_type and history.system(control_type, now) is None:
        return "", "the system was not described yet"
    return None


_CONTROL_TYPES = {
    **dict.fromkeys(frbc.MESSAGES, _FRBC),
    **dict.fromkeys(ombc.MESSAGES, _OMBC),
    **dict.fromkeys((*ddbc.MESSAGES, *ddbc.MESSAGES_BETA), _DDBC),
}


def _control_type_of(message: AboutSystem) -> ControlType:
    return _CONTROL_TYPES[message.__class__]


def _actuator_of(message: ModeStatus | TimerStatus) -> str:
    return WHOLE if isinstance(message, ombc.Status | ombc.TimerStatus) else message.actuator_id

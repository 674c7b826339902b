"""MSG and RMD: rules about messages of every control type, and about ResourceManagerDetails."""

from datetime import datetime, timedelta
from typing import get_args

from msgspec.structs import fields

from ...values import Now
from ..messages import ddbc, frbc, ombc, pebc, ppbc
from ..messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    InstructionStatusUpdate,
    Message,
    PowerForecast,
    PowerMeasurement,
    ResourceManagerDetails,
    SelectControlType,
    Timestamp,
)
from .history import History
from .history_entries import OperationMode
from .registry import Breach, Severity, rule

AHEAD = timedelta(minutes=5)
"""What is told to have happened may be this far in the future, for clocks differ."""
AWAY = timedelta(days=366)
"""What is told to have happened, or shall happen, is at most this far from now."""
_BEHIND = -AWAY


@rule(
    "MSG-007",
    "a message id is used once in a session",
    source="S2 JSON, *.message_id",
    severity=Severity.WARNING,
)
def message_id(message: Message, history: History) -> Breach | None:
    if message.message_id in history.message_ids:
        return "/message_id", f"{message.message_id!r} was used before in this session"
    return None


HasTimestamps = (
    PowerMeasurement
    | PowerForecast
    | InstructionStatusUpdate
    | frbc.SystemDescription
    | frbc.ActuatorStatus
    | frbc.TimerStatus
    | frbc.LeakageBehaviour
    | frbc.UsageForecast
    | frbc.FillLevelTargetProfile
    | frbc.Instruction
    | pebc.PowerConstraints
    | pebc.EnergyConstraint
    | pebc.Instruction
    | ppbc.PowerProfileDefinition
    | ppbc.ScheduleInstruction
    | ppbc.StartInterruptionInstruction
    | ppbc.EndInterruptionInstruction
    | ombc.SystemDescription
    | ombc.Status
    | ombc.TimerStatus
    | ombc.Instruction
    | ddbc.SystemDescription
    | ddbc.SystemDescriptionBeta
    | ddbc.ActuatorStatus
    | ddbc.TimerStatus
    | ddbc.AverageDemandRateForecast
    | ddbc.Instruction
)
_TIMESTAMPS_OF = {
    kind: tuple(field.name for field in fields(kind) if field.type in (Timestamp, Timestamp | None))
    for kind in get_args(HasTimestamps)
}


@rule(
    "MSG-008",
    "a timestamp is plausible: within a year of now, and what has happened does not lie ahead",
    source="S2 JSON, *_timestamp, *_time, valid_from, valid_until, finished_at",
    severity=Severity.WARNING,
)
def plausible(message: HasTimestamps, history: History, now: Now) -> Breach | None:
    for name in _TIMESTAMPS_OF[message.__class__]:
        date: datetime | None = getattr(message, name)
        if date is None:
            continue
        ahead = date - now.utc
        if ahead > AHEAD:
            if ahead > AWAY:
                return f"/{name}", f"{date.isoformat()} is more than a year from now"
            if name.endswith("timestamp"):
                return f"/{name}", f"{date.isoformat()} lies ahead"
        elif ahead < _BEHIND and name != "finished_at":  # a timer that never ran has finished at any time before
            return f"/{name}", f"{date.isoformat()} is more than a year ago"
    return None


@rule(
    "MSG-009", "an RM says which protocol versions it speaks", source="S2 JSON, Handshake.supported_protocol_versions"
)
def versions(message: Handshake) -> Breach | None:
    if message.role is EnergyManagementRole.RM and message.supported_protocol_versions is None:
        return "/supported_protocol_versions", "an RM must say which versions it speaks"
    return None


@rule("RMD-001", "a control type that is selected is offered", source="S2 JSON, SelectControlType.control_type")
def offered(message: SelectControlType, history: History) -> Breach | None:
    wanted = message.control_type
    is_none = wanted is ControlType.NO_SELECTION or wanted is ControlType.NOT_CONTROLABLE
    if history.details is not None and not is_none and wanted not in history.details.available_control_types:
        return "/control_type", f"{wanted} is not offered"
    return None


@rule(
    "RMD-002",
    "who publishes costs has said in which currency",
    source="S2 JSON, ResourceManagerDetails.currency",
    severity=Severity.WARNING,
)
def currency(
    message: frbc.SystemDescription | ombc.SystemDescription | ddbc.SystemDescription | ddbc.SystemDescriptionBeta,
    history: History,
) -> Breach | None:
    if history.details is None or history.details.currency is not None:
        return None
    if isinstance(message, ombc.SystemDescription):
        return _costs(message, "")
    actuators: tuple[frbc.ActuatorDescription | ddbc.ActuatorDescription, ...] = message.actuators
    breaches = (_costs(actuator, f"/actuators/{index}") for index, actuator in enumerate(actuators))
    return next((breach for breach in breaches if breach is not None), None)


@rule(
    "RMD-003",
    "there is one role per commodity",
    source="S2 JSON, ResourceManagerDetails.roles, Role.commodity",
    severity=Severity.WARNING,
)
def roles(message: ResourceManagerDetails) -> Breach | None:
    commodities = [role.commodity for role in message.roles]
    for index, commodity in enumerate(commodities):
        if commodity in commodities[:index]:
            return f"/roles/{index}/commodity", f"{commodity} has a role before"
    return None


@rule("RMD-004", "NO_SELECTION is never offered", source="EN 50491-12-2, ControlType")
def offers(message: ResourceManagerDetails) -> Breach | None:
    for index, control_type in enumerate(message.available_control_types):
        if control_type is ControlType.NO_SELECTION:
            return f"/available_control_types/{index}", "NO_SELECTION is not a control type"
    return None


@rule("RMD-005", "a resource keeps its id", source="S2 JSON, ResourceManagerDetails.resource_id")
def resource_id(message: ResourceManagerDetails, history: History) -> Breach | None:
    if history.details is not None and history.details.resource_id != message.resource_id:
        return "/resource_id", f"it was {history.details.resource_id!r} before"
    return None


def _costs(
    part: frbc.ActuatorDescription | ombc.SystemDescription | ddbc.ActuatorDescription, pointer: str
) -> Breach | None:
    """Where costs stand in *part*, which has transitions and operation modes; *pointer* is its own."""
    for index, transition in enumerate(part.transitions):
        if transition.transition_costs is not None:
            return f"{pointer}/transitions/{index}/transition_costs", _NO_CURRENCY
    modes: tuple[OperationMode, ...] = part.operation_modes
    for index, mode in enumerate(modes):
        where = f"{pointer}/operation_modes/{index}"
        if not isinstance(mode, frbc.OperationMode):
            if mode.running_costs is not None:
                return f"{where}/running_costs", _NO_CURRENCY
            continue
        for number, element in enumerate(mode.elements):
            if element.running_costs is not None:
                return f"{where}/elements/{number}/running_costs", _NO_CURRENCY
    return None


_NO_CURRENCY = "costs without a currency"

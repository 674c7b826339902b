"""INST and REV: rules about the ids of instructions, their statuses, and revocations."""

from typing import get_args

from ..messages.common import (
    ControlType,
    EnergyManagementRole,
    InstructionStatus,
    InstructionStatusUpdate,
    RevokableObjects,
    RevokeObject,
)
from ..messages.instruction import Instruction
from ..messages.wire import name_of
from .history import History
from .registry import Breach, Severity, rule

_MAY_FOLLOW: dict[InstructionStatus, tuple[InstructionStatus, ...]] = {
    InstructionStatus.NEW: tuple(InstructionStatus),
    InstructionStatus.ACCEPTED: (
        InstructionStatus.STARTED,
        InstructionStatus.REVOKED,
        InstructionStatus.ABORTED,
    ),
    InstructionStatus.STARTED: (
        InstructionStatus.SUCCEEDED,
        InstructionStatus.REVOKED,
        InstructionStatus.ABORTED,
    ),
    InstructionStatus.SUCCEEDED: (InstructionStatus.ABORTED,),
}
"""And the same again, for that is how a message is repeated."""
_MAY_FOLLOW_WHAT_LASTS = {
    **_MAY_FOLLOW,
    InstructionStatus.SUCCEEDED: (InstructionStatus.REVOKED, InstructionStatus.ABORTED),
}

_REVOKABLE: dict[ControlType, tuple[RevokableObjects, ...]] = {
    ControlType.FILL_RATE_BASED_CONTROL: (RevokableObjects.FRBC_INSTRUCTION,),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: (RevokableObjects.PEBC_INSTRUCTION,),
    ControlType.OPERATION_MODE_BASED_CONTROL: (RevokableObjects.OMBC_INSTRUCTION,),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: (RevokableObjects.DDBC_INSTRUCTION,),
    ControlType.POWER_PROFILE_BASED_CONTROL: (
        RevokableObjects.PPBC_SCHEDULE_INSTRUCTION,
        RevokableObjects.PPBC_START_INTERRUPTION_INSTRUCTION,
        RevokableObjects.PPBC_END_INTERRUPTION_INSTRUCTION,
    ),
}
_INSTRUCTION_TYPES = {RevokableObjects(name_of(kind)): kind for kind in get_args(Instruction)}


@rule("INST-001", "an instruction id is used once in a session", source="S2 JSON, *Instruction.id")
def new_id(message: Instruction, history: History) -> Breach | None:
    if history.given[message.id]:
        return "/id", f"{message.id!r} was used before in this session"
    return None


@rule("INST-002", "an update is about an instruction that was given", source="S2 JSON, InstructionStatusUpdate")
def instruction_given(message: InstructionStatusUpdate, history: History) -> Breach | None:
    if history.control_type is not None and history.given[message.instruction_id] is None:
        meant = history.instruction(message.instruction_id)
        hint = f": it is the message_id of {meant.id!r}" if meant else ""
        return "/instruction_id", f"no instruction {message.instruction_id!r} was given{hint}"
    return None


@rule(
    "INST-003",
    "statuses come in order: NEW, ACCEPTED or REJECTED, STARTED, SUCCEEDED or ABORTED; REVOKED until then. "
    "What SUCCEEDED stays in force and may be ABORTED; limits and sequences may be REVOKED then, too",
    source="S2 JSON, InstructionStatus",
    severity=Severity.WARNING,
)
def status_order(message: InstructionStatusUpdate, history: History) -> Breach | None:
    known = history.given[message.instruction_id]
    if known is None or known.status is None or known.status is message.status_type:
        return None
    may_follow = _MAY_FOLLOW_WHAT_LASTS if known.lasts else _MAY_FOLLOW
    if message.status_type not in may_follow.get(known.status, ()):
        return "/status_type", f"{message.status_type} after {known.status}"
    return None


@rule(
    "REV-001",
    "what a CEM revokes is an instruction of that type that has not ended",
    source="S2 JSON, RevokeObject.object_id",
    sender=EnergyManagementRole.CEM,
)
def not_ended(message: RevokeObject, history: History) -> Breach | None:
    if history.control_type is None or message.object_type not in _INSTRUCTION_TYPES:
        return None
    object_id = message.object_id
    known = history.instruction(object_id)
    if known is None:
        return "/object_id", f"instruction {object_id!r} is unknown"
    if known.kind is not _INSTRUCTION_TYPES[message.object_type]:
        return "/object_type", f"{object_id!r} is a {name_of(known.kind)}"
    if known.has_ended():
        return "/object_id", f"instruction {object_id!r} has ended"
    return None


@rule(
    "REV-002",
    "a CEM revokes instructions of the control type it selected",
    source="S2 JSON, RevokeObject.object_type",
    sender=EnergyManagementRole.CEM,
)
def by_cem(message: RevokeObject, history: History) -> Breach | None:
    allowed = (
        _INSTRUCTION_TYPES if history.control_type is None else _REVOKABLE.get(history.control_type, _INSTRUCTION_TYPES)
    )
    if message.object_type not in allowed:
        return "/object_type", f"a CEM may not revoke a {message.object_type}"
    return None


@rule(
    "REV-003",
    "what an RM revokes was published and holds",
    source="S2 JSON, RevokeObject.object_id",
    sender=EnergyManagementRole.RM,
)
def published(message: RevokeObject, history: History) -> Breach | None:
    if history.control_type is None or message.object_type in _INSTRUCTION_TYPES:
        return None
    if not history.holds(message.object_type, message.object_id):
        return "/object_id", f"{message.object_type} {message.object_id!r} is unknown"
    return None


@rule(
    "REV-004",
    "an RM does not revoke instructions",
    source="S2 JSON, RevokeObject.object_type",
    sender=EnergyManagementRole.RM,
)
def by_rm(message: RevokeObject, history: History) -> Breach | None:
    if message.object_type in _INSTRUCTION_TYPES:
        return "/object_type", f"an RM may not revoke a {message.object_type}"
    return None

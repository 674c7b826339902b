"""PPBC: rules about power profiles, their sequence containers, and the sequences scheduled in them."""

from datetime import timedelta

from msgspec.structs import replace

from ..messages.common import ControlType
from ..messages.ppbc import (
    EndInterruptionInstruction,
    PowerProfileDefinition,
    PowerProfileStatus,
    PowerSequence,
    PowerSequenceContainerStatus,
    PowerSequenceStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
)
from .history import History
from .registry import Breach, Severity, rule

Instruction = ScheduleInstruction | StartInterruptionInstruction | EndInterruptionInstruction

_MS = timedelta(milliseconds=1)
_NOT_SCHEDULED = PowerSequenceStatus.NOT_SCHEDULED
_BEGUN = (PowerSequenceStatus.EXECUTING, PowerSequenceStatus.INTERRUPTED, PowerSequenceStatus.FINISHED)


@rule("PPBC-001", "a profile ends after it begins", source="S2 JSON, PPBC.PowerProfileDefinition")
def window(message: PowerProfileDefinition) -> Breach | None:
    if message.end_time <= message.start_time:
        return "/end_time", "it ends before it begins"
    return None


@rule(
    "PPBC-002", "an instruction names a profile that is defined", source="S2 JSON, PPBC.*Instruction.power_profile_id"
)
def known_profile(message: Instruction, history: History) -> Breach | None:
    profile_id = message.power_profile_id
    # What was withdrawn while the instruction was on its way, its control type rejects.
    was_defined = isinstance(history.withdrawn.get(profile_id), PowerProfileDefinition)
    if profile_id not in history.profiles and not was_defined and _is_expected(history):
        return "/power_profile_id", f"no profile {profile_id!r} is defined"
    return None


@rule(
    "PPBC-003",
    "an instruction names a container of its profile",
    source="S2 JSON, PPBC.*Instruction.sequence_container_id",
)
def known_container(message: Instruction, history: History) -> Breach | None:
    profile = history.profiles.get(message.power_profile_id)
    if profile is not None and message.sequence_container_id not in profile.containers:
        return "/sequence_container_id", f"{message.sequence_container_id!r} is not a container of it"
    return None


@rule(
    "PPBC-004",
    "an instruction names a sequence of its container",
    source="S2 JSON, PPBC.*Instruction.power_sequence_id",
)
def known_sequence(message: Instruction, history: History) -> Breach | None:
    profile = history.profiles.get(message.power_profile_id)
    entry = None if profile is None else profile.containers.get(message.sequence_container_id)
    if entry is not None and message.power_sequence_id not in entry.sequences:
        return "/power_sequence_id", f"{message.power_sequence_id!r} is not a sequence of it"
    return None


@rule("PPBC-005", "a status covers every container of its profile", source="S2 JSON, PPBC.PowerProfileStatus")
def complete(message: PowerProfileStatus, history: History) -> Breach | None:
    told: dict[str, set[str]] = {}
    for each in message.sequence_container_status:
        told.setdefault(each.power_profile_id, set()).add(each.sequence_container_id)
    for profile_id, container_ids in told.items():
        profile = history.profiles.get(profile_id)
        if profile is not None and not profile.containers.keys() <= container_ids:
            missing = next(each for each in profile.containers if each not in container_ids)
            return "/sequence_container_status", f"container {missing!r} of {profile_id!r} is missing"
    return None


@rule(
    "PPBC-006",
    "a status names profiles, containers and sequences that are defined",
    source="S2 JSON, PPBC.PowerSequenceContainerStatus",
)
def defined(message: PowerProfileStatus, history: History) -> Breach | None:
    if not _is_expected(history):
        return None
    for index, each in enumerate(message.sequence_container_status):
        where = f"/sequence_container_status/{index}"
        profile = history.profiles.get(each.power_profile_id)
        entry = None if profile is None else profile.containers.get(each.sequence_container_id)
        if profile is None:
            return f"{where}/power_profile_id", f"no profile {each.power_profile_id!r} is defined"
        if entry is None:
            return f"{where}/sequence_container_id", f"{each.sequence_container_id!r} is not a container of it"
        if each.selected_sequence_id is not None and each.selected_sequence_id not in entry.sequences:
            return f"{where}/selected_sequence_id", f"{each.selected_sequence_id!r} is not a sequence of it"
    return None


@rule(
    "PPBC-007",
    "progress is told once a sequence has started, and none of what is not scheduled",
    source="S2 JSON, PPBC.PowerSequenceContainerStatus.progress",
)
def progress(part: PowerSequenceContainerStatus) -> Breach | None:
    if part.progress is None:
        if part.status in _BEGUN:
            return "/progress", f"{part.status} without progress"
    elif part.status is _NOT_SCHEDULED:
        return "/progress", f"{part.status} with progress"
    return None


@rule(
    "PPBC-008",
    "a sequence is named if, and only if, one is scheduled",
    source="S2 JSON, PPBC.PowerSequenceContainerStatus.selected_sequence_id",
)
def selected(part: PowerSequenceContainerStatus) -> Breach | None:
    is_scheduled = part.status is not _NOT_SCHEDULED
    if is_scheduled is (part.selected_sequence_id is None):
        return "/selected_sequence_id", f"{part.status} {'without' if is_scheduled else 'with'} a sequence"
    return None


@rule(
    "PPBC-009",
    "only a sequence that is interruptible is interrupted; its control type rejects it",
    source="S2 JSON, PPBC.PowerSequence.is_interruptible",
    severity=Severity.WARNING,
)
def interruptible(
    message: StartInterruptionInstruction | EndInterruptionInstruction, history: History
) -> Breach | None:
    profile = history.profiles.get(message.power_profile_id)
    container_id, sequence_id = message.sequence_container_id, message.power_sequence_id
    meant = None if profile is None else profile.sequence(container_id, sequence_id)
    if meant is not None and not meant.is_interruptible:
        return "/power_sequence_id", f"{meant.id!r} is not interruptible"
    return None


@rule(
    "PPBC-010",
    "a sequence does not start later after the one before than its longest pause; its control type rejects it",
    source="S2 JSON, PPBC.PowerSequence.max_pause_before",
    severity=Severity.WARNING,
)
def pause(message: ScheduleInstruction, history: History) -> Breach | None:
    profile = history.profiles.get(message.power_profile_id)
    entry = None if profile is None else profile.containers.get(message.sequence_container_id)
    if entry is None or entry.before is None:
        return None
    meant = entry.sequences.get(message.power_sequence_id)
    scheduled = history.scheduled.get((message.power_profile_id, entry.before))
    if meant is not None and meant.max_pause_before is not None and scheduled is not None:
        pause_ms = (message.execution_time - scheduled.start) // _MS - _duration_ms(scheduled.sequence)
        if pause_ms > meant.max_pause_before:
            return "/execution_time", f"a pause of {pause_ms} ms, of at most {meant.max_pause_before} ms"
    return None


@rule(
    "PPBC-011",
    "the shortest sequences fit between the start and the end of their profile",
    source="S2 JSON, PPBC.PowerProfileDefinition.end_time",
    severity=Severity.WARNING,
)
def fitting(message: PowerProfileDefinition) -> Breach | None:
    shortest_ms = sum(min(map(_duration_ms, each.power_sequences)) for each in message.power_sequences_containers)
    if message.end_time > message.start_time and shortest_ms > (message.end_time - message.start_time) // _MS:
        return "/end_time", f"its sequences take at least {shortest_ms} ms"
    return None


@rule("PPBC-013", "a status tells of a container once", source="S2 JSON, PPBC.PowerProfileStatus")
def told_once(message: PowerProfileStatus) -> Breach | None:
    statuses = message.sequence_container_status
    if len({each.sequence_container_id for each in statuses}) == len(statuses):
        return None
    told = [(each.power_profile_id, each.sequence_container_id) for each in statuses]
    if len(set(told)) < len(told):
        again = next(index for index, each in enumerate(told) if each in told[:index])
        where = f"/sequence_container_status/{again}/sequence_container_id"
        return where, f"{told[again][1]!r} stands there before"
    return None


@rule("PPBC-012", "a profile id is used for one thing", source="S2 JSON, PPBC.PowerProfileDefinition.id")
def definition_ids(message: PowerProfileDefinition, history: History) -> Breach | None:
    profile = history.profiles.get(message.id)
    held = history.withdrawn.get(message.id) if profile is None else profile.message
    # A message that was not understood is said again, under another message id.
    if held is not None and replace(held, message_id=message.message_id) != message:
        return "/id", f"{message.id!r} was used before in this session"
    return None


def _is_expected(history: History) -> bool:
    """Whether a profile that was not defined is one that should have been."""
    return bool(history.profiles) or history.control_type is ControlType.POWER_PROFILE_BASED_CONTROL


def _duration_ms(sequence: PowerSequence) -> int:
    return sum([element.duration for element in sequence.elements])

"""Power Profile Based Control: a task of containers, in each of which one of several sequences is run.

Spec: S2 JSON 0.0.2-beta and 1.0.0, in which these are the same.
"""

from enum import StrEnum
from typing import Annotated, TypeVar

from msgspec import Meta

from .common import ID, Duration, Message, Part, PowerForecastValue, Timestamp, UpTo10, UpTo288

_T = TypeVar("_T")
UpTo1000 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=1000)]


class PowerSequenceStatus(StrEnum):
    NOT_SCHEDULED = "NOT_SCHEDULED"
    SCHEDULED = "SCHEDULED"
    EXECUTING = "EXECUTING"
    INTERRUPTED = "INTERRUPTED"
    FINISHED = "FINISHED"
    ABORTED = "ABORTED"


class PowerSequenceElement(Part, frozen=True, kw_only=True):
    duration: Duration
    power_values: UpTo10[PowerForecastValue]


class PowerSequence(Part, frozen=True, kw_only=True):
    id: ID
    elements: UpTo288[PowerSequenceElement]
    is_interruptible: bool
    max_pause_before: Duration | None = None
    abnormal_condition_only: bool


class PowerSequenceContainer(Part, frozen=True, kw_only=True):
    id: ID
    power_sequences: UpTo288[PowerSequence]


class PowerSequenceContainerStatus(Part, frozen=True, kw_only=True):
    power_profile_id: ID
    sequence_container_id: ID
    selected_sequence_id: ID | None = None
    progress: Duration | None = None
    status: PowerSequenceStatus


class PowerProfileDefinition(Message, frozen=True, kw_only=True, tag="PPBC.PowerProfileDefinition"):
    id: ID
    start_time: Timestamp
    end_time: Timestamp
    power_sequences_containers: UpTo1000[PowerSequenceContainer]


class PowerProfileStatus(Message, frozen=True, kw_only=True, tag="PPBC.PowerProfileStatus"):
    sequence_container_status: UpTo1000[PowerSequenceContainerStatus]


class _SequenceInstruction(Message, frozen=True, kw_only=True):
    id: ID
    power_profile_id: ID
    sequence_container_id: ID
    power_sequence_id: ID
    execution_time: Timestamp
    abnormal_condition: bool


class ScheduleInstruction(_SequenceInstruction, frozen=True, kw_only=True, tag="PPBC.ScheduleInstruction"):
    """Run this sequence at that time."""


class StartInterruptionInstruction(
    _SequenceInstruction, frozen=True, kw_only=True, tag="PPBC.StartInterruptionInstruction"
):
    """Pause this sequence."""


class EndInterruptionInstruction(
    _SequenceInstruction, frozen=True, kw_only=True, tag="PPBC.EndInterruptionInstruction"
):
    """Go on with it."""


MESSAGES = (
    PowerProfileDefinition,
    PowerProfileStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
    EndInterruptionInstruction,
)

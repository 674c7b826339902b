"""The schedule of a task: which sequence shall run when, as instructions ask for it, and whether the task allows that.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.*Instruction`, `PPBC.PowerProfileStatus`.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from ....s2.messages.ppbc import (
    EndInterruptionInstruction,
    PowerSequence,
    PowerSequenceContainerStatus,
    PowerSequenceStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
)
from ....values import Now
from ...instructions import Instructions
from .sequence_run import LATENESS, Action, misfit
from .task import Slot, Task, TaskProgress

SequenceInstruction = ScheduleInstruction | StartInterruptionInstruction | EndInterruptionInstruction


_ACTIONS: dict[type[SequenceInstruction], Action] = {
    ScheduleInstruction: Action.RUN,
    StartInterruptionInstruction: Action.PAUSE,
    EndInterruptionInstruction: Action.RESUME,
}


class OrderedAction(NamedTuple):
    """The goal of an instruction: an action on a sequence."""

    action: Action
    slot: Slot
    """Of the container."""
    container_id: str
    sequence: PowerSequence
    lasts: timedelta
    """How long the sequence runs without pauses."""
    begins_at: datetime
    is_abnormal: bool

    @property
    def scope(self) -> str:
        """A container is one scope, its interruptions are another."""
        return self.container_id if self.action is Action.RUN else interruption_of(self.container_id)


def interruption_of(container_id: str) -> str:
    """The scope of the interruptions of a container."""
    return f"interruption of {container_id}"


class SelectedSequence(NamedTuple):
    """The sequence selected in a container, and its status."""

    container_id: str
    selected_sequence_id: str | None
    status: PowerSequenceStatus


class TaskSchedule:
    """The schedule of a task: what has been started, and what waits for its time."""

    def __init__(self, progress: TaskProgress, instructions: Instructions[OrderedAction]) -> None:
        self._progress = progress
        self._instructions = instructions

    def ordered_by(self, instruction: SequenceInstruction, now: Now) -> OrderedAction:
        """What *instruction*, which names a sequence of the task, asks for."""
        slot, sequence_id = self._progress.slots[instruction.sequence_container_id], instruction.power_sequence_id
        return OrderedAction(
            _ACTIONS[instruction.__class__],
            slot,
            slot.container_id,
            slot.sequences[sequence_id],
            slot.durations[sequence_id],
            max(instruction.execution_time, now.utc),
            instruction.abnormal_condition,
        )

    def objection_to(self, ordered: OrderedAction, now: Now, *, is_now: bool) -> str | None:
        """Why the task does not allow *ordered*; *is_now* when it is to be done at once."""
        if ordered.sequence.abnormal_condition_only and not ordered.is_abnormal:
            return "the sequence is for abnormal conditions only"
        if ordered.action is Action.RUN:
            if ordered.container_id in self._progress.runs or ordered.container_id in self._instructions.started:
                return "a sequence of the container has started already"
            return self._objection_to_run(ordered, now)
        if not ordered.sequence.is_interruptible:
            return "the sequence is not interruptible"
        run = self._progress.runs.get(ordered.container_id)
        selected = run.sequence if run else getattr(self._waiting(ordered.container_id), "sequence", None)
        if selected != ordered.sequence:
            return "the sequence is not the one selected"
        if not is_now:
            return None
        is_under_way = run is not None and run.is_open and run.status is not PowerSequenceStatus.SCHEDULED
        if run is None or not is_under_way:
            return "the sequence is not under way"
        if run.is_pausing is (ordered.action is Action.PAUSE):
            return "it is interrupted already" if run.is_pausing else "it is not interrupted"
        return None

    def objection_to_start(self, ordered: OrderedAction, now: Now) -> str | None:
        """Why *ordered*, which was allowed when it was taken on, is not any more."""
        if ordered.action is Action.RUN:
            return self._objection_to_run(ordered, now)
        return self.objection_to(ordered, now, is_now=True)

    def _objection_to_run(self, ordered: OrderedAction, now: Now) -> str | None:
        """Why the sequence of *ordered* does not fit between what is before it and what comes after."""
        profile, slot = self._profile, ordered.slot
        begins_at = ordered.begins_at if now.utc - ordered.begins_at <= LATENESS else now.utc
        if begins_at < profile.start_time:
            return f"the profile does not start before {profile.start_time:%H:%M:%S}"
        # No instant is added up before it is known to be one: a peer may name the last there is.
        if ordered.lasts + slot.later > profile.end_time - begins_at:
            return f"the profile could not finish by {profile.end_time:%H:%M:%S}"
        if slot.before is not None:
            before = self._ends_at(slot.before, now)
            if before is None:
                return f"container {slot.before} comes first, and is not scheduled"
            if objection := misfit(before, begins_at, ordered.sequence):
                return objection
        if slot.after is not None and (follower := self._waiting(slot.after)):
            return misfit(begins_at + ordered.lasts, follower.begins_at, follower.sequence)
        return None

    def selected(self) -> list[SelectedSequence]:
        """How every container of the task stands."""
        return [self._selected_in(container_id) for container_id in self._progress.slots]

    def statuses(self, selected: list[SelectedSequence], now: Now) -> tuple[PowerSequenceContainerStatus, ...]:
        """*selected* as they are told, with the progress made by *now*."""
        return tuple([self._status(each, now) for each in selected])

    @property
    def _profile(self) -> Task:
        assert self._progress.profile is not None
        return self._progress.profile

    def _waiting(self, container_id: str) -> OrderedAction | None:
        """What shall run in the container and was not commanded yet."""
        waiting = self._instructions.waiting(container_id)
        started = self._instructions.started.get(container_id)
        return waiting[-1].goal if waiting else started.goal if started else None

    def _ends_at(self, container_id: str, now: Now) -> datetime | None:
        """When the container's sequence ends or has ended; None if that cannot be hoped for."""
        if run := self._progress.runs.get(container_id):
            return None if run.status is PowerSequenceStatus.ABORTED else run.ends_at(now)
        waiting = self._waiting(container_id)
        return waiting.begins_at + waiting.lasts if waiting else None

    def _selected_in(self, container_id: str) -> SelectedSequence:
        if run := self._progress.runs.get(container_id):
            return SelectedSequence(container_id, run.sequence.id, run.status)
        if waiting := self._waiting(container_id):
            return SelectedSequence(container_id, waiting.sequence.id, PowerSequenceStatus.SCHEDULED)
        return SelectedSequence(container_id, None, PowerSequenceStatus.NOT_SCHEDULED)

    def _status(self, selected: SelectedSequence, now: Now) -> PowerSequenceContainerStatus:
        run = self._progress.runs.get(selected.container_id)
        return PowerSequenceContainerStatus(
            power_profile_id=self._profile.id,
            sequence_container_id=selected.container_id,
            selected_sequence_id=selected.selected_sequence_id,
            progress=run.progress_ms(now) if run else None,
            status=selected.status,
        )

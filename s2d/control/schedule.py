"""What shall run when, of one task: what an instruction asks for, and whether the task allows it.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.*Instruction`, `PPBC.PowerProfileStatus`.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from ..instructions import Instructions
from ..messages.ppbc import (
    EndInterruptionInstruction,
    PowerSequence,
    PowerSequenceContainerStatus,
    PowerSequenceStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
)
from ..values import Now
from .course import LATENESS, Action, Course, duration_of, misfit
from .task import Profile, Progress

SequenceInstruction = ScheduleInstruction | StartInterruptionInstruction | EndInterruptionInstruction


_ACTIONS: dict[type[SequenceInstruction], Action] = {
    ScheduleInstruction: Action.RUN,
    StartInterruptionInstruction: Action.PAUSE,
    EndInterruptionInstruction: Action.RESUME,
}


class Step(NamedTuple):
    """What an instruction asks for."""

    action: Action
    position: int
    """Of the container in the profile."""
    container_id: str
    sequence: PowerSequence
    begins_at: datetime
    is_abnormal: bool

    @property
    def scope(self) -> str:
        """A container is one scope, its interruptions are another."""
        return self.container_id if self.action is Action.RUN else interruption_of(self.container_id)


def interruption_of(container_id: str) -> str:
    """The scope of the interruptions of a container."""
    return f"interruption of {container_id}"


class Schedule:
    """A task, with what has been started and what waits for its time."""

    def __init__(self, progress: Progress, instructions: Instructions[Step]) -> None:
        self._progress = progress
        self._instructions = instructions

    def step_of(self, instruction: SequenceInstruction, now: Now) -> Step:
        """What *instruction*, which names a sequence of the task, asks for."""
        containers = enumerate(self._profile.containers)
        index, container = next(
            (index, each) for index, each in containers if each.id == instruction.sequence_container_id
        )
        sequence = next(each for each in container.power_sequences if each.id == instruction.power_sequence_id)
        action = _ACTIONS[type(instruction)]
        begins_at = max(instruction.execution_time, now.utc)
        return Step(action, index, container.id, sequence, begins_at, instruction.abnormal_condition)

    def objection_to(self, step: Step, now: Now, *, is_now: bool) -> str | None:
        """Why the task does not allow *step*; *is_now* when it is to be done at once."""
        if step.sequence.abnormal_condition_only and not step.is_abnormal:
            return "the sequence is for abnormal conditions only"
        if step.action is Action.RUN:
            if step.container_id in self._progress.courses or step.container_id in self._instructions.started:
                return "a sequence of the container has started already"
            return self.objection_to_run(step, now)
        if not step.sequence.is_interruptible:
            return "the sequence is not interruptible"
        course = self._progress.courses.get(step.container_id)
        selected = course.sequence if course else getattr(self._waiting(step.container_id), "sequence", None)
        if selected != step.sequence:
            return "the sequence is not the one selected"
        if not is_now:
            return None
        is_under_way = course is not None and course.is_open and course.status is not PowerSequenceStatus.SCHEDULED
        if course is None or not is_under_way:
            return "the sequence is not under way"
        if course.is_pausing is (step.action is Action.PAUSE):
            return "it is interrupted already" if course.is_pausing else "it is not interrupted"
        return None

    def objection_to_run(self, step: Step, now: Now) -> str | None:
        """Why the sequence of *step* does not fit between what is before it and what comes after."""
        profile, containers, index = self._profile, self._profile.containers, step.position
        begins_at = step.begins_at if now.utc - step.begins_at <= LATENESS else now.utc
        ends_at = begins_at + duration_of(step.sequence)
        later = sum((min(map(duration_of, each.power_sequences)) for each in containers[index + 1 :]), timedelta())
        if begins_at < profile.start_time:
            return f"the profile does not start before {profile.start_time:%H:%M:%S}"
        if ends_at + later > profile.end_time:
            return f"the profile could not finish by {profile.end_time:%H:%M:%S}"
        if index > 0:
            before = self._ends_at(containers[index - 1].id, now)
            if before is None:
                return f"container {containers[index - 1].id} comes first, and is not scheduled"
            if objection := misfit(before, begins_at, step.sequence):
                return objection
        if index + 1 < len(containers) and (follower := self._waiting(containers[index + 1].id)):
            return misfit(ends_at, follower.begins_at, follower.sequence)
        return None

    def before(self, step: Step) -> Course | None:
        """What was started in the container before."""
        return self._progress.courses.get(self._profile.containers[step.position - 1].id)

    def statuses(self, now: Now) -> tuple[PowerSequenceContainerStatus, ...]:
        """How every container of the task stands."""
        return tuple(self._status_of(container.id, now) for container in self._profile.containers)

    @property
    def _profile(self) -> Profile:
        assert self._progress.profile is not None
        return self._progress.profile

    def _waiting(self, container_id: str) -> Step | None:
        """What shall run in the container and was not commanded yet."""
        waiting = self._instructions.waiting(container_id)
        started = self._instructions.started.get(container_id)
        return waiting[-1].wish if waiting else started.wish if started else None

    def _ends_at(self, container_id: str, now: Now) -> datetime | None:
        """When the container's sequence ends or has ended; None if that cannot be hoped for."""
        if course := self._progress.courses.get(container_id):
            return None if course.status is PowerSequenceStatus.ABORTED else course.ends_at(now)
        waiting = self._waiting(container_id)
        return waiting.begins_at + duration_of(waiting.sequence) if waiting else None

    def _status_of(self, container_id: str, now: Now) -> PowerSequenceContainerStatus:
        course, waiting = self._progress.courses.get(container_id), self._waiting(container_id)
        selected = course.sequence if course else waiting.sequence if waiting else None
        planned = PowerSequenceStatus.SCHEDULED if selected else PowerSequenceStatus.NOT_SCHEDULED
        return PowerSequenceContainerStatus(
            power_profile_id=self._profile.id,
            sequence_container_id=container_id,
            selected_sequence_id=selected.id if selected else None,
            progress=course.progress_ms(now) if course else None,
            status=course.status if course else planned,
        )

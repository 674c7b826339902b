"""Tasks, which S2 calls power profiles: what shall be done, what does it, and how far it has got.

Progress is the resource's, not the session's: what runs on the hardware runs on, whoever is in charge.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.PowerProfileDefinition`, `PPBC.PowerProfileStatus`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from ....s2.messages.ppbc import PowerProfileDefinition, PowerSequence, PowerSequenceContainer
from ....values import Now
from ..execution import RestingResource, Stage, Verdict
from .sequence_run import Action, SequenceRun, duration_of


@dataclass(frozen=True, slots=True)
class Task:
    """A task; another task, or the same once more, has another id."""

    id: str
    start_time: datetime
    """The first container does not start before."""
    end_time: datetime
    """The last container finishes by then."""
    containers: tuple[PowerSequenceContainer, ...]
    """In the order in which they run."""

    def definition(self, message_id: str) -> PowerProfileDefinition:
        """The message that tells of it."""
        return PowerProfileDefinition(
            message_id=message_id,
            id=self.id,
            start_time=self.start_time,
            end_time=self.end_time,
            power_sequences_containers=self.containers,
        )


class PowerProfileResource(RestingResource, Protocol):
    """A resource with a task to do. At rest it does none."""

    @property
    def follow_within_s(self) -> float:
        """What was commanded and is not seen after this long has failed."""
        ...

    def profile(self) -> Task | None:
        """The task to do now, or done last; None while there is none."""
        ...

    def obstacle_to(self, action: Action, container_id: str, sequence_id: str) -> str | None:
        """Why the device may not do that now (offline, fault, safety), or None."""
        ...

    def order(self, action: Action, container_id: str, sequence_id: str, reason: str) -> list[Stage]:
        """What to write, stage by stage, so that the device does it."""
        ...

    def verdict_on(self, action: Action, container_id: str, sequence_id: str, since: float, now: Now) -> Verdict:
        """Whether readings no older than *since* (monotonic seconds) show that the device does it."""
        ...


class Slot(NamedTuple):
    """The slot of a container in its task: what there is to choose from, and what is around it."""

    container_id: str
    sequences: dict[str, PowerSequence]
    """By id."""
    durations: dict[str, timedelta]
    """How long they run without pauses, by id."""
    before: str | None
    """The id of the container before."""
    after: str | None
    """The id of the container after."""
    later: timedelta
    """How long all that comes after it runs at least."""


class TaskProgress:
    """The progress of one resource with its task: a run for each container that was started; outlives sessions."""

    def __init__(self) -> None:
        self.profile: Task | None = None
        self.slots: dict[str, Slot] = {}
        """Of the profile, by container id, in the order in which they run."""
        self.runs: dict[str, SequenceRun] = {}
        """By container id."""
        self.changes = 0
        """How often something of it has changed."""

    @property
    def is_under_way(self) -> bool:
        """Whether something runs or pauses."""
        return any(run.is_open for run in self.runs.values())

    @property
    def ends_by_itself(self) -> bool:
        """Whether what is under way runs to its end unless somebody interrupts it; a pause has no end."""
        return self.is_under_way and not any(run.is_pausing for run in self.runs.values())

    def turn_to(self, profile: Task | None) -> None:
        """Begins with *profile*, and forgets the one before."""
        self.profile, self.runs = profile, {}
        self.changes += 1
        self.slots = _slots_of(profile.containers) if profile else {}

    def end(self, now: Now) -> None:
        """The device is brought to its safe state, in which it does nothing of the task."""
        self.changes += bool(self.runs)
        for run in self.runs.values():
            if run.finishes_at is not None and run.finishes_at <= now.mono:
                run.finish()
            elif run.is_open:
                run.abort(now)


def _slots_of(containers: tuple[PowerSequenceContainer, ...]) -> dict[str, Slot]:
    slots: list[Slot] = []
    later, after = timedelta(), None
    for index, container in reversed([*enumerate(containers)]):
        sequences = {sequence.id: sequence for sequence in container.power_sequences}
        durations = {sequence_id: duration_of(sequence) for sequence_id, sequence in sequences.items()}
        before = containers[index - 1].id if index > 0 else None
        slots.append(Slot(container.id, sequences, durations, before, after, later))
        later, after = later + min(durations.values()), container.id
    return {slot.container_id: slot for slot in reversed(slots)}

"""A dishwasher, as PPBC sees it: a wash in one of two ways, then drying."""

from datetime import timedelta
from typing import Any

from s2d.rm.control.execution import FOLLOWED, PENDING, Stage, Verdict
from s2d.rm.control.ppbc.control import Action, Task
from s2d.rm.instructions import Updates
from s2d.rm.occasion import Occasion
from s2d.s2.messages import ppbc
from s2d.s2.messages.common import ControlType, PowerForecastValue
from s2d.s2.messages.ppbc import PowerSequence, PowerSequenceContainer, PowerSequenceElement
from s2d.values import Now, Setpoint

from .resources_played import L1, Played, PlayedStage
from .stage import NOON


def sequence(name: str, *durations_s: float, **changes: Any) -> PowerSequence:
    known: dict[str, Any] = {"is_interruptible": True, "abnormal_condition_only": False}
    elements = tuple(
        PowerSequenceElement(
            duration=round(duration_s * 1000),
            power_values=(PowerForecastValue(value_expected=1000.0, commodity_quantity=L1),),
        )
        for duration_s in durations_s
    )
    return PowerSequence(id=name, elements=elements, **(known | changes))


WASH = PowerSequenceContainer(
    id="wash",
    power_sequences=(
        sequence("quick", 300, 300),
        sequence("eco", 1800, is_interruptible=False),
        sequence("boost", 60, abnormal_condition_only=True),
    ),
)
DRY = PowerSequenceContainer(id="dry", power_sequences=(sequence("hot", 600, max_pause_before=900_000),))


def dishes(**changes: Any) -> Task:
    known: dict[str, Any] = {
        "id": "dishes-1",
        "start_time": NOON - timedelta(hours=1),
        "end_time": NOON + timedelta(hours=4),
        "containers": (WASH, DRY),
    }
    return Task(**(known | changes))


class Washer(Played):
    """Its one point to write is `task`, and to read is `does`; both hold an action, a container and a sequence."""

    control_type = ControlType.POWER_PROFILE_BASED_CONTROL

    def __init__(self, task: Task | None = None) -> None:
        super().__init__()
        self.task = task

    def profile(self) -> Task | None:
        return self.task

    def obstacle_to(self, action: Action, container_id: str, sequence_id: str) -> str | None:
        return "the washer does not answer" if self.is_lost else None

    def order(self, action: Action, container_id: str, sequence_id: str, reason: str) -> list[Stage]:
        setpoint = Setpoint("task", f"{action.value} {container_id} {sequence_id}", reason)
        return [Stage((setpoint,), self.follow_within_s)]

    def verdict_on(self, action: Action, container_id: str, sequence_id: str, since: float, now: Now) -> Verdict:
        at, does = self.read.get("does", (0.0, None))
        return FOLLOWED if at > since and does == f"{action.value} {container_id} {sequence_id}" else PENDING

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return [Setpoint("task", "nothing", reason)]


class WasherStage(PlayedStage):
    """A CEM and a dishwasher with a task."""

    def __init__(
        self, task: Task | None = None, updates: Updates = "full", *, has_task: bool = True, **decided: Any
    ) -> None:
        self.washer = Washer((task or dishes()) if has_task else None)
        super().__init__(self.washer, updates, **decided)

    def schedule(self, name: str, *where: str, after_s: float = 0.0, **changes: Any) -> ppbc.ScheduleInstruction:
        return ppbc.ScheduleInstruction(**self._known(name, where, after_s, changes))

    def interruption(
        self, name: str, *where: str, after_s: float = 0.0, **changes: Any
    ) -> ppbc.StartInterruptionInstruction:
        return ppbc.StartInterruptionInstruction(**self._known(name, where, after_s, changes))

    def resumption(
        self, name: str, *where: str, after_s: float = 0.0, **changes: Any
    ) -> ppbc.EndInterruptionInstruction:
        return ppbc.EndInterruptionInstruction(**self._known(name, where, after_s, changes))

    def _known(self, name: str, where: tuple[str, ...], after_s: float, changes: dict[str, Any]) -> dict[str, Any]:
        container_id, sequence_id = where or ("wash", "quick")
        known: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "power_profile_id": "dishes-1",
            "sequence_container_id": container_id,
            "power_sequence_id": sequence_id,
            "execution_time": self.now.utc + timedelta(seconds=after_s),
            "abnormal_condition": False,
        }
        return known | changes

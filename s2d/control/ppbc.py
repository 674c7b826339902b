"""Power Profile Based Control: a task of containers, one after the other; the CEM picks a sequence and time for each.

A ScheduleInstruction that has SUCCEEDED stays in force until its sequence has finished: it can still be revoked, and
if the device gives the sequence up, it is ABORTED. Interruptions have a scope of their own beside their container's.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.*`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple, Protocol

from ..effects import Apply, Effect, Send
from ..instructions import Instructions, Order, Updates
from ..messages.common import Message, RevokableObjects, RevokeObject
from ..messages.ppbc import (
    EndInterruptionInstruction,
    PowerProfileDefinition,
    PowerProfileStatus,
    PowerSequence,
    PowerSequenceContainer,
    PowerSequenceContainerStatus,
    PowerSequenceStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
)
from ..values import Now, Setpoint
from .course import LATENESS, Course, duration_of, misfit
from .pursuit import PursuingResource, Pursuit, Pursuits
from .reporting import Reporting, Told

_REVOKABLE = (
    RevokableObjects.PPBC_SCHEDULE_INSTRUCTION,
    RevokableObjects.PPBC_START_INTERRUPTION_INSTRUCTION,
    RevokableObjects.PPBC_END_INTERRUPTION_INSTRUCTION,
)
_SequenceInstruction = ScheduleInstruction | StartInterruptionInstruction | EndInterruptionInstruction


@dataclass(frozen=True, slots=True)
class Profile:
    """A task; another task has another id."""

    id: str
    start_time: datetime
    """The first container does not start before."""
    end_time: datetime
    """The last container finishes by then."""
    containers: tuple[PowerSequenceContainer, ...]
    """In the order in which they run."""


class Action(Enum):
    """What the device shall do about a sequence."""

    RUN = "run"
    """From its beginning."""
    PAUSE = "pause"
    RESUME = "resume"


class PowerProfileResource(PursuingResource, Protocol):
    """Something with a task to do. In its default state it does none."""

    def profile(self) -> Profile | None:
        """The task to do now, or done last; None while there is none."""
        ...

    def obstacle_to(self, action: Action, container_id: str, sequence_id: str) -> str | None:
        """Why the device may not do that now (offline, fault, safety), or None."""
        ...

    def order(self, action: Action, container_id: str, sequence_id: str, reason: str) -> list[Setpoint]:
        """What to write so that the device does it."""
        ...

    def follows(self, action: Action, container_id: str, sequence_id: str, since: float) -> bool:
        """Whether readings no older than *since* (monotonic seconds) show that the device does it."""
        ...


class _Wish(NamedTuple):
    action: Action
    position: int
    """Of the container in the profile."""
    container_id: str
    sequence: PowerSequence
    begins_at: datetime
    is_abnormal: bool


class PowerProfileControl:
    """PPBC while it is the active control type."""

    def __init__(
        self, resource: PowerProfileResource, reporting: Reporting, updates: Updates, new_id: Callable[[], str]
    ) -> None:
        self._resource = resource
        self._reporting = reporting
        self._new_id = new_id
        self._instructions: Instructions[_Wish] = Instructions(new_id, updates)
        self._pursuits = Pursuits(resource, self._instructions)
        self._profile: Profile | None = None
        self._courses: dict[str, Course] = {}
        self._queued: Order[_Wish] | None = None
        self._told = Told(reporting.every_s)

    @property
    def last_delay_s(self) -> float | None:
        return self._pursuits.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Tells the task, if there is one, and how it stands."""
        return self.report(now)

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        return self._pursuits.abandon(reason, now)

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        match message:
            case ScheduleInstruction() | StartInterruptionInstruction() | EndInterruptionInstruction():
                effects = self._take(message, now)
            case RevokeObject():
                effects = self._revoke(message.object_id, now)
            case _:
                return []
        return [*effects, *self._tell(now)]

    def report(self, now: Now) -> list[Effect]:
        """Tells another task, and what the device is seen to do about it."""
        effects = self._publish(now)
        for order in self._pursuits.followed(self._follows):
            course, action = self._courses[order.wish.container_id], order.wish.action
            is_pause = action is Action.PAUSE
            course.status = PowerSequenceStatus.INTERRUPTED if is_pause else PowerSequenceStatus.EXECUTING
            effects += self._pursuits.succeed(order, now, stays_in_force=action is Action.RUN)
        return [*effects, *self._tell(now)]

    def due(self, now: Now) -> list[Effect]:
        """Finishes and starts what has become due, gives up on what is not followed."""
        effects = self._publish(now)
        for container_id, course in list(self._courses.items()):
            if course.finishes_at is not None and course.finishes_at <= now.mono:
                effects += self._finish(container_id, course, now)
        started, orders = self._instructions.due(now)
        effects += started
        for order in orders:
            effects += self._start(order, now)
        for pursuit in self._pursuits.overdue(now):
            effects += self._fail(pursuit.order.scope, self._shortfall(pursuit), now)
        return [*effects, *self._tell(now)]

    def confirm(self, setpoint: Setpoint, now: Now) -> None:
        self._pursuits.confirm(setpoint, now)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        effects = [each for scope in self._pursuits.blamed(setpoint) for each in self._fail(scope, reason, now)]
        return [*effects, *self._tell(now)]

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        effects = self._abort_all(reason, now)
        if effects and not is_safe:
            effects += self._pursuits.to_default(f"aborted: {reason}")
        return [*effects, *self._tell(now)]

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        yield from self._pursuits.deadlines()
        yield from (course.finishes_at for course in self._courses.values() if course.finishes_at is not None)
        if self._profile:
            yield from self._told.deadlines()

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start."""
        return self._instructions.next_execution_times()

    def _publish(self, now: Now) -> list[Effect]:
        """Tells of another task; what was to be done for the former one ends."""
        profile = self._resource.profile()
        if profile == self._profile:
            return []
        effects: list[Effect] = []
        if self._profile:
            reason = f"profile {self._profile.id} is withdrawn"
            if aborted := self._abort_all(reason, now):
                effects += [*aborted, *self._pursuits.to_default(reason)]
            effects += self._pursuits.abandon(reason, now)
            kind = RevokableObjects.PPBC_POWER_PROFILE_DEFINITION
            revocation = RevokeObject(message_id=self._new_id(), object_type=kind, object_id=self._profile.id)
            effects.append(Send(revocation))
        self._profile, self._courses, self._queued = profile, {}, None
        if profile:
            definition = PowerProfileDefinition(
                message_id=self._new_id(),
                id=profile.id,
                start_time=profile.start_time,
                end_time=profile.end_time,
                power_sequences_containers=profile.containers,
            )
            effects.append(Send(definition))
        return effects

    def _take(self, instruction: _SequenceInstruction, now: Now) -> list[Effect]:
        wish = self._wish_of(instruction, now)
        is_immediate = instruction.execution_time <= now.utc
        objection = self._objection(wish, now, is_now=is_immediate)
        if objection is None and is_immediate:
            objection = self._resource.obstacle_to(wish.action, wish.container_id, wish.sequence.id)
        if objection:
            return self._instructions.reject(instruction.id, objection, now)
        scope = _scope_of(wish)
        is_schedule = wish.action is Action.RUN
        replaced = self._instructions.withdraw(scope, "scheduled anew", now) if is_schedule else []
        accepted = self._instructions.accept(
            instruction_id=instruction.id,
            message_id=instruction.message_id,
            scope=scope,
            execution_time=instruction.execution_time,
            wish=wish,
            now=now,
        )
        return [*replaced, *accepted, *(self.due(now) if is_immediate else [])]

    def _wish_of(self, instruction: _SequenceInstruction, now: Now) -> _Wish:
        assert self._profile
        index, container = next(
            (index, each)
            for index, each in enumerate(self._profile.containers)
            if each.id == instruction.sequence_container_id
        )
        sequence = next(each for each in container.power_sequences if each.id == instruction.power_sequence_id)
        match instruction:
            case ScheduleInstruction():
                action = Action.RUN
            case StartInterruptionInstruction():
                action = Action.PAUSE
            case EndInterruptionInstruction():
                action = Action.RESUME
        begins_at = max(instruction.execution_time, now.utc)
        return _Wish(action, index, container.id, sequence, begins_at, instruction.abnormal_condition)

    def _objection(self, wish: _Wish, now: Now, *, is_now: bool) -> str | None:
        """Why the task does not allow *wish*; *is_now* when it is to be done at once."""
        if wish.sequence.abnormal_condition_only and not wish.is_abnormal:
            return "the sequence is for abnormal conditions only"
        if wish.action is Action.RUN:
            if wish.container_id in self._courses or wish.container_id in self._instructions.started:
                return "a sequence of the container has started already"
            return self._objection_to_schedule(wish, now)
        if not wish.sequence.is_interruptible:
            return "the sequence is not interruptible"
        course = self._courses.get(wish.container_id)
        selected = course.sequence if course else getattr(self._scheduled(wish.container_id), "sequence", None)
        if selected != wish.sequence:
            return "the sequence is not the one selected"
        if not is_now:
            return None
        is_under_way = course is not None and course.is_open and course.status is not PowerSequenceStatus.SCHEDULED
        if course is None or not is_under_way:
            return "the sequence is not under way"
        if course.is_pausing is (wish.action is Action.PAUSE):
            return "it is interrupted already" if course.is_pausing else "it is not interrupted"
        return None

    def _objection_to_schedule(self, wish: _Wish, now: Now) -> str | None:
        assert self._profile
        containers, index = self._profile.containers, wish.position
        begins_at = wish.begins_at if now.utc - wish.begins_at <= LATENESS else now.utc
        ends_at = begins_at + duration_of(wish.sequence)
        later = sum((min(map(duration_of, each.power_sequences)) for each in containers[index + 1 :]), timedelta())
        if begins_at < self._profile.start_time:
            return f"the profile does not start before {self._profile.start_time:%H:%M:%S}"
        if ends_at + later > self._profile.end_time:
            return f"the profile could not finish by {self._profile.end_time:%H:%M:%S}"
        if index > 0:
            before = self._ends_at(containers[index - 1].id, now)
            if before is None:
                return f"container {containers[index - 1].id} comes first, and is not scheduled"
            if objection := misfit(before, begins_at, wish.sequence):
                return objection
        if index + 1 < len(containers) and (follower := self._scheduled(containers[index + 1].id)):
            return misfit(ends_at, follower.begins_at, follower.sequence)
        return None

    def _scheduled(self, container_id: str) -> _Wish | None:
        """What shall run in the container and was not commanded yet."""
        waiting = self._instructions.waiting(container_id)
        started = self._instructions.started.get(container_id)
        return waiting[-1].wish if waiting else started.wish if started else None

    def _ends_at(self, container_id: str, now: Now) -> datetime | None:
        """When the container's sequence ends or has ended; None if that cannot be hoped for."""
        if course := self._courses.get(container_id):
            return None if course.status is PowerSequenceStatus.ABORTED else course.ends_at(now)
        scheduled = self._scheduled(container_id)
        return scheduled.begins_at + duration_of(scheduled.sequence) if scheduled else None

    def _start(self, order: Order[_Wish], now: Now) -> list[Effect]:
        wish = order.wish
        if wish.action is Action.RUN:
            objection = self._objection_to_schedule(wish, now)
            if objection is None and wish.position > 0:
                before = self._before(wish)
                if before and before.finishes_at is not None:
                    self._queued = order
                    return []
                if before is None or before.is_open:
                    objection = "the container before has not finished"
        else:
            objection = self._objection(wish, now, is_now=True)
        objection = objection or self._resource.obstacle_to(wish.action, wish.container_id, wish.sequence.id)
        return self._instructions.abort(order.scope, objection, now) if objection else self._command(order, now)

    def _before(self, wish: _Wish) -> Course | None:
        assert self._profile
        return self._courses.get(self._profile.containers[wish.position - 1].id)

    def _command(self, order: Order[_Wish], now: Now) -> list[Effect]:
        wish = order.wish
        match wish.action:
            case Action.RUN:
                self._courses[wish.container_id] = Course(wish.sequence, now)
            case Action.PAUSE:
                self._courses[wish.container_id].pause(now)
            case Action.RESUME:
                self._courses[wish.container_id].resume(now)
        reason = f"instruction {order.id}"
        setpoints = self._resource.order(wish.action, wish.container_id, wish.sequence.id, reason)
        return self._pursuits.begin(order, setpoints, now)

    def _follows(self, order: Order[_Wish], since: float) -> bool:
        wish = order.wish
        return self._resource.follows(wish.action, wish.container_id, wish.sequence.id, since)

    def _finish(self, container_id: str, course: Course, now: Now) -> list[Effect]:
        course.end(PowerSequenceStatus.FINISHED, now)
        effects = self._instructions.end(container_id, "its sequence finished before it was followed", now)
        queued, self._queued = self._queued, None
        if queued and self._instructions.started.get(queued.scope) is queued:
            return [*effects, *self._start(queued, now)]
        return [*effects, *self._pursuits.to_default(f"{container_id} has finished")]

    def _revoke(self, object_id: str, now: Now) -> list[Effect]:
        under_way = {order.scope: order for order in self._instructions.started.values()}
        effects, scope = self._instructions.revoke(object_id, now)
        if scope is None:
            return effects
        self._pursuits.drop(scope)
        return [*effects, *self._undo(under_way[scope].wish, f"revoked {object_id}", now)]

    def _fail(self, scope: str, reason: str, now: Now) -> list[Effect]:
        wish = self._instructions.started[scope].wish
        self._pursuits.drop(scope)
        aborted = self._instructions.abort(scope, reason, now)
        if wish.action is Action.RESUME:
            return [*aborted, *self._give_up(wish.container_id, reason, now)]
        return [*aborted, *self._undo(wish, f"aborted: {reason}", now)]

    def _undo(self, wish: _Wish, reason: str, now: Now) -> list[Effect]:
        """Brings the device away from *wish*, which shall not or can not be."""
        course = self._courses.get(wish.container_id)
        if course is None:
            return []
        if wish.action is Action.RUN:
            return self._give_up(wish.container_id, reason, now)
        if wish.action is Action.PAUSE:
            opposite = Action.RESUME
            course.resume(now)
        else:
            opposite = Action.PAUSE
            course.pause(now)
        return [*map(Apply, self._resource.order(opposite, wish.container_id, wish.sequence.id, reason))]

    def _give_up(self, container_id: str, reason: str, now: Now) -> list[Effect]:
        return [*self._abort(container_id, reason, now), *self._pursuits.to_default(reason)]

    def _abort_all(self, reason: str, now: Now) -> list[Effect]:
        open_ids = [container_id for container_id, course in self._courses.items() if course.is_open]
        return [effect for container_id in open_ids for effect in self._abort(container_id, reason, now)]

    def _abort(self, container_id: str, reason: str, now: Now) -> list[Effect]:
        """The sequence will not continue, and what was to follow it cannot."""
        assert self._profile
        self._courses[container_id].end(PowerSequenceStatus.ABORTED, now)
        ids = [container.id for container in self._profile.containers]
        effects: list[Effect] = []
        for each in ids[ids.index(container_id) :]:
            for scope in (each, _interruption_of(each)):
                self._pursuits.drop(scope)
                effects += self._instructions.abort(scope, reason, now)
                effects += self._instructions.withdraw(scope, f"container {container_id} was aborted", now)
        return effects

    def _tell(self, now: Now) -> list[Effect]:
        """A status of every container, if one has changed."""
        if self._profile is None:
            return []
        profile = self._profile
        statuses = tuple(self._status_of(profile.id, container.id, now) for container in profile.containers)
        state = (profile, *((each.selected_sequence_id, each.status) for each in statuses))
        if not self._told.is_due(now, (), 0.0, state):
            return []
        self._told.tell(now, (), state)
        return [Send(PowerProfileStatus(message_id=self._new_id(), sequence_container_status=statuses))]

    def _status_of(self, profile_id: str, container_id: str, now: Now) -> PowerSequenceContainerStatus:
        course, scheduled = self._courses.get(container_id), self._scheduled(container_id)
        selected = course.sequence if course else scheduled.sequence if scheduled else None
        planned = PowerSequenceStatus.SCHEDULED if selected else PowerSequenceStatus.NOT_SCHEDULED
        return PowerSequenceContainerStatus(
            power_profile_id=profile_id,
            sequence_container_id=container_id,
            selected_sequence_id=selected.id if selected else None,
            progress=course.progress_ms(now) if course else None,
            status=course.status if course else planned,
        )

    def _shortfall(self, pursuit: Pursuit[_Wish]) -> str:
        wish = pursuit.order.wish
        return self._pursuits.shortfall(pursuit, "something else", f"{wish.action.value} {wish.sequence.id}")


def _scope_of(wish: _Wish) -> str:
    return wish.container_id if wish.action is Action.RUN else _interruption_of(wish.container_id)


def _interruption_of(container_id: str) -> str:
    return f"interruption of {container_id}"

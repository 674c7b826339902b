"""Power Profile Based Control: a task of containers, one after the other; the CEM picks a sequence and time for each.

A ScheduleInstruction that has SUCCEEDED stays in force until its sequence has finished: it can still be revoked, and
if the device gives the sequence up, it is ABORTED. Interruptions have a scope of their own beside their container's.

What runs when a session ends runs on; the next session is told how far it has got.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.*`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from ....s2.effects import Apply, Effect, Send
from ....s2.messages.common import Message, RevokableObjects, RevokeObject
from ....s2.messages.ppbc import (
    EndInterruptionInstruction,
    PowerProfileStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
)
from ....values import Now, Setpoint
from ...instructions import Instructions, Order, Terms
from ..execution import Pursuit, Pursuits
from ..reporting import Reporting, Told
from .schedule import Schedule, SequenceInstruction, Step, interruption_of
from .sequence_run import Action, Course
from .task import PowerProfileResource, Profile, Progress

__all__ = ["Action", "PowerProfileControl", "PowerProfileResource", "Profile"]


class PowerProfileControl:
    """PPBC while it is the active control type."""

    def __init__(
        self,
        resource: PowerProfileResource,
        reporting: Reporting,
        terms: Terms,
        new_id: Callable[[], str],
        progress: Progress,
    ) -> None:
        self._resource = resource
        self._new_id = new_id
        self._progress = progress
        self._instructions: Instructions[Step] = Instructions(new_id, terms)
        self._schedule = Schedule(progress, self._instructions)
        self._pursuits = Pursuits(resource, self._instructions)
        self._is_published = False
        self._queued: Order[Step] | None = None
        self._told = Told(reporting.every_s)

    @property
    def last_delay_s(self) -> float | None:
        return self._pursuits.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Tells the task, if there is one, and how it stands: a session before may have begun it."""
        effects = self._publish(now)
        self._watch()
        return [*effects, *self._end_due(now), *self._tell(now)]

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
            self._progress.courses[order.wish.container_id].see()
            effects += self._pursuits.succeed(order, now, stays_in_force=order.wish.action is Action.RUN)
        self._watch()
        return [*effects, *self._tell(now)]

    def due(self, now: Now) -> list[Effect]:
        """Finishes and starts what has become due, gives up on what is not followed."""
        effects = [*self._publish(now), *self._end_due(now), *self._start_due(now)]
        for pursuit in self._pursuits.overdue(now):
            effects += self._fail(pursuit.order.scope, self._shortfall(pursuit), now)
        return [*effects, *self._tell(now)]

    def confirm(self, setpoint: Setpoint, now: Now) -> None:
        self._pursuits.confirm(setpoint, now)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        effects = [each for scope in self._pursuits.blamed(setpoint) for each in self._fail(scope, reason, now)]
        return [*effects, *self._tell(now)]

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        if not self._progress.is_under_way:
            return []
        effects = self._abort_all(reason, now)
        if not is_safe:
            effects += self._pursuits.to_default(f"aborted: {reason}")
        return [*effects, *self._tell(now)]

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        yield from self._pursuits.deadlines()
        for container_id, course in self._progress.courses.items():
            finishes_at = course.finishes_at
            if finishes_at is not None:
                yield finishes_at
            elif self._is_unseen(container_id, course):
                yield self._gives_up_at(course)
        if self._progress.profile:
            yield from self._told.deadlines()

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start."""
        return self._instructions.next_execution_times()

    def _publish(self, now: Now) -> list[Effect]:
        """Tells the task unless it is told; what was to be done for a former one ends."""
        profile, former = self._resource.profile(), self._progress.profile
        if self._is_published and profile == former:
            return []
        effects: list[Effect] = []
        if former and former != profile:
            reason = f"profile {former.id} is withdrawn"
            if self._progress.is_under_way:
                effects += [*self._abort_all(reason, now), *self._pursuits.to_default(reason)]
            effects += self._pursuits.abandon(reason, now)
            if self._is_published:
                kind = RevokableObjects.PPBC_POWER_PROFILE_DEFINITION
                effects.append(Send(RevokeObject(message_id=self._new_id(), object_type=kind, object_id=former.id)))
        if former != profile:
            self._progress.turn_to(profile)
            self._queued = None
        self._is_published = True
        return [*effects, Send(profile.definition(self._new_id()))] if profile else effects

    def _unseen(self) -> list[tuple[str, Course]]:
        """What was commanded, in this session or before, and is neither seen nor pursued any more; by container id."""
        return [
            (container_id, course)
            for container_id, course in self._progress.courses.items()
            if self._is_unseen(container_id, course)
        ]

    def _is_unseen(self, container_id: str, course: Course) -> bool:
        if course.is_seen or self._pursuits.of(container_id):
            return False
        return not self._pursuits.of(interruption_of(container_id))

    def _gives_up_at(self, course: Course) -> float:
        return course.commanded_at + self._resource.follow_within_s

    def _watch(self) -> None:
        """Notes what the device is seen to do, though no instruction asks for it any more."""
        for container_id, course in self._unseen():
            if self._resource.follows(course.action, container_id, course.sequence.id, course.commanded_at):
                course.see()

    def _end_due(self, now: Now) -> list[Effect]:
        """Ends what has run to its end, and what was commanded to no effect."""
        effects: list[Effect] = []
        for container_id, course in list(self._progress.courses.items()):
            if course.finishes_at is not None and course.finishes_at <= now.mono:
                effects += self._finish(container_id, course, now)
        for container_id, course in self._unseen():
            if now.mono >= self._gives_up_at(course):
                reason = "the device was not seen to follow"
                if course.action is Action.PAUSE:
                    effects += self._turn(container_id, Action.RESUME, reason, now)
                else:
                    effects += self._give_up(container_id, reason, now)
        return effects

    def _take(self, instruction: SequenceInstruction, now: Now) -> list[Effect]:
        step = self._schedule.step_of(instruction, now)
        is_immediate = instruction.execution_time <= now.utc
        objection = self._schedule.objection_to(step, now, is_now=is_immediate)
        if objection is None and is_immediate:
            objection = self._resource.obstacle_to(step.action, step.container_id, step.sequence.id)
        objection = objection or self._instructions.objection_to(instruction.execution_time, now, step.scope)
        if objection:
            return self._instructions.reject(instruction.id, objection, now)
        scope = step.scope
        is_schedule = step.action is Action.RUN
        replaced = self._instructions.withdraw(scope, "scheduled anew", now) if is_schedule else []
        accepted = self._instructions.accept(
            instruction_id=instruction.id,
            message_id=instruction.message_id,
            scope=scope,
            execution_time=instruction.execution_time,
            wish=step,
            now=now,
        )
        return [*replaced, *accepted, *(self._start_due(now, step) if is_immediate else [])]

    def _start_due(self, now: Now, possible: Step | None = None) -> list[Effect]:
        """Starts what is due; that the step *possible* can be done was found at this very instant."""
        effects, orders = self._instructions.due(now)
        for order in orders:
            effects += self._start(order, now, is_possible=order.wish is possible)
        return effects

    def _start(self, order: Order[Step], now: Now, *, is_possible: bool = False) -> list[Effect]:
        step = order.wish
        objection = None if is_possible else self._schedule.objection_to_start(step, now)
        if objection is None and step.action is Action.RUN and step.slot.before is not None:
            before = self._progress.courses.get(step.slot.before)
            if before and before.finishes_at is not None:
                self._queued = order
                return []
            if before is None or before.is_open:
                objection = "the container before has not finished"
        if objection is None and not is_possible:
            objection = self._resource.obstacle_to(step.action, step.container_id, step.sequence.id)
        # It has overtaken what was under way in its scope: nobody pursues that any more, either.
        self._pursuits.drop(order.scope)
        return self._instructions.abort(order.scope, objection, now) if objection else self._command(order, now)

    def _command(self, order: Order[Step], now: Now) -> list[Effect]:
        step = order.wish
        if step.action is Action.RUN:
            self._progress.courses[step.container_id] = Course(step.sequence, step.lasts, now)
        else:
            self._progress.courses[step.container_id].command(step.action, now)
        reason = f"instruction {order.id}"
        setpoints = self._resource.order(step.action, step.container_id, step.sequence.id, reason)
        return self._pursuits.begin(order, setpoints, now)

    def _follows(self, order: Order[Step], since: float) -> bool:
        step = order.wish
        return self._resource.follows(step.action, step.container_id, step.sequence.id, since)

    def _finish(self, container_id: str, course: Course, now: Now) -> list[Effect]:
        course.finish()
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
        step = self._instructions.started[scope].wish
        self._pursuits.drop(scope)
        aborted = self._instructions.abort(scope, reason, now)
        if step.action is Action.RESUME:
            return [*aborted, *self._give_up(step.container_id, reason, now)]
        return [*aborted, *self._undo(step, f"aborted: {reason}", now)]

    def _undo(self, step: Step, reason: str, now: Now) -> list[Effect]:
        """Brings the device away from *step*, which shall not or can not be."""
        if step.container_id not in self._progress.courses:
            return []
        if step.action is Action.RUN:
            return self._give_up(step.container_id, reason, now)
        return self._turn(
            step.container_id, Action.RESUME if step.action is Action.PAUSE else Action.PAUSE, reason, now
        )

    def _turn(self, container_id: str, action: Action, reason: str, now: Now) -> list[Effect]:
        """Has the device pause or go on, though nobody instructed it to."""
        course = self._progress.courses[container_id]
        course.command(action, now)
        return [*map(Apply, self._resource.order(action, container_id, course.sequence.id, reason))]

    def _give_up(self, container_id: str, reason: str, now: Now) -> list[Effect]:
        return [*self._abort(container_id, reason, now), *self._pursuits.to_default(reason)]

    def _abort_all(self, reason: str, now: Now) -> list[Effect]:
        open_ids = [container_id for container_id, course in self._progress.courses.items() if course.is_open]
        return [effect for container_id in open_ids for effect in self._abort(container_id, reason, now)]

    def _abort(self, container_id: str, reason: str, now: Now) -> list[Effect]:
        """The sequence will not continue, and what was to follow it cannot."""
        self._progress.courses[container_id].abort(now)
        ids = list(self._progress.slots)
        effects: list[Effect] = []
        for each in ids[ids.index(container_id) :]:
            for scope in (each, interruption_of(each)):
                self._pursuits.drop(scope)
                effects += self._instructions.abort(scope, reason, now)
                effects += self._instructions.withdraw(scope, f"container {container_id} was aborted", now)
        return effects

    def _tell(self, now: Now) -> list[Effect]:
        """A status of every container, if one has changed."""
        profile = self._progress.profile
        if profile is None:
            return []
        standings = self._schedule.standings()
        state = (profile, standings)
        if not self._told.is_due(now, (), 0.0, state):
            return []
        self._told.tell(now, (), state)
        statuses = self._schedule.statuses(standings, now)
        return [Send(PowerProfileStatus(message_id=self._new_id(), sequence_container_status=statuses))]

    def _shortfall(self, pursuit: Pursuit[Step]) -> str:
        step = pursuit.order.wish
        return self._pursuits.shortfall(pursuit, "something else", f"{step.action.value} {step.sequence.id}")

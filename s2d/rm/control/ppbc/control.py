"""Power Profile Based Control: a task of containers, one after the other; the CEM picks a sequence and time for each.

A ScheduleInstruction that has SUCCEEDED stays in force until its sequence has finished: it can still be revoked, and
if the device gives the sequence up, it is ABORTED. Interruptions have a scope of their own beside their container's.

What runs when a session ends runs on; the next session is told how far it has got.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.*`.
"""

from collections.abc import Iterable
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
from ...instructions import Instructions, Order
from ...occasion import Occasion
from ..context import ControlContext
from ..execution import FOLLOWED, OrderInProgress, OrdersInProgress, Outcome, Verdict
from ..reporting import LastReported
from .schedule import OrderedAction, SequenceInstruction, TaskSchedule, interruption_of
from .sequence_run import Action, SequenceRun
from .task import PowerProfileResource, Task

__all__ = ["Action", "PowerProfileControl", "PowerProfileResource", "Task"]


class PowerProfileControl:
    """PPBC while it is the active control type."""

    def __init__(
        self,
        resource: PowerProfileResource,
        context: ControlContext,
    ) -> None:
        self._resource = resource
        self._new_id = context.new_id
        self._progress = context.progress
        self._instructions: Instructions[OrderedAction] = Instructions(context.new_id, context.terms)
        self._schedule = TaskSchedule(context.progress, self._instructions)
        self._orders = OrdersInProgress(resource, self._instructions, context.take_charge)
        self._is_published = False
        self._queued: Order[OrderedAction] | None = None
        self._told = LastReported(context.thresholds.every_s)

    rests_uninstructed = False

    @property
    def ends_by_itself(self) -> bool:
        return self._progress.ends_by_itself

    @property
    def last_delay_s(self) -> float | None:
        return self._orders.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Tells the task, if there is one, and how it stands: a session before may have begun it."""
        effects = self._publish(now)
        self._observe(now)
        return [*effects, *self._end_due(now), *self._report_statuses(now)]

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        return self._orders.abort_all(reason, now)

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        match message:
            case ScheduleInstruction() | StartInterruptionInstruction() | EndInterruptionInstruction():
                effects = self._accept(message, now)
            case RevokeObject():
                effects = self._revoke(message.object_id, now)
            case _:
                return []
        return [*effects, *self._report_statuses(now)]

    def report(self, now: Now) -> list[Effect]:
        """Tells another task, and what the device is seen to do about it."""
        effects = self._publish(now)
        effects += self._orders.advance(now)
        for order, verdict in self._orders.judged(lambda order, since: self._verdict_on(order, since, now)):
            if self._orders.of(order.scope) is None:
                continue  # it went with one that failed
            if verdict.outcome is Outcome.FAILED:
                effects += self._fail(order.scope, verdict.reason, now)
                continue
            self._progress.runs[order.goal.container_id].see()
            effects += self._orders.succeed(order, now, stays_in_force=order.goal.action is Action.RUN)
        self._observe(now)
        return [*effects, *self._report_statuses(now)]

    def due(self, now: Now) -> list[Effect]:
        """Finishes and starts what has become due, gives up on what is not followed."""
        effects = [*self._publish(now), *self._end_due(now), *self._start_due(now), *self._orders.advance(now)]
        for in_progress in self._orders.overdue(now):
            effects += self._fail(in_progress.order.scope, self._shortfall(in_progress), now)
        return [*effects, *self._report_statuses(now)]

    def confirm(self, setpoint: Setpoint, now: Now) -> list[Effect]:
        return self._orders.confirm(setpoint, now)

    def overrule(self, setpoints: Iterable[Setpoint]) -> None:
        self._orders.overrule(setpoints)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        effects = [each for scope in self._orders.blamed(setpoint) for each in self._fail(scope, reason, now)]
        return [*effects, *self._report_statuses(now)]

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        if not self._progress.is_under_way:
            return []
        effects = self._abort_all(reason, now)
        if not is_safe:
            effects += self._orders.rest(Occasion.ABORTED, f"aborted: {reason}", now)
        return [*effects, *self._report_statuses(now)]

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        yield from self._orders.deadlines()
        for container_id, run in self._progress.runs.items():
            finishes_at = run.finishes_at
            if finishes_at is not None:
                yield finishes_at
            elif self._is_unseen(container_id, run):
                yield self._gives_up_at(run)
        if self._progress.profile:
            yield self._told.due_at

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
                effects += [*self._abort_all(reason, now), *self._orders.rest(Occasion.ENDED, reason, now)]
            effects += self._orders.abort_all(reason, now)
            if self._is_published:
                kind = RevokableObjects.PPBC_POWER_PROFILE_DEFINITION
                effects.append(Send(RevokeObject(message_id=self._new_id(), object_type=kind, object_id=former.id)))
        if former != profile:
            self._progress.turn_to(profile)
            self._queued = None
        self._is_published = True
        return [*effects, Send(profile.definition(self._new_id()))] if profile else effects

    def _unseen(self) -> list[tuple[str, SequenceRun]]:
        """What was commanded, in this session or before, and is neither seen nor in progress; by container id."""
        return [
            (container_id, run)
            for container_id, run in self._progress.runs.items()
            if self._is_unseen(container_id, run)
        ]

    def _is_unseen(self, container_id: str, run: SequenceRun) -> bool:
        if run.is_seen or self._orders.of(container_id):
            return False
        return not self._orders.of(interruption_of(container_id))

    def _gives_up_at(self, run: SequenceRun) -> float:
        return run.commanded_at + self._resource.follow_within_s

    def _observe(self, now: Now) -> None:
        """Notes what the device is seen to do, though no instruction asks for it any more."""
        for container_id, run in self._unseen():
            if self._resource.verdict_on(run.action, container_id, run.sequence.id, run.commanded_at, now) == FOLLOWED:
                run.see()

    def _end_due(self, now: Now) -> list[Effect]:
        """Ends what has run to its end, and what was commanded to no effect."""
        effects: list[Effect] = []
        for container_id, run in list(self._progress.runs.items()):
            if run.finishes_at is not None and run.finishes_at <= now.mono:
                effects += self._finish(container_id, run, now)
        for container_id, run in self._unseen():
            if now.mono >= self._gives_up_at(run):
                reason = "the device was not seen to follow"
                if run.action is Action.PAUSE:
                    effects += self._command_unasked(container_id, Action.RESUME, reason, now)
                else:
                    effects += self._give_up(container_id, reason, now)
        return effects

    def _accept(self, instruction: SequenceInstruction, now: Now) -> list[Effect]:
        task = self._progress.profile
        if task is None or instruction.power_profile_id != task.id:  # withdrawn while it was on its way
            return self._instructions.reject(instruction, "the profile is withdrawn", now)
        ordered = self._schedule.ordered_by(instruction, now)
        is_immediate = instruction.execution_time <= now.utc
        objection = self._schedule.objection_to(ordered, now, is_now=is_immediate)
        if objection is None and is_immediate:
            objection = self._resource.obstacle_to(ordered.action, ordered.container_id, ordered.sequence.id)
        objection = objection or self._instructions.objection_to(instruction.execution_time, now, ordered.scope)
        if objection:
            return self._instructions.reject(instruction, objection, now)
        scope = ordered.scope
        is_schedule = ordered.action is Action.RUN
        replaced = self._instructions.abort_waiting(scope, "scheduled anew", now) if is_schedule else []
        accepted = self._instructions.accept(instruction, scope=scope, goal=ordered, now=now)
        return [*replaced, *accepted, *(self._start_due(now, ordered) if is_immediate else [])]

    def _start_due(self, now: Now, possible: OrderedAction | None = None) -> list[Effect]:
        """Starts what is due; that the action *possible* can be done was found at this very instant."""
        effects, orders = self._instructions.due(now)
        for order in orders:
            effects += self._start(order, now, is_possible=order.goal is possible)
        return effects

    def _start(self, order: Order[OrderedAction], now: Now, *, is_possible: bool = False) -> list[Effect]:
        ordered = order.goal
        objection = None if is_possible else self._schedule.objection_to_start(ordered, now)
        if objection is None and ordered.action is Action.RUN and ordered.slot.before is not None:
            before = self._progress.runs.get(ordered.slot.before)
            if before and before.finishes_at is not None:
                self._queued = order
                return []
            if before is None or before.is_open:
                objection = "the container before has not finished"
        if objection is None and not is_possible:
            objection = self._resource.obstacle_to(ordered.action, ordered.container_id, ordered.sequence.id)
        # It has overtaken what was under way in its scope: that is no longer in progress, either.
        self._orders.drop(order.scope)
        return self._instructions.abort(order.scope, objection, now) if objection else self._command(order, now)

    def _command(self, order: Order[OrderedAction], now: Now) -> list[Effect]:
        ordered = order.goal
        if ordered.action is Action.RUN:
            self._progress.runs[ordered.container_id] = SequenceRun(ordered.sequence, ordered.lasts, now)
        else:
            self._progress.runs[ordered.container_id].command(ordered.action, now)
        reason = f"instruction {order.id}"
        stages = self._resource.order(ordered.action, ordered.container_id, ordered.sequence.id, reason)
        return self._orders.begin(order, stages, now)

    def _verdict_on(self, order: Order[OrderedAction], since: float, now: Now) -> Verdict:
        ordered = order.goal
        return self._resource.verdict_on(ordered.action, ordered.container_id, ordered.sequence.id, since, now)

    def _finish(self, container_id: str, run: SequenceRun, now: Now) -> list[Effect]:
        run.finish()
        for scope in (container_id, interruption_of(container_id)):
            self._orders.drop(scope)
        effects = self._instructions.end(container_id, "its sequence finished before it was followed", now)
        queued, self._queued = self._queued, None
        if queued and self._instructions.started.get(queued.scope) is queued:
            return [*effects, *self._start(queued, now)]
        return [*effects, *self._orders.rest(Occasion.ENDED, f"{container_id} has finished", now)]

    def _revoke(self, object_id: str, now: Now) -> list[Effect]:
        under_way = {order.scope: order for order in self._instructions.started.values()}
        effects, scope = self._instructions.revoke(object_id, now)
        if scope is None:
            return effects
        self._orders.drop(scope)
        return [*effects, *self._undo(under_way[scope].goal, f"revoked {object_id}", now)]

    def _fail(self, scope: str, reason: str, now: Now) -> list[Effect]:
        order = self._orders.order_in(scope)
        if order is None:
            return []  # it went with one that failed
        ordered = order.goal
        self._orders.drop(scope)
        aborted = self._instructions.abort(scope, reason, now)
        if ordered.action is Action.RESUME:
            return [*aborted, *self._give_up(ordered.container_id, reason, now)]
        return [*aborted, *self._undo(ordered, f"aborted: {reason}", now)]

    def _undo(self, ordered: OrderedAction, reason: str, now: Now) -> list[Effect]:
        """Brings the device away from *ordered*, which shall not or can not be."""
        if ordered.container_id not in self._progress.runs:
            return []
        if ordered.action is Action.RUN:
            return self._give_up(ordered.container_id, reason, now)
        return self._command_unasked(
            ordered.container_id, Action.RESUME if ordered.action is Action.PAUSE else Action.PAUSE, reason, now
        )

    def _command_unasked(self, container_id: str, action: Action, reason: str, now: Now) -> list[Effect]:
        """Has the device pause or go on, though nobody instructed it to."""
        run = self._progress.runs[container_id]
        run.command(action, now)
        stages = self._resource.order(action, container_id, run.sequence.id, reason)
        return [Apply(setpoint) for stage in stages for setpoint in stage.setpoints]

    def _give_up(self, container_id: str, reason: str, now: Now) -> list[Effect]:
        return [*self._abort(container_id, reason, now), *self._orders.rest(Occasion.ABORTED, reason, now)]

    def _abort_all(self, reason: str, now: Now) -> list[Effect]:
        open_ids = [container_id for container_id, run in self._progress.runs.items() if run.is_open]
        return [effect for container_id in open_ids for effect in self._abort(container_id, reason, now)]

    def _abort(self, container_id: str, reason: str, now: Now) -> list[Effect]:
        """The sequence will not continue, and what was to follow it cannot."""
        self._progress.runs[container_id].abort(now)
        ids = list(self._progress.slots)
        effects: list[Effect] = []
        for each in ids[ids.index(container_id) :]:
            for scope in (each, interruption_of(each)):
                self._orders.drop(scope)
                effects += self._instructions.abort(scope, reason, now)
                effects += self._instructions.abort_waiting(scope, f"container {container_id} was aborted", now)
        return effects

    def _report_statuses(self, now: Now) -> list[Effect]:
        """A status of every container, if one has changed."""
        profile = self._progress.profile
        if profile is None:
            return []
        selected = self._schedule.selected()
        state = (profile, selected)
        if not self._told.is_due(now, (), 0.0, state):
            return []
        self._progress.changes += self._told.is_news(state)
        self._told.note(now, (), state)
        statuses = self._schedule.statuses(selected, now)
        return [Send(PowerProfileStatus(message_id=self._new_id(), sequence_container_status=statuses))]

    def _shortfall(self, in_progress: OrderInProgress[OrderedAction]) -> str:
        ordered = in_progress.order.goal
        return self._orders.shortfall(in_progress, "something else", f"{ordered.action.value} {ordered.sequence.id}")

    @property
    def instructions(self) -> Instructions[OrderedAction]:
        return self._instructions

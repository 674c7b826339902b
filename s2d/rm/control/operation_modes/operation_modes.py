"""Control by operation modes: takes and follows instructions, reports what is done. The same in FRBC, OMBC and DDBC.

A *scope* is what has one operation mode at a time: an actuator, by its id, or the whole resource. Knows no message of
any control type: each words its own.

Spec: EN 50491-12-2, OperationMode, Transition, Timer; the same in FRBC, OMBC and DDBC.
"""

from collections.abc import Iterable
from datetime import datetime
from math import inf

from ....s2.effects import Effect, Send
from ....s2.messages.common import Message, RevokeObject, Transition
from ....values import Now, Setpoint
from ...instructions import Instructions, Order
from ..context import ControlContext
from ..execution import FOLLOWED, OrderInProgress, OrdersInProgress, Outcome, Verdict
from ..reporting import LastReported
from .dialect import Dialect
from .mode_and_factor import ModeAndFactor, OperationModeResource, OrderedMode, ScopeStatus
from .state_machine import Forbidden, StateMachine

__all__ = ["ModeAndFactor", "OperationModeResource", "OperationModes", "ScopeStatus"]

_GONE = "its operation mode is gone"
_NEAR = 0.01
"""An order that differs by no less of its mode's range is carried out, however little its owner wants to be told."""


class OperationModes:
    """A control type by operation modes while it is the active one; its *dialect* words what is said."""

    def __init__(
        self,
        resource: OperationModeResource,
        dialect: Dialect,
        context: ControlContext,
        *,
        rests_uninstructed: bool = False,
    ) -> None:
        self.rests_uninstructed = rests_uninstructed
        self._resource = resource
        self._dialect = dialect
        self._context = context
        self._new_id = context.new_id
        self._timers = context.timers
        self._instructions: Instructions[OrderedMode] = Instructions(context.new_id, context.terms)
        self._orders = OrdersInProgress(resource, self._instructions, context.take_charge, resource.rest_of)
        self._described: tuple[str, datetime, Message] | None = None
        self._machines: dict[str, StateMachine] = {}
        self._active: dict[str, ModeAndFactor] = {}
        self._followed: dict[str, ModeAndFactor] = {}
        """By scope: what was ordered last, as long as nothing has come in its way since it was followed."""
        self._told_activity: dict[str, LastReported] = {}
        self._reported: tuple[LastReported, ...] = ()
        """What is told again after a while."""

    ends_by_itself = False

    @property
    def last_delay_s(self) -> float | None:
        return self._orders.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Describes the resource, then says how it stands; describes it once more for a CEM that plans only then."""
        effects = self.report(now)
        if self._context.redescribes and self._dialect.describes_twice and self._described:
            _, valid_from, _ = self._described
            effects.append(Send(self._dialect.description(self._new_id(), valid_from)))
        return effects

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        return self._orders.abort_all(reason, now)

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        if isinstance(message, RevokeObject):
            self._followed.clear()
            return self._orders.revoke(message.object_id, now)
        return self._accept(message, now)

    def report(self, now: Now) -> list[Effect]:
        """Tells what has changed: the description, the state, what is done, what became of instructions."""
        effects = [*self._describe(now), *map(Send, self._dialect.state(now)), *self._orders.advance(now)]
        for scope in self._machines:
            effects += self._report_activity(scope, now, must=False)
        for order, verdict in self._orders.judged(lambda order, since: self._verdict_on(order, since, now)):
            effects += self._report_activity(order.scope, now, must=True)
            if verdict.outcome is Outcome.FOLLOWED:
                effects += self._orders.succeed(order, now)
                self._followed[order.scope] = order.goal.activity
            else:
                effects += self._fail(order.scope, verdict.reason, now)
        return [*effects, *self._report_timers(now), *map(Send, self._dialect.outlook(now))]

    def due(self, now: Now) -> list[Effect]:
        """Starts instructions whose time has come, gives up on those not followed, repeats what was long unsaid."""
        effects = [*self._start_due(now), *self._orders.advance(now)]
        for in_progress in self._orders.overdue(now):
            effects += self._fail(in_progress.order.scope, self._shortfall(in_progress), now)
        if any(told.due_at <= now.mono for told in self._reported):
            effects += self.report(now)
        return effects

    def confirm(self, setpoint: Setpoint, now: Now) -> list[Effect]:
        return self._orders.confirm(setpoint, now)

    def overrule(self, setpoints: Iterable[Setpoint]) -> None:
        self._orders.overrule(setpoints)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        self._followed.clear()
        return self._orders.refuse(setpoint, reason, now)

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        self._followed.clear()
        return self._orders.fail_all(reason, now, is_safe=is_safe)

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        return [*self._orders.deadlines(), *[told.due_at for told in self._reported]]

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start."""
        return self._instructions.next_execution_times()

    def _verdict_on(self, order: Order[OrderedMode], since: float, now: Now) -> Verdict:
        return self._resource.verdict_on(order.scope, order.goal.activity, since, now)

    def _describe(self, now: Now) -> list[Effect]:
        """Describes the resource unless it still is as it was described; all else is then told again."""
        self._dialect.observe(now)
        if self._described and self._dialect.description(*self._described[:2]) == self._described[2]:
            return []
        # What is told of a state names no description, and a CEM may plan as soon as it hears one.
        before = [Send(message) for message in self._dialect.told_before(now)] if self._described else []
        message_id = self._new_id()
        description = self._dialect.description(message_id, now.utc)
        self._described = (message_id, now.utc, description)
        self._dialect.described()
        self._machines = {
            scope: StateMachine(scope, described, self._timers) for scope, described in self._dialect.machines().items()
        }
        self._told_activity = {scope: LastReported(self._context.thresholds.every_s) for scope in self._machines}
        self._reported = (*self._dialect.reported(), *self._told_activity.values())
        gone = [each.scope for each in self._orders.under_way if not self._is_described(each)]
        aborted = [effect for scope in gone for effect in self._fail(scope, _GONE, now)]
        return [*before, Send(description), *aborted]

    def _is_described(self, order: Order[OrderedMode]) -> bool:
        machine = self._machines.get(order.scope)
        return machine is not None and order.goal.activity.operation_mode_id in machine.modes

    def _accept(self, message: Message, now: Now) -> list[Effect]:
        """Accepts or rejects what can be meant."""
        instruction, scope, operation_mode_id = self._dialect.instructed(message)
        machine = self._machines.get(scope)
        if machine is None or operation_mode_id not in machine.modes:  # described anew while it was on its way
            return self._instructions.reject(instruction, _GONE, now)
        at = instruction.execution_time
        is_immediate = at <= now.utc
        activity = ModeAndFactor(operation_mode_id, instruction.operation_mode_factor)
        goal = OrderedMode(activity, instruction.abnormal_condition)
        if machine.modes[operation_mode_id].abnormal_condition_only and not goal.is_abnormal:
            return self._instructions.reject(instruction, "the mode is for abnormal conditions only", now)
        # While others wait before it, nobody knows yet which mode it will start from; it is looked at when it starts.
        is_next, transition = self._instructions.is_next(scope, at), None
        try:
            if is_next:
                transition = self._transition(scope, goal, at, now)
        except Forbidden as exc:
            return self._instructions.reject(instruction, str(exc), now)
        if is_immediate and (obstacle := self._obstacle_to(scope, goal, now)):
            return self._instructions.reject(instruction, obstacle, now)
        accepted = self._instructions.accept(instruction, scope=scope, goal=goal, now=now)
        if not is_immediate:
            return accepted
        return [*accepted, *(self._start_due(now, goal, transition) if is_next else self._start_due(now))]

    def _start_due(
        self, now: Now, possible: OrderedMode | None = None, transition: Transition | None = None
    ) -> list[Effect]:
        """Starts what is due; that *possible* may be entered, by *transition*, was found at this very instant."""
        effects, orders = self._instructions.due(now)
        for order in orders:
            effects += self._enter(order, transition, now) if order.goal is possible else self._start(order, now)
        return effects

    def _start(self, order: Order[OrderedMode], now: Now) -> list[Effect]:
        """Enters what has waited, if it still may be entered."""
        try:
            if not self._is_described(order):
                raise Forbidden(_GONE)
            transition = self._transition(order.scope, order.goal, now.utc, now)
        except Forbidden as exc:
            # The safe state may lie beyond the very transition that is forbidden: what is done now goes on.
            return self._orders.fail(order.scope, str(exc), now, is_safe=True)
        if obstacle := self._obstacle_to(order.scope, order.goal, now):
            return self._fail(order.scope, obstacle, now)
        return self._enter(order, transition, now)

    def _enter(self, order: Order[OrderedMode], transition: Transition | None, now: Now) -> list[Effect]:
        scope, activity = order.scope, order.goal.activity
        if self._is_done_already(scope, activity, now):
            return self._instructions.succeed(scope, now, stays_in_force=True)
        self._followed.pop(scope, None)
        effects = self._orders.begin(
            order, self._resource.order(scope, order.goal, f"instruction {order.id}", now), now
        )
        self._timers.bring(scope, activity.operation_mode_id)
        if transition:
            self._machines[scope].initiate(transition, now)
        return [*effects, *self._report_timers(now)]

    def _obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        """Why *goal* may not be done now, or None."""
        obstacle = self._resource.obstacle_to(scope, goal, now)
        if obstacle or goal.is_abnormal:
            return obstacle
        return self._dialect.obstacle_to(scope, goal.activity.operation_mode_id)

    def _fail(self, scope: str, reason: str, now: Now) -> list[Effect]:
        """Aborts what has started in *scope* and brings that to rest: what was followed before is done no more."""
        self._followed.pop(scope, None)
        return self._orders.fail(scope, reason, now)

    def _is_done_already(self, scope: str, activity: ModeAndFactor, now: Now) -> bool:
        """Whether it is what was ordered last, or no further from that than is worth telling, and still is done.

        A CEM that plans ahead may say the same a dozen times, and memory of devices wears out.
        """
        followed = self._followed.get(scope)
        if followed is None or followed.operation_mode_id != activity.operation_mode_id:
            return False
        threshold_w = self._context.thresholds.power_w
        deadband = self._resource.power_deadband_factor(scope, activity.operation_mode_id, threshold_w)
        is_near = activity == followed or abs(activity.factor - followed.factor) < min(deadband, _NEAR)
        return is_near and self._resource.verdict_on(scope, followed, -inf, now) == FOLLOWED

    def _transition(self, scope: str, goal: OrderedMode, at: datetime, now: Now) -> Transition | None:
        """The way into the mode of *goal*: from what is under way, which may not be seen yet, or what is done."""
        in_progress = self._orders.of(scope)
        activity = in_progress.order.goal.activity if in_progress else self._resource.activity_of(scope)
        before_id = activity.operation_mode_id if activity else self._timers.last_mode.get(scope)
        after_id = goal.activity.operation_mode_id
        if before_id is None:
            return None
        return self._machines[scope].transition(before_id, after_id, at, now, is_abnormal=goal.is_abnormal)

    def _report_timers(self, now: Now) -> list[Effect]:
        return [
            Send(self._dialect.timer_status(self._new_id(), scope, timer_id, finished_at))
            for scope, machine in self._machines.items()
            for timer_id, finished_at in machine.news_of_timers(now)
        ]

    def _report_activity(self, scope: str, now: Now, *, must: bool) -> list[Effect]:
        activity = self._resource.activity_of(scope)
        told = self._told_activity[scope]
        if activity is None:
            told.forget()
            return []
        mode_id, factor = activity.operation_mode_id, activity.factor
        deadband = self._resource.power_deadband_factor(scope, mode_id, self._context.thresholds.power_w)
        before = self._active.get(scope)
        if not told.is_due(now, (factor,), deadband, mode_id) and (before == activity or not must):
            return []
        told.note(now, (factor,), mode_id)
        self._observe_mode(scope, mode_id, now)
        self._active[scope] = activity
        previous_id, since = self._timers.change.get(scope, (None, None))
        if previous_id not in self._machines[scope].modes:
            previous_id = since = None
        return [Send(self._dialect.status(self._new_id(), ScopeStatus(scope, activity, previous_id, since)))]

    def _observe_mode(self, scope: str, mode_id: str, now: Now) -> None:
        """Takes note of the mode that is really active; a change that nobody ordered starts timers like an order."""
        active = self._active.get(scope)
        before_id = active.operation_mode_id if active else self._timers.last_mode.get(scope)
        in_progress = self._orders.of(scope)
        is_ordered = in_progress is not None and in_progress.order.goal.activity.operation_mode_id == mode_id
        if before_id and before_id != mode_id and not is_ordered:
            self._machines[scope].drift(before_id, mode_id, now)
        if in_progress is None or is_ordered:
            self._timers.bring(scope, mode_id)
        # S2 JSON, *.previous_operation_mode_id: named unless the RM knows of no other; it outlives the session.
        initiated = self._orders.initiated(scope, lambda goal: goal.activity.operation_mode_id == mode_id, now)
        self._timers.see(scope, mode_id, initiated)

    def _shortfall(self, in_progress: OrderInProgress[OrderedMode]) -> str:
        scope, goal = in_progress.order.scope, in_progress.order.goal.activity
        real = self._resource.activity_of(scope)
        seen = self._named(scope, real) if real else "nothing that is known"
        return self._orders.shortfall(in_progress, seen, self._named(scope, goal))

    def _named(self, scope: str, activity: ModeAndFactor) -> str:
        return f"{self._machines[scope].label(activity.operation_mode_id)} {activity.factor:.2f}"

    @property
    def instructions(self) -> Instructions[OrderedMode]:
        return self._instructions

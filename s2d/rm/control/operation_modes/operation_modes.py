"""What all control by operation modes has in common: taking and following instructions, telling what is done.

A *scope* is what has one operation mode at a time: an actuator, by its id, or the whole resource. Knows no message of
any control type: each words its own.

Spec: EN 50491-12-2, OperationMode, Transition, Timer; the same in FRBC, OMBC and DDBC.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from ....s2.effects import Effect, Send
from ....s2.messages.common import Message, RevokeObject, Transition
from ....values import Now, Setpoint
from ...instructions import Instructions, Order, Terms
from ..execution import Pursuit, Pursuits
from ..reporting import Reporting, Told
from .mode_and_factor import Activity, OperationModeInstruction, OperationModeResource, Ordered, Status
from .state_machine import DescribedMachine, Forbidden, StateMachine
from .timers import Timers

__all__ = ["Activity", "OperationModeResource", "OperationModes", "Status"]

_GONE = "its operation mode is gone"


Steered = TypeVar("Steered", bound=OperationModeResource)


class OperationModes(ABC, Generic[Steered]):
    """A control type by operation modes while it is the active one. What it is said with, its heirs know."""

    def __init__(
        self,
        resource: Steered,
        reporting: Reporting,
        terms: Terms,
        new_id: Callable[[], str],
        timers: Timers,
    ) -> None:
        self._resource = resource
        self._reporting = reporting
        self._new_id = new_id
        self._timers = timers
        self._instructions: Instructions[Ordered] = Instructions(new_id, terms)
        self._pursuits = Pursuits(resource, self._instructions, resource.default_of)
        self._described: tuple[str, datetime, Message] | None = None
        self._machines: dict[str, StateMachine] = {}
        self._active: dict[str, Activity] = {}
        self._told_activity: dict[str, Told] = {}

    @abstractmethod
    def _described_machines(self) -> Mapping[str, DescribedMachine]:
        """By scope."""

    @abstractmethod
    def _description(self, message_id: str, valid_from: datetime) -> Message:
        """The resource as it is now."""

    @abstractmethod
    def _status(self, message_id: str, status: Status) -> Message: ...

    @abstractmethod
    def _timer_status(self, message_id: str, scope: str, timer_id: str, finished_at: datetime) -> Message: ...

    @abstractmethod
    def _take(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction of the control type; says what is its own about it and leaves the rest to `_accept`."""

    def _tell_state(self, now: Now) -> list[Effect]:
        """What is to be told before the statuses."""
        return []

    def _tell_outlook(self, now: Now) -> list[Effect]:
        """What is to be told after the statuses."""
        return []

    def _told(self) -> Iterable[Told]:
        """What is told again after a while."""
        return self._told_activity.values()

    @property
    def last_delay_s(self) -> float | None:
        return self._pursuits.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Describes the resource, then says how it stands."""
        return self.report(now)

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        return self._pursuits.abandon(reason, now)

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        if isinstance(message, RevokeObject):
            return self._pursuits.revoke(message.object_id, now)
        return self._take(message, now)

    def report(self, now: Now) -> list[Effect]:
        """Tells what has changed: the description, the state, what is done, what became of instructions."""
        effects = [*self._describe(now), *self._tell_state(now)]
        for scope in self._machines:
            effects += self._report_activity(scope, now, must=False)
        for order in self._pursuits.followed(self._follows):
            effects += self._report_activity(order.scope, now, must=True)
            effects += self._pursuits.succeed(order, now)
        return [*effects, *self._tell_timers(now), *self._tell_outlook(now)]

    def due(self, now: Now) -> list[Effect]:
        """Starts instructions whose time has come, gives up on those not followed, repeats what was long unsaid."""
        effects = self._start_due(now)
        for pursuit in self._pursuits.overdue(now):
            effects += self._pursuits.fail(pursuit.order.scope, self._shortfall(pursuit), now)
        for told in self._told():
            if told.is_stale(now):
                effects += self.report(now)
                break
        return effects

    def confirm(self, setpoint: Setpoint, now: Now) -> None:
        self._pursuits.confirm(setpoint, now)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        return self._pursuits.refuse(setpoint, reason, now)

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        return self._pursuits.fail_all(reason, now, is_safe=is_safe)

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        yield from self._pursuits.deadlines()
        for told in self._told():
            yield from told.deadlines()

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start."""
        return self._instructions.next_execution_times()

    def _follows(self, order: Order[Ordered], since: float) -> bool:
        return self._resource.follows(order.scope, order.wish.activity, since)

    def _describe(self, now: Now) -> list[Effect]:
        """Describes the resource unless it still is as it was described; all else is then told again."""
        if self._described and self._description(*self._described[:2]) == self._described[2]:
            return []
        message_id = self._new_id()
        description = self._description(message_id, now.utc)
        self._described = (message_id, now.utc, description)
        self._machines = {
            scope: StateMachine(scope, described, self._timers)
            for scope, described in self._described_machines().items()
        }
        self._told_activity = {scope: Told(self._reporting.every_s) for scope in self._machines}
        gone = [order.scope for order in self._instructions.started.values() if not self._is_described(order)]
        aborted = [effect for scope in gone for effect in self._pursuits.fail(scope, _GONE, now)]
        return [Send(description), *aborted]

    def _is_described(self, order: Order[Ordered]) -> bool:
        machine = self._machines.get(order.scope)
        return machine is not None and order.wish.activity.operation_mode_id in machine.modes

    def _accept(
        self, instruction: OperationModeInstruction, scope: str, operation_mode_id: str, now: Now
    ) -> list[Effect]:
        """Accepts or rejects what can be meant."""
        at = instruction.execution_time
        is_immediate = at <= now.utc
        wish = Ordered(Activity(operation_mode_id, instruction.operation_mode_factor), instruction.abnormal_condition)
        if self._machines[scope].modes[operation_mode_id].abnormal_condition_only and not wish.is_abnormal:
            return self._instructions.reject(instruction.id, "the mode is for abnormal conditions only", now)
        # While others wait before it, nobody knows yet which mode it will start from; it is looked at when it starts.
        try:
            if self._instructions.is_next(scope, at):
                self._transition(scope, wish, at, now)
        except Forbidden as exc:
            return self._instructions.reject(instruction.id, str(exc), now)
        if is_immediate and (obstacle := self._resource.obstacle_to(scope, wish.activity)):
            return self._instructions.reject(instruction.id, obstacle, now)
        accepted = self._instructions.accept(
            instruction_id=instruction.id,
            message_id=instruction.message_id,
            scope=scope,
            execution_time=at,
            wish=wish,
            now=now,
        )
        return [*accepted, *(self._start_due(now) if is_immediate else [])]

    def _start_due(self, now: Now) -> list[Effect]:
        effects, orders = self._instructions.due(now)
        for order in orders:
            effects += self._start(order, now)
        return effects

    def _start(self, order: Order[Ordered], now: Now) -> list[Effect]:
        scope, activity = order.scope, order.wish.activity
        try:
            if not self._is_described(order):
                raise Forbidden(_GONE)
            transition = self._transition(scope, order.wish, now.utc, now)
        except Forbidden as exc:
            # The default state may lie beyond the very transition that is forbidden: what is done now goes on.
            return self._pursuits.fail(scope, str(exc), now, is_safe=True)
        if obstacle := self._resource.obstacle_to(scope, activity):
            return self._pursuits.fail(scope, obstacle, now)
        setpoints = self._resource.order(scope, activity, f"instruction {order.id}")
        effects = self._pursuits.begin(order, setpoints, now)
        self._timers.last_mode[scope] = activity.operation_mode_id
        if transition:
            self._machines[scope].initiate(transition, now)
        return [*effects, *self._tell_timers(now)]

    def _transition(self, scope: str, wish: Ordered, at: datetime, now: Now) -> Transition | None:
        """The way into the mode of *wish*: from what is under way, which may not be seen yet, or what is done."""
        pursuit = self._pursuits.of(scope)
        activity = pursuit.order.wish.activity if pursuit else self._resource.activity_of(scope)
        before_id, after_id = activity.operation_mode_id, wish.activity.operation_mode_id
        return self._machines[scope].transition(before_id, after_id, at, now, is_abnormal=wish.is_abnormal)

    def _tell_timers(self, now: Now) -> list[Effect]:
        return [
            Send(self._timer_status(self._new_id(), scope, timer_id, finished_at))
            for scope, machine in self._machines.items()
            for timer_id, finished_at in machine.news_of_timers(now)
        ]

    def _report_activity(self, scope: str, now: Now, *, must: bool) -> list[Effect]:
        activity = self._resource.activity_of(scope)
        mode_id, factor = activity
        told = self._told_activity[scope]
        deadband = self._resource.power_deadband_factor(scope, mode_id, self._reporting.power_w)
        before = self._active.get(scope)
        if not told.is_due(now, (factor,), deadband, mode_id) and (before == activity or not must):
            return []
        told.tell(now, (factor,), mode_id)
        self._observe(scope, mode_id, now)
        self._active[scope] = activity
        previous_id, since = self._timers.change.get(scope, (None, None))
        if previous_id not in self._machines[scope].modes:
            previous_id = since = None
        return [Send(self._status(self._new_id(), Status(scope, activity, previous_id, since)))]

    def _observe(self, scope: str, mode_id: str, now: Now) -> None:
        """Takes note of the mode that is really active; a change that nobody ordered starts timers like an order."""
        active = self._active.get(scope)
        before_id = active.operation_mode_id if active else self._timers.last_mode.get(scope)
        pursuit = self._pursuits.of(scope)
        is_ordered = pursuit is not None and pursuit.order.wish.activity.operation_mode_id == mode_id
        if before_id and before_id != mode_id and not is_ordered:
            self._machines[scope].drift(before_id, mode_id, now)
        if pursuit is None or is_ordered:
            self._timers.last_mode[scope] = mode_id
        # S2 JSON, *.previous_operation_mode_id: named unless the RM knows of no other; it outlives the session.
        seen_id = self._timers.seen_mode.get(scope, mode_id)
        if seen_id != mode_id:
            initiated = self._pursuits.initiated(scope, lambda wish: wish.activity.operation_mode_id == mode_id, now)
            self._timers.change[scope] = (seen_id, initiated)
        self._timers.seen_mode[scope] = mode_id

    def _shortfall(self, pursuit: Pursuit[Ordered]) -> str:
        scope, wish = pursuit.order.scope, pursuit.order.wish.activity
        real = self._resource.activity_of(scope)
        return self._pursuits.shortfall(pursuit, self._named(scope, real), self._named(scope, wish))

    def _named(self, scope: str, activity: Activity) -> str:
        return f"{self._machines[scope].label(activity.operation_mode_id)} {activity.factor:.2f}"

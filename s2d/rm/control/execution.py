"""Execution of orders: commanded stage by stage, confirmed, seen to be followed, or given up.

The same for every control type. Knows no mode and no limit: what an order asks for is its control type's business.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from math import inf
from typing import Generic, NamedTuple, Protocol

from msgspec import Struct

from ...s2.effects import Apply, Effect
from ...values import Now, Setpoint
from ..instructions import Goal, Instructions, Order
from ..occasion import Occasion


class Stage(Struct, frozen=True):
    """One stage of an order: what is written at once, and what must be seen before the next stage begins.

    The last stage of an order is judged by its verdict instead.
    """

    setpoints: tuple[Setpoint, ...]
    at_most_s: float
    """The order has failed if the stage takes longer."""
    is_seen: Callable[[float], bool] | None = None
    """Whether readings taken since (monotonic seconds) show it done; None: it is done once it is confirmed."""
    settle_s: float = 0.0
    """How long the device is left alone before the next stage."""


class Outcome(Enum):
    """The outcome of an order: how far it has got."""

    PENDING = "pending"
    FOLLOWED = "followed"
    FAILED = "failed"


class Verdict(NamedTuple):
    """A verdict on an order that the device has confirmed: what readings say of it."""

    outcome: Outcome
    reason: str = ""
    """Why it has failed."""


PENDING, FOLLOWED = Verdict(Outcome.PENDING), Verdict(Outcome.FOLLOWED)


def failed(reason: str) -> Verdict:
    """The order has failed, and waiting does not help."""
    return Verdict(Outcome.FAILED, reason)


class RestingResource(Protocol):
    """A resource that can be brought to rest."""

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        """What to write on *occasion*, so that the device is as its owner wants it then; each is marked `is_safe`."""
        ...


class OrderInProgress(Generic[Goal]):
    """An order in progress, until it is followed."""

    def __init__(self, order: Order[Goal], stages: Iterable[Stage], now: Now) -> None:
        self.order = order
        self.started = now
        self.setpoints: dict[str, Setpoint] = {}
        """What was written so far; the newest of each point."""
        self._stages = list(stages)
        self._settled_at: float | None = None
        self._enter(now)

    @property
    def is_confirmed(self) -> bool:
        """Whether the device confirmed all that the present stage writes."""
        return not self.unconfirmed

    @property
    def is_in_last_stage(self) -> bool:
        return len(self._stages) == 1

    @property
    def within_s(self) -> float:
        """How long the present stage may take."""
        return self._stages[0].at_most_s

    def advance(self, now: Now) -> list[Effect]:
        """Goes on to the next stage as soon as the present one is done; the last one is judged by others."""
        while not self.is_in_last_stage and self.is_confirmed:
            stage = self._stages[0]
            if self._settled_at is None:
                if stage.is_seen and not stage.is_seen(self.confirmed_at):
                    break
                self._settled_at, self.gives_up_at = now.mono + stage.settle_s, inf
            if now.mono < self._settled_at:
                break
            self._stages.pop(0)
            self._enter(now)
            return [*self.commands, *self.advance(now)]
        return []

    @property
    def commands(self) -> list[Effect]:
        """What the present stage has written."""
        return [Apply(setpoint) for setpoint in self._stages[0].setpoints]

    def next_at(self) -> float:
        """When (monotonic seconds) it goes on by itself, or is given up."""
        return self.gives_up_at if self._settled_at is None else self._settled_at

    def _enter(self, now: Now) -> None:
        stage = self._stages[0]
        for setpoint in stage.setpoints:
            self.setpoints[setpoint.point] = setpoint
        self.unconfirmed = set(stage.setpoints)
        self.confirmed_at = now.mono
        self.gives_up_at = now.mono + stage.at_most_s
        self._settled_at = None


class OrdersInProgress(Generic[Goal]):
    """All orders of one control type that have started; at most one per scope.

    What is followed is no longer under way, but in force, until something else is: what it wrote still stands.
    """

    def __init__(
        self,
        resource: RestingResource,
        instructions: Instructions[Goal],
        take_charge: Callable[[], None],
        rest_of: Callable[[str, Occasion, str, Now], list[Setpoint]] | None = None,
    ) -> None:
        """*take_charge* is called whenever something that was instructed is commanded.

        *rest_of* gives the Setpoints for one scope; without it the resource rests as a whole.
        """
        self._resource = resource
        self._instructions = instructions
        self._take_charge = take_charge
        self._rest_of = rest_of or (lambda _scope, occasion, reason, now: resource.rest(occasion, reason, now))
        self._under_way: dict[str, OrderInProgress[Goal]] = {}
        self._in_force: dict[str, OrderInProgress[Goal]] = {}
        self.last_delay_s: float | None = None
        """How long the last instruction took from start to success."""

    def of(self, scope: str) -> OrderInProgress[Goal] | None:
        """What is under way in *scope*."""
        return self._under_way.get(scope)

    @property
    def under_way(self) -> list[Order[Goal]]:
        """What has started and is not followed yet."""
        return [in_progress.order for in_progress in self._under_way.values()]

    def order_in(self, scope: str) -> Order[Goal] | None:
        """What is under way, or in force, in *scope*."""
        in_progress = self._under_way.get(scope) or self._in_force.get(scope)
        return in_progress.order if in_progress else None

    def begin(self, order: Order[Goal], stages: Iterable[Stage], now: Now) -> list[Effect]:
        """Commands the device; what was under way in the scope, and all its stages, is forgotten."""
        self._take_charge()
        self._in_force.pop(order.scope, None)
        self._under_way[order.scope] = in_progress = OrderInProgress(order, stages, now)
        return [*in_progress.commands, *in_progress.advance(now)]

    def confirm(self, setpoint: Setpoint, now: Now) -> list[Effect]:
        """The device confirmed *setpoint*."""
        effects: list[Effect] = []
        for in_progress in self._under_way.values():
            if setpoint in in_progress.unconfirmed:
                in_progress.unconfirmed.remove(setpoint)
                in_progress.confirmed_at = now.mono
                effects += in_progress.advance(now)
        return effects

    def overrule(self, setpoints: Iterable[Setpoint]) -> None:
        """*setpoints* are wanted of their points instead of what was, and confirm it as well."""
        instead = {setpoint.point: setpoint for setpoint in setpoints}
        for in_progress in self._under_way.values():
            in_progress.unconfirmed = {instead.get(each.point, each) for each in in_progress.unconfirmed}
        for each in (*self._under_way.values(), *self._in_force.values()):
            each.setpoints |= {point: setpoint for point, setpoint in instead.items() if point in each.setpoints}

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        """*setpoint* did not get into the device, or not stay there: the instruction behind it is aborted."""
        return [effect for scope in self.blamed(setpoint) for effect in self.fail(scope, reason, now)]

    def blamed(self, setpoint: Setpoint) -> list[str]:
        """The scopes in which *setpoint* is wanted."""
        orders = (*self._under_way.items(), *self._in_force.items())
        return [scope for scope, order in orders if order.setpoints.get(setpoint.point) == setpoint]

    def advance(self, now: Now) -> list[Effect]:
        """Has every order go on to its next stage if it can."""
        return [effect for in_progress in self._under_way.values() for effect in in_progress.advance(now)]

    def judged(self, verdict_on: Callable[[Order[Goal], float], Verdict]) -> list[tuple[Order[Goal], Verdict]]:
        """The orders that are decided, as *verdict_on* tells of readings since the device confirmed them."""
        judged = [
            (in_progress.order, verdict_on(in_progress.order, in_progress.confirmed_at))
            for in_progress in self._under_way.values()
            if in_progress.is_confirmed and in_progress.is_in_last_stage
        ]
        return [(order, verdict) for order, verdict in judged if verdict.outcome is not Outcome.PENDING]

    def succeed(self, order: Order[Goal], now: Now, *, stays_in_force: bool = True) -> list[Effect]:
        """The device does what *order* asked for; what *stays_in_force* can still be aborted."""
        self.last_delay_s = now.mono - self._under_way[order.scope].started.mono
        self.settle(order.scope)
        return self._instructions.succeed(order.scope, now, stays_in_force=stays_in_force)

    def settle(self, scope: str) -> None:
        """The device follows what is under way in *scope*: that is in force from now on."""
        self._in_force[scope] = self._under_way.pop(scope)

    def overdue(self, now: Now) -> list[OrderInProgress[Goal]]:
        """Those to give up."""
        return [in_progress for in_progress in self._under_way.values() if now.mono >= in_progress.gives_up_at]

    def shortfall(self, in_progress: OrderInProgress[Goal], real: str, wished: str) -> str:
        """Why *in_progress* is given up, in a sentence."""
        within = f"{in_progress.within_s:g} s"
        if not in_progress.is_confirmed:
            return f"the device did not confirm the setpoint within {within}"
        return f"the device did not follow within {within}: it does {real} instead of {wished}"

    def fail(
        self, scope: str, reason: str, now: Now, *, is_safe: bool = False, occasion: Occasion = Occasion.ABORTED
    ) -> list[Effect]:
        """Aborts what has started in *scope* and, unless *is_safe*, brings that to rest."""
        self.drop(scope)
        aborted = self._instructions.abort(scope, reason, now)
        return aborted if is_safe else [*aborted, *self._rest_scope(scope, occasion, f"aborted: {reason}", now)]

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        """Aborts all that is under way; *is_safe* when the device is already being brought to safety.

        What is in force is overruled by that, and aborted as well.
        """
        scopes = [*self._under_way, *(self._in_force if is_safe else ())]
        return [effect for scope in scopes for effect in self.fail(scope, reason, now, is_safe=is_safe)]

    def revoke(self, object_id: str, now: Now) -> list[Effect]:
        """Takes back the instruction with the id, or message id, *object_id*; one that runs leaves the device at rest.

        Raises: InvalidContent: no such instruction waits or runs.
        """
        effects, scope = self._instructions.revoke(object_id, now)
        if scope is None:
            return effects
        self.drop(scope)
        return [*effects, *self._rest_scope(scope, Occasion.ENDED, f"revoked {object_id}", now)]

    def abort_all(self, reason: str, now: Now) -> list[Effect]:
        """Ends every instruction; the caller brings the device to rest."""
        self._under_way.clear()
        self._in_force.clear()
        return self._instructions.abort_all(reason, now)

    def drop(self, scope: str) -> None:
        """Forgets what is under way, or in force, in *scope*."""
        self._under_way.pop(scope, None)
        self._in_force.pop(scope, None)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Effect]:
        """Brings the device as a whole to rest."""
        return [Apply(setpoint) for setpoint in self._resource.rest(occasion, reason, now)]

    def _rest_scope(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Effect]:
        return [Apply(setpoint) for setpoint in self._rest_of(scope, occasion, reason, now)]

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) one goes on by itself, or becomes overdue."""
        return [in_progress.next_at() for in_progress in self._under_way.values()]

    def initiated(self, scope: str, is_ordered: Callable[[Goal], bool], now: Now) -> datetime:
        """When what is seen in *scope* began: with the order, if it is what was ordered, else now."""
        in_progress = self.of(scope)
        return in_progress.started.utc if in_progress and is_ordered(in_progress.order.goal) else now.utc

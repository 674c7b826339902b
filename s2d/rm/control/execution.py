"""Instructions on their way into the device: commanded, confirmed, seen to be followed, or given up.

The same for every control type. Knows no mode and no limit: what an order asks for is its control type's business.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, Protocol

from ...s2.effects import Apply, Effect
from ...values import Now, Setpoint
from ..instructions import Instructions, Order, Wish


class PursuingResource(Protocol):
    """A resource that can be ordered about."""

    @property
    def follow_within_s(self) -> float:
        """An order not followed after this long has failed."""
        ...

    def default(self, reason: str) -> list[Setpoint]:
        """What to write so that the device is in its safe default state."""
        ...


class Pursuit(Generic[Wish]):
    """One order, until it is followed."""

    def __init__(self, order: Order[Wish], setpoints: Iterable[Setpoint], now: Now, within_s: float) -> None:
        self.order = order
        self.unconfirmed = set(setpoints)
        self.started = now
        self.confirmed_at = now.mono
        self.gives_up_at = now.mono + within_s


class Pursuits(Generic[Wish]):
    """All orders of one control type that have started and not come to an end; at most one per scope."""

    def __init__(
        self,
        resource: PursuingResource,
        instructions: Instructions[Wish],
        default_of: Callable[[str, str], list[Setpoint]] | None = None,
    ) -> None:
        """*default_of* gives the Setpoints for one scope and a reason; without it one default state is for all."""
        self._resource = resource
        self._instructions = instructions
        self._default_of = default_of or (lambda _scope, reason: resource.default(reason))
        self._under_way: dict[str, Pursuit[Wish]] = {}
        self.last_delay_s: float | None = None
        """How long the last instruction took from start to success."""

    def of(self, scope: str) -> Pursuit[Wish] | None:
        """What is under way in *scope*."""
        return self._under_way.get(scope)

    def begin(self, order: Order[Wish], setpoints: list[Setpoint], now: Now) -> list[Effect]:
        """Commands the device."""
        self._under_way[order.scope] = Pursuit(order, setpoints, now, self._resource.follow_within_s)
        return [Apply(setpoint) for setpoint in setpoints]

    def confirm(self, setpoint: Setpoint, now: Now) -> None:
        """The device confirmed *setpoint*."""
        for pursuit in self._under_way.values():
            if setpoint in pursuit.unconfirmed:
                pursuit.unconfirmed.remove(setpoint)
                pursuit.confirmed_at = now.mono

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        """*setpoint* did not get into the device: the instruction behind it is aborted."""
        return [effect for scope in self.blamed(setpoint) for effect in self.fail(scope, reason, now)]

    def blamed(self, setpoint: Setpoint) -> list[str]:
        """The scopes in which *setpoint* is wanted and not confirmed."""
        return [scope for scope, pursuit in self._under_way.items() if setpoint in pursuit.unconfirmed]

    def followed(self, follows: Callable[[Order[Wish], float], bool]) -> list[Order[Wish]]:
        """The orders that the device confirmed and, as *follows* tells of readings since then, does."""
        return [
            pursuit.order
            for pursuit in self._under_way.values()
            if not pursuit.unconfirmed and follows(pursuit.order, pursuit.confirmed_at)
        ]

    def succeed(self, order: Order[Wish], now: Now, *, stays_in_force: bool = False) -> list[Effect]:
        """The device does what *order* asked for; what *stays_in_force* can still be revoked or aborted."""
        self.last_delay_s = now.mono - self._under_way.pop(order.scope).started.mono
        return self._instructions.succeed(order.scope, now, stays_in_force=stays_in_force)

    def overdue(self, now: Now) -> list[Pursuit[Wish]]:
        """Those to give up."""
        return [pursuit for pursuit in self._under_way.values() if now.mono >= pursuit.gives_up_at]

    def shortfall(self, pursuit: Pursuit[Wish], real: str, wished: str) -> str:
        """Why *pursuit* is given up, in a sentence."""
        within = f"{self._resource.follow_within_s:g} s"
        if pursuit.unconfirmed:
            return f"the device did not confirm the setpoint within {within}"
        return f"the device did not follow within {within}: it does {real} instead of {wished}"

    def fail(self, scope: str, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        """Aborts what has started in *scope* and, unless *is_safe*, brings that to its default state."""
        self.drop(scope)
        aborted = self._instructions.abort(scope, reason, now)
        return aborted if is_safe else [*aborted, *self._scope_to_default(scope, f"aborted: {reason}")]

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        """Aborts all that has started; *is_safe* when the device is already being brought to safety."""
        return [effect for scope in list(self._under_way) for effect in self.fail(scope, reason, now, is_safe=is_safe)]

    def revoke(self, object_id: str, now: Now) -> list[Effect]:
        """Takes back the instruction with the id, or message id, *object_id*; one that runs leaves the default state.

        Raises: InvalidContent: no such instruction waits or runs.
        """
        effects, scope = self._instructions.revoke(object_id, now)
        if scope is None:
            return effects
        self.drop(scope)
        return [*effects, *self._scope_to_default(scope, f"revoked {object_id}")]

    def abandon(self, reason: str, now: Now) -> list[Effect]:
        """Ends every instruction; the caller brings the device to its default state."""
        self._under_way.clear()
        return self._instructions.abandon(reason, now)

    def drop(self, scope: str) -> None:
        """Forgets what is under way in *scope*."""
        self._under_way.pop(scope, None)

    def to_default(self, reason: str) -> list[Effect]:
        """Brings the device as a whole to its default state."""
        return [Apply(setpoint) for setpoint in self._resource.default(reason)]

    def _scope_to_default(self, scope: str, reason: str) -> list[Effect]:
        return [Apply(setpoint) for setpoint in self._default_of(scope, reason)]

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) one becomes overdue."""
        return [pursuit.gives_up_at for pursuit in self._under_way.values()]

    def initiated(self, scope: str, is_ordered: Callable[[Wish], bool], now: Now) -> datetime:
        """When what is seen in *scope* began: with the order, if it is what was ordered, else now."""
        pursuit = self.of(scope)
        return pursuit.started.utc if pursuit and is_ordered(pursuit.order.wish) else now.utc

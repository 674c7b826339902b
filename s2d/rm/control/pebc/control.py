"""Power Envelope Based Control: the resource lives its own life, between limits that the CEM sets for a while.

PEBC has no status message. So an instruction that has SUCCEEDED stays in force until its envelopes have lapsed: it can
still be revoked, and if the resource leaves it, an ABORTED says so.

Spec: EN 50491-12-2, PEBC; S2 JSON `PEBC.*`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from ....s2.effects import Effect, Send
from ....s2.messages.common import CommodityQuantity, Message, RevokableObjects, RevokeObject
from ....s2.messages.pebc import EnergyConstraint, Instruction, PowerConstraints
from ....values import Now, Setpoint
from ...instructions import Instructions, Order
from ...occasion import Occasion
from ..context import ControlContext
from ..execution import PENDING, OrdersInProgress, Outcome, RestingResource, Stage, Verdict
from .constraints import AllowedLimits, Constraints, EnergyNeed, Published
from .envelopes import Envelopes, Limits, PresentLimits, Running

__all__ = ["Constraints", "EnergyNeed", "Limits", "PowerEnvelopeControl", "PowerEnvelopeResource", "PresentLimits"]

_SCOPE = "resource"
"""An envelope is for the resource as a whole."""


class PowerEnvelopeResource(RestingResource, Protocol):
    """A resource whose power can be limited; at rest it is without limits, unless its owner wants some."""

    def constraints(self) -> Constraints:
        """Where limits may be put now."""
        ...

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        """What energy must flow however limits are set; empty if nothing is known of that."""
        ...

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        """Why the resource may not be limited so now (offline, fault, comfort), or None."""
        ...

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        """What to write, stage by stage, so that power stays within the limits *wanted*."""
        ...

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        """Whether readings no older than *since* (monotonic seconds) show power within *limits*, tolerance included.

        FOLLOWED, if the device tells no power: then what it confirmed is all there is to know.
        """
        ...


class PowerEnvelopeControl:
    """PEBC while it is the active control type."""

    def __init__(self, resource: PowerEnvelopeResource, context: ControlContext) -> None:
        self._resource = resource
        self._new_id = context.new_id
        self._instructions: Instructions[Envelopes] = Instructions(context.new_id, context.terms)
        self._orders = OrdersInProgress(resource, self._instructions, context.take_charge)
        self._published: Published | None = None
        self._needs: dict[EnergyNeed, str] = {}
        self._latest: Running | None = None

    rests_uninstructed = True
    ends_by_itself = False

    @property
    def last_delay_s(self) -> float | None:
        return self._orders.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Tells the constraints."""
        return self._publish(now)

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        return self._orders.abort_all(reason, now)

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        match message:
            case Instruction():
                return self._accept(message, now)
            case RevokeObject():
                return self._orders.revoke(message.object_id, now)
        return []

    def report(self, now: Now) -> list[Effect]:
        """Tells constraints that have changed, and whether the limits are kept."""
        effects = [*self._publish(now), *self._orders.advance(now)]
        for order, verdict in self._orders.judged(lambda _, since: self._verdict(since, now)):
            # With later elements the instruction has succeeded already, unless the first was too short to see.
            if verdict.outcome is Outcome.FAILED:
                effects += self._orders.fail(_SCOPE, verdict.reason, now)
            elif self._instructions.has_succeeded(_SCOPE):
                self._orders.settle(_SCOPE)
            else:
                effects += self._orders.succeed(order, now)
        return effects

    def due(self, now: Now) -> list[Effect]:
        """Starts envelopes, goes from element to element, gives up on limits that are not kept."""
        effects = [*self._publish(now), *self._start_due(now), *self._orders.advance(now)]
        running = self._running
        if running and running.changes_at is not None and running.changes_at <= now.mono:
            effects += self._enter(running, now)
        for in_progress in self._orders.overdue(now):
            wished = " and ".join(self._wording(in_progress.order))
            effects += self._orders.fail(_SCOPE, self._orders.shortfall(in_progress, "other", wished), now)
        return effects

    def confirm(self, setpoint: Setpoint, now: Now) -> list[Effect]:
        return self._orders.confirm(setpoint, now)

    def overrule(self, setpoints: Iterable[Setpoint]) -> None:
        self._orders.overrule(setpoints)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        return self._orders.refuse(setpoint, reason, now)

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        return self._orders.fail(_SCOPE, reason, now, is_safe=is_safe) if self._running else []

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        running, deadlines = self._running, self._orders.deadlines()
        return deadlines if running is None or running.changes_at is None else [*deadlines, running.changes_at]

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start, or to end as the constraints do."""
        times = self._instructions.next_execution_times()
        until = self._published.constraints.valid_until if self._published and self._running else None
        return times if until is None else [*times, until]

    @property
    def _running(self) -> Running | None:
        """What was started last, unless it has come to an end."""
        latest = self._latest
        return latest if latest and self._instructions.started.get(_SCOPE) is latest.order else None

    def _verdict(self, since: float, now: Now) -> Verdict:
        running = self._running
        return self._resource.verdict_on(running.limits, since, now) if running else PENDING

    def _publish(self, now: Now) -> list[Effect]:
        """Tells what has changed of the constraints; limits in force must still be within them."""
        effects = self._publish_constraints(now)
        needs = self._resource.energy_needs()
        for gone in [need for need in self._needs if need not in needs]:
            need_id = self._needs.pop(gone)
            if gone.valid_until > now.utc:
                effects.append(self._revocation(RevokableObjects.PEBC_ENERGY_CONSTRAINT, need_id))
        effects += [self._announced(need) for need in needs if need not in self._needs and need.valid_until > now.utc]
        running = self._running
        if running and (objection := self._objection_to_keeping(running, now.utc)):
            effects += self._orders.fail(_SCOPE, objection, now)
        return effects

    def _publish_constraints(self, now: Now) -> list[Effect]:
        constraints = self._resource.constraints()
        former = self._published
        if former and former.constraints == constraints:
            return []
        effects: list[Effect] = []
        if former and former.is_in_force(now.utc):
            effects.append(self._revocation(RevokableObjects.PEBC_POWER_CONSTRAINTS, former.id))
        begins_at, ends_at = constraints.valid_from or now.utc, constraints.valid_until
        if ends_at is not None and ends_at <= begins_at:
            self._published = None
            return effects
        self._published = Published(self._new_id(), constraints, AllowedLimits(constraints.allowed_limit_ranges))
        message = PowerConstraints(
            message_id=self._new_id(),
            id=self._published.id,
            valid_from=begins_at,
            valid_until=ends_at,
            consequence_type=constraints.consequence_type,
            allowed_limit_ranges=constraints.allowed_limit_ranges,
        )
        return [*effects, Send(message)]

    def _announced(self, need: EnergyNeed) -> Effect:
        self._needs[need] = self._new_id()
        message = EnergyConstraint(
            message_id=self._new_id(),
            id=self._needs[need],
            valid_from=need.valid_from,
            valid_until=need.valid_until,
            upper_average_power=need.upper_average_power_w,
            lower_average_power=need.lower_average_power_w,
            commodity_quantity=need.commodity_quantity,
        )
        return Send(message)

    def _revocation(self, object_type: RevokableObjects, object_id: str) -> Effect:
        return Send(RevokeObject(message_id=self._new_id(), object_type=object_type, object_id=object_id))

    def _accept(self, instruction: Instruction, now: Now) -> list[Effect]:
        if not self._published or instruction.power_constraints_id != self._published.id:
            return self._instructions.reject(instruction, "the constraints it is based on have been replaced", now)
        # What comes late begins when it comes, whole: S2 has it executed as soon as possible, and the clocks of both
        # sides need not agree. What has waited is a timetable: if it starts late, what should be over is skipped.
        is_immediate = instruction.execution_time <= now.utc
        begins_at = now.utc if is_immediate else instruction.execution_time
        goal = Envelopes(instruction.power_envelopes, begins_at, instruction.abnormal_condition)
        first, limits = goal.first_limits(), goal.every_limits()
        objection = self._objection(limits, goal.is_abnormal, begins_at)
        if objection is None and is_immediate:
            objection = self._resource.obstacle_to(PresentLimits(first, now.mono + goal.lasts_s, goal.is_abnormal), now)
        if objection:
            return self._instructions.reject(instruction, objection, now)
        accepted = self._instructions.accept(instruction, scope=_SCOPE, goal=goal, now=now, elements=len(limits))
        return [*accepted, *self._start_due(now, first)] if is_immediate else accepted

    def _start_due(self, now: Now, possible: Mapping[CommodityQuantity, Limits] | None = None) -> list[Effect]:
        """Starts what is due; that the limits *possible* can be set was found at this very instant."""
        effects, orders = self._instructions.due(now)
        for order in orders:
            self._latest = Running(order, now)
            effects += self._enter(self._latest, now, possible)
        return effects

    def _objection_to_keeping(self, running: Running, at: datetime) -> str | None:
        """Why what runs may not go on. Ranges that have become narrower do not end it."""
        published, is_abnormal = self._published, running.order.goal.is_abnormal
        if published is None or not published.is_in_force(at):
            return self._objection((), is_abnormal, at)
        for quantity, limits in running.limits.items():
            if objection := published.allowed.objection_to_keeping(quantity, limits, is_abnormal=is_abnormal):
                return objection
        return None

    def _objection(
        self, limits: Iterable[tuple[CommodityQuantity, Limits]], is_abnormal: bool, at: datetime
    ) -> str | None:
        """Why the constraints do not allow all of *limits* at that time."""
        published = self._published
        if published is None:
            return "no constraints are valid any more"
        valid_from = published.constraints.valid_from
        if valid_from and at < valid_from:
            return "the constraints are not valid yet at that time"
        if not published.is_in_force(at):
            return "the constraints are not valid any more at that time"
        for quantity, each in limits:
            if objection := published.allowed.objection_to(quantity, each, is_abnormal=is_abnormal):
                return objection
        return None

    def _enter(
        self, running: Running, now: Now, possible: Mapping[CommodityQuantity, Limits] | None = None
    ) -> list[Effect]:
        """Sets the limits of the present elements, or ends what has none any more."""
        order, former = running.order, running.limits
        limits = running.enter(now)
        if limits and limits == former:  # a timetable may say the same for hours, and memory of devices wears out
            return []
        if not limits:
            ended = self._instructions.end(_SCOPE, "it lapsed before it was followed", now)
            self._orders.drop(_SCOPE)
            return [*ended, *self._orders.rest(Occasion.ENDED, f"lapsed: instruction {order.id}", now)]
        if limits != possible:
            objection = self._objection(limits.items(), order.goal.is_abnormal, now.utc)
            if why_not := objection or self._resource.obstacle_to(running.present, now):
                return self._orders.fail(_SCOPE, why_not, now)
        return self._orders.begin(order, self._resource.limit(running.present, f"instruction {order.id}", now), now)

    def _wording(self, order: Order[Envelopes]) -> Iterable[str]:
        running = self._running
        for quantity, (lower, upper) in (running.limits if running else {}).items():
            yield f"{quantity} within {lower:g} to {upper:g}"

    @property
    def instructions(self) -> Instructions[Envelopes]:
        return self._instructions

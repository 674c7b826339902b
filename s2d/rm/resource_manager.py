"""Resource manager (RM) of one controllable resource, as S2 sees it: events in, effects out.

It outlives sessions. It knows the resource, which control types it can offer, whether anybody is in charge, and what
the hardware shall do when nobody is. No I/O and no clock: time is an argument.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple

from ..errors import InvalidContent
from ..events import Applied, Identified, Lost, Measured, Refused, Shadowed, Undone
from ..s2.effects import (
    Apply,
    Close,
    Connected,
    Disconnected,
    Effect,
    Event,
    Level,
    Note,
    Pinged,
    Ponged,
    Received,
    ReconnectPolicy,
    ReconnectTerms,
    Remember,
    Send,
    Started,
    Stopping,
    Tick,
    WishDropped,
    Wished,
)
from ..s2.legality import Phase
from ..s2.messages.common import (
    CommodityQuantity,
    ControlType,
    Handshake,
    HandshakeResponse,
    Message,
    ResourceManagerDetails,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from ..s2.messages.instruction import Instruction
from ..s2.session import Session
from ..values import Now, Setpoint, Value
from .clock_doubt import ClockDoubt
from .control import Control
from .control.context import ControlContext
from .control.not_controllable import NotControllable
from .control.operation_modes.timers import TimersAndModes
from .control.power_forecast import Outlook
from .control.ppbc.task import TaskProgress
from .instructions import Instructions, Terms
from .kinds import Resource
from .kinds.owners_wish import OwnersWish
from .memory import Memory, encoded, memory_of, recall
from .occasion import Occasion
from .order_guard import OrderGuard
from .policy import Identity, Policy

__all__ = ["Identity", "Policy", "ResourceManager"]

SELECT_WITHIN_S = 30.0
"""A CEM that was told another offer has so long to select from it."""
REMEMBER_EVERY_S = 600.0
"""What must survive a restart and is no timer is kept no more often."""
SAID_EVERY_S = 20.0
"""While an order is in force something is said at least so often, that it is known whether the CEM is there."""
OVERSLEPT_S = 1.0
"""Who looks so much later than he wanted to has not been looking, and what has come meanwhile may be unread."""
RETURN_WITHIN_S = 15.0
"""While an order is in force the CEM is called at least so often, or four times before it is given up."""
RECONNECT_EVERY_S = 600.0
"""A CEM that selects only at first is asked to reconnect no more often."""


_NEVER = Now(inf, datetime.max.replace(tzinfo=UTC))
_OF_THE_PEER = (Received, Pinged, Ponged)
"""Events that tell whether the CEM is there."""


class _PendingRest(NamedTuple):
    """A rest that is to come, unless something is ordered before: until then the device is left as it is."""

    at: float
    occasion: Occasion
    reason: str
    left: ControlType | None = None
    """Of CEM_LOST: what was active when the session ended..."""
    is_renewed: bool = False
    """...and whether a CEM has come back and selected that since: the next does not put it off any more."""


class ResourceManager:
    """The resource manager (RM) of one resource."""

    def __init__(
        self,
        identity: Identity,
        resource: Resource,
        policy: Policy,
        new_id: Callable[[], str],
        memory: Memory | None = None,
    ) -> None:
        """*memory*: what was remembered before the last restart; it is taken up by the first event."""
        self._configured_identity = identity
        self._identity = identity
        self._resource = resource
        self._policy = policy
        self._new_id = new_id
        self._memory = memory
        self._session: Session | None = None
        self._control: Control | None = None
        self._measurement: NotControllable | None = None
        self._outlook: Outlook | None = None
        self._offered: tuple[ControlType, ...] = ()
        self._announced: tuple[CommodityQuantity, ...] = ()
        """The quantities that the CEM was told are measured."""
        self._select_by: float | None = None
        """When the CEM should have selected from an offer that has changed."""
        self._may_reconnect_at = -inf
        self._pending_rest: _PendingRest | None = None
        self._is_answering: bool | None = None
        """Whether the device answers; None before it was first heard of."""
        self._is_safe_again = False
        """What brings it to rest got into the device since it was lost."""
        self._delay_s = policy.processing_delay_s
        self._order_guard = OrderGuard()
        self._clock_doubt = ClockDoubt()
        self._is_time_doubted = False
        """Our clock is known not to be synchronised, and is another than the CEM's."""
        self._timers = TimersAndModes()
        self._progress = TaskProgress()
        self._remembered = 0
        """How many changes of what must survive a restart were told to be kept..."""
        self._remembered_urgent = 0
        """...and how many of those that cannot wait."""
        self._remember_at = -inf
        """When others may be kept again."""
        self._version = ""
        self._heard_handshake = False
        self._is_failure_told = False
        """That sessions end before they get anywhere was told; it is told again once one has."""
        self._told_troubles: tuple[str, ...] = ()
        self._next_due: Now | None = None
        """As `_next` says; None since something has happened."""

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """What *event*, and the time that has passed, lead to; effects are in the order to be carried out."""
        if self._memory:
            recall(self._memory, self._timers, self._progress, self._resource.kept, now)
            self._memory = None
        # What is here was in time, however late it is looked at.
        if self._session and isinstance(event, _OF_THE_PEER):
            self._session.life.take(event, now.mono)
        next_due, self._next_due = self._next(), None
        is_due = next_due.mono <= now.mono or next_due.utc <= now.utc
        effects = [*self._due(next_due, now), *self._on(event, now)] if is_due else self._on(event, now)
        self._order_guard.observe(effects)
        if self._resource.troubles != self._told_troubles:
            effects += self._tell_troubles()
        if self._changes != self._remembered:
            is_urgent = self._urgent_changes != self._remembered_urgent
            if is_urgent or now.mono >= self._remember_at or isinstance(event, Stopping):
                effects.append(self._remember(now, is_urgent=is_urgent))
        return effects

    def _tell_troubles(self) -> list[Effect]:
        """Tells its owner what there is to see to, and what no more."""
        before, self._told_troubles = self._told_troubles, self._resource.troubles
        begun = [each for each in self._told_troubles if each not in before]
        over = [each for each in before if each not in self._told_troubles]
        return [
            *(Note(Level.ERROR, "resource.troubled", {"what": each}) for each in begun),
            *(Note(Level.INFO, "resource.relieved", {"what": each}) for each in over),
        ]

    def wake_after(self, now: Now) -> float | None:
        """Seconds after which a Tick is due if nothing else happens; None for never."""
        next_due = self._next()
        wait_s = min(next_due.mono - now.mono, (next_due.utc - now.utc).total_seconds())
        return None if next_due == _NEVER else max(0.0, wait_s)

    def _next(self) -> Now:
        """When something is due next, on each clock; worked out once between two events."""
        if self._next_due is None:
            times = [*self._control.execution_times()] if self._control else []
            self._next_due = Now(min(self._deadlines(), default=inf), min(times, default=_NEVER.utc))
        return self._next_due

    def _on(self, event: Event, now: Now) -> list[Effect]:
        match event:
            case Received() if self._session:
                effects = self._session.receive(event.frame, self._obey, now)
                if self._session.is_closing:
                    self._start_fallback_timer(now.mono)
                return effects
            case Measured():
                self._resource.observe(event.readings, now)
                if event.is_lent and not self._is_answering:
                    self._resource.lose()
                returned = [] if event.is_lent else self._rest_after_loss(now)
                return [*returned, *self._guard(now), *self._report(now)]
            case Applied(setpoint, keeps):
                self._resource.confirm(setpoint, keeps)
                self._is_safe_again |= setpoint.is_safe
                self._order_guard.drop(setpoint)
                next_stages = self._control.confirm(setpoint, now) if self._control else []
                kept = {} if keeps is None else {"keeps": keeps}
                applied = Note(Level.INFO, "setpoint.applied", {**_facts_of(setpoint), **kept})
                return [applied, *self._through_session(next_stages, now)]
            case Refused():
                return self._on_refusal(event, now)
            case Shadowed(setpoint):
                note = Note(Level.INFO, "setpoint.shadowed", _facts_of(setpoint))
                return [note, *self._abort_order(setpoint, "nothing is written while the device is shadowed", now)]
            case Lost(reason):
                self._resource.lose()
                self._is_answering, self._is_safe_again = False, False
                if self._pending_rest and self._pending_rest.occasion is Occasion.RETURNED:
                    self._pending_rest = None
                if self._control is None or self._resource.waits_for_device:
                    return []
                return self._through_session(self._control.fail_all(f"the device is lost: {reason}", now), now)
            case Undone():
                return self._restore(event, now)
            case Identified():
                return self._recognise(event, now)
            case Connected():
                self._session, self._heard_handshake = Session(self._new_id, now), False
                return [*self._session.open(now), *self._compare_clocks(event, now)]
            case Disconnected(reason):
                return self._forget_session(reason, now)
            case Started():
                return self._rest(Occasion.STARTED, "start", now)
            case Stopping():
                return self._stop(now)
            case Wished() | WishDropped():
                return self._heed(event, now)
            case Received() | Pinged() | Ponged() | Tick():
                return []

    def _heed(self, said: Wished | WishDropped, now: Now) -> list[Effect]:
        """The owner wants something now, or does not any more."""
        wish = self._resource.wish
        if wish is None:
            return [Note(Level.WARNING, "wish.refused", {"why": "it has nothing that can be wanted now"})]
        if isinstance(said, WishDropped):
            wish.drop()
            note = Note(Level.INFO, "wish.dropped")
        elif why_not := wish.why_not():
            return [Note(Level.WARNING, "wish.refused", {"why": why_not})]
        else:
            wish.say(said.for_s, now)
            note = Note(Level.INFO, "wish.heard", {"for_s": said.for_s})
        self._resource.advance(now)
        return [note, *self._guard(now), *self._report(now)]

    def _due(self, since: Now, now: Now) -> list[Effect]:
        if self._session and now.mono > since.mono + OVERSLEPT_S:
            self._session.life.wait_anew(now.mono)
        effects = self._guard(now) if self._resource.advance(now) else []
        if now.mono >= self._lost_at:
            effects += self._give_up(now)
        if self._pending_rest and now.mono >= self._pending_rest.at and not self._is_order_waiting:
            effects += self._end_hold(self._pending_rest, now)
        for setpoint, reason in self._order_guard.overdue(now.mono):
            effects += self._end_order(setpoint, reason, now)
        if self._select_by is not None and now.mono >= self._select_by:
            effects += self._give_up_selection(now)
        if self._session:
            effects += self._session.due(now)
        if self._control and _is_due(self._control, now):
            effects += self._through_session(self._control.due(now), now)
        if self._measurement and self._measurement.is_stale(now):
            effects += self._report(now)
        if now.mono >= self._repeat_at:
            effects += self._say_power_again(now)
        return effects

    def _on_refusal(self, refused: Refused, now: Now) -> list[Effect]:
        setpoint, reason, will_retry = refused.setpoint, refused.reason, refused.will_retry
        # What is doubted and tried again has until the guard gives it up.
        is_left = will_retry and self._order_guard.doubts(setpoint)
        aborted = [] if is_left else self._abort_order(setpoint, reason, now)
        # What nobody will try again leaves the hardware in a state that nobody wants.
        level = Level.WARNING if aborted or will_retry else Level.ERROR
        facts = {**_facts_of(setpoint), "why": reason, "will_retry": will_retry}
        return [Note(level, "setpoint.refused", facts), *aborted]

    def _restore(self, undone: Undone, now: Now) -> list[Effect]:
        """The device does not do any more what it confirmed: it is told again, or what was ordered ends."""
        setpoint = undone.setpoint
        if setpoint.is_safe or self._resource.is_at_rest:  # least of all is a protection insisted on
            return []
        facts = {**_facts_of(setpoint), "why": undone.reason, "by": undone.by}
        note = Note(Level.WARNING, "setpoint.undone", facts)
        if objection := self._order_guard.objection_to(undone, now.mono):
            return [note, *self._end_order(setpoint, objection, now)]
        return [note, *self._order_guard.restore(undone, self._resource.follow_within_s, now.mono)]

    def _abort_order(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        """Aborts what was ordered by *setpoint*, which did not get into the device; or not again."""
        if self._order_guard.doubts(setpoint):
            return self._end_order(setpoint, reason, now)
        return self._through_session(self._control.refuse(setpoint, reason, now), now) if self._control else []

    def _end_order(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        """Aborts what was ordered by *setpoint*; whoever ordered it may have gone by now, and it rests all the same."""
        self._order_guard.drop(setpoint)
        aborted = self._through_session(self._control.refuse(setpoint, reason, now), now) if self._control else []
        is_resting = any(isinstance(effect, Apply) for effect in aborted)
        return aborted if is_resting else [*aborted, *self._rest(Occasion.ABORTED, f"aborted: {reason}", now)]

    def _end_hold(self, pending: _PendingRest, now: Now) -> list[Effect]:
        """The device was left as it was for long enough."""
        if self._is_needless(pending):
            self._pending_rest = None
            return []
        is_free = self._control is not None and self._control.rests_uninstructed
        occasion = Occasion.UNINSTRUCTED if is_free else pending.occasion
        effects = [*self._rest_now(occasion, pending.reason, now), *self._report(now)]
        if pending.occasion is not Occasion.CEM_LOST:
            return effects
        applied = Note(Level.WARNING, "fallback.applied", {"after_s": self._policy.fallback_after_s})
        return [applied, *effects, ReconnectTerms(is_anew=False, within_s=None)]

    def _is_needless(self, pending: _PendingRest) -> bool:
        """Whether a CEM is there, and nothing is in force that somebody would have to end."""
        if self._control is None:
            return False
        return self._control.ends_by_itself or (pending.occasion is Occasion.CEM_LOST and self._resource.is_at_rest)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What the owner of the resource has to see to, in words."""
        return self._resource.troubles

    @property
    def _is_order_waiting(self) -> bool:
        """Whether a CEM has said already what comes next."""
        return self._control is not None and self._control.instructions.is_any_held

    def _deadlines(self) -> list[float]:
        deadlines = [*self._resource.deadlines(), self._order_guard.next_at]
        if self._pending_rest and not self._is_order_waiting:
            deadlines.append(self._pending_rest.at)
        if self._select_by is not None:
            deadlines.append(self._select_by)
        if self._session:
            deadlines += [*self._session.deadlines(), self._lost_at, self._repeat_at]
        if self._control:
            deadlines += self._control.deadlines()
        if self._measurement:
            deadlines.append(self._measurement.due_at)
        if self._changes != self._remembered:
            deadlines.append(self._remember_at)
        return deadlines

    def _obey(self, message: Message, now: Now) -> list[Effect]:
        """Carries out a message the session allows; raises InvalidContent, having changed nothing, to refuse it."""
        if self._control and isinstance(message, Instruction):
            doubts, order = self._clock_doubt.weigh(message, now)
            return [*doubts, *self._through_session(self._control.obey(order, now), now)]
        match message:
            case HandshakeResponse():
                self._version = message.selected_protocol_version.removeprefix("v")
                self._outlook = self._new_outlook()
                return [*self._introduce(now), *self._report(now)]
            case Handshake():
                self._heard_handshake = True
                return []
            case SelectControlType():
                return self._select(message.control_type, now)
            case SessionRequest():
                return self._end(message, now)
        if self._control:
            return self._through_session(self._control.obey(message, now), now)
        raise InvalidContent("REV-001", "/object_id", "nothing can be revoked while no control type is active")

    def _compare_clocks(self, connected: Connected, now: Now) -> list[Effect]:
        """Says that our clock and the CEM's differ; where ours is the one not to be trusted, what was ordered ends."""
        self._clock_doubt.hear(connected.cem_time, now)
        notes = self._clock_doubt.news(now)
        is_ours_wrong = bool(self._clock_doubt.ahead_s(now)) and connected.is_clock_synchronised is False
        self._is_time_doubted = is_ours_wrong
        self._resource.is_time_known = not is_ours_wrong
        is_at_rest = self._resource.is_at_rest and not self._pending_rest
        # How far a sequence has got is counted by the clock that never steps.
        if not is_ours_wrong or is_at_rest or self._progress.ends_by_itself:
            return [*notes]
        return [*notes, *self._rest(Occasion.CLOCK, "the clock is not synchronised", now)]

    def _introduce(self, now: Now) -> list[Effect]:
        assert self._session is not None
        self._offered, self._announced = self._offerable(), self._resource.quantities
        details = ResourceManagerDetails(
            message_id=self._new_id(),
            resource_id=self._identity.resource_id,
            name=self._identity.name,
            roles=self._resource.roles,
            manufacturer=self._identity.manufacturer,
            model=self._identity.model,
            serial_number=self._identity.serial_number,
            firmware_version=self._identity.firmware_version,
            instruction_processing_delay=round(self._delay_s * 1000),
            available_control_types=self._offered,
            provides_forecast=self._resource.foreseen_power is not None,
            provides_power_measurement_types=self._announced,
        )
        return self._session.say(details, now)

    def _offerable(self) -> tuple[ControlType, ...]:
        """What can be selected: while the device is unknown, nothing but to be measured."""
        possible = self._resource.control_types()
        allowed = self._policy.control_types
        offered = possible if allowed is None else tuple(each for each in possible if each in allowed)
        return offered or (ControlType.NOT_CONTROLABLE,)

    def _guard(self, now: Now) -> list[Effect]:
        """Overrules what would do harm by now, and changes the offer if that has changed."""
        if self._is_time_doubted and not self._clock_doubt.ahead_s(now):  # it was set since
            self._is_time_doubted, self._resource.is_time_known = False, True
        return [*self._protect(now), *self._update_offer(now)]

    def _update_offer(self, now: Now) -> list[Effect]:
        """Introduces the resource again when something else can be offered, or is measured, than the CEM was told.

        What is active and can be offered no longer is ended. A CEM that does not select from the new offer is asked to
        come anew, as some select only at first.
        """
        if self._offerable() == self._offered:
            return self._introduce_again(now) if self._resource.quantities != self._announced else []
        effects = self._introduce_again(now)
        if effects and self._session:
            if self._control and self._session.control_type not in self._offered:
                effects += self._withdraw(self._session, self._control, now)
            is_open = self._session.control_type not in self._offered
            self._select_by = max(now.mono + SELECT_WITHIN_S, self._may_reconnect_at) if is_open else None
        return effects

    def _withdraw(self, session: Session, control: Control, now: Now) -> list[Effect]:
        """Ends the control type that is active, as it can be offered no longer."""
        reason = f"{session.control_type} can be offered no longer"
        ended = self._through_session(control.deactivate(reason, now), now)
        facts: dict[str, Value | None] = {"control_type": session.control_type}
        self._control = None
        session.select(ControlType.NO_SELECTION)
        note = Note(Level.WARNING, "control_type.withdrawn", facts)
        return [note, *ended, *self._rest(Occasion.STALE, reason, now)]

    def _give_up_selection(self, now: Now) -> list[Effect]:
        """The CEM has not selected from the new offer: it is asked to come anew, once in a while."""
        self._select_by = None
        session = self._session
        if session is None or session.is_closing:
            return []
        self._may_reconnect_at = now.mono + RECONNECT_EVERY_S
        reason = "the offer has changed, and nothing of it was selected"
        note = Note(Level.WARNING, "offer.unanswered", {"offered": ", ".join(self._offered)})
        effects = [note, *session.end(SessionRequestType.RECONNECT, reason, now), Close(reason, ReconnectPolicy.SOON)]
        self._start_fallback_timer(now.mono)
        return effects

    @property
    def _lost_at(self) -> float:
        """When the CEM is given up unless it is heard before; sooner where what it has ordered is to end by then."""
        if self._session is None or self._session.is_closing:
            return inf
        if self._resource.is_at_rest:
            return self._session.life.lost_at(None)
        is_in_charge = self._control is not None and self._pending_rest is None
        return self._session.life.lost_at(self._policy.fallback_after_s if is_in_charge else inf)

    def _give_up(self, now: Now) -> list[Effect]:
        """The CEM hangs: it has let us wait for an answer, and would not notice that nobody is in charge."""
        session = self._session
        assert session is not None
        session.is_closing = True
        silent_s = round(now.mono - session.life.heard_at, 1)
        note = Note(Level.WARNING, "session.hung", {"silent_s": silent_s, **session.facts(now)})
        self._start_fallback_timer(session.life.heard_at)
        return [note, Close(f"the CEM has been silent for {silent_s:g} s", ReconnectPolicy.SOON)]

    @property
    def _repeat_at(self) -> float:
        """When power is told again because nothing was said for long, while something is in force."""
        if self._session is None or self._control is None or self._session.is_closing or self._resource.is_at_rest:
            return inf
        is_told = self._measurement is not None and self._measurement.due_at < inf
        return self._session.said_at + SAID_EVERY_S if is_told else inf

    def _say_power_again(self, now: Now) -> list[Effect]:
        """An answer to it, whatever it says, shows that the CEM is there."""
        assert self._session is not None
        assert self._measurement is not None
        self._session.said_at = now.mono  # also if there is nothing to tell any more
        return self._through_session(self._measurement.repeat(now), now)

    def _recognise(self, device: Identified, now: Now) -> list[Effect]:
        """Introduces the resource again when more is known of its device than the CEM was told."""
        before, self._identity = self._identity, self._configured_identity.completed_by(device)
        return [] if self._identity == before else self._introduce_again(now)

    def _introduce_again(self, now: Now) -> list[Effect]:
        is_known = self._session is not None and self._session.phase is not Phase.NEGOTIATING
        return self._introduce(now) if is_known else []

    def _select(self, control_type: ControlType, now: Now) -> list[Effect]:
        assert self._session is not None
        is_none = control_type in (ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE)
        effects: list[Effect] = []
        if self._control:
            effects += self._through_session(self._control.deactivate(f"{control_type} was selected", now), now)
            effects += self._rest(Occasion.DESELECTED, "control type deselected", now)
            self._control = None
        elif self._pending_rest and self._pending_rest.left and not is_none:
            effects += self._take_over(self._pending_rest, control_type, now)
        self._session.select(control_type)
        self._select_by = None
        effects.append(Note(Level.INFO, "control_type.selected", {"control_type": control_type}))
        is_silent = control_type is ControlType.NO_SELECTION
        thresholds = self._policy.thresholds
        self._measurement = None if is_silent else NotControllable(self._resource, thresholds, self._new_id)
        self._outlook = None if is_silent else self._new_outlook()
        if not is_none:
            self._control = self._resource.control(control_type, self._context())
            effects += self._through_session(self._control.activate(now), now)
            # Before anything that may be in force still has come to its end, that no limit is would not be true.
            if self._control.rests_uninstructed and not self._pending_rest:
                effects += self._rest(Occasion.UNINSTRUCTED, "nothing is ordered yet", now)
        return [*effects, *self._report(now)]

    def _take_over(self, pending: _PendingRest, control_type: ControlType, now: Now) -> list[Effect]:
        """A CEM has come back: what was ordered before is left to it for a while, once, unless it goes another way.

        In charge is who has something carried out. To select is not enough: who does no more than that, time and
        again, would keep in force for ever what nobody answers for.
        """
        if control_type is not pending.left:
            return self._rest(Occasion.DESELECTED, "another control type was selected", now)
        if self._resource.is_at_rest:
            self._pending_rest = None
        elif not pending.is_renewed:
            self._pending_rest = pending._replace(at=now.mono + self._policy.fallback_after_s, is_renewed=True)
        return []

    def _take_charge(self) -> None:
        """Something that was instructed is commanded: what was to come if nobody did that does not come."""
        self._pending_rest = None

    def _context(self) -> ControlContext:
        redescribes = self._policy.redescribe_after_status
        return ControlContext(
            new_id=self._new_id,
            thresholds=self._policy.thresholds,
            terms=Terms(self._policy.updates, self._policy.max_instruction_age_s),
            timers=self._timers,
            progress=self._progress,
            take_charge=self._take_charge,
            version=self._version,
            redescribes=not self._heard_handshake if redescribes is None else redescribes,
        )

    def _end(self, request: SessionRequest, now: Now) -> list[Effect]:
        assert self._session is not None
        self._session.is_closing = True
        if request.request is SessionRequestType.RECONNECT:
            self._session.is_asked_back = True
            return [Close("the CEM asked to reconnect", ReconnectPolicy.SOON)]
        self._control = self._measurement = self._outlook = None
        return [
            *self._rest(Occasion.DESELECTED, "the CEM terminated the session", now),
            Close("the CEM ended the session", ReconnectPolicy.LATE),
        ]

    def _forget_session(self, reason: str, now: Now) -> list[Effect]:
        """The connection is gone, and the session with it."""
        session = self._session
        if session is None:
            return []
        self._start_fallback_timer(session.life.heard_at if session.life.is_silent(now.mono) else now.mono)
        self._session = None
        if not session.has_failed(now):
            self._is_failure_told = False
            return [ReconnectTerms(is_anew=True, within_s=self._returns_within_s)]
        effects: list[Effect] = [ReconnectTerms(is_anew=False, within_s=None)]
        if not session.is_closing and not self._is_failure_told:
            self._is_failure_told = True
            effects.append(Note(Level.WARNING, "session.failed", {"reason": reason, **session.facts(now)}))
        return effects

    @property
    def _returns_within_s(self) -> float | None:
        """The longest wait before the CEM is called again, if an order of its is in force."""
        pending = self._pending_rest
        if pending is None or pending.occasion is not Occasion.CEM_LOST or self._resource.is_at_rest:
            return None
        return max(1.0, min(RETURN_WITHIN_S, self._policy.fallback_after_s / 4))

    def _start_fallback_timer(self, since: float) -> None:
        """Nobody is in charge *since* then. What the device was told stays until it is clear that nobody comes back.

        A session in which nothing was carried out leaves the time running that an earlier one has left.
        """
        if self._session and self._control and not self._pending_rest:
            at, left = since + self._policy.fallback_after_s, self._session.control_type
            self._pending_rest = _PendingRest(at, Occasion.CEM_LOST, "fallback", left)
        self._control = self._measurement = self._outlook = self._select_by = None

    def _stop(self, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        if self._session and not self._session.is_closing:
            if self._control:
                effects += self._through_session(self._control.deactivate("the resource manager stops", now), now)
            effects += self._session.end(SessionRequestType.TERMINATE, "the resource manager stops", now)
            effects.append(Close("stopping", ReconnectPolicy.NEVER))
        self._control = self._measurement = self._outlook = self._select_by = None
        return [*effects, *self._rest(Occasion.STOPPING, "stop", now)]

    def _protect(self, now: Now) -> list[Effect]:
        """Overrules an order that would do harm by now."""
        protection = self._resource.protect(now)
        if protection is None:
            return []
        reason, setpoints, ends_orders, is_harm = protection
        aborted = self._control.fail_all(reason, now, is_safe=True) if self._control and ends_orders else []
        if ends_orders:
            self._progress.end(now)
        elif self._control:
            self._control.overrule(setpoints)
        notes = [Note(Level.WARNING, "resource.protected", {"reason": reason})] if is_harm else []
        return [*notes, *map(Apply, setpoints), *self._through_session(aborted, now)]

    def _rest_after_loss(self, now: Now) -> list[Effect]:
        """Brings a device that was lost and is back to rest again, unless something is ordered of it or it just was."""
        was_lost, self._is_answering = self._is_answering is False, True
        if not was_lost or self._is_safe_again or not self._resource.is_at_rest:
            return []
        awaited = self._pending_rest
        effects = self._rest(Occasion.RETURNED, "the device is back", now)
        if awaited and awaited.occasion is not Occasion.RETURNED:  # that a CEM is waited for does not end by this
            self._pending_rest = awaited
        return effects

    def _report(self, now: Now) -> list[Effect]:
        effects = self._control.report(now) if self._control else []
        if self._control and self._control.last_delay_s is not None:
            self._delay_s = self._control.last_delay_s
        if self._measurement:
            effects += self._measurement.report(now)
        if self._outlook:
            effects += self._outlook.report(now)
        return self._through_session(effects, now)

    def _new_outlook(self) -> Outlook | None:
        foreseen = self._resource.foreseen_power
        return Outlook(foreseen, self._new_id) if foreseen else None

    def _rest(self, occasion: Occasion, reason: str, now: Now) -> list[Effect]:
        """Brings the device to rest, at once or after it was left as it is for as long as its owner wants."""
        hold_s = self._policy.hold_s.get(occasion, 0.0)
        if hold_s <= 0:
            return self._rest_now(occasion, reason, now)
        self._pending_rest = _PendingRest(now.mono + hold_s, occasion, reason)
        return []

    def _rest_now(self, occasion: Occasion, reason: str, now: Now) -> list[Effect]:
        self._pending_rest = None
        self._progress.end(now)
        return [Apply(setpoint) for setpoint in self._resource.rest(occasion, reason, now)]

    @property
    def _changes(self) -> int:
        """How many of what must survive a restart there have been."""
        return self._timers.changes + self._progress.changes + self._resource.kept.changes

    @property
    def _urgent_changes(self) -> int:
        return self._timers.starts + self._resource.kept.urgent_changes

    def _remember(self, now: Now, *, is_urgent: bool) -> Remember:
        """What must survive a restart, as it is now: *is_urgent* if a timer was started, or hardware switched."""
        self._remember_at = now.mono + REMEMBER_EVERY_S
        self._remembered, self._remembered_urgent = self._changes, self._urgent_changes
        return Remember(encoded(memory_of(self._timers, self._progress, self._resource.kept, now)), is_urgent)

    def _through_session(self, effects: Iterable[Effect], now: Now) -> list[Effect]:
        """*effects*, with what is to be said said through the session."""
        session = self._session
        voiced: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, Send) or not isinstance(effect.message, Message):
                voiced.append(effect)
            elif session:
                voiced += session.say(effect.message, now)
        return voiced

    @property
    def identity(self) -> Identity:
        """Who it is, as far as that is known by now."""
        return self._identity

    @property
    def offered(self) -> tuple[ControlType, ...]:
        """What a CEM can select now."""
        return self._offerable()

    @property
    def session(self) -> Session | None:
        """That on the present connection, to look at."""
        return self._session

    def cem_ahead_s(self, now: Now) -> float:
        """How far the CEM's clock is ahead of ours; 0 while that is not known to be doubtful."""
        return self._clock_doubt.ahead_s(now)

    @property
    def instructions(self) -> Instructions[Any] | None:
        """Those of the active control type, to look at; None while there is none."""
        return self._control.instructions if self._control else None

    @property
    def wish(self) -> OwnersWish | None:
        """What the owner wants of the resource, to look at; None: there is nothing that he can want."""
        return self._resource.wish

    @property
    def wanted_a(self) -> float:
        """The current on each phase that it would take if its house had all the room; 0 where none holds it."""
        return self._resource.head_room.wanted_a if self._resource.head_room else 0.0

    @property
    def fallback_at(self) -> float | None:
        """When (monotonic seconds) the device is brought to rest unless a CEM takes charge."""
        return self._pending_rest.at if self._pending_rest else None


def _is_due(control: Control, now: Now) -> bool:
    # Asked at every event, and plain loops take half the time of `any` or `min`.
    is_due = False
    for at in control.deadlines():
        is_due |= at <= now.mono
    for instant in control.execution_times():
        is_due |= instant <= now.utc
    return is_due


def _facts_of(setpoint: Setpoint) -> dict[str, Value | None]:
    return {"point": setpoint.point, "value": setpoint.value, "reason": setpoint.reason}

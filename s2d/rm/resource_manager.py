"""One controllable resource, as S2 sees it: events in, effects out.

It outlives sessions. It knows the resource, which control types it can offer, whether anybody is in charge, and what
the hardware shall do when nobody is. No I/O and no clock: time is an argument.
"""

from collections.abc import Callable, Iterable
from typing import cast

from ..errors import InvalidContent
from ..events import Applied, Identified, Lost, Measured, Refused
from ..s2.effects import (
    Apply,
    Close,
    Connected,
    Disconnected,
    Effect,
    Event,
    Level,
    Note,
    Received,
    ReconnectPolicy,
    Send,
    Started,
    Stopping,
    Tick,
)
from ..s2.legality import Phase
from ..s2.messages.common import (
    ControlType,
    Handshake,
    HandshakeResponse,
    Message,
    ResourceManagerDetails,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from ..s2.session import Session
from ..values import Now, Setpoint, Value
from .control import Control, control
from .control.not_controllable import NotControllable
from .control.operation_modes.timers import Timers
from .control.power_forecast import ForeseeingResource, Outlook
from .control.ppbc.task import Progress
from .instructions import Terms
from .kinds import Resource
from .policy import Identity, Policy

__all__ = ["Identity", "Policy", "ResourceManager"]


class ResourceManager:
    """The RM of one resource."""

    def __init__(self, identity: Identity, resource: Resource, policy: Policy, new_id: Callable[[], str]) -> None:
        self._configured_identity = identity
        self._identity = identity
        self._resource = resource
        self._policy = policy
        self._new_id = new_id
        self._session: Session | None = None
        self._control: Control | None = None
        self._measurement: NotControllable | None = None
        self._outlook: Outlook | None = None
        self._offered: tuple[ControlType, ...] = ()
        self._fallback_at: float | None = None
        self._left: ControlType | None = None
        """What was active when the last session ended."""
        self._delay_s = policy.processing_delay_s
        self._timers = Timers()
        self._progress = Progress()
        self._version = ""
        self._heard_handshake = False

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """What *event*, and the time that has passed, lead to; effects are in the order to be carried out."""
        return [*self._due(now), *self._on(event, now)]

    def wake_after(self, now: Now) -> float | None:
        """Seconds after which a Tick is due if nothing else happens; None for never."""
        waits = [at - now.mono for at in self._deadlines()]
        if self._control:
            waits += [(at - now.utc).total_seconds() for at in self._control.execution_times()]
        return max(0.0, min(waits)) if waits else None

    def _on(self, event: Event, now: Now) -> list[Effect]:
        match event:
            case Received(frame) if self._session:
                effects = self._session.receive(frame, self._apply, now)
                if self._session.is_closing:
                    self._start_fallback_timer(now)
                return effects
            case Measured(readings):
                self._resource.observe(readings, now)
                return [*self._protect(now), *self._offer(now), *self._report(now)]
            case Applied(setpoint):
                if self._control:
                    self._control.confirm(setpoint, now)
                return [Note(Level.INFO, "setpoint.applied", _facts_of(setpoint))]
            case Refused(setpoint, reason, will_retry):
                aborted = self._control.refuse(setpoint, reason, now) if self._control else []
                # What nobody will try again leaves the hardware in a state that nobody wants.
                level = Level.WARNING if aborted or will_retry else Level.ERROR
                facts = {**_facts_of(setpoint), "why": reason, "will_retry": will_retry}
                return [Note(level, "setpoint.refused", facts), *self._through_session(aborted, now)]
            case Lost(reason):
                self._resource.lose()
                aborted = self._control.fail_all(f"the device is lost: {reason}", now) if self._control else []
                return self._through_session(aborted, now)
            case Identified():
                return self._recognise(event, now)
            case Connected():
                self._session, self._heard_handshake = Session(self._new_id), False
                return self._session.open(now)
            case Disconnected():
                return self._leave(now)
            case Started():
                return self._fall_back("start", now)
            case Stopping():
                return self._stop(now)
            case Received() | Tick():
                return []

    def _due(self, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        if self._fallback_at is not None and now.mono >= self._fallback_at:
            self._fallback_at = None
            after_s = self._policy.fallback_after_s
            effects.append(Note(Level.WARNING, "fallback.applied", {"after_s": after_s}))
            effects += self._fall_back("fallback", now)
        if self._session:
            effects += self._session.due(now)
        if self._control and _is_due(self._control, now):
            effects += self._through_session(self._control.due(now), now)
        if self._measurement and self._measurement.is_stale(now):
            effects += self._report(now)
        return effects

    def _deadlines(self) -> Iterable[float]:
        if self._fallback_at is not None:
            yield self._fallback_at
        if self._session:
            yield from self._session.deadlines()
        if self._control:
            yield from self._control.deadlines()
        if self._measurement:
            yield from self._measurement.deadlines()

    def _apply(self, message: Message, now: Now) -> list[Effect]:
        """Carries out a message the session allows; raises InvalidContent, having changed nothing, to refuse it."""
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

    def _introduce(self, now: Now) -> list[Effect]:
        assert self._session is not None
        self._offered = self._offer_now()
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
            provides_forecast=self._resource.provides_forecast,
            provides_power_measurement_types=self._resource.quantities,
        )
        return self._session.say(details, now)

    def _offer_now(self) -> tuple[ControlType, ...]:
        """What can be selected: while the device is unknown, nothing but to be measured."""
        possible = self._resource.control_types()
        allowed = self._policy.control_types
        offered = possible if allowed is None else tuple(each for each in possible if each in allowed)
        return offered or (ControlType.NOT_CONTROLABLE,)

    def _offer(self, now: Now) -> list[Effect]:
        """Introduces the resource again when more can be offered than the CEM was told."""
        return [] if self._offer_now() == self._offered else self._introduce_again(now)

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
            effects += self._fall_back("control type deselected", now)
            self._control = None
        elif self._fallback_at is not None and not is_none and control_type is not self._left:
            effects += self._fall_back("another control type was selected", now)
        self._session.select(control_type)
        effects.append(Note(Level.INFO, "control_type.selected", {"control_type": control_type}))
        new_id, reporting = self._new_id, self._policy.reporting
        is_silent = control_type is ControlType.NO_SELECTION
        self._measurement = None if is_silent else NotControllable(self._resource, reporting, new_id)
        self._outlook = None if is_silent else self._new_outlook()
        if not is_none:
            self._fallback_at = None
            redescribes = self._policy.redescribe_after_status
            self._control = control(
                control_type,
                self._resource,
                reporting,
                Terms(self._policy.updates, self._policy.max_instruction_age_s),
                new_id,
                timers=self._timers,
                progress=self._progress,
                version=self._version,
                redescribes=not self._heard_handshake if redescribes is None else redescribes,
            )
            effects += self._through_session(self._control.activate(now), now)
        return [*effects, *self._report(now)]

    def _end(self, request: SessionRequest, now: Now) -> list[Effect]:
        assert self._session is not None
        self._session.is_closing = True
        if request.request is SessionRequestType.RECONNECT:
            return [Close("the CEM asked to reconnect", ReconnectPolicy.SOON)]
        self._control = self._measurement = self._outlook = None
        return [
            *self._fall_back("the CEM terminated the session", now),
            Close("the CEM ended the session", ReconnectPolicy.LATE),
        ]

    def _leave(self, now: Now) -> list[Effect]:
        """The session is over."""
        self._start_fallback_timer(now)
        self._session = None
        return []

    def _start_fallback_timer(self, now: Now) -> None:
        """Nobody is in charge. What the device was told stays until it is clear that nobody comes back."""
        if self._session and self._control:
            self._left = self._session.control_type
            self._fallback_at = now.mono + self._policy.fallback_after_s
        self._control = self._measurement = self._outlook = None

    def _stop(self, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        if self._session and not self._session.is_closing:
            if self._control:
                effects += self._through_session(self._control.deactivate("the resource manager stops", now), now)
            effects += self._session.end(SessionRequestType.TERMINATE, "the resource manager stops", now)
            effects.append(Close("stopping", ReconnectPolicy.NEVER))
        self._control = self._measurement = self._outlook = self._fallback_at = None
        return [*effects, *self._fall_back("stop", now)]

    def _protect(self, now: Now) -> list[Effect]:
        """Overrules an order that would do harm by now."""
        protection = self._resource.protect()
        if protection is None:
            return []
        reason, setpoints = protection
        aborted = self._control.fail_all(reason, now, is_safe=True) if self._control else []
        self._progress.end(now)
        note = Note(Level.WARNING, "resource.protected", {"reason": reason})
        return [note, *map(Apply, setpoints), *self._through_session(aborted, now)]

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
        resource = self._resource
        return Outlook(cast("ForeseeingResource", resource), self._new_id) if resource.provides_forecast else None

    def _fall_back(self, reason: str, now: Now) -> list[Effect]:
        self._progress.end(now)
        return [Apply(setpoint) for setpoint in self._resource.default(reason)]

    def _through_session(self, effects: Iterable[Effect], now: Now) -> list[Effect]:
        """*effects*, with what is to be said said through the session."""
        voiced: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Message):
                voiced += self._session.say(effect.message, now) if self._session else []
            else:
                voiced.append(effect)
        return voiced


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

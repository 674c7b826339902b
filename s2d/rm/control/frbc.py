"""Fill Rate Based Control: the resource as a storage with actuators, steered by operation mode and factor.

Spec: EN 50491-12-2, FRBC; S2 JSON `FRBC.*`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar, cast

from ...s2.effects import Effect, Send
from ...s2.messages.common import Message
from ...s2.messages.frbc import (
    ActuatorDescription,
    ActuatorStatus,
    FillLevelTargetProfile,
    FillLevelTargetProfileElement,
    Instruction,
    LeakageBehaviour,
    LeakageBehaviourElement,
    StorageDescription,
    StorageStatus,
    SystemDescription,
    TimerStatus,
    UsageForecast,
    UsageForecastElement,
)
from ...values import Now
from ..instructions import Terms
from .operation_modes.operation_modes import Activity, OperationModeResource, OperationModes, Status
from .operation_modes.state_machine import DescribedMachine
from .operation_modes.timers import Timers
from .reporting import Reporting, Told

__all__ = ["Activity", "FillRateControl", "FillRateResource", "ForeseenStorage"]


_Outlook = TypeVar("_Outlook")


class FillRateResource(OperationModeResource, Protocol):
    """A storage with actuators; an actuator's id is its scope.

    One whose storage() says that it provides more is a `ForeseenStorage`, too.
    """

    def storage(self) -> StorageDescription: ...

    def actuators(self) -> tuple[ActuatorDescription, ...]: ...

    def fill_level(self) -> float:
        """The last good reading, in the unit of the storage's fill level range."""
        ...


class ForeseenStorage(Protocol):
    """A storage of which more is known than how full it is. Each is asked for only if storage() says it is provided.

    None, or no elements, means that nothing is known yet.
    """

    def leakage_behaviour(self) -> tuple[LeakageBehaviourElement, ...]:
        """How fast it loses fill level, by fill level."""
        ...

    def usage_forecast(self) -> tuple[datetime, tuple[UsageForecastElement, ...]] | None:
        """How fast it is expected to be used, from that time on; told whenever it is another."""
        ...

    def fill_level_target_profile(self) -> tuple[datetime, tuple[FillLevelTargetProfileElement, ...]] | None:
        """Where the fill level shall be, from that time on; told whenever it is another."""
        ...


class FillRateControl(OperationModes[FillRateResource]):
    """FRBC while it is the active control type."""

    _told_level: Told
    _told_outlook: dict[str, object]

    def __init__(
        self,
        resource: FillRateResource,
        reporting: Reporting,
        terms: Terms,
        new_id: Callable[[], str],
        timers: Timers,
        redescribes: bool,
    ) -> None:
        super().__init__(resource, reporting, terms, new_id, timers)
        self._redescribes = redescribes

    def activate(self, now: Now) -> list[Effect]:
        """Describes the storage, then says how it stands; if it *redescribes*, describes it once more.

        A CEM in the field plans when a description arrives, and only if it knows the fill level by then.
        """
        effects = super().activate(now)
        return [*effects, *self._describe_again()] if self._redescribes else effects

    def _described_machines(self) -> Mapping[str, DescribedMachine]:
        return {actuator.id: actuator for actuator in self._resource.actuators()}

    def _description(self, message_id: str, valid_from: datetime) -> Message:
        return SystemDescription(
            message_id=message_id,
            valid_from=valid_from,
            actuators=self._resource.actuators(),
            storage=self._resource.storage(),
        )

    def _status(self, message_id: str, status: Status) -> Message:
        return ActuatorStatus(
            message_id=message_id,
            actuator_id=status.scope,
            active_operation_mode_id=status.activity.operation_mode_id,
            operation_mode_factor=status.activity.factor,
            previous_operation_mode_id=status.previous_mode_id,
            transition_timestamp=status.since,
        )

    def _timer_status(self, message_id: str, scope: str, timer_id: str, finished_at: datetime) -> Message:
        return TimerStatus(message_id=message_id, actuator_id=scope, timer_id=timer_id, finished_at=finished_at)

    def _take(self, message: Message, now: Now) -> list[Effect]:
        assert isinstance(message, Instruction)
        return self._accept(message, message.actuator_id, message.operation_mode, now)

    def _describe(self, now: Now) -> list[Effect]:
        effects = super()._describe(now)
        if effects:
            self._told_level, self._told_outlook = Told(self._reporting.every_s), {}
        return effects

    def _told(self) -> Iterable[Told]:
        return (self._told_level, *super()._told())

    def _tell_state(self, now: Now) -> list[Effect]:
        level = self._resource.fill_level()
        if not self._told_level.is_due(now, (level,), self._reporting.fill_level):
            return []
        self._told_level.tell(now, (level,))
        return [Send(StorageStatus(message_id=self._new_id(), present_fill_level=level))]

    def _tell_outlook(self, now: Now) -> list[Effect]:
        storage, resource = self._resource.storage(), cast("ForeseenStorage", self._resource)
        effects: list[Effect] = []
        if storage.provides_leakage_behaviour and (leakage := self._news("leakage", resource.leakage_behaviour())):
            told = LeakageBehaviour(message_id=self._new_id(), valid_from=now.utc, elements=leakage)
            effects.append(Send(told))
        if storage.provides_usage_forecast and (usage := self._news("usage", resource.usage_forecast())):
            start_time, forecast = usage
            effects.append(Send(UsageForecast(message_id=self._new_id(), start_time=start_time, elements=forecast)))
        if storage.provides_fill_level_target_profile and (
            target := self._news("target", resource.fill_level_target_profile())
        ):
            start_time, profile = target
            wanted = FillLevelTargetProfile(message_id=self._new_id(), start_time=start_time, elements=profile)
            effects.append(Send(wanted))
        return effects

    def _describe_again(self) -> list[Effect]:
        """The description as it was told last, under another message id."""
        assert self._described
        _, valid_from, _ = self._described
        return [Send(self._description(self._new_id(), valid_from))]

    def _news(self, name: str, outlook: _Outlook | None) -> _Outlook | None:
        """*outlook* if it is known and not what was told last."""
        if not outlook or self._told_outlook.get(name) == outlook:
            return None
        self._told_outlook[name] = outlook
        return outlook

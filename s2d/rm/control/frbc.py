"""Fill Rate Based Control: the resource as a storage with actuators, steered by operation mode and factor.

Spec: EN 50491-12-2, FRBC; S2 JSON `FRBC.*`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from ...s2.messages.common import Message, NumberRange
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
from .context import ControlContext
from .operation_modes.dialect import Instructed
from .operation_modes.operation_modes import ModeAndFactor, OperationModeResource, OperationModes, ScopeStatus
from .operation_modes.state_machine import DescribedMachine
from .reporting import LastReported

__all__ = ["FillRateDialect", "FillRateResource", "ForeseenStorage", "ModeAndFactor", "fill_rate_control"]


_Outlook = TypeVar("_Outlook")


class FillRateResource(OperationModeResource, Protocol):
    """A storage with actuators; an actuator's id is its scope."""

    @property
    def foreseen(self) -> "ForeseenStorage | None":
        """What is known of it beyond how full it is; asked as far as storage() says that it is provided."""
        ...

    def storage(self) -> StorageDescription: ...

    def actuators(self) -> tuple[ActuatorDescription, ...]: ...

    def fill_level(self) -> float | None:
        """The reading that holds, in the unit of the storage's fill level range; None while there is none."""
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


def fill_rate_control(
    resource: FillRateResource, context: ControlContext, *, rests_uninstructed: bool = False
) -> OperationModes:
    """FRBC of *resource*."""
    dialect = FillRateDialect(resource, context)
    return OperationModes(resource, dialect, context, rests_uninstructed=rests_uninstructed)


class FillRateDialect:
    """The dialect of FRBC: also the storage, how full it is, and what is foreseen of it."""

    describes_twice = True

    def __init__(self, resource: FillRateResource, context: ControlContext) -> None:
        self._resource = resource
        self._new_id = context.new_id
        self._thresholds = context.thresholds
        self._told_level = LastReported(context.thresholds.every_s)
        self._told_outlook: dict[str, object] = {}
        self._bands: dict[str, list[NumberRange]] = {}
        """By operation mode, the fill levels for which it has an element."""

    def machines(self) -> Mapping[str, DescribedMachine]:
        return {actuator.id: actuator for actuator in self._resource.actuators()}

    def observe(self, now: Now) -> None: ...

    def description(self, message_id: str, valid_from: datetime) -> Message:
        return SystemDescription(
            message_id=message_id,
            valid_from=valid_from,
            actuators=self._resource.actuators(),
            storage=self._resource.storage(),
        )

    def told_before(self, now: Now) -> list[Message]:
        self._told_level.forget()
        return [*self._neutral_target(), *self.state(now)]

    def described(self) -> None:
        self._told_level, self._told_outlook = LastReported(self._thresholds.every_s), {}
        self._bands = {
            mode.id: [element.fill_level_range for element in mode.elements]
            for actuator in self._resource.actuators()
            for mode in actuator.operation_modes
        }

    def status(self, message_id: str, status: ScopeStatus) -> Message:
        return ActuatorStatus(
            message_id=message_id,
            actuator_id=status.scope,
            active_operation_mode_id=status.activity.operation_mode_id,
            operation_mode_factor=status.activity.factor,
            previous_operation_mode_id=status.previous_mode_id,
            transition_timestamp=status.since,
        )

    def timer_status(self, message_id: str, scope: str, timer_id: str, finished_at: datetime) -> Message:
        return TimerStatus(message_id=message_id, actuator_id=scope, timer_id=timer_id, finished_at=finished_at)

    def state(self, now: Now) -> list[Message]:
        level = self._resource.fill_level()
        if level is None:
            self._told_level.forget()
            return []
        if not self._told_level.is_due(now, (level,), self._thresholds.fill_level):
            return []
        self._told_level.note(now, (level,))
        return [StorageStatus(message_id=self._new_id(), present_fill_level=level)]

    def outlook(self, now: Now) -> list[Message]:
        storage, foreseen = self._resource.storage(), self._resource.foreseen
        if foreseen is None:
            return []
        told: list[Message] = []
        if storage.provides_leakage_behaviour and (leakage := self._news("leakage", foreseen.leakage_behaviour())):
            told.append(LeakageBehaviour(message_id=self._new_id(), valid_from=now.utc, elements=leakage))
        if storage.provides_usage_forecast and (usage := self._news("usage", foreseen.usage_forecast())):
            start_time, forecast = usage
            told.append(UsageForecast(message_id=self._new_id(), start_time=start_time, elements=forecast))
        if storage.provides_fill_level_target_profile and (
            target := self._news("target", foreseen.fill_level_target_profile())
        ):
            start_time, profile = target
            told.append(FillLevelTargetProfile(message_id=self._new_id(), start_time=start_time, elements=profile))
        return told

    def reported(self) -> Iterable[LastReported]:
        return (self._told_level,)

    def obstacle_to(self, scope: str, operation_mode_id: str) -> str | None:
        level = self._resource.fill_level()
        if level is None:
            return None
        for each in self._bands.get(operation_mode_id, ()):
            if each.start_of_range <= level <= each.end_of_range:
                return None
        return f"its operation mode has no element for the fill level {level:g}"

    def instructed(self, message: Message) -> Instructed:
        assert isinstance(message, Instruction)
        return Instructed(message, message.actuator_id, message.operation_mode)

    def _neutral_target(self) -> list[Message]:
        """A target that is one no more: a CEM that plans for what is described next must not plan for it."""
        foreseen, storage = self._resource.foreseen, self._resource.storage()
        if foreseen is None or not storage.provides_fill_level_target_profile:
            return []
        target = foreseen.fill_level_target_profile()
        if not target or len(target[1]) > 1 or target == self._told_outlook.get("target"):
            return []
        start_time, profile = target
        return [FillLevelTargetProfile(message_id=self._new_id(), start_time=start_time, elements=profile)]

    def _news(self, name: str, outlook: _Outlook | None) -> _Outlook | None:
        """*outlook* if it is known and not what was told last."""
        if not outlook or self._told_outlook.get(name) == outlook:
            return None
        self._told_outlook[name] = outlook
        return outlook

"""Demand Driven Based Control: the resource as actuators that together meet a demand, steered by mode and factor.

Spec: EN 50491-12-2, DDBC; S2 JSON `DDBC.*`. How the present demand is told depends on the protocol version.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from ...s2.messages.common import Message, NumberRange
from ...s2.messages.ddbc import (
    ActuatorDescription,
    ActuatorStatus,
    AverageDemandRateForecast,
    AverageDemandRateForecastElement,
    Instruction,
    PresentDemandStatus,
    SystemDescription,
    SystemDescriptionBeta,
    TimerStatus,
)
from ...s2.messages.wire import MESSAGES_OF
from ...values import Now
from .context import ControlContext
from .operation_modes.dialect import Instructed
from .operation_modes.operation_modes import OperationModeResource, OperationModes, ScopeStatus
from .operation_modes.state_machine import DescribedMachine
from .reporting import LastReported

DEADBAND = 0.01
"""A change of demand below this share of the largest supply is not told by itself: some versions describe all anew."""


class DemandDrivenResource(OperationModeResource, Protocol):
    """Actuators that meet a demand which cannot be moved; an actuator's id is its scope."""

    @property
    def provides_average_demand_rate_forecast(self) -> bool: ...

    def suppliers(self) -> tuple[ActuatorDescription, ...]:
        """The actuators."""
        ...

    def present_demand_rate(self) -> NumberRange:
        """In the unit of the supply ranges."""
        ...

    def average_demand_rate_forecast(self) -> tuple[datetime, tuple[AverageDemandRateForecastElement, ...]] | None:
        """The demand from that time on, told whenever it is another; None while it is unknown.

        Asked for only if it is provided.
        """
        ...


def demand_driven_control(resource: DemandDrivenResource, context: ControlContext) -> OperationModes:
    """DDBC of *resource*."""
    return OperationModes(resource, DemandDrivenDialect(resource, context), context)


class DemandDrivenDialect:
    """The dialect of DDBC: also the demand, told as the protocol version has it."""

    describes_twice = False
    _demand: NumberRange
    """As it was told last."""

    def __init__(self, resource: DemandDrivenResource, context: ControlContext) -> None:
        self._resource = resource
        self._new_id = context.new_id
        self._every_s = context.thresholds.every_s
        self._has_demand_status = PresentDemandStatus in MESSAGES_OF[context.version]
        self._told_demand = LastReported(self._every_s)
        self._told_forecast: object = None
        self._deadband = 0.0

    def machines(self) -> Mapping[str, DescribedMachine]:
        actuators = self._resource.suppliers()
        supplies = [mode.supply_range for each in actuators for mode in each.operation_modes]
        largest = max((max(abs(each.start_of_range), abs(each.end_of_range)) for each in supplies), default=0.0)
        self._deadband = DEADBAND * largest
        return {actuator.id: actuator for actuator in actuators}

    def observe(self, now: Now) -> None:
        if not self._has_demand_status:
            self._note_demand(now)

    def description(self, message_id: str, valid_from: datetime) -> Message:
        actuators = self._resource.suppliers()
        provides_forecast = self._resource.provides_average_demand_rate_forecast
        if self._has_demand_status:
            return SystemDescription(
                message_id=message_id,
                valid_from=valid_from,
                actuators=actuators,
                provides_average_demand_rate_forecast=provides_forecast,
            )
        return SystemDescriptionBeta(
            message_id=message_id,
            valid_from=valid_from,
            actuators=actuators,
            present_demand_rate=self._demand,
            provides_average_demand_rate_forecast=provides_forecast,
        )

    def told_before(self, now: Now) -> list[Message]:
        return []

    def described(self) -> None:
        self._told_forecast = None
        if self._has_demand_status:
            self._told_demand = LastReported(self._every_s)

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
        if not self._has_demand_status or not self._note_demand(now):
            return []
        return [PresentDemandStatus(message_id=self._new_id(), present_demand_rate=self._demand)]

    def outlook(self, now: Now) -> list[Message]:
        if not self._resource.provides_average_demand_rate_forecast:
            return []
        forecast = self._resource.average_demand_rate_forecast()
        if forecast is None or forecast == self._told_forecast:
            return []
        self._told_forecast = forecast
        start_time, elements = forecast
        return [AverageDemandRateForecast(message_id=self._new_id(), start_time=start_time, elements=elements)]

    def reported(self) -> Iterable[LastReported]:
        return (self._told_demand,)

    def obstacle_to(self, scope: str, operation_mode_id: str) -> str | None:
        return None

    def instructed(self, message: Message) -> Instructed:
        assert isinstance(message, Instruction)
        return Instructed(message, message.actuator_id, message.operation_mode_id)

    def _note_demand(self, now: Now) -> bool:
        """Takes note of the present demand if it is worth telling, and says whether it is."""
        demand = self._resource.present_demand_rate()
        numbers = (demand.start_of_range, demand.end_of_range)
        if not self._told_demand.is_due(now, numbers, self._deadband):
            return False
        self._told_demand.note(now, numbers)
        self._demand = demand
        return True

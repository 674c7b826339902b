"""Demand Driven Based Control: the resource as actuators that together meet a demand, steered by mode and factor.

Spec: EN 50491-12-2, DDBC; S2 JSON `DDBC.*`. How the present demand is told depends on the protocol version.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from ...s2.effects import Effect, Send
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
from ..instructions import Terms
from .operation_modes.operation_modes import OperationModeResource, OperationModes, Status
from .operation_modes.state_machine import DescribedMachine
from .operation_modes.timers import Timers
from .reporting import Reporting, Told

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


class DemandDrivenControl(OperationModes[DemandDrivenResource]):
    """DDBC while it is the active control type."""

    _demand: NumberRange
    """As it was told last."""
    _told_forecast: object

    def __init__(
        self,
        resource: DemandDrivenResource,
        reporting: Reporting,
        terms: Terms,
        new_id: Callable[[], str],
        timers: Timers,
        version: str,
    ) -> None:
        super().__init__(resource, reporting, terms, new_id, timers)
        self._has_demand_status = PresentDemandStatus in MESSAGES_OF[version]
        self._told_demand = Told(reporting.every_s)
        self._deadband = 0.0

    def _described_machines(self) -> Mapping[str, DescribedMachine]:
        actuators = self._resource.suppliers()
        supplies = [mode.supply_range for each in actuators for mode in each.operation_modes]
        largest = max((max(abs(each.start_of_range), abs(each.end_of_range)) for each in supplies), default=0.0)
        self._deadband = DEADBAND * largest
        return {actuator.id: actuator for actuator in actuators}

    def _description(self, message_id: str, valid_from: datetime) -> Message:
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
        return self._accept(message, message.actuator_id, message.operation_mode_id, now)

    def _describe(self, now: Now) -> list[Effect]:
        if not self._has_demand_status:
            self._note_demand(now)
        effects = super()._describe(now)
        if effects:
            self._told_forecast = None
            if self._has_demand_status:
                self._told_demand = Told(self._reporting.every_s)
        return effects

    def _told(self) -> Iterable[Told]:
        return (self._told_demand, *super()._told())

    def _tell_state(self, now: Now) -> list[Effect]:
        if not self._has_demand_status or not self._note_demand(now):
            return []
        return [Send(PresentDemandStatus(message_id=self._new_id(), present_demand_rate=self._demand))]

    def _note_demand(self, now: Now) -> bool:
        """Takes note of the present demand if it is worth telling, and says whether it is."""
        demand = self._resource.present_demand_rate()
        numbers = (demand.start_of_range, demand.end_of_range)
        if not self._told_demand.is_due(now, numbers, self._deadband):
            return False
        self._told_demand.tell(now, numbers)
        self._demand = demand
        return True

    def _tell_outlook(self, now: Now) -> list[Effect]:
        if not self._resource.provides_average_demand_rate_forecast:
            return []
        forecast = self._resource.average_demand_rate_forecast()
        if forecast is None or forecast == self._told_forecast:
            return []
        self._told_forecast = forecast
        start_time, elements = forecast
        return [Send(AverageDemandRateForecast(message_id=self._new_id(), start_time=start_time, elements=elements))]

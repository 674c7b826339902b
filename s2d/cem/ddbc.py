"""Demand Driven Based Control (DDBC), from the CEM's side: actuators that together meet a demand rate. Pure.

The present demand stands in the system description in 0.0.2-beta, and has a message of its own in 1.0.0.
"""

from collections.abc import Iterable

from ..s2.messages.common import Message, NumberRange, RevokableObjects, RevokeObject
from ..s2.messages.ddbc import (
    ActuatorStatus,
    AverageDemandRateForecast,
    Instruction,
    OperationMode,
    PresentDemandStatus,
    SystemDescription,
    SystemDescriptionBeta,
    TimerStatus,
)
from .choices import InstructionHeader
from .formatting import Row, bounds_text, row, timeline, utc_text
from .operation_modes import ModeBasedChoices, OfferedActuator, OfferedMode, Span, spans_of


class DemandDrivenChoices(ModeBasedChoices):
    """The choices of a resource that meets a demand rate."""

    def __init__(self) -> None:
        super().__init__()
        self.description: SystemDescription | SystemDescriptionBeta | None = None
        self.demand: NumberRange | None = None
        self.forecast: AverageDemandRateForecast | None = None

    def receive(self, message: Message) -> None:
        match message:
            case SystemDescription():
                self.description = message
            case SystemDescriptionBeta():
                self.description, self.demand = message, message.present_demand_rate
            case PresentDemandStatus():
                self.demand = message.present_demand_rate
            case ActuatorStatus():
                self.record_active_mode(message.actuator_id, message)
            case TimerStatus():
                self.record_timer(message.actuator_id, message)
            case AverageDemandRateForecast():
                self.forecast = message
            case RevokeObject(object_type=RevokableObjects.DDBC_SYSTEM_DESCRIPTION):
                if self.description and self.description.message_id == message.object_id:
                    self.description = None

    def actuators(self) -> tuple[OfferedActuator, ...]:
        return tuple(
            OfferedActuator(
                each.id, each.diagnostic_label or each.id, tuple(map(_mode, each.operation_modes)), each.timers
            )
            for each in (self.description.actuators if self.description else ())
        )

    def instruction(
        self, header: InstructionHeader, actuator: OfferedActuator, mode: OfferedMode, factor: float
    ) -> Instruction:
        return Instruction(
            **header._asdict(), actuator_id=actuator.id, operation_mode_id=mode.id, operation_mode_factor=factor
        )

    def rows(self) -> Iterable[Row]:
        if self.demand:
            yield row("demand", bounds_text(self.demand))
        yield from super().rows()
        if self.forecast:
            rates = timeline((each.duration, f"{each.demand_rate_expected:g}") for each in self.forecast.elements)
            yield row("forecast", f"demand from {utc_text(self.forecast.start_time)}: {rates}")

    def describe(self, message: Message) -> str:
        if isinstance(message, PresentDemandStatus):
            return bounds_text(message.present_demand_rate)
        return super().describe(message)


def _mode(mode: OperationMode) -> OfferedMode:
    supply = Span(mode.supply_range.start_of_range, mode.supply_range.end_of_range, "supply {}")
    return OfferedMode(
        mode.id, mode.diagnostic_label or mode.id, (*spans_of(mode.power_ranges), supply), mode.abnormal_condition_only
    )

"""Fill Rate Based Control (FRBC), from the CEM's side: a storage, and actuators that fill and empty it. Pure."""

from collections.abc import Iterable

from ..s2.messages.common import Message, RevokableObjects, RevokeObject
from ..s2.messages.frbc import (
    ActuatorStatus,
    FillLevelTargetProfile,
    Instruction,
    LeakageBehaviour,
    OperationMode,
    OperationModeElement,
    StorageStatus,
    SystemDescription,
    TimerStatus,
    UsageForecast,
)
from .choices import InstructionHeader
from .formatting import ELECTRIC, Row, bar, bounds_text, row, timeline, utc_text
from .operation_modes import ModeBasedChoices, OfferedActuator, OfferedMode, Span, spans_of


class FillRateChoices(ModeBasedChoices):
    """The choices of a storage and its actuators."""

    def __init__(self) -> None:
        super().__init__()
        self.description: SystemDescription | None = None
        self.status: StorageStatus | None = None
        self.leakage: LeakageBehaviour | None = None
        self.usage_forecast: UsageForecast | None = None
        self.target: FillLevelTargetProfile | None = None

    @property
    def fill_level(self) -> float | None:
        return self.status.present_fill_level if self.status else None

    def receive(self, message: Message) -> None:
        match message:
            case SystemDescription():
                self.description = message
            case StorageStatus():
                self.status = message
            case ActuatorStatus():
                self.record_active_mode(message.actuator_id, message)
            case TimerStatus():
                self.record_timer(message.actuator_id, message)
            case LeakageBehaviour():
                self.leakage = message
            case UsageForecast():
                self.usage_forecast = message
            case FillLevelTargetProfile():
                self.target = message
            case RevokeObject(object_type=RevokableObjects.FRBC_SYSTEM_DESCRIPTION):
                if self.description and self.description.message_id == message.object_id:
                    self.description = None

    def actuators(self) -> tuple[OfferedActuator, ...]:
        return tuple(
            OfferedActuator(
                each.id,
                each.diagnostic_label or each.id,
                tuple(_mode(mode, self.fill_level) for mode in each.operation_modes),
                each.timers,
            )
            for each in (self.description.actuators if self.description else ())
        )

    def instruction(
        self, header: InstructionHeader, actuator: OfferedActuator, mode: OfferedMode, factor: float
    ) -> Instruction:
        return Instruction(
            **header._asdict(), actuator_id=actuator.id, operation_mode=mode.id, operation_mode_factor=factor
        )

    def rows(self) -> Iterable[Row]:
        if self.fill_level is not None:
            yield self._storage(self.fill_level)
        yield from super().rows()
        if self.leakage:
            rates = (
                f"{each.leakage_rate:g} /s at {bounds_text(each.fill_level_range)}" for each in self.leakage.elements
            )
            yield row("leakage", ", ".join(rates))
        if self.usage_forecast:
            usage = timeline(
                (each.duration, f"{each.usage_rate_expected:g} /s") for each in self.usage_forecast.elements
            )
            yield row("usage", f"from {utc_text(self.usage_forecast.start_time)}: {usage}")
        if self.target:
            levels = timeline((each.duration, bounds_text(each.fill_level_range)) for each in self.target.elements)
            yield row("target", f"from {utc_text(self.target.start_time)}: {levels}")

    def _storage(self, level: float) -> Row:
        if self.description is None:
            return row("fill level", f"{level:g}")
        storage = self.description.storage
        low, high = storage.fill_level_range.start_of_range, storage.fill_level_range.end_of_range
        label = f"  {storage.fill_level_label}" if storage.fill_level_label else ""
        bounds = ("label", f"  of {low:g} .. {high:g}{label}")
        return Row("fill level", (bar(level, low, high), ("", f" {level:.4g}"), bounds))


def _mode(mode: OperationMode, fill_level: float | None) -> OfferedMode:
    element = element_at(mode, fill_level)
    rate = Span(element.fill_rate.start_of_range, element.fill_rate.end_of_range, "{} /s")
    is_electric = any(each.commodity_quantity in ELECTRIC for each in element.power_ranges)
    spans = (*spans_of(element.power_ranges), *([] if is_electric else [rate]))
    return OfferedMode(mode.id, mode.diagnostic_label or mode.id, spans, mode.abnormal_condition_only)


def element_at(mode: OperationMode, fill_level: float | None) -> OperationModeElement:
    """The element of *mode* at *fill_level*; the first where none covers it, as the judge of that is the RM."""
    for element in mode.elements:
        band = element.fill_level_range
        if fill_level is not None and band.start_of_range <= fill_level <= band.end_of_range:
            return element
    return mode.elements[0]

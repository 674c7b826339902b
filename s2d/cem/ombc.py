"""Operation Mode Based Control (OMBC), from the CEM's side: one state machine for the whole resource. Pure."""

from ..s2.messages.common import Message, RevokableObjects, RevokeObject
from ..s2.messages.ombc import Instruction, Status, SystemDescription, TimerStatus
from .choices import InstructionHeader
from .operation_modes import ModeBasedChoices, OfferedActuator, OfferedMode, spans_of

_WHOLE = ""
"""Stands for the actuator; S2 has none here."""


class OperationModeChoices(ModeBasedChoices):
    """The choices of a resource that is one state machine."""

    def __init__(self) -> None:
        super().__init__()
        self.description: SystemDescription | None = None

    def receive(self, message: Message) -> None:
        match message:
            case SystemDescription():
                self.description = message
            case Status():
                self.record_active_mode(_WHOLE, message)
            case TimerStatus():
                self.record_timer(_WHOLE, message)
            case RevokeObject(object_type=RevokableObjects.OMBC_SYSTEM_DESCRIPTION):
                if self.description and self.description.message_id == message.object_id:
                    self.description = None

    def actuators(self) -> tuple[OfferedActuator, ...]:
        if self.description is None:
            return ()
        modes = tuple(
            OfferedMode(
                each.id, each.diagnostic_label or each.id, spans_of(each.power_ranges), each.abnormal_condition_only
            )
            for each in self.description.operation_modes
        )
        return (OfferedActuator(_WHOLE, "the resource", modes, self.description.timers),)

    def instruction(
        self, header: InstructionHeader, actuator: OfferedActuator, mode: OfferedMode, factor: float
    ) -> Instruction:
        return Instruction(**header._asdict(), operation_mode_id=mode.id, operation_mode_factor=factor)

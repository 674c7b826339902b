"""Operation Mode Based Control, from the CEM's side: one state machine for the whole resource. Pure."""

from ..s2.messages.common import Message, RevokableObjects, RevokeObject
from ..s2.messages.ombc import Instruction, Status, SystemDescription, TimerStatus
from .choices import Common
from .operation_modes import Actuator, Mode, OperationModesMenu, spans_of

_WHOLE = ""
"""Stands for the actuator; S2 has none here."""


class OperationModeMenu(OperationModesMenu):
    """What a resource with operation modes offers."""

    def __init__(self) -> None:
        super().__init__()
        self.description: SystemDescription | None = None

    def hear(self, message: Message) -> None:
        match message:
            case SystemDescription():
                self.description = message
            case Status():
                self.heard_activity(_WHOLE, message)
            case TimerStatus():
                self.heard_timer(_WHOLE, message)
            case RevokeObject(object_type=RevokableObjects.OMBC_SYSTEM_DESCRIPTION):
                if self.description and self.description.message_id == message.object_id:
                    self.description = None

    def actuators(self) -> tuple[Actuator, ...]:
        if self.description is None:
            return ()
        modes = tuple(
            Mode(each.id, each.diagnostic_label or each.id, spans_of(each.power_ranges), each.abnormal_condition_only)
            for each in self.description.operation_modes
        )
        return (Actuator(_WHOLE, "the resource", modes, self.description.timers),)

    def instruction(self, common: Common, actuator: Actuator, mode: Mode, factor: float) -> Instruction:
        return Instruction(**common._asdict(), operation_mode_id=mode.id, operation_mode_factor=factor)

"""Operation Mode Based Control: the whole resource as one state machine, steered by operation mode and factor.

Spec: EN 50491-12-2, OMBC; S2 JSON `OMBC.*`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from ...s2.effects import Effect
from ...s2.messages import ombc
from ...s2.messages.common import Message, Timer, Transition
from ...s2.messages.ombc import Instruction, OperationMode, SystemDescription, TimerStatus
from ...values import Now
from .operation_modes.operation_modes import OperationModeResource, OperationModes, Status
from .operation_modes.state_machine import DescribedMachine

WHOLE = "resource"
"""The scope: there is but one."""


class OperationModeMachine(NamedTuple):
    """What the resource can do, and how it may change."""

    operation_modes: tuple[OperationMode, ...]
    transitions: tuple[Transition, ...] = ()
    timers: tuple[Timer, ...] = ()


class OperationModeSteered(OperationModeResource, Protocol):
    """A resource that is in one operation mode as a whole; its only scope is `WHOLE`."""

    def state_machine(self) -> OperationModeMachine: ...


class OperationModeControl(OperationModes[OperationModeSteered]):
    """OMBC while it is the active control type."""

    def _described_machines(self) -> Mapping[str, DescribedMachine]:
        return {WHOLE: self._resource.state_machine()}

    def _description(self, message_id: str, valid_from: datetime) -> Message:
        machine = self._resource.state_machine()
        return SystemDescription(
            message_id=message_id,
            valid_from=valid_from,
            operation_modes=machine.operation_modes,
            transitions=machine.transitions,
            timers=machine.timers,
        )

    def _status(self, message_id: str, status: Status) -> Message:
        return ombc.Status(
            message_id=message_id,
            active_operation_mode_id=status.activity.operation_mode_id,
            operation_mode_factor=status.activity.factor,
            previous_operation_mode_id=status.previous_mode_id,
            transition_timestamp=status.since,
        )

    def _timer_status(self, message_id: str, scope: str, timer_id: str, finished_at: datetime) -> Message:
        return TimerStatus(message_id=message_id, timer_id=timer_id, finished_at=finished_at)

    def _take(self, message: Message, now: Now) -> list[Effect]:
        assert isinstance(message, Instruction)
        return self._accept(message, WHOLE, message.operation_mode_id, now)

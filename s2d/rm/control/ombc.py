"""Operation Mode Based Control: the whole resource as one state machine, steered by operation mode and factor.

Spec: EN 50491-12-2, OMBC; S2 JSON `OMBC.*`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from ...s2.messages import ombc
from ...s2.messages.common import Message, Timer, Transition
from ...s2.messages.ombc import Instruction, OperationMode, SystemDescription, TimerStatus
from ...values import Now
from .context import ControlContext
from .operation_modes.dialect import Instructed
from .operation_modes.operation_modes import OperationModeResource, OperationModes, ScopeStatus
from .operation_modes.state_machine import DescribedMachine
from .reporting import LastReported

WHOLE = "resource"
"""The scope: there is but one."""


class OperationModeMachine(NamedTuple):
    """The state machine of a resource: what it can do, and how it may change."""

    operation_modes: tuple[OperationMode, ...]
    transitions: tuple[Transition, ...] = ()
    timers: tuple[Timer, ...] = ()


class OperationModeSteered(OperationModeResource, Protocol):
    """A resource that is in one operation mode as a whole; its only scope is `WHOLE`."""

    def state_machine(self) -> OperationModeMachine: ...


def operation_mode_control(resource: OperationModeSteered, context: ControlContext) -> OperationModes:
    """OMBC of *resource*."""
    return OperationModes(resource, OperationModeDialect(resource), context)


class OperationModeDialect:
    """The dialect of OMBC."""

    describes_twice = False

    def __init__(self, resource: OperationModeSteered) -> None:
        self._resource = resource

    def machines(self) -> Mapping[str, DescribedMachine]:
        return {WHOLE: self._resource.state_machine()}

    def observe(self, now: Now) -> None: ...

    def description(self, message_id: str, valid_from: datetime) -> Message:
        machine = self._resource.state_machine()
        return SystemDescription(
            message_id=message_id,
            valid_from=valid_from,
            operation_modes=machine.operation_modes,
            transitions=machine.transitions,
            timers=machine.timers,
        )

    def told_before(self, now: Now) -> list[Message]:
        return []

    def described(self) -> None: ...

    def status(self, message_id: str, status: ScopeStatus) -> Message:
        return ombc.Status(
            message_id=message_id,
            active_operation_mode_id=status.activity.operation_mode_id,
            operation_mode_factor=status.activity.factor,
            previous_operation_mode_id=status.previous_mode_id,
            transition_timestamp=status.since,
        )

    def timer_status(self, message_id: str, scope: str, timer_id: str, finished_at: datetime) -> Message:
        return TimerStatus(message_id=message_id, timer_id=timer_id, finished_at=finished_at)

    def state(self, now: Now) -> list[Message]:
        return []

    def outlook(self, now: Now) -> list[Message]:
        return []

    def reported(self) -> Iterable[LastReported]:
        return ()

    def obstacle_to(self, scope: str, operation_mode_id: str) -> str | None:
        return None

    def instructed(self, message: Message) -> Instructed:
        assert isinstance(message, Instruction)
        return Instructed(message, WHOLE, message.operation_mode_id)

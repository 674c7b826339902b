"""Dialects of control by operation modes: how FRBC, OMBC and DDBC word what they share, and what is their own.

Spec: EN 50491-12-2; S2 JSON `FRBC.*`, `OMBC.*`, `DDBC.*`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from ....s2.messages.common import Message
from ....values import Now
from ..reporting import LastReported
from .mode_and_factor import OperationModeInstruction, ScopeStatus
from .state_machine import DescribedMachine


class Instructed(NamedTuple):
    """An instruction, with its scope and operation mode, whatever the dialect calls these."""

    instruction: OperationModeInstruction
    scope: str
    operation_mode_id: str


class Dialect(Protocol):
    """A dialect: the words of one control type by operation modes. It orders nothing."""

    describes_twice: bool
    """Whether it may be described once more after its first status, for a CEM that plans only then."""

    def machines(self) -> Mapping[str, DescribedMachine]:
        """By scope."""
        ...

    def observe(self, now: Now) -> None:
        """Takes note of what belongs to the description but is not always the same; comes before `description`."""
        ...

    def description(self, message_id: str, valid_from: datetime) -> Message:
        """The resource as it is now."""
        ...

    def told_before(self, now: Now) -> list[Message]:
        """What is told before the resource is described anew."""
        ...

    def described(self) -> None:
        """The resource was described anew: all else shall be told again."""
        ...

    def status(self, message_id: str, status: ScopeStatus) -> Message: ...

    def timer_status(self, message_id: str, scope: str, timer_id: str, finished_at: datetime) -> Message: ...

    def state(self, now: Now) -> list[Message]:
        """What is to be told before the statuses."""
        ...

    def outlook(self, now: Now) -> list[Message]:
        """What is to be told after the statuses."""
        ...

    def reported(self) -> Iterable[LastReported]:
        """What of its own is told again after a while."""
        ...

    def obstacle_to(self, scope: str, operation_mode_id: str) -> str | None:
        """Why the mode may not be entered now, as it was described, or None. Abnormal conditions know no obstacle."""
        ...

    def instructed(self, message: Message) -> Instructed:
        """What *message*, an instruction of this control type, is about."""
        ...

"""The instructions the CEM has sent, with the statuses told of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..s2.messages import pebc, ppbc
from ..s2.messages.common import InstructionStatus, ReceptionStatusValues, RevokableObjects
from ..s2.messages.instruction import Instruction
from ..s2.messages.wire import name_of
from .aliases import Alias, find_named
from .commands import CommandRefused

FINAL = (
    InstructionStatus.REJECTED,
    InstructionStatus.REVOKED,
    InstructionStatus.SUCCEEDED,
    InstructionStatus.ABORTED,
)
"""After these nothing more happens to most instructions."""

_LASTING = pebc.Instruction | ppbc.ScheduleInstruction
"""Instructions that go on after they have SUCCEEDED: limits hold until they lapse, a sequence runs to its end."""
_FINAL_OF_LASTING = tuple(status for status in FINAL if status is not InstructionStatus.SUCCEEDED)


class RefusedMessage(NamedTuple):
    """A message of the CEM that the RM did not answer with OK."""

    message_type: str
    status: ReceptionStatusValues
    label: str


@dataclass(slots=True)
class SentInstruction:
    """An instruction that was sent, and what became of it."""

    instruction: Instruction
    number: int
    """From 1 in every session."""
    name: str
    """What it is called, e.g. `charge`."""
    meaning: str
    """In words, e.g. `charge, S2 factor 0.5, 2500 W`."""
    statuses: list[InstructionStatus] = field(default_factory=list)
    """As the RM told them."""
    reception: RefusedMessage | ReceptionStatusValues | None = None
    """OK, or why the RM did not take it; None while it has not answered."""
    is_kept: bool = False
    """The RM did not let it be revoked."""

    @property
    def object_type(self) -> RevokableObjects:
        """Its type in a RevokeObject."""
        return RevokableObjects(name_of(type(self.instruction)))

    @property
    def state(self) -> str:
        """Its last status, or what became of the message, as text."""
        if isinstance(self.reception, RefusedMessage):
            return f"{self.reception.status}: {self.reception.label}" if self.reception.label else self.reception.status
        if self.statuses:
            return self.statuses[-1]
        return "unanswered" if self.reception is None else "received"

    @property
    def is_finished(self) -> bool:
        """Whether no further status can follow."""
        final = _FINAL_OF_LASTING if isinstance(self.instruction, _LASTING) else FINAL
        return isinstance(self.reception, RefusedMessage) or any(status in final for status in self.statuses)

    @property
    def is_revocable(self) -> bool:
        """Whether it can be revoked, as far as the CEM knows."""
        return not (self.is_finished or self.is_kept)


def to_revoke(instructions: Sequence[SentInstruction], which: str | None) -> SentInstruction:
    """The one of *instructions*, oldest first, to revoke: the last of those so called that can be, if any can.

    Raises: CommandRefused: there is none.
    """
    if which is None:
        found = [each for each in instructions if each.is_revocable]
        if not found:
            raise CommandRefused("there is no instruction that can be taken back")
    else:
        found = find_named(which, instructions, lambda each: Alias(each.instruction.id, each.name, each.number))
        if not found:
            known = ", ".join(f"#{each.number} {each.name} ({each.state})" for each in instructions[-5:])
            raise CommandRefused(f'no instruction is called "{which}"; the last are {known or "none"}')
    return next((each for each in reversed(found) if each.is_revocable), found[-1])

"""What the CEM said and wants to know the fate of. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..s2.messages import pebc, ppbc
from ..s2.messages.common import InstructionStatus, ReceptionStatusValues, RevokableObjects
from ..s2.messages.instruction import Instruction
from ..s2.messages.wire import name_of
from .aliases import Name, meant
from .commands import CommandRefused

FINAL = (
    InstructionStatus.REJECTED,
    InstructionStatus.REVOKED,
    InstructionStatus.SUCCEEDED,
    InstructionStatus.ABORTED,
)
"""After these nothing more happens to most instructions."""

_LASTING = pebc.Instruction | ppbc.ScheduleInstruction
"""What goes on after it has SUCCEEDED: limits hold until they lapse, a sequence runs to its end."""
_FINAL_OF_LASTING = tuple(status for status in FINAL if status is not InstructionStatus.SUCCEEDED)


class Refusal(NamedTuple):
    """A message of ours that the RM did not answer with OK."""

    message_type: str
    status: ReceptionStatusValues
    label: str


@dataclass(slots=True)
class Given:
    """An instruction given, and what became of it."""

    instruction: Instruction
    number: int
    """From 1 in every session."""
    name: str
    """What it is called, e.g. `charge`."""
    meaning: str
    """In words, e.g. `charge, S2 factor 0.5, 2500 W`."""
    statuses: list[InstructionStatus] = field(default_factory=list)
    """As the RM told them."""
    reception: Refusal | ReceptionStatusValues | None = None
    """OK, or why the RM did not take it; None while it has not answered."""
    is_kept: bool = False
    """The RM did not let it be revoked."""

    @property
    def object_type(self) -> RevokableObjects:
        """What a RevokeObject calls it."""
        return RevokableObjects(name_of(type(self.instruction)))

    @property
    def state(self) -> str:
        """The last that was heard of it."""
        if isinstance(self.reception, Refusal):
            return f"{self.reception.status}: {self.reception.label}" if self.reception.label else self.reception.status
        if self.statuses:
            return self.statuses[-1]
        return "unanswered" if self.reception is None else "received"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more can become of it."""
        final = _FINAL_OF_LASTING if isinstance(self.instruction, _LASTING) else FINAL
        return isinstance(self.reception, Refusal) or any(status in final for status in self.statuses)

    @property
    def is_revocable(self) -> bool:
        """Whether it can be taken back, as far as the CEM knows."""
        return not (self.is_finished or self.is_kept)


def to_revoke(instructions: Sequence[Given], which: str | None) -> Given:
    """Of *instructions*, oldest first, the one to take back: the last of those so called that can be, if any can.

    Raises: CommandRefused: there is none.
    """
    if which is None:
        found = [each for each in instructions if each.is_revocable]
        if not found:
            raise CommandRefused("there is no instruction that can be taken back")
    else:
        found = meant(which, instructions, lambda each: Name(each.instruction.id, each.name, each.number))
        if not found:
            known = ", ".join(f"#{each.number} {each.name} ({each.state})" for each in instructions[-5:])
            raise CommandRefused(f'no instruction is called "{which}"; the last are {known or "none"}')
    return next((each for each in reversed(found) if each.is_revocable), found[-1])

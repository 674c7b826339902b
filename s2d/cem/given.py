"""What the CEM said and wants to know the fate of. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ..messages.common import InstructionStatus, ReceptionStatusValues
from ..messages.frbc import Instruction

FINAL = (
    InstructionStatus.REJECTED,
    InstructionStatus.REVOKED,
    InstructionStatus.SUCCEEDED,
    InstructionStatus.ABORTED,
)
"""After these nothing more happens to an instruction."""


class Refusal(NamedTuple):
    """A message of ours that the RM did not answer with OK."""

    message_type: str
    status: ReceptionStatusValues
    label: str


@dataclass(slots=True)
class Given:
    """An instruction given, and what became of it."""

    instruction: Instruction
    meaning: str
    """In words, e.g. `charge, S2 factor 0.5, 2500 W`."""
    statuses: list[InstructionStatus] = field(default_factory=list)
    """As the RM told them."""
    reception: Refusal | ReceptionStatusValues | None = None
    """OK, or why the RM did not take it; None while it has not answered."""

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
        return isinstance(self.reception, Refusal) or any(status in FINAL for status in self.statuses)

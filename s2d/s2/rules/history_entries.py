"""What is remembered of messages: what rules need to know of each, by ids."""

from datetime import datetime
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from ..messages import ddbc, frbc, ombc, pebc, ppbc
from ..messages.common import InstructionStatus
from ..messages.instruction import Instruction

WHOLE = ""
"""Stands for the actuator where the whole resource is one state machine."""

OperationMode: TypeAlias = frbc.OperationMode | ombc.OperationMode | ddbc.OperationMode

ENDED = frozenset(
    (
        InstructionStatus.REJECTED,
        InstructionStatus.REVOKED,
        InstructionStatus.ABORTED,
        InstructionStatus.SUCCEEDED,
    )
)
_LASTING = (pebc.Instruction, ppbc.ScheduleInstruction)


class Machine(NamedTuple):
    """What there is to choose from in one actuator, or in the whole resource."""

    modes: dict[str, OperationMode]
    timers: frozenset[str]


class System(NamedTuple):
    """A system description, by its ids."""

    message_id: str
    valid_from: datetime
    machines: dict[str, Machine]
    """By actuator id."""
    storage: frbc.StorageDescription | None = None
    provides_demand_forecast: bool = False


class Active(NamedTuple):
    """What an actuator was last said to do."""

    operation_mode_id: str
    has_previous: bool


class Scheduled(NamedTuple):
    """What was ordered last for a sequence container."""

    start: datetime
    sequence: ppbc.PowerSequence


class Place(NamedTuple):
    """A sequence container in its definition, by its ids."""

    before: str | None
    """The container before it."""
    sequences: dict[str, ppbc.PowerSequence]


class Definition(NamedTuple):
    """A power profile, by its ids."""

    message: ppbc.PowerProfileDefinition
    places: dict[str, Place]
    """By container id."""

    def sequence(self, container_id: str, sequence_id: str) -> ppbc.PowerSequence | None:
        """The sequence of that id, if the container is one of it and has it."""
        place = self.places.get(container_id)
        return None if place is None else place.sequences.get(sequence_id)


class Given(Struct):
    """An instruction and what was said to have become of it."""

    id: str
    message_id: str
    kind: type[Instruction]
    status: InstructionStatus | None = None

    @property
    def lasts(self) -> bool:
        """Whether it goes on once it has succeeded: limits hold until they lapse, a sequence runs to its end."""
        return self.kind in _LASTING

    def has_ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.status in ENDED and not (self.lasts and self.status is InstructionStatus.SUCCEEDED)

"""The entries of a history: what is kept of each message for the rules, by ids."""

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


class MachineEntry(Struct, frozen=True):
    """The operation modes and timers described for one actuator, or for the whole resource."""

    modes: dict[str, OperationMode]
    timers: frozenset[str]


class SystemEntry(Struct, frozen=True):
    """A system description, by its ids."""

    message_id: str
    valid_from: datetime
    machines: dict[str, MachineEntry]
    """By actuator id."""
    storage: frbc.StorageDescription | None = None
    provides_demand_forecast: bool = False

    def ids(self) -> set[tuple[str, str]]:
        """What an instruction can name: actuators, each with its operation modes."""
        return {(actuator_id, mode_id) for actuator_id, machine in self.machines.items() for mode_id in machine.modes}


class ActiveModeEntry(Struct, frozen=True):
    """The operation mode that was last told to be active in an actuator."""

    operation_mode_id: str
    has_previous: bool


class ScheduledEntry(NamedTuple):
    """The sequence that was last scheduled in a container, and its start."""

    start: datetime
    sequence: ppbc.PowerSequence


class ContainerEntry(NamedTuple):
    """A sequence container of a power profile, by its ids."""

    before: str | None
    """The container before it."""
    sequences: dict[str, ppbc.PowerSequence]


class ProfileEntry(NamedTuple):
    """A power profile definition, by its ids."""

    message: ppbc.PowerProfileDefinition
    containers: dict[str, ContainerEntry]
    """By container id."""

    def sequence(self, container_id: str, sequence_id: str) -> ppbc.PowerSequence | None:
        """The sequence of that id, if it is in that container of the profile."""
        container = self.containers.get(container_id)
        return None if container is None else container.sequences.get(sequence_id)


class InstructionEntry(Struct):
    """An instruction and the last status told of it."""

    id: str
    message_id: str
    kind: type[Instruction]
    status: InstructionStatus | None = None

    @property
    def lasts(self) -> bool:
        """Whether it goes on once it has succeeded: limits hold until they lapse, a sequence runs to its end."""
        return self.kind in _LASTING

    def has_ended(self) -> bool:
        """Whether no further status can follow."""
        return self.status in ENDED and not (self.lasts and self.status is InstructionStatus.SUCCEEDED)

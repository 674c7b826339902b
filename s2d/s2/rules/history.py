"""The history of a session: the messages exchanged so far, as far as rules need them; none of it survives the session.

A peer that never stops talking does not fill the memory: every list here has a limit, beyond which the oldest goes.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from ...values import Now
from ..messages import ddbc, frbc, ombc, pebc, ppbc
from ..messages.common import (
    ControlType,
    InstructionStatusUpdate,
    Message,
    ResourceManagerDetails,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    Timer,
)
from ..messages.instruction import Instruction
from ..messages.references import canonical
from .history_entries import (
    ENDED,
    WHOLE,
    ActiveModeEntry,
    ContainerEntry,
    InstructionEntry,
    MachineEntry,
    OperationMode,
    ProfileEntry,
    ScheduledEntry,
    SystemEntry,
)

IDS_LIMIT = 20_000
"""Most ids of instructions remembered."""
MESSAGE_IDS_LIMIT = 1000
"""Most message ids remembered."""
PUBLISHED_LIMIT = 100
"""Most constraints, most profile definitions, and most of those revoked, held at once."""
ENVELOPE_IDS_LIMIT = 20_000
"""Most ids of power envelopes remembered."""
ON_ITS_WAY_S = 5.0
"""What was told so long ago the other side knows by now."""
_LEVELS_LIMIT = 100
"""Most fill levels that are remembered."""
ANNOUNCED_LIMIT = 10
"""Most system descriptions held that are not valid yet."""
FORMER_LIMIT = 10
"""Most system descriptions remembered that were replaced by others with other ids, or revoked."""
ACTUATORS_LIMIT = 100
"""Most actuators whose active mode is remembered."""
SCHEDULED_LIMIT = 1000
"""Most sequence containers whose schedule is remembered."""

_DESCRIPTION_OF = {
    RevokableObjects.FRBC_SYSTEM_DESCRIPTION: ControlType.FILL_RATE_BASED_CONTROL,
    RevokableObjects.OMBC_SYSTEM_DESCRIPTION: ControlType.OPERATION_MODE_BASED_CONTROL,
    RevokableObjects.DDBC_SYSTEM_DESCRIPTION: ControlType.DEMAND_DRIVEN_BASED_CONTROL,
}
"""Objects that have no id of their own; their message's stands in for it."""

Key = TypeVar("Key")
Held = TypeVar("Held")


class _Instructions(OrderedDict[str, InstructionEntry]):
    """Instructions by canonical id."""

    def __missing__(self, instruction_id: str) -> InstructionEntry | None:
        return self.get(canonical(instruction_id))


class History:
    """The messages sent and accepted in one session so far; `judge` reads it, who holds the session records in it."""

    def __init__(self) -> None:
        self.details: ResourceManagerDetails | None = None
        self.control_type: ControlType | None = None
        """None until one was selected."""
        self.message_ids: OrderedDict[str, None] = OrderedDict()
        self.instructions = _Instructions()
        """Of all control types: an id stays used until the session ends."""
        self.given: Mapping[str, InstructionEntry | None] = self.instructions
        """The same, by id in whatever letters; None where none was given."""
        self._by_message_id: dict[str, list[InstructionEntry]] = {}
        """The same by canonical `message_id`, of which there should be one each."""
        self.envelope_ids: OrderedDict[str, None] = OrderedDict()
        self._forget_published()

    def record(self, message: Message, now: Now) -> None:
        """Adds *message*, which was accepted, or sent."""
        _remember(self.message_ids, message.message_id, None, MESSAGE_IDS_LIMIT)
        recorder = _RECORDERS.get(message.__class__)
        if recorder is not None:
            recorder(self, message, now)

    def system(self, control_type: ControlType, now: Now) -> SystemEntry | None:
        """The system description of *control_type* that is valid now, or the first announced if none is yet."""
        systems = self.systems.get(control_type)
        if not systems:
            return None
        if len(systems) > 1:
            return next((system for system in reversed(systems) if system.valid_from <= now.utc), systems[0])
        return systems[0]

    def former_machines(self, control_type: ControlType, actuator_id: str) -> Iterable[MachineEntry]:
        """The modes and timers of that actuator in what described *control_type* before."""
        for system in self._former.get(control_type, ()):
            if actuator_id in system.machines:
                yield system.machines[actuator_id]

    def instruction(self, name: str) -> InstructionEntry | None:
        """The instruction with the id *name*; else that which came in the message of that id, one that has not ended.

        A peer in the field names instructions by their messages.
        """
        if (by_id := self.given[name]) is not None:
            return by_id
        by_message = self._by_message_id.get(canonical(name), ())
        return next((each for each in by_message if not each.has_ended()), by_message[-1] if by_message else None)

    def holds(self, object_type: RevokableObjects, object_id: str) -> bool:
        """Whether an object of that type and id was published and not revoked."""
        control_type = _DESCRIPTION_OF.get(object_type)
        if control_type is not None:
            return any(system.message_id == object_id for system in self.systems.get(control_type, ()))
        published_in = _PUBLISHED_IN.get(object_type)
        return published_in is not None and object_id in published_in(self)

    def fill_levels(self, now: Now) -> list[float]:
        """What a CEM may take the fill level for: told last, or while a message was on its way; newest first."""
        levels: list[float] = []
        for told_at, level in reversed(self._levels):
            levels.append(level)
            if told_at <= now.mono - ON_ITS_WAY_S:
                break
        return levels

    def _forget_published(self) -> None:
        self.systems: dict[ControlType, list[SystemEntry]] = {}
        self._former: dict[ControlType, deque[SystemEntry]] = {}
        self._levels: deque[tuple[float, float]] = deque(maxlen=_LEVELS_LIMIT)
        """When (monotonic seconds) each fill level was told, and what it was; oldest first."""
        self.active: OrderedDict[str, ActiveModeEntry] = OrderedDict()
        """By actuator id."""
        self.constraints: OrderedDict[str, pebc.PowerConstraints] = OrderedDict()
        self.energy_constraints: OrderedDict[str, pebc.EnergyConstraint] = OrderedDict()
        self.profiles: OrderedDict[str, ProfileEntry] = OrderedDict()
        self.withdrawn: OrderedDict[str, Message] = OrderedDict()
        """Constraints and profile definitions that were revoked, by id: it stays used."""
        self.scheduled: OrderedDict[tuple[str, str], ScheduledEntry] = OrderedDict()
        """By profile id and container id."""

    def _record_details(self, message: ResourceManagerDetails, now: Now) -> None:
        self.details = message

    def _record_selection(self, message: SelectControlType, now: Now) -> None:
        # A peer may take the same selection again for no change, and not describe anew.
        systems = self.systems if message.control_type is self.control_type else {}
        self._forget_published()
        self.systems, self.control_type = systems, message.control_type

    def _record_frbc(self, message: frbc.SystemDescription, now: Now) -> None:
        machines = {
            actuator.id: _machine_entry(actuator.operation_modes, actuator.timers) for actuator in message.actuators
        }
        system = SystemEntry(message.message_id, message.valid_from, machines, message.storage)
        self._describe(ControlType.FILL_RATE_BASED_CONTROL, system, now)

    def _record_ombc(self, message: ombc.SystemDescription, now: Now) -> None:
        machines = {WHOLE: _machine_entry(message.operation_modes, message.timers)}
        system = SystemEntry(message.message_id, message.valid_from, machines)
        self._describe(ControlType.OPERATION_MODE_BASED_CONTROL, system, now)

    def _record_ddbc(self, message: ddbc.SystemDescription | ddbc.SystemDescriptionBeta, now: Now) -> None:
        machines = {
            actuator.id: _machine_entry(actuator.operation_modes, actuator.timers) for actuator in message.actuators
        }
        forecasts = message.provides_average_demand_rate_forecast
        system = SystemEntry(message.message_id, message.valid_from, machines, provides_demand_forecast=forecasts)
        self._describe(ControlType.DEMAND_DRIVEN_BASED_CONTROL, system, now)

    def _describe(self, control_type: ControlType, system: SystemEntry, now: Now) -> None:
        if system.valid_from <= now.utc:
            for former in self.systems.get(control_type, ()):
                if not former.ids() <= system.ids():
                    self._set_aside(control_type, former)
            self.systems[control_type] = [system]
        else:
            self.systems[control_type] = [*self.systems.get(control_type, ()), system][-ANNOUNCED_LIMIT:]

    def _set_aside(self, control_type: ControlType, former: SystemEntry) -> None:
        self._former.setdefault(control_type, deque(maxlen=FORMER_LIMIT)).append(former)

    def _record_storage_status(self, message: frbc.StorageStatus, now: Now) -> None:
        self._levels.append((now.mono, message.present_fill_level))

    def _record_mode_status(self, message: frbc.ActuatorStatus | ddbc.ActuatorStatus | ombc.Status, now: Now) -> None:
        actuator_id = WHOLE if isinstance(message, ombc.Status) else message.actuator_id
        has_previous = message.previous_operation_mode_id is not None
        _remember(
            self.active, actuator_id, ActiveModeEntry(message.active_operation_mode_id, has_previous), ACTUATORS_LIMIT
        )

    def _record_constraints(self, message: pebc.PowerConstraints, now: Now) -> None:
        _remember(self.constraints, message.id, message, PUBLISHED_LIMIT)

    def _record_energy_constraint(self, message: pebc.EnergyConstraint, now: Now) -> None:
        _remember(self.energy_constraints, message.id, message, PUBLISHED_LIMIT)

    def _record_profile(self, message: ppbc.PowerProfileDefinition, now: Now) -> None:
        containers: dict[str, ContainerEntry] = {}
        before: str | None = None
        for container in message.power_sequences_containers:
            containers[container.id] = ContainerEntry(
                before, {sequence.id: sequence for sequence in container.power_sequences}
            )
            before = container.id
        _remember(self.profiles, message.id, ProfileEntry(message, containers), PUBLISHED_LIMIT)

    def _record_instruction(self, message: Instruction, now: Now) -> None:
        instruction = InstructionEntry(message.id, message.message_id, message.__class__)
        self.instructions[canonical(message.id)] = instruction
        self._by_message_id.setdefault(canonical(message.message_id), []).append(instruction)
        if len(self.instructions) > IDS_LIMIT:
            # What waits or runs is not forgotten: it can still be revoked, and is still told of.
            ended = (each for each in self.instructions.values() if each.status in ENDED)
            oldest = next(ended, next(iter(self.instructions.values())))
            del self.instructions[canonical(oldest.id)]
            message_id = canonical(oldest.message_id)
            others = self._by_message_id[message_id]
            others.remove(oldest)
            if not others:
                del self._by_message_id[message_id]

    def _record_pebc_instruction(self, message: pebc.Instruction, now: Now) -> None:
        self._record_instruction(message, now)
        for envelope in message.power_envelopes:
            _remember(self.envelope_ids, envelope.id, None, ENVELOPE_IDS_LIMIT)

    def _record_schedule_instruction(self, message: ppbc.ScheduleInstruction, now: Now) -> None:
        self._record_instruction(message, now)
        profile = self.profiles.get(message.power_profile_id)
        container_id, sequence_id = message.sequence_container_id, message.power_sequence_id
        sequence = None if profile is None else profile.sequence(container_id, sequence_id)
        if sequence is not None:
            scheduled = ScheduledEntry(message.execution_time, sequence)
            _remember(self.scheduled, (message.power_profile_id, container_id), scheduled, SCHEDULED_LIMIT)

    def _record_instruction_status(self, message: InstructionStatusUpdate, now: Now) -> None:
        instruction = self.given[message.instruction_id]
        if instruction is not None and not instruction.has_ended():
            instruction.status = message.status_type

    def _record_revocation(self, message: RevokeObject, now: Now) -> None:
        # An instruction has ended only when the RM says so.
        published_in = _PUBLISHED_IN.get(message.object_type)
        if published_in is not None:
            revoked = published_in(self).pop(message.object_id, None)
            if revoked is not None:
                withdrawn = revoked.message if isinstance(revoked, ProfileEntry) else revoked
                _remember(self.withdrawn, message.object_id, withdrawn, PUBLISHED_LIMIT)
        elif message.object_type in _DESCRIPTION_OF:
            control_type = _DESCRIPTION_OF[message.object_type]
            systems = self.systems.get(control_type, [])
            for revoked_system in [system for system in systems if system.message_id == message.object_id]:
                systems.remove(revoked_system)
                self._set_aside(control_type, revoked_system)


def _machine_entry(modes: tuple[OperationMode, ...], timers: tuple[Timer, ...]) -> MachineEntry:
    return MachineEntry({mode.id: mode for mode in modes}, frozenset([timer.id for timer in timers]))


def _remember(held: OrderedDict[Key, Held], key: Key, value: Held, limit: int) -> None:
    held[key] = value
    if len(held) > limit:
        # A plain dict would look for its first key behind all those that went before.
        held.popitem(last=False)


_PUBLISHED_IN: dict[RevokableObjects, Callable[[History], OrderedDict[str, Any]]] = {
    RevokableObjects.PEBC_POWER_CONSTRAINTS: attrgetter("constraints"),
    RevokableObjects.PEBC_ENERGY_CONSTRAINT: attrgetter("energy_constraints"),
    RevokableObjects.PPBC_POWER_PROFILE_DEFINITION: attrgetter("profiles"),
}

_RECORDERS: dict[type[Message], Callable[[History, Any, Now], None]] = {
    ResourceManagerDetails: History._record_details,
    SelectControlType: History._record_selection,
    InstructionStatusUpdate: History._record_instruction_status,
    RevokeObject: History._record_revocation,
    frbc.SystemDescription: History._record_frbc,
    frbc.StorageStatus: History._record_storage_status,
    frbc.ActuatorStatus: History._record_mode_status,
    frbc.Instruction: History._record_instruction,
    pebc.PowerConstraints: History._record_constraints,
    pebc.EnergyConstraint: History._record_energy_constraint,
    pebc.Instruction: History._record_pebc_instruction,
    ppbc.PowerProfileDefinition: History._record_profile,
    ppbc.ScheduleInstruction: History._record_schedule_instruction,
    ppbc.StartInterruptionInstruction: History._record_instruction,
    ppbc.EndInterruptionInstruction: History._record_instruction,
    ombc.SystemDescription: History._record_ombc,
    ombc.Status: History._record_mode_status,
    ombc.Instruction: History._record_instruction,
    ddbc.SystemDescription: History._record_ddbc,
    ddbc.SystemDescriptionBeta: History._record_ddbc,
    ddbc.ActuatorStatus: History._record_mode_status,
    ddbc.Instruction: History._record_instruction,
}

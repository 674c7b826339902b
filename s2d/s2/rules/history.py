"""What each side has said in a session, as far as rules need it; nothing of it survives the session.

A peer that never stops talking does not fill the memory: every list here has a limit, beyond which the oldest goes.
"""

from collections import OrderedDict
from collections.abc import Callable
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
from .history_entries import ENDED, WHOLE, Active, Definition, Given, Machine, OperationMode, Place, Scheduled, System

IDS_LIMIT = 20_000
"""Most ids of instructions remembered."""
MESSAGE_IDS_LIMIT = 1000
"""Most message ids remembered."""
PUBLISHED_LIMIT = 100
"""Most constraints, most definitions, and most of those taken back, held at once."""
ENVELOPE_IDS_LIMIT = 20_000
"""Most ids of power envelopes remembered."""
ANNOUNCED_LIMIT = 10
"""Most system descriptions held that are not valid yet."""
ACTUATORS_LIMIT = 100
"""Most actuators whose active mode is remembered."""
SCHEDULED_LIMIT = 1000
"""Most sequence containers whose schedule is remembered."""

_DESCRIBED_BY = {
    RevokableObjects.FRBC_SYSTEM_DESCRIPTION: ControlType.FILL_RATE_BASED_CONTROL,
    RevokableObjects.OMBC_SYSTEM_DESCRIPTION: ControlType.OPERATION_MODE_BASED_CONTROL,
    RevokableObjects.DDBC_SYSTEM_DESCRIPTION: ControlType.DEMAND_DRIVEN_BASED_CONTROL,
}
"""They have no id of their own, their message's stands in for it."""

Key = TypeVar("Key")
Held = TypeVar("Held")


class Said:
    """All that was said and accepted so far; `judge` reads it, whoever speaks and hears keeps it."""

    def __init__(self) -> None:
        self.details: ResourceManagerDetails | None = None
        self.control_type: ControlType | None = None
        """None until one was selected."""
        self.message_ids: OrderedDict[str, None] = OrderedDict()
        self.instructions: OrderedDict[str, Given] = OrderedDict()
        """By id, of all control types: an id stays used until the session ends."""
        self._by_message: dict[str, list[Given]] = {}
        """The same by `message_id`, of which there should be one each."""
        self.envelope_ids: OrderedDict[str, None] = OrderedDict()
        self._forget_published()

    def note(self, message: Message, now: Now) -> None:
        """Remembers that *message* was accepted, or sent."""
        _remember(self.message_ids, message.message_id, None, MESSAGE_IDS_LIMIT)
        take = _TAKES.get(message.__class__)
        if take is not None:
            take(self, message, now)

    def system(self, control_type: ControlType, now: Now) -> System | None:
        """The system description of *control_type* that is valid now, or the first announced if none is yet."""
        systems = self.systems.get(control_type)
        if not systems:
            return None
        if len(systems) > 1:
            return next((system for system in reversed(systems) if system.valid_from <= now.utc), systems[0])
        return systems[0]

    def given(self, name: str) -> Given | None:
        """The instruction with the id *name*; else that which came in the message of that id, one that has not ended.

        A peer in the field names instructions by their messages.
        """
        if (by_id := self.instructions.get(name)) is not None:
            return by_id
        by_message = self._by_message.get(name, ())
        return next((given for given in by_message if not given.has_ended()), by_message[-1] if by_message else None)

    def holds(self, object_type: RevokableObjects, object_id: str) -> bool:
        """Whether an object of that type and id was published and not taken back."""
        control_type = _DESCRIBED_BY.get(object_type)
        if control_type is not None:
            return any(system.message_id == object_id for system in self.systems.get(control_type, ()))
        published = _PUBLISHED_IN.get(object_type)
        return published is not None and object_id in published(self)

    def _forget_published(self) -> None:
        self.systems: dict[ControlType, list[System]] = {}
        self.fill_level: float | None = None
        self.active: OrderedDict[str, Active] = OrderedDict()
        """By actuator id."""
        self.constraints: OrderedDict[str, pebc.PowerConstraints] = OrderedDict()
        self.energy_constraints: OrderedDict[str, pebc.EnergyConstraint] = OrderedDict()
        self.definitions: OrderedDict[str, Definition] = OrderedDict()
        self.withdrawn: OrderedDict[str, Message] = OrderedDict()
        """Constraints and definitions that were taken back, by id: it stays used."""
        self.scheduled: OrderedDict[tuple[str, str], Scheduled] = OrderedDict()
        """By profile id and container id."""

    def _take_details(self, message: ResourceManagerDetails, now: Now) -> None:
        self.details = message

    def _take_selection(self, message: SelectControlType, now: Now) -> None:
        # A peer may take the same selection again for no change, and not describe anew.
        systems = self.systems if message.control_type is self.control_type else {}
        self._forget_published()
        self.systems, self.control_type = systems, message.control_type

    def _take_frbc(self, message: frbc.SystemDescription, now: Now) -> None:
        machines = {actuator.id: _machine(actuator.operation_modes, actuator.timers) for actuator in message.actuators}
        system = System(message.message_id, message.valid_from, machines, message.storage)
        self._describe(ControlType.FILL_RATE_BASED_CONTROL, system, now)

    def _take_ombc(self, message: ombc.SystemDescription, now: Now) -> None:
        machines = {WHOLE: _machine(message.operation_modes, message.timers)}
        system = System(message.message_id, message.valid_from, machines)
        self._describe(ControlType.OPERATION_MODE_BASED_CONTROL, system, now)

    def _take_ddbc(self, message: ddbc.SystemDescription | ddbc.SystemDescriptionBeta, now: Now) -> None:
        machines = {actuator.id: _machine(actuator.operation_modes, actuator.timers) for actuator in message.actuators}
        forecasts = message.provides_average_demand_rate_forecast
        system = System(message.message_id, message.valid_from, machines, provides_demand_forecast=forecasts)
        self._describe(ControlType.DEMAND_DRIVEN_BASED_CONTROL, system, now)

    def _describe(self, control_type: ControlType, system: System, now: Now) -> None:
        if system.valid_from <= now.utc:
            self.systems[control_type] = [system]
        else:
            self.systems[control_type] = [*self.systems.get(control_type, ()), system][-ANNOUNCED_LIMIT:]

    def _take_storage_status(self, message: frbc.StorageStatus, now: Now) -> None:
        self.fill_level = message.present_fill_level

    def _take_status(self, message: frbc.ActuatorStatus | ddbc.ActuatorStatus | ombc.Status, now: Now) -> None:
        actuator_id = WHOLE if isinstance(message, ombc.Status) else message.actuator_id
        has_previous = message.previous_operation_mode_id is not None
        _remember(self.active, actuator_id, Active(message.active_operation_mode_id, has_previous), ACTUATORS_LIMIT)

    def _take_constraints(self, message: pebc.PowerConstraints, now: Now) -> None:
        _remember(self.constraints, message.id, message, PUBLISHED_LIMIT)

    def _take_energy_constraint(self, message: pebc.EnergyConstraint, now: Now) -> None:
        _remember(self.energy_constraints, message.id, message, PUBLISHED_LIMIT)

    def _take_definition(self, message: ppbc.PowerProfileDefinition, now: Now) -> None:
        places: dict[str, Place] = {}
        before: str | None = None
        for container in message.power_sequences_containers:
            places[container.id] = Place(before, {sequence.id: sequence for sequence in container.power_sequences})
            before = container.id
        _remember(self.definitions, message.id, Definition(message, places), PUBLISHED_LIMIT)

    def _take_instruction(self, message: Instruction, now: Now) -> None:
        given = Given(message.id, message.message_id, message.__class__)
        self.instructions[message.id] = given
        self._by_message.setdefault(message.message_id, []).append(given)
        if len(self.instructions) > IDS_LIMIT:
            # What waits or runs is not forgotten: it can still be revoked, and is still told of.
            is_over = (given for given in self.instructions.values() if given.status in ENDED)
            oldest = next(is_over, next(iter(self.instructions.values())))
            del self.instructions[oldest.id]
            others = self._by_message[oldest.message_id]
            others.remove(oldest)
            if not others:
                del self._by_message[oldest.message_id]

    def _take_envelopes(self, message: pebc.Instruction, now: Now) -> None:
        self._take_instruction(message, now)
        for envelope in message.power_envelopes:
            _remember(self.envelope_ids, envelope.id, None, ENVELOPE_IDS_LIMIT)

    def _take_schedule(self, message: ppbc.ScheduleInstruction, now: Now) -> None:
        self._take_instruction(message, now)
        definition = self.definitions.get(message.power_profile_id)
        container_id, sequence_id = message.sequence_container_id, message.power_sequence_id
        sequence = None if definition is None else definition.sequence(container_id, sequence_id)
        if sequence is not None:
            scheduled = Scheduled(message.execution_time, sequence)
            _remember(self.scheduled, (message.power_profile_id, container_id), scheduled, SCHEDULED_LIMIT)

    def _take_update(self, message: InstructionStatusUpdate, now: Now) -> None:
        given = self.instructions.get(message.instruction_id)
        if given is not None and not given.has_ended():
            given.status = message.status_type

    def _take_revocation(self, message: RevokeObject, now: Now) -> None:
        # An instruction has ended only when the RM says so.
        published = _PUBLISHED_IN.get(message.object_type)
        if published is not None:
            known = published(self).pop(message.object_id, None)
            if known is not None:
                withdrawn = known.message if isinstance(known, Definition) else known
                _remember(self.withdrawn, message.object_id, withdrawn, PUBLISHED_LIMIT)
        elif message.object_type in _DESCRIBED_BY:
            systems = self.systems.get(_DESCRIBED_BY[message.object_type], [])
            systems[:] = [system for system in systems if system.message_id != message.object_id]


def _machine(modes: tuple[OperationMode, ...], timers: tuple[Timer, ...]) -> Machine:
    return Machine({mode.id: mode for mode in modes}, frozenset([timer.id for timer in timers]))


def _remember(held: OrderedDict[Key, Held], key: Key, value: Held, limit: int) -> None:
    held[key] = value
    if len(held) > limit:
        # A plain dict would look for its first key behind all those that went before.
        held.popitem(last=False)


_PUBLISHED_IN: dict[RevokableObjects, Callable[[Said], OrderedDict[str, Any]]] = {
    RevokableObjects.PEBC_POWER_CONSTRAINTS: attrgetter("constraints"),
    RevokableObjects.PEBC_ENERGY_CONSTRAINT: attrgetter("energy_constraints"),
    RevokableObjects.PPBC_POWER_PROFILE_DEFINITION: attrgetter("definitions"),
}

_TAKES: dict[type[Message], Callable[[Said, Any, Now], None]] = {
    ResourceManagerDetails: Said._take_details,
    SelectControlType: Said._take_selection,
    InstructionStatusUpdate: Said._take_update,
    RevokeObject: Said._take_revocation,
    frbc.SystemDescription: Said._take_frbc,
    frbc.StorageStatus: Said._take_storage_status,
    frbc.ActuatorStatus: Said._take_status,
    frbc.Instruction: Said._take_instruction,
    pebc.PowerConstraints: Said._take_constraints,
    pebc.EnergyConstraint: Said._take_energy_constraint,
    pebc.Instruction: Said._take_envelopes,
    ppbc.PowerProfileDefinition: Said._take_definition,
    ppbc.ScheduleInstruction: Said._take_schedule,
    ppbc.StartInterruptionInstruction: Said._take_instruction,
    ppbc.EndInterruptionInstruction: Said._take_instruction,
    ombc.SystemDescription: Said._take_ombc,
    ombc.Status: Said._take_status,
    ombc.Instruction: Said._take_instruction,
    ddbc.SystemDescription: Said._take_ddbc,
    ddbc.SystemDescriptionBeta: Said._take_ddbc,
    ddbc.ActuatorStatus: Said._take_status,
    ddbc.Instruction: Said._take_instruction,
}

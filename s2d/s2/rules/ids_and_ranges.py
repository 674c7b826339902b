"""ID and NUM: rules about ids that must be unique, numbers that must be finite, and ranges that must not fall."""

import re
from collections.abc import Callable, Sequence
from math import isfinite
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct

from ..messages import ddbc, frbc, ombc, pebc, ppbc
from ..messages.common import NumberRange, PowerForecast, PowerMeasurement
from .history import History
from .registry import Breach, PartBreach, Severity, rule

HasActuators = frbc.SystemDescription | ddbc.SystemDescription | ddbc.SystemDescriptionBeta
HasOperationModes = frbc.ActuatorDescription | ddbc.ActuatorDescription | ombc.SystemDescription
"""What has operation modes, transitions and timers."""
HasFactor = (
    frbc.Instruction | frbc.ActuatorStatus | ombc.Instruction | ombc.Status | ddbc.Instruction | ddbc.ActuatorStatus
)
HasNumbers = (
    PowerMeasurement
    | PowerForecast
    | frbc.SystemDescription
    | frbc.StorageStatus
    | frbc.LeakageBehaviour
    | frbc.UsageForecast
    | frbc.FillLevelTargetProfile
    | pebc.PowerConstraints
    | pebc.EnergyConstraint
    | pebc.Instruction
    | ppbc.PowerProfileDefinition
    | ombc.SystemDescription
    | ddbc.SystemDescription
    | ddbc.SystemDescriptionBeta
    | ddbc.PresentDemandStatus
    | ddbc.AverageDemandRateForecast
)
"""Every message with a number in it that can be infinite, but for a factor: that lies between 0 and 1."""


@rule("ID-001", "an actuator id stands once in a system description", source="S2 JSON, *.ActuatorDescription.id")
def actuator_ids(message: HasActuators) -> Breach | None:
    return _once("/actuators", [actuator.id for actuator in message.actuators])


@rule("ID-002", "an operation mode id stands once in its actuator or system", source="S2 JSON, *.OperationMode.id")
def mode_ids(message: HasOperationModes) -> Breach | None:
    member = "Id" if isinstance(message, ddbc.ActuatorDescription) else "id"
    return _once("/operation_modes", [mode.id for mode in message.operation_modes], member)


@rule("ID-003", "a transition id stands once in its actuator or system", source="S2 JSON, Transition.id")
def transition_ids(message: HasOperationModes) -> Breach | None:
    return _once("/transitions", [transition.id for transition in message.transitions])


@rule("ID-004", "a timer id stands once in its actuator or system", source="S2 JSON, Timer.id")
def timer_ids(message: HasOperationModes) -> Breach | None:
    return _once("/timers", [timer.id for timer in message.timers])


@rule("ID-005", "a container id stands once in its definition", source="S2 JSON, PPBC.PowerSequenceContainer.id")
def container_ids(message: ppbc.PowerProfileDefinition) -> Breach | None:
    return _once("/power_sequences_containers", [container.id for container in message.power_sequences_containers])


@rule("ID-006", "a sequence id stands once in its container", source="S2 JSON, PPBC.PowerSequence.id")
def sequence_ids(container: ppbc.PowerSequenceContainer) -> Breach | None:
    return _once("/power_sequences", [sequence.id for sequence in container.power_sequences])


@rule("ID-007", "an envelope id stands once in its instruction", source="S2 JSON, PEBC.PowerEnvelope.id")
def envelope_ids(message: pebc.Instruction) -> Breach | None:
    return _once("/power_envelopes", [envelope.id for envelope in message.power_envelopes])


@rule(
    "ID-008",
    "an envelope id is used once in a session; nothing refers to it",
    source="S2 JSON, PEBC.PowerEnvelope.id",
    severity=Severity.WARNING,
)
def new_envelope_ids(message: pebc.Instruction, history: History) -> Breach | None:
    for index, envelope in enumerate(message.power_envelopes):
        if envelope.id in history.envelope_ids:
            return f"/power_envelopes/{index}/id", f"{envelope.id!r} was used before in this session"
    return None


@rule("NUM-001", "numbers are finite", source="RFC 8259, section 6")
def finite(message: HasNumbers) -> Breach | None:
    # One look at all bytes is faster than one at each number. It may take for a number what is none.
    try:
        _encode_into(message, _scratch)
        is_certain = _infinite_number(_scratch) is None
    except OverflowError:  # by an integer of more than 64 bits
        is_certain = False
    return None if is_certain else _infinite(message, "")


@rule("NUM-002", "a range of allowed or expected values does not end below its start", source="S2 JSON, NumberRange")
def ranges(
    parts: Sequence[
        frbc.StorageDescription
        | frbc.FillLevelTargetProfileElement
        | pebc.AllowedLimitRange
        | frbc.OperationModeElement
        | ombc.OperationMode
        | ddbc.OperationMode
        | ddbc.SystemDescriptionBeta
        | ddbc.PresentDemandStatus
    ],
) -> PartBreach | None:
    name, range_of = _RANGE_OF[parts[0].__class__]
    for index, bounds in enumerate(map(range_of, parts)):
        if bounds is not None and bounds.start_of_range > bounds.end_of_range:
            return index, f"/{name}", f"{bounds.start_of_range:g} is above {bounds.end_of_range:g}"
    return None


_RANGE_OF: dict[type[Struct], tuple[str, Callable[[Any], NumberRange | None]]] = {
    kind: (name, attrgetter(name))
    for kind, name in (
        (frbc.StorageDescription, "fill_level_range"),
        (frbc.FillLevelTargetProfileElement, "fill_level_range"),
        (pebc.AllowedLimitRange, "range_boundary"),
        (frbc.OperationModeElement, "running_costs"),
        (ombc.OperationMode, "running_costs"),
        (ddbc.OperationMode, "running_costs"),
        (ddbc.SystemDescriptionBeta, "present_demand_rate"),
        (ddbc.PresentDemandStatus, "present_demand_rate"),
    )
}


@rule("NUM-003", "a fill level band ends above its start", source="S2 JSON, FRBC.*Element.fill_level_range")
def bands(parts: Sequence[frbc.OperationModeElement | frbc.LeakageBehaviourElement]) -> PartBreach | None:
    for index, part in enumerate(parts):
        band = part.fill_level_range
        if band.start_of_range >= band.end_of_range:
            return index, "/fill_level_range", f"{band.start_of_range:g} is not below {band.end_of_range:g}"
    return None


@rule("NUM-004", "a factor lies between 0 and 1", source="S2 JSON, *.operation_mode_factor")
def factor(message: HasFactor) -> Breach | None:
    if not 0 <= message.operation_mode_factor <= 1:
        return "/operation_mode_factor", "a factor lies between 0 and 1"
    return None


@rule(
    "NUM-005",
    "a range over the factor does not end below its start: allowed, but common peers refuse it",
    source="s2-python, PowerRange and NumberRange",
    severity=Severity.WARNING,
)
def falling(parts: Sequence[frbc.OperationModeElement | ombc.OperationMode | ddbc.OperationMode]) -> PartBreach | None:
    for index, part in enumerate(parts):
        for power in part.power_ranges:
            if power.start_of_range > power.end_of_range:
                pointer = f"/power_ranges/{part.power_ranges.index(power)}"
                return index, pointer, f"{power.start_of_range:g} is above {power.end_of_range:g}"
    if parts[0].__class__ in _RATE_OF:
        name, rate_of = _RATE_OF[parts[0].__class__]
        for index, rate in enumerate(map(rate_of, parts)):
            if rate.start_of_range > rate.end_of_range:
                return index, f"/{name}", f"{rate.start_of_range:g} is above {rate.end_of_range:g}"
    return None


_RATE_OF: dict[type[Struct], tuple[str, Callable[[Any], NumberRange]]] = {
    frbc.OperationModeElement: ("fill_rate", attrgetter("fill_rate")),
    ddbc.OperationMode: ("supply_range", attrgetter("supply_range")),
}


def _once(pointer: str, ids: list[str], member: str = "id") -> Breach | None:
    if len(ids) < 2 or len(set(ids)) == len(ids):
        return None
    known = set()
    for index, each in enumerate(ids):
        if each in known:
            return f"{pointer}/{index}/{member}", f"{each!r} stands there before"
        known.add(each)
    return None


def _infinite(value: object, pointer: str) -> Breach | None:
    if isinstance(value, float):
        if not isfinite(value):
            return pointer, f"{value} is not a finite number"
    elif isinstance(value, Struct):
        for field in msgspec.structs.fields(value):
            breach = _infinite(getattr(value, field.name), f"{pointer}/{field.encode_name}")
            if breach is not None:
                return breach
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            breach = _infinite(part, f"{pointer}/{index}")
            if breach is not None:
                return breach
    return None


_encode_into = msgspec.msgpack.Encoder().encode_into
_scratch = bytearray()
_infinite_number = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]", re.DOTALL).search
"""MessagePack has a float as 0xcb and eight bytes of IEEE 754: what is not finite has an exponent all of ones."""

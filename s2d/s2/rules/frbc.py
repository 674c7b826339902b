"""FRBC: rules about a storage and its actuators."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from math import isclose

from ...values import Now
from ..messages.common import ControlType, NumberRange
from ..messages.frbc import (
    ActuatorDescription,
    FillLevelTargetProfile,
    Instruction,
    LeakageBehaviour,
    OperationMode,
    SystemDescription,
    UsageForecast,
)
from .history import ON_ITS_WAY_S, History
from .registry import Breach, Severity, rule
from .state_machines import machine_of, undescribed_actuator, undescribed_mode, unknown_modes, unknown_timers

_FRBC = ControlType.FILL_RATE_BASED_CONTROL
_FOR_NOW = timedelta(seconds=ON_ITS_WAY_S)


@rule(
    "FRBC-001",
    "the fill level bands of an operation mode are contiguous",
    source="S2 JSON, FRBC.OperationMode.elements",
)
def contiguous_modes(mode: OperationMode) -> Breach | None:
    if len(mode.elements) > 1:
        return _gaps([element.fill_level_range for element in mode.elements])
    return None


@rule(
    "FRBC-002",
    "the elements of an operation mode cover the storage's fill level range",
    source="EN 50491-12-2, FRBC.OperationMode",
)
def covering(message: SystemDescription) -> Breach | None:
    low, high = message.storage.fill_level_range.start_of_range, message.storage.fill_level_range.end_of_range
    for index, actuator in enumerate(message.actuators):
        for number, mode in enumerate(actuator.operation_modes):
            elements = mode.elements
            if len(elements) == 1:
                start, end = elements[0].fill_level_range.start_of_range, elements[0].fill_level_range.end_of_range
            else:
                start = min([element.fill_level_range.start_of_range for element in elements])
                end = max([element.fill_level_range.end_of_range for element in elements])
            if (start > low and not isclose(start, low)) or (end < high and not isclose(end, high)):
                where = f"/actuators/{index}/operation_modes/{number}/elements"
                return where, f"{start:g} to {end:g} does not cover {low:g} to {high:g}"
    return None


@rule(
    "FRBC-003",
    "an instruction names an actuator that is, or was, described",
    source="S2 JSON, FRBC.Instruction.actuator_id",
)
def actuator(message: Instruction, history: History, now: Now) -> Breach | None:
    return undescribed_actuator(history, _FRBC, message.actuator_id, now)


@rule("FRBC-004", "an instruction names a mode of its actuator", source="S2 JSON, FRBC.Instruction.operation_mode")
def mode_of_actuator(message: Instruction, history: History, now: Now) -> Breach | None:
    return undescribed_mode(history, _FRBC, message.operation_mode, "operation_mode", now, message.actuator_id)


@rule(
    "FRBC-005",
    "an instruction for now, unless for abnormal conditions, names a mode with an element for the fill level told",
    source="S2 JSON, FRBC.OperationModeElement.fill_level_range, FRBC.StorageDescription.fill_level_range",
)
def covers_level(message: Instruction, history: History, now: Now) -> Breach | None:
    # What the level will be later nobody knows, nor does the CEM what was told while its instruction was on its way.
    if message.execution_time > now.utc + _FOR_NOW:
        return None
    # Outside its range a storage may ignore what it is told, "except during abnormal conditions": S2 JSON. Modes need
    # no elements there (FRBC-002), so to ask for one would be to ignore it. What would do harm is still rejected.
    if message.abnormal_condition:
        return None
    machine = machine_of(history, _FRBC, message.actuator_id, now)
    mode = None if machine is None else machine.modes.get(message.operation_mode)
    if not isinstance(mode, OperationMode):
        return None
    levels = history.fill_levels(now)
    for level in levels:
        for element in mode.elements:
            if element.fill_level_range.start_of_range <= level <= element.fill_level_range.end_of_range:
                return None
    return ("/operation_mode", f"no element of it covers the fill level {levels[0]:g}") if levels else None


@rule(
    "FRBC-006", "a transition leads from mode to mode of its actuator", source="S2 JSON, Transition.from, Transition.to"
)
def transition_modes(part: ActuatorDescription) -> Breach | None:
    return unknown_modes(part)


@rule(
    "FRBC-007",
    "a transition starts, and is blocked by, timers of its actuator",
    source="S2 JSON, Transition.start_timers, Transition.blocking_timers",
)
def transition_timers(part: ActuatorDescription) -> Breach | None:
    return unknown_timers(part)


@rule("FRBC-008", "the fill level bands of leakage are contiguous", source="S2 JSON, FRBC.LeakageBehaviour.elements")
def contiguous_leakage(message: LeakageBehaviour) -> Breach | None:
    if len(message.elements) > 1:
        return _gaps([element.fill_level_range for element in message.elements])
    return None


@rule(
    "FRBC-009",
    "leakage, usage and targets are told only if the storage provides them",
    source="S2 JSON, FRBC.StorageDescription.provides_*",
)
def provided(
    message: LeakageBehaviour | UsageForecast | FillLevelTargetProfile, history: History, now: Now
) -> Breach | None:
    system = history.system(_FRBC, now)
    if system is not None and not getattr(system.storage, _PROVIDES[message.__class__]):
        return "", f"{_PROVIDES[message.__class__]} is false"
    return None


_PROVIDES: dict[type[object], str] = {
    LeakageBehaviour: "provides_leakage_behaviour",
    UsageForecast: "provides_usage_forecast",
    FillLevelTargetProfile: "provides_fill_level_target_profile",
}


@rule(
    "FRBC-010",
    "a fill level to be reached lies within the storage's range",
    source="S2 JSON, FRBC.StorageDescription.fill_level_range",
    severity=Severity.WARNING,
)
def reachable(message: FillLevelTargetProfile, history: History, now: Now) -> Breach | None:
    system = history.system(_FRBC, now)
    if system is None or system.storage is None:
        return None
    low, high = system.storage.fill_level_range.start_of_range, system.storage.fill_level_range.end_of_range
    for index, element in enumerate(message.elements):
        target = element.fill_level_range
        if target.start_of_range > high or target.end_of_range < low:
            return f"/elements/{index}/fill_level_range", f"it lies beside {low:g} to {high:g}"
    return None


def _gaps(bands: Sequence[NumberRange]) -> Breach | None:
    """Where a band does not begin at the end of the one below it; bands may stand in any order."""
    if [band.end_of_range for band in bands[:-1]] == [band.start_of_range for band in bands[1:]]:
        return None
    order = sorted(range(len(bands)), key=lambda index: bands[index].start_of_range)
    for below, above in pairwise(order):
        end, start = bands[below].end_of_range, bands[above].start_of_range
        if end != start and not isclose(end, start):
            what = "leaves a gap after" if start > end else "overlaps"
            return f"/elements/{above}/fill_level_range", f"it begins at {start:g}, which {what} {end:g}"
    return None

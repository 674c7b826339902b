"""Checks of operation modes, transitions and timers, shared by the rules of FRBC, OMBC and DDBC."""

from collections.abc import Iterable

from ...values import Now
from ..messages import ddbc, frbc, ombc
from ..messages.common import ControlType
from .history import History
from .history_entries import WHOLE, MachineEntry
from .registry import Breach

HasTransitions = frbc.ActuatorDescription | ddbc.ActuatorDescription | ombc.SystemDescription


def unknown_modes(part: HasTransitions) -> Breach | None:
    """Where a transition names a mode that is not there."""
    if part.transitions:
        modes = {mode.id for mode in part.operation_modes}
        for index, transition in enumerate(part.transitions):
            if transition.from_ not in modes:
                return f"/transitions/{index}/from", f"{transition.from_!r} is not a mode here"
            if transition.to not in modes:
                return f"/transitions/{index}/to", f"{transition.to!r} is not a mode here"
    return None


def unknown_timers(part: HasTransitions) -> Breach | None:
    """Where a transition names a timer that is not there."""
    timers = {timer.id for timer in part.timers}
    breach: Breach | None = None
    for index, transition in enumerate(part.transitions):
        breach = breach or _unknown(transition.start_timers, timers, f"/transitions/{index}/start_timers")
        breach = breach or _unknown(transition.blocking_timers, timers, f"/transitions/{index}/blocking_timers")
    return breach


def machine_of(history: History, control_type: ControlType, actuator_id: str, now: Now) -> MachineEntry | None:
    """The modes and timers of the actuator, if it was described."""
    system = history.system(control_type, now)
    return None if system is None else system.machines.get(actuator_id)


def unknown_actuator(history: History, control_type: ControlType, actuator_id: str, now: Now) -> Breach | None:
    system = history.system(control_type, now)
    if system is None:
        # Once it is selected, it is described; before, nobody can tell.
        is_known = history.control_type is not control_type
    else:
        is_known = actuator_id in system.machines
    if not is_known:
        return "/actuator_id", f"{actuator_id!r} is not an actuator here"
    return None


def unknown_mode(
    history: History, control_type: ControlType, mode_id: str, member: str, now: Now, actuator_id: str = WHOLE
) -> Breach | None:
    machine = machine_of(history, control_type, actuator_id, now)
    if machine is not None and mode_id not in machine.modes:
        return f"/{member}", f"{mode_id!r} is not a mode of it"
    return None


def undescribed_actuator(history: History, control_type: ControlType, actuator_id: str, now: Now) -> Breach | None:
    """Where an instruction names an actuator that never was one; one that has gone, its control type rejects."""
    system = history.system(control_type, now)
    if system is not None and actuator_id in system.machines:
        return None
    was_described = any(history.former_machines(control_type, actuator_id))
    return None if was_described else unknown_actuator(history, control_type, actuator_id, now)


def undescribed_mode(
    history: History, control_type: ControlType, mode_id: str, member: str, now: Now, actuator_id: str = WHOLE
) -> Breach | None:
    """Where an instruction names a mode that never was one there; one that has gone, its control type rejects."""
    machine = machine_of(history, control_type, actuator_id, now)
    if machine is None or mode_id in machine.modes:
        return None
    was_described = any(mode_id in each.modes for each in history.former_machines(control_type, actuator_id))
    return None if was_described else unknown_mode(history, control_type, mode_id, member, now, actuator_id)


def _unknown(named: Iterable[str], timers: set[str], place: str) -> Breach | None:
    for index, timer in enumerate(named):
        if timer not in timers:
            return f"{place}/{index}", f"{timer!r} is not a timer here"
    return None

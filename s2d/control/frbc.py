"""Fill Rate Based Control: the resource as a storage with actuators, steered by operation mode and factor.

Spec: EN 50491-12-2, FRBC; S2 JSON `FRBC.*`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from ..effects import Effect, Send
from ..errors import InvalidContent
from ..instructions import Instructions, Order, Updates
from ..messages.common import Message, RevokableObjects, RevokeObject
from ..messages.frbc import (
    ActuatorDescription,
    ActuatorStatus,
    Instruction,
    OperationMode,
    StorageDescription,
    StorageStatus,
    SystemDescription,
)
from ..values import Now, Setpoint
from .pursuit import PursuingResource, Pursuit, Pursuits
from .reporting import Reporting, Told


class Activity(NamedTuple):
    """What an actuator does, or shall do."""

    operation_mode_id: str
    factor: float
    """0 to 1."""


class FillRateResource(PursuingResource, Protocol):
    """A storage with actuators. All ids stay the same as long as the resource lives."""

    def storage(self) -> StorageDescription: ...

    def actuators(self) -> tuple[ActuatorDescription, ...]: ...

    def fill_level(self) -> float:
        """The last good reading, in the unit of the storage's fill level range."""
        ...

    def activity_of(self, actuator_id: str) -> Activity:
        """What the actuator really does, from the last good readings."""
        ...

    def obstacle_to(self, actuator_id: str, wish: Activity) -> str | None:
        """Why the actuator may not do *wish* now (offline, fault, safety), or None."""
        ...

    def order(self, actuator_id: str, wish: Activity, reason: str) -> list[Setpoint]:
        """What to write so that the actuator does *wish*."""
        ...

    def follows(self, actuator_id: str, wish: Activity, since: float) -> bool:
        """Whether readings no older than *since* (monotonic seconds) show the actuator doing *wish*."""
        ...

    def power_deadband_factor(self, actuator_id: str, operation_mode_id: str, power_w: float) -> float:
        """How much factor *power_w* is in that mode."""
        ...


class FillRateControl:
    """FRBC while it is the active control type."""

    def __init__(
        self, resource: FillRateResource, reporting: Reporting, updates: Updates, new_id: Callable[[], str]
    ) -> None:
        self._resource = resource
        self._reporting = reporting
        self._new_id = new_id
        self._instructions: Instructions[Activity] = Instructions(new_id, updates)
        self._pursuits = Pursuits(resource, self._instructions)
        self._modes: dict[str, dict[str, OperationMode]] = {}
        self._previous: dict[str, tuple[str, datetime]] = {}
        self._told_level = Told(reporting.every_s)
        self._told_activity: dict[str, Told] = {}
        self._active: dict[str, Activity] = {}

    @property
    def last_delay_s(self) -> float | None:
        return self._pursuits.last_delay_s

    def activate(self, now: Now) -> list[Effect]:
        """Describes the system, then says how it stands."""
        return [*self._describe(now), *self.report(now)]

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        return self._pursuits.abandon(reason, now)

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        match message:
            case Instruction():
                return self._take(message, now)
            case RevokeObject(object_type=RevokableObjects.FRBC_INSTRUCTION):
                return self._pursuits.revoke(message.object_id, now)
            case RevokeObject():
                raise InvalidContent("REV-002", "/object_type", f"a CEM may not revoke a {message.object_type}")
        return []

    def report(self, now: Now) -> list[Effect]:
        """Tells what has changed: fill level, what the actuators do, what became of instructions."""
        effects: list[Effect] = []
        level = self._resource.fill_level()
        if self._told_level.is_due(now, (level,), self._reporting.fill_level):
            self._told_level.tell(now, (level,))
            effects.append(Send(StorageStatus(message_id=self._new_id(), present_fill_level=level)))
        for actuator_id in self._modes:
            effects += self._report_activity(actuator_id, now, must=False)
        for order in self._pursuits.followed(self._follows):
            effects += self._report_activity(order.scope, now, must=True)
            effects += self._pursuits.succeed(order, now)
        return effects

    def due(self, now: Now) -> list[Effect]:
        """Starts instructions whose time has come, gives up on those not followed, repeats what was long unsaid."""
        effects, orders = self._instructions.due(now)
        for order in orders:
            effects += self._start(order, now)
        for pursuit in self._pursuits.overdue(now):
            effects += self._pursuits.fail(pursuit.order.scope, self._shortfall(pursuit), now)
        if any(at <= now.mono for at in self._told_deadlines()):
            effects += self.report(now)
        return effects

    def confirm(self, setpoint: Setpoint, now: Now) -> None:
        self._pursuits.confirm(setpoint, now)

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        return self._pursuits.refuse(setpoint, reason, now)

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        return self._pursuits.fail_all(reason, now, is_safe=is_safe)

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        yield from self._pursuits.deadlines()
        yield from self._told_deadlines()

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start."""
        return self._instructions.next_execution_times()

    def _follows(self, order: Order[Activity], since: float) -> bool:
        return self._resource.follows(order.scope, order.wish, since)

    def _told_deadlines(self) -> Iterable[float]:
        yield from self._told_level.deadlines()
        for told in self._told_activity.values():
            yield from told.deadlines()

    def _describe(self, now: Now) -> list[Effect]:
        actuators = self._resource.actuators()
        self._modes = {actuator.id: {mode.id: mode for mode in actuator.operation_modes} for actuator in actuators}
        self._told_activity = {actuator.id: Told(self._reporting.every_s) for actuator in actuators}
        description = SystemDescription(
            message_id=self._new_id(), valid_from=now.utc, actuators=actuators, storage=self._resource.storage()
        )
        return [Send(description)]

    def _take(self, instruction: Instruction, now: Now) -> list[Effect]:
        self._instructions.require_new(instruction.id)
        modes = self._modes.get(instruction.actuator_id)
        if modes is None:
            raise InvalidContent("FRBC-003", "/actuator_id", f"{instruction.actuator_id!r} is not an actuator here")
        mode = modes.get(instruction.operation_mode)
        if mode is None:
            raise InvalidContent("FRBC-004", "/operation_mode", f"{instruction.operation_mode!r} is not a mode of it")
        if not 0 <= instruction.operation_mode_factor <= 1:
            raise InvalidContent("NUM-004", "/operation_mode_factor", "a factor lies between 0 and 1")
        level = self._resource.fill_level()
        bands = [element.fill_level_range for element in mode.elements]
        if not any(band.start_of_range <= level <= band.end_of_range for band in bands):
            raise InvalidContent("FRBC-005", "/operation_mode", f"no element of it covers the fill level {level:g}")
        wish = Activity(instruction.operation_mode, instruction.operation_mode_factor)
        is_immediate = instruction.execution_time <= now.utc
        if mode.abnormal_condition_only and not instruction.abnormal_condition:
            return self._instructions.reject(instruction.id, "the mode is for abnormal conditions only", now)
        if is_immediate and (obstacle := self._resource.obstacle_to(instruction.actuator_id, wish)):
            return self._instructions.reject(instruction.id, obstacle, now)
        accepted = self._instructions.accept(
            instruction_id=instruction.id,
            message_id=instruction.message_id,
            scope=instruction.actuator_id,
            execution_time=instruction.execution_time,
            wish=wish,
            now=now,
        )
        return [*accepted, *(self.due(now) if is_immediate else [])]

    def _start(self, order: Order[Activity], now: Now) -> list[Effect]:
        if obstacle := self._resource.obstacle_to(order.scope, order.wish):
            return self._pursuits.fail(order.scope, obstacle, now)
        setpoints = self._resource.order(order.scope, order.wish, f"instruction {order.id}")
        return self._pursuits.begin(order, setpoints, now)

    def _report_activity(self, actuator_id: str, now: Now, *, must: bool) -> list[Effect]:
        activity = self._resource.activity_of(actuator_id)
        mode_id, factor = activity
        told = self._told_activity[actuator_id]
        deadband = self._resource.power_deadband_factor(actuator_id, mode_id, self._reporting.power_w)
        is_same = self._active.get(actuator_id) == activity
        if not told.is_due(now, (factor,), deadband, mode_id) and (is_same or not must):
            return []
        told.tell(now, (factor,), mode_id)
        before = self._active.get(actuator_id)
        if before and before.operation_mode_id != mode_id:
            initiated = self._pursuits.initiated(actuator_id, lambda wish: wish.operation_mode_id == mode_id, now)
            self._previous[actuator_id] = (before.operation_mode_id, initiated)
        self._active[actuator_id] = activity
        previous_id, since = self._previous.get(actuator_id, (None, None))
        status = ActuatorStatus(
            message_id=self._new_id(),
            actuator_id=actuator_id,
            active_operation_mode_id=mode_id,
            operation_mode_factor=factor,
            previous_operation_mode_id=previous_id,
            transition_timestamp=since,
        )
        return [Send(status)]

    def _shortfall(self, pursuit: Pursuit[Activity]) -> str:
        scope, wish = pursuit.order.scope, pursuit.order.wish
        real = self._resource.activity_of(scope)
        return self._pursuits.shortfall(pursuit, self._named(scope, real), self._named(scope, wish))

    def _named(self, actuator_id: str, activity: Activity) -> str:
        mode = self._modes[actuator_id][activity.operation_mode_id]
        return f"{mode.diagnostic_label or mode.id} {activity.factor:.2f}"

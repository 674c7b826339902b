"""The FRBC adapter of a battery: a storage filled and emptied by one actuator."""

from ....s2.messages.frbc import ActuatorDescription, StorageDescription
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict, failed
from ...control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ...occasion import Occasion
from .battery import FORCED, Battery, OrderedPower


class BatteryStorage:
    """The FRBC adapter: the storage that a battery is, with the modes charge, discharge and idle."""

    foreseen = None

    def __init__(self, battery: Battery) -> None:
        self._battery = battery

    def storage(self) -> StorageDescription:
        return self._battery.description.storage

    def actuators(self) -> tuple[ActuatorDescription, ...]:
        return self._battery.description.actuators

    def fill_level(self) -> float | None:
        soc = self._battery.state.number("soc")
        return None if soc is None else soc * self._battery.settings.fill_level_per_percent

    def activity_of(self, scope: str) -> ModeAndFactor | None:
        mode, power_w = self._battery.mode, self._battery.state.number("power")
        return None if mode is None or power_w is None else ModeAndFactor(mode.id, mode.factor_at(power_w))

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        return self._battery.obstacle_to(self._power_of(goal.activity))

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        power_w = self._power_of(goal.activity)
        self._battery.order(OrderedPower(self._battery.description.modes[goal.activity.operation_mode_id], power_w))
        return [Stage((Setpoint(FORCED, power_w, reason),), self._battery.follow_within_s)]

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        if reason := self._battery.contradiction(FORCED, since):
            return failed(reason)
        power_w = self._battery.kept_of(self._power_of(goal))
        return self._battery.follows(power_w, power_w, since)

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        start, end = self._battery.description.modes[operation_mode_id].power_w
        return power_w / (end - start) if end > start else 1.0

    def _power_of(self, goal: ModeAndFactor) -> float:
        return self._battery.description.modes[goal.operation_mode_id].power_at(goal.factor)

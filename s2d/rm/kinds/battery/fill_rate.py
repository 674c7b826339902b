"""The FRBC adapter of a battery: a storage filled and emptied by one actuator."""

from ....s2.messages.frbc import ActuatorDescription, LeakageBehaviourElement, StorageDescription
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict, failed
from ...control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ...occasion import Occasion
from .battery import FORCED, Battery, OrderedPower


class StandingBattery:
    """What is foreseen of a battery as FRBC asks for it: what it loses while it stands."""

    def __init__(self, leakage: tuple[LeakageBehaviourElement, ...]) -> None:
        self._leakage = leakage

    def leakage_behaviour(self) -> tuple[LeakageBehaviourElement, ...]:
        return self._leakage

    def usage_forecast(self) -> None:
        return None

    def fill_level_target_profile(self) -> None:
        return None


class BatteryStorage:
    """The FRBC adapter: the storage that a battery is, with the modes idle, charge and discharge."""

    def __init__(self, battery: Battery) -> None:
        self._battery = battery
        self.foreseen = StandingBattery(battery.description.leakage)

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
        return self._battery.obstacle_to(self._ordered(goal.activity))

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        ordered = self._ordered(goal.activity)
        freed = self._battery.order(ordered, reason)
        return [Stage((*freed, Setpoint(FORCED, ordered.power_w, reason)), self._battery.follow_within_s)]

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        if reason := self._battery.contradiction(FORCED, since):
            return failed(reason)
        power_w = self._battery.kept_of(self._ordered(goal).power_w)
        return self._battery.follows(power_w, power_w, since)

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        start, end = self._battery.description.modes[operation_mode_id].power_w
        return power_w / (end - start) if end > start else 1.0

    def _ordered(self, goal: ModeAndFactor) -> OrderedPower:
        description = self._battery.description
        mode = description.modes[goal.operation_mode_id]
        return OrderedPower(mode, mode.power_at(goal.factor), spends_reserve=mode is description.deep)

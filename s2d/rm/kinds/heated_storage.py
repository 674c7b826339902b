"""The FRBC adapter of whatever heats a thermal storage: a storage with one actuator, which heats it or rests."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from ...s2.messages.common import Commodity, CommodityQuantity
from ...s2.messages.frbc import ActuatorDescription, StorageDescription
from ...values import Now, Setpoint
from ..control.execution import Stage, Verdict
from ..control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ..occasion import Occasion
from .heating import Activity, Heating
from .part_ids import part_id
from .shared_state import SharedState
from .thermal_storage import HeatForecast, ThermalStorage
from .transitions import Way, described_timers, described_transitions

RUN, PAUSE = "minimum run time", "minimum off time"
_OFF = "switched off by its owner"


class HeatedStorageDescription(NamedTuple):
    """The description of a storage and what heats it, as it is by now."""

    storage: StorageDescription
    actuators: tuple[ActuatorDescription, ...]
    power_w: tuple[float, float]
    """What it takes while it heats, from factor 0 to factor 1."""


class HeatedStorageParts:
    """The parts of which a storage and what heats it are described; their ids never change."""

    def __init__(
        self, resource_id: str, name: str | None, of: str, storage: ThermalStorage, quantity: CommodityQuantity
    ) -> None:
        """*of*: what is warm."""
        self._name, self._of, self._quantity = name, of, quantity
        self.follow(storage)
        self.actuator_id = part_id(resource_id, "heater")
        self.mode_ids = {activity: part_id(self.actuator_id, activity) for activity in Activity}

    def follow(self, storage: ThermalStorage) -> None:
        """The storage is kept as this one is from here on: its band has moved."""
        self._storage, self._described = storage, storage.described(self._name, self._of)

    def described(
        self, power_w: tuple[float, float], cop: float, timers_s: Mapping[str, float], *, can_heat: bool
    ) -> HeatedStorageDescription:
        """It, with a heater that takes *power_w* and gives *cop* times as much heat; *can_heat*: unless it is off."""
        heat_id, rest_id = self.mode_ids[Activity.HEAT], self.mode_ids[Activity.REST]
        rest = self._storage.resting(rest_id, "rest", self._quantity, at_any_temperature=not can_heat)
        heat = self._storage.heating(heat_id, "heat", power_w, cop, self._quantity)
        ways = (
            Way(heat_id, rest_id, starts=(PAUSE,), blocked_by=(RUN,), duration_s=0.0, passes_if_abnormal=(RUN,)),
            Way(rest_id, heat_id, starts=(RUN,), blocked_by=(PAUSE,), duration_s=0.0),
        )
        actuator = ActuatorDescription(
            id=self.actuator_id,
            diagnostic_label=self._name,
            supported_commodities=(Commodity.ELECTRICITY,),
            operation_modes=(heat, rest) if can_heat else (rest,),
            transitions=described_transitions(self.actuator_id, ways) if can_heat else (),
            timers=described_timers(self.actuator_id, timers_s),
        )
        storage = self._described if can_heat else replace(self._described, fill_level_label=_OFF)
        return HeatedStorageDescription(storage, (actuator,), power_w)


class HeatedResource(Protocol):
    """The model of what heats a storage."""

    state: SharedState

    @property
    def heating(self) -> Heating: ...

    @property
    def forecast(self) -> HeatForecast: ...

    @property
    def parts(self) -> HeatedStorageParts: ...

    @property
    def description(self) -> HeatedStorageDescription: ...

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]: ...


class HeatedStorage:
    """The FRBC adapter of what heats a storage."""

    def __init__(self, resource: HeatedResource) -> None:
        self._resource = resource
        self._heating = resource.heating
        self._activities = {mode_id: activity for activity, mode_id in resource.parts.mode_ids.items()}
        self.foreseen = resource.forecast

    def storage(self) -> StorageDescription:
        return self._resource.description.storage

    def actuators(self) -> tuple[ActuatorDescription, ...]:
        return self._resource.description.actuators

    def fill_level(self) -> float | None:
        temperature_c = self._heating.temperature_c
        return None if temperature_c is None else self._heating.storage.level(temperature_c)

    def activity_of(self, scope: str) -> ModeAndFactor | None:
        activity = self._heating.activity
        if activity is None:
            return None
        is_rest = activity is Activity.REST or len(self.actuators()[0].operation_modes) == 1
        told = Activity.REST if is_rest else Activity.HEAT
        return ModeAndFactor(self._resource.parts.mode_ids[told], 0.0 if is_rest else self._factor)

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        if not self._resource.state.is_online:
            return "the device does not answer"
        activity = self._activities[goal.activity.operation_mode_id]
        obstacle = self._resource.state.fault if activity is Activity.HEAT else None
        return obstacle or self._heating.obstacle_to(activity, now, is_abnormal=goal.is_abnormal)

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        activity = self._activities[goal.activity.operation_mode_id]
        start_w, end_w = self._resource.description.power_w
        power_w = start_w + goal.activity.factor * (end_w - start_w)
        return self._heating.order(activity, power_w, reason, now, is_abnormal=goal.is_abnormal)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._resource.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._resource.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        return self._heating.verdict_on(self._activities[goal.operation_mode_id], since, now)

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        start_w, end_w = self._resource.description.power_w
        return power_w / (end_w - start_w) if end_w > start_w else 1.0

    @property
    def _factor(self) -> float:
        """How much it takes, between the least and the most while it heats."""
        start_w, end_w = self._resource.description.power_w
        power_w = self._resource.state.number("power")
        if power_w is None or end_w <= start_w:
            return 0.0
        return min(1.0, max(0.0, (power_w - start_w) / (end_w - start_w)))

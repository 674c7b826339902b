"""The description of a battery in S2: one storage, one actuator, and the modes idle, charge and discharge.

Where something of it is held in reserve, it has one more mode that discharges, for abnormal conditions only.
"""

from itertools import permutations
from math import sqrt

from msgspec import Struct
from msgspec.structs import replace

from ....s2.messages.common import Commodity, NumberRange, PowerRange
from ....s2.messages.frbc import (
    ActuatorDescription,
    LeakageBehaviourElement,
    OperationMode,
    OperationModeElement,
    StorageDescription,
)
from ..part_ids import part_id
from ..power_points import described_quantity
from ..transitions import Way, described_transitions
from .settings import BatterySettings


class BatteryMode(Struct, frozen=True):
    """An operation mode in the battery's own terms; ranges run from factor 0 to factor 1."""

    id: str
    label: str
    power_w: tuple[float, float]
    soc: tuple[float, float]
    """State of charge in % at which it may be ordered."""

    def power_at(self, factor: float) -> float:
        start, end = self.power_w
        return start + factor * (end - start)

    def factor_at(self, power_w: float) -> float:
        start, end = self.power_w
        return min(1.0, max(0.0, (power_w - start) / (end - start))) if end > start else 0.0


class BatteryDescription:
    """The description of a battery: its modes, and what is published of it."""

    def __init__(self, resource_id: str, name: str | None, settings: BatterySettings) -> None:
        self._name = name
        self._settings = settings
        lowest, high = settings.usable_range
        low = settings.lowest_soc
        self.idle = BatteryMode(part_id(resource_id, "idle"), "idle", (0.0, 0.0), (0.0, 100.0))
        self.charge = BatteryMode(
            part_id(resource_id, "charge"),
            "charge (factor 1 is full power)",
            (float(settings.min_charge_power_w), float(settings.max_charge_power_w)),
            (0.0, high),
        )
        # Peers refuse ranges that fall, so factor 0 has to be the full discharge.
        self.discharge = BatteryMode(
            part_id(resource_id, "discharge"),
            "discharge (factor 0 is full power)",
            (-settings.max_discharge_power_w, -settings.min_discharge_power_w),
            (low, 100.0),
        )
        self.deep = replace(
            self.discharge,
            id=part_id(resource_id, "discharge below the reserve"),
            label="discharge below the reserve (factor 0 is full power)",
            soc=(lowest, 100.0),
        )
        # What takes power stands first: some CEMs book whatever is done by that.
        modes = (self.charge, self.discharge, *((self.deep,) if lowest < low else ()), self.idle)
        self.modes = {mode.id: mode for mode in modes}
        self.extremes = {
            "charge": replace(self.charge, label="charge", power_w=(self.charge.power_w[1],) * 2),
            "discharge": replace(self.discharge, label="discharge", power_w=(self.discharge.power_w[0],) * 2),
            "idle": self.idle,
        }
        """The modes of a battery that chooses its power itself: at the most it may be; by the state it is put in."""
        self.quantity = described_quantity(settings.phases)
        self.actuator_id = part_id(resource_id, "actuator")
        self.leakage = self._described_leakage()
        self.storage = self._described_storage()
        self.actuators = (self._described_actuator(),)

    def _levels(self, soc: tuple[float, float]) -> NumberRange:
        """*soc* as fill levels, margin included: some peers take its very ends for beyond it."""
        scale, margin = self._settings.fill_level_per_percent, self._settings.fill_level_margin
        return NumberRange(start_of_range=(soc[0] - margin) * scale, end_of_range=(soc[1] + margin) * scale)

    def _described_storage(self) -> StorageDescription:
        unit = self._settings.fill_level_unit
        return StorageDescription(
            diagnostic_label=self._name,
            fill_level_label="state of charge, %" if unit == "%" else f"energy stored, {unit}",
            provides_leakage_behaviour=bool(self.leakage),
            provides_fill_level_target_profile=False,
            provides_usage_forecast=False,
            fill_level_range=self._levels((self._settings.lowest_soc, self._settings.usable_range[1])),
        )

    def _described_leakage(self) -> tuple[LeakageBehaviourElement, ...]:
        settings = self._settings
        if not settings.standing_losses_w:
            return ()
        rate = self._level_of(float(settings.standing_losses_w))
        return (LeakageBehaviourElement(fill_level_range=self._levels(settings.usable_range), leakage_rate=rate),)

    def _described_actuator(self) -> ActuatorDescription:
        return ActuatorDescription(
            id=self.actuator_id,
            diagnostic_label=self._name,
            supported_commodities=(Commodity.ELECTRICITY,),
            operation_modes=tuple(map(self._described, self.modes.values())),
            transitions=described_transitions(
                self.actuator_id, (Way(before, after) for before, after in permutations(self.modes, 2))
            ),
            timers=(),
        )

    def _described(self, mode: BatteryMode) -> OperationMode:
        start_w, end_w = mode.power_w
        element = OperationModeElement(
            fill_level_range=self._levels(mode.soc),
            fill_rate=NumberRange(start_of_range=self._fill_rate(start_w), end_of_range=self._fill_rate(end_w)),
            power_ranges=(PowerRange(start_of_range=start_w, end_of_range=end_w, commodity_quantity=self.quantity),),
        )
        return OperationMode(
            id=mode.id,
            diagnostic_label=mode.label,
            elements=(element,),
            abnormal_condition_only=mode.id == self.deep.id,
        )

    def _fill_rate(self, power_w: float) -> float:
        """Fill level per second at *power_w*; the losses of a round trip are shared evenly by both ways."""
        one_way = sqrt(self._settings.round_trip_efficiency / 100)
        stored_w = power_w * one_way if power_w > 0 else power_w / one_way
        return self._level_of(stored_w)

    def _level_of(self, stored_w: float) -> float:
        """Fill level per second of *stored_w*."""
        return stored_w / 3600 / self._settings.capacity_wh * 100 * self._settings.fill_level_per_percent

"""The description of a charger and its car in S2: one storage, and one actuator that charges it or is off.

The mode that takes power stands first. Ids are the same for ever, whichever modes are described.
"""

from msgspec import Struct

from ....s2.messages.common import Commodity, CommodityQuantity, NumberRange, PowerRange
from ....s2.messages.frbc import ActuatorDescription, OperationMode, OperationModeElement, StorageDescription
from ..part_ids import part_id
from ..power_points import described_quantity
from ..transitions import Way, described_timers, described_transitions
from .charge_limit import Phases
from .settings import EvChargerSettings

ON, PAUSE, PHASES_KEPT = "least time on", "least time off", "least time between changes of phases"
"""The timers, as they are labelled."""
_TO_CHARGE_S, _TO_OFF_S, _TO_PHASES_S = 30.0, 5.0, 60.0
_OFTEN_STARTED_S = 1800.0
"""A car that was started often enough charges for so long at least."""


class ChargingMode(Struct, frozen=True):
    """A mode in which it charges; the range runs from factor 0 to factor 1."""

    id: str
    phases: Phases
    """On which the station is."""
    used: int
    """Which the car uses of them."""
    power_w: tuple[float, float]
    label: str

    def power_at(self, factor: float) -> float:
        start, end = self.power_w
        return start + factor * (end - start)

    def factor_at(self, power_w: float) -> float:
        start, end = self.power_w
        return min(1.0, max(0.0, (power_w - start) / (end - start))) if end > start else 0.0


class Described(Struct, frozen=True):
    """What of a charger and its car shapes the description."""

    modes: tuple[ChargingMode, ...]
    """Empty where it cannot charge."""
    can_rest: bool
    """Whether it may be told not to charge."""
    label: str
    """What its level is of, or why it cannot charge."""
    levels: tuple[float, float]
    """From what it is charged to by itself to where it stops, in %."""
    level_per_percent: float
    """How much fill level one percent of state of charge is."""
    rate_per_w: float
    """% each second."""
    is_often_started: bool = False


class EvDescription:
    """The description of a charger as it is now."""

    def __init__(self, resource_id: str, name: str | None, settings: EvChargerSettings, described: Described) -> None:
        self._name = name
        self._settings = settings
        self._described = described
        self.off = part_id(resource_id, "off")
        self.actuator_id = part_id(resource_id, "actuator")
        self.can_rest = described.can_rest or not described.modes
        """Whether `off` is described."""
        self.modes = {mode.id: mode for mode in described.modes}
        low, high = described.levels
        self.storage = StorageDescription(
            diagnostic_label=name,
            fill_level_label=described.label,
            provides_leakage_behaviour=False,
            provides_fill_level_target_profile=True,
            provides_usage_forecast=False,
            fill_level_range=self._told(low, high),
        )
        timers = settings.timers
        on_s = _OFTEN_STARTED_S if described.is_often_started else timers.on_s
        phases_s = timers.phases_s if settings.phase_switching else 0.0
        timers_s = {ON: float(on_s), PAUSE: float(timers.off_s), PHASES_KEPT: float(phases_s)}
        self._timers_s = {name: duration_s for name, duration_s in timers_s.items() if duration_s > 0}
        self.actuators = (self._described_actuator(),)

    def levels(self, low: float, high: float) -> NumberRange:
        """The fill levels between two states of charge (%)."""
        scale = self._described.level_per_percent
        return NumberRange(start_of_range=low * scale, end_of_range=high * scale)

    def _told(self, low: float, high: float) -> NumberRange:
        """The same with the margin at both ends: some peers take the very ends for beyond."""
        margin = float(self._settings.fill_level_margin)
        return self.levels(low - margin, high + margin)

    def _described_actuator(self) -> ActuatorDescription:
        off = self._mode(self.off, "off", (0.0, 0.0), (0.0, 100.0), self._quantity(self._settings.phases))
        modes = [self._charging(mode) for mode in self._described.modes]
        if self.can_rest:
            modes.append(off)
        return ActuatorDescription(
            id=self.actuator_id,
            diagnostic_label=self._name,
            supported_commodities=(Commodity.ELECTRICITY,),
            operation_modes=tuple(modes),
            transitions=described_transitions(self.actuator_id, self._ways()),
            timers=described_timers(self.actuator_id, self._timers_s),
        )

    def _ways(self) -> list[Way]:
        modes = list(self.modes)
        ways = []
        on, pause, phases_kept = self._timed(ON), self._timed(PAUSE), self._timed(PHASES_KEPT)
        for mode in modes if self._described.can_rest else ():
            ways.append(Way(self.off, mode, on, pause, _TO_CHARGE_S))
            ways.append(Way(mode, self.off, pause, on, _TO_OFF_S, passes_if_abnormal=on))
        for before in modes:
            others = [after for after in modes if after != before]
            ways += [Way(before, after, on + phases_kept, phases_kept, _TO_PHASES_S) for after in others]
        return ways

    def _timed(self, name: str) -> tuple[str, ...]:
        """The timer of that name, if there is one."""
        return (name,) if name in self._timers_s else ()

    def _charging(self, mode: ChargingMode) -> OperationMode:
        quantity = self._quantity(1 if mode.used == 1 else 3)
        return self._mode(mode.id, mode.label, mode.power_w, (0.0, self._described.levels[1]), quantity)

    def _quantity(self, phases: Phases) -> CommodityQuantity:
        return described_quantity(phases, self._settings.phase_rotation)

    def _mode(
        self,
        mode_id: str,
        label: str,
        power_w: tuple[float, float],
        soc: tuple[float, float],
        quantity: CommodityQuantity,
    ) -> OperationMode:
        start_w, end_w = power_w
        rate = self._described.rate_per_w * self._described.level_per_percent
        element = OperationModeElement(
            fill_level_range=self._told(*soc),
            fill_rate=NumberRange(start_of_range=start_w * rate, end_of_range=end_w * rate),
            power_ranges=(PowerRange(start_of_range=start_w, end_of_range=end_w, commodity_quantity=quantity),),
        )
        return OperationMode(id=mode_id, diagnostic_label=label, elements=(element,), abnormal_condition_only=False)

"""The model of a meter: what flows is measured, and nothing is ordered."""

from collections.abc import Iterable, Mapping

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import Now, Reading, Setpoint
from ...control import Control
from ...control.context import ControlContext
from ...occasion import Occasion
from .. import Protection, ResourceSetup
from ..kept_values import KeptValues
from ..power_points import power_points
from ..shared_state import SharedState
from .gas_flow import GasFlow
from .settings import MeterSettings

GAS = "gas"
HEAT = {
    CommodityQuantity.HEAT_THERMAL_POWER: "heat_power",
    CommodityQuantity.HEAT_FLOW_RATE: "heat_flow",
    CommodityQuantity.HEAT_TEMPERATURE: "heat_temperature",
}


class Meter:
    """The model of one meter."""

    foreseen_power = None
    is_time_known = True
    troubles = ()
    wish = head_room = None
    waits_for_device = False
    follow_within_s = 0.0
    is_at_rest = True

    def __init__(self, setup: ResourceSetup) -> None:
        settings: MeterSettings = setup.settings
        points = {**power_points(settings.phases, setup.abilities), **HEAT}
        measured = {quantity: point for quantity, point in points.items() if point in setup.abilities}
        self.kept = KeptValues()
        self.state = SharedState(measured, {})
        self._gas_flow = GasFlow()
        gas = (CommodityQuantity.NATURAL_GAS_FLOW_RATE,) if GAS in setup.abilities else ()
        self._possible = (*measured, *gas)
        self._seen: set[CommodityQuantity] = set()
        role = RoleType.ENERGY_PRODUCER if settings.measures == "generation" else RoleType.ENERGY_CONSUMER
        commodities = dict.fromkeys(_COMMODITY[quantity.partition(".")[0]] for quantity in self._possible)
        self.roles = tuple(Role(role=role, commodity=commodity) for commodity in commodities)

    @property
    def quantities(self) -> tuple[CommodityQuantity, ...]:
        """What was seen of what it may measure; all of that before anything was."""
        return tuple(each for each in self._possible if each in self._seen) or self._possible

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self.state.observe(readings, now)
        if count := self.state.reading(GAS):
            self._gas_flow.observe(count)
        if len(self._seen) < len(self._possible):
            self._seen.update(self.power())

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        return self.state.advance(now)

    def deadlines(self) -> Iterable[float]:
        return (self.state.stale_at,)

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        pass

    def control_types(self) -> tuple[ControlType, ...]:
        return ()

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        """Raises: KeyError: it offers none."""
        raise KeyError(control_type)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        flow = self._gas_flow.reading if self.state.is_known(GAS) else None
        return {**self.state.power(), **({CommodityQuantity.NATURAL_GAS_FLOW_RATE: flow} if flow else {})}

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return []

    def protect(self, now: Now) -> Protection | None:
        return None


_COMMODITY = {"ELECTRIC": Commodity.ELECTRICITY, "NATURAL_GAS": Commodity.GAS, "HEAT": Commodity.HEAT}
"""By the first word of a quantity."""

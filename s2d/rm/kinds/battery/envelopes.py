"""The PEBC adapter of a battery: it lives its own life, within what it may take and give."""

from collections.abc import Mapping

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import PowerEnvelopeConsequenceType
from ....values import RELEASE, Now, Setpoint
from ...control.execution import Stage, Verdict
from ...control.pebc.constraints import Constraints, EnergyNeed
from ...control.pebc.envelopes import Limits, PresentLimits
from ...occasion import Occasion
from .battery import FORCED, Battery, OrderedLimits


class BatteryEnvelopes:
    """The PEBC adapter: power can be limited both ways. What its envelope keeps a battery from, it does later."""

    def __init__(self, battery: Battery) -> None:
        self._battery = battery
        settings = battery.settings
        self._quantity = battery.description.quantity
        self._most_w = OrderedLimits(float(settings.max_charge_power_w), float(settings.max_discharge_power_w))
        self._constraints = Constraints.of(
            self._quantity,
            PowerEnvelopeConsequenceType.DEFER,
            upper=[(0.0, self._most_w.charge_w)],
            lower=[(-self._most_w.discharge_w, 0.0)],
        )

    def constraints(self) -> Constraints:
        return self._constraints

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        return ()

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        if not self._battery.state.is_online:
            return "the device does not answer"
        if why := self._battery.state.why_unknown("power"):
            return f"the power is unknown: {why}"
        return self._battery.state.fault

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        setpoints = self._battery.limits_within(self._ordered(wanted.limits), wanted, reason)
        if FORCED in self._battery.abilities:
            setpoints.insert(0, Setpoint(FORCED, RELEASE, reason))
        return [Stage(tuple(setpoints), self._battery.follow_within_s)]

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        ordered = self._ordered(limits)
        return self._battery.follows(-ordered.discharge_w, ordered.charge_w, since)

    def _ordered(self, limits: Mapping[CommodityQuantity, Limits]) -> OrderedLimits:
        if self._quantity not in limits:
            return self._most_w
        lower, upper = limits[self._quantity]
        return OrderedLimits(
            min(max(0.0, upper), self._most_w.charge_w), min(max(0.0, -lower), self._most_w.discharge_w)
        )

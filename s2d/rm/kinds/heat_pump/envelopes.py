"""The PEBC adapter of a heat pump: it lives its own life, and takes no more than its cap."""

from collections.abc import Mapping

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import PowerEnvelopeConsequenceType
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict
from ...control.pebc.constraints import Constraints, EnergyNeed
from ...control.pebc.envelopes import Limits, PresentLimits, upper_of
from ...occasion import Occasion
from .heat_pump import HeatPump


class HeatPumpEnvelopes:
    """The PEBC adapter: an upper limit. What its envelope keeps a heat pump from, it does later."""

    def __init__(self, heat_pump: HeatPump) -> None:
        assert heat_pump.cap is not None
        self._heat_pump = heat_pump
        self._cap = heat_pump.cap
        least_w, self._most_w = self._cap.range_w
        stop = [(0.0, 0.0)] if self._cap.can_stop and least_w > 0 else []
        self._constraints = Constraints.of(
            heat_pump.quantity,
            PowerEnvelopeConsequenceType.DEFER,
            upper=[(least_w, self._most_w), *stop],
            lower=[(0.0, 0.0)],
        )

    def constraints(self) -> Constraints:
        return self._constraints

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        return ()

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        if not self._heat_pump.state.is_online:
            return "the device does not answer"
        return self._heat_pump.obstacle_to_cap(self._upper_w(wanted.limits), now, is_abnormal=wanted.is_abnormal)

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        return self._cap.order(self._upper_w(wanted.limits), wanted, reason, now)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._heat_pump.rest(occasion, reason, now)

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        return self._cap.verdict_on(self._upper_w(limits), since)

    def _upper_w(self, limits: Mapping[CommodityQuantity, Limits]) -> float:
        return upper_of(limits, self._heat_pump.quantity, self._most_w)

"""The PEBC adapter of a PV inverter: what its envelope keeps it from producing vanishes."""

from collections.abc import Mapping

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import PowerEnvelopeConsequenceType
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict
from ...control.pebc.constraints import Constraints, EnergyNeed
from ...control.pebc.envelopes import Limits, PresentLimits
from ...occasion import Occasion
from ..power_points import described_quantity
from .pv import Pv


class PvEnvelopes:
    """The PEBC adapter: a lower limit, as production is negative; there is nothing to consume."""

    def __init__(self, pv: Pv) -> None:
        self._pv = pv
        self._quantity = described_quantity(pv.settings.phases)

    def constraints(self) -> Constraints:
        most_w = self._most_w
        return Constraints.of(
            self._quantity,
            PowerEnvelopeConsequenceType.VANISH,
            upper=[(0.0, 0.0)],
            lower=[(-most_w, -min(float(self._pv.settings.min_limit_w), most_w))],
        )

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        return ()

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        is_there = self._pv.state.is_online or self._pv.waits_for_device
        return None if is_there else "the device does not answer"

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        return self._pv.limit(self._produced_w(wanted.limits), wanted, reason)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._pv.rest(occasion, reason, now)

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        return self._pv.keeps(self._produced_w(limits), since)

    @property
    def _most_w(self) -> float:
        return self._pv.nameplate_w or 0.0

    def _produced_w(self, limits: Mapping[CommodityQuantity, Limits]) -> float:
        """The most it may produce; a quantity without a limit is free."""
        limit = limits.get(self._quantity)
        return self._most_w if limit is None else -limit.lower + 0.0

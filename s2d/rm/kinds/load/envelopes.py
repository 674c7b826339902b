"""The PEBC adapter of a load that modulates: an upper limit of what it takes."""

from collections.abc import Mapping

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import PowerEnvelopeConsequenceType
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict
from ...control.pebc.constraints import Constraints, EnergyNeed
from ...control.pebc.envelopes import Limits, PresentLimits, upper_of
from ...occasion import Occasion
from .load import Load

_CONSEQUENCES = {"defer": PowerEnvelopeConsequenceType.DEFER, "vanish": PowerEnvelopeConsequenceType.VANISH}


class LoadEnvelopes:
    """The PEBC adapter: the most it may take, and nothing at all where it cannot take so little."""

    def __init__(self, load: Load) -> None:
        self._load = load
        least_w, self._most_w = load.range_w
        stop = [(0.0, 0.0)] if least_w > 0 else []
        self._constraints = Constraints.of(
            load.quantity,
            _CONSEQUENCES[load.settings.consequence],
            upper=[(least_w, self._most_w), *stop],
            lower=[(0.0, 0.0)],
        )

    def constraints(self) -> Constraints:
        return self._constraints

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        return ()

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        return self._load.obstacle_to_limit(self._upper_w(wanted.limits), now, is_abnormal=wanted.is_abnormal)

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        return self._load.limit(self._upper_w(wanted.limits), wanted, reason)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._load.rest(occasion, reason, now)

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        return self._load.keeps(self._upper_w(limits), since)

    def _upper_w(self, limits: Mapping[CommodityQuantity, Limits]) -> float:
        return upper_of(limits, self._load.quantity, self._most_w)

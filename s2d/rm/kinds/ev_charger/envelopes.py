"""The PEBC adapter of an EV charger: the car charges as it likes, within what it may take.

Limits hold for whatever car comes, so a current is worked out for all the phases that the station has, never for those
that a car uses. A range ends where the settings say: what is measured or learnt moves none of them.
"""

from collections.abc import Mapping
from datetime import timedelta

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import PowerEnvelopeConsequenceType
from ....values import Now, Setpoint
from ...control.execution import FOLLOWED, PENDING, Stage, Verdict, failed
from ...control.pebc.constraints import Constraints, EnergyNeed
from ...control.pebc.envelopes import Limits, PresentLimits, upper_of
from ...occasion import Occasion
from ..power_points import described_quantity
from .charge_limit import Phases
from .ev_charger import EvCharger

_NEED_MOVED_W, _NEED_MOVED = 100.0, 0.05
"""What a car needs is told anew when it has moved by so much, or by this of itself..."""
_NEED_EVERY = timedelta(minutes=15)
"""...and so often while it charges."""


class EvEnvelopes:
    """The PEBC adapter: power can be limited, to nothing as well. What a car is kept from, it takes later."""

    def __init__(self, charger: EvCharger) -> None:
        self._charger = charger
        settings, limit = charger.settings, charger.limit
        fewest: Phases = 1 if charger.phases.can_switch else settings.phases
        self._quantity = described_quantity(settings.phases, settings.phase_rotation)
        self._least_w = limit.nominal_w(limit.least(fewest), fewest)
        self._most_w = limit.nominal_w(limit.most(settings.phases), settings.phases)
        self._need: EnergyNeed | None = None
        self._constraints = Constraints.of(
            self._quantity,
            PowerEnvelopeConsequenceType.DEFER,
            upper=[(self._least_w, self._most_w), (0.0, 0.0)],
            lower=[(0.0, 0.0)],
        )

    def constraints(self) -> Constraints:
        return self._constraints

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        """What the car takes until it leaves: told anew as it moves, and now and then while it charges."""
        car, now, departs_at = self._charger.car, self._charger.looked_at, self._charger.departs_at
        average_w = car.average_w(now) if now else None
        if now is None or average_w is None or departs_at is None:
            self._need = None
            return ()
        most_w = max(car.most_w(each, self._charger.limit) for each in self._charger.phases_possible())
        lower_w, upper_w = (min(each, most_w) for each in average_w)
        need = self._need
        if need is None or need.valid_until != departs_at or self._is_worth_telling(need, lower_w, upper_w, now):
            need = EnergyNeed(self._quantity, now.utc, departs_at, upper_w, lower_w)
        self._need = need
        return (need,)

    def _is_worth_telling(self, need: EnergyNeed, lower_w: float, upper_w: float, now: Now) -> bool:
        """Whether what is needed has moved, or was told long ago of a car that charges."""
        told_w = (need.lower_average_power_w, need.upper_average_power_w)
        is_moved = any(
            abs(each - told) > max(_NEED_MOVED_W, _NEED_MOVED * told)
            for each, told in zip((lower_w, upper_w), told_w, strict=True)
        )
        return is_moved or (self._charger.plug_in.is_charging and now.utc - need.valid_from >= _NEED_EVERY)

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        if obstacle := self._charger.obstacle():
            return obstacle
        is_stop = self._upper_w(wanted.limits) < self._least_w
        return self._charger.obstacle_to_stop(now) if is_stop and not wanted.is_abnormal else None

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        limit_w = self._upper_w(wanted.limits)
        if 0 < limit_w < self._least_w:
            reason = f"{reason}: {limit_w:g} W is less than its least, so it stops"
        return [Stage(tuple(self._charger.order_limit(limit_w, wanted, reason, now)), self._charger.follow_within_s)]

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._charger.rest(occasion, reason, now)

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        charger = self._charger
        if charger.plug_in.is_car_there is False:
            return FOLLOWED
        if charger.phases.failed:
            return failed(charger.phases.failed)
        if (total := charger.measured.total_since(since)) is None:
            return PENDING
        return FOLLOWED if total.number <= charger.most_w(self._upper_w(limits)) else PENDING

    def _upper_w(self, limits: Mapping[CommodityQuantity, Limits]) -> float:
        return min(upper_of(limits, self._quantity, self._most_w), self._most_w)

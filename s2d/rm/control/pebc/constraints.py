"""Where limits of power may be put, and for how long.

Spec: EN 50491-12-2, PEBC; S2 JSON `PEBC.PowerConstraints`, `PEBC.EnergyConstraint`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import AllowedLimitRange, PowerEnvelopeConsequenceType, PowerEnvelopeLimitType
from .envelopes import Limits

_KINDS = (PowerEnvelopeLimitType.LOWER_LIMIT, PowerEnvelopeLimitType.UPPER_LIMIT)
"""In the order of `Limits`."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Where limits may be put. Equal constraints are the same ones: they keep their id."""

    consequence_type: PowerEnvelopeConsequenceType
    allowed_limit_ranges: tuple[AllowedLimitRange, ...]
    """At least one for upper and one for lower limits of every quantity."""
    valid_from: datetime | None = None
    """None for now."""
    valid_until: datetime | None = None
    """None for no end."""


@dataclass(frozen=True, slots=True)
class EnergyNeed:
    """Energy that must flow in a window of time, as bounds of the average power."""

    commodity_quantity: CommodityQuantity
    valid_from: datetime
    valid_until: datetime
    upper_average_power_w: float
    lower_average_power_w: float


class AllowedLimits:
    """Where the limits of every quantity may be put."""

    def __init__(self, ranges: Iterable[AllowedLimitRange]) -> None:
        self._ranges: dict[tuple[CommodityQuantity, PowerEnvelopeLimitType], list[AllowedLimitRange]] = {}
        for each in ranges:
            self._ranges.setdefault((each.commodity_quantity, each.limit_type), []).append(each)

    def objection_to(self, quantity: CommodityQuantity, limits: Limits, *, is_abnormal: bool) -> str | None:
        """Why *quantity* may not be kept within *limits*."""
        for kind, limit in zip(_KINDS, limits, strict=True):
            for each in self._ranges.get((quantity, kind), ()):
                boundary = each.range_boundary
                if boundary.start_of_range <= limit <= boundary.end_of_range and (
                    is_abnormal or not each.abnormal_condition_only
                ):
                    break
            else:
                return f"{kind} {limit:g} of {quantity} is in no allowed range"
        return None


class Published(NamedTuple):
    """Constraints as they were told."""

    id: str
    constraints: Constraints
    allowed: AllowedLimits

    def is_in_force(self, at: datetime) -> bool:
        """Whether they have not ended by then."""
        until = self.constraints.valid_until
        return until is None or at < until

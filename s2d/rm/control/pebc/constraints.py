"""Power constraints: where limits of power may be put, and for how long.

Spec: EN 50491-12-2, PEBC; S2 JSON `PEBC.PowerConstraints`, `PEBC.EnergyConstraint`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ....s2.messages.common import CommodityQuantity, NumberRange
from ....s2.messages.pebc import AllowedLimitRange, PowerEnvelopeConsequenceType, PowerEnvelopeLimitType
from .envelopes import Limits

_KINDS = (PowerEnvelopeLimitType.LOWER_LIMIT, PowerEnvelopeLimitType.UPPER_LIMIT)
"""In the order of `Limits`."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Power constraints: where limits may be put. Equal ones are the same ones: they keep their id."""

    consequence_type: PowerEnvelopeConsequenceType
    allowed_limit_ranges: tuple[AllowedLimitRange, ...]
    """At least one for upper and one for lower limits of every quantity."""
    valid_from: datetime | None = None
    """None for now."""
    valid_until: datetime | None = None
    """None for no end."""

    @staticmethod
    def of(
        quantity: CommodityQuantity,
        consequence_type: PowerEnvelopeConsequenceType,
        *,
        upper: Iterable[tuple[float, float]],
        lower: Iterable[tuple[float, float]],
    ) -> "Constraints":
        """Those of one quantity, without an end: from where to where its upper and its lower limit may be put.

        A CEM that reads but one range gets the first.
        """
        ranges = [(PowerEnvelopeLimitType.UPPER_LIMIT, *each) for each in upper]
        ranges += [(PowerEnvelopeLimitType.LOWER_LIMIT, *each) for each in lower]
        return Constraints(
            consequence_type,
            tuple(
                AllowedLimitRange(
                    commodity_quantity=quantity,
                    limit_type=limit_type,
                    range_boundary=NumberRange(start_of_range=start + 0.0, end_of_range=end + 0.0),
                    abnormal_condition_only=False,
                )
                for limit_type, start, end in ranges
            ),
        )


@dataclass(frozen=True, slots=True)
class EnergyNeed:
    """Energy that must flow in a window of time, as bounds of the average power."""

    commodity_quantity: CommodityQuantity
    valid_from: datetime
    valid_until: datetime
    upper_average_power_w: float
    lower_average_power_w: float


class AllowedLimits:
    """The allowed limits of every quantity: between the outer ends of its ranges.

    A limit in a gap between two ranges is kept as well as the device can: by the next one below that it has.
    """

    def __init__(self, ranges: Iterable[AllowedLimitRange]) -> None:
        self._ranges: dict[tuple[CommodityQuantity, PowerEnvelopeLimitType], list[AllowedLimitRange]] = {}
        for each in ranges:
            self._ranges.setdefault((each.commodity_quantity, each.limit_type), []).append(each)

    def objection_to(self, quantity: CommodityQuantity, limits: Limits, *, is_abnormal: bool) -> str | None:
        """Why *quantity* may not be kept within *limits*."""
        for kind, limit in zip(_KINDS, limits, strict=True):
            ends = self._ends_of(quantity, kind, is_abnormal=is_abnormal)
            if ends is None or not ends[0] <= limit <= ends[1]:
                return f"{kind} {limit:g} of {quantity} is in no allowed range"
        return None

    def objection_to_keeping(self, quantity: CommodityQuantity, limits: Limits, *, is_abnormal: bool) -> str | None:
        """Why *quantity* may not go on being kept within *limits*, which were allowed when they were set.

        An upper limit above what is possible by now, or a lower one below, is kept without doing anything.
        """
        narrowed = []
        for kind, limit in zip(_KINDS, limits, strict=True):
            low, high = self._ends_of(quantity, kind, is_abnormal=is_abnormal) or (limit, limit)
            narrowed.append(max(low, limit) if kind is PowerEnvelopeLimitType.LOWER_LIMIT else min(high, limit))
        return self.objection_to(quantity, Limits(*narrowed), is_abnormal=is_abnormal)

    def _ends_of(
        self, quantity: CommodityQuantity, kind: PowerEnvelopeLimitType, *, is_abnormal: bool
    ) -> tuple[float, float] | None:
        """The outer ends of where such a limit may be put; None if it may not be put anywhere."""
        boundaries = [
            each.range_boundary
            for each in self._ranges.get((quantity, kind), ())
            if is_abnormal or not each.abnormal_condition_only
        ]
        if not boundaries:
            return None
        return min(each.start_of_range for each in boundaries), max(each.end_of_range for each in boundaries)


class Published(NamedTuple):
    """Power constraints as they were told."""

    id: str
    constraints: Constraints
    allowed: AllowedLimits

    def is_in_force(self, at: datetime) -> bool:
        """Whether they have not ended by then."""
        until = self.constraints.valid_until
        return until is None or at < until

"""Power envelopes: the limits an instruction asks for, and which of them hold when.

Spec: EN 50491-12-2, PEBC; S2 JSON `PEBC.PowerEnvelope`, `PEBC.PowerEnvelopeElement`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from ....s2.messages.common import CommodityQuantity
from ....s2.messages.pebc import PowerEnvelope, PowerEnvelopeElement
from ....values import Now
from ...instructions import Order

_CENTURY_MS = 100 * 365 * 86_400_000
"""Nobody sees the end of an element that lasts longer, and S2 allows more than a float can hold."""


class Limits(NamedTuple):
    """A lower and an upper limit of a quantity, in its unit; consumption positive."""

    lower: float
    upper: float


def upper_of(limits: Mapping[CommodityQuantity, Limits], quantity: CommodityQuantity, free: float) -> float:
    """The upper limit of *quantity* among *limits*; *free* without any."""
    return limits[quantity].upper if quantity in limits else free


class PresentLimits(Struct, frozen=True):
    """The limits of an instruction that hold at present."""

    limits: Mapping[CommodityQuantity, Limits]
    """A quantity without any is free."""
    until: float
    """When (monotonic seconds) the last of its envelopes lapses."""
    is_abnormal: bool


class Envelopes(Struct, frozen=True):
    """The goal of an instruction: a power envelope for each quantity."""

    all: tuple[PowerEnvelope, ...]
    """One for each quantity."""
    begins_at: datetime
    is_abnormal: bool

    @property
    def lasts_s(self) -> float:
        """Until the last of them has lapsed."""
        return max(sum(map(_seconds_of, each.power_envelope_elements)) for each in self.all)

    def first_limits(self) -> dict[CommodityQuantity, Limits]:
        """Those of the first elements."""
        return {each.commodity_quantity: limits_of(each.power_envelope_elements[0]) for each in self.all}

    def every_limits(self) -> list[tuple[CommodityQuantity, Limits]]:
        """Those of all elements."""
        return [
            (each.commodity_quantity, limits_of(element))
            for each in self.all
            for element in each.power_envelope_elements
        ]


class Running:
    """The envelopes of one instruction while they last; a step of the clock changes nothing."""

    def __init__(self, order: Order[Envelopes], now: Now) -> None:
        self.order = order
        late_s = (now.utc - order.goal.begins_at).total_seconds()
        self._began_at = now.mono - max(0.0, late_s)
        self.limits: dict[CommodityQuantity, Limits] = {}
        """Those of the present elements."""
        self.changes_at: float | None = None
        """When (monotonic seconds) other limits follow, or none."""
        self._lapses_at = self._began_at + order.goal.lasts_s

    @property
    def present(self) -> PresentLimits:
        """What `enter` has found."""
        return PresentLimits(self.limits, self._lapses_at, self.order.goal.is_abnormal)

    def enter(self, now: Now) -> dict[CommodityQuantity, Limits]:
        """The limits from *now* until `changes_at`; a quantity whose envelope has lapsed is not among them."""
        self.changes_at, self.limits = None, {}
        for envelope in self.order.goal.all:
            end_s = 0.0
            for element in envelope.power_envelope_elements:
                end_s += _seconds_of(element)
                ends_at = self._began_at + end_s
                if ends_at > now.mono:
                    self.limits[envelope.commodity_quantity] = limits_of(element)
                    if self.changes_at is None or ends_at < self.changes_at:
                        self.changes_at = ends_at
                    break
        return self.limits


def _seconds_of(element: PowerEnvelopeElement) -> float:
    return min(element.duration, _CENTURY_MS) / 1000


def limits_of(element: PowerEnvelopeElement) -> Limits:
    """Those of *element*."""
    return Limits(element.lower_limit, element.upper_limit)

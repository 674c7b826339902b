"""Power Envelope Based Control: power kept between an upper and a lower limit.

Spec: S2 JSON 0.0.2-beta and 1.0.0, in which these are the same.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from .common import ID, CommodityQuantity, Duration, Message, NumberRange, Part, Timestamp, UpTo10, UpTo288


class PowerEnvelopeConsequenceType(StrEnum):
    VANISH = "VANISH"
    """What is not produced or consumed is lost."""
    DEFER = "DEFER"
    """It will be asked for later."""


class PowerEnvelopeLimitType(StrEnum):
    UPPER_LIMIT = "UPPER_LIMIT"
    LOWER_LIMIT = "LOWER_LIMIT"


class AllowedLimitRange(Part, frozen=True, kw_only=True):
    """Where a CEM may put a limit."""

    commodity_quantity: CommodityQuantity
    limit_type: PowerEnvelopeLimitType
    range_boundary: NumberRange
    abnormal_condition_only: bool


class PowerEnvelopeElement(Part, frozen=True, kw_only=True):
    duration: Duration
    upper_limit: float
    lower_limit: float


class PowerEnvelope(Part, frozen=True, kw_only=True):
    id: ID
    commodity_quantity: CommodityQuantity
    power_envelope_elements: UpTo288[PowerEnvelopeElement]


class PowerConstraints(Message, frozen=True, kw_only=True, tag="PEBC.PowerConstraints"):
    id: ID
    valid_from: Timestamp
    valid_until: Timestamp | None = None
    consequence_type: PowerEnvelopeConsequenceType
    allowed_limit_ranges: Annotated[tuple[AllowedLimitRange, ...], Meta(min_length=2, max_length=100)]


class EnergyConstraint(Message, frozen=True, kw_only=True, tag="PEBC.EnergyConstraint"):
    """Energy that must flow, as bounds of the average power over a window."""

    id: ID
    valid_from: Timestamp
    valid_until: Timestamp
    upper_average_power: float
    lower_average_power: float
    commodity_quantity: CommodityQuantity


class Instruction(Message, frozen=True, kw_only=True, tag="PEBC.Instruction"):
    id: ID
    execution_time: Timestamp
    abnormal_condition: bool
    power_constraints_id: ID
    power_envelopes: UpTo10[PowerEnvelope]


MESSAGES = (PowerConstraints, EnergyConstraint, Instruction)

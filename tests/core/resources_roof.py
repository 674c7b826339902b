"""Solar panels on a roof, as PEBC sees them: power that can be limited."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from s2d.rm.control.execution import FOLLOWED, PENDING, Stage, Verdict
from s2d.rm.control.pebc.control import Constraints, EnergyNeed, Limits, PresentLimits
from s2d.rm.instructions import Updates
from s2d.rm.occasion import Occasion
from s2d.s2.messages import pebc
from s2d.s2.messages.common import CommodityQuantity, ControlType, NumberRange
from s2d.s2.messages.pebc import AllowedLimitRange, PowerEnvelopeConsequenceType, PowerEnvelopeLimitType
from s2d.values import Now, Setpoint

from .resources_played import L1, Played, PlayedStage

LOWER, UPPER = PowerEnvelopeLimitType.LOWER_LIMIT, PowerEnvelopeLimitType.UPPER_LIMIT
Element = tuple[float, float, float]
"""Seconds, lower and upper limit."""


def allowed(
    kind: PowerEnvelopeLimitType, start: float, end: float, quantity: CommodityQuantity = L1, *, abnormal: bool = False
) -> AllowedLimitRange:
    return AllowedLimitRange(
        commodity_quantity=quantity,
        limit_type=kind,
        range_boundary=NumberRange(start_of_range=start, end_of_range=end),
        abnormal_condition_only=abnormal,
    )


def constraints(*ranges: AllowedLimitRange, **changes: Any) -> Constraints:
    ranges = ranges or (allowed(LOWER, -4000, 0), allowed(UPPER, 0, 0))
    return Constraints(PowerEnvelopeConsequenceType.VANISH, ranges, **changes)


class Roof(Played):
    """Its one point to write is `limits`."""

    control_type = ControlType.POWER_ENVELOPE_BASED_CONTROL

    def __init__(self, offered: Constraints | None = None, needs: tuple[EnergyNeed, ...] = ()) -> None:
        super().__init__()
        self.offered = offered or constraints()
        self.needs = needs

    def constraints(self) -> Constraints:
        return self.offered

    def energy_needs(self) -> tuple[EnergyNeed, ...]:
        return self.needs

    def obstacle_to(self, wanted: PresentLimits, now: Now) -> str | None:
        return "the roof does not answer" if self.is_lost else None

    def limit(self, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        words = (f"{each.rpartition('.')[2]} {lower:g}..{upper:g}" for each, (lower, upper) in wanted.limits.items())
        return [Stage((Setpoint("limits", ", ".join(words), reason),), self.follow_within_s)]

    def verdict_on(self, limits: Mapping[CommodityQuantity, Limits], since: float, now: Now) -> Verdict:
        at, power = self.read["power"]
        lower, upper = limits.get(L1, Limits(float("-inf"), float("inf")))
        is_kept = at > since and isinstance(power, float) and lower - 50 <= power <= upper + 50
        return FOLLOWED if is_kept else PENDING

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return [Setpoint("limits", "none", reason)]


class RoofStage(PlayedStage):
    """A CEM and a roof."""

    def __init__(self, roof: Roof | None = None, updates: Updates = "full", **decided: Any) -> None:
        self.roof = roof or Roof()
        super().__init__(self.roof, updates, **decided)

    @property
    def constraints_id(self) -> str:
        """Of the constraints told last, or of none."""
        told = (each.id for each in reversed(self.told) if isinstance(each, pebc.PowerConstraints))
        return next(told, "constraints-not-told")

    def envelope(
        self, name: str, *elements: Element, after_s: float = 0.0, quantity: CommodityQuantity = L1, **changes: Any
    ) -> pebc.Instruction:
        envelopes = (replace(envelope(*elements, quantity=quantity), id=name),)
        known: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "execution_time": self.now.utc + timedelta(seconds=after_s),
            "abnormal_condition": False,
            "power_constraints_id": self.constraints_id,
            "power_envelopes": envelopes,
        }
        return pebc.Instruction(**(known | changes))


def envelope(*elements: Element, quantity: CommodityQuantity = L1) -> pebc.PowerEnvelope:
    return pebc.PowerEnvelope(
        id=f"envelope-{quantity.rpartition('.')[2]}",
        commodity_quantity=quantity,
        power_envelope_elements=tuple(
            pebc.PowerEnvelopeElement(duration=round(seconds * 1000), lower_limit=lower, upper_limit=upper)
            for seconds, lower, upper in elements
        ),
    )

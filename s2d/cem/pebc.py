"""Power Envelope Based Control (PEBC), from the CEM's side: power constraints, energy constraints, envelopes. Pure.

A limit outside the allowed ranges is sent all the same, for whoever wants to see it rejected.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from ..s2.messages.common import CommodityQuantity, Message, NumberRange, RevokableObjects, RevokeObject
from ..s2.messages.pebc import (
    AllowedLimitRange,
    EnergyConstraint,
    Instruction,
    PowerConstraints,
    PowerEnvelope,
    PowerEnvelopeElement,
    PowerEnvelopeLimitType,
)
from .choices import Choices, InstructionDraft, InstructionHeader, remember
from .commands import CommandRefused, Element, Envelope, Limit, Operate, Order, Stop
from .formatting import MOST_SHOWN, Row, bounds_text, period_text, range_text, row, short_name, timeline, unit_of

USAGE = """\
charge 2 kW             an upper limit, by the name that its owner has for it; also a share of the largest, as in 50 %
stop                    nothing is taken or given
limit 2000              an upper limit in W; a negative one is a lower limit, and 0 is both
limit -3000 5000        a lower and an upper limit
limit 2kW for 15 min    for that long, else for a day
limit 0 4000 for 15m then 0 2000 for 15m
limit L1 2000 and L2 0  by quantity, where there are several
limit 0 abnormal        also within ranges that are for abnormal conditions only"""

CHARGES = ("charge", "heat", "take")
"""What owners call that it takes power."""
UNTIL_REVOKED_S = 86_400.0
"""How long a limit lasts that is not told how long."""
MOST_CONSTRAINTS = 100
"""Power constraints remembered, and energy constraints."""

_LOWER, _UPPER = PowerEnvelopeLimitType.LOWER_LIMIT, PowerEnvelopeLimitType.UPPER_LIMIT


class PowerEnvelopeChoices(Choices):
    """The choices of a resource whose power can be limited."""

    accepts = (Limit, Operate, Stop)
    usage = USAGE

    def __init__(self) -> None:
        self.constraints: dict[str, PowerConstraints] = {}
        self.energy: dict[str, EnergyConstraint] = {}

    def receive(self, message: Message) -> None:
        match message:
            case PowerConstraints():
                remember(self.constraints, message.id, message, MOST_CONSTRAINTS)
            case EnergyConstraint():
                remember(self.energy, message.id, message, MOST_CONSTRAINTS)
            case RevokeObject(object_type=RevokableObjects.PEBC_POWER_CONSTRAINTS):
                self.constraints.pop(message.object_id, None)
            case RevokeObject(object_type=RevokableObjects.PEBC_ENERGY_CONSTRAINT):
                self.energy.pop(message.object_id, None)

    def draft(self, order: Order, header: InstructionHeader, new_id: Callable[[], str]) -> InstructionDraft:
        constraints = self._constraints_at(header.execution_time)
        wanted = _wanted(order, constraints) if constraints else ()
        if constraints is None or not wanted:
            raise CommandRefused(f'"{order.verb}" cannot be ordered: {self.possible()}')
        envelopes = tuple(_envelope(new_id(), each, constraints, order.is_abnormal) for each in wanted)
        quantities = [each.commodity_quantity for each in envelopes]
        if len(set(quantities)) < len(quantities):
            raise CommandRefused(f"one envelope for each quantity, got {', '.join(map(short_name, quantities))}")
        instruction = Instruction(**header._asdict(), power_constraints_id=constraints.id, power_envelopes=envelopes)
        beyond = [each for each in envelopes if not _is_allowed(each, constraints, order.is_abnormal)]
        remark = ", ".join(_offer_text(constraints, each.commodity_quantity) for each in beyond)
        details = " and ".join(map(_envelope_text, envelopes))
        return InstructionDraft(
            instruction, "limit", "limit", details, f"outside what is offered: {remark}" if remark else ""
        )

    def possible(self) -> str:
        if not self.constraints:
            return "no power constraints are in force"
        latest = next(reversed(self.constraints.values()))
        return f'there is "limit", such as limit 0, within {_offers_text(latest)}'

    def completions(self) -> Iterable[str]:
        quantities = [short_name(quantity) for each in self.constraints.values() for quantity in _quantities(each)]
        several = ["and", *quantities] if len(set(quantities)) > 1 else []
        return dict.fromkeys(["limit", "charge", "stop", "for", "then", *several])

    def rows(self) -> Iterable[Row]:
        for each in list(self.constraints.values())[-MOST_SHOWN:]:
            offer = f"{_offers_text(each)}  {each.consequence_type}"
            yield Row("limits", (("", offer), ("label", f"  {period_text(each.valid_from, each.valid_until)}")))
        for need in list(self.energy.values())[-MOST_SHOWN:]:
            yield row("energy", _energy_text(need))

    def describe(self, message: Message) -> str:
        match message:
            case PowerConstraints():
                return f"{_offers_text(message)}  {message.consequence_type}"
            case EnergyConstraint():
                return _energy_text(message)
        return ""

    def _constraints_at(self, at: datetime) -> PowerConstraints | None:
        """Those in force at that time, the newest first; else the newest, for clocks differ."""
        newest = list(reversed(self.constraints.values()))
        in_force = (
            each for each in newest if each.valid_from <= at and (each.valid_until is None or at < each.valid_until)
        )
        return next(in_force, newest[0] if newest else None)


def _wanted(order: Order, constraints: PowerConstraints) -> tuple[Envelope, ...]:
    """What *order* asks for: what an owner calls to charge is to take up to so much. Empty if that makes no sense."""
    if isinstance(order, Limit):
        return order.envelopes
    if isinstance(order, Stop):
        return tuple(Envelope(quantity, (Element(0.0, 0.0),)) for quantity in _quantities(constraints))
    if not isinstance(order, Operate) or order.verb not in CHARGES:
        return ()
    if order.power_w is None and order.share is None:
        raise CommandRefused(f"{order.verb} needs a power, such as {order.verb} 2 kW")
    quantity = _quantity(None, constraints)
    most_w = max((each.end_of_range for each in _ranges(constraints, quantity, _UPPER, order.is_abnormal)), default=0.0)
    if most_w <= 0:
        return ()
    upper_w = order.power_w if order.power_w is not None else (order.share or 0.0) * most_w
    return (Envelope(quantity, (Element(None, upper_w),)),)


def _envelope(envelope_id: str, ordered: Envelope, constraints: PowerConstraints, is_abnormal: bool) -> PowerEnvelope:
    quantity = _quantity(ordered.quantity, constraints)
    return PowerEnvelope(
        id=envelope_id,
        commodity_quantity=quantity,
        power_envelope_elements=tuple(_element(each, quantity, constraints, is_abnormal) for each in ordered.elements),
    )


def _element(
    ordered: Element, quantity: CommodityQuantity, constraints: PowerConstraints, is_abnormal: bool
) -> PowerEnvelopeElement:
    """With the limit that is not given as far out as it may be, and never on the wrong side of the other."""
    lower, upper = ordered.lower, ordered.upper
    if lower is None:
        assert upper is not None
        ranges = _ranges(constraints, quantity, _LOWER, is_abnormal)
        lower = min([upper, *(each.start_of_range for each in ranges)])
    if upper is None:
        ranges = _ranges(constraints, quantity, _UPPER, is_abnormal)
        upper = max([lower, *(each.end_of_range for each in ranges)])
    duration_s = UNTIL_REVOKED_S if ordered.duration_s is None else ordered.duration_s
    return PowerEnvelopeElement(duration=round(duration_s * 1000), lower_limit=lower, upper_limit=upper)


def _quantity(word: str | None, constraints: PowerConstraints) -> CommodityQuantity:
    offered = _quantities(constraints)
    if word is None:
        if len(offered) == 1:
            return offered[0]
        such = f"such as limit {short_name(offered[0])} 2000"
        raise CommandRefused(f"limit of what? There are {', '.join(map(short_name, offered))}; say which, {such}")
    for quantities in (offered, tuple(CommodityQuantity)):
        found = [each for each in quantities if word.casefold() in (each.casefold(), short_name(each).casefold())]
        if found:
            return found[0]
    raise CommandRefused(f'"{word}" is no quantity and no power; there are {", ".join(map(short_name, offered))}')


def _is_allowed(envelope: PowerEnvelope, constraints: PowerConstraints, is_abnormal: bool) -> bool:
    return all(
        any(
            each.start_of_range <= limit <= each.end_of_range
            for each in _ranges(constraints, envelope.commodity_quantity, kind, is_abnormal)
        )
        for element in envelope.power_envelope_elements
        for kind, limit in ((_LOWER, element.lower_limit), (_UPPER, element.upper_limit))
    )


def _ranges(
    constraints: PowerConstraints, quantity: CommodityQuantity, kind: PowerEnvelopeLimitType, is_abnormal: bool
) -> list[NumberRange]:
    return [
        each.range_boundary
        for each in constraints.allowed_limit_ranges
        if (each.commodity_quantity, each.limit_type) == (quantity, kind)
        and (is_abnormal or not each.abnormal_condition_only)
    ]


def _quantities(constraints: PowerConstraints) -> tuple[CommodityQuantity, ...]:
    return tuple(dict.fromkeys(each.commodity_quantity for each in constraints.allowed_limit_ranges))


def _offers_text(constraints: PowerConstraints) -> str:
    return "; ".join(_offer_text(constraints, quantity) for quantity in _quantities(constraints))


def _offer_text(constraints: PowerConstraints, quantity: CommodityQuantity) -> str:
    """Between what the limits of *quantity* may be."""
    ranges = [each for each in constraints.allowed_limit_ranges if each.commodity_quantity == quantity]
    kinds = (
        f"{name} limit {' or '.join(_range_text(each) for each in ranges if each.limit_type is kind)}"
        for name, kind in (("lower", _LOWER), ("upper", _UPPER))
    )
    return f"{short_name(quantity)} {', '.join(kinds)}" if ranges else f"nothing of {short_name(quantity)}"


def _range_text(allowed: AllowedLimitRange) -> str:
    abnormal = " (abnormal)" if allowed.abnormal_condition_only else ""
    return f"{bounds_text(allowed.range_boundary)} {unit_of(allowed.commodity_quantity)}{abnormal}"


def _envelope_text(envelope: PowerEnvelope) -> str:
    unit = unit_of(envelope.commodity_quantity)
    limits = timeline(
        (each.duration, f"{each.lower_limit:g} .. {each.upper_limit:g} {unit}")
        for each in envelope.power_envelope_elements
    )
    return f"{short_name(envelope.commodity_quantity)} {limits}"


def _energy_text(constraint: EnergyConstraint) -> str:
    average = range_text(constraint.lower_average_power, constraint.upper_average_power)
    unit = unit_of(constraint.commodity_quantity)
    when = period_text(constraint.valid_from, constraint.valid_until)
    return f"{short_name(constraint.commodity_quantity)} {average} {unit} on average {when}"

"""PEBC: limits of power."""

from collections.abc import Sequence

from msgspec.structs import replace

from ..messages.common import ControlType
from ..messages.pebc import (
    EnergyConstraint,
    Instruction,
    PowerConstraints,
    PowerEnvelopeElement,
    PowerEnvelopeLimitType,
)
from ..values import Now
from .catalogue import Breach, PartBreach, Severity, rule
from .said import Said


@rule(
    "PEBC-001",
    "constraints have an upper and a lower limit range for each quantity they are about",
    source="S2 JSON, PEBC.PowerConstraints.allowed_limit_ranges",
)
def both_limits(message: PowerConstraints) -> Breach | None:
    limits = {(each.commodity_quantity, each.limit_type) for each in message.allowed_limit_ranges}
    for index, each in enumerate(message.allowed_limit_ranges):
        for limit in PowerEnvelopeLimitType:
            if (each.commodity_quantity, limit) not in limits:
                return f"/allowed_limit_ranges/{index}", f"no {limit} for {each.commodity_quantity}"
    return None


@rule("PEBC-002", "a constraint ends after it begins", source="S2 JSON, PEBC.*.valid_from, valid_until")
def window(message: PowerConstraints | EnergyConstraint) -> Breach | None:
    if message.valid_until is not None and message.valid_until <= message.valid_from:
        return "/valid_until", "it ends before it begins"
    return None


@rule(
    "PEBC-003",
    "an instruction is based on constraints that were published",
    source="S2 JSON, PEBC.Instruction.power_constraints_id",
)
def known(message: Instruction, said: Said) -> Breach | None:
    if message.power_constraints_id in said.constraints:
        return None
    is_expected = said.constraints or said.control_type is ControlType.POWER_ENVELOPE_BASED_CONTROL
    if is_expected:
        return "/power_constraints_id", f"no constraints {message.power_constraints_id!r} were published"
    return None


@rule(
    "PEBC-004",
    "an instruction is based on constraints in force when it starts",
    source="S2 JSON, PEBC.PowerConstraints.valid_from, valid_until",
    severity=Severity.WARNING,
)
def in_force(message: Instruction, said: Said, now: Now) -> Breach | None:
    constraints = said.constraints.get(message.power_constraints_id)
    if constraints is None:
        return None
    start = max(message.execution_time, now.utc)
    if start < constraints.valid_from or (constraints.valid_until is not None and start > constraints.valid_until):
        return "/power_constraints_id", f"{constraints.id!r} is not in force at {start.isoformat()}"
    return None


@rule("PEBC-005", "an instruction has one envelope per quantity", source="S2 JSON, PEBC.Instruction.power_envelopes")
def one_envelope(message: Instruction) -> Breach | None:
    if len(message.power_envelopes) > 1:
        quantities = [envelope.commodity_quantity for envelope in message.power_envelopes]
        for index, quantity in enumerate(quantities):
            if quantity in quantities[:index]:
                return f"/power_envelopes/{index}/commodity_quantity", f"{quantity} has an envelope before"
    return None


@rule("PEBC-006", "a lower limit is not above the upper", source="S2 JSON, PEBC.PowerEnvelopeElement")
def limits(parts: Sequence[PowerEnvelopeElement]) -> PartBreach | None:
    for index, part in enumerate(parts):
        if part.lower_limit > part.upper_limit:
            return index, "/lower_limit", f"{part.lower_limit:g} is above {part.upper_limit:g}"
    return None


@rule("PEBC-007", "a lower average power is not above the upper", source="S2 JSON, PEBC.EnergyConstraint")
def averages(message: EnergyConstraint) -> Breach | None:
    if message.lower_average_power > message.upper_average_power:
        what = f"{message.lower_average_power:g} is above {message.upper_average_power:g}"
        return "/lower_average_power", what
    return None


@rule(
    "PEBC-008", "a constraint id is used for one thing", source="S2 JSON, PEBC.PowerConstraints.id, EnergyConstraint.id"
)
def constraint_ids(message: PowerConstraints | EnergyConstraint, said: Said) -> Breach | None:
    held = said.constraints.get(message.id) or said.energy_constraints.get(message.id)
    # A message that was not understood is said again, under another message id.
    if held is not None and replace(held, message_id=message.message_id) != message:
        return "/id", f"{message.id!r} was used before in this session"
    return None

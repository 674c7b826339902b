"""PEBC: rules about power constraints, energy constraints and power envelopes."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from ...values import Now
from ..messages.common import ControlType
from ..messages.pebc import (
    EnergyConstraint,
    Instruction,
    PowerConstraints,
    PowerEnvelope,
    PowerEnvelopeElement,
    PowerEnvelopeLimitType,
)
from .history import History
from .registry import Breach, PartBreach, Severity, rule

_MS = timedelta(milliseconds=1)


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
def known(message: Instruction, history: History) -> Breach | None:
    constraints_id = message.power_constraints_id
    # What was replaced while the instruction was on its way, its control type rejects.
    if constraints_id in history.constraints or isinstance(history.withdrawn.get(constraints_id), PowerConstraints):
        return None
    is_expected = history.constraints or history.control_type is ControlType.POWER_ENVELOPE_BASED_CONTROL
    if is_expected:
        return "/power_constraints_id", f"no constraints {constraints_id!r} were published"
    return None


@rule(
    "PEBC-004",
    "an instruction is based on constraints in force when it starts",
    source="S2 JSON, PEBC.PowerConstraints.valid_from, valid_until",
    severity=Severity.WARNING,
)
def in_force(message: Instruction, history: History, now: Now) -> Breach | None:
    constraints = history.constraints.get(message.power_constraints_id)
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
def constraint_ids(message: PowerConstraints | EnergyConstraint, history: History) -> Breach | None:
    held = (
        history.constraints.get(message.id)
        or history.energy_constraints.get(message.id)
        or history.withdrawn.get(message.id)
    )
    # A message that was not understood is said again, under another message id.
    if held is not None and replace(held, message_id=message.message_id) != message:
        return "/id", f"{message.id!r} was used before in this session"
    return None


@rule(
    "PEBC-009",
    "an envelope that spans the time of an energy constraint allows its energy",
    source="S2 JSON, PEBC.EnergyConstraint.upper_average_power, lower_average_power",
    severity=Severity.WARNING,
)
def energy(message: Instruction, history: History, now: Now) -> Breach | None:
    if not history.energy_constraints:
        return None
    start = max(message.execution_time, now.utc)
    for constraint in history.energy_constraints.values():
        for index, envelope in enumerate(message.power_envelopes):
            if envelope.commodity_quantity is not constraint.commodity_quantity:
                continue
            average = _average(
                envelope, (constraint.valid_from - start) // _MS, (constraint.valid_until - start) // _MS
            )
            # What is to be consumed counts upwards, what is to be produced downwards.
            if average is not None:
                lower, upper = average
                if upper < constraint.upper_average_power and constraint.upper_average_power > 0:
                    what = f"{upper:g} on average, of {constraint.upper_average_power:g} for {constraint.id!r}"
                    return f"/power_envelopes/{index}", f"its upper limits allow {what}"
                if lower > constraint.lower_average_power and constraint.lower_average_power < 0:
                    what = f"{lower:g} on average, of {constraint.lower_average_power:g} for {constraint.id!r}"
                    return f"/power_envelopes/{index}", f"its lower limits allow {what}"
    return None


def _average(envelope: PowerEnvelope, from_ms: int, until_ms: int) -> tuple[float, float] | None:
    """The lower and the upper limit from *from_ms* to *until_ms* after its start, on average; None if it is shorter."""
    lower = upper = 0.0
    begins_ms = 0
    if from_ms < 0 or until_ms <= from_ms:
        return None
    for element in envelope.power_envelope_elements:
        ends_ms = begins_ms + element.duration
        share = max(0, min(ends_ms, until_ms) - max(begins_ms, from_ms)) / (until_ms - from_ms)
        lower, upper = lower + share * element.lower_limit, upper + share * element.upper_limit
        if ends_ms >= until_ms:
            return lower, upper
        begins_ms = ends_ms
    return None

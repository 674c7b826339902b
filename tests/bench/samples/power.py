"""PEBC as an inverter on a roof would speak it, and PPBC as a washing machine would."""

from datetime import datetime, timedelta

from s2d.s2.messages import pebc, ppbc
from s2d.s2.messages.common import CommodityQuantity, NumberRange, PowerForecastValue, Tagged

from .ids import new_id

_POWER = CommodityQuantity.ELECTRIC_POWER_L1
_PROGRAMMES = ("wash", "spin", "dry")
_SPEEDS = ("quick", "economy")


def pebc_samples(now: datetime, elements: int) -> list[Tagged]:
    """One message of each type of PEBC; the envelope has that many elements."""
    day = timedelta(days=1)
    constraints_id = new_id()
    return [
        pebc.PowerConstraints(
            message_id=new_id(),
            id=constraints_id,
            valid_from=now,
            valid_until=now + day,
            consequence_type=pebc.PowerEnvelopeConsequenceType.VANISH,
            allowed_limit_ranges=(
                _allowed(pebc.PowerEnvelopeLimitType.UPPER_LIMIT, 0.0, 0.0),
                _allowed(pebc.PowerEnvelopeLimitType.LOWER_LIMIT, -4999.5, 0.0),
            ),
        ),
        pebc.EnergyConstraint(
            message_id=new_id(),
            id=new_id(),
            valid_from=now,
            valid_until=now + day,
            upper_average_power=-250.5,
            lower_average_power=-1250.25,
            commodity_quantity=_POWER,
        ),
        pebc.Instruction(
            message_id=new_id(),
            id=new_id(),
            execution_time=now + timedelta(minutes=5),
            abnormal_condition=False,
            power_constraints_id=constraints_id,
            power_envelopes=(
                pebc.PowerEnvelope(
                    id=new_id(),
                    commodity_quantity=_POWER,
                    power_envelope_elements=tuple(map(_envelope_element, range(elements))),
                ),
            ),
        ),
    ]


def ppbc_samples(now: datetime) -> list[Tagged]:
    """One message of each type of PPBC."""
    containers = tuple(map(_container, range(len(_PROGRAMMES))))
    profile_id = new_id()

    def ordered() -> dict[str, object]:
        return {
            "message_id": new_id(),
            "id": new_id(),
            "power_profile_id": profile_id,
            "sequence_container_id": containers[0].id,
            "power_sequence_id": containers[0].power_sequences[0].id,
            "execution_time": now + timedelta(minutes=5),
            "abnormal_condition": False,
        }

    return [
        ppbc.PowerProfileDefinition(
            message_id=new_id(),
            id=profile_id,
            start_time=now,
            end_time=now + timedelta(hours=12),
            power_sequences_containers=containers,
        ),
        ppbc.PowerProfileStatus(
            message_id=new_id(),
            sequence_container_status=tuple(_container_status(profile_id, each) for each in containers),
        ),
        ppbc.ScheduleInstruction(**ordered()),  # type: ignore[arg-type]
        ppbc.StartInterruptionInstruction(**ordered()),  # type: ignore[arg-type]
        ppbc.EndInterruptionInstruction(**ordered()),  # type: ignore[arg-type]
    ]


def _allowed(limit_type: pebc.PowerEnvelopeLimitType, start: float, end: float) -> pebc.AllowedLimitRange:
    return pebc.AllowedLimitRange(
        commodity_quantity=_POWER,
        limit_type=limit_type,
        range_boundary=NumberRange(start_of_range=start, end_of_range=end),
        abnormal_condition_only=False,
    )


def _envelope_element(hour: int) -> pebc.PowerEnvelopeElement:
    return pebc.PowerEnvelopeElement(duration=3_600_000, upper_limit=0.0, lower_limit=-4000.5 + 100 * hour)


def _container(number: int) -> ppbc.PowerSequenceContainer:
    return ppbc.PowerSequenceContainer(
        id=new_id(), power_sequences=tuple(_sequence(number, speed) for speed in range(len(_SPEEDS)))
    )


def _sequence(number: int, speed: int) -> ppbc.PowerSequence:
    return ppbc.PowerSequence(
        id=new_id(),
        elements=tuple(_sequence_element(number, speed, step) for step in range(4)),
        is_interruptible=False,
        max_pause_before=1_800_000,
        abnormal_condition_only=False,
    )


def _sequence_element(number: int, speed: int, step: int) -> ppbc.PowerSequenceElement:
    expected = 150.5 + 500 * number + 100 * speed + 10 * step
    value = PowerForecastValue(
        value_upper_limit=2200.0, value_expected=expected, value_lower_limit=0.0, commodity_quantity=_POWER
    )
    return ppbc.PowerSequenceElement(duration=900_000, power_values=(value,))


def _container_status(profile_id: str, container: ppbc.PowerSequenceContainer) -> ppbc.PowerSequenceContainerStatus:
    return ppbc.PowerSequenceContainerStatus(
        power_profile_id=profile_id,
        sequence_container_id=container.id,
        selected_sequence_id=container.power_sequences[0].id,
        status=ppbc.PowerSequenceStatus.SCHEDULED,
    )

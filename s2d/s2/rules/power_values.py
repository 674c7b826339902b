"""PM: rules about power values that are measured, forecast, or belong to an operation mode."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from ..messages import ddbc, frbc, ombc, ppbc
from ..messages.common import (
    Commodity,
    CommodityQuantity,
    PowerForecast,
    PowerForecastElement,
    PowerForecastValue,
    PowerMeasurement,
    ResourceManagerDetails,
)
from .history import History
from .registry import Breach, PartBreach, Severity, rule

HasPowerRanges = frbc.OperationModeElement | ombc.OperationMode | ddbc.OperationMode

_PHASES = (
    CommodityQuantity.ELECTRIC_POWER_L1,
    CommodityQuantity.ELECTRIC_POWER_L2,
    CommodityQuantity.ELECTRIC_POWER_L3,
)
_SYMMETRIC = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
_COMMODITY = {
    quantity: {"ELECTRIC": Commodity.ELECTRICITY, "HEAT": Commodity.HEAT, "OIL": Commodity.OIL}.get(
        quantity.value.partition(".")[0], Commodity.GAS
    )
    for quantity in CommodityQuantity
}


@rule("PM-001", "a measurement has one value per quantity", source="S2 JSON, PowerMeasurement.values")
def measured_once(parts: Sequence[PowerMeasurement]) -> PartBreach | None:
    return _one_each(parts)


@rule(
    "PM-002",
    "only announced quantities are measured",
    source="S2 JSON, ResourceManagerDetails.provides_power_measurement_types",
)
def announced(message: PowerMeasurement, history: History) -> Breach | None:
    if history.details is not None:
        known = history.details.provides_power_measurement_types
        for index, value in enumerate(message.values):
            if value.commodity_quantity not in known:
                return f"/values/{index}/commodity_quantity", f"{value.commodity_quantity} was not announced"
    return None


@rule("PM-003", "a forecast is told only if announced", source="S2 JSON, ResourceManagerDetails.provides_forecast")
def forecast_announced(message: PowerForecast, history: History) -> Breach | None:
    if history.details is not None and not history.details.provides_forecast:
        return "", "no forecast was announced"
    return None


@rule("PM-004", "a forecast has one value per quantity at a time", source="S2 JSON, *Element.power_values")
def forecast_once(parts: Sequence[PowerForecastElement | ppbc.PowerSequenceElement]) -> PartBreach | None:
    return _one_each(parts)


HasBands = PowerForecastValue | frbc.UsageForecastElement | ddbc.AverageDemandRateForecastElement

_BANDS = ("lower_limit", "lower_95PPR", "lower_68PPR", "expected", "upper_68PPR", "upper_95PPR", "upper_limit")
_BANDS_OF = {
    kind: attrgetter(*(f"{prefix}_{band}" for band in _BANDS))
    for kind, prefix in (
        (PowerForecastValue, "value"),
        (frbc.UsageForecastElement, "usage_rate"),
        (ddbc.AverageDemandRateForecastElement, "demand_rate"),
    )
}


@rule(
    "PM-005",
    "the bands of a forecast lie around the expected value, the more certain outside",
    source="S2 JSON, *_limit, *_95PPR, *_68PPR, *_expected",
    severity=Severity.WARNING,
)
def bands(parts: Sequence[HasBands]) -> PartBreach | None:
    bands_of = _BANDS_OF[parts[0].__class__]
    for index, (lowest, lower, low, expected, high, higher, highest) in enumerate(map(bands_of, parts)):
        # A band that is not told is taken to be as wide as the one within.
        if low is None:
            low = expected
        if lower is None:
            lower = low
        if lowest is None:
            lowest = lower
        if high is None:
            high = expected
        if higher is None:
            higher = high
        if highest is None:
            highest = higher
        if lowest > lower or lower > low or low > expected or expected > high or high > higher or higher > highest:
            return index, "", "its bands are not in order"
    return None


_POWERS_OF: dict[type[object], tuple[str, Callable[[Any], Any]]] = {
    kind: (name, attrgetter(name))
    for kind, name in (
        (PowerMeasurement, "values"),
        (PowerForecastElement, "power_values"),
        (ppbc.PowerSequenceElement, "power_values"),
        (frbc.OperationModeElement, "power_ranges"),
        (ombc.OperationMode, "power_ranges"),
        (ddbc.OperationMode, "power_ranges"),
    )
}
"""Where those tell of powers that tell of one or more quantities at once."""


@rule(
    "PM-006",
    "power is told phase by phase or as a symmetric total, not both",
    source="S2 JSON, CommodityQuantity",
    severity=Severity.WARNING,
)
def phases(
    parts: Sequence[PowerMeasurement | PowerForecastElement | ppbc.PowerSequenceElement | HasPowerRanges],
) -> PartBreach | None:
    # Who announces both tells now the one and now the other, by how many phases are in use.
    name = _POWERS_OF[parts[0].__class__][0]
    for index, quantities in _quantities(parts):
        if _SYMMETRIC in quantities and any(phase in quantities for phase in _PHASES):
            return index, f"/{name}", "both single phases and their symmetric total"
    return None


@rule(
    "PM-009",
    "a device that uses a single phase calls it L1",
    source="S2 JSON, CommodityQuantity",
    severity=Severity.WARNING,
)
def first_phase(message: ResourceManagerDetails) -> Breach | None:
    first, *others = (phase in message.provides_power_measurement_types for phase in _PHASES)
    if not first and sum(others) == 1:
        return "/provides_power_measurement_types", "its only phase is another"
    return None


@rule("PM-007", "an operation mode has one power range per quantity", source="S2 JSON, *.power_ranges")
def ranged_once(parts: Sequence[HasPowerRanges]) -> PartBreach | None:
    return _one_each(parts)


@rule(
    "PM-008",
    "an operation mode has a power range for each commodity its actuator supports",
    source="S2 JSON, *.ActuatorDescription.supported_commodities; common peers refuse less",
    severity=Severity.WARNING,
)
def commodities(part: frbc.ActuatorDescription | ddbc.ActuatorDescription) -> Breach | None:
    is_frbc = isinstance(part, frbc.ActuatorDescription)
    wanted = part.supported_commodities if isinstance(part, frbc.ActuatorDescription) else part.supported_commodites
    modes: tuple[frbc.OperationMode | ddbc.OperationMode, ...] = part.operation_modes
    complete: list[CommodityQuantity] = []
    for number, mode in enumerate(modes):
        for index, element in enumerate(_ranged(mode)):
            quantities = [power.commodity_quantity for power in element.power_ranges]
            if quantities == complete:
                continue
            found = [_COMMODITY[quantity] for quantity in quantities]
            for commodity in wanted:
                if commodity not in found:
                    pointer = f"/operation_modes/{number}{f'/elements/{index}' if is_frbc else ''}/power_ranges"
                    return pointer, f"none for {commodity}"
            complete = quantities
    return None


def _quantities(parts: Sequence[Struct]) -> Iterator[tuple[int, list[CommodityQuantity]]]:
    """Which part tells of which quantities, of those with several and not the same ones as the part before."""
    before: list[CommodityQuantity] = []
    for index, powers in enumerate(map(_POWERS_OF[parts[0].__class__][1], parts)):
        if len(powers) > 1:
            quantities = [power.commodity_quantity for power in powers]
            if quantities != before:
                yield index, quantities
                before = quantities


def _one_each(parts: Sequence[Struct]) -> PartBreach | None:
    """Where a part tells of a quantity twice."""
    for index, quantities in _quantities(parts):
        if len(set(quantities)) < len(quantities):
            again = next(at for at, each in enumerate(quantities) if each in quantities[:at])
            name = _POWERS_OF[parts[0].__class__][0]
            return index, f"/{name}/{again}/commodity_quantity", f"{quantities[again]} stands there before"
    return None


def _ranged(mode: frbc.OperationMode | ddbc.OperationMode) -> Sequence[HasPowerRanges]:
    """What of *mode* has power ranges."""
    return mode.elements if isinstance(mode, frbc.OperationMode) else (mode,)

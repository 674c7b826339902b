"""MSG, PM and RMD: messages of every control type."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, get_args

from ..messages import ddbc, frbc, ombc, pebc, ppbc
from ..messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    EnergyManagementRole,
    Handshake,
    InstructionStatusUpdate,
    Message,
    PowerForecast,
    PowerForecastElement,
    PowerForecastValue,
    PowerMeasurement,
    PowerRange,
    PowerValue,
    ResourceManagerDetails,
    SelectControlType,
)
from ..values import Now
from .catalogue import Breach, Severity, rule
from .said import OperationMode, Said

AHEAD = timedelta(minutes=5)
"""What is told to have happened may be this far in the future, for clocks differ."""
AWAY = timedelta(days=366)
"""What is told to have happened, or shall happen, is at most this far from now."""

Ranged = frbc.OperationModeElement | ombc.OperationMode | ddbc.OperationMode

_PHASES = frozenset(
    (CommodityQuantity.ELECTRIC_POWER_L1, CommodityQuantity.ELECTRIC_POWER_L2, CommodityQuantity.ELECTRIC_POWER_L3)
)
_SYMMETRIC = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
_COMMODITY = {
    quantity: {"ELECTRIC": Commodity.ELECTRICITY, "HEAT": Commodity.HEAT, "OIL": Commodity.OIL}.get(
        quantity.value.partition(".")[0], Commodity.GAS
    )
    for quantity in CommodityQuantity
}


@rule(
    "MSG-007",
    "a message id is used once in a session",
    source="S2 JSON, *.message_id",
    severity=Severity.WARNING,
)
def message_id(message: Message, said: Said) -> Breach | None:
    if message.message_id in said.message_ids:
        return "/message_id", f"{message.message_id!r} was used before in this session"
    return None


Dated = (
    PowerMeasurement
    | PowerForecast
    | InstructionStatusUpdate
    | frbc.SystemDescription
    | frbc.LeakageBehaviour
    | frbc.UsageForecast
    | frbc.FillLevelTargetProfile
    | frbc.Instruction
    | pebc.PowerConstraints
    | pebc.EnergyConstraint
    | pebc.Instruction
    | ppbc.PowerProfileDefinition
    | ppbc.ScheduleInstruction
    | ppbc.StartInterruptionInstruction
    | ppbc.EndInterruptionInstruction
    | ombc.SystemDescription
    | ombc.Instruction
    | ddbc.SystemDescription
    | ddbc.SystemDescriptionBeta
    | ddbc.AverageDemandRateForecast
    | ddbc.Instruction
)
_DATE_OF = {
    kind: next(
        name
        for name in ("measurement_timestamp", "timestamp", "start_time", "valid_from", "execution_time")
        if name in kind.__struct_fields__
    )
    for kind in get_args(Dated)
}


@rule(
    "MSG-008",
    "a timestamp is plausible: within a year of now, and what has happened does not lie ahead",
    source="S2 JSON, *_timestamp, *_time, valid_from",
    severity=Severity.WARNING,
)
def plausible(message: Dated, said: Said, now: Now) -> Breach | None:
    name = _DATE_OF[message.__class__]
    date: datetime = getattr(message, name)
    ahead = date - now.utc
    if not -AWAY <= ahead <= AWAY:
        return f"/{name}", f"{date.isoformat()} is more than a year from now"
    if ahead > AHEAD and name.endswith("timestamp"):
        return f"/{name}", f"{date.isoformat()} lies ahead"
    return None


@rule(
    "MSG-009", "an RM says which protocol versions it speaks", source="S2 JSON, Handshake.supported_protocol_versions"
)
def versions(message: Handshake) -> Breach | None:
    if message.role is EnergyManagementRole.RM and message.supported_protocol_versions is None:
        return "/supported_protocol_versions", "an RM must say which versions it speaks"
    return None


@rule("PM-001", "a measurement has one value per quantity", source="S2 JSON, PowerMeasurement.values")
def measured_once(message: PowerMeasurement) -> Breach | None:
    return _one_each(message.values, "/values") if len(message.values) > 1 else None


@rule(
    "PM-002",
    "only announced quantities are measured",
    source="S2 JSON, ResourceManagerDetails.provides_power_measurement_types",
)
def announced(message: PowerMeasurement, said: Said) -> Breach | None:
    if said.details is not None:
        known = said.details.provides_power_measurement_types
        for index, value in enumerate(message.values):
            if value.commodity_quantity not in known:
                return f"/values/{index}/commodity_quantity", f"{value.commodity_quantity} was not announced"
    return None


@rule("PM-003", "a forecast is told only if announced", source="S2 JSON, ResourceManagerDetails.provides_forecast")
def forecast_announced(message: PowerForecast, said: Said) -> Breach | None:
    if said.details is not None and not said.details.provides_forecast:
        return "", "no forecast was announced"
    return None


@rule("PM-004", "a forecast has one value per quantity at a time", source="S2 JSON, *Element.power_values")
def forecast_once(part: PowerForecastElement | ppbc.PowerSequenceElement) -> Breach | None:
    return _one_each(part.power_values, "/power_values") if len(part.power_values) > 1 else None


Bands = PowerForecastValue | frbc.UsageForecastElement | ddbc.AverageDemandRateForecastElement

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
def bands(part: Bands) -> Breach | None:
    values = _BANDS_OF[part.__class__](part)
    if None in values:
        told = [value for value in values if value is not None]
        is_ordered = len(told) == 1 or told == sorted(told)
    else:
        lowest, lower, low, expected, high, higher, highest = values
        is_ordered = lowest <= lower <= low <= expected <= high <= higher <= highest
    return None if is_ordered else ("", "its bands are not in order")


_POWERS_OF: dict[type[object], tuple[str, Callable[[Any], Any]]] = {
    kind: (name, attrgetter(name))
    for kind, name in (
        (PowerMeasurement, "values"),
        (PowerForecastElement, "power_values"),
        (ppbc.PowerSequenceElement, "power_values"),
        (frbc.OperationModeElement, "power_ranges"),
        (ombc.OperationMode, "power_ranges"),
        (ddbc.OperationMode, "power_ranges"),
        (ResourceManagerDetails, "provides_power_measurement_types"),
    )
}


@rule(
    "PM-006",
    "power is told phase by phase or as a symmetric total, not both",
    source="S2 JSON, CommodityQuantity",
    severity=Severity.WARNING,
)
def phases(
    part: PowerMeasurement | PowerForecastElement | ppbc.PowerSequenceElement | Ranged | ResourceManagerDetails,
) -> Breach | None:
    name, values_of = _POWERS_OF[part.__class__]
    values = values_of(part)
    if len(values) > 1:
        quantities = values if part.__class__ is ResourceManagerDetails else [one.commodity_quantity for one in values]
        if _SYMMETRIC in quantities and not _PHASES.isdisjoint(quantities):
            return f"/{name}", "both single phases and their symmetric total"
    return None


@rule("PM-007", "an operation mode has one power range per quantity", source="S2 JSON, *.power_ranges")
def ranged_once(part: Ranged) -> Breach | None:
    return _one_each(part.power_ranges, "/power_ranges") if len(part.power_ranges) > 1 else None


@rule(
    "PM-008",
    "an operation mode has a power range for each commodity its actuator supports",
    source="S2 JSON, *.ActuatorDescription.supported_commodities; common peers refuse less",
    severity=Severity.WARNING,
)
def commodities(part: frbc.ActuatorDescription | ddbc.ActuatorDescription) -> Breach | None:
    if isinstance(part, frbc.ActuatorDescription):
        wanted = part.supported_commodities
        ranges = [
            (f"/{number}/elements/{index}", element.power_ranges)
            for number, mode in enumerate(part.operation_modes)
            for index, element in enumerate(mode.elements)
        ]
    else:
        wanted = part.supported_commodites
        ranges = [(f"/{number}", mode.power_ranges) for number, mode in enumerate(part.operation_modes)]
    for place, powers in ranges:
        found = [_COMMODITY[power.commodity_quantity] for power in powers]
        for commodity in wanted:
            if commodity not in found:
                return f"/operation_modes{place}/power_ranges", f"none for {commodity}"
    return None


@rule("RMD-001", "a control type that is selected is offered", source="S2 JSON, SelectControlType.control_type")
def offered(message: SelectControlType, said: Said) -> Breach | None:
    wanted = message.control_type
    is_none = wanted is ControlType.NO_SELECTION or wanted is ControlType.NOT_CONTROLABLE
    if said.details is not None and not is_none and wanted not in said.details.available_control_types:
        return "/control_type", f"{wanted} is not offered"
    return None


@rule(
    "RMD-002",
    "who publishes costs has said in which currency",
    source="S2 JSON, ResourceManagerDetails.currency",
    severity=Severity.WARNING,
)
def currency(
    message: frbc.SystemDescription | ombc.SystemDescription | ddbc.SystemDescription | ddbc.SystemDescriptionBeta,
    said: Said,
) -> Breach | None:
    if said.details is None or said.details.currency is not None:
        return None
    if isinstance(message, ombc.SystemDescription):
        return _costs(message, "")
    actuators: tuple[frbc.ActuatorDescription | ddbc.ActuatorDescription, ...] = message.actuators
    breaches = (_costs(actuator, f"/actuators/{index}") for index, actuator in enumerate(actuators))
    return next((breach for breach in breaches if breach is not None), None)


@rule(
    "RMD-003",
    "there is one role per commodity",
    source="S2 JSON, ResourceManagerDetails.roles, Role.commodity",
    severity=Severity.WARNING,
)
def roles(message: ResourceManagerDetails) -> Breach | None:
    commodities = [role.commodity for role in message.roles]
    for index, commodity in enumerate(commodities):
        if commodity in commodities[:index]:
            return f"/roles/{index}/commodity", f"{commodity} has a role before"
    return None


@rule("RMD-004", "NO_SELECTION is never offered", source="EN 50491-12-2, ControlType")
def offers(message: ResourceManagerDetails) -> Breach | None:
    for index, control_type in enumerate(message.available_control_types):
        if control_type is ControlType.NO_SELECTION:
            return f"/available_control_types/{index}", "NO_SELECTION is not a control type"
    return None


@rule("RMD-005", "a resource keeps its id", source="S2 JSON, ResourceManagerDetails.resource_id")
def resource_id(message: ResourceManagerDetails, said: Said) -> Breach | None:
    if said.details is not None and said.details.resource_id != message.resource_id:
        return "/resource_id", f"it was {said.details.resource_id!r} before"
    return None


def _one_each(values: Sequence[PowerValue | PowerForecastValue | PowerRange], place: str) -> Breach | None:
    quantities = [value.commodity_quantity for value in values]
    for index, quantity in enumerate(quantities):
        if quantity in quantities[:index]:
            return f"{place}/{index}/commodity_quantity", f"{quantity} stands there before"
    return None


def _costs(
    part: frbc.ActuatorDescription | ombc.SystemDescription | ddbc.ActuatorDescription, place: str
) -> Breach | None:
    """Where costs stand in what has transitions and operation modes."""
    for index, transition in enumerate(part.transitions):
        if transition.transition_costs is not None:
            return f"{place}/transitions/{index}/transition_costs", _NO_CURRENCY
    modes: tuple[OperationMode, ...] = part.operation_modes
    for index, mode in enumerate(modes):
        where = f"{place}/operation_modes/{index}"
        if not isinstance(mode, frbc.OperationMode):
            if mode.running_costs is not None:
                return f"{where}/running_costs", _NO_CURRENCY
            continue
        for number, element in enumerate(mode.elements):
            if element.running_costs is not None:
                return f"{where}/elements/{number}/running_costs", _NO_CURRENCY
    return None


_NO_CURRENCY = "costs without a currency"

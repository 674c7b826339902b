"""OMBC and DDBC as a heat pump with a boiler beside it would speak them."""

from datetime import datetime, timedelta

from s2d.s2.messages import ddbc, ombc
from s2d.s2.messages.common import (
    Commodity,
    CommodityQuantity,
    Message,
    NumberRange,
    PowerRange,
    Tagged,
    Timer,
    Transition,
)

from .ids import new_id

_POWER = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
_HEAT = CommodityQuantity.HEAT_THERMAL_POWER
_MODES = ("off", "economy", "comfort", "legionella")
"""Each can follow each."""


def ombc_samples(now: datetime) -> list[Tagged]:
    """One message of each type of OMBC."""
    timer = Timer(id=new_id(), diagnostic_label="rest of the compressor", duration=600_000)
    modes = tuple(map(_ombc_mode, range(len(_MODES))))
    return [
        ombc.SystemDescription(
            message_id=new_id(),
            valid_from=now,
            operation_modes=modes,
            transitions=_transitions([mode.id for mode in modes], timer),
            timers=(timer,),
        ),
        ombc.Status(
            message_id=new_id(),
            active_operation_mode_id=modes[1].id,
            operation_mode_factor=0.3046,
            previous_operation_mode_id=modes[0].id,
            transition_timestamp=now,
        ),
        ombc.TimerStatus(message_id=new_id(), timer_id=timer.id, finished_at=now + timedelta(minutes=10)),
        ombc.Instruction(
            message_id=new_id(),
            id=new_id(),
            execution_time=now + timedelta(minutes=5),
            operation_mode_id=modes[1].id,
            operation_mode_factor=0.3046,
            abnormal_condition=False,
        ),
    ]


def ddbc_samples(now: datetime, elements: int, version: str) -> list[Tagged]:
    """One message of each type of DDBC, as *version* has them; the forecast has that many elements."""
    timer = Timer(id=new_id(), diagnostic_label="rest of the compressor", duration=600_000)
    modes = tuple(map(_ddbc_mode, range(len(_MODES))))
    actuator = ddbc.ActuatorDescription(
        id=new_id(),
        diagnostic_label="heat pump",
        supported_commodites=(Commodity.ELECTRICITY, Commodity.HEAT),
        operation_modes=modes,
        transitions=_transitions([mode.id for mode in modes], timer),
        timers=(timer,),
    )
    demand = NumberRange(start_of_range=3500.0, end_of_range=4500.0)
    message_id = new_id()
    described: list[Message] = [
        ddbc.SystemDescription(
            message_id=message_id,
            valid_from=now,
            actuators=(actuator,),
            provides_average_demand_rate_forecast=True,
        ),
        ddbc.PresentDemandStatus(message_id=new_id(), present_demand_rate=demand),
    ]
    if version == "0.0.2-beta":
        described = [
            ddbc.SystemDescriptionBeta(
                message_id=message_id,
                valid_from=now,
                actuators=(actuator,),
                present_demand_rate=demand,
                provides_average_demand_rate_forecast=True,
            )
        ]
    return [
        *described,
        ddbc.ActuatorStatus(
            message_id=new_id(),
            actuator_id=actuator.id,
            active_operation_mode_id=modes[1].id,
            operation_mode_factor=0.3046,
            previous_operation_mode_id=modes[0].id,
            transition_timestamp=now,
        ),
        ddbc.AverageDemandRateForecast(
            message_id=new_id(), start_time=now, elements=tuple(map(_demand_element, range(elements)))
        ),
        ddbc.TimerStatus(message_id=new_id(), timer_id=timer.id, actuator_id=actuator.id, finished_at=now),
        ddbc.Instruction(
            message_id=new_id(),
            id=new_id(),
            execution_time=now + timedelta(minutes=5),
            abnormal_condition=False,
            actuator_id=actuator.id,
            operation_mode_id=modes[1].id,
            operation_mode_factor=0.3046,
        ),
    ]


def _ombc_mode(number: int) -> ombc.OperationMode:
    return ombc.OperationMode(
        id=new_id(),
        diagnostic_label=_MODES[number],
        power_ranges=_power_ranges(number),
        running_costs=NumberRange(start_of_range=0.01, end_of_range=0.02),
        abnormal_condition_only=False,
    )


def _ddbc_mode(number: int) -> ddbc.OperationMode:
    return ddbc.OperationMode(
        id=new_id(),
        diagnostic_label=_MODES[number],
        power_ranges=_power_ranges(number),
        supply_range=NumberRange(start_of_range=3000.0 * number, end_of_range=4500.5 * number),
        running_costs=NumberRange(start_of_range=0.01, end_of_range=0.02),
        abnormal_condition_only=False,
    )


def _power_ranges(number: int) -> tuple[PowerRange, ...]:
    return (
        PowerRange(start_of_range=800.0 * number, end_of_range=1200.5 * number, commodity_quantity=_POWER),
        PowerRange(start_of_range=-4500.5 * number, end_of_range=-3000.0 * number, commodity_quantity=_HEAT),
    )


def _transitions(mode_ids: list[str], timer: Timer) -> tuple[Transition, ...]:
    return tuple(
        Transition(
            id=new_id(),
            from_=before,
            to=after,
            start_timers=(timer.id,),
            blocking_timers=(timer.id,),
            transition_duration=30_000,
            abnormal_condition_only=False,
        )
        for before in mode_ids
        for after in mode_ids
        if before != after
    )


def _demand_element(hour: int) -> ddbc.AverageDemandRateForecastElement:
    return ddbc.AverageDemandRateForecastElement(
        duration=3_600_000,
        demand_rate_upper_limit=9000.0,
        demand_rate_expected=3000.5 + 100 * hour,
        demand_rate_lower_limit=0.0,
    )

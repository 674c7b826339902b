"""A meter is only measured: power by phase, gas as it flows, heat; each message of one instant."""

from datetime import timedelta

import pytest

from s2d.events import Measured
from s2d.s2.effects import Effect
from s2d.s2.messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    PowerMeasurement,
    ResourceManagerDetails,
    RoleType,
)
from s2d.values import Reading

from ..core.stage import NOON
from .stage import KindStage, of_type

NOT_CONTROLABLE = ControlType.NOT_CONTROLABLE
L1, L2, L3, GAS = (
    CommodityQuantity.ELECTRIC_POWER_L1,
    CommodityQuantity.ELECTRIC_POWER_L2,
    CommodityQuantity.ELECTRIC_POWER_L3,
    CommodityQuantity.NATURAL_GAS_FLOW_RATE,
)
CONNECTION = """
kind: meter
measures: house
points:
  power_l1: {register: 1, type: int16, unit: W}
  power_l2: {register: 2, type: int16, unit: W}
  power_l3: {register: 3, type: int16, unit: W}
  gas: {register: 4, type: uint32, unit: l}
"""


def measurements(effects: list[Effect]) -> list[tuple[float, dict[CommodityQuantity, float]]]:
    """Seconds after noon, and what was measured then."""
    return [
        (
            (message.measurement_timestamp - NOON).total_seconds(),
            {each.commodity_quantity: each.value for each in message.values},
        )
        for message in of_type(PowerMeasurement, effects)
    ]


def metered(keys: str = CONNECTION, **values: float) -> KindStage:
    stage = KindStage(keys)
    stage.in_session(NOT_CONTROLABLE, **({"power_l1": 1234.0, "power_l2": -410.0, "power_l3": 83.0} | values))
    return stage


def counted(stage: KindStage, count_l: float, *, at_s: float) -> list[Effect]:
    """The meter says what it had counted *at_s* seconds after the beginning."""
    return stage.on(Measured((Reading("gas", count_l, at=1000.0 + at_s),)))


def test_who_it_is() -> None:
    stage = metered()
    details = [each for each in stage.said if isinstance(each, ResourceManagerDetails)]
    assert [(each.role, each.commodity) for each in details[-1].roles] == [
        (RoleType.ENERGY_CONSUMER, Commodity.ELECTRICITY),
        (RoleType.ENERGY_CONSUMER, Commodity.GAS),
    ]
    assert details[-1].available_control_types == (NOT_CONTROLABLE,)


def test_one_that_measures_a_generation_is_a_producer() -> None:
    stage = metered(CONNECTION.replace("house", "generation"))
    assert {each.role for each in stage.resource.roles} == {RoleType.ENERGY_PRODUCER}


@pytest.mark.parametrize(
    ("name", "measures", "called"),
    [("Device", "grid", "Device (connection)"), ("Device", "house", "Device"), ("Device", "device", "Device")],
)
def test_the_connection_is_called_so(name: str, measures: str, called: str) -> None:
    stage = metered(CONNECTION.replace("house", measures))
    assert stage.setup.identity.name == called


def test_each_phase_is_told_and_what_was_seen_is_announced() -> None:
    stage = KindStage(CONNECTION)
    effects = stage.in_session(NOT_CONTROLABLE, power_l1=1234.0, power_l2=-410.0, power_l3=83.0)
    assert measurements(effects) == [(0.0, {L1: 1234.0, L2: -410.0, L3: 83.0})]
    assert stage.resource.quantities == (L1, L2, L3)


def test_of_a_meter_on_one_phase_the_others_are_not_announced() -> None:
    stage = KindStage(CONNECTION)
    stage.in_session(NOT_CONTROLABLE, power_l1=1234.0, power_l2=None, power_l3=None)
    assert stage.resource.quantities == (L1,)
    (details,) = of_type(ResourceManagerDetails, stage.measured(power_l1=1.0, power_l2=2.0, power_l3=3.0))
    assert details.provides_power_measurement_types == (L1, L2, L3)


def flows(effects: list[Effect]) -> list[tuple[float, object]]:
    """Seconds after noon, and what gas flowed then; nothing else is in a message with it."""
    told = [(at_s, values) for at_s, values in measurements(effects) if GAS in values]
    assert all(values.keys() == {GAS} for _, values in told)
    return [(at_s, values[GAS]) for at_s, values in told]


def test_gas_that_has_flowed_is_told_of_the_instant_at_which_it_was_counted_and_apart_from_power() -> None:
    stage = metered()
    assert flows(counted(stage, 1000.0, at_s=-307.0)) == []
    told = counted(stage, 1040.0, at_s=-7.0)
    assert of_type(ResourceManagerDetails, told)[0].provides_power_measurement_types == (L1, L2, L3, GAS)
    assert flows(told) == [(-7.0, pytest.approx(0.133333, abs=1e-6))]


def test_gas_that_has_not_flowed_for_two_intervals_flows_no_more() -> None:
    stage = metered()
    counted(stage, 1000.0, at_s=-307.0)
    counted(stage, 1040.0, at_s=-7.0)
    stage.after(300.0)
    assert stage.resource.power()[GAS].number == pytest.approx(0.133333, abs=1e-6)
    counted(stage, 1040.0, at_s=293.0)
    assert stage.resource.power()[GAS].number == pytest.approx(0.133333, abs=1e-6)
    stage.after(300.0)
    assert flows(counted(stage, 1040.0, at_s=593.0)) == [(593.0, 0.0)]


def test_another_meter_that_counts_from_the_beginning_has_not_flowed_back() -> None:
    stage = metered()
    counted(stage, 1000.0, at_s=-307.0)
    counted(stage, 5.0, at_s=-7.0)
    assert GAS not in stage.resource.power()
    stage.after(300.0)
    assert flows(counted(stage, 35.0, at_s=293.0)) == [(293.0, 0.1)]


def test_gas_that_is_not_counted_any_more_is_told_no_more() -> None:
    stage = KindStage(CONNECTION, holds_s=30.0)
    stage.measured(power_l1=1.0, gas=1000.0)
    stage.elapsed_s += 10.0
    stage.measured(power_l1=1.0, gas=1010.0)
    assert stage.resource.power()[GAS].number == 1.0
    stage.after(31.0)
    assert stage.resource.power() == {}


def test_heat_is_told_as_it_is_measured() -> None:
    keys = """
kind: meter
measures: device
points:
  heat_power: {register: 1, unit: W}
  heat_flow: {register: 2, unit: l/h}
  heat_temperature: {register: 3, unit: "°C"}
"""
    stage = KindStage(keys)
    effects = stage.in_session(NOT_CONTROLABLE, heat_power=4200.0, heat_flow=0.25, heat_temperature=38.5)
    assert measurements(effects) == [
        (
            0.0,
            {
                CommodityQuantity.HEAT_THERMAL_POWER: 4200.0,
                CommodityQuantity.HEAT_FLOW_RATE: 0.25,
                CommodityQuantity.HEAT_TEMPERATURE: 38.5,
            },
        )
    ]
    assert {each.commodity for each in stage.resource.roles} == {Commodity.HEAT}


def test_nothing_is_written_to_it_on_any_occasion() -> None:
    stage = metered()
    stage.left()
    assert [each for each in stage.after(timedelta(days=1).total_seconds()) if "Apply" in type(each).__name__] == []

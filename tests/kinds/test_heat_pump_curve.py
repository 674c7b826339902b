"""A heating buffer whose comfort follows the heating curve, by FRBC."""

import pytest

from s2d.rm.kinds.heat_pump import KIND, HeatPump
from s2d.s2.effects import Effect, Started
from s2d.s2.messages import frbc
from s2d.s2.messages.common import ControlType

from ..core.stage import said
from .stage import FRBC, KindStage, of_type, statuses
from .test_heat_pump_frbc import MINUTE, Pump

BUFFER = """
kind: heat_pump
storage: buffer
volume: 500 l
comfort: {curve: -3 K .. 5 K}
power: 500 W .. 2 kW
cop: 4
standing_losses: 60 W
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  flow_setpoint: {register: 3, type: int16, scale: 0.1, unit: "°C"}
  power_offer: {register: 4, unit: W, access: write}
"""


def buffer(keys: str = BUFFER, **read: float) -> Pump:
    return Pump(keys, **({"temperature": 36.0, "power": 0.0, "flow_setpoint": 35.0} | read))


def band(description: frbc.SystemDescription) -> tuple[float, float]:
    levels = description.storage.fill_level_range
    return levels.start_of_range, levels.end_of_range


def around_description(effects: list[Effect]) -> tuple[frbc.StorageStatus, frbc.SystemDescription]:
    """The only description, and what was said just before it."""
    told = said(effects)
    (at,) = [at for at, each in enumerate(told) if isinstance(each, frbc.SystemDescription)]
    return told[at - 1], told[at]


def test_it_is_kept_around_the_flow_setpoint() -> None:
    pump = buffer()
    (described,) = of_type(frbc.SystemDescription, pump.first)
    assert band(described) == (32.0, 40.0)
    (leakage,) = of_type(frbc.LeakageBehaviour, pump.first)
    assert [
        (each.fill_level_range.start_of_range, each.fill_level_range.end_of_range) for each in leakage.elements
    ] == [
        (32.0, 36.0),
        (36.0, 40.0),
    ]
    (heat, rest) = described.actuators[0].operation_modes
    assert heat.elements[0].fill_level_range.end_of_range == 40.0
    assert rest.elements[0].fill_level_range.start_of_range == 32.0


def test_it_is_described_anew_once_the_curve_has_moved_2_k_and_no_sooner_than_after_half_an_hour() -> None:
    pump = buffer()
    assert of_type(frbc.SystemDescription, pump.lives(MINUTE, flow_setpoint=36.9)) == []
    told = pump.lives(30 * MINUTE, flow_setpoint=37.0)
    before, described = around_description(told)
    assert (before.present_fill_level, band(described)) == (36.0, (34.0, 42.0))
    (leakage,) = of_type(frbc.LeakageBehaviour, told)
    assert [each.fill_level_range.end_of_range for each in leakage.elements] == [38.0, 42.0]


def test_a_curve_that_moves_twice_within_half_an_hour_is_described_when_that_is_over() -> None:
    pump = buffer()
    pump.lives(31 * MINUTE, flow_setpoint=38.0)
    assert band(pump.description) == (35.0, 43.0)
    told = pump.lives(28 * MINUTE, flow_setpoint=34.0)
    assert of_type(frbc.SystemDescription, told) == []
    pump.lives(4 * MINUTE)
    assert band(pump.description) == (31.0, 39.0)
    assert of_type(frbc.SystemDescription, pump.lives(60 * MINUTE)) == []


def test_what_is_too_cold_by_where_the_curve_is_now_is_heated_whatever_is_ordered() -> None:
    pump = buffer()
    assert statuses(pump.order("wait", "rest")) == [("wait", "ACCEPTED"), ("wait", "STARTED")]
    pump.lives(31 * MINUTE)
    told = pump.lives(MINUTE, flow_setpoint=40.0)
    assert band(pump.description) == (37.0, 45.0)
    assert pump.told[-1] == ("power_offer", 2000.0)
    assert statuses(told) == [("wait", "ABORTED")]


def test_the_heat_in_it_is_told_by_the_band_that_is_described_next() -> None:
    pump = buffer(BUFFER.replace("cop: 4", "cop: 4\nfill_level_unit: kWh"))
    per_k = 500 * 4190 / 3.6e6
    told = pump.lives(31 * MINUTE, flow_setpoint=33.0)
    assert of_type(frbc.StorageStatus, pump.first)[0].present_fill_level == pytest.approx(4.0 * per_k)
    before, described = around_description(told)
    assert before.present_fill_level == pytest.approx(6.0 * per_k)
    assert band(described) == pytest.approx((0.0, 8.0 * per_k))


@pytest.mark.parametrize("flow_setpoint", [None, 5.0, 92.0])
def test_without_a_curve_that_can_be_it_is_no_storage(flow_setpoint: float | None) -> None:
    pump = buffer()
    assert FRBC in pump.resource.control_types()
    pump.lives(6 * MINUTE, flow_setpoint=flow_setpoint)
    assert pump.resource.control_types() == ()
    pump.lives(2 * MINUTE, flow_setpoint=35.0)
    assert FRBC in pump.resource.control_types()


def test_before_the_curve_is_known_nothing_is_offered_and_nothing_is_too_cold() -> None:
    stage = KindStage(BUFFER)
    stage.on(Started())
    effects = stage.in_session(FRBC, temperature=12.0, power=0.0)
    assert stage.offered() == (ControlType.NOT_CONTROLABLE,)
    assert of_type(frbc.SystemDescription, effects) == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("  flow_setpoint:", "  outdoor:", "the flow_setpoint, which its comfort follows, is not read"),
        (
            "power_offer: {register: 4, unit: W, access: write}",
            'temperature_setpoint: {register: 4, unit: "°C", access: write}',
            "there is nothing to write that makes it heat and rest: power_offer, on",
        ),
    ],
)
def test_it_follows_what_is_read_and_never_what_it_writes(old: str, new: str, why: str) -> None:
    pump = KindStage(
        BUFFER.replace(old, new) + "fallback: {temperature_setpoint: 40 °C}\n" * ("setpoint" in new)
    ).resource
    assert isinstance(pump, HeatPump)
    assert KIND.out_of_reach(pump.settings, pump.abilities)["frbc"] == why

"""Two winter days of a simulated heat pump and its tank under a CEM that orders at random: neither suffers."""

from random import Random

import pytest

from s2d.s2.effects import Started
from s2d.s2.messages import ombc
from s2d.simulation.heat_pump import SimulatedHeatPump
from s2d.simulation.outdoor import OutdoorTemperature

from .simulated_days import DAY_S, HOUR_S, Day
from .stage import FRBC, OMBC

TANK = """
kind: heat_pump
storage: dhw
volume: 200 l
comfort: 50 °C .. 56 °C
power: 1.8 kW
cop: 2.6
timers: {run: 10 min, pause: 10 min}
poll: 10 s
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  outdoor: {register: 3, type: int16, unit: "°C"}
  status: {register: 4, values: {0: rest, 1: heat, 2: hot_water, 3: defrost, 4: legionella, 5: alarm}}
  temperature_setpoint: {register: 5, scale: 0.1, unit: "°C", access: read_write}
"""
RELAYS = """
kind: heat_pump
power_normal: 600 W
power_boost: 2 kW
poll: 10 s
points:
  power: {register: 2, unit: W}
  outdoor: {register: 3, type: int16, unit: "°C"}
  sg_state: {register: 6}
  relay_1: {register: 7, table: coil, access: write}
  relay_2: {register: 8, table: coil, access: write}
"""


@pytest.mark.parametrize("seed", range(1))
def test_a_tank_stays_warm_by_its_setpoint(seed: int) -> None:
    chance = Random(seed)
    pump = SimulatedHeatPump(hot_water_c=56.0, outdoor=OutdoorTemperature(-4.0, 5.0))
    day = Day(TANK, ("temperature", "power", "outdoor", "status", "temperature_setpoint"), pump, {})
    day.on(Started())
    effects = day.in_session(FRBC, **day.shown())
    day.does(effects)
    while day.elapsed_s < 2 * DAY_S:
        day.lives(chance.choice([300.0, 900.0, 3600.0]))
        day.orders_some_mode(chance)
    outcomes = [status for _, status in day.became]
    assert outcomes.count("SUCCEEDED") > 10
    assert (pump.damage, pump.compressor.cut_short) == (0, 0)
    # A draw takes it below for as long as it takes to heat it again.
    assert day.coldest > 44.0
    assert day.cold_s < 2 * HOUR_S


@pytest.mark.parametrize("seed", range(1))
def test_an_sg_ready_input_is_told_nothing_too_soon_or_for_too_long(seed: int) -> None:
    chance = Random(seed)
    pump = SimulatedHeatPump(outdoor=OutdoorTemperature(-2.0, 9.0))
    day = Day(RELAYS, ("power", "outdoor", "sg_state"), pump, {"relay_1": False, "relay_2": False})
    day.on(Started())
    day.does(day.in_session(OMBC, **day.shown()))
    (description,) = [each for each in day.said if isinstance(each, ombc.SystemDescription)]
    ordered = 0
    while day.elapsed_s < 2 * DAY_S:
        day.lives(chance.choice([300.0, 900.0, 3600.0, 9000.0]))
        ordered += 1
        day.does(
            day.hears(
                ombc.Instruction(
                    message_id=f"m-{ordered}",
                    id=f"order-{ordered}",
                    execution_time=day.now.utc,
                    operation_mode_id=chance.choice(description.operation_modes).id,
                    operation_mode_factor=0.0,
                    abnormal_condition=False,
                )
            )
        )
    outcomes = [status for _, status in day.became]
    assert outcomes.count("SUCCEEDED") > 10
    assert (pump.damage, pump.sg.refused_changes, pump.sg.refused_blocks) == (0, 0, 0)

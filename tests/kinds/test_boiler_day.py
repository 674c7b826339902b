"""Days of a simulated boiler under a CEM that orders at random and goes: it stays warm, and never trips its cut-out."""

from random import Random

import pytest

from s2d.s2.effects import Started
from s2d.simulation.boiler import SimulatedBoiler
from s2d.simulation.tank import Tank

from .simulated_days import DAY_S, HOUR_S, Day
from .stage import FRBC

BOILER = """
kind: load
power: 2 kW
volume: 120 l
comfort: 50 °C .. 60 °C
poll: 10 s
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  "on": {register: 3, table: coil, access: read_write}
thermostat: """
LIMITED = """
kind: load
power: 500 W .. 2 kW
thermostat: false
volume: 120 l
comfort: 50 °C .. 60 °C
poll: 10 s
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  power_limit: {register: 3, unit: W, access: write}
"""


def lived(keys: str, points: tuple[str, ...], boiler: SimulatedBoiler, seed: int) -> Day:
    """Two days, of which a CEM is there by day."""
    chance = Random(seed)
    day = Day(keys, points, boiler, {"on": False} if "on" in points else {"on": True, "power_limit": 0.0})
    boiler.obey(day.orders, 0.0)
    day.on(Started())
    for _ in range(2):
        day.does(day.in_session(FRBC, **day.shown()))
        ends_at = day.elapsed_s + 16 * HOUR_S
        while day.elapsed_s < ends_at:
            day.lives(chance.choice([300.0, 900.0, 3600.0]))
            day.orders_some_mode(chance)
        day.does(day.left())
        day.lives(DAY_S - 16 * HOUR_S)
    return day


@pytest.mark.parametrize(
    ("keys", "points"),
    [(BOILER + "false", ("temperature", "power", "on")), (LIMITED, ("temperature", "power"))],
    ids=["switched", "limited"],
)
def test_without_a_thermostat_it_is_kept_within_its_band_by_us(keys: str, points: tuple[str, ...]) -> None:
    boiler = SimulatedBoiler(
        tank=Tank(120.0, 54.0, loss_w_per_k=1.0), thermostat_c=None, is_modulating=keys is LIMITED, has_cut_out=False
    )
    day = lived(keys, points, boiler, seed=3)
    assert [status for _, status in day.became].count("SUCCEEDED") > 10
    # It is as hot as it gets when it has been heated for its least time.
    assert 58.0 < day.hottest < 63.1
    assert day.coldest > 40.0
    assert day.cold_s < 4 * HOUR_S


def test_with_a_thermostat_it_is_left_to_that_at_night() -> None:
    boiler = SimulatedBoiler(tank=Tank(120.0, 54.0, loss_w_per_k=1.0), thermostat_c=60.0)
    day = lived(BOILER + "true", ("temperature", "power", "on"), boiler, seed=3)
    assert boiler.relay.is_on
    assert not boiler.fault
    assert day.hottest < 60.1
    assert day.cold_s < 4 * HOUR_S

"""A simulated heat pump by itself and under orders: what it does for its house, what it refuses, and what breaks it.

Time is in hours after a midnight where a story says so; nothing waits.
"""

import re
from random import Random

import pytest

from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.heat_pump import Compressor, HeatPumpStatus, SimulatedHeatPump, cop_of
from s2d.simulation.heating import HeatingCircuit
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.tank import Tank

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

NO_DRAWS = HotWaterDraws(0)
MILD = OutdoorTemperature(10, 10)
SUMMER = OutdoorTemperature(18, 24)
FROST = OutdoorTemperature(-5, -5)


def pump_at(tank_c=50.0, outdoor=SUMMER, **values):
    """A pump without draws, and in summer without a house to heat."""
    return SimulatedHeatPump(
        tank=values.pop("tank", None) or Tank(200, tank_c),
        outdoor=outdoor,
        draws=values.pop("draws", NO_DRAWS),
        **values,
    )


def lived(pump, from_s, until_s, every_s=10.0):
    """*pump* at every so many seconds, the first time after the first."""
    now_s = from_s
    while now_s < until_s:
        now_s += every_s
        pump.advance(now_s)
        yield now_s


def refused(pump):
    return pump.refused_starts, pump.sg.refused_changes, pump.sg.refused_blocks


@pytest.mark.parametrize(
    ("outdoor_c", "flow_c", "cop"), [(7, 35, 4.1), (2, 35, 3.6), (-7, 35, 3.0), (7, 55, 2.9), (-7, 55, 2.3)]
)
def test_the_cop_is_that_of_certified_pumps(outdoor_c, flow_c, cop):
    assert cop_of(outdoor_c, flow_c) == pytest.approx(cop, abs=0.05)


def test_the_cop_stays_in_bounds_where_there_is_no_lift():
    assert cop_of(40, 20) < 16
    assert cop_of(-60, 60) >= 1


def test_by_itself_it_keeps_water_and_house_warm_over_a_winter_day():
    pump = SimulatedHeatPump()
    seen = set()
    for now_s in lived(pump, 0, 3 * DAY_S, MINUTE_S):
        seen.add(pump.status)
        assert pump.tank.bottom_c > 40
        assert pump.tank.bottom_c <= 50.1
        if now_s > DAY_S:
            assert abs(pump.heating.water.mean_c - pump.flow_setpoint_c) < 7
    assert seen == {HeatPumpStatus.HEAT, HeatPumpStatus.HOT_WATER, HeatPumpStatus.DEFROST, HeatPumpStatus.REST}
    assert refused(pump) == (0, 0, 0)
    assert (pump.compressor.cut_short, pump.damage) == (0, 0)
    assert 20 < pump.energy_j / 3.6e6 / 3 < 45


def test_hot_water_comes_before_heating_without_a_stop_between_them():
    pump = pump_at(45.5, MILD, time_of_day_s=12 * HOUR_S)
    pump.heating.water.live(1, -5e6)
    pump.advance(5 * MINUTE_S)
    assert pump.status is HeatPumpStatus.HEAT
    pump.obey({"temperature_setpoint": 53.0}, 5 * MINUTE_S)
    assert pump.status is HeatPumpStatus.HOT_WATER
    heating_c = pump.heating.water.mean_c
    pump.advance(15 * MINUTE_S)
    assert pump.heating.water.mean_c < heating_c
    for _ in lived(pump, 15 * MINUTE_S, HOUR_S):
        if pump.status is HeatPumpStatus.HEAT:
            break
    assert pump.status is HeatPumpStatus.HEAT
    assert pump.tank.bottom_c == pytest.approx(53, abs=0.1)
    assert pump.compressor.starts == 1


def test_a_setpoint_within_the_hysteresis_starts_nothing():
    pump = pump_at(54.0)
    pump.obey({"temperature_setpoint": 58.0}, 0)
    pump.advance(10 * MINUTE_S)
    assert pump.status is HeatPumpStatus.REST
    pump = pump_at(52.9)
    pump.obey({"temperature_setpoint": 58.0}, 0)
    assert pump.status is HeatPumpStatus.HOT_WATER
    pump.obey({"temperature_setpoint": 50.0}, 10 * MINUTE_S)
    assert (pump.status, pump.compressor.cut_short) == (HeatPumpStatus.REST, 0)


def test_it_starts_softly_and_tells_what_it_takes_and_makes():
    pump = pump_at(40.0, MILD)
    assert (pump.status, pump.compressor_power_w) == (HeatPumpStatus.HOT_WATER, 500)
    pump.advance(2 * MINUTE_S)
    assert pump.power_w == 2000 + 8 + 40
    assert pump.cop == pytest.approx(cop_of(10, pump.tank.bottom_c + 5))
    values = pump.values()
    assert values["heat_power"] == pytest.approx(2000 * pump.cop)
    assert {name: values[name] for name in ("status", "compressor", "rod", "sg_state", "outdoor", "fault")} == {
        "status": "hot_water",
        "compressor": True,
        "rod": False,
        "sg_state": 2,
        "outdoor": pytest.approx(10),
        "fault": "ok",
    }
    assert pump.status_line().startswith("hot_water   power  2048 W   tank  40.6 °C")


def test_it_defrosts_with_power_and_without_heat():
    pump = pump_at(50.0, OutdoorTemperature(1, 1))
    now_s = next(now_s for now_s in lived(pump, 0, 4 * HOUR_S) if pump.status is HeatPumpStatus.DEFROST)
    assert 45 * MINUTE_S <= now_s < HOUR_S
    heating_c = pump.heating.water.mean_c
    assert (pump.compressor_power_w, pump.heat_power_w, pump.cop) == (2000, -4000, None)
    pump.advance(now_s + 290)
    assert pump.status is HeatPumpStatus.DEFROST
    assert pump.heating.water.mean_c < heating_c - 0.9
    pump.advance(now_s + 300)
    assert (pump.status, pump.defrosts) == (HeatPumpStatus.HEAT, 1)


def test_while_it_defrosts_its_hot_water_waits():
    pump = pump_at(40.0, OutdoorTemperature(1, 1), tank=Tank(1000, 40))
    begun_c, was_defrosting = pump.tank.bottom_c, False
    for _ in lived(pump, 0, 2 * HOUR_S):
        assert not was_defrosting or pump.tank.bottom_c < begun_c
        begun_c, was_defrosting = pump.tank.bottom_c, pump.status is HeatPumpStatus.DEFROST
    assert (pump.defrosts, pump.status) == (2, HeatPumpStatus.HOT_WATER)


@pytest.mark.parametrize(("outdoor_c", "defrosts"), [(6, 0), (1, 9), (-10, 5)])
def test_it_defrosts_where_the_air_is_moist_and_cold(outdoor_c, defrosts):
    pump = pump_at(50.0, OutdoorTemperature(outdoor_c, outdoor_c))
    pump.advance(8 * HOUR_S)
    assert pump.defrosts == pytest.approx(defrosts, abs=1)


def test_its_compressor_runs_and_rests_for_its_least_times():
    compressor = Compressor(300, 240)
    assert compressor.may_start(0)
    compressor.switch(True, 0)
    assert not compressor.may_stop(299)
    assert compressor.may_stop(300)
    compressor.switch(False, 300)
    assert not compressor.may_start(539)
    assert compressor.may_start(540)
    assert (compressor.starts, compressor.cut_short) == (1, 0)


def test_its_compressor_starts_six_times_an_hour_at_most():
    compressor = Compressor(0, 0)
    for minute in range(6):
        compressor.switch(True, minute * 60)
        compressor.switch(False, minute * 60 + 30)
    assert not compressor.may_start(3599)
    assert compressor.may_start(3600)


def test_an_order_to_stop_too_soon_waits_for_the_least_run():
    pump = pump_at(45.0)
    pump.obey({"temperature_setpoint": 55.0}, 0)
    pump.obey({"temperature_setpoint": 40.0}, MINUTE_S)
    assert pump.status is HeatPumpStatus.HOT_WATER
    pump.advance(290)
    assert pump.compressor.is_on
    pump.advance(300)
    assert (pump.status, pump.compressor.cut_short) == (HeatPumpStatus.REST, 0)


def test_an_order_to_start_too_soon_is_refused_and_counted():
    pump = pump_at(45.0)
    pump.obey({"temperature_setpoint": 58.0}, 0)
    pump.obey({"temperature_setpoint": 40.0}, 10 * MINUTE_S)
    pump.obey({"temperature_setpoint": 58.0}, 11 * MINUTE_S)
    assert (pump.status, refused(pump)) == (HeatPumpStatus.REST, (1, 0, 0))
    pump.advance(14 * MINUTE_S - 10)
    assert not pump.compressor.is_on
    pump.advance(14 * MINUTE_S)
    assert (pump.status, pump.compressor.starts, refused(pump)) == (HeatPumpStatus.HOT_WATER, 2, (1, 0, 0))


def test_what_it_wants_itself_is_no_refusal():
    pump = pump_at(45.0, draws=HotWaterDraws(20), time_of_day_s=7 * HOUR_S)
    pump.obey({"temperature_setpoint": 55.0}, 0)
    pump.obey({"on": False}, 10 * MINUTE_S)
    pump.advance(11 * MINUTE_S)
    assert pump.tank.bottom_c < 45
    pump.obey({}, 11 * MINUTE_S)
    assert (pump.compressor.is_on, refused(pump)) == (False, (0, 0, 0))


def test_a_cap_holds_and_below_its_least_power_it_stops_or_does_not():
    for cap_stops, power_w in ((False, 500), (True, 0)):
        pump = pump_at(40.0, cap_stops=cap_stops)
        pump.obey({"power_limit": 900.0}, 0)
        pump.advance(10 * MINUTE_S)
        assert pump.compressor_power_w == 900
        pump.obey({"power_limit": 300.0}, 10 * MINUTE_S)
        assert pump.compressor_power_w == power_w
        assert pump.compressor.is_on is not cap_stops


def test_a_cap_leaves_no_room_for_the_rod():
    pump = pump_at(57.0, legionella_after_s=0)
    assert (pump.status, pump.rod_is_on) == (HeatPumpStatus.LEGIONELLA, True)
    pump.obey({"power_limit": 2500.0}, 0)
    assert (pump.status, pump.rod_is_on, pump.power_w) == (HeatPumpStatus.LEGIONELLA, False, 8)


def test_an_offer_is_taken_up_to_what_is_offered_and_beyond_the_setpoint():
    pump = pump_at(50.0)
    for minute, offered_w, taken_w in ((0, 400.0, 0), (5, 1100.0, 1100), (10, 1500.0, 1500), (15, 5000.0, 2000)):
        pump.obey({"power_offer": offered_w}, minute * MINUTE_S)
        pump.advance(minute * MINUTE_S + 2 * MINUTE_S)
        assert pump.compressor_power_w == taken_w
    pump.advance(2 * HOUR_S)
    assert pump.tank.bottom_c == pytest.approx(55, abs=0.6)
    pump.obey({}, 2 * HOUR_S)
    assert pump.status is HeatPumpStatus.REST


def test_what_its_own_thermostat_wants_it_takes_whatever_is_offered():
    pump = pump_at(40.0)
    pump.obey({"power_offer": 600.0}, 0)
    pump.advance(5 * MINUTE_S)
    assert pump.compressor_power_w == 2000
    pump.obey({"power_offer": 0.0}, 5 * MINUTE_S)
    assert pump.compressor_power_w == 2000


def test_a_recommendation_raises_what_it_wants_and_is_no_command_to_start():
    pump = pump_at(51.0)
    pump.obey({"relay_1": False, "relay_2": True}, 0)
    pump.advance(MINUTE_S)
    assert (pump.sg.state, pump.status) == (3, HeatPumpStatus.REST)
    pump = pump_at(49.0)
    pump.obey({"relay_1": False, "relay_2": True}, 0)
    pump.advance(MINUTE_S)
    assert pump.status is HeatPumpStatus.HOT_WATER


def test_an_order_starts_it_with_the_rod_if_its_menu_says_so():
    for rod_when_ordered in (False, True):
        pump = pump_at(51.0, rod_when_ordered=rod_when_ordered)
        pump.obey({"mode": "forced"}, 0)
        pump.advance(2 * MINUTE_S)
        assert pump.status is HeatPumpStatus.HOT_WATER
        assert pump.power_w == pytest.approx(2048 + 3000 * rod_when_ordered)


def test_a_block_stops_it_for_two_hours_at_most_and_leaves_it_its_frost_protection():
    pump = pump_at(40.0, OutdoorTemperature(-2, -2))
    pump.advance(10 * MINUTE_S)
    pump.obey({"relay_1": True, "relay_2": False}, 10 * MINUTE_S)
    pump.advance(11 * MINUTE_S)
    assert (pump.sg.state, pump.status, pump.power_w) == (1, HeatPumpStatus.REST, 48)
    pump.advance(2 * HOUR_S + 9 * MINUTE_S)
    assert not pump.compressor.is_on
    pump.advance(2 * HOUR_S + 11 * MINUTE_S)
    assert (pump.sg.state, pump.status, refused(pump)) == (2, HeatPumpStatus.HOT_WATER, (0, 0, 1))
    assert pump.damage == 0


def test_an_enable_contact_rests_it_and_is_no_owner_who_switched_it_off():
    pump = pump_at(40.0)
    pump.obey({"on": False}, 10 * MINUTE_S)
    assert (pump.status, pump.power_w) == (HeatPumpStatus.REST, 8)


@pytest.mark.parametrize("choice", ["off", "holiday"])
def test_its_owner_switches_it_off_and_orders_do_nothing_then(choice):
    pump = pump_at(40.0, FROST)
    pump.obey({"owner": choice, "mode": "forced", "temperature_setpoint": 58.0}, 10 * MINUTE_S)
    pump.advance(3 * HOUR_S)
    assert (pump.status, pump.power_w, pump.damage) == (choice, 48, 0)
    pump.obey({"owner": "automatic"}, 3 * HOUR_S)
    assert pump.status is HeatPumpStatus.HOT_WATER


def test_an_alarm_stops_it_until_it_is_gone():
    pump = pump_at(30.0)
    pump.set_fault(True, 10 * MINUTE_S)
    assert (pump.status, pump.compressor.is_on, pump.fault) == (HeatPumpStatus.ALARM, False, True)
    pump.advance(20 * MINUTE_S)
    pump.set_fault(False, 20 * MINUTE_S)
    assert pump.status is HeatPumpStatus.HOT_WATER


def test_once_a_week_it_kills_legionella_with_its_rod():
    pump = pump_at(50.0, draws=HotWaterDraws())
    held_s, hottest_c, rod_j = 0.0, 0.0, 0.0
    for _ in lived(pump, 0, 7 * DAY_S, 10 * MINUTE_S):
        assert pump.status is not HeatPumpStatus.LEGIONELLA or pump.tank.bottom_c <= 50.1
    for _ in lived(pump, 7 * DAY_S, 7 * DAY_S + 4 * HOUR_S):
        if pump.status is HeatPumpStatus.LEGIONELLA:
            rod_j += 3000 * 10 * pump.rod_is_on
            held_s += 10 * (pump.tank.bottom_c >= 60)
            hottest_c = max(hottest_c, pump.tank.bottom_c)
    assert pump.status is not HeatPumpStatus.LEGIONELLA
    assert held_s == pytest.approx(1800, abs=20)
    assert 60 <= hottest_c < 63.1
    assert rod_j / 3.6e6 > 0.5
    assert pump.compressor.cut_short == 0
    for _ in lived(pump, 7 * DAY_S + 4 * HOUR_S, 14 * DAY_S, 10 * MINUTE_S):
        assert pump.status is not HeatPumpStatus.LEGIONELLA


def test_orders_to_rest_keep_legionella_alive_and_it_is_killed_when_they_end():
    pump = pump_at(50.0, legionella_after_s=HOUR_S)
    pump.obey({"on": False}, 0)
    pump.advance(2 * HOUR_S)
    assert pump.status is HeatPumpStatus.REST
    pump.obey({}, 2 * HOUR_S)
    assert pump.status is HeatPumpStatus.LEGIONELLA


def test_a_supply_that_is_cut_in_frost_bursts_the_outdoor_unit_after_two_hours():
    pump = pump_at(50.0, FROST)
    pump.advance(HOUR_S)
    pump.obey({"supply": False}, HOUR_S)
    assert (pump.power_w, pump.status) == (0, HeatPumpStatus.REST)
    now_s = next(now_s for now_s in lived(pump, HOUR_S, 6 * HOUR_S, MINUTE_S) if pump.damage)
    assert 1.5 * HOUR_S < now_s - HOUR_S < 3 * HOUR_S
    pump.obey({}, 6 * HOUR_S)
    pump.set_fault(False, 6 * HOUR_S)
    pump.advance(DAY_S)
    assert (pump.damage, pump.status, pump.fault) == (1, HeatPumpStatus.ALARM, True)


def test_a_supply_that_is_cut_for_an_hour_or_in_mild_weather_breaks_nothing():
    pump = pump_at(50.0, FROST)
    pump.obey({"supply": False}, HOUR_S)
    pump.obey({}, 2 * HOUR_S)
    assert (pump.damage, pump.fault) == (0, False)
    pump = pump_at(50.0, OutdoorTemperature(1, 6))
    pump.obey({"supply": False}, HOUR_S)
    pump.advance(3 * DAY_S)
    assert pump.damage == 0


def test_a_mode_that_there_is_none_is_refused():
    with pytest.raises(ValueError, match=r"^a heat pump knows the modes off, normal, boost, forced, not turbo$"):
        pump_at().obey({"mode": "turbo"}, 0)


def ordered_at_random(chance):
    """Orders as of a CEM that knows no mercy: relays, setpoints, caps, offers, owners, seldom the supply."""
    orders = {}
    if chance.random() < 0.4:
        orders |= {"relay_1": chance.random() < 0.3, "relay_2": chance.random() < 0.3}
    if chance.random() < 0.4:
        orders["temperature_setpoint"] = chance.uniform(35, 65)
    if chance.random() < 0.2:
        orders["power_limit"] = chance.uniform(0, 3000)
    if chance.random() < 0.2:
        orders["power_offer"] = chance.uniform(0, 3000)
    if chance.random() < 0.1:
        orders["owner"] = chance.choice(["off", "holiday", "automatic"])
    if chance.random() < 0.1:
        orders["on"] = False
    return orders


@pytest.mark.parametrize("seed", range(2))
def test_over_a_random_week_what_goes_in_is_stored_lost_or_drawn(seed):
    chance = Random(seed)
    pump = SimulatedHeatPump(
        tank=Tank(200, 50, layers=1 + seed % 2),
        draws=HotWaterDraws(seed=seed),
        outdoor=OutdoorTemperature(-6, 7),
        legionella_after_s=2 * DAY_S,
        rod_when_ordered=True,
    )
    tanks = pump.tank, pump.heating.water
    stored_j = sum(tank.stored_j for tank in tanks)
    heat_j = taken_j = 0.0
    orders_at_s = 0.0
    for step in range(round(7 * DAY_S / 10)):
        if step * 10 >= orders_at_s:
            pump.obey(ordered_at_random(chance), step * 10)
            orders_at_s += chance.uniform(600, 7200)
        rod_w = 3000 if pump.rod_is_on else 0
        defrost_w = -2 * pump.compressor_power_w if pump.status is HeatPumpStatus.DEFROST else 0
        heat_j += (pump.compressor_power_w * (pump.cop or 0) + rod_w + defrost_w) * 10
        taken_j += pump.power_w * 10
        pump.advance(step * 10 + 10)
    gone_j = sum(tank.lost_j + tank.drawn_j for tank in tanks)
    stored_more_j = sum(tank.stored_j for tank in tanks) - stored_j
    assert heat_j - gone_j == pytest.approx(stored_more_j, abs=0.001 * heat_j)
    assert heat_j - gone_j == pytest.approx(stored_more_j, abs=100), "far better than that, in truth"
    assert taken_j == pytest.approx(pump.energy_j)
    assert pump.defrosts > 5
    assert pump.damage == 0


def test_an_hour_at_once_is_an_hour_by_the_second():
    at_once, in_steps = (SimulatedHeatPump(time_of_day_s=7 * HOUR_S) for _ in range(2))
    at_once.advance(HOUR_S)
    for second in range(1, 3601):
        in_steps.advance(second)
    assert in_steps.values() == at_once.values()


@pytest.mark.parametrize("seed", range(3))
def test_however_often_it_is_asked_it_lives_the_same_life(seed):
    chance = Random(seed)
    seldom, often = SimulatedHeatPump(), SimulatedHeatPump()
    now_s = 0.0
    for _ in range(12):
        orders, wait_s = ordered_at_random(chance), chance.uniform(0, 3 * HOUR_S)
        for part in sorted(chance.random() for _ in range(50)):
            often.advance(now_s + part * wait_s)
        now_s += wait_s
        for pump in (seldom, often):
            pump.obey(orders, now_s)
        assert often.values() == seldom.values()


def test_it_shows_at_once_what_it_was_told_and_what_it_measures_within_ten_seconds():
    pump = pump_at(45.5)
    pump.obey({"temperature_setpoint": 55.0}, 3)
    assert pump.power_w > 0
    tank_c = pump.tank.bottom_c
    pump.advance(9)
    assert pump.tank.bottom_c == tank_c
    pump.advance(10)
    assert pump.tank.bottom_c > tank_c


def test_time_that_goes_back_changes_nothing():
    pump = SimulatedHeatPump()
    pump.advance(HOUR_S)
    before = pump.values()
    pump.advance(0)
    pump.obey({}, 0)
    assert pump.values() == before


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"least_power_w": 3000}, "the least power must be above 0 W, and the most not below it"),
        ({"rod_power_w": -1}, "the power of the rod must be 0 W or above"),
        ({"hot_water_c": 70}, "hot water must be between 30 and 58 °C"),
        ({"hysteresis_k": 0}, "the hysteresis must be above 0 K and at most 20 K"),
        ({"time_of_day_s": -1}, "the time of day must be between 00:00 and 24:00"),
    ],
)
def test_values_that_cannot_be_true_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        SimulatedHeatPump(**value)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"gradient": 0}, "the gradient of a heating curve must be above 0 and below 4"),
        ({"loss_w_per_k": 0}, "a house must lose more than 0 W/K"),
    ],
)
def test_houses_that_cannot_be_are_refused(value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        HeatingCircuit(**value)

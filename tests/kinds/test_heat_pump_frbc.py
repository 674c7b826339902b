"""A heat pump by FRBC: it heats a tank or leaves it alone, which stays warm whatever is ordered."""

from datetime import timedelta
from typing import Any

import pytest

from s2d.events import Measured
from s2d.rm.kinds.heat_pump import KIND
from s2d.s2.effects import Disconnected, Level, Note, Started
from s2d.s2.messages import frbc
from s2d.s2.messages.common import ControlType, ReceptionStatus, ReceptionStatusValues
from s2d.values import Quality, Reading

from ..core.stage import notes, said
from .heated_stage import DAY, HOUR, MINUTE, MONDAY, HeatedStage
from .stage import FRBC, KindStage, of_type, statuses

OFFERED = """
kind: heat_pump
storage: dhw
volume: 200 l
comfort: 50 °C .. 58 °C
power: 500 W .. 2 kW
cop: {-7 °C: 2.4, 7 °C: 3.4}
standing_losses: 50 W
usage: {weekdays: {"06:30": 1.5 kWh}}
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  outdoor: {register: 3, type: int16, unit: "°C"}
  power_offer: {register: 4, unit: W, access: write}
"""
SET = """
kind: heat_pump
storage: dhw
volume: 200 l
comfort: 50 °C .. 58 °C
power: 1.8 kW
cop: 2.9
timers: {run: 10 min, pause: 10 min}
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  status: {register: 3, values: {0: rest, 1: heat, 2: hot_water, 3: defrost, 4: legionella, 5: 'off', 6: alarm}}
  heat_now: {register: 5, table: discrete}
  temperature_setpoint: {register: 4, scale: 0.1, unit: "°C", access: read_write}
"""


class Pump(HeatedStage):
    """A heat pump."""


def offered(**read: Any) -> Pump:
    return Pump(OFFERED, **({"temperature": 51.5, "power": 0.0, "outdoor": 2.0} | read))


def by_setpoint(keys: str = SET, **read: Any) -> Pump:
    usual = {"temperature": 52.0, "power": 0.0, "status": "rest", "temperature_setpoint": 58.0, "heat_now": False}
    return Pump(keys, **(usual | read))


def test_the_tank_is_described_by_what_the_weather_lets_its_power_give() -> None:
    pump = offered()
    heat, rest = pump.description.actuators[0].operation_modes
    (element,), (resting,) = heat.elements, rest.elements
    assert element.fill_rate.start_of_range == pytest.approx(0.0018155472)
    assert element.fill_rate.end_of_range == pytest.approx(0.0072621889)
    assert (element.fill_level_range.start_of_range, element.fill_level_range.end_of_range) == (5.0, 58.0)
    assert (resting.fill_level_range.start_of_range, resting.fill_level_range.end_of_range) == (50.0, 95.0)
    storage = pump.description.storage
    assert storage.fill_level_label == "temperature of the hot water, °C"
    assert (storage.fill_level_range.start_of_range, storage.fill_level_range.end_of_range) == (50.0, 58.0)
    assert [(each.diagnostic_label, each.duration) for each in pump.description.actuators[0].timers] == [
        ("minimum run time", 1_200_000),
        ("minimum off time", 600_000),
    ]
    (leakage,) = of_type(frbc.LeakageBehaviour, pump.first)
    assert [each.leakage_rate for each in leakage.elements] == pytest.approx([6.364359586e-5, 7.159904535e-5])
    (usage,) = of_type(frbc.UsageForecast, pump.first)
    assert usage.start_time == MONDAY
    assert [each.duration for each in usage.elements] == [1_800_000, 1_800_000, 84_600_000, 1_800_000, 82_800_000]
    rates = [each.usage_rate_expected for each in usage.elements]
    assert rates == pytest.approx([0, 0.0035799523, 0, 0.0035799523, 0])


def test_a_margin_keeps_the_very_ends_of_comfort_inside_what_is_told_and_lets_no_order_go_beyond() -> None:
    pump = Pump(OFFERED + "fill_level_margin: 1 K\n", temperature=58.0, power=0.0, outdoor=2.0)
    heat, rest = (each.elements[0].fill_level_range for each in pump.description.actuators[0].operation_modes)
    told = pump.description.storage.fill_level_range
    assert [(each.start_of_range, each.end_of_range) for each in (told, heat, rest)] == [
        (49.0, 59.0),
        (4.0, 59.0),
        (49.0, 96.0),
    ]
    assert of_type(frbc.StorageStatus, pump.first)[0].present_fill_level == 58.0
    assert statuses(pump.order("more", "heat", 1.0)) == [("more", "REJECTED")]
    pump.lives(temperature=49.5)
    assert statuses(pump.order("less", "rest")) == [("less", "REJECTED")]
    assert pump.told == [("power_offer", 2000.0)]


def test_usage_is_foretold_anew_each_hour() -> None:
    pump = offered()
    told = of_type(frbc.UsageForecast, pump.lives(2.2 * HOUR, MINUTE))
    assert [each.start_time - MONDAY for each in told] == [timedelta(hours=1), timedelta(hours=2)]


def test_it_is_described_anew_as_the_weather_changes_what_it_gives_and_not_too_often() -> None:
    pump = offered()
    assert of_type(frbc.SystemDescription, pump.lives(outdoor=1.0)) == []
    assert of_type(frbc.SystemDescription, pump.lives(10 * MINUTE, MINUTE, outdoor=7.0)) == []
    (anew,) = of_type(frbc.SystemDescription, pump.lives(25 * MINUTE, MINUTE))
    assert anew.actuators[0].operation_modes[0].elements[0].fill_rate.end_of_range == pytest.approx(3.4 * 2000 / 838e3)


def test_an_order_to_heat_is_an_offer_of_power_and_one_to_rest_of_none() -> None:
    pump = offered()
    assert statuses(pump.order("heat", "heat", 0.5)) == [("heat", "ACCEPTED"), ("heat", "STARTED")]
    assert pump.told == [("power_offer", 1250.0)]
    assert statuses(pump.lives(power=340.0)) == []
    assert statuses(pump.lives(power=1250.0)) == [("heat", "SUCCEEDED")]
    assert pump.activity == "heat"
    assert statuses(pump.order("soon", "rest")) == [("soon", "REJECTED")]
    shed = pump.order("shed", "rest", abnormal_condition=True)
    assert statuses(shed) == [("shed", "ACCEPTED"), ("shed", "STARTED")]
    assert pump.told[-1] == ("power_offer", 0.0)
    assert statuses(pump.lives(power=0.0)) == [("shed", "SUCCEEDED")]
    assert statuses(pump.order("again", "heat", abnormal_condition=True)) == [("again", "REJECTED")]
    assert statuses(pump.order("night", "rest", execution_time=MONDAY + timedelta(hours=17))) == [("night", "ACCEPTED")]


def test_what_gets_too_cold_is_heated_whatever_was_ordered_and_let_be_when_it_is_warm() -> None:
    pump = offered()
    pump.order("rest", "rest")
    assert statuses(pump.lives()) == [("rest", "SUCCEEDED")]
    pump.told.clear()
    assert statuses(pump.lives(temperature=49.9)) == [("rest", "ABORTED")]
    assert pump.told == [("power_offer", 2000.0)]
    pump.lives()
    refused = pump.order("cold", "rest")
    assert [each.status for each in said(refused) if isinstance(each, ReceptionStatus)] == [
        ReceptionStatusValues.INVALID_CONTENT
    ]
    pump.lives(30 * MINUTE, power=2000.0, temperature=51.5)
    assert statuses(pump.order("soon", "rest")) == [("soon", "REJECTED")]
    assert pump.told == [("power_offer", 2000.0)]
    pump.lives(temperature=52.0)
    assert pump.told == [("power_offer", 2000.0), ("power_offer", 0.0)]
    pump.lives(power=0.0)
    assert statuses(pump.order("free", "rest"))[-1] == ("free", "STARTED")


def test_an_abnormal_order_to_rest_holds_in_the_cold_for_two_hours() -> None:
    pump = offered()
    pump.order("shed", "rest", abnormal_condition=True)
    pump.lives()
    pump.told.clear()
    pump.lives(2 * HOUR - 30, temperature=47.0)
    assert pump.told == []
    lived = pump.lives(MINUTE)
    assert (pump.told, statuses(lived)) == ([("power_offer", 2000.0)], [("shed", "ABORTED")])


def test_the_two_hours_end_though_nothing_is_read_by_then() -> None:
    pump = offered()
    pump.order("shed", "rest", abnormal_condition=True)
    pump.lives(temperature=47.0)
    pump.told.clear()
    assert statuses(pump.does(pump.after(2 * HOUR - 10.0))) == [("shed", "ABORTED")]
    assert pump.told == [("power_offer", 2000.0)]


def test_what_got_too_cold_is_heated_for_the_least_time_though_it_is_warm_again_sooner() -> None:
    pump = offered()
    pump.order("rest", "rest")
    pump.told.clear()
    pump.lives(temperature=49.9)
    assert pump.told == [("power_offer", 2000.0)]
    pump.lives(19 * MINUTE, power=2000.0, temperature=53.0)
    assert len(pump.told) == 1
    pump.lives(2 * MINUTE)
    assert pump.told[1:] == [("power_offer", 0.0)]


def test_what_may_be_too_cold_by_a_reading_in_doubt_is_heated() -> None:
    pump = offered()
    doubtful = Reading("temperature", 49.0, Quality.DOUBTFUL, at=pump.now.mono)
    pump.does(pump.on(Measured((doubtful,))))
    assert pump.told == [("power_offer", 2000.0)]


def test_a_contact_starts_nothing_too_cold_before_its_pause_is_over() -> None:
    pump = cut_off_by("on", outdoor=10.0)
    pump.lives(power=2000.0)
    pump.order("rest", "rest", abnormal_condition=True)
    pump.lives(power=0.0)
    pump.told.clear()
    # What yields to an abnormal order does not yield to its end.
    pump.does(pump.selects(ControlType.NO_SELECTION))
    pump.lives(9 * MINUTE, temperature=49.0)
    assert pump.told == []
    pump.lives(MINUTE)
    assert pump.told == [("on", True)]


def test_a_contact_starts_nothing_that_is_too_cold_as_its_cem_gives_it_up() -> None:
    pump = cut_off_by("on", outdoor=10.0)
    pump.lives(power=2000.0)
    pump.order("rest", "rest", abnormal_condition=True)
    pump.lives(power=0.0, temperature=49.0)
    pump.told.clear()
    pump.does(pump.selects(ControlType.NO_SELECTION))
    assert pump.told == []
    pump.does(pump.after(10 * MINUTE - 10.0))
    assert pump.told == [("on", True)]


def test_while_its_device_heats_against_legionella_it_is_told_to_heat() -> None:
    pump = by_setpoint()
    pump.lives(status="legionella", temperature=61.0)
    assert pump.activity == "heat"


def test_circulation_pumps_are_no_heating() -> None:
    for keys, rests in (("", False), ("pump_power: 60 W\n", True)):
        pump = Pump(OFFERED + keys, temperature=51.5, power=150.0, outdoor=2.0)
        told = [each for each in pump.said if isinstance(each, frbc.ActuatorStatus)]
        assert bool(told) == rests


def test_what_is_warm_enough_is_not_heated_on_once_its_compressor_has_run() -> None:
    pump = offered()
    pump.order("heat", "heat", 1.0)
    pump.lives(power=2000.0)
    pump.told.clear()
    pump.lives(15 * MINUTE, temperature=58.5)
    assert pump.told == []
    assert statuses(pump.lives(6 * MINUTE)) == [("heat", "ABORTED")]
    assert pump.told == [("power_offer", 0.0)]


def test_what_is_too_hot_is_not_heated_for_the_compressors_sake() -> None:
    pump = offered()
    pump.order("heat", "heat", 1.0)
    pump.lives(power=2000.0)
    assert statuses(pump.lives(temperature=61.0)) == [("heat", "ABORTED")]
    assert pump.told[-1] == ("power_offer", 0.0)


def test_what_a_dead_process_has_offered_is_taken_back_once_it_is_too_hot() -> None:
    pump = offered()
    pump.order("heat", "heat", 1.0)
    pump.lives(power=2000.0)
    pump.restarted(after_s=30)
    pump.on(Started())
    pump.told.clear()
    pump.lives(temperature=60.9)
    assert pump.told == []
    pump.lives(temperature=61.0)
    assert pump.told == [("power_offer", 0.0)]


def cut_off_by(point: str, keys: str = "", **read: Any) -> Pump:
    """A tank whose heater is kept from running at all while it rests."""
    told = "power_offer: {register: 4, unit: W, access: write}"
    other = {
        "on": "on: {register: 4, table: coil, access: write}",
        "power_limit": "power_limit: {register: 4, unit: W, access: write}",
    }
    stops = "cap_stops: true\n" if point == "power_limit" else ""
    pump = Pump(OFFERED.replace(told, other[point]) + stops + keys, **({"temperature": 55.5, "power": 0.0} | read))
    pump.lives(30 * MINUTE, MINUTE)
    pump.told.clear()
    return pump


@pytest.mark.parametrize("is_abnormal", [False, True])
@pytest.mark.parametrize("point", ["on", "power_limit"])
def test_what_would_be_cut_off_is_not_let_rest_in_frost(point: str, is_abnormal: bool) -> None:
    pump = cut_off_by(point, outdoor=2.0)
    assert statuses(pump.order("rest", "rest", abnormal_condition=is_abnormal)) == [("rest", "REJECTED")]
    assert all(value for _, value in pump.told)


@pytest.mark.parametrize(("point", "off", "runs"), [("on", False, True), ("power_limit", 0.0, 2000.0)])
def test_what_rests_cut_off_is_left_to_itself_when_frost_comes(point: str, off: object, runs: object) -> None:
    pump = cut_off_by(point, outdoor=10.0)
    pump.order("rest", "rest")
    assert statuses(pump.lives()) == [("rest", "SUCCEEDED")]
    assert pump.told == [(point, off)]
    assert statuses(pump.lives(11 * MINUTE, outdoor=3.0)) == [("rest", "ABORTED")]
    assert pump.told == [(point, off), (point, runs)]


def cut_off_full(keys: str = "", **read: Any) -> Pump:
    """A tank that was heated to its upper end."""
    pump = cut_off_by("power_limit", keys, **read)
    pump.order("heat", "heat", 1.0)
    pump.lives(power=2000.0)
    assert statuses(pump.lives(21 * MINUTE, MINUTE, temperature=58.5)) == [("heat", "ABORTED")]
    assert pump.told[-1] == ("power_limit", 0.0)
    return pump


def test_what_was_full_and_is_cut_off_since_is_left_to_itself_when_frost_comes() -> None:
    pump = cut_off_full(outdoor=10.0)
    pump.lives(outdoor=3.0, power=0.0)
    assert pump.told[-1] == ("power_limit", 2000.0)


def test_an_order_to_rest_makes_it_no_longer_for_what_is_cut_off_already() -> None:
    pump = cut_off_full("frost: device\n", outdoor=-5.0)
    pump.lives(HOUR, MINUTE, power=0.0)
    assert statuses([*pump.order("rest", "rest"), *pump.lives()])[-1] == ("rest", "SUCCEEDED")
    pump.lives(HOUR, MINUTE)
    assert pump.told[-1] == ("power_limit", 2000.0)


@pytest.mark.parametrize("point", ["on", "power_limit"])
def test_one_that_keeps_its_water_moving_rests_cut_off_in_frost_for_2_h_at_most(point: str) -> None:
    pump = cut_off_by(point, "frost: device\n", outdoor=-5.0)
    pump.order("rest", "rest")
    assert statuses(pump.lives(2 * HOUR - MINUTE, MINUTE)) == [("rest", "SUCCEEDED")]
    assert len(pump.told) == 1
    # At that instant, though nothing is read by then.
    assert statuses(pump.does(pump.after(MINUTE))) == [("rest", "ABORTED")]
    assert pump.told[-1][1] in (True, 2000.0)


def test_what_was_shed_and_is_put_back_later_is_cut_off_in_frost_for_2_h_all_the_same() -> None:
    pump = cut_off_by("on", "frost: device\n", outdoor=-5.0)
    pump.order("shed", "rest", abnormal_condition=True)
    pump.lives(HOUR, MINUTE)
    pump.does(pump.selects(ControlType.NO_SELECTION))
    pump.lives(HOUR - MINUTE, MINUTE)
    assert pump.told == [("on", False)]
    pump.lives(2 * MINUTE, MINUTE)
    assert pump.told == [("on", False), ("on", True)]


def test_hot_water_rests_by_its_setpoint_though_the_rooms_are_heated() -> None:
    pump = by_setpoint(status="heat", power=1650.0)
    pump.order("rest", "rest")
    assert pump.told == [("temperature_setpoint", 50.0)]
    assert statuses(pump.lives()) == [("rest", "SUCCEEDED")]
    pump.lives(20 * MINUTE)
    pump.order("heat", "heat")
    assert pump.told[-1] == ("temperature_setpoint", 58.0)
    assert statuses(pump.lives(4 * MINUTE)) == []
    assert statuses(pump.lives(power=1780.0, status="hot_water")) == [("heat", "SUCCEEDED")]
    assert pump.activity == "heat"
    pump.lives(50 * MINUTE, MINUTE, temperature=58.0, status="heat")
    assert pump.activity == "rest"
    pump.lives(HOUR, MINUTE, temperature=54.0)
    # Its own thermostat would not start it: that is as good as heated.
    assert statuses(pump.order("satisfied", "heat"))[-1] == ("satisfied", "SUCCEEDED")
    assert pump.activity == "rest"


def test_a_setpoint_that_reads_otherwise_is_not_followed() -> None:
    pump = by_setpoint()
    pump.order("rest", "rest")
    pump.read["temperature_setpoint"] = 55.0
    assert statuses(pump.lives(9 * MINUTE)) == []
    assert statuses(pump.lives(2 * MINUTE)) == [("rest", "ABORTED")]


def test_an_order_to_heat_that_is_not_followed_within_15_min_is_aborted_and_defrosting_does_not_count() -> None:
    pump = by_setpoint()
    pump.order("heat", "heat")
    pump.lives(10 * MINUTE)
    pump.lives(30 * MINUTE, status="defrost", power=900.0)
    assert statuses(pump.lives(4 * MINUTE, status="rest", power=0.0)) == []
    assert statuses(pump.lives(2 * MINUTE)) == [("heat", "ABORTED")]


@pytest.mark.parametrize("status", ["defrost", "legionella", "alarm"])
def test_an_order_waits_for_what_must_not_be_disturbed(status: str) -> None:
    pump = by_setpoint(status=status)
    assert statuses(pump.order("rest", "rest")) == [("rest", "ACCEPTED"), ("rest", "STARTED")]
    pump.lives(20 * MINUTE)
    assert pump.told == []
    assert statuses(pump.lives(20.0, status="rest")) == [("rest", "SUCCEEDED")]
    assert pump.told == [("temperature_setpoint", 50.0)]


def test_switched_off_by_its_owner_it_can_only_rest_at_any_temperature() -> None:
    pump = by_setpoint()
    (description,) = of_type(frbc.SystemDescription, pump.lives(status="off", temperature=44.0))
    (rest,) = description.actuators[0].operation_modes
    assert (rest.diagnostic_label, rest.elements[0].fill_level_range.start_of_range) == ("rest", 5.0)
    assert len(description.actuators[0].timers) == 2
    assert description.storage.fill_level_label == "switched off by its owner"
    (description,) = of_type(frbc.SystemDescription, pump.lives(status="rest", temperature=52.0))
    assert len(description.actuators[0].operation_modes) == 2
    assert description.storage.fill_level_label == "temperature of the hot water, °C"


def test_its_owner_has_it_heat_now_whatever_is_ordered() -> None:
    pump = by_setpoint()
    pump.order("rest", "rest")
    pump.lives()
    assert statuses(pump.lives(heat_now=True)) == [("rest", "ABORTED")]
    assert pump.told[-1] == ("temperature_setpoint", 58.0)
    assert statuses(pump.order("no", "rest")) == [("no", "REJECTED")]
    pump.lives(20 * MINUTE, temperature=58.0)
    assert statuses(pump.order("yes", "rest"))[-1] == ("yes", "STARTED")


def test_once_a_week_its_device_is_left_alone_to_make_it_hot() -> None:
    pump = by_setpoint()
    pump.lives(6 * DAY, HOUR)
    # It is 06:00 in the house.
    pump.order("morning", "rest")
    assert statuses(pump.lives()) == [("morning", "SUCCEEDED")]
    pump.lives(6.9 * HOUR, 0.3 * HOUR)
    pump.told.clear()
    assert statuses(pump.lives(0.5 * HOUR, 0.1 * HOUR)) == [("morning", "ABORTED")]
    assert pump.told == [("temperature_setpoint", 58.0)]
    assert statuses(pump.order("noon", "rest", abnormal_condition=True)) == [("noon", "REJECTED")]
    pump.lives(0.5 * HOUR, MINUTE, status="legionella", temperature=61.0)
    pump.lives(status="rest", temperature=57.0)
    pump.order("done", "rest")
    assert statuses(pump.lives()) == [("done", "SUCCEEDED")]


def test_its_owner_is_told_of_eight_days_without_hot_water_and_when_that_is_over() -> None:
    pump = by_setpoint()
    lived = pump.lives(8 * DAY - HOUR, HOUR)
    assert not {"resource.troubled", "resource.relieved"} & {*notes(lived)}
    lived = pump.lives(2 * HOUR, HOUR)
    what = "its hot water did not reach 60 °C for half an hour in eight days: legionella grow"
    assert [each for each in lived if isinstance(each, Note) and each.event == "resource.troubled"] == [
        Note(Level.ERROR, "resource.troubled", {"what": what})
    ]
    assert pump.resource_manager.troubles == (what,)
    assert "resource.troubled" not in notes(pump.lives(DAY, HOUR))
    pump.restarted(after_s=HOUR)
    assert "resource.troubled" in notes(pump.on(Started()) + pump.lives())
    lived = pump.lives(0.6 * HOUR, MINUTE, temperature=61.0)
    assert notes(lived).count("resource.relieved") == 1
    assert pump.resource_manager.troubles == ()
    assert "resource.troubled" not in notes(pump.lives(8 * DAY - HOUR, HOUR, temperature=55.0))
    assert "resource.troubled" in notes(pump.lives(2 * HOUR, HOUR))


def test_once_a_week_we_make_it_hot_where_its_device_does_not() -> None:
    pump = by_setpoint(SET + "hygiene: rm\n")
    pump.lives(6 * DAY, HOUR)
    pump.told.clear()
    pump.lives(7.5 * HOUR, 0.1 * HOUR)
    assert pump.told == [("temperature_setpoint", 60.0)]
    pump.lives(0.6 * HOUR, MINUTE, temperature=60.5, status="hot_water")
    assert pump.told == [("temperature_setpoint", 60.0), ("temperature_setpoint", 58.0)]


def test_we_make_it_hot_and_no_hotter_where_no_thermostat_does() -> None:
    pump = Pump(OFFERED + "hygiene: rm\n", temperature=51.5, power=0.0, outdoor=2.0)
    pump.lives(6 * DAY, HOUR)
    pump.told.clear()
    pump.lives(7.5 * HOUR, 0.1 * HOUR)
    pump.lives(MINUTE, temperature=62.9, power=2000.0)
    assert pump.told == [("power_offer", 2000.0)]
    pump.lives(10 * MINUTE, temperature=63.0)
    assert pump.told == [("power_offer", 2000.0), ("power_offer", 0.0)]
    pump.lives(MINUTE, temperature=60.0, power=0.0)
    assert len(pump.told) == 2
    pump.lives(MINUTE, temperature=59.9)
    assert pump.told[2:] == [("power_offer", 2000.0)]
    pump.lives(31 * MINUTE, MINUTE, temperature=61.0, power=2000.0)
    assert pump.told[3:] == [("power_offer", 0.0)]
    pump.order("done", "rest")
    assert statuses(pump.lives(temperature=56.0, power=0.0)) == [("done", "SUCCEEDED")]


def test_what_nothing_tells_whether_it_heats_is_no_storage_to_be_filled() -> None:
    shown = [line for line in SET.splitlines(keepends=True) if "  power:" in line or "  status:" in line]
    for number, offered_then in ((0, FRBC), (1, FRBC), (None, ControlType.NOT_CONTROLABLE)):
        keys = SET
        for line in shown:
            keys = keys if number is not None and line == shown[number] else keys.replace(line, "")
        stage = KindStage(keys)
        stage.measured(temperature=52.0, temperature_setpoint=58.0)
        stage.negotiated()
        assert stage.offered() == (offered_then,)
        out_of_reach = KIND.out_of_reach(stage.setup.settings, stage.setup.abilities).get("frbc")
        expected = None if offered_then is FRBC else "nothing tells whether it heats: status, compressor, power"
        assert out_of_reach == expected


def test_without_its_temperature_nothing_of_it_is_told_and_what_runs_is_over() -> None:
    pump = by_setpoint()
    pump.order("heat", "heat")
    pump.lives(status="hot_water")
    lived = pump.lives(temperature=None)
    assert statuses(lived) == [("heat", "ABORTED")]
    assert of_type(frbc.StorageStatus, pump.lives(4 * MINUTE)) == []
    pump.lives(2 * MINUTE)
    assert pump.offered() == (ControlType.NOT_CONTROLABLE,)


def test_when_its_cem_is_lost_it_goes_on_and_is_its_own_after_10_min() -> None:
    pump = by_setpoint()
    pump.order("rest", "rest")
    pump.lives()
    pump.told.clear()
    pump.on(Disconnected("gone"))
    assert (pump.lives(590.0), pump.told)[1] == []
    pump.lives(20.0)
    assert pump.told == [("temperature_setpoint", 58.0)]


def test_a_buffer_that_is_cooled_is_no_storage_of_heat() -> None:
    keys = SET.replace("storage: dhw", "storage: buffer").replace("5: 'off'", "5: cool")
    pump = by_setpoint(keys)
    assert pump.offered() == (FRBC,)
    pump.lives(9 * MINUTE, MINUTE, status="cool")
    assert pump.offered() == (FRBC,)
    lived = pump.lives(3 * MINUTE, MINUTE)
    assert pump.offered() == (ControlType.NOT_CONTROLABLE,)
    assert "control_type.withdrawn" in notes(lived)

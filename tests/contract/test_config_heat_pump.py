"""A heat pump as it may be written: what does harm is wrong, and what is unwise is said."""

from pathlib import Path

import pytest

from s2d.config import load

from .test_config_kinds import problems, warnings, write

TANK = """kind: heat_pump
storage: dhw
volume: 200 l
power: 500 W .. 2 kW
cop: 3.5
comfort: 50 °C .. 58 °C
points:
  temperature: {register: 1, unit: "°C"}
  power_offer: {register: 2, unit: W, access: write}
"""
RELAYS = """kind: heat_pump
power_normal: 600 W
frost: device
points:
  relay_1: {register: 1, table: coil, access: read_write}
  relay_2: {register: 2, table: coil, access: read_write}
"""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            TANK.replace("50 °C ..", "45 °C .."),
            "s2d.yaml:11:14: Device: comfort: legionella grow below 50 °C; if you know, write i_know: legionella",
        ),
        (
            TANK.replace("58 °C", "62 °C"),
            "s2d.yaml:11:14: Device: comfort: it scalds above 60 °C without mixing_valve: true",
        ),
        (
            TANK.replace("50 °C .. 58 °C", "{curve: -3 K .. 5 K}"),
            "s2d.yaml:11:14: Device: comfort: hot water follows no heating curve",
        ),
        (
            TANK.replace("50 °C .. 58 °C", "{curve: 3 °C}").replace("dhw", "buffer"),
            's2d.yaml:11:22: Device: comfort: curve: expected a range such as "-3 K .. 5 K", got "3 °C". '
            "°C is a unit of temperature",
        ),
        (
            TANK + "hygiene: off\n",
            "s2d.yaml:15:14: Device: hygiene: without it legionella grow; if you know, write i_know: legionella",
        ),
        (
            TANK + "standing_losses: 50 W at 18 °C\n",
            "s2d.yaml:15:22: Device: standing_losses: nothing is lost at or below ambient, 20 °C",
        ),
        (
            TANK + "heat_capacity: 233 Wh\n",
            "s2d.yaml:15:20: Device: heat_capacity: volume says this already",
        ),
    ],
)
def test_what_is_wrong(tmp_path: Path, keys: str, expected: str) -> None:
    assert problems(tmp_path, keys) == [expected]


def test_who_knows_may_have_it_colder(tmp_path: Path) -> None:
    assert warnings(tmp_path, TANK.replace("50 °C ..", "45 °C ..") + "i_know: legionella\n") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            TANK + "timers: {run: 2 h}\n",
            "storage: the shortest run, 120 min at 500 W, makes its storage 15.0 K warmer, of 8 K between the ends of "
            "comfort. Widen `comfort`, or shorten `timers: run` if its compressor may",
        ),
        (
            TANK + 'usage: {weekdays: {"06:30": 2.5 kWh}}\n',
            "usage: a draw of 2.5 kWh cools it by 10.7 K, more than the 8 K of comfort. It will be heated in between; "
            "widen `comfort` if that is not wanted",
        ),
        (
            RELAYS.replace("frost: device\n", ""),
            "points: as nobody knows how cold it is outdoors, it is never blocked or cut off, in case it freezes. Add "
            "a point `outdoor`, or write `frost: device` if it keeps its own water moving",
        ),
        (
            TANK.replace("power_offer: {register: 2, unit: W,", "on: {register: 2, table: coil,") + "frost: device\n",
            "points: a relay in its supply takes its protection against frost away. `on` has to be its enable contact, "
            "or a register",
        ),
        (
            TANK + "  power: {register: 3, unit: W}\n",
            "storage: that it heats its water is seen by its power alone, which is the same while it heats rooms. Add "
            "a point `status`, unless it heats nothing but water",
        ),
    ],
)
def test_what_is_unwise(tmp_path: Path, keys: str, expected: str) -> None:
    (warning,) = warnings(tmp_path, keys)
    assert warning.partition("Device: ")[2] == expected


WORN = TANK.replace(
    "power_offer: {register: 2, unit: W,", "temperature_setpoint: {register: 2, unit: '°C', persistent: true,"
)


def test_a_setpoint_that_wears_out_is_written_no_more_often_than_timers_allow(tmp_path: Path) -> None:
    often = "by its timers a CEM may have temperature_setpoint written 96 times a day, and its memory allows 50"
    (warning,) = warnings(tmp_path, WORN)
    assert (
        warning.partition("Device: ")[2]
        == f"timers: {often}. Make `run` or `pause` longer; what comes beyond is aborted"
    )
    rarely = (
        WORN.replace("persistent: true,", "persistent: true, daily_writes: 20,") + "timers: {run: 10 min, pause: 3 h}\n"
    )
    assert warnings(tmp_path, rarely) == []
    (warning,) = warnings(tmp_path, rarely.replace("daily_writes: 20", "daily_writes: 15"))
    assert "written 16 times a day, and its memory allows 15" in warning
    assert warnings(tmp_path, WORN.replace("persistent: true,", "")) == []


def test_an_sg_ready_state_that_wears_out_is_written_no_more_often_than_it_is_held(tmp_path: Path) -> None:
    keys = RELAYS.split("points:")[0] + (
        "points:\n  mode: {register: 1, access: read_write, persistent: true, "
        "values: {0: 'off', 1: normal, 2: boost}}\n"
    )
    (warning,) = warnings(tmp_path, keys)
    assert "may have mode written 144 times a day" in warning
    assert warnings(tmp_path, keys + "timers: {hold: 30 min}\n") == []


def test_left_to_itself_it_is_as_its_owner_has_it(tmp_path: Path) -> None:
    for keys, own in (
        (TANK, [("power_offer", 0.0)]),
        (RELAYS, [("relay_1", False), ("relay_2", False)]),
        (
            TANK.replace("power_offer: {register: 2, unit: W,", "temperature_setpoint: {register: 2, unit: '°C',"),
            [("temperature_setpoint", 58.0)],
        ),
    ):
        (device,) = load(write(tmp_path, keys)).devices
        assert device.fallback
        assert [(each.point, each.value) for each in device.fallback.setpoints] == own
        assert device.fallback.after_s == 600.0

"""What a configuration says of what its points can be: nameplates, limits, readiness, points that are lent."""

from pathlib import Path

import pytest

from s2d.config import DeviceConfig, load
from s2d.errors import ConfigError
from s2d.values import PlausibleRange

HEAD = "gateway: {state_dir: ./state}\ncem: {url: 'ws://localhost'}\ndevices:\n"
BATTERY = """\
  - name: Battery
    kind: battery
    driver: modbus
    connection: {host: localhost}
    capacity: 10 kWh
    max_charge_power: 5 kW
    max_discharge_power: 4 kW
    points:
      soc: {register: 100, unit: "%"}
      power: {register: 101, type: int16, unit: W}
      power_setpoint: {register: 102, type: int16, unit: W, access: read_write}
"""
LENT = (
    BATTERY.replace("soc: {register: 100", "soc: {from: Meter.level}\n      level: {register: 100")
    + """\
  - name: Meter
    driver: modbus
    connection: {host: localhost, unit: 2}
    points: {level: {register: 1, unit: "%"}, other: {register: 2, unit: "%"}}
"""
)


def devices(folder: Path, text: str) -> list[DeviceConfig]:
    file = folder / "s2d.yaml"
    file.write_text(HEAD + text)
    return list(load(file).devices)


def warnings(folder: Path, old: str, new: str) -> list[str]:
    file = folder / "s2d.yaml"
    assert old in BATTERY
    file.write_text(HEAD + BATTERY.replace(old, new))
    return [f"{each.line}:{each.where}: {each.what}. {each.hint}" for each in load(file).warnings]


def test_a_battery_knows_what_its_points_can_be(tmp_path: Path) -> None:
    (battery,) = devices(tmp_path, BATTERY)
    ranges = battery.make.plausible(6000.0)
    twice = 2 * 6000 / 10_000 * 100 / 3600
    assert ranges["soc"] == PlausibleRange(low=0, high=100, margin=1, step=5, change_per_s=twice)
    assert ranges["power"] == PlausibleRange(low=-9000, high=9000, usual_low=-6000, usual_high=7500)
    assert battery.make.plausible(None)["power"].high == 100_000


def test_an_owner_who_allows_more_than_any_home_has_is_believed_without_a_nameplate(tmp_path: Path) -> None:
    (battery,) = devices(tmp_path, BATTERY.replace("5 kW", "200 kW").replace("int16", "int32"))
    assert battery.make.plausible(None)["power"].high == 300_000


@pytest.mark.parametrize(("written", "power_w"), [("6 kW", 6000.0), ("rated", 5500.0), ("2 * rated", 11_000.0)])
def test_a_nameplate_has_a_power_or_says_where_it_stands(tmp_path: Path, written: str, power_w: float) -> None:
    rated = "      rated: {register: 103, unit: W, poll: once}\n" * ("rated" in written)
    text = BATTERY + rated + f"    nameplate: {{power: {written}}}\n"
    (battery,) = devices(tmp_path, text)
    assert battery.nameplate.power_w({"rated": 5500.0}) == power_w
    assert battery.nameplate.power_w({"rated": 0.0}) == (None if "rated" in written else 6000.0)


@pytest.mark.parametrize(
    ("nameplate", "what"),
    [
        ("{power: 0 W}", "nameplate: power: must be above 0 W"),
        ("{power: 5 kWh}", "nameplate: power: no expression"),
        ("{power: rating}", 'nothing is called "rating"'),
    ],
)
def test_a_nameplate_that_says_no_power_is_a_problem(tmp_path: Path, nameplate: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        devices(tmp_path, BATTERY + f"    nameplate: {nameplate}\n")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [
        (
            'unit: "%"}',
            'unit: "%", max: 1000}',
            "12:Battery: points: soc: max: lets 1000 % be believed, but soc is 0 .. 100. "
            "Leave max out; is a `scale` missing?",
        ),
        (
            'unit: "%"}',
            'unit: "%", min: -50}',
            "12:Battery: points: soc: min: lets -50 % be believed, but soc is 0 .. 100. "
            "Leave min out; is a `scale` missing?",
        ),
        (
            "    points:",
            "    nameplate: {power: 3 kW}\n    points:",
            "11:Battery: nameplate: power: the device is built for less than it may take or give. "
            "Lower max_charge_power and max_discharge_power, or correct this",
        ),
    ],
)
def test_limits_against_what_a_point_is_are_warned_of(tmp_path: Path, old: str, new: str, warned: str) -> None:
    assert warnings(tmp_path, old, new) == [warned]


@pytest.mark.parametrize("limits", ["min: 0, max: 100", "min: -1, max: 101", "max: 80"])
def test_limits_within_what_a_point_is_are_nobodys_business(tmp_path: Path, limits: str) -> None:
    assert warnings(tmp_path, 'unit: "%"}', f'unit: "%", {limits}}}') == []


def test_who_writes_limits_of_the_power_without_a_nameplate_may_know_better(tmp_path: Path) -> None:
    power = "power: {register: 101, type: int16, unit: W"
    assert warnings(tmp_path, power, power.replace("unit: W", "unit: kW, min: -500, max: 500")) == []


def test_what_is_lent_can_be_what_it_is_to_who_takes_it(tmp_path: Path) -> None:
    battery, meter = devices(tmp_path, LENT.replace('      level: {register: 100, unit: "%"}\n', ""))
    soc = battery.make.plausible(None)["soc"]
    assert meter.make.plausible(None) == {"level": soc}
    assert battery.make.plausible(None)["soc"].high == 100


def test_what_is_lent_twice_can_be_what_it_is_to_either(tmp_path: Path) -> None:
    text = LENT.replace('      level: {register: 100, unit: "%"}\n', "")
    second = text.partition("  - name: Meter")[0].replace("Battery", "Other").replace("10 kWh", "1 kWh")
    second = second.replace("localhost}", "localhost, unit: 3}")
    *_, meter = devices(tmp_path, second + text)
    assert meter.make.plausible(None)["level"].change_per_s == 2 * 5000 / 1000 * 100 / 3600


def test_a_device_says_by_which_point_it_is_ready(tmp_path: Path) -> None:
    text = BATTERY + "      voltage: {register: 103, unit: V}\n    ready: voltage\n"
    (battery,) = devices(tmp_path, text)
    assert battery.make.ready is not None
    assert battery.make.ready.names == {"voltage"}


@pytest.mark.parametrize(
    ("ready", "voltage", "what"),
    [
        ("volts", "", 'nothing is called "volts". Did you mean "voltage"?'),
        ("voltage", ", min: 30", 'a 0 of "voltage" would be dropped, as it has a min, and never be seen here'),
        ("voltage >", "", "no expression"),
        ("half", "", '"half" is computed. Name the points'),
    ],
)
def test_what_cannot_tell_whether_it_is_ready_is_a_problem(tmp_path: Path, ready: str, voltage: str, what: str) -> None:
    point = f"      voltage: {{register: 103, unit: V{voltage}}}\n"
    text = BATTERY + point + f"    computed: {{half: voltage / 2}}\n    ready: {ready}\n"
    with pytest.raises(ConfigError) as caught:
        devices(tmp_path, text)
    assert what in str(caught.value)

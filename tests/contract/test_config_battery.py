"""A battery as it may be written: what it is steered by decides what it needs, what is safe for it, what it offers."""

from pathlib import Path

import pytest

from s2d.config import DeviceConfig, load
from s2d.errors import ConfigError
from s2d.rm.kinds import kind
from s2d.values import RELEASE, Value

HEAD = """\
cem: {url: "ws://cem"}
devices:
- name: Home battery
  kind: battery
  driver: modbus
  connection: {host: 10.0.0.1}
  capacity: 10 kWh
  max_charge_power: 5 kW
  max_discharge_power: 4 kW
  points:
    power: {register: 2, unit: W, type: int16}
"""
SOC = '    soc: {register: 1, unit: "%"}\n'
FORCED = "    power_setpoint: {register: 3, unit: W, type: int16, access: write}\n"
LIMITS = """\
    charge_limit: {register: 4, unit: W, access: read_write}
    discharge_limit: {register: 5, unit: W, access: read_write}
"""
MODE = "    mode: {register: 6, access: read_write, values: {0: idle, 1: charge, 2: discharge}}\n"
COMMANDS = """\
    forced: {register: 7, unit: W, type: int16, access: write}
    most_in: {register: 8, unit: W, access: write}
    most_out: {register: 9, unit: W, access: write}
  commands:
    power_setpoint:
      steps: [{write: {forced: value}}]
      release: [{write: {forced: 0}}]
    charge_limit: {steps: [{write: {most_in: value}}]}
    discharge_limit: {steps: [{write: {most_out: value}}]}
"""


def battery(folder: Path, text: str) -> DeviceConfig:
    file = folder / "s2d.yaml"
    file.write_text(HEAD + text)
    (device,) = load(file).devices
    return device


@pytest.mark.parametrize(
    ("text", "steered_by", "safe"),
    [
        (SOC + FORCED, {"power_setpoint"}, {"power_setpoint": 0.0}),
        (LIMITS, {"charge_limit", "discharge_limit"}, {"charge_limit": 0.0, "discharge_limit": 0.0}),
        (SOC + MODE, {"mode"}, {"mode": "idle"}),
        (
            SOC + COMMANDS,
            {"power_setpoint", "charge_limit", "discharge_limit"},
            {"power_setpoint": RELEASE, "charge_limit": 5000.0, "discharge_limit": 4000.0},
        ),
        (SOC + FORCED + LIMITS + MODE, {"power_setpoint"}, {"power_setpoint": 0.0}),
    ],
    ids=["a power", "limits", "a mode", "commands for a power and limits", "a power, and registers of like names"],
)
def test_what_steers_it_is_what_is_safe_for_it(
    tmp_path: Path, text: str, steered_by: set[str], safe: dict[str, Value]
) -> None:
    device = battery(tmp_path, text)
    abilities = device.abilities(kind("battery"))
    assert {name for name, ability in abilities.items() if ability.can_write and name in safe} == steered_by
    assert {"charge_limit", "discharge_limit", "mode"} & abilities.keys() <= steered_by
    assert device.fallback is not None
    assert {setpoint.point: setpoint.value for setpoint in device.fallback.setpoints} == safe


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", ["soc", "power_setpoint"]),
        (SOC, ["power_setpoint"]),
        (FORCED, ["soc"]),
        ("    charge_limit: {register: 4, unit: W, access: read_write}\n", ["discharge_limit"]),
    ],
)
def test_what_it_lacks_is_said(tmp_path: Path, text: str, missing: list[str]) -> None:
    with pytest.raises(ConfigError) as told:
        battery(tmp_path, text)
    meaning = kind("battery").points
    assert {problem.what for problem in told.value.problems} == {
        f'a battery needs "{name}": {meaning[name].meaning}' for name in missing
    }


def test_what_its_power_says_of_an_order_is_known_with_how_long_that_takes_to_show(tmp_path: Path) -> None:
    setpoint = "    power_setpoint: {register: 3, unit: W, type: int16, access: read_write, settle: 3 s}\n"
    variant = """\
  variants:
  - when: model == 2
    points: {power: {includes_others: true}}
"""
    model = "    model: {register: 4, poll: once}\n"
    for text, includes_others in (("", False), (model + variant, True)):
        abilities = battery(tmp_path, SOC + setpoint + text).abilities(kind("battery"))
        assert abilities["power"].includes_others is includes_others
        assert abilities["power_setpoint"].settle_s == 3.0

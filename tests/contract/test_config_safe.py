"""The safe states of a device as they are written, and what becomes of them."""

from pathlib import Path

from s2d.config import Fallback, load
from s2d.rm.occasion import Occasion, SafeStates
from s2d.values import Setpoint

TEXT = """\
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
    soc: {register: 1, unit: "%"}
    power: {register: 2, unit: W, type: int16}
    power_setpoint: {register: 3, unit: W, type: int16, access: write}
    mode: {register: 4, access: write}
"""


def fallback_of(folder: Path, said: str) -> Fallback:
    file = folder / "s2d.yaml"
    file.write_text(TEXT + said)
    (device,) = load(file).devices
    assert device.fallback is not None
    return device.fallback


def test_without_a_word_it_rests_on_every_occasion(tmp_path: Path) -> None:
    assert fallback_of(tmp_path, "") == Fallback(60.0, (Setpoint("power_setpoint", 0.0, "fallback"),))


def test_an_occasion_has_its_own_values_and_what_may_wait_its_own_time(tmp_path: Path) -> None:
    said = """\
  fallback: {power_setpoint: -100 W}
  safe:
    cem_lost: {after: 10 min}
    started: {after: 5 min, mode: 1}
    stale: {power_setpoint: 0 W}
"""
    fallback = fallback_of(tmp_path, said)
    assert fallback.after_s == 600.0
    assert fallback.hold_s == {Occasion.STARTED: 300.0}
    assert fallback.special[Occasion.STALE] == (Setpoint("power_setpoint", 0.0, "stale"),)
    states = SafeStates(fallback.setpoints, dict(fallback.special))
    written = {each: [(s.point, s.value) for s in states.on(each, "why")] for each in Occasion}
    usual = ("power_setpoint", -100.0)
    assert written == {
        **{each: [usual] for each in Occasion},
        Occasion.STARTED: [usual, ("mode", 1)],
        Occasion.STALE: [("power_setpoint", 0.0)],
    }
    assert all(setpoint.is_safe and setpoint.reason == "why" for setpoint in states.on(Occasion.STARTED, "why"))

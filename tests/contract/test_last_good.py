"""Last good: whatever becomes of a configuration, what ran last is known well enough to make its devices safe."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from s2d.config import draft
from s2d.config.last_good import files_of, is_at_rest, keep, keep_at_rest, read_last_good

GATEWAY = """\
gateway: {state_dir: state}
cem: {url: "wss://cem/{resource_id}", token_file: token}
buses:
  - {name: Cellar, serial: /dev/ttyUSB0, baudrate: 19200}
"""
ONE = """\
name: One, with "quotes" and – a dash
kind: battery
driver: modbus
connection: {host: 192.168.1.20}
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
points: &points
  soc: {register: 0x34B, unit: "%"}
  power: {register: 842, type: int16, unit: W, values: null}
  power_setpoint: {register: 2700, type: int16, unit: W, access: write}
fallback: {after: 1e1 s, power_setpoint: -100 W}
"""
TWO = """\
name: Two
profile: mine
connection: {bus: Cellar, unit: 3}
cem: {url: "wss://other", token_file: other-token}
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
setpoint_register: 2700
pin: "0815\\U0001F50B"
fallback: {power_setpoint: -200 W}
"""
MINE = """\
title: Mine
include: [_base]
kind: battery
parameters:
  setpoint_register: {type: integer, help: Where it is told}
  pin: {type: text, help: Of the display, secret: true}
points:
  power_setpoint: {register: "{setpoint_register}", type: int16, unit: W, access: write}
"""
BASE = """\
title: Base
driver: modbus
manufacturer: Acme
points:
  soc: {register: 1, unit: "%"}
  power: {register: 2, type: int16, unit: W}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration that ran."""
    files = {
        "s2d.yaml": GATEWAY,
        "token": "secret\n",
        "other-token": "secret\n",
        "devices.d/one.yaml": ONE,
        "devices.d/two.yaml": TWO,
        "profiles/mine.yaml": MINE,
        "profiles/_base.yaml": BASE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    found = draft(tmp_path)
    assert found.problems == ()
    keep(tmp_path / "state", files_of(found, tmp_path / "s2d.yaml"))
    return tmp_path


def safe_states(folder: Path) -> dict[str, float]:
    """What each device is brought to by a daemon that starts in *folder*: the power of its fallback, by first word."""
    found = draft(folder)
    last = read_last_good(found.config.gateway.state_dir, folder / "s2d.yaml")
    devices = {each.name: each for each in (*last.config.devices, *found.config.devices)}
    return {
        name.split(",")[0]: float(device.fallback.setpoints[0].value)
        for name, device in devices.items()
        if device.fallback
    }


def changed(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def made_a_folder(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return make


DAMAGES = {
    "unknown key": changed("devices.d/two.yaml", "capacity", "capcity"),
    "missing key": changed("devices.d/two.yaml", "capacity: 10 kWh\n", ""),
    "wrong value": changed("devices.d/two.yaml", "10 kWh", "10 km"),
    "syntax": changed("devices.d/two.yaml", "{bus", "[{bus"),
    "cut off": written("devices.d/two.yaml", TWO[:30].encode()),
    "empty": written("devices.d/two.yaml", b""),
    "zeros": written("devices.d/two.yaml", bytes(512)),
    "not text": written("devices.d/two.yaml", b"\xff\xfe\x00"),
    "a list of nothing": written("devices.d/two.yaml", b"5\n"),
    "unreadable": made_a_folder("devices.d/two.yaml"),
    "profile gone": removed("profiles/mine.yaml"),
    "what the profile includes gone": removed("profiles/_base.yaml"),
    "profile empty": written("profiles/mine.yaml", b""),
    "profile changed": changed("profiles/mine.yaml", "setpoint_register:", "setpoint_regsiter:"),
    "driver gone": changed("profiles/_base.yaml", "driver: modbus", "driver: modbsu"),
    "bus gone": changed("s2d.yaml", "Cellar", "Attic"),
    "bus wrong": changed("s2d.yaml", "19200", "fast"),
    "secret of the CEM gone": removed("token"),
    "secret of its own CEM gone": removed("other-token"),
    "secret of the CEM open to all": lambda folder: (folder / "token").chmod(0o644),
    "CEM wrong": changed("s2d.yaml", "wss:", "http:"),
    "include matches nothing": changed("s2d.yaml", "buses:", "include: nothing/*.yaml\nbuses:"),
    "gateway file cut off": written("s2d.yaml", GATEWAY[:70].encode()),
    "gateway file with a typo": changed("s2d.yaml", "buses:", "buses: ["),
    "gateway wrong": changed("s2d.yaml", "{state_dir", "{nmae: x, state_dir"),
    "two of one name": written("devices.d/three.yaml", TWO.encode()),
}
"""What keeps a configuration from being used, beginning with its second device."""


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_device_whose_text_cannot_be_used_is_known_as_it_ran_last(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    assert draft(folder).problems
    assert safe_states(folder) == {"One": -100, "Two": -200}


def test_a_device_whose_text_can_be_used_is_known_as_it_is_written_by_now(folder: Path) -> None:
    changed("devices.d/one.yaml", "-100 W", "-150 W")(folder)
    changed("devices.d/two.yaml", "capacity", "capcity")(folder)
    assert safe_states(folder) == {"One": -150, "Two": -200}


def test_without_the_gateway_file_all_is_known_where_the_state_is_known(folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(folder / "state"))
    (folder / "s2d.yaml").write_bytes(b"")
    assert safe_states(folder) == {"One": -100, "Two": -200}
    (folder / "s2d.yaml").unlink()
    assert safe_states(folder) == {"One": -100, "Two": -200}


def test_it_is_the_same_device_to_the_last_key(folder: Path) -> None:
    now, last = draft(folder), read_last_good(folder / "state", folder / "s2d.yaml")
    assert last.problems == ()
    for of, kept in zip(now.config.devices, last.config.devices, strict=True):
        for key in (
            "name",
            "driver",
            "connection",
            "points",
            "settings",
            "fallback",
            "parameters",
            "commands",
            "profile",
        ):
            assert getattr(kept, key) == getattr(of, key)


def test_what_another_gateway_file_ran_is_none_of_its_business(folder: Path) -> None:
    assert read_last_good(folder / "state", folder / "other.yaml").names == frozenset()
    assert read_last_good(folder / "elsewhere", folder / "s2d.yaml").names == frozenset()


@pytest.mark.parametrize("damage", [b"", b"\xff", b"5", b"{devices: ["])
def test_where_it_is_damaged_itself_nothing_is_known(folder: Path, damage: bytes) -> None:
    (folder / "state/last-good/s2d.yaml").write_bytes(damage)
    last = read_last_good(folder / "state", folder / "s2d.yaml")
    assert (last.config.devices, len(last.problems)) == ((), 1)


def test_it_is_nobody_elses_and_not_written_again(folder: Path) -> None:
    kept = [path for path in (folder / "state").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert sorted(path.name for path in kept) == ["mine.yaml", "s2d.yaml"]
    before = [path.stat().st_ino for path in kept]
    keep(folder / "state", files_of(draft(folder), folder / "s2d.yaml"))
    assert [path.stat().st_ino for path in kept] == before
    assert "secret" not in (folder / "state/last-good/s2d.yaml").read_text()


def test_that_all_are_at_rest_is_known_until_they_are_at_work_again(folder: Path) -> None:
    assert not is_at_rest(folder / "state")
    keep_at_rest(folder / "state")
    assert is_at_rest(folder / "state")
    keep(folder / "state", {})
    assert not is_at_rest(folder / "state")
    assert os.listdir(folder / "state/last-good")

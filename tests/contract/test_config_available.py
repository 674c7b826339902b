"""`available`, `uptime` and `expected_offline` as an owner or a profile writes them, and what is said of mistakes."""

from pathlib import Path

import pytest

from s2d.config import DeviceConfig, load
from s2d.device.device_map import Available
from s2d.device.expression import Expression
from s2d.errors import ConfigError
from tests.contract.battery_text import KEYS, gateway_file

DEVICE = gateway_file(
    KEYS
    + """\
expected_offline: true
available: {if: remote == 'on', else: "it is in local mode"}
uptime: awake
points:
  soc: {register: 843, unit: "%"}
  power: {register: 842, unit: W}
  power_setpoint: {register: 2700, unit: W, access: write, type: int16}
  remote: {register: 10, values: {0: "off", 1: "on"}}
  awake: {register: 11, type: uint32, unit: s}
""",
    cem="ws://10.0.0.1:8080",
)


def device(folder: Path, *edits: tuple[str, str]) -> DeviceConfig:
    text = DEVICE
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is not once in the text"
        text = text.replace(old, new)
    (folder / "s2d.yaml").write_text(text)
    return load(folder).devices[0]


def test_an_owner_says_when_it_can_be_had(tmp_path: Path) -> None:
    battery = device(tmp_path)
    available = Available(if_=Expression.parse("remote == 'on'"), else_="it is in local mode")
    assert (battery.make.available, battery.make.uptime, battery.is_expected_offline) == (available, "awake", True)


def test_without_a_word_it_can_be_had_whenever_it_answers(tmp_path: Path) -> None:
    lines = [line for line in DEVICE.splitlines(keepends=True) if line.split(":")[0].strip() in SAID]
    battery = device(tmp_path, *((line, "") for line in lines))
    assert (battery.make.available, battery.make.uptime, battery.is_expected_offline) == (None, None, False)


SAID = ("expected_offline", "available", "uptime", "remote", "awake")


def test_a_variant_may_say_it_otherwise(tmp_path: Path) -> None:
    variant = """\
  variants:
  - when: firmware > 1
    uptime: null
    available: {if: remote == 'off', else: "it is in remote mode"}
  points:
    firmware: {register: 12, poll: once}
"""
    battery = device(tmp_path, ("  points:\n", variant))
    (other,) = battery.variants
    assert other.make.uptime is None
    assert other.make.available
    assert other.make.available.else_ == "it is in remote mode"
    assert battery.make.uptime == "awake"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            ("if: remote ==", "if: remot =="),
            's2d.yaml:11:19: Home battery: available: if: nothing is called "remot". Did you mean "remote"?',
        ),
        (
            (', else: "it is in local mode"', ""),
            's2d.yaml:11:14: Home battery: available: missing key "else"',
        ),
        (
            ("uptime: awake", "uptime: awoke"),
            's2d.yaml:12:11: Home battery: uptime: there is no point "awoke". Did you mean "awake"?',
        ),
        (
            ("type: uint32, unit: s}", "poll: once}"),
            's2d.yaml:12:11: Home battery: uptime: "awake" has to be read again and again. '
            "Give it a `poll: 10 s` or none",
        ),
        (
            ("expected_offline: true", "expected_offline: yes"),
            's2d.yaml:10:21: Home battery: expected_offline: expected true or false, got "yes". Write true',
        ),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, edit: tuple[str, str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        device(tmp_path, edit)
    assert expected in str(caught.value).splitlines()


@pytest.mark.parametrize("register", [400013, -1])
def test_an_address_as_manuals_write_it_gets_a_remedy(tmp_path: Path, register: int) -> None:
    with pytest.raises(ConfigError) as caught:
        device(tmp_path, ("register: 843", f"register: {register}"))
    assert str(caught.value) == (
        "s2d.yaml:14:21: Home battery: points: soc: register: expected a whole number between 0 and 65535, "
        f"got {register}. A manual's 400013 is address 12 in table holding, its 300013 the same in table input"
    )

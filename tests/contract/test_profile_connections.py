"""What a profile assumes of a connection, and what is left of it where its owner connects the device another way."""

from pathlib import Path

import msgspec
import pytest
from s2d_drivers.modbus import ModbusConnection

from s2d.config import load
from s2d.errors import ConfigError

METER = """\
title: Acme Meter
of: meter
driver: modbus
connection: {port: 1502, unit: 7, baudrate: 19200, parity: E, stopbits: 2, gap: 20 ms}
points:
  power: {register: 1, unit: W}
"""
LINE = {"baudrate": 19200, "parity": "E", "stopbits": 2}
BUS = """\
buses:
- name: cellar
  serial: /dev/ttyUSB0
  baudrate: 9600
  parity: O
- name: gateway
  host: 192.168.1.30
  port: 503
"""


def connected(folder: Path, connection: str, profile: str = METER) -> ModbusConnection:
    """The connection of a device that is connected so."""
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles/acme.yaml").write_text(profile)
    device = f"- {{name: Meter, profile: acme, connection: {connection}}}\n"
    (folder / "s2d.yaml").write_text(f'cem: {{url: "ws://cem"}}\n{BUS}devices:\n{device}')
    found = load(folder).devices[0].connection
    assert isinstance(found, ModbusConnection)
    return found


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        # A port is nothing to a serial line, the settings of a line nothing to a network.
        ("{serial: /dev/a}", {"serial": "/dev/a"} | LINE),
        ("{host: a}", {"host": "a", "port": 1502}),
        ("{host: a, port: 502}", {"host": "a", "port": 502}),
        # What passes a line on has both.
        ("{host: a, framing: rtu}", {"host": "a", "port": 1502, "framing": "rtu"} | LINE),
        # The owner's own word counts most, that of the bus more than the profile's.
        ("{serial: /dev/a, baudrate: 2400}", {"serial": "/dev/a"} | LINE | {"baudrate": 2400}),
        ("{bus: cellar}", {"serial": "/dev/ttyUSB0"} | LINE | {"baudrate": 9600, "parity": "O"}),
        ("{bus: cellar, baudrate: 2400}", {"serial": "/dev/ttyUSB0"} | LINE | {"baudrate": 2400, "parity": "O"}),
        ("{bus: gateway}", {"host": "192.168.1.30", "port": 503}),
    ],
)
def test_only_what_fits_is_taken_from_a_profile(tmp_path: Path, connection: str, expected: dict[str, object]) -> None:
    found = connected(tmp_path, connection)
    assert found.gap_s == 0.02
    expected_connection = msgspec.convert({"unit": 7} | expected, ModbusConnection)
    assert msgspec.structs.replace(found, gap_s=None) == expected_connection


def test_a_profile_of_a_line_that_is_passed_on_works_on_the_line_itself(tmp_path: Path) -> None:
    profile = METER.replace("{port: 1502", "{framing: rtu, port: 1502")
    passed_on = connected(tmp_path, "{host: a}", profile)
    assert (passed_on.framing, passed_on.baudrate, passed_on.parity, passed_on.stopbits) == ("rtu", 19200, "E", 2)
    direct = connected(tmp_path, "{serial: /dev/a}", profile)
    assert (direct.framing, direct.baudrate, direct.port) == (None, 19200, 502)


@pytest.mark.parametrize(
    ("connection", "sentence"),
    [
        ("{host: a, baudrate: 9601}", "`baudrate`, `parity` and `stopbits` belong to `serial`, not to `host`"),
        ("{bus: gateway, parity: O}", "`baudrate`, `parity` and `stopbits` belong to `serial`, not to `host`"),
        ("{serial: /dev/a, port: 503}", "`port` is a TCP port and belongs to `host`, not to `serial`"),
        ("{bus: attic}", 'expected the name of one of the buses, got "attic"'),
    ],
)
def test_what_the_owner_says_herself_is_never_left_out(tmp_path: Path, connection: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as problem:
        connected(tmp_path, connection)
    assert sentence in str(problem.value)
    assert str(problem.value).startswith("s2d.yaml:")

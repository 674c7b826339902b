"""What can be said under `connection:`, and what is explained instead."""

from pathlib import Path

import msgspec
import pytest
from s2d_drivers.modbus import Modbus, ModbusConnection
from s2d_drivers.modbus.register_block import RegisterBlock

from s2d.config.decoder import Decoder
from s2d.config.driver_discovery import find_driver
from s2d.config.yaml_source import parse
from s2d.errors import ConfigError
from s2d.quantities import Duration


def connection(**settings: object) -> ModbusConnection:
    return msgspec.convert(settings, ModbusConnection, dec_hook=lambda kind, written: kind.parse(written))


def test_a_network_device_needs_only_its_host() -> None:
    assert connection(host="192.168.1.20") == ModbusConnection(host="192.168.1.20", port=502, unit=1)
    assert connection(host="inverter", timeout="300 ms").timeout_s == Duration(0.3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "say where the device is: `host: 192.168.1.20`, or `serial: /dev/serial/by-id/…`"),
        ({"host": "a", "serial": "/dev/b"}, "`host` and `serial` exclude each other"),
        ({"host": "a", "baudrate": 19200}, "`baudrate`, `parity` and `stopbits` belong to `serial`, not to `host`"),
        ({"serial": "/dev/b", "port": 1502}, "`port` is a TCP port and belongs to `host`, not to `serial`"),
        ({"host": "a", "unit": 250}, "unit: expected 0..247 or 255, got 250"),
        ({"serial": "/dev/b", "unit": 0}, "unit: nobody on a serial line answers to 0; expected 1..247"),
        ({"host": "a", "framing": "rtu", "unit": 255}, "unit: nobody on a serial line answers to 255; expected 1..247"),
        ({"serial": "/dev/b", "framing": "tcp"}, "framing: a serial line speaks rtu; leave it out"),
        ({"host": "a", "warm_up": "-1 s"}, "warm_up: must not be below 0 s"),
        ({"host": "a", "holes": ["120..100"]}, "holes: 120..100 is no range of registers; write it as"),
        ({"host": "a", "holes": ["0..10"], "address_base": 1}, "holes: 0..10 is no range of registers"),
        ({"host": "a", "holes": ["input 70000"]}, "holes: input 70000 is no range of registers"),
        ({"host": "a", "timeout": "0 s"}, "timeout: must be above 0 s"),
        ({"host": "a", "gap": "-1 ms"}, "gap: must not be below 0 s"),
    ],
)
def test_a_connection_that_makes_no_sense_is_explained(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as problem:
        connection(**settings)
    assert str(problem.value).startswith(sentence)


@pytest.mark.parametrize(
    ("key", "written", "limits"),
    [
        ("timeout", "1e-9 ms", "from 10 ms to 5 min"),
        ("timeout", "6 min", "from 10 ms to 5 min"),
        ("timeout", "1e300 d", "at most 365 d"),
        ("gap", "61 s", "from 0 s to 1 min"),
        ("warm_up", "1 h", "from 0 s to 10 min"),
    ],
)
def test_a_time_that_no_device_needs_is_refused_with_its_limits(key: str, written: str, limits: str) -> None:
    node = parse(f"host: a\n{key}: {written}\n", "s2d.yaml")
    with pytest.raises(ConfigError) as error:
        Decoder(Path()).struct(node, ModbusConnection, ("Store", "connection"))
    assert str(error.value) == (
        f's2d.yaml:2:{len(key) + 3}: Store: connection: {key}: must be {limits}, got "{written}"'
    )


@pytest.mark.parametrize(
    ("settings", "silence_s"),
    [
        ({"host": "a"}, 0),
        ({"host": "a", "gap": "50 ms"}, 0.05),
        ({"host": "a", "framing": "rtu"}, 3.5 * 10 / 9600),
        ({"serial": "/dev/b"}, 3.5 * 10 / 9600),
        ({"serial": "/dev/b", "parity": "E"}, 3.5 * 11 / 9600),
        ({"serial": "/dev/b", "baudrate": 115200}, 0.00175),
        ({"serial": "/dev/b", "gap": "20 ms"}, 0.02),
    ],
)
def test_the_line_is_silent_for_three_and_a_half_characters_unless_told(
    settings: dict[str, object], silence_s: float
) -> None:
    assert connection(**settings).silence_s == pytest.approx(silence_s)


def test_units_at_one_place_share_a_bus() -> None:
    assert Modbus.bus_of(connection(host="a", unit=1)) == Modbus.bus_of(connection(host="a", unit=2))
    assert Modbus.bus_of(connection(host="a")) != Modbus.bus_of(connection(host="a", port=1502))
    assert Modbus.bus_of(connection(serial="/dev/b", unit=1)) == Modbus.bus_of(connection(serial="/dev/b", unit=2))
    assert Modbus.bus_of(connection(serial="/dev/b")) != Modbus.bus_of(connection(serial="/dev/c"))


def test_a_line_under_another_name_is_the_same_bus(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "usb-FTDI").symlink_to(tmp_path / "ttyUSB0")
    names = (str(tmp_path / name) for name in ("ttyUSB0", "usb-FTDI"))
    one, other = (Modbus.bus_of(connection(serial=name)) for name in names)
    assert one == other


def test_holes_are_in_every_table_unless_told() -> None:
    assert connection(host="a", holes=["100..120"], address_base=1).hole_blocks == [
        RegisterBlock(table, 99, 21) for table in ("holding", "input", "coil", "discrete")
    ]
    assert connection(host="a", holes=["input 7"]).hole_blocks == [RegisterBlock("input", 7, 1)]


def test_an_owner_reads_addresses_as_usual() -> None:
    assert connection(host="inverter", port=1502).endpoint == "inverter:1502"
    assert connection(host="fe80::1").endpoint == "[fe80::1]:502"
    assert connection(serial="/dev/b").endpoint == "/dev/b"


def test_the_driver_is_found_by_its_name() -> None:
    assert find_driver("modbus") is Modbus


def test_a_schema_can_be_made_of_the_settings() -> None:
    schema = msgspec.json.schema(
        ModbusConnection, schema_hook=lambda kind: {"type": "string", "pattern": kind.pattern()}
    )
    assert set(schema["$defs"]["ModbusConnection"]["properties"]) == {
        field.encode_name for field in msgspec.structs.fields(ModbusConnection)
    }

"""What can be said under `connection:`, and what is explained instead."""

import msgspec
import pytest
from s2d_drivers.modbus import Modbus, ModbusConnection

from s2d.driver import find
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
        ({"serial": "/dev/b", "unit": 0}, "unit: 0 addresses everybody on a serial line, and nobody answers"),
        ({"host": "a", "timeout": "0 s"}, "timeout: must be above 0 s"),
        ({"host": "a", "gap": "-1 ms"}, "gap: must not be below 0 s"),
    ],
)
def test_a_connection_that_makes_no_sense_is_explained(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as problem:
        connection(**settings)
    assert str(problem.value).startswith(sentence)


@pytest.mark.parametrize(
    ("settings", "silence_s"),
    [
        ({"host": "a"}, 0),
        ({"host": "a", "gap": "50 ms"}, 0.05),
        ({"serial": "/dev/b"}, 3.5 * 11 / 9600),
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


def test_an_owner_reads_addresses_as_usual() -> None:
    assert connection(host="inverter", port=1502).endpoint == "inverter:1502"
    assert connection(host="fe80::1").endpoint == "[fe80::1]:502"
    assert connection(serial="/dev/b").endpoint == "/dev/b"


def test_the_driver_is_found_by_its_name() -> None:
    assert find("modbus") is Modbus


@pytest.mark.parametrize("settings", [Modbus.Connection, Modbus.Point])
def test_a_schema_can_be_made_of_the_settings(settings: type[msgspec.Struct]) -> None:
    schema = msgspec.json.schema(settings, schema_hook=lambda kind: {"type": "string", "pattern": kind.pattern()})
    assert set(schema["$defs"][settings.__name__]["properties"]) == {
        field.encode_name for field in msgspec.structs.fields(settings)
    }

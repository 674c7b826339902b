"""What is said of devices that share an endpoint before anything is connected."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint
from s2d_drivers.modbus.config_checks import loads, remarks

from s2d.driver import BusLoad, Remark
from tests.hybrid import POINTS

SOC = {"soc": ModbusPoint(register=10)}
SETPOINT = {"setpoint": ModbusPoint(register=20, type="int32", access="read_write", poll="never")}
LIMIT = {"limit": ModbusPoint(register=25, access="write")}
SERIAL = {"serial": ModbusPoint(register=50, poll="once")}


@dataclass(frozen=True)
class Device:
    name: str
    connection: ModbusConnection
    points: Mapping[str, ModbusPoint]
    poll_s: float = 2.0
    profile: str | None = None
    part: str | None = None
    refreshes: Sequence[tuple[float, Collection[str], Sequence[Collection[str]]]] = ()


def at(unit: int = 1, **connection: object) -> ModbusConnection:
    return ModbusConnection(unit=unit, **({"host": "gateway"} | connection))


def on_line(unit: int = 1, **connection: object) -> ModbusConnection:
    return ModbusConnection(unit=unit, **({"serial": "/dev/serial/by-id/usb-A"} | connection))


def told(*devices: Device) -> list[Remark]:
    return list(remarks(devices))


def test_devices_that_go_together_give_no_reason_to_speak() -> None:
    assert told(Device("A", on_line(1), SOC), Device("B", on_line(2), SOC), Device("C", at(1), SOC)) == []


def test_one_endpoint_is_not_spoken_to_in_two_framings() -> None:
    assert told(Device("A", at(1), SOC), Device("B", at(2, framing="rtu"), SOC)) == [
        Remark(
            name,
            ("connection", "framing"),
            f'gateway:502 cannot be spoken to in two framings, {mine} here and {others} to "{other}"',
            "Give all devices there the same framing",
        )
        for name, mine, others, other in (("A", "tcp", "rtu", "B"), ("B", "rtu", "tcp", "A"))
    ]


def test_a_line_has_one_setting_for_all() -> None:
    found = told(Device("A", on_line(1), SOC), Device("B", on_line(2, baudrate=19200, parity="E"), SOC))
    assert [(remark.device, remark.keys[1], remark.what.split(" cannot have ")[1]) for remark in found] == [
        ("A", "baudrate", 'baudrate 9600 here and 19200 for "B"'),
        ("A", "parity", 'parity N here and E for "B"'),
        ("B", "baudrate", 'baudrate 19200 here and 9600 for "A"'),
        ("B", "parity", 'parity E here and N for "A"'),
    ]


def test_the_same_unit_with_the_same_registers_is_a_unit_that_was_forgotten() -> None:
    twins = Device("A", at(3), SOC, profile="meter"), Device("B", at(3), SOC, profile="meter")
    what = '"A" is unit 3 at gateway:502 too, and has the same registers'
    assert told(*twins) == [Remark("B", ("connection", "unit"), what, "Give each its own unit")]


def test_two_devices_do_not_write_the_same_registers() -> None:
    half = {"half": ModbusPoint(register=21, access="write")}
    what = '"A" writes holding registers 20..21 too; two devices cannot control one'
    hint = "Give each its own unit, or leave the point out of one"
    assert told(Device("A", at(), SETPOINT), Device("B", at(), half)) == [Remark("B", ("points", "half"), what, hint)]


def test_a_device_that_is_told_in_two_ways_has_two_hands_at_it() -> None:
    one, other = Device("A", at(), SOC | SETPOINT, profile="p"), Device("B", at(), SOC | LIMIT, profile="p")
    what = '"A" is unit 1 at gateway:502 too; two devices cannot control one'
    hint = "Give each its own unit, or leave one of them out"
    assert told(one, other) == [Remark("B", ("connection", "unit"), what, hint)]


def test_two_of_a_type_do_not_write_the_same_registers_unless_they_are_parts_of_one() -> None:
    half = {"half": ModbusPoint(register=21, access="write")}
    twins = Device("A", at(), SETPOINT, profile="p", part="left"), Device("B", at(), half, profile="p", part="left")
    what = '"A" writes holding registers 20..21 too; two devices cannot control one'
    hint = "Give each its own unit, or leave the point out of one"
    assert told(*twins) == [Remark("B", ("points", "half"), what, hint)]


def test_a_host_is_the_same_however_it_is_written() -> None:
    [remark] = told(Device("A", at(3, host="gw.local"), SOC), Device("B", at(3, host="GW.local"), SOC))
    assert remark.what == '"A" is unit 3 at gw.local:502 too, and has the same registers'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            Device("battery", at(), SETPOINT, profile="hybrid", part="battery"),
            Device("pv", at(), SETPOINT | SOC, profile="hybrid", part="pv"),
        ),
        (Device("one", at(), SOC | LIMIT, profile="hybrid"), Device("other", at(), SOC, profile="hybrid")),
        (
            Device("left", at(), {"power": ModbusPoint(register=30)} | SERIAL | LIMIT, profile="hybrid"),
            Device("right", at(), {"power": ModbusPoint(register=40)} | SERIAL | SETPOINT, profile="hybrid"),
        ),
        (Device("battery", at(), SETPOINT), Device("meter", at(), SOC)),
        (Device("battery", at(), SETPOINT), Device("watcher", at(), {"setpoint": ModbusPoint(register=20)} | SOC)),
        (
            Device("one", at(), {"p": ModbusPoint(register=7, bits=0, type="bool", access="read_write")} | SOC),
            Device("other", at(), {"p": ModbusPoint(register=7, bits=1, type="bool", access="read_write")}),
        ),
    ],
    ids=[
        "parts of one profile",
        "who only looks on",
        "halves of a device",
        "a source beside",
        "who only reads",
        "bits of one register",
    ],
)
def test_devices_may_share_a_unit(one: Device, other: Device) -> None:
    assert told(one, other) == []


@pytest.mark.parametrize("is_known", [True, False])
def test_a_port_that_may_get_another_number_is_called_by_its_lasting_name(tmp_path: Path, is_known: bool) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Other").symlink_to(tmp_path / "ttyUSB1")
    if is_known:
        (by_id / "usb-FTDI").symlink_to(port)
    hint = f"Write serial: {by_id}/usb-FTDI"
    assert list(remarks([Device("A", on_line(serial=str(port)), SOC)], by_id)) == [
        Remark(
            "A",
            ("connection", "serial"),
            f"{port} may be another adapter after the next start",
            hint if is_known else f"Look into {by_id} for its lasting name while it is plugged in",
            is_warning=True,
        )
    ]


@pytest.mark.parametrize(
    ("point", "plain"),
    [
        (ModbusPoint(register=40013), 12),
        (ModbusPoint(register=30001, table="input"), 0),
        (ModbusPoint(register=10008, table="discrete"), 7),
    ],
)
def test_a_number_that_may_be_a_manuals_name_is_asked_about_once(point: ModbusPoint, plain: int) -> None:
    assert told(Device("A", at(), {"p": point, "q": point})) == [
        Remark(
            "A",
            ("points", "p", "register"),
            f"{point.register} is how manuals call {point.table} register {plain}",
            f"Write {plain}; if {point.register} is the address on the wire, write address_base: 0",
            is_warning=True,
        )
    ]


@pytest.mark.parametrize(
    ("point", "connection"),
    [
        (ModbusPoint(register=40149), at(address_base=0)),
        (ModbusPoint(register=40149, base=0), at()),
        (ModbusPoint(register=40000), at()),
        (ModbusPoint(register=30775), at()),
        (ModbusPoint(register=40013, table="input"), at()),
    ],
)
def test_a_number_that_is_an_address_is_left_alone(point: ModbusPoint, connection: ModbusConnection) -> None:
    assert told(Device("A", connection, {"p": point})) == []


def test_where_one_counts_from_1_there_is_no_register_0() -> None:
    found = told(Device("A", at(address_base=1), {"p": ModbusPoint(register=0), "q": ModbusPoint(register=0, base=0)}))
    assert [(remark.device, remark.keys, remark.is_warning) for remark in found] == [("A", ("points", "p"), False)]


@pytest.mark.parametrize(
    ("point", "what"),
    [
        (ModbusPoint(register=1, table="coil", unit="W"), "a bool is no number of W, so it will have no value"),
        (ModbusPoint(register=1, type="bool", bits=3, unit="%"), "a bool is no number of %, so it will have no value"),
        (ModbusPoint(register=1, flags={"0": "hot"}, unit="W"), "flags are no number of W, so it will have no value"),
    ],
)
def test_what_is_never_a_number_has_no_unit(point: ModbusPoint, what: str) -> None:
    remark = Remark("A", ("points", "power", "unit"), what, "Leave the unit out", is_warning=True)
    assert told(Device("A", at(), {"power": point})) == [remark]


def test_a_point_is_not_in_a_hole() -> None:
    found = told(Device("A", at(holes=("15..20",)), SOC | SETPOINT))
    assert found == [Remark("A", ("points", "setpoint"), "lies in one of the connection's holes")]


def test_the_load_of_a_line_is_forecast() -> None:
    """One register is 15 characters there and back, and two silences of 3.5."""
    character_s = 10 / 9600
    read_s = (8 + 7 + 7) * character_s
    devices = [
        Device("A", on_line(1), SOC, poll_s=1),
        Device("B", on_line(2), SOC, poll_s=2),
        Device(
            "C", on_line(2), {"p": ModbusPoint(register=1, poll="once"), "q": ModbusPoint(register=2, poll="never")}
        ),
        Device("E", at(), POINTS, poll_s=0.1),
    ]
    [load] = loads(devices)
    assert load == BusLoad("/dev/serial/by-id/usb-A", pytest.approx(load.share), "9600 8N1, 2 units")
    assert load.share == pytest.approx(read_s + read_s / 2, rel=0.01)
    assert list(Modbus.loads_of_buses(devices)) == [load]


def test_what_a_line_carries_again_and_again_is_forecast_too() -> None:
    """What it is planned with is read, bits are looked at before they are written, and what can be read afterwards."""
    points = {
        "soc": ModbusPoint(register=10, poll="never"),
        "power": ModbusPoint(register=11, poll="never"),
        "order": ModbusPoint(register=20, access="write"),
        "more": ModbusPoint(register=21, access="write"),
        "switch": ModbusPoint(register=30, access="read_write", type="bool", bits=3, poll="never"),
    }
    told_again = [(10.0, ["soc", "power"], [["order", "more"], ["switch"]]), (1.0, [], [["order"]])]
    [load] = loads([Device("A", on_line(), points, refreshes=told_again)])
    character_s = 10 / 9600
    one, two = (8 + 7 + 7) * character_s, (8 + 9 + 7) * character_s
    write_one, write_two = (8 + 8 + 7) * character_s, (13 + 8 + 7) * character_s
    assert load.share == pytest.approx((two + write_two + one + write_one + one) / 10 + write_one, rel=0.01)


def test_what_is_not_merged_costs_a_request_each() -> None:
    merged, apart = (
        {name: ModbusPoint(register=place, merge=merge) for place, name in enumerate("ab")} for merge in (True, False)
    )
    [one], [two] = (list(loads([Device("A", on_line(), points, poll_s=1)])) for points in (merged, apart))
    assert two.share / one.share == pytest.approx(44 / 24)


def test_a_line_that_will_be_too_busy_is_told() -> None:
    [remark] = told(Device("A", on_line(1), POINTS, poll_s=0.7))
    assert remark.is_warning
    assert remark.what == "/dev/serial/by-id/usb-A will be busy for 73 % of its time (9600 8N1, 1 unit)"


def test_what_is_written_in_sunspec_is_counted_too() -> None:
    [load] = loads([Device("A", on_line(1), {"soc": ModbusPoint(sunspec="124:ChaState")}, poll_s=1)])
    assert 0.05 < load.share < 0.06  # 17 registers with one request, as its scale factor is the last of them


def test_all_is_said_through_the_driver() -> None:
    assert list(Modbus.problems_of_bus([Device("A", at(), SOC), Device("B", at(), SOC)])) != []

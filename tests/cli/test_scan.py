"""`s2d scan` as its user sees it."""

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import serve_rtu, serve_tcp
from s2d.simulation.registers import BatteryRegisters
from tests.cli.commissioning import s2d
from tests.ptys import pty_pair

pytestmark = pytest.mark.system


@pytest.fixture
def nowhere(tmp_path):
    """A place without profiles of one's own."""
    return ("-c", tmp_path)


def registers(profile="sma-storage", unit=3):
    return profile_device(profile, {}, SimulatedBattery(watchdog_s=0), Faults()).units[unit]


async def test_a_known_nameplate_suggests_its_profile(capsys, nowhere):
    async with serve_tcp(registers(), unit=3) as address:
        assert await s2d("scan", *nowhere, str(address)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"connection: {{host: 127.0.0.1, port: {address.port}, unit: 3}}  # no SunSpec"
    assert lines[1].startswith(
        f"host 127.0.0.1, port {address.port}, unit 3 fits the profile sma-storage (SMA Sunny Boy Storage"
    )
    assert lines[1].endswith(": device_class 8007, device_type 9356, serial 3001234567")
    assert lines[2:8] == [
        "- name: sma-storage",
        "  profile: sma-storage",
        f"  connection: {{host: 127.0.0.1, port: {address.port}, unit: 3}}",
        '  capacity: "10 kWh"  # say what it is',
        '  max_charge_power: "5 kW"  # say what it is',
        '  max_discharge_power: "5 kW"  # say what it is',
    ]


async def test_a_sunspec_device_on_a_line_says_what_it_is(capsys, nowhere, tmp_path):
    profile = tmp_path / "storage.yaml"
    profile.write_text(
        """
title: SunSpec storage
kind: battery
driver: modbus
points:
  serial: {sunspec: "1:SN", poll: once}
  soc: {sunspec: "802:SoC", unit: "%"}
  power: {sunspec: "802:W", unit: W}
  power_setpoint: {sunspec: "704:WSet", unit: W, access: read_write}
nameplate: {serial_number: serial}
simulation: {obeys: power_setpoint}
"""
    )
    async with (
        pty_pair() as (line, far_end),
        serve_rtu(registers(str(profile), 1), far_end, baudrate=115200, unit=2),
    ):
        typed = ("--serial", line, "--baudrate", 115200, "--units", "1..4", "--timeout", "0.5")
        assert await s2d("scan", *nowhere, *typed) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        f"connection: {{serial: {line}, baudrate: 115200, parity: N, unit: 2}}  "
        "# SunSpec at 40000, models 1, 704, 802: serial number S2D-SIM-0001"
    )


async def test_what_fits_no_profile_is_said_to(capsys, nowhere):
    async with serve_tcp(BatteryRegisters(SimulatedBattery())) as address:
        assert await s2d("scan", *nowhere, str(address), "--units", "1..3") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"connection: {{host: 127.0.0.1, port: {address.port}, unit: 1}}  # no SunSpec",
        f"host 127.0.0.1, port {address.port}, unit 1 fits no profile; `s2d probe` shows its registers",
    ]


async def test_a_profile_fits_whose_nameplate_and_state_can_be_read(capsys, nowhere, tmp_path):
    (tmp_path / "profiles").mkdir()
    for name, soc in (("whole", 843), ("half", 9999)):
        (tmp_path / "profiles" / f"{name}.yaml").write_text(
            f"""
title: The {name} battery
driver: modbus
parameters: {{size: {{type: energy, help: how much it holds}}}}
points:
  serial: {{register: 850, type: "string[16]", poll: once}}
  soc: {{register: {soc}, scale: 0.1, unit: "%"}}
"""
        )
    async with serve_tcp(BatteryRegisters(SimulatedBattery())) as address:
        assert await s2d("scan", *nowhere, str(address), "--units", "1") == 0
    where = f"host: 127.0.0.1, port: {address.port}, unit: 1"
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"{where.replace(':', '')} fits the profile whole (The whole battery): serial S2D-SIM-0001",
        "- name: whole",
        "  profile: whole",
        f"  connection: {{{where}}}",
        "  size: 10 kWh  # say what it is",
    ]


async def test_a_device_that_does_not_look_at_unit_ids_is_one_device(capsys, nowhere):
    battery = BatteryRegisters(SimulatedBattery())
    async with serve_tcp(battery, also=dict.fromkeys(range(2, 6), battery)) as address:
        assert await s2d("scan", *nowhere, str(address), "--units", "1..5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{address} answers under every unit id, as if there were none; taken for one"
    assert [line for line in lines if line.startswith("connection:")] == [
        f"connection: {{host: 127.0.0.1, port: {address.port}, unit: 1}}  # no SunSpec"
    ]


async def test_who_says_nothing_is_said_to_want_another_way(capsys, nowhere):
    async with serve_tcp(BatteryRegisters(SimulatedBattery()), framing="rtu") as address:
        assert await s2d("scan", *nowhere, str(address), "--timeout", "0.5") == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{address} takes the connection and says nothing; `s2d probe --host 127.0.0.1` tries other ways to speak"
    ]


async def test_nobody_there_is_a_failure(capsys, nowhere, port):
    assert await s2d("scan", *nowhere, f"127.0.0.1:{port}") == 1
    assert capsys.readouterr().out == f"cannot connect to 127.0.0.1:{port}: Connection refused\n"


async def test_it_has_to_be_told_where_to_look(capsys, nowhere):
    assert await s2d("scan", *nowhere) == 2
    assert capsys.readouterr().err == "s2d scan: say where to look: HOST..., or --serial\n"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("host:99999", "expected a port from 1 to 65535, got 99999"),
        ("host:0", "expected a port from 1 to 65535, got 0"),
        ("host:modbus", "expected HOST, HOST:PORT or [ADDRESS]:PORT, got host:modbus"),
        ("[::1", "expected HOST, HOST:PORT or [ADDRESS]:PORT, got [::1"),
    ],
)
async def test_a_place_that_cannot_be_is_said_to(capsys, nowhere, typed, told):
    assert await s2d("scan", *nowhere, typed) == 2
    assert capsys.readouterr().err == f"s2d scan: {told}\n"


@pytest.mark.parametrize(("typed", "place"), [("[::1]:1", "[::1]:1"), ("::1", "[::1]:502"), ("[::1]", "[::1]:502")])
async def test_an_address_of_ipv6_can_be_said_with_and_without_port(capsys, nowhere, typed, place):
    assert await s2d("scan", *nowhere, typed) == 1
    assert capsys.readouterr().out.startswith(f"cannot connect to {place}: ")

"""A configuration of several files: what belongs together must agree, and secrets stay secret."""

from pathlib import Path

import pytest

from s2d.config import load
from s2d.errors import ConfigError
from tests.contract.battery_text import BATTERY

CEM = 'cem: {url: "wss://cem/{resource_id}"}\n'


def folder(path: Path, **files: str) -> Path:
    """A configuration in *path*; `battery_yaml` becomes `devices.d/battery.yaml`."""
    (path / "devices.d").mkdir(exist_ok=True)
    for name, text in files.items():
        stem = name.removesuffix("_yaml")
        (path / ("s2d.yaml" if stem == "s2d" else f"devices.d/{stem}.yaml")).write_text(text)
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value).splitlines()


def test_each_file_holds_a_device_or_a_list_of_them(tmp_path: Path) -> None:
    meter = "- name: Meter\n  driver: modbus\n  connection: {host: a}\n  points: {power: {register: 1, unit: W}}\n"
    other = meter.replace("Meter", "Other").replace("host: a", "host: b")
    folder(tmp_path, s2d_yaml=CEM, battery_yaml=BATTERY, meters_yaml=meter + other)
    expected = ["Home battery", "Meter", "Other"]
    assert [device.name for device in load(tmp_path).devices] == expected
    assert [device.name for device in load(tmp_path / "s2d.yaml").devices] == expected


def test_problems_name_their_file_and_are_sorted(tmp_path: Path) -> None:
    folder(
        tmp_path,
        s2d_yaml="cem: {url: 'ws://cem', token: x}\ninclude: devices.d/*.yaml\n",
        battery_yaml=BATTERY.replace("10 kWh", "10"),
        garage_yaml="name: Garage charger\nkind: battery\nconnection: {hots: a}\ndriver: modbus\n",
        numbers_yaml="5\n",
        broken_yaml="a: 'b\n",
        empty_yaml="",
    )
    assert problems(tmp_path) == [
        'devices.d/battery.yaml:5:11: Home battery: capacity: expected an energy such as "10 kWh", got 10',
        "devices.d/broken.yaml:1:4: not YAML: the quotes that open here are not closed",
        "devices.d/empty.yaml:1:1: the file is empty",
        'devices.d/garage.yaml:1:1: Garage charger: missing key "capacity". For example "capacity: 10 kWh"',
        'devices.d/garage.yaml:1:1: Garage charger: missing key "max_charge_power". '
        'For example "max_charge_power: 5 kW"',
        'devices.d/garage.yaml:1:1: Garage charger: missing key "max_discharge_power". '
        'For example "max_discharge_power: 5 kW"',
        'devices.d/garage.yaml:1:1: Garage charger: missing key "points"',
        'devices.d/garage.yaml:3:14: Garage charger: connection: unknown key "hots". Did you mean "host"?',
        "devices.d/numbers.yaml:1:1: expected a device or a list of devices, got 5",
        's2d.yaml:1:24: cem: unknown key "token". Did you mean "token_file"?',
    ]


def test_a_device_file_is_not_the_gateway_file(tmp_path: Path) -> None:
    folder(tmp_path, s2d_yaml=CEM, battery_yaml=BATTERY, list_yaml="- " + BATTERY.replace("\n", "\n  "))
    wish = "this is a device file; -c wants the gateway file. Name that file, or its folder; it includes this one"
    for name in ("battery", "list"):
        assert problems(tmp_path / f"devices.d/{name}.yaml") == [f"{name}.yaml:1:1: {wish}"]


def test_a_device_file_does_not_say_that_it_has_devices(tmp_path: Path) -> None:
    device = "- " + BATTERY.replace("\n", "\n  ")
    folder(tmp_path, s2d_yaml=CEM, battery_yaml=f"devices:\n{device}")
    assert problems(tmp_path) == [
        'devices.d/battery.yaml:1:1: "devices" belongs into the gateway file. Leave it out: a device file is one '
        "device, or a list of them"
    ]


def test_a_name_and_a_resource_id_belong_to_one_device(tmp_path: Path) -> None:
    other = BATTERY.replace("1.20", "1.22").replace("kind:", "resource_id: bat\nkind:")
    other = "- " + other.replace("\n", "\n  ")
    garage = BATTERY.replace("Home", "Garage").replace("1.20", "1.21").replace("kind:", "resource_id: bat\nkind:")
    folder(
        tmp_path,
        s2d_yaml=f"{CEM}devices:\n{other}",
        battery_yaml=BATTERY,
        garage_yaml=garage,
    )
    assert problems(tmp_path) == [
        's2d.yaml:3:9: two devices are named "Home battery" (the other: devices.d/battery.yaml:1:7)',
        's2d.yaml:4:16: two devices have the resource_id "bat" (the other: devices.d/garage.yaml:2:14)',
    ]


BUSES = """\
buses:
- name: cellar
  serial: /dev/ttyUSB0
  baudrate: 19200
  gap: 20 ms
"""


def test_a_bus_says_what_its_devices_do_not(tmp_path: Path) -> None:
    folder(
        tmp_path,
        s2d_yaml=CEM + BUSES,
        one_yaml=BATTERY.replace("{host: 192.168.1.20}", "{bus: cellar, unit: 3}"),
        two_yaml=BATTERY.replace("{host: 192.168.1.20}", "{bus: cellar, gap: 5 ms}").replace("Home", "Other"),
    )
    one, two = (device.connection for device in load(tmp_path).devices)
    assert one == type(one)(serial="/dev/ttyUSB0", baudrate=19200, gap_s=0.02, unit=3)
    assert two == type(two)(serial="/dev/ttyUSB0", baudrate=19200, gap_s=0.005)


def test_what_is_wrong_with_a_bus_is_said_once_and_where_it_stands(tmp_path: Path) -> None:
    on_bus = BATTERY.replace("{host: 192.168.1.20}", "{bus: cellar}")
    folder(
        tmp_path,
        s2d_yaml=CEM + BUSES.replace("baudrate", "budrate"),
        one_yaml=on_bus,
        two_yaml=on_bus.replace("Home", "Other"),
        wrong_yaml=BATTERY.replace("{host: 192.168.1.20}", "{bus: cellr}").replace("Home", "Wrong"),
    )
    assert problems(tmp_path) == [
        "devices.d/wrong.yaml:4:19: Wrong battery: connection: bus: expected the name of one of the buses, "
        'got "cellr". Did you mean "cellar"?',
        's2d.yaml:5:3: Home battery: connection: unknown key "budrate". Did you mean "baudrate"?',
    ]


def test_a_device_may_have_a_cem_of_its_own(tmp_path: Path) -> None:
    own = "cem: {url: 'ws://own', instruction_updates: final}\n"
    other = BATTERY.replace("Home", "Other").replace("192.168.1.20", "192.168.1.21")
    folder(tmp_path, s2d_yaml=CEM, one_yaml=BATTERY, two_yaml=other + own)
    assert [device.cem.url for device in load(tmp_path).devices if device.cem] == [
        "wss://cem/{resource_id}",
        "ws://own",
    ]


def test_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    text = "cem: {url: 'wss://cem', token_file: secrets/token, ca_file: secrets/ca.pem}\n"
    folder(tmp_path, s2d_yaml=text)
    (tmp_path / "secrets").mkdir()
    token = tmp_path / "secrets/token"
    token.write_text("abc")
    (tmp_path / "secrets/ca.pem").write_text("")

    token.chmod(0o640)
    assert problems(tmp_path) == [
        's2d.yaml:1:37: cem: token_file: "secrets/token" is open to others than its owner (mode 640). '
        f"Run: chmod 600 {token}"
    ]

    token.chmod(0o600)
    cem = load(tmp_path).cem
    assert cem
    assert (cem.token_file, cem.ca_file) == (token, tmp_path / "secrets/ca.pem")


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"abc\ndef\n", "has more than one line"),
        (b"# token\nabc", "has more than one line"),
        (b"caf\xc3\xa9", "has other than plain characters"),
        (b"abc\n", None),
        (b"\nabc\r\n\n", None),
    ],
)
def test_a_secret_stands_alone_in_its_file(tmp_path: Path, written: bytes, what: str | None) -> None:
    folder(tmp_path, s2d_yaml="cem: {url: 'wss://cem', token_file: token}\n")
    token = tmp_path / "token"
    token.write_bytes(written)
    token.chmod(0o600)
    if what is None:
        assert load(tmp_path).cem
    else:
        hint = "The secret stands in it alone, on one line"
        assert problems(tmp_path) == [f's2d.yaml:1:37: cem: token_file: "token" {what}. {hint}']


def test_a_file_that_is_not_there_is_named_as_the_operator_named_it(tmp_path: Path) -> None:
    what = "there is no such file. Say with -c where the configuration is; config/README.md tells what stands in it"
    assert problems(tmp_path / "nowhere") == [f"{tmp_path}/nowhere: {what}"]
    assert problems(tmp_path) == [f"{tmp_path}/s2d.yaml: {what}"]


def test_the_gateway_file_does_not_include_itself(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(f"{CEM}include: '*.yaml'\n")
    (tmp_path / "battery.yaml").write_text(BATTERY)
    assert [device.name for device in load(tmp_path).devices] == ["Home battery"]


def warnings(path: Path) -> list[str]:
    return [str(warning) for warning in load(path).warnings]


def test_a_file_that_was_meant_to_hold_devices_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    folder(tmp_path, s2d_yaml=CEM)
    for name in ("home.yml", "GARAGE.YAML", "notes.txt", "old.yaml.bak"):
        (tmp_path / "devices.d" / name).write_text(BATTERY)
    what = (
        'is not read: it does not match include "devices.d/*.yaml". Rename it, or change `include`, if it holds devices'
    )
    assert warnings(tmp_path) == [
        f"devices.d/GARAGE.YAML: {what}",
        f"devices.d/home.yml: {what}",
    ]
    folder(tmp_path, s2d_yaml=f"{CEM}include: devices.d/*.y*ml\n")
    assert warnings(tmp_path) == [f"devices.d/GARAGE.YAML: {what.replace('*.yaml', '*.y*ml')}"]
    folder(tmp_path, s2d_yaml=f"{CEM}include: devices.d/*.[yY]*\n")
    assert problems(tmp_path) != []


def test_where_all_files_match_nothing_is_said(tmp_path: Path) -> None:
    folder(tmp_path, s2d_yaml=CEM, battery_yaml=BATTERY)
    assert warnings(tmp_path) == []


def test_two_hands_at_one_device_are_told_where_their_owner_wrote_it(tmp_path: Path) -> None:
    device = "profile: sma-storage\nconnection: {host: HOST}\ncapacity: 10 kWh\n"
    device += "max_charge_power: 5 kW\nmax_discharge_power: 5 kW\n"
    folder(
        tmp_path,
        s2d_yaml=CEM,
        one_yaml=f"name: One\n{device.replace('HOST', 'gw.local')}",
        two_yaml=f"name: Two\ncontrol: limits\n{device.replace('HOST', 'GW.local')}",
    )
    assert problems(tmp_path) == [
        'devices.d/two.yaml:4:13: Two: connection: unit: "One" is unit 3 at gw.local:502 too; two devices cannot '
        "control one. Give each its own unit, or leave one of them out"
    ]

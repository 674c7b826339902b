"""Profiles of an owner's own: what they mean to the devices that name them, and what is said when they are wrong."""

from pathlib import Path

import pytest
from s2d_drivers.modbus import ModbusConnection, ModbusPoint

from s2d.config import Config, DeviceConfig, load
from s2d.config.profile import Library
from s2d.device.device_map import Nameplate
from s2d.errors import ConfigError
from s2d.rm.kinds import KINDS
from s2d.values import RELEASE, Setpoint

PROFILE = """\
title: Acme Storage
kind: battery
driver: modbus
manufacturer: Acme
parameters:
  unit_id: {type: integer, default: 7, min: 1, max: 247, help: Modbus unit}
  module: {type: integer, default: 0, help: Which of the modules}
  limit: {type: power, help: Most it may take, max: 9 kW}
  model: {type: choice, choices: [v2, v3], default: v2, help: What stands on the box}
connection: {port: 1502, unit: "{unit_id}"}
poll: 5 s
points:
  soc: {register: "{100 + 10 * module}", unit: "%", max_age: 60 s}
  charging: {register: 101, unit: W}
  discharging: {register: 102, unit: W}
  serial: {register: 200, type: "string[8]", poll: once}
  order: {register: 300, type: int16, unit: W, access: write}
  control: {register: 301, access: read_write, values: {0: own, 1: remote}}
computed:
  power: charging - discharging
commands:
  power_setpoint:
    unit: W
    min: -limit
    max: min(limit, max_charge_power)
    refresh: 20 s
    timeout: 60 s
    steps:
      - write: {order: value}
      - write: {control: "'remote'"}
    release:
      - write: {control: "'own'"}
nameplate: {serial_number: serial}
capacity: 10 kWh
max_charge_power: "{limit}"
max_discharge_power: "{limit}"
"""
DEVICE = """\
name: Home battery
profile: acme
connection: {host: 192.168.1.20}
limit: 3 kW
"""


def loaded(folder: Path, profile: str = PROFILE, device: str = DEVICE, **more: str) -> Config:
    (folder / "profiles").mkdir(exist_ok=True)
    for name, text in {"acme": profile, **more}.items():
        (folder / f"profiles/{name}.yaml").write_text(text)
    written = "\n".join(f"  {line}" for line in device.splitlines())
    (folder / "s2d.yaml").write_text(f'cem: {{url: "ws://cem"}}\ndevices:\n- {written[2:]}\n')
    return load(folder)


def device_of(folder: Path, profile: str = PROFILE, device: str = DEVICE, **more: str) -> DeviceConfig:
    return loaded(folder, profile, device, **more).devices[0]


def problems(folder: Path, profile: str = PROFILE, device: str = DEVICE, **more: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, profile, device, **more)
    return str(caught.value).splitlines()


def edited(text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is not once in the text"
        text = text.replace(old, new)
    return text


def test_an_owner_writes_four_keys_and_gets_a_device(tmp_path: Path) -> None:
    device = device_of(tmp_path)
    assert device.connection == ModbusConnection(host="192.168.1.20", port=1502, unit=7)
    assert device.points["soc"] == ModbusPoint(register=100, unit="%", max_age=60)
    assert (device.kind, device.profile, device.poll_s) == ("battery", "acme", 5)
    assert getattr(device.settings, "max_charge_power_w", None) == 3000
    assert str(device.computed["power"].value) == "charging - discharging"
    assert device.nameplate == Nameplate(manufacturer="Acme", serial_number="serial")
    assert device.fallback
    assert device.fallback.setpoints == (Setpoint("power_setpoint", RELEASE, "fallback"),)


def test_expressions_know_parameters_and_what_is_set_of_the_kind(tmp_path: Path) -> None:
    known = device_of(tmp_path).parameters
    assert {name: known[name] for name in ("unit_id", "limit", "model", "max_charge_power", "capacity")} == {
        "unit_id": 7,
        "limit": 3000,
        "model": "v2",
        "max_charge_power": 3000,
        "capacity": 10_000,
    }


def test_what_the_owner_says_wins(tmp_path: Path) -> None:
    device = device_of(
        tmp_path,
        device=DEVICE
        + "poll: 1 s\nunit_id: 9\ncapacity: 5 kWh\nmanufacturer: Badge\n"
        + "points: {soc: {max_age: 30 s}, power_l1: {register: 9, unit: W}, charging: {min: 0}}\n"
        + "commands: {power_setpoint: {refresh: 10 s}}\nfallback: {power_setpoint: 0 W}\n",
    )
    assert device.connection == ModbusConnection(host="192.168.1.20", port=1502, unit=9)
    assert device.points["soc"] == ModbusPoint(register=100, unit="%", max_age=30)
    assert device.points["power_l1"] == ModbusPoint(register=9, unit="W")
    assert device.points["charging"] == ModbusPoint(register=101, unit="W", min=0)
    assert (device.poll_s, getattr(device.settings, "capacity_wh", None), device.manufacturer) == (1, 5000, "Badge")
    assert (device.commands["power_setpoint"].refresh_s, len(device.commands["power_setpoint"].steps)) == (10, 2)
    assert device.fallback
    assert device.fallback.setpoints == (Setpoint("power_setpoint", 0.0, "fallback"),)


def test_an_owners_point_takes_the_place_of_what_was_computed_and_of_what_was_commanded(tmp_path: Path) -> None:
    device = device_of(
        tmp_path,
        device=DEVICE
        + "points: {power: {register: 5, unit: W}, "
        + "power_setpoint: {register: 6, unit: W, access: write, type: int16}}\n"
        + "commands: {power_setpoint: null}\n",
    )
    assert (dict(device.computed), dict(device.commands)) == ({}, {})
    assert device.points["power"] == ModbusPoint(register=5, unit="W")


def test_holes_are_filled_with_what_was_written_or_computed_from_it(tmp_path: Path) -> None:
    profile = edited(
        PROFILE,
        (
            "  charging: {",
            '  status: {register: "{module}", values: {0: "{model} at {limit}, {value} {a b}"}}\n  charging: {',
        ),
    )
    device = device_of(tmp_path, profile, DEVICE + "module: 3\n")
    assert device.points["soc"].register == 130  # type: ignore[attr-defined]
    assert device.points["status"].values == {"0": "v2 at 3 kW, {value} {a b}"}


def test_a_point_from_elsewhere_replaces_the_profiles(tmp_path: Path) -> None:
    (tmp_path / "devices.d").mkdir()
    meter = "name: Meter\ndriver: modbus\nconnection: {host: a}\npoints: {soc: {register: 1, unit: '%'}}\n"
    (tmp_path / "devices.d/meter.yaml").write_text(meter)
    battery = device_of(tmp_path, device=DEVICE + "points: {soc: {from: Meter.soc}}\n")
    assert "soc" in battery.sources
    assert "soc" not in battery.points


OWNER = [
    (
        ("limit: 3 kW\n", ""),
        ['s2d.yaml:3:3: Home battery: missing key "limit". Most it may take, for example "limit: 5 kW"'],
    ),
    (("3 kW", "3"), ['s2d.yaml:6:10: Home battery: limit: expected a power such as "5 kW", got 3']),
    (("3 kW", "10 kW"), ['s2d.yaml:6:10: Home battery: limit: must be at most 9 kW, got "10 kW"']),
    (("3 kW", "3 kW\nmodel: v4"), ['s2d.yaml:7:10: Home battery: model: expected one of: v2, v3, got "v4"']),
    (("3 kW", "3 kW\nunit_id: 0"), ["s2d.yaml:7:12: Home battery: unit_id: must be at least 1, got 0"]),
    (("3 kW", "3 kW\nunit_di: 3"), ['s2d.yaml:7:3: Home battery: unknown key "unit_di". Did you mean "unit_id"?']),
    (("acme", "acmee"), ['s2d.yaml:4:12: Home battery: profile: no profile "acmee". Did you mean "acme"?']),
    (("acme", "[acme]"), ["s2d.yaml:4:12: Home battery: profile: expected the name of a profile, got a list"]),
    (("acme", "acme\npart: grid"), ['s2d.yaml:5:9: Home battery: part: acme has no part "grid"; it has none']),
    (("profile: acme\n", "part: grid\n"), None),
    (
        ("3 kW", "3 kW\npoints: {soc: null}"),
        ['s2d.yaml:7:11: Home battery: points: a battery needs "soc": state of charge'],
    ),
    (
        ("3 kW", "3\npoints: {soc: {pol: 1 s}, sco: {register: 1}}"),
        [
            's2d.yaml:6:10: Home battery: limit: expected a power such as "5 kW", got 3',
            's2d.yaml:7:18: Home battery: points: soc: unknown key "pol". Did you mean "poll"?',
            's2d.yaml:7:29: Home battery: points: a battery has no point "sco". Did you mean "soc"?',
        ],
    ),
]


@pytest.mark.parametrize(("edit", "expected"), OWNER, ids=[edit[1][:40] for edit, _ in OWNER])
def test_a_wrong_device_is_explained_where_its_owner_wrote_it(
    tmp_path: Path, edit: tuple[str, str], expected: list[str] | None
) -> None:
    found = problems(tmp_path, device=edited(DEVICE, edit))
    if expected is None:
        assert 's2d.yaml:4:3: Home battery: "part" says which part of a profile' in found
    else:
        assert found == expected


WRONG = [
    # about the profile
    (("title: Acme Storage\n", ""), '1:1: missing key "title"'),
    (("title: ", "titel: x\ntitle: "), '1:1: Home battery: unknown key "titel". Did you mean "title"?'),
    (
        ("manufacturer", "confidence: total\nmanufacturer"),
        '4:13: confidence: expected one of: high, medium, low or a mapping, got "total"',
    ),
    (("manufacturer", "name: x\nmanufacturer"), '4:1: "name" has no place in a profile'),
    (("manufacturer", "include: [acmi]\nmanufacturer"), '4:11: include: no profile "acmi". Did you mean "acme"?'),
    (("manufacturer", "include: [acme]\nmanufacturer"), '4:11: include: "acme" includes itself'),
    (("help: Modbus unit}", "hlp: x}"), '6:12: parameters: unit_id: missing key "help"'),
    (
        ("type: power", "type: pwer"),
        "8:17: parameters: limit: type: expected one of: integer, number, text, boolean, choice, power, "
        'energy, current, duration, percentage, got "pwer". Did you mean "power"?',
    ),
    (("max: 9 kW", "max: 9"), '8:53: parameters: limit: max: expected a power such as "5 kW", got 9'),
    (("default: v2", "default: v1"), '9:53: parameters: model: default: expected one of: v2, v3, got "v1"'),
    (("choices: [v2, v3], ", ""), "9:10: parameters: model: choices: belong to `type: choice`, and it needs them"),
    (
        ("  unit_id: {", "  value: {type: text, help: x}\n  unit_id: {"),
        '6:3: parameters: value: "value" is no name of a parameter. It means something else',
    ),
    (
        ("max: 9 kW}", "max: 9 kW, soon_required: true}"),
        "8:74: parameters: limit: soon_required: without a `default` it is required already",
    ),
    # holes
    (
        ('unit: "{unit_id}"', 'unit: "{unit}"'),
        '10:32: Home battery: connection: unit: no parameter "unit". Did you mean "unit_id"?',
    ),
    (
        ("100 + 10 * module", "100 / module"),
        "13:19: Home battery: points: soc: register: {100 / module} cannot be computed",
    ),
    # expressions
    (
        ("power: charging - discharging", "power: charging - discharge"),
        '20:10: Home battery: computed: power: value: nothing is called "discharge". Did you mean "discharging"?',
    ),
    (("power: charging - discharging", "power: charging - (discharging"), None),
    (
        ("power: charging - discharging", "power: {value: charging, unit: A}"),
        "20:34: Home battery: computed: power: unit: expected a power such as W, got A",
    ),
    (
        ("power: charging - discharging", "power: {value: charging, unit: kW}"),
        "20:34: Home battery: computed: power: unit: expressions are in base units, kW is none",
    ),
    (
        ("power: charging - discharging", "power: a\n  a: b + 1\n  b: 2 * a"),
        "21:6: Home battery: computed: a: is computed from itself: a → b → a",
    ),
    (
        ("power: charging - discharging", "power: charging\n  soc: charging"),
        '21:3: Home battery: computed: "soc" is a point already',
    ),
    (
        ("power: charging - discharging", "power: charging - order"),
        '20:10: Home battery: computed: power: value: "order" is only written; its value is not known. Make it '
        "read_write",
    ),
    (
        ("power: charging - discharging", "powr: charging"),
        '13:3: Home battery: points: a battery needs "power": power now, charging positive',
    ),
    (
        ("min: -limit", "min: -value2"),
        '24:10: Home battery: commands: power_setpoint: min: nothing is called "value2". Did you mean "value"?',
    ),
    # commands
    (
        ("write: {order: value}", "write: {ordr: value}"),
        '29:17: Home battery: commands: power_setpoint: steps: write: there is no point "ordr". Did you mean "order"?',
    ),
    (
        ("write: {order: value}", "write: {charging: value}"),
        '29:17: Home battery: commands: power_setpoint: steps: write: the point "charging" is not for writing. '
        'Write "access: write" or "access: read_write" there',
    ),
    (
        ("write: {order: value}", "together: {order: value, soc: 1}"),
        '29:34: Home battery: commands: power_setpoint: steps: together: the point "soc" is not for writing. '
        'Write "access: write" or "access: read_write" there',
    ),
    (
        ("write: {order: value}", "wirte: {order: value}"),
        '29:9: Home battery: commands: power_setpoint: steps: unknown key "wirte". Did you mean "write"?',
    ),
    (
        ("timeout: 60 s", "timeout: 30 s"),
        "26:14: Home battery: commands: power_setpoint: refresh: must be less than half of the timeout, which is 30 s, "
        'got "20 s"',
    ),
    (
        ("    release:", "    verify: {point: ordr, is: value}\n    release:"),
        '31:21: Home battery: commands: power_setpoint: verify: point: "ordr" cannot be read',
    ),
    (
        ("  power_setpoint:\n", "  power_setpont:\n"),
        '23:5: Home battery: commands: power_setpont: nobody tells a battery this. Did you mean "power_setpoint"?',
    ),
    (
        ("    unit: W\n    min", "    unit: A\n    min"),
        "23:11: Home battery: commands: power_setpoint: unit: expected a power such as W, got A",
    ),
    # economy of writing
    (
        ("access: write}", "access: write, persistent: true, refresh: 5 s}"),
        "17:90: Home battery: points: order: refresh: a persistent point is never written again for nothing: "
        "that wears out its memory. Leave it out",
    ),
    (("charging: {register: 101, unit: W}", "charging: {register: 101, unit: W, persistent: true}"), None),
    (
        ("poll: once", "poll: once, max_age: 1 h"),
        '16:67: Home battery: points: serial: max_age: a point with "poll: once" is not read again, so it does not age',
    ),
]


@pytest.mark.parametrize(("edit", "expected"), WRONG, ids=[edit[1][:40] for edit, _ in WRONG])
def test_a_wrong_profile_is_explained_where_it_stands(
    tmp_path: Path, edit: tuple[str, str], expected: str | None
) -> None:
    found = problems(tmp_path, edited(PROFILE, edit))
    if expected is None:
        assert all(problem.startswith("profiles/acme.yaml:") for problem in found)
    else:
        assert f"profiles/acme.yaml:{expected}" in [problem.split(". It has")[0] for problem in found]


def test_a_profile_that_forgot_its_kind_is_told_alone(tmp_path: Path) -> None:
    known = ", ".join(KINDS)
    hint = f'Known are: {known}. What only gives points to other devices says what it is "of", as "of: meter"'
    what = f'profiles/acme.yaml:1:1: missing key "kind". {hint}'
    kindless = edited(PROFILE, ("kind: battery\n", ""))
    assert problems(tmp_path, kindless) == [what]
    assert problems(tmp_path, kindless.replace("capacity: 10 kWh\n", ""), DEVICE + "capacity: 5 kWh\n") == [what]
    assert loaded(tmp_path, kindless, DEVICE + "kind: battery\n")


def test_an_owner_who_says_another_kind_than_the_profile_is_told_that_alone(tmp_path: Path) -> None:
    way_out = 'Write "kind: battery", or another profile: `s2d profiles` lists them'
    what = f's2d.yaml:7:9: Home battery: kind: the profile "acme" is of a battery, not of an ev_charger. {way_out}'
    charger = DEVICE + "kind: ev_charger\nmax_current: 16 A\n"
    assert problems(tmp_path, device=charger) == [what]
    only_of = edited(PROFILE, ("kind: battery\n", "of: battery\n"))
    assert problems(tmp_path, only_of, charger) == [what]
    metered = edited(PROFILE, ("kind: battery\n", "of: meter\n"))
    assert what not in problems(tmp_path, metered, charger), "a charger may be measured by a meter"


def test_a_kind_that_is_none_is_told_without_blaming_the_profile(tmp_path: Path) -> None:
    known = ", ".join(KINDS)
    assert problems(tmp_path, device=DEVICE + "kind: batery\n") == [
        f's2d.yaml:7:9: Home battery: kind: expected one of: {known}, got "batery". Did you mean "battery"?'
    ]


GIVES_POINTS = """\
title: Acme meter of a roof
of: pv
driver: modbus
confidence: {read: low}
sources: [a manual]
tested_firmware: []
connection: {port: 1502}
points:
  power: {register: 1, unit: W}
"""


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("capacity: 5 kWh", 'unknown key "capacity"'),
        ("feed_in_limit: 3 kW", '"feed_in_limit" says nothing of a device'),
    ],
)
def test_a_key_that_only_a_kind_has_is_told_where_its_owner_wrote_it(tmp_path: Path, key: str, what: str) -> None:
    device = f"name: Roof\nprofile: acme\nconnection: {{host: 192.168.1.20}}\n{key}\n"
    (found,) = problems(tmp_path, GIVES_POINTS, device)
    assert found.startswith(f"s2d.yaml:6:3: Roof: {what}")
    assert found.endswith('. The profile "acme" only gives points to other devices, unless you write "kind: pv"')


def test_a_connection_that_its_owner_left_out_is_missed_at_the_device_and_not_in_the_profile(tmp_path: Path) -> None:
    way_out = "say where the device is: `host: 192.168.1.20`, or `serial: /dev/serial/by-id/…`"
    assert problems(tmp_path, GIVES_POINTS, "name: Roof\nprofile: acme\n") == [
        f"s2d.yaml:3:3: Roof: connection: {way_out}"
    ]


FRAGMENT = """\
points:
  soc: {register: 1, unit: "%"}
  power: {register: 2, unit: W}
  power_setpoint: {register: 3, unit: W, access: write, type: int16}
caveats: [of the family]
"""
FAMILY = """\
include: [_family]
title: Acme Family
kind: battery
driver: modbus
capacity: 1 kWh
max_charge_power: 1 kW
max_discharge_power: 1 kW
points: {power: {register: 20}, soc: null, power_setpoint: null, status: {register: 4}}
computed: {soc: status * 2}
commands: {power_setpoint: {steps: [{write: {order: value}}]}}
"""


def test_what_is_included_lies_under_the_profile(tmp_path: Path) -> None:
    profile = edited(
        FAMILY, ("status: {register: 4}", "status: {register: 4}, order: {register: 5, type: int16, access: write}")
    )
    device = device_of(tmp_path, profile, edited(DEVICE, ("limit: 3 kW\n", "")), _family=FRAGMENT)
    assert {name: getattr(point, "register", None) for name, point in device.points.items()} == {
        "power": 20,
        "status": 4,
        "order": 5,
    }
    assert device.points["power"].unit == "W"
    assert list(device.computed) == ["soc"]


def test_an_owners_profile_wins_over_the_shipped_one_and_may_lie_on_top_of_it(tmp_path: Path) -> None:
    own = "include: [sma-storage]\ntitle: Mine\npoints: {soc: {max_age: 2 h}}\n"
    keys = "name: b\nprofile: sma-storage\nconnection: {host: a}\ncapacity: 1 kWh\n"
    keys += "max_charge_power: 1 kW\nmax_discharge_power: 1 kW\n"
    device = device_of(tmp_path, device=keys, **{"sma-storage": own})
    assert (device.points["soc"].max_age, getattr(device.points["soc"], "register", None)) == (7200, 30845)


VARIANTS = """\
variants:
  - when: model == 'v3'
    points: {soc: {register: 500}}
  - when: first(serial, '') == 'X'
    points: {charging: {register: 501}, control: null}
    commands: {power_setpoint: {steps: [{write: {order: value * 10}}], release: [{write: {order: 0}}]}}
"""


def test_a_variant_that_parameters_decide_is_decided_at_once(tmp_path: Path) -> None:
    device = device_of(tmp_path, PROFILE + VARIANTS, DEVICE + "model: v3\n")
    assert device.points["soc"] == ModbusPoint(register=500, unit="%", max_age=60)
    assert device.variants == ()


def test_a_variant_that_the_device_decides_is_ready_to_be_taken_and_the_owner_stays_on_top(tmp_path: Path) -> None:
    device = device_of(tmp_path, PROFILE + VARIANTS, DEVICE + "points: {charging: {poll: 1 s}}\n")
    (variant,) = device.variants
    assert device.points["soc"] == ModbusPoint(register=100, unit="%", max_age=60)
    assert device.points["charging"] == ModbusPoint(register=101, unit="W", poll=1)
    assert variant.make.points["charging"] == ModbusPoint(register=501, unit="W", poll=1)
    assert variant.when.evaluate({"serial": "X"}) is True
    assert "control" not in variant.make.points
    assert "control" in device.points


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            ("- when: first", "- wen: first"),
            '40:5: Home battery: variants: 2: missing key "when". It says which devices are so',
        ),
        (("register: 501}", "register: 501, unit: A}"), None),
        (("control: null", "contrl: null"), "41:49: Home battery: points: contrl: expected a mapping, got nothing"),
        (
            ("(serial, '')", "(seral, '')"),
            '40:11: Home battery: variants: 2: when: nothing is called "seral". Did you mean "serial"?',
        ),
        (
            ("(serial, '')", "(soc, '')"),
            '40:11: Home battery: variants: 2: when: a variant is chosen once, but "soc" is read again and '
            'again. Give "soc" a "poll: once"',
        ),
        (
            ("    points: {soc:", "    poll: 1 s\n    points: {soc:"),
            '39:5: Home battery: variants: 1: unknown key "poll"',
        ),
        (
            ("{order: value * 10}", "{control: 1}"),
            '42:50: Home battery: commands: power_setpoint: steps: write: there is no point "control"',
        ),
    ],
    ids=lambda each: each[1][:30] if isinstance(each, tuple) else "",
)
def test_a_wrong_variant_is_explained(tmp_path: Path, edit: tuple[str, str], expected: str | None) -> None:
    if expected is None:
        loaded(tmp_path, edited(PROFILE + VARIANTS, edit))
    else:
        assert f"profiles/acme.yaml:{expected}" in problems(tmp_path, edited(PROFILE + VARIANTS, edit))


def test_one_profile_makes_several_devices_behind_one_connection(tmp_path: Path) -> None:
    parts = edited(PROFILE, ("kind: battery\n", ""), ("computed:\n  power: charging - discharging\n", ""))
    head, commands, rest = parts.partition("commands:\n")
    parts = head + "parts:\n  battery:\n    kind: battery\n    computed: {power: charging - discharging}\n"
    parts += "\n".join(f"    {line}" for line in (commands + rest).splitlines()) + "\n"
    parts += "  grid:\n    of: meter\n    points: {power: {register: 900, unit: W}}\n"
    battery, grid = DEVICE, "name: Grid\nprofile: acme\npart: grid\nconnection: {host: 192.168.1.20}\nlimit: 1 kW\n"
    (tmp_path / "devices.d").mkdir()
    (tmp_path / "devices.d/grid.yaml").write_text(grid)
    one, other = loaded(tmp_path, parts, battery).devices
    assert (one.kind, other.kind) == ("battery", None)
    assert one.driver.bus_of(one.connection) == other.driver.bus_of(other.connection)
    assert "power" in other.points
    assert problems(tmp_path, parts, battery + "part: gird\n") == [
        's2d.yaml:7:9: Home battery: part: acme has no part "gird"; it has battery, grid'
    ]


def test_a_secret_is_not_shown_and_better_not_open_to_others(tmp_path: Path) -> None:
    profile = edited(PROFILE, ("  module:", "  pin: {type: integer, help: Code, secret: true}\n  module:"))
    profile = edited(profile, ("max_age: 60 s", 'bits: "{pin}"'))
    found = problems(tmp_path, profile, DEVICE + 'pin: "hunter2"\n')
    assert found == ["s2d.yaml:7:8: Home battery: pin: expected a whole number, got ***"]
    (tmp_path / "s2d.yaml").chmod(0o644)
    config = loaded(tmp_path, profile, DEVICE + "pin: 1\n")
    assert [str(warning) for warning in config.warnings] == [
        "s2d.yaml:7:8: Home battery: pin: is a secret in a file that is open to others than its owner. "
        f"Run: chmod 600 {tmp_path}/s2d.yaml"
    ]
    (tmp_path / "s2d.yaml").chmod(0o600)
    assert load(tmp_path).warnings == ()


@pytest.mark.parametrize(
    ("stated", "understood"),
    [
        ("medium", "read medium, write medium"),
        ("{read: medium, write: low}", "read medium, write low"),
        ("{read: low}", "read low"),
        ("high", "read medium, write medium"),
        ("{read: high, write: low}", "read medium, write low"),
        ("high\ntested_firmware: [v1.2]", "read high, write high"),
    ],
)
def test_nothing_is_sure_that_was_never_seen_working(tmp_path: Path, stated: str, understood: str) -> None:
    (tmp_path / "acme.yaml").write_text(edited(PROFILE, ("manufacturer:", f"confidence: {stated}\nmanufacturer:")))
    assert str(Library(tmp_path).profile("acme").about.confidence) == understood


def test_one_word_for_what_is_read_and_written_is_deprecated(tmp_path: Path) -> None:
    assert [str(each) for each in loaded(tmp_path, edited(PROFILE, ("manu", "confidence: high\nmanu"))).warnings] == [
        'profiles/acme.yaml:1:1: confidence: "high" is understood as read medium, write medium; '
        "one word for both is deprecated. Write {read: medium, write: medium}"
    ]
    stated = ("manu", "confidence: {read: medium, write: low}\nmanu")
    assert loaded(tmp_path, edited(PROFILE, stated)).warnings == loaded(tmp_path).warnings == ()


def test_who_takes_a_stopgap_is_warned_where_she_has_to_say_it(tmp_path: Path) -> None:
    profile = edited(PROFILE, ("model: {type: choice,", "model: {soon_required: true, type: choice,"))
    assert [str(each) for each in loaded(tmp_path, profile).warnings] == [
        's2d.yaml:3:3: Home battery: "model" is taken to be v2; the next release asks for it. '
        'What stands on the box: write "model: v2", or what is right'
    ]
    assert device_of(tmp_path, profile).parameters["model"] == "v2"
    assert loaded(tmp_path, profile, f"{DEVICE}model: v3\n").warnings == ()


def test_only_variants_that_may_still_hold_are_kept(tmp_path: Path) -> None:
    third = "  - when: model == 'v3'\n    points: {soc: {register: 600}}\n"
    probing = PROFILE + VARIANTS.replace("  - when: model == 'v3'\n    points: {soc: {register: 500}}\n", "") + third
    assert len(device_of(tmp_path, probing).variants) == 1
    _, last = device_of(tmp_path, probing, DEVICE + "model: v3\n").variants
    assert last.make.points["soc"] == ModbusPoint(register=600, unit="%", max_age=60)


def test_a_variant_has_to_know_the_fallback_too(tmp_path: Path) -> None:
    variant = VARIANTS.replace(", release: [{write: {order: 0}}]", ", release: []")
    assert problems(tmp_path, PROFILE + variant) == [
        "profiles/acme.yaml:40:11: Home battery: variants: 2: this variant cannot fall back to power_setpoint: release"
    ]


def test_a_point_is_nearer_than_a_setting_of_the_same_name(tmp_path: Path) -> None:
    device = device_of(
        tmp_path, edited(PROFILE, ("  charging: {", "  capacity: {register: 9, unit: Wh}\n  charging: {"))
    )
    assert getattr(device.settings, "capacity_wh", None) == 10_000
    assert "capacity" not in device.make.parameters
    assert device.make.parameters["limit"] == 3000


def test_a_refresh_of_nothing_but_persistent_points_is_a_mistake(tmp_path: Path) -> None:
    one = edited(PROFILE, ("unit: W, access: write}", "unit: W, access: write, persistent: true}"))
    assert loaded(tmp_path, one)
    both = edited(one, ("access: read_write,", "access: read_write, persistent: true,"))
    assert problems(tmp_path, both) == [
        "profiles/acme.yaml:26:14: Home battery: commands: power_setpoint: refresh: has nothing to repeat: "
        "all that is written is persistent. Leave it out"
    ]


def test_control_is_given_back_only_where_a_command_can(tmp_path: Path) -> None:
    profile = edited(PROFILE, ("    release:\n      - write: {control: \"'own'\"}\n", ""))
    device = device_of(tmp_path, profile)
    assert device.fallback
    assert device.fallback.setpoints == (Setpoint("power_setpoint", 0.0, "fallback"),)
    assert problems(tmp_path, profile, DEVICE + "fallback: {power_setpoint: release}\n") == [
        "s2d.yaml:7:30: Home battery: fallback: power_setpoint: there is no command with a `release` that gives "
        "control back"
    ]


def test_what_is_computed_can_be_lent_to_another_device(tmp_path: Path) -> None:
    (tmp_path / "devices.d").mkdir()
    meter = "name: Meter\ndriver: modbus\nconnection: {host: a}\npoints: {a: {register: 1, unit: W}}\n"
    (tmp_path / "devices.d/meter.yaml").write_text(
        meter + "computed: {net: {value: -a, unit: W}, level: {value: a, unit: A}}\n"
    )
    assert "power" in device_of(tmp_path, device=DEVICE + "points: {power: {from: Meter.net}}\n").sources
    assert problems(tmp_path, device=DEVICE + "points: {power: {from: Meter.nett}}\n") == [
        's2d.yaml:7:26: Home battery: points: power: from: "Meter" has no point "nett". Did you mean "net"?'
    ]
    assert problems(tmp_path, device=DEVICE + "points: {power: {from: Meter.level}}\n") == [
        "s2d.yaml:7:26: Home battery: points: power: from: expected a power such as W, got A"
    ]

"""What `s2d check` says of the kinds beside the battery: what is wrong, what is unwise, what is out of reach."""

from pathlib import Path

import pytest

from s2d.config import load
from s2d.errors import ConfigError

HEAD = """cem: {url: "ws://localhost:8080/{resource_id}"}
devices:
  - name: Device
    driver: modbus
    connection: {host: localhost}
"""
BOILER = """kind: load
power: 3 kW
thermostat: true
volume: 120 l
points: {on: {register: 1, table: coil, access: read_write}, temperature: {register: 1, unit: °C}}
"""
METER = "kind: meter\nmeasures: house\npoints: {power: {register: 1, unit: W}}\n"
PV = """kind: pv
points: {power: {register: 1, type: int16, unit: W}, power_limit: {register: 2, unit: W, access: write}}
"""
PLUG = """kind: load
power: 0 W .. 2 kW
points: {on: {register: 1, table: coil, access: read_write}}
"""
EV = (
    "kind: ev_charger\nmax_current: 16 A\n"
    'points: {status: {register: 1, type: "string[1]"}, power: {register: 2, unit: W}, '
    "current_limit: {register: 3, unit: A, access: write}}\n"
)


def write(folder: Path, keys: str) -> Path:
    (folder / "s2d.yaml").write_text(HEAD + "".join(f"    {line}\n" for line in keys.splitlines()))
    return folder


def problems(folder: Path, keys: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, keys))
    return [str(problem) for problem in caught.value.problems]


def warnings(folder: Path, keys: str) -> list[str]:
    return [str(problem) for problem in load(write(folder, keys)).warnings]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            METER.replace("measures: house\n", ""),
            's2d.yaml:3:5: Device: missing key "measures". For example "measures: house"',
        ),
        (
            METER.replace("house", "home"),
            's2d.yaml:7:15: Device: measures: expected one of: house, grid, generation, device, got "home". '
            'Did you mean "house"?',
        ),
        (
            METER.replace("{power: {register: 1, unit: W}}", "{energy_import: {register: 1, unit: Wh}}"),
            's2d.yaml:8:13: Device: points: a meter needs "power": power now; what is taken from the grid positive. '
            "This would do as well: power_l1 and power_l2 and power_l3 or gas or heat_power or heat_flow or "
            "heat_temperature",
        ),
        (METER + "control_types: [frbc]\n", "s2d.yaml:9:20: Device: control_types: a meter is only measured"),
        (
            PV + "max_power: 3 kW\nfeed_in_limit: 4 kW\n",
            's2d.yaml:9:20: Device: feed_in_limit: must not be above max_power, 3000 W, got "4 kW"',
        ),
        (PV + "max_power: 0 W\n", 's2d.yaml:8:16: Device: max_power: must be from 1 W to 10 MW, got "0 W"'),
        (
            PV + "max_power: 3 kW\nfallback: {power_limit: 4 kW}\n",
            "s2d.yaml:9:29: Device: fallback: power_limit: 4000 is beyond what this pv may be told, 0 .. 3000",
        ),
        (
            "kind: heat_pump\npoints: {outdoor: {register: 1, unit: °C}}\n",
            's2d.yaml:7:13: Device: points: a heat_pump needs "mode": its SG-Ready state: `off`, `normal`, `boost` or '
            "`forced`. This would do as well: relay_1 and relay_2 or temperature_setpoint or power_limit or "
            "power_offer or on or power",
        ),
        (
            "kind: heat_pump\npoints: {relay_1: {register: 1, table: coil, access: write}}\n",
            's2d.yaml:7:13: Device: points: a heat_pump needs "relay_2": its second SG-Ready contact, which recommends',
        ),
        (
            PLUG + "safe: {stale: {on: maybe}}\n",
            's2d.yaml:9:24: Device: safe: stale: on: expected true or false, got "maybe"',
        ),
        (
            PLUG.replace("on:", "relay:") + "commands:\n  on: {steps: [{write: {relay: value}}]}\n"
            "  power_limit: {unit: W, steps: [{write: {relay: value > 0}}]}\n",
            "s2d.yaml:10:11: Device: commands: on: a load is told its power_limit instead. Leave one of them out",
        ),
    ],
)
def test_what_is_wrong(tmp_path: Path, keys: str, expected: str) -> None:
    assert problems(tmp_path, keys) == [expected]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("{register: 1}", ["8:22: Device: points: status: missing `values`, which say what its numbers mean"]),
        (
            "{register: 1, values: {1: idle, 2: B, 3: charging, 4: idle}}",
            [
                f'8:44: Device: points: status: values: "{each}" says nothing of an ev_charger'
                for each in ("charging", "idle")
            ],
        ),
        ('{register: 1, type: "string[2]"}', []),
        ("{register: 1, values: {1: A, 2: B, 3: C, _: F}}", []),
        ('{register: 1, type: "string[2]", values: {A1: A, B2: B}}', []),
    ],
)
def test_a_status_is_in_the_words_of_its_kind_or_in_the_devices_own_text(
    tmp_path: Path, status: str, expected: list[str]
) -> None:
    keys = EV.replace('{register: 1, type: "string[1]"}', status)
    words = "It is A no car, B a car, C it charges, D as C, E error, F unavailable"
    if expected:
        assert problems(tmp_path, keys) == [f"s2d.yaml:{each}. {words}" for each in expected]
    else:
        assert load(write(tmp_path, keys)).devices


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "timers: {on: 20 min}",
            "comfort: the shortest run, 20 min at 3000 W, makes its storage 7.2 K warmer, of 5 K between the ends of "
            "comfort. Widen `comfort`, or shorten `timers: on`",
        ),
        (
            'timers: {on: 2 min}\nusage: {weekdays: {"06:30": 1 kWh}}',
            "usage: a draw of 1 kWh cools it by 7.2 K, more than the 5 K of comfort. It will be heated in between; "
            "widen `comfort` if that is not wanted",
        ),
    ],
)
def test_what_is_unwise_of_a_boiler(tmp_path: Path, keys: str, expected: str) -> None:
    (warning,) = warnings(tmp_path, f"{BOILER}{keys}\n")
    assert warning.partition("Device: ")[2] == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("comfort: 45 °C .. 55 °C", "comfort: legionella grow below 50 °C; if you know, write i_know: legionella"),
        ("comfort: 55 °C .. 65 °C", "comfort: it scalds above 60 °C without mixing_valve: true"),
        ("hygiene: off", "hygiene: without it legionella grow; if you know, write i_know: legionella"),
        ("heat_capacity: 140 Wh", "heat_capacity: volume says this already"),
        ("comfort: 50 °C .. 99 °C", 'comfort: must lie within level_limits, got "50 °C .. 99 °C"'),
        ("standing_losses: 40 W at 15 °C", "standing_losses: nothing is lost at or below ambient, 20 °C"),
    ],
)
def test_what_is_wrong_of_a_boiler(tmp_path: Path, keys: str, expected: str) -> None:
    (problem,) = problems(tmp_path, f"{BOILER}{keys}\n")
    assert problem.partition("Device: ")[2] == expected


def test_a_meter_at_the_connection_is_counted_twice(tmp_path: Path) -> None:
    assert warnings(tmp_path, METER) == []
    assert warnings(tmp_path, METER.replace("house", "grid")) == [
        "s2d.yaml:7:15: Device: measures: a CEM that sums up its resources counts what flows through the connection "
        "twice. Leave the kind out if that is not wanted; other devices may use its points"
    ]


def test_one_that_may_not_feed_in_all_is_not_left_to_itself(tmp_path: Path) -> None:
    command = (
        "commands: {power_limit: {unit: W, steps: [{write: {limit: value}}], release: [{write: {limit: 9999}}]}}\n"
    )
    keys = PV.replace("power_limit:", "limit:") + command + "max_power: 4 kW\nfeed_in_limit: 2 kW\n"
    (device,) = load(write(tmp_path, keys)).devices
    assert device.fallback
    assert [(each.point, each.value) for each in device.fallback.setpoints] == [("power_limit", 2000.0)]
    assert problems(tmp_path, keys + "fallback: {power_limit: release}\n") == [
        "s2d.yaml:11:29: Device: fallback: power_limit: a device of the kind pv is not left to itself when nobody is "
        "in charge. Say a value"
    ]
    (device,) = load(write(tmp_path, keys.replace("feed_in_limit: 2 kW\n", ""))).devices
    assert device.fallback
    assert [(each.point, each.value) for each in device.fallback.setpoints] == [("power_limit", "release")]


@pytest.mark.parametrize(
    ("keys", "at", "name"),
    [
        (
            'kind: load\npower: 2 kW\npoints: {"on": {register: 1, access: read_write, values: {0: x, 1: y}}}\n',
            62,
            "on",
        ),
        (EV.replace("points: {", "points: {authorised: {register: 9, values: {0: x, 1: y}}, "), 48, "authorised"),
    ],
)
def test_what_is_on_or_off_has_no_names_for_that(tmp_path: Path, keys: str, at: int, name: str) -> None:
    (problem,) = [each for each in problems(tmp_path, keys) if "values" in each]
    assert problem.startswith("s2d.yaml:8:")
    assert problem.endswith(
        f":{at}: Device: points: {name}: values: is a switch, true or false, and has no states with names. "
        "Leave `values` out; `invert: true` where 0 means on"
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            EV.replace("max_current: 16 A\n", ""),
            's2d.yaml:3:5: Device: missing key "max_current". For example "max_current: 16 A"',
        ),
        (
            EV.replace('status: {register: 1, type: "string[1]"}, ', ""),
            's2d.yaml:8:13: Device: points: an ev_charger needs "status": '
            "A no car, B a car, C it charges, D as C, E error, F unavailable",
        ),
        (
            EV + "min_current: 20 A\n",
            's2d.yaml:9:18: Device: min_current: must be at most max_current, 16 A, got "20 A"',
        ),
        (
            EV + "phases: 1\nphase_switching: true\n",
            "s2d.yaml:10:22: Device: phase_switching: it is connected to one phase",
        ),
        (
            EV + "fallback: {current_limit: 20 A}\n",
            "s2d.yaml:9:31: Device: fallback: current_limit: 20 is beyond what this ev_charger may be told, 0 .. 16",
        ),
        (
            EV.replace("power: {", "current_l2: {register: 5, unit: A}, power: {"),
            's2d.yaml:8:56: Device: points: missing "current_l1": current_l2 alone leave a phase unknown',
        ),
    ],
)
def test_what_is_wrong_with_a_charger_is_said_where_it_stands(tmp_path: Path, keys: str, expected: str) -> None:
    assert expected in problems(tmp_path, keys)


@pytest.mark.parametrize(
    ("keys", "safe_w"),
    [
        ("", 4140.0),
        ("safe_current: 10 A\n", 6900.0),
        ("min_charge_power: 1.4 kW\n", 1400.0),
        ("min_charge_power: 1.4 kW\nsafe_current: 10 A\nmax_charge_power: 5 kW\n", 5000.0),
    ],
)
def test_what_is_safe_of_a_charger_that_is_told_a_power_is_its_safe_current(
    tmp_path: Path, keys: str, safe_w: float
) -> None:
    by_power = EV.replace("current_limit: {register: 3, unit: A", "power_limit: {register: 3, unit: W")
    (device,) = load(write(tmp_path, by_power + keys)).devices
    assert device.fallback is not None
    assert [(each.point, each.value) for each in device.fallback.setpoints] == [("power_limit", safe_w)]


def test_a_charger_is_never_released(tmp_path: Path) -> None:
    keys = EV.replace("points: {", "points: {limit: {register: 4, unit: A, access: write}, ").replace(
        ", current_limit: {register: 3, unit: A, access: write}", ""
    )
    command = "commands: {current_limit: {steps: [{write: {limit: value}}], release: [{write: {limit: 16}}]}}\n"
    (device,) = load(write(tmp_path, keys + command)).devices
    assert device.fallback is not None
    assert [(each.point, each.value) for each in device.fallback.setpoints] == [("current_limit", 6.0)]
    (told,) = problems(tmp_path, keys + command + "fallback: {current_limit: release}\n")
    assert told.endswith("a device of the kind ev_charger is not left to itself when nobody is in charge. Say a value")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("phases: 1\nmax_current: 32 A\n", "32 A on one phase is more than most grids allow"),
        (
            "max_current: 16 A\narrival_soc: 30 %\ncars: [{name: Ours, battery_capacity: 60 kWh}]\n",
            "no departure: only pebc can be offered",
        ),
        ('max_current: 16 A\ndeparture: "07:00"\n', "no car has a battery_capacity: only pebc can be offered"),
        (
            'max_current: 16 A\ndeparture: "07:00"\ncars: [{name: Ours, battery_capacity: 60 kWh}]\n',
            "nobody tells how full the car is: only pebc can be offered",
        ),
        (
            "max_current: 16 A\nphase_switching: true\ncars: [{name: Zoe, switch_phases: no}]\n",
            'phase_switching: "Zoe" takes no change of phases, so there is none',
        ),
        ("max_current: 16 A\nsafe_current: 10 A\nlegal_limit: 4.2 kW\n", "10 A when nobody is in charge are 6900 W"),
    ],
)
def test_what_an_owner_should_look_at_is_a_warning(tmp_path: Path, keys: str, expected: str) -> None:
    (told,) = warnings(tmp_path, EV.replace("max_current: 16 A\n", "") + keys)
    assert expected in told


def test_a_boiler_that_could_never_be_switched_on_is_warned_of(tmp_path: Path) -> None:
    (told,) = warnings(tmp_path, PLUG + "thermostat: false\n")
    assert "thermostat: without a thermostat it is only on while its temperature is known" in told
    assert warnings(tmp_path, PLUG + "thermostat: true\n") == []
    read = PLUG.replace("points: {", 'points: {temperature: {register: 2, unit: "°C"}, ')
    assert warnings(tmp_path, read + "thermostat: false\n") == []

"""`s2d explain` as an owner reads it, in front of a simulated battery and without hardware."""

import re
import shutil
from pathlib import Path
from uuid import uuid5

import pytest

from s2d.__main__ import main
from s2d.commissioning.in_words import LIABILITY
from s2d.commissioning.readings_file import readings_of
from s2d.config import load
from s2d.host import clock
from s2d.host.store import Key, Store
from s2d.rm.kinds import kind
from s2d.rm.memory import Memory
from s2d.s2.messages.common import CONTROL_TYPES
from s2d.service.daemon import setup_of
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.modbus import serve_tcp
from tests.cli.commissioning import configured, s2d, sma
from tests.cli.test_read import served

CONFIG = Path(__file__).parents[2] / "config"
HOUSE = CONFIG / "house"
AT_ONCE = {
    "uninstructed": "A control type was selected, and nothing is ordered yet",
    "deselected": "The CEM gave it up: another control type, none, or the end of the session",
    "ended": "An order was revoked, or has lapsed",
    "aborted": "An order failed, or would do harm",
    "stopping": "The daemon ends",
    "started": "The daemon begins, perhaps after a crash: what the device was told last is unknown",
    "returned": "The device answers again after it was lost, and nothing is ordered of it",
    "stale": "What an order is judged by has not been read for too long",
    "clock": "Our clock is not synchronised, and another than the CEM's",
}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where state would be kept; nothing is."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("STATE_DIRECTORY", str(folder))
    return folder


def explained(capsys, tmp_path, config, device, readings):
    """What is said of *device* by *readings*: section → lines."""
    file = tmp_path / "readings.yaml"
    file.write_text(readings)
    assert main(["explain", "-c", str(config), device, "--readings", str(file)]) == 0
    return sections(capsys.readouterr().out)


def sections(text):
    head, *others = text.rstrip("\n").split("\n\n")
    return {"": [head]} | {each.splitlines()[0]: each.splitlines()[1:] for each in others}


def test_it_says_all_that_an_owner_asks(capsys, tmp_path, state):
    said = explained(capsys, tmp_path, CONFIG / "example", "Home battery", "soc: 55 %\npower: 0.3 kW\n")
    assert said == {
        "": ["Home battery: battery, unit 1 at 192.168.1.20:502"],
        "KNOWN NOW": [
            "soc     55 %               state of charge",
            "power   300 W              power now, charging positive",
            "status  unknown: not said  what the device says it does",
        ],
        "TO A CEM": [
            "measured  L1",
            "frbc      can be selected",
            "          fill level: 55  of 10 .. 95  state of charge, %",
            "          modes: charge 0 .. 5000 W, discharge -5000 .. 0 W, idle 0 W",
            "          mode: charge (factor 1 is full power)  factor 0.06",
            "pebc      out of reach: there are no charge_limit and discharge_limit to write",
            "ombc      out of reach: there is no mode to write",
        ],
        "WHEN NOBODY IS IN CHARGE, OR AN ORDER FAILED": [
            "cem_lost      after 60 s  power_setpoint 0 W  Whoever was in charge has been away for too long",
            *(f"{each:14}at once     power_setpoint 0 W  {meaning}" for each, meaning in AT_ONCE.items()),
        ],
        "IF THIS MACHINE DIES": [
            "power_setpoint  what it was told last stays until somebody tells it otherwise: it has no watchdog that is "
            "known here; it is told again every 20 s",
        ],
        LIABILITY: [],
    }
    assert not state.exists()


@pytest.mark.system
async def test_what_is_known_now_is_what_the_hardware_says_and_nothing_is_written_to_it(tmp_path, capsys):
    async with served() as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("explain", "-c", config, "battery") == 0
        said = sections(capsys.readouterr().out)
        assert said["KNOWN NOW"] == [
            "soc     55 %  state of charge",
            "status  ok    what the device says it does",
            "power   0 W   power now, charging positive",
            "fault   ok    anything but 0, false or `ok` is a fault",
        ]
        assert "          fill level: 55  of 0 .. 100  state of charge, %" in said["TO A CEM"]
        assert any("power_setpoint" in line for line in said["IF THIS MACHINE DIES"])
        assert not (tmp_path / "state").exists()


async def test_a_device_that_does_not_answer_can_be_spoken_for(tmp_path, capsys, port):
    device = sma(await unreachable(port))
    config = configured(tmp_path, **device)
    assert await s2d("explain", "-c", config, "battery") == 1
    assert "Without it, say what it would: --readings FILE" in capsys.readouterr().err
    assert await s2d("explain", "-c", config, "batery") == 2
    assert 'no device is named "batery". Did you mean "battery"?' in capsys.readouterr().err


async def unreachable(port):
    async with serve_tcp(SimulatedBattery(), unit=3) as address:
        return address


def test_mistakes_in_readings_are_explained(tmp_path, capsys):
    file = tmp_path / "readings.yaml"
    file.write_text("sok: 50 %\nsoc: 5 kW\npower: much\n")
    assert main(["explain", "-c", str(CONFIG / "example"), "Home battery", "--readings", str(file)]) == 78
    problems = capsys.readouterr().err.splitlines()
    assert [problem.split(":")[:2] for problem in problems] == [["readings.yaml", str(line)] for line in (1, 2, 3)]
    assert problems[0] == 'readings.yaml:1:1: unknown key "sok". Did you mean "soc"?'
    assert main(["explain", "-c", str(CONFIG / "example"), "Home battery", "--readings", str(tmp_path / "none")]) == 78


def test_what_is_computed_follows_from_what_is_said(tmp_path):
    battery = {
        "kind": "battery",
        "driver": "modbus",
        "connection": {"host": "10.0.0.1"},
        "capacity": "1 kWh",
        "max_charge_power": "1 kW",
        "max_discharge_power": "1 kW",
        "points": {
            "soc": {"register": 1, "unit": "%"},
            "volts": {"register": 2, "unit": "V"},
            "amperes": {"register": 3, "unit": "A"},
            "power_setpoint": {"register": 4, "type": "int16", "unit": "W", "access": "write"},
        },
        "computed": {"power": {"value": "volts * amperes", "unit": "W"}},
    }
    (device,) = load(configured(tmp_path, **battery)).devices
    file = tmp_path / "readings.yaml"
    file.write_text("volts: 50\namperes: -2 A\n")
    readings = {each.point: each.value for each in readings_of(file, device, clock.now())}
    assert readings == {"soc": None, "volts": 50.0, "amperes": -2.0, "power": -100.0}


def test_what_a_device_does_by_itself_later_on_is_foreseen(capsys, tmp_path):
    """A boiler that was just switched off is left so for a while, then to its thermostat; but not by who has ended."""
    said = explained(capsys, tmp_path, HOUSE, "Boiler", "on: false\npower: 0 W\n")
    safe = said["WHEN NOBODY IS IN CHARGE, OR AN ORDER FAILED"]
    becomes = {line.split()[0]: "then on true after" in line for line in safe}
    assert becomes == {each: each not in ("stopping", "aborted") for each in becomes}
    assert any(line.startswith("aborted ") and "  on false  " in line for line in safe)


def test_what_no_order_means_is_said_of_each_control_type(capsys, tmp_path):
    """Under limits a charger without one is free; where a CEM orders each charge, it does not charge without one."""
    said = explained(capsys, tmp_path, HOUSE, "Garage charger", "status: A\npower: 0 W\n")
    rows = [line.split("  ")[0] for line in said["WHEN NOBODY IS IN CHARGE, OR AN ORDER FAILED"]]
    by_type = [f"{occasion}, {short}" for occasion in ("uninstructed", "ended") for short in ("frbc", "pebc")]
    assert [each for each in rows if "," in each] == by_type
    becomes = {
        row: line.split("current_limit ")[1].split(" A")[0]
        for row, line in zip(rows, said["WHEN NOBODY IS IN CHARGE, OR AN ORDER FAILED"], strict=True)
    }
    assert [becomes[each] for each in (*by_type, "aborted")] == ["0", "16", "0", "16", "6"]


def test_a_meter_is_only_measured(capsys, tmp_path):
    said = explained(capsys, tmp_path, HOUSE, "House meter", "{}")
    assert said["TO A CEM"] == ["measured  L1, L2, L3", "          it is only measured"]
    assert said["WHEN NOBODY IS IN CHARGE, OR AN ORDER FAILED"] == ["nothing is ever written to it"]
    assert said["IF THIS MACHINE DIES"] == ["nothing"]


def test_a_device_without_a_kind_is_nothing_to_a_cem(capsys, tmp_path):
    said = explained(capsys, tmp_path, CONFIG / "example", "Cellar meter", "{}")
    assert said["TO A CEM"] == ["  no CEM hears of it: it only gives its points to other devices"]
    assert LIABILITY not in said


def test_what_its_owner_left_out_and_what_is_shadowed_is_said(capsys, tmp_path):
    file = configured(tmp_path, **sma_at_nowhere(), shadow=True, control_types=["pebc"])
    said = explained(capsys, tmp_path, file, "battery", "{}")
    assert "frbc      left out by control_types" in said["TO A CEM"]
    assert "shadow: nothing is ever written to it, and no order succeeds" in said


def sma_at_nowhere():
    return {
        "profile": "sma-storage",
        "connection": {"host": "10.0.0.1"},
        "capacity": "10 kWh",
        "max_charge_power": "5 kW",
        "max_discharge_power": "5 kW",
    }


KNOWN = {
    "Home battery": "soc: 55 %\npower: 0 W\n",
    "Garage charger": "status: B\npower: 0 W\nvehicle_soc: 40 %\nsession_energy: 0 kWh\n",
    "Hot water": "temperature: 48\npower: 1800 W\nstatus: hot_water\noutdoor: 7 °C\n",
    "Boiler": "on: true\npower: 2 kW\ntemperature: 53\n",
    "Roof": "power: -1 kW\nstate: on\n",
}
LACKING = {
    "as it is": {},
    "no departure": {"Garage charger": ("departure",)},
    "no cars": {"Garage charger": ("cars", "departure")},
    "nobody to tell how full the car is": {"Garage charger": ("arrival_soc",)},
    "no cop": {"Hot water": ("cop",)},
    "no volume": {"Hot water": ("volume",), "Boiler": ("volume",)},
    "no max_power": {"Roof": ("max_power",)},
}


@pytest.mark.parametrize("lacking", LACKING.values(), ids=LACKING.keys())
def test_what_is_out_of_reach_is_what_is_not_offered_once_all_is_known(tmp_path, lacking):
    """A kind says by what; that agrees with its ladder."""
    config = copied(tmp_path, lacking)
    for device in load(config).devices:
        if device.name not in KNOWN:
            continue
        file = tmp_path / "readings.yaml"
        points = {*device.points, *device.computed, *device.sources}
        file.write_text("".join(line for line in KNOWN[device.name].splitlines(True) if line.split(":")[0] in points))
        now = clock.now()
        setup, of_kind = setup_of(device, "id", "UTC", None), kind(device.kind)
        resource = setup.resource()
        resource.observe(readings_of(file, device, now), now)
        resource.advance(now)
        offered = {short for short, each in CONTROL_TYPES.items() if each in resource.control_types()}
        out_of_reach = of_kind.out_of_reach(setup.settings, setup.abilities).keys()
        assert (device.name, offered & out_of_reach) == (device.name, set())
        assert (device.name, offered | out_of_reach) == (device.name, {*of_kind.control_types})


def copied(folder, lacking):
    """The example of a house, of whose devices keys are *lacking*."""
    shutil.copytree(HOUSE, folder / "house")
    for file in (folder / "house/devices.d").iterdir():
        text = file.read_text()
        for name, keys in lacking.items():
            for key in keys if f"name: {name}\n" in text else ():
                text, count = re.subn(rf"^{key}:.*\n( +.*\n|- .*\n)*", "", text, flags=re.MULTILINE)
                assert count == 1
        file.write_text(text)
    return folder / "house"


async def test_what_the_daemon_has_kept_is_known(tmp_path, capsys):
    """An inverter that sleeps has said in the daytime how much it can produce."""
    roof = {
        "kind": "pv",
        "driver": "modbus",
        "connection": {"host": "10.0.0.1"},
        "points": {
            "power": {"register": 1, "type": "int16", "unit": "W"},
            "max_power": {"register": 2, "unit": "W"},
            "power_limit": {"register": 3, "type": "uint32", "unit": "W", "access": "write"},
        },
    }
    config, readings = configured(tmp_path, **roof), tmp_path / "readings.yaml"
    readings.write_text("{}")
    explain = ("explain", "-c", config, "battery", "--readings", readings)
    assert await s2d(*explain) == 0
    assert "pebc      not now; unknown: power, max_power" in sections(capsys.readouterr().out)["TO A CEM"]
    store = Store(tmp_path / "state")
    resource_id = str(uuid5(store.gateway_id(), "battery"))
    await store.put(Key("resource-manager", resource_id), Memory(values={"max_power": 4000.0}))
    assert await s2d(*explain) == 0
    said = sections(capsys.readouterr().out)["TO A CEM"]
    assert "pebc      can be selected" in said
    assert any("-4000 .. 0 W" in line for line in said)


CHARGER = """\
cem: {url: "ws://localhost:1"}
devices:
  - name: Car
    kind: ev_charger
    driver: modbus
    connection: {host: localhost}
    max_current: 16 A
    points:
      status: {register: 1, values: {0: A, 1: B, 2: C}}
      power: {register: 2, unit: W}
      charge_now: {register: 3, table: coil}
      current_limit: {register: 4, unit: A, access: write}
"""


def test_it_says_that_its_owner_wants_a_car_charged_now(capsys, tmp_path):
    config = tmp_path / "s2d.yaml"
    config.write_text(CHARGER)
    wanted = "the owner wants it now, until it is done: whoever orders less is rejected"
    plugged = "status: B\npower: 0 W\ncharge_now: {}\n"
    assert wanted in explained(capsys, tmp_path, config, "Car", plugged.format("true"))
    assert wanted not in explained(capsys, tmp_path, config, "Car", plugged.format("false"))


def test_it_says_what_the_house_leaves_a_charger(capsys, tmp_path):
    config = tmp_path / "s2d.yaml"
    phases = "".join(f"      current_l{phase}: {{register: 1{phase}, unit: A}}\n" for phase in (1, 2, 3))
    config.write_text(f"house_limit: {{current: 16 A, of: [Car]}}\n{CHARGER}{phases}")
    held = "house_limit: it takes no more than the house leaves it, 6 A on each phase while nobody tells that"
    assert held in explained(capsys, tmp_path, config, "Car", "status: B\npower: 0 W\n")


AWAITED = {
    "plug": (
        {
            "kind": "load",
            "points": {
                "on": {"register": 1, "table": "coil", "access": "read_write"},
                "power": {"register": 2, "unit": "W"},
            },
        },
        "on: false\npower: 0 W\n",
        "ombc",
        "it was on for 30 s, as what it takes is not known before, unless its `power` is written",
        {"power": "0 W .. 2 kW"},
    ),
    "charger": (
        {
            "kind": "ev_charger",
            "max_current": "16 A",
            "arrival_soc": "40 %",
            "departure": "07:00",
            "cars": [{"name": "Ours", "id": "ABCD", "battery_capacity": "50 kWh"}],
            "points": {
                "status": {"register": 1, "type": "string[1]"},
                "power": {"register": 2, "unit": "W"},
                "energy": {"register": 3, "unit": "kWh"},
                "car_id": {"register": 4, "type": "string[4]"},
                "current_limit": {"register": 6, "unit": "A", "access": "write"},
            },
        },
        "status: B\npower: 0 W\nenergy: 7 kWh\ncar_id: EFGH\n",
        "frbc",
        "a car is there whose `car_id` is the `id` of one of its `cars`",
        {"cars": [{"name": "Ours", "id": "EFGH", "battery_capacity": "50 kWh"}]},
    ),
}


@pytest.mark.parametrize("what", AWAITED)
async def test_what_a_control_type_waits_for_is_said_until_it_is_there(tmp_path, capsys, what):
    keys, said, short, awaited, better = AWAITED[what]
    keys = {"driver": "modbus", "connection": {"host": "10.0.0.1"}, **keys}
    readings = tmp_path / "readings.yaml"
    readings.write_text(said)
    config = configured(tmp_path, **keys)
    assert await s2d("check", "-c", config) == 0
    assert f"{short} once {awaited}" in capsys.readouterr().out
    assert await s2d("explain", "-c", config, "battery", "--readings", readings) == 0
    assert f"{short}      not now; offered once {awaited}" in sections(capsys.readouterr().out)["TO A CEM"]
    config = configured(tmp_path, **{**keys, **better})
    assert await s2d("explain", "-c", config, "battery", "--readings", readings) == 0
    assert f"{short}      can be selected" in sections(capsys.readouterr().out)["TO A CEM"]

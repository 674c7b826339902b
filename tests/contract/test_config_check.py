"""`s2d check` as an operator meets it."""

from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from s2d_drivers.modbus import Modbus

from s2d.__main__ import main
from s2d.cli.check import summary
from s2d.commissioning.in_words import LIABILITY
from s2d.config import Config, DeviceConfig, load
from s2d.host.console import rendered
from tests.contract.battery_text import gateway_file

NO_LIMITS = "there are no charge_limit and discharge_limit to write"
CONFIG = Path(__file__).parents[2] / "config"


def test_a_good_configuration_is_summed_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert main(["check", "-c", str(CONFIG / "example")]) == 0
    line = "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0"
    url = "ws://192.168.1.10:8080/s2/{resource_id}"
    gap = " " * 30
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"gateway Utility room, state in {tmp_path}",
        f"DEVICE          KIND     DRIVER  WHERE{gap + ' ' * 21}POINTS  CEM{' ' * 38}FALLBACK",
        f"Home battery    battery  Modbus  unit 1 at 192.168.1.20:502{gap}4       {url}  power_setpoint 0 W after 60 s",
        f"Cellar meter    -        Modbus  unit 2 at {line}  1       -{' ' * 40}-",
        f"Cellar battery  battery  Modbus  unit 3 at {line}  3       {url}  power_setpoint 0 W after 60 s",
        f"{line}:  4 %  of its time in use (9600 8N1, 2 units)",
        *(f"{name} battery: no pebc: {NO_LIMITS}; no ombc: there is no mode to write" for name in ("Home", "Cellar")),
        "fallback: a CEM that comes back has 60 s to order something; one that plans every five minutes wants "
        "`after: 6 min`",
        LIABILITY,
    ]
    assert err == ""


def test_every_problem_is_one_line_and_the_status_is_78(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text('gatway: {}\ncem: {url: "ws://a\\n\\e31mb"}\n')
    assert main(["check", "-c", str(tmp_path)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        's2d.yaml:1:1: unknown key "gatway". Did you mean "gateway"?',
        's2d.yaml:2:12: cem: url: expected a URL such as "ws://192.168.1.10:8080/s2", got "ws://a\\n\\u001b31mb"',
    ]


@pytest.mark.parametrize("command", ["check", "run", "read", "write"])
def test_a_path_that_nobody_can_look_at_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    endless = tmp_path / ("x" * 300)  # as little to be looked at as what lies in a folder that is closed to us
    more = {"read": ["Battery"], "write": ["Battery", "power_setpoint", "1 kW"]}.get(command, [])
    assert main([command, "-c", str(endless), *more]) == 78
    assert capsys.readouterr().err == f"{endless}: cannot be read: File name too long\n"


def test_a_profile_that_nobody_can_look_at_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(f"devices: [{{name: one, profile: {'x' * 300}}}]\n")
    assert main(["check", "-c", str(tmp_path)]) == 78
    assert "no profile" in capsys.readouterr().err


def test_a_gateway_without_devices_is_of_no_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("gateway: {name: Attic, state_dir: s}\n")
    for command in ("check", "run"):
        assert main([command, "-c", str(tmp_path)]) == 78
        hint = "Describe one under devices, or in a file that include names"
        assert capsys.readouterr() == ("", f"{tmp_path}: no devices: there is nothing to look after. {hint}\n")


METER = "devices: [{name: Meter, driver: modbus, connection: {host: m}, points: {power: {register: 1, unit: W}}}]\n"
UNUSABLE = "Make it writable for the user s2d runs as, or set gateway: state_dir"


def test_a_state_directory_that_a_daemon_could_not_use_is_a_problem(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "s2d.yaml").write_text("gateway: {state_dir: file/state}\n" + METER)
    (tmp_path / "file").touch()
    assert main(["check", "-c", str(tmp_path)]) == 78
    path = tmp_path / "file/state/lock"
    assert capsys.readouterr().err.splitlines()[-1] == f"{path}: cannot be used: Not a directory. {UNUSABLE}"

    (tmp_path / "s2d.yaml").write_text("gateway: {state_dir: there}\n" + METER)
    (tmp_path / "there").mkdir()
    (tmp_path / "there/gateway-id").write_text("me")
    assert main(["check", "-c", str(tmp_path)]) == 78
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"{tmp_path}/there/gateway-id:1:1: holds no UUID. "
        "Restore the file, or remove gateway-id and gateway-id.copy to become a new gateway"
    )


def test_a_state_directory_is_tried_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("gateway: {state_dir: deep/down/state}\n" + METER)
    assert main(["check", "-c", str(tmp_path)]) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["s2d.yaml"]


def test_who_is_told_his_id_needs_none_that_is_kept_but_a_lock(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    identity = "2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d"
    (tmp_path / "s2d.yaml").write_text(f"gateway: {{id: {identity}, state_dir: state}}\n" + METER)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/gateway-id").write_text("me")
    assert main(["check", "-c", str(tmp_path)]) == 0
    (tmp_path / "state/lock").symlink_to("lock")
    assert main(["check", "-c", str(tmp_path)]) == 78
    path = tmp_path / "state/lock"
    assert capsys.readouterr().err == f"{path}: cannot be used: Too many levels of symbolic links. {UNUSABLE}\n"


def test_where_nobody_said_a_state_directory_a_service_will_get_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "s2d.yaml").write_text(METER)
    (tmp_path / "file").touch()
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    path = tmp_path / "file/.local/state/s2d/lock"
    hint = "As a service of systemd s2d has one of its own; elsewhere set gateway: state_dir"
    assert main(["check", "-c", str(tmp_path)]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"{path}: warning: cannot be used: Not a directory. {hint}"
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file/state"))
    assert main(["check", "-c", str(tmp_path)]) == 78


class Talkative(Modbus):
    """A driver with something to say about devices that share a bus."""

    @classmethod
    def problems_of_bus(cls, devices: Sequence[DeviceConfig]) -> Iterator[tuple[str, tuple[str, ...], str, str, bool]]:
        for device in devices:
            if device.connection.unit == 9:  # type: ignore[attr-defined]
                yield device.name, ("connection", "unit"), "9 is unlucky", "Take 10", True
            if "odd" in device.points:
                yield device.name, ("points", "odd"), "is odd", "", False


BUS = """\
devices:
- name: one
  driver: "tests.contract.test_config_check:Talkative"
  connection: {host: a, unit: 9}
  points: {even: {register: 1}}
- name: two
  driver: "tests.contract.test_config_check:Talkative"
  connection: {host: a}
  points: {even: {register: 1}}
"""


def test_a_driver_may_warn_of_devices_on_its_bus(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(BUS)
    assert main(["check", "-c", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert err == "s2d.yaml:4:31: warning: one: connection: unit: 9 is unlucky. Take 10\n"
    assert "two" in out


def test_a_driver_may_find_what_must_not_be(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(BUS.replace("even", "odd", 1))
    assert main(["check", "-c", str(tmp_path)]) == 78
    assert capsys.readouterr().err == "s2d.yaml:5:17: one: points: odd: is odd\n"


def test_it_says_how_often_memory_that_wears_out_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    point = "limit: {register: 1, access: write, persistent: true, daily_writes: 20}"
    (tmp_path / "s2d.yaml").write_text(
        f"devices:\n- {{name: one, driver: modbus, connection: {{host: a}}, points: {{{point}}}}}\n"
    )
    assert main(["check", "-c", str(tmp_path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "one: limit is kept in memory that wears out, and written at most 20 times a day"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("60 s", "60 s"), ("90 s", "90 s"), ("2 min", "2 min"), ("3600 s", "1 h"), ("36 h", "36 h"), ("30 d", "30 d")],
)
def test_a_long_time_is_shown_as_people_write_it(tmp_path: Path, written: str, shown: str) -> None:
    battery = (CONFIG / "example/devices.d").glob("*.yaml")
    text = next(text for file in battery if "kind: battery" in (text := file.read_text()))
    (tmp_path / "s2d.yaml").write_text('cem: {url: "ws://cem"}\n')
    (tmp_path / "devices.d").mkdir()
    (tmp_path / "devices.d/a.yaml").write_text(f"{text.partition('fallback:')[0]}fallback: {{after: {written}}}\n")
    assert str(summary(load(tmp_path))[2]).endswith(f"0 W after {shown}")


def test_what_a_device_is_told_again_and_again_is_part_of_the_load(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("""\
cem: {url: "ws://cem"}
devices:
- name: one
  profile: sunspec-battery
  connection: {serial: /dev/serial/by-id/usb-A}
  heartbeat: true
  capacity: 10 kWh
  max_charge_power: 5 kW
  max_discharge_power: 5 kW
""")
    (one,) = load(tmp_path).devices
    refresh, watching = one.refreshes
    assert refresh.every_s == 1
    assert refresh.reads == {"setpoint_mode", "reversion_time"}
    steps = ("heartbeat_counter", "setpoint_mode", "setpoint", "reversion_time", "setpoint_on")
    assert refresh.writes == tuple(frozenset({name}) for name in steps)
    assert (watching.every_s, watching.writes) == (10, ())
    assert watching.reads == {"setpoint_mode", "setpoint", "reversion_on", "setpoint_on"}
    assert 0.3 < next(iter(Modbus.loads_of_buses([one]))).share < 0.5


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(CONFIG / "demo")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[2mDEVICE" in printed(config, Terminal())
    assert "\x1b" not in printed(config, StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed(config, Terminal())


def printed(config: Config, stream: StringIO) -> str:
    return "\n".join(rendered(line, stream) for line in summary(config))


def test_what_is_read_only_while_an_order_is_in_force_counts_for_the_load(tmp_path: Path) -> None:
    text = gateway_file().replace("access: write", "access: ACCESS")
    for access, watched in (("read_write, poll: never", ["power_setpoint"]), ("read_write", []), ("write", [])):
        (tmp_path / "s2d.yaml").write_text(text.replace("ACCESS", access))
        assert [name for each in load(tmp_path).devices[0].refreshes for name in each.reads] == watched


def notes_of(folder: Path, *devices: str) -> list[str]:
    """What is said below the table of *devices*, but for the fallback."""
    (folder / "s2d.yaml").write_text('cem: {url: "ws://10.0.0.1:8080"}\ndevices:\n' + "".join(devices))
    lines = [rendered(line, StringIO()) for line in summary(load(folder))]
    return [line for line in lines[2 + len(devices) :] if not line.startswith("fallback: ") and line != LIABILITY]


BATTERY = """\
- name: Battery
  kind: battery
  driver: modbus
  connection: {host: 192.168.1.20}
  capacity: 10 kWh
  max_charge_power: 5 kW
  max_discharge_power: 5 kW
  points:
    soc: {register: 843, unit: "%"}
    power: {register: 842, unit: W}
    power_setpoint: {register: 2700, unit: W, access: write, type: int16}
"""
ALONE = """\
- name: Meter
  driver: modbus
  connection: {host: 192.168.1.21}
  points: {alarm: {register: 1}}
"""
UNHEARD = "Meter: no CEM hears of it, and no other device uses its points: say its `kind`, or use them"
NO_RUNGS = f"no pebc: {NO_LIMITS}; no ombc: there is no mode to write"


def test_it_says_which_control_types_are_out_of_reach_and_by_what(tmp_path: Path) -> None:
    assert notes_of(tmp_path, BATTERY) == [f"Battery: {NO_RUNGS}"]


def test_what_its_owner_left_out_is_not_missed(tmp_path: Path) -> None:
    assert notes_of(tmp_path, BATTERY + "  control_types: [frbc]\n") == []
    both = BATTERY + "  control_types: [frbc, pebc]\n"
    assert notes_of(tmp_path, both) == [f"Battery: no pebc: {NO_LIMITS}"]


def test_it_says_of_which_device_nobody_hears(tmp_path: Path) -> None:
    assert notes_of(tmp_path, BATTERY, ALONE) == [UNHEARD, f"Battery: {NO_RUNGS}"]
    leans = BATTERY.replace("points:\n", "points:\n    fault: {from: Meter.alarm}\n")
    assert notes_of(tmp_path, leans, ALONE) == [f"Battery: {NO_RUNGS}"]


def test_it_says_what_is_shadowed(tmp_path: Path) -> None:
    notes = notes_of(tmp_path, BATTERY + "  shadow: true\n")
    assert notes == [f"Battery: {NO_RUNGS}", "Battery: shadow: nothing is ever written to it"]


def test_what_a_charger_gives_without_a_cem_is_said_in_amperes_and_watts(tmp_path: Path) -> None:
    station = """- name: Charger
  kind: ev_charger
  driver: modbus
  connection: {host: 192.168.1.20}
  max_current: 16 A
  phases: 3
  safe: {cem_lost: {after: 10 min, current_limit: 10 A}}
  points:
    status: {register: 1, values: {1: A, 2: B, 3: C}}
    power: {register: 2, unit: W}
    current_limit: {register: 3, unit: A, access: write}
"""
    (tmp_path / "s2d.yaml").write_text('cem: {url: "ws://10.0.0.1:8080"}\ndevices:\n' + station)
    row = str(summary(load(tmp_path))[2])
    assert "current_limit 6 A (4140 W)" in row
    assert row.endswith("cem_lost current_limit 10 A (6900 W)")

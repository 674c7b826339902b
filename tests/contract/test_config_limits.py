"""What no device has is a slip of the pen: each quantity is refused beyond the limits of its key, where it stands."""

from pathlib import Path

import pytest

from s2d.__main__ import main

DEVICE = """\
gateway: {state_dir: state}
cem: {url: "ws://cem", max_instruction_age: AGE}
devices:
- name: Store
  kind: battery
  driver: modbus
  connection: {host: 192.168.1.20}
  poll: POLL
  capacity: CAPACITY
  max_charge_power: CHARGE
  max_discharge_power: DISCHARGE
  min_charge_power: LEAST
  round_trip_efficiency: EFFICIENCY
  fill_level_margin: MARGIN
  follow_within: FOLLOW
  follow_tolerance: TOLERANCE
  report: {power: REPORT_POWER, soc: REPORT_SOC, every: EVERY}
  fallback: {after: AFTER}
  safe: {started: {after: STARTED}}
  points:
    soc: {register: 1, unit: "%", poll: POINT_POLL, max_age: MAX_AGE, lag: LAG}
    power: {register: 2, unit: W}
    order: {register: 3, type: int16, unit: W, access: write, refresh: REFRESH, interval: INTERVAL}
  commands:
    power_setpoint:
      unit: W
      interval: C_INTERVAL
      dwell: DWELL
      refresh: C_REFRESH
      timeout: C_TIMEOUT
      verify: {point: power, is: value, within: VERIFY}
      steps: [{wait: WAIT}, {write: {order: value}}]
"""
GOOD = {
    "AGE": "1 h", "C_TIMEOUT": "60 s", "POINT_POLL": "2 s",
    "POLL": "2 s", "CAPACITY": "10 kWh", "DISCHARGE": "5 kW", "CHARGE": "5 kW", "LEAST": "0 W", "EFFICIENCY": "90 %",
    "MARGIN": "0 %", "FOLLOW": "60 s", "TOLERANCE": "50 W", "REPORT_POWER": "50 W", "REPORT_SOC": "1 %",
    "EVERY": "60 s", "AFTER": "60 s", "STARTED": "10 s", "MAX_AGE": "30 s", "LAG": "0 s", "C_REFRESH": "20 s",
    "REFRESH": "20 s", "C_INTERVAL": "0 s", "INTERVAL": "1 s", "DWELL": "0 s", "VERIFY": "3 s", "WAIT": "0 s",
}  # fmt: skip
WILD = {
    "duration": ("1e300 d", "-1 s", "1e-9 ms", "366 d"),
    "power": ("1e300 kW", "-1 W", "11 MW", "101 MW"),
    "energy": ("1e300 kWh", "-1 kWh", "0.5 Wh", "101 MWh"),
    "percentage": ("1e300 %", "-1 %", "101 %", "1001 %"),
}
DIMENSIONS = {"W": "power", "Wh": "energy", "%": "percentage"}
ZERO_MAY_BE = {"LEAST", "MARGIN", "LAG", "AFTER", "STARTED", "AGE", "WAIT", "C_INTERVAL", "DWELL"}
"""Where a hair above 0 is as good as nothing; so are the powers and shares that are told or tolerated."""


def checked(folder: Path, values: dict[str, str]) -> int:
    text = DEVICE
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f" {name}", f" {values[name]}")
    (folder / "s2d.yaml").write_text(text)
    return main(["check", "-c", str(folder)])


def test_what_homes_have_is_taken(tmp_path: Path) -> None:
    assert checked(tmp_path, GOOD) == 0


@pytest.mark.parametrize("name", ["AFTER", "STARTED", "AGE", "MAX_AGE", "EVERY"])
def test_what_is_to_come_as_good_as_never_may_be_written_so(name: str, tmp_path: Path) -> None:
    assert checked(tmp_path, {**GOOD, name: "365 d"}) == 0


@pytest.mark.parametrize("name", GOOD)
def test_what_no_home_has_is_refused_where_it_stands(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = GOOD[name].split()[1]
    dimension = DIMENSIONS.get(unit.replace("k", ""), "duration")
    line = next(number for number, line in enumerate(DEVICE.splitlines(), 1) if f" {name}" in line.replace(",", " "))
    for wild in WILD[dimension]:
        if wild == "1e-9 ms" and (name in ZERO_MAY_BE or name == "INTERVAL"):
            continue
        assert checked(tmp_path, {**GOOD, name: wild}) == 78, wild
        told = capsys.readouterr().err
        assert any(
            each.startswith(f"s2d.yaml:{line}:") and each.endswith(f'got "{wild}"') for each in told.splitlines()
        ), told


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("record", "Store", "file", "--for", "1e300 d"), "at most 365 d"),
        (("record", "Store", "file", "--for", "1 s", "--every", "1e-9 ms"), "must be at least 0.01 s"),
        (("demo", "--duration", "1e300 d"), "at most 365 d"),
        (("simulate", "battery", "--capacity", "1e300 kWh"), "at most 1000 MWh"),
    ],
)
def test_so_it_is_on_the_command_line(typed: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(list(typed))
    assert told in capsys.readouterr().err

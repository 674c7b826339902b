"""`s2d demo` as its user sees it: from an empty directory, as a process of its own."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chronicle import PATIENCE_S

DEMO = [sys.executable, "-m", "s2d", "demo"]


def lines_until(process: "subprocess.Popen[str]", wanted: str) -> list[str]:
    """What the process prints up to the first line with *wanted*."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return lines
    raise AssertionError(f"ended without {wanted!r}: {lines}")


def test_it_tells_the_main_job_line_by_line(tmp_path: Path) -> None:
    with subprocess.Popen(DEMO, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = lines_until(process, "status_type SUCCEEDED")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    told = [line for line in [*lines, *rest.splitlines()] if "Home battery" in line or "battery: " in line]
    story = [
        "SelectControlType",
        "FRBC.SystemDescription",
        "FRBC.Instruction  charge, S2 factor 1, 5000 W",
        "status_type STARTED",
        "battery: power_setpoint = 5000",
        "FRBC.ActuatorStatus  charge",
        "status_type SUCCEEDED",
        "request TERMINATE",
        "battery: power_setpoint = 0",
    ]
    for chapter in story:
        while told and chapter not in told[0]:
            told.pop(0)
        assert told, f"no {chapter!r} in its place in\n{lines} and {rest}"
    assert list(tmp_path.iterdir()) == []


def test_it_limits_an_inverter(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--kind", "pv"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = lines_until(process, "pv: limit = 2000")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    (order,) = [line for line in lines if "PEBC.Instruction" in line]
    assert "limit, 3_PHASE_SYMMETRIC -2000 .. 0 W for 1 h" in order
    told = rest.splitlines()
    assert any("pv: limit = 5000" in line for line in told), "what was there before is put back"
    assert told[-1] == "the pv is at rest, all is closed"


def test_it_charges_a_car(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--kind", "ev_charger"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = lines_until(process, "ev_charger: limit = 6.1")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    order, measured, less = (
        next(at for at, line in enumerate(lines) if wanted in line)
        for wanted in ("ev_charger: limit = 10.9", "PowerMeasurement  7", "ev_charger: limit = 6.1")
    )
    assert order < measured < less
    assert rest.splitlines()[-1] == "the ev_charger is at rest, all is closed"


def test_it_limits_a_heat_pump(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--kind", "heat_pump"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = lines_until(process, "heat_pump: limit = 1200")
        lines += lines_until(process, "status_type SUCCEEDED")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    (order,) = [line for line in lines if "PEBC.Instruction" in line]
    assert "limit, L1 0 .. 1200 W for 1 h" in order
    assert any("heat_pump: limit = 5048" in line for line in rest.splitlines()), "it is left to itself"


def test_it_switches_a_plug(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--kind", "load"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = lines_until(process, "status_type SUCCEEDED")
        lines += lines_until(process, "PowerMeasurement  2000 W")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    assert any("load: relay = 1" in line for line in lines)
    assert any("load: relay = 0" in line for line in rest.splitlines()), "it does not stay on"


def test_it_listens_to_a_meter(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--kind", "meter"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = lines_until(process, "PowerMeasurement")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    assert any("SelectControlType" in line and "NOT_CONTROLABLE" in line for line in lines)
    assert rest.splitlines()[-1] == "all is closed"


def test_it_steers_a_house_with_one_cem(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--house"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = lines_until(process, "pv: limit = 1000")
        process.terminate()
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaints) == (0, "")
    told = [*lines, *rest.splitlines()]
    for wanted in (
        "House < PowerMeasurement",
        "Home battery > SelectControlType  control_type FILL_RATE_BASED_CONTROL",
        "Roof > SelectControlType  control_type POWER_ENVELOPE_BASED_CONTROL",
        "battery: power_setpoint = 2500",
        "battery: power_setpoint = -2500",
        "ev_charger: limit = 6.1",
        "ev_charger: limit = 0",
        "Heat pump > SelectControlType  control_type POWER_ENVELOPE_BASED_CONTROL",
        "heat_pump: limit = 1200",
        "heat_pump: limit = 600",
        "heat_pump: limit = 5048",
        "pv: limit = 5000",
    ):
        assert any(wanted in line for line in told), f"no {wanted!r} in\n{told}"
    steered = ("battery", "pv", "ev_charger", "heat_pump")
    assert told[-1] == f"{', '.join(f'the {kind} is at rest' for kind in steered)}, all is closed"


def test_it_ends_well_when_its_time_is_over(tmp_path: Path) -> None:
    shown = subprocess.run(
        [*DEMO, "--duration", "500ms"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[-1] == "the battery is at rest, all is closed"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_battery_at_rest(tmp_path: Path, ending: signal.Signals) -> None:
    with subprocess.Popen(DEMO, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines_until(process, "battery: power_setpoint = 5000")
        process.send_signal(ending)
        rest = lines_until(process, "the battery is at rest")
        assert any("battery: power_setpoint = 0" in line for line in rest)
        _, complaints = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, complaints) == (0, "")


def test_on_a_terminal_it_is_a_live_table(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    parts = ("fill level", "█", "power", "mode", "instruction", "SUCCEEDED", "FRBC.StorageStatus")
    with subprocess.Popen(
        DEMO, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        screen, is_asked_to_end = b"", False
        while True:
            try:
                screen += os.read(ours, 65536)
            except OSError:  # how a pty says that nobody is left at the other end
                break
            if not is_asked_to_end and all(part.encode() in screen for part in parts):
                process.terminate()
                is_asked_to_end = True
        assert process.wait(PATIENCE_S) == 0
    os.close(ours)
    for part in parts:
        assert part.encode() in screen

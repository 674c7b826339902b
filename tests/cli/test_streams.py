"""Commands whose input or output is closed, full, or has a reader who leaves: no traceback, and a status that tells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

S2D = f"{sys.executable} -m s2d"
WITHIN_S = 60.0
FULL = "cannot write: No space left on device\n"


def shell(line: str, tmp_path: Path) -> tuple[int, str, str]:
    """Status, output and complaints of a line for the shell; of a pipe, the status of what stands first."""
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_what_is_wrong_is_told_without_an_output(command: str, tmp_path: Path) -> None:
    status, _, complaints = shell(f"{S2D} {command} -c . >&-", tmp_path)
    assert (status, len(complaints.splitlines())) == (78, 1)


def test_without_any_stream_it_does_its_work(tmp_path: Path) -> None:
    assert shell(f"{S2D} demo --duration 1s <&- >&- 2>&-", tmp_path) == (0, "", "")


def test_a_cem_without_input_serves_on(tmp_path: Path) -> None:
    status, told, complaints = shell(f"timeout -s INT 2 {S2D} cem --port 0 <&-", tmp_path)
    assert (status, complaints) == (124, "")
    assert told.startswith("S2 on ws://127.0.0.1:")


@pytest.mark.parametrize("command", ["demo", "cem --port 0 < <(yes help)"])
def test_who_has_read_enough_ends_it(command: str, tmp_path: Path) -> None:
    status, told, complaints = shell(f"{S2D} {command} | head -3", tmp_path)
    assert (status, len(told.splitlines()), complaints) == (1, 3, "")


def test_nobody_reading_at_all_is_no_reason_to_complain(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*S2D.split(), "profiles"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=WITHIN_S, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("command", ["demo", "profiles", "cem --port 0"])
def test_an_output_that_is_full_is_told(command: str, tmp_path: Path) -> None:
    name = command.partition(" ")[0]
    assert shell(f"{S2D} {command} </dev/null >/dev/full", tmp_path) == (1, "", f"s2d {name}: {FULL}")

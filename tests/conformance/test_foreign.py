"""The suite, tried on an RM that is not ours: a minimal one, made with s2-python, in a process of its own."""

import asyncio
import re
import sys
from contextlib import asynccontextmanager

import pytest

ENDS_WITHIN_S = 300.0
ROWS = (
    "test_version.py::test_hello",
    "test_version.py::test_another_rm",
    "test_certification.py::test_fill_level",
    "test_lifecycle.py::test_life",
    "test_pebc.py::test_constraints",
    "test_session.py::test_reconnect",
    "test_status.py::test_heartbeat",
)
EXPECTED = {
    "SESSION-1": "FAIL the RM is still there after 20 s",
    "VERSION-7": "DIFF assert 'OK' == 'INVALID_CONTENT'",
    "CERT-FRBC-3": "DIFF messages of the RM: no FRBC.StorageStatus within 5 s",
    "LIFE-1": "N_A what it does is told: messages of the RM: not FRBC.ActuatorStatus told within 5 s",
    "PEBC-1": "N_A PEBC is not offered",
    "STATUS-2": "N_A needs hardware, a clock or settings in the hands of the suite",
    "SAID-1": "PASS",
    "SAID-2": "PASS",
    "SAID-3": "PASS",
    "SAID-4": "PASS",
    "SAID-5": "PASS",
    "SAID-6": "PASS",
    "VERSION-1": "PASS",
}
pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def _not_itself_on_a_foreign_rm(pytestconfig):
    if pytestconfig.getoption("--rm-port", default=None):
        pytest.skip("the suite is at it")


async def test_the_report_on_an_rm_made_with_s2_python(tmp_path, port):
    pytest.importorskip("s2python")
    rm = [sys.executable, "-m", "tests.conformance.peer_rm", f"ws://127.0.0.1:{port}"]
    options = ["--rm-port", str(port), "--cem", "plain", "--rm-patience", "5", "--rm-joins-within", "20"]
    report = tmp_path / "report.txt"
    async with running(*rm):
        status, said = await asked(*ROWS, *options, "--conformance-report", str(report))
    assert status == pytest.ExitCode.TESTS_FAILED, said
    assert verdicts(report.read_text()) == EXPECTED, said
    assert "conformance of the RM on port" in said
    assert verdicts(said) == {}, "nobody asked for the table"


async def test_an_rm_that_stays_away_is_not_waited_for_in_every_row(port):
    options = ["--rm-port", str(port), "--cem", "plain", "--rm-joins-within", "0.1"]
    _, said = await asked("test_version.py", *options, "--conformance-table")
    assert "the RM has stayed away from 3 rows running" in said
    assert "N_A    the RM has not come within 0.1 s" in said


def verdicts(report):
    """By row, its verdict and the reason for it."""
    found = (re.match(r"([A-Z]+-[A-Z0-9.-]+) +.* (PASS|FAIL|DIFF|N_A) *(.*)", line) for line in report.splitlines())
    return {each[1]: f"{each[2]} {each[3]}".strip() for each in found if each}


@asynccontextmanager
async def running(*command):
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=nowhere, stderr=nowhere)
    try:
        yield
    finally:
        process.kill()
        async with asyncio.timeout(ENDS_WITHIN_S):
            await process.wait()


async def asked(*arguments):
    """Runs the suite as *arguments* say, which begin with the rows; its exit status, and all it said."""
    where = [f"tests/conformance/{each}" if each.startswith("test_") else each for each in arguments]
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *where)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    async with asyncio.timeout(ENDS_WITHIN_S):
        said, _ = await process.communicate()
    return process.returncode, said.decode()

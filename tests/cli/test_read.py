"""`s2d read` as its user sees it, in front of a simulated battery."""

import asyncio
import signal
import sys

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import ModbusAddress, serve_tcp
from s2d.simulation.registers import BatteryRegisters
from tests.chronicle import PATIENCE_S
from tests.cli.commissioning import configured, s2d, sma, without_ages
from tests.paced import PacedUnit, paced_line

pytestmark = pytest.mark.system


def served(faults=None):
    """A battery of the profile sma-storage."""
    simulated = profile_device("sma-storage", {}, SimulatedBattery(watchdog_s=0, soc_percent=55), faults or Faults())
    return serve_tcp(simulated.units[3], unit=3)


async def test_everything_is_shown_with_how_the_device_says_it(tmp_path, capsys):
    async with served() as address:
        assert await s2d("read", "-c", configured(tmp_path, **sma(address)), "battery") == 0
    assert without_ages(capsys.readouterr().out) == [
        "POINT                   VALUE  UNIT  RAW                           AGE  QUALITY",
        "soc                        55  %     55 (0x0000 0x0037)          A.G s  good",
        "charging_power              0  W     0 (0x0000 0x0000)           A.G s  good",
        "discharging_power           0  W     0 (0x0000 0x0000)           A.G s  good",
        "ac_power                    0  W     0 (0x0000 0x0000)           A.G s  good",
        "device_class             8007        8007 (0x0000 0x1F47)        A.G s  good",
        "device_type              9356        9356 (0x0000 0x248C)        A.G s  good",
        "status                     ok        307 (0x0000 0x0133)         A.G s  good",
        "serial             3001234567        3001234567 (0xB2E3 0x3487)  A.G s  good",
        "is_island               false        (computed)                  A.G s  good",
        "power                       0  W     (computed)                  A.G s  good",
        "fault                      ok        (computed)                  A.G s  good",
    ]


async def test_a_point_that_was_asked_for_and_has_no_value_is_a_failure(tmp_path, capsys):
    async with served(Faults(["nan"])) as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("read", "-c", config, "battery", "status", "soc") == 1
        assert await s2d("read", "-c", config, "battery", "status") == 0
    assert without_ages(capsys.readouterr().out)[:3] == [
        "POINT   VALUE  UNIT  RAW                           AGE  QUALITY",
        "status     ok        307 (0x0000 0x0133)         A.G s  good",
        "soc         -  %     4294967295 (0xFFFF 0xFFFF)         absent: the device says it has no value",
    ]


async def test_what_cannot_be_is_shown_with_what_may_be_wrong(tmp_path, capsys):
    points = {
        "soc": {"register": 843, "table": "input", "unit": "%"},
        "power": {"register": 850, "type": "string[12]", "unit": "W"},
        "power_setpoint": {"register": 2700, "type": "int16", "unit": "W", "access": "write"},
    }
    async with serve_tcp(BatteryRegisters(SimulatedBattery(soc_percent=50))) as address:
        spelt = {"driver": "modbus", "connection": {"host": address.host, "port": address.port}, "points": points}
        sizes = {key: value for key, value in sma(address).items() if key not in ("profile", "connection")}
        config = configured(tmp_path, kind="battery", **sizes, **spelt)
        assert await s2d("read", "-c", config, "battery", "soc") == 1
        assert await s2d("read", "-c", config, "battery", "power") == 1
    _, soc, _, power = capsys.readouterr().out.splitlines()
    assert soc.endswith(
        "bad: 500 % is outside 0 .. 100, which is all that soc can be (raw value 500); "
        "is a `scale` missing, `scale: 0.1`?"
    )
    assert power.endswith("bad: 'S2D-SIM-0001' is no number of W")


async def test_what_is_not_there_is_one_sentence(tmp_path, capsys):
    async with served() as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("read", "-c", config, "batery") == 2
        assert await s2d("read", "-c", config, "battery", "powre") == 2
        assert await s2d("read", "-c", tmp_path / "none.yaml", "battery") == 78
    assert capsys.readouterr().err.splitlines() == [
        's2d read: no device is named "batery". Did you mean "battery"?',
        's2d read: battery has no point "powre" to read. Did you mean "power"?',
        f"{tmp_path}/none.yaml: there is no such file. "
        "Say with -c where the configuration is; config/README.md tells what stands in it",
    ]


async def test_a_device_that_does_not_answer_is_a_failure(tmp_path, capsys, port):
    nobody = ModbusAddress("127.0.0.1", port)
    assert await s2d("read", "-c", configured(tmp_path, **sma(nobody)), "battery") == 1
    assert capsys.readouterr().err.splitlines()[0] == f"s2d read: cannot connect to {nobody}: Connection refused"


METER = {"driver": "modbus", "points": {"power": {"register": 10, "unit": "W"}, "energy": {"register": 90}}}


async def test_a_single_silence_on_a_line_is_waited_out(tmp_path, capsys):
    unit = PacedUnit(is_dead=True)
    async with asyncio.timeout(PATIENCE_S), paced_line({1: unit}, is_paced=False) as line, asyncio.TaskGroup() as tasks:
        config = configured(tmp_path, **METER, connection={"serial": line.path, "timeout": "1 s"})
        reading = tasks.create_task(s2d("read", "-c", config, "battery"))
        for _ in range(2):  # what is asked first on a new connection may go unheard, and is asked twice
            await line.asked()
        unit.is_dead = False
        assert await reading == 0
    assert "power      10  W     10 (0x000A)" in capsys.readouterr().out


async def test_a_unit_that_is_silent_for_longer_is_said_to_be(tmp_path, capsys):
    async with paced_line({1: PacedUnit(is_dead=True)}, is_paced=False) as line:
        config = configured(tmp_path, **METER, connection={"serial": line.path, "timeout": "0.3 s"})
        assert await s2d("read", "-c", config, "battery") == 1
    told = capsys.readouterr().err.splitlines()[0]
    assert told == f"s2d read: no answer from unit 1 at {line.path} within 0.3 s"


@pytest.mark.parametrize("command", ["read", "scan", "probe"])
async def test_who_has_waited_enough_ends_it_without_a_traceback(tmp_path, command):
    asked = asyncio.Event()

    async def say_nothing(reader, writer):
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        config = configured(tmp_path, **sma(ModbusAddress(host, port)))
        words = {
            "read": ["-c", config, "battery"],
            "scan": ["-c", config, f"{host}:{port}", "--timeout", PATIENCE_S],
            "probe": ["--host", host, "--port", port, "--timeout", PATIENCE_S],
        }[command]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s2d", command, *map(str, words), stdout=asyncio.subprocess.PIPE, stderr=-1
        )
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
            process.send_signal(signal.SIGINT)
            output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (1, b"", b"")

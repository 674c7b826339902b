"""`s2d record` and `s2d simulate --replay` as their user sees them: what was read once can be read again."""

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from s2d.cli.simulated_device import profile_device, replay_device
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import ModbusAddress, serve_tcp
from s2d.simulation.registers import ExceptionResponse
from tests.chronicle import PATIENCE_S, Chronicle
from tests.cli.commissioning import configured, s2d, sma, without_ages
from tests.system.daemon import battery as home_battery
from tests.system.simulator import at

pytestmark = pytest.mark.system


class HandClock:
    """A clock that only the test moves."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@asynccontextmanager
async def recording(*typed):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s2d", "record", *map(str, typed), stdout=asyncio.subprocess.PIPE, stderr=-1
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Watched:
    """Registers that count how often they were read."""

    def __init__(self, registers):
        self._registers = registers
        self.reads = Chronicle("reads")

    def read(self, *asked):
        self.reads.add(asked)
        return self._registers.read(*asked)

    def write(self, *asked):
        self._registers.write(*asked)

    async def are_read(self, times):
        count = len(self.reads.all) + times
        await self.reads.until(lambda reads: len(reads) >= count, f"{times} more reads")


def order_3000_w(registers):
    """As an SMA is ordered to charge, which counts the other way."""
    now_s = asyncio.get_running_loop().time()
    registers.write(40149, [0xFFFF, 0x10000 - 3000], now_s)
    registers.write(40151, [0, 802], now_s)


async def test_what_was_recorded_is_read_again_as_it_was(tmp_path, capsys):
    battery, file = SimulatedBattery(watchdog_s=0, soc_percent=55, ramp_w_per_s=1e12), tmp_path / "battery.jsonl"
    registers = Watched(profile_device("sma-storage", {}, battery, Faults()).units[3])
    async with serve_tcp(registers, unit=3) as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("read", "-c", config, "battery") == 0
        before = without_ages(capsys.readouterr().out)
        async with recording("-c", config, "battery", file, "--for", "10m", "--every", "100ms") as process:
            await registers.are_read(30)
            order_3000_w(registers)
            await registers.are_read(30)
            process.send_signal(signal.SIGINT)
            output, errors = await process.communicate()
    whole = file.read_bytes().splitlines()
    header, first, polls = json.loads(whole[0]), json.loads(whole[1]), whole[1:]
    assert (process.returncode, errors) == (0, b"")
    assert output.decode() == f"{file}: answered {len(polls)} of {len(polls)} times\n"
    assert {key: header[key] for key in ("recording", "device", "driver", "profile", "every_s")} == {
        "recording": 1,
        "device": "battery",
        "driver": "Modbus",
        "profile": "sma-storage",
        "every_s": 0.1,
    }
    assert header["connection"]["unit"] == 3
    assert {"unit": 3, "table": "holding", "register": 30845, "words": [0, 55]} in first["notes"]

    clock, simulated = HandClock(), replay_device(file, 10.0, None)
    async with serve_tcp(simulated.units[3], unit=3, clock=clock) as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("read", "-c", config, "battery") == 0
        assert without_ages(capsys.readouterr().out) == before
        clock.now_s += json.loads(polls[-1])["at_s"] / 10
        assert await s2d("read", "-c", config, "battery", "power") == 0
        assert without_ages(capsys.readouterr().out)[1].split()[:3] == ["power", "3000", "W"]


async def test_exceptions_and_silence_are_replayed_too(tmp_path, capsys):
    file = tmp_path / "meter.jsonl"
    meter = {
        "driver": "modbus",
        "points": {"power": {"register": 842, "type": "int16", "unit": "W"}, "none": {"register": 900}},
    }
    polls = [
        {"at_s": 0.0, "notes": [{"unit": 1, "table": "holding", "register": 842, "words": [700]}]},
        {"at_s": 1.0, "notes": [{"unit": 1, "table": "holding", "register": 900, "count": 1, "exception": 4}]},
        {"at_s": 2.0, "silent": "no answer"},
        {"at_s": 3.0, "notes": [{"unit": 1, "table": "holding", "register": 842, "words": [800]}]},
    ]
    header = {
        "recording": 1,
        "device": "meter",
        "driver": "Modbus",
        "profile": None,
        "connection": {},
        "points": [],
        "started": "",
        "every_s": 1,
    }
    file.write_text("".join(json.dumps(each) + "\n" for each in (header, *polls)) + '{"at_s": 4.0, "not')
    clock, simulated = HandClock(), replay_device(file, 1.0, None)
    async with serve_tcp(simulated.units[1], clock=clock) as address:
        where = {"host": address.host, "port": address.port, "timeout": "1 s"}
        config = configured(tmp_path, connection=where, **meter)
        told = []
        for _ in range(4):
            await s2d("read", "-c", config, "battery")
            told.append(capsys.readouterr())
            clock.now_s += 1
    assert [each.out.splitlines()[1].split()[1] for each in told if each.out] == ["700", "700", "800"]
    assert "exception 2" in told[0].out
    assert "exception 4" in told[1].out
    assert told[2].err.startswith(f"s2d read: no answer from unit 1 at {address} within 1 s")


async def test_registers_that_could_not_be_read_together_cannot_be_again(tmp_path):
    file = tmp_path / "hole.jsonl"
    header = {"recording": 1, "device": "x", "driver": "Modbus", "profile": None, "connection": {}, "points": []}
    one = {"unit": 1, "table": "input"}
    notes = [
        {**one, "register": 10, "count": 3, "exception": 4},
        {**one, "register": 10, "words": [7, 8]},
        {**one, "register": 12, "words": [9]},
    ]
    lines = (header | {"started": "", "every_s": 1}, {"at_s": 0, "notes": notes})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    registers = replay_device(file, 1.0, None).units[1]
    with pytest.raises(ExceptionResponse, match="exception 4"):
        registers.read(10, 3, 0.0, "input")
    assert registers.read(11, 2, 0.0, "input") == [8, 9]
    with pytest.raises(ExceptionResponse, match="exception 2"):
        registers.read(13, 1, 0.0, "input")


async def test_a_driver_that_does_not_show_the_wire_leaves_no_file(tmp_path, capsys):
    heater = {"driver": "s2d_drivers._blueprint:Heater", "connection": {"host": "127.0.0.1"}}
    config = configured(tmp_path, **heater, points={"power": {"word": "PWR", "unit": "W"}})
    file = tmp_path / "none.jsonl"
    assert await s2d("record", "-c", config, "battery", file, "--for", "10ms") == 1
    assert capsys.readouterr().err == "s2d record: the driver Heater cannot keep what its devices say\n"
    assert not file.exists()


async def test_a_device_that_never_answers_is_a_failure(tmp_path, port):
    nobody = ModbusAddress("127.0.0.1", port)
    config, file = configured(tmp_path, **home_battery("battery", connection=at(nobody))), tmp_path / "none.jsonl"
    async with recording("-c", config, "battery", file, "--for", "10ms", "--every", "5s") as process:
        output, _ = await process.communicate()
    assert (process.returncode, output.decode()) == (1, f"{file}: answered 0 of 1 times\n")
    _, poll = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert poll["silent"] == f"cannot connect to {nobody}: Connection refused"


async def test_nothing_is_overwritten(tmp_path):
    file = tmp_path / "there.jsonl"
    file.write_text("mine")
    config = configured(tmp_path, **sma(ModbusAddress("127.0.0.1", 1)))
    async with recording("-c", config, "battery", file, "--for", "1s") as process:
        _, errors = await process.communicate()
    assert (process.returncode, file.read_text()) == (1, "mine")
    assert errors.decode() == f"s2d record: {file} is there already; nothing was overwritten\n"


HEADER = (
    '{"recording": 1, "device": "x", "driver": "x", "profile": null, "connection": {}, "points": [], '
    '"started": "", "every_s": 1}\n'
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (HEADER.replace("1", "7", 1), "version 7 is not known; this s2d knows 1"),
        ("hello\n", "line 1 is no header"),
        (HEADER.replace("x", "\udcff"), "line 1 is no header"),
        (HEADER + '{"at_s": ' + "[" * 100_000 + "\n", "line 2 is no poll"),
        (HEADER + '{"at_s": 5, "notes": [{"unit": 1}]}\n', "what is noted at 5 s is none of Modbus"),
        (HEADER + '{"at_s": 5, "silent": "no answer"}\n', "no Modbus device says anything in it"),
    ],
    ids=("empty", "newer", "text", "no text", "deep", "other notes", "silent"),
)
def test_what_is_no_recording_is_one_sentence(tmp_path, capsys, text, why):
    from s2d.__main__ import main

    file = tmp_path / "no.jsonl"
    file.write_text(text, errors="surrogateescape")
    assert main(["simulate", "--replay", str(file)]) == 1
    assert capsys.readouterr().err == f"s2d simulate: {file} is no recording: {why}\n"

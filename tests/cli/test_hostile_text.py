"""What a device, a CEM, a resource manager or a file says steers no terminal and adds no line, in any command."""

import asyncio
import json
import re
import subprocess
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from s2d.commissioning.recording import RecordedPoll, line_of
from s2d.simulation.modbus import serve_tcp
from tests.chronicle import PATIENCE_S
from tests.cli.commissioning import configured, s2d
from tests.system.daemon import battery

pytestmark = pytest.mark.system

FORGED = "  max_charge_power: 99 kW"
HOSTILE = f"\x1b]0;t\x07\x9b2J\u202e\u200b\r\u2028\n{FORGED}\n\x7f"
"""A title, a clear screen, writing turned round, and lines of its own."""
SHOWN = r"\u001b]0;t\u0007\u009b2J\u202e\u200b\r\u2028\n  max_charge_power: 99 kW\n\u007f"
POWER, SETPOINT, TEXT, SUNSPEC = 100, 101, 300, 40000


def words(text: str, count: int) -> list[int]:
    packed = text.encode().ljust(2 * count, b"\0")
    return [int.from_bytes(packed[at : at + 2]) for at in range(0, 2 * count, 2)]


class Talker:
    """A device that says nothing but HOSTILE, as text and as the maker in its SunSpec map; what it is told it does."""

    def __init__(self) -> None:
        common = [*words(HOSTILE, 32), *words("1.0", 8), *words("", 8), *words(HOSTILE[:30], 16), 1, 0x8000]
        model = [1, len(common), *common, 0xFFFF, 0]
        placed = {TEXT: words(HOSTILE, 40), SUNSPEC: [*words("SunS", 2), *model], POWER: [0] * 4}
        self.words = {first + at: word for first, each in placed.items() for at, word in enumerate(each)}

    def read(self, address, count, now_s, table="holding"):
        return [self.words[each] for each in range(address, address + count)]

    def write(self, address, written, now_s, table="holding"):
        self.words.update(enumerate(written, address))
        self.words[POWER] = self.words[SETPOINT]


def talking(address, **changes):
    """A device whose `model` is HOSTILE."""
    points = {
        "power": {"register": POWER, "type": "int16", "unit": "W"},
        "power_setpoint": {"register": SETPOINT, "type": "int16", "unit": "W", "access": "read_write"},
        "model": {"register": TEXT, "type": "string[80]"},
    }
    return {"driver": "modbus", "connection": {"host": address.host, "port": address.port}, "points": points, **changes}


def assert_harmless(said: str, *, is_quoted: bool = True) -> None:
    lines = said.split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert FORGED not in lines
    assert (SHOWN in said) is is_quoted, said


@pytest.mark.parametrize(
    "command",
    [
        ("read", "battery"),
        ("write", "battery", "power_setpoint", "1 kW", "--yes"),
        ("check",),
    ],
)
async def test_of_a_configured_device(tmp_path, capsys, command):
    async with serve_tcp(Talker()) as address:
        config = configured(tmp_path, **talking(address))
        await s2d(command[0], "-c", config, *command[1:])
    told = capsys.readouterr()
    assert_harmless(told.out + told.err, is_quoted=command[0] == "read")


async def test_of_a_device_that_is_looked_for(tmp_path, capsys):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/own.yaml").write_text(
        f"title: {json.dumps(HOSTILE)}\ndriver: modbus\n"
        f'points: {{model: {{register: {TEXT}, type: "string[80]", poll: once}}}}\n'
    )
    async with serve_tcp(Talker()) as address:
        assert await s2d("scan", "-c", tmp_path, str(address), "--units", "1") == 0
        scanned = capsys.readouterr().out
        assert await s2d("probe", "--host", address.host, "--port", address.port, "--register", "300..339") == 0
        probed = capsys.readouterr().out
    assert_harmless(scanned)
    found, match, *_ = scanned.splitlines()
    assert found.startswith("connection: {host: 127.0.0.1")
    assert f"manufacturer {SHOWN[:20]}" in found
    assert f"({SHOWN}): model {SHOWN}" in match
    assert_harmless(probed, is_quoted=False)


async def test_of_a_profile(tmp_path, capsys):
    (tmp_path / "profiles").mkdir()
    said = json.dumps(HOSTILE)
    (tmp_path / "profiles/own.yaml").write_text(
        f'title: {said}\ncaveats: [{said}]\ndriver: modbus\npoints: {{soc: {{register: 1, unit: "%"}}}}\n'
        f"parameters: {{size: {{type: energy, help: {said}}}}}\n"
    )
    for typed in (("profiles",), ("profiles", "own")):
        assert await s2d(*typed, "-c", tmp_path) == 0
        assert_harmless(capsys.readouterr().out)


async def test_of_a_file_with_mistakes(tmp_path, capsys):
    (tmp_path / "s2d.yaml").write_text(f"{{{json.dumps(HOSTILE)}: 1, devices: {json.dumps(HOSTILE)}}}\n")
    assert await s2d("check", "-c", tmp_path) == 78
    assert_harmless(capsys.readouterr().err)


@pytest.mark.parametrize(
    "typed",
    [
        (HOSTILE,),
        ("--" + HOSTILE,),
        ("check", HOSTILE),
        ("cem", "--port", HOSTILE),
        ("write", "-c", "nothing", HOSTILE, "soc", HOSTILE),
        ("run", "-c", HOSTILE),
        ("run", "--log", HOSTILE),
        ("profiles", HOSTILE),
        ("probe", "--host", HOSTILE),
        ("scan", HOSTILE),
    ],
)
def test_of_who_types(typed, tmp_path):
    command = [sys.executable, "-m", "s2d", *typed]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=PATIENCE_S, check=False)
    complaint = told.stderr.decode()
    assert told.returncode in (1, 2, 78)
    assert_harmless(complaint, is_quoted=SHOWN in complaint)
    assert "Traceback" not in complaint


async def test_of_a_recording(tmp_path, capsys):
    header = {"recording": 1, "device": HOSTILE, "driver": "x", "profile": None, "connection": {}, "points": []}
    notes = [{"unit": 1, "table": "holding", "register": 1, "words": [1]}]
    lines = [{**header, "started": "", "every_s": 1}, {"at_s": 0, "notes": notes}]
    (tmp_path / "recording").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    command = [sys.executable, "-m", "s2d", "simulate", "--port", "0", "--replay", str(tmp_path / "recording")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_S):
        first = await process.stdout.readline()
        process.terminate()
        rest, _ = await process.communicate()
    assert_harmless((first + rest).decode(), is_quoted=False)


def test_of_a_device_that_is_recorded():
    line = line_of(RecordedPoll(at_s=0.0, silent=HOSTILE))
    assert_harmless(line.decode().removesuffix("\n"))
    assert json.loads(line)["silent"] == HOSTILE


@pytest.mark.parametrize("style", ["json", "console"])
async def test_of_a_cem(tmp_path, style):
    async def close_at_once(websocket):
        await websocket.send(HOSTILE)
        await websocket.close(4000, HOSTILE)

    async with serve(close_at_once, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        device = battery(connection={"host": "127.0.0.1", "port": 9})
        config = {
            "gateway": {"state_dir": str(tmp_path / "state")},
            "cem": {"url": f"ws://127.0.0.1:{port}"},
            "devices": [device],
        }
        (tmp_path / "s2d.yaml").write_text(json.dumps(config))
        command = [sys.executable, "-m", "s2d", "run", "-c", str(tmp_path), "--log", style, "--log-level", "debug"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said = b""
        async with asyncio.timeout(PATIENCE_S):
            while b"session.closed" not in said:
                said += await process.stdout.readline()
            process.terminate()
            rest, _ = await process.communicate()
    log = (said + rest).decode()
    assert_harmless(log)
    if style == "json":
        reasons = [line.get("reason") for line in map(json.loads, log.splitlines())]
        assert f"the CEM closed the connection with 4000: {HOSTILE}" in reasons


TRACEBACK = """
import sys
from s2d.host import log
log.configure(sys.argv[1])
try:
    raise ValueError(sys.argv[2])
except ValueError:
    log.get_logger().exception("node.broken", value=sys.argv[2], many=[sys.argv[2]])
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_of_a_traceback(style):
    command = [sys.executable, "-c", TRACEBACK, style, HOSTILE]
    told = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True).stdout.decode()
    assert [line for line in told.split("\n") if not line.isprintable()] == []
    assert SHOWN in told
    assert "ValueError: " in told


async def test_of_a_resource_manager(tmp_path):

    name = {"message_type": "ResourceManagerDetails", "name": HOSTILE}
    command = [sys.executable, "-m", "s2d", "cem", "--port", "0", "--log", str(tmp_path / "log")]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    async with asyncio.timeout(PATIENCE_S):
        said = await process.stdout.readline()
        port = re.search(rb":(\d+),", said)[1].decode()
        async with connect(f"ws://127.0.0.1:{port}/{'%1b'}") as socket:
            await socket.send(json.dumps(name))
            await socket.send(HOSTILE)
            await socket.close(4000, HOSTILE)
        while b"closed with code 4000" not in said:
            said += await process.stdout.readline()
        process.terminate()
        rest, _ = await process.communicate()
    assert_harmless((said + rest).decode())
    transcript = (tmp_path / "log").read_text(encoding="utf-8")
    assert_harmless(transcript)
    assert HOSTILE in [json.loads(line).get("frame") for line in transcript.splitlines()]

"""`s2d write` as its user sees it: what it says before, whether it asks, and what came of it."""

import asyncio
import json
import os
import pty
import signal
import sys
from contextlib import asynccontextmanager
from io import StringIO
from uuid import UUID

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.device.write_ledger import ledger_of
from s2d.host import clock, lock
from s2d.host.store import Store
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.registers import BatteryRegisters, NoResponse
from tests.chronicle import PATIENCE_S
from tests.cli.commissioning import configured, s2d, sma, without_ages
from tests.system.daemon import battery as home_battery
from tests.system.daemon import configured as system_configured
from tests.system.simulator import at

pytestmark = pytest.mark.system

CHARGES = [
    "power_setpoint of battery becomes 3000 W:",
    "  1. ordered_power becomes 3000 W: 0xFFFF 0xF448 to holding registers 40149..40150 (function 16)",
    "  2. ordered becomes on: 0x0000 0x0322 to holding registers 40151..40152 (function 16)",
    "  the device forgets that after 60 s, and nobody repeats it",
]


def served(battery, faults=None):
    simulated = profile_device("sma-storage", {}, battery, faults or Faults())
    return serve_tcp(simulated.units[3], unit=3, faults=faults)


@pytest.fixture
def battery():
    return SimulatedBattery(watchdog_s=0, ramp_w_per_s=1e12)


async def test_it_says_what_it_does_does_it_and_shows_what_came_of_it(tmp_path, capsys, battery):
    async with served(battery) as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("write", "-c", config, "battery", "power_setpoint", "3 kW", "--yes") == 0
        assert battery.setpoint_w == 3000
        assert without_ages(capsys.readouterr().out) == [
            *CHARGES,
            "written",
            "POINT  VALUE  UNIT  RAW           AGE  QUALITY",
            "power   3000  W     (computed)  A.G s  good",
            "it follows: power is 3000 W, ordered: 3000 W",
            "power_setpoint was told 3000 W, which stays until the device forgets it within 60 s",
        ]
        assert await s2d("write", "-c", config, "battery", "power_setpoint", "--yes", "--", "-2000") == 0
        assert battery.setpoint_w == -2000
        capsys.readouterr()
        assert await s2d("write", "-c", config, "battery", "power_setpoint", "release", "--yes") == 0
        assert battery.setpoint_w == 0
        assert capsys.readouterr().out.splitlines()[:4] == [
            "power_setpoint of battery is given back to the device:",
            "  1. ordered becomes off: 0x0000 0x0323 to holding registers 40151..40152 (function 16)",
            "  2. ordered_power becomes 0 W: 0x0000 0x0000 to holding registers 40149..40150 (function 16)",
            "written",
        ]


async def test_where_nobody_can_be_asked_nothing_is_written(tmp_path, capsys, battery, monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO())
    async with served(battery) as address:
        config = configured(tmp_path, **sma(address))
        assert await s2d("write", "-c", config, "battery", "power_setpoint", "3 kW") == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == CHARGES
    assert told.err.splitlines()[-1] == "s2d write: nothing was written; say --yes where nobody can be asked"
    assert battery.setpoint_w == 0


@pytest.mark.parametrize(("typed", "setpoint", "status"), [(b"y\n", 3000, 0), (b"\n", 0, 1)])
async def test_on_a_terminal_it_asks(tmp_path, battery, typed, setpoint, status):
    screen, terminal = pty.openpty()
    async with served(battery) as address:
        config = configured(tmp_path, **sma(address))
        words = ["write", "-c", str(config), "battery", "power_setpoint", "3 kW"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s2d", *words, stdin=terminal, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE_S):
            said = await process.stdout.readuntil(b"Write that? [y/N] ")
            assert said.decode().splitlines()[:-1] == CHARGES
            os.write(screen, typed)
            rest, _ = await process.communicate()
    os.close(screen)
    os.close(terminal)
    assert (process.returncode, battery.setpoint_w) == (status, setpoint)
    assert rest.decode().splitlines()[0] == ("written" if status == 0 else "nothing was written")


async def test_a_device_that_did_not_follow_is_a_failure(tmp_path, capsys, battery):
    wrong = Faults(["ignores-writes"])
    async with serve_tcp(BatteryRegisters(battery, faults=wrong), faults=wrong) as address:
        config = system_configured(tmp_path, {"url": "ws://localhost"}, home_battery(connection=at(address)))
        assert await s2d("write", "-c", config, "Home battery", "power_setpoint", "1.5 kW", "--yes") == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "power_setpoint of Home battery becomes 1500 W:",
        "  1. power_setpoint becomes 1500 W: 0x05DC to holding register 2700 (function 6)",
    ]
    assert told.err.splitlines()[-1] == (
        "s2d write: power_setpoint: took 1500 W but still reads 0 W after 2 s. "
        "If it shows it later, state a longer `settle`"
    )


class Deaf(BatteryRegisters):
    """A battery that says nothing any more once it was told something."""

    is_told = False

    def read(self, *asked):
        if self.is_told:
            raise NoResponse
        return super().read(*asked)

    def write(self, *told):
        super().write(*told)
        self.is_told = True


@pytest.mark.parametrize(("access", "told"), [("read_write", ""), ("write", "whether it follows is not known: ")])
async def test_who_takes_a_write_and_says_nothing_since_is_told_of_with_the_way_out(
    tmp_path, capsys, battery, access, told
):
    async with serve_tcp(Deaf(battery)) as address:
        deaf = home_battery(connection=at(address) | {"timeout": "200 ms"}, follow_within="1 s")
        deaf["points"] = {**deaf["points"], "power_setpoint": deaf["points"]["power_setpoint"] | {"access": access}}
        config = system_configured(tmp_path, {"url": "ws://localhost"}, deaf)
        assert await s2d("write", "-c", config, "Home battery", "power_setpoint", "1.5 kW", "--yes") == 1
    said = "".join(capsys.readouterr())
    assert f"{told}it took a write, and may hold it, but has said nothing since: no answer" in said
    assert "If it always does so, state a `rest`, or a longer `settle`" in said
    assert battery.setpoint_w == 1500


class Words:
    """Registers that hold what is written to them."""

    def __init__(self):
        self.words = {}

    def read(self, address, count, now_s, table="holding"):
        return [self.words.get(register, 0) for register in range(address, address + count)]

    def write(self, address, words, now_s, table="holding"):
        self.words |= dict(enumerate(words, address))


async def test_both_readings_of_what_was_written_are_shown(tmp_path, capsys):
    async with serve_tcp(Words()) as address:
        home = home_battery(connection=at(address), follow_within="1 s")
        setpoint = {"register": 110, "type": "int32", "order": "CDAB", "unit": "W", "access": "read_write"}
        home["points"] = {**home["points"], "power_setpoint": setpoint}
        config = system_configured(tmp_path, {"url": "ws://localhost"}, home)
        assert await s2d("write", "-c", config, "Home battery", "power_setpoint", "1 kW", "--yes") == 1
    told = capsys.readouterr().out.splitlines()
    (row,) = [line for line in told if line.startswith("power_setpoint ") and "good" in line]
    assert "1000 (0x03E8 0x0000; 65536000 as ABCD)" in row


async def test_a_device_that_is_busy_is_a_failure(tmp_path, capsys, battery):
    wrong = Faults(["busy"])
    async with served(battery, wrong) as address:
        wrong.every = 1
        config = configured(tmp_path, **sma(address, timeout="2 s"))
        assert await s2d("write", "-c", config, "battery", "power_setpoint", "3 kW", "--yes") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"s2d write: unit 3 at {address} is busy"


async def test_what_wears_out_is_counted_with_the_daemon(tmp_path, capsys, battery):
    gateway, folder = UUID("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d"), tmp_path / "state"
    daemons = ledger_of("Home battery", Store(folder), gateway)
    async with serve_tcp(BatteryRegisters(battery)) as address:
        store = home_battery(connection=at(address))
        store["points"]["power_setpoint"] |= {"persistent": True, "daily_writes": 3}
        config = system_configured(tmp_path, {"url": "ws://localhost"}, store)
        written = json.loads((config / "s2d.yaml").read_text())
        written["gateway"]["id"] = str(gateway)
        (config / "s2d.yaml").write_text(json.dumps(written))
        await daemons.record_write("power_setpoint", clock.now())
        for typed, status in (("1 kW", 0), ("2 kW", 0), ("2 kW", 0), ("3 kW", 1)):
            assert await s2d("write", "-c", config, "Home battery", "power_setpoint", typed, "--yes") == status
        assert battery.setpoint_w == 2000
    assert capsys.readouterr().err.splitlines()[-1] == (
        "s2d write: power_setpoint is kept in memory that wears out, and was written 3 times within a day; "
        "`daily_writes` allows 3"
    )
    assert daemons.writes("power_setpoint", clock.now()) == 3


async def test_a_ledger_that_cannot_be_read_is_told_of_before_anything_is_written(tmp_path, capsys, battery):
    (tmp_path / "state").write_text("no folder")
    async with serve_tcp(BatteryRegisters(battery)) as address:
        store = home_battery(connection=at(address))
        config = system_configured(tmp_path, {"url": "ws://localhost"}, store)
        words = ("write", "-c", config, "Home battery", "power_setpoint", "1 kW", "--yes")
        assert await s2d(*words) == 0
        capsys.readouterr()
        store["points"]["power_setpoint"] |= {"persistent": True}
        system_configured(tmp_path, {"url": "ws://localhost"}, store)
        assert await s2d(*words) == 78
        assert capsys.readouterr().out == ""


async def test_a_dwell_is_kept_from_one_order_to_the_next(tmp_path, capsys, battery):
    async with serve_tcp(BatteryRegisters(battery)) as address:
        order = {"steps": [{"write": {"order": "value"}}], "dwell": "1 h", "unit": "W"}
        store = home_battery(connection=at(address), commands={"power_setpoint": order})
        store["points"]["order"] = store["points"].pop("power_setpoint")
        config = system_configured(tmp_path, {"url": "ws://localhost"}, store)
        for typed, status in (("1 kW", 0), ("2 kW", 0), ("0 W", 1)):
            assert await s2d("write", "-c", config, "Home battery", "power_setpoint", typed, "--yes") == status
        assert battery.setpoint_w == 2000
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "s2d write: it has to wait: the same was done too short a time ago"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("power_setpiont", "1 kW"), 'battery cannot be told power_setpiont. Did you mean "power_setpoint"?'),
        (("power_setpoint", "3 A"), 'expected a power such as "5 kW", got "3 A"'),
    ],
)
async def test_what_makes_no_sense_is_one_sentence(tmp_path, capsys, battery, typed, sentence):
    async with served(battery) as address:
        assert await s2d("write", "-c", configured(tmp_path, **sma(address)), "battery", *typed, "--yes") == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"s2d write: {sentence}"


async def test_what_an_order_changes_is_remembered_and_put_back_also_beside_a_daemon(tmp_path, capsys, battery):
    battery.set_watchdog(40, 0)
    async with serve_tcp(BatteryRegisters(battery)) as address:
        store = home_battery(connection=at(address))
        store["points"]["order"] = store["points"].pop("power_setpoint")
        store["points"]["watchdog"] = {"register": 2701, "unit": "s", "access": "read_write", "poll": "never"}
        steps = [{"write": {"watchdog": 0, "order": "value"}}]
        release = [{"write": {"order": 0, "watchdog": "found"}}]
        store["commands"] = {"power_setpoint": {"unit": "W", "steps": steps, "release": release}}
        config = system_configured(tmp_path, {"url": "ws://localhost"}, store)

        async def written(typed: str) -> int:
            return await s2d("write", "-c", config, "Home battery", "power_setpoint", typed, "--yes")

        assert [await written("1 kW"), await written("2 kW")] == [0, 0]
        assert (battery.setpoint_w, battery.watchdog_s) == (2000, 0)
        capsys.readouterr()
        assert await written("release") == 0
        assert (battery.setpoint_w, battery.watchdog_s) == (0, 40)
        assert capsys.readouterr().out.splitlines()[2] == (
            "  2. watchdog becomes 40 s: 0x0028 to holding register 2701 (function 6)"
        )
        assert await written("1 kW") == 0
        with lock.held(tmp_path / "state"):
            assert await written("release") == 0
            assert battery.watchdog_s == 40
            assert await written("1 kW") == 0
        assert await written("release") == 0
        with lock.held(tmp_path / "state"):
            assert await written("1 kW") == 1
    assert (battery.setpoint_w, battery.watchdog_s) == (0, 40)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("s2d write: step 1 of 2 (watchdog): what watchdog held is not remembered, as process ")


INSTALLED = {"follow_within": "1 s", "poll": "200 ms"}


@asynccontextmanager
async def installed(tmp_path, *, power=lambda setpoint_w: setpoint_w, points=None, **changes):
    """A plain battery, the configuration that names it, and what it does when it is told something."""
    plant = Plant(power)
    async with serve_tcp(plant) as address:
        store = home_battery(connection=at(address), **{**INSTALLED, **changes})
        store["points"] = {
            "soc": {"register": 1, "unit": "%"},
            "power": {"register": 2, "type": "int16", "unit": "W"},
            "power_setpoint": {"register": 3, "type": "int16", "unit": "W", "access": "read_write"},
        } | (points or {})
        yield plant, system_configured(tmp_path, {"url": "ws://localhost"}, store)


class Plant:
    """A battery whose power is what *power* makes of its setpoint."""

    def __init__(self, power):
        self.power = power
        self.words = {1: 50, 2: 0, 3: 0, 4: 0}
        self.told = asyncio.Event()

    def read(self, address, count, now_s, table="holding"):
        return [self.words[each] for each in range(address, address + count)]

    def write(self, address, words, now_s, table="holding"):
        self.words.update(enumerate(words, address))
        self.told.set()
        setpoint_w = (words[-1] ^ 0x8000) - 0x8000
        self.words[2] = self.power(setpoint_w) & 0xFFFF


@pytest.mark.parametrize(
    ("power", "point", "value", "told"),
    [
        (
            lambda setpoint_w: -setpoint_w, {}, "1 kW",
            [
                "it does the contrary: it was to take 1000 W and gives 1000 W, 0 W before: the sign of what is read or "
                "of what is written may be inverted",
                "  try `invert: true` at power_setpoint; or turn it at power, if its display shows the opposite",
            ],
        ),
        (
            lambda setpoint_w: 0, {}, "1 kW",
            [
                "nothing moved: power is 0 W, ordered: 1000 W, 0 W it was before",
                "  power_setpoint reads back 1000 W: the device took the value and does not act on it",
            ],
        ),
        (
            lambda setpoint_w: 0, {"type": "int32", "order": "CDAB"}, "1 kW",
            [
                "nothing moved: power is 0 W, ordered: 1000 W, 0 W it was before",
                "  power_setpoint reads back 1000 W: the device took the value and does not act on it",
                "  the words of power_setpoint 1000 W read 65536000 as ABCD: if the device wants them so, say it with "
                "`write_order`",
            ],
        ),
        (lambda setpoint_w: 600, {}, "1 kW", ["it follows partly: power is 600 W, ordered: 1000 W"]),
    ],
)  # fmt: skip
async def test_what_does_not_follow_is_told_in_which_way_and_is_a_failure(tmp_path, capsys, power, point, value, told):
    setpoint = {"register": 3, "type": "int16", "unit": "W", "access": "read_write", "settle": "100 ms", **point}
    async with installed(tmp_path, power=power, points={"power_setpoint": setpoint}) as (_, config):
        assert await s2d("write", "-c", config, "Home battery", "power_setpoint", value, "--yes") == 1
    lines = capsys.readouterr().out.splitlines()
    left = "power_setpoint was told 1000 W, which stays until something else is written"
    assert lines[-len(told) - 1 :] == [*told, left]


async def test_more_than_its_owner_allows_is_not_written(tmp_path, capsys):
    async with installed(tmp_path) as (plant, config):
        assert await s2d("write", "-c", config, "Home battery", "power_setpoint", "50 kW", "--yes") == 0
    assert plant.words[3] == 5000
    assert "  bounded: its configuration allows 5000 W of the 50000 W asked for" in capsys.readouterr().out


async def test_what_the_device_forgets_is_repeated_as_long_as_it_is_watched(tmp_path):
    times = []

    def power(setpoint_w):
        times.append(setpoint_w)
        return 0

    setpoint = {"register": 3, "type": "int16", "unit": "W", "access": "read_write", "refresh": "500 ms"}
    async with installed(tmp_path, power=power, points={"power_setpoint": setpoint}) as (_, config):
        assert await s2d("write", "-c", config, "Home battery", "power_setpoint", "1 kW", "--yes") == 1
    assert len(times) > 1


async def test_who_interrupts_the_watch_hears_what_is_left_in_the_device(tmp_path):
    screen, terminal = pty.openpty()
    async with installed(tmp_path, power=lambda setpoint_w: 0, follow_within="60 s") as (plant, config):
        words = ["write", "-c", str(config), "Home battery", "power_setpoint", "1 kW", "--yes"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s2d", *words, stdout=asyncio.subprocess.PIPE, stderr=terminal
        )
        async with asyncio.timeout(PATIENCE_S):
            await process.stdout.readuntil(b"written\n")
            shown = b""
            while b"Ctrl-C ends the watch" not in shown:
                shown += await asyncio.to_thread(os.read, screen, 4096)
            process.send_signal(signal.SIGINT)
            rest, _ = await process.communicate()
        told = os.read(screen, 4096).decode()
    os.close(screen)
    os.close(terminal)
    assert (process.returncode, rest, plant.words[3]) == (1, b"", 1000)
    assert "nothing moved: power is 0 W, ordered: 1000 W, 0 W it was before (" in shown.decode()
    assert told.splitlines()[-1].endswith(
        "s2d write: interrupted. power_setpoint was told 1000 W, which stays until something else is written"
    )


async def test_who_interrupts_the_question_has_written_nothing(tmp_path):
    screen, terminal = pty.openpty()
    async with installed(tmp_path) as (plant, config):
        words = ["write", "-c", str(config), "Home battery", "power_setpoint", "1 kW"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s2d", *words, stdin=terminal, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE_S):
            await process.stdout.readuntil(b"Write that? [y/N] ")
            process.send_signal(signal.SIGINT)
            await process.communicate()
    os.close(screen)
    os.close(terminal)
    assert (process.returncode, plant.words[3]) == (1, 0)


async def test_who_interrupts_the_writing_hears_that_it_may_be_half_done(tmp_path):
    order = {"steps": [{"write": {"order": "value"}}, {"wait": "60 s"}, {"write": {"on": "1"}}], "unit": "W"}
    points = {
        "order": {"register": 3, "type": "int16", "unit": "W", "access": "write"},
        "on": {"register": 4, "access": "write"},
    }
    async with installed(tmp_path, commands={"power_setpoint": order}) as (plant, config):
        written = json.loads((config / "s2d.yaml").read_text())
        written["devices"][0]["points"] |= points
        del written["devices"][0]["points"]["power_setpoint"]
        (config / "s2d.yaml").write_text(json.dumps(written))
        words = ["write", "-c", str(config), "Home battery", "power_setpoint", "1 kW", "--yes"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s2d", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE_S):
            await plant.told.wait()
            process.send_signal(signal.SIGINT)
            _, told = await process.communicate()
    assert (process.returncode, plant.words[3], plant.words[4]) == (1, 1000, 0)
    assert told.decode().splitlines()[-1] == (
        "s2d write: interrupted. What of it is in the device by now is not known: s2d read shows it"
    )

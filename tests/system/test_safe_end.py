"""After a crash no device keeps its last order: not where the daemon cannot start again, nor where nobody starts it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.system.daemon import battery, configured, daemon
from tests.system.simulator import Simulator, at
from tests.system.test_one_daemon import s2d, traces

pytestmark = pytest.mark.system

STARTED, STOPPING = -100, -300
"""What a device is told on these occasions, in W."""
SAFE = {"started": {"power_setpoint": f"{STARTED} W"}, "stopping": {"power_setpoint": f"{STOPPING} W"}}


BLOCKING = """
import os, time
from msgspec import Struct
from s2d.driver import Driver, PointSettings
from s2d.values import Reading

class Battery(Driver):
    class Connection(Struct): ...
    Point = PointSettings

    async def read(self, points):
        if os.path.exists(os.environ["BLOCK_WHEN"]):
            time.sleep(600)
        return [Reading(point, 50.0) for point in points]

    async def write(self, setpoint, *together):
        await self.read([])
"""
"""A driver of somebody else that lets nobody else have a turn."""


class Plant:
    """Two simulated batteries, and the configuration with which they ran until the daemon was killed."""

    def __init__(self, folder: Path, one: Simulator, two: Simulator, switch_off_two: Callable[[], Awaitable[None]]):
        self.folder = folder
        self.one, self.two = one, two
        self.switch_off_two = switch_off_two

    def change(self, old: str, new: str, count: int = -1) -> None:
        """Replaces *old* in the gateway file, everywhere or from the end."""
        file = self.folder / "s2d.yaml"
        before = file.read_text()
        after = before.replace(old, new) if count < 0 else new.join(before.rsplit(old, count))
        assert after != before
        file.write_text(after)

    def written(self) -> tuple[list[int], list[int]]:
        """What was written since the daemon was killed."""
        return self.one.writes.all[1:], self.two.writes.all[1:]


@asynccontextmanager
async def crashed(folder: Path, port: int, **changes: Any) -> AsyncIterator[Plant]:
    one, two = Simulator(), Simulator()
    async with one.on_tcp() as address, AsyncExitStack() as power_of_two:
        addresses = {"One": address, "Two": await power_of_two.enter_async_context(two.on_tcp())}
        devices = [battery(name, connection=at(place), safe=SAFE, **changes) for name, place in addresses.items()]
        configured(folder, {"url": f"ws://127.0.0.1:{port}"}, *devices)
        async with daemon(folder) as process:
            await asyncio.gather(one.written(STARTED), two.written(STARTED))
            await process.logged("setpoint.applied", rm="One")
            await process.logged("config.kept")
            process.kill()
            await process.ended()
        yield Plant(folder, one, two, power_of_two.aclose)


def damaged_ids(plant: Plant) -> None:
    for name in ("gateway-id", "gateway-id.copy"):
        (plant.folder / "state" / name).write_bytes(b"")


def replaced_state(plant: Plant) -> None:
    (plant.folder / "state").rename(plant.folder / "was")
    (plant.folder / "state").touch()


DAMAGES: dict[str, tuple[Callable[[Plant], None], str]] = {
    "a typo in a device": (lambda plant: plant.change("capacity", "capcity", 1), 'Two: unknown key "capcity"'),
    "a typo before all devices": (lambda plant: plant.change('"cem"', '"cme"'), 'unknown key "cme"'),
    "no YAML": (lambda plant: plant.change('"devices": [', '"devices": [['), "not YAML"),
    "no ids": (damaged_ids, "gateway-id:1:1: holds no UUID"),
    "no state": (replaced_state, "cannot be used: Not a directory"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES.keys())
async def test_who_cannot_start_brings_all_to_safety_before_it_ends_with_78(tmp_path, port, damage, told):
    async with crashed(tmp_path, port) as plant:
        damage(plant)
        status, _, problems = await s2d("run", "-c", tmp_path)
        assert status == 78
        assert any(told in line for line in problems)
        assert not any("Traceback" in line for line in problems)
        assert plant.written() == ([STOPPING], [STOPPING])


async def test_a_gateway_file_that_is_empty_is_known_as_it_ran_last(tmp_path, port, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    async with crashed(tmp_path, port) as plant:
        (tmp_path / "s2d.yaml").write_bytes(b"")
        status, _, problems = await s2d("run", "-c", tmp_path)
        assert (status, problems) == (78, ["s2d.yaml:1:1: the file is empty"])
        assert plant.written() == ([STOPPING], [STOPPING])


async def test_what_is_configured_no_more_is_brought_to_safety_first(tmp_path, port):
    async with crashed(tmp_path, port) as plant:
        file = tmp_path / "s2d.yaml"
        whole = json.loads(file.read_text())
        file.write_text(json.dumps(whole | {"devices": whole["devices"][:1]}))
        async with daemon(tmp_path) as process:
            assert (await process.logged("config.shrunk"))["devices"] == ["Two"]
            await process.logged("setpoint.applied", rm="One")
            assert plant.written() == ([STARTED], [STOPPING])
            assert await process.stopped() == 0
        file.write_text(json.dumps(whole | {"devices": whole["devices"][1:]}))
        async with daemon(tmp_path) as process:
            await process.logged("setpoint.applied", rm="Two")
            assert "config.shrunk" not in process.events()  # all were at rest


async def test_a_second_daemon_that_cannot_start_leaves_the_first_alone(tmp_path, port):
    async with crashed(tmp_path, port) as plant, daemon(tmp_path) as first:
        await first.logged("setpoint.applied", rm="One")
        await first.logged("setpoint.applied", rm="Two")
        plant.change("capacity", "capcity", 1)
        for command in ("run", "safe"):
            status, out, problems = await s2d(command, "-c", tmp_path)
            assert (status, out) == (75, [])
            assert problems[0].startswith(f"s2d {command}: process {first.pid} holds {tmp_path}/state/lock")
        before = traces(tmp_path / "state")
        assert (await s2d("check", "-c", tmp_path))[0] == 78
        assert traces(tmp_path / "state") == before
        assert plant.written() == ([STARTED], [STARTED])


async def test_a_device_of_which_nothing_is_known_any_more_is_told_of(tmp_path, port):
    async with crashed(tmp_path, port) as plant:
        plant.change('"modbus"', '"modbsu"', 1)
        kept = tmp_path / "state/last-good/s2d.yaml"
        kept.write_text("modbsu".join(kept.read_text().rsplit("modbus", 1)))
        status, out, _ = await s2d("run", "-c", tmp_path)
        lines = [json.loads(line) for line in out]
        lost = [line["device"] for line in lines if line["event"] == "fallback.unconfirmed"]
        assert (status, lost) == (78, ["Two"])
        assert plant.written() == ([STOPPING], [])


class TestShadow:
    """Nothing is written under `--shadow`, nor to a device with `shadow: true`, whatever ran before."""

    async def test_a_shadow_run_leaves_all_as_a_crash_has_left_it_and_the_next_run_sees_to_it(self, tmp_path, port):
        async with crashed(tmp_path, port) as plant:
            file = tmp_path / "s2d.yaml"
            whole = json.loads(file.read_text())
            file.write_text(json.dumps(whole | {"devices": whole["devices"][:1]}))
            async with daemon(tmp_path, arguments=("--shadow",)) as process:
                assert (await process.logged("daemon.shadowing"))["devices"] == ["One"]
                told = await process.logged("write.shadowed", device="One")
                assert told["values"] == {"power_setpoint": STARTED}
                assert await process.stopped() == 0
            assert (await s2d("safe", "-c", tmp_path))[0] == 0
            assert plant.written() == ([], [])
            async with daemon(tmp_path) as process:
                assert (await process.logged("config.shrunk"))["devices"] == ["Two"]
                await process.logged("setpoint.applied", rm="One")
            assert plant.written() == ([STARTED, STOPPING], [STOPPING])

    async def test_one_that_cannot_start_writes_nothing_either(self, tmp_path, port):
        async with crashed(tmp_path, port) as plant:
            plant.change("capacity", "capcity", 1)
            status, out, _ = await s2d("run", "-c", tmp_path, "--shadow")
            told = [line["values"] for line in map(json.loads, out) if line["event"] == "write.shadowed"]
            assert (status, told) == (78, [{"power_setpoint": STOPPING}] * 2)
            assert plant.written() == ([], [])

    @pytest.mark.parametrize("typo", ["capacity", "capcity"])
    async def test_a_device_that_is_shadowed_by_now_is_not_made_safe(self, tmp_path, port, typo):
        """Not even where it ran otherwise, and what else its owner wrote is wrong."""
        async with crashed(tmp_path, port) as plant:
            plant.change('"capacity"', f'"shadow": true, "{typo}"', 1)
            assert (await s2d("safe", "-c", tmp_path))[0] == 0
            assert plant.written() == ([STOPPING], [])


class TestSafe:
    """`s2d safe`, for systemd."""

    async def test_it_brings_what_ran_last_to_safety(self, tmp_path, port, monkeypatch):
        async with crashed(tmp_path, port) as plant:
            plant.change(f"{STOPPING} W", "-1 W")  # nobody ran that yet
            monkeypatch.setenv("SERVICE_RESULT", "signal")
            monkeypatch.setenv("EXIT_STATUS", "KILL")
            assert (await s2d("safe", "-c", tmp_path))[::2] == (0, [])
            assert plant.written() == ([STOPPING], [STOPPING])

    @pytest.mark.parametrize(("result", "status"), [("success", "0"), ("exit-code", "78"), ("exit-code", "75")])
    async def test_after_an_end_that_saw_to_all_it_does_nothing(self, tmp_path, port, monkeypatch, result, status):
        monkeypatch.setenv("SERVICE_RESULT", result)
        monkeypatch.setenv("EXIT_STATUS", status)
        async with crashed(tmp_path, port) as plant:
            assert await s2d("safe", "-c", tmp_path) == (0, [], [])
            assert plant.written() == ([], [])

    async def test_where_no_device_is_known_it_says_why(self, tmp_path, monkeypatch):
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
        status, out, err = await s2d("safe", "-c", tmp_path / "nowhere")
        assert (status, out, len(err)) == (78, [], 1)
        assert "there is no such file" in err[0]

    async def test_a_device_that_is_away_is_told_of(self, tmp_path, port):
        async with crashed(tmp_path, port) as plant:
            await plant.switch_off_two()
            status, out, _ = await s2d("safe", "-c", tmp_path)
            unconfirmed = [line for line in map(json.loads, out) if line["event"] == "fallback.unconfirmed"]
            assert (status, [line["rm"] for line in unconfirmed]) == (1, ["Two"])
            assert plant.written() == ([STOPPING], [])

    async def test_a_driver_that_blocks_holds_it_up_no_longer(self, tmp_path, port, monkeypatch):
        (tmp_path / "blocking.py").write_text(BLOCKING)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
        monkeypatch.setenv("BLOCK_WHEN", str(tmp_path / "block"))
        simulator = Simulator()
        async with simulator.on_tcp() as address:
            works = battery("Works", connection=at(address), safe=SAFE)
            blocks = battery("Blocks", connection={}, driver="blocking:Battery")
            blocks["points"] = {
                "soc": {"unit": "%"},
                "power": {"unit": "W"},
                "power_setpoint": {"access": "write", "unit": "W"},
            }
            configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, works, blocks)
            async with daemon(tmp_path) as process:
                await process.logged("config.kept")
                await simulator.written(STARTED)
                process.kill()
                await process.ended()
            (tmp_path / "block").touch()
            assert (await s2d("safe", "-c", tmp_path))[0] == 1
            await simulator.written(STARTED, STOPPING)

"""One daemon at a time on one state directory, and a disk that hangs: what is done to hardware, and how it ends."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.daemon import battery, configured, daemon
from tests.system.simulator import Simulator, at

pytestmark = pytest.mark.system

DEAD_DISK = """
import os, threading
def hang(descriptor):
    threading.Event().wait()
os.fsync = hang
"""
"""What Python starts with where nothing ever gets onto the disk."""


async def s2d(*typed: object) -> tuple[int | None, list[str], list[str]]:
    """Exit status, stdout and stderr of a process of its own."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s2d", *map(str, typed), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return process.returncode, out.decode().splitlines(), err.decode().splitlines()


def traces(state: Path) -> dict[str, tuple[int, int, bytes]]:
    """What is in *state*, and when and where it was written."""
    files = (path for path in state.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files}


async def test_a_second_daemon_writes_nothing_and_the_first_is_undisturbed(tmp_path):
    simulator = Simulator()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        async with daemon(config) as first:
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            await rm.status_of(charge)
            before = traces(tmp_path / "state")
            lock = f"process {first.pid} holds {tmp_path}/state/lock"
            assert await s2d("run", "-c", config) == (
                75,
                [],
                [f"s2d run: {lock}: it is at work already, and two would drive the same devices"],
            )
            assert (await s2d("check", "-c", config))[0] == 0
            assert traces(tmp_path / "state") == before
            await simulator.written(0, 5000)
            idle = await rm.instruct(mode="idle", factor=0.0)
            assert await rm.status_of(idle) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await simulator.written(0, 5000, 0)
            assert not rm.ended.is_set()
            assert "session.closed" not in first.events()


async def test_the_next_daemon_takes_over_from_one_that_was_killed(tmp_path, port):
    simulator = Simulator()
    async with simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=at(address)))
        async with daemon(config) as first:
            await first.logged("setpoint.applied")
            first.kill()
            assert await first.ended() == -9
        async with daemon(config) as second:
            await second.logged("setpoint.applied")
            assert (tmp_path / "state/lock").read_text() == f"{second.pid}\n"


async def test_who_writes_by_hand_is_told_of_the_daemon_at_work(tmp_path, port):
    simulator = Simulator()
    async with simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=at(address)))
        order = ("write", "-c", config, "Home battery", "power_setpoint", "1 kW")
        async with daemon(config) as process:
            await process.logged("setpoint.applied")
            _, _, told = await s2d(*order)
            assert told[0].startswith(f"s2d write: s2d run is at work here (process {process.pid}).")
            process.kill()
            assert await process.ended() == -9
        _, _, told = await s2d(*order)
        assert told == ["s2d write: nothing was written; say --yes where nobody can be asked"]


async def test_a_state_directory_that_cannot_be_used_is_one_sentence(tmp_path, port):
    simulator = Simulator()
    (tmp_path / "state").touch()
    async with simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=at(address)))
        hint = "Make it writable for the user s2d runs as, or set gateway: state_dir"
        sentence = f"{tmp_path}/state/lock: cannot be used: Not a directory. {hint}"
        assert (await s2d("run", "-c", config))[::2] == (78, [sentence])
        await simulator.written(0)  # nobody can be at work there


async def test_where_the_disk_hangs_orders_are_refused_what_is_safe_is_done_and_the_daemon_ends(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(DEAD_DISK)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/gateway-id").write_text("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d\n")
    simulator = Simulator()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        worn = battery(connection=at(address), fallback={"after": "20 s", "power_setpoint": "-100 W"})
        worn["points"]["power_setpoint"] |= {"persistent": True}
        config = configured(tmp_path, {"url": energy_manager.url}, worn)
        search_first = os.pathsep.join([str(tmp_path), *sys.path])
        async with daemon(config, PYTHONPATH=search_first) as process:
            rm = await energy_manager.joined()
            await rm.in_charge()
            await simulator.written(-100)
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "ABORTED"]
            refused = await process.logged("setpoint.refused", value=5000)
            assert refused["why"].endswith("the disk did not answer within 2 s")
            assert await process.stopped() == 0
            await simulator.written(-100)

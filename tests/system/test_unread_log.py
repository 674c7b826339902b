"""Nobody reads what the daemon logs: its reader is gone, or has stopped reading. The battery is as well as ever."""

import asyncio
import os
import pty
import sys
from contextlib import asynccontextmanager
from fcntl import F_SETPIPE_SZ, fcntl

import pytest

from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.daemon import ENDS_WITHIN_S, battery, configured
from tests.system.simulator import Simulator, at

pytestmark = pytest.mark.system


@asynccontextmanager
async def logging_to(stdout, config, *, log_level="info", **settings):
    """A daemon that logs to *stdout*."""
    command = [sys.executable, "-m", "s2d", "run", "-c", str(config), "--log-level", log_level]
    process = await asyncio.create_subprocess_exec(*command, stdin=stdout, stdout=stdout, stderr=stdout, **settings)
    os.close(stdout)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def charging(energy_manager):
    """The battery, as told by a CEM that is in charge."""
    rm = await energy_manager.joined()
    await rm.in_charge()
    charge = await rm.instruct(mode="charge", factor=1.0)
    await rm.status_of(charge)
    return rm


async def ended(process):
    return await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)


async def test_without_a_reader_of_its_log_it_stops_in_good_order(tmp_path):
    simulator = Simulator()
    ours, theirs = os.pipe()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        async with logging_to(theirs, config) as process:
            await charging(energy_manager)
            os.close(ours)
            process.terminate()
            assert await ended(process) == 0
            await simulator.written(0, 5000, 0)


async def test_without_a_reader_of_its_log_it_still_knows_that_the_cem_is_gone(tmp_path, port):
    simulator = Simulator()
    ours, theirs = os.pipe()
    async with simulator.on_tcp() as address:
        left_alone = battery(connection=at(address), fallback={"after": "1 s", "power_setpoint": "-100 W"})
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, left_alone)
        async with logging_to(theirs, config) as process:
            async with cem(port) as energy_manager:
                await charging(energy_manager)
                os.close(ours)
            await simulator.written(-100, 5000, -100)
            assert process.returncode is None


async def test_while_its_log_is_not_read_it_works_and_stops_as_ever(tmp_path):
    simulator = Simulator()
    ours, theirs = os.pipe()
    fcntl(theirs, F_SETPIPE_SZ, 4096)
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        async with logging_to(theirs, config, log_level="debug") as process:
            rm = await charging(energy_manager)
            for factor in (0.5, 0.7, 0.9):
                another = await rm.instruct(mode="charge", factor=factor)
                assert await rm.status_of(another) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            process.terminate()
            assert await ended(process) == 0
            await simulator.written(0, 5000, 2500, 3500, 4500, 0)
    os.close(ours)


async def test_when_its_terminal_is_lost_it_stops_in_good_order(tmp_path):
    simulator = Simulator()
    ours, theirs = pty.openpty()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        become_its_own = {"start_new_session": True, "preexec_fn": _take_terminal}
        async with logging_to(theirs, config, **become_its_own) as process:
            await charging(energy_manager)
            os.close(ours)
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
            await simulator.written(0, 5000, 0)


def _take_terminal():
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # what a session opens first is its terminal

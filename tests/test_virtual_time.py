"""Virtual time, which other tests rely on: it stands still until everybody waits and nothing is on its way."""

import asyncio
import os

import pytest

from tests.conftest import VirtualTimeLoop
from tests.ptys import pty_pair


@pytest.mark.virtual_time
async def test_time_stands_still_while_something_is_on_its_way_on_a_line() -> None:
    """Whatever the kernel has to do before it is there."""
    loop = asyncio.get_running_loop()
    async with pty_pair() as (ours, theirs):
        near, far = (os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY) for path in (ours, theirs))
        loop.add_reader(far, lambda: os.write(far, os.read(far, 1)))
        for _ in range(500):
            back = loop.create_future()
            loop.add_reader(near, lambda back=back: back.set_result(os.read(near, 1)))
            os.write(near, b"x")
            async with asyncio.timeout(1e-6):
                assert await back == b"x"
        for port in (near, far):
            loop.remove_reader(port)
            os.close(port)
    assert loop.time() == 0.0


@pytest.mark.virtual_time
async def test_time_stands_still_while_a_thread_is_at_work() -> None:
    async with asyncio.timeout(1e-6):
        assert await asyncio.to_thread(sum, range(100_001)) == 5_000_050_000
    assert asyncio.get_running_loop().time() == 0.0


@pytest.mark.virtual_time
async def test_time_jumps_to_the_next_timer() -> None:
    await asyncio.sleep(86400.0)
    assert asyncio.get_running_loop().time() == 86400.0


def test_who_waits_for_ever_is_told() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner, pytest.raises(RuntimeError, match="deadlock"):
        runner.run(asyncio.Event().wait())

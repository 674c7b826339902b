"""A script for PEBC on a real WebSocket, with our own resource manager at the other end."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from played_rm import counted_ids
from websockets.asyncio.client import connect

from s2d.cem.script import steps_of
from s2d.cem.script_runner import ScriptFailed, run_script
from s2d.cem.server import serve
from s2d.events import Applied, Measured
from s2d.s2.effects import (
    Apply,
    Connected,
    Received,
    Send,
    Started,
)
from s2d.s2.messages import wire
from s2d.s2.messages.common import ControlType
from s2d.values import Reading
from tests.chronicle import PATIENCE_S
from tests.core.resources_roof import RoofStage
from tests.fakes import now, pass_s

pytestmark = [pytest.mark.system, pytest.mark.virtual_time]


class LiveRoof:
    """A roof whose hardware does what it is told within a millisecond."""

    def __init__(self, socket):
        self._socket = socket
        self._resource_manager = RoofStage().resource_manager
        self.written = []

    async def live(self):
        for event in (Started(), Measured((Reading("power", -3500.0),)), Connected()):
            await self._happen(event)
        async for frame in self._socket:
            await self._happen(Received(frame))

    async def _happen(self, event):
        for effect in self._resource_manager.handle(event, now()):
            match effect:
                case Send(message):
                    await self._socket.send(wire.encode(message).decode())
                case Apply(setpoint):
                    self.written.append(setpoint.value)
                    await self._happen(Applied(setpoint))
                    await pass_s(0.001)
                    await self._happen(Measured((Reading("power", -900.0),)))


@asynccontextmanager
async def met():
    async with (
        asyncio.timeout(PATIENCE_S),
        serve(clock=now, new_id=counted_ids(), control_type=ControlType.POWER_ENVELOPE_BASED_CONTROL) as cem,
        connect(f"ws://{cem.address}/s2/roof") as socket,
        asyncio.TaskGroup() as tasks,
    ):
        roof = LiveRoof(socket)
        living = tasks.create_task(roof.live())
        yield cem, roof
        living.cancel()


async def test_a_script_limits_a_roof():
    script = """\
- wait for: PEBC.PowerConstraints
- limit: -1 kW for 15m then -2kW for 1 h
- wait for: SUCCEEDED
- revoke
- wait for: REVOKED
- limit: 2000
- wait for: REJECTED
- terminate
"""
    told = []
    async with met() as (cem, roof):
        await run_script(steps_of(script, "s.yaml"), cem, told.append)
        await cem.until(lambda: not cem.conversations)
    assert told == [
        "#1 limit: L1 -1000 .. 0 W for 15 min, then -2000 .. 0 W for 1 h, at once",
        "revoked: #1 limit, L1 -1000 .. 0 W for 15 min, then -2000 .. 0 W for 1 h",
        "#2 limit: L1 -4000 .. 2000 W for 1 d, at once; "
        "outside what is offered: L1 lower limit -4000 .. 0 W, upper limit 0 W",
        "TERMINATE asked of Played",
    ]
    started = roof.written.index("L1 -1000..0")
    assert set(roof.written[:started] + roof.written[started + 1 :]) == {"none"}


@pytest.mark.parametrize(
    ("limit", "awaited", "state"),
    [
        ("2000 for 1 h", "REJECTED", "L1 -4000 .. 2000 W for 1 h is REJECTED"),
        ("-1000 for 100 ms", "SUCCEEDED", "L1 -1000 .. 0 W for 0.1 s is SUCCEEDED"),
    ],
)
async def test_a_revocation_that_was_refused_is_not_waited_for(limit, awaited, state):
    script = f"""\
- wait for: PEBC.PowerConstraints
- limit: {limit}
- wait for: {awaited}
- wait: 150 ms
- revoke: 1
- wait for: REVOKED
"""
    async with met() as (cem, _):
        with pytest.raises(ScriptFailed) as failed:
            await run_script(steps_of(script, "s.yaml"), cem)
        assert str(failed.value) == f"s.yaml:6:3: no REVOKED: limit, {state}"

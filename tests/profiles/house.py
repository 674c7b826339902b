"""A house with simulated hardware behind registers of its own, asked by s2d itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from s2d.cli.simulated_device import profile_device
from s2d.simulation.faults import Faults
from s2d.simulation.hardware import SimulatedHardware
from s2d.simulation.modbus import serve_tcp
from tests.profiles.image import Played, connected

AT_ONCE = {"warm_up": "0 s", "gap": "0 s"}


@dataclass
class House:
    """Hardware behind the registers of a kind, and the time, which only the test lets pass."""

    hardware: SimulatedHardware
    kind: str
    now_s: float = 0.0

    @asynccontextmanager
    async def device(self, **keys: str | bool) -> AsyncIterator[Played]:
        name = f"simulated-{self.kind.replace('_', '-')}"
        written = {key: str(value).lower() for key, value in keys.items()}
        served = profile_device(name, written, self.hardware, Faults(), kind_name=self.kind)
        async with (
            serve_tcp(served.units[1], clock=lambda: self.now_s) as address,
            connected(name, address.port, connection=AT_ONCE, **keys) as device,
        ):
            yield device

"""The daemon is killed while a limit is in force: the next one keeps the device within it, though no CEM is there."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from s2python.common import ControlType, ResourceManagerDetails
from s2python.pebc import PEBCPowerConstraints

from s2d.cli.simulated_device import profile_device
from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import SimulatedEvCharger
from s2d.simulation.faults import Faults
from s2d.simulation.hardware import SimulatedHardware
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from tests.chronicle import PATIENCE_S
from tests.system.cem import cem, limited
from tests.system.daemon import configured, daemon

pytestmark = pytest.mark.system

PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL
NOBODY = {"url": "ws://127.0.0.1:1/nobody"}


def inverter() -> SimulatedInverter:
    return SimulatedInverter(Sun(4000, seed=7), installed_limit_w=3500, ramp_percent_per_s=1000)


def charger() -> SimulatedEvCharger:
    return SimulatedEvCharger(SimulatedCar(reaction_s=0.0), max_current_a=16.0)


@pytest.mark.parametrize(
    ("profile", "hardware", "keys", "limits_w", "told"),
    [
        # An inverter keeps what it was limited to until that ends.
        ("simulated-pv", inverter, {}, (-1000, 0), ("limit", 1000)),
        # A charger gives no more than its limit, and no more than its safe current, which is lower.
        ("simulated-ev-charger", charger, {"max_current": "16 A", "safe_current": "6 A"}, (0, 7000), ("limit", 6)),
    ],
)
async def test_it_is_told_again_what_it_may(
    tmp_path: Path,
    profile: str,
    hardware: Callable[[], SimulatedHardware],
    keys: dict[str, Any],
    limits_w: tuple[float, float],
    told: tuple[str, float],
) -> None:
    written: asyncio.Queue[str] = asyncio.Queue()
    kind_name = profile.removeprefix("simulated-").replace("-", "_")
    owner = {key: f'"{value}"' for key, value in keys.items()}
    simulated = profile_device(profile, owner, hardware(), Faults(), kind_name=kind_name)
    simulated.on_event = written.put_nowait
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with serve_tcp(simulated.units[1], clock=lambda: loop.time() - began_s) as address:
        device = {
            "name": "Device",
            "profile": profile,
            "connection": {"host": address.host, "port": address.port, "timeout": f"{PATIENCE_S:g} s"},
            "poll": "200 ms",
            "safe": {"cem_lost": {"after": "1 s"}, "started": {"after": "1 s"}},
            **keys,
        }
        async with (
            cem() as energy_manager,
            daemon(configured(tmp_path, {"url": energy_manager.url}, device)) as killed,
        ):
            rm = await energy_manager.joined()
            details = await rm.negotiate()
            if PEBC not in details.available_control_types:
                await rm.expect(ResourceManagerDetails, lambda each: PEBC in each.available_control_types)
            await rm.select(PEBC)
            limit = limited(await rm.expect(PEBCPowerConstraints), *limits_w)
            await rm.must_take(limit)
            assert (await rm.status_of(limit.id))[-1] == "SUCCEEDED"
            killed.kill()
            await killed.ended()
        while not written.empty():
            written.get_nowait()
        point, value = told
        async with daemon(configured(tmp_path, NOBODY, device)), asyncio.timeout(PATIENCE_S):
            while True:
                name, _, shown = (await written.get()).partition(" ")
                if name == point:
                    assert float(shown) == value
                    break

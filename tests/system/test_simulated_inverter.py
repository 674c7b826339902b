"""The inverter of `s2d simulate pv` at work: the daemon in front of it, and a CEM that limits it."""

import asyncio
from pathlib import Path

import pytest
from s2python.common import ControlType, ResourceManagerDetails
from s2python.pebc import PEBCPowerConstraints

from s2d.cli.simulated_device import profile_device
from s2d.simulation.faults import Faults
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from tests.chronicle import PATIENCE_S
from tests.system.cem import cem, limited
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = pytest.mark.system

INSTALLED_W = 3500
PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL


async def test_it_is_limited_and_what_its_installer_set_comes_back(tmp_path: Path) -> None:
    inverter = SimulatedInverter(Sun(4000, seed=7), installed_limit_w=INSTALLED_W, ramp_percent_per_s=1000)
    simulated = profile_device("simulated-pv", {}, inverter, Faults(), kind_name="pv")
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with (
        cem() as energy_manager,
        serve_tcp(simulated.units[1], clock=lambda: loop.time() - began_s) as address,
    ):
        device = {
            "name": "Roof",
            "profile": "simulated-pv",
            "connection": {"host": address.host, "port": address.port, "timeout": f"{PATIENCE_S:g} s"},
            "poll": "200 ms",
        }
        async with running(configured(tmp_path, {"url": energy_manager.url}, device)):
            rm = await energy_manager.joined()
            details = await rm.negotiate()
            if PEBC not in details.available_control_types:
                await rm.expect(ResourceManagerDetails, lambda each: PEBC in each.available_control_types)
            await rm.select(PEBC)
            limit = limited(await rm.expect(PEBCPowerConstraints), -1000, 0)
            await rm.must_take(limit)
            assert (await rm.status_of(limit.id))[-1] == "SUCCEEDED"
            assert (inverter.produced_w, inverter.limit_w) == (1000, 1000)
        assert inverter.limit_w == INSTALLED_W

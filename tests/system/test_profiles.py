"""Every battery profile that comes with s2d, at work: a simulated device of it, the daemon and a CEM that steers it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.config.profile import Library
from s2d.config.yaml_source import parse
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import serve_rtu, serve_tcp
from tests.chronicle import PATIENCE_S
from tests.ptys import pty_pair
from tests.system.cem import cem
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = pytest.mark.system

SIZES = {"capacity": "10 kWh", "max_charge_power": "4 kW", "max_discharge_power": "4 kW"}
COARSE = 0.03
"""Devices that are told their power in percent, or as a current, come so near to what was wanted."""


def batteries():
    """The names of all profiles of batteries that say how a simulated one behaves."""
    library = Library()
    for name in library.names():
        profile = library.profile(name)
        kind = profile.device.content.get("kind")
        if kind and kind.node.content == "battery" and profile.about.simulation and profile.about.simulation.obeys:
            yield name


@asynccontextmanager
async def simulated(name, library=None):
    """A device of the profile *name*, the battery in it, and where it is, as its owner writes it."""
    profile = (library or Library()).profile(name)
    parameters = {key: each.example for key, each in profile.about.parameters.items() if each.is_required}
    battery = SimulatedBattery(
        capacity_wh=10_000, max_charge_power_w=4000, max_discharge_power_w=4000, ramp_w_per_s=1e12, watchdog_s=0
    )
    simulated = profile_device(name, parameters, battery, Faults())
    (unit, registers), *others = simulated.units.items()
    connection = profile.device.content.get("connection")
    if connection and "baudrate" in connection.node.content:
        line = {key: connection.node.content[key].node.content for key in ("baudrate",)}
        async with (
            pty_pair() as (near, far),
            serve_rtu(registers, far, unit=unit, also=dict(others), baudrate=line["baudrate"]),
        ):
            yield battery, parameters, {"serial": near, "parity": "N"}
    else:
        async with serve_tcp(registers, unit=unit, also=dict(others)) as address:
            yield battery, parameters, {"host": address.host, "port": address.port}


def power_w(battery):
    battery.advance(asyncio.get_running_loop().time())
    return battery.power_w


@pytest.mark.parametrize("name", list(batteries()))
async def test_it_charges_when_told_and_is_given_back_at_the_end(tmp_path, name):
    async with cem() as energy_manager, simulated(name) as (battery, parameters, where):
        device = {
            "name": "Home battery",
            "profile": name,
            "connection": where | {"timeout": f"{PATIENCE_S:g} s"},
            "poll": "200 ms",
            "follow_within": f"{PATIENCE_S:g} s",
            **SIZES,
            **{key: parse(value, key).content for key, value in parameters.items()},
        }
        async with running(configured(tmp_path, {"url": energy_manager.url}, device)) as log:
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=0.5)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            assert power_w(battery) == pytest.approx(2000, rel=COARSE)
            idle = await rm.instruct(mode="idle", factor=0.0)
            assert (await rm.status_of(idle))[-1] == "SUCCEEDED"
            assert power_w(battery) == pytest.approx(0, abs=1)
            discharge = await rm.instruct(mode="discharge", factor=0.5)
            assert (await rm.status_of(discharge))[-1] == "SUCCEEDED"
            assert power_w(battery) == pytest.approx(-2000, rel=COARSE)
        assert power_w(battery) == pytest.approx(0, abs=1)
    assert not [line for line in log if line["log_level"] in ("warning", "error")]

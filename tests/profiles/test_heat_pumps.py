"""Every heat pump that a profile can simulate tells of itself what it does, by whatever registers."""

from collections.abc import Callable

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.config.decoder import node_at
from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.faults import Faults
from s2d.simulation.heat_pump import SimulatedHeatPump
from s2d.simulation.heating import HeatingCircuit
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.tank import Tank
from tests.profiles.every import LIBRARY, SIMULATED, asked
from tests.profiles.image import connected

pytestmark = pytest.mark.system

HEAT_PUMPS = [name for name in SIMULATED if node_at(LIBRARY.profile(name).device, "kind").content == "heat_pump"]
COARSE = {"power": 50, "energy": 500, "temperature": 0.5, "outdoor": 0.5, "flow_setpoint": 0.5}
"""Their registers are as coarse as this, or finer."""
COLD, MILD = OutdoorTemperature(-8, -4), OutdoorTemperature(18, 18)


def heat_pump(outdoor: OutdoorTemperature, tank_c: float, heating_c: float) -> SimulatedHeatPump:
    heating = HeatingCircuit(temperature_c=heating_c)
    return SimulatedHeatPump(tank=Tank(200, tank_c), draws=HotWaterDraws(0), outdoor=outdoor, heating=heating)


@pytest.mark.parametrize("name", HEAT_PUMPS)
@pytest.mark.parametrize(
    ("status", "pump"),
    [
        ("hot_water", lambda: heat_pump(COLD, 40.0, 30.0)),
        ("heat", lambda: heat_pump(COLD, 55.0, 20.0)),
        ("rest", lambda: heat_pump(MILD, 55.0, 30.0)),
    ],
)
async def test_it_tells_what_it_does(name: str, status: str, pump: Callable[[], SimulatedHeatPump]) -> None:
    hardware = pump()
    served = profile_device(name, asked(name), hardware, Faults(), kind_name="heat_pump")
    (unit, registers), *others = served.units.items()
    connection = {"unit": unit, "warm_up": "0 s", "gap": "0 s"}
    async with (
        serve_tcp(registers, unit=unit, also=dict(others), clock=lambda: 600.0) as address,
        connected(name, address.port, **asked(name), connection=connection) as device,
    ):
        readings = await device.read()
        does = hardware.values()
        assert does["status"] == status
        would_tell = {"status": status, "compressor": status != "rest", "fault": "ok", "sg_state": 2}
        would_tell |= {point: pytest.approx(does[point], abs=coarse) for point, coarse in COARSE.items()}
        told = readings.keys() & would_tell.keys()
        assert {point: readings[point] for point in told} == {point: would_tell[point] for point in told}

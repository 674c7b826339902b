"""Every EV charger that a profile can simulate: the car does what its station is told, by whatever registers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.config.decoder import node_at
from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import Feeder, SimulatedEvCharger
from s2d.simulation.faults import Faults
from s2d.simulation.mains import Mains
from s2d.simulation.modbus import serve_tcp
from s2d.values import Value
from tests.profiles.every import LIBRARY, SIMULATED, asked, makes
from tests.profiles.image import Played, connected

pytestmark = pytest.mark.system

STATIONS = [name for name in SIMULATED if node_at(LIBRARY.profile(name).device, "kind").content == "ev_charger"]
SWITCHING = [name for name in STATIONS if any("phase_count" in make.commands for make in makes(name))]


class Garage(NamedTuple):
    """A station with a car of three phases behind its registers."""

    charger: SimulatedEvCharger
    device: Played

    async def become(self, command: str, value: Value) -> Mapping[str, Value]:
        """What the station says once it was told that *command* is to be *value*."""
        await self.device.told(command, value)
        return await self.device.read()


@asynccontextmanager
async def garage(name: str) -> AsyncIterator[Garage]:
    charger = SimulatedEvCharger(SimulatedCar(phases=3, reaction_s=0.0), feeder=Feeder(mains=Mains(noise_v=0)))
    charger.plug_in(0.0)
    served = profile_device(name, asked(name), charger, Faults(), kind_name="ev_charger")
    (unit, registers), *others = served.units.items()
    connection = {"unit": unit, "warm_up": "0 s", "gap": "0 s"}
    keys = {**asked(name), "max_current": "16 A", "connection": connection}
    async with (
        serve_tcp(registers, unit=unit, also=dict(others), clock=lambda: 0.0) as address,
        connected(name, address.port, **keys) as device,
    ):
        await device.started()
        yield Garage(charger, device)


@pytest.mark.parametrize("name", STATIONS)
async def test_a_car_charges_with_what_its_station_is_told_and_stops(name: str) -> None:
    async with garage(name) as there:
        for told_a in (16.0, 10.0, 6.0):
            readings = await there.become("current_limit", told_a)
            assert there.charger.offered_a == told_a
            assert (readings["status"], readings["fault"]) == ("C", "ok")
            for phase in ("l1", "l2", "l3"):
                assert readings.get(f"current_{phase}", told_a) == pytest.approx(told_a, abs=0.01)
                assert readings.get(f"power_{phase}", 230 * told_a) == pytest.approx(230 * told_a, rel=0.01)
            assert readings["power"] == pytest.approx(3 * 230 * told_a, rel=0.01)
        for told_a in (5.0, 0.0):
            readings = await there.become("current_limit", told_a)
            assert there.charger.offered_a == 0
            assert (readings["status"], readings["power"]) == ("B", 0)
        there.charger.unplug(0.0)
        assert (await there.device.read())["status"] == "A"


@pytest.mark.parametrize("name", SWITCHING)
async def test_phases_are_switched_while_the_car_stands_still(name: str) -> None:
    async with garage(name) as there:
        await there.become("current_limit", 0.0)
        await there.become("phase_count", 1)
        readings = await there.become("current_limit", 10.0)
        assert readings["power"] == pytest.approx(2300, rel=0.01)
        assert there.charger.welded_contactors == 0

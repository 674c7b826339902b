"""The charging station of `s2d simulate ev_charger`, read and told through its own registers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from s2d.cli.simulated_device import profile_device
from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import Feeder, SimulatedEvCharger
from s2d.simulation.faults import Faults
from s2d.simulation.mains import Mains
from s2d.simulation.modbus import serve_tcp
from tests.profiles.image import Played, connected

AT_ONCE = {"warm_up": "0 s", "gap": "0 s"}


@dataclass
class Garage:
    """A charger with a car behind its registers, and the time, which only the test lets pass."""

    charger: SimulatedEvCharger
    now_s: float = 0.0

    @asynccontextmanager
    async def device(self) -> AsyncIterator[Played]:
        served = profile_device("simulated-ev-charger", {}, self.charger, Faults(), kind_name="ev_charger")
        async with (
            serve_tcp(served.units[1], clock=lambda: self.now_s) as address,
            connected("simulated-ev-charger", address.port, max_current="16 A", connection=AT_ONCE) as device,
        ):
            yield device


def garage_with(car: SimulatedCar) -> Garage:
    """Its car is plugged in; the mains have exactly 230 V."""
    charger = SimulatedEvCharger(car, feeder=Feeder(mains=Mains(noise_v=0)), serial_number="A-7")
    charger.plug_in(0.0)
    return Garage(charger)


async def test_a_car_that_charges_is_read() -> None:
    garage = garage_with(SimulatedCar(phases=2, reaction_s=0.0))
    async with garage.device() as device:
        garage.now_s = 3600.0
        assert await device.read() == {
            "type": "EV charger",
            "status": "C",
            "power": 7360,
            "current_l1": 16,
            "current_l2": 16,
            "current_l3": 0,
            "voltage_l1": 230,
            "voltage_l2": 230,
            "voltage_l3": 230,
            "current_offered": 16,
            "current_max": 16,
            "session_energy": 7360,
            "energy": 7360,
            "authorised": True,
            "fault": "ok",
            "welded_contactors": 0,
            "car_id": "04A2B1C3",
            "serial": "A-7",
            "limit": 100,
            "enabled": 1,
            "phases_in_use": 3,
            "plug": 1,
        }


async def test_it_is_limited_switched_to_one_phase_while_it_stands_still_and_woken() -> None:
    garage = garage_with(SimulatedCar(reaction_s=0.0, sleeps_after_s=60.0))
    async with garage.device() as device:
        await device.told("current_limit", 10)
        assert (await device.read())["power"] == 6900
        await device.told("current_limit", 0)
        readings = await device.read()
        assert (readings["status"], readings["power"]) == ("B", 0)
        await device.told("phase_count", 1)
        assert (await device.read())["phases_in_use"] == 1
        garage.now_s = 100.0
        await device.told("current_limit", 16)
        assert (await device.read())["status"] == "B"
        await device.told("wake", True)
        garage.now_s = 110.0
        readings = await device.read()
        assert (readings["status"], readings["power"], readings["welded_contactors"]) == ("C", 3680, 0)
        assert garage.charger.interruptions == 1

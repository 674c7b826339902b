"""The inverter of `s2d simulate pv`, read and limited through its own registers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.errors import DeviceUnreachable
from s2d.simulation.faults import NIGHT_OFFLINE, Faults
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from tests.profiles.image import Played, connected

HOUR_S = 3600.0
AT_ONCE = {"warm_up": "0 s", "gap": "0 s"}
NOON = Sun(4000, seed=7)


@dataclass
class Roof:
    """An inverter behind its registers, and the time, which only the test lets pass."""

    inverter: SimulatedInverter
    faults: Faults = field(default_factory=Faults)
    now_s: float = 0.0

    @asynccontextmanager
    async def device(self, **connection: str) -> AsyncIterator[Played]:
        served = profile_device("simulated-pv", {}, self.inverter, self.faults, kind_name="pv")
        async with (
            serve_tcp(served.units[1], clock=lambda: self.now_s) as address,
            connected("simulated-pv", address.port, connection=AT_ONCE | connection) as device,
        ):
            yield device


async def test_what_it_feeds_is_read_with_the_sign_of_production() -> None:
    roof = Roof(SimulatedInverter(NOON, max_power_w=5000, installed_limit_w=3500, serial_number="A-7"))
    async with roof.device() as device:
        roof.now_s = 10.0
        assert await device.read() == {
            "type": "inverter",
            "power": -3500,
            "power_l1": -1167,
            "power_l2": -1167,
            "power_l3": -1167,
            "energy": 10,
            "state": "throttled",
            "fault": "ok",
            "max_power": 5000,
            "serial": "A-7",
            "limit": 3500,
            "limit_revert": 0,
        }


async def test_one_phase_has_none_of_three() -> None:
    async with Roof(SimulatedInverter(NOON, phases=1)).device() as device:
        assert "power_l1" not in await device.read()


async def test_a_limit_holds_as_long_as_it_is_repeated_and_what_was_there_before_is_put_back() -> None:
    roof = Roof(SimulatedInverter(NOON, installed_limit_w=3500))
    async with roof.device() as device:
        await device.told("power_limit", 1000)
        for _ in range(5):
            roof.now_s += 20.0
            await device.told("power_limit", 1000, again=True)
        readings = await device.read()
        assert (readings["power"], readings["limit"]) == (-1000, 1000)
        await device.released("power_limit")
        roof.now_s += 20.0
        readings = await device.read()
        assert (readings["limit"], readings["limit_revert"]) == (3500, 0)
        assert roof.inverter.limit_w == 3500


async def test_a_limit_that_nobody_repeats_lapses() -> None:
    roof = Roof(SimulatedInverter(NOON, installed_limit_w=3500))
    async with roof.device() as device:
        await device.told("power_limit", 0)
        roof.now_s = 59.0
        readings = await device.read()
        assert (readings["power"], readings["limit"]) == (0, 0)
        roof.now_s = 60.0
        assert (await device.read())["limit"] == 3500


async def test_at_night_it_says_that_it_sleeps_or_says_nothing() -> None:
    roof = Roof(SimulatedInverter(Sun(4000, time_of_day_s=17 * HOUR_S)), Faults(own={NIGHT_OFFLINE: ""}))
    async with roof.device(timeout="300 ms") as device:
        assert (await device.read())["state"] == "producing"
        roof.now_s = 2 * HOUR_S
        readings = await device.read()
        assert (readings["power"], readings["state"]) == (0, "sleeping")
        roof.faults.switch(NIGHT_OFFLINE)
        with pytest.raises(DeviceUnreachable):
            await device.read()
        roof.now_s = 15 * HOUR_S
        assert (await device.read())["state"] == "producing"

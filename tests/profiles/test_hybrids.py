"""Hybrids at work: told anew every few seconds, under a sun with clouds, and with a battery that refuses when full."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import fmean
from typing import Any

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from tests.profiles.image import Played, connected

SIZES = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "5 kW"}
OWNERS: dict[str, dict[str, Any]] = {
    "deye-3p": {"model": "low_voltage"},
    "fronius-gen24": {"exact": True},
    "goodwe-et": {},
    "huawei-luna": {},
    "sma-storage": {"model": "hybrid"},
    "solaredge-storage": {},
    "solax-g4": {"reserve_soc": 20},
    "sungrow-sh": {},
    "victron-gx-ess": {},
}
"""What their owners say besides."""
AT_ONCE = {"warm_up": "0 s", "gap": "0 s"}
OF_AC_SIDE = ("sma-storage", "solax-g4")
"""What is told the power of its AC side, and shows what the sun gives as `pv`."""
OF_GRID = ("victron-gx-ess",)
"""What is told the power of the grid."""
EVERY_S = 5.0
PEAK_W = 4000.0


class Weather:
    """A hybrid under its sky, and the time, which only the test lets pass."""

    def __init__(self, profile: str, soc_percent: float) -> None:
        self.now_s = 0.0
        self.sun = Sun(PEAK_W, seed=7)
        self.battery = SimulatedBattery(watchdog_s=0, ramp_w_per_s=1e12, soc_percent=soc_percent)
        self._profile = profile

    @asynccontextmanager
    async def device(self) -> AsyncIterator[Played]:
        keys = OWNERS[self._profile]
        told = {key: json.dumps(value) for key, value in keys.items()}
        simulated = profile_device(self._profile, told, self.battery, Faults(), sun=self.sun)
        (unit, registers), *others = simulated.units.items()
        async with (
            serve_tcp(registers, unit=unit, also=dict(others), clock=lambda: self.now_s) as address,
            connected(self._profile, address.port, **SIZES, **keys, connection=AT_ONCE) as device,
        ):
            yield device

    async def passes(self, device: Played, minutes: float, wanted_w: float) -> list[tuple[float, float]]:
        """What battery and sun gave before each order, while *wanted_w* was ordered for so long."""
        seen = []
        for _ in range(int(minutes * 60 / EVERY_S)):
            await device.told("power_setpoint", wanted_w, again=True)
            self.now_s += EVERY_S
            readings = await device.read()
            seen.append((float(readings["power"]), float(readings.get("pv", 0))))
        return seen


@pytest.mark.parametrize("profile", OWNERS)
@pytest.mark.parametrize("wanted_w", [2000.0, 0.0, -2000.0])
async def test_clouds_come_and_go_and_the_battery_does_what_is_ordered(profile: str, wanted_w: float) -> None:
    weather = Weather(profile, soc_percent=50)
    async with weather.device() as device:
        seen = await weather.passes(device, 4, wanted_w)
        assert fmean(power_w for power_w, _ in seen) == pytest.approx(wanted_w, abs=100)
        if profile in OF_AC_SIDE:
            given = [sun_w for _, sun_w in seen]
            assert max(given) == pytest.approx(PEAK_W, abs=1)
            assert min(given) < 0.7 * PEAK_W


@pytest.mark.parametrize("profile", sorted(OWNERS.keys() - {*OF_AC_SIDE, *OF_GRID}))
async def test_left_to_itself_it_charges_with_the_sun_until_it_is_full(profile: str) -> None:
    weather = Weather(profile, soc_percent=90)
    async with weather.device() as device:
        await weather.passes(device, 1, -1000.0)
        await device.released("power_setpoint")
        weather.now_s += 60.0
        assert float((await device.read())["power"]) > 0.1 * PEAK_W
        weather.now_s += 3 * 3600.0
        assert (await device.read())["power"] == 0
        assert weather.battery.soc_percent == 100


@pytest.mark.parametrize("profile", OWNERS)
async def test_a_full_battery_refuses_whatever_is_ordered(profile: str) -> None:
    weather = Weather(profile, soc_percent=100)
    async with weather.device() as device:
        seen = await weather.passes(device, 1, 3000.0)
        # What gave its headroom has a little room again.
        assert max(power_w for power_w, _ in seen) <= (500 if profile in OF_AC_SIDE else 0)


@pytest.mark.parametrize("profile", OF_AC_SIDE)
@pytest.mark.parametrize("wanted_w", [0.0, 2000.0])
async def test_with_a_full_battery_the_sun_comes_back_after_each_cloud(profile: str, wanted_w: float) -> None:
    weather = Weather(profile, soc_percent=100)
    async with weather.device() as device:
        seen = await weather.passes(device, 12, wanted_w)
        possible_w = fmean(weather.sun.power_w(EVERY_S * step) for step in range(1, len(seen) + 1))
        assert fmean(sun_w for _, sun_w in seen) > 0.8 * possible_w
        assert weather.battery.soc_percent > 96


async def test_it_stops_discharging_at_its_reserve() -> None:
    weather = Weather("solax-g4", soc_percent=22)
    async with weather.device() as device:
        await weather.passes(device, 10, -5000.0)
        assert weather.battery.soc_percent == pytest.approx(20, abs=1.1)


def test_the_same_seed_makes_the_same_sky_and_another_one_another() -> None:
    skies = [[Sun(PEAK_W, seed).power_w(7.0 * step) for step in range(300)] for seed in (1, 1, 2)]
    assert skies[0] == skies[1] != skies[2]
    assert all(0 < power_w <= PEAK_W for power_w in skies[0])
    assert {Sun(0).power_w(each) for each in range(100)} == {0.0}

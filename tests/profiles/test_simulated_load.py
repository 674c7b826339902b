"""The loads of `s2d simulate load`, read and told through their own registers."""

from s2d.simulation.boiler import SimulatedBoiler
from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.load import SimulatedLoad
from s2d.simulation.tank import Tank
from tests.profiles.house import House


async def test_a_plug_goes_off_when_nobody_repeats_that_it_is_on() -> None:
    house = House(SimulatedLoad(1500, least_power_w=1500, standby_w=0), "load")
    async with house.device() as device:
        assert "temperature" not in await device.read()
        await device.told("on", True)
        house.now_s = 100.0
        await device.told("on", True, again=True)
        house.now_s = 249.0
        readings = await device.read()
        assert (readings["relay"], readings["power"]) == (True, 1500)
        house.now_s = 100_000.0
        readings = await device.read()
        assert (readings["relay"], readings["power"], readings["energy"]) == (False, 0, round(1500 * 250 / 3600))


async def test_a_plug_that_was_switched_off_stays_off() -> None:
    house = House(SimulatedLoad(1500, least_power_w=1500, standby_w=0), "load")
    async with house.device() as device:
        await device.told("on", True)
        await device.told("on", False)
        house.now_s = 100_000.0
        assert (await device.read())["relay"] is False


async def test_a_heater_that_modulates_is_told_its_limit() -> None:
    house = House(SimulatedLoad(3000, standby_w=0, is_on=True), "load")
    async with house.device(modulates=True) as device:
        await device.told("power_limit", 1240)
        readings = await device.read()
        assert (readings["limit"], readings["power"]) == (1240, 1240)
        await device.released("power_limit")
        assert (await device.read())["power"] == 3000


async def test_a_boiler_tells_how_hot_it_is_and_what_cut_it_out() -> None:
    boiler = SimulatedBoiler(tank=Tank(120, 90), draws=HotWaterDraws(0), thermostat_c=None, is_on=True)
    house = House(boiler, "load")
    async with house.device(boiler=True) as device:
        assert (await device.read())["temperature"] == 90
        house.now_s = 3600.0
        readings = await device.read()
        assert (readings["fault"], readings["power"], readings["relay"]) == ("cut out", 0, True)


async def test_a_boiler_that_is_given_back_is_left_on_for_its_thermostat() -> None:
    house = House(SimulatedBoiler(tank=Tank(120, 40), draws=HotWaterDraws(0), thermostat_c=60), "load")
    async with house.device(boiler=True, thermostat=True) as device:
        await device.told("on", False)
        assert (await device.read())["relay"] is False
        await device.released("on")
        house.now_s = 1000.0
        readings = await device.read()
        assert (readings["relay"], readings["toggle_after"], readings["power"]) == (True, 0, 2000)

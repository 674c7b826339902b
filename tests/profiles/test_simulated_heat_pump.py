"""The heat pump of `s2d simulate heat_pump`, read and told through its own registers."""

import pytest

from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.heat_pump import SimulatedHeatPump, cop_of
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.tank import Tank
from tests.profiles.house import House


def heat_pump(tank_c: float = 50.0) -> House:
    pump = SimulatedHeatPump(
        tank=Tank(200, tank_c), draws=HotWaterDraws(0), outdoor=OutdoorTemperature(18, 18), serial_number="P-7"
    )
    return House(pump, "heat_pump")


async def test_a_heat_pump_tells_how_it_is() -> None:
    house = heat_pump(40.0)
    async with house.device() as device:
        house.now_s = 120.0
        readings = await device.read()
        assert readings.pop("temperature") == pytest.approx(40.8)
        assert readings.pop("heat_power") == pytest.approx(2000 * cop_of(18, 45.8), rel=0.005)
        assert readings.pop("buffer_temperature") == pytest.approx(27.9, abs=0.2)
        assert readings == {
            "type": "heat pump",
            "power": 2048,
            "energy": 43,
            "outdoor": pytest.approx(18),
            "flow_setpoint": pytest.approx(23.6),
            "compressor": True,
            "status": "hot_water",
            "sg_state": 2,
            "fault": "ok",
            "refused": 0,
            "damage": 0,
            "max_power": 5048,
            "serial": "P-7",
            "setpoint": 50,
            "limit": 5048,
            "offer": 0,
            "contact_1": False,
            "contact_2": False,
            "enable": True,
            "owner": "automatic",
        }


async def test_a_heat_pump_is_told_its_setpoint_and_gets_back_its_own() -> None:
    house = heat_pump()
    async with house.device() as device:
        await device.told("temperature_setpoint", 57)
        readings = await device.read()
        assert (readings["setpoint"], readings["status"]) == (57, "hot_water")
        await device.released("temperature_setpoint")
        assert (await device.read())["setpoint"] == 50


async def test_a_heat_pump_is_told_its_state_by_contacts_that_never_pass_the_order() -> None:
    house = heat_pump()
    async with house.device(steering="sg_ready") as device:
        for mode, state in (("off", 1), ("boost", 3), ("normal", 2), ("forced", 4)):
            await device.told("mode", mode)
            house.now_s += 700.0
            assert (await device.read())["sg_state"] == state
        assert isinstance(house.hardware, SimulatedHeatPump)
        assert house.hardware.sg.orders_passed == 1
        await device.released("mode")
        house.now_s += 700.0
        readings = await device.read()
        assert (readings["sg_state"], readings["refused"]) == (2, 0)


async def test_a_heat_pump_is_capped_and_invited() -> None:
    house = heat_pump(40.0)
    async with house.device(steering="power_limit") as device:
        await device.told("power_limit", 900)
        house.now_s = 120.0
        assert (await device.read())["power"] == 948
        await device.released("power_limit")
        house.now_s = 240.0
        assert (await device.read())["power"] == 2048
    house = heat_pump()
    async with house.device(steering="power_offer") as device:
        await device.told("power_offer", 1100)
        house.now_s = 120.0
        assert (await device.read())["power"] == 1148


async def test_a_heat_pump_rests_while_its_contact_is_open() -> None:
    house = heat_pump(40.0)
    async with house.device(steering="enable") as device:
        assert (await device.read())["status"] == "hot_water"
        await device.told("on", False)
        assert (await device.read())["status"] == "rest"
        house.now_s = 600.0
        await device.released("on")
        assert (await device.read())["status"] == "hot_water"

"""SolaX G4: its AC side is told what makes its battery do what is wanted, as the sun goes."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, i16, i32, played, text

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
OFF, POWER = 0, 1


def image(pv1_w: int = 1200, pv2_w: int = 800, battery_w: int = 1500, soc: int = 71, status: int = 2) -> Image:
    said = {0x09: status, 0x0A: pv1_w, 0x0B: pv2_w, 0x14: 2310, 0x16: i16(battery_w), 0x1C: soc}
    return Image({0: text("H34A10IC123456", 7)} | dict.fromkeys(range(0x7C, 0x89), 0), input=said)


def block(mode: int, ac_w: int) -> Written:
    """The one request: 13 registers, low word first."""
    return Written(16, 0x7C, [mode, 1, *i32(ac_w)[::-1], 0, 0, 20, 0, 0, 0, 0, 0, 0])


SAYS = {
    "soc": 71,
    "power": 1500,
    "status": "normal",
    "fault": "ok",
    "battery_voltage": 231,
    "serial": "H34A10IC123456",
    "pv1": 1200,
    "pv2": 800,
    "pv": 2000,
    "headroom": 0,
}


async def test_what_it_says() -> None:
    async with played("solax-g4", image(), **OWNER) as device:
        assert device.config.connection.unit == 1
        assert await device.read() == SAYS


async def test_discharging_is_negative_and_what_cannot_be_is_unknown() -> None:
    async with played("solax-g4", image(pv1_w=0xFFFF, battery_w=-900, soc=0xFFFF), **OWNER) as device:
        unknown = {"soc": None, "pv1": None, "pv": None, "headroom": None}
        assert await device.read() == {
            name: value for name, value in (SAYS | {"power": -900} | unknown).items() if value is not None
        }


@pytest.mark.parametrize(
    ("status", "told", "fault"),
    [
        (3, "fault", "the inverter reports a fault"),
        (4, "permanent fault", "the inverter reports a fault"),
        (21, "other", "ok"),
        (0xFFFF, None, None),
    ],
)
async def test_its_mode_tells_a_fault(status: int, told: str | None, fault: str | None) -> None:
    async with played("solax-g4", image(status=status), **OWNER) as device:
        readings = await device.read()
        assert (readings.get("status"), readings.get("fault")) == (told, fault)


@pytest.mark.parametrize(
    ("pv1_w", "pv2_w", "wanted_w", "ac_w"),
    [
        (0, 0, 3000, 3000),
        (0, 0, -2500, -2500),
        (0, 0, 9000, 5000),
        (0, 0, -9000, -4000),
        (0, 0, 0, 0),
        (1200, 800, 3000, 1000),
        (3000, 3000, 3000, -3000),
        (1200, 800, -2500, -4500),
        (1200, 800, 9000, 3000),
        (1200, 800, 0, -2000),
    ],
)
async def test_it_is_told_what_is_missing_to_the_sun(pv1_w: int, pv2_w: int, wanted_w: float, ac_w: int) -> None:
    async with played("solax-g4", image(pv1_w, pv2_w), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [block(POWER, ac_w)]
        assert await device.released("power_setpoint") == [block(OFF, 0)]


async def test_when_the_sun_changes_so_does_the_order() -> None:
    sky = image(3000, 1000)
    async with played("solax-g4", sky, **OWNER) as device:
        told = [await device.told("power_setpoint", 2000.0)]
        for pv1_w in (500, 2500):
            sky.input[0x0A] = pv1_w
            told.append(await device.told("power_setpoint", 2000.0))
        assert told == [[block(POWER, -2000)], [block(POWER, 500)], [block(POWER, -1500)]]
        command = device.commands["power_setpoint"]
        assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (5, 20, "write")


@pytest.mark.parametrize(
    ("soc", "wanted_w", "ac_w"),
    [
        (96, 0, -2000),
        (97, 0, -2150),
        (100, 0, -2150),
        (97, 3000, 850),
        (100, 3000, -2150),
        (100, -2500, -4500),
        (0xFFFF, 0, -2000),
    ],
)
async def test_near_full_the_sun_may_come_back(soc: int, wanted_w: float, ac_w: int) -> None:
    async with played("solax-g4", image(soc=soc), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [block(POWER, ac_w)]


@pytest.mark.parametrize(
    ("soc", "reserve", "wanted_w", "ac_w"),
    [
        (21, {"reserve_soc": 20}, -2500, -2500),
        (20, {"reserve_soc": 20}, -2500, 0),
        (11, {}, -2500, -2500),
        (10, {}, -2500, 0),
        (5, {}, 2500, 2500),
    ],
)
async def test_it_is_not_discharged_below_the_reserve(
    soc: int, reserve: dict[str, int], wanted_w: float, ac_w: int
) -> None:
    async with played("solax-g4", image(0, 0, soc=soc), **OWNER, **reserve) as device:
        assert await device.told("power_setpoint", wanted_w) == [block(POWER, ac_w)]


async def test_without_knowing_the_charge_it_is_not_discharged() -> None:
    async with played("solax-g4", image(soc=0xFFFF), **OWNER) as device:
        with pytest.raises(DeviceRefused, match="min is unknown: soc"):
            await device.told("power_setpoint", -2000.0)


async def test_a_third_input_is_taken_off_as_well_where_there_is_one() -> None:
    sky = image()
    sky.input[0x124] = 600
    async with played("solax-g4", sky, **OWNER, strings=3) as device:
        assert await device.told("power_setpoint", 3000.0) == [block(POWER, 400)]


async def test_from_charging_to_discharging_there_is_one_request() -> None:
    async with played("solax-g4", image(0, 0), **OWNER) as device:
        assert await device.told("power_setpoint", 5000.0) == [block(POWER, 5000)]
        assert await device.told("power_setpoint", -1000.0) == [block(POWER, -1000)]


@pytest.mark.parametrize("register", [0x0A, 0x0B])
async def test_without_knowing_the_sun_nothing_is_ordered(register: int) -> None:
    blind = image()
    blind.input[register] = 0xFFFF
    async with played("solax-g4", blind, **OWNER) as device:
        for wanted_w in (2000.0, 0.0):
            with pytest.raises(DeviceRefused, match="vpp_power is unknown: pv"):
                await device.told("power_setpoint", wanted_w)
        assert blind.written == []
        assert await device.released("power_setpoint") == [block(OFF, 0)]


async def test_one_that_starts_and_shows_zeros_is_not_ready() -> None:
    starting = image(0, 0, 0, 0, 0)
    starting.input[0x14] = 0
    async with played("solax-g4", starting, **OWNER) as device:
        assert await device.obstacle() == "it is not ready: battery_voltage is 0.0"

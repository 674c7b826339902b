"""SMA storage: the image of a Sunny Boy Storage, and what it is told."""

import pytest

from tests.profiles.image import Image, Written, configured, i32, played, u32

NAN = 0xFFFFFFFF
OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}


def image() -> Image:
    return Image(
        {
            30057: u32(3001234567),
            30201: u32(307),
            30845: u32(55),
            31393: u32(1200),
            31395: u32(NAN),
        }
    )


async def test_what_it_says() -> None:
    async with played("sma-storage", image(), **OWNER) as device:
        assert device.config.connection.unit == 3
        assert await device.read() == {
            "soc": 55,
            "charging_power": 1200,
            "discharging_power": 0,
            "power": 1200,
            "status": "ok",
            "fault": "ok",
            "serial": 3001234567,
        }


async def test_it_discharges() -> None:
    discharging = image()
    discharging.holding |= dict(enumerate([*u32(NAN), *u32(900)], 31393))
    async with played("sma-storage", discharging, **OWNER) as device:
        assert (await device.read())["power"] == -900


def test_it_is_reminded_in_time_and_not_believed_for_ever() -> None:
    make = configured("sma-storage", **OWNER).make
    command = make.commands["power_setpoint"]
    assert (command.refresh_s, command.timeout_s({}), make.points["soc"].max_age) == (20, 60, 3600)


async def test_an_error_is_a_fault_and_an_unknown_soc_is_not_zero() -> None:
    broken = image()
    broken.holding |= {30202: 35, 30845: 0xFFFF, 30846: 0xFFFF}
    async with played("sma-storage", broken, **OWNER) as device:
        readings = await device.read()
        assert readings["fault"] == "the inverter reports an error"
        assert "soc" not in readings


@pytest.mark.parametrize(
    ("wanted_w", "written_w"), [(3000, -3000), (-2500, 2500), (-9000, 4000), (9000, -5000), (0, 0)]
)
async def test_it_is_told_its_power_directly(wanted_w: float, written_w: int) -> None:
    async with played("sma-storage", image(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [
            Written(16, 40149, i32(written_w)),
            Written(16, 40151, u32(802)),
        ]
        assert await device.released("power_setpoint") == [
            Written(16, 40151, u32(803)),
            Written(16, 40149, i32(0)),
        ]


async def test_it_is_told_its_power_by_limits() -> None:
    async with played("sma-storage", image(), **OWNER, control="limits") as device:
        assert await device.told("power_setpoint", 3000.0) == [
            Written(16, 40236, u32(2289)),
            Written(16, 40793, [*u32(3000), *u32(3000), *u32(0), *u32(0), *u32(0)]),
        ]
        assert await device.told("power_setpoint", -2500.0) == [
            Written(16, 40236, u32(2290)),
            Written(16, 40793, [*u32(0), *u32(0), *u32(2500), *u32(2500), *u32(0)]),
        ]
        assert await device.released("power_setpoint") == [
            Written(16, 40236, u32(2424)),
            Written(16, 40793, [*u32(0), *u32(5000), *u32(0), *u32(4000), *u32(0)]),
        ]

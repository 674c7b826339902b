"""SMA storage: the image of a Sunny Boy Storage, and what it is told."""

from collections.abc import Sequence

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, configured, i32, played, u32

NAN = 0xFFFFFFFF
OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}


STORAGE, ISLAND, HYBRID = (8007, 9356), (8007, 9332), (8009, 19051)


def image(model: tuple[int, int] = STORAGE) -> Image:
    device_class, device_type = model
    return Image(
        {
            30051: u32(device_class),
            30053: u32(device_type),
            30057: u32(3001234567),
            30201: u32(307),
            30775: i32(-1150),
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
            "device_class": 8007,
            "device_type": 9356,
            "is_island": False,
            "ac_power": -1150,
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


async def test_a_sunny_island_has_its_power_elsewhere() -> None:
    island = image(ISLAND)
    island.holding |= dict(enumerate([*u32(NAN), *u32(NAN)], 31393))
    for keys in ({}, {"control": "limits"}):
        async with played("sma-storage", island, **OWNER, **keys) as device:
            assert (await device.read())["power"] == 1150
            assert await device.told("power_setpoint", 1000.0)
    del island.holding[30775], island.holding[30776]
    async with played("sma-storage", island, **OWNER) as device:
        assert "power" not in await device.read()
    async with played("sma-storage", image((9999, 1)), **OWNER, model="island") as device:
        assert (await device.read())["power"] == 1150


def hybrid(dc: Sequence[int | None] = (2000, 1000, None), soc: int = 55, model: tuple[int, int] = HYBRID) -> Image:
    """One whose strings give *dc* W; None where it has nothing to say."""
    inverter = image(model)
    for register, power_w in zip((30773, 30961, 30967), dc, strict=True):
        inverter.holding |= dict(enumerate(u32(0x80000000) if power_w is None else i32(power_w), register))
    inverter.holding[30846] = soc
    return inverter


@pytest.mark.parametrize(
    ("wanted_w", "dc", "soc", "ac_w"),
    [
        (3000, (2000, 1000, None), 55, 0),
        (5000, (2000, 1000, None), 55, -2000),
        (1000, (2000, 1000, 500), 55, 2500),
        (0, (2000, 1000, None), 55, 3000),
        (-2000, (2000, 1000, None), 55, 5000),
        (-2000, (None, None, None), 55, 2000),
        (0, (None, None, None), 55, 0),
        # Near full the sun may come back, and a full one is not told to charge.
        (0, (2000, 1000, None), 97, 3150),
        (2000, (2000, 1000, None), 97, 1150),
        (2000, (2000, 1000, None), 100, 3150),
        (-2000, (2000, 1000, None), 100, 5000),
    ],
)
async def test_of_a_hybrid_the_sun_is_taken_off(wanted_w: float, dc: Sequence[int | None], soc: int, ac_w: int) -> None:
    told = [Written(16, 40149, i32(ac_w)), Written(16, 40151, u32(802))]
    async with played("sma-storage", hybrid(dc, soc), **OWNER) as device:
        assert (await device.read())["power"] == 1200
        assert await device.told("power_setpoint", wanted_w) == told
        assert device.commands["power_setpoint"].refresh_s == 5
        assert await device.released("power_setpoint") == [Written(16, 40151, u32(803)), Written(16, 40149, i32(0))]
    async with played("sma-storage", hybrid(dc, soc, STORAGE), **OWNER, model="hybrid") as device:
        assert await device.told("power_setpoint", wanted_w) == told


@pytest.mark.parametrize("unknown", [(8001, 9336), (NAN, NAN)])
async def test_what_it_does_not_say_it_is_gets_no_orders(unknown: tuple[int, int]) -> None:
    async with played("sma-storage", hybrid(model=unknown), **OWNER) as device:
        with pytest.raises(DeviceRefused, match="what it is cannot be told by its device class; say `model`"):
            await device.told("power_setpoint", 1000.0)
        assert await device.released("power_setpoint")
    async with played("sma-storage", hybrid(model=unknown), **OWNER, model="storage") as device:
        assert (await device.read())["power"] == 1200
        assert await device.told("power_setpoint", 1000.0)

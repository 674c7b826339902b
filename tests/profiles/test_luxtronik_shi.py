"""Luxtronik 2.1, smart home interface: its image, and what it is told."""

import pytest

from s2d.errors import ConfigError
from tests.profiles.image import Image, Words, Written, configured, i16, played, u32

HOT_WATER_MODE, HOT_WATER, LIMIT_MODE, LIMIT = 10005, 10006, 10040, 10041
OWN, SETPOINT, OFF, HARD = 0, 1, 0, 2


def image(**others: Words) -> Image:
    """It heats hot water, and nobody tells it anything."""
    input: dict[int, Words] = {
        10000: 1,
        10002: 1,
        10108: i16(-35),
        10120: 482,
        10201: 0,
        10301: 21,
        10310: u32(243_211),
        10400: [3, 92, 1],
    }
    changed = {int(register[1:]): words for register, words in others.items()}
    return Image({HOT_WATER_MODE: [OWN, 400], LIMIT_MODE: [OFF, 300]}, input=input | changed)


async def test_what_it_says() -> None:
    async with played("luxtronik-shi", image()) as device:
        assert await device.read() == {
            "controller": "Luxtronik",
            "release": 92,
            "running": 1,
            "compressor": True,
            "operation": "hot water",
            "status": "hot_water",
            "temperature": pytest.approx(48.2),
            "outdoor": pytest.approx(-3.5),
            "power": 2100,
            "energy": pytest.approx(24_321_100),
            "error": 0,
            "fault": "ok",
            "hot_water_mode": "own",
            "hot_water_setpoint": 40,
            "limit_mode": "off",
            "limit": 30_000,
        }


STATUS = {0: "heat", 1: "hot_water", 2: "heat", 3: "off", 4: "defrost", 5: "rest", 6: "rest", 7: "cool"}


@pytest.mark.parametrize(("operation", "status"), STATUS.items())
async def test_what_its_operating_modes_mean(operation: int, status: str) -> None:
    async with played("luxtronik-shi", image(_10002=operation)) as device:
        assert (await device.read())["status"] == status


async def test_an_operating_mode_that_nobody_knows_is_no_status() -> None:
    async with played("luxtronik-shi", image(_10002=8)) as device:
        assert "status" not in await device.read()


@pytest.mark.parametrize(
    ("running", "compressor"), [(0, False), (1, True), (2, True), (3, True), (4, False), (5, True)]
)
async def test_a_heater_rod_is_no_compressor(running: int, compressor: bool) -> None:
    async with played("luxtronik-shi", image(_10000=running)) as device:
        assert (await device.read())["compressor"] is compressor


async def test_an_error_is_a_fault() -> None:
    async with played("luxtronik-shi", image(_10201=717)) as device:
        assert (await device.read())["fault"] == 717


async def test_what_it_does_not_have_is_unknown() -> None:
    gone: dict[str, Words] = {f"_{register}": 0x7FFF for register in (10000, 10002, 10108, 10120, 10201, 10301)}
    async with played("luxtronik-shi", image(_10310=[0x7FFF, 0x7FFF], **gone)) as device:
        known = await device.read()
        absent = ("compressor", "status", "temperature", "outdoor", "power", "energy", "fault")
        assert not known.keys() & {*absent}


@pytest.mark.parametrize(("wanted_c", "written"), [(55, 550), (50.04, 500), (30, 300), (75, 750)])
async def test_its_hot_water(wanted_c: float, written: int) -> None:
    async with played("luxtronik-shi", image()) as device:
        assert await device.told("temperature_setpoint", wanted_c) == [
            Written(6, HOT_WATER, [written]),
            Written(6, HOT_WATER_MODE, [SETPOINT]),
        ]
        assert await device.released("temperature_setpoint") == [Written(6, HOT_WATER_MODE, [OWN])]


@pytest.mark.parametrize("comfort", ["25 °C .. 55 °C", "50 °C .. 76 °C"])
def test_hot_water_that_it_cannot_be_told_is_not_configured(comfort: str) -> None:
    knowing = {"i_know": "legionella", "mixing_valve": True}
    with pytest.raises(ConfigError, match=r"is outside 30 \.\. 75"):
        configured("luxtronik-shi", comfort=comfort, **knowing)


@pytest.mark.parametrize(("wanted_w", "written"), [(4200, 42), (1290, 12), (0, 0), (99_000, 300)])
async def test_its_limit(wanted_w: float, written: int) -> None:
    async with played("luxtronik-shi", image()) as device:
        assert await device.told("power_limit", wanted_w) == [
            Written(6, LIMIT, [written]),
            Written(6, LIMIT_MODE, [HARD]),
        ]
        assert await device.released("power_limit") == [Written(6, LIMIT_MODE, [OFF])]


async def test_it_is_told_again_what_it_forgets_when_it_is_restarted() -> None:
    async with played("luxtronik-shi", image()) as device:
        for command, value in (("temperature_setpoint", 55), ("power_limit", 4200)):
            assert await device.told(command, value, again=True) == await device.told(command, value)
            assert device.commands[command].refresh_s == 240

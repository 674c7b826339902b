"""Daikin Home Hub with an Altherma 3: its image, and what it is told."""

import pytest

from s2d.errors import ConfigError
from tests.profiles.image import Image, Words, Written, configured, i16, played

REHEAT, SMART_GRID, RECOMMENDED_LIMIT, GENERAL_LIMIT = 9, 55, 56, 57
FREE, FORCED_OFF, RECOMMENDED_ON, FORCED_ON = 0, 1, 2, 3


def image(**others: Words) -> Image:
    """It heats hot water, and nobody tells it anything."""
    input: dict[int, Words] = {
        20: [0, 32766, 32766],
        30: [1, 0, 0],
        34: [0, 0, 1, 1],
        42: [4812, i16(-320)],
        50: 214,
        53: [1500, 6000],
    }
    image = Image({REHEAT: 48, SMART_GRID: [FREE, 1000, 2000]}, input=input)
    image.input |= {int(register[1:]): word for register, word in others.items() if isinstance(word, int)}
    return image


async def test_what_it_says() -> None:
    async with played("daikin-homehub", image()) as device:
        assert await device.read() == {
            "coldest_water": 15,
            "warmest_water": 60,
            "error": "none",
            "fault": "ok",
            "compressor_runs": "on",
            "compressor": True,
            "booster_runs": "off",
            "disinfection": "off",
            "defrost": "off",
            "valve": "hot water",
            "operation": "heating",
            "status": "hot_water",
            "temperature": pytest.approx(48.12),
            "outdoor": pytest.approx(-3.2),
            "power": 2140,
            "reheat_setpoint": 48,
            "smart_grid": "free",
            "sg_state": 2,
            "general_limit": 20_000,
        }


STATUS: list[tuple[dict[str, Words], str]] = [
    ({}, "hot_water"),
    ({"_36": 0}, "heat"),
    ({"_36": 0, "_37": 2}, "cool"),
    ({"_30": 0}, "rest"),
    ({"_30": 0, "_31": 1}, "hot_water"),
    ({"_32": 1}, "legionella"),
    ({"_34": 1}, "defrost"),
]


@pytest.mark.parametrize(("held", "status"), STATUS)
async def test_what_it_does(held: dict[str, Words], status: str) -> None:
    async with played("daikin-homehub", image(**held)) as device:
        assert (await device.read())["status"] == status


@pytest.mark.parametrize(("error", "is_ok"), [(0, True), (1, False), (2, True)])
async def test_a_warning_is_no_fault(error: int, is_ok: bool) -> None:
    async with played("daikin-homehub", image(_20=error)) as device:
        assert ((await device.read())["fault"] == "ok") == is_ok


async def test_what_it_does_not_have_is_unknown() -> None:
    gone: dict[str, Words] = {f"_{register}": 0x7FFF for register in (20, 30, 31, 32, 34, 36, 42, 43, 50)}
    async with played("daikin-homehub", image(**gone)) as device:
        known = await device.read()
        assert not known.keys() & {"fault", "compressor", "status", "temperature", "outdoor", "power"}


@pytest.mark.parametrize(
    ("mode", "told"), [("off", FORCED_OFF), ("normal", FREE), ("boost", RECOMMENDED_ON), ("forced", FORCED_ON)]
)
async def test_its_smart_grid_mode(mode: str, told: int) -> None:
    async with played("daikin-homehub", image()) as device:
        assert await device.told("mode", mode) == [Written(6, SMART_GRID, [told])]
        assert (await device.read())["sg_state"] == {FORCED_OFF: 1, FREE: 2, RECOMMENDED_ON: 3, FORCED_ON: 4}[told]
        assert await device.released("mode") == [Written(6, SMART_GRID, [FREE])]


@pytest.mark.parametrize(("wanted_c", "written"), [(55, 55), (52.7, 52), (30, 30), (60, 60)])
async def test_its_hot_water_which_is_put_back_as_it_was(wanted_c: float, written: int) -> None:
    async with played("daikin-homehub", image()) as device:
        assert await device.told("temperature_setpoint", wanted_c) == [Written(6, REHEAT, [written])]
        assert await device.released("temperature_setpoint") == [Written(6, REHEAT, [48])]


@pytest.mark.parametrize("comfort", ["25 °C .. 55 °C", "50 °C .. 61 °C"])
def test_hot_water_that_it_cannot_be_told_is_not_configured(comfort: str) -> None:
    knowing = {"i_know": "legionella", "mixing_valve": True}
    with pytest.raises(ConfigError, match=r"is outside 30 \.\. 60"):
        configured("daikin-homehub", comfort=comfort, **knowing)


@pytest.mark.parametrize(("wanted_w", "written"), [(4200, 420), (1290, 120), (0, 0), (99_000, 2000)])
async def test_its_limit_behind_which_is_that_of_its_installer(wanted_w: float, written: int) -> None:
    limited = image()
    limited.holding[GENERAL_LIMIT] = 650
    async with played("daikin-homehub", limited) as device:
        assert await device.told("power_limit", wanted_w) == [Written(6, GENERAL_LIMIT, [written])]
        assert await device.released("power_limit") == [Written(6, GENERAL_LIMIT, [650])]
        assert limited.holding[RECOMMENDED_LIMIT] == 1000


async def test_its_hot_water_is_kept_in_memory_that_wears() -> None:
    async with played("daikin-homehub", image()) as device:
        setpoint = device.make.points["reheat_setpoint"]
        assert (setpoint.persistent, setpoint.daily_writes) == (True, 20)
        assert all(command.refresh_s is None for command in device.commands.values())

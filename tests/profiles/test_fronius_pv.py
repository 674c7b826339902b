"""Fronius inverters without a battery: a SunSpec map, and a limit that is switched off and on for another one."""

from tests.drivers.sunspec_peers import model, sunspec_map
from tests.profiles.image import Image, Written, configured, played

COMMON = model(1, {"Mn": "Fronius", "Md": "Symo GEN24 8.0", "Vr": "1.34.6-1", "SN": "31234567"})
BY_DAY = model(103, {"W": 5234, "W_SF": 0, "WH": 12345678, "WH_SF": 0, "St": 4, "Evt1": 0})
SETTINGS = model(121, {"WMax": 8000, "WMax_SF": 0})
BEFORE = (COMMON, BY_DAY, SETTINGS)
LIMIT = 40002 + sum(map(len, BEFORE))
PERCENT, REVERT, ON = LIMIT + 5, LIMIT + 7, LIMIT + 9


def image(percent: int = 10000, on: int = 0, inverter: list[int] = BY_DAY, maker: list[int] = COMMON) -> Image:
    controls = {"WMaxLimPct": percent, "WMaxLimPct_SF": -2, "WMaxLimPct_RvrtTms": 0, "WMaxLim_Ena": on}
    return Image({40000: sunspec_map(maker, inverter, SETTINGS, model(123, controls))})


async def test_what_it_says_by_day() -> None:
    async with played("fronius-pv", image()) as device:
        assert await device.read() == {
            "maker": "Fronius",
            "manufacturer_name": "Fronius",
            "model_name": "Symo GEN24 8.0",
            "version": "1.34.6-1",
            "serial": "31234567",
            "power": -5234,
            "energy": 12345678,
            "state": "producing",
            "status": "producing",
            "events": "ok",
            "fault": "ok",
            "most_power": 8000,
            "max_power": 8000,
            "limit_percent": 100,
            "limit_revert": 0,
            "limit_on": "DISABLED",
        }


async def test_in_the_dark_it_gives_nothing() -> None:
    async with played("fronius-pv", image(inverter=model(103))) as device:
        readings = await device.read()
        assert (readings["power"], readings.keys() & {"energy", "state", "events"}) == (0, set())


async def test_it_is_no_other_makers() -> None:
    async with played("fronius-pv", image(maker=model(1, {"Mn": "Fronius Solar"}))) as device:
        assert "maker" not in await device.read()


async def test_another_limit_is_switched_on_anew_and_the_same_one_is_not_switched_off() -> None:
    async with played("fronius-pv", image()) as device:
        first = [Written(6, REVERT, [120]), Written(6, PERCENT, [2500]), Written(6, ON, [1])]
        assert await device.told("power_limit", 2000.0) == first
        assert await device.told("power_limit", 2000.0, again=True) == first
        assert await device.told("power_limit", 1000.0) == [
            Written(6, REVERT, [120]),
            Written(6, PERCENT, [1250]),
            Written(6, ON, [0]),
            Written(6, ON, [1]),
        ]
        assert await device.told("power_limit", 0.0) == [
            Written(6, REVERT, [120]),
            Written(6, PERCENT, [0]),
            Written(6, ON, [0]),
            Written(6, ON, [1]),
        ]
        assert await device.released("power_limit") == [
            Written(6, REVERT, [0]),
            Written(6, PERCENT, [10000]),
            Written(6, ON, [0]),
        ]


async def test_a_share_that_cannot_be_said_exactly_is_the_same_one_when_it_is_repeated() -> None:
    async with played("fronius-pv", image()) as device:
        first = await device.told("power_limit", 2667.0)
        assert await device.told("power_limit", 2667.0, again=True) == first
        assert first[1:] == [Written(6, PERCENT, [3334]), Written(6, ON, [1])]


async def test_one_that_takes_another_limit_at_once_may_be_left_on() -> None:
    async with played("fronius-pv", image(), restarts=False) as device:
        await device.told("power_limit", 2000.0)
        assert (await device.told("power_limit", 1000.0))[1:] == [Written(6, PERCENT, [1250]), Written(6, ON, [1])]


async def test_the_limit_of_its_installer_survives() -> None:
    async with played("fronius-pv", image(percent=7000, on=1)) as device:
        assert (await device.told("power_limit", 2000.0))[1:] == [
            Written(6, PERCENT, [2500]),
            Written(6, ON, [0]),
            Written(6, ON, [1]),
        ]
        assert await device.released("power_limit") == [
            Written(6, REVERT, [0]),
            Written(6, PERCENT, [7000]),
            Written(6, ON, [1]),
        ]


def test_a_limit_lapses_where_nobody_repeats_it() -> None:
    command = configured("fronius-pv").make.commands["power_limit"]
    assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (50, 120, "write")

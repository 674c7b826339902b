"""SolarEdge inverters without a battery: a SunSpec map, and dynamic power control beside it."""

from collections.abc import Mapping

import pytest

from s2d.errors import DeviceRefused
from tests.drivers.sunspec_peers import model, sunspec_map
from tests.profiles.image import Image, Words, Written, configured, f32, played, u32

COMMON = model(1, {"Mn": "SolarEdge", "Md": "SE8K", "Vr": "0004.0018.0518", "SN": "7F123456"})
BY_DAY = model(103, {"W": 5234, "W_SF": 0, "WH": 12345678, "WH_SF": 0, "St": 4, "Evt1": 0})
POWER_CONTROL, DYNAMIC, MOST, TIMEOUT, RAMP_UP, RAMP_DOWN, LIMIT = 61762, 62208, 62212, 62224, 62232, 62234, 62242


def swapped(words: list[int]) -> list[int]:
    """The words of a value, the less significant one first."""
    return words[::-1]


def image(changes: Mapping[int, Words] = {}, inverter: list[int] = BY_DAY) -> Image:
    return Image(
        {
            40000: sunspec_map(COMMON, inverter),
            POWER_CONTROL: swapped(u32(1)),
            DYNAMIC: 0,
            MOST: swapped(f32(8000)),
            TIMEOUT: swapped(u32(60)),
            RAMP_UP: swapped(f32(-1)),
            RAMP_DOWN: swapped(f32(-1)),
            LIMIT: swapped(f32(100)),
        }
        | dict(changes)
    )


def limited_to(percent: float) -> Written:
    return Written(16, LIMIT, swapped(f32(percent)))


async def test_what_it_says_by_day() -> None:
    async with played("solaredge-pv", image()) as device:
        assert await device.read() == {
            "maker": "SolarEdge",
            "manufacturer_name": "SolarEdge",
            "model_name": "SE8K",
            "version": "0004.0018.0518",
            "serial": "7F123456",
            "power": -5234,
            "energy": 12345678,
            "state": "producing",
            "status": "producing",
            "events": "ok",
            "fault": "ok",
            "most_power": 8000,
            "max_power": 8000,
            "power_control": "on",
            "dynamic_control": "off",
            "timeout": 60,
            "ramp_up": -1,
            "ramp_down": -1,
        }


async def test_asleep_it_gives_nothing() -> None:
    asleep = model(103, {"St": 2})
    async with played("solaredge-pv", image(inverter=asleep)) as device:
        readings = await device.read()
        assert (readings["power"], readings["state"], "energy" in readings) == (0, "sleeping", False)


async def test_the_limit_is_there_before_it_counts_and_is_repeated_alone() -> None:
    async with played("solaredge-pv", image()) as device:
        assert await device.told("power_limit", 2000.0) == [limited_to(25), Written(6, DYNAMIC, [1])]
        assert await device.told("power_limit", 2000.0, again=True) == [limited_to(25)]
        assert await device.told("power_limit", 0.0) == [limited_to(0)]
        assert await device.told("power_limit", 99999.0) == [limited_to(100)]
        assert await device.released("power_limit") == [limited_to(100), Written(6, DYNAMIC, [0])]


async def test_what_would_be_too_slow_is_hastened_and_put_back() -> None:
    slow: dict[int, Words] = {
        TIMEOUT: swapped(u32(3600)),
        RAMP_UP: swapped(f32(5)),
        RAMP_DOWN: swapped(f32(0)),
        DYNAMIC: 1,
    }
    async with played("solaredge-pv", image(slow)) as device:
        assert await device.told("power_limit", 4000.0) == [
            Written(16, TIMEOUT, swapped(u32(120))),
            Written(16, RAMP_UP, swapped(f32(100))),
            Written(16, RAMP_DOWN, swapped(f32(100))),
            limited_to(50),
        ]
        assert await device.told("power_limit", 4000.0, again=True) == [limited_to(50)]
        assert await device.released("power_limit") == [
            limited_to(100),
            Written(16, RAMP_UP, swapped(f32(5))),
            Written(16, RAMP_DOWN, swapped(f32(0))),
            Written(16, TIMEOUT, swapped(u32(3600))),
        ]


async def test_one_that_knows_no_ramps_is_limited_all_the_same() -> None:
    held = image()
    for register in (*range(RAMP_UP, RAMP_UP + 2), *range(RAMP_DOWN, RAMP_DOWN + 2)):
        del held.holding[register]
    async with played("solaredge-pv", held) as device:
        assert await device.told("power_limit", 2000.0) == [limited_to(25), Written(6, DYNAMIC, [1])]


async def test_without_its_power_control_it_is_not_told_what_it_would_ignore() -> None:
    off: dict[int, Words] = {POWER_CONTROL: swapped(u32(0))}
    async with played("solaredge-pv", image(off)) as device:
        with pytest.raises(DeviceRefused, match="advanced power control is off; switch it on with SetApp"):
            await device.told("power_limit", 2000.0)
        assert await device.released("power_limit") == [limited_to(100)]


def test_it_is_told_again_well_before_the_inverter_forgets() -> None:
    make = configured("solaredge-pv").make
    command = make.commands["power_limit"]
    assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (20, 60, "write")
    kept = {name for name, point in make.points.items() if point.persistent}
    assert kept == {"dynamic_control", "timeout", "ramp_up", "ramp_down"}

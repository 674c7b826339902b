"""Huawei SUN2000 without a battery: the image behind an SDongle, and the share of its power that it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, configured, i32, played, text, u32

QUICK = {"warm_up": "0 s", "gap": "0 s"}
ADJUSTED_BY, PERCENT, WATTS, FEED_IN = 35303, 40125, 40126, 47415
NONE = 0xFFFFFFFF


def image(**told: int) -> Image:
    """One at noon; *told* is what it says otherwise."""
    says = {"state": 0x200, "power": 5234, "energy": 1234567, "percent": 1000, "adjusted_by": PERCENT, "feed_in": 0}
    says |= told
    return Image(
        {
            30000: text("SUN2000-10KTL-M1", 15),
            30015: text("HV2150123456", 10),
            30075: u32(says.get("most", 10000)),
            32080: i32(says["power"]),
            32089: says["state"],
            32106: u32(says["energy"]),
            ADJUSTED_BY: says["adjusted_by"],
            PERCENT: says["percent"] & 0xFFFF,
            FEED_IN: says["feed_in"],
        }
    )


async def test_what_it_says_at_noon() -> None:
    async with played("huawei-pv", image(), connection=QUICK) as device:
        assert await device.read() == {
            "power": -5234,
            "energy": 12345670,
            "state": "producing",
            "fault": "ok",
            "most_power": 10000,
            "max_power": 10000,
            "limit_percent": 100,
            "adjusted_by": PERCENT,
            "feed_in": "unlimited",
            "model_name": "SUN2000-10KTL-M1",
            "serial": "HV2150123456",
        }


async def test_what_it_does_not_know_is_not_zero() -> None:
    blank = image(power=0x7FFFFFFF, energy=NONE, most=NONE, state=0xFFFF)
    async with played("huawei-pv", blank, connection=QUICK) as device:
        readings = await device.read()
        assert {"power", "energy", "most_power", "max_power", "state"}.isdisjoint(readings)
        with pytest.raises(DeviceRefused, match="max is unknown: max_power"):
            await device.told("power_limit", 1000.0)


@pytest.mark.parametrize(
    ("state", "word", "fault"),
    [
        (0xA000, "sleeping", "ok"),
        (0x002, "sleeping", "ok"),
        (0x201, "throttled", "ok"),
        (0x300, "fault", "the inverter reports a fault"),
        (0x401, "unknown", "ok"),
    ],
)
async def test_its_states(state: int, word: str, fault: str) -> None:
    async with played("huawei-pv", image(state=state, power=0), connection=QUICK) as device:
        readings = await device.read()
        assert (readings["state"], readings["fault"], readings["power"]) == (word, fault, 0)


async def test_it_is_told_its_share_only_when_it_changes_and_given_back_what_it_had() -> None:
    async with played("huawei-pv", image(percent=700), connection=QUICK) as device:
        assert await device.told("power_limit", 2000.0) == [Written(6, PERCENT, [200])]
        assert await device.told("power_limit", 2000.0) == []
        assert await device.told("power_limit", 1234.0) == [Written(6, PERCENT, [123])]
        assert await device.told("power_limit", 0.0) == [Written(6, PERCENT, [0])]
        assert await device.told("power_limit", 3000.0) == [Written(6, PERCENT, [300])]
        assert await device.told("power_limit", 99999.0) == [Written(6, PERCENT, [1000])]
        assert await device.released("power_limit") == [Written(6, PERCENT, [700])]


@pytest.mark.parametrize(
    "limited",
    [{"adjusted_by": WATTS}, {"adjusted_by": 0, "percent": 0}, {"adjusted_by": 0xFFFF}, {"feed_in": 5}, {"feed_in": 7}],
)
async def test_where_something_else_limits_it_it_is_told_nothing(limited: dict[str, int]) -> None:
    async with played("huawei-pv", image(**limited), connection=QUICK) as device:
        with pytest.raises(DeviceRefused, match="something else limits it"):
            await device.told("power_limit", 2000.0)
        assert await device.released("power_limit") == []


async def test_one_that_was_never_told_anything_is_limited() -> None:
    async with played("huawei-pv", image(adjusted_by=0), connection=QUICK) as device:
        assert await device.told("power_limit", 2000.0) == [Written(6, PERCENT, [200])]


def test_what_wears_out_is_spared_and_its_slow_ramp_waited_for() -> None:
    config = configured("huawei-pv")
    command = config.make.commands["power_limit"]
    assert (command.refresh_s, command.if_unchanged) == (None, "skip")
    assert config.points["limit_percent"].persistent
    assert config.settings.follow_within_s == 600

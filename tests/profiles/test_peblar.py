"""Peblar: its image, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, i32, played, text, u32, u64

OWNER = {"max_current": "16 A"}


def image(pilot: str = "C", **others: Words) -> Image:
    """A car that charges by 10 A."""
    changed = {int(register[1:]): words for register, words in others.items()}
    holding: dict[int, Words] = {40000: u32(10_000), 40002: 0}
    return Image(
        holding | {each: words for each, words in changed.items() if each in holding},
        input={
            30000: u64(1_234_567),
            30008: [*i32(2290), *i32(2300), *i32(2310)],
            30014: i32(6900),
            30016: [*i32(229), *i32(230), *i32(231)],
            30022: [*i32(10_012), *i32(9_988), *i32(10_000)],
            30050: text("23-45-A4O-MOF", 12),
            30062: text("6004-2300-8002", 12),
            30074: text("1.6.2", 12),
            30090: u32(3600),
            30092: 3,
            30093: 1,
            30105: 0,
            30110: ord(pilot),
            30112: 16,
            30113: u32(10_000),
        }
        | {each: words for each, words in changed.items() if each not in holding},
    )


async def test_what_it_says() -> None:
    async with played("peblar", image(), **OWNER) as device:
        assert device.config.connection.unit == 255
        assert await device.read() == {
            "energy": 1_234_567,
            "power_l1": 2290,
            "power_l2": 2300,
            "power_l3": 2310,
            "power": 6900,
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "current_l1": 10.012,
            "current_l2": 9.988,
            "current_l3": 10,
            "serial": "23-45-A4O-MOF",
            "product": "6004-2300-8002",
            "firmware": "1.6.2",
            "running": 3600,
            "relays": 1,
            "error": 0,
            "fault": "ok",
            "pilot": "C",
            "status": "C",
            "current_offered": 10,
            "limit": 10,
            "phase_count": 3,
        }


@pytest.mark.parametrize("state", [*"ABCDEF"])
async def test_what_its_states_mean(state: str) -> None:
    async with played("peblar", image(state), **OWNER) as device:
        assert (await device.read())["status"] == state


async def test_a_state_that_nobody_knows_is_none_and_an_error_is_a_fault() -> None:
    async with played("peblar", image("?", _30105=12), **OWNER) as device:
        readings = await device.read()
        assert "status" not in readings
        assert readings["fault"] == "the charger reports an error"


@pytest.mark.parametrize(("wanted_a", "written_ma"), [(10, 10_000), (9.36, 9_300), (40, 16_000), (5.9, 0), (0, 0)])
async def test_its_limit_is_written_as_a_whole(wanted_a: float, written_ma: int) -> None:
    async with played("peblar", image(), **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [Written(16, 40000, u32(written_ma))]
        assert await device.told("current_limit", wanted_a, again=True) == [Written(16, 40000, u32(written_ma))]
        assert await device.released("current_limit") == [Written(16, 40000, u32(16_000))]


def test_it_is_reminded() -> None:
    assert configured("peblar", **OWNER).make.commands["current_limit"].refresh_s == 20


async def test_its_phases_are_switched_where_it_can_and_never_while_the_car_charges() -> None:
    async with played("peblar", image("B", _30014=i32(0)), **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(6, 40002, [1])]
        assert (await device.read())["phase_count"] == 1
        assert await device.told("phase_count", 3) == [Written(6, 40002, [0])]
    for other in (image(_30014=i32(0)), image("B"), image("D", _30014=i32(0)), image("B", _30014=i32(0), _30093=0)):
        async with played("peblar", other, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="the car is charging, or the charger cannot switch phases"):
                await device.told("phase_count", 1)

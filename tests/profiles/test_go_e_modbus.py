"""go-e Charger: its image, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, played, text, u32

OWNER = {"max_current": "16 A"}


def image(car: int = 2, amperes: int = 100, **others: Words) -> Image:
    """A car that charges by 10 A."""
    currents = [*u32(amperes), *u32(amperes), *u32(amperes)]
    return Image(
        {211: 20, 299: 10, 332: 0, 337: 0},
        input={
            100: car,
            105: text("60.4", 2),
            107: 0,
            108: [*u32(229), *u32(230), *u32(231)],
            114: currents,
            128: u32(12345),
            132: u32(360_000),
            304: text("012345", 6),
        }
        | {int(register[1:]): words for register, words in others.items()},
    )


async def test_what_it_says() -> None:
    async with played("go-e-modbus", image(), **OWNER) as device:
        assert await device.read() == {
            "car": "charging",
            "status": "C",
            "error": "none",
            "fault": "ok",
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "current_l1": 10,
            "current_l2": 10,
            "current_l3": 10,
            "power": 6900,
            "energy": 1_234_500,
            "session": 360_000,
            "session_energy": 1000,
            "serial": "012345",
            "firmware": "60.4",
            "current_max": 20,
            "limit": 10,
            "force": "neutral",
            "phase_mode": "auto",
        }


@pytest.mark.parametrize(("car", "status"), [(0, "E"), (1, "A"), (2, "C"), (3, "B"), (4, "B"), (5, "E")])
async def test_what_its_states_mean(car: int, status: str) -> None:
    async with played("go-e-modbus", image(car), **OWNER) as device:
        assert (await device.read())["status"] == status


@pytest.mark.parametrize(("error", "fault"), [(1, "residual current"), (8, "no ground"), (0, "ok"), (77, "ok")])
async def test_it_says_what_is_wrong(error: int, fault: str) -> None:
    async with played("go-e-modbus", image(_107=error), **OWNER) as device:
        assert (await device.read())["fault"] == fault


async def test_words_that_are_swapped() -> None:
    swapped = image(_108=[230, 0, 230, 0, 230, 0], _114=[100, 0, 0, 0, 0, 0], _128=[12345, 0])
    async with played("go-e-modbus", swapped, order="CDAB", **OWNER) as device:
        readings = await device.read()
        assert (readings["power"], readings["energy"]) == (2300, 1_234_500)


async def test_it_is_told_a_current_that_it_does_not_keep_and_forced_off_and_on() -> None:
    async with played("go-e-modbus", image(), **OWNER) as device:
        assert await device.told("current_limit", 12.7) == [Written(16, 299, [12]), Written(16, 337, [2])]
        for stopped_a in (0, 5.9):
            assert await device.told("current_limit", stopped_a) == [Written(16, 337, [1])]
        assert await device.told("current_limit", 40) == [Written(16, 299, [16]), Written(16, 337, [2])]
        assert await device.released("current_limit") == [Written(16, 299, [10]), Written(16, 337, [0])]


async def test_its_phases_are_never_switched_while_the_car_charges_and_are_put_back() -> None:
    async with played("go-e-modbus", image(3, amperes=0), **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(16, 332, [1])]
        assert await device.told("phase_count", 3) == [Written(16, 332, [2])]
        assert await device.released("phase_count") == [Written(16, 332, [0])]
    for charging in (image(2, amperes=0), image(4, amperes=60)):
        async with played("go-e-modbus", charging, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="the car is charging"):
                await device.told("phase_count", 1)

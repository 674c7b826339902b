"""EVSE DIN: the images of it and of the meter beside it, and what it is told."""

import pytest

from tests.profiles.image import Image, Written, configured, f32, played

OWNER = {"max_current": "16 A"}
HUNDREDTHS = 1 << 7


def image(vehicle: int = 3, config: int = 0x2000, power_w: float = 6900.0) -> Image:
    """A car that charges by 10 A."""
    meter = [*f32(229.0), *f32(230.0), *f32(231.0), *f32(10.0), *f32(9.5), *f32(10.5)]
    return Image(
        {1000: 10, 1001: 10, 1002: vehicle, 1003: 32, 1005: 17, 2005: config},
        input={0x00: meter, 0x34: f32(power_w), 0x48: f32(1234.5)},
    )


async def test_what_it_and_its_meter_say() -> None:
    async with played("evse-din", image(), **OWNER) as device:
        assert await device.read() == {
            "vehicle": "C",
            "status": "C",
            "fault": "ok",
            "offered": 10,
            "firmware": 17,
            "has_hundredths": 0,
            "limit": 10,
            "power": 6900,
            "current_l1": 10,
            "current_l2": 9.5,
            "current_l3": 10.5,
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "energy": 1_234_500,
        }


def test_the_meter_has_an_address_of_its_own() -> None:
    config = configured("evse-din", unit_id=2, meter=106, **OWNER)
    units = {name: getattr(point, "unit_id", None) for name, point in config.points.items()}
    assert config.connection.unit == 2
    assert (units["limit"], units["vehicle"], units["power"], units["energy"]) == (None, None, 106, 106)


@pytest.mark.parametrize(("vehicle", "status"), [(1, "A"), (2, "B"), (3, "C"), (4, "D"), (5, "E")])
async def test_what_its_states_mean(vehicle: int, status: str) -> None:
    async with played("evse-din", image(vehicle), **OWNER) as device:
        readings = await device.read()
        assert readings["status"] == status
        assert (readings["fault"] == "ok") == (status != "E")


@pytest.mark.parametrize(("wanted_a", "written_a"), [(10, 10), (9.9, 9), (40, 16), (5.9, 0), (0, 0)])
async def test_it_is_told_whole_amperes(wanted_a: float, written_a: int) -> None:
    async with played("evse-din", image(), **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [Written(16, 1000, [written_a])]
        assert await device.released("current_limit") == [Written(16, 1000, [16])]


async def test_one_that_takes_hundredths_is_told_those() -> None:
    fine = image(config=0x2000 | HUNDREDTHS)
    fine.holding[1000] = 1000
    async with played("evse-din", fine, **OWNER) as device:
        assert (await device.read())["limit"] == 10
        assert await device.told("current_limit", 9.36) == [Written(16, 1000, [930])]
        assert await device.told("current_limit", 0) == [Written(16, 1000, [0])]
        assert await device.released("current_limit") == [Written(16, 1000, [1600])]


async def test_one_that_does_not_say_gets_whole_amperes() -> None:
    early = image()
    del early.holding[2005]
    async with played("evse-din", early, **OWNER) as device:
        assert await device.told("current_limit", 10) == [Written(16, 1000, [10])]

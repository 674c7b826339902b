"""iDM Navigator: its image, and what it is told."""

import pytest

from tests.profiles.image import Image, Words, Written, f32, played

OFFER = 74
HEATS, COOLS, HEATS_WATER, DEFROSTS = 1, 2, 4, 8


def real(value: float) -> list[int]:
    """The less significant word first."""
    return f32(value)[::-1]


def image(does: int = HEATS_WATER, system: int = 1, **others: Words) -> Image:
    """It heats hot water, and nobody tells it anything."""
    return Image(
        {
            OFFER: real(0),
            1000: real(-7.25),
            1005: system,
            1008: real(35.5),
            1012: real(46),
            1014: real(52),
            1032: 52,
            1090: does,
            1099: [0, 1],
            4122: real(1.875),
        }
        | {int(register[1:]): words for register, words in others.items()}
    )


async def test_what_it_says() -> None:
    async with played("idm-navigator", image()) as device:
        assert await device.read() == {
            "water_target": 52,
            "outdoor": -7.25,
            "system": "automatic",
            "buffer": 35.5,
            "water_1": 46,
            "water_2": 52,
            "temperature": 49,
            "heats": False,
            "cools": False,
            "heats_water": True,
            "defrosts": False,
            "status": "hot_water",
            "failure": "none",
            "fault": "ok",
            "compressor_1": "on",
            "compressor": True,
            "power": 1875,
        }


@pytest.mark.parametrize(
    ("does", "system", "status"),
    [
        (0, 1, "rest"),
        (0, 0, "off"),
        (0, 2, "rest"),
        (0, 3, "holiday"),
        (0, 4, "rest"),
        (0, 5, "rest"),
        (HEATS, 3, "heat"),
        (HEATS, 1, "heat"),
        (COOLS, 1, "cool"),
        (HEATS_WATER, 1, "hot_water"),
        (HEATS | HEATS_WATER, 1, "hot_water"),
        (HEATS | DEFROSTS, 1, "defrost"),
    ],
)
async def test_what_it_does(does: int, system: int, status: str) -> None:
    async with played("idm-navigator", image(does, system)) as device:
        assert (await device.read())["status"] == status


async def test_a_failure() -> None:
    async with played("idm-navigator", image(_1099=1)) as device:
        assert (await device.read())["fault"] != "ok"


async def test_sensors_that_it_does_not_have() -> None:
    absent = real(-1.0)
    async with played("idm-navigator", image(_1014=absent)) as device:
        assert (await device.read())["temperature"] == 46
    async with played("idm-navigator", image(0xFF, _1012=absent, _1014=absent, _4122=absent)) as device:
        assert not (await device.read()).keys() & {"temperature", "status", "power"}


async def test_a_buffer() -> None:
    async with played("idm-navigator", image(), tank="buffer") as device:
        assert (await device.read())["temperature"] == 35.5


@pytest.mark.parametrize(("offered_w", "written_kw"), [(2500, 2.5), (0, 0), (99_000, 10)])
async def test_it_is_offered_power_again_and_again(offered_w: float, written_kw: float) -> None:
    async with played("idm-navigator", image()) as device:
        told = [Written(16, OFFER, real(written_kw))]
        assert await device.told("power_offer", offered_w) == told
        assert await device.told("power_offer", offered_w, again=True) == told
        assert await device.released("power_offer") == [Written(16, OFFER, real(0))]
        command = device.commands["power_offer"]
        assert (command.refresh_s, command.timeout) == (20, 60)

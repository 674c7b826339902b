"""Lambda EU-L: its image, and what it is told."""

import pytest

from tests.profiles.image import Image, Words, Written, i16, played

MANAGER, OFFER, ERROR, STATUS, RATING, POWER, HOT_WATER, BUFFER = 101, 102, 1000, 1003, 1010, 1012, 2002, 3002


def image(**others: Words) -> Image:
    """It heats hot water, and nobody tells it anything; a second heat pump and a second buffer stand beside it."""
    return Image(
        {
            2: i16(-45),
            MANAGER: [1, 0],
            ERROR: 0,
            STATUS: 2,
            RATING: 6250,
            POWER: 1873,
            ERROR + 100: 4,
            STATUS + 100: 12,
            RATING + 100: 0,
            POWER + 100: 0,
            HOT_WATER: 487,
            HOT_WATER + 48: 520,
            BUFFER: 352,
            BUFFER + 100: 298,
            BUFFER + 148: 500,
        }
        | {int(register[1:]): words for register, words in others.items()}
    )


async def test_what_it_says() -> None:
    async with played("lambda-eul", image()) as device:
        assert await device.read() == {
            "manager": "automatic",
            "warmest": 52,
            "outdoor": pytest.approx(-4.5),
            "offer": 0,
            "error": "none",
            "fault": "ok",
            "status": "hot_water",
            "rating": 62.5,
            "compressor": True,
            "power": 1873,
            "temperature": pytest.approx(48.7),
        }


async def test_without_a_sensor_outdoors_it_has_no_temperature_there() -> None:
    for word, outdoor in ((0xFFFF, None), (i16(-2), pytest.approx(-0.2)), (0, 0)):
        async with played("lambda-eul", image(_2=word)) as device:
            assert (await device.read()).get("outdoor") == outdoor


async def test_another_one_that_heats_another_buffer() -> None:
    keys = {"tank": "buffer", "tank_number": 1, "heat_pump": 1}
    async with played("lambda-eul", image(), **keys) as device:
        known = await device.read()
        assert (known["temperature"], known["status"], known["compressor"]) == (pytest.approx(29.8), "alarm", False)
        assert known["fault"] != "ok"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (0, "rest"),
        (1, "heat"),
        (2, "hot_water"),
        (3, "cool"),
        (4, "rest"),
        (5, "defrost"),
        (6, "off"),
        (7, "rest"),
        (8, "rest"),
        (9, None),
        (10, "rest"),
        (11, "holiday"),
        (12, "alarm"),
        (13, "rest"),
        (18, "rest"),
        (19, None),
    ],
)
async def test_what_it_does(state: int, status: str | None) -> None:
    async with played("lambda-eul", image(_1003=state)) as device:
        assert (await device.read()).get("status") == status


@pytest.mark.parametrize(("error", "is_ok"), [(0, True), (1, True), (2, True), (3, False), (4, False)])
async def test_a_warning_is_no_fault(error: int, is_ok: bool) -> None:
    async with played("lambda-eul", image(_1000=error)) as device:
        assert ((await device.read())["fault"] == "ok") == is_ok


@pytest.mark.parametrize(("offered_w", "written"), [(2000, 2000), (0, 0), (99_000, 30_000)])
async def test_it_is_offered_power_again_and_again(offered_w: float, written: int) -> None:
    async with played("lambda-eul", image()) as device:
        told = [Written(16, OFFER, [written])]
        assert await device.told("power_offer", offered_w) == told
        assert await device.told("power_offer", offered_w, again=True) == told
        assert await device.released("power_offer") == [Written(16, OFFER, [0])]
        command = device.commands["power_offer"]
        assert (command.refresh_s, command.timeout) == (10, 60)

"""NIBE S series: its image, and what it is told."""

import pytest

from s2d.errors import ConfigError, DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, i16, played, u32

ACTIVATED, LIMIT, REQUEST, AUX = 3032, 6007, 6008, 2741
BLOCK, NORMAL, LOW_PRICE, FREE = 0, 1, 2, 3


def low_first(value: int) -> list[int]:
    return u32(value)[::-1]


def image(**others: Words) -> Image:
    """It heats hot water, and nobody tells it anything."""
    input: dict[int, Words] = {
        1: i16(-72),
        9: 512,
        1028: 20,
        1911: 10,
        1975: 0,
        2305: low_first(231),
        3823: low_first(123_456),
    }
    holding: dict[int, Words] = {AUX: 0, ACTIVATED: 1, LIMIT: 42, REQUEST: NORMAL}
    changed = {int(register[1:]): words for register, words in others.items()}
    return Image(
        {each: changed.get(each, words) for each, words in holding.items()},
        input={each: changed.get(each, words) for each, words in input.items()},
    )


async def test_what_it_says() -> None:
    async with played("nibe-s", image(), steering="both") as device:
        assert await device.read() == {
            "outdoor": pytest.approx(-7.2),
            "temperature": pytest.approx(51.2),
            "priority": "hot water",
            "status": "hot_water",
            "price": "normal",
            "sg_state": 2,
            "alarm": 0,
            "fault": "ok",
            "power": 2310,
            "energy": pytest.approx(12_345_600),
            "activated": 1,
            "request": "normal",
            "limit": 4200,
            "aux_limits": 0,
        }
        assert await device.obstacle() is None


@pytest.mark.parametrize(
    ("priority", "status"), {10: "rest", 20: "hot_water", 30: "heat", 40: "heat", 60: "cool", 50: None}.items()
)
async def test_what_has_priority_in_it(priority: int, status: str | None) -> None:
    async with played("nibe-s", image(_1028=priority), steering="both") as device:
        assert (await device.read()).get("status") == status


@pytest.mark.parametrize(("price", "state"), {20: 1, 10: 2, 30: 3, 40: 4, 50: None}.items())
async def test_its_state_of_sg_ready(price: int, state: int | None) -> None:
    async with played("nibe-s", image(_1911=price), steering="both") as device:
        assert (await device.read()).get("sg_state") == state


async def test_an_alarm_is_a_fault() -> None:
    async with played("nibe-s", image(_1975=182), steering="both") as device:
        assert (await device.read())["fault"] == 182


async def test_words_in_another_order_make_no_power() -> None:
    turned = image(_2305=u32(231), _3823=u32(123_456))
    async with played("nibe-s", turned, steering="both") as device:
        assert not (await device.read()).keys() & {"power", "energy"}


@pytest.mark.parametrize("steering", ["both", "sg_ready"])
@pytest.mark.parametrize(("mode", "told"), [("off", BLOCK), ("normal", NORMAL), ("boost", LOW_PRICE), ("forced", FREE)])
async def test_its_mode(steering: str, mode: str, told: int) -> None:
    async with played("nibe-s", image(), steering=steering) as device:
        assert await device.told("mode", mode) == [Written(6, REQUEST, [told])]
        assert await device.released("mode") == [Written(6, REQUEST, [NORMAL])]


@pytest.mark.parametrize("steering", ["both", "power_limit"])
@pytest.mark.parametrize(("wanted_w", "written"), [(4200, 42), (3290, 32), (1100, 11)])
async def test_its_limit_which_holds_once_aux_says_so(steering: str, wanted_w: float, written: int) -> None:
    async with played("nibe-s", image(_6007=60), steering=steering) as device:
        assert await device.told("power_limit", wanted_w) == [Written(6, LIMIT, [written]), Written(6, AUX, [1])]
        assert await device.released("power_limit") == [Written(6, LIMIT, [60]), Written(6, AUX, [0])]


async def test_less_than_it_can_be_limited_to_is_refused_and_not_raised() -> None:
    with pytest.raises(ConfigError, match=r"will be told 600 \.\. 2000 W, but"):
        configured("nibe-s", steering="both", cap="600 W .. 2 kW")
    async with played("nibe-s", image(), steering="both", cap="1.1 kW .. 2 kW") as device:
        with pytest.raises(DeviceRefused):
            await device.told("power_limit", 900)


async def test_a_model_that_cannot_be_told_a_mode_says_so_and_is_limited_all_the_same() -> None:
    older = image()
    del older.holding[REQUEST]
    async with played("nibe-s", older, steering="sg_ready") as device:
        assert (await device.obstacle() or "").startswith("this model, or its firmware, has no register")
        with pytest.raises(DeviceRefused):
            await device.told("mode", "off")
    async with played("nibe-s", older, steering="power_limit") as device:
        assert await device.obstacle() is None


async def test_that_it_takes_its_mode_from_here_is_switched_on_where_it_is_off() -> None:
    async with played("nibe-s", image(), steering="both") as device:
        assert await device.started() == []
    async with played("nibe-s", image(_3032=0), steering="both") as device:
        assert await device.started() == [Written(6, ACTIVATED, [1])]
    async with played("nibe-s", image(_3032=0), steering="power_limit") as device:
        assert await device.started() == []


async def test_all_that_it_is_told_is_kept_in_memory_that_wears() -> None:
    async with played("nibe-s", image(), steering="both") as device:
        assert all(point.persistent for point in device.make.points.values() if point.is_writable)
        assert all(command.refresh_s is None for command in device.commands.values())

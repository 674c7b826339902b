"""Heidelberg Energy Control: its image, and what it is told."""

import pytest

from tests.profiles.image import Image, Words, Written, configured, played, u32

OWNER = {"max_current": "16 A", "safe_current": "8 A"}
AT_ONCE = {"gap": "0 s"}
STANDBY, WATCHDOG, SAFE = 258, 257, 262


def image(state: int = 7, **others: Words) -> Image:
    """A car that charges by 10 A."""
    holding: dict[int, Words] = {257: 15000, 258: 4, 259: 1, 261: 100, 262: 80}
    changed = {int(register[1:]): words for register, words in others.items()}
    return Image(
        holding | {each: words for each, words in changed.items() if each in holding},
        input={
            4: 0x108,
            5: state,
            6: [100, 99, 98],
            9: 325,
            10: [229, 230, 231],
            13: 1,
            14: 6920,
            15: u32(1234),
            17: u32(1_234_567),
            100: [16, 6],
        }
        | {each: words for each, words in changed.items() if each not in holding},
    )


async def test_what_it_says() -> None:
    async with played("heidelberg-ec", image(), connection=AT_ONCE, **OWNER) as device:
        assert await device.read() == {
            "layout": 0x108,
            "state": "C2",
            "status": "C",
            "fault": "ok",
            "power": 6920,
            "current_l1": 10,
            "current_l2": 9.9,
            "current_l3": pytest.approx(9.8),
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "energy": 1234567,
            "current_max": 16,
            "limit": 10,
            "watchdog": 15,
            "standby": 4,
            "own_safe_current": 8,
        }


STATES = {2: "A", 3: "A", 4: "B", 5: "B", 6: "B", 7: "C", 8: "C", 9: "E", 10: "F", 11: "E"}


@pytest.mark.parametrize(("state", "status"), STATES.items())
async def test_what_its_states_mean(state: int, status: str) -> None:
    async with played("heidelberg-ec", image(state), connection=AT_ONCE, **OWNER) as device:
        readings = await device.read()
        assert readings["status"] == status
        assert (readings["fault"] == "ok") == (state not in (9, 11))


@pytest.mark.parametrize(("wanted_a", "written"), [(10, 100), (9.36, 93), (40, 160), (5.9, 0), (0, 0)])
async def test_its_limit(wanted_a: float, written: int) -> None:
    async with played("heidelberg-ec", image(), connection=AT_ONCE, **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [Written(16, 261, [written])]
        assert await device.released("current_limit") == [Written(16, 261, [160])]


def test_it_is_not_hurried() -> None:
    device = configured("heidelberg-ec", **OWNER)
    assert device.make.commands["current_limit"].interval_s == 20


async def test_it_is_kept_awake_and_safe_without_a_master_where_it_is_not_yet() -> None:
    async with played("heidelberg-ec", image(), connection=AT_ONCE, **OWNER) as device:
        assert await device.started() == []
    async with played("heidelberg-ec", image(_257=0, _258=0, _262=0), connection=AT_ONCE, **OWNER) as device:
        assert await device.started() == [
            Written(16, STANDBY, [4]),
            Written(16, SAFE, [80]),
            Written(16, WATCHDOG, [15000]),
        ]


async def test_what_it_cannot_be_asked_is_told_all_the_same_but_for_a_watchdog_it_may_not_have() -> None:
    mute = image()
    for register in (WATCHDOG, STANDBY, SAFE):
        del mute.holding[register]
    async with played("heidelberg-ec", mute, connection=AT_ONCE, **OWNER) as device:
        assert await device.started() == [Written(16, STANDBY, [4]), Written(16, SAFE, [80])]

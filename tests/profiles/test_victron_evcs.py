"""Victron EV Charging Station: its image, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, played, text

OWNER = {"max_current": "16 A"}


def image(state: int = 2, **others: Words) -> Image:
    """A car that charges by 10 A."""
    return Image(
        {
            5000: 0xC025,
            5001: [word >> 8 | (word & 0xFF) << 8 for word in text("HQ2233ABCDE", 6)],
            5007: [0x0001, 0x2200],
            5009: 0,
            5010: 1,
            5011: [2290, 2300, 2310],
            5014: 6900,
            5015: state,
            5016: 10,
            5017: 32,
            5018: 100,
            5021: 1234,
        }
        | {int(register[1:]): words for register, words in others.items()}
    )


async def test_what_it_says() -> None:
    async with played("victron-evcs", image(), **OWNER) as device:
        assert await device.read() == {
            "product": 0xC025,
            "serial": "HQ2233ABCDE",
            "mode": "manual",
            "start": 1,
            "power_l1": 2290,
            "power_l2": 2300,
            "power_l3": 2310,
            "power": 6900,
            "state": "charging",
            "status": "C",
            "authorised": True,
            "fault": "ok",
            "limit": 10,
            "current_max": 32,
            "session_energy": 12_340,
        }


STATES = {
    "A": [0],
    "B": [1, 3, 4, 5, 6, 7, 21, 22, 23, 24],
    "C": [2, 20],
    "E": [8, 9, 10, 11, 12, 13, 14],
    "F": [99],
}


@pytest.mark.parametrize(
    ("state", "status"), [(state, status) for status, states in STATES.items() for state in states]
)
async def test_what_its_states_mean(state: int, status: str) -> None:
    async with played("victron-evcs", image(state), **OWNER) as device:
        readings = await device.read()
        assert (readings["status"], readings["authorised"]) == (status, state != 5)
        assert (readings["fault"] == "ok") == (status != "E")


async def test_at_its_limit_it_may_stand_still() -> None:
    async with played("victron-evcs", image(20, _5014=0), **OWNER) as device:
        assert (await device.read())["status"] == "B"


async def test_it_is_told_whole_amperes_and_started_and_stopped() -> None:
    async with played("victron-evcs", image(), **OWNER) as device:
        assert await device.told("current_limit", 9.9) == [Written(6, 5016, [9]), Written(6, 5010, [1])]
        for stopped_a in (0, 5.9):
            assert await device.told("current_limit", stopped_a) == [Written(6, 5010, [0])]
        assert await device.told("current_limit", 40) == [Written(6, 5016, [16]), Written(6, 5010, [1])]
        assert await device.released("current_limit") == [Written(6, 5016, [16]), Written(6, 5010, [1])]


async def test_one_that_decides_by_itself_gets_no_orders() -> None:
    async with played("victron-evcs", image(_5009=1), **OWNER) as device:
        assert (await device.read())["status"] == "C"
        with pytest.raises(DeviceRefused, match="it is not in the mode manual"):
            await device.told("current_limit", 10)

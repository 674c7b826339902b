"""ABB Terra AC: its image, and what it is told."""

import pytest

from tests.profiles.image import Image, Words, Written, played, u32

OWNER = {"max_current": "16 A", "safe_current": "8.5 A"}
BELOW_COMMANDED = 0x80


def image(state: int = 4, cable: int = 0x0111, **others: Words) -> Image:
    """A car that charges by 10 A."""
    return Image(
        {
            0x4000: [0x4132, 0x2012, 0x2145, 0x0123],
            0x4004: [0x0108, 0x2200],
            0x4006: u32(32_000),
            0x4008: u32(0),
            0x400A: u32(cable),
            0x400C: u32(state << 8 | 0x01),
            0x400E: u32(10_000),
            0x4010: [*u32(10_012), *u32(9_988), *u32(500)],
            0x4016: [*u32(2291), *u32(2300), *u32(2310)],
            0x401C: u32(4600),
            0x401E: u32(12_345),
            0x4020: 60,
            0x4022: u32(10_000),
            0x4024: 8,
        }
        | {int(register[1:], 16): words for register, words in others.items()}
    )


async def test_what_it_says() -> None:
    async with played("abb-terra-ac", image(), **OWNER) as device:
        assert await device.read() == {
            "serial": "4132201221450123",
            "firmware": "01082200",
            "current_max": 32,
            "error_code": 0,
            "errors": "ok",
            "fault": "ok",
            "cable": 0x0111,
            "has_car": True,
            "state": 4,
            "status": "C",
            "authorised": True,
            "current_offered": 10,
            "current_l1": 10.012,
            "current_l2": 9.988,
            "current_l3": 0.5,
            "voltage_l1": pytest.approx(229.1),
            "voltage_l2": 230,
            "voltage_l3": 231,
            "power": 4600,
            "session_energy": 12_345,
            "own_timeout": 60,
            "own_safe_current": 8,
        }


@pytest.mark.parametrize(
    ("state", "cable", "status", "is_authorised"),
    [
        (0, 0x0000, "A", True),
        (0, 0x0011, "A", True),
        (1, 0x0101, "B", False),
        (2, 0x0111, "B", True),
        (3, 0x0111, "B", True),
        (4, 0x0111, "C", True),
        (4 | BELOW_COMMANDED, 0x0111, "C", True),
        (5, 0x0111, "B", True),
        (5, 0x0011, "A", True),
    ],
)
async def test_what_its_states_mean(state: int, cable: int, status: str, is_authorised: bool) -> None:
    async with played("abb-terra-ac", image(state, cable), **OWNER) as device:
        readings = await device.read()
        assert (readings["status"], readings["authorised"]) == (status, is_authorised)


async def test_it_says_all_that_is_wrong() -> None:
    async with played("abb-terra-ac", image(_4008=u32(128 | 2)), **OWNER) as device:
        assert (await device.read())["fault"] == "residual current, too hot"


@pytest.mark.parametrize(("wanted_a", "written_ma"), [(10, 10_000), (9.36, 9_300), (40, 16_000), (5.9, 0), (0, 0)])
async def test_its_limit_is_written_as_a_whole(wanted_a: float, written_ma: int) -> None:
    async with played("abb-terra-ac", image(), **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [Written(16, 0x4100, u32(written_ma))]
        assert await device.released("current_limit") == [Written(16, 0x4100, u32(16_000))]


async def test_its_fallback_is_set_in_whole_amperes_where_it_is_known_to_differ() -> None:
    async with played("abb-terra-ac", image(), **OWNER) as device:
        assert await device.started() == []
    async with played("abb-terra-ac", image(_4024=0xFF, _4020=300), **OWNER) as device:
        assert await device.started() == [Written(16, 0x4109, [8]), Written(16, 0x4106, [60])]
    early = image()
    del early.holding[0x4020], early.holding[0x4024]
    async with played("abb-terra-ac", early, **OWNER) as device:
        assert await device.started() == []

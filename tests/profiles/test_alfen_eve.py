"""Alfen Eve: the image of its left socket and its station, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, f32, played, text

OWNER = {"max_current": "16 A"}
NOTHING = [0xFFFF, 0xFFFF]


def image(state: str = "C2", power_w: float = 6900.0, **others: Words) -> Image:
    """A car that charges by 10 A."""
    return Image(
        {
            123: text("6.4.0-4210", 17),
            140: text("NG910", 17),
            157: text("ACE0123456", 11),
            306: [*f32(229.5), *f32(230.25), *f32(231.0)],
            320: [*f32(10.0), *f32(10.0), *f32(10.0)],
            344: f32(power_w),
            374: [0x4132, 0xD687, 0x0000, 0x0000],  # the float64 1234567
            1200: 1,
            1201: text(state, 5),
            1206: f32(10.0),
            1210: f32(10.0),
            1212: f32(6.0),
            1215: 3,
        }
        | {int(register[1:]): words for register, words in others.items()}
    )


async def test_what_it_says() -> None:
    async with played("alfen-eve", image(), **OWNER) as device:
        assert device.config.connection.unit == 1
        assert await device.read() == {
            "text": "C2",
            "status": "C",
            "availability": "ok",
            "fault": "ok",
            "power": 6900,
            "current_l1": 10,
            "current_l2": 10,
            "current_l3": 10,
            "voltage_l1": 229.5,
            "voltage_l2": 230.25,
            "voltage_l3": 231,
            "energy": 1234567,
            "current_offered": 10,
            "own_safe_current": 6,
            "serial": "ACE0123456",
            "model": "NG910",
            "firmware": "6.4.0-4210",
            "limit": 10,
            "phase_count": 3,
        }


STATES = {"A": "A", "E": "A", "B1": "B", "B2": "B", "C1": "B", "C2": "C", "D1": "B", "D2": "C", "F": "F"}


@pytest.mark.parametrize(("state", "status"), STATES.items())
async def test_what_its_states_mean(state: str, status: str) -> None:
    async with played("alfen-eve", image(state), **OWNER) as device:
        assert (await device.read())["status"] == status


async def test_a_state_that_nobody_knows_is_none() -> None:
    async with played("alfen-eve", image("X"), **OWNER) as device:
        assert "status" not in await device.read()


async def test_what_it_does_not_have_is_unknown_and_a_charger_out_of_order_says_so() -> None:
    broken = image(_344=NOTHING, _322=NOTHING, _1200=0)
    del broken.holding[1215]
    async with played("alfen-eve", broken, **OWNER) as device:
        readings = await device.read()
        assert readings["fault"] == "out of order"
        assert not {"power", "current_l2", "phase_count"} & readings.keys()


@pytest.mark.parametrize(("wanted_a", "written_a"), [(16, 16), (9.36, 9.3), (40, 16), (5.9, 0), (0, 0)])
async def test_its_limit_is_written_as_a_whole(wanted_a: float, written_a: float) -> None:
    async with played("alfen-eve", image(), **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [Written(16, 1210, f32(written_a))]
        assert await device.told("current_limit", wanted_a, again=True) == [Written(16, 1210, f32(written_a))]
        assert await device.released("current_limit") == [Written(16, 1210, f32(16))]


def test_it_is_reminded_before_it_forgets() -> None:
    command = configured("alfen-eve", **OWNER).make.commands["current_limit"]
    assert (command.refresh_s, command.timeout_s({})) == (25, 60)


async def test_its_phases_are_switched_by_function_16_and_never_while_the_car_charges() -> None:
    async with played("alfen-eve", image("C1", power_w=20.0), **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(16, 1215, [1])]
        assert await device.told("phase_count", 3) == [Written(16, 1215, [3])]
    for charging in (
        image(power_w=0.0),
        image("C1", power_w=900.0),
        image("X", power_w=0.0),
        image("B2", _344=NOTHING),
    ):
        async with played("alfen-eve", charging, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="the car is charging"):
                await device.told("phase_count", 1)


async def test_one_of_the_manual_of_2025_is_read_and_told_by_that() -> None:
    keys = {"address_base": 1, "order": "CDAB"}
    other = Image({register - 1: word for register, word in image().holding.items()})
    for register in (305, 307, 309, 319, 321, 323, 343, 1205, 1209, 1211):
        words = other.holding
        words[register], words[register + 1] = words[register + 1], words[register]
    words = [other.holding[each] for each in range(373, 377)]
    other.holding |= dict(enumerate(words[::-1], 373))
    async with played("alfen-eve", other, **OWNER, **keys) as device:
        readings = await device.read()
        assert (readings["power"], readings["energy"], readings["serial"]) == (6900, 1234567, "ACE0123456")
        assert await device.told("current_limit", 16) == [Written(16, 1209, f32(16)[::-1])]


async def test_the_second_socket_is_another_unit() -> None:
    assert configured("alfen-eve", socket=2, **OWNER).connection.unit == 2

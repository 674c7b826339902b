"""SG-Ready contacts on a Modbus relay board: their image, and what they are told."""

import pytest

from tests.profiles.image import Image, Pause, Written, played

VICTRON = {"table": "holding", "unit_id": 100, "relay_1": 806, "relay_2": 807}
ON, OFF = 1, 0


@pytest.mark.parametrize(("first", "second", "state"), [(OFF, OFF, 2), (ON, OFF, 1), (OFF, ON, 3), (ON, ON, 4)])
async def test_what_it_says(first: int, second: int, state: int) -> None:
    async with played("sg-ready-relays", Image(coils={0: [first, second]})) as device:
        assert await device.read() == {
            "contact_1": bool(first),
            "contact_2": bool(second),
            "closed_1": bool(first),
            "closed_2": bool(second),
            "sg_state": state,
        }


def relay(number: int, is_on: int) -> Written:
    return Written(5, number, [is_on])


async def test_a_contact_opens_before_the_other_closes_and_the_one_that_blocks_closes_last() -> None:
    async with played("sg-ready-relays", Image(coils={0: [OFF, OFF]})) as device:
        for mode, told, state in (
            ("off", [relay(1, OFF), Pause(1), relay(0, ON)], 1),
            ("boost", [relay(0, OFF), Pause(1), relay(1, ON)], 3),
            ("forced", [Pause(1), relay(1, ON), relay(0, ON)], 4),
            ("normal", [relay(0, OFF), relay(1, OFF), Pause(1)], 2),
        ):
            assert await device.told("mode", mode) == told
            assert (await device.read())["sg_state"] == state
        assert await device.released("mode") == [relay(0, OFF), relay(1, OFF)]


async def test_contacts_that_are_closed_while_their_relays_are_off_and_swapped() -> None:
    keys = {"inverted": True, "relay_1": 5, "relay_2": 2}
    async with played("sg-ready-relays", Image(coils={2: ON, 5: ON}), **keys) as device:
        assert (await device.read())["sg_state"] == 2
        assert await device.told("mode", "off") == [relay(2, ON), Pause(1), relay(5, OFF)]
        assert (await device.read())["sg_state"] == 1
        assert await device.told("mode", "forced") == [Pause(1), relay(2, OFF), relay(5, OFF)]
        assert (await device.read())["sg_state"] == 4
        assert await device.released("mode") == [relay(5, ON), relay(2, ON)]


async def test_the_relays_of_a_victron_gx() -> None:
    async with played("sg-ready-relays", Image({806: [OFF, ON]}), **VICTRON) as device:
        assert device.config.connection.unit == 100
        assert (await device.read())["sg_state"] == 3
        assert await device.told("mode", "off") == [Written(6, 807, [OFF]), Pause(1), Written(6, 806, [ON])]
        assert (await device.read())["sg_state"] == 1
        assert await device.released("mode") == [Written(6, 806, [OFF]), Written(6, 807, [OFF])]

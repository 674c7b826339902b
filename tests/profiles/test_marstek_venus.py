"""Marstek Venus: the images of both generations, and what they are told."""

from collections.abc import Callable

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, configured, i16, i32, played, text

OWNER = {"capacity": "5.12 kWh", "max_charge_power": "2.5 kW", "max_discharge_power": "2.5 kW"}
ON, OFF = Written(6, 42000, [21930]), Written(6, 42000, [21947])
STOP, CHARGE, DISCHARGE = (Written(6, 42010, [each]) for each in (0, 1, 2))
SELF_CONSUMPTION = Written(6, 43000, [1])


def shared(**told: int) -> dict[int, int | list[int]]:
    """What both generations have; *told* is what it says otherwise."""
    said = {"status": 3, "remote": 21947, "forced": 0, "charge_limit": 2500, "discharge_limit": 800} | told
    return {
        31000: text("VenusE", 10),
        35100: said["status"],
        42000: said["remote"],
        42010: said["forced"],
        42020: [0, 0],
        43000: 1,
        44002: [said["charge_limit"], said["discharge_limit"]],
    }


def v12(**told: int) -> Image:
    return Image(shared(**told) | {32104: 55, 32202: i32(700)})


def v3(**told: int) -> Image:
    return Image(shared(**told) | {34002: 555, 30006: i16(-1200)})


SAYS = {
    "status": "discharging",
    "charge_limit": 2500,
    "discharge_limit": 800,
    "device_name": "VenusE",
    "remote": "off",
    "forced": "stop",
    "forced_charge": 0,
    "forced_discharge": 0,
}


async def test_what_the_first_two_generations_say() -> None:
    async with played("marstek-venus", v12(), **OWNER) as device:
        assert await device.read() == SAYS | {"soc": 55, "power": -700}


async def test_what_the_third_says() -> None:
    async with played("marstek-venus", v3(), **OWNER) as device:
        assert await device.read() == SAYS | {"soc": 55.5, "power": 1200, "soc_v3": 55.5}


@pytest.mark.parametrize("image", [v12, v3])
async def test_one_whose_exceptions_say_that_they_are_longer_is_read_all_the_same(image: Callable[[], Image]) -> None:
    lying = image()
    lying.counts_too_many = True
    async with played("marstek-venus", lying, **OWNER) as device:
        assert {"soc", "power"} <= (await device.read()).keys()
        assert await device.told("power_setpoint", 1000.0)


async def test_one_that_answers_with_0_where_it_has_nothing_is_not_taken_for_a_third() -> None:
    peer = v12()
    peer.holding[34002] = 0
    async with played("marstek-venus", peer, **OWNER) as device:
        assert (await device.read())["soc"] == 55


@pytest.mark.parametrize(("version", "soc", "power_w"), [("v12", 55, -700), ("v3", 55.5, 1200)])
async def test_its_owner_may_say_which_it_is(version: str, soc: float, power_w: float) -> None:
    both = Image(v12().holding | v3().holding)
    async with played("marstek-venus", both, **OWNER, version=version) as device:
        readings = await device.read()
        assert (readings["soc"], readings["power"]) == (soc, power_w)


@pytest.mark.parametrize("peer", [v12, v3])
@pytest.mark.parametrize(
    ("wanted_w", "written"),
    [
        (1500, [ON, Written(6, 42020, [1500]), CHARGE]),
        (1500.9, [ON, Written(6, 42020, [1500]), CHARGE]),
        (9000, [ON, Written(6, 42020, [2500]), CHARGE]),
        (-500, [ON, Written(6, 42021, [500]), DISCHARGE]),
        (-2000, [ON, Written(6, 42021, [800]), DISCHARGE]),
        (0, [ON, STOP]),
    ],
)
async def test_both_are_told_the_same(peer: Callable[..., Image], wanted_w: float, written: list[Written]) -> None:
    async with played("marstek-venus", peer(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == written


async def test_the_power_of_a_direction_is_there_before_it() -> None:
    async with played("marstek-venus", v12(), **OWNER) as device:
        await device.told("power_setpoint", 2000.0)
        assert await device.told("power_setpoint", -300.0) == [ON, Written(6, 42021, [300]), DISCHARGE]
        assert await device.told("power_setpoint", 100.0) == [ON, Written(6, 42020, [100]), CHARGE]


async def test_one_that_does_not_tell_its_limits_is_told_no_more_than_there_is() -> None:
    peer = v12()
    del peer.holding[44002], peer.holding[44003]
    owner = OWNER | {"max_charge_power": "5 kW", "max_discharge_power": "5 kW"}
    async with played("marstek-venus", peer, **owner) as device:
        assert Written(6, 42020, [2500]) in await device.told("power_setpoint", 9000.0)
        assert Written(6, 42021, [2500]) in await device.told("power_setpoint", -9000.0)


@pytest.mark.parametrize("peer", [v12, v3])
async def test_given_back_it_stops_first(peer: Callable[..., Image]) -> None:
    async with played("marstek-venus", peer(), **OWNER) as device:
        await device.told("power_setpoint", 2000.0)
        assert await device.released("power_setpoint") == [STOP, SELF_CONSUMPTION, OFF]


async def test_what_a_crash_left_is_stopped_and_what_is_off_is_not_told_to_stop() -> None:
    async with played("marstek-venus", v12(remote=21930, forced=1), **OWNER) as device:
        assert await device.released("power_setpoint") == [STOP, SELF_CONSUMPTION, OFF]
    async with played("marstek-venus", v12(remote=0), **OWNER) as device:
        assert await device.released("power_setpoint") == [SELF_CONSUMPTION, OFF]


@pytest.mark.parametrize(("own_mode", "number"), [("manual", 0), ("self_consumption", 1), ("ai", 2)])
async def test_its_owner_says_what_it_goes_back_to(own_mode: str, number: int) -> None:
    async with played("marstek-venus", v12(), **OWNER, own_mode=own_mode) as device:
        assert await device.released("power_setpoint") == [Written(6, 43000, [number]), OFF]


@pytest.mark.parametrize("status", [4, 5])
async def test_while_it_updates_itself_or_carries_the_house_it_is_left_alone(status: int) -> None:
    async with played("marstek-venus", v12(status=status), **OWNER) as device:
        with pytest.raises(DeviceRefused, match="the battery updates its firmware or has no grid"):
            await device.told("power_setpoint", 1000.0)
        assert await device.released("power_setpoint") == [SELF_CONSUMPTION, OFF]


async def test_a_state_that_is_not_known_keeps_nothing_back() -> None:
    async with played("marstek-venus", v12(status=17), **OWNER) as device:
        assert (await device.read())["status"] == "unknown"
        assert await device.told("power_setpoint", 0.0) == [ON, STOP]


def test_its_order_is_repeated_before_it_is_forgotten() -> None:
    command = configured("marstek-venus", **OWNER).commands["power_setpoint"]
    assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (30, 90, "skip")


def test_what_it_may_lack() -> None:
    points = configured("marstek-venus", **OWNER).points
    assert {name for name, point in points.items() if point.optional} == {
        "charge_limit",
        "discharge_limit",
        "soc_v3",
        "device_name",
    }


async def test_a_charge_beyond_100_is_none() -> None:
    for peer, register in ((v12(), 32104), (v3(), 34002)):
        peer.holding[register] = 0xFFFF
        async with played("marstek-venus", peer, **OWNER, version="v3" if register == 34002 else "v12") as device:
            assert "soc" not in await device.read()

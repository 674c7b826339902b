"""KEBA P30 and P40: their images, and what they are told, one register at a time."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, played, u32

OWNER = {"max_current": "16 A", "safe_current": "8 A"}
AT_ONCE = {"gap": "0 s"}


def image(state: int = 3, cable: int = 7, **others: Words) -> Image:
    """A P30 with a car that charges by 10 A."""
    return Image(
        {
            1000: u32(state),
            1004: u32(cable),
            1008: u32(10_012),
            1010: u32(9_988),
            1012: u32(10_000),
            1014: u32(17619300),
            1016: u32(307010),
            1018: u32(0x030A2A00),
            1020: u32(6_900_000),
            1036: u32(12_345_678),
            1040: u32(229),
            1042: u32(230),
            1044: u32(231),
            1110: u32(32_000),
            1550: u32(3),
            1600: u32(8000),
            1602: u32(60),
        }
        | {int(register[1:]): words for register, words in others.items()}
    )


def p40(firmware: int = 10201) -> Image:
    return image(_1016=u32(4307010), _1018=u32(firmware))


async def test_what_it_says() -> None:
    async with played("keba-p30", image(), connection=AT_ONCE, **OWNER) as device:
        assert device.config.connection.unit == 255
        assert await device.read() == {
            "state": "charging",
            "cable": 7,
            "status": "C",
            "fault": "ok",
            "power": 6900,
            "current_l1": 10.012,
            "current_l2": 9.988,
            "current_l3": 10,
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "counter": 1234567.8,
            "energy": 1234567.8,
            "current_max": 32,
            "serial": 17619300,
            "product": 307010,
            "firmware": 0x030A2A00,
            "is_p40": False,
            "phase_source": 3,
            "own_safe_current": 8,
            "own_timeout": 60,
        }


@pytest.mark.parametrize(
    ("state", "cable", "status"),
    [
        (0, 0, "A"),
        (1, 0, "A"),
        (1, 1, "A"),
        (1, 3, "A"),
        (1, 5, "B"),
        (1, 7, "B"),
        (2, 7, "B"),
        (3, 7, "C"),
        (5, 7, "B"),
        (4, 7, "E"),
    ],
)
async def test_what_its_states_mean(state: int, cable: int, status: str) -> None:
    async with played("keba-p30", image(state, cable), connection=AT_ONCE, **OWNER) as device:
        readings = await device.read()
        assert readings["status"] == status
        assert (readings["fault"] == "ok") == (state != 4)


async def test_one_that_was_disabled_does_not_seem_to_wait_for_a_card() -> None:
    async with played("keba-p30", image(1, _1020=u32(0)), connection=AT_ONCE, **OWNER) as device:
        await device.told("current_limit", 0)
        assert (await device.read()).get("authorised", True)


async def test_a_p30_is_told_a_current_and_disabled_rather_than_told_none() -> None:
    async with played("keba-p30", image(), connection=AT_ONCE, **OWNER) as device:
        on = [Written(6, 5004, [10_000]), Written(6, 5014, [1])]
        assert await device.told("current_limit", 10) == on
        assert await device.told("current_limit", 10, again=True) == on
        for stopped_a in (0, 5.9):
            assert await device.told("current_limit", stopped_a) == [Written(6, 5014, [0])]
        assert await device.told("current_limit", 40) == [Written(6, 5004, [16_000]), Written(6, 5014, [1])]
        assert await device.released("current_limit") == [Written(6, 5004, [16_000]), Written(6, 5014, [1])]


async def test_a_p40_is_told_no_current() -> None:
    async with played("keba-p30", p40(), connection=AT_ONCE, **OWNER) as device:
        assert await device.told("current_limit", 10) == [Written(6, 5004, [10_000])]
        assert await device.told("current_limit", 0) == [Written(6, 5004, [0])]
        assert await device.released("current_limit") == [Written(6, 5004, [16_000])]


@pytest.mark.parametrize(("firmware", "energy_wh"), [(10200, 12_345_678), (10201, 1_234_567.8)])
async def test_early_firmware_of_a_p40_counts_in_other_units(firmware: int, energy_wh: float) -> None:
    async with played("keba-p30", p40(firmware), connection=AT_ONCE, **OWNER) as device:
        assert (await device.read())["energy"] == pytest.approx(energy_wh)


async def test_its_failsafe_is_set_where_it_differs() -> None:
    async with played("keba-p30", image(), connection=AT_ONCE, **OWNER) as device:
        assert await device.started() == []
    async with played("keba-p30", image(_1600=u32(0), _1602=u32(0)), connection=AT_ONCE, **OWNER) as device:
        assert await device.started() == [Written(6, 5016, [8000]), Written(6, 5018, [60])]
    mute = image()
    for register in (1600, 1601, 1602, 1603):
        del mute.holding[register]
    async with played("keba-p30", mute, connection=AT_ONCE, **OWNER) as device:
        assert await device.started() == [Written(6, 5016, [8000]), Written(6, 5018, [60])]


def test_it_is_reminded_before_its_failsafe_and_not_hurried() -> None:
    make = configured("keba-p30", **OWNER).make
    limit, phases = make.commands["current_limit"], make.commands["phase_count"]
    assert (limit.refresh_s, limit.timeout_s({}), limit.interval_s, phases.interval_s) == (20, 60, 5, 300)


async def test_its_phases_are_switched_where_modbus_may_and_never_while_the_car_charges() -> None:
    async with played("keba-p30", image(5, _1020=u32(0)), connection=AT_ONCE, **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(6, 5052, [0])]
        assert await device.told("phase_count", 3) == [Written(6, 5052, [1])]
    for other in (image(_1020=u32(0)), image(5), image(5, _1020=u32(0), _1550=u32(2))):
        async with played("keba-p30", other, connection=AT_ONCE, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="the car is charging, or Modbus is not its source of phases"):
                await device.told("phase_count", 1)

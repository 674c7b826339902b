"""Bender CC612 and CC613: the images of older and newer ones, and what they are told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, played, text, u32

OWNER = {"max_current": "16 A", "safe_current": "8.5 A"}
NOTHING = u32(0xFFFFFFFF)


def image(state: int = 3, **others: Words) -> Image:
    """One that is told whole amperes, with a car that charges by 10 A."""
    return Image(
        {
            100: text("5.22", 2),
            104: 2,
            122: state,
            131: 8,
            132: 60,
            140: 1,
            142: text("CC613", 10),
            200: [*NOTHING, *NOTHING, *NOTHING],
            206: [*NOTHING, *NOTHING, *NOTHING],
            212: [*u32(10_012), *u32(9_988), *u32(10_000)],
            218: u32(1_234_567),
            220: u32(6900),
            222: [*u32(229), *u32(230), *u32(231)],
            715: 16,
            720: text("04A2B1C3", 10),
            730: 55,
            1000: 10,
        }
        | {int(register[1:]): words for register, words in others.items()}
    )


def mennekes(**others: Words) -> Image:
    """One that is told tenths of an ampere, and how much power it may take."""
    return image(**{"_1001": 100, "_1002": 65535, **others})


async def test_what_it_says() -> None:
    async with played("bender-cc", image(), **OWNER) as device:
        assert await device.read() == {
            "firmware": "5.22",
            "model": "CC613",
            "state": "C",
            "status": "C",
            "fault": "ok",
            "relay": "three phases",
            "total_power": 6900,
            "power": 6900,
            "current_l1": 10.012,
            "current_l2": 9.988,
            "current_l3": 10,
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "total_energy": 1_234_567,
            "energy": 1_234_567,
            "current_max": 16,
            "car_id": "04A2B1C3",
            "vehicle_soc": 55,
            "limit": 10,
            "own_safe_current": 8,
            "own_timeout": 60,
        }


@pytest.mark.parametrize(("state", "status"), [(1, "A"), (2, "B"), (3, "C"), (4, "D"), (5, "E")])
async def test_what_its_states_mean(state: int, status: str) -> None:
    async with played("bender-cc", image(state), **OWNER) as device:
        readings = await device.read()
        assert readings["status"] == status
        assert (readings["fault"] == "ok") == (state != 5)


async def test_early_firmware_measures_phase_by_phase() -> None:
    early = image(_200=[*u32(1000), *u32(2000), *u32(3000)], _206=[*u32(2290), *u32(2300), *u32(2310)])
    for register in (140, *range(142, 152), 218, 219, 220, 221, 730):
        del early.holding[register]
    async with played("bender-cc", early, **OWNER) as device:
        readings = await device.read()
        assert (readings["power"], readings["energy"]) == (6900, 6000)


async def test_without_a_meter_nothing_is_known_and_an_unknown_soc_is_not_zero() -> None:
    bare = image(_212=[*NOTHING, *NOTHING, *NOTHING], _218=NOTHING, _220=NOTHING, _222=[0] * 6, _730=0)
    async with played("bender-cc", bare, **OWNER) as device:
        assert not {"power", "energy", "current_l1", "voltage_l1", "vehicle_soc"} & (await device.read()).keys()


@pytest.mark.parametrize(("wanted_a", "written_a"), [(10, 10), (9.9, 9), (40, 16), (5.9, 0), (0, 0)])
async def test_one_is_told_whole_amperes(wanted_a: float, written_a: int) -> None:
    async with played("bender-cc", image(), **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [Written(16, 1000, [written_a])]
        assert await device.told("current_limit", wanted_a, again=True) == [Written(16, 1000, [written_a])]
        assert await device.released("current_limit") == [Written(16, 1000, [16])]


@pytest.mark.parametrize("other", [mennekes(), image(_1001=100)], ids=["with 1002", "without"])
async def test_another_is_told_tenths(other: Image) -> None:
    async with played("bender-cc", other, **OWNER) as device:
        assert await device.told("current_limit", 9.36) == [Written(16, 1001, [93])]
        assert await device.told("current_limit", 0) == [Written(16, 1001, [0])]
        assert await device.released("current_limit") == [Written(16, 1001, [160])]


@pytest.mark.parametrize("other", [mennekes(), image(_1001=100)], ids=["with 1002", "without"])
async def test_another_is_not_asked_what_makes_it_hang_up(other: Image) -> None:
    async with played("bender-cc", other, **OWNER) as device:
        assert not any(point.register == 730 for point in device.make.points.values())


def test_it_is_reminded_before_its_failsafe() -> None:
    command = configured("bender-cc", **OWNER).make.commands["current_limit"]
    assert (command.refresh_s, command.timeout_s({})) == (20, 60)


async def test_its_failsafe_is_set_in_whole_amperes_where_it_differs() -> None:
    async with played("bender-cc", image(), **OWNER) as device:
        assert await device.started() == []
    async with played("bender-cc", image(_131=16, _132=0), **OWNER) as device:
        assert await device.started() == [Written(16, 131, [8]), Written(16, 132, [60])]
    mute = image()
    for register in (131, 132):
        del mute.holding[register]
    async with played("bender-cc", mute, **OWNER) as device:
        assert await device.started() == []


async def test_phases_are_switched_by_a_power_and_never_while_the_car_charges() -> None:
    async with played("bender-cc", mennekes(_122=2, _220=u32(0)), **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(16, 1002, [3725])]
        assert await device.told("phase_count", 3) == [Written(16, 1002, [65535])]
        assert await device.released("phase_count") == [Written(16, 1002, [65535])]
    for charging in (mennekes(_220=u32(0)), mennekes(_122=2), mennekes(_122=4, _220=u32(0))):
        async with played("bender-cc", charging, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="the car is charging"):
                await device.told("phase_count", 1)
    async with played("bender-cc", image(), **OWNER) as device:
        assert "phase_count" not in device.commands

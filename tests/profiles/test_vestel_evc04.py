"""Vestel EVC04: its image, with holes between the registers, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, played, u32

OWNER = {"max_current": "16 A", "safe_current": "8.5 A"}


def wide(value: str, registers: int) -> list[int]:
    """A character in each register."""
    return [ord(each) for each in value.ljust(registers, "\0")]


def image(station: int = 2, charging: int = 1, cable: int = 3, **others: Words) -> Image:
    """A car that charges by 10 A."""
    changed = {int(register[1:]): words for register, words in others.items()}
    holding: dict[int, Words] = {405: 1, 2000: 8, 2002: 20, 5004: 10}
    return Image(
        holding | {each: words for each, words in changed.items() if each in holding},
        input={
            100: wide("5720W2101", 25),
            190: wide("Webasto", 10),
            210: wide("UNITE", 5),
            230: wide("v3.187.0-1.0.91.0", 50),
            404: 1,
            1000: station,
            1001: charging,
            1004: cable,
            1006: u32(0),
            1008: 10_012,
            1010: 9_988,
            1012: 10_000,
            1014: 229,
            1016: 230,
            1018: 231,
            1020: u32(6900),
            1036: u32(12_345),
            1104: 32,
            1502: u32(4321),
        }
        | {each: words for each, words in changed.items() if each not in holding},
    )


async def test_what_it_says() -> None:
    async with played("vestel-evc04", image(), **OWNER) as device:
        assert device.config.connection.unit == 255
        assert await device.read() == {
            "serial": "5720W2101",
            "brand": "Webasto",
            "model": "UNITE",
            "firmware": "v3.187.0-1.0.91.0",
            "station": "charging",
            "charging": 1,
            "cable": 3,
            "status": "C",
            "fault_code": 0,
            "fault": "ok",
            "current_l1": 10.012,
            "current_l2": 9.988,
            "current_l3": 10,
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "power": 6900,
            "energy": 1_234_500,
            "session_energy": 4321,
            "current_max": 32,
            "own_safe_current": 8,
            "own_timeout": 20,
            "limit": 10,
            "phase_count": 3,
        }


@pytest.mark.parametrize(
    ("station", "charging", "cable", "status"),
    [
        (0, 0, 0, "A"),
        (0, 0, 1, "A"),
        (1, 0, 2, "B"),
        (1, 0, 3, "B"),
        (2, 1, 3, "C"),
        (3, 0, 3, "B"),
        (4, 0, 3, "B"),
        (5, 0, 3, "B"),
        (6, 0, 0, "A"),
        (7, 0, 0, "F"),
        (8, 0, 3, "E"),
    ],
)
async def test_what_its_states_mean(station: int, charging: int, cable: int, status: str) -> None:
    async with played("vestel-evc04", image(station, charging, cable), **OWNER) as device:
        readings = await device.read()
        assert readings["status"] == status
        assert (readings["fault"] == "ok") == (station != 8)


async def test_a_fault_code_is_a_fault() -> None:
    async with played("vestel-evc04", image(_1006=u32(0x20)), **OWNER) as device:
        assert (await device.read())["fault"] == "the charger reports a fault"


@pytest.mark.parametrize(("wanted_a", "written_a"), [(10, 10), (9.9, 9), (40, 16), (5.9, 0), (0, 0)])
async def test_its_limit_and_that_its_master_is_there(wanted_a: float, written_a: int) -> None:
    async with played("vestel-evc04", image(), **OWNER) as device:
        told = [Written(6, 5004, [written_a]), Written(6, 6000, [1])]
        assert await device.told("current_limit", wanted_a) == told
        assert await device.told("current_limit", wanted_a, again=True) == told
        assert await device.released("current_limit") == [Written(6, 5004, [16])]


def test_it_hears_of_its_master_before_half_of_its_time_is_over() -> None:
    command = configured("vestel-evc04", **OWNER).make.commands["current_limit"]
    assert (command.refresh_s, command.timeout_s({})) == (5, 20)


async def test_its_failsafe_is_set_in_whole_amperes_where_it_differs() -> None:
    async with played("vestel-evc04", image(), **OWNER) as device:
        assert await device.started() == []
    async with played("vestel-evc04", image(_2000=0, _2002=60), **OWNER) as device:
        assert await device.started() == [Written(6, 2000, [8]), Written(6, 2002, [20])]


async def test_its_phases_are_never_switched_while_the_car_charges() -> None:
    async with played("vestel-evc04", image(3, charging=0, _1020=u32(0)), **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(6, 405, [0])]
        assert (await device.read())["phase_count"] == 1
        assert await device.told("phase_count", 3) == [Written(6, 405, [1])]
    for charging in (image(_1020=u32(0)), image(3, charging=0)):
        async with played("vestel-evc04", charging, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="the car is charging"):
                await device.told("phase_count", 1)


async def test_one_that_cannot_switch_phases_is_still_read_and_told() -> None:
    early = image()
    del early.holding[405]
    async with played("vestel-evc04", early, **OWNER) as device:
        assert "phase_count" not in await device.read()
        assert await device.told("current_limit", 0) == [Written(6, 5004, [0]), Written(6, 6000, [1])]

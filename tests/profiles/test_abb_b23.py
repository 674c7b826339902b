"""ABB's meters: whole numbers in holding registers, and what a meter of one phase makes of them."""

import pytest

from s2d.values import Quality
from tests.profiles.image import Image, configured, i32, played, text, u32, u64

NO_I32, NO_U32, NO_U64 = [0x7FFF, 0xFFFF], [0xFFFF] * 2, [0xFFFF] * 4
THREE_PHASES = {
    0x5000: u64(123456),
    0x5004: u64(2**33 + 5),
    0x5B00: [*u32(2295), *u32(2305), *u32(2315)],
    0x5B06: [*NO_U32, *NO_U32, *NO_U32],
    0x5B0C: [*u32(150), *u32(250), *u32(725)],
    0x5B12: NO_U32,
    0x5B14: [*i32(-125050), *i32(-30025), *i32(-55000), *i32(-150025)],
    0x8900: u32(3000000001),
    0x8908: text("B1.20", 8),
    0x8960: text("B23 ", 2),
}
ONE_PHASE = THREE_PHASES | {
    0x5B02: [*NO_U32, *NO_U32],
    0x5B0E: [*NO_U32, *NO_U32],
    0x5B16: [*NO_I32, *NO_I32, *NO_I32],
    0x8960: text("B21 ", 2),
}


async def test_what_a_meter_of_three_phases_says() -> None:
    async with played("abb-b23", Image(THREE_PHASES)) as device:
        assert await device.read() == pytest.approx(
            {
                "power": -1250.5,
                "power_l1": -300.25,
                "power_l2": -550,
                "power_l3": -1500.25,
                "voltage_l1": 229.5,
                "voltage_l2": 230.5,
                "voltage_l3": 231.5,
                "current_l1": 1.5,
                "current_l2": 2.5,
                "current_l3": 7.25,
                "energy_import": 1234560,
                "energy_export": (2**33 + 5) * 10,
                "serial": 3000000001,
                "version": "B1.20",
                "type": "B23",
            }
        )


async def test_the_only_phase_of_a_b21_is_the_total() -> None:
    async with played("abb-b23", Image(ONE_PHASE)) as device:
        assert await device.read() == pytest.approx(
            {
                "power": -1250.5,
                "power_l1": -1250.5,
                "voltage_l1": 229.5,
                "current_l1": 1.5,
                "energy_import": 1234560,
                "energy_export": (2**33 + 5) * 10,
                "serial": 3000000001,
                "version": "B1.20",
                "type": "B21",
            }
        )


async def test_what_it_does_not_measure_is_absent() -> None:
    bronze = Image(THREE_PHASES)
    for register, nothing in {0x5000: NO_U64, 0x5004: NO_U64, 0x8900: NO_U32}.items():
        bronze.holding |= Image({register: nothing}).holding
    bronze.holding |= Image({0x5B00: NO_U32 * 10, 0x5B14: NO_I32 * 4}).holding
    async with played("abb-b23", bronze) as device:
        assert await device.read() == {"version": "B1.20", "type": "B23"}
        qualities = {each.quality for each in (await device.readings()).values()}
        assert qualities == {Quality.GOOD, Quality.ABSENT}


async def test_one_that_tells_no_type_is_taken_for_one_of_three_phases() -> None:
    nameless = {register: words for register, words in THREE_PHASES.items() if register < 0x8900}
    async with played("abb-b23", Image(nameless)) as device:
        readings = await device.read()
        assert readings["power_l2"] == -550
        assert not readings.keys() & {"type", "serial", "version"}


def test_what_a_meter_may_lack() -> None:
    points = configured("abb-b23").points
    assert {name for name, point in points.items() if not point.optional} == {
        "power",
        "voltage_l1",
        "current_l1",
        "energy_import",
    }


def test_its_line_is_even_unless_the_owner_says_otherwise() -> None:
    line = configured("abb-b23", connection={"serial": "/dev/ttyUSB0"}).connection
    assert (line.unit, line.baudrate, line.parity) == (1, 19200, "E")
    assert configured("abb-b23", connection={"serial": "/dev/ttyUSB0", "parity": "N"}).connection.parity == "N"

"""Eastron's meters of three phases: floats in input registers, and one that has less of them."""

from s2d.values import Quality
from tests.profiles.image import Image, configured, f32, played

TOTALS = {0x34: f32(-1250.5), 0x48: f32(1234.5), 0x4A: f32(56.25)}
PHASES = {
    0x00: [*f32(229.5), *f32(230.5), *f32(231.5)],
    0x06: [*f32(1.5), *f32(2.5), *f32(7.25)],
    0x0C: [*f32(-300.25), *f32(550), *f32(-1500.25)],
}
BETWEEN = {0x12: [0] * 0x22, 0x36: [0] * 0x12}


async def test_what_it_says() -> None:
    async with played("eastron-sdm630", Image(input=BETWEEN | PHASES | TOTALS)) as device:
        assert await device.read() == {
            "power": -1250.5,
            "power_l1": -300.25,
            "power_l2": 550,
            "power_l3": -1500.25,
            "voltage_l1": 229.5,
            "voltage_l2": 230.5,
            "voltage_l3": 231.5,
            "current_l1": 1.5,
            "current_l2": 2.5,
            "current_l3": 7.25,
            "energy_import": 1234500,
            "energy_export": 56250,
        }


async def test_one_without_phases_says_the_rest() -> None:
    async with played("eastron-sdm630", Image(input=TOTALS)) as device:
        needed = {name for name, point in device.make.points.items() if not point.optional}
        assert needed == {"power", "energy_import", "energy_export"}
        assert await device.read() == {"power": -1250.5, "energy_import": 1234500, "energy_export": 56250}


async def test_no_number_is_no_value() -> None:
    async with played("eastron-sdm630", Image(input=BETWEEN | PHASES | TOTALS | {0x34: [0x7FC0, 0]})) as device:
        power = (await device.readings())["power"]
        assert (power.value, power.quality) == (None, Quality.ABSENT)


def test_its_line_is_the_owners_to_say() -> None:
    line = configured("eastron-sdm630", connection={"serial": "/dev/ttyUSB0"}).connection
    assert (line.unit, line.baudrate, line.parity) == (1, 9600, "N")
    line = configured(
        "eastron-sdm630", connection={"serial": "/dev/ttyUSB0", "baudrate": 2400, "parity": "E"}
    ).connection
    assert (line.unit, line.baudrate, line.parity) == (1, 2400, "E")

"""Eastron's meters of one phase: floats in input registers."""

from tests.profiles.image import Image, configured, f32, played

METER = {
    0x00: [*f32(231.5), *[0] * 4],
    0x06: [*f32(4.75), *[0] * 4],
    0x0C: [*f32(-1095.5), *[0] * 0x3A],
    0x48: f32(321.125),
    0x4A: f32(0.5),
}


async def test_what_it_says() -> None:
    async with played("eastron-sdm120", Image(input=METER)) as device:
        assert await device.read() == {
            "power": -1095.5,
            "power_l1": -1095.5,
            "voltage_l1": 231.5,
            "current_l1": 4.75,
            "energy_import": 321125,
            "energy_export": 500,
        }


def test_its_line_is_slow_unless_the_owner_says_otherwise() -> None:
    line = configured("eastron-sdm120", connection={"serial": "/dev/ttyUSB0"}).connection
    assert (line.unit, line.baudrate, line.parity) == (1, 2400, "N")
    assert (
        configured("eastron-sdm120", connection={"serial": "/dev/ttyUSB0", "baudrate": 9600}).connection.baudrate
        == 9600
    )


def test_it_may_be_behind_a_gateway() -> None:
    assert configured("eastron-sdm120", connection={"host": "gateway", "unit": 7}).connection.unit == 7

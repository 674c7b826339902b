"""Carlo Gavazzi's meters: low words first, and two places for their energies."""

import pytest

from s2d.values import Quality
from tests.profiles.image import Image, i32, played


def swapped(value: int) -> list[int]:
    return i32(value)[::-1]


METER = {
    0x00: [*swapped(2295), *swapped(2305), *swapped(2315)],
    0x0C: [*swapped(-1500), *swapped(-2500), *swapped(-7250)],
    0x12: [*swapped(-3002), *swapped(-5500), *swapped(-150025)],
    0x28: swapped(-147527),
    0x34: swapped(1_000_001),
    0x3E: swapped(3_000_003),
    0x42: swapped(4_000_004),
    0x4E: swapped(222),
    0x5C: swapped(555),
}


class Meter(Image):
    """Its register 0x0B is its *model* only if that is asked for alone; otherwise it is part of a voltage."""

    def __init__(self, model: int | None, without: tuple[int, ...] = ()) -> None:
        super().__init__(input=METER)
        self.input = dict.fromkeys(range(0x60), 0) | self.input
        for register in without:
            del self.input[register]
        self.model = model

    def answer(self, pdu: bytes) -> bytes:
        if pdu == bytes([4, 0, 0x0B, 0, 1]):
            return bytes([4, 2]) + self.model.to_bytes(2) if self.model is not None else bytes([0x84, 2])
        return super().answer(pdu)


@pytest.mark.parametrize("model", [341, 345, 331, 1648, 1744, None])
async def test_what_most_say(model: int | None) -> None:
    async with played("cg-em24", Meter(model)) as device:
        readings = await device.read()
        assert readings.pop("model_id", None) == model
        assert {name for name, point in device.make.points.items() if point.optional} == {"model_id", "energy_export"}
        assert readings == pytest.approx(
            {
                "power": -14752.7,
                "power_l1": -300.2,
                "power_l2": -550,
                "power_l3": -15002.5,
                "voltage_l1": 229.5,
                "voltage_l2": 230.5,
                "voltage_l3": 231.5,
                "current_l1": -1.5,
                "current_l2": -2.5,
                "current_l3": -7.25,
                "energy_import": 100_000_100,
                "energy_export": 22_200,
            }
        )


@pytest.mark.parametrize(
    ("model", "registers", "energies"),
    [
        (71, "auto", (300_000_300, 55_500)),
        (72, "auto", (300_000_300, 55_500)),
        (73, "auto", (300_000_300, 55_500)),
        (47, "em24", (300_000_300, 55_500)),
        (None, "em24", (300_000_300, 55_500)),
        (71, "em340", (100_000_100, 22_200)),
    ],
)
async def test_an_em24_with_rs485_has_its_energies_elsewhere(
    model: int | None, registers: str, energies: tuple[float, float]
) -> None:
    async with played("cg-em24", Meter(model), registers=registers) as device:
        readings = await device.read()
        assert (readings["energy_import"], readings["energy_export"]) == pytest.approx(energies)
        assert (readings["power"], readings["voltage_l1"]) == pytest.approx((-14752.7, 229.5))


async def test_an_em24_need_not_count_what_is_exported() -> None:
    async with played("cg-em24", Meter(72, without=(0x5C, 0x5D))) as device:
        assert "energy_export" not in await device.read()
        readings = await device.readings()
        assert readings["energy_import"].value == pytest.approx(300_000_300)
        assert readings["energy_export"].quality is Quality.BAD
        assert device.make.points["energy_export"].optional

"""SunSpec meters: maps as the standard defines them, alone and behind an inverter, and either sign."""

import pytest

from s2d.errors import ConfigError
from s2d.values import Quality
from tests.drivers.sunspec_peers import model, sunspec_map
from tests.profiles.image import Image, configured, played

METER = model(1, {"Mn": "Fronius", "Md": "Smart Meter", "SN": "17"})
INVERTER = model(1, {"Mn": "SolarEdge", "Md": "SE10K", "SN": "18"})
THREE_PHASES = {"W": 1234, "WphA": 400, "WphB": 300, "WphC": 534, "TotWhImp": 56789, "TotWhExp": 1234}
SCALES = {"W_SF": 0, "TotWh_SF": 2}
NAME = {
    "manufacturer_name": "Fronius",
    "model_name": "Smart Meter",
    "serial": "17",
    "first_manufacturer": "Fronius",
}


def image(*models: list[int]) -> Image:
    return Image({40000: sunspec_map(*models)})


@pytest.mark.parametrize("number", [203, 204])
async def test_three_phases_in_whole_numbers_and_scale_factors(number: int) -> None:
    async with played("sunspec-meter", image(METER, model(number, THREE_PHASES | SCALES))) as device:
        assert await device.read() == NAME | {
            "power": 1234,
            "power_l1": 400,
            "power_l2": 300,
            "power_l3": 534,
            "energy_import": 5678900,
            "energy_export": 123400,
        }


@pytest.mark.parametrize("number", [213, 214])
async def test_three_phases_in_floats(number: int) -> None:
    told = THREE_PHASES | {"W": -1234.5, "WphA": -400.25}
    async with played("sunspec-meter", image(METER, model(number, told))) as device:
        assert await device.read() == NAME | {
            "power": -1234.5,
            "power_l1": -400.25,
            "power_l2": 300,
            "power_l3": 534,
            "energy_import": 56789,
            "energy_export": 1234,
        }


@pytest.mark.parametrize(("number", "phases"), [(201, 1), (202, 2), (211, 1), (212, 2)])
async def test_with_fewer_phases_there_are_fewer(number: int, phases: int) -> None:
    told = {"W": 500, "WphA": 200, "WphB": 300, "TotWhImp": 70, "TotWhExp": 80}
    if number < 210:
        told |= {"W_SF": -1, "TotWh_SF": 0}
    async with played("sunspec-meter", image(METER, model(number, told))) as device:
        tenth = 0.1 if number < 210 else 1
        of_phases = {"power_l1": 200 * tenth, "power_l2": 300 * tenth} if phases == 2 else {"power_l1": 200 * tenth}
        of_all = {"power": 500 * tenth, "energy_import": 70, "energy_export": 80}
        assert await device.read() == pytest.approx(NAME | of_all | of_phases)


async def test_what_it_does_not_measure_is_absent_and_not_0() -> None:
    async with played("sunspec-meter", image(METER, model(203, {"W": -70, "W_SF": 1, "TotWh_SF": 0}))) as device:
        assert await device.read() == NAME | {"power": -700}
        readings = await device.readings()
        assert {name for name, each in readings.items() if each.quality is Quality.ABSENT} == {
            "power_l1",
            "power_l2",
            "power_l3",
            "energy_import",
            "energy_export",
        }
        assert {name for name, point in device.make.points.items() if not point.optional} == {"power"}


async def test_one_that_counts_export_is_turned_round() -> None:
    behind_inverter = image(INVERTER, model(103), METER, model(203, THREE_PHASES | SCALES))
    async with played("sunspec-meter", behind_inverter, reverse=True) as device:
        assert await device.read() == NAME | {
            "first_manufacturer": "SolarEdge",
            "power": -1234,
            "power_l1": -400,
            "power_l2": -300,
            "power_l3": -534,
            "energy_import": 5678900,
            "energy_export": 123400,
        }


async def test_the_second_of_a_unit() -> None:
    second = model(1, {"Mn": "SolarEdge", "Md": "Inline Meter", "SN": "19"})
    both = image(
        INVERTER, model(103), METER, model(203, THREE_PHASES | SCALES), second, model(203, {"W": 7, "W_SF": 1})
    )
    async with played("sunspec-meter", both, meter=2) as device:
        assert await device.read() == {
            "power": -70,
            "first_manufacturer": "SolarEdge",
            "manufacturer_name": "SolarEdge",
            "model_name": "Inline Meter",
            "serial": "19",
        }


async def test_a_meter_that_is_not_there_says_which_models_are() -> None:
    async with played("sunspec-meter", image(INVERTER, model(103), model(203)), meter=2) as device:
        power = (await device.readings())["power"]
        assert (power.value, power.quality) == (None, Quality.BAD)
        assert power.detail == (
            "the device has no 203#2:W nor 202#2:W nor 201#2:W nor 204#2:W nor 213#2:W nor 212#2:W nor 211#2:W "
            "nor 214#2:W; its SunSpec models are 1, 103, 203"
        )


def test_meters_are_counted_from_1() -> None:
    with pytest.raises(ConfigError, match="meter: must be at least 1, got 0"):
        configured("sunspec-meter", meter=0)


@pytest.mark.parametrize(
    ("maker", "keys", "power_w"),
    [
        ("SolarEdge", {}, -1234),
        ("SolarEdge ", {"reverse": True}, -1234),
        ("SolarEdge", {"reverse": False}, 1234),
        ("Fronius", {}, 1234),
        ("Fronius", {"reverse": True}, -1234),
    ],
)
async def test_which_way_it_counts_is_known_by_its_maker(maker: str, keys: dict[str, bool], power_w: float) -> None:
    inverter = model(1, {"Mn": maker, "Md": "X", "SN": "18"})
    async with played("sunspec-meter", image(inverter, METER, model(203, THREE_PHASES | SCALES)), **keys) as device:
        readings = await device.read()
        assert (readings["power"], readings["power_l1"]) == (power_w, 400 if power_w > 0 else -400)
        assert readings["energy_import"] == 5678900

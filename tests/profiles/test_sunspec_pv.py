"""SunSpec inverters: maps as the standard defines them, by day and by night, and how they are limited."""

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.errors import DeviceRefused
from s2d.simulation.faults import Faults
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from s2d.values import Quality
from tests.drivers.sunspec_peers import model, sunspec_map
from tests.profiles.image import Image, Written, configured, connected, played, u32

COMMON = model(1, {"Mn": "Acme", "Md": "Sun 10", "Vr": "1.2.3", "SN": "4711"})
BY_DAY = {"W": 5234, "W_SF": 0, "WH": 12345678, "WH_SF": 0, "St": 4, "Evt1": 0}
IN_WHOLE_NUMBERS = model(103, BY_DAY)
IN_FLOATS = model(113, {"W": 5234.5, "WH": 12345678, "St": 5, "Evt1": 0})
RATINGS = model(120, {"WRtg": 1000, "WRtg_SF": 1})
SETTINGS = model(121, {"WMax": 800, "WMax_SF": 1})
CONTROLS = {"WMaxLimPct": 10000, "WMaxLimPct_SF": -2, "WMaxLimPct_RvrtTms": 0, "WMaxLim_Ena": 0}
IDENTITY = {"manufacturer_name": "Acme", "model_name": "Sun 10", "version": "1.2.3", "serial": "4711"}


def image(*models: list[int]) -> Image:
    return Image({40000: sunspec_map(*models)})


def place(offset: int, *before: list[int]) -> int:
    """The register at *offset* in a model behind those *before* it."""
    return 40002 + sum(map(len, before)) + offset


async def test_an_inverter_in_whole_numbers_and_scale_factors() -> None:
    controls = model(123, CONTROLS)
    async with played("sunspec-pv", image(COMMON, IN_WHOLE_NUMBERS, RATINGS, SETTINGS, controls)) as device:
        assert await device.read() == IDENTITY | {
            "power": -5234,
            "energy": 12345678,
            "state": "producing",
            "status": "producing",
            "events": "ok",
            "fault": "ok",
            "most_power": 8000,
            "rating": 10000,
            "max_power": 8000,
            "limit_percent": 100,
            "limit_revert": 0,
            "limit_on": "DISABLED",
        }


@pytest.mark.parametrize(("number", "power_w"), [(101, -52340), (102, -52340), (111, -5234), (112, -5234)])
async def test_the_others_are_the_same(number: int, power_w: float) -> None:
    told = {"W": 5234, "WH": 12345, "St": 8} | ({"W_SF": 1, "WH_SF": 3} if number < 110 else {})
    async with played("sunspec-pv", image(COMMON, model(number, told))) as device:
        readings = await device.read()
        energy_wh = 12345000 if number < 110 else 12345
        assert (readings["power"], readings["energy"], readings["status"]) == (power_w, energy_wh, "standby")


async def test_an_inverter_in_floats() -> None:
    async with played("sunspec-pv", image(COMMON, IN_FLOATS)) as device:
        assert await device.read() == IDENTITY | {
            "power": -5234.5,
            "energy": 12345678,
            "state": "throttled",
            "status": "throttled",
            "events": "ok",
            "fault": "ok",
        }


async def test_an_inverter_of_the_newer_models_counts_its_states_from_0() -> None:
    told = {"W": -35, "W_SF": 1, "TotWhInj": 99, "TotWh_SF": 3, "InvSt": 3, "Alrm": 0}
    async with played("sunspec-pv", image(COMMON, model(701, told), model(702, {"WMaxRtg": 6, "W_SF": 3}))) as device:
        assert await device.read() == IDENTITY | {
            "power": 350,
            "energy": 99000,
            "state_701": "producing",
            "status": "producing",
            "events": "ok",
            "fault": "ok",
            "rating": 6000,
            "max_power": 6000,
        }


STATES = ["off", "sleeping", "starting", "producing", "throttled", "stopping", "fault", "standby"]


@pytest.mark.parametrize(("number", "point", "first"), [(101, "St", 1), (111, "St", 1), (701, "InvSt", 0)])
async def test_every_state_has_its_word(number: int, point: str, first: int) -> None:
    for state, word in enumerate([*STATES, None], first):
        async with played("sunspec-pv", image(COMMON, model(number, {point: state}))) as device:
            assert (await device.read()).get("status") == word


def test_what_it_made_is_known_all_night() -> None:
    points = configured("sunspec-pv").points
    assert points["energy"].max_age == 24 * 3600
    assert {name for name, point in points.items() if not point.optional} == {"power"}


@pytest.mark.parametrize("number", [103, 113, 701])
async def test_asleep_it_gives_nothing_and_says_no_more(number: int) -> None:
    async with played("sunspec-pv", image(COMMON, model(number))) as device:
        assert await device.read() == IDENTITY | {"power": 0}
        readings = await device.readings()
        assert {readings[name].quality for name in ("energy", "state", "events")} == {Quality.ABSENT}


async def test_without_its_scale_it_gives_nothing() -> None:
    async with played("sunspec-pv", image(COMMON, model(103, {"W": 5234}))) as device:
        assert (await device.read())["power"] == 0


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (model(103, BY_DAY | {"St": 7, "Evt1": 1 << 7 | 1}), "GROUND_FAULT, OVER_TEMP"),
        (model(103, BY_DAY | {"St": 7}), "the inverter reports a fault"),
        (model(103, BY_DAY | {"Evt1": 1 << 6}), "ok"),
        (model(113, {"W": 0, "St": 7, "Evt1": 1 << 10}), "AC_OVER_VOLT"),
        (model(701, {"W": 0, "W_SF": 0, "InvSt": 6, "Alrm": 1 << 16}), "MANUFACTURER_ALRM"),
        (model(701, {"W": 0, "W_SF": 0, "InvSt": 7, "Alrm": 0}), "ok"),
    ],
)
async def test_a_fault_is_told_with_its_events(broken: list[int], told: str) -> None:
    async with played("sunspec-pv", image(COMMON, broken)) as device:
        assert (await device.read())["fault"] == told


async def test_it_is_limited_and_let_go_by_model_123() -> None:
    before = (COMMON, IN_WHOLE_NUMBERS, RATINGS, SETTINGS)
    revert, percent, on = (place(offset, *before) for offset in (7, 5, 9))
    async with played("sunspec-pv", image(*before, model(123, CONTROLS))) as device:
        assert await device.told("power_limit", 2000.0) == [
            Written(6, revert, [120]),
            Written(6, percent, [2500]),
            Written(6, on, [1]),
        ]
        assert (await device.read())["limit_on"] == "ENABLED"
        assert await device.told("power_limit", 2000.0) == [
            Written(6, revert, [120]),
            Written(6, percent, [2500]),
            Written(6, on, [1]),
        ]
        assert await device.told("power_limit", 99999.0) == [
            Written(6, revert, [120]),
            Written(6, percent, [10000]),
            Written(6, on, [1]),
        ]
        assert await device.released("power_limit") == [
            Written(6, revert, [0]),
            Written(6, percent, [10000]),
            Written(6, on, [0]),
        ]
        command = device.commands["power_limit"]
        assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (50, 120, "write")


async def test_it_is_limited_and_let_go_by_model_704() -> None:
    before = (COMMON, model(701, {"W": 3000, "W_SF": 0}), model(702, {"WMax": 500, "WMaxRtg": 600, "W_SF": 1}))
    controls = model(
        704, {"WMaxLimPctEna": 0, "WMaxLimPct": 100, "WMaxLimPct_SF": 0, "WMaxLimPctRvrtTms": 0, "WMaxLimPctRvrtRem": 0}
    )
    revert, percent, on = (place(offset, *before) for offset in (18, 15, 14))
    async with played("sunspec-pv", image(*before, controls)) as device:
        assert await device.told("power_limit", 1250.0) == [
            Written(16, revert, u32(120)),
            Written(6, percent, [25]),
            Written(6, on, [1]),
        ]
        assert await device.released("power_limit") == [
            Written(16, revert, u32(0)),
            Written(6, percent, [100]),
            Written(6, on, [0]),
        ]


async def test_the_limit_of_its_installer_survives() -> None:
    before = (COMMON, IN_WHOLE_NUMBERS, RATINGS, SETTINGS)
    revert, percent, on = (place(offset, *before) for offset in (7, 5, 9))
    installed = model(123, CONTROLS | {"WMaxLimPct": 6000, "WMaxLim_Ena": 1})
    async with played("sunspec-pv", image(*before, installed)) as device:
        await device.told("power_limit", 2000.0)
        assert await device.released("power_limit") == [
            Written(6, revert, [0]),
            Written(6, percent, [6000]),
            Written(6, on, [1]),
        ]


async def test_without_a_reversion_time_the_limit_is_told_all_the_same() -> None:
    before = (COMMON, IN_WHOLE_NUMBERS, RATINGS)
    controls = model(123, {"WMaxLimPct": 100, "WMaxLimPct_SF": 0, "WMaxLim_Ena": 0})
    async with played("sunspec-pv", image(*before, controls)) as device:
        assert await device.told("power_limit", 5000.0) == [
            Written(6, place(5, *before), [50]),
            Written(6, place(9, *before), [1]),
        ]


async def test_one_that_refuses_a_reversion_time_may_be_told_without() -> None:
    before = (COMMON, IN_WHOLE_NUMBERS, RATINGS)
    revert, percent, on = (place(offset, *before) for offset in (7, 5, 9))
    strict = image(*before, model(123, CONTROLS))
    strict.refuses[revert] = 3
    async with played("sunspec-pv", strict, reverts=False) as device:
        assert await device.told("power_limit", 5000.0) == [Written(6, percent, [5000]), Written(6, on, [1])]


async def test_all_can_be_taken_away_even_if_nobody_knows_how_much_that_is() -> None:
    unset = (model(120, {"WRtg": 0, "WRtg_SF": 0}), model(121, {"WMax": 0, "WMax_SF": 0}))
    before = (COMMON, IN_WHOLE_NUMBERS, *unset)
    async with played("sunspec-pv", image(*before, model(123, CONTROLS))) as device:
        assert (await device.told("power_limit", 0.0))[1:] == [
            Written(6, place(5, *before), [0]),
            Written(6, place(9, *before), [1]),
        ]
        with pytest.raises(DeviceRefused, match="max is unknown: max_power"):
            await device.told("power_limit", 1000.0)


async def test_one_without_controls_refuses_to_be_limited_and_says_why() -> None:
    async with played("sunspec-pv", image(COMMON, IN_WHOLE_NUMBERS, RATINGS)) as device:
        with pytest.raises(DeviceRefused, match="what limit_on, limit_percent holds is unknown"):
            await device.told("power_limit", 1000.0)
        detail = (await device.readings())["limit_percent"].detail
        assert "no 123:WMaxLimPct nor 704:WMaxLimPct; its SunSpec models are 1, 103" in detail


async def test_what_is_no_inverter_says_which_models_it_has_instead() -> None:
    async with played("sunspec-pv", image(COMMON, model(203))) as device:
        power = (await device.readings())["power"]
        assert (power.value, power.quality) == (None, Quality.BAD)
        assert power.detail == (
            "the device has no 103:W nor 102:W nor 101:W nor 113:W nor 112:W nor 111:W nor 701:W; "
            "its SunSpec models are 1, 203"
        )


async def test_what_speaks_no_sunspec_says_so() -> None:
    async with played("sunspec-pv", Image({40000: [0] * 4})) as device:
        power = (await device.readings())["power"]
        assert (power.value, power.quality) == (None, Quality.BAD)
        assert power.detail.startswith('the device has no SunSpec map: no "SunS" at 40000, 0 or 50000')


async def test_a_simulated_one_is_limited_as_it_is_told_and_forgets_it_in_time() -> None:
    inverter, now_s = SimulatedInverter(Sun(4000, seed=7), max_power_w=4000), [0.0]
    simulated = profile_device("sunspec-pv", {}, inverter, Faults(), kind_name="pv")
    async with (
        serve_tcp(simulated.units[1], clock=lambda: now_s[0]) as address,
        connected("sunspec-pv", address.port, connection={"warm_up": "0 s", "gap": "0 s"}) as device,
    ):
        readings = await device.read()
        assert (readings["power"], readings["status"], readings["max_power"]) == (-4000, "producing", 4000)
        await device.told("power_limit", 1000)
        now_s[0] = 8.0
        readings = await device.read()
        assert (readings["power"], readings["limit_on"], readings["status"]) == (-1000, "ENABLED", "throttled")
        now_s[0] = 120.0
        assert (await device.read())["limit_on"] == "DISABLED"
        await device.told("power_limit", 0)
        now_s[0] = 140.0
        assert (await device.read())["power"] == 0
        await device.released("power_limit")
        assert (await device.read())["limit_on"] == "DISABLED"
        assert inverter.limit_w == 4000

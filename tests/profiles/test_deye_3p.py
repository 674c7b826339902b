"""Deye three-phase: the image of a hybrid inverter, and what becomes of its slots when it is told its power."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, configured, i16, played, text

SIZES = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
LOW = SIZES | {"model": "low_voltage"}
HIGH = SIZES | {"model": "high_voltage", "battery_voltage": 400}
ALL_DAYS = 0xFF
CHARGE_CURRENT, GRID_CHARGE, POWERS, TARGETS = 108, 130, 154, 166


def image(**told: int) -> Image:
    """One whose owner has slots of her own; *told* is what it says otherwise."""
    said = {"soc": 64, "power": i16(-1830), "state": 2, "schedule": ALL_DAYS, "voltage": 5170} | told
    return Image(
        {
            3: text("2310012345", 5),
            CHARGE_CURRENT: 80,
            GRID_CHARGE: 0,
            146: said["schedule"],
            POWERS: [12000, 12000, 3000, 12000, 12000, 12000],
            TARGETS: [90, 40, 20, 20, 60, 90],
            500: said["state"],
            587: said["voltage"],
            588: said["soc"],
            590: said["power"],
        }
    )


def current(amperes: int) -> Written:
    return Written(16, CHARGE_CURRENT, [amperes])


def grid_charge(is_on: int) -> Written:
    return Written(16, GRID_CHARGE, [is_on])


def powers(watts: int) -> Written:
    return Written(16, POWERS, [watts] * 6)


def targets(percent: int) -> Written:
    return Written(16, TARGETS, [percent] * 6)


def charging(watts: int, amperes: int) -> list[Written]:
    return [targets(100), powers(watts), current(amperes), grid_charge(1)]


def discharging(watts: int) -> list[Written]:
    return [grid_charge(0), current(0), powers(watts), targets(20)]


RESTING = [grid_charge(0), targets(100), current(0)]


async def test_what_it_says() -> None:
    async with played("deye-3p", image(), **LOW) as device:
        readings = await device.read()
        assert {name: value for name, value in readings.items() if name[-2:-1] != "_"} == {
            "soc": 64,
            "power": 1830,
            "pack_voltage": pytest.approx(51.7),
            "state": "normal",
            "fault": "ok",
            "schedule": ALL_DAYS,
            "serial": "2310012345",
            "charge_current": 80,
            "grid_charge": 0,
        }
        assert [readings[f"power_{slot}"] for slot in range(1, 7)] == [12000, 12000, 3000, 12000, 12000, 12000]
        assert [readings[f"target_{slot}"] for slot in range(1, 7)] == [90, 40, 20, 20, 60, 90]


async def test_high_voltage_models_count_in_tens_of_watts() -> None:
    async with played("deye-3p", image(power=183), **HIGH) as device:
        readings = await device.read()
        assert (readings["power"], readings["power_3"]) == (-1830, 30000)


@pytest.mark.parametrize(("state", "word"), [(0, "standby"), (3, "alarm"), (9, "unknown")])
async def test_an_alarm_is_no_fault(state: int, word: str) -> None:
    async with played("deye-3p", image(state=state), **LOW) as device:
        readings = await device.read()
        assert (readings["state"], readings["fault"]) == (word, "ok")


async def test_a_fault_is_one_and_a_charge_beyond_100_is_none() -> None:
    async with played("deye-3p", image(state=4, soc=0xFFFF), **LOW) as device:
        readings = await device.read()
        assert readings["fault"] == "the inverter reports a fault"
        assert "soc" not in readings


@pytest.mark.parametrize(
    ("wanted_w", "written"),
    [
        (3000, charging(3000, 58)),
        (9000, charging(5000, 97)),
        (60, charging(60, 1)),
        (50, RESTING),
        (-50, discharging(50)),
        (-2505, discharging(2500)),
        (-9000, discharging(4000)),
        (0, RESTING),
        (-9, RESTING),
    ],
)
async def test_its_slots_are_told_the_power_in_watts(wanted_w: float, written: list[Written]) -> None:
    async with played("deye-3p", image(), **LOW) as device:
        assert await device.told("power_setpoint", wanted_w) == written


@pytest.mark.parametrize(
    ("wanted_w", "written"),
    [
        (3000, charging(300, 7)),
        (9000, charging(500, 12)),
        (390, RESTING),
        (-390, discharging(39)),
        (0, RESTING),
    ],
)
async def test_those_of_high_voltage_models_in_tens_of_watts(wanted_w: float, written: list[Written]) -> None:
    async with played("deye-3p", image(), **HIGH) as device:
        assert await device.told("power_setpoint", wanted_w) == written


async def test_one_direction_ends_before_the_other_begins() -> None:
    peer = image()
    async with played("deye-3p", peer, **LOW) as device:
        was = {}
        for wanted_w in (3000.0, -2000.0, 1000.0):
            was[wanted_w] = await device.told("power_setpoint", wanted_w)
        # The grid stops charging before the battery may give, and it may not give any more before the grid charges.
        assert was[-2000.0].index(grid_charge(0)) < was[-2000.0].index(targets(20))
        assert was[-2000.0].index(powers(2000)) < was[-2000.0].index(targets(20))
        assert was[1000.0].index(targets(100)) < was[1000.0].index(powers(1000)) < was[1000.0].index(grid_charge(1))


OWNERS_POWERS = Written(16, POWERS, [12000, 12000, 3000, 12000, 12000, 12000])
OWNERS_TARGETS = Written(16, TARGETS, [90, 40, 20, 20, 60, 90])


@pytest.mark.parametrize("owner", [LOW, HIGH])
async def test_given_back_it_has_what_it_had_before_the_first_order(owner: dict[str, object]) -> None:
    async with played("deye-3p", image(), **owner) as device:
        for wanted_w in (3000.0, -2000.0, 0.0):
            await device.told("power_setpoint", wanted_w)
        given_back = [grid_charge(0), OWNERS_POWERS, OWNERS_TARGETS, current(80)]
        assert await device.released("power_setpoint") == given_back


async def test_one_that_was_never_ordered_anything_keeps_what_its_owner_set() -> None:
    async with played("deye-3p", image(), **LOW) as device:
        assert await device.released("power_setpoint") == []


async def test_of_one_that_was_only_at_rest_only_that_is_put_back() -> None:
    async with played("deye-3p", image(), **LOW) as device:
        assert await device.told("power_setpoint", 0.0) == RESTING
        assert await device.released("power_setpoint") == [grid_charge(0), OWNERS_TARGETS, current(80)]


async def test_an_owner_who_charges_from_the_grid_does_so_again() -> None:
    peer = image()
    peer.holding[GRID_CHARGE] = 1
    async with played("deye-3p", peer, **LOW) as device:
        await device.told("power_setpoint", -2000.0)
        assert (await device.released("power_setpoint"))[0] == grid_charge(1)


@pytest.mark.parametrize("schedule", [0, 0b1111_1110, 0b0111_1111])
async def test_without_its_time_of_use_it_would_not_obey(schedule: int) -> None:
    async with played("deye-3p", image(schedule=schedule), **LOW) as device:
        with pytest.raises(DeviceRefused, match="time of use is not on for all days"):
            await device.told("power_setpoint", 1000.0)


@pytest.mark.parametrize(
    "owner", [SIZES | {"model": "high_voltage"}, SIZES | {"model": "low_voltage", "battery_voltage": 400}]
)
async def test_a_voltage_of_another_model_is_not_computed_with(owner: dict[str, object]) -> None:
    async with played("deye-3p", image(), **owner) as device:
        with pytest.raises(DeviceRefused, match="`battery_voltage` is not that of such a model"):
            await device.told("power_setpoint", 1000.0)


async def test_what_it_has_on_higher_bits_of_the_schedule_does_not_matter() -> None:
    async with played("deye-3p", image(schedule=0x01FF), **LOW) as device:
        assert await device.told("power_setpoint", 0.0) == RESTING


def test_all_that_is_written_wears_out_and_is_never_refreshed() -> None:
    device = configured("deye-3p", **LOW)
    written = {name: point for name, point in device.points.items() if point.is_writable}
    assert written.keys() == {
        "charge_current",
        "grid_charge",
        *(f"{kind}_{slot}" for kind in ("power", "target") for slot in range(1, 7)),
    }
    assert {(point.persistent, point.daily_writes) for point in written.values()} == {(True, 50)}
    assert device.commands["power_setpoint"].refresh_s is None


def test_only_its_serial_number_and_voltage_may_be_missing() -> None:
    points = configured("deye-3p", **LOW).points
    assert {name for name, point in points.items() if point.optional} == {"serial", "pack_voltage"}


async def test_one_that_starts_and_shows_zeros_is_not_ready() -> None:
    starting = image(soc=0, power=0, state=0, voltage=0)
    async with played("deye-3p", starting, **LOW) as device:
        assert await device.obstacle() == "it is not ready: pack_voltage is 0.0"
    del starting.holding[587]
    async with played("deye-3p", starting, **LOW) as device:
        assert await device.obstacle() is None

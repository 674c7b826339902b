"""GoodWe ET: a hybrid in the sun, and how it is brought to the power that is wanted of its battery."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, i32, played, text, u32

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
MODE, POWER = 47511, 47512
AUTOMATIC, STANDBY, CHARGE, DISCHARGE = 1, 8, 11, 12


def image(battery_w: int = -1500, *, pv_w: int = 2000, mode: int = AUTOMATIC, power_w: int = 0) -> Image:
    """*battery_w* is as it says it: positive while it discharges."""
    return Image(
        {
            35003: text("9010KETU21CW0001", 8),
            35011: text("GW10K-ET", 5),
            35105: u32(pv_w),
            35109: u32(0),
            35113: u32(0xFFFFFFFF),
            35180: 2405,
            35182: i32(battery_w),
            37007: 64,
            MODE: mode,
            POWER: power_w,
        }
    )


async def test_what_it_says() -> None:
    async with played("goodwe-et", image(), **OWNER) as device:
        assert device.config.connection.unit == 247
        assert await device.read() == {
            "soc": 64,
            "power": 1500,
            "battery_voltage": 240.5,
            "pv1": 2000,
            "pv2": 0,
            "pv3": 0,
            "pv": 2000,
            "serial": "9010KETU21CW0001",
            "model_name": "GW10K-ET",
            "ems_mode": "automatic",
            "ems_power": 0,
            "is_following": False,
            "correction": 0,
        }


@pytest.mark.parametrize("battery", [i32(2500), i32(-2500)])
async def test_discharging_is_negative(battery: list[int]) -> None:
    turned = image()
    turned.holding |= {35182: battery[0], 35183: battery[1]}
    async with played("goodwe-et", turned, **OWNER) as device:
        assert (await device.read())["power"] == (-2500 if battery == i32(2500) else 2500)


OLDER = {35182: 0, 35183: -1250 & 0xFFFF}


async def test_the_power_of_older_firmware_is_unknown_rather_than_wrong_until_its_owner_says_so() -> None:
    older = image()
    older.holding |= OLDER
    async with played("goodwe-et", older, **OWNER) as device:
        assert "power" not in await device.read()
    async with played("goodwe-et", older, **OWNER, power_words=1) as device:
        assert (await device.read())["power"] == 1250
    for power_words in (1, 2):
        async with played("goodwe-et", image(4321), **OWNER, power_words=power_words) as device:
            assert (await device.read())["power"] == -4321


@pytest.mark.parametrize("raw_w", [32001, -32001, 64286])
async def test_no_battery_in_a_house_has_more_than_32_kw(raw_w: int) -> None:
    async with played("goodwe-et", image(raw_w), **OWNER) as device:
        assert "power" not in await device.read()


@pytest.mark.parametrize(
    ("mode", "obstacle"), [(0, "it has no battery"), (1, None), (2, None), (3, None), (9, None), (0xFFFF, None)]
)
async def test_one_without_a_battery_is_not_taken_for_an_empty_one(mode: int, obstacle: str | None) -> None:
    bare = image(0)
    bare.holding |= {35184: mode, 37007: 0}
    async with played("goodwe-et", bare, **OWNER) as device:
        assert await device.obstacle() == obstacle


async def test_what_cannot_be_is_unknown() -> None:
    mute = image()
    mute.holding |= {37007: 0xFFFF, 35182: 0x7FFF, 35183: 0xFFFF}
    async with played("goodwe-et", mute, **OWNER) as device:
        assert {"soc", "power"}.isdisjoint(await device.read())


@pytest.mark.parametrize(
    ("wanted_w", "power_w", "mode"),
    [(3000, 3000, CHARGE), (-2500, 2500, DISCHARGE), (9000, 5000, CHARGE), (-9000, 4000, DISCHARGE)],
)
async def test_it_rests_until_it_has_its_power_and_then_its_direction(wanted_w: float, power_w: int, mode: int) -> None:
    async with played("goodwe-et", image(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [
            Written(6, MODE, [STANDBY]),
            Written(6, POWER, [power_w]),
            Written(6, MODE, [mode]),
        ]
        assert await device.released("power_setpoint") == [Written(6, MODE, [AUTOMATIC]), Written(6, POWER, [0])]
        assert device.commands["power_setpoint"].refresh_s == 10


async def test_rest_is_standby() -> None:
    async with played("goodwe-et", image(-3000, mode=CHARGE, power_w=3000), **OWNER) as device:
        assert await device.told("power_setpoint", 0.0) == [Written(6, MODE, [STANDBY])]


@pytest.mark.parametrize(
    ("battery_w", "mode", "pv_w", "ordered_w", "wanted_w", "power_w"),
    [
        # Its power is right, or wrong by what is lost.
        (-3000, CHARGE, 0, 3000, 3000, 3000),
        (-2900, CHARGE, 0, 3000, 3000, 3100),
        (2600, DISCHARGE, 0, 2500, -2500, 2400),
        # The sun comes on top of what is ordered.
        (-4500, CHARGE, 1500, 3000, 3000, 1500),
        (-5000, CHARGE, 4000, 1000, 3000, 0),
        # The sun takes its part of what is ordered.
        (1000, DISCHARGE, 1500, 2500, -2500, 4000),
        # It cannot do more: the next order is not wound up.
        (-1000, CHARGE, 4000, 4900, 800, 1000),
        (500, DISCHARGE, 0, 4000, -3000, 3200),
        # It is about to follow, but does not yet.
        (0, CHARGE, 1500, 3000, 3000, 3000),
        (400, CHARGE, 1500, 3000, 3000, 3000),
        # Never beyond its limits.
        (-4500, CHARGE, 0, 5000, 5000, 5000),
        (3000, DISCHARGE, 4000, 4000, -4000, 4000),
    ],
)
async def test_its_order_is_corrected_by_what_it_does(
    battery_w: int, mode: int, pv_w: int, ordered_w: int, wanted_w: float, power_w: int
) -> None:
    at_work = image(battery_w, pv_w=pv_w, mode=mode, power_w=ordered_w)
    async with played("goodwe-et", at_work, **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [Written(6, POWER, [power_w]), Written(6, MODE, [mode])]


async def test_a_battery_behind_the_sun_settles() -> None:
    sunny = image(0, pv_w=1500)
    async with played("goodwe-et", sunny, **OWNER) as device:
        ordered = []
        for _ in range(4):
            device.memory["power_setpoint"].forget()
            told = await device.told("power_setpoint", 3000.0)
            ordered += [each.words[0] for each in told if isinstance(each, Written) and each.register == POWER]
            battery_w = i32(-(ordered[-1] + 1500))
            sunny.holding |= {35182: battery_w[0], 35183: battery_w[1]}
        assert ordered == [3000, 1500, 1500, 1500]


@pytest.mark.parametrize(
    ("battery_w", "mode", "wanted_w", "power_w", "other"),
    [(-4500, CHARGE, -1000, 1000, DISCHARGE), (3500, DISCHARGE, 1000, 1000, CHARGE)],
)
async def test_turning_round_it_rests_and_starts_afresh(
    battery_w: int, mode: int, wanted_w: float, power_w: int, other: int
) -> None:
    async with played("goodwe-et", image(battery_w, mode=mode, power_w=3000), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [
            Written(6, MODE, [STANDBY]),
            Written(6, POWER, [power_w]),
            Written(6, MODE, [other]),
        ]


@pytest.mark.parametrize("register", [35182, 35105])
async def test_without_what_the_correction_needs_nothing_is_ordered(register: int) -> None:
    blind = image(-3000, mode=CHARGE, power_w=3000)
    del blind.holding[register]
    async with played("goodwe-et", blind, **OWNER) as device:
        blind.written.clear()
        with pytest.raises(DeviceRefused, match="unknown"):
            await device.told("power_setpoint", 3000.0)
        assert blind.written == []
        assert await device.told("power_setpoint", 0.0) == [Written(6, MODE, [STANDBY])]


async def test_what_a_crash_left_behind_is_taken_back() -> None:
    async with played("goodwe-et", image(4000, mode=DISCHARGE, power_w=4000), **OWNER) as device:
        assert await device.released("power_setpoint") == [Written(6, MODE, [AUTOMATIC]), Written(6, POWER, [0])]


@pytest.mark.parametrize("mode", [2, 4, 7, 255])
async def test_somebody_else_in_control_is_left_in_control(mode: int) -> None:
    async with played("goodwe-et", image(mode=mode, power_w=500), **OWNER) as device:
        with pytest.raises(DeviceRefused, match="somebody else is in control"):
            await device.told("power_setpoint", 1000.0)
        assert await device.released("power_setpoint") == []


async def test_one_that_starts_and_shows_zeros_is_not_ready() -> None:
    starting = image(0)
    starting.holding |= {35180: 0, 37007: 0}
    async with played("goodwe-et", starting, **OWNER) as device:
        assert str(await device.obstacle()).startswith("it is not ready: battery_voltage != 0")

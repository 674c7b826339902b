"""Sungrow SH: a hybrid on a sunny day, an older one, and what either is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, i16, i32, played, text

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
MODE, COMMAND, POWER = 13049, 13050, 13051
CHARGE, DISCHARGE, STOP = 0xAA, 0xBB, 0xCC


def low_first(words: list[int]) -> list[int]:
    return words[::-1]


def image(
    flags: int = 0b011, battery_w: int | None = -2100, older: int = 2100, current: int | None = None, **control: int
) -> Image:
    """One that charges; *battery_w* is None for older firmware, *current* in 0.1 A, if it has that."""
    power = {} if battery_w is None else {5213: low_first(i32(battery_w))}
    held = {MODE: 0, COMMAND: STOP, POWER: 0} | {
        {"mode": MODE, "command": COMMAND}[key]: control[key] for key in control
    }
    said = {4989: text("A2350415770", 10), 5627: 100, 13000: flags, 13019: 2310, 13021: older, 13022: 553}
    return Image(held, input=said | power | ({} if current is None else {13020: i16(current)}))


async def test_what_it_says() -> None:
    async with played("sungrow-sh", image(), **OWNER) as device:
        assert device.config.connection.unit == 1
        assert await device.read() == {
            "soc": pytest.approx(55.3),
            "signed_power": 2100,
            "older_power": 2100,
            "battery_voltage": 231,
            "charging": True,
            "discharging": False,
            "direction": 1,
            "power": 2100,
            "serial": "A2350415770",
            "rated_power": 10000,
            "ems_mode": "self_consumption",
            "command": "stop",
            "forced_power": 0,
        }


@pytest.mark.parametrize(
    ("flags", "older", "power_w"),
    [
        (0b010, 2100, 2100),
        (0b010, i16(-2100), 2100),
        (0b100, 2100, -2100),
        (0b100, i16(-2100), -2100),
        (0b001, 30, 0),
    ],
)
async def test_older_firmware_tells_the_direction_by_flags(flags: int, older: int, power_w: float) -> None:
    async with played("sungrow-sh", image(flags, None, older), **OWNER) as device:
        assert (await device.read())["power"] == power_w


@pytest.mark.parametrize("flags", [0, 0b001])
@pytest.mark.parametrize(
    ("older", "current", "power_w"),
    [
        (663, 13, -663),
        (663, -13, 663),
        (i16(-663), -13, 663),
        (663, 0, None),
        (663, None, None),
        (0, None, 0),
    ],
)
async def test_where_its_flags_stay_0_the_sign_of_the_current_tells_it(
    flags: int, older: int, current: int | None, power_w: float | None
) -> None:
    async with played("sungrow-sh", image(flags, None, older, current), **OWNER) as device:
        assert (await device.read()).get("power") == power_w


async def test_flags_that_are_set_are_believed_before_an_older_current_without_a_sign() -> None:
    async with played("sungrow-sh", image(0b010, None, 2100, 42), **OWNER) as device:
        assert (await device.read())["power"] == 2100


async def test_without_a_value_the_older_register_is_believed() -> None:
    async with played("sungrow-sh", image(0b100, 0x7FFFFFFF, 900), **OWNER) as device:
        assert (await device.read())["power"] == -900


async def test_an_impossible_soc_is_none() -> None:
    mute = image()
    mute.input[13022] = 0xFFFF
    async with played("sungrow-sh", mute, **OWNER) as device:
        assert "soc" not in await device.read()


@pytest.mark.parametrize(
    ("wanted_w", "power_w", "command"),
    [(3000, 3000, CHARGE), (-2500, 2500, DISCHARGE), (9000, 5000, CHARGE), (-9000, 4000, DISCHARGE)],
)
async def test_it_stands_still_until_it_is_told_all(wanted_w: float, power_w: int, command: int) -> None:
    async with played("sungrow-sh", image(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [
            Written(6, COMMAND, [STOP]),
            Written(6, MODE, [2]),
            Written(6, POWER, [power_w]),
            Written(6, COMMAND, [command]),
        ]
        assert await device.released("power_setpoint") == [Written(6, COMMAND, [STOP]), Written(6, MODE, [0])]


@pytest.mark.parametrize("command", [CHARGE, DISCHARGE, STOP])
async def test_rest_is_stop_in_forced_mode(command: int) -> None:
    async with played("sungrow-sh", image(mode=2, command=command), **OWNER) as device:
        assert await device.told("power_setpoint", 0.0) == [Written(6, COMMAND, [STOP]), Written(6, MODE, [2])]


async def test_it_stops_before_it_turns_round_only() -> None:
    async with played("sungrow-sh", image(), **OWNER) as device:
        await device.told("power_setpoint", 5000.0)
        assert await device.told("power_setpoint", 3000.0) == [
            Written(6, MODE, [2]),
            Written(6, POWER, [3000]),
            Written(6, COMMAND, [CHARGE]),
        ]
        assert await device.told("power_setpoint", -1000.0) == [
            Written(6, COMMAND, [STOP]),
            Written(6, MODE, [2]),
            Written(6, POWER, [1000]),
            Written(6, COMMAND, [DISCHARGE]),
        ]


@pytest.mark.parametrize("left", [CHARGE, DISCHARGE])
@pytest.mark.parametrize("wanted_w", [3000.0, -2500.0, 0.0])
async def test_what_it_was_told_before_never_acts_when_it_is_forced_again(left: int, wanted_w: float) -> None:
    idle = image(mode=0, command=left)
    idle.holding[POWER] = 5000
    async with played("sungrow-sh", idle, **OWNER) as device:
        written = await device.told("power_setpoint", wanted_w)
        assert written[:2] == [Written(6, COMMAND, [STOP]), Written(6, MODE, [2])]


@pytest.mark.parametrize(("rated", "power_w"), [(30, 3000), (0, 5000), (0xFFFF, 5000)])
async def test_no_more_than_the_inverter_is_rated_for(rated: int, power_w: int) -> None:
    small = image()
    small.input[5627] = rated
    async with played("sungrow-sh", small, **OWNER) as device:
        assert Written(6, POWER, [power_w]) in await device.told("power_setpoint", 9000.0)


async def test_what_a_crash_left_behind_is_taken_back() -> None:
    async with played("sungrow-sh", image(mode=2, command=DISCHARGE), **OWNER) as device:
        assert await device.released("power_setpoint") == [Written(6, COMMAND, [STOP]), Written(6, MODE, [0])]


@pytest.mark.parametrize("mode", [3, 4])
async def test_somebody_else_in_control_is_left_in_control(mode: int) -> None:
    async with played("sungrow-sh", image(mode=mode, command=CHARGE), **OWNER) as device:
        with pytest.raises(DeviceRefused, match="somebody else is in control"):
            await device.told("power_setpoint", 1000.0)
        assert await device.released("power_setpoint") == []


async def test_what_the_inverter_refuses_is_told() -> None:
    strict = image()
    strict.refuses[POWER] = 4
    async with played("sungrow-sh", strict, **OWNER) as device:
        with pytest.raises(DeviceRefused):
            await device.told("power_setpoint", 3000.0)
        assert (strict.holding[MODE], strict.holding[COMMAND]) == (2, STOP)
        assert await device.released("power_setpoint") == [Written(6, COMMAND, [STOP]), Written(6, MODE, [0])]
        assert strict.holding[MODE] == 0


async def test_one_that_starts_and_shows_zeros_is_not_ready() -> None:
    starting = image(0, 0, 0)
    starting.input |= {13019: 0, 13022: 0}
    async with played("sungrow-sh", starting, **OWNER) as device:
        assert await device.obstacle() == "it is not ready: battery_voltage is 0.0"

"""SolarEdge storage: the image of a StorEdge, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, f32, played, text, u32

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
CONTROL, DEFAULT, TIMEOUT, COMMAND, CHARGE, DISCHARGE = 57348, 57354, 57355, 57357, 57358, 57360
NONE = [0x0000, 0xFF7F]
"""A number far below zero."""


def low_first(words: list[int]) -> list[int]:
    return words[::-1]


def image(**told: float) -> Image:
    """One in its own control, that charges; *told* is what it says otherwise."""
    says = {
        "soc": 71.5,
        "power": 1834.5,
        "status": 3,
        "control": 1,
        "most_charging": 6000,
        "most_discharging": 6000,
    } | told
    return Image(
        {
            CONTROL: int(says["control"]),
            DEFAULT: 0,
            TIMEOUT: low_first(u32(3600)),
            COMMAND: 7,
            CHARGE: low_first(f32(3300)),
            DISCHARGE: low_first(f32(3300)),
            57600: text("LG Chem", 16) + text("RESU10H", 16) + text("1.2.3", 16) + text("R12345", 16),
            57668: low_first(f32(says["most_charging"])),
            57670: low_first(f32(says["most_discharging"])),
            57716: low_first(f32(says["power"])),
            57732: low_first(f32(says["soc"])),
            57734: low_first(u32(int(says["status"]))),
        }
    )


def limits(charge_w: float, discharge_w: float) -> list[Written]:
    return [Written(16, CHARGE, low_first(f32(charge_w))), Written(16, DISCHARGE, low_first(f32(discharge_w)))]


TAKEN = [
    Written(6, DEFAULT, [7]),
    Written(16, TIMEOUT, low_first(u32(120))),
    Written(6, CONTROL, [4]),
]


async def test_what_it_says() -> None:
    async with played("solaredge-storage", image(), **OWNER) as device:
        assert await device.read() == {
            "soc": 71.5,
            "power": 1834.5,
            "status": "charging",
            "fault": "ok",
            "most_charging": 6000,
            "most_discharging": 6000,
            "control_mode": 1,
            "default_mode": 0,
            "timeout": 3600,
            "command": 7,
            "charge_limit": 3300,
            "discharge_limit": 3300,
            "manufacturer_name": "LG Chem",
            "model_name": "RESU10H",
            "version": "1.2.3",
            "serial": "R12345",
        }
    async with played("solaredge-storage", image(power=-950.25, status=4), **OWNER) as device:
        readings = await device.read()
        assert (readings["power"], readings["status"]) == (-950.25, "discharging")


async def test_a_battery_that_is_not_there_has_no_values_and_one_with_a_fault_says_so() -> None:
    broken = image(status=5, power=float("nan"))
    for register in (57668, 57670, 57732):
        broken.holding |= {register: NONE[0], register + 1: NONE[1]}
    async with played("solaredge-storage", broken, **OWNER) as device:
        readings = await device.read()
        assert readings["fault"] == "the battery reports a fault"
        assert {"soc", "power", "most_charging", "most_discharging"}.isdisjoint(readings)
        assert (await device.told("power_setpoint", 9000.0))[3:] == [*limits(5000, 0), Written(6, COMMAND, [3])]


@pytest.mark.parametrize(
    ("wanted_w", "charge_w", "discharge_w", "command"),
    [
        (3000.0, 3000, 0, 3),
        (-2500.0, 0, 2500, 4),
        (0.0, 0, 0, 1),
        (-0.0, 0, 0, 1),
        (9000.0, 5000, 0, 3),
        (-9000.0, 0, 4000, 4),
    ],
)
async def test_it_is_taken_into_remote_control_and_told_its_power(
    wanted_w: float, charge_w: float, discharge_w: float, command: int
) -> None:
    async with played("solaredge-storage", image(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [
            *TAKEN,
            *limits(charge_w, discharge_w),
            Written(6, COMMAND, [command]),
        ]
        assert await device.released("power_setpoint") == [
            Written(6, COMMAND, [7]),
            *limits(6000, 6000),
            Written(6, CONTROL, [1]),
            Written(6, DEFAULT, [0]),
            Written(16, TIMEOUT, low_first(u32(3600))),
        ]


async def test_what_is_kept_in_flash_is_not_written_again() -> None:
    async with played("solaredge-storage", image(), **OWNER, command_timeout="5 min") as device:
        assert (await device.told("power_setpoint", 3000.0))[1] == Written(16, TIMEOUT, low_first(u32(300)))
        assert await device.told("power_setpoint", -2000.0) == [*limits(0, 2000), Written(6, COMMAND, [4])]
        assert await device.told("power_setpoint", 0.0) == [*limits(0, 0), Written(6, COMMAND, [1])]
        points = device.make.points
        worn = {name for name, point in points.items() if point.persistent}
        assert worn == {"control_mode", "default_mode", "timeout"}
        assert {points[name].daily_writes for name in worn} == {20}
        command = device.commands["power_setpoint"]
        assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (25, 60, "write")


async def test_the_portal_is_noticed_when_it_takes_control_back() -> None:
    inverter = image()
    async with played("solaredge-storage", inverter, **OWNER) as device:
        await device.told("power_setpoint", 3000.0)
        inverter.holding[CONTROL] = 2
        assert (await device.told("power_setpoint", 2000.0))[0] == Written(6, CONTROL, [4])
        inverter.holding[CONTROL] = 2
        # It has it already; what is behind it is put back all the same.
        assert await device.released("power_setpoint") == [
            Written(6, DEFAULT, [0]),
            Written(16, TIMEOUT, low_first(u32(3600))),
        ]


async def test_it_is_no_stronger_than_it_says() -> None:
    async with played("solaredge-storage", image(most_charging=3300, most_discharging=2800), **OWNER) as device:
        assert (await device.told("power_setpoint", 5000.0))[3:5] == limits(3300, 0)
        assert (await device.told("power_setpoint", -4000.0))[:2] == limits(0, 2800)


async def test_one_that_was_never_taken_is_left_alone_and_one_left_behind_by_a_crash_is_let_go() -> None:
    async with played("solaredge-storage", image(), **OWNER) as device:
        assert await device.released("power_setpoint") == []
    async with played("solaredge-storage", image(control=4), **OWNER) as device:
        assert await device.released("power_setpoint") == [Written(6, COMMAND, [7]), *limits(6000, 6000)]


async def test_one_that_may_not_be_controlled_gets_no_power() -> None:
    inverter = image()
    inverter.refuses[CONTROL] = 3
    async with played("solaredge-storage", inverter, **OWNER) as device:
        with pytest.raises(DeviceRefused, match="57348"):
            await device.told("power_setpoint", 3000.0)
    assert inverter.holding[COMMAND] == 7

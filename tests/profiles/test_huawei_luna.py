"""Huawei with LUNA2000: the image behind an SDongle, and what it is told."""

from typing import Any

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, configured, i32, played, text, u32

OWNER: dict[str, Any] = {
    "capacity": "10 kWh",
    "max_charge_power": "5 kW",
    "max_discharge_power": "4 kW",
    "connection": {"warm_up": "0 s", "gap": "0 s"},
}
PERIOD, FORCED, TARGET, UNTIL, CHARGE, DISCHARGE = 47083, 47100, 47101, 47246, 47247, 47249
NONE = 0xFFFFFFFF


def image(**told: int) -> Image:
    """One that discharges in the evening; *told* is what it says otherwise."""
    says = {"soc": 485, "status": 2, "power": -1234, "most_charging": 5000, "most_discharging": 5000} | told
    return Image(
        {
            30000: text("SUN2000-10KTL-M1", 15),
            30015: text("HV2150123456", 10),
            37046: u32(says["most_charging"]),
            37048: u32(says["most_discharging"]),
            37760: says["soc"],
            37762: says["status"],
            37765: i32(says["power"]),
            47081: [1000, 50],
            47101: 0,
            PERIOD: 0,
            FORCED: 0,
            UNTIL: 1,
            CHARGE: u32(0),
            DISCHARGE: u32(0),
        }
    )


def ordered(register: int, power_w: int, forced: int) -> list[Written]:
    """The power, for two minutes, and at last that it counts."""
    return [
        Written(16, register, u32(power_w)),
        Written(6, PERIOD, [2]),
        Written(6, UNTIL, [0]),
        Written(6, FORCED, [forced]),
    ]


async def test_what_it_says() -> None:
    inverter = image()
    async with played("huawei-luna", inverter, **OWNER) as device:
        assert await device.read() == {
            "soc": 48.5,
            "power": -1234,
            "status": "running",
            "fault": "ok",
            "is_nearly_full": False,
            "charge_end": 100,
            "discharge_end": 5,
            "most_charging": 5000,
            "most_discharging": 5000,
            "forced": "stop",
            "forced_charge": 0,
            "forced_discharge": 0,
            "forced_period": 0,
            "forced_until": "soc",
            "model_name": "SUN2000-10KTL-M1",
            "serial": "HV2150123456",
        }
        inverter.holding |= {37765: 0, 37766: 2500}
        assert (await device.read())["power"] == 2500


async def test_what_it_does_not_know_is_not_zero_and_a_fault_is_one() -> None:
    broken = image(soc=0xFFFF, power=0x7FFFFFFF, status=3, most_charging=NONE, most_discharging=NONE)
    async with played("huawei-luna", broken, **OWNER) as device:
        readings = await device.read()
        assert readings["fault"] == "the battery reports a fault"
        assert {"soc", "power", "most_charging", "most_discharging"}.isdisjoint(readings)
        assert await device.told("power_setpoint", 9000.0) == ordered(CHARGE, 5000, 1)


async def test_every_order_is_given_anew_so_that_no_old_power_counts() -> None:
    inverter = image()
    async with played("huawei-luna", inverter, **OWNER) as device:
        assert await device.told("power_setpoint", 3000.0) == ordered(CHARGE, 3000, 1)
        assert await device.told("power_setpoint", -2500.0) == ordered(DISCHARGE, 2500, 2)
        assert await device.told("power_setpoint", -0.0) == ordered(CHARGE, 0, 1)
        assert await device.told("power_setpoint", 1234.9) == ordered(CHARGE, 1234, 1)
        assert await device.told("power_setpoint", 9000.0) == ordered(CHARGE, 5000, 1)
        assert await device.told("power_setpoint", -9000.0) == ordered(DISCHARGE, 4000, 2)
        inverter.holding |= {37047: 0, 37049: 2200}  # what it takes, and gives, at most
        assert await device.told("power_setpoint", 3000.0) == ordered(CHARGE, 0, 1)
        assert await device.told("power_setpoint", -3000.0) == ordered(DISCHARGE, 2200, 2)
        assert await device.released("power_setpoint") == [
            Written(6, FORCED, [0]),
            Written(16, CHARGE, u32(0)),
            Written(16, DISCHARGE, u32(0)),
        ]


@pytest.mark.parametrize(
    ("soc", "wanted_w", "written"),
    [
        (1000, 3000, ordered(DISCHARGE, 0, 2)),
        (1000, 0, ordered(DISCHARGE, 0, 2)),
        (995, 0, ordered(DISCHARGE, 0, 2)),
        (995, 3000, ordered(CHARGE, 3000, 1)),
        (1000, -3000, ordered(DISCHARGE, 3000, 2)),
        (50, -3000, ordered(CHARGE, 0, 1)),
        (50, 3000, ordered(CHARGE, 3000, 1)),
        (0xFFFF, 0, ordered(CHARGE, 0, 1)),
    ],
)
async def test_at_an_end_of_its_range_it_rests_by_what_does_not_end_there(
    soc: int, wanted_w: float, written: list[Written]
) -> None:
    async with played("huawei-luna", image(soc=soc), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == written


def until(soc: int, register: int, power_w: int, forced: int) -> list[Written]:
    """The power, until that charge, and at last that it counts."""
    return [
        Written(16, register, u32(power_w)),
        Written(6, TARGET, [10 * soc]),
        Written(6, UNTIL, [1]),
        Written(6, FORCED, [forced]),
    ]


async def test_firmware_that_ignores_the_time_is_told_a_charge_to_end_at() -> None:
    inverter = image()
    async with played("huawei-luna", inverter, **OWNER, ends_by="soc") as device:
        assert await device.told("power_setpoint", 3000.0) == until(100, CHARGE, 3000, 1)
        assert await device.told("power_setpoint", -2500.0) == until(5, DISCHARGE, 2500, 2)
        assert await device.told("power_setpoint", 0.0) == until(100, CHARGE, 0, 1)
        command = device.commands["power_setpoint"]
        assert (command.refresh_s, command.timeout_s({})) == (50, None)
        assert (await device.released("power_setpoint"))[0] == Written(6, FORCED, [0])
    async with played("huawei-luna", image(soc=1000), **OWNER, ends_by="soc") as device:
        assert await device.told("power_setpoint", 3000.0) == until(5, DISCHARGE, 0, 2)


def test_it_is_reminded_before_its_time_has_run_out() -> None:
    command = configured("huawei-luna", **OWNER | {"connection": {"host": "127.0.0.1"}}).make.commands["power_setpoint"]
    assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (50, 120, "write")


async def test_one_that_wants_a_login_refuses() -> None:
    inverter = image()
    inverter.refuses[CHARGE] = 3
    async with played("huawei-luna", inverter, **OWNER) as device:
        with pytest.raises(DeviceRefused, match="47247"):
            await device.told("power_setpoint", 3000.0)
    assert inverter.holding[FORCED] == 0

"""SMA inverters without a battery: the image of a Sunny Tripower, and the two ways in which it is told a limit."""

from collections.abc import Mapping

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.errors import DeviceRefused
from s2d.simulation.faults import Faults
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from tests.profiles.image import Image, Words, Written, configured, connected, i32, played, u32, u64

NAN, NO_STATE = 0xFFFFFFFF, 0x00FFFFFD
SHARE, SETPOINT, ORDERED = 41255, 40149, 40151


def image(changes: Mapping[int, Words] = {}) -> Image:
    return Image(
        {
            30051: u32(8001),
            30057: u32(3001234567),
            30201: u32(307),
            30231: u32(8000),
            30233: u32(8000),
            30513: u64(12345678),
            30775: i32(5234),
            30835: u32(1079),
        }
        | dict(changes)
    )


def share(percent: float) -> Written:
    return Written(16, SHARE, [round(100 * percent)])


async def test_what_it_says_by_day() -> None:
    async with played("sma-pv", image()) as device:
        assert device.config.connection.unit == 3
        assert await device.read() == {
            "power": -5234,
            "energy": 12345678,
            "state": "ok",
            "fault": "ok",
            "most_power": 8000,
            "set_power": 8000,
            "max_power": 8000,
            "whole": 8000,
            "mode": "external",
            "device_class": "PV inverter",
            "serial": 3001234567,
        }


async def test_in_the_dark_it_gives_nothing_and_says_no_more() -> None:
    dark: dict[int, Words] = {30201: u32(NO_STATE), 30513: u64(2**64 - 1), 30775: u32(0x80000000), 30835: u32(NO_STATE)}
    async with played("sma-pv", image(dark)) as device:
        readings = await device.read()
        assert (readings["power"], readings.keys() & {"state", "energy", "mode"}) == (0, set())


async def test_while_it_starts_it_is_not_believed() -> None:
    async with played("sma-pv", image({30057: u32(0)})) as device:
        assert await device.obstacle()


async def test_all_ones_before_a_reboot_are_no_values() -> None:
    ones: dict[int, Words] = {each: u32(NAN) for each in (30201, 30231, 30233, 30835)}
    async with played("sma-pv", image(ones)) as device:
        assert {"state", "most_power", "set_power", "max_power", "mode"}.isdisjoint(await device.read())
        with pytest.raises(DeviceRefused, match="max is unknown: max_power"):
            await device.told("power_limit", 2000.0)


async def test_a_fault_is_told() -> None:
    async with played("sma-pv", image({30201: u32(35)})) as device:
        assert (await device.read())["fault"] == "the inverter reports a fault"


async def test_it_is_told_its_share_again_and_again() -> None:
    async with played("sma-pv", image()) as device:
        assert await device.told("power_limit", 2000.0) == [share(25)]
        assert await device.told("power_limit", 2000.0, again=True) == [share(25)]
        assert await device.told("power_limit", 0.0) == [share(0)]
        assert await device.told("power_limit", 99999.0) == [share(100)]
        assert await device.released("power_limit") == [share(100)]


async def test_what_it_is_set_to_bounds_it_and_a_share_is_of_the_larger_one() -> None:
    async with played("sma-pv", image({30233: u32(5600)})) as device:
        assert (await device.read())["max_power"] == 5600
        assert await device.told("power_limit", 2000.0) == [share(25)]
        assert await device.told("power_limit", 99999.0) == [share(70)]
        assert await device.released("power_limit") == [share(100)]


async def test_one_may_be_told_watts_which_are_there_before_they_count() -> None:
    async with played("sma-pv", image(), control="setpoint") as device:
        told = [Written(16, SETPOINT, i32(2000)), Written(16, ORDERED, u32(802))]
        assert await device.told("power_limit", 2000.0) == told
        assert await device.told("power_limit", 2000.0, again=True) == told
        assert await device.told("power_limit", 0.0) == [Written(16, SETPOINT, i32(0)), told[1]]
        assert await device.released("power_limit") == [
            Written(16, SETPOINT, i32(8000)),
            Written(16, ORDERED, u32(803)),
        ]


@pytest.mark.parametrize("control", ["share", "setpoint"])
@pytest.mark.parametrize("mode", [303, 1077, 1078, 4711])
async def test_in_another_operating_mode_it_is_not_told_what_it_would_ignore(mode: int, control: str) -> None:
    async with played("sma-pv", image({30835: u32(mode)}), control=control) as device:
        with pytest.raises(DeviceRefused, match="no external setpoint; set it to one"):
            await device.told("power_limit", 2000.0)


@pytest.mark.parametrize("control", ["share", "setpoint"])
def test_it_is_reminded_in_time_and_nothing_of_it_wears_out(control: str) -> None:
    config = configured("sma-pv", control=control)
    command = config.make.commands["power_limit"]
    assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (15, 60, "write")
    assert not any(point.persistent for point in config.make.points.values())


@pytest.mark.parametrize("control", ["share", "setpoint"])
async def test_a_simulated_one_is_limited_either_way_and_forgets_it_in_time(control: str) -> None:
    inverter, now_s = SimulatedInverter(Sun(4000, seed=7), max_power_w=4000, ramp_percent_per_s=1000), [0.0]
    simulated = profile_device("sma-pv", {"control": control}, inverter, Faults(), kind_name="pv")
    async with (
        serve_tcp(simulated.units[3], unit=3, clock=lambda: now_s[0]) as address,
        connected("sma-pv", address.port, control=control, connection={"gap": "0 s"}) as device,
    ):
        await device.told("power_limit", 1000)
        now_s[0] = 8.0
        assert ((await device.read())["power"], inverter.limit_w) == (-1000, 1000)
        await device.told("power_limit", 500)
        now_s[0] = 608.0
        await device.read()
        assert inverter.limit_w == 4000
        await device.told("power_limit", 0)
        assert inverter.limit_w == 0
        await device.released("power_limit")
        assert inverter.limit_w == 4000

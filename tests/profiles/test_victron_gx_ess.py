"""Victron GX with ESS: the image of a Cerbo, the loop that is closed through its grid setpoint, and mode 3."""

import pytest

from s2d.errors import ConfigError, DeviceRefused
from tests.profiles.image import Image, Written, configured, i16, i32, played, text

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
STATE, MODE, STORED, VOLATILE, DYNAMIC = 2900, 2902, 2700, 2716, 5400
SETPOINTS = (37, 40, 41)


def image() -> Image:
    """Three phases at noon: one feeds in, the others draw, and the battery charges."""
    return Image(
        {
            800: text("HQ2101ABCDE", 6),
            820: [i16(-2300), 700, 400],
            842: [1500, 64],
            STORED: 50,
            VOLATILE: i32(0),
            STATE: 10,
            MODE: 1,
            DYNAMIC: 0,
        }
    )


def before_3_50(*, phases: int = 1) -> Image:
    """One without a volatile setpoint, whose inverters take *phases* × 800 W."""
    old = image()
    for register in (VOLATILE, VOLATILE + 1, DYNAMIC):
        del old.holding[register]
    old.holding |= {28: phases, 12: 80} | ({13: 80, 14: 80} if phases == 3 else {})
    return old


async def test_what_it_says() -> None:
    async with played("victron-gx-ess", image(), **OWNER) as device:
        assert device.config.connection.unit == 100
        assert await device.read() == {
            "soc": 64,
            "power": 1500,
            "grid_l1": -2300,
            "grid_l2": 700,
            "grid_l3": 400,
            "grid": -1200,
            "mode": 1,
            "ess_state": 10,
            "knows_dynamic_ess": 0,
            "dynamic_ess": 0,
            "knows_ess": 50,
            "knows_volatile": 0,
            "owners_grid_setpoint": 50,
            "serial": "HQ2101ABCDE",
        }
    async with played("victron-gx-ess", before_3_50(), **OWNER) as device:
        assert await device.read() == {
            "soc": 64,
            "power": 1500,
            "input_l1": 800,
            "input": 800,
            "phases": 1,
            "mode": 1,
            "knows_ess": 50,
            "serial": "HQ2101ABCDE",
        }


@pytest.mark.parametrize(
    ("wanted_w", "setpoint_w"), [(3000, 300), (-2500, -5200), (0, -2700), (9000, 2300), (-9000, -6700)]
)
async def test_the_grid_setpoint_is_what_gives_the_battery_its_power(wanted_w: float, setpoint_w: int) -> None:
    async with played("victron-gx-ess", image(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [Written(16, VOLATILE, i32(setpoint_w))]
        assert await device.released("power_setpoint") == [Written(16, VOLATILE, i32(50))]


async def test_the_loop_follows_the_house_and_does_not_wind_up() -> None:
    gx = image()
    async with played("victron-gx-ess", gx, **OWNER) as device:
        assert await device.told("power_setpoint", 3000.0) == [Written(16, VOLATILE, i32(300))]
        gx.holding |= {820: i16(-800), 842: 3000}  # there it is
        assert await device.told("power_setpoint", 3000.0) == [Written(16, VOLATILE, i32(300))]
        gx.holding |= {821: 2700}  # somebody cooks
        assert await device.told("power_setpoint", 3000.0) == [Written(16, VOLATILE, i32(2300))]
        gx.holding |= {842: 0, 820: i16(-3800)}  # and the battery is full
        for _ in range(5):
            assert await device.told("power_setpoint", 3000.0) == [Written(16, VOLATILE, i32(2300))]
        assert device.commands["power_setpoint"].refresh_s == 2


@pytest.mark.parametrize("register", [820, 821, 822, 842])
@pytest.mark.parametrize("raw", [0x7FFF, 0x8000])
async def test_it_steers_by_nothing_that_is_not_a_measurement(register: int, raw: int) -> None:
    gx = image()
    gx.holding |= {register: raw}
    async with played("victron-gx-ess", gx, **OWNER) as device:
        with pytest.raises(DeviceRefused, match="unknown"):
            await device.told("power_setpoint", 0.0)
        assert await device.released("power_setpoint") == [Written(16, VOLATILE, i32(50))]


async def test_a_charge_that_the_gx_does_not_know_is_not_told_as_none() -> None:
    gx = image()
    gx.holding |= {843: 0}
    async with played("victron-gx-ess", gx, **OWNER) as device:
        assert "soc" not in await device.read()


async def test_a_power_that_is_cut_off_at_the_end_of_its_register_is_none() -> None:
    gx = image()
    gx.holding |= {842: 0x7FFE}
    async with played("victron-gx-ess", gx, **OWNER) as device:
        assert "power" not in await device.read()


@pytest.mark.parametrize(("register", "raw"), [(DYNAMIC, 1), (MODE, 3), (STATE, 9)])
async def test_it_leaves_the_system_to_another_that_steers_it(register: int, raw: int) -> None:
    gx = image()
    gx.holding |= {register: raw}
    async with played("victron-gx-ess", gx, **OWNER) as device:
        with pytest.raises(DeviceRefused, match=r"ESS keeps the batteries charged or is in mode 3"):
            await device.told("power_setpoint", 1000.0)
        assert await device.released("power_setpoint") == [Written(16, VOLATILE, i32(50))]


async def test_it_need_not_say_how_ess_goes_about_it() -> None:
    gx = image()
    del gx.holding[STATE]
    async with played("victron-gx-ess", gx, **OWNER) as device:
        assert await device.told("power_setpoint", 3000.0) == [Written(16, VOLATILE, i32(300))]


async def test_one_that_never_heard_of_dynamic_ess_is_steered() -> None:
    gx = image()
    del gx.holding[DYNAMIC]
    async with played("victron-gx-ess", gx, **OWNER) as device:
        assert await device.told("power_setpoint", 0.0) == [Written(16, VOLATILE, i32(-2700))]


async def test_its_own_grid_setpoint_is_asked_for_when_it_is_given_back() -> None:
    gx = image()
    async with played("victron-gx-ess", gx, **OWNER) as device:
        gx.holding |= {STORED: i16(-30)}
        assert await device.released("power_setpoint") == [Written(16, VOLATILE, i32(-30))]


async def test_an_old_one_is_put_into_mode_3_and_out_of_it() -> None:
    gx = before_3_50()
    async with played("victron-gx-ess", gx, **OWNER, vebus_unit=228, ess_mode=2) as device:
        assert {device.make.points[name].unit_id for name in ("phases", "input_l1", "setpoint_l1")} == {228}
        assert await device.told("power_setpoint", 3000.0) == [Written(6, 37, [2300]), Written(6, MODE, [3])]
        gx.holding |= {12: 230, 842: 3000}
        assert await device.told("power_setpoint", -2500.0) == [Written(6, 37, [i16(-3200)])]
        assert await device.told("power_setpoint", 0.0) == [Written(6, 37, [i16(-700)])]
        assert await device.told("power_setpoint", 9000.0) == [Written(6, 37, [4300])]
        assert await device.released("power_setpoint") == [Written(6, MODE, [1])]
        assert await device.released("power_setpoint") == []


async def test_an_old_one_gets_back_the_mode_it_had_and_after_a_crash_of_others_the_one_its_owner_says() -> None:
    gx = before_3_50()
    gx.holding |= {MODE: 2}
    async with played("victron-gx-ess", gx, **OWNER) as device:
        await device.told("power_setpoint", 3000.0)
        assert await device.released("power_setpoint") == [Written(6, MODE, [2])]
    gx.holding |= {MODE: 3}
    async with played("victron-gx-ess", gx, **OWNER, ess_mode=2) as device:
        await device.told("power_setpoint", 3000.0)
        assert await device.released("power_setpoint") == [Written(6, MODE, [2])]


async def test_what_an_old_one_keeps_in_flash_is_counted_and_its_order_repeated_in_time() -> None:
    async with played("victron-gx-ess", before_3_50(), **OWNER) as device:
        command, mode = device.commands["power_setpoint"], device.make.points["mode"]
        assert (command.refresh_s, command.timeout_s({})) == (2, 10)
        assert (mode.persistent, mode.daily_writes, mode.poll) == (True, 50, "never")
        assert STORED not in {point.register for point in device.make.points.values() if point.is_writable}


async def test_an_old_one_found_in_mode_3_after_a_crash_is_given_back() -> None:
    gx = before_3_50()
    gx.holding |= {MODE: 3}
    async with played("victron-gx-ess", gx, **OWNER) as device:
        assert await device.released("power_setpoint") == [Written(6, MODE, [1])]


async def test_an_old_one_shares_the_power_among_its_phases() -> None:
    gx = before_3_50(phases=3)
    async with played("victron-gx-ess", gx, **OWNER) as device:
        # The inverters take 2400 W, of which 900 W go to their loads.
        assert await device.told("power_setpoint", 3000.0) == [
            *(Written(6, register, [1300]) for register in SETPOINTS),
            Written(6, MODE, [3]),
        ]
        del gx.holding[14]
        with pytest.raises(DeviceRefused, match="unknown"):
            await device.told("power_setpoint", 3000.0)


async def test_while_it_is_not_known_how_many_phases_there_are_nothing_is_shared_out() -> None:
    gx = before_3_50(phases=0)
    async with played("victron-gx-ess", gx, **OWNER) as device:
        with pytest.raises(DeviceRefused, match="unknown"):
            await device.told("power_setpoint", 3000.0)
    assert gx.holding[MODE] == 1


async def test_one_without_any_ess_is_not_put_into_mode_3() -> None:
    gx = before_3_50()
    del gx.holding[STORED]
    gx.refuses[VOLATILE] = 2
    async with played("victron-gx-ess", gx, **OWNER) as device:
        with pytest.raises(DeviceRefused, match="2716"):
            await device.told("power_setpoint", 0.0)
    assert gx.holding[MODE] == 1


def test_there_is_no_mode_4() -> None:
    with pytest.raises(ConfigError, match="ess_mode"):
        configured("victron-gx-ess", **OWNER, ess_mode=3)

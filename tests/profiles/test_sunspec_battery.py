"""SunSpec batteries: maps as the standard defines them, and what they are told by model 704."""

import pytest

from s2d.errors import DeviceRefused
from s2d.values import Quality
from tests.drivers.sunspec_peers import model, sunspec_map
from tests.profiles.image import Image, Written, configured, i32, played, u32

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
COMMON = model(1, {"Mn": "Acme", "Md": "Store 10", "Vr": "1.2.3", "SN": "4711"})
BANK = {
    "SoC": 555,
    "SoC_SF": -1,
    "W": -250,
    "W_SF": 1,
    "ChaSt": 4,
    "State": 3,
    "Evt1": 0,
    "LocRemCtl": 0,
    "CtrlHb": 0,
}
CONTROLS = {
    "WSetEna": 0,
    "WSetMod": 0,
    "WSet": 0,
    "WSet_SF": 0,
    "WSetEnaRvrt": 1,
    "WSetRvrtTms": 0,
}
IDENTITY = {"manufacturer_name": "Acme", "model_name": "Store 10", "version": "1.2.3", "serial": "4711"}


def image(*models: list[int]) -> Image:
    return Image({40000: sunspec_map(*models)})


def whole(**told: int) -> Image:
    """One with a battery bank; *told* is what it says otherwise."""
    return image(COMMON, model(802, BANK | told), model(704, CONTROLS))


def bare() -> Image:
    """One that has of model 704 what it must have."""
    controls = {name: CONTROLS[name] for name in ("WSetEna", "WSet", "WSet_SF")}
    return image(COMMON, model(802, BANK), model(704, controls))


def place(offset: int, *before: list[int]) -> int:
    """The register at *offset* in a model behind those *before* it."""
    return 40002 + sum(map(len, before)) + offset


ENABLED, MODE, SETPOINT, REVERSION_ON, REVERSION_TIME = (
    place(offset, COMMON, model(802, BANK)) for offset in (22, 23, 24, 30, 31)
)
HEARTBEAT = place(19, COMMON)


async def test_what_a_battery_bank_says() -> None:
    async with played("sunspec-battery", whole(), **OWNER) as device:
        assert await device.read() == IDENTITY | {
            "soc": 55.5,
            "power": 2500,
            "status": "charging",
            "state": "CONNECTED",
            "events": "ok",
            "fault": "ok",
            "controlled": "REMOTE",
            "setpoint_mode": "W_MAX_PCT",
            "setpoint": 0,
            "setpoint_on": "DISABLED",
            "reversion_on": "ENABLED",
            "reversion_time": 0,
        }


async def test_what_one_of_the_newer_models_says() -> None:
    storage = model(713, {"SoC": 42, "Pct_SF": 0, "Sta": 0})
    measured = model(714, {"DCW": 15, "DCW_SF": 2})
    async with played("sunspec-battery", image(COMMON, model(704, CONTROLS), storage, measured), **OWNER) as device:
        readings = await device.read()
        assert {name: readings.get(name) for name in ("soc", "power", "fault", "health", "state", "status")} == {
            "soc": 42,
            "power": -1500,
            "fault": "ok",
            "health": "OK",
            "state": None,
            "status": None,
        }


async def test_with_neither_its_power_is_that_on_the_ac_side() -> None:
    measured = model(701, {"W": -80, "W_SF": 1})
    async with played("sunspec-battery", image(COMMON, measured, model(704, CONTROLS)), **OWNER) as device:
        assert (await device.read())["power"] == 800


async def test_one_that_counts_the_other_way() -> None:
    async with played("sunspec-battery", whole(W=250), **OWNER, reverse_power=True) as device:
        assert (await device.read())["power"] == 2500


async def test_every_state_of_charging_has_its_word() -> None:
    words = ["off", "empty", "discharging", "charging", "full", "holding", "testing", None]
    for state, word in enumerate(words, 1):
        async with played("sunspec-battery", whole(ChaSt=state), **OWNER) as device:
            assert (await device.read()).get("status") == word


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"State": 99, "Evt1": 0b110}, "OVER_TEMP_ALARM, OVER_TEMP_WARNING"),
        ({"State": 99}, "the battery reports a fault"),
        ({"State": 4, "Evt1": 0b100}, "ok"),
    ],
)
async def test_a_fault_is_told_with_its_events(told: dict[str, int], fault: str) -> None:
    async with played("sunspec-battery", whole(**told), **OWNER) as device:
        assert (await device.read())["fault"] == fault


async def test_an_error_of_the_storage_is_a_fault() -> None:
    storage = model(713, {"SoC": 42, "Pct_SF": 0, "Sta": 2})
    async with played("sunspec-battery", image(COMMON, storage), **OWNER) as device:
        assert (await device.read())["fault"] == "the battery reports a fault"


async def test_what_it_does_not_say_is_unknown() -> None:
    async with played("sunspec-battery", image(COMMON, model(802), model(704)), **OWNER) as device:
        assert await device.read() == IDENTITY


@pytest.mark.parametrize(
    ("wanted_w", "written_w"), [(3000, -3000), (-2500, 2500), (-9000, 4000), (9000, -5000), (0, 0)]
)
async def test_it_is_told_its_power_and_let_go(wanted_w: float, written_w: int) -> None:
    async with played("sunspec-battery", whole(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [
            Written(6, MODE, [1]),
            Written(16, SETPOINT, i32(written_w)),
            Written(16, REVERSION_TIME, u32(60)),
            Written(6, ENABLED, [1]),
        ]
        assert (await device.read())["setpoint"] == max(-4000, min(5000, wanted_w))
        assert await device.released("power_setpoint") == [
            Written(6, ENABLED, [0]),
            Written(6, MODE, [0]),
            Written(16, REVERSION_TIME, u32(0)),
        ]
        command = device.commands["power_setpoint"]
        assert (command.refresh_s, command.timeout_s({}), command.if_unchanged) == (20, 60, "write")


async def test_its_order_is_scaled_and_may_count_the_other_way() -> None:
    scaled = image(COMMON, model(802, BANK), model(704, CONTROLS | {"WSet_SF": 1}))
    async with played("sunspec-battery", scaled, **OWNER, reverse_setpoint=True) as device:
        assert Written(16, SETPOINT, i32(300)) in await device.told("power_setpoint", 3000.0)


async def test_once_the_order_has_lapsed_it_is_left_to_itself() -> None:
    async with played("sunspec-battery", whole(), **OWNER) as device:
        assert await device.started() == [Written(6, REVERSION_ON, [0])]


async def test_what_knows_neither_modes_nor_reversion_is_told_the_rest() -> None:
    async with played("sunspec-battery", bare(), **OWNER) as device:
        assert await device.started() == []
        assert await device.told("power_setpoint", 3000.0) == [
            Written(16, SETPOINT, i32(-3000)),
            Written(6, ENABLED, [1]),
        ]
    async with played("sunspec-battery", bare(), **OWNER, heartbeat=True) as device:
        assert await device.told("power_setpoint", 3000.0) == [
            Written(6, HEARTBEAT, [0]),
            Written(16, SETPOINT, i32(-3000)),
            Written(6, ENABLED, [1]),
        ]


@pytest.mark.parametrize("heartbeat", [False, True])
async def test_one_that_refuses_a_reversion_time_may_be_told_without(heartbeat: bool) -> None:
    strict = whole()
    strict.refuses[REVERSION_TIME] = 3
    async with played("sunspec-battery", strict, **OWNER, heartbeat=heartbeat, reverts=False) as device:
        assert (await device.told("power_setpoint", 3000.0))[-3:] == [
            Written(6, MODE, [1]),
            Written(16, SETPOINT, i32(-3000)),
            Written(6, ENABLED, [1]),
        ]


def test_without_which_points_it_is_no_battery() -> None:
    points = configured("sunspec-battery", **OWNER).points
    assert {name for name, point in points.items() if not point.optional} == {"soc", "power", "setpoint", "setpoint_on"}


async def test_with_a_heartbeat_it_counts_on_every_second() -> None:
    async with played("sunspec-battery", whole(), **OWNER, heartbeat=True) as device:
        assert [(await device.told("power_setpoint", watts))[0] for watts in (1000.0, 2000.0)] == [
            Written(6, HEARTBEAT, [0]),
            Written(6, HEARTBEAT, [1]),
        ]
        assert (await device.told("power_setpoint", 3000.0))[1:] == [
            Written(6, MODE, [1]),
            Written(16, SETPOINT, i32(-3000)),
            Written(16, REVERSION_TIME, u32(60)),
            Written(6, ENABLED, [1]),
        ]
        assert device.commands["power_setpoint"].refresh_s == 1


async def test_one_that_is_controlled_at_the_device_counts_as_away() -> None:
    for peer in (whole(LocRemCtl=0), whole(LocRemCtl=0xFFFF), bare()):
        async with played("sunspec-battery", peer, **OWNER) as device:
            assert await device.obstacle() is None
    async with played("sunspec-battery", whole(LocRemCtl=1), **OWNER) as device:
        assert await device.obstacle() == "the battery is switched to local control"


async def test_what_is_no_battery_says_which_models_it_has_instead() -> None:
    async with played("sunspec-battery", image(COMMON, model(103)), **OWNER) as device:
        readings = await device.readings()
        assert {name: readings[name].detail for name in ("soc", "power") if readings[name].quality is Quality.BAD} == {
            "soc": "the device has no 802:SoC nor 713:SoC; its SunSpec models are 1, 103",
            "power": "the device has no 802:W nor 714:DCW nor 701:W; its SunSpec models are 1, 103",
        }
        with pytest.raises(DeviceRefused, match="setpoint: the device has no 704:WSet; its SunSpec models are 1, 103"):
            await device.told("power_setpoint", 1000.0)

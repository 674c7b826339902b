"""Fronius GEN24 with a battery: its map in whole numbers and scale factors, and what it is told by model 124."""

from collections.abc import Sequence
from itertools import zip_longest

import pytest

from s2d.errors import DeviceRefused
from tests.drivers.sunspec_peers import model, sunspec_map
from tests.profiles.image import Image, Written, configured, i16, played

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
COMMON = model(1, {"Mn": "Fronius", "Md": "Symo GEN24 10.0 Plus", "Vr": "1.34.6-1", "SN": "31234567"})
STORE = {
    "WChaMax": 1000,
    "WChaMax_SF": 1,
    "StorCtl_Mod": 0,
    "MinRsvPct": 500,
    "MinRsvPct_SF": -2,
    "ChaState": 6150,
    "ChaState_SF": -2,
    "ChaSt": 4,
    "OutWRte": 10000,
    "InWRte": 10000,
    "InOutWRte_SF": -2,
    "InOutWRte_RvrtTms": 0,
    "ChaGriSet": 0,
}


def inverter(state: int) -> list[int]:
    return model(103, {"W": 5234, "W_SF": 0, "St": state})


def modules(*powers: int, names: Sequence[str] = ()) -> list[int]:
    named = zip_longest(powers, names)
    said = [{"DCW": power} | ({"IDStr": name} if name else {}) for power, name in named]
    return model(160, {"N": len(powers), "DCW_SF": 1, "module": said})


def image(*powers: int, state: int = 4, names: Sequence[str] = (), **told: int) -> Image:
    """One whose modules have *powers* in 10 W, and *names*; *told* is what model 124 says otherwise."""
    before = [COMMON, inverter(state), modules(*(powers or (210, 90, 120, 0)), names=names)]
    return Image({40000: sunspec_map(*before, model(124, STORE | told))})


def place(offset: int) -> int:
    return 40002 + sum(map(len, (COMMON, inverter(4), modules(0, 0, 0, 0)))) + offset


LIMITED, OUT, IN, REVERSION, GRID = map(place, (5, 12, 13, 15, 17))


def rate(register: int, percent: float) -> Written:
    return Written(6, register, [i16(round(percent * 100))])


def limits(out_percent: float, in_percent: float, limited: int) -> list[Written]:
    """Both rates, and then which of them count."""
    rates = [i16(round(percent * 100)) for percent in (out_percent, in_percent)]
    return [Written(16, OUT, rates), Written(6, LIMITED, [limited])]


async def test_what_it_says() -> None:
    async with played("fronius-gen24", image(), **OWNER) as device:
        assert await device.read() == {
            "soc": 61.5,
            "charging_power": 1200,
            "discharging_power": 0,
            "power": 1200,
            "state": "MPPT",
            "fault": "ok",
            "rated": 10000,
            "limited": 0,
            "discharge_rate": 100,
            "charge_rate": 100,
            "modules": 4,
            "knows_reversion": 0,
            "reversion_time": 0,
            "charging_from": "PV",
            "manufacturer_name": "Fronius",
            "model_name": "Symo GEN24 10.0 Plus",
            "version": "1.34.6-1",
            "serial": "31234567",
        }


async def test_it_discharges_sleeps_and_fails() -> None:
    async with played("fronius-gen24", image(0, 0, 0, 85), **OWNER) as device:
        assert (await device.read())["power"] == -850
    asleep = image(0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, state=2, ChaState=0xFFFF, WChaMax=0xFFFF)
    async with played("fronius-gen24", asleep, **OWNER) as device:
        readings = await device.read()
        assert (readings["power"], "soc" in readings) == (0, False)
        with pytest.raises(DeviceRefused, match="unknown: rated"):
            await device.told("power_setpoint", 1000.0)
    async with played("fronius-gen24", image(state=7), **OWNER) as device:
        assert (await device.read())["fault"] == "the inverter reports a fault"
    async with played("fronius-gen24", image(state=0xFFFF), **OWNER) as device:
        assert "fault" not in await device.read()


async def test_one_with_more_strings_has_its_battery_further_behind() -> None:
    async with played("fronius-gen24", image(1, 2, 3, 4, 50, 0), **OWNER, charging_module=5) as device:
        assert (await device.read())["power"] == 500


MPPTS = ["MPPT 1", "MPPT 2", "MPPT 3", "MPPT 4"]


@pytest.mark.parametrize(
    ("powers", "names", "power_w"),
    [
        ((210, 90, 120, 0), [*MPPTS[:2], "StCha 3", "StDisCha 4"], 1200),
        ((210, 90, 75, 0, 50), [*MPPTS[:3], "StCha 4", "StDisCha 5"], -500),
        ((210, 90, 75, 80, 50, 0), [*MPPTS, "STCHA 5", "STDISCHA 6"], 500),
        ((210, 0, 60), [MPPTS[0], "StCha 2", "StDisCha 3"], -600),
        # Without names the last two are the battery.
        ((210, 90, 120, 0), [], 1200),
        ((210, 90, 75, 0, 50), [], -500),
        ((210, 90, 75, 80, 50, 0), [], 500),
    ],
)
async def test_its_battery_is_where_it_says_and_never_a_string_of_the_roof(
    powers: tuple[int, ...], names: list[str], power_w: float
) -> None:
    async with played("fronius-gen24", image(*powers, names=names), **OWNER) as device:
        assert (await device.read())["power"] == power_w
        assert await device.obstacle() is None


@pytest.mark.parametrize(
    ("powers", "names"), [((210, 90, 75, 80), MPPTS), ((210, 90), MPPTS[:2]), ((210, 90), []), ((210, 90, 75), [])]
)
async def test_where_that_is_not_known_it_gets_no_orders_unless_its_owner_says_it(
    powers: tuple[int, ...], names: list[str]
) -> None:
    async with played("fronius-gen24", image(*powers, names=names), **OWNER) as device:
        assert await device.obstacle() == "none of its modules says that it is the battery; say `charging_module`"
    async with played("fronius-gen24", image(*powers, names=names), **OWNER, charging_module=1) as device:
        assert await device.obstacle() is None
        assert (await device.read())["power"] == 1200


RELEASED = [Written(6, LIMITED, [0]), rate(IN, 100), rate(OUT, 100)]


@pytest.mark.parametrize(
    ("wanted_w", "written"),
    [
        (3000, [Written(6, GRID, [1]), *limits(-30, 100, 2)]),
        (-2500, limits(100, -25, 1)),
        (0, limits(0, 0, 3)),
        (9000, [Written(6, GRID, [1]), *limits(-50, 100, 2)]),
        (-9000, limits(100, -40, 1)),
    ],
)
async def test_it_is_told_a_least_power_and_let_go(wanted_w: float, written: list[Written]) -> None:
    async with played("fronius-gen24", image(), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [Written(6, REVERSION, [120]), *written]
        put_back = [Written(6, GRID, [0])] if wanted_w > 0 else []
        assert await device.released("power_setpoint") == [*RELEASED, *put_back, Written(6, REVERSION, [0])]


def test_what_stays_in_it_for_good_is_not_written_by_every_refresh() -> None:
    points = configured("fronius-gen24", **OWNER).points
    assert {name for name, point in points.items() if point.persistent} == {"reversion_time", "charging_from"}


async def test_what_its_owner_had_set_is_put_back() -> None:
    async with played("fronius-gen24", image(ChaGriSet=1, InOutWRte_RvrtTms=3600), **OWNER) as device:
        for wanted_w in (3000.0, -2500.0):
            await device.told("power_setpoint", wanted_w)
        assert await device.released("power_setpoint") == [*RELEASED, Written(6, REVERSION, [3600])]
        assert await device.released("power_setpoint") == RELEASED


@pytest.mark.parametrize(
    ("wanted_w", "written"),
    [
        (3000, [Written(6, GRID, [1]), *limits(-30, 30, 3)]),
        (-2500, limits(25, -25, 3)),
        (0, limits(0, 0, 3)),
    ],
)
async def test_or_an_exact_one(wanted_w: float, written: list[Written]) -> None:
    async with played("fronius-gen24", image(), **OWNER, exact=True) as device:
        assert await device.told("power_setpoint", wanted_w) == [Written(6, REVERSION, [120]), *written]


def forced_w(store: Image) -> tuple[float, float]:
    """Between which powers the registers let the battery be, charging positive."""
    limited, rates = store.holding[LIMITED], [store.holding[register] for register in (OUT, IN)]
    out, into = (0.01 * (raw - 0x10000 if raw >= 0x8000 else raw) for raw in rates)
    return (-out if limited & 2 else -100) * 100, (into if limited & 1 else 100) * 100


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("before_w", "after_w"), [(3000, -2500), (-2500, 3000), (3000, 0), (-2500, 0), (0, 3000), (0, -2500)]
)
async def test_on_the_way_from_one_power_to_another_it_is_forced_to_nothing_else(
    exact: bool, before_w: float, after_w: float
) -> None:
    store = image()
    async with played("fronius-gen24", store, **OWNER, exact=exact) as device:
        await device.told("power_setpoint", before_w)
        then = dict(store.holding)
        written = await device.told("power_setpoint", after_w)
        low_w, high_w = forced_w(store)
        assert low_w <= after_w <= high_w
        store.holding = then
        for each in written:
            assert isinstance(each, Written)
            store.holding |= dict(enumerate(each.words, each.register))
            low_w, high_w = forced_w(store)
            # Forced to charge at most as before or after, and the same for discharging.
            assert low_w <= max(before_w, after_w, 0)
            assert high_w >= min(before_w, after_w, 0)


async def test_a_rate_that_somebody_left_there_never_counts() -> None:
    store = image()
    async with played("fronius-gen24", store, **OWNER) as device:
        store.holding[OUT] = i16(-5000)
        then = dict(store.holding)
        written = await device.told("power_setpoint", 1000.0)
        store.holding = then
        for each in written:
            assert isinstance(each, Written)
            store.holding |= dict(enumerate(each.words, each.register))
            assert forced_w(store)[0] <= 1000


async def test_its_watchdog_is_set_if_it_has_one_and_fed_in_time() -> None:
    async with played("fronius-gen24", image(InOutWRte_RvrtTms=0xFFFF), **OWNER) as device:
        assert await device.told("power_setpoint", 0.0) == limits(0, 0, 3)
        command = device.commands["power_setpoint"]
        assert (command.refresh_s, command.timeout_s({})) == (30, 120)


async def test_one_that_refuses_its_watchdog_may_be_told_without() -> None:
    strict = image()
    strict.refuses[REVERSION] = 4
    async with played("fronius-gen24", strict, **OWNER) as device:
        with pytest.raises(DeviceRefused, match=str(REVERSION)):
            await device.told("power_setpoint", 0.0)
    async with played("fronius-gen24", strict, **OWNER, reverts=False) as device:
        assert await device.told("power_setpoint", 0.0) == limits(0, 0, 3)


async def test_where_charging_from_the_grid_is_allowed_already_that_is_not_written() -> None:
    async with played("fronius-gen24", image(ChaGriSet=1), **OWNER) as device:
        assert GRID not in [each.register for each in await device.told("power_setpoint", 1000.0)]


async def test_its_rated_power_is_a_limit_too() -> None:
    async with played("fronius-gen24", image(WChaMax=300), **OWNER) as device:
        assert (await device.told("power_setpoint", 5000.0))[-2:] == limits(-100, 100, 2)
        assert (await device.told("power_setpoint", -4000.0))[-2:] == limits(100, -100, 1)


async def test_one_that_is_not_to_be_controlled_by_modbus_refuses() -> None:
    store = image()
    store.refuses[LIMITED] = 3
    async with played("fronius-gen24", store, **OWNER) as device:
        with pytest.raises(DeviceRefused, match=str(LIMITED)):
            await device.told("power_setpoint", -1000.0)
    assert forced_w(store) == (-10000, 10000)

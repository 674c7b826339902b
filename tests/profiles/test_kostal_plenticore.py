"""Kostal Plenticore: with its words in either order, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Written, configured, f32, i16, played, text

OWNER = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "4 kW"}
LOW_FIRST, HIGH_FIRST = 0, 1
ORDERED = 1034


def words(value: float, order: int) -> list[int]:
    return f32(value) if order == HIGH_FIRST else f32(value)[::-1]


def image(order: int = LOW_FIRST, *, soc: int = 55, management: int = 2, says: int | None = None) -> Image:
    """One that discharges; what it *says* of the order of its words may be wrong."""
    return Image(
        {
            5: order if says is None else says,
            14: text("90342ABC0001", 8),
            210: words(soc + 0.4, order),
            514: soc,
            531: 10000,
            582: 1800,
            ORDERED: [0, 0],
            1080: management,
        }
    )


@pytest.mark.parametrize(("order", "name"), [(LOW_FIRST, "low_first"), (HIGH_FIRST, "high_first")])
async def test_what_it_says(order: int, name: str) -> None:
    async with played("kostal-plenticore", image(order), **OWNER) as device:
        assert device.config.connection.unit == 71
        assert await device.read() == {
            "soc": 55,
            "exact_soc": pytest.approx(55.4),
            "power": -1800,
            "word_order": name,
            "management": "modbus",
            "rated_power": 10000,
            "serial": "90342ABC0001",
            "is_understood": True,
        }


async def test_charging_is_positive_and_an_impossible_soc_is_none() -> None:
    odd = image()
    odd.holding |= {582: i16(-2400), 514: 0xFFFF}
    async with played("kostal-plenticore", odd, **OWNER) as device:
        readings = await device.read()
        assert readings["power"] == 2400
        assert "soc" not in readings


@pytest.mark.parametrize("order", [LOW_FIRST, HIGH_FIRST])
@pytest.mark.parametrize(
    ("wanted_w", "written_w"), [(3000, -3000), (-2500, 2500), (9000, -5000), (-9000, 4000), (0, 0), (4999, -4999)]
)
async def test_it_is_told_its_power_and_let_go(order: int, wanted_w: float, written_w: float) -> None:
    async with played("kostal-plenticore", image(order), **OWNER) as device:
        assert await device.told("power_setpoint", wanted_w) == [Written(16, ORDERED, words(written_w, order))]
        assert await device.released("power_setpoint") == [Written(16, ORDERED, [0, 0])]


async def test_no_more_than_the_inverter_is_rated_for() -> None:
    small = image()
    small.holding[531] = 3000
    async with played("kostal-plenticore", small, **OWNER) as device:
        assert await device.told("power_setpoint", 9000.0) == [Written(16, ORDERED, words(-3000, LOW_FIRST))]
        assert await device.told("power_setpoint", -9000.0) == [Written(16, ORDERED, words(3000, LOW_FIRST))]


@pytest.mark.parametrize(("management", "can_be_had"), [(0, False), (1, False), (2, True), (0xFFFF, True)])
async def test_one_that_does_not_listen_counts_as_away(management: int, can_be_had: bool) -> None:
    async with played("kostal-plenticore", image(management=management), **OWNER) as device:
        assert await device.obstacle() == (None if can_be_had else "its battery management is not external via Modbus")


@pytest.mark.parametrize("soc", [1, 2, 55])
@pytest.mark.parametrize(("order", "says"), [(HIGH_FIRST, LOW_FIRST), (LOW_FIRST, HIGH_FIRST)])
async def test_one_that_is_misunderstood_is_told_nothing(order: int, says: int, soc: int) -> None:
    async with played("kostal-plenticore", image(order, says=says, soc=soc), **OWNER) as device:
        with pytest.raises(DeviceRefused, match="the order of words is not what it tells"):
            await device.told("power_setpoint", 1000.0)
        assert await device.released("power_setpoint") == [Written(16, ORDERED, [0, 0])]


async def test_an_older_one_that_tells_little_is_told_its_power() -> None:
    older = image()
    for register in (5, 210, 211, 531, 1080):
        del older.holding[register]
    async with played("kostal-plenticore", older, **OWNER) as device:
        assert await device.obstacle() is None
        assert await device.told("power_setpoint", 9000.0) == [Written(16, ORDERED, words(-5000, LOW_FIRST))]


async def test_it_is_reminded_three_times_before_the_order_lapses() -> None:
    for keys, expected in (({}, (10, 30)), ({"lapses_after": "60 s"}, (20, 60))):
        async with played("kostal-plenticore", image(), **OWNER, **keys) as device:
            await device.read()
            command = device.commands["power_setpoint"]
            assert (command.refresh_s, command.timeout_s(device.make.parameters)) == expected


def test_where_it_is_spoken_to() -> None:
    connection = configured("kostal-plenticore", **OWNER).connection
    assert (connection.port, connection.unit) == (1502, 71)

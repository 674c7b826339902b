"""What is watched after a manual write, and what is said to have come of it: followed, or in which way not."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from s2d_drivers.modbus import ModbusPoint

from s2d.commissioning.device_visit import visited
from s2d.commissioning.manual_write import bounds_in_words, command_of, what_is_left, within_reach
from s2d.commissioning.write_watch import WriteOutcome, WriteWatch
from s2d.config import DeviceConfig
from s2d.device.command import Command, Step
from s2d.device.command_plan import CommandMemory
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration, Energy, Power
from s2d.rm.kinds.battery import BatterySettings
from s2d.values import RELEASE, Value
from tests.fakes import FakeDriver, Hardware, now

pytestmark = pytest.mark.virtual_time

SETTINGS = BatterySettings(
    capacity_wh=Energy(10_000),
    max_charge_power_w=Power(5000),
    max_discharge_power_w=Power(4000),
    follow_within_s=Duration(10),
)
WATT = PointSettings(unit="W")
BOTH_WAYS = PointSettings(unit="W", access="read_write")
POINTS = {"soc": PointSettings(unit="%"), "power": WATT, "power_setpoint": BOTH_WAYS}
STANDS_STILL = {"soc": 50.0, "power": 0.0, "power_setpoint": 0.0}


def store(hardware: Hardware, points: Mapping[str, PointSettings] = POINTS, **more: Any) -> DeviceConfig:
    return DeviceConfig(
        name="Store",
        driver=FakeDriver,
        connection=hardware,
        points=dict(points),
        kind="battery",
        settings=SETTINGS,
        **more,
    )


async def written(
    config: DeviceConfig, point: str, value: Value, *later: tuple[float, dict[str, Any]], kept: Value | None = None
) -> tuple[WriteOutcome, float]:
    """What is said to have come of writing *value* to *point*, and how long it was watched.

    The device keeps *kept* of it, if that is given. Each of *later* is what the hardware holds so many seconds later.
    """
    hardware = config.connection
    assert isinstance(hardware, Hardware)

    async def live() -> None:
        for at_s, values in later:
            await asyncio.sleep(at_s - (now().mono - began_at))
            hardware.values |= values

    async def remind() -> None:
        pass

    async with visited(config, now) as visit:
        plan = command_of(visit, point).plan(value, visit.opened.latest.values, CommandMemory())
        watch = WriteWatch(visit, point, plan)
        await watch.look_before()
        hardware.values[point] = plan.value if kept is None else kept
        began_at = now().mono
        async with asyncio.TaskGroup() as tasks:
            living = tasks.create_task(live())
            outcome = await watch.keep(remind, lambda progress: None)
            living.cancel()
        return outcome, now().mono - began_at


async def test_a_device_that_does_as_it_was_told_has_followed_at_the_second_look() -> None:
    outcome, took_s = await written(
        store(Hardware(dict(STANDS_STILL))), "power_setpoint", 1000.0, (2.5, {"power": 980.0})
    )
    assert outcome == WriteOutcome(True, "it follows: power is 980 W, ordered: 1000 W")
    assert took_s == 4


async def test_a_power_that_passes_by_has_not_followed() -> None:
    overshoots = [(0.5, {"power": 1000.0}), (1.5, {"power": 3000.0})]
    outcome, took_s = await written(store(Hardware(dict(STANDS_STILL))), "power_setpoint", 1000.0, *overshoots)
    assert outcome.sentence == "it does not follow: power is 3000 W, ordered: 1000 W, 0 W it was before"
    assert (outcome.is_good, took_s) == (False, 12)


async def test_what_was_so_before_proves_little() -> None:
    outcome, _ = await written(store(Hardware(dict(STANDS_STILL))), "power_setpoint", 0.0)
    assert outcome == WriteOutcome(True, "it follows: power is 0 W, ordered: 0 W, as it did before: that proves little")


async def test_a_device_that_does_half_of_it_follows_partly() -> None:
    outcome, _ = await written(store(Hardware(dict(STANDS_STILL))), "power_setpoint", 3000.0, (1, {"power": 1800.0}))
    assert outcome == WriteOutcome(False, "it follows partly: power is 1800 W, ordered: 3000 W")


@pytest.mark.parametrize(
    ("ordered", "soc", "hint"),
    [
        (1000.0, 50.0, ()),
        (1000.0, 99.0, ("the state of charge is 99 %: nearly full, it charges slowly or not at all",)),
        (-1000.0, 8.0, ("the state of charge is 8 %: nearly empty, it may not discharge",)),
        (-1000.0, 99.0, ()),
    ],
)
async def test_where_nothing_moves_that_is_said_with_what_may_be_why(
    ordered: float, soc: float, hint: tuple[str, ...]
) -> None:
    outcome, took_s = await written(store(Hardware({**STANDS_STILL, "soc": soc})), "power_setpoint", ordered)
    took = f"power_setpoint reads back {ordered:g} W: the device took the value and does not act on it"
    assert outcome == WriteOutcome(
        False, f"nothing moved: power is 0 W, ordered: {ordered:.0f} W, 0 W it was before", (took, *hint)
    )
    assert took_s == 12


@pytest.mark.parametrize(
    ("point", "key"), [(BOTH_WAYS, "true"), (PointSettings(unit="W", access="read_write", invert=True), "false")]
)
async def test_a_power_of_the_wrong_sign_is_told_with_the_key_that_turns_it(point: PointSettings, key: str) -> None:
    outcome, took_s = await written(
        store(Hardware(dict(STANDS_STILL)), {**POINTS, "power_setpoint": point}),
        "power_setpoint",
        1000.0,
        (0.5, {"power": -980.0}),
    )
    assert outcome == WriteOutcome(
        False,
        "it does the contrary: it was to take 1000 W and gives 980 W, 0 W before: the sign of what is read or of what "
        "is written may be inverted",
        (f"try `invert: {key}` at power_setpoint; or turn it at power, if its display shows the opposite",),
    )
    assert took_s == 3  # settled after two seconds, and seen twice since


async def test_of_a_command_the_signs_in_its_steps_are_looked_at() -> None:
    command = Command(steps=(Step(write={"order": Expression.parse("value")}),), unit="W")
    points = {"soc": PointSettings(unit="%"), "power": WATT, "order": PointSettings(unit="W", access="write")}
    outcome, _ = await written(
        store(Hardware({"soc": 50.0, "power": 0.0}), points, commands={"power_setpoint": command}),
        "power_setpoint",
        -1000.0,
        (0.5, {"power": 900.0}),
    )
    assert outcome.hints == (
        "look at the signs in the steps of the command power_setpoint; or turn `invert` at power, if its display shows "
        "the opposite",
    )


async def test_a_value_that_the_device_bounds_is_told() -> None:
    outcome, _ = await written(
        store(Hardware(dict(STANDS_STILL))),
        "power_setpoint",
        5000.0,
        (0.5, {"power": 3680.0}),
        kept=3680.0,
    )
    assert (outcome.is_good, outcome.sentence) == (
        False,
        "it keeps 3680 W instead of 5000 W: it has a limit, or steps, of its own; state "
        "`max_charge_power` and `max_discharge_power`, or a `step`",
    )
    assert outcome.hints == ("it follows partly: power is 3680 W, ordered: 5000 W",)


async def test_a_value_that_somebody_else_changes_is_told() -> None:
    outcome, _ = await written(
        store(Hardware(dict(STANDS_STILL))), "power_setpoint", 1000.0, (3.5, {"power_setpoint": 0.0})
    )
    assert outcome == WriteOutcome(
        False,
        "power_setpoint was 1000 W and became 0 W by itself: another controller or the app writes it, or the device "
        "forgot it",
    )


async def test_what_shows_its_words_the_other_way_round_is_blamed_on_nobody() -> None:
    points = POINTS | {"power_setpoint": ModbusPoint(register=1, type="int32", unit="W", access="read_write")}
    swaps = (0.5, {"power_setpoint": 65536000.0})
    outcome, _ = await written(store(Hardware(dict(STANDS_STILL)), points), "power_setpoint", 1000.0, swaps)
    assert outcome == WriteOutcome(
        False,
        "power_setpoint shows 1000 W with its words in another order, 65536000 W: "
        "if the device wants them so, say `write_order`",
    )


@pytest.mark.parametrize(
    ("point", "value", "before_w", "after_w", "is_good", "sentence"),
    [
        (
            "charge_limit", 1000.0, 3000.0, 990.0, True,
            "it follows: power is 990 W, ordered: to charge with 1000 W at most",
        ),
        (
            "charge_limit", 1000.0, 3000.0, 3000.0, False,
            "nothing moved: power is 3000 W, ordered: to charge with 1000 W at most, 3000 W it was before",
        ),
        (
            "charge_limit", 1000.0, -500.0, -500.0, True,
            "it follows: power is -500 W, ordered: to charge with 1000 W at most, as it did before: that proves little",
        ),
        (
            "discharge_limit", 500.0, -2000.0, -1200.0, False,
            "it follows partly: power is -1200 W, ordered: to discharge with 500 W at most",
        ),
        (
            "discharge_limit", 0.0, -2000.0, 0.0, True,
            "it follows: power is 0 W, ordered: to discharge with 0 W at most",
        ),
        ("mode", "charge", 0.0, 2000.0, True, "it follows: power is 2000 W, ordered: charge"),
        ("mode", "idle", 2000.0, 10.0, True, "it follows: power is 10 W, ordered: idle"),
        ("mode", "discharge", 0.0, 0.0, False, "nothing moved: power is 0 W, ordered: discharge, 0 W it was before"),
    ],
)  # fmt: skip
async def test_so_it_is_with_limits_and_modes(
    point: str, value: Value, before_w: float, after_w: float, is_good: bool, sentence: str
) -> None:
    settings = PointSettings(access="read_write") if point == "mode" else BOTH_WAYS
    hardware = Hardware({"soc": 50.0, "power": before_w, point: "auto" if point == "mode" else 5000.0})
    points = {"soc": PointSettings(unit="%"), "power": WATT, point: settings}
    outcome, _ = await written(store(hardware, points), point, value, (0.5, {"power": after_w}))
    assert (outcome.is_good, outcome.sentence) == (is_good, sentence)


@pytest.mark.parametrize(
    ("points", "point", "value", "sentence"),
    [
        (
            {**POINTS, "power": PointSettings(unit="W", includes_others=True)}, "power_setpoint", 1000.0,
            "it reads back so; its power holds sun or load as well: look at the device whether it follows",
        ),
        (
            {"power_setpoint": BOTH_WAYS}, "power_setpoint", 1000.0,
            "it reads back so; it tells no power of its own: look at the device whether it follows",
        ),
        (
            {**POINTS, "reserve": PointSettings(unit="%", access="write")}, "reserve", 20.0,
            "power says nothing about reserve: look at the device whether it follows",
        ),
    ],
)  # fmt: skip
async def test_where_nothing_tells_that_is_no_failure(
    points: Mapping[str, PointSettings], point: str, value: Value, sentence: str
) -> None:
    outcome, took_s = await written(store(Hardware(dict(STANDS_STILL)), points), point, value)
    assert (outcome, took_s) == (WriteOutcome(True, sentence), 0)


async def test_what_was_given_back_is_the_device_s_own_affair() -> None:
    steps = (Step(write={"order": Expression.parse("value")}),)
    command = Command(steps=steps, release=(Step(write={"order": Expression.parse("0")}),), unit="W")
    points = {"soc": PointSettings(unit="%"), "power": WATT, "order": PointSettings(unit="W", access="write")}
    config = store(Hardware({"soc": 50.0, "power": 700.0}), points, commands={"power_setpoint": command})
    outcome, _ = await written(config, "power_setpoint", RELEASE)
    assert outcome == WriteOutcome(True, "given back: the device does as it likes")


async def test_a_device_that_does_not_answer_any_more_leaves_it_open() -> None:
    silent = {"power": DeviceUnreachable("no answer")}
    outcome, took_s = await written(store(Hardware(dict(STANDS_STILL))), "power_setpoint", 1000.0, (0.0, silent))
    assert outcome == WriteOutcome(False, "whether it follows is not known: no answer")
    assert took_s == 12


async def test_a_silence_in_between_is_waited_out() -> None:
    silent = {"power": DeviceUnreachable("no answer")}
    outcome, _ = await written(
        store(Hardware(dict(STANDS_STILL))), "power_setpoint", 1000.0, (0.0, silent), (4.5, {"power": 1000.0})
    )
    assert outcome.is_good


@pytest.mark.parametrize(
    ("wanted", "value", "lines"),
    [
        (3000.0, 3000.0, []),
        (50_000.0, 2000.0, [
            "  bounded: its configuration allows 5000 W of the 50000 W asked for",
            "  bounded: the `max` of its command, allowed_w, is 2000 W now",
        ]),
        (-9000.0, -4000.0, ["  bounded: its configuration allows -4000 W of the -9000 W asked for"]),
        (1234.0, 1200.0, ["  bounded: it takes steps of 100 W"]),
        (150.0, 0.0, ["  bounded: nearer to 0 than its `least`, 300 W, it does nothing"]),
    ],
)  # fmt: skip
async def test_what_bounds_a_value_is_said_before_it_is_written(wanted: float, value: float, lines: list[str]) -> None:
    command = Command(
        steps=(Step(write={"order": Expression.parse("value")}),),
        unit="W",
        max=Expression.parse("allowed_w") if abs(wanted) > 3000 else None,
        step=100,
        least=Expression.parse("300"),
    )
    points = {"power": WATT, "order": PointSettings(unit="W", access="write"), "allowed_w": WATT}
    config = store(Hardware({"power": 0.0, "allowed_w": 2000.0}), points, commands={"power_setpoint": command})
    async with visited(config, now) as visit:
        await visit.opened.read(["allowed_w"])
        bounded = within_reach(config, "power_setpoint", wanted)
        plan = command.plan(bounded, visit.opened.latest.values, CommandMemory())
        assert plan.value == value
        assert bounds_in_words(visit, command, "power_setpoint", wanted, plan) == lines
        assert what_is_left(visit, "power_setpoint", plan) == (
            f"power_setpoint was told {value:g} W, which stays until something else is written"
        )

"""What a device holds no more that it confirmed: found by reading back, or by a restart. Time is virtual."""

import pytest

from s2d.device.command import Command, Step
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceUnreachable
from s2d.events import Applied, Refused, Undone, UndoneBy
from s2d.quantities import Duration
from s2d.values import RELEASE, Quality, Reading, Setpoint
from tests.fakes import pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
BOTH = PointSettings(access="read_write", unit="W")
NEVER = PointSettings(access="read_write", poll="never")
BLIND = PointSettings(access="write")
WORN = PointSettings(access="read_write", poll="never", persistent=True)
GONE = DeviceUnreachable("nobody is there")
POWER = {"power": PointSettings()}


def wanted(value=2500.0, point="limit"):
    return Setpoint(point, value, "order")


def steps(**points):
    return tuple(Step(write={name: E(text)}) for name, text in points.items())


async def applied(stage, setpoint):
    stage.device.offer(setpoint)
    await pass_s(0.1)
    assert stage.news(Applied, Refused, Undone) == [Applied(setpoint)]


async def lost_and_back(stage, **values):
    stage.hardware.fault = GONE
    await pass_s(10)
    stage.hardware.values |= values
    stage.hardware.fault = None
    await pass_s(70)


async def undone(stage, seconds=15):
    await pass_s(seconds)
    return stage.news(Applied, Refused, Undone)


@pytest.mark.parametrize(("point", "wears"), [(BOTH, False), (NEVER, False), (WORN, True)])
async def test_what_somebody_else_writes_is_seen_once_and_said_whether_it_wears_out(point, wears):
    async with at_work({"limit": point} | POWER, limit=0.0, power=0.0) as stage:
        await applied(stage, wanted())
        stage.hardware.values["limit"] = 4999.0
        reason = f"limit reads {point.shown(4999.0)} instead of {point.shown(2500.0)}"
        assert await undone(stage) == [Undone(wanted(), reason, UndoneBy.OTHERS, wears)]
        assert await undone(stage) == []


async def test_written_again_it_is_watched_again():
    async with at_work({"limit": BOTH}, limit=0.0) as stage:
        for _ in range(2):
            await applied(stage, wanted())
            stage.hardware.values["limit"] = 4999.0
            assert len(await undone(stage)) == 1
        assert stage.written() == [("limit", 2500.0), ("limit", 2500.0)]


@pytest.mark.parametrize(("name", "value"), [("mode", 0), ("limit", 9.0), ("kind", "off")])
async def test_every_point_that_a_command_wrote_is_watched(name, value):
    make = DeviceMap(
        points={"mode": NEVER, "limit": BOTH, "kind": WORN} | POWER,
        commands={"power_setpoint": Command(steps=steps(mode="1", limit="abs(value)", kind="'on'"))},
    )
    async with at_work(make, mode=0, limit=0.0, kind="off", power=0.0) as stage:
        await applied(stage, wanted(-2500.0, "power_setpoint"))
        written = stage.hardware.values[name]
        assert await undone(stage, 60) == []
        stage.hardware.values[name] = value
        (found,) = await undone(stage)
        reason = f"{name} reads {make.points[name].shown(value)} instead of {make.points[name].shown(written)}"
        assert (found.reason, found.wears) == (reason, name == "kind")


async def test_a_refresh_that_leaves_out_what_wears_out_leaves_it_watched():
    command = Command(steps=steps(limit="value", kind="'on'"), refresh_s=Duration(5))
    make = DeviceMap(points={"limit": BOTH, "kind": WORN}, commands={"power_setpoint": command})
    async with at_work(make, limit=0.0, kind="off") as stage:
        await applied(stage, wanted(500.0, "power_setpoint"))
        assert await undone(stage, 60) == []
        stage.hardware.values["kind"] = "off"
        assert [each.wears for each in await undone(stage)] == [True]


async def test_a_closed_loop_is_watched_by_what_it_wrote_last():
    closed = Command(steps=steps(limit="value - grid"), refresh_s=Duration(5))
    make = DeviceMap(points={"limit": BOTH, "grid": PointSettings()}, commands={"power_setpoint": closed})
    async with at_work(make, limit=0.0, grid=100.0) as stage:
        await applied(stage, wanted(500.0, "power_setpoint"))
        for grid in (250.0, 300.0):
            stage.hardware.values["grid"] = grid
            assert await undone(stage) == []
        assert stage.hardware.values["limit"] == 200.0


async def test_what_another_command_has_written_meanwhile_is_not_undone():
    commands = {name: Command(steps=steps(**{name: "value", "mode": text})) for name, text in (("a", "1"), ("b", "2"))}
    make = DeviceMap(points=dict.fromkeys(("a", "b", "mode"), BOTH), commands=commands)
    async with at_work(make, a=0.0, b=0.0, mode=0.0) as stage:
        await applied(stage, wanted(1.0, "a"))
        await applied(stage, wanted(2.0, "b"))
        assert await undone(stage) == []
        stage.hardware.values["mode"] = 0.0
        assert await undone(stage) == [Undone(wanted(2.0, "b"), "mode reads 0 W instead of 2 W", UndoneBy.OTHERS)]
        stage.hardware.values["a"] = 0.0
        assert await undone(stage) == [Undone(wanted(1.0, "a"), "a reads 0 W instead of 1 W", UndoneBy.OTHERS)]


@pytest.mark.parametrize("setpoint", [Setpoint("limit", 0.0, "fallback", is_safe=True), wanted(RELEASE)])
async def test_what_nobody_ordered_is_not_watched(setpoint):
    command = Command(steps=steps(limit="value"), release=steps(limit="0"))
    async with at_work(DeviceMap(points={"limit": BOTH}, commands={"limit": command}), limit=0.0) as stage:
        await applied(stage, wanted())
        await applied(stage, setpoint)
        stage.hardware.values["limit"] = 4999.0
        assert await undone(stage) == []


async def test_what_counts_by_itself_is_not_watched():
    left = PointSettings(access="read_write", unit="s")
    command = Command(steps=(*steps(limit="value", left="60"), Step(life={"beat": "1..9"})))
    make = DeviceMap(points={"limit": BOTH, "left": left, "beat": BOTH}, commands={"power_setpoint": command})
    async with at_work(make, limit=0.0, left=0.0, beat=0.0) as stage:
        await applied(stage, wanted(500.0, "power_setpoint"))
        stage.hardware.values |= {"left": 50.0, "beat": 0.0}
        assert await undone(stage) == []


async def test_what_is_no_value_says_nothing():
    async with at_work({"limit": BOTH}, limit=0.0) as stage:
        await applied(stage, wanted())
        stage.hardware.values["limit"] = Reading("limit", None, Quality.BAD, "refused")
        assert await undone(stage) == []


async def test_within_its_deadband_the_newest_order_is_the_one_that_is_undone():
    calm = PointSettings(access="read_write", deadband=100.0)
    async with at_work({"limit": calm}, limit=0.0) as stage:
        await applied(stage, wanted(2500.0))
        await applied(stage, wanted(2550.0))
        stage.hardware.values["limit"] = 4999.0
        assert await undone(stage) == [Undone(wanted(2550.0), "limit reads 4999 instead of 2500", UndoneBy.OTHERS)]


class TestRestart:
    async def test_what_can_be_read_is_looked_at(self):
        async with at_work({"limit": NEVER} | POWER, limit=0.0, power=0.0) as stage:
            await applied(stage, wanted())
            await lost_and_back(stage)
            assert stage.news(Undone) == []
            await lost_and_back(stage, limit=0.0)
            assert stage.news(Undone) == [Undone(wanted(), "limit reads 0 instead of 2500", UndoneBy.RESTART)]

    async def test_seen_to_have_outlived_it_what_changes_later_was_somebody_else(self):
        async with at_work({"limit": BOTH}, limit=0.0) as stage:
            await applied(stage, wanted())
            await lost_and_back(stage)
            stage.hardware.values["limit"] = 0.0
            assert [each.by for each in await undone(stage)] == [UndoneBy.OTHERS]

    async def test_what_cannot_be_read_is_taken_for_gone(self):
        async with at_work({"limit": BLIND} | POWER, power=0.0) as stage:
            await applied(stage, wanted())
            await lost_and_back(stage)
            (found,) = stage.news(Undone)
            assert (found.setpoint, found.by, found.wears) == (wanted(), UndoneBy.RESTART, False)

    async def test_what_outlives_it_is_not(self):
        blind = PointSettings(access="write", persistent=True)
        async with at_work({"limit": blind} | POWER, power=0.0) as stage:
            await applied(stage, wanted())
            await lost_and_back(stage)
            assert stage.news(Undone) == []

    async def test_uptime_that_falls_tells_of_it(self):
        make = DeviceMap(points={"limit": BLIND, "on_for": PointSettings()}, uptime="on_for")
        async with at_work(make, on_for=100.0) as stage:
            await applied(stage, wanted())
            stage.hardware.values["on_for"] = 1.0
            await pass_s(5)
            assert [each.by for each in stage.news(Undone)] == [UndoneBy.RESTART]

    async def test_one_silence_is_none(self):
        async with at_work({"limit": BLIND} | POWER, power=0.0) as stage:
            await applied(stage, wanted())
            await pass_s(5)
            stage.hardware.faults.append(GONE)
            assert await undone(stage) == []


class TestCost:
    async def test_what_is_polled_anyway_costs_nothing(self):
        async with at_work({"limit": BOTH} | POWER, limit=0.0, power=0.0) as stage:
            await applied(stage, wanted())
            stage.hardware.reads.clear()
            await pass_s(60)
            assert {points for _, points in stage.hardware.reads} == {("limit", "power")}
            assert len(stage.hardware.reads) == 60

    async def test_what_is_not_is_read_every_ten_seconds_beside_what_is_due(self):
        async with at_work({"limit": NEVER} | POWER, poll_s=3.0, limit=0.0, power=0.0) as stage:
            await applied(stage, wanted())
            stage.hardware.reads.clear()
            await pass_s(60)
            assert len(stage.hardware.reads) == 20
            assert [at for at, points in stage.hardware.reads if "limit" in points] == [
                about(at) for at in (12, 24, 36, 48, 60)
            ]

    async def test_where_nothing_else_is_read_it_is_read_by_itself(self):
        async with at_work({"limit": NEVER}, limit=0.0) as stage:
            await pass_s(60)
            assert stage.hardware.reads == []
            await applied(stage, wanted())
            await pass_s(60)
            assert len(stage.hardware.reads) == 6

    async def test_nothing_in_force_is_nothing_to_watch(self):
        async with at_work({"limit": NEVER} | POWER, limit=0.0, power=0.0) as stage:
            await applied(stage, wanted())
            await applied(stage, Setpoint("limit", 0.0, "fallback", is_safe=True))
            stage.hardware.reads.clear()
            await pass_s(60)
            assert not [points for _, points in stage.hardware.reads if "limit" in points]

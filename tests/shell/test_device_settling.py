"""What a device took and does not show yet, or keeps otherwise; devices deaf after a write. Time is virtual."""

import asyncio
from dataclasses import dataclass

import pytest

from s2d.device.command import Command, Step
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceUnreachable
from s2d.events import Applied, Lost, Measured, Refused
from s2d.quantities import Duration
from s2d.values import Setpoint
from tests.fakes import Hardware, pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
SILENT = DeviceUnreachable("nobody answers")
WAY_OUT = (
    "it took a write, and may hold it, but has said nothing since: nobody answers. "
    "If it always does so, state a `rest`, or a longer `settle`"
)


def point(access="read_write", settle_s=2.0, **keys):
    return PointSettings(access=access, settle=Duration(settle_s), **keys)


@dataclass
class Slow(Hardware):
    """Acknowledges at once, shows what it took *shows_after_s* later, and hears nothing for *deaf_for_s* then."""

    shows_after_s: float = 0.0
    deaf_for_s: float = 0.0
    deaf_until: float = 0.0

    async def asked(self):
        if self.elapsed_s < self.deaf_until:
            await asyncio.sleep(1.0)
            raise SILENT
        await super().asked()

    def __post_init__(self):
        super().__post_init__()
        self.take = self.taken

    async def taken(self, values):
        await self.asked()
        self.writes += [(self.elapsed_s, *each) for each in values.items()]
        self.deaf_until = self.elapsed_s + self.deaf_for_s
        if self.shows_after_s:
            asyncio.get_running_loop().call_later(self.shows_after_s, self.values.update, values)
        else:
            self.values |= values
        return values


def told_silences(stage):
    return [event.reason for event in stage.news(Refused, Lost)]


def wanted(value, name="limit"):
    return Setpoint(name, value, "order")


def safe(value=0.0, name="limit"):
    return Setpoint(name, value, "fallback", is_safe=True)


def slow(**keys):
    return Slow({"limit": 0.0, "other": 0.0, "power": 5.0}, **keys)


@pytest.mark.parametrize("shows_after_s", [0.0, 0.3, 5.0, 25.0])
async def test_it_is_looked_at_until_it_shows_and_all_else_is_read_meanwhile(shows_after_s):
    points = {"limit": point(settle_s=30.0, poll="never"), "power": PointSettings()}
    async with at_work(points, hardware=slow(shows_after_s=shows_after_s)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(shows_after_s + 1.1)
        news = stage.news()
        assert [each for each in news if isinstance(each, Applied | Refused | Lost)] == [Applied(wanted(500.0))]
        assert stage.written() == [("limit", 500.0)]
        powers = [each for event in news if isinstance(event, Measured) for each in event.readings]
        assert sum(reading.point == "power" for reading in powers) >= shows_after_s


async def test_what_does_not_show_in_time_is_refused_with_what_it_holds():
    points = {"limit": point(settle_s=4.0, unit="kW")}
    async with at_work(points, hardware=slow(shows_after_s=5.0)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(3.9)
        assert stage.news(Applied, Refused) == []
        await pass_s(0.3)
        reason = "limit: took 0.5 kW but still reads 0 kW after 4 s. If it shows it later, state a longer `settle`"
        assert stage.news(Applied, Refused) == [Refused(wanted(500.0), reason)]


@pytest.mark.parametrize("deaf_for_s", [0.5, 3.0])
@pytest.mark.parametrize("access", ["write", "read_write"])
async def test_who_is_deaf_after_a_write_is_neither_lost_nor_told_again(access, deaf_for_s):
    points = {"limit": point(access), "power": PointSettings()}
    async with at_work(points, hardware=slow(deaf_for_s=deaf_for_s)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(20)
        assert stage.news(Applied, Refused, Lost) == [Applied(wanted(500.0))]
        assert stage.written() == [("limit", 500.0)]
        assert stage.log.events() == []


@pytest.mark.parametrize(("access", "tried"), [("write", []), ("read_write", ["nobody answers"])])
async def test_who_is_deaf_for_longer_is_lost_with_the_way_out_until_it_has_said_something(access, tried):
    hardware = slow(deaf_for_s=20.0)
    async with at_work({"limit": point(access), "power": PointSettings()}, hardware=hardware) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(15)
        assert told_silences(stage) == [WAY_OUT, *tried]
        hardware.deaf_for_s = 0.0
        await pass_s(60)
        hardware.fault = SILENT
        await pass_s(5)
        assert told_silences(stage) == ["nobody answers"]


async def test_whoever_is_told_first_that_it_is_deaf_hears_of_the_way_out():
    points = {"limit": point("write"), "power": PointSettings()}
    async with at_work(points, hardware=slow(deaf_for_s=20.0)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        stage.device.offer(wanted(600.0))
        await pass_s(14)
        assert stage.news(Refused, Lost) == [
            Refused(wanted(600.0), WAY_OUT, will_retry=True),
            Lost("nobody answers"),
        ]


async def test_who_says_so_may_be_deaf_for_as_long_as_it_takes_to_settle():
    points = {"limit": point(settle_s=12.0), "power": PointSettings()}
    async with at_work(points, hardware=slow(deaf_for_s=10.0)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(20)
        assert stage.news(Applied, Refused, Lost) == [Applied(wanted(500.0))]
        assert stage.written() == [("limit", 500.0)]


async def test_what_was_taken_and_is_not_there_is_written_again():
    hardware = slow(deaf_for_s=3.0)
    async with at_work({"limit": point(), "power": PointSettings()}, hardware=hardware) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        hardware.values["limit"] = 7.0
        hardware.deaf_for_s = 0.0
        await pass_s(20)
        assert stage.news(Applied, Refused, Lost) == [Applied(wanted(500.0))]
        assert stage.written() == [("limit", 500.0), ("limit", 500.0)]


async def test_a_newer_order_does_not_wait_for_what_is_not_seen():
    async with at_work({"limit": point(settle_s=30.0)}, hardware=slow(shows_after_s=20.0)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(5)
        stage.device.offer(wanted(600.0))
        await pass_s(0.1)
        assert stage.hardware.writes == [(about(0), "limit", 500.0), (about(5), "limit", 600.0)]
        await pass_s(30)
        assert stage.news(Applied, Refused) == [Applied(wanted(600.0))]


async def test_what_is_safe_waits_for_nothing_that_is_not_seen_and_all_of_it_is_seen_in_the_end():
    points = {name: point(settle_s=30.0) for name in ("limit", "other")}
    async with at_work(points, hardware=slow(shows_after_s=20.0)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(5)
        stage.device.offer(safe(name="other"))
        stage.device.offer(safe(name="limit"))
        await pass_s(0.1)
        assert sorted(stage.hardware.writes[1:]) == [(about(5), "limit", 0.0), (about(5), "other", 0.0)]
        await pass_s(30)
        assert sorted(stage.news(Applied, Refused), key=str) == [
            Applied(safe(name="limit")),
            Applied(safe(name="other")),
        ]
        assert len(stage.hardware.writes) == 3


async def test_the_same_wanted_meanwhile_for_another_reason_is_written_once_and_confirmed_for_that():
    async with at_work({"limit": point(settle_s=30.0)}, hardware=slow(shows_after_s=20.0)) as stage:
        again = Setpoint("limit", 500.0, "the device is back", is_safe=True)
        stage.device.offer(safe(500.0))
        await pass_s(5)
        stage.device.offer(again)
        await pass_s(30)
        assert stage.hardware.writes == [(about(0), "limit", 500.0)]
        assert stage.news(Applied, Refused) == [Applied(again)]


async def test_after_a_write_it_is_left_alone_for_as_long_as_it_needs():
    points = {"limit": point(rest=Duration(3)), "power": PointSettings()}
    async with at_work(points, hardware=slow(deaf_for_s=3.0)) as stage:
        await pass_s(1.5)
        stage.hardware.reads.clear()
        stage.device.offer(wanted(500.0))
        await pass_s(0.5)
        stage.device.offer(safe())
        await pass_s(8)
        assert stage.hardware.writes == [(about(1.5), "limit", 500.0), (about(4.5), "limit", 0.0)]
        assert all(at < 1.5 or 4.4 < at < 4.7 or at > 7.4 for at, _ in stage.hardware.reads)
        assert stage.news(Applied, Refused, Lost)[-1] == Applied(safe())


async def test_steps_of_a_command_rest_between_each_other():
    steps = Step(write={"other": E("1")}), Step(write={"limit": E("value")})
    make = DeviceMap(
        points={"limit": point(), "other": point(rest=Duration(2))}, commands={"power": Command(steps=steps)}
    )
    async with at_work(make, hardware=slow(deaf_for_s=2.0)) as stage:
        stage.device.offer(wanted(500.0, "power"))
        await pass_s(10)
        assert stage.hardware.writes == [(about(0), "other", 1), (about(2), "limit", 500.0)]
        assert stage.news(Applied, Refused, Lost) == [Applied(wanted(500.0, "power"))]


async def test_a_write_that_meets_with_silence_keeps_nothing_from_being_read():
    points = {"limit": point("write"), "power": PointSettings()}
    async with at_work(points, hardware=slow()) as stage:
        await pass_s(1)
        stage.news()
        stage.hardware.refusals["limit"] = SILENT
        stage.hardware.take = None
        stage.device.offer(wanted(500.0))
        await pass_s(30)
        news = stage.news()
        silent = Refused(wanted(500.0), "nobody answers", will_retry=True)
        assert [each for each in news if isinstance(each, Applied | Refused | Lost)] == [silent]
        assert sum(isinstance(each, Measured) for each in news) >= 29
        assert len(stage.hardware.writes) == 5  # after 0, 1, 3, 7 and 15 s

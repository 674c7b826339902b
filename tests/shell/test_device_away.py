"""A device that answers but cannot be had, one that was switched on anew, and one that is expected to be away."""

from itertools import pairwise

import pytest

from s2d.device.command import Command, Step
from s2d.device.computed import Computed
from s2d.device.device_map import Available, DeviceMap, Variant
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceUnreachable
from s2d.events import Applied, Lost, Measured
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.fakes import pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
GONE = DeviceUnreachable("nobody is there")
LIMIT = PointSettings(access="write")
WANTED = Setpoint("limit", 500.0, "test")


def write(**points):
    return Step(write={name: E(text) for name, text in points.items()})


class TestAvailable:
    POINTS = {"mode": PointSettings(), "power": PointSettings(), "limit": LIMIT}  # noqa: RUF012
    LOCAL = Available(if_=E("mode == 'remote'"), else_="it is in local mode")
    MAKE = DeviceMap(points=POINTS, computed={"double": Computed(value=E("2 * power"))}, available=LOCAL)

    async def test_while_it_is_false_the_device_is_lost_and_a_reading_brings_it_back(self):
        async with at_work(self.MAKE, mode="remote", power=5.0) as stage:
            await pass_s(2.5)
            assert stage.news(Lost) == []
            stage.hardware.values |= {"mode": "local", "power": 0.0}
            await pass_s(600)
            assert stage.told == [Lost("it is in local mode")]
            assert stage.log.events() == ["device.unavailable"]
            stage.news()
            stage.hardware.values |= {"mode": "remote", "power": 7.0}
            await pass_s(1.5)
            told = {each.point: each.value for event in stage.news(Measured) for each in event.readings}
            assert told == {"mode": "remote", "power": 7.0, "double": 14.0}
            assert stage.log.events() == ["device.unavailable", "device.recovered"]

    async def test_it_may_be_so_from_the_start_and_nothing_is_written_until_then(self):
        make = DeviceMap(points=self.POINTS, available=self.LOCAL, start=(write(limit="1"),))
        async with at_work(make, mode="local", power=5.0) as stage:
            stage.device.offer(WANTED)
            await pass_s(600)
            assert stage.told == [Lost("it is in local mode")]
            assert stage.writes() == []
            assert {points for _, points in stage.hardware.reads} == {("mode",)}
            stage.hardware.values["mode"] = "remote"
            await pass_s(1.5)
            assert stage.written() == [("limit", 1), ("limit", 500.0)]
            assert stage.news(Applied) == [Applied(WANTED)]

    async def test_what_was_read_before_is_told_when_it_comes_back(self):
        points = self.POINTS | {"serial": PointSettings(poll="once"), "energy": PointSettings(poll=Duration(3600))}
        make = DeviceMap(points=points, available=self.LOCAL)
        async with at_work(make, mode="local", power=5.0, serial="A1", energy=9.0) as stage:
            await pass_s(10)
            stage.hardware.values["mode"] = "remote"
            await pass_s(1.5)
            told = {each.point: each.value for event in stage.news(Measured) for each in event.readings}
            assert told == {"mode": "remote", "power": 5.0, "serial": "A1", "energy": 9.0}

    async def test_what_is_unknown_counts_as_available(self):
        unknown = Reading("mode", None, Quality.ABSENT, "no such register")
        async with at_work(self.MAKE, mode=unknown, power=5.0) as stage:
            await pass_s(100)
            assert stage.news(Lost) == []
            assert stage.news() == []
            assert stage.log.events() == ["reading.rejected"]

    async def test_what_became_too_old_while_it_was_away_is_told_as_such(self):
        async with at_work(self.MAKE, mode="remote", power=5.0) as stage:
            await pass_s(2)
            stage.hardware.values |= {"mode": "local"}
            await pass_s(60)
            stage.hardware.values |= {"mode": "remote", "power": Reading("power", None, Quality.BAD, "no sensor")}
            stage.news()
            await pass_s(1.5)
            told = {each.point: each.quality for event in stage.news(Measured) for each in event.readings}
            assert told["power"] is Quality.BAD

    async def test_a_refresh_rests_meanwhile(self):
        command = Command(steps=(write(limit="value"),), refresh_s=Duration(5))
        make = DeviceMap(points=self.POINTS, commands={"limit": command}, available=self.LOCAL)
        async with at_work(make, mode="remote", power=5.0) as stage:
            stage.device.offer(WANTED)
            await pass_s(12)
            assert stage.writes() == [500.0] * 3
            stage.hardware.values["mode"] = "local"
            await pass_s(60)
            assert stage.writes() == [500.0] * 3
            stage.hardware.values["mode"] = "remote"
            await pass_s(6)
            assert len(stage.writes()) >= 4

    async def test_a_device_of_variants_that_cannot_be_had_is_not_asked_again_which_it_is(self):
        once = {"firmware": PointSettings(poll="once")}
        newer = Variant(E("firmware > 1"), DeviceMap(points=once | self.POINTS, available=self.LOCAL))
        async with at_work(DeviceMap(points=once), variants=(newer,), firmware=2, mode="local", power=5.0) as stage:
            await pass_s(100)
            assert len(stage.opened_with) == 2
            assert stage.news(Lost) == [Lost("it is in local mode")]
            assert stage.log.events() == ["device.unavailable"]


class TestUptime:
    POINTS = {"uptime": PointSettings(), "power": PointSettings(), "watchdog": LIMIT, "limit": LIMIT}  # noqa: RUF012
    MAKE = DeviceMap(points=POINTS, start=(write(watchdog="60"),), uptime="uptime")

    async def test_a_device_that_was_switched_on_between_two_readings_is_greeted_anew(self):
        async with at_work(self.MAKE, uptime=1000, power=5.0) as stage:
            stage.device.offer(WANTED)
            await pass_s(1.5)
            assert stage.written() == [("watchdog", 60), ("limit", 500.0)]
            stage.hardware.values["uptime"] = 1001
            await pass_s(10)
            stage.news()
            assert stage.written() == []
            stage.hardware.values["uptime"] = 3
            await pass_s(1.1)
            assert stage.news(Lost) == [Lost("it was switched on anew")]
            await pass_s(1.1)
            assert stage.written() == [("watchdog", 60)]
            assert stage.news(Measured) != []
            await pass_s(100)
            assert stage.written() == []
            assert stage.log.events() == ["device.unavailable", "device.recovered"]

    async def test_one_that_was_away_meanwhile_is_greeted_once(self):
        async with at_work(self.MAKE, uptime=1000, power=5.0) as stage:
            await pass_s(1.5)
            stage.written()
            stage.hardware.fault = GONE
            await pass_s(10)
            stage.news()
            stage.hardware.values["uptime"], stage.hardware.fault = 3, None
            await pass_s(60)
            assert stage.news(Lost) == []
            assert stage.written() == [("watchdog", 60)]


class TestExpectedOffline:
    async def test_the_night_is_told_once_and_the_morning_found_within_two_minutes(self):
        make = DeviceMap(points={"power": PointSettings(), "energy": PointSettings()})
        async with at_work(make, is_expected_offline=True, power=12.0, energy=32.0) as stage:
            for _ in range(20):
                await pass_s(3)
                stage.hardware.fault = GONE
                await pass_s(8 * 3600)
                stage.hardware.fault = None
                stage.news()
                await pass_s(120)
                assert stage.news(Measured) != []
            assert stage.log.events("warning", "error") == []
            assert stage.log.events("info") == ["device.unreachable", "device.recovered"] * 20
            night = next(line for line in stage.log.lines if line["event"] == "device.unreachable")
            assert night["reason"] == "nobody is there"
            assert night["known"] == {"power": 12.0, "energy": 32.0}
            assert night["expected"] is True

    async def test_of_another_it_is_a_warning(self):
        async with at_work({"power": PointSettings()}, power=12.0) as stage:
            await pass_s(3)
            stage.hardware.fault = GONE
            await pass_s(100)
            assert stage.log.events("warning") == ["device.unreachable"]

    async def test_waits_end_at_a_minute(self):
        async with at_work({"power": PointSettings()}, is_expected_offline=True, power=12.0) as stage:
            stage.hardware.fault = GONE
            await pass_s(3600)
            asked = [at for at, _ in stage.hardware.reads]
            assert max(later - at for at, later in pairwise(asked)) <= 60
            assert asked[0] == about(0)

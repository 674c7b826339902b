"""What a device turns out to be: identity, variants, start, nameplate, optional points, computed values."""

import pytest

from s2d.device.command import Command, Step
from s2d.device.computed import Computed
from s2d.device.device_map import DeviceMap, Nameplate, Variant
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Applied, Identified, Lost, Measured, Refused
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.fakes import pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
GONE = DeviceUnreachable("nobody is there")
ONCE = PointSettings(poll="once")


def absent(point):
    return Reading(point, None, Quality.ABSENT, "no such register")


def write(**points):
    return Step(write={name: E(text) for name, text in points.items()})


def wanted(value, point="power_setpoint"):
    return Setpoint(point, value, "test")


class TestIdentity:
    async def test_a_point_to_read_once_is_read_once_and_never_stale(self):
        async with at_work({"firmware": ONCE, "power": PointSettings()}, firmware=3, power=5.0) as stage:
            await pass_s(100)
            assert [points for _, points in stage.hardware.reads if "firmware" in points] == [("firmware",)]
            assert all(each.quality is Quality.GOOD for event in stage.told for each in event.readings)

    async def test_it_is_read_again_after_the_device_was_lost(self):
        async with at_work({"firmware": ONCE, "power": PointSettings()}, firmware=3, power=5.0) as stage:
            await pass_s(1)
            stage.hardware.fault = GONE
            await pass_s(10)
            stage.hardware.fault = None
            stage.hardware.reads.clear()
            await pass_s(30)
            assert [points for _, points in stage.hardware.reads if "firmware" in points] == [("firmware",)]

    async def test_its_nameplate_is_told_once_for_each_opening(self):
        plate = Nameplate(manufacturer="Acme", model="type", serial_number="serial", firmware_version="version")
        points = {"type": ONCE, "serial": PointSettings(poll="never"), "major": ONCE, "power": PointSettings()}
        make = DeviceMap(points=points, computed={"version": Computed(value=E("major / 100"))}, nameplate=plate)
        values = {"type": " Box 5 ", "serial": 123456789.0, "major": 312, "power": 5.0}
        async with at_work(make, **values) as stage:
            await pass_s(100)
            assert stage.news(Identified) == [Identified("Acme", "Box 5", "123456789", "3.12")]
            stage.hardware.fault = GONE
            await pass_s(10)
            stage.hardware.fault = None
            stage.hardware.values["major"] = 400
            await pass_s(100)
            assert stage.news(Identified, Lost) == [
                Lost("nobody is there"),
                Identified("Acme", "Box 5", "123456789", "4"),
            ]

    async def test_what_the_nameplate_does_not_say_is_unknown(self):
        make = DeviceMap(points={"type": ONCE}, nameplate=Nameplate(model="type"))
        async with at_work(make, type=absent("type")) as stage:
            await pass_s(10)
            assert stage.news(Identified) == []


class TestVariants:
    OLD = DeviceMap(
        points={"firmware": ONCE, "old_power": PointSettings()},
        computed={"power": Computed(value=E("-old_power"))},
        commands={"power_setpoint": Command(steps=(write(old_limit="value"),))},
    )
    NEW = DeviceMap(
        points={"firmware": ONCE, "power": PointSettings(), "limit": PointSettings(access="write")},
        commands={"power_setpoint": Command(steps=(write(limit="value"),))},
    )

    def variants(self, when="firmware >= 300"):
        return (Variant(E(when), self.NEW),)

    async def test_the_device_says_which_one_it_is(self):
        async with at_work(self.OLD, variants=self.variants(), firmware=300, power=5.0, old_power=1.0) as stage:
            stage.device.offer(wanted(100.0))
            await pass_s(0.5)
            assert stage.opened_with == [{"firmware", "old_power"}, {"firmware", "power", "limit"}]
            assert stage.written() == [("limit", 100.0)]
            assert Measured((Reading("power", 5.0),)) in stage.told

    async def test_if_none_holds_it_is_what_it_is_without_them(self):
        async with at_work(self.OLD, variants=self.variants(), firmware=299, power=5.0, old_power=1.0) as stage:
            await pass_s(0.5)
            assert stage.opened_with == [{"firmware", "old_power"}] * 2
            assert Measured((Reading("old_power", 1.0), Reading("power", -1.0))) in stage.told

    async def test_what_is_unknown_is_false(self):
        variants = self.variants()
        async with at_work(self.OLD, variants=variants, firmware=absent("firmware"), power=5.0, old_power=1.0) as stage:
            await pass_s(0.5)
            assert stage.opened_with[-1] == {"firmware", "old_power"}

    async def test_a_register_that_does_not_answer_is_a_probe(self):
        probed = DeviceMap(points={"probe": PointSettings(poll="once", optional=True), "old_power": PointSettings()})
        unanswered = Reading("probe", None, Quality.BAD, "it is there, but says nothing to that")
        for probe, chosen in ((7, {"firmware", "power", "limit"}), (unanswered, {"probe", "old_power"})):
            values = {"probe": probe, "firmware": 1, "power": 5.0, "old_power": 1.0}
            async with at_work(probed, variants=self.variants("known(probe)"), **values) as stage:
                await pass_s(0.5)
                assert stage.opened_with[-1] == chosen
                assert stage.news(Lost) == []

    async def test_a_parameter_can_choose_without_asking(self):
        make = DeviceMap(points={"old_power": PointSettings()}, parameters={"model": "v3"})
        values = {"firmware": 1, "power": 5.0, "old_power": 1.0}
        async with at_work(make, variants=self.variants("model == 'v3'"), **values) as stage:
            await pass_s(0.5)
            assert stage.opened_with == [{"firmware", "power", "limit"}]

    async def test_a_device_that_is_away_is_asked_until_it_answers(self):
        async with at_work(self.OLD, variants=self.variants(), firmware=300, power=5.0) as stage:
            stage.hardware.fault = GONE
            stage.device.offer(wanted(100.0))
            await pass_s(60)
            assert stage.news() == [Lost("nobody is there")]
            stage.hardware.fault = None
            await pass_s(120)
            assert stage.news(Applied) == [Applied(wanted(100.0))]
            assert stage.opened_with == [{"firmware", "old_power"}, {"firmware", "power", "limit"}]

    async def test_it_may_come_back_as_another(self):
        values = {"firmware": 299, "power": 5.0, "old_power": 1.0}
        async with at_work(self.OLD, variants=self.variants(), **values) as stage:
            await pass_s(1)
            stage.hardware.fault = GONE
            await pass_s(10)
            stage.hardware.fault = None
            stage.hardware.values["firmware"] = 300
            stage.news()
            await pass_s(30)
            assert stage.opened_with[-1] == {"firmware", "power", "limit"}
            assert Measured((Reading("power", 5.0),)) in stage.told
            assert stage.log.events() == ["device.unreachable", "device.recovered"]

    async def test_what_the_chosen_one_cannot_do_is_refused(self):
        make = DeviceMap(points={"firmware": ONCE}, commands={"boost": Command(steps=(write(limit="value"),))})
        async with at_work(make, variants=self.variants(), firmware=300, power=5.0) as stage:
            stage.device.offer(wanted(1.0, "boost"))
            await pass_s(1)
            assert stage.news(Refused) == [Refused(wanted(1.0, "boost"), "this device has no boost to set")]


class TestStart:
    BOTH = PointSettings(access="read_write", poll="never")
    MAKE = DeviceMap(
        points={"watchdog": BOTH, "failsafe": BOTH, "limit": PointSettings(access="write")},
        start=(write(watchdog="60"), write(failsafe="reserve")),
        parameters={"reserve": 1000.0},
    )

    async def test_what_differs_is_written_before_all_else(self):
        async with at_work(self.MAKE, watchdog=60, failsafe=0.0) as stage:
            stage.device.offer(wanted(5.0, "limit"))
            await pass_s(600)
            assert stage.written() == [("failsafe", 1000.0), ("limit", 5.0)]

    async def test_it_is_looked_at_again_after_the_device_was_lost(self):
        make = DeviceMap(points={**self.MAKE.points, "power": PointSettings()}, start=(write(watchdog="60"),))
        async with at_work(make, watchdog=0, power=5.0) as stage:
            await pass_s(10)
            assert stage.written() == [("watchdog", 60)]
            for after_restart in (60, 0):
                stage.hardware.fault = GONE
                await pass_s(10)
                stage.hardware.values["watchdog"] = after_restart
                stage.hardware.fault = None
                await pass_s(30)
            assert stage.written() == [("watchdog", 60)]

    async def test_one_that_is_refused_is_told_and_the_device_works_all_the_same(self):
        async with at_work(self.MAKE, watchdog=60, failsafe=0.0) as stage:
            stage.hardware.refusals["failsafe"] = DeviceRefused("locked")
            stage.device.offer(wanted(5.0, "limit"))
            await pass_s(10)
            assert stage.log.events() == ["start.refused"]
            assert stage.log.lines[-1]["reason"] == "step 2 of 2 (failsafe): locked"
            assert stage.news(Applied) == [Applied(wanted(5.0, "limit"))]


class TestOptional:
    POINTS = {"power": PointSettings(), "fault": PointSettings(optional=True)}  # noqa: RUF012

    async def test_a_device_without_it_is_fine(self):
        async with at_work(self.POINTS, power=5.0, fault=absent("fault")) as stage:
            await pass_s(100)
            assert set(stage.told) == {Measured((Reading("power", 5.0),))}
            assert stage.log.events("warning") == []
            assert stage.log.events("info") == ["point.missed"]

    async def test_a_device_that_is_away_is_lost_all_the_same(self):
        async with at_work(self.POINTS, power=5.0, fault="ok") as stage:
            stage.hardware.fault = GONE
            await pass_s(10)
            assert stage.news() == [Lost("nobody is there")]


class TestComputed:
    async def test_it_is_told_with_what_it_is_computed_of(self):
        make = DeviceMap(
            points={"up": PointSettings(), "down": PointSettings(poll=Duration(3))},
            computed={
                "is_charging": Computed(value=E("power > 0")),
                "power": Computed(value=E("up - down"), unit="W"),
            },
        )
        async with at_work(make, up=500.0, down=20.0) as stage:
            await pass_s(0.5)
            assert stage.news() == [
                Measured(
                    (
                        Reading("up", 500.0),
                        Reading("down", 20.0),
                        Reading("power", 480.0),
                        Reading("is_charging", True),
                    )
                )
            ]
            await pass_s(1)
            (measured,) = stage.dated
            assert measured.readings == (
                Reading("up", 500.0, at=1.0, good_until=11.0),
                Reading("power", 480.0, at=0.0, good_until=10.0),
                Reading("is_charging", True, at=0.0, good_until=10.0),
            )

    async def test_it_is_as_old_as_the_oldest_of_its_inputs(self):
        make = DeviceMap(
            points={"up": PointSettings(max_age=Duration(60)), "down": PointSettings(lag=Duration(4))},
            computed={"power": Computed(value=E("up - down")), "twice": Computed(value=E("2 * power"))},
        )
        async with at_work(make, up=Reading("up", 500.0, at=-20.0), down=20.0) as stage:
            await pass_s(0.5)
            (measured,) = stage.dated
            assert measured.readings == (
                Reading("up", 500.0, at=-20.0, good_until=40.0),
                Reading("down", 20.0, at=-4.0, good_until=10.0),
                Reading("power", 480.0, at=-20.0, good_until=10.0),
                Reading("twice", 960.0, at=-20.0, good_until=10.0),
            )

    async def test_it_is_unknown_when_its_input_is_stale(self):
        make = DeviceMap(
            points={"up": PointSettings(), "down": PointSettings(max_age=Duration(4.5))},
            computed={"power": Computed(value=E("up - down"))},
        )
        async with at_work(make, up=500.0, down=20.0) as stage:
            await pass_s(0.5)
            stage.hardware.values["down"] = Reading("down", None, Quality.BAD, "nonsense")
            await pass_s(4)
            assert Reading("power", 480.0, at=0.0, good_until=4.5) in stage.dated[-1].readings
            await pass_s(1)
            assert stage.news()[-1].readings == (
                Reading("up", 500.0),
                Reading("down", None, Quality.BAD, "no good value for 5 s"),
                Reading("power", None, Quality.BAD, "down is unknown"),
            )
            await pass_s(60)
            assert set(stage.news()) == {Measured((Reading("up", 500.0),))}
            stage.hardware.values["down"] = 30.0
            await pass_s(1)
            assert Reading("power", 470.0) in stage.news()[-1].readings

    async def test_one_that_cannot_be_true_is_dropped_and_after_its_time_unknown(self):
        make = DeviceMap(points={"up": PointSettings()}, computed={"power": Computed(value=E("1000 / up"), max=500)})
        async with at_work(make, up=10.0) as stage:
            await pass_s(0.5)
            stage.hardware.values["up"] = 1.0
            await pass_s(9)
            assert Reading("power", 100.0) in stage.news()[0].readings
            await pass_s(60)
            told = [each for event in stage.news() for each in event.readings if each.point == "power"]
            assert [(each.quality, each.detail) for each in told] == [(Quality.BAD, "no good value for 11 s")]
            assert stage.log.events() == ["reading.rejected"]
            assert stage.log.lines[0]["reason"] == "1000 is outside … .. 500"
            stage.hardware.values["up"] = 4.0
            await pass_s(1)
            assert Reading("power", 250.0) in stage.news()[-1].readings

    async def test_the_first_that_is_known_stands_in_for_another(self):
        make = DeviceMap(
            points={"new": PointSettings(optional=True), "old": PointSettings()},
            computed={"power": Computed(value=E("first(new, -old)"))},
        )
        for new, power in ((7.0, 7.0), (absent("new"), -3.0)):
            async with at_work(make, new=new, old=3.0) as stage:
                await pass_s(60)
                assert Reading("power", power) in stage.told[-1].readings
                assert all(each.quality is Quality.GOOD for event in stage.told for each in event.readings)

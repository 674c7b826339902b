"""The device task: its schedule and its patience, with a driver that does as it is told. Time is virtual."""

import asyncio
from itertools import pairwise

import pytest

from s2d.device.command import Command, Step, Verify
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Applied, Lost, Measured, Refused
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.fakes import now, pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

LIMIT = {"limit": PointSettings(access="write")}
GONE = DeviceUnreachable("nobody is there")
E = Expression.parse


async def test_each_point_is_read_at_its_own_pace():
    points = {"power": PointSettings(), "status": PointSettings(poll=Duration(3)), "limit": PointSettings()}
    points["limit"] = PointSettings(access="write")
    async with at_work(points, poll_s=1.0, power=5.0, status="idle") as stage:
        await pass_s(6.5)
        assert stage.hardware.reads == [
            (about(0), ("power", "status")),
            (about(1), ("power",)),
            (about(2), ("power",)),
            (about(3), ("power", "status")),
            (about(4), ("power",)),
            (about(5), ("power",)),
            (about(6), ("power", "status")),
        ]
        assert Measured((Reading("power", 5.0),)) in stage.told


async def test_a_device_with_nothing_to_read_is_left_alone():
    async with at_work(LIMIT) as stage:
        await pass_s(3600)
        assert (stage.hardware.reads, stage.told) == ([], [])


async def test_a_setpoint_is_written_at_once_and_its_effect_looked_at():
    async with at_work({"power": PointSettings(), **LIMIT}, poll_s=60.0, power=0.0) as stage:
        await pass_s(10)
        stage.news()
        wanted = Setpoint("limit", 500.0, "test")
        stage.device.offer(wanted)
        await pass_s(1)
        assert stage.hardware.writes == [(about(10), "limit", 500.0)]
        assert stage.news() == [Applied(wanted), Measured((Reading("power", 0.0),))]
        await pass_s(600)
        assert len(stage.hardware.writes) == 1


async def test_a_setpoint_that_has_to_be_refreshed_is_repeated_on_time():
    refreshed = {"limit": PointSettings(access="write", refresh=Duration(20))}
    async with at_work(refreshed) as stage:
        stage.device.offer(Setpoint("limit", 500.0, "test"))
        await pass_s(30)
        stage.device.offer(Setpoint("limit", 700.0, "test"))
        await pass_s(45)
        assert stage.hardware.writes == [
            (about(0), "limit", 500.0),
            (about(20), "limit", 500.0),
            (about(30), "limit", 700.0),
            (about(50), "limit", 700.0),
            (about(70), "limit", 700.0),
        ]
        assert [type(event) for event in stage.told] == [Applied, Applied]


async def test_of_several_setpoints_the_newest_is_written():
    async with at_work(LIMIT) as stage:
        for value in (1.0, 2.0, 3.0):
            stage.device.offer(Setpoint("limit", value, "test"))
        await pass_s(1)
        assert stage.writes() == [3.0]
        assert stage.told == [Applied(Setpoint("limit", 3.0, "test"))]


async def test_a_setpoint_offered_while_another_is_written_follows_it():
    async with at_work(LIMIT) as stage:
        stage.device.listen(lambda event: offer_once(stage, event))
        stage.device.offer(Setpoint("limit", 1.0, "test"))
        await pass_s(1)
        assert stage.writes() == [1.0, 2.0]


def offer_once(stage, event):
    if event == Applied(Setpoint("limit", 1.0, "test")):
        stage.device.offer(Setpoint("limit", 2.0, "test"))


async def test_a_refused_setpoint_is_not_repeated():
    refreshed = {"limit": PointSettings(access="write", refresh=Duration(20))}
    async with at_work(refreshed) as stage:
        stage.hardware.refusal = DeviceRefused("too much")
        refused = Setpoint("limit", 9e9, "test")
        stage.device.offer(refused)
        await pass_s(3600)
        assert stage.told == [Refused(refused, "too much")]
        assert stage.writes() == [9e9]
        assert stage.log.events() == []


async def test_a_setpoint_that_does_not_get_through_stays_wanted():
    async with at_work(LIMIT) as stage:
        stage.hardware.fault = GONE
        wanted = Setpoint("limit", 500.0, "test")
        stage.device.offer(wanted)
        await pass_s(0.1)
        assert stage.news() == [Refused(wanted, "nobody is there", will_retry=True)]
        stage.hardware.fault = None
        await pass_s(2)
        assert stage.news() == [Applied(wanted)]
        assert stage.writes() == [500.0, 500.0]


async def test_a_newer_setpoint_replaces_one_that_did_not_get_through():
    async with at_work(LIMIT) as stage:
        stage.hardware.fault = GONE
        stage.device.offer(Setpoint("limit", 500.0, "test"))
        await pass_s(0.1)
        stage.device.offer(Setpoint("limit", 0.0, "fallback"))
        await pass_s(0.1)
        stage.hardware.fault = None
        await pass_s(120)
        assert stage.writes() == [500.0, 0.0, 0.0]
        assert stage.told[-1] == Applied(Setpoint("limit", 0.0, "fallback"))


async def test_a_device_is_lost_when_it_is_silent_twice_and_back_when_it_answers():
    async with at_work({"power": PointSettings()}, power=5.0) as stage:
        await pass_s(0.5)
        stage.hardware.fault = GONE
        stage.news()
        await pass_s(0.6)
        assert stage.news() == []
        await pass_s(60)
        assert stage.news() == [Lost("nobody is there")]
        stage.hardware.fault = None
        await pass_s(61)
        assert stage.news()[0] == Measured((Reading("power", 5.0),))
        assert stage.log.events() == ["device.unreachable", "device.recovered"]
        assert stage.log.lines[-1]["down_s"] > 60


async def test_one_silence_is_forgiven():
    async with at_work({"power": PointSettings()}, power=5.0) as stage:
        for _ in range(10):
            stage.hardware.faults.append(GONE)
            await pass_s(10)
        assert stage.hardware.faults == []
        assert {type(event) for event in stage.told} == {Measured}
        assert stage.log.events() == []


async def test_a_lost_device_is_tried_ever_more_rarely_but_at_least_every_minute():
    async with at_work({"power": PointSettings()}) as stage:
        stage.hardware.fault = GONE
        await pass_s(24 * 3600)
        tried = [at for at, _ in stage.hardware.reads]
        waits = [later - earlier for earlier, later in pairwise(tried)]
        for attempt, wait_s in enumerate(waits):
            most_s = min(60, 2**attempt)
            assert most_s / 2 - 0.1 <= wait_s <= most_s + 0.1
        assert [type(event) for event in stage.told] == [Lost]
        assert stage.log.events() == ["device.unreachable"]


async def test_a_value_that_cannot_be_true_is_dropped_and_after_its_time_unknown():
    points = {"power": PointSettings(max_age=Duration(4.5)), "soc": PointSettings()}
    async with at_work(points, power=5.0, soc=50.0) as stage:
        await pass_s(0.5)
        stage.hardware.values["power"] = Reading("power", None, Quality.BAD, "7e9 W is outside")
        stage.news()
        await pass_s(4)
        assert stage.news() == [Measured((Reading("soc", 50.0),))] * 4
        await pass_s(2)
        gone = Reading("power", None, Quality.BAD, "no good value for 5 s")
        assert [event for event in stage.news() if gone in event.readings] == [
            Measured((Reading("soc", 50.0), gone)),
        ]
        await pass_s(60)
        assert all(event == Measured((Reading("soc", 50.0),)) for event in stage.news())
        assert stage.log.events() == ["reading.rejected"]
        stage.hardware.values["power"] = 6.0
        await pass_s(1)
        assert Reading("power", 6.0) in stage.news()[-1].readings


async def test_an_old_value_is_as_stale_as_it_says():
    points = {"power": PointSettings(max_age=Duration(60))}
    async with at_work(points, power=Reading("power", 5.0, age_s=61.0)) as stage:
        await pass_s(0.5)
        assert stage.told[-1].readings[-1].quality is Quality.BAD


SLOW = Command(
    steps=(Step(write={"valve": E("value")}), Step(wait_s=Duration(20))),
    verify=Verify(point="shown", is_=E("value"), within_s=Duration(15)),
)


@pytest.mark.parametrize(
    ("power", "takes_s", "holds_s"),
    [
        (PointSettings(), 0.1, 10.0),
        (PointSettings(), 8.0, 8.0 + 1.5 * (8.0 + 2.0)),
        (PointSettings(lag=Duration(8)), 0.1, 18.0),
        (PointSettings(lag=Duration(20)), 0.1, 30.0),
        (PointSettings(max_age=Duration(2)), 0.1, 0.1 + 1.5 * 2.1),
        (PointSettings(max_age=Duration(60)), 8.0, 60.0),
    ],
)
async def test_no_value_is_too_old_before_the_next_can_have_come(power, takes_s, holds_s):
    async with at_work({"power": power}, poll_s=2.0, power=5.0) as stage:
        stage.hardware.answers_after_s = takes_s
        came = dated(stage)
        await pass_s(60)
    assert gaps(came) == []
    _, last = came[-1]
    assert last.good_until - last.at == pytest.approx(holds_s)


async def test_no_value_is_too_old_as_a_command_takes_long():
    points = {"power": PointSettings(), "valve": LIMIT["limit"], "shown": PointSettings(poll="never")}
    make = DeviceMap(points=points, commands={"power_setpoint": SLOW})
    async with at_work(make, poll_s=2.0, power=5.0, shown=0.0) as stage:
        came = dated(stage)
        await pass_s(5)
        stage.device.offer(Setpoint("power_setpoint", 7.0, "test"))
        await pass_s(60)
    came = [(at, each) for at, each in came if each.point == "power"]
    assert gaps(came) == []
    assert max(later - earlier for (earlier, _), (later, _) in pairwise(came)) > 34


def dated(stage):
    """The good readings from now on, each with when it came."""
    came = []

    def listen(event):
        if isinstance(event, Measured):
            came.extend((now().mono, each) for each in event.readings if each.value is not None)

    stage.device.listen(listen)
    return came


def gaps(came):
    """For how long there was none that was good enough, each time."""
    return [later - former.good_until for (_, former), (later, _) in pairwise(came) if later >= former.good_until]


async def test_a_driver_that_hangs_is_given_up_on():
    async with at_work({"power": PointSettings()}, power=5.0) as stage:
        stage.hardware.is_hung = True
        await pass_s(100)
        assert [type(event) for event in stage.told] == [Lost]
        stage.hardware.is_hung = False
        await pass_s(100)
        assert stage.told[-1] == Measured((Reading("power", 5.0),))


async def test_cancelled_it_ends_at_once_even_if_the_driver_hangs():
    started = asyncio.get_running_loop().time()
    async with at_work({"power": PointSettings()}) as stage:
        stage.hardware.is_hung = True
        await pass_s(1)
    assert asyncio.get_running_loop().time() - started < 1.5

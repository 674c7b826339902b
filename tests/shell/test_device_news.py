"""A device that speaks unasked: what it says is read at once, bursts together, polling goes on. Time is virtual."""

import asyncio

import pytest

from s2d.device.computed import Computed
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import News, PointSettings
from s2d.errors import DeviceUnreachable
from s2d.events import Applied, Lost, Measured
from s2d.quantities import Duration
from s2d.values import Reading, Setpoint
from tests.fakes import Hardware, pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

GONE = DeviceUnreachable("nobody is there")
POWER = {"power": PointSettings()}
HOURLY = PointSettings(poll=Duration(3600))
ONCE = PointSettings(poll="once")
LIMIT = PointSettings(access="write")


def speaking(**values):
    return Hardware(values, news=News())


async def at_odd_instants(hardware, values):
    """Has *values* come 610 ms apart on average and 200 ms at least; returns when each came."""
    came = {}
    for number, value in enumerate(values):
        await pass_s(0.61 + 0.41 * (number % 7 - 3) / 3)
        came[value] = asyncio.get_running_loop().time()
        if hardware.news:
            hardware.push(power=value)
        else:
            hardware.values["power"] = value
    return came


def seen(stage):
    """Has when each power was first told to who listens to the device kept, and returns them as they come."""
    heard = {}

    def hear(event):
        if isinstance(event, Measured):
            for reading in event.readings:
                heard.setdefault(reading.value, asyncio.get_running_loop().time())

    stage.device.listen(hear)
    return heard


class TestEveryValueIsSeen:
    VALUES = tuple(float(number) for number in range(1, 41))

    async def test_as_soon_as_it_comes(self):
        async with at_work(POWER, poll_s=2.0, hardware=speaking(power=0.0)) as stage:
            heard = seen(stage)
            came = await at_odd_instants(stage.hardware, self.VALUES)
            await pass_s(0.005)
            late = {value: heard[value] - came[value] for value in self.VALUES}
            assert all(0 <= late_s <= 0.005 for late_s in late.values())

    async def test_where_polling_misses_most(self):
        async with at_work(POWER, poll_s=2.0, power=0.0) as stage:
            heard = seen(stage)
            await at_odd_instants(stage.hardware, self.VALUES)
            await pass_s(2)
            assert len(heard.keys() & self.VALUES) == 12

    async def test_with_the_instant_it_was_true(self):
        async with at_work(POWER, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(7)
            stage.hardware.push(power=Reading("power", 5.0, at=6.5))
            await pass_s(1)
            (reading,) = stage.dated[-1].readings
            assert (reading.value, reading.at, reading.good_until) == (5.0, 6.5, 6.5 + 3 * 60)

    async def test_and_what_is_computed_of_it(self):
        make = DeviceMap(points=POWER, computed={"double": Computed(value=Expression.parse("2 * power"))})
        async with at_work(make, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(7)
            stage.news()
            stage.hardware.push(power=5.0)
            await pass_s(0.01)
            assert stage.news() == [Measured((Reading("power", 5.0), Reading("double", 10.0)))]


class TestWhatIsTold:
    async def test_is_all_that_is_read(self):
        points = {"power": PointSettings(), "soc": PointSettings(), "limit": LIMIT}
        async with at_work(points, poll_s=60.0, hardware=speaking(power=0.0, soc=50.0)) as stage:
            await pass_s(10)
            stage.hardware.push(power=5.0)
            await pass_s(1)
            assert stage.hardware.reads == [(0, ("power", "soc")), (10, ("power",))]

    async def test_is_polled_again_only_when_it_was_silent_for_long(self):
        points = {"power": PointSettings(), "soc": PointSettings()}
        async with at_work(points, poll_s=10.0, hardware=speaking(power=0.0, soc=50.0)) as stage:
            for _ in range(4):
                await pass_s(6)
                stage.hardware.push(power=5.0)
            await pass_s(11)
            reads = [(round(at), *names) for at, names in stage.hardware.reads]
            of_soc = [(10, "soc"), (20, "soc"), (30, "soc")]
            of_power = [(6, "power"), (12, "power"), (18, "power"), (24, "power"), (34, "power")]
            assert reads == [(0, "power", "soc"), *sorted(of_soc + of_power)]

    async def test_may_be_what_is_polled_once_or_never(self):
        points = {"serial": ONCE, "energy": PointSettings(poll="never"), "power": HOURLY}
        async with at_work(points, hardware=speaking(serial="A", energy=1.0, power=0.0)) as stage:
            await pass_s(10)
            stage.news()
            stage.hardware.push(serial="B", energy=2.0)
            await pass_s(1)
            assert stage.news() == [Measured((Reading("serial", "B"), Reading("energy", 2.0)))]

    async def test_counts_for_nothing_where_nobody_configured_it(self):
        points = {"power": PointSettings(), "limit": LIMIT}
        async with at_work(points, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(10)
            stage.hardware.push(voltage=230.0, limit=5.0)
            await pass_s(1)
            assert len(stage.hardware.reads) == 1

    async def test_while_it_is_read_is_read_once_more(self):
        async with at_work(POWER, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(10)
            stage.hardware.answers_after_s = 0.25
            stage.hardware.push(power=1.0)
            await pass_s(0.1)
            stage.hardware.push(power=2.0)
            await pass_s(1)
            assert [about(at) for at, _ in stage.hardware.reads] == [0, 10, 10.25]

    async def test_by_who_hears_of_it_is_read_as_well(self):
        async with at_work(POWER, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            stage.device.listen(lambda event: stage.hardware.values["power"] < 3 and stage.hardware.push(
                power=stage.hardware.values["power"] + 1
            ))  # fmt: skip
            await pass_s(1)
            assert stage.hardware.values["power"] == 3
            assert [round(at, 3) for at, _ in stage.hardware.reads] == [0, 0, 0.1, 0.2]


class TestABurst:
    async def test_is_read_at_once_and_then_every_100_ms(self):
        async with at_work(POWER, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(10)
            for number in range(1, 101):
                stage.hardware.push(power=float(number))
                await pass_s(0.01)
            await pass_s(1)
            reads = [round(at, 3) for at, _ in stage.hardware.reads[1:]]
            assert reads == [round(10 + 0.1 * step, 3) for step in range(11)]
            assert [event.readings[0].value for event in stage.news(Measured)][-1] == 100.0

    async def test_of_many_points_is_one_read(self):
        points = {f"p{number}": HOURLY for number in range(50)}
        async with at_work(points, hardware=speaking(**dict.fromkeys(points, 0.0))) as stage:
            await pass_s(10)
            for name in points:
                stage.hardware.push(**{name: 1.0})
            await pass_s(1)
            assert stage.hardware.reads[1:] == [(10, tuple(sorted(points)))]

    async def test_does_not_hold_up_what_is_wanted(self):
        async with at_work(POWER | {"limit": LIMIT}, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(10)
            for number in range(5):
                stage.hardware.push(power=float(number))
                await pass_s(0.01)
            stage.device.offer(Setpoint("limit", 500.0, "test"))
            await pass_s(0.01)
            assert stage.hardware.writes == [(pytest.approx(10.05), "limit", 500.0)]
            assert stage.news(Applied) == [Applied(Setpoint("limit", 500.0, "test"))]


class TestOfALostDevice:
    async def lost(self, stage):
        """Loses it for so long that it is asked once a minute."""
        await pass_s(10)
        stage.hardware.fault = GONE
        await pass_s(600)
        assert stage.news(Lost) == [Lost("nobody is there")]
        stage.news()
        stage.hardware.reads.clear()

    async def test_news_bring_it_back(self):
        async with at_work(POWER, hardware=speaking(power=0.0)) as stage:
            await self.lost(stage)
            await pass_s(1)
            stage.hardware.fault = None
            stage.hardware.push(power=5.0)
            await pass_s(0.005)
            assert stage.news() == [Measured((Reading("power", 5.0),))]
            assert stage.log.events() == ["device.unreachable", "device.recovered"]

    async def test_news_that_cannot_be_had_are_tried_once_a_second(self):
        async with at_work(POWER, hardware=speaking(power=0.0)) as stage:
            await self.lost(stage)
            for number in range(1000):
                stage.hardware.push(power=float(number))
                await pass_s(0.01)
            assert 9 <= len(stage.hardware.reads) <= 11
            assert stage.news() == []

    async def test_news_of_nothing_configured_are_no_sign_of_life(self):
        async with at_work(POWER, hardware=speaking(power=0.0)) as stage:
            await self.lost(stage)
            for _ in range(10):
                stage.hardware.push(voltage=230.0)
                await pass_s(1)
            assert len(stage.hardware.reads) <= 1

    async def test_what_was_told_before_a_single_failure_is_read_after_it(self):
        async with at_work({"serial": ONCE, "power": HOURLY}, hardware=speaking(serial="A", power=0.0)) as stage:
            await pass_s(10)
            stage.news()
            stage.hardware.faults = [GONE]
            stage.hardware.push(serial="B")
            await pass_s(2)
            assert stage.news() == [Measured((Reading("serial", "B"),))]


class TestWhileNobodyListens:
    async def test_news_of_a_driver_that_hangs_are_read_when_it_does_no_more(self):
        async with at_work(POWER, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(10)
            stage.hardware.is_hung = True
            stage.hardware.push(power=1.0)
            await pass_s(10)
            stage.hardware.push(power=2.0)
            await pass_s(15)
            stage.hardware.is_hung = False
            assert [about(at) for at, _ in stage.hardware.reads] == [0, 10]
            await pass_s(7)
            assert stage.news(Measured)[-1] == Measured((Reading("power", 2.0),))

    async def test_news_after_the_device_was_closed_are_nobodys(self):
        async with at_work(POWER, poll_s=60.0, hardware=speaking(power=0.0)) as stage:
            await pass_s(10)
        stage.hardware.push(power=1.0)
        await pass_s(600)
        assert len(stage.hardware.reads) == 1

    async def test_news_before_it_was_opened_are_read_with_all_else(self):
        hardware = speaking(power=0.0)
        hardware.push(power=1.0)
        async with at_work(POWER, poll_s=60.0, hardware=hardware) as stage:
            await pass_s(1)
            assert stage.news(Measured) == [Measured((Reading("power", 1.0),))]

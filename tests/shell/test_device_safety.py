"""What brings a device to safety is wanted until the device takes it, however often it refuses. Time is virtual."""

from itertools import pairwise

import pytest

from s2d.command import Command, Step
from s2d.driver import PointSettings
from s2d.economy import RESERVE
from s2d.effects import Applied, Refused
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.expression import Expression
from s2d.quantities import Duration
from s2d.values import RELEASE, Setpoint
from s2d.variant import Make
from tests.fakes import pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
FAILED = DeviceRefused("it failed to do so (exception 4)")
LIMIT = {"limit": PointSettings(access="write")}
REFRESHED = {"limit": PointSettings(access="write", refresh=Duration(20))}
WORN = {"limit": PointSettings(access="read_write", poll="never", persistent=True, daily_writes=3)}
RELEASED = Make(
    points={"order": PointSettings(access="write")},
    commands={"limit": Command(steps=(Step(write={"order": E("value")}),), release=(Step(write={"order": E("0")}),))},
)
ORDER = Setpoint("limit", 5000.0, "instruction one")
FALLBACK = Setpoint("limit", 0.0, "fallback", is_safe=True)


@pytest.mark.parametrize("make", [LIMIT, WORN, RELEASED])
async def test_what_was_refused_once_is_done_a_second_later(make):
    rest = Setpoint("limit", RELEASE, "stop") if make is RELEASED else FALLBACK
    async with at_work(make, limit=0.0) as stage:
        stage.device.offer(ORDER)
        await pass_s(1)
        stage.hardware.refusal = FAILED
        stage.device.offer(rest)
        await pass_s(0.5)
        stage.hardware.refusal = None
        await pass_s(3600)
        assert stage.writes() == [5000.0, 0, 0]
        assert stage.news(Applied, Refused) == [
            Applied(ORDER),
            Refused(rest, FAILED.reason, will_retry=True),
            Applied(rest),
        ]
        assert stage.log.events() == []


async def test_it_is_tried_ever_more_rarely_but_at_least_every_minute():
    async with at_work(LIMIT) as stage:
        stage.hardware.refusal = FAILED
        stage.device.offer(FALLBACK)
        await pass_s(24 * 3600)
        tried = [at for at, _, _ in stage.hardware.writes]
        waits = [after - before for before, after in pairwise(tried)]
        assert waits[:8] == [about(wait_s) for wait_s in (1, 2, 4, 8, 16, 32, 60, 60)]
        assert len(tried) == pytest.approx(24 * 60, abs=10)
        assert stage.hardware.reads == []
        stage.hardware.refusal = None
        await pass_s(61)
        assert stage.told == [Refused(FALLBACK, FAILED.reason, will_retry=True), Applied(FALLBACK)]


async def test_a_human_is_told_after_a_minute_and_every_hour():
    async with at_work(LIMIT) as stage:
        stage.hardware.refusal = FAILED
        stage.device.offer(FALLBACK)
        await pass_s(55)
        assert stage.log.events() == []
        await pass_s(10)
        told = {"event": "fallback.unconfirmed", "point": "limit", "value": 0.0, "why": FAILED.reason}
        assert stage.log.lines == [{"level": "error", "device": "battery", **told}]
        await pass_s(24 * 3600)
        assert len(stage.log.events()) == 1 + 24


async def test_something_else_replaces_it_and_is_done_at_once():
    async with at_work(LIMIT) as stage:
        stage.hardware.refusal = FAILED
        stage.device.offer(FALLBACK)
        await pass_s(100)
        stage.hardware.refusal = None
        stage.written()
        stage.device.offer(ORDER)
        await pass_s(3600)
        assert stage.written() == [("limit", 5000.0)]


async def test_what_was_replaced_while_it_was_tried_is_not_tried_again():
    async with at_work(LIMIT) as stage:
        stage.device.listen(lambda event: stage.device.offer(ORDER) if event.setpoint == FALLBACK else None)
        stage.hardware.refusals["limit"] = FAILED
        stage.device.offer(FALLBACK)
        await pass_s(0.1)
        assert stage.writes() == [0.0, 5000.0]
        stage.hardware.refusals.clear()
        await pass_s(3600)
        assert stage.writes() == [0.0, 5000.0]


async def test_meanwhile_the_order_before_it_is_not_refreshed():
    async with at_work(REFRESHED) as stage:
        stage.device.offer(ORDER)
        await pass_s(1)
        stage.hardware.refusal = FAILED
        stage.device.offer(FALLBACK)
        await pass_s(300)
        assert stage.writes().count(5000.0) == 1


async def test_a_refresh_of_it_that_is_refused_is_tried_again_too():
    async with at_work(REFRESHED) as stage:
        stage.device.offer(FALLBACK)
        await pass_s(19)
        stage.hardware.refusal = FAILED
        await pass_s(2)
        stage.hardware.refusal = None
        await pass_s(25)
        assert [at for at, _, _ in stage.hardware.writes] == [about(0), about(20), about(21), about(41)]
        assert stage.told == [Applied(FALLBACK), Refused(FALLBACK, FAILED.reason, will_retry=True), Applied(FALLBACK)]


async def test_a_device_that_was_away_meanwhile_is_brought_to_safety_too():
    async with at_work(LIMIT) as stage:
        stage.hardware.refusal = FAILED
        stage.device.offer(FALLBACK)
        await pass_s(10)
        stage.hardware.refusal, stage.hardware.fault = None, DeviceUnreachable("nobody is there")
        await pass_s(600)
        stage.hardware.fault = None
        await pass_s(61)
        assert stage.told[-1] == Applied(FALLBACK)


class TestMemoryThatWearsOut:
    async def test_what_is_safe_is_written_although_the_budget_is_spent(self):
        async with at_work(WORN, limit=0.0) as stage:
            for value in (1000.0, 2000.0, 5000.0, 4000.0):
                stage.device.offer(Setpoint("limit", value, "instruction"))
                await pass_s(1)
            stage.device.offer(FALLBACK)
            await pass_s(1)
            assert stage.writes() == [1000.0, 2000.0, 5000.0, 0.0]
            assert stage.told[-1] == Applied(FALLBACK)

    async def test_what_is_refused_is_tried_as_often_a_day_as_the_reserve_allows(self):
        async with at_work(WORN, limit=5000.0) as stage:
            stage.hardware.refusal = FAILED
            stage.device.offer(FALLBACK)
            await pass_s(24 * 3600)
            assert len(stage.writes()) == 1 + RESERVE
            assert [at for at, _, _ in stage.hardware.writes][:5] == [about(at) for at in (0, 1, 5, 21, 85)]
            await pass_s(24 * 3600)
            assert len(stage.written()) <= 1 + RESERVE + 4
            stage.hardware.refusal = None
            await pass_s(7 * 3600)
            assert stage.hardware.values["limit"] == 0.0

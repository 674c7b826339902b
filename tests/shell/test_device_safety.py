"""What brings a device to safety gets through to it, whatever stands in the way. Time is virtual."""

import asyncio
from uuid import UUID

import pytest

from s2d.device.command import Allowed, Command, Step, Verify
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.device.found_values import FoundValues
from s2d.device.write_ledger import ledger_of
from s2d.device.write_saver import RESERVE
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Applied, Refused
from s2d.host.store import Store
from s2d.quantities import Duration
from s2d.values import RELEASE, Setpoint
from tests.fakes import FakeDisk, pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
WRITTEN = PointSettings(access="write")


def order(power_w: float) -> Setpoint:
    return Setpoint("power", power_w, "order")


def rest() -> Setpoint:
    return Setpoint("power", 0.0, "fallback", is_safe=True)


@pytest.mark.parametrize("refresh_s", [20, 50])
async def test_a_refresh_does_not_put_off_what_waits_for_its_interval(refresh_s):
    power = Command(steps=(Step(write={"forced": E("value")}),), interval_s=Duration(60), refresh_s=Duration(refresh_s))
    async with at_work(DeviceMap(points={"forced": WRITTEN}, commands={"power": power})) as stage:
        stage.device.offer(order(5000.0))
        await pass_s(10)
        stage.device.offer(rest())
        await pass_s(120)
        assert stage.hardware.writes[-1][2] == 0.0


async def test_what_was_refused_before_anything_wore_out_is_soon_tried_again():
    worn = PointSettings(access="read_write", poll="never", persistent=True)
    power = Command(
        steps=(Step(write={"forced": E("value")}), Step(write={"mode": E("3")})),
        allowed=Allowed(if_=E("free == 1"), else_="somebody else steers"),
    )
    make = DeviceMap(points={"forced": WRITTEN, "mode": worn, "free": PointSettings()}, commands={"power": power})
    async with at_work(make, mode=3, free=1) as stage:
        stage.device.offer(order(5000.0))
        await pass_s(5)
        stage.hardware.values["free"] = 0
        await pass_s(5)
        stage.device.offer(rest())
        await pass_s(3600)
        stage.hardware.values["free"] = 1
        await pass_s(120)
        assert stage.hardware.writes[-1][1:] == ("forced", 0.0)


async def test_a_human_is_told_although_somebody_keeps_ordering():
    async with at_work(DeviceMap(points={"power": WRITTEN})) as stage:
        stage.hardware.refusal = DeviceRefused("busy with itself")
        for _ in range(60):
            stage.device.offer(order(4000.0))
            await pass_s(1)
            stage.device.offer(rest())
            await pass_s(59)
        assert stage.log.events("error").count("fallback.unconfirmed") == 1


async def test_what_is_in_the_middle_of_its_steps_gives_way():
    steps = Step(write={"mode": E("1")}), Step(wait_s=Duration(30)), Step(write={"forced": E("value")})
    make = DeviceMap(points={"mode": WRITTEN, "forced": WRITTEN}, commands={"power": Command(steps=steps)})
    async with at_work(make) as stage:
        stage.device.offer(order(5000.0))
        await pass_s(5)
        stage.device.offer(rest())
        await pass_s(70)
        assert 5000.0 not in [value for _, _, value in stage.hardware.writes]
        assert stage.hardware.writes[-1][2] == 0.0


@pytest.mark.parametrize("is_refresh", [False, True])
@pytest.mark.parametrize("waits", ["between its steps", "until it is followed"])
async def test_what_is_safe_waits_for_nothing_that_an_order_waits_for(waits, is_refresh):
    between = Step(if_=E("value != 0"), wait_s=Duration(300 if waits == "between its steps" else 0))
    power = Command(
        steps=(Step(write={"mode": E("1")}), between, Step(write={"forced": E("value")})),
        verify=Verify(point="shown", is_=E("value"), within_s=Duration(300)),
        refresh_s=Duration(900),
    )
    points = {"mode": WRITTEN, "forced": WRITTEN, "shown": PointSettings()}
    async with at_work(DeviceMap(points=points, commands={"power": power}), shown=5000.0) as stage:
        stage.device.offer(order(5000.0))
        await pass_s(between.wait_s + 890 if is_refresh else 0)
        stage.hardware.values["shown"] = 0.0
        await pass_s(30)
        stage.written()
        stage.news()
        stage.device.offer(rest())
        await pass_s(1)
        assert stage.written() == [("mode", 1.0), ("forced", 0.0)]
        assert stage.news(Applied, Refused) == [Applied(rest())]
        await pass_s(600)
        assert stage.written() == []


class TestAppliedIsNeverButRemembered:
    """What is safe was told before; somebody else has changed it, and nobody has read that since."""

    @staticmethod
    async def found(point, changed_to=-4000.0, answers_after_s=0.0, refuses_reading=None):
        """What is written, and told, for a safe state that was ordered before, within 2 s."""
        async with at_work({"limit": point}, limit=500.0, poll_s=3600.0) as stage:
            stage.device.offer(Setpoint("limit", 0.0, "order"))
            await pass_s(1)
            assert stage.written() == [("limit", 0.0)]
            stage.hardware.values["limit"] = refuses_reading or changed_to
            stage.hardware.reads.clear()
            stage.hardware.answers_after_s = answers_after_s
            stage.news()
            rest = Setpoint("limit", 0.0, "fallback", is_safe=True)
            stage.device.offer(rest)
            await pass_s(1.5 + 2 * answers_after_s)
            assert stage.news(Applied, Refused) == [Applied(rest)]
            return stage.written(), len(stage.hardware.reads)

    async def test_volatile_it_is_written_without_reading(self):
        for access in ("write", "read_write"):
            assert await self.found(PointSettings(access=access, poll="never")) == ([("limit", 0.0)], 0)
            assert await self.found(PointSettings(access=access, poll="never"), 0.0) == ([("limit", 0.0)], 0)
            assert await self.found(PointSettings(access=access, poll="never", deadband=9e9)) == ([("limit", 0.0)], 0)

    async def test_memory_that_wears_out_is_read_first(self):
        worn = PointSettings(access="read_write", poll="never", persistent=True)
        assert await self.found(worn) == ([("limit", 0.0)], 1)
        assert await self.found(worn, 0.0) == ([], 1)

    @pytest.mark.parametrize("refuses", [DeviceRefused("no such register"), DeviceUnreachable("silence"), None])
    async def test_it_is_written_where_reading_tells_nothing_within_a_second(self, refuses):
        worn = PointSettings(access="read_write", poll="never", persistent=True)
        answers_after_s = 0.0 if refuses else 1.1
        written = await self.found(worn, 0.0, answers_after_s=answers_after_s, refuses_reading=refuses)
        assert written == ([("limit", 0.0)], 1)

    async def test_what_cannot_be_read_and_wears_out_counts_against_the_reserve(self):
        blind = PointSettings(access="write", persistent=True, daily_writes=2)
        rest = Setpoint("limit", 0.0, "fallback", is_safe=True)
        async with at_work({"limit": blind}) as stage:
            for _ in range(2 + RESERVE):
                stage.device.offer(rest)
                await pass_s(1)
            assert stage.written() == [("limit", 0.0)] * (2 + RESERVE)
            stage.news()
            stage.device.offer(rest)
            await pass_s(1)
            (refused,) = stage.news(Applied, Refused)
            assert (stage.written(), refused.setpoint, refused.will_retry) == ([], rest, True)


async def test_a_disk_that_hangs_is_waited_for_once_however_many_writes_it_takes(tmp_path):
    names = [f"limit_{number}" for number in range(6)]
    worn = PointSettings(access="read_write", poll="never", persistent=True)
    power = Command(
        steps=(Step(write={name: E("value") for name in names}),),
        release=(Step(write={name: E("found") for name in names}),),
    )
    make = DeviceMap(points=dict.fromkeys(names, worn), commands={"power": power})
    disk = FakeDisk(is_hung=True)
    store = Store(tmp_path, disk)
    ledger = ledger_of("battery", store, UUID(int=1))
    values = dict.fromkeys(names, 80.0)
    async with at_work(make, ledger=ledger, found=FoundValues(store, "battery"), **values) as stage:
        stage.device.offer(rest())
        await pass_s(2.5)
        assert stage.written() == [(name, 0.0) for name in names]
        assert stage.news(Applied, Refused) == [Applied(rest())]
        disk.recover()
        stage.device.offer(order(20.0))
        await pass_s(1)
        assert stage.written() == [(name, 20.0) for name in names]
        assert FoundValues(Store(tmp_path), "battery").values == {}
        await pass_s(60)
        assert FoundValues(Store(tmp_path), "battery").values == values


async def test_however_fast_it_is_ordered_the_device_is_written_to_at_its_pace_but_made_safe_at_once():
    make = DeviceMap(points={"power": WRITTEN}, interval_s=Duration(1))
    async with at_work(make) as stage:
        for count in range(500):  # a hundred a second
            stage.device.offer(order(1000.0 + count))
            await pass_s(0.01)
        assert len(stage.hardware.writes) <= 6
        stage.device.offer(order(5000.0))
        await pass_s(0.1)
        stage.device.offer(rest())
        await pass_s(0.05)
        assert stage.hardware.writes[-1][2] == 0.0
        stage.device.offer(order(100.0))
        await pass_s(0.1)
        stage.device.offer(Setpoint("power", 3000.0, "fallback", is_safe=True))
        await pass_s(0.05)
        assert stage.hardware.writes[-1][2] == 3000.0
        stage.device.offer(order(2000.0))
        await pass_s(0.05)
        assert stage.hardware.writes[-1][2] == 2000.0


@pytest.mark.parametrize("shows", ["late", "never"])
async def test_what_does_not_show_at_once_is_written_no_faster_for_that(shows):
    point = PointSettings(access="read_write", poll="never", settle=Duration(2))
    follows = Verify(point="limit", is_=E("value"), within_s=Duration(10)) if shows == "never" else None
    power = Command(steps=(Step(write={"limit": E("value")}),), verify=follows)
    taken = []

    async def take(values):
        taken.append(values["limit"])
        if shows == "never":
            return {}
        asyncio.get_running_loop().call_later(1.5, stage.hardware.values.update, values)
        return values

    make = DeviceMap(points={"limit": point}, commands={"power": power}, interval_s=Duration(1))
    async with at_work(make, limit=0.0) as stage:
        stage.hardware.take = take
        for count in range(500):  # a hundred a second
            stage.device.offer(order(1000.0 + count))
            await pass_s(0.01)
        assert len(taken) == (1 if shows == "never" else 5)
        stage.device.offer(rest())
        await pass_s(0.1)
        assert taken[-1] == 0.0


async def test_what_may_have_switched_over_dwells_though_it_was_not_seen_to():
    point = PointSettings(access="read_write", poll="never", settle=Duration(2))
    make = DeviceMap(
        points={"limit": point},
        commands={"power": Command(steps=(Step(write={"limit": E("value")}),), dwell_s=Duration(600))},
    )
    taken = []

    async def take(values):
        taken.append(values["limit"])
        asyncio.get_running_loop().call_later(1.5, stage.hardware.values.update, values)
        return values

    async with at_work(make, limit=0.0) as stage:
        stage.hardware.take = take
        stage.device.offer(order(0.0))
        await pass_s(10)
        stage.device.offer(order(5000.0))
        await pass_s(0.5)
        stage.device.offer(order(0.0))
        await pass_s(590)
        assert taken == [0.0, 5000.0]
        await pass_s(20)
        assert taken == [0.0, 5000.0, 0.0]


async def test_what_was_refused_does_not_make_the_next_order_wait_for_its_whole_interval():
    make = DeviceMap(points={"power": PointSettings(access="write", interval=Duration(60))})
    async with at_work(make) as stage:
        stage.hardware.refusal = DeviceRefused("busy")
        for count in range(200):  # fifty a second
            stage.device.offer(order(1000.0 + count))
            await pass_s(0.02)
        assert len(stage.hardware.writes) <= 5
        stage.hardware.refusal = None
        stage.device.offer(order(3000.0))
        await pass_s(1.1)
        stage.device.offer(order(3001.0))
        await pass_s(58)
        assert stage.writes()[-1] == 3000.0
        await pass_s(2)
        assert stage.writes()[-1] == 3001.0


async def test_what_is_given_back_is_given_back_once_a_second_however_often_an_order_is_taken_back():
    steps, release = (Step(write={"mode": E("1")}), Step(write={"forced": E("value")})), (Step(write={"mode": E("0")}),)
    power = Command(steps=steps, release=release, interval_s=Duration(1))
    points = {"mode": WRITTEN, "forced": WRITTEN}
    async with at_work(DeviceMap(points=points, commands={"power": power})) as stage:
        for count in range(250):
            stage.device.offer(order(1000.0 + count))
            stage.device.offer(Setpoint("power", RELEASE, f"revoked {count}", is_safe=True))
            await pass_s(0.02)
        assert len(stage.hardware.writes) <= 6
        stage.device.offer(order(1000.0))
        await pass_s(1)
        stage.device.offer(Setpoint("power", RELEASE, "fallback", is_safe=True))
        await pass_s(0.1)
        assert [value for _, _, value in stage.hardware.writes[-3:]] == [1.0, 1000.0, 0.0]


async def test_what_is_safe_goes_before_all_that_was_ordered_sooner():
    async with at_work({"limit": WRITTEN, "power": WRITTEN}) as stage:
        stage.hardware.refusals["limit"] = DeviceUnreachable("silent at that alone")
        stage.device.offer(Setpoint("limit", 2000.0, "order"))
        stage.device.offer(rest())
        await pass_s(0.1)
        assert stage.hardware.values["power"] == 0.0
        assert stage.written()[0] == ("power", 0.0)

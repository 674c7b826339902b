"""Points whose memory wears out: written only if they change, so often a day and no more, whatever happens between."""

import pytest

from s2d.device.command import Command, Step
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.device.write_ledger import WriteLedger
from s2d.device.write_saver import RESERVE
from s2d.driver import PointSettings
from s2d.events import Applied, Refused
from s2d.host.append_log import FileLog
from s2d.quantities import Duration
from s2d.values import RELEASE, Quality, Reading, Setpoint
from tests.fakes import FakeDisk, pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
WORN = PointSettings(access="read_write", poll="never", persistent=True, daily_writes=2)
SPENT = "limit is kept in memory that wears out, and was written 2 times within a day; `daily_writes` allows 2"


def wanted(value, point="limit"):
    return Setpoint(point, value, "test")


async def test_what_it_holds_already_is_not_written():
    async with at_work({"limit": WORN}, limit=100.0) as stage:
        for value in (100.0, 200.0, 200.0):
            stage.device.offer(wanted(value))
            await pass_s(1)
        assert stage.written() == [("limit", 200.0)]
        assert stage.news(Applied, Refused) == [Applied(wanted(value)) for value in (100.0, 200.0, 200.0)]


async def test_beyond_its_budget_it_is_refused_until_the_day_is_over():
    async with at_work({"limit": WORN}, limit=0.0) as stage:
        for value in (1.0, 2.0, 3.0, 4.0, 2.0):
            stage.device.offer(wanted(value))
            await pass_s(1)
        assert stage.written() == [("limit", 1.0), ("limit", 2.0)]
        assert stage.news(Applied, Refused) == [
            Applied(wanted(1.0)),
            Applied(wanted(2.0)),
            Refused(wanted(3.0), SPENT),
            Refused(wanted(4.0), SPENT),
            Applied(wanted(2.0)),
        ]
        assert stage.log.events() == ["budget.spent"]
        await pass_s(24 * 3600)
        for value in (5.0, 6.0, 7.0):
            stage.device.offer(wanted(value))
            await pass_s(1)
        assert stage.written() == [("limit", 5.0), ("limit", 6.0)]
        assert stage.log.events() == ["budget.spent", "budget.spent"]


async def test_control_is_given_back_beyond_the_budget_but_not_for_ever():
    command = Command(steps=(Step(write={"limit": E("value")}),), release=(Step(write={"limit": E("0")}),))
    async with at_work(DeviceMap(points={"limit": WORN}, commands={"power": command}), limit=0.0) as stage:
        for value in (1.0, RELEASE, 2.0, RELEASE):
            stage.device.offer(wanted(value, "power"))
            await pass_s(1)
        assert stage.written() == [("limit", 1.0), ("limit", 0.0)]
        for count in range(RESERVE + 1):
            stage.hardware.values["limit"] = 50.0 + count
            stage.device.offer(wanted(RELEASE, "power"))
            await pass_s(1)
        assert stage.written() == [("limit", 0.0)] * RESERVE


async def test_on_a_full_disk_it_is_brought_to_safety_and_nowhere_else(tmp_path):
    path = tmp_path / "battery.ledger"
    path.symlink_to("/dev/full")
    full = f"limit cannot be accounted for: {path}: No space left on device"
    command = Command(steps=(Step(write={"limit": E("value")}),), release=(Step(write={"limit": E("0")}),))
    make = DeviceMap(points={"limit": WORN}, commands={"power": command})
    async with at_work(make, ledger=WriteLedger.opened(FileLog(path)), limit=5.0) as stage:
        for value in (1.0, RELEASE):
            stage.device.offer(wanted(value, "power"))
            await pass_s(1)
        assert stage.written() == [("limit", 0.0)]
        assert stage.news(Applied, Refused) == [Refused(wanted(1.0, "power"), full), Applied(wanted(RELEASE, "power"))]
        assert stage.log.lines == [{"level": "warning", "event": "ledger.failed", "device": "battery", "reason": full}]
        for _ in range(2 * RESERVE):
            stage.hardware.values["limit"] = 5.0
            stage.device.offer(wanted(RELEASE, "power"))
            await pass_s(1)
        assert stage.written() == [("limit", 0.0)] * (WORN.daily_writes + RESERVE - 1)


async def test_where_the_disk_hangs_it_is_brought_to_safety_within_two_seconds_and_nowhere_else(tmp_path):
    path = tmp_path / "battery.ledger"
    silent = f"limit cannot be accounted for: {path}: the disk did not answer within 2 s"
    disk = FakeDisk(is_hung=True)
    command = Command(steps=(Step(write={"limit": E("value")}),), release=(Step(write={"limit": E("0")}),))
    make = DeviceMap(points={"limit": WORN}, commands={"power": command})
    async with at_work(make, ledger=WriteLedger.opened(FileLog(path, disk)), limit=5.0) as stage:
        stage.device.offer(wanted(1.0, "power"))
        await pass_s(1.9)
        assert stage.news(Applied, Refused) == []
        await pass_s(0.2)
        assert stage.news(Applied, Refused) == [Refused(wanted(1.0, "power"), silent)]
        stage.device.offer(wanted(RELEASE, "power"))
        await pass_s(2.1)
        assert stage.news(Applied, Refused) == [Applied(wanted(RELEASE, "power"))]
        assert stage.written() == [("limit", 0.0)]
        assert [(line["event"], line["reason"]) for line in stage.log.lines] == [("ledger.failed", silent)]
        disk.recover()
        assert not path.exists()  # nobody waits for those lines any more
        stage.device.offer(wanted(1.0, "power"))
        await pass_s(1)
        assert stage.written() == [("limit", 1.0)]
        assert path.read_text().count("wrote limit") == 1


async def test_the_budget_outlives_a_restart(tmp_path):
    path = tmp_path / "battery.ledger"
    for value, written in ((1.0, [("limit", 1.0)]), (2.0, [("limit", 2.0)]), (3.0, [])):
        async with at_work({"limit": WORN}, ledger=WriteLedger.opened(FileLog(path)), limit=0.0) as stage:
            stage.device.offer(wanted(value))
            await pass_s(1)
            assert stage.written() == written


async def test_a_write_is_in_the_ledger_before_it_is_in_the_device(tmp_path):
    path = tmp_path / "battery.ledger"
    async with at_work({"limit": WORN}, ledger=WriteLedger.opened(FileLog(path)), limit=0.0) as stage:
        stage.hardware.is_hung = True
        stage.device.offer(wanted(1.0))
        await pass_s(1)
        assert not path.exists()  # it asks first what the point holds
        stage.hardware.is_hung = False
        stage.hardware.values["limit"] = Reading("limit", None, Quality.BAD, "odd")
        await pass_s(60)
    assert path.read_text().count("wrote limit") == 1


class TestRefresh:
    def make(self, *steps):
        worn = PointSettings(access="read_write", persistent=True)
        points = {"limit": worn, "mode": PointSettings(access="write"), "load": PointSettings()}
        return DeviceMap(points=points, commands={"power_setpoint": Command(steps=steps, refresh_s=Duration(5))})

    async def written(self, *steps):
        """By an order, and by the refreshes of a minute after somebody else has changed what the device holds."""
        async with at_work(self.make(*steps), limit=0.0, mode=0.0, load=0.0) as stage:
            stage.device.offer(wanted(7.0, "power_setpoint"))
            await pass_s(1)
            assert stage.news(Applied, Refused) == [Applied(wanted(7.0, "power_setpoint"))]
            by_order = stage.written()
            stage.hardware.values |= {"limit": 3.0, "load": 50.0}
            await pass_s(60)
            assert stage.news(Applied, Refused) == []
            return by_order, stage.written()

    async def test_what_wears_out_is_left_to_the_next_order(self):
        steps = Step(write={"mode": E("1")}), Step(write={"limit": E("value")})
        assert await self.written(*steps) == ([("mode", 1), ("limit", 7.0)], [("mode", 1)] * 12)

    async def test_it_follows_no_reading(self):
        steps = Step(write={"mode": E("load"), "limit": E("load + value")}), Step(life={"limit": "1..9"})
        by_order = [("mode", 0.0), ("limit", 7.0), ("limit", 1)]
        assert await self.written(*steps) == (by_order, [("mode", 50.0)] * 12)

    async def test_what_travels_with_it_stays_away_too(self):
        steps = (Step(together={"mode": E("1"), "limit": E("value")}),)
        assert await self.written(*steps) == ([("mode", 1), ("limit", 7.0)], [])


async def test_a_point_that_cannot_be_read_is_written_once_for_each_value():
    blind = PointSettings(access="write", persistent=True)
    async with at_work({"limit": blind}) as stage:
        for value in (1.0, 1.0, 2.0):
            stage.device.offer(wanted(value))
            await pass_s(1)
        assert stage.written() == [("limit", 1.0), ("limit", 2.0)]


class TestDwell:
    def make(self, dwell_s):
        command = Command(steps=(Step(write={"limit": E("value")}),), dwell_s=Duration(dwell_s))
        return DeviceMap(points={"limit": PointSettings(access="write")}, commands={"power_setpoint": command})

    async def written_after_restart(self, path, dwell_s, value=0.0, away_s=1.0):
        """What is written at once, and what within the next 20 s."""
        async with at_work(self.make(dwell_s), ledger=WriteLedger.opened(FileLog(path))) as stage:
            stage.device.offer(wanted(500.0, "power_setpoint"))
            await pass_s(away_s)
        async with at_work(self.make(dwell_s), ledger=WriteLedger.opened(FileLog(path))) as stage:
            stage.device.offer(wanted(value, "power_setpoint"))
            await pass_s(1)
            at_once = stage.written()
            await pass_s(20)
            return at_once, stage.written()

    async def test_a_long_one_outlives_a_restart(self, tmp_path):
        path = tmp_path / "battery.ledger"
        assert await self.written_after_restart(tmp_path / "other.ledger", 60) == ([], [])
        assert await self.written_after_restart(path, 60, away_s=50) == ([], [("limit", 0.0)])
        assert [line.split(" ", 1)[1] for line in path.read_text().splitlines()] == [
            "switched power_setpoint +",
            "switched power_setpoint 0",
        ]

    async def test_what_needs_no_switching_does_not_wait_for_it(self, tmp_path):
        path = tmp_path / "battery.ledger"
        assert await self.written_after_restart(path, 60, value=600.0) == ([("limit", 600.0)], [])

    async def test_a_short_one_is_not_worth_the_disk(self, tmp_path):
        path = tmp_path / "battery.ledger"
        assert await self.written_after_restart(path, 59) == ([("limit", 0.0)], [])
        assert not path.exists()

    async def test_a_full_disk_keeps_no_command_back(self, tmp_path):
        blocked = tmp_path / "file"
        blocked.write_text("")
        async with at_work(self.make(60), ledger=WriteLedger(FileLog(blocked / "battery.ledger"))) as stage:
            stage.device.offer(wanted(500.0, "power_setpoint"))
            await pass_s(1)
            assert stage.written() == [("limit", 500.0)]

"""What was there is put back: what a point held before the first order outlives all that may happen to the process."""

import pytest

from s2d.device.command import Command, Step
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.device.found_values import FoundValues
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused
from s2d.events import Applied, Refused
from s2d.host.store import Store
from s2d.values import RELEASE, Quality, Reading, Setpoint
from tests.fakes import FakeDisk, Hardware, pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
SETTING = PointSettings(access="read_write", poll="never")
ORDER = Command(
    steps=(Step(write={"current": E("0")}), Step(together={"low": E("value"), "high": E("value")})),
    release=(
        Step(together={"low": E("found"), "high": E("found")}),
        Step(write={"current": E("found")}),
        Step(write={"mode": E("first(found, 7)")}),
    ),
)
MAKE = DeviceMap(
    points=dict.fromkeys(("current", "low", "high", "mode"), SETTING)
    | {"power": PointSettings(), "meter": PointSettings()},
    commands={"power": ORDER},
)
OWNERS = {"current": 80.0, "low": 20.0, "high": 90.0, "mode": 1.0, "power": 0.0, "meter": 0.0}
PUT_BACK = [("low", 20.0), ("high", 90.0), ("current", 80.0), ("mode", 7.0)]


def wanted(value, is_safe=False):
    return Setpoint("power", value, "test", is_safe=is_safe)


async def told(stage, *setpoints):
    for setpoint in setpoints:
        stage.device.offer(setpoint)
        await pass_s(1)


async def test_what_was_there_before_the_first_order_is_put_back():
    async with at_work(MAKE, **OWNERS) as stage:
        await told(stage, wanted(1.0), wanted(2.0))
        assert stage.written() == [("current", 0.0), ("low", 1.0), ("high", 1.0), ("low", 2.0), ("high", 2.0)]
        await told(stage, wanted(RELEASE))
        assert stage.written() == PUT_BACK
        assert stage.news(Applied, Refused) == [Applied(wanted(each)) for each in (1.0, 2.0, RELEASE)]


async def test_where_nothing_was_ordered_nothing_is_put_back():
    async with at_work(MAKE, **OWNERS) as stage:
        await told(stage, wanted(RELEASE))
        assert stage.written() == [("mode", 7.0)]


async def test_once_put_back_it_is_forgotten_and_found_anew():
    async with at_work(MAKE, **OWNERS) as stage:
        await told(stage, wanted(1.0), wanted(RELEASE))
        stage.hardware.values["current"] = 60.0
        stage.written()
        await told(stage, wanted(RELEASE), wanted(2.0), wanted(RELEASE))
        assert stage.hardware.values["current"] == 60.0


async def test_after_a_crash_it_is_what_the_disk_says_and_not_what_the_point_holds_by_then(tmp_path):
    hardware = Hardware(dict(OWNERS))
    async with at_work(MAKE, found=FoundValues(Store(tmp_path), "battery"), hardware=hardware) as stage:
        await told(stage, wanted(1.0))
    for _ in range(2):  # however often it starts, and orders, before it lets go
        async with at_work(MAKE, found=FoundValues(Store(tmp_path), "battery"), hardware=hardware) as stage:
            await told(stage, wanted(2.0), wanted(3.0))
    hardware.writes.clear()
    async with at_work(MAKE, found=FoundValues(Store(tmp_path), "battery"), hardware=hardware) as stage:
        await told(stage, wanted(RELEASE))
        assert stage.written() == PUT_BACK
    assert FoundValues(Store(tmp_path), "battery").values == {}
    assert FoundValues(Store(tmp_path), "another").values == {}


async def test_it_is_on_the_disk_before_the_point_is_written(tmp_path):
    disk = FakeDisk(is_hung=True)
    store = Store(tmp_path, disk)
    async with at_work(MAKE, found=FoundValues(store, "battery"), **OWNERS) as stage:
        stage.device.offer(wanted(1.0))
        await pass_s(1.5)
        assert stage.written() == []
        disk.recover()
        await pass_s(1)
        assert stage.written()[0] == ("current", 0.0)
        assert FoundValues(Store(tmp_path), "battery").values == {"current": 80.0, "low": 20.0, "high": 90.0}


async def test_what_cannot_be_remembered_is_not_ordered_unless_it_is_safe(tmp_path):
    disk = FakeDisk(is_hung=True)
    async with at_work(MAKE, found=FoundValues(Store(tmp_path, disk), "battery"), **OWNERS) as stage:
        await told(stage, wanted(1.0))
        await pass_s(2)
        [refused] = stage.news(Applied, Refused)
        assert refused.reason.startswith("step 1 of 2 (current): what current held cannot be remembered: ")
        assert refused.reason.endswith("the disk did not answer within 2 s")
        assert stage.written() == []
        await told(stage, wanted(0.0, is_safe=True))
        await pass_s(5)
        assert stage.written() == [("current", 0.0), ("low", 0.0), ("high", 0.0)]
        await told(stage, wanted(RELEASE))
        assert stage.written()[:3] == PUT_BACK[:3]


@pytest.mark.parametrize("nothing", [Reading("current", None, Quality.BAD, "sentinel"), "odd"])
async def test_what_cannot_be_put_back_is_not_written(nothing):
    states = DeviceMap(
        points={
            **MAKE.points,
            "current": PointSettings(access="read_write", poll="never", values={"0": "off", "_": "odd"}),
        },
        commands={"power": Command(steps=(Step(write={"current": E("'off'")}),), release=ORDER.release[1:2])},
    )
    async with at_work(states, **OWNERS | {"current": nothing}) as stage:
        await told(stage, wanted(0.0, is_safe=True))
        assert stage.written() == []
        [refused] = stage.news(Applied, Refused)
        assert refused.reason == "what current holds is unknown, so it could not be put back"


async def test_what_was_put_back_in_part_is_put_back_whole():
    async with at_work(MAKE, **OWNERS) as stage:
        await told(stage, wanted(1.0))
        stage.written()
        stage.hardware.refusals["current"] = DeviceRefused("not now")
        await told(stage, wanted(RELEASE))
        assert stage.hardware.values["current"] == 0.0
        del stage.hardware.refusals["current"]
        await pass_s(10)
        assert {name: stage.hardware.values[name] for name in ("low", "high", "current")} == {
            "low": 20.0,
            "high": 90.0,
            "current": 80.0,
        }
        assert stage.news(Applied)[-1:] == [Applied(wanted(RELEASE))]


async def test_what_start_writes_is_found_first():
    start = DeviceMap(
        points=MAKE.points,
        commands={"power": Command(steps=(Step(write={"meter": E("value")}),), release=ORDER.release[1:2])},
        start=(Step(write={"current": E("5")}),),
    )
    async with at_work(start, **OWNERS) as stage:
        await pass_s(1)
        assert stage.written() == [("current", 5.0)]
        await told(stage, wanted(RELEASE))
        assert stage.written() == [("current", 80.0)]


async def test_who_only_looks_on_puts_back_and_remembers_nothing(tmp_path):
    keeper = FoundValues(Store(tmp_path), "battery")
    await keeper.keep({"current": 80.0, "low": 20.0, "high": 90.0})
    beside = FoundValues(Store(tmp_path), "battery", keeper="process 7")
    async with at_work(MAKE, found=beside, **OWNERS | {"current": 0.0, "low": 1.0, "high": 1.0}) as stage:
        await told(stage, wanted(RELEASE))
        assert stage.written() == PUT_BACK
    assert FoundValues(Store(tmp_path), "battery").values == keeper.values
    await keeper.forget(["current", "low", "high"])
    beside = FoundValues(Store(tmp_path), "battery", keeper="process 7")
    async with at_work(MAKE, found=beside, **OWNERS) as stage:
        await told(stage, wanted(1.0))
        assert stage.written() == []
        [refused] = stage.news(Applied, Refused)
        assert refused.reason.endswith("what current held is not remembered, as process 7 is at work")

"""What brings a device to safety gets through to it, whatever stands in the way. Time is virtual."""

import pytest

from s2d.device.command import Allowed, Command, Step
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused
from s2d.quantities import Duration
from s2d.values import Setpoint
from tests.fakes import pass_s
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

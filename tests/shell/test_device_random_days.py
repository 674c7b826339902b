"""Random days of a device: whatever was wanted, failed and forgotten, in the end it does what was wanted last."""

import random

import pytest

from s2d.device.command import Command, Step, Verify
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Applied, Lost, Measured, Refused
from s2d.quantities import Duration
from s2d.values import RELEASE, Setpoint
from tests.fakes import pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
BOTH = PointSettings(access="read_write", poll="never")
MAKE = DeviceMap(
    points={
        "soc": PointSettings(),
        "firmware": PointSettings(poll="once"),
        "reserve": PointSettings(access="read_write", poll="never", persistent=True, daily_writes=1000),
        "limit": PointSettings(poll="never"),
        "mode": BOTH,
        "direction": PointSettings(access="write"),
        "forced": BOTH,
    },
    start=(Step(write={"reserve": E("10")}),),
    commands={
        "power_setpoint": Command(
            steps=(
                Step(write={"mode": E("2")}),
                Step(write={"direction": E("sign(value)")}),
                Step(wait_s=Duration(0.5)),
                Step(write={"forced": E("abs(value)")}),
            ),
            max=E("limit"),
            deadband=20,
            interval_s=Duration(3),
            dwell_s=Duration(10),
            refresh_s=Duration(20),
            verify=Verify(point="forced", is_=E("abs(value)"), within_s=Duration(1)),
            release=(Step(write={"mode": E("0")}),),
        )
    },
)
VALUES = {"soc": 50.0, "firmware": 3, "reserve": 0, "limit": 2000.0, "mode": 0, "direction": 0, "forced": 0}


@pytest.mark.parametrize("seed", range(25))
async def test_in_the_end_it_does_what_was_wanted_last(seed):
    chance = random.Random(seed)
    async with at_work(MAKE, **VALUES) as stage:
        hardware, newest = stage.hardware, None
        for _ in range(200):
            match chance.randrange(8):
                case 0 | 1 | 2:
                    value = chance.choice([RELEASE, 0.0, 5000.0, -300.0, -310.0, float(chance.randint(-2500, 2500))])
                    newest = Setpoint("power_setpoint", value, "test")
                    stage.device.offer(newest)
                case 3:
                    hardware.faults += [DeviceUnreachable("gone")] * chance.randint(1, 4)
                case 4:
                    hardware.refusals = {chance.choice(["mode", "direction", "forced"]): DeviceRefused("no")}
                case 5:
                    hardware.values |= {"reserve": 0, "mode": 0, "forced": 0}
                    hardware.faults += [DeviceUnreachable("restarting")] * 3
                case 6:
                    hardware.is_hung = not hardware.is_hung
            await pass_s(chance.choice([0.0, 0.1, 1.0, 7.0, 30.0]))
            if chance.random() < 0.5:
                hardware.is_hung, hardware.refusals = False, {}
        hardware.is_hung, hardware.refusals = False, {}
        while hardware.faults:
            await pass_s(60)
        await pass_s(120)
        newest = Setpoint("power_setpoint", chance.choice([RELEASE, 0.0, 5000.0, -300.0]), "last")
        stage.device.offer(newest)
        stage.news()
        await pass_s(60)
        news = stage.news(Applied, Refused, Lost)
        most = 2000.0 if newest.value == 5000.0 else None  # of which the battery keeps what it can
        assert [each for each in news if getattr(each, "setpoint", newest) == newest] == [Applied(newest, most)]
        assert hardware.values["reserve"] == 10
        assert is_done(newest.value, hardware.values)
        assert sum(point == "soc" for _, points in hardware.reads[-50:] for point in points) > 40


def is_done(value, registers):
    if value == RELEASE:
        return registers["mode"] == 0
    bounded = min(value, 2000.0)
    sign = (bounded > 0) - (bounded < 0)
    written = (registers["mode"], registers["direction"])
    # A change within the deadband of what was done before counts as done.
    return written == (2, sign) and abs(registers["forced"] - abs(bounded)) < 20


async def test_it_is_read_on_through_it_all():
    async with at_work(MAKE, **VALUES) as stage:
        stage.device.offer(Setpoint("power_setpoint", 500.0, "test"))
        await pass_s(3600)
        measured = [event for event in stage.told if isinstance(event, Measured)]
        assert len([event for event in measured if any(each.point == "soc" for each in event.readings)]) > 3200
        assert stage.device.tally.refreshes > 150

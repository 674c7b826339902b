"""A device that keeps less than it was told, or more, or something else. Time is virtual."""

import pytest

from s2d.device.command import Command, Step
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.events import Applied, Refused, Undone
from s2d.quantities import Duration
from s2d.values import Setpoint
from tests.fakes import pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
WATTS = PointSettings(access="read_write", unit="W")


def wanted(value, point="limit"):
    return Setpoint(point, value, "order")


async def outcome(make, setpoint, keeps, seconds=5.0, **values):
    """What is told of *setpoint*, of which the device keeps what *keeps* makes of each value."""
    async with at_work(make, **{"limit": 0.0, **values}) as stage:

        async def take(written):
            kept = {name: keeps(value) if isinstance(value, float) else value for name, value in written.items()}
            stage.hardware.values |= kept
            return written

        stage.hardware.take = take
        stage.device.offer(setpoint)
        await pass_s(seconds)
        return stage.news(Applied, Refused, Undone)


LATER = " after 2 s. If it shows it later, state a longer `settle`"


@pytest.mark.parametrize(
    ("value", "kept", "keeps"),
    [
        (1010.0, 1000.0, 1000.0),
        (-1010.0, -1000.0, -1000.0),
        (5000.0, 3680.0, 3680.0),
        (5000.0, 2500.0, 2500.0),
        (5000.0, 5000.0 + 1e-6, None),
    ],
)
async def test_half_and_more_of_the_same_sign_is_taken_for_it_and_told(value, kept, keeps):
    assert await outcome({"limit": WATTS}, wanted(value), lambda _: kept) == [Applied(wanted(value), keeps)]


@pytest.mark.parametrize(
    ("value", "kept", "way_out"),
    [
        (5000.0, 2400.0, ". If that is the most it can, state `max_charge_power: 2400 W`; if it rounds, a `step`"),
        (-5000.0, -2400.0, ". If that is the most it can, state `max_discharge_power: 2400 W`; if it rounds, a `step`"),
        (5000.0, -5000.0, LATER),
        (5000.0, 0.0, LATER),
        (5000.0, 5100.0, LATER),
        (0.0, 10.0, LATER),
    ],
)
async def test_all_else_is_refused_with_the_way_out(value, kept, way_out):
    reason = f"limit: took {value:g} W but still reads {kept:g} W{way_out}"
    assert await outcome({"limit": WATTS}, wanted(value), lambda _: kept) == [Refused(wanted(value), reason)]


@pytest.mark.parametrize("unit", ["", "s", "°C"])
async def test_of_what_is_no_magnitude_there_is_no_less(unit):
    point = PointSettings(access="read_write", unit=unit)
    (refused,) = await outcome({"limit": point}, wanted(4.0), lambda _: 3.0)
    assert isinstance(refused, Refused)


async def test_what_does_not_follow_the_order_has_to_be_as_it_was_written():
    command = Command(steps=(Step(write={"limit": E("20.0")}), Step(write={"power": E("value")})))
    make = DeviceMap(points={"limit": WATTS, "power": WATTS}, commands={"power_setpoint": command})
    (refused,) = await outcome(make, wanted(500.0, "power_setpoint"), lambda value: 0.9 * value, power=0.0)
    assert isinstance(refused, Refused)


async def test_of_a_command_the_same_share_is_kept_as_of_what_it_writes():
    command = Command(steps=(Step(together={"up": E("max(value, 0.0) / 50"), "mode": E("1")}),), unit="W")
    points = {"up": PointSettings(access="read_write", unit="%"), "mode": PointSettings(access="read_write")}
    make = DeviceMap(points=points, commands={"power_setpoint": command})
    setpoint = wanted(2000.0, "power_setpoint")
    assert await outcome(make, setpoint, lambda value: 0.8 * value, up=0.0, mode=0) == [Applied(setpoint, 1600.0)]


async def test_the_limit_of_a_profile_and_a_step_are_told_as_well():
    command = Command(steps=(Step(write={"limit": E("value")}),), max=E("most"), step=50.0)
    make = DeviceMap(points={"limit": WATTS, "most": PointSettings()}, commands={"power_setpoint": command})
    for value, keeps in ((5000.0, 1000.0), (330.0, 300.0), (300.0, None), (-330.0, -300.0), (30.0, None)):
        setpoint = wanted(value, "power_setpoint")
        assert await outcome(make, setpoint, lambda value: value, most=1000.0) == [Applied(setpoint, keeps)]


async def test_a_plain_point_may_have_a_step():
    point = PointSettings(access="read_write", unit="kW", step=0.05)
    async with at_work({"limit": point}, limit=0.0) as stage:
        stage.device.offer(wanted(1010.0))
        await pass_s(1)
        assert stage.written() == [("limit", 1000.0)]
        assert stage.news(Applied, Refused) == [Applied(wanted(1010.0), 1000.0)]


async def test_what_it_keeps_is_not_undone_and_not_written_again():
    async with at_work({"limit": WATTS}, limit=0.0) as stage:

        async def take(values):
            stage.hardware.writes += [(0.0, *each) for each in values.items()]
            stage.hardware.values["limit"] = 3680.0
            return values

        stage.hardware.take = take
        for _ in range(2):
            stage.device.offer(wanted(5000.0))
            await pass_s(60)
            assert stage.news(Applied, Refused, Undone) == [Applied(wanted(5000.0), 3680.0)]
        stage.hardware.values["limit"] = 3600.0
        await pass_s(5)
        assert [type(each) for each in stage.news(Applied, Refused, Undone)] == [Undone]


async def test_it_has_its_time_to_settle_before_less_is_taken_for_all():
    slow = PointSettings(access="read_write", unit="W", settle=Duration(10))
    assert await outcome({"limit": slow}, wanted(5000.0), lambda _: 3680.0, seconds=9.5) == []
    assert len(await outcome({"limit": slow}, wanted(5000.0), lambda _: 3680.0, seconds=10.5)) == 1

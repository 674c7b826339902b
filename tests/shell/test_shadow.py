"""Shadow mode: everything is done but the writes, which are logged, on whatever way one could reach the hardware."""

import asyncio

import pytest
from structlog.testing import capture_logs

from s2d.config import Config, Gateway
from s2d.device.command import Command, Step, Verify
from s2d.device.device_map import Available, DeviceMap
from s2d.device.expression import Expression
from s2d.device.found_values import FoundValues
from s2d.device.write_ledger import WriteLedger, ledger_of
from s2d.driver import PointSettings
from s2d.errors import DeviceUnreachable
from s2d.events import Applied, Refused, Shadowed
from s2d.host.store import Store
from s2d.quantities import Duration
from s2d.service import daemon
from s2d.values import RELEASE, Setpoint
from tests.fakes import now, pass_s
from tests.shell import device_stage, node_stage
from tests.shell.test_daemon import NOBODY, battery, hardware

pytestmark = pytest.mark.virtual_time

E = Expression.parse
COMMAND = Command(
    steps=(Step(write={"mode": E("2")}), Step(wait_s=Duration(1)), Step(write={"forced": E("value")})),
    release=(Step(write={"forced": E("found")}), Step(write={"mode": E("0")})),
    refresh_s=Duration(10),
    timeout=Duration(60),
    dwell_s=Duration(120),
    verify=Verify(point="forced", is_=E("value")),
)
WEARING = PointSettings(access="read_write", poll="never", persistent=True, daily_writes=2)
POINTS = {
    "mode": PointSettings(access="write"),
    "forced": PointSettings(access="read_write"),
    "limit": WEARING,
    "remote": PointSettings(access="read_write"),
    "awake": PointSettings(),
}
MAKE = DeviceMap(points=POINTS, commands={"power": COMMAND}, start=(Step(write={"remote": E("1")}),))
SAID = {"forced": 0.0, "limit": 50.0, "remote": 0, "awake": 1, "mode": 0}


def wanted(value, point="power", *, is_safe=False):
    return Setpoint(point, value, "test", is_safe=is_safe)


def shadowed(log):
    """What would have been written."""
    return [line["values"] for line in log.lines if line["event"] == "write.shadowed"]


def device(make=MAKE, **settings):
    return device_stage.at_work(make, is_shadowed=True, **(SAID | settings))


async def test_when_it_starts_what_it_does_not_hold_is_said():
    async with device() as stage:
        await pass_s(1)
        assert shadowed(stage.log) == [{"remote": 1}]
        assert stage.log.events("warning", "error") == []
    async with device(remote=1) as stage:
        await pass_s(1)
        assert shadowed(stage.log) == []
    assert stage.hardware.writes == []


@pytest.mark.parametrize(
    ("setpoint", "writes"),
    [
        (wanted(500.0), [{"mode": 2}, {"forced": 500.0}]),
        (wanted(0.0, is_safe=True), [{"mode": 2}, {"forced": 0.0}]),
        (wanted(RELEASE), [{"mode": 0}]),
        (wanted(70.0, "limit"), [{"limit": 70.0}]),
        (wanted(70.0, "limit", is_safe=True), [{"limit": 70.0}]),
    ],
    ids=["order", "safe", "release", "wearing", "wearing and safe"],
)
async def test_all_that_a_command_would_write_is_said_once_and_nothing_is_written_however_long(setpoint, writes):
    async with device(remote=1) as stage:
        stage.device.offer(setpoint)
        await pass_s(3 * 3600)
        assert shadowed(stage.log) == writes
        assert stage.news(Applied, Refused, Shadowed) == [Shadowed(setpoint)]
        assert (stage.device.wanted, stage.device.done, stage.device.tally.writes) == ((), (), 0)
        assert stage.log.events("warning", "error") == []
    assert stage.hardware.writes == []


async def test_a_device_that_is_lost_and_back_is_not_told_what_it_may_have_forgotten():
    async with device() as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(5)
        stage.hardware.fault = DeviceUnreachable("nobody is there")
        await pass_s(30)
        stage.hardware.fault = None
        stage.device.offer(wanted(0.0, is_safe=True))
        await pass_s(300)
        assert stage.news(Applied, Refused, Shadowed)[-1:] == [Shadowed(wanted(0.0, is_safe=True))]
    assert stage.hardware.writes == []


async def test_a_device_of_which_nothing_is_believed_is_not_told_what_is_safe_either():
    make = DeviceMap(points=POINTS, commands={"power": COMMAND}, ready=E("awake"))
    async with device(make, awake=0) as stage:
        stage.device.offer(wanted(0.0, is_safe=True))
        await pass_s(60)
        assert {"forced": 0.0} in shadowed(stage.log)
    assert stage.hardware.writes == []


async def test_a_device_that_is_not_available_is_not_told_anything():
    make = DeviceMap(points=POINTS, commands={"power": COMMAND}, available=Available(if_=E("awake"), else_="it sleeps"))
    async with device(make, awake=0) as stage:
        stage.device.offer(wanted(0.0, is_safe=True))
        await pass_s(60)
    assert stage.hardware.writes == []


async def test_what_is_not_written_wears_nothing_is_found_nowhere_and_begins_no_dwell(tmp_path):
    store, gateway = Store(tmp_path), daemon.uuid4()
    ledger, found = ledger_of("battery", store, gateway), FoundValues(store, "battery")
    async with device(ledger=ledger, found=found) as stage:
        for setpoint in [wanted(500.0), wanted(-500.0), *(wanted(float(each), "limit") for each in range(9))]:
            stage.device.offer(setpoint)
            await pass_s(5)
        assert ledger.writes("limit", now()) == 0
        assert ledger.switched("power") is None
        assert found.values == {}
        assert len(stage.news(Shadowed)) == 11
    assert stage.hardware.writes == []


async def test_the_same_device_is_written_to_where_it_is_not_shadowed():
    async with device_stage.at_work(MAKE, ledger=WriteLedger(), **SAID) as stage:
        for setpoint in (wanted(500.0), wanted(70.0, "limit"), wanted(RELEASE)):
            stage.device.offer(setpoint)
            await pass_s(5)
        assert [point for point, _ in stage.written()] == ["remote", "mode", "forced", "limit", "forced", "mode"]
        assert shadowed(stage.log) == []


class TestNode:
    """A battery whose CEM does not know that nothing is written."""

    async def test_the_cem_is_served_as_usual_and_none_of_its_orders_succeeds(self):
        async with node_stage.at_work(is_shadowed=True) as stage:
            await stage.activate()
            for name, mode in (("charge", stage.charge), ("idle", stage.idle)):
                stage.instruct(name, mode, 0.5)
                await pass_s(300)
                assert stage.steps_of(name) == ["ACCEPTED", "STARTED", "ABORTED"]
        told = [line for line in stage.log.lines if line["event"] == "setpoint.shadowed"]
        # Started, ordered, at rest as that was aborted, ordered, at rest, stopped.
        assert [line["value"] for line in told] == [0.0, 2500.0, 0.0, 0.0, 0.0, 0.0]
        whys = {line["reason"] for line in stage.log.lines if line["event"] == "instruction.aborted"}
        assert whys == {"nothing is written while the device is shadowed"}
        assert stage.writes() == []
        assert stage.log.events("error") == []

    async def test_a_protection_writes_nothing_and_does_not_come_over_and_over(self):
        """It gives when nobody is in charge, until it is empty."""
        gives = (Setpoint("power_setpoint", -100.0, "fallback"),)
        async with node_stage.at_work(is_shadowed=True, fallback=gives) as stage:
            await pass_s(5)
            stage.hardware.values["soc"] = 5.0
            await pass_s(300)
            told = [line["value"] for line in stage.log.lines if line["event"] == "setpoint.shadowed"]
            assert told == [-100.0, 0.0]
            assert stage.log.events("warning") == ["resource.protected"]
        assert stage.writes() == []

    async def test_stopped_it_waits_for_nothing_and_is_as_it_should_be(self):
        async with node_stage.at_work(is_shadowed=True) as stage:
            await stage.activate()
            assert await stage.stop() < 0.5
            assert stage.is_safe
        assert stage.writes() == []
        assert "fallback.unconfirmed" not in stage.log.events()


async def test_the_daemon_says_which_devices_it_shadows_steers_the_others_and_ends_well(tmp_path):
    stopping, one, other = asyncio.Event(), hardware(), hardware()
    devices = (battery("one", one, is_shadowed=True), battery("other", other))
    store = Store(tmp_path)
    with capture_logs() as log:
        async with asyncio.TaskGroup() as tasks:
            config = Config(gateway=Gateway(), cem=NOBODY, devices=devices)
            running = tasks.create_task(daemon.run(config, store, clock=now, stopping=stopping))
            await pass_s(700)
            stopping.set()
    assert running.result()
    assert [line["devices"] for line in log if line["event"] == "daemon.shadowing"] == [["one"]]
    assert (one.writes, [value for _, _, value in other.writes]) == ([], [0.0, 0.0])


async def test_to_make_it_safe_writes_nothing():
    one, other = hardware(), hardware()
    devices = battery("one", one, is_shadowed=True), battery("other", other)
    with capture_logs() as log:
        assert await daemon.make_safe(devices, Store(), daemon.uuid4(), clock=now)
    assert (one.writes, [value for _, _, value in other.writes]) == ([], [0.0])
    assert [line["values"] for line in log if line["event"] == "write.shadowed"] == [{"power_setpoint": 0.0}]

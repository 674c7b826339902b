"""Supervision: what breaks is started again, and nothing else is touched. Devices are fakes, time is virtual."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from s2d.config import Cem, Config, DeviceConfig, Fallback, Gateway, PointSource
from s2d.driver import PointSettings
from s2d.errors import ConfigError, DeviceRefused, DeviceUnreachable
from s2d.host.store import Store
from s2d.service import daemon
from s2d.values import Quality, Reading, Setpoint
from tests.core.stage import settings
from tests.fakes import FakeDriver, Hardware, now, pass_s

pytestmark = pytest.mark.virtual_time

NOBODY = Cem(url="ws://127.0.0.1:1")
READ, WRITE = PointSettings(), PointSettings(access="write")


def battery(name, hardware, **changes):
    known = {
        "name": name,
        "driver": FakeDriver,
        "connection": hardware,
        "points": {"soc": READ, "power": READ, "power_setpoint": WRITE},
        "poll_s": 1.0,
        "kind": "battery",
        "settings": settings(),
        "cem": NOBODY,
        "fallback": Fallback(60.0, (Setpoint("power_setpoint", 0.0, "fallback"),)),
    }
    return DeviceConfig(**(known | changes))


def hardware():
    return Hardware({"soc": 50.0, "power": 0.0})


@asynccontextmanager
async def running(tmp_path, *devices):
    """The log of a daemon at work."""
    stopping = asyncio.Event()
    config = Config(gateway=Gateway(), cem=NOBODY, devices=devices)
    with capture_logs() as log:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(daemon.run(config, Store(tmp_path), clock=now, stopping=stopping))
            yield log
            stopping.set()


def broken(log):
    return [line["device"] for line in log if line["event"] == "node.broken"]


async def test_a_node_that_breaks_is_started_again_and_the_other_goes_on(tmp_path):
    breaks, works = hardware(), hardware()
    async with running(tmp_path, battery("breaks", breaks), battery("works", works)) as log:
        await pass_s(10)
        breaks.faults.append(ZeroDivisionError("a bug"))
        await pass_s(61.5)
        assert broken(log) == ["breaks"]
        assert (breaks.opened, works.opened) == (2, 1)
        assert [value for _, _, value in breaks.writes] == [0.0, 0.0]
        assert len(works.reads) == pytest.approx(72, abs=2)
    assert [value for _, _, value in works.writes] == [0.0, 0.0]


async def test_a_node_that_keeps_breaking_ends_the_process_with_the_others_at_rest():
    breaks, works = hardware(), hardware()
    breaks.fault = ZeroDivisionError("a bug")
    devices = (battery("breaks", breaks), battery("works", works))
    with capture_logs() as log:
        is_well = await daemon.run(Config(gateway=Gateway(), cem=NOBODY, devices=devices), Store(), clock=now)
    assert not is_well
    assert broken(log) == ["breaks"] * 5
    assert breaks.opened == 5
    assert [value for _, _, value in works.writes] == [0.0, 0.0]


async def test_a_break_is_forgiven_in_time(tmp_path):
    breaks = hardware()
    async with running(tmp_path, battery("breaks", breaks)) as log:
        for _ in range(20):
            breaks.faults.append(ZeroDivisionError("a bug"))
            await pass_s(700)
        assert len(broken(log)) == 20


async def test_stopped_while_a_broken_node_waits_it_ends_at_once(tmp_path):
    breaks = hardware()
    async with running(tmp_path, battery("breaks", breaks)) as log:
        breaks.fault = ZeroDivisionError("a bug")
        await pass_s(2)
        assert broken(log)
        since = breaks.elapsed_s
    assert breaks.elapsed_s - since < 9


async def test_a_battery_whose_state_of_charge_is_not_known_yet_is_no_reason_to_break(tmp_path):
    store = Hardware({"power": 0.0, "soc": Reading("soc", None, Quality.ABSENT, "not yet")})
    gives = Fallback(60.0, (Setpoint("power_setpoint", -100.0, "fallback"),))
    async with running(tmp_path, battery("battery", store, fallback=gives)) as log:
        await pass_s(60)
        assert broken(log) == []
        store.values["soc"] = 50.0
        await pass_s(10)
        assert broken(log) == []


class Poison:
    """A value that breaks whoever looks at it."""

    def __bool__(self):
        raise ZeroDivisionError("a bug")


def lent(meter_hardware, battery_hardware):
    """A meter that knows of faults in a battery which does not know itself."""
    meter = DeviceConfig(name="meter", driver=FakeDriver, connection=meter_hardware, points={"f": READ}, poll_s=1.0)
    # With power to give, the battery looks out for faults whenever it is measured.
    fallback = Fallback(60.0, (Setpoint("power_setpoint", -100.0, "fallback"),))
    return meter, battery("battery", battery_hardware, sources={"fault": PointSource("meter", "f")}, fallback=fallback)


async def test_a_meter_lends_a_battery_what_it_measures(tmp_path):
    meter, store = Hardware({"f": "ok"}), hardware()
    async with running(tmp_path, *lent(meter, store)) as log:
        await pass_s(10)
        assert [value for _, _, value in store.writes] == [-100.0]
        meter.values["f"] = "overheated"
        await pass_s(1.5)
        protected = [line["reason"] for line in log if line["event"] == "resource.protected"]
        assert protected == ["the device reports a fault: overheated"]
        assert [value for _, _, value in store.writes] == [-100.0, 0.0]


async def test_what_a_meter_lends_brings_no_silent_battery_back(tmp_path):
    store = hardware()
    meter, leans = lent(Hardware({"f": "ok"}), store)
    idle = replace(leans, fallback=Fallback(60.0, (Setpoint("power_setpoint", 0.0, "fallback"),)))
    async with running(tmp_path, meter, idle):
        await pass_s(10)
        store.fault = DeviceUnreachable("silent")
        await pass_s(30)
        assert [value for _, _, value in store.writes] == [0.0]


async def test_what_breaks_a_battery_does_not_break_the_meter_it_leans_on(tmp_path):
    meter, store, other = Hardware({"f": "ok"}), hardware(), hardware()
    async with running(tmp_path, *lent(meter, store), battery("other", other)) as log:
        await pass_s(10)
        meter.values["f"] = Poison()
        await pass_s(1.1)
        meter.values["f"] = "ok"
        await pass_s(60)
        assert set(broken(log)) == {"battery"}
        assert (meter.opened, store.opened, other.opened) == (1, 1 + len(broken(log)), 1)


AT_STOP = {
    "it confirms its safe state": (None, {}, True),
    "it is silent": (DeviceUnreachable("silent"), {}, False),
    "it refuses": (DeviceRefused("no"), {}, False),
    "it breaks its node": (ZeroDivisionError("a bug"), {}, False),
    "it is silent, as it is at times": (DeviceUnreachable("silent"), {"is_expected_offline": True}, True),
}


@pytest.mark.parametrize(("fault", "changes", "is_well"), AT_STOP.values(), ids=AT_STOP.keys())
async def test_all_is_well_if_every_device_confirms_its_safe_state(tmp_path, fault, changes, is_well):
    stopping, store = asyncio.Event(), hardware()
    config = Config(gateway=Gateway(), cem=NOBODY, devices=(battery("battery", store, **changes),))
    with capture_logs():
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(daemon.run(config, Store(tmp_path), clock=now, stopping=stopping))
            await pass_s(5)
            store.fault, since = fault, store.elapsed_s
            stopping.set()
        assert running.result() is is_well
        assert store.elapsed_s - since < 9


async def test_a_broken_node_that_waits_is_made_safe_when_all_are_stopped(tmp_path):
    breaks = hardware()
    async with running(tmp_path, battery("breaks", breaks)) as log:
        await pass_s(4.5)
        breaks.faults.append(ZeroDivisionError("a bug"))
        await pass_s(1)
        assert broken(log)
        assert len(breaks.writes) == 1
    assert [value for _, _, value in breaks.writes] == [0.0, 0.0]


async def test_a_bus_that_cannot_be_opened_is_a_sentence_and_not_a_bug():
    class Busless(FakeDriver):
        @classmethod
        def open_bus(cls, connection):
            raise ZeroDivisionError("no bus")

    with pytest.raises(ConfigError) as caught:
        await daemon.run(
            Config(gateway=Gateway(), cem=NOBODY, devices=(battery("a", hardware(), driver=Busless),)),
            Store(),
            clock=now,
        )
    hint = "Tell its author, or use another version of it"
    assert str(caught.value) == f"a: driver 'Busless' is broken: ZeroDivisionError: no bus. {hint}"


async def test_devices_are_made_safe_without_a_cem_within_the_time_that_a_stop_takes():
    answers, silent = hardware(), hardware()
    silent.fault = DeviceUnreachable("silent")
    leans = {"sources": {"fault": PointSource("meter", "f")}}
    devices = battery("a", answers, **leans), battery("b", silent)
    with capture_logs() as log:
        is_safe = await daemon.make_safe(devices, Store(), uuid4(), clock=now)
    assert not is_safe
    assert [value for _, _, value in answers.writes] == [0.0]
    assert answers.elapsed_s < 9
    assert [line["why"] for line in log if line["event"] == "fallback.unconfirmed"] == ["silent"]
    assert "daemon.ready" not in [line["event"] for line in log]


async def test_a_resource_is_told_in_which_time_zone_its_owner_tells_the_time():
    assert daemon.setup_of(battery("a", hardware()), "a", "Europe/Amsterdam", None).time_zone == "Europe/Amsterdam"


async def test_where_there_can_be_no_socket_all_goes_on_without(tmp_path):
    works, stopping = hardware(), asyncio.Event()
    config = Config(gateway=Gateway(), cem=NOBODY, devices=(battery("works", works),))
    with capture_logs() as log:
        async with asyncio.TaskGroup() as tasks:
            nowhere = tmp_path / "none"
            work = daemon.run(config, Store(tmp_path), clock=now, stopping=stopping, control_dir=nowhere)
            running = tasks.create_task(work)
            await pass_s(10)
            stopping.set()
    assert running.result()
    assert [line["reason"] for line in log if line["event"] == "control.failed"] == ["No such file or directory"]
    assert [value for _, _, value in works.writes] == [0.0, 0.0]

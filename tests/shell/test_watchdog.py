"""The watchdog: what hangs is started anew by itself, and the service manager is told nothing only where that fails."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from s2d.config import Config, Gateway
from s2d.host.notify import watchdog_s
from s2d.host.store import Store
from s2d.service import daemon
from s2d.service.watchdog import ENDS_WITHIN_S, LOOK_EVERY_S, watch
from s2d.values import Now
from tests.fakes import EPOCH, FakeDriver, FakeLog, now, pass_s
from tests.shell.test_daemon import NOBODY, battery, hardware

pytestmark = pytest.mark.virtual_time

WITHIN_S = 60.0


class Stubborn(FakeDriver):
    """A driver that hangs, and lets itself be ended only after so many attempts."""

    hangs = False
    ends_after = 1

    async def read(self, points):
        attempts = 0
        while Stubborn.hangs:
            try:
                await pass_s(1)
            except asyncio.CancelledError:
                attempts += 1
                if attempts >= Stubborn.ends_after:
                    raise
        if attempts:
            raise asyncio.CancelledError
        return await super().read(points)


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """What the service manager hears."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", f"{WITHIN_S * 1e6:.0f}")
        monkeypatch.setattr(Stubborn, "hangs", False)
        yield sock


async def heard(manager, within_s):
    """How often it hears within that time that all goes on."""
    count = 0
    for _ in range(round(within_s / 10)):  # it keeps few that it has not listened to
        with suppress(BlockingIOError):
            while manager.recv(100):
                pass
        await pass_s(10)
        with suppress(BlockingIOError):
            while said := manager.recv(100):
                count += said == b"WATCHDOG=1"
    return count


@asynccontextmanager
async def running(*devices):
    """The log of a daemon at work."""
    stopping = asyncio.Event()
    config = Config(gateway=Gateway(), cem=NOBODY, devices=devices)
    with capture_logs() as log:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(daemon.run(config, Store(), clock=now, stopping=stopping))
            yield log
            Stubborn.hangs = False
            stopping.set()


def events(log, *wanted):
    return [(line["event"], line["device"]) for line in log if line["event"] in wanted]


async def test_while_all_goes_on_it_is_heard_four_times_as_often_as_it_must(manager):
    async with running(battery("works", hardware())) as log:
        assert await heard(manager, 10 * WITHIN_S) == pytest.approx(40, abs=1)
        assert events(log, "node.hung", "node.broken") == []


async def test_a_driver_that_ends_in_time_is_a_silent_device_and_hangs_nothing(manager, monkeypatch):
    async with running(battery("silent", hardware(), driver=Stubborn)) as log:
        await pass_s(10)
        Stubborn.hangs = True
        assert await heard(manager, 1000) > 60
        assert events(log, "node.hung") == []


async def test_a_site_that_hangs_is_started_anew_alone(manager, monkeypatch):
    monkeypatch.setattr(Stubborn, "ends_after", 2)
    hangs, works = hardware(), hardware()
    async with running(battery("hangs", hangs, driver=Stubborn), battery("works", works)) as log:
        await pass_s(10)
        Stubborn.hangs = True
        assert await heard(manager, 90) >= 5
        Stubborn.hangs = False
        await pass_s(10)
        assert events(log, "node.hung", "node.broken") == [("node.hung", "hangs"), ("node.broken", "hangs")]
        assert (hangs.opened, works.opened) == (2, 1)
        assert [value for _, _, value in hangs.writes] == [0.0, 0.0]  # safe again, as at any start
        assert len(works.reads) > 100


async def test_where_what_hangs_does_not_end_nothing_is_heard_until_it_does(manager, monkeypatch):
    monkeypatch.setattr(Stubborn, "ends_after", 99)
    async with running(battery("hangs", hardware(), driver=Stubborn)) as log:
        await pass_s(10)
        Stubborn.hangs = True
        await pass_s(60 + 2 * LOOK_EVERY_S + ENDS_WITHIN_S)
        assert await heard(manager, 10 * WITHIN_S) == 0
        (withheld,) = [line["devices"] for line in log if line["event"] == "watchdog.withheld"]
        assert withheld == ["hangs"]


class Site:
    name = "site"
    alive_until = 100.0
    ending_since = None

    def end(self, now):
        self.ending_since = now


@pytest.mark.parametrize(("stood_still_s", "is_ended"), [(0.0, True), (1000.0, False)])
async def test_what_was_silent_as_all_stood_still_is_not_hung(manager, stood_still_s, is_ended):
    site, log = Site(), FakeLog()
    still_s = 0.0

    def clock():
        return Now(now().mono + still_s, EPOCH)

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch([site], clock, log.logger))
        await pass_s(91 if stood_still_s else 106)
        still_s = stood_still_s
        await pass_s(15)
        site.alive_until += 1.1 * stood_still_s  # it goes on
        await pass_s(15)
        watching.cancel()
    assert (site.ending_since is not None) is is_ended


@pytest.mark.parametrize(
    ("given", "of", "expected"),
    [("60000000", "", 60.0), ("", "", None), ("0", "", None), ("x", "", None), ("5000000", "1", None)],
)
def test_the_service_manager_says_how_often_it_wants_to_hear(monkeypatch, given, of, expected):
    monkeypatch.setenv("WATCHDOG_USEC", given)
    monkeypatch.setenv("WATCHDOG_PID", of)
    assert watchdog_s() == expected

"""The ledger: what was written survives whatever ends the process, whatever the clock says, and whoever wrote it."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from s2d.device.write_ledger import LINES_KEPT, WriteLedger, ledger_of
from s2d.errors import ConfigError, DeviceRefused
from s2d.host.append_log import FileLog
from s2d.host.store import Store
from s2d.values import Now

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FULL = "/dev/full"
"""A file on a disk that is full."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "battery.ledger"


def after(hours, *, ahead=timedelta()):
    """So long after noon, on a clock that is *ahead*; the one that never steps began at noon."""
    return Now(hours * 3600.0, NOON + hours * HOUR + ahead)


def kept(path):
    return WriteLedger.opened(FileLog(path))


def written(path, *lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


async def test_it_counts_the_writes_of_a_day(path):
    ledger = kept(path)
    for hours in (0, 10, 20, 23):
        await ledger.record_write("limit", after(hours))
    await ledger.record_write("reserve", after(23))
    assert (ledger.writes("reserve", after(23)), ledger.writes("other", after(23))) == (1, 0)
    assert [ledger.writes("limit", after(hours)) for hours in (23, 24, 40, 47)] == [4, 3, 2, 0]


async def test_it_counts_by_date_what_was_written_before(path):
    before = kept(path)
    for hours in (0, 10, 20, 23):
        await before.record_write("limit", after(hours))
    await before.record_write("reserve", after(23))
    assert [kept(path).writes("limit", after(hours)) for hours in (23, 24, 40, 47)] == [4, 3, 2, 0]


async def test_it_is_the_same_after_a_restart(path):
    before = kept(path)
    await before.record_write("limit", after(0))
    await before.record_switching("power_setpoint", "+", NOON)
    await before.record_switching("power_setpoint", "-", NOON + HOUR)
    await before.record_switching("mode", "very fast", NOON)
    for ledger in (before, kept(path)):
        assert ledger.writes("limit", after(0)) == 1
        assert ledger.switched("power_setpoint") == (NOON + HOUR, "-")
        assert ledger.switched("mode") == (NOON, "very fast")
        assert ledger.switched("other") is None


def test_nothing_is_on_the_disk_before_there_is_something_to_say(path):
    assert kept(path).tidy() == ""
    assert not path.parent.exists()


async def test_without_a_path_it_is_kept_in_memory():
    ledger = WriteLedger()
    await ledger.record_write("limit", after(0))
    await ledger.record_switching("mode", "on", NOON)
    assert (ledger.writes("limit", after(0)), ledger.switched("mode")) == (1, (NOON, "on"))
    assert ledger.tidy() == ""


class TestClocks:
    """Fifty writes at noon, and then somebody sets the clock."""

    @pytest.fixture
    def ledger(self, path):
        ledger = kept(path)

        async def write():
            for _ in range(50):
                await ledger.record_write("limit", after(0))

        asyncio.run(write())
        return ledger

    @pytest.mark.parametrize("days", [-900, -2, 2, 900])
    async def test_a_day_of_the_process_is_a_day_whatever_the_clock_says(self, ledger, days):
        await ledger.record_write("limit", after(1, ahead=timedelta(days)))
        assert [ledger.writes("limit", after(hours, ahead=timedelta(days))) for hours in (2, 24, 25)] == [51, 1, 0]

    @pytest.mark.parametrize("days", [-900, -2, 2, 900])
    async def test_one_write_under_a_wrong_clock_does_not_make_up_for_a_day(self, ledger, path, days):
        await ledger.record_write("limit", after(1, ahead=timedelta(days)))
        again = kept(path)
        assert again.tidy() == ""
        assert again.writes("limit", after(2)) == (51 if days > 0 else 50)

    async def test_who_starts_without_knowing_the_time_knows_the_last_day_of_the_ledger(self, ledger, path):
        again = kept(path)
        long_ago = timedelta(days=-900)
        await again.record_write("limit", after(1, ahead=long_ago))
        assert again.writes("limit", after(1, ahead=long_ago)) == 51
        assert again.writes("limit", after(2)) == 51

    def test_a_clock_that_was_set_back_a_little_does_not_give_more_writes(self, ledger, path):
        for each in (ledger, kept(path)):
            assert each.writes("limit", after(0, ahead=-5 * HOUR)) == 50

    async def test_what_is_dated_far_ahead_blocks_nobody_for_years(self, path):
        written(path, *["2030-01-01T00:00:00+00:00 wrote limit"] * 50)
        ledger = kept(path)
        assert [ledger.writes("limit", after(hours)) for hours in (0, 23, 24)] == [50, 50, 0]
        await ledger.record_write("limit", after(24))
        assert kept(path).writes("limit", after(24)) == 1


class TestTidying:
    def test_an_old_line_stays(self, path):
        written(path, "2020-05-30T12:00:00+00:00 wrote limit", "2026-06-01T11:00:00+00:00 wrote limit")
        inode = path.stat().st_ino
        assert kept(path).tidy() == ""
        assert path.stat().st_ino == inode

    async def test_what_cannot_be_read_counts_for_nothing_and_is_told_once(self, path):
        good = "2026-06-01T11:00:00+00:00 wrote limit\n2026-06-01T11:30:00+00:00 switched power_setpoint -\n"
        path.parent.mkdir()
        path.write_bytes(
            b"nonsense\n\0\0\0\xff\nyesterday wrote limit\n\n"
            b"2026-06-01T11:00:00 wrote limit\n2026-06-01T11:00:00+00:00 ate x\n"
            + good.encode()
            + b"2026-06-01T12:00:00+00:00 wrote lim"
        )
        ledger = kept(path)
        assert ledger.tidy() == f"{path}: lines that cannot be read, and count for nothing: 7"
        assert path.read_text() == good
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        for each in (ledger, kept(path)):
            assert (each.tidy(), each.writes("limit", after(0))) == ("", 1)
            assert each.switched("power_setpoint") == (NOON - HOUR / 2, "-")
        await ledger.record_write("limit", after(0))
        assert ledger.writes("limit", after(0)) == 2

    def test_of_far_too_many_the_newest_stay_and_the_last_switching(self, path):
        older = ["2026-06-01T11:00:00+00:00 switched mode on", *["2026-06-01T11:00:00+00:00 wrote limit"] * LINES_KEPT]
        newer = ["2026-06-01T11:30:00+00:00 wrote limit"] * LINES_KEPT
        written(path, *older, *newer)
        ledger = kept(path)
        assert ledger.tidy() == ""
        assert path.read_text().splitlines() == [older[0], *newer]
        assert ledger.switched("mode") == kept(path).switched("mode") == (NOON - HOUR, "on")

    def test_where_the_disk_is_full_everything_stays_as_it_is(self, path):
        written(path, "2026-06-01T11:00:00+00:00 wrote limit", "nonsense")
        path.with_name(f"{path.name}.new").symlink_to(FULL)
        ledger = kept(path)
        flaw = "lines that cannot be read, and count for nothing: 1; it stays as it is: No space left on device"
        assert ledger.tidy() == f"{path}: {flaw}"
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        assert (path.read_text().count("\n"), ledger.writes("limit", after(0))) == (2, 1)

    def test_where_the_disk_is_full_a_long_one_stays_long(self, path):
        older = ["2026-06-01T11:00:00+00:00 wrote limit"] * (LINES_KEPT + 1)
        written(path, *older, *["2026-06-01T11:30:00+00:00 wrote limit"] * LINES_KEPT)
        path.with_name(f"{path.name}.new").symlink_to(FULL)
        ledger = kept(path)
        flaw = "it has grown long; it stays as it is: No space left on device"
        assert ledger.tidy() == f"{path}: {flaw}"
        assert path.read_text().count("\n") == ledger.writes("limit", after(0)) == 2 * LINES_KEPT + 1


async def test_a_line_that_was_cut_off_does_not_swallow_the_next(path):
    path.parent.mkdir()
    path.write_text("2026-06-01T12:00:00+00:00 wr")
    ledger = kept(path)
    for _ in range(2):
        await ledger.record_write("limit", after(0))
    for each in (ledger, kept(path)):
        assert each.writes("limit", after(0)) == 2


async def test_one_that_cannot_be_read_is_a_problem_of_the_configuration(tmp_path):
    gateway = UUID("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")
    path = tmp_path / "ledgers" / str(uuid5(gateway, "Home battery"))
    path.mkdir(parents=True)
    with pytest.raises(ConfigError) as told:
        ledger_of("Home battery", Store(tmp_path), gateway)
    hint = "Make it readable and writable for the user s2d runs as"
    assert str(told.value) == f"{path}: cannot be used: Is a directory. {hint}"
    path.rmdir()
    await ledger_of("Home battery", Store(tmp_path), gateway).record_write("limit", after(0))
    assert path.read_text() == "2026-06-01T12:00:00+00:00 wrote limit\n"


async def test_what_cannot_be_accounted_for_is_refused_but_can_be_remembered(tmp_path):
    ledger = WriteLedger(FileLog(tmp_path / "battery.ledger"))
    (tmp_path / "battery.ledger").symlink_to(FULL)
    with pytest.raises(DeviceRefused, match=r"limit cannot be accounted for: .*: No space left on device"):
        await ledger.record_write("limit", after(0))
    assert ledger.writes("limit", after(0)) == 0
    ledger.count_write("limit", after(0))
    assert [ledger.writes("limit", after(hours)) for hours in (0, 24)] == [1, 0]


async def test_what_another_process_writes_counts_as_well(path):
    ledger, other = kept(path), kept(path)
    for _ in range(3):
        await ledger.record_write("limit", after(0))
        await other.record_write("limit", after(0))
        await other.record_switching("mode", "on", NOON)
    for each in (ledger, other, kept(path)):
        assert each.writes("limit", after(0)) == 6
        assert each.switched("mode") == (NOON, "on")


async def test_what_is_written_after_another_process_has_tidied_counts_as_well(path):
    written(path, *["nonsense"] * 100)
    ledger, other = kept(path), kept(path)
    assert other.tidy()
    await other.record_write("limit", after(0))
    assert ledger.writes("limit", after(0)) == 1


async def test_who_removes_the_file_begins_anew_with_the_next_start(path):
    ledger = kept(path)
    await ledger.record_write("limit", after(0))
    path.unlink()
    await ledger.record_write("limit", after(0))
    assert (ledger.writes("limit", after(0)), kept(path).writes("limit", after(0))) == (2, 1)


WRITES_FOR_EVER = """
import asyncio
import sys
from pathlib import Path
from s2d.device.write_ledger import WriteLedger
from s2d.host import clock
from s2d.host.append_log import FileLog
from s2d.host.disk import DiskThread

async def write_for_ever(ledger):
    while True:
        await ledger.record_write("limit", clock.now())
        print("written", flush=True)

asyncio.run(write_for_ever(WriteLedger.opened(FileLog(Path(sys.argv[1]), DiskThread()))))
"""


def test_every_write_that_reached_the_device_survives_a_kill(path):
    with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, str(path)], stdout=subprocess.PIPE) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        seen = 20 + len(process.stdout.readlines())
    entered = kept(path).writes("limit", Now(0.0, datetime.now(UTC)))
    assert seen <= entered <= seen + 1

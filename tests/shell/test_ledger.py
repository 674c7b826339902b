"""The ledger: what was written survives whatever ends the process, and costs the disk nothing otherwise."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from s2d.errors import DeviceRefused
from s2d.ledger import Ledger

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "battery.ledger"


def test_it_counts_the_writes_of_a_day(path):
    ledger = Ledger.opened(path)
    for hours in (0, 10, 20, 23):
        ledger.enter_write("limit", NOON + hours * HOUR)
    ledger.enter_write("reserve", NOON)
    assert [ledger.writes("limit", NOON + hours * HOUR) for hours in (0, 23, 24, 40, 47)] == [4, 4, 3, 2, 0]
    assert (ledger.writes("reserve", NOON), ledger.writes("other", NOON)) == (1, 0)


def test_a_clock_that_was_set_back_does_not_give_more_writes():
    ledger = Ledger()
    ledger.enter_write("limit", NOON)
    assert ledger.writes("limit", NOON - 5 * HOUR) == 1


def test_it_is_the_same_after_a_restart(path):
    before = Ledger.opened(path)
    before.enter_write("limit", NOON)
    before.enter_switching("power_setpoint", "+", NOON)
    before.enter_switching("power_setpoint", "-", NOON + HOUR)
    before.enter_switching("mode", "very fast", NOON)
    after = Ledger.opened(path)
    assert after.writes("limit", NOON) == 1
    assert after.switched("power_setpoint") == (NOON + HOUR, "-")
    assert after.switched("mode") == (NOON, "very fast")
    assert after.switched("other") is None


def test_nothing_is_on_the_disk_before_there_is_something_to_say(path):
    Ledger.opened(path)
    assert not path.parent.exists()


def test_without_a_path_it_is_kept_in_memory():
    ledger = Ledger()
    ledger.enter_write("limit", NOON)
    assert ledger.writes("limit", NOON) == 1


def test_opening_drops_what_says_nothing_any_more(path):
    path.parent.mkdir()
    path.write_text(
        "2026-05-30T12:00:00+00:00 wrote limit\n"
        "nonsense\n"
        "2026-06-01T11:00:00+00:00 wrote limit\n"
        "2026-06-01T11:00:00+00:00 switched power_setpoint +\n"
        "2026-06-01T11:30:00+00:00 switched power_setpoint -\n"
        "yesterday wrote limit\n"
        "2026-06-01T12:00:00+00:00 wrote lim"
    )
    assert Ledger.opened(path).writes("limit", NOON) == 1
    assert path.read_text() == (
        "2026-06-01T11:00:00+00:00 wrote limit\n2026-06-01T11:30:00+00:00 switched power_setpoint -\n"
    )
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_opening_one_in_good_order_leaves_the_disk_alone(path):
    Ledger.opened(path).enter_write("limit", NOON)
    inode = path.stat().st_ino
    Ledger.opened(path)
    assert path.stat().st_ino == inode


def test_what_cannot_be_accounted_for_is_refused(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    ledger = Ledger(blocked / "battery.ledger")
    with pytest.raises(DeviceRefused, match="limit must not be written unaccounted"):
        ledger.enter_write("limit", NOON)
    assert ledger.writes("limit", NOON) == 0


WRITES_FOR_EVER = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from s2d.ledger import Ledger

ledger, now = Ledger.opened(Path(sys.argv[1])), datetime.now(UTC)
while True:
    ledger.enter_write("limit", now)
    print("written", flush=True)
"""


def test_every_write_that_reached_the_device_survives_a_kill(path):
    with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, str(path)], stdout=subprocess.PIPE) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        seen = 20 + len(process.stdout.readlines())
    entered = Ledger.opened(path).writes("limit", datetime.now(UTC))
    assert seen <= entered <= seen + 1

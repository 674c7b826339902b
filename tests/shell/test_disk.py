"""The thread that waits for the disk: works are done in turn, and one that never ends keeps nobody from ending."""

import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from s2d.errors import StoreError
from s2d.host.disk import MOST_WAITING, DiskThread, answer_of
from s2d.host.store import Key, Store

PATIENCE_S = 60.0


def test_works_are_done_in_turn() -> None:
    disk, done = DiskThread(), list[int]()
    futures = [disk.submit(lambda number=number: done.append(number)) for number in range(100)]
    futures[-1].result(PATIENCE_S)
    assert done == list(range(100))


async def test_whoever_waits_gets_what_comes_of_it() -> None:
    disk = DiskThread()
    assert await answer_of(disk, lambda: 5, "here") == 5
    with pytest.raises(StoreError, match=r"^here: Not a directory$"):
        await answer_of(disk, Path("/dev/full/x").read_bytes, "here")
    with pytest.raises(ZeroDivisionError):
        await answer_of(disk, lambda: 1 // 0, "here")
    assert await answer_of(disk, lambda: 6, "here") == 6


def test_while_one_hangs_the_next_may_be_cancelled_and_too_many_are_refused() -> None:
    disk, recovered, done = DiskThread(), Event(), list[str]()
    disk.submit(recovered.wait)
    assert disk.submit(lambda: done.append("cancelled")).cancel()
    last = [disk.submit(lambda: done.append("waited")) for _ in range(2 * MOST_WAITING)]
    with pytest.raises(OSError, match="the disk does not answer"):
        last[-1].result(PATIENCE_S)
    recovered.set()
    last[0].result(PATIENCE_S)
    assert disk.submit(lambda: "again").result(PATIENCE_S) == "again"
    assert set(done) == {"waited"}


async def test_what_is_put_soon_is_written_by_it(tmp_path) -> None:
    store = Store(tmp_path, DiskThread())
    store.put_soon(Key("limit"), 1)
    await store.put(Key("other"), 2)
    store.close(PATIENCE_S)
    assert [Store(tmp_path).get(Key(name), int) for name in ("limit", "other")] == [1, 2]


HANGS = """
from threading import Event
from s2d.host.disk import DiskThread

hangs = Event()
DiskThread().submit(lambda: (hangs.set(), Event().wait()))
hangs.wait()
"""


def test_a_process_ends_while_it_hangs() -> None:
    assert subprocess.run([sys.executable, "-c", HANGS], timeout=PATIENCE_S, check=False).returncode == 0

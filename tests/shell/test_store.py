"""The store: what is put is there after a restart, whatever the disk does, and nobody waits for what may wait."""

import asyncio
import json
import os
from uuid import UUID, uuid4

import msgspec
import pytest

from s2d.errors import ConfigError, StoreError
from s2d.host.store import AGAIN_AFTER_S, SOON_S, Key, Store, try_out
from tests.fakes import FakeDisk, FakeLog, pass_s

pytestmark = pytest.mark.virtual_time

TIMERS = Key("timers", "Home battery / 家", "power_setpoint")


class Timers(msgspec.Struct):
    switched_at: float
    direction: str = "+"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


class Stage:
    """A store on a disk, and what it logs."""

    def __init__(self, folder):
        self.disk = FakeDisk()
        self.log = FakeLog()
        self.store = Store(folder, self.disk, self.log.logger)


@pytest.fixture
def stage(folder):
    return Stage(folder)


def kept(folder, type_=Timers):
    """What a store finds there that is opened now."""
    return Store(folder).get(TIMERS, type_)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_is_put_is_on_the_disk(folder, stage):
    assert stage.store.get(TIMERS, Timers) is None
    assert not folder.exists()
    await stage.store.put(TIMERS, Timers(5.0))
    assert stage.store.get(TIMERS, Timers) == kept(folder) == Timers(5.0)
    await stage.store.put(Key("limit"), 12.5)
    await stage.store.put(Key("limit", "Home battery"), None)
    assert Store(folder).get(Key("limit"), float) == 12.5
    assert kept(folder) == Timers(5.0)
    assert stage.log.lines == []


async def test_what_is_put_soon_is_known_at_once_and_written_once_in_a_while(folder, stage):
    for second in range(2 * int(SOON_S)):
        stage.store.put_soon(TIMERS, Timers(second))
        assert stage.store.get(TIMERS, Timers) == Timers(second)
        await pass_s(1)
    assert stage.disk.done <= 2
    await pass_s(10 * SOON_S)
    assert (kept(folder), stage.disk.done) == (Timers(2 * SOON_S - 1), 2)


async def test_what_is_put_while_something_is_being_written_is_written_next(folder, stage):
    stage.disk.is_hung = True
    stage.store.put_soon(TIMERS, Timers(1.0), within_s=0)
    await pass_s(0.1)
    stage.store.put_soon(Key("limit"), 1, within_s=0)
    await pass_s(0.1)
    stage.disk.recover()
    await pass_s(0.1)
    assert (kept(folder), Store(folder).get(Key("limit"), int)) == (Timers(1.0), 1)
    assert stage.log.lines == []


async def test_what_is_put_soon_may_say_how_soon(folder, stage):
    stage.store.put_soon(TIMERS, Timers(1.0))
    stage.store.put_soon(Key("limit"), 1, within_s=0)
    assert files(folder) == []  # not in the time of the caller
    await pass_s(0.1)
    assert (Store(folder).get(Key("limit"), int), kept(folder)) == (1, None)
    stage.store.put_soon(TIMERS, Timers(1.0), within_s=5)
    await pass_s(5)
    assert (kept(folder), stage.disk.done) == (Timers(1.0), 2)


async def test_what_is_no_news_is_not_written(folder, stage):
    await stage.store.put(TIMERS, Timers(1.0))
    again = Stage(folder)
    assert again.store.get(TIMERS, Timers) == Timers(1.0)
    again.store.put_soon(TIMERS, Timers(1.0))
    await pass_s(2 * SOON_S)
    again.store.close()
    assert again.disk.done == 0


async def test_what_waits_is_written_when_the_store_is_closed(folder, stage):
    stage.store.put_soon(TIMERS, Timers(1.0))
    stage.store.put_soon(Key("limit"), 1)
    stage.store.close()
    assert (kept(folder), Store(folder).get(Key("limit"), int), stage.disk.done) == (Timers(1.0), 1, 1)
    assert stage.log.lines == []


async def test_without_a_folder_it_is_kept_in_memory():
    store = Store()
    store.put_soon(TIMERS, Timers(1.0))
    await store.put(Key("limit"), 1)
    assert (store.get(TIMERS, Timers), store.get(Key("limit"), int)) == (Timers(1.0), 1)
    log = store.log("ledgers", uuid4())
    await log.add("one\n")
    assert (log.news(), log.news(), log.all()) == ([b"one\n"], [], [b"one\n"])
    assert store.gateway_id() == store.gateway_id()
    store.close()


class TestDamage:
    @pytest.mark.parametrize(
        "damage",
        [
            b"",
            b"{",
            b"\0" * 4096,
            b"\xff\xfe",
            json.dumps({"key": TIMERS}).encode()[:-1] + b', "value": ' + b"[" * 100_000,
            json.dumps({"key": TIMERS, "value": {"switched_at": "yesterday"}}).encode(),
            json.dumps({"key": TIMERS, "value": "\ud800"}).encode(),
            json.dumps({"key": ["timers", "other", ""], "value": {"switched_at": 1.0}}).encode(),
        ],
        ids=["empty", "cut off", "zeros", "no text", "deep", "of another type", "half a character", "of another"],
    )
    async def test_what_is_damaged_is_told_and_counts_as_absent(self, folder, stage, damage):
        await Store(folder).put(TIMERS, Timers(1.0))
        await Store(folder).put(Key("limit"), 2)
        next(path for path in files(folder) if "switched_at" in path.read_text()).write_bytes(damage)
        assert stage.store.get(TIMERS, Timers) is None
        assert [(line["level"], line["event"], line["key"]) for line in stage.log.lines] == [
            ("warning", "store.failed", str(TIMERS))
        ]
        assert stage.log.lines[0]["reason"].startswith("what was kept is damaged, and lost")
        assert len(stage.log.lines[0]["reason"].splitlines()) == 1
        assert stage.store.get(Key("limit"), int) == 2
        await stage.store.put(TIMERS, Timers(3.0))
        assert kept(folder) == Timers(3.0)

    async def test_what_cannot_be_read_is_told_and_counts_as_absent(self, folder, stage):
        await Store(folder).put(TIMERS, Timers(1.0))
        (path,) = files(folder)
        path.unlink()
        path.mkdir()
        assert stage.store.get(TIMERS, Timers) is None
        reason = "it cannot be read: Is a directory"
        told = {"level": "warning", "event": "store.failed", "key": str(TIMERS), "reason": reason}
        assert stage.log.lines == [told]

    async def test_what_was_being_written_when_the_power_failed_changes_nothing(self, folder, stage):
        await Store(folder).put(TIMERS, Timers(1.0))
        (path,) = files(folder)
        path.with_name(f"{path.name}.new").write_bytes(path.read_bytes()[:10])
        assert stage.store.get(TIMERS, Timers) == Timers(1.0)
        await stage.store.put(TIMERS, Timers(2.0))
        assert (kept(folder), files(folder)) == (Timers(2.0), [path])


class TestBadDisk:
    async def full(self, folder):
        """What makes the disk full for TIMERS."""
        await Store(folder).put(TIMERS, Timers(1.0))
        (path,) = files(folder)
        full = path.with_name(f"{path.name}.new")
        full.symlink_to("/dev/full")
        return path, full

    async def test_a_full_one_is_told_of_who_puts_and_tried_again(self, folder, stage):
        path, full = await self.full(folder)
        with pytest.raises(StoreError, match=f"^{path}: No space left on device$"):
            await stage.store.put(TIMERS, Timers(2.0))
        assert (stage.store.get(TIMERS, Timers), kept(folder)) == (Timers(2.0), Timers(1.0))
        assert not full.is_symlink()
        await pass_s(AGAIN_AFTER_S)
        assert kept(folder) == Timers(2.0)
        assert stage.log.lines == []

    async def test_a_full_one_is_logged_once_by_who_puts_soon(self, folder, stage):
        _, full = await self.full(folder)
        stage.store.put_soon(TIMERS, Timers(2.0), within_s=0)
        for _ in range(3):
            await pass_s(AGAIN_AFTER_S - 1)
            full.symlink_to("/dev/full")
            await pass_s(1)
        assert kept(folder) == Timers(1.0)
        failed = {"level": "warning", "event": "store.failed", "reason": f"{TIMERS}: No space left on device"}
        assert stage.log.lines == [failed]
        await pass_s(AGAIN_AFTER_S)
        assert kept(folder) == Timers(2.0)
        assert stage.log.lines == [failed, {"level": "info", "event": "store.recovered"}]

    async def test_a_hung_one_holds_up_nobody_for_more_than_two_seconds(self, folder, stage):
        stage.disk.is_hung = True
        stage.store.put_soon(TIMERS, Timers(1.0), within_s=0)
        with pytest.raises(StoreError, match="the disk did not answer within 2 s"):
            await stage.store.put(Key("limit"), 1)
        for second in range(1000):
            stage.store.put_soon(TIMERS, Timers(second))
            await pass_s(1)
        assert len(stage.disk.waiting) == 3  # the last to tell when it is waited for again
        silent = {"level": "warning", "event": "store.failed", "reason": "the disk does not answer"}
        assert stage.log.lines == [silent]
        stage.store.close(within_s=0.0)
        assert stage.log.lines == [silent]
        assert (stage.store.get(TIMERS, Timers), kept(folder)) == (Timers(999), None)

    async def test_one_that_hung_and_recovers_gets_the_newest(self, folder, stage):
        stage.disk.is_hung = True
        stage.store.put_soon(TIMERS, Timers(1.0), within_s=0)
        await pass_s(1)
        stage.store.put_soon(TIMERS, Timers(2.0))
        await pass_s(SOON_S)
        stage.disk.recover()
        await pass_s(AGAIN_AFTER_S)
        assert (kept(folder), stage.disk.done) == (Timers(2.0), 2)
        assert stage.log.events() == ["store.failed", "store.recovered"]

    async def test_what_is_put_while_it_hangs_is_not_taken_for_written(self, folder, stage):
        stage.disk.is_hung = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.store.put(TIMERS, Timers(1.0)))
            await pass_s(1)
            stage.store.put_soon(TIMERS, Timers(2.0))
            stage.disk.recover()
        assert kept(folder) == Timers(1.0)
        await pass_s(SOON_S)
        assert kept(folder) == Timers(2.0)

    @pytest.mark.parametrize("before_s", [0.0, SOON_S + 1.0])
    async def test_what_it_has_not_taken_at_the_end_is_told(self, folder, stage, before_s):
        stage.disk.is_hung = True
        stage.store.put_soon(TIMERS, Timers(1.0))
        await pass_s(before_s)
        stage.store.close(within_s=0.0)
        silent = {"level": "warning", "event": "store.failed", "reason": "the disk does not answer"}
        assert stage.log.lines == [silent]


class TestFiles:
    async def test_they_are_on_the_disk_before_they_take_their_place_and_their_folders_after(self, folder, monkeypatch):
        synced = []
        monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
        store = Store(folder)
        await store.put(TIMERS, Timers(1.0))
        (value,) = files(folder)
        assert synced == [str(each) for each in (folder.parent, folder, f"{value}.new", value.parent)]
        synced.clear()
        name = uuid4()
        for line in ("one\n", "two\n"):
            await store.log("ledgers", name).add(line)
        log = folder / "ledgers" / str(name)
        assert synced == [str(each) for each in (folder, log, log.parent, log)]

    async def test_they_are_nobody_elses(self, folder):
        before = os.umask(0)
        try:
            store = Store(folder)
            store.gateway_id()
            await store.put(TIMERS, Timers(1.0))
            await store.log("ledgers", uuid4()).add("one\n")
        finally:
            os.umask(before)
        assert {path.stat().st_mode & 0o777 for path in files(folder)} == {0o600}
        folders = [folder, *(path for path in folder.iterdir() if path.is_dir())]
        assert [path.stat().st_mode & 0o777 for path in folders] == [0o700] * 3

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what is somebody else's")
    async def test_what_root_makes_belongs_to_the_owner_of_the_directory(self, folder):
        folder.mkdir()
        os.chown(folder, 65534, 65533)
        store = Store(folder)
        store.gateway_id()
        await store.put(TIMERS, Timers(1.0))
        await store.log("ledgers", uuid4()).add("one\n")
        assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.rglob("*")} == {(65534, 65533)}


class TestGatewayId:
    def test_it_is_made_once(self, folder):
        made = Store(folder).gateway_id()
        assert (folder / "gateway-id").read_text() == f"{made}\n"
        assert Store(folder).gateway_id() == made
        assert {path.name: path.read_text() for path in files(folder)} == {
            "gateway-id": f"{made}\n",
            "gateway-id.copy": f"{made}\n",
        }

    def test_one_that_was_there_stays(self, folder):
        folder.mkdir()
        (folder / "gateway-id").write_text("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")
        assert Store(folder).gateway_id() == UUID("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")

    @pytest.mark.parametrize("damage", [b"", b"me", b"\xff"])
    def test_one_that_is_damaged_makes_no_new_gateway(self, folder, damage):
        folder.mkdir()
        (folder / "gateway-id").write_bytes(damage)
        for attempt in (try_out, lambda there: Store(there).gateway_id()):
            with pytest.raises(ConfigError, match="gateway-id:1:1: holds no UUID"):
                attempt(folder)
        assert (folder / "gateway-id").read_bytes() == damage

    @pytest.mark.parametrize("name", ["gateway-id", "gateway-id.copy"])
    @pytest.mark.parametrize("damage", [None, b"", b"me", b"\xff"])
    def test_one_copy_that_is_damaged_or_gone_is_mended_by_the_other(self, folder, name, damage):
        made = Store(folder).gateway_id()
        (folder / name).unlink()
        if damage is not None:
            (folder / name).write_bytes(damage)
        try_out(folder)
        log = FakeLog()
        assert Store(folder, log=log.logger).gateway_id() == made
        assert [path.read_text() for path in files(folder)] == [f"{made}\n"] * 2
        reason = "holds no UUID; its copy is taken"
        failed = {"level": "warning", "event": "store.failed", "reason": reason, "path": str(folder / name)}
        assert log.lines == ([] if damage is None else [failed])

    def test_one_that_its_owner_writes_wins_over_its_copy(self, folder):
        Store(folder).gateway_id()
        (folder / "gateway-id").write_text("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")
        assert Store(folder).gateway_id() == UUID("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")
        assert (folder / "gateway-id.copy").read_text() == "2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d\n"

    async def test_nobody_waits_for_the_disk_to_take_the_copy(self, folder, stage):
        folder.mkdir()
        (folder / "gateway-id").write_text("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")
        stage.disk.is_hung = True
        assert stage.store.gateway_id() == UUID("2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d")

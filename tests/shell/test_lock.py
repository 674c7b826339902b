"""The lock: one at a time, gone with its holder however he ends, and seen without being touched."""

import fcntl
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from s2d.errors import ConfigError, LockHeld
from s2d.host.lock import held, holder_of, try_out

HOLDS = """
import sys
from pathlib import Path
from s2d.host.lock import held

with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(state_dir):
    """A process that has the lock of *state_dir* until it is told something, or killed."""
    command = [sys.executable, "-c", HOLDS, str(state_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def no_pause(seconds):
    raise AssertionError("somebody has it for good, and is waited for")


def test_it_is_held_by_one_process(tmp_path):
    state = tmp_path / "state"
    assert holder_of(state) == ""
    with holder(state) as process:
        who = f"process {process.pid}"
        assert holder_of(state) == who
        sentence = f"^{who} holds {state}/lock: it is at work already, and two would drive the same devices$"
        with pytest.raises(LockHeld, match=sentence), held(state, no_pause):
            pass
        assert holder_of(state) == who


@pytest.mark.parametrize("end", ["kill", "leave"])
def test_it_is_free_once_its_holder_has_ended(tmp_path, end):
    with holder(tmp_path) as process:
        process.kill() if end == "kill" else process.stdin.close()
        process.wait()
        assert holder_of(tmp_path) == ""
        with held(tmp_path, no_pause):
            assert holder_of(tmp_path) == f"process {os.getpid()}"
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    assert holder_of(tmp_path) == ""


def test_another_directory_has_another(tmp_path):
    with held(tmp_path / "one"), held(tmp_path / "other"):
        assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "one/lock").stat().st_mode & 0o777 == 0o600


def test_who_looks_keeps_nobody_away(tmp_path):
    with held(tmp_path):
        pass
    with (tmp_path / "lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)

        def let_go(seconds):
            fcntl.flock(looking, fcntl.LOCK_UN)
            with held(tmp_path, no_pause):  # nor does who waits for it
                pass

        with held(tmp_path, let_go):
            assert holder_of(tmp_path) == f"process {os.getpid()}"


def test_who_looks_for_ever_is_not_waited_for(tmp_path):
    pauses = []
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        with pytest.raises(LockHeld, match=r"^another process holds"), held(tmp_path, pauses.append):
            pass
    assert sum(pauses) == pytest.approx(1.0)


def test_it_is_tried_without_a_trace(tmp_path):
    try_out(tmp_path / "deep/down")
    with held(tmp_path / "state"):
        before = (tmp_path / "state/lock").stat()
        try_out(tmp_path / "state")
        assert (tmp_path / "state/lock").stat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file/state/lock"
    hint = "Make it writable for the user s2d runs as, or set gateway: state_dir"
    for attempt in (held(tmp_path / "file/state").__enter__, lambda: try_out(tmp_path / "file/state")):
        with pytest.raises(ConfigError, match=f"^{path}: cannot be used: Not a directory. {hint}$"):
            attempt()
    assert holder_of(tmp_path / "file/state") == ""


@contextmanager
def read_only(*names):
    """A directory with these files where whoever runs the test, by now an ordinary user, cannot write."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            path.touch()
            path.chmod(0o555)
        who = os.geteuid()
        if who == 0:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(who)
            os.chmod(folder, 0o700)


def test_where_it_cannot_be_made_that_is_one_sentence():
    with read_only() as folder:
        for attempt in (held(folder).__enter__, lambda: try_out(folder)):
            with pytest.raises(ConfigError) as refusal:
                attempt()
            hint = "Make it writable for the user s2d runs as, or set gateway: state_dir"
            assert str(refusal.value) == f"{folder}/lock: cannot be used: Permission denied. {hint}"


def test_one_that_is_there_can_be_had_though_nothing_can_be_written():
    with read_only("lock") as folder:
        try_out(folder)
        with held(folder):
            assert holder_of(folder) == "another process"
            with pytest.raises(LockHeld, match=r"^another process holds"), held(folder, no_pause):
                pass
        assert holder_of(folder) == ""


def test_on_a_full_disk_it_can_be_had(tmp_path):
    (tmp_path / "lock").symlink_to("/dev/full")
    with held(tmp_path):
        assert holder_of(tmp_path) == "another process"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what is somebody else's")
def test_what_root_makes_belongs_to_the_owner_of_the_directory(tmp_path):
    os.chown(tmp_path, 65534, 65533)
    with held(tmp_path / "state"):
        for path in (tmp_path / "state", tmp_path / "state/lock"):
            assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)

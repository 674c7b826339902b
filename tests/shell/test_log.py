"""What becomes of the log when nobody reads it: lines are lost and counted, and who logs neither waits nor breaks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from s2d.host.log import UNWRITTEN_LIMIT_BYTES, Sink

PATIENCE_S = 60.0
LINE = b"x" * 2**16


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that holds no more than one LINE."""
    ours, theirs = os.pipe()
    fcntl(theirs, F_SETPIPE_SZ, len(LINE))
    try:
        yield ours, theirs
    finally:
        for end in (ours, theirs):
            with suppress(OSError):
                os.close(end)


def read_lines(fd: int, number: int) -> list[bytes]:
    with os.fdopen(fd, "rb", closefd=False) as file:
        return [file.readline().rstrip(b"\n") for _ in range(number)]


def test_lines_are_written_as_they_were_given() -> None:
    with pipe() as (reader, writer):
        sink = Sink(writer)
        sink.msg(b"one")
        sink.msg(b"two")
        sink.flush(PATIENCE_S)
        assert os.read(reader, 100) == b"one\ntwo\n"


def test_a_line_longer_than_the_pipe_arrives_whole_also_where_writes_do_not_wait() -> None:
    with pipe() as (reader, writer):
        os.set_blocking(writer, False)
        sink = Sink(writer)
        sink.msg(3 * LINE)
        assert read_lines(reader, 1) == [3 * LINE]


def test_while_nobody_reads_lines_are_lost_and_later_they_are_counted() -> None:
    with pipe() as (reader, writer), capture_logs() as told:
        sink = Sink(writer)
        most = UNWRITTEN_LIMIT_BYTES // (len(LINE) + 1) + 1
        for _ in range(most + 7):
            sink.msg(LINE)
        sink.flush(0.0)
        read_lines(reader, most)
        sink.flush(PATIENCE_S)
        sink.msg(b"again")
        sink.msg(b"and again")
        assert read_lines(reader, 2) == [b"again", b"and again"]
        assert told == [{"event": "log.lost", "log_level": "warning", "lines": 7}]


def test_without_a_reader_lines_are_lost_and_nothing_is_raised() -> None:
    with pipe() as (reader, writer), capture_logs() as told:
        sink = Sink(writer)
        os.close(reader)
        for _ in range(3):
            sink.msg(b"unheard")
            sink.flush(PATIENCE_S)
        assert told == []


def test_when_the_disk_has_room_again_the_lines_lost_are_counted(tmp_path: Path) -> None:
    kept = tmp_path / "log"
    with kept.open("wb") as file, capture_logs() as told:
        disk = os.open("/dev/full", os.O_WRONLY)
        sink = Sink(disk)
        for _ in range(3):
            sink.msg(b"too much")
        sink.flush(PATIENCE_S)
        os.dup2(file.fileno(), disk)
        sink.msg(b"fits")
        sink.flush(PATIENCE_S)
        sink.flush(PATIENCE_S)
        os.close(disk)
    assert kept.read_bytes() == b"fits\n"
    assert told == [{"event": "log.lost", "log_level": "warning", "lines": 3}]


LOGS = """
import sys
from s2d.host import log
log.configure(sys.argv[1])
log.get_logger(device="caf\\xe9").info("a.happened", name="half a \\ud83d", size=2**70)
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_what_cannot_be_encoded_is_told_all_the_same(style: str) -> None:
    command = [sys.executable, "-c", LOGS, style]
    latin = os.environ | {"PYTHONIOENCODING": "latin-1"}
    told = subprocess.run(command, env=latin, capture_output=True, timeout=PATIENCE_S, check=True)
    assert told.stderr == b""
    if style == "json":
        line = json.loads(told.stdout)
        assert (line["device"], line["name"], line["size"]) == ("café", "half a \ud83d", 2**70)
    else:
        assert b"device=caf\xe9" in told.stdout
        assert b"half a \\ud83d" in told.stdout

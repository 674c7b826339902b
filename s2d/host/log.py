"""Logging: structlog set up for JSON lines to stdout, and a readable form on a terminal.

Who logs controls hardware: a log that nobody reads, or that cannot be written, neither breaks nor delays him.
"""

import atexit
import json
import logging
import os
import sys
from queue import SimpleQueue
from select import select
from threading import Event, Thread
from traceback import format_exception
from typing import Literal, TextIO, TypeGuard

import msgspec
import structlog

from ..text import printable, printable_json

Logger = structlog.typing.FilteringBoundLogger

Style = Literal["auto", "json", "console"]

UNWRITTEN_LIMIT_BYTES = 2**22
"""Most that waits for a reader; what is logged beyond it is lost, and counted."""
FLUSH_WITHIN_S = 1.0


class Sink:
    """A log sink: writes lines to *fd*, in a thread of its own that alone waits for a reader, or learns he is gone.

    To be given lines by one thread.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._unwritten: SimpleQueue[bytes | Event] = SimpleQueue()
        # Both threads read these, and each is changed by one of them.
        self._given_bytes = self._dropped = self._logged_lost = 0
        self._done_bytes = self._failed = 0
        self._is_writable = True
        Thread(target=self._write_all, name="log", daemon=True).start()

    def msg(self, line: bytes) -> None:
        """Has *line* written as soon as that is possible. Returns at once and never raises."""
        waiting_bytes = self._given_bytes - self._done_bytes
        if waiting_bytes < UNWRITTEN_LIMIT_BYTES / 2:
            self._log_lost()
        if waiting_bytes < UNWRITTEN_LIMIT_BYTES:
            self._given_bytes += len(line) + 1
            self._unwritten.put(line + b"\n")
        else:
            self._dropped += 1

    debug = info = warning = error = critical = msg

    def flush(self, within_s: float = FLUSH_WITHIN_S) -> None:
        """Waits until all is written, but no longer than *within_s*."""
        self._log_lost()
        is_written = Event()
        self._unwritten.put(is_written)
        is_written.wait(within_s)

    def _log_lost(self) -> None:
        lost = self._dropped + self._failed - self._logged_lost
        if lost and self._is_writable:
            self._logged_lost += lost
            log = get_logger()
            log.warning("log.lost", lines=lost)

    def _write_all(self) -> None:
        while True:
            item = self._unwritten.get()
            if isinstance(item, Event):
                item.set()
                continue
            self._is_writable = self._write(item)
            self._failed += not self._is_writable
            self._done_bytes += len(item)

    def _write(self, line: bytes) -> bool:
        left = memoryview(line)
        try:
            while left:
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:  # somebody else has set the terminal so
                    select([], [self._fd], [])
        except OSError:
            return False
        return True


def configure(style: Style = "auto", level: str = "info") -> None:
    """Makes `get_logger` give loggers that write to stdout, down to *level* (debug, info, warning, error)."""
    is_console = sys.stdout.isatty() if style == "auto" else style == "console"
    as_json = (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_encode))
    sink = Sink(sys.stdout.fileno())
    _sinks.append(sink)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *((_console(),) if is_console else as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: sink,
    )


@atexit.register
def flush() -> None:
    """Waits until all that was logged is written, but no longer than a second; needed before an `os._exit`."""
    for sink in _sinks:
        sink.flush()


def get_logger(**facts: str) -> Logger:
    """A logger that says *facts* with every event."""
    logger: Logger = structlog.get_logger(**facts)
    return logger


def silent() -> Logger:
    """A logger that says nothing, for who tells everything himself."""
    logger: Logger = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return logger


def _encode(event: object, **_: object) -> bytes:
    try:
        return printable_json(msgspec.json.encode(event, enc_hook=str))
    except UnicodeEncodeError:  # half a character, as it may stand in a file's name
        return json.dumps(event, default=str).encode()


def _console() -> structlog.typing.Processor:
    is_terminal = sys.stdout.isatty()
    render = structlog.dev.ConsoleRenderer(colors=is_terminal, exception_formatter=_write_traceback)
    encoding = sys.stdout.encoding

    def is_wild(value: object) -> TypeGuard[str]:
        return isinstance(value, str) and not value.isprintable()

    def render_printable(logger: object, level: str, event: structlog.typing.EventDict) -> bytes:
        # What is no text is shown as its `repr`, which is printable.
        facts = {key: _EscapedText(printable(value)) if is_wild(value) else value for key, value in event.items()}
        return render(logger, level, facts).encode(encoding, "backslashreplace")

    return render_printable


class _EscapedText(str):
    """Text with escapes, which needs no others."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f'"{self}"'


def _write_traceback(stream: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    lines = "".join(format_exception(*exc_info)).removesuffix("\n").split("\n")
    stream.write("".join(f"\n{printable(line)}" for line in lines))


_sinks: list[Sink] = []

"""Sets structlog up: JSON lines to stdout, a readable form on a terminal."""

import logging
import sys
from io import BufferedWriter, FileIO
from typing import Literal

import msgspec
import structlog

Logger = structlog.typing.FilteringBoundLogger

Style = Literal["auto", "json", "console"]


def configure(style: Style = "auto", level: str = "info") -> None:
    """Makes `get_logger` give loggers that write to stdout, down to *level* (debug, info, warning, error)."""
    is_console = sys.stdout.isatty() if style == "auto" else style == "console"
    common: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    wrapper = structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()])
    if is_console:
        structlog.configure(
            processors=[*common, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())], wrapper_class=wrapper
        )
        return
    structlog.configure(
        processors=[
            *common,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        wrapper_class=wrapper,
        # Not sys.stdout.buffer: where that is unbuffered, a signal may cut a line short.
        logger_factory=structlog.BytesLoggerFactory(BufferedWriter(FileIO(sys.stdout.fileno(), "w", closefd=False))),
    )


def get_logger(**facts: str) -> Logger:
    """A logger that says *facts* with every event."""
    logger: Logger = structlog.get_logger(**facts)
    return logger


def _encode(event: object, **_: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


def silent() -> Logger:
    """A logger that says nothing, for who tells everything himself."""
    logger: Logger = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return logger

"""The clock of the host: instants, sleep, and whether somebody keeps it right."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from ..values import Now

_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_TIMEX_BYTES = 512
"""More than any `struct timex` has; all zero, it changes nothing."""
_TIME_ERROR = 5
"""What adjtimex returns for a clock that nobody keeps right."""


def now() -> Now:
    """This instant on both clocks."""
    return Now(time.monotonic(), datetime.now(UTC))


def is_synchronised(marker: Path = _SYNCHRONISED) -> bool | None:
    """Whether somebody keeps the clock right; None: it cannot be known, as where it is forbidden to ask.

    Source: systemd-timesyncd.service(8); adjtimex(2).
    """
    if marker.exists():
        return True
    from ctypes import CDLL, create_string_buffer  # which nothing else needs

    try:
        state = CDLL(None).adjtimex(create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


async def sleep(seconds: float) -> None:
    """Waits; *seconds* of the loop's time."""
    await asyncio.sleep(seconds)

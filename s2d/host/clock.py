"""The clock of the host: instants, and sleep."""

import asyncio
import time
from datetime import UTC, datetime

from ..values import Now


def now() -> Now:
    """This instant on both clocks."""
    return Now(time.monotonic(), datetime.now(UTC))


async def sleep(seconds: float) -> None:
    """Waits; *seconds* of the loop's time."""
    await asyncio.sleep(seconds)

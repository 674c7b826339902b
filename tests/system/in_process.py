"""The daemon in the process of the test: quicker than one of its own, and its log is at hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from s2d.config import load
from s2d.host import clock as host
from s2d.host.store import Store
from s2d.service import daemon
from s2d.values import Clock


@asynccontextmanager
async def running(config: Path, clock: Clock = host.now) -> AsyncIterator[list[Any]]:
    """The log of a daemon that runs with the configuration in *config*, and is stopped at the end."""
    stopping = asyncio.Event()
    with capture_logs() as log:
        async with asyncio.TaskGroup() as tasks:
            loaded = load(config)
            tasks.create_task(daemon.run(loaded, Store(loaded.gateway.state_dir), clock=clock, stopping=stopping))
            try:
                yield log
            finally:
                stopping.set()

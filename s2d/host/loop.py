"""The event loop of a process that runs for long: asyncio's own, but names of hosts are looked up as in `s2d/tcp.py`.

So nobody who connects by asyncio's own means, be it a library, waits for a thread that somebody else's name occupies.
"""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ..tcp import look_up

T = TypeVar("T")


class EventLoop(asyncio.SelectorEventLoop):
    """An event loop that occupies no thread of its executor to look a name up."""

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 (its name)
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        if not isinstance(host, str) or not host:
            return await super().getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)
        found: list[Any] = []
        for address in (await look_up(host)).addresses:
            with suppress(socket.gaierror):  # one of the other family
                found += socket.getaddrinfo(address, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found


def run(main: Coroutine[Any, Any, T]) -> T:
    """What comes of *main*, run on such a loop. As `asyncio.run`."""
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main)

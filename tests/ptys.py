"""Two serial ports joined back to back, for a driver on one end and its peer on the other."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def pty_pair() -> AsyncIterator[tuple[str, str]]:
    """The paths of two serial ports: what is written to one is read from the other."""
    loop = asyncio.get_running_loop()
    (master_a, port_a), (master_b, port_b) = os.openpty(), os.openpty()
    for port in (port_a, port_b):
        tty.setraw(port)
    for source, sink in ((master_a, master_b), (master_b, master_a)):
        os.set_blocking(source, False)
        loop.add_reader(source, _pump, source, sink)
    try:
        yield os.ttyname(port_a), os.ttyname(port_b)
    finally:
        for master in (master_a, master_b):
            loop.remove_reader(master)
        for end in (master_a, port_a, master_b, port_b):  # the ports were held open, so that a peer may reopen them
            os.close(end)


def _pump(source: int, sink: int) -> None:
    os.write(sink, os.read(source, 4096))

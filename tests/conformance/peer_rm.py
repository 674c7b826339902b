"""A foreign RM to try the suite on: a battery made with s2-python, which comes back whenever its connection ends.

`python -m tests.conformance.peer_rm ws://localhost:8080`

It tells neither a fill level nor what it does, and takes every instruction: many rows fail for it.
"""

import asyncio
import sys
from contextlib import suppress

from s2python.connection.async_.medium.s2_medium import S2MediumException
from s2python.connection.errors import CouldNotReceiveStatusReceptionError, PermanentConnectionError
from websockets.exceptions import WebSocketException

from tests.bench.peers.rm import main

BACK_AFTER_S = 0.05
BROKEN = (
    S2MediumException,
    CouldNotReceiveStatusReceptionError,
    PermanentConnectionError,
    WebSocketException,
    OSError,
    RuntimeError,
)
"""How s2-python says that a connection could not be made or went wrong."""


async def come_back_forever(url: str) -> None:
    while True:
        with suppress(*BROKEN):
            await main(url)
        await asyncio.sleep(BACK_AFTER_S)


if __name__ == "__main__":
    asyncio.run(come_back_forever(sys.argv[1]))

"""A foreign RM: where it is awaited, what it was found to lack, and what is done while it stays away."""

import asyncio
import socket
from contextlib import suppress

import pytest

from .cem import Cem
from .rows import NotReached

RESTART_AFTER_S = 3.0
RESTARTED_WITHIN_S = 60.0
ROWS_WITHOUT_IT = 3
"""After so many rows in a row that it stayed away from, nothing more is asked."""


class Foreign:
    """The door for an RM that the suite does not start. It stays open between rows, for one that comes early."""

    def __init__(self, door: socket.socket, joins_within_s: float, patience_s: float, restart: str | None) -> None:
        self.door = door
        self.joins_within_s = joins_within_s
        self.patience_s = patience_s
        self.lacks: set[str] = set()
        """Control types that it was waited for to offer, in vain."""
        self._restart = restart
        self._rows_without_it = 0

    async def has_come(self, cem: Cem) -> None:
        """Waits until it is connected; one that stays away is started again, where the suite was told how."""
        try:
            if self._restart:
                with suppress(AssertionError):
                    await cem.rms.until(bool, "a connection", min(RESTART_AFTER_S, self.joins_within_s))
                if not cem.rms.all:
                    await _run(self._restart)
            await cem.rms.until(bool, "a connection", self.joins_within_s)
        except AssertionError:
            self._rows_without_it += 1
            if self._rows_without_it == ROWS_WITHOUT_IT:
                pytest.exit(
                    f"the RM has stayed away from {ROWS_WITHOUT_IT} rows running",
                    returncode=pytest.ExitCode.INTERRUPTED,
                )
            raise NotReached(f"the RM has not come within {self.joins_within_s:g} s") from None
        self._rows_without_it = 0


async def _run(command: str) -> None:
    process = await asyncio.create_subprocess_shell(command)
    async with asyncio.timeout(RESTARTED_WITHIN_S):
        status = await process.wait()
    assert status == 0, f"{command!r} ends with status {status}"

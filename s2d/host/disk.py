"""The disk thread: waits for the disk, so that nobody else has to. A disk may be slow, and may never answer."""

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from ..errors import StoreError
from .state_file import reason_of

T = TypeVar("T")

ANSWERS_WITHIN_S = 2.0
"""Longer than that nobody waits for the disk who moves hardware, or shall end."""
MOST_WAITING = 1000
"""Works; what is submitted beyond fails at once."""


class Disk(Protocol):
    """A disk: does works, one after the other."""

    awaited: Future[Any] | None
    """Done when the disk answers again, after it has let somebody wait for too long."""

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """What comes of *work*, or the OSError it raises; a work that is cancelled before its turn is not done."""
        ...


class AtOnce:
    """A disk that is waited for then and there."""

    awaited: Future[Any] | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(work())
        except OSError as exc:
            future.set_exception(exc)
        return future


class DiskThread:
    """A disk that is waited for by a thread of its own, which starts with the first work.

    The interpreter does not wait for that thread when it ends, as it would for one of an executor.
    """

    def __init__(self) -> None:
        self.awaited: Future[Any] | None = None
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: Thread | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        if self._waiting.qsize() >= MOST_WAITING:
            future.set_exception(OSError(errno.EBUSY, "the disk does not answer"))
            return future

        def carry_out() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as exc:  # noqa: BLE001 (whoever waits for it gets it)
                future.set_exception(exc)

        self._waiting.put(carry_out)
        if self._thread is None:
            self._thread = Thread(target=self._carry_out_all, name="disk", daemon=True)
            self._thread.start()
        return future

    def _carry_out_all(self) -> None:
        while True:
            self._waiting.get()()


async def answer_of(disk: Disk, work: Callable[[], T], where: str) -> T:
    """What comes of *work*, done by *disk*; while that does not answer, it is waited for once, and not for each work.

    Raises: StoreError: it failed; or it took longer than anybody waits, and may yet be done or not.
    """
    late = StoreError(where, f"the disk did not answer within {ANSWERS_WITHIN_S:g} s")
    if disk.awaited and not disk.awaited.done():
        raise late
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            return await asyncio.wrap_future(disk.submit(work))
    except TimeoutError as exc:
        disk.awaited = disk.submit(lambda: None)
        raise late from exc
    except OSError as exc:
        raise StoreError(where, reason_of(exc)) from exc

"""What happened, in order, for a story that waits for the next thing to happen."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

PATIENCE_S = 60.0
"""Only who will never come is waited for as long: the machine may be slow, and busy with something else."""

T = TypeVar("T")


class Chronicle(Generic[T]):
    """Things that happened. Each is taken once; taking one leaves the earlier ones of its kind behind."""

    def __init__(self, name: str, kind_of: Callable[[T], Hashable] = lambda thing: None) -> None:
        self._name = name
        self._kind_of = kind_of
        self.all: list[T] = []
        self._is_taken: list[bool] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._broken: list[str] = []

    def add(self, thing: T) -> None:
        self.all.append(thing)
        self._is_taken.append(False)
        self._wake()

    def fail(self, reason: str) -> None:
        """Makes everybody who waits now or later fail."""
        self._broken.append(reason)
        self._wake()

    async def next(
        self, wanted: Callable[[T], bool] = lambda thing: True, what: str = "anything", within_s: float = PATIENCE_S
    ) -> T:
        """The first thing not taken yet that is *wanted*, once it has happened."""
        try:
            async with asyncio.timeout(within_s):
                seen = 0
                while (at := self._find(wanted, seen)) is None:
                    seen = len(self.all)
                    await self._news()
        except TimeoutError:
            raise AssertionError(f"{self._name}: no {what} within {within_s:g} s, but {self._last()}") from None
        self._take(at)
        return self.all[at]

    async def until(self, is_so: Callable[[list[T]], Any], what: str, within_s: float = PATIENCE_S) -> None:
        """Waits until all that has happened is as *is_so* says; takes nothing."""
        try:
            async with asyncio.timeout(within_s):
                while not is_so(self.all):
                    await self._news()
        except TimeoutError:
            raise AssertionError(f"{self._name}: not {what} within {within_s:g} s, but {self._last()}") from None

    def _find(self, wanted: Callable[[T], bool], start: int) -> int | None:
        for at in range(start, len(self.all)):
            if not self._is_taken[at] and wanted(self.all[at]):
                return at
        return None

    def _take(self, taken: int) -> None:
        kind = self._kind_of(self.all[taken])
        for at in range(taken + 1):
            self._is_taken[at] = self._is_taken[at] or self._kind_of(self.all[at]) == kind

    async def _news(self) -> None:
        assert not self._broken, f"{self._name}: {'; '.join(self._broken)}"
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def _last(self) -> str:
        return " | ".join(str(thing)[:300] for thing in self.all[-12:]) or "nothing at all"

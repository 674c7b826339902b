"""The news schedule of a device: when the points are read of which it says itself that they have something new."""

from collections.abc import Collection, Iterable, Mapping
from math import inf

from ..driver import PointSettings

NEWS_APART_S = 0.1
"""Least time between two reads for the sake of news; what is new meanwhile waits and is read together."""


class NewsSchedule:
    """The news schedule: points with news not read yet; the first of a burst at once, the others 0.1 s apart."""

    def __init__(self, points: Mapping[str, PointSettings]) -> None:
        self._points = points
        self._pending: dict[str, None] = {}
        self._not_before = -inf

    def add(self, points: Iterable[str]) -> None:
        """*points* have something new; those that nobody configured, or that are only written, count for nothing."""
        self._pending |= {name: None for name in points if name in self._points and self._points[name].is_readable}

    def due(self, now: float) -> Iterable[str]:
        """Points to read at once."""
        return self._pending if self._pending and self._not_before <= now else ()

    def next_at(self) -> float:
        """When what is new may be read."""
        return self._not_before if self._pending else inf

    def pop(self, points: Collection[str], now: float) -> list[str]:
        """Takes out those of *points* with news, which are about to be read; what is told from now on is news again."""
        popped = [name for name in points if name in self._pending] if self._pending else []
        for name in popped:
            del self._pending[name]
        if popped:
            self._not_before = now + NEWS_APART_S
        return popped

"""News schedule: when the points are read of which a device says itself that they have something new."""

from collections.abc import Collection, Iterable, Mapping
from math import inf

from ..driver import PointSettings

NEWS_APART_S = 0.1
"""Least time between two reads for the sake of news; what is told meanwhile waits and is read together."""


class NewsSchedule:
    """The told points that were not read since: the first of a burst at once, all that follow 0.1 s apart."""

    def __init__(self, points: Mapping[str, PointSettings]) -> None:
        self._points = points
        self._told: dict[str, None] = {}
        self._not_before = -inf

    def add(self, points: Iterable[str]) -> None:
        """*points* have something new; those that nobody configured, or that are only written, count for nothing."""
        self._told |= {name: None for name in points if name in self._points and self._points[name].is_readable}

    def due(self, now: float) -> Iterable[str]:
        """Points to read at once."""
        return self._told if self._told and self._not_before <= now else ()

    def next_at(self) -> float:
        """When what was told may be read."""
        return self._not_before if self._told else inf

    def take(self, points: Collection[str], now: float) -> list[str]:
        """Takes out which of *points* were told: they are about to be read; what is told from now on is news again."""
        taken = [name for name in points if name in self._told] if self._told else []
        for name in taken:
            del self._told[name]
        if taken:
            self._not_before = now + NEWS_APART_S
        return taken

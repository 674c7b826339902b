"""The poll schedule of a device: when each point is read next."""

from collections.abc import Collection, Mapping
from math import inf

from ..driver import PointSettings

WATCHED_EVERY_S = 10.0
"""How often points are read that are only read while what was written to them is in force."""


class PollSchedule:
    """The poll schedule: the points that are read again and again, each at its own pace.

    Those that are watched and have no pace of their own are read beside others that are due.
    """

    def __init__(self, points: Mapping[str, PointSettings], poll_s: float, now: float) -> None:
        self.period_s: dict[str, float] = {
            name: point.poll or poll_s
            for name, point in points.items()
            if point.is_readable and not isinstance(point.poll, str)
        }
        self._read_at = dict.fromkeys(self.period_s, now)
        self._watched_at: dict[str, float] = {}

    def due(self, now: float) -> list[str]:
        """Points to read at once."""
        due = [point for point, at in self._read_at.items() if at <= now]
        if self._watched_at and (due or not self._read_at):
            due += [point for point, at in self._watched_at.items() if at <= now]
        return due

    def next_at(self) -> float:
        """When the next point is due."""
        return min((self._read_at or self._watched_at).values(), default=inf)

    def watch(self, points: Collection[str], now: float) -> None:
        """*points* are to be read now and then, and no others that have no pace of their own."""
        if points or self._watched_at:
            first_at = now + WATCHED_EVERY_S
            own = (point for point in points if point not in self._read_at)
            self._watched_at = {point: self._watched_at.get(point, first_at) for point in own}

    def mark_read(self, points: Collection[str], now: float) -> None:
        """*points* were read; who comes late does not catch up."""
        for point in points:
            if point in self._read_at:
                following = self._read_at[point] + self.period_s[point]
                is_in_step = self._read_at[point] <= now < following
                self._read_at[point] = following if is_in_step else now + self.period_s[point]
            elif point in self._watched_at:
                self._watched_at[point] = now + WATCHED_EVERY_S

    def hurry(self, now: float) -> None:
        """Everything is due that has a pace of its own."""
        self._read_at = dict.fromkeys(self._read_at, now)

"""The poll schedule of a device: when each point is read next."""

from collections.abc import Collection, Mapping
from math import inf

from ..driver import PointSettings


class PollSchedule:
    """The poll schedule: the points that are read again and again, each at its own pace."""

    def __init__(self, points: Mapping[str, PointSettings], poll_s: float, now: float) -> None:
        self.period_s: dict[str, float] = {
            name: point.poll or poll_s
            for name, point in points.items()
            if point.is_readable and not isinstance(point.poll, str)
        }
        self._read_at = dict.fromkeys(self.period_s, now)

    def due(self, now: float) -> list[str]:
        """Points to read at once."""
        return [point for point, at in self._read_at.items() if at <= now]

    def next_at(self) -> float:
        """When the next point is due."""
        return min(self._read_at.values(), default=inf)

    def mark_read(self, points: Collection[str], now: float) -> None:
        """*points* were read; who comes late does not catch up."""
        for point in points:
            if point in self._read_at:
                following = self._read_at[point] + self.period_s[point]
                is_in_step = self._read_at[point] <= now < following
                self._read_at[point] = following if is_in_step else now + self.period_s[point]

    def hurry(self, now: float) -> None:
        """Everything is due."""
        self._read_at = dict.fromkeys(self._read_at, now)

"""The watch over setpoints in force: whether the points they wrote still hold what was written. Pure.

Only what was written is watched, never what comes of it: a battery that is full, derated or ramping is no fault. What
can be read is read again and again; of what cannot, a restart that was seen says that it is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..driver import PointSettings
from ..events import Undone, UndoneBy
from ..values import Quality, Reading, Setpoint, Value
from .confirmation import swapped_words


@dataclass(slots=True)
class _Watched:
    """A setpoint, and how it shows."""

    setpoint: Setpoint
    since: float
    """Readings that are older say nothing of it."""
    reads_as: dict[str, Value]
    is_blind: bool
    """Some of what it wrote cannot be read, and does not outlive a restart."""
    was_lost: bool = False
    """The device was away since."""
    unsure: set[str] = field(default_factory=set)
    """Points that were not read since the device was away."""


class SetpointWatch:
    """The watch over what one device confirmed, by the points of its commands. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}

    @property
    def points(self) -> set[str]:
        """The points that have to be read for it."""
        return {name for each in self._watched.values() for name in each.reads_as}

    def start(
        self, setpoint: Setpoint, reads_as: Mapping[str, Value], blind: Iterable[PointSettings], now: float
    ) -> None:
        """Watches *setpoint*, which the device confirmed: points read as *reads_as*, and *blind* ones were written."""
        is_blind = any(not point.persistent for point in blind)
        before = self._watched.get(setpoint.point)
        if before and before.setpoint == setpoint:  # done again, perhaps in part
            before.since, before.is_blind, before.was_lost = now, before.is_blind or is_blind, False
            before.reads_as |= reads_as
        else:
            self._watched[setpoint.point] = _Watched(setpoint, now, {**reads_as}, is_blind)

    def adopt(self, setpoint: Setpoint) -> None:
        """*setpoint* is done by what was written before."""
        if watched := self._watched.get(setpoint.point):
            watched.setpoint = setpoint

    def stop(self, point: str) -> None:
        """What was confirmed of *point* is no matter any more."""
        self._watched.pop(point, None)

    def overwrite(self, points: Iterable[str]) -> None:
        """We write *points* for something else, or again: what they held before is no matter any more."""
        for each in self._watched.values():
            for name in points:
                each.reads_as.pop(name, None)

    def lose(self) -> None:
        """The device is away, or was switched on anew: what is read next of each point tells whether it was kept."""
        for each in self._watched.values():
            each.was_lost, each.unsure = True, {*each.reads_as}

    def recover(self) -> list[Undone]:
        """The device is back; gives what is undone as far as that cannot be read."""
        reason = "the device was away, and whether it still holds what it was told cannot be read"
        blind = [each for each in self._watched.values() if each.is_blind and each.was_lost]
        return [self._undone(each, reason, UndoneBy.RESTART, wears=False) for each in blind]

    def observe(self, readings: Iterable[Reading], points: Mapping[str, PointSettings]) -> list[Undone]:
        """What *readings* show to be undone."""
        if not self._watched:
            return []
        said = {
            reading.point: reading for reading in readings if reading.quality is Quality.GOOD and reading.at is not None
        }
        undone = []
        for each in list(self._watched.values()):
            for name, value in each.reads_as.items():
                reading = said.get(name)
                if reading is None or reading.value is None or reading.at is None or reading.at < each.since:
                    continue
                if reading.value != value:
                    undone.append(self._differs(each, name, points[name], reading.value))
                    break
                each.unsure.discard(name)
        return undone

    def _differs(self, watched: _Watched, name: str, point: PointSettings, found: Value) -> Undone:
        value = watched.reads_as[name]
        if reason := swapped_words(name, point, value, found):
            return self._undone(watched, reason, UndoneBy.WORD_ORDER, wears=point.persistent)
        by = UndoneBy.RESTART if name in watched.unsure else UndoneBy.OTHERS
        reason = f"{name} reads {point.shown(found)} instead of {point.shown(value)}"
        return self._undone(watched, reason, by, wears=point.persistent)

    def _undone(self, watched: _Watched, reason: str, by: UndoneBy, *, wears: bool) -> Undone:
        self.stop(watched.setpoint.point)
        return Undone(watched.setpoint, reason, by, wears)

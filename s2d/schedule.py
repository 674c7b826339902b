"""Schedules: times of day, and what happens at them on the days of a week, by the clock on the wall.

The time zone is an argument. A time that a day does not have, as the clocks are put forward, is the instant at which
they are; of one that a day has twice, it is the first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal, NamedTuple, Self, TypeVar

from msgspec import Meta

from .quantities import Energy, limits
from .written import Composed, Written

T = TypeVar("T")

Day = Literal[
    "weekdays", "weekend", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]  # fmt: skip
"""Days as people name them; a single one wins over those that it is of."""
_WEEK: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, order=True)
class TimeOfDay(Written):
    """A time of day, as in "07:00"."""

    noun = "a time of day"
    example = "07:00"

    hour: int
    minute: int

    @classmethod
    def parse(cls, written: object) -> Self:
        """The time *written* stands for.

        Raises: ValueError: not hours from 0 to 23, a colon, and two digits of minutes.
        """
        match = re.fullmatch(cls.pattern(), written) if isinstance(written, str) else None
        if match is None:
            raise cls.unlike(written)
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        return r"^\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*$"

    def text(self) -> str:
        """How it is written."""
        return f"{self.hour:02}:{self.minute:02}"

    def on(self, day: date, zone: tzinfo) -> datetime:
        """The instant (UTC) at which it is that time on *day* in *zone*."""
        wanted = datetime.combine(day, time(self.hour, self.minute), zone)
        instant = wanted.astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
            return instant
        return _change_of_clocks(wanted.replace(fold=1).astimezone(UTC), instant, zone)


@dataclass(frozen=True, slots=True)
class WeekTimes(Composed):
    """A time of day for some days of the week, or one for every day."""

    shape = TimeOfDay | dict[Day, TimeOfDay]
    example = '{weekdays: "07:00", weekend: "09:30"}'

    days: tuple[TimeOfDay | None, ...]
    """Monday first; None on a day without one."""

    @classmethod
    def of(cls, parts: TimeOfDay | Mapping[Day, TimeOfDay]) -> Self:
        """Raises: ValueError: no day at all."""
        if isinstance(parts, TimeOfDay):
            return cls((parts,) * len(_WEEK))
        return cls(_by_day(parts, None, cls.example))

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime:
        """The first of these times (UTC) after *instant* in *zone*."""
        today = instant.astimezone(zone).date()
        days = (today + timedelta(days=ahead) for ahead in range(len(_WEEK) + 1))
        times = (time.on(day, zone) for day in days if (time := self.days[day.weekday()]))
        return next(each for each in times if each > instant)


@dataclass(frozen=True, slots=True, order=True)
class DrawOfDay:
    """A draw of heat that is usual at a time of day."""

    at: TimeOfDay
    energy_wh: float


class Draw(NamedTuple):
    """A draw of heat that is expected."""

    at: datetime
    """UTC; when it begins."""
    energy_wh: float


@dataclass(frozen=True, slots=True)
class WeekDraws(Composed):
    """The heat that is usually drawn at some times of some days of the week."""

    shape = dict[Day, dict[TimeOfDay, Annotated[Energy, Meta(extra=limits("1 Wh", "100 kWh"))]]]
    example = '{weekdays: {"06:30": 1.5 kWh}, weekend: {"08:00": 1.5 kWh}}'

    days: tuple[tuple[DrawOfDay, ...], ...]
    """Monday first, and of each day the earliest."""

    @classmethod
    def of(cls, parts: Mapping[Day, Mapping[TimeOfDay, Energy]]) -> Self:
        """Raises: ValueError: no day at all."""
        draws = {
            day: tuple(sorted(DrawOfDay(at, float(energy_wh)) for at, energy_wh in of_day.items()))
            for day, of_day in parts.items()
        }
        return cls(_by_day(draws, (), cls.example))

    def between(self, since: datetime, until: datetime, zone: tzinfo) -> list[Draw]:
        """The draws in *zone* from *since* on and before *until*, the earliest first."""
        # What a day does not have may come to the first instant of the next.
        day, last = since.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
        draws: list[Draw] = []
        while day <= last:
            draws += (Draw(each.at.on(day, zone), each.energy_wh) for each in self.days[day.weekday()])
            day += timedelta(days=1)
        return [draw for draw in draws if since <= draw.at < until]


def _by_day(parts: Mapping[Day, T], none: T, example: str) -> tuple[T, ...]:
    """What *parts* say of each day, Monday first; *none* where they say nothing."""
    if not parts:
        raise ValueError(f"expected at least one day, as in {example}")
    weekdays, weekend = parts.get("weekdays", none), parts.get("weekend", none)
    return tuple(parts.get(day, weekend if day in ("saturday", "sunday") else weekdays) for day in _WEEK)


def _change_of_clocks(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant (UTC) between *before* and *after* from which on clocks in *zone* go as they do after it."""
    low, high = int(before.timestamp()), int(after.timestamp())
    offset = after.astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)

"""Times of day on the days of a week, in zones where clocks are put forward and back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from s2d.quantities import Energy
from s2d.schedule import Day, Draw, TimeOfDay, WeekDraws, WeekTimes

AMSTERDAM, LONDON, APIA = ZoneInfo("Europe/Amsterdam"), ZoneInfo("Europe/London"), ZoneInfo("Pacific/Apia")
FORWARD, BACK = date(2026, 3, 29), date(2026, 10, 25)
"""The Sundays on which clocks are put forward and back in all of Europe, at 01:00 UTC."""
CHANGES = [datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(**days: str) -> WeekTimes:
    return WeekTimes.of({day: TimeOfDay.parse(days[day]) for day in get_args(Day) if day in days})


@pytest.mark.parametrize(
    ("zone", "day", "time", "instant"),
    [
        (AMSTERDAM, FORWARD, "01:59", "2026-03-29T00:59"),
        (AMSTERDAM, FORWARD, "02:00", "2026-03-29T01:00"),
        (AMSTERDAM, FORWARD, "02:30", "2026-03-29T01:00"),  # there is no such time: 03:00 follows 01:59
        (AMSTERDAM, FORWARD, "03:00", "2026-03-29T01:00"),
        (AMSTERDAM, FORWARD, "07:00", "2026-03-29T05:00"),
        (AMSTERDAM, BACK, "01:59", "2026-10-24T23:59"),
        (AMSTERDAM, BACK, "02:30", "2026-10-25T00:30"),  # and again an hour later
        (AMSTERDAM, BACK, "03:00", "2026-10-25T02:00"),
        (AMSTERDAM, BACK, "07:00", "2026-10-25T06:00"),
        (LONDON, FORWARD, "00:59", "2026-03-29T00:59"),
        (LONDON, FORWARD, "01:30", "2026-03-29T01:00"),
        (LONDON, FORWARD, "02:00", "2026-03-29T01:00"),
        (LONDON, BACK, "01:30", "2026-10-25T00:30"),
        (LONDON, BACK, "02:00", "2026-10-25T02:00"),
        (UTC, FORWARD, "01:30", "2026-03-29T01:30"),
        (APIA, date(2011, 12, 30), "07:00", "2011-12-30T10:00"),  # a whole day that Samoa did not have
    ],
)
def test_a_time_that_is_skipped_is_the_instant_after_and_of_two_it_is_the_first(
    zone: ZoneInfo, day: date, time: str, instant: str
) -> None:
    assert TimeOfDay.parse(time).on(day, zone) == utc(instant)


@pytest.mark.parametrize("zone", [AMSTERDAM, LONDON], ids=str)
@pytest.mark.parametrize("day", [FORWARD - timedelta(days=1), FORWARD, BACK, BACK + timedelta(days=1)], ids=str)
def test_it_is_the_first_instant_of_the_day_at_which_the_clock_shows_so_much_or_more(zone: ZoneInfo, day: date) -> None:
    minutes = list(minutes_of(day, zone))
    for quarter in range(24 * 4):
        time = TimeOfDay(quarter // 4, quarter % 4 * 15)
        assert time.on(day, zone) == next(at for at, clock in minutes if clock >= time), time


def minutes_of(day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, TimeOfDay]]:
    """Each minute of *day*, and what the clock shows then."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=3)
    for at in (first + timedelta(minutes=minute) for minute in range(30 * 60)):
        clock = at.astimezone(zone)
        if clock.date() == day:
            yield at, TimeOfDay(clock.hour, clock.minute)


def test_the_next_time_is_the_next_that_is_named() -> None:
    week = times(weekdays="07:00", weekend="09:30")
    friday = utc("2026-11-27T05:59")
    found = [friday]
    for _ in range(4):
        found.append(week.next_after(found[-1], AMSTERDAM))
    assert found[1:] == [utc(f"2026-11-{at}") for at in ("27T06:00", "28T08:30", "29T08:30", "30T06:00")]


def test_a_single_day_comes_once_a_week_and_what_is_now_is_over() -> None:
    week = times(monday="07:00")
    assert week.next_after(utc("2026-11-30T05:59:59"), AMSTERDAM) == utc("2026-11-30T06:00")
    assert week.next_after(utc("2026-11-30T06:00"), AMSTERDAM) == utc("2026-12-07T06:00")


@pytest.mark.parametrize("zone", [AMSTERDAM, LONDON], ids=str)
@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("time", ["00:15", "01:30", "02:30", "07:00"])
def test_over_a_change_of_clocks_every_day_has_its_time_once(zone: ZoneInfo, change: datetime, time: str) -> None:
    week, at = times(weekdays=time, weekend=time), change - timedelta(days=3)
    days = []
    for _ in range(6):
        at = week.next_after(at, zone)
        days.append(at.astimezone(zone).date())
    assert days[0] < change.date() < days[-1]
    assert days == [days[0] + timedelta(days=number) for number in range(6)]


def test_what_is_drawn_is_told_by_instants() -> None:
    usage = WeekDraws.of(
        {
            "weekend": {TimeOfDay(8, 0): Energy(1500)},
            "sunday": {TimeOfDay(20, 0): Energy(500), TimeOfDay(2, 30): Energy(100)},
            "monday": {TimeOfDay(6, 30): Energy(2000)},
        }
    )
    around_the_change = (utc("2026-03-28T07:00"), utc("2026-03-30T04:30"))
    assert usage.between(*around_the_change, AMSTERDAM) == [
        Draw(utc("2026-03-28T07:00"), 1500.0),
        Draw(utc("2026-03-29T01:00"), 100.0),
        Draw(utc("2026-03-29T18:00"), 500.0),
    ]
    assert usage.between(utc("2026-03-30T04:30"), utc("2026-04-04T06:00"), AMSTERDAM) == [
        Draw(utc("2026-03-30T04:30"), 2000.0)
    ]

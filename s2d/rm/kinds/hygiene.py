"""Hygiene of hot water: once a week it is hot enough for long enough, by its device or by us, whatever is ordered.

From the sixth day on some hours of each day are kept free of orders that keep it from getting hot.

Spec: DVGW W 551: legionella; 60 °C, here for half an hour.
"""

from datetime import datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from ...schedule import TimeOfDay
from ...values import Now
from .kept_values import KeptValues

HOT_C = 60.0
_HOT_FOR_S = 1800.0
DUE_AFTER_S, _OVERDUE_AFTER_S = 6 * 86_400.0, 8 * 86_400.0
_FREE_FOR = timedelta(hours=4)
_DONE = "hygiene_done"
_OVERDUE = f"its hot water did not reach {HOT_C:g} °C for half an hour in eight days: legionella grow"


class Hygiene:
    """The hygiene of one storage. When it was last done is kept; where that is unknown, it is counted from now."""

    def __init__(self, kept: KeptValues, at: TimeOfDay, time_zone: str, *, is_by_us: bool) -> None:
        """*at*: from when on, each day, hours are kept free once it is due."""
        self.is_by_us = is_by_us
        self.next_at = -inf
        """When (monotonic seconds) what `is_now` says may be another by time alone."""
        self._kept = kept
        self._at = at
        self._zone = ZoneInfo(time_zone)
        self._hot_since: float | None = None
        self.trouble: str | None = None
        """That it was not done for too long, in words."""

    def observe(self, temperature_c: float | None, now: Now, *, is_seen: bool) -> None:
        """Takes note of how hot it is; *is_seen*: the device says that it is at it."""
        if _DONE not in self._kept.instants:
            self._kept.put_instant(_DONE, now.mono)
        if temperature_c is None or temperature_c < HOT_C:
            self._hot_since = None
        elif self._hot_since is None:
            self._hot_since = now.mono
        if is_seen or (self._hot_since is not None and now.mono - self._hot_since >= _HOT_FOR_S):
            self._kept.put_instant(_DONE, now.mono)
            self.trouble = None

    def advance(self, now: Now) -> None:
        """Looks when these hours begin or end next, and whether it was not done for too long."""
        opens = self._opens(now.utc)
        turns = opens if opens > now.utc else opens + _FREE_FOR
        overdue_at = self._kept.instants.get(_DONE, now.mono) + _OVERDUE_AFTER_S
        self.trouble = _OVERDUE if overdue_at <= now.mono else None
        turns_at = now.mono + (turns - now.utc).total_seconds()
        self.next_at = turns_at if self.trouble else min(turns_at, overdue_at)

    def is_now(self, now: Now) -> bool:
        """Whether it is due, and these are hours that are kept free for it."""
        is_due = now.mono - self._kept.instants.get(_DONE, now.mono) >= DUE_AFTER_S
        return is_due and self._opens(now.utc) <= now.utc

    def _opens(self, instant: datetime) -> datetime:
        """When the hours begin in which *instant* lies, or which are the next."""
        today = instant.astimezone(self._zone).date()
        days = (today + timedelta(days=ahead) for ahead in (-1, 0, 1))
        return next(opens for day in days if (opens := self._at.on(day, self._zone)) + _FREE_FOR > instant)

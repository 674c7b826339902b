"""The doubt about the clock: how far ours and the CEM's are apart, by what the CEM says of its own. Pure.

Which of the two is wrong, they do not tell; a host that knows its own to be synchronised, or not to be, does.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from ..s2.effects import Level, Note
from ..s2.messages.instruction import Instruction
from ..values import Now

DOUBTFUL_FROM_S = 5.0
"""Clocks of hosts that know the time are no further apart."""
_IN_TIME = timedelta(seconds=DOUBTFUL_FROM_S)
MEANT_FOR_NOW_S = 60.0
"""An order is carried out at most so long before its time by our clock, as it may be meant for now."""
_LATE_AT_MOST_S = 86_400.0
"""An order whose time is longer ago says nothing of any clock."""
_ROUNDED = timedelta(seconds=0.5)
"""A date in HTTP has whole seconds: half of one is missing on average."""


class ClockDoubt:
    """The doubt about the clock while one CEM is connected."""

    def __init__(self) -> None:
        self._heard_at: Now | None = None
        self._ahead_s = 0.0
        """How far the CEM's clock was ahead of ours then."""
        self._is_dated = False
        """By a date, which is better than by an order."""
        self._is_told = False

    def hear(self, date: datetime | None, now: Now) -> None:
        """Takes what the CEM says the time is; None: it does not say."""
        self._heard_at, self._ahead_s, self._is_dated = None, 0.0, date is not None
        if date is not None:
            self._heard_at, self._ahead_s = now, (date + _ROUNDED - now.utc).total_seconds()

    def ahead_s(self, now: Now) -> float:
        """How far the CEM's clock is ahead of ours; 0 while that is not known to be doubtful, or ours was set since."""
        if self._heard_at is None:
            return 0.0
        passed_s, ticked_s = (now.utc - self._heard_at.utc).total_seconds(), now.mono - self._heard_at.mono
        has_stepped = abs(passed_s - ticked_s) > DOUBTFUL_FROM_S
        return 0.0 if has_stepped or abs(self._ahead_s) <= DOUBTFUL_FROM_S else self._ahead_s

    def weigh(self, order: Instruction, now: Now) -> tuple[list[Note], Instruction]:
        """What to say by now; and *order*, for now if that is what the CEM may mean by its time.

        Too soon is better than too late. One that comes late is a sign of the CEM's clock, if that gives no date.
        """
        late = now.utc - order.execution_time
        if late <= _IN_TIME and abs(self._ahead_s) <= DOUBTFUL_FROM_S:
            return [], order
        late_s = late.total_seconds()
        if not self._is_dated and DOUBTFUL_FROM_S < late_s < _LATE_AT_MOST_S:
            self._heard_at, self._ahead_s = now, -late_s
        is_meant_for_now = 0 < -late_s <= min(self.ahead_s(now), MEANT_FOR_NOW_S)
        return self.news(now), replace(order, execution_time=now.utc) if is_meant_for_now else order

    def news(self, now: Now) -> list[Note]:
        """What to say of it: once, until the clocks agree again."""
        ahead_s = self.ahead_s(now)
        is_news, self._is_told = bool(ahead_s) and not self._is_told, bool(ahead_s)
        return [Note(Level.WARNING, "clock.doubtful", {"cem_ahead_s": round(ahead_s, 1)})] if is_news else []

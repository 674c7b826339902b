"""Timers of transitions, and last operation modes, of a resource: what must not happen again, or be undone, too soon.

They are the resource's, not the session's: a compressor needs its rest whoever is in charge.

Spec: EN 50491-12-2, Timer, Transition; S2 JSON `*.TimerStatus`.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from ....values import Now

_NEVER_STARTED = timedelta(days=1)
"""How long ago a timer that was never started is said to have finished; S2 leaves it to us."""
_RESOLUTION_S = 0.001
"""S2 counts in milliseconds; less is no reason to block."""


class Timed(NamedTuple):
    """A timer as it was started last."""

    finishes_at: float
    """Monotonic seconds."""
    duration_s: float


class TimersAndModes:
    """The timers and last modes of one resource: outlive sessions and control types, heed no step of the clock.

    A timer is known by its *scope* (an actuator, or the whole resource) and its id, which is unique within.
    """

    def __init__(self) -> None:
        self.last_mode: dict[str, str] = {}
        """By scope: the operation mode it was last brought to or seen in."""
        self.seen_mode: dict[str, str] = {}
        """By scope: the operation mode it was last seen in."""
        self.change: dict[str, tuple[str, datetime]] = {}
        """By scope: the operation mode it was seen in before that one, and when the change was initiated."""
        self.timed: dict[tuple[str, str], Timed] = {}
        """By scope and id; finished ones stay."""
        self.starts = 0
        """How often a timer was started."""
        self.changes = 0
        """How often anything of it has changed."""

    def bring(self, scope: str, mode_id: str) -> None:
        """Notes the mode that *scope* is brought to, or seen in."""
        if self.last_mode.get(scope) != mode_id:
            self.last_mode[scope] = mode_id
            self.changes += 1

    def see(self, scope: str, mode_id: str, initiated: datetime) -> None:
        """Notes the mode that *scope* is seen in; if that is another one, the change was *initiated* then."""
        seen_id = self.seen_mode.get(scope, mode_id)
        if seen_id != mode_id:
            self.change[scope] = (seen_id, initiated)
        if self.seen_mode.get(scope) != mode_id:
            self.seen_mode[scope] = mode_id
            self.changes += 1

    def start(self, scope: str, timer_id: str, duration_s: float, now: Now) -> None:
        """Starts a timer, anew if it runs."""
        self.timed[scope, timer_id] = Timed(now.mono + duration_s, duration_s)
        self.starts += 1
        self.changes += 1

    def runs_at(self, scope: str, timer_id: str, mono: float) -> bool:
        """Whether it will still run at *mono*, in monotonic seconds."""
        timed = self.timed.get((scope, timer_id))
        return timed is not None and timed.finishes_at - mono >= _RESOLUTION_S

    def finished_at(self, scope: str, timer_id: str, now: Now) -> datetime:
        """When it finishes or has finished, by the clock as it is set now."""
        timed = self.timed.get((scope, timer_id))
        if timed is None:
            return now.utc - _NEVER_STARTED
        return now.utc + timedelta(seconds=timed.finishes_at - now.mono)

"""The timers of a resource's transitions: what must not happen again, or be undone, too soon.

They are the resource's, not the session's: a compressor needs its rest whoever is in charge.

Spec: EN 50491-12-2, Timer, Transition; S2 JSON `*.TimerStatus`.
"""

from datetime import datetime, timedelta

from ....values import Now

_NEVER_STARTED = timedelta(days=1)
"""How long ago a timer that was never started is said to have finished; S2 leaves it to us."""
_RESOLUTION_S = 0.001
"""S2 counts in milliseconds; less is no reason to block."""


class Timers:
    """When each timer of one resource finishes; outlives sessions and control types, and heeds no step of the clock.

    A timer is known by its *scope* (an actuator, or the whole resource) and its id, which is unique within.
    """

    def __init__(self) -> None:
        self.last_mode: dict[str, str] = {}
        """By scope: the operation mode it was last brought to or seen in."""
        self.seen_mode: dict[str, str] = {}
        """By scope: the operation mode it was last seen in."""
        self.change: dict[str, tuple[str, datetime]] = {}
        """By scope: the operation mode it was seen in before that one, and when the change was initiated."""
        self._finishes_at: dict[tuple[str, str], float] = {}

    def start(self, scope: str, timer_id: str, duration_s: float, now: Now) -> None:
        """Starts a timer, anew if it runs."""
        self._finishes_at[scope, timer_id] = now.mono + duration_s

    def runs_at(self, scope: str, timer_id: str, mono: float) -> bool:
        """Whether it will still run at *mono*, in monotonic seconds."""
        return self._finishes_at.get((scope, timer_id), mono) - mono >= _RESOLUTION_S

    def finished_at(self, scope: str, timer_id: str, now: Now) -> datetime:
        """When it finishes or has finished, by the clock as it is set now."""
        finishes_at = self._finishes_at.get((scope, timer_id))
        if finishes_at is None:
            return now.utc - _NEVER_STARTED
        return now.utc + timedelta(seconds=finishes_at - now.mono)

"""Runs of power sequences: how far one has got, and whether the next fits behind it.

Spec: EN 50491-12-2, PPBC; S2 JSON `PPBC.PowerSequence`, `PPBC.PowerSequenceContainerStatus`.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from ....s2.messages.ppbc import PowerSequence, PowerSequenceStatus
from ....values import Now

LATENESS = timedelta(seconds=5)
"""Sequences planned back to back may overlap by this much, as no start is ever quite on time: the next one waits."""

_MS = timedelta(milliseconds=1)


class Action(Enum):
    """An action of the device on a sequence."""

    RUN = "run"
    """From its beginning."""
    PAUSE = "pause"
    RESUME = "resume"


Instant = Annotated[datetime, Meta(tz=True)]
"""What was remembered has been out of our hands: it must be one that can be counted with..."""
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
"""...and so must a duration."""


class RememberedRun(Struct, frozen=True):
    """A sequence run as it is remembered, by the clock: it outlives the process."""

    sequence_id: str
    lasts_s: Seconds
    action: Action
    status: PowerSequenceStatus
    commanded_at: Instant
    ran_s: Seconds
    runs_since: Instant | None
    over_at: Instant | None


class SequenceRun:
    """The run of a sequence from its command on. Pauses are no progress; a step of the clock changes nothing."""

    def __init__(self, sequence: PowerSequence, lasts: timedelta, now: Now) -> None:
        """*lasts* is how long *sequence* runs without pauses."""
        self.sequence = sequence
        self.action = Action.RUN
        """What was commanded last."""
        self.commanded_at = now.mono
        self.status = PowerSequenceStatus.SCHEDULED
        """As far as the device was seen to follow."""
        self._lasts = lasts
        self._runs_since: float | None = now.mono
        self._ran_s = 0.0
        self._over_at: float | None = None

    @classmethod
    def recalled(cls, remembered: RememberedRun, sequence: PowerSequence, now: Now) -> "SequenceRun":
        """The run of *sequence* that was remembered, by the clock as it is set *now*."""
        run = cls(sequence, timedelta(seconds=remembered.lasts_s), now)
        run.action, run.status = remembered.action, remembered.status
        run.commanded_at = _mono_of(remembered.commanded_at, now)
        run._ran_s = remembered.ran_s
        run._runs_since = None if remembered.runs_since is None else _mono_of(remembered.runs_since, now)
        run._over_at = None if remembered.over_at is None else _mono_of(remembered.over_at, now)
        return run

    def remembered(self, now: Now) -> RememberedRun:
        """It, by the clock as it is set *now*."""
        return RememberedRun(
            self.sequence.id,
            self._lasts.total_seconds(),
            self.action,
            self.status,
            _utc_of(self.commanded_at, now),
            self._ran_s,
            None if self._runs_since is None else _utc_of(self._runs_since, now),
            None if self._over_at is None else _utc_of(self._over_at, now),
        )

    @property
    def is_pausing(self) -> bool:
        """Whether it was last commanded to pause."""
        return self.is_open and self.action is Action.PAUSE

    @property
    def is_open(self) -> bool:
        return self._over_at is None

    @property
    def is_seen(self) -> bool:
        """Whether the device was seen to do what was commanded last."""
        return self._over_at is not None or self.status is self._aim

    @property
    def finishes_at(self) -> float | None:
        """When (monotonic seconds) it will have run to its end; None unless it is seen to run."""
        if self.status is not PowerSequenceStatus.EXECUTING or self._runs_since is None:
            return None
        return self._runs_since + self._lasts.total_seconds() - self._ran_s

    def command(self, action: Action, now: Now) -> None:
        """Notes that the device was told to pause, or to go on."""
        self._ran_s = self._progress_s(now)
        self._runs_since = None if action is Action.PAUSE else now.mono
        self.action, self.commanded_at = action, now.mono

    def see(self) -> None:
        """Notes that the device does what was commanded last."""
        self.status = self._aim

    def finish(self) -> None:
        """Notes that it has run to its end, which was when `finishes_at` said."""
        self._over_at, self._runs_since = self.finishes_at, None
        self._ran_s = self._lasts.total_seconds()
        self.status = PowerSequenceStatus.FINISHED

    def abort(self, now: Now) -> None:
        """Notes that it will not continue."""
        self._ran_s, self._runs_since = self._progress_s(now), None
        self.status, self._over_at = PowerSequenceStatus.ABORTED, now.mono

    def ends_at(self, now: Now) -> datetime:
        """When it ended, or will at the earliest."""
        if self._over_at is not None:
            return now.utc - timedelta(seconds=now.mono - self._over_at)
        return now.utc + self._lasts - timedelta(seconds=self._progress_s(now))

    def progress_ms(self, now: Now) -> int | None:
        return None if self.status is PowerSequenceStatus.SCHEDULED else round(self._progress_s(now) * 1000)

    @property
    def _aim(self) -> PowerSequenceStatus:
        is_pause = self.action is Action.PAUSE
        return PowerSequenceStatus.INTERRUPTED if is_pause else PowerSequenceStatus.EXECUTING

    def _progress_s(self, now: Now) -> float:
        return self._ran_s + (now.mono - self._runs_since if self._runs_since is not None else 0.0)


def _utc_of(mono: float, now: Now) -> datetime:
    return now.utc - timedelta(seconds=now.mono - mono)


def _mono_of(utc: datetime, now: Now) -> float:
    """Never later than *now*, whatever became of the clock."""
    return now.mono - max(0.0, (now.utc - utc).total_seconds())


def duration_of(sequence: PowerSequence) -> timedelta:
    """How long *sequence* runs without pauses."""
    return timedelta(milliseconds=sum(element.duration for element in sequence.elements))


def misfit(ends_at: datetime, begins_at: datetime, follower: PowerSequence) -> str | None:
    """Why *follower* cannot begin then, if what is before it ends at *ends_at*."""
    pause = begins_at - ends_at
    if pause < -LATENESS:
        return f"the container before runs until {ends_at:%H:%M:%S}"
    if follower.max_pause_before is None or pause / _MS <= follower.max_pause_before:
        return None
    return f"the pause before {follower.id} may last {follower.max_pause_before / 1000:g} s at most"

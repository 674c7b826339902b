"""Memory of a resource manager: what must survive a restart of its timers, modes and task.

Instants are kept by the clock, and come back on the clock that never steps. A Pi may start without knowing the time:
where the clock has stepped back, a timer has its whole duration before it, and never more; of an instant no time has
passed.
"""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from ..values import Now, Value
from .control.operation_modes.timers import Timed, TimersAndModes
from .control.ppbc.sequence_run import Instant, RememberedRun, Seconds, SequenceRun
from .control.ppbc.task import Task, TaskProgress
from .kinds.kept_values import KeptValues


class RememberedTimer(Struct, frozen=True):
    """A timer of a scope as it is remembered: when it was started last."""

    scope: str
    timer_id: str
    started_at: Instant
    duration_s: Seconds


class Memory(Struct, frozen=True):
    """The memory of one resource manager, as it is kept."""

    timers: tuple[RememberedTimer, ...] = ()
    last_mode: dict[str, str] = {}
    seen_mode: dict[str, str] = {}
    change: dict[str, tuple[str, Instant]] = {}
    task: Task | None = None
    runs: dict[str, RememberedRun] = {}
    """By container id."""
    values: dict[str, Value] = {}
    """Of the kind, by names of its own."""
    instants: dict[str, Instant] = {}
    kept_at: Instant | None = None
    """When all of it was so; None in one of an older version."""


def memory_of(timers: TimersAndModes, progress: TaskProgress, kept: KeptValues, now: Now) -> Memory:
    """What is to be remembered of them."""
    return Memory(
        tuple(
            RememberedTimer(scope, timer_id, _started_at(timed, now), timed.duration_s)
            for (scope, timer_id), timed in timers.timed.items()
        ),
        dict(timers.last_mode),
        dict(timers.seen_mode),
        dict(timers.change),
        progress.profile,
        {container_id: run.remembered(now) for container_id, run in progress.runs.items()},
        dict(kept.values),
        {name: _by_the_clock(at, now) for name, at in kept.instants.items()},
        now.utc,
    )


def recall(memory: Memory, timers: TimersAndModes, progress: TaskProgress, kept: KeptValues, now: Now) -> None:
    """Puts what is remembered back into new *timers*, *progress* and *kept*."""
    kept.values |= memory.values
    # By a clock that has stepped back, no time has passed; what is over must not be ahead.
    present = now.utc if memory.kept_at is None else max(memory.kept_at, now.utc)
    kept.instants |= {name: now.mono + (at - present).total_seconds() for name, at in memory.instants.items()}
    for each in memory.timers:
        passed_s = min(max(0.0, (now.utc - each.started_at).total_seconds()), each.duration_s + _LONG_OVER_S)
        left_s = each.duration_s - passed_s
        timers.timed[each.scope, each.timer_id] = Timed(now.mono + left_s, each.duration_s)
    timers.last_mode |= memory.last_mode
    timers.seen_mode |= memory.seen_mode
    timers.change |= memory.change
    progress.turn_to(memory.task)
    for container_id, remembered in memory.runs.items():
        slot = progress.slots.get(container_id)
        if slot and remembered.sequence_id in slot.sequences:
            sequence = slot.sequences[remembered.sequence_id]
            progress.runs[container_id] = SequenceRun.recalled(remembered, sequence, now)


def encoded(memory: Memory) -> bytes:
    """*memory* as it is kept."""
    return msgspec.json.encode(memory)


def decoded(kept: bytes) -> Memory:
    """The memory in *kept*.

    Raises: ValueError: it is damaged, or of another version.
    """
    return _DECODER.decode(kept)


_DECODER = msgspec.json.Decoder(Memory)
_LONG_OVER_S = 86_400.0
"""For how much longer a timer is over by now says nothing, and may be more than there are years."""


def _by_the_clock(at: float, now: Now) -> datetime:
    """When *at* (monotonic seconds) is; what is further off than any year has no other end."""
    try:
        return now.utc + timedelta(seconds=at - now.mono)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if at > now.mono else datetime.min.replace(tzinfo=UTC)


def _started_at(timed: Timed, now: Now) -> datetime:
    return now.utc - timedelta(seconds=now.mono - timed.finishes_at + timed.duration_s)

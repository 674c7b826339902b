"""Transitions between the operation modes of a resource, and the timers that block them, as tables.

A timer protects hardware against being switched too often. What is abnormal (S2's abnormal_condition) may pass some of
them: S2 has it as a second transition of the same way, for abnormal conditions only.

Spec: EN 50491-12-2, Transition, Timer.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...s2.messages.common import Timer, Transition
from .part_ids import part_id


class Way(NamedTuple):
    """A way from one operation mode to another, by their ids; timers by the names of a table."""

    before: str
    after: str
    starts: tuple[str, ...] = ()
    blocked_by: tuple[str, ...] = ()
    duration_s: float | None = None
    """How long the change takes; None: nobody knows."""
    passes_if_abnormal: tuple[str, ...] = ()
    """The timers among `blocked_by` that do not block it under abnormal conditions."""


def described_timers(resource_id: str, timers_s: Mapping[str, float]) -> tuple[Timer, ...]:
    """The timers of a table, name → duration in seconds."""
    return tuple(
        Timer(id=part_id(resource_id, f"timer {name}"), diagnostic_label=name, duration=round(duration_s * 1000))
        for name, duration_s in timers_s.items()
    )


def described_transitions(resource_id: str, ways: Iterable[Way]) -> tuple[Transition, ...]:
    """The transitions of *ways*; where more is allowed under abnormal conditions, one for these as well."""
    return tuple(transition for way in ways for transition in _described(resource_id, way))


def _described(resource_id: str, way: Way) -> Iterable[Transition]:
    def transition(blocked_by: Iterable[str], *, is_abnormal: bool) -> Transition:
        name = f"{way.after} abnormal" if is_abnormal else way.after
        return Transition(
            id=part_id(way.before, name),
            from_=way.before,
            to=way.after,
            start_timers=tuple(part_id(resource_id, f"timer {each}") for each in way.starts),
            blocking_timers=tuple(part_id(resource_id, f"timer {each}") for each in blocked_by),
            transition_duration=None if way.duration_s is None else round(way.duration_s * 1000),
            abnormal_condition_only=is_abnormal,
        )

    yield transition(way.blocked_by, is_abnormal=False)
    if passed := set(way.passes_if_abnormal):
        yield transition([each for each in way.blocked_by if each not in passed], is_abnormal=True)

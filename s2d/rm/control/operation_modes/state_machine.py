"""The state machine of one scope: its operation modes, the transitions between them, and the timers that block these.

Spec: EN 50491-12-2, OperationMode, Transition, Timer; the same in FRBC, OMBC and DDBC.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from ....s2.messages.common import Timer, Transition
from ....values import Now
from .timers import Timed, TimersAndModes


class DescribedMode(Protocol):
    """An operation mode, as far as all control types describe it alike."""

    @property
    def id(self) -> str: ...

    @property
    def diagnostic_label(self) -> str | None: ...

    @property
    def abnormal_condition_only(self) -> bool: ...


class DescribedMachine(Protocol):
    """A state machine as it is described: of an actuator in FRBC and DDBC, of the whole resource in OMBC."""

    @property
    def operation_modes(self) -> tuple[DescribedMode, ...]: ...

    @property
    def transitions(self) -> tuple[Transition, ...]: ...

    @property
    def timers(self) -> tuple[Timer, ...]: ...


class Forbidden(Exception):
    """A change of mode that is not open at the time."""


class StateMachine:
    """The state machine of one scope. Without any transition every change of mode is open: none was ruled out."""

    def __init__(self, scope: str, described: DescribedMachine, timers: TimersAndModes) -> None:
        self.modes = {mode.id: mode for mode in described.operation_modes}
        self._scope = scope
        self._ways: dict[tuple[str, str], list[Transition]] = {}
        for way in described.transitions:
            self._ways.setdefault((way.from_, way.to), []).append(way)
        self._durations = {timer.id: timer.duration for timer in described.timers}
        self._timers = timers
        self._told: dict[str, Timed | None] = {}
        """The timers as they were told last."""

    def label(self, mode_id: str) -> str:
        """The mode as people call it."""
        mode = self.modes.get(mode_id)
        return mode.diagnostic_label or mode.id if mode else mode_id

    def transition(
        self, before_id: str, after_id: str, at: datetime, now: Now, *, is_abnormal: bool
    ) -> Transition | None:
        """The way from one mode to the other that is open at *at*; None where none is needed.

        Raises: Forbidden: there is no such way, or it is not open then.
        """
        if before_id == after_id or not self._ways:
            return None
        why = ""
        for way in self._between(before_id, after_id):
            if way.abnormal_condition_only and not is_abnormal:
                why = "the transition is for abnormal conditions only"
            elif running := self._running(way.blocking_timers, at, now):
                why = f"the transition is blocked by the timer {running[0]}"
            else:
                return way
        raise Forbidden(why or f"no transition leads from {self.label(before_id)} to {self.label(after_id)}")

    def initiate(self, transition: Transition, now: Now) -> None:
        """Starts the timers of *transition*."""
        for timer_id in transition.start_timers:
            self._timers.start(self._scope, timer_id, self._durations[timer_id] / 1000, now)

    def drift(self, before_id: str, after_id: str, now: Now) -> None:
        """Notes that the mode has changed without an order; whichever way it went, its timers start."""
        for way in self._between(before_id, after_id):
            self.initiate(way, now)

    def news_of_timers(self, now: Now) -> list[tuple[str, datetime]]:
        """The timers to tell of, and when each finishes: all at first, then those started since, by whomever."""
        if not self._durations:
            return []
        timed = {timer_id: self._timers.timed.get((self._scope, timer_id)) for timer_id in self._durations}
        told, self._told = self._told, timed
        news = [timer_id for timer_id, each in timed.items() if timer_id not in told or each != told[timer_id]]
        return [(timer_id, self._timers.finished_at(self._scope, timer_id, now)) for timer_id in news]

    def _running(self, timer_ids: tuple[str, ...], at: datetime, now: Now) -> list[str]:
        """Which of the timers will still run at *at*."""
        if not timer_ids:
            return []
        mono = now.mono + max(0.0, (at - now.utc).total_seconds())
        return [each for each in timer_ids if self._timers.runs_at(self._scope, each, mono)]

    def _between(self, before_id: str, after_id: str) -> Iterable[Transition]:
        return self._ways.get((before_id, after_id), ())

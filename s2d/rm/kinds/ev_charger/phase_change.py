"""The phases of a station, and their change: stop, see it stopped, switch, let it settle; contacts weld under load."""

from enum import Enum
from math import inf

from msgspec import Struct

from ....values import Now, Setpoint
from ..kept_values import KeptValues
from ..shared_state import SharedState
from .car import only_car
from .charge_limit import Phases
from .settings import EvChargerSettings

PHASE_COUNT = "phase_count"
STOPPED_WITHIN_S = 60.0
SWITCHED_WITHIN_S = 60.0
SETTLE_S = 10.0
"""A car needs so long to notice."""
_OTHERS_AFTER_S = 120.0
"""A limit that asks for other phases has to do so for so long."""
_CHANGED_AT = "phases_changed_at"


class ChangeStage(Enum):
    """The stage of a change of phases."""

    STOP = "stop"
    SWITCH = "switch"
    SETTLE = "settle"


class PhaseChange(Struct):
    """The change of phases that is under way. Times are monotonic seconds."""

    to: Phases
    began_at: float
    stage: ChangeStage = ChangeStage.STOP
    switched_at: float = inf
    settled_at: float = inf

    def next_at(self) -> float:
        """When it goes on by itself, or is given up."""
        match self.stage:
            case ChangeStage.STOP:
                return self.began_at + STOPPED_WITHIN_S
            case ChangeStage.SWITCH:
                return self.switched_at + SWITCHED_WITHIN_S
            case ChangeStage.SETTLE:
                return self.settled_at


class StationPhases:
    """The phases of one station: on how many it is, when it may be on others, and how it gets there."""

    def __init__(self, settings: EvChargerSettings, state: SharedState, kept: KeptValues, *, can_be_told: bool) -> None:
        """*can_be_told*: there is something to write that switches them."""
        only = only_car(settings.cars)
        is_taken = only is None or only.can_switch_phases
        self.can_switch = settings.phase_switching and can_be_told and is_taken
        """Whether it can be told on how many phases to charge."""
        self.change: PhaseChange | None = None
        """The change that is under way."""
        self.failed: str | None = None
        """Why the phases that were ordered last could not be had."""
        self._settings = settings
        self._state = state
        self._kept = kept
        self._others_since: float | None = None

    def present(self) -> Phases:
        """On how many it is, by what it says, else by what it was told last."""
        if self._settings.phases == 1:
            return 1
        said = self._state.value(PHASE_COUNT)
        if said is None and self.can_switch:
            said = self._kept.values.get(PHASE_COUNT)
        return 1 if said == 1 else 3

    @property
    def changed_at(self) -> float:
        """When (monotonic seconds) they were changed last; long ago if they never were."""
        return self._kept.instants.get(_CHANGED_AT, -inf)

    @property
    def kept_until(self) -> float:
        """Until when (monotonic seconds) they may not be changed again."""
        return self.changed_at + self._settings.timers.phases_s

    @property
    def next_at(self) -> float:
        """When (monotonic seconds) a change goes on or begins though nothing happens."""
        return self.change.next_at() if self.change else self._others_at

    def asked_for(self, wanted: Phases, now: Now) -> Phases:
        """What to be on for a limit that wants them to be *wanted*: these, once it has for long enough."""
        present = self.present()
        if wanted == present:
            self._others_since = None
            return present
        if self._others_since is None:
            self._others_since = now.mono
        return wanted if now.mono >= self._others_at else present

    def go_on(self, wanted: Phases, now: Now, *, is_stopped: bool, is_confirmed: bool) -> None:
        """Begins a change to what is *wanted*, or goes on with the one that is under way.

        *is_stopped*: the station was seen to stand still; *is_confirmed*: it has confirmed all that it was told.
        """
        change = self.change
        if change is None:
            if wanted != self.present():
                self.change = PhaseChange(wanted, now.mono)
        elif change.stage is ChangeStage.STOP:
            if wanted == self.present():
                self.change = None
            elif is_stopped:
                change.stage, change.switched_at = ChangeStage.SWITCH, now.mono
            elif now.mono >= change.next_at():
                self._give_up(f"it does not stop, so its phases are not changed to {change.to}", now)
        elif change.stage is ChangeStage.SWITCH:
            if is_confirmed and self.present() == change.to:
                change.stage, change.settled_at = ChangeStage.SETTLE, now.mono + SETTLE_S
            elif now.mono >= change.next_at():
                if PHASE_COUNT in self._kept.values:
                    self._kept.put(PHASE_COUNT, 1 if change.to == 3 else 3)
                self._give_up(f"its phases are not seen to be {change.to}", now)
        elif now.mono >= change.next_at():
            self.change = None

    def switch(self, now: Now) -> Setpoint | None:
        """What switches them, at the instant at which a change comes to that."""
        change = self.change
        if change is None or change.stage is not ChangeStage.SWITCH or change.switched_at != now.mono:
            return None
        self._kept.put_instant(_CHANGED_AT, change.began_at, is_urgent=True)
        self._kept.put(PHASE_COUNT, change.to, is_urgent=True)
        self._others_since = None
        return Setpoint(PHASE_COUNT, change.to, f"it goes to {change.to} phase{'s' if change.to > 1 else ''}")

    @property
    def _others_at(self) -> float:
        """When (monotonic seconds) they may be changed for a limit that asks for others."""
        return inf if self._others_since is None else max(self._others_since + _OTHERS_AFTER_S, self.kept_until)

    def _give_up(self, reason: str, now: Now) -> None:
        self.change, self.failed = None, reason
        self._others_since = None
        self._kept.put_instant(_CHANGED_AT, now.mono)

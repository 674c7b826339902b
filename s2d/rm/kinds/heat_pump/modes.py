"""The OMBC adapter of a heat pump: its SG-Ready states, each a mode at the power that is usual in it."""

from ....s2.messages import ombc
from ....s2.messages.common import PowerRange
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict
from ...control.ombc import OperationModeMachine
from ...control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ...occasion import Occasion
from ..part_ids import part_id
from ..transitions import Way, described_timers, described_transitions
from .heat_pump import HeatPump
from .sg_ready import BLOCKED, BOOST, FORCED, NORMAL

_HOLD, _REST = "least time in a state", "least time between blocks"
_CHANGES_WITHIN_S = 60.0
_DIMMED_W = 4200.0
"""What is left to a device that is dimmed: § 14a EnWG."""


class SgReadyModes:
    """The OMBC adapter: which state a heat pump is in. What it takes in it is its own affair."""

    def __init__(self, heat_pump: HeatPump) -> None:
        assert heat_pump.sg is not None
        self._heat_pump = heat_pump
        self._sg = heat_pump.sg
        settings = heat_pump.settings
        states = (NORMAL, BOOST, *((FORCED,) if settings.forced else ()), BLOCKED)
        self._state_of = {part_id(heat_pump.resource_id, f"sg {state}"): state for state in states}
        self._id_of = {state: mode_id for mode_id, state in self._state_of.items()}
        self._machine: tuple[tuple[float, float], OperationModeMachine] | None = None
        dimmed_w = float(settings.legal_limit_w or _DIMMED_W)
        is_dimmed = settings.state_1 == "dim"
        self._blocked_w = (0.0, dimmed_w) if is_dimmed else (0.0, 0.0)
        self._labels = {
            NORMAL: "normal: its own control",
            BOOST: "boost: recommended on",
            FORCED: "forced: ordered on",
            BLOCKED: f"dimmed to {dimmed_w:g} W, for 1 h 55 min at most (the factor means nothing)"
            if is_dimmed
            else "blocked, for 1 h 55 min at most",
        }

    def state_machine(self) -> OperationModeMachine:
        published_w = self._heat_pump.published_w
        usual_w = published_w[NORMAL].value or 0.0, published_w[BOOST].value or 0.0
        if self._machine is None or self._machine[0] != usual_w:
            self._machine = usual_w, self._described(*usual_w)
        return self._machine[1]

    def activity_of(self, scope: str) -> ModeAndFactor | None:
        mode_id = self._id_of.get(self._sg.seen or "")
        return None if mode_id is None else ModeAndFactor(mode_id, 0.0)

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        if not self._heat_pump.state.is_online:
            return "the device does not answer"
        if (wanted := self._heat_pump.wish.reason) and not goal.is_abnormal:
            return wanted
        return self._sg.obstacle_to(self._state_of[goal.activity.operation_mode_id], now)

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        state = self._state_of[goal.activity.operation_mode_id]
        return self._sg.order(state, reason, now, is_abnormal=goal.is_abnormal)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._heat_pump.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._heat_pump.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        return self._sg.verdict_on(self._state_of[goal.operation_mode_id], since)

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        return 1.0

    def _described(self, normal_w: float, boost_w: float) -> OperationModeMachine:
        usual_w = {NORMAL: (normal_w,) * 2, BOOST: (boost_w,) * 2, FORCED: (boost_w,) * 2, BLOCKED: self._blocked_w}
        timers = self._heat_pump.settings.timers
        return OperationModeMachine(
            tuple(
                ombc.OperationMode(
                    id=mode_id,
                    diagnostic_label=self._labels[state],
                    power_ranges=(
                        PowerRange(
                            start_of_range=usual_w[state][0],
                            end_of_range=usual_w[state][1],
                            commodity_quantity=self._heat_pump.quantity,
                        ),
                    ),
                    abnormal_condition_only=False,
                )
                for mode_id, state in self._state_of.items()
            ),
            described_transitions(
                self._heat_pump.resource_id,
                [self._way(before, after) for before in self._id_of for after in self._id_of if before != after],
            ),
            described_timers(self._heat_pump.resource_id, {_HOLD: timers.hold_s, _REST: timers.rest_s}),
        )

    def _way(self, before: str, after: str) -> Way:
        """To shed, or to leave it to itself, is what abnormal conditions are for; the rest between blocks stays."""
        is_free_if_abnormal = after == BLOCKED or (after == NORMAL and before in (BLOCKED, BOOST, FORCED))
        return Way(
            self._id_of[before],
            self._id_of[after],
            starts=(_HOLD, _REST) if before == BLOCKED else (_HOLD,),
            blocked_by=(_HOLD, _REST) if after == BLOCKED else (_HOLD,),
            duration_s=_CHANGES_WITHIN_S,
            passes_if_abnormal=(_HOLD,) if is_free_if_abnormal else (),
        )

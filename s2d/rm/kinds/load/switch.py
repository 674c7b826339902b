"""The OMBC adapter of a load: it is on or off, and neither for less than its least time."""

from ....s2.messages import ombc
from ....s2.messages.common import PowerRange
from ....values import Now, Setpoint
from ...control.execution import Stage, Verdict
from ...control.ombc import OperationModeMachine
from ...control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ...occasion import Occasion
from ..part_ids import part_id
from ..transitions import Way, described_timers, described_transitions
from .load import Load

LEAST_ON, LEAST_OFF = "least time on", "least time off"


class LoadSwitch:
    """The OMBC adapter: the modes on, at the power it usually takes, and off."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._on_id, self._off_id = part_id(load.resource_id, "on"), part_id(load.resource_id, "off")
        timers_s = {LEAST_ON: float(load.settings.timers.on_s), LEAST_OFF: float(load.settings.timers.off_s)}
        self._timers = described_timers(load.resource_id, timers_s)
        self._transitions = described_transitions(
            load.resource_id,
            (
                Way(self._off_id, self._on_id, starts=(LEAST_ON,), blocked_by=(LEAST_OFF,)),
                Way(
                    self._on_id,
                    self._off_id,
                    starts=(LEAST_OFF,),
                    blocked_by=(LEAST_ON,),
                    passes_if_abnormal=(LEAST_ON,),
                ),
            ),
        )

    def state_machine(self) -> OperationModeMachine:
        modes = ((self._on_id, "on", self._load.running.power_w or 0.0), (self._off_id, "off", 0.0))
        return OperationModeMachine(
            tuple(
                ombc.OperationMode(
                    id=mode_id,
                    diagnostic_label=label,
                    power_ranges=(
                        PowerRange(
                            start_of_range=power_w, end_of_range=power_w, commodity_quantity=self._load.quantity
                        ),
                    ),
                    abnormal_condition_only=False,
                )
                for mode_id, label, power_w in modes
            ),
            self._transitions,
            self._timers,
        )

    def activity_of(self, scope: str) -> ModeAndFactor | None:
        is_on = self._load.is_on
        return None if is_on is None else ModeAndFactor(self._on_id if is_on else self._off_id, 0.0)

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        return self._load.obstacle_to_switch(now, on=self._is_on(goal.activity), is_abnormal=goal.is_abnormal)

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        return self._load.switch(reason, now, on=self._is_on(goal.activity), is_abnormal=goal.is_abnormal)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._load.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._load.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        return self._load.is_switched(since, on=self._is_on(goal))

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        return 1.0

    def _is_on(self, activity: ModeAndFactor) -> bool:
        return activity.operation_mode_id == self._on_id

"""The OMBC adapter of a battery: it idles, charges or discharges, at a power of its own choice."""

from itertools import permutations

from ....s2.messages import ombc
from ....s2.messages.common import PowerRange
from ....values import Now, Setpoint
from ...control.execution import FOLLOWED, PENDING, Stage, Verdict, failed
from ...control.ombc import OperationModeMachine
from ...control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ...occasion import Occasion
from ..transitions import Way, described_transitions
from ..verdicts import reads
from .battery import MODE, Battery, OrderedPower


class BatteryModes:
    """The OMBC adapter: a battery is told what to do, not how much; each mode is described at the most it may be."""

    def __init__(self, battery: Battery) -> None:
        self._battery = battery
        self._state_of = {mode.id: state for state, mode in battery.description.extremes.items()}
        self._machine = OperationModeMachine(
            tuple(
                ombc.OperationMode(
                    id=mode.id,
                    diagnostic_label=mode.label,
                    power_ranges=(
                        PowerRange(
                            start_of_range=mode.power_w[0],
                            end_of_range=mode.power_w[1],
                            commodity_quantity=battery.description.quantity,
                        ),
                    ),
                    abnormal_condition_only=False,
                )
                for mode in battery.description.extremes.values()
            ),
            described_transitions(
                battery.description.actuator_id,
                (Way(before, after) for before, after in permutations(self._state_of, 2)),
            ),
        )

    def state_machine(self) -> OperationModeMachine:
        return self._machine

    def activity_of(self, scope: str) -> ModeAndFactor | None:
        mode = self._battery.mode
        return None if mode is None else ModeAndFactor(mode.id, 0.0)

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        return self._battery.obstacle_to(self._ordered(goal))

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        freed = self._battery.order(self._ordered(goal), reason)
        setpoint = Setpoint(MODE, self._state_of[goal.activity.operation_mode_id], reason)
        return [Stage((*freed, setpoint), self._battery.follow_within_s)]

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._battery.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        if reason := self._battery.contradiction(MODE, since):
            return failed(reason)
        state = self._battery.state
        if state.is_known(MODE):  # the device says itself what it does
            return reads(state, MODE, self._state_of[goal.operation_mode_id], since)
        seen = self._battery.mode
        is_seen = seen is not None and state.was_read_since("power", since) and seen.id == goal.operation_mode_id
        return FOLLOWED if is_seen else PENDING

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        return 1.0

    def _ordered(self, goal: OrderedMode) -> OrderedPower:
        mode = self._battery.description.extremes[self._state_of[goal.activity.operation_mode_id]]
        return OrderedPower(mode, mode.power_w[0], spends_reserve=goal.is_abnormal)

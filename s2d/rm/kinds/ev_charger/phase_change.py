"""The change of phases of a station: stop, see it stopped, switch, let it settle; contacts weld under load."""

from enum import Enum
from math import inf

from msgspec import Struct

from .charge_limit import Phases

STOPPED_WITHIN_S = 60.0
SWITCHED_WITHIN_S = 60.0
SETTLE_S = 10.0
"""A car needs so long to notice."""


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

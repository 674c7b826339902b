"""Operation mode and factor, and the resource that is steered by them: the same in FRBC, OMBC and DDBC.

A *scope* is what has one operation mode at a time: an actuator, by its id, or the whole resource.

Spec: EN 50491-12-2, OperationMode; S2 JSON `*.Instruction`, `*.ActuatorStatus`, `OMBC.Status`.
"""

from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from ....s2.messages import ddbc, frbc, ombc
from ....values import Now, Setpoint
from ...occasion import Occasion
from ..execution import RestingResource, Stage, Verdict


class ModeAndFactor(Struct, frozen=True):
    """An operation mode and its factor: what a scope does, or shall do."""

    operation_mode_id: str
    factor: float
    """0 to 1."""


class OrderedMode(Struct, frozen=True):
    """The goal of an instruction: mode and factor."""

    activity: ModeAndFactor
    is_abnormal: bool


class OperationModeResource(RestingResource, Protocol):
    """A resource that is steered by operation modes.

    Actuator ids are unique over all its control types; ids stay the same as long as what they name is described.
    """

    def activity_of(self, scope: str, /) -> ModeAndFactor | None:
        """What is really done, in a mode that is described; None while no reading that holds tells."""
        ...

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now, /) -> str | None:
        """Why *goal* may not be done now (offline, fault, safety), or None."""
        ...

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now, /) -> list[Stage]:
        """What to write, stage by stage, so that *goal* is done."""
        ...

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now, /) -> list[Setpoint]:
        """What to write so that *scope* alone, which may be described no longer, is at rest."""
        ...

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now, /) -> Verdict:
        """Whether readings no older than *since* (monotonic seconds) show *goal* being done."""
        ...

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float, /) -> float:
        """How much factor *power_w* is in that mode."""
        ...


OperationModeInstruction: TypeAlias = frbc.Instruction | ombc.Instruction | ddbc.Instruction
"""An instruction of any control type by operation modes."""


class ScopeStatus(Struct, frozen=True):
    """The status of a scope, as it is told."""

    scope: str
    activity: ModeAndFactor
    previous_mode_id: str | None
    since: datetime | None
    """When the change from the previous mode was initiated."""

"""How an RM speaks each control type: what it publishes, when it says it again, what an instruction asks for.

A control type knows messages and an abstract resource, which each of them states as a Protocol. It knows no device, no
register and no clock.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol, cast

from ...s2.effects import Effect
from ...s2.messages.common import ControlType, Message
from ...values import Now, Setpoint
from ..instructions import Terms
from .operation_modes.timers import Timers
from .ppbc.task import Progress
from .reporting import Reporting


class Control(Protocol):
    """A control type while it is the active one. A Send among its effects is a wish to say that message."""

    @property
    def last_delay_s(self) -> float | None:
        """How long the last instruction took from start to success."""
        ...

    def activate(self, now: Now) -> list[Effect]:
        """Describes the resource, then says how it stands."""
        ...

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        """Ends all instructions; the caller brings the device to its default state."""
        ...

    def obey(self, message: Message, now: Now) -> list[Effect]:
        """Takes an instruction, or takes one back.

        Raises: InvalidContent: it cannot be meant; nothing has changed.
        """
        ...

    def report(self, now: Now) -> list[Effect]:
        """Tells what has changed, and what became of instructions; called whenever something was measured."""
        ...

    def due(self, now: Now) -> list[Effect]:
        """Does what has become due: starts, gives up, says again what was long unsaid."""
        ...

    def confirm(self, setpoint: Setpoint, now: Now) -> None:
        """The device confirmed *setpoint*."""
        ...

    def refuse(self, setpoint: Setpoint, reason: str, now: Now) -> list[Effect]:
        """*setpoint* did not get into the device."""
        ...

    def fail_all(self, reason: str, now: Now, *, is_safe: bool = False) -> list[Effect]:
        """Aborts all that has started; *is_safe* when the device is already being brought to safety."""
        ...

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `due` has something to do."""
        ...

    def execution_times(self) -> Iterable[datetime]:
        """When (UTC) `due` has something to start."""
        ...


_ROOMS: dict[ControlType, tuple[str, ...]] = {
    ControlType.FILL_RATE_BASED_CONTROL: ("frbc", "FillRateControl", "timers", "redescribes"),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: ("pebc.control", "PowerEnvelopeControl"),
    ControlType.POWER_PROFILE_BASED_CONTROL: ("ppbc.control", "PowerProfileControl", "progress"),
    ControlType.OPERATION_MODE_BASED_CONTROL: ("ombc", "OperationModeControl", "timers"),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: ("ddbc", "DemandDrivenControl", "timers", "version"),
}
"""Control type → its module here, its class, and what that needs beyond what all need; imported once it is selected."""


def control(
    control_type: ControlType,
    resource: object,
    reporting: Reporting,
    terms: Terms,
    new_id: Callable[[], str],
    *,
    timers: Timers,
    progress: Progress,
    version: str,
    redescribes: bool,
) -> Control:
    """*control_type*, as the protocol *version* has it, for *resource*, which is what its Protocol asks for.

    *timers* and *progress* are the resource's, and outlive it.
    """
    module, name, *needs = _ROOMS[control_type]
    further = {"timers": timers, "progress": progress, "version": version, "redescribes": redescribes}
    make: Callable[..., Any] = getattr(import_module(f".{module}", __name__), name)
    return cast("Control", make(resource, reporting, terms, new_id, **{need: further[need] for need in needs}))

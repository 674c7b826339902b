"""Control types, as an RM speaks them: what each publishes, when it says that again, what an instruction asks for.

A control type knows messages and an abstract resource, which each of them states as a Protocol. It knows no device, no
register and no clock. `offers` makes the one that was selected.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from ...s2.effects import Effect
from ...s2.messages.common import Message
from ...values import Now, Setpoint
from ..instructions import Instructions


class Control(Protocol):
    """A control type while it is the active one. A Send among its effects is a wish to say that message."""

    @property
    def last_delay_s(self) -> float | None:
        """How long the last instruction took from start to success."""
        ...

    @property
    def rests_uninstructed(self) -> bool:
        """Whether to be selected and to have ordered nothing means something: that no limit is in force, say."""
        ...

    @property
    def ends_by_itself(self) -> bool:
        """Whether what an earlier session left in force comes to an end of its own, without anybody's word."""
        ...

    def activate(self, now: Now) -> list[Effect]:
        """Describes the resource, then says how it stands."""
        ...

    def deactivate(self, reason: str, now: Now) -> list[Effect]:
        """Ends all instructions; the caller brings the device to rest."""
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
        """Does what has become due: starts, goes on, gives up, says again what was long unsaid."""
        ...

    def confirm(self, setpoint: Setpoint, now: Now) -> list[Effect]:
        """The device confirmed *setpoint*."""
        ...

    def overrule(self, setpoints: Iterable[Setpoint]) -> None:
        """*setpoints* are written against harm; what runs goes on within them."""
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

    @property
    def instructions(self) -> Instructions[Any]:
        """Those that wait or have started, to look at."""
        ...

"""The ladder of control types that a resource offers: each is a rung that stands on what is known of the device.

A rung is offered at once when it first holds. It is withdrawn only after it has not held for long, as each withdrawal
ends a session's plan, and offered again once it has held for a while.
"""

from collections.abc import Callable, Mapping
from math import inf

from ...s2.messages.common import ControlType
from ...values import Now

WITHDRAWN_AFTER_S = 300.0
"""A rung that has not held for this long is withdrawn."""
BACK_AFTER_S = 30.0
"""A rung that was withdrawn is offered again after it has held for this long."""


class Ladder:
    """The ladder of one resource: its control types, richest first, and which of them are offered."""

    def __init__(self, rungs: Mapping[ControlType, Callable[[], bool]]) -> None:
        """*rungs*: whether each holds now."""
        self._rungs = {control_type: _Rung(holds) for control_type, holds in rungs.items()}
        self.offered: tuple[ControlType, ...] = ()
        """What can be offered now."""
        self.turns_at = inf
        """When (monotonic seconds) a rung comes or goes unless something happens before; infinite if none does."""

    @property
    def has_offered(self) -> bool:
        """Whether anything was ever offered."""
        return any(rung.was_offered for rung in self._rungs.values())

    def advance(self, now: Now) -> None:
        """Looks at what holds *now*."""
        for rung in self._rungs.values():
            rung.advance(now.mono)
        self.offered = tuple([control_type for control_type, rung in self._rungs.items() if rung.is_offered])
        self.turns_at = min([rung.turns_at for rung in self._rungs.values()], default=inf)


class _Rung:
    """A rung of a ladder: one control type, and when it comes or goes."""

    def __init__(self, holds: Callable[[], bool]) -> None:
        self.is_offered = False
        self.turns_at = inf
        self._holds = holds
        self.was_offered = False

    def advance(self, now_s: float) -> None:
        if self._holds() == self.is_offered:
            self.turns_at = inf
            return
        if self.turns_at == inf:
            wait_s = WITHDRAWN_AFTER_S if self.is_offered else BACK_AFTER_S if self.was_offered else 0.0
            self.turns_at = now_s + wait_s
        if self.turns_at <= now_s:
            self.is_offered = not self.is_offered
            self.was_offered, self.turns_at = True, inf

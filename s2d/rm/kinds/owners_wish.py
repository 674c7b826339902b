"""The wish of an owner: that a device does now what it is there for, whatever is ordered.

He says so himself, or by a point of the device, such as a button. It ends when that is done, when he takes it back, and
by time. What he has said himself survives a restart. Pure.
"""

from collections.abc import Callable
from math import inf

from ...values import Now
from .kept_values import KeptValues
from .shared_state import SharedState

WANTED = "the owner wants it now"
LASTS_AT_MOST_S = 86_400.0
"""What its owner has said is forgotten by him after so long, and ends though it was never done."""
_UNTIL = "wished_until"


class OwnersWish:
    """The wish that the owner of one device has, if he has one."""

    def __init__(
        self,
        kept: KeptValues,
        state: SharedState,
        point: str,
        why_not: Callable[[], str | None],
        why_less: Callable[[], str | None] = lambda: None,
    ) -> None:
        """*point*: by which the device says it, where it can. *why_not*: why there is nothing to wish for now.

        *why_less*: what holds that back which he can wish for, in words; None: nothing does.
        """
        self.why_not, self.why_less = why_not, why_less
        self._kept = kept
        self._state = state
        self._point = point
        self._is_granted = False
        """What its point says was done; it says something new once it has said no."""
        self._is_looked_at = True

    @property
    def reason(self) -> str | None:
        """That he wants it now, in words; None: he does not."""
        is_shown = not self._is_granted and self._state.flag(self._point) is True
        return WANTED if self.ends_at is not None or is_shown else None

    @property
    def ends_at(self) -> float | None:
        """When (monotonic seconds) what he has said himself ends at the latest; None: he has said nothing."""
        return self._kept.instants.get(_UNTIL)

    @property
    def next_at(self) -> float:
        """When (monotonic seconds) `advance` has something to do."""
        return -inf if not self._is_looked_at else inf if self.ends_at is None else self.ends_at

    def say(self, for_s: float, now: Now) -> None:
        """He wants it now, for so long at most."""
        self._kept.put_instant(_UNTIL, now.mono + min(for_s, LASTS_AT_MOST_S), is_urgent=True)
        self._is_looked_at = False

    def drop(self) -> None:
        """He does not want any more what he has said, or it cannot be done."""
        self._kept.drop(_UNTIL, is_urgent=True)
        self._is_looked_at = False

    def observe(self, *, is_done: bool) -> None:
        """Takes note of whether it is done by now."""
        if is_done and self.ends_at is not None:
            self.drop()
        self._is_granted = self._state.flag(self._point) is True and (self._is_granted or is_done)

    def advance(self, now: Now) -> None:
        """Does what time does."""
        if self.ends_at is not None and self.ends_at <= now.mono:
            self.drop()
        self._is_looked_at = True

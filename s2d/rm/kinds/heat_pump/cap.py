"""The cap of a heat pump: the most it may take, as it was ordered, and for how long it holds once nobody orders it."""

from math import inf

from ....values import RELEASE, Now, Setpoint, Value
from ...control.execution import FOLLOWED, Stage, Verdict
from ...control.pebc.envelopes import PresentLimits
from ...occasion import Occasion, SafeStates
from .. import Ability, Protection
from ..heating import LIMIT
from ..kept_limit import KEPT_AT_MOST_S, KeptLimit
from ..kept_values import KeptValues
from ..shared_state import SharedState
from ..verdicts import power_within
from .frost_guard import FrostGuard

TOLERANCE = 0.05
FOLLOW_WITHIN_S = 120.0


class Cap:
    """The cap of one heat pump, in W."""

    def __init__(
        self,
        ability: Ability,
        state: SharedState,
        kept: KeptValues,
        safe: SafeStates,
        frost: FrostGuard,
        *,
        measures_power: bool,
        range_w: tuple[float, float],
        can_stop: bool,
        legal_w: float | None,
    ) -> None:
        """*measures_power*: what it takes is read, otherwise it is trusted. *range_w*: between which it runs.

        *can_stop*: a lower one stops it. *legal_w*: what the grid's operator may ask for.
        """
        self.range_w = range_w
        self.can_stop = can_stop
        self.is_ordered = False
        self.follow_within_s = max(FOLLOW_WITHIN_S, ability.shows_after_s)
        self._ability = ability
        self._measures_power = measures_power
        self._state = state
        self._safe = safe
        self._frost = frost
        self._legal_w = legal_w
        self._limit = KeptLimit(kept, (Occasion.DESELECTED,))
        self._stopped_at: float | None = None

    @property
    def w(self) -> float:
        """The cap that holds; infinite while none does."""
        return inf if self._limit.limit_w is None else self._limit.limit_w

    def stops(self, cap_w: float) -> bool:
        """Whether *cap_w* lets it not run at all."""
        return self._of(cap_w) <= 0

    def order(self, cap_w: float, wanted: PresentLimits, reason: str, now: Now) -> list[Stage]:
        """What to write so that it takes at most *cap_w*, which is *wanted*."""
        cap_w = self._of(cap_w)
        is_grid = wanted.is_abnormal or (self._legal_w is not None and cap_w <= self._legal_w)
        self._limit.set(cap_w, PresentLimits(wanted.limits, wanted.until, is_grid))
        self.is_ordered = True
        self._stopped_at = None if cap_w > 0 else now.mono if self._stopped_at is None else self._stopped_at
        return [Stage((self._told(cap_w, reason),), self.follow_within_s)]

    def verdict_on(self, cap_w: float, since: float) -> Verdict:
        """Whether readings since then (monotonic seconds) show it taking at most *cap_w*."""
        if not self._measures_power:
            return FOLLOWED
        return power_within(self._state, -inf, self._of(cap_w) * (1 + TOLERANCE), since)

    def rest(self, setpoints: list[Setpoint], occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        """Of *setpoints*, which bring its device to rest on *occasion*, its own; or the cap, if that is kept."""
        self.is_ordered, self._stopped_at = False, None
        if any(each.point == LIMIT for each in self._safe.special.get(occasion, ())):
            self._limit.drop()
        elif (cap_w := self._limit.keep(occasion, now.mono)) is not None:
            return self._safely(cap_w, reason)
        return [each for each in setpoints if each.point == LIMIT]

    def protect(self, now: Now) -> Protection | None:
        """What to write at the end of a cap that was kept, or against one that lets it freeze."""
        if self.w <= 0 and (danger := self._frost.danger_after(self._stopped_at, now)):
            # The least that lets it run, and no more: its cap holds as far as it may.
            least_w = self.range_w[0]
            self._limit.go_on(least_w, self._limit.until if self.is_ordered else now.mono + KEPT_AT_MOST_S)
            self.is_ordered, self._stopped_at = False, None
            return Protection(danger, self._safely(least_w, f"protection: {danger}"))
        if self.is_ordered or now.mono < self._limit.until:
            return None
        if self._limit.is_abnormal and self._legal_w is not None:
            reason = "the grid's limit has come to its end, and what it may ask for holds on"
            self._limit.go_on(max(self.w, self._of(self._legal_w)), now.mono + KEPT_AT_MOST_S)
            return Protection(reason, self._safely(self.w, reason), ends_orders=False)
        self._limit.drop()
        reason = "the limit that was kept has come to its end"
        own = [each for each in self._safe.on(Occasion.ENDED, reason) if each.point == LIMIT]
        return Protection(reason, own, ends_orders=False)

    def next_at(self, now: Now) -> float:
        """When (monotonic seconds) after *now* something must be done though nothing is read."""
        ends_at = inf if self.is_ordered else self._limit.until
        freezes_at = inf if self._stopped_at is None else self._frost.cut_off_until(self._stopped_at)
        return min([at for at in (ends_at, freezes_at) if at > now.mono], default=inf)

    def _of(self, cap_w: float) -> float:
        """What it is told for *cap_w*: the next lower that it has."""
        least_w, most_w = self.range_w
        if cap_w < least_w:
            return 0.0 if self.can_stop else least_w
        return min(cap_w, most_w)

    def _told(self, cap_w: float, reason: str, *, is_safe: bool = False) -> Setpoint:
        is_free = cap_w >= self.range_w[1]
        value: Value = RELEASE if is_free and self._ability.can_release else cap_w
        return Setpoint(LIMIT, value, reason, is_safe=is_safe)

    def _safely(self, cap_w: float, reason: str) -> list[Setpoint]:
        # A kept one may be older than the range.
        return [self._told(self._of(cap_w), reason, is_safe=True)]

"""A kept limit: the power limit that holds for a resource, whoever has set it, until it comes to its end.

A limit that has failed, or whose CEM has gone, is not answered by removing it: it is kept to its own end. It survives a
restart. Pure.
"""

from collections.abc import Collection
from math import inf

from ..control.pebc.envelopes import PresentLimits
from ..occasion import Occasion
from .kept_values import KeptValues

KEPT_AT_LEAST_S = 7200.0
"""A limit of the grid outlasts the CEM that told it by at least so long..."""
KEPT_AT_MOST_S = 86_400.0
"""...and none outlasts it for longer than this."""
FREE_AFTER_S = 300.0
"""A session that sets no limit has ended an earlier one after so long, where that is kept until then."""


class KeptLimit:
    """A limit of one resource, in W, kept in *kept*."""

    def __init__(self, kept: KeptValues, also_on: Collection[Occasion] = (), name: str = "limit") -> None:
        """*also_on*: occasions on which it goes on holding, beside those on which every limit does.

        *name*: by which it is kept, where a resource has several.
        """
        self._kept = kept
        self._limit, self._until, self._is_of_grid = f"{name}_w", f"{name}_until", f"{name}_is_abnormal"
        self._keeps = _KEEPS | {*also_on}
        self._is_open = False
        """It has failed, and holds until the CEM says something else or is lost itself."""

    @property
    def limit_w(self) -> float | None:
        """The limit; None where none holds."""
        limit_w = self._kept.number(self._limit)
        # What was kept may be damaged.
        return None if limit_w is None else max(0.0, limit_w)

    @property
    def until(self) -> float:
        """When (monotonic seconds) it comes to its end, whoever is in charge; infinite while there is none."""
        return inf if self.limit_w is None or self._is_open else self._kept.instants.get(self._until, inf)

    @property
    def is_abnormal(self) -> bool:
        """Whether it is the grid's: set for abnormal conditions, or as if it were."""
        return self._kept.flag(self._is_of_grid) is True

    def set(self, limit_w: float, present: PresentLimits) -> None:
        """*limit_w* is ordered by *present*."""
        self._put(limit_w, present.until, is_abnormal=present.is_abnormal)

    def go_on(self, limit_w: float, until: float) -> None:
        """It is followed by *limit_w*, nobody's order, until then (monotonic seconds)."""
        self._put(limit_w, until, is_abnormal=False)

    def _put(self, limit_w: float, until: float, *, is_abnormal: bool) -> None:
        self._is_open = False
        # A crash in between must not leave more than was ordered; to leave less does no harm.
        is_stricter = limit_w < (inf if self.limit_w is None else self.limit_w) or is_abnormal > self.is_abnormal
        self._kept.put(self._limit, limit_w, is_urgent=is_stricter)
        self._kept.put(self._is_of_grid, is_abnormal, is_urgent=is_stricter)
        self._kept.put_instant(self._until, until)

    def keep(self, occasion: Occasion, now_s: float) -> float | None:
        """The limit that goes on holding on *occasion*, though nobody orders it any more; None if none does."""
        self._is_open = occasion is Occasion.ABORTED
        # Nobody was left to end the grid's, which may have come to its end while its CEM was waited for.
        outlasts = self.is_abnormal and occasion is Occasion.CEM_LOST
        if self.limit_w is None or (self.until <= now_s and not outlasts) or occasion not in self._keeps:
            self.drop()
            return None
        least_s, most_s = KEPT_AT_LEAST_S if self.is_abnormal else 0.0, KEPT_AT_MOST_S
        if occasion is Occasion.UNINSTRUCTED:
            least_s, most_s = 0.0, least_s or FREE_AFTER_S
        if occasion in _NOBODYS:
            self._kept.put_instant(self._until, min(max(self.until, now_s + least_s), now_s + most_s))
        return self.limit_w

    def drop(self) -> None:
        """No limit holds."""
        self._is_open = False
        self._kept.drop(self._limit, self._until, self._is_of_grid)


_KEEPS = frozenset(
    (
        Occasion.CEM_LOST,
        Occasion.UNINSTRUCTED,
        Occasion.ABORTED,
        Occasion.STARTED,
        Occasion.RETURNED,
        Occasion.CLOCK,
        Occasion.STALE,
    )
)
"""Occasions on which a limit goes on holding: nobody has said that it is over..."""
_NOBODYS = frozenset((Occasion.CEM_LOST, Occasion.STARTED, Occasion.DESELECTED, Occasion.UNINSTRUCTED))
"""...and of all that may hold it those on which nobody is left who could say so, which sets an end to it."""

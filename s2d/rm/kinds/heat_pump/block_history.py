"""The blocks of a heat pump within a day: how long it has been kept from running, so that no house gets cold of it."""

from ..kept_values import KeptValues

DAY_S = 86_400.0
BLOCKED_A_DAY_S = 6 * 3600.0
_MOST = 16
"""Blocks of a day that are counted; who has had so many has had enough."""


class BlockHistory:
    """The blocks of one heat pump, kept in *kept*. Times are monotonic seconds."""

    def __init__(self, kept: KeptValues) -> None:
        self._kept = kept

    @property
    def began_at(self) -> float | None:
        """When the block began that goes on; None while there is none."""
        for number in range(_MOST):
            if _ended(number) not in self._kept.instants and _began(number) in self._kept.instants:
                return self._kept.instants[_began(number)]
        return None

    def begin(self, now_s: float) -> None:
        """A block begins, unless one goes on."""
        if self.began_at is None:
            number = self._free(now_s)
            self._kept.drop(_ended(number))
            self._kept.put_instant(_began(number), now_s, is_urgent=True)

    def end(self, now_s: float) -> None:
        """The block that goes on, if any, is over."""
        for number in range(_MOST):
            if _began(number) in self._kept.instants and _ended(number) not in self._kept.instants:
                self._kept.put_instant(_ended(number), now_s, is_urgent=True)

    def left_s(self, now_s: float) -> float:
        """How long it may be blocked from *now_s* on."""
        since, blocked_s, count = now_s - DAY_S, 0.0, 0
        for number in range(_MOST):
            began_at = self._kept.instants.get(_began(number))
            ended_at = self._kept.instants.get(_ended(number), now_s)
            if began_at is not None and ended_at > since:
                blocked_s += ended_at - max(since, began_at)
                count += 1
        is_enough = count == _MOST and self.began_at is None
        return 0.0 if is_enough else max(0.0, BLOCKED_A_DAY_S - blocked_s)

    def _free(self, now_s: float) -> int:
        """A number under which nothing is kept that counts any more, else that of the oldest block."""
        return min(range(_MOST), key=lambda number: self._kept.instants.get(_ended(number), -DAY_S * 1000))


def _began(number: int) -> str:
    return f"block_{number}_began"


def _ended(number: int) -> str:
    return f"block_{number}_ended"

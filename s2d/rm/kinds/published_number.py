"""Published numbers: what a description says of a quantity, which stays the same until it is far enough off.

Each description makes a CEM plan anew.
"""

from math import inf

from ...values import Now


class PublishedNumber:
    """A number as it is published."""

    def __init__(self, share: float, every_s: float, *, least: float = 0.0) -> None:
        """Published anew once it is off by *share* of itself and by *least*, at most once in *every_s*."""
        self._share = share
        self._least = least
        self._every_s = every_s
        self._may_change_at = -inf
        self.value: float | None = None

    def update(self, value: float | None, now: Now) -> bool:
        """*value* is what it is; None: nobody knows, and what was published stands. Whether it is published anew."""
        before = self.value
        if value is None or value == before:
            return False
        if before is not None:
            step = max(self._share * abs(before), self._least)
            if abs(value - before) < step or now.mono < self._may_change_at:
                return False
        self.value, self._may_change_at = value, now.mono + self._every_s
        return True

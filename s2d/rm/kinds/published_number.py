"""Published numbers: what a description says of a quantity, which stays the same until it is far enough off.

Each description makes a CEM plan anew.
"""

from math import inf

from ...values import Now


class PublishedNumber:
    """A number as it is published."""

    def __init__(self, share: float, every_s: float) -> None:
        """Published anew once it is off by *share* of itself, and no sooner than *every_s* after the last time."""
        self._share = share
        self._every_s = every_s
        self._may_change_at = -inf
        self.value: float | None = None

    def update(self, value: float | None, now: Now) -> bool:
        """*value* is what it is; None: nobody knows, and what was published stands. Whether it is published anew."""
        before = self.value
        if value is None or value == before:
            return False
        if before is not None and (abs(value - before) < self._share * abs(before) or now.mono < self._may_change_at):
            return False
        self.value, self._may_change_at = value, now.mono + self._every_s
        return True

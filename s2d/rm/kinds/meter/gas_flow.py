"""Gas flow, of a meter that counts gas: how much the count has grown from one change to the next. Pure."""

from ....values import Reading

_STILL_AFTER = 2.0
"""Without a change for so many times the time between the last two nothing flows."""


class GasFlow:
    """The flow of gas, in l/s, by the readings of a count in l; each is as old as the count that shows it."""

    def __init__(self) -> None:
        self.reading: Reading | None = None
        """None before the count has changed once."""
        self._changed: tuple[float, float] | None = None
        """What the count became when it changed last, and when (monotonic seconds)."""
        self._interval_s: float | None = None

    def observe(self, count: Reading) -> None:
        """Takes the newest reading of the count."""
        count_l, at = count.number, count.at
        if at is None or self._changed is None:
            self._changed = None if at is None else (count_l, at)
            return
        before_l, changed_at = self._changed
        since_s = at - changed_at
        if count_l < before_l:  # another meter counts now
            self._changed, self._interval_s, self.reading = (count_l, at), None, None
        elif count_l > before_l and since_s > 0:
            self._changed, self._interval_s = (count_l, at), since_s
            self.reading = Reading("gas_flow", (count_l - before_l) / since_s, at=at)
        elif self._interval_s is not None and since_s >= _STILL_AFTER * self._interval_s:
            self.reading = Reading("gas_flow", 0.0, at=at)

"""Exponential back-off with jitter: how long to wait before the next try."""

from typing import NamedTuple


class Backoff(NamedTuple):
    """A back-off: waits that double from `first_s` up to `most_s`."""

    first_s: float
    most_s: float

    def ceiling_s(self, attempt: int) -> float:
        """The longest wait before try number *attempt*, counted from 0."""
        # Past 2**30 first waits every backoff has reached its top; a larger power would overflow after weeks.
        return min(self.most_s, self.first_s * float(1 << min(attempt, 30)))

    def longest_s(self, chance: float) -> float:
        """A wait as long as waits get, somewhat spread; *chance* in [0, 1)."""
        return (0.5 + chance / 2) * self.most_s

    def full_jitter_s(self, attempt: int, chance: float) -> float:
        """A wait anywhere below the ceiling, so that many clients spread out; *chance* is random in [0, 1)."""
        return chance * self.ceiling_s(attempt)

    def half_jitter_s(self, attempt: int, chance: float) -> float:
        """A wait in the upper half below the ceiling, so that one bus is never hurried; *chance* in [0, 1)."""
        return (0.5 + chance / 2) * self.ceiling_s(attempt)

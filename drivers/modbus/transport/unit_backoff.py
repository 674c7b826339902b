"""Back-off from a unit or an endpoint that does not answer: when to ask again, and how long to wait for it then."""

from s2d.backoff import Backoff

BACKOFF = Backoff(first_s=0.5, most_s=30.0)
"""Half of those of a device's own back-off, so that a device that asks again by itself is let through."""
SHORTEST_PROBE_S = 0.2
PROBE_SHARE = 0.05
"""So much of the time it was left alone may be spent on asking again."""
_CERTAIN = 2
"""A single failure happens to everybody."""
_USUAL = 3
"""An answer that takes so many times as long as usual is not expected."""


class UnitBackoff:
    """The back-off from one unit (or one endpoint, of connecting to it), by its failures in a row."""

    def __init__(self) -> None:
        self.failures = 0
        """In a row."""
        self._wait_s = 0.0
        self._again_at = 0.0

    def succeed(self) -> None:
        """It answered."""
        self.failures = 0
        self._again_at = 0.0

    def fail(self, now: float) -> None:
        """It did not answer; *now* is monotonic."""
        self._wait_s = BACKOFF.ceiling_s(self.failures)
        self.failures += 1
        self._again_at = now + self._wait_s

    def left_s(self, now: float) -> float:
        """How long it is still to be left alone."""
        return max(0.0, self._again_at - now) if self.failures else 0.0

    def probe_timeout_s(self, timeout_s: float, usual_s: float) -> float:
        """How long to wait for a response: *timeout_s*, but not much more than is *usual_s* while none is expected.

        Once waits are as long as they get, all of *timeout_s* again: what is slow and was away must be found.
        """
        if self.failures < _CERTAIN or self._wait_s >= BACKOFF.most_s:
            return timeout_s
        return min(timeout_s, max(SHORTEST_PROBE_S, _USUAL * usual_s, PROBE_SHARE * self._wait_s))

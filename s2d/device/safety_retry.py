"""Retries of what a device refuses although it must be told: that it be safe, what it forgets otherwise. Pure."""

from ..backoff import Backoff

_RETRY = Backoff(first_s=1.0, most_s=60.0)
"""Before the next try..."""
_RETRY_SPARINGLY = Backoff(first_s=1.0, most_s=6 * 3600.0)
"""...and where the last wore out memory; quadrupled it makes ten such tries in a day, as `RESERVE` allows."""
_REMIND_AFTER_S = 60.0
"""When a human is reminded that the device is not safe..."""
_REMIND_EVERY_S = 3600.0
"""...and reminded again."""


class SafetyRetry:
    """A device that is not safe, from its first refusal until it obeys. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._remind_at = now + _REMIND_AFTER_S
        self._tries = self._worn_tries = 0

    def next_try_at(self, now: float, *, wore_out: bool) -> float:
        """When to try again after a refusal *now*: ever more seldom, and sparingly if the try *wore_out* memory."""
        if wore_out:
            wait_s = _RETRY_SPARINGLY.ceiling_s(2 * self._worn_tries)
            self._worn_tries += 1
        else:
            wait_s = _RETRY.ceiling_s(self._tries)
            self._tries += 1
        return now + wait_s

    def is_reminder_due(self, now: float) -> bool:
        """Whether a human is to be reminded *now*; then not again for an hour."""
        if now < self._remind_at:
            return False
        self._remind_at = now + _REMIND_EVERY_S
        return True

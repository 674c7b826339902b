"""Signs of life of a peer. Silence is legal: only what of ours has had no answer for a while speaks against it. Pure.

Any frame is a sign of life. A pong answers the ping and nothing else: libraries answer pings for an application that
hangs. Only who has never answered a message with a ReceptionStatus is judged by pings alone.
"""

from math import inf

from .effects import Pinged, Ponged, Received

ANSWER_WITHIN_S = 5.0
"""What of ours has had no answer for this long is unanswered."""
HUNG_AFTER_S = 30.0
"""A peer that has answered nothing for this long is given up while anything is at stake..."""
HUNG_AT_REST_AFTER_S = 300.0
"""...and for this long where nothing is: it may plan, or be a tool whose user thinks."""


class SignsOfLife:
    """The signs of life of a peer in one session. Times are monotonic seconds."""

    def __init__(self, now_s: float) -> None:
        self.heard_at = now_s
        """The last one."""
        self.is_answering = False
        """Whether it has ever answered a message with a ReceptionStatus."""
        self._said_at: float | None = None
        """When the first message left since it was heard; likewise the first ping, but for its pong."""
        self._pinged_at: float | None = None

    def said(self, now_s: float) -> None:
        """A message that wants an answer leaves."""
        if self._said_at is None:
            self._said_at = now_s

    def take(self, event: Received | Pinged | Ponged, now_s: float) -> None:
        """A frame or a pong is here, or a ping leaves."""
        match event:
            case Received():
                self.heard_at, self._said_at, self._pinged_at = now_s, None, None
            case Pinged() if self._pinged_at is None:
                self._pinged_at = now_s
            case Ponged():
                self._pinged_at = None
                if not self.is_answering:
                    self.heard_at = now_s

    def is_silent(self, now_s: float) -> bool:
        """Whether something is unanswered."""
        return self._waits_since is not None and now_s >= self._waits_since + ANSWER_WITHIN_S

    def lost_at(self, after_s: float | None) -> float:
        """When it counts as lost, if it may be away for *after_s*; infinite while nothing waits for an answer.

        *after_s* is None where nothing is at stake.
        """
        since = self._waits_since
        if since is None:
            return inf
        if after_s is None:
            return since + HUNG_AT_REST_AFTER_S
        return min(since + HUNG_AFTER_S, max(since + ANSWER_WITHIN_S, self.heard_at + after_s))

    def wait_anew(self, now_s: float) -> None:
        """What is unanswered has all its time once more: we have not been looking."""
        self._said_at = None if self._said_at is None else now_s
        self._pinged_at = None if self._pinged_at is None else now_s

    @property
    def _waits_since(self) -> float | None:
        said_at = self._said_at if self.is_answering else None
        if said_at is None or self._pinged_at is None:
            return self._pinged_at if said_at is None else said_at
        return min(said_at, self._pinged_at)

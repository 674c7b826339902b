"""The intake of frames from a CEM: a burst at once, then so many a second, in the order they came. Pure.

Answers to what we said are not counted: how many come is our own doing.
"""

import re
from collections import deque
from math import inf

BURST = 200
A_SECOND = 50
DELAY_AT_MOST_S = 5.0
"""What would have to wait for longer than that is not taken."""
_ANSWER = re.compile(r'"message_type"\s*:\s*"ReceptionStatus"')
"""What has it, and is none, is no message: nothing else follows from that."""
_LONGEST_ANSWER = 4096
"""In characters; longer ones are counted."""


class FrameIntake:
    """The intake of one connection: what came, and has not been taken yet. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, str | bytes]] = deque()
        self._at_once = float(BURST)
        """How many more may be taken at once; below 0, how many wait for their time."""
        self._counted_at = 0.0
        self._owed = 0
        """So many messages wait for their answer."""
        self.length = 0
        """Of all that waits, together, in characters."""

    def owe(self) -> None:
        """The peer owes us one answer more."""
        self._owed += 1

    def put(self, frame: str | bytes, now_s: float) -> bool:
        """Takes note of *frame*, which came now; False if it would have to wait for too long."""
        if self._owed and isinstance(frame, str) and len(frame) <= _LONGEST_ANSWER and _ANSWER.search(frame):
            self._owed -= 1
            self._append(self._frames[-1][0] if self._frames else now_s, frame)
            return True
        self._at_once = min(float(BURST), self._at_once + (now_s - self._counted_at) * A_SECOND) - 1
        self._counted_at = now_s
        delay_s = max(0.0, -self._at_once / A_SECOND)
        if delay_s > DELAY_AT_MOST_S:
            return False
        self._append(now_s + delay_s, frame)
        return True

    def _append(self, at_s: float, frame: str | bytes) -> None:
        self._frames.append((at_s, frame))
        self.length += len(frame)

    @property
    def next_at(self) -> float:
        """When the first of what waits may be taken."""
        return self._frames[0][0] if self._frames else inf

    def take(self) -> str | bytes:
        """The first of what waits."""
        _, frame = self._frames.popleft()
        self.length -= len(frame)
        return frame

"""The intake of frames from a CEM: a burst at once, then so many a second, in the order they came. Pure."""

from collections import deque
from math import inf

BURST = 200
A_SECOND = 50
DELAY_AT_MOST_S = 5.0
"""What would have to wait for longer than that is not taken."""


class FrameIntake:
    """The intake of one connection: what came, and has not been taken yet. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, str | bytes]] = deque()
        self._at_once = float(BURST)
        """How many more may be taken at once; below 0, how many wait for their time."""
        self._counted_at = 0.0
        self.length = 0
        """Of all that waits, together, in characters."""

    def put(self, frame: str | bytes, now_s: float) -> bool:
        """Takes note of *frame*, which came now; False if it would have to wait for too long."""
        self._at_once = min(float(BURST), self._at_once + (now_s - self._counted_at) * A_SECOND) - 1
        self._counted_at = now_s
        delay_s = max(0.0, -self._at_once / A_SECOND)
        if delay_s > DELAY_AT_MOST_S:
            return False
        self._frames.append((now_s + delay_s, frame))
        self.length += len(frame)
        return True

    @property
    def next_at(self) -> float:
        """When the first of what waits may be taken."""
        return self._frames[0][0] if self._frames else inf

    def take(self) -> str | bytes:
        """The first of what waits."""
        _, frame = self._frames.popleft()
        self.length -= len(frame)
        return frame

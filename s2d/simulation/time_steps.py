"""The time steps of simulated hardware that no closed formula describes. Pure.

They end at multiples of their length, whoever asks when: hardware that lives in them alone, and shows how it was at the
end of the last, lives the same life however often it is asked. Only what it is told cuts a step in two.
"""

from collections.abc import Iterator


class TimeSteps:
    """Steps of *length_s* from 0 s on. What is constant within one is decided at its beginning."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._ended = 0
        """Whole steps that have ended."""
        self.now_s = 0.0
        """Until when it has lived."""

    def until(self, now_s: float) -> Iterator[float]:
        """How long each step takes that ends by *now_s* and has not been lived yet."""
        while (end_s := (self._ended + 1) * self._length_s) <= now_s:
            duration_s = end_s - self.now_s
            self._ended += 1
            self.now_s = end_s
            yield duration_s

    def cut(self, now_s: float) -> float:
        """Begins a new step at *now_s*; returns how long the one took that ends there. After `until` of the same."""
        duration_s = max(0.0, now_s - self.now_s)
        self.now_s += duration_s
        return duration_s

"""A simulated sun over the roof of a hybrid inverter, with clouds. Pure; the same seed makes the same sky.

It is always noon. Between two instants of a regular grid the light changes linearly, as clouds come and go.
"""

from zlib import crc32

CLOUD_S = 20.0
"""From one instant of the grid to the next."""
CLEAR = 0.6
"""Share of the instants at which no cloud is before the sun; at the others between a tenth and most of it is left."""


class Sun:
    """A sun that gives *peak_w* where there is no cloud."""

    def __init__(self, peak_w: float, seed: int = 1) -> None:
        """Raises: ValueError: a sun that takes power."""
        if not 0 <= peak_w < float("inf"):
            raise ValueError("the sun gives 0 W or more")
        self._peak_w = peak_w
        self._seed = seed

    def power_w(self, now_s: float) -> float:
        """What it gives at *now_s*, in seconds on a clock that never steps."""
        instant, share = divmod(now_s / CLOUD_S, 1.0)
        light = self._light(int(instant)) * (1 - share) + self._light(int(instant) + 1) * share
        return self._peak_w * light

    def _light(self, instant: int) -> float:
        return 1.0 if self._chance(f"cloud {instant}") < CLEAR else 0.1 + 0.7 * self._chance(f"light {instant}")

    def _chance(self, of: str) -> float:
        """From 0 to 1, the same for the same seed."""
        return crc32(f"{self._seed} {of}".encode()) / 2**32

"""A simulated sun over a roof, with clouds and with nights. Pure; the same seed makes the same sky.

Between two instants of a regular grid its power changes linearly, as clouds come and go: what is made of it can be
exact.
"""

from math import cos, exp, pi, radians

from .chance import chance

DAY_S = 86_400.0
NOON_S = 43_200.0
CLOUD_S = 20.0
"""From one instant of the grid to the next."""
CLEAR = 0.6
"""Share of the instants at which no cloud is before the sun; at the others between a tenth and most of it is left."""
_HIGHEST = cos(radians(50))
"""Sine of the sun's elevation at noon, 50 degrees north, at an equinox; with it the day is 12 h long."""


class Sun:
    """A sun that gives *peak_w* at noon where there is no cloud; at 0 s it is *time_of_day_s* after midnight."""

    def __init__(self, peak_w: float, seed: int = 1, time_of_day_s: float = NOON_S) -> None:
        """Raises: ValueError: a sun that takes power."""
        if not 0 <= peak_w < float("inf"):
            raise ValueError("the sun gives 0 W or more")
        self.peak_w = peak_w
        self._seed = seed
        self._time_of_day_s = time_of_day_s

    def power_w(self, now_s: float) -> float:
        """What it gives at *now_s*, in seconds on a clock that never steps."""
        instant, share = divmod(now_s / CLOUD_S, 1.0)
        return self._at(int(instant)) * (1 - share) + self._at(int(instant) + 1) * share

    def steady_until_s(self, now_s: float) -> float:
        """Until when, from *now_s* on, its power changes linearly."""
        return (now_s // CLOUD_S + 1) * CLOUD_S

    def _at(self, instant: int) -> float:
        clear_sky = _clear_sky((self._time_of_day_s + instant * CLOUD_S) % DAY_S)
        return self.peak_w * clear_sky * self._light(instant) if clear_sky else 0.0

    def _light(self, instant: int) -> float:
        if chance(self._seed, f"cloud {instant}") < CLEAR:
            return 1.0
        return 0.1 + 0.7 * chance(self._seed, f"light {instant}")


def _clear_sky(time_of_day_s: float) -> float:
    """What comes through a sky without clouds, as a share of what does at noon: sin h · exp(-0.057 / sin h).

    Spec: Haurwitz, Insolation in relation to cloudiness and cloud density, Journal of Meteorology (1945).
    """
    sine = _HIGHEST * cos((time_of_day_s - NOON_S) * 2 * pi / DAY_S)
    if sine <= 1e-3:
        return 0.0
    return sine / _HIGHEST * exp(0.057 / _HIGHEST - 0.057 / sine)

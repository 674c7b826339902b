"""The outdoor temperature over a day: coldest before sunrise, warmest in the afternoon. Pure."""

from math import cos, pi

from .sun import DAY_S

_COLDEST_S = 6 * 3600.0
_WARMEST_S = 15 * 3600.0


class OutdoorTemperature:
    """The temperature of the air outdoors, the same every day: half a cosine up, half of a longer one down."""

    def __init__(self, coldest_c: float = -2.0, warmest_c: float = 6.0) -> None:
        """Raises: ValueError: a day that is warmest when it is coldest."""
        if not -60 <= coldest_c <= warmest_c <= 60:
            raise ValueError("the outdoor temperature must lie between -60 and 60 °C, the coldest first")
        self._mean_c = (coldest_c + warmest_c) / 2
        self._swing_c = (warmest_c - coldest_c) / 2

    def at(self, time_s: float) -> float:
        """In °C, *time_s* after a midnight."""
        since_coldest_s = (time_s - _COLDEST_S) % DAY_S
        rising_s = _WARMEST_S - _COLDEST_S
        if since_coldest_s < rising_s:
            return self._mean_c - self._swing_c * cos(pi * since_coldest_s / rising_s)
        return self._mean_c + self._swing_c * cos(pi * (since_coldest_s - rising_s) / (DAY_S - rising_s))

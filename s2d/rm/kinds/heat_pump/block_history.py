"""The blocks of a heat pump within a day: how often it has been kept from running, so that no house gets cold of it.

Spec: the rules of German utilities for tariffs with locks, which heat pumps keep by themselves: 3 in 24 h, 2 h each.
"""

from ..kept_values import KeptValues

DAY_S = 86_400.0
BLOCKS_A_DAY = 3


class BlockHistory:
    """The latest blocks of one heat pump, kept in *kept*. Times are monotonic seconds."""

    def __init__(self, kept: KeptValues) -> None:
        self._kept = kept

    @property
    def began_at(self) -> float | None:
        """When the block began that goes on; None while there is none."""
        number = self._kept.number(_GOES_ON)
        return None if number is None else self._kept.instants.get(f"{_BEGAN}{number:.0f}")

    def begin(self, now_s: float) -> None:
        """A block begins, unless one goes on."""
        if self.began_at is None:
            oldest = min(range(BLOCKS_A_DAY), key=self._began_at)
            self._kept.put(_GOES_ON, oldest)
            self._kept.put_instant(f"{_BEGAN}{oldest}", now_s, is_urgent=True)

    def end(self) -> None:
        """The block that goes on, if any, is over."""
        self._kept.drop(_GOES_ON)

    def is_enough(self, now_s: float) -> bool:
        """Whether there were so many within a day that there is no other."""
        return min(map(self._began_at, range(BLOCKS_A_DAY))) > now_s - DAY_S

    def _began_at(self, number: int) -> float:
        return self._kept.instants.get(f"{_BEGAN}{number}", -_LONG_AGO_S)


_BEGAN, _GOES_ON = "block_began_", "block_goes_on"
_LONG_AGO_S = 100 * 365 * DAY_S

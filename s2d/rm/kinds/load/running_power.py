"""The running power of a load: what it usually takes while it is on, as it was seen. Pure."""

from math import ceil

from ....values import Reading
from ..kept_values import KeptValues

MEAN_OVER_S = 30.0
"""What it takes for a moment, as a motor that starts, is no power to plan with."""
MOST_MEANS = 240
QUANTILE = 0.9
"""A thermostat of its own switches it off in between, which does not make it smaller."""
CHANGES_BY = 0.1
"""What is published is another once it is off by this share: each description makes a CEM plan anew."""
_NAME = "running_w"


class RunningPower:
    """The running power of one load, kept in *kept*."""

    def __init__(self, kept: KeptValues, said_w: float | None) -> None:
        """*said_w*: what its owner says, until it was seen; None: nothing."""
        self._kept = kept
        self._said_w = said_w
        self._means_w: list[float] = []
        self._began_at: float | None = None
        self._sum_w = 0.0
        self._count = 0
        self._read_at: float | None = None

    @property
    def power_w(self) -> float | None:
        """It, as it is published; None while nobody knows."""
        seen_w = self._kept.number(_NAME)
        return self._said_w if seen_w is None else seen_w

    def observe(self, power: Reading | None, *, is_on: bool | None) -> None:
        """Takes what it takes now, and whether it is on."""
        if power is None or power.at is None or not is_on:
            self._began_at = None
            return
        if power.at == self._read_at:
            return
        self._read_at = power.at
        if self._began_at is None:
            self._began_at, self._sum_w, self._count = power.at, 0.0, 0
        self._sum_w += power.number
        self._count += 1
        if power.at - self._began_at >= MEAN_OVER_S:
            self._learn(self._sum_w / self._count)
            self._began_at = None

    def _learn(self, mean_w: float) -> None:
        self._means_w = [*self._means_w, mean_w][-MOST_MEANS:]
        seen_w = sorted(self._means_w)[ceil(QUANTILE * len(self._means_w)) - 1]
        published_w = self.power_w
        if seen_w > 0 and (published_w is None or abs(seen_w - published_w) >= CHANGES_BY * published_w):
            self._kept.put(_NAME, seen_w)

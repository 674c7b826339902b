"""Learnt power: what a heat pump usually takes while it does one thing, by the hours in which it did."""

from math import ceil
from statistics import median

from ....values import Now
from ..kept_values import KeptValues

_HOURS = 20
_ROUNDED_UP_TO_W = 50.0
_HOUR_S = 3600.0
_GAP_S = 60.0
"""What it did between readings that are further apart nobody knows."""


class LearntPower:
    """The power that is usual for one thing, kept as *name* in *kept*: the mean of each of the last 20 h of it."""

    def __init__(self, kept: KeptValues, name: str) -> None:
        self._kept = kept
        self._name = name
        self._energy_ws = 0.0
        self._lasted_s = 0.0
        self._read_at: float | None = None

    @property
    def usual_w(self) -> float | None:
        """The median of these hours, up to the next 50 W; None before there was one."""
        hours_w = self._hours_w
        return ceil(median(hours_w) / _ROUNDED_UP_TO_W) * _ROUNDED_UP_TO_W if hours_w else None

    def observe(self, power_w: float | None, now: Now, *, does: bool) -> None:
        """It takes *power_w*; *does*: it does what this is about."""
        before, self._read_at = self._read_at, now.mono if does and power_w is not None else None
        if before is None or power_w is None or not does or now.mono - before > _GAP_S:
            return
        self._energy_ws += power_w * (now.mono - before)
        self._lasted_s += now.mono - before
        if self._lasted_s >= _HOUR_S:
            hours_w = [*self._hours_w, round(self._energy_ws / self._lasted_s)][-_HOURS:]
            self._kept.put(self._name, " ".join(map(str, hours_w)))
            self._energy_ws = self._lasted_s = 0.0

    @property
    def _hours_w(self) -> list[int]:
        return [int(each) for each in (self._kept.text(self._name) or "").split() if each.isdecimal()]

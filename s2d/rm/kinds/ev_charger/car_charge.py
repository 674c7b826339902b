"""The state of charge of a car: told since it came, told before, or assumed; from then on counted by what it took.

A state of charge is an anchor, with the instant at which it was true. What the station has counted since is added, with
the losses of charging taken off.
"""

from msgspec import Struct

from ....values import Now, Reading
from ..kept_values import KeptValues
from ..shared_state import SharedState

_COUNTERS = ("session_energy", "energy")
"""What the station counts, the better one first."""
_GAP_S = 30.0
"""Nobody knows what was taken where the power was unknown for longer."""
_ANCHOR, _COUNTED, _COUNTER = "soc_anchor", "soc_anchor_counted_wh", "soc_anchor_counter"


class SocAnchor(Struct, frozen=True):
    """A state of charge that was true once."""

    soc: float
    """%"""
    counter: str
    """What counts from there on; "" for the power itself."""
    counted_wh: float
    """What it had counted then."""
    is_measured: bool
    """By the car, since it came."""
    at: float
    """When (monotonic seconds) it was true."""


class CarCharge:
    """The state of charge of the car that is there."""

    def __init__(self, state: SharedState, kept: KeptValues) -> None:
        self._state = state
        self._kept = kept
        self._anchor: SocAnchor | None = None
        self._taken_wh = 0.0
        self._power_at: tuple[float, float] | None = None
        """Until when it is known what was taken, and the power (W) since."""

    def come(self, arrival_soc: float | None, now: Now) -> None:
        """A car has come; *arrival_soc* is what is assumed if it tells nothing."""
        self._anchor, self._taken_wh = None, 0.0
        told = self._state.reading("vehicle_soc")
        if told is not None and told.at is not None:
            self._anchor_at(told.number, told.at, is_measured=False)
        elif arrival_soc is not None:
            self._anchor_at(arrival_soc, now.mono, is_measured=False)

    def resume(self) -> None:
        """After a restart: the car is the one that was there before, if nothing was counted anew."""
        soc, counted_wh, counter = self._kept.number(_ANCHOR), self._kept.number(_COUNTED), self._kept.text(_COUNTER)
        counted_now_wh = self._state.number(counter) if counter else None
        if soc is None or counted_wh is None or counter is None or counted_now_wh is None:
            return
        if counted_now_wh >= counted_wh:
            self._anchor = SocAnchor(soc, counter, counted_wh, is_measured=False, at=0.0)

    def go(self) -> None:
        """The car has gone."""
        self._anchor = None
        self._kept.drop(_ANCHOR, _COUNTED, _COUNTER)

    def observe(self, power: Reading | None, came_at: float, now: Now) -> None:
        """Takes what is known now of a car that came then (monotonic seconds)."""
        self._count(power, now)
        told = self._state.reading("vehicle_soc")
        if told is None or told.at is None or told.at < came_at:
            return
        if self._anchor is None or not self._anchor.is_measured or told.at > self._anchor.at:
            self._anchor_at(told.number, told.at, is_measured=True)

    def soc(self, capacity_wh: float, efficiency: float, at_most: float) -> float | None:
        """The state of charge in % of a battery of *capacity_wh*, no more than *at_most*; None while it is unknown."""
        anchor = self._anchor
        if anchor is None:
            return None
        counted_wh = self._taken_wh if not anchor.counter else self._state.number(anchor.counter)
        if counted_wh is None:
            return None
        gained = max(0.0, counted_wh - anchor.counted_wh) * efficiency / capacity_wh
        return anchor.soc if not gained else max(anchor.soc, min(anchor.soc + gained, at_most))

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of it."""
        return self._anchor is None

    @property
    def is_estimated(self) -> bool:
        """Whether it is more than the car's own word since it came."""
        is_measured = self._anchor is not None and self._anchor.is_measured
        return not is_measured or not self._state.is_known("vehicle_soc")

    def _anchor_at(self, soc: float, at: float, *, is_measured: bool) -> None:
        counter = next((each for each in _COUNTERS if self._state.is_known(each)), "")
        counted_wh = self._state.number(counter) if counter else self._taken_wh
        self._anchor = SocAnchor(soc, counter, counted_wh or 0.0, is_measured, at)
        self._kept.put(_ANCHOR, soc)
        self._kept.put(_COUNTER, counter)
        self._kept.put(_COUNTED, counted_wh or 0.0)

    def _count(self, power: Reading | None, now: Now) -> None:
        if self._power_at is not None:
            since, power_w = self._power_at
            self._taken_wh += power_w * min(now.mono - since, _GAP_S) / 3600
            if now.mono - since > _GAP_S and self._anchor and not self._anchor.counter:
                self._anchor = None
        if power is not None:
            self._power_at = (now.mono, power.number)
        elif self._power_at is not None and now.mono - self._power_at[0] > _GAP_S:
            self._power_at = None

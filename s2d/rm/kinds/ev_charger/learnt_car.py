"""The learnt car: on how many phases it charges and how much it takes at most, as it was seen since it came.

It shapes how charging is described, and never lowers what a car is offered.
"""

from msgspec import Struct

from ....values import Reading

STEADY_S = 60.0
_STEADY = 0.03


class LearntCar:
    """What was learnt of the car that is there."""

    def __init__(self) -> None:
        self.phases: int | None = None
        """None while it was not seen."""
        self.most_per_phase_w: float | None = None
        """The most that it took of more that it could have had; None while nothing but the offer has limited it."""
        self._steady: _SteadyPower | None = None

    def forget(self) -> None:
        """Another car may come."""
        self.phases = self.most_per_phase_w = self._steady = None

    def observe(self, power: Reading | None, phases_in_use: int | None, *, charging_s: float) -> None:
        """Takes what is measured of a car that has charged for so long, on phases that have not changed since."""
        if power is None or power.at is None:
            return
        steady = self._steady
        if steady is None or abs(power.number - steady.power_w) > _STEADY * steady.power_w:
            self._steady = _SteadyPower(power.number, power.at, power.at)
        else:
            self._steady = _SteadyPower(steady.power_w, steady.since, power.at)
        if phases_in_use is not None and charging_s >= STEADY_S:
            self.phases = phases_in_use
            if self.most_per_phase_w is not None:
                self.most_per_phase_w = max(self.most_per_phase_w, power.number / phases_in_use)

    def steady_w(self, since: float) -> float | None:
        """The power that has not changed for a minute, all of it after *since* (monotonic seconds); None: none has."""
        steady = self._steady
        if steady is None or steady.until - max(steady.since, since) < STEADY_S:
            return None
        return steady.power_w

    def learn_most(self, per_phase_w: float) -> None:
        """The car took this though it could have had more."""
        self.most_per_phase_w = max(per_phase_w, self.most_per_phase_w or 0.0)


class _SteadyPower(Struct, frozen=True):
    """A power that stays as it is."""

    power_w: float
    since: float
    until: float
    """When (monotonic seconds) it was so last."""

"""The charge limit of a station: which values of the point that limits it keep a power, on how many phases.

A station is limited to a current per phase, or to a power; one that is told less than its least stops. Currents of
less than 6 A do not exist: IEC 61851-1, duty cycle of the control pilot.
"""

from math import floor
from typing import Literal

from .settings import EvChargerSettings

Phases = Literal[1, 3]
CURRENT, POWER = "current_limit", "power_limit"
_ROUNDING = 1e-9


class ChargeLimit:
    """The charge limit of one station. Values are in the unit of `point`; 0 stops it."""

    def __init__(self, settings: EvChargerSettings, point: str, step: float | None) -> None:
        """*step*: what is written is rounded to a multiple of it."""
        self.point = point
        self._settings = settings
        self._is_power = point == POWER
        self._step = step or 1.0

    def least(self, phases: Phases) -> float:
        """The least but 0."""
        settings = self._settings
        if not self._is_power:
            return float(settings.min_current_a)
        return settings.least_power_w * phases / settings.phases if phases < settings.phases else settings.least_power_w

    def most(self, phases: Phases, current_max_a: float | None = None) -> float:
        """The most, by the settings and what the station says it can give; 0 where that is less than its least."""
        settings = self._settings
        most = settings.most_power_w * phases / settings.phases if self._is_power else float(settings.max_current_a)
        if phases < settings.phases:
            most = min(most, self._per_ampere(phases) * settings.max_current_1p_a)
        if current_max_a is not None:
            most = min(most, self._per_ampere(phases) * current_max_a)
        return self._floored(most) if most >= self.least(phases) else 0.0

    def safe(self) -> float:
        """The most when nobody is in charge."""
        settings = self._settings
        if not self._is_power:
            return settings.safe_a
        if settings.safe_a <= settings.min_current_a:
            return settings.least_power_w
        safe_w = settings.phases * settings.voltage_v * settings.safe_a
        return max(settings.least_power_w, min(safe_w, settings.most_power_w))

    def keeping(self, limit_w: float, phases: Phases, voltage_v: float) -> float:
        """The most that keeps *limit_w* at the *voltage_v* of now; 0 if nothing does.

        The least is granted where it keeps that at the voltage of the settings, as ranges are told by that.
        """
        value = self._floored(limit_w if self._is_power else limit_w / (phases * voltage_v))
        least = self.least(phases)
        if value < least and limit_w + _ROUNDING >= self.nominal_w(least, phases):
            value = least
        return value if value >= least else 0.0

    def holding(self, current_a: float, phases: Phases, voltage_v: float) -> float:
        """The most that takes *current_a* on each phase at the *voltage_v* of now; 0 if even its least takes more."""
        value = self._floored(current_a * phases * voltage_v if self._is_power else current_a)
        return value if value >= self.least(phases) else 0.0

    def amperes(self, value: float, phases: Phases) -> float:
        """The current on each phase that *value* is at the voltage of the settings."""
        return value / self._per_ampere(phases)

    def nearest(self, power_w: float, phases: Phases, used: int, voltage_v: float) -> float:
        """The value at which a car that uses *used* of *phases* takes about *power_w*, no less than the least."""
        wanted = power_w if self._is_power else power_w / (used * voltage_v)
        return max(self.least(phases), round(wanted / self._step) * self._step)

    def tolerance_w(self, used: int) -> float:
        """Half of a step."""
        return self.nominal_w(self._step, used) / 2

    def nominal_w(self, value: float, phases: int) -> float:
        """The power that *value* is at the voltage of the settings."""
        return value if self._is_power else value * phases * self._settings.voltage_v

    def _per_ampere(self, phases: Phases) -> float:
        return self._settings.voltage_v * phases if self._is_power else 1.0

    def _floored(self, value: float) -> float:
        return floor(value / self._step + _ROUNDING) * self._step

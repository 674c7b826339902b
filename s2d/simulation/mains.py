"""The simulated mains of a house: three phases, never quite at 230 V. Pure; the same seed makes the same mains.

Spec: EN 50160, 4.2.2: 230 V, within 10 % of that for 95 % of the time.
"""

from math import inf

from .chance import chance

STEADY_S = 20.0
"""For so long the voltages stay as they are; then loads along the street have been switched."""


class Mains:
    """Mains of *nominal_v* from phase to neutral, each phase within *noise_v* of that at any time."""

    def __init__(self, nominal_v: float = 230.0, noise_v: float = 3.0, seed: int = 1) -> None:
        """Raises: ValueError: a voltage that is none."""
        if not 0 <= noise_v < nominal_v < inf:
            raise ValueError("the mains have a voltage above 0 V, and above its noise")
        self._nominal_v = nominal_v
        self._noise_v = noise_v
        self._seed = seed

    def voltages_v(self, now_s: float) -> tuple[float, float, float]:
        """Of L1, L2 and L3 at *now_s*, in seconds on a clock that never steps."""
        step = now_s // STEADY_S
        return self._voltage_v(1, step), self._voltage_v(2, step), self._voltage_v(3, step)

    def change_at_s(self, now_s: float) -> float:
        """When they change next after *now_s*."""
        return (now_s // STEADY_S + 1) * STEADY_S

    def _voltage_v(self, phase: int, step: float) -> float:
        return self._nominal_v + self._noise_v * (2 * chance(self._seed, f"voltage {phase} {step:.0f}") - 1)

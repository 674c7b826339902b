"""The simulated electricity meter at the connection of a house. Pure: time is an argument.

A household uses, an inverter feeds in what the sun gives, and the meter sees the difference. Both are straight between
the instants at which they change, so energy is exact whatever the steps. Its counters add up the phases, and count the
sum as import or export.

The voltage is that of the grid, which moves, less what the line takes: at each phase the resistance of the reference
impedance of IEC 60725.
"""

from collections.abc import Mapping
from math import sqrt

from ..values import Value
from .chance import chance
from .household import Household
from .sun import Sun

NOMINAL_V = 230.0
LINE_OHM = 0.24
_MOVES_V = 2.0
"""So much the grid's voltage moves up and down..."""
_MOVES_EVERY_S = 60.0
"""...from one of these instants to the next."""


class SimulatedMeter:
    """A simulated meter of one phase or three, import positive. It obeys nobody, and with a fault measures nothing."""

    def __init__(
        self, household: Household, sun: Sun, *, phases: int = 3, seed: int = 1, serial_number: str = "S2D-SIM-0001"
    ) -> None:
        """A meter that has counted nothing yet; *seed* is of the grid's voltage.

        Raises: ValueError: no such phases.
        """
        if phases not in (1, 3):
            raise ValueError("phases must be 1 or 3")
        self.serial_number = serial_number
        self._household = household
        self._sun = sun
        self._phases = phases
        self._seed = seed
        self._now_s = 0.0
        self._import_wh = 0.0
        self._export_wh = 0.0
        self._fault = False

    @property
    def import_wh(self) -> float:
        """What was ever taken from the grid, as of the last call."""
        return self._import_wh

    @property
    def export_wh(self) -> float:
        """What was ever given to it."""
        return self._export_wh

    @property
    def fault(self) -> bool:
        return self._fault

    def values(self) -> Mapping[str, Value | None]:
        """See `SimulatedHardware`."""
        powers_w = self._phase_powers_w()
        measured: dict[str, Value] = {
            "power": sum(powers_w),
            "energy_import": self._import_wh,
            "energy_export": self._export_wh,
        }
        for phase, power_w in enumerate(powers_w, 1):
            voltage_v = self._voltage_v(phase, power_w)
            measured[f"voltage_l{phase}"] = voltage_v
            measured[f"current_l{phase}"] = power_w / voltage_v
            if self._phases > 1:
                measured[f"power_l{phase}"] = power_w
        known = dict.fromkeys(measured) if self._fault else measured
        return {**known, "serial_number": self.serial_number}

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        used_w, sun_w = sum(self._household.power_w(self._now_s)), self._sun.power_w(self._now_s)
        state = "fault" if self._fault else "import" if used_w >= sun_w else "export"
        return f"{state:12}power {used_w - sun_w:6.0f} W   house {used_w:6.0f} W   sun {sun_w:6.0f} W"

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*, in seconds on a clock that never steps."""
        while self._now_s < now_s:
            until_s = min(now_s, self._household.steady_until_s(self._now_s), self._sun.steady_until_s(self._now_s))
            used_w = sum(self._household.power_w(self._now_s))
            begin_w = used_w - self._sun.power_w(self._now_s)
            end_w = used_w - self._sun.power_w(until_s)
            self._count(begin_w, end_w, (until_s - self._now_s) / 3600)
            self._now_s = until_s

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """See `SimulatedHardware`."""
        self.advance(now_s)

    def set_fault(self, on: bool, now_s: float) -> None:
        """Switches the fault; while it is on it measures nothing, and its counters go on."""
        self.advance(now_s)
        self._fault = on

    def _count(self, begin_w: float, end_w: float, duration_h: float) -> None:
        """Counts a straight line of power."""
        if begin_w * end_w < 0:
            share = begin_w / (begin_w - end_w)
            self._count(begin_w, 0.0, duration_h * share)
            self._count(0.0, end_w, duration_h * (1 - share))
            return
        energy_wh = (begin_w + end_w) / 2 * duration_h
        self._import_wh += max(0.0, energy_wh)
        self._export_wh += max(0.0, -energy_wh)

    def _phase_powers_w(self) -> tuple[float, ...]:
        used_w, sun_w = self._household.power_w(self._now_s), self._sun.power_w(self._now_s)
        if self._phases == 1:
            return (sum(used_w) - sun_w,)
        return tuple(each_w - sun_w / 3 for each_w in used_w)

    def _voltage_v(self, phase: int, power_w: float) -> float:
        """Where *power_w* flows through the line from a grid without load."""
        instant, share = divmod(self._now_s / _MOVES_EVERY_S, 1.0)
        before, after = (chance(self._seed, f"voltage {phase} {int(instant) + step}") for step in (0, 1))
        grid_v = NOMINAL_V + _MOVES_V * (2 * (before * (1 - share) + after * share) - 1)
        return (grid_v + sqrt(grid_v**2 - 4 * LINE_OHM * power_w)) / 2

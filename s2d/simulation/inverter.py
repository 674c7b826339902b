"""The physical model of a simulated PV inverter. Pure: time is an argument, nothing runs between two calls.

The sun is straight between two instants of its grid, and so is all that is made of it: a step of an hour leaves the
inverter as 3600 steps of a second do.

Its states are those of IEEE 2030.5-2018, InverterStatus. What it is told changes its power with a ramp, the sun without
one, as with a Fronius GEN24 (operating instructions, "Ramp-Up/Down Communication"). After the night and after a fault
it waits before it feeds (VDE-AR-N 4105, 8.3: 60 s at least). A limit lapses with its timer (SunSpec model 123,
WMaxLimPct_RvrtTms).
"""

from collections.abc import Mapping
from math import copysign, inf

from ..values import Value
from .sun import Sun

DARK = 0.005
"""With less than this share of its power in the light it sleeps."""
WAKES = 0.01
"""With so much it wakes."""
CONNECTS_AFTER_S = 60.0
"""So long it watches the grid before it feeds."""

_SAME_W = 1e-6
_SAME_S = 1e-9
"""Far above what rounding adds up to, far below what anyone sees."""


class SimulatedInverter:
    """A simulated PV inverter of *max_power_w* under *sun*, which makes of it what it is allowed to.

    It is told `power_limit` (W, produced at most) and `limit_revert` (s, 0: never), after which the limit lapses to
    *installed_limit_w*, the one that its installer set. Power and limits change with *ramp_percent_per_s* of its power.
    """

    def __init__(
        self,
        sun: Sun,
        *,
        max_power_w: float = 5000.0,
        installed_limit_w: float | None = None,
        phases: int = 3,
        ramp_percent_per_s: float = 10.0,
        serial_number: str = "S2D-SIM-0001",
    ) -> None:
        """An inverter that has been at work, if it is day.

        Raises: ValueError: values that cannot be true.
        """
        installed_w = max_power_w if installed_limit_w is None else installed_limit_w
        for is_true, rule in (
            (0 < max_power_w < inf, "max power must be above 0 W"),
            (0 <= installed_w <= max_power_w, "the installer's limit must lie between 0 W and max power"),
            (phases in (1, 3), "phases must be 1 or 3"),
            (0 < ramp_percent_per_s < inf, "ramp must be above 0 % a second"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.max_power_w = max_power_w
        self.serial_number = serial_number
        self._sun = sun
        self._phases = phases
        self._installed_w = installed_w
        self._ramp_w_per_s = max_power_w * ramp_percent_per_s / 100
        self._limit_w = installed_w
        self._is_limited = False
        """Whether a limit that it was told is in force."""
        self._lapses_at_s = inf
        self._now_s = 0.0
        self._looks_at_s = 0.0
        self._feeds_from_s = 0.0
        """When it is done with watching the grid; inf while it sleeps."""
        self._fault = False
        self._energy_wh = 0.0
        self._look()
        self._power_w = min(sun.power_w(0.0), self._most_w) if self._is_feeding else 0.0

    @property
    def produced_w(self) -> float:
        """What it feeds into the grid, as of the last call."""
        return self._power_w

    @property
    def produced_wh(self) -> float:
        """What it ever fed into the grid."""
        return self._energy_wh

    @property
    def limit_w(self) -> float:
        """The limit in force: as ordered, be it beyond its power, or the installer's."""
        return self._limit_w

    @property
    def fault(self) -> bool:
        return self._fault

    @property
    def state(self) -> str:
        """One of `sleeping` `starting` `producing` `throttled` `fault`."""
        if self._fault:
            return "fault"
        if self._feeds_from_s == inf:
            return "sleeping"
        if not self._is_feeding:
            return "starting"
        is_held = self._limit_w < self.max_power_w and self._sun.power_w(self._now_s) > self._power_w + _SAME_W
        return "throttled" if is_held else "producing"

    def values(self) -> Mapping[str, Value]:
        """See `SimulatedHardware`."""
        power_w = 0.0 - self._power_w
        per_phase = {f"power_l{phase}": power_w / self._phases for phase in range(1, self._phases + 1)}
        return {
            "power": power_w,
            **(per_phase if self._phases > 1 else {}),
            "energy": self._energy_wh,
            "state": self.state,
            "fault": "fault" if self._fault else "ok",
            "power_limit": min(self._limit_w, self.max_power_w),
            "is_limited": self._is_limited,
            "max_power": self.max_power_w,
            "serial_number": self.serial_number,
        }

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        return (
            f"{self.state:12}power {0.0 - self._power_w:6.0f} W   "
            f"sun {self._sun.power_w(self._now_s):6.0f} W   limit {self._limit_w:6.0f} W"
        )

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*, in seconds on a clock that never steps."""
        while self._now_s < now_s:
            until_s = min(now_s, self._looks_at_s, self._lapses_at_s)
            if self._now_s < self._feeds_from_s:
                until_s = min(until_s, self._feeds_from_s)
            self._live_until(until_s)
            if until_s == self._looks_at_s:
                self._look()
            if until_s == self._lapses_at_s:
                self._limit_w, self._is_limited, self._lapses_at_s = self._installed_w, False, inf

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """See `SimulatedHardware`; each call starts the timer of the limit anew."""
        self.advance(now_s)
        limit_w, revert_s = orders.get("power_limit"), orders.get("limit_revert", 0)
        self._is_limited = not isinstance(limit_w, str | None)
        self._limit_w = self._installed_w if isinstance(limit_w, str | None) else max(0.0, float(limit_w))
        lapses = not isinstance(revert_s, str) and revert_s > 0 and self._is_limited
        self._lapses_at_s = self._now_s + float(revert_s) if lapses else inf

    def set_fault(self, on: bool, now_s: float) -> None:
        """Switches the fault; while it is on the power is 0, and afterwards the grid is watched first."""
        self.advance(now_s)
        if self._fault and not on and self._feeds_from_s < inf:
            self._feeds_from_s = self._now_s + CONNECTS_AFTER_S
        self._fault = on
        if on:
            self._power_w = 0.0

    @property
    def _is_feeding(self) -> bool:
        return not self._fault and self._now_s >= self._feeds_from_s

    @property
    def _most_w(self) -> float:
        return min(self._limit_w, self.max_power_w)

    def _look(self) -> None:
        """Looks whether it is day; it does so at each instant of the sun's grid."""
        light = self._sun.power_w(self._now_s) / self.max_power_w
        if light < DARK:
            self._feeds_from_s, self._power_w = inf, 0.0
        elif light >= WAKES and self._feeds_from_s == inf:
            self._feeds_from_s = self._now_s + CONNECTS_AFTER_S
        self._looks_at_s = self._sun.steady_until_s(self._now_s)

    def _live_until(self, until_s: float) -> None:
        """Lives until *until_s*; the sun is straight until then, and it feeds all the time or not at all."""
        if not self._is_feeding:
            self._now_s = until_s
            return
        sun_w = self._sun.power_w(self._now_s)
        sun_w_per_s = (self._sun.power_w(until_s) - sun_w) / (until_s - self._now_s)
        left_s = until_s - self._now_s
        while left_s > _SAME_S:
            lived_s = self._live_through_a_stretch(left_s, sun_w, sun_w_per_s)
            sun_w += sun_w_per_s * lived_s
            left_s -= lived_s
        self._now_s = until_s

    def _live_through_a_stretch(self, longest_s: float, sun_w: float, sun_w_per_s: float) -> float:
        """Lives until it has reached its goal, the sun crosses the limit, or *longest_s* passed; returns how long.

        Within a stretch the power is straight.
        """
        power_w, most_w = min(self._power_w, sun_w), self._most_w
        follows_sun = sun_w < most_w - _SAME_W or (sun_w <= most_w + _SAME_W and sun_w_per_s < 0)
        goal_w, goal_w_per_s = (sun_w, sun_w_per_s) if follows_sun else (most_w, 0.0)
        is_there = abs(power_w - goal_w) <= _SAME_W
        w_per_s = goal_w_per_s if is_there else copysign(self._ramp_w_per_s, goal_w - power_w)
        if power_w >= sun_w - _SAME_W:
            w_per_s = min(w_per_s, sun_w_per_s)  # it cannot feed what the sun does not give

        ends = [longest_s]
        if sun_w_per_s:
            ends.append((most_w - sun_w) / sun_w_per_s)
        if not is_there and w_per_s != goal_w_per_s:
            ends.append((goal_w - power_w) / (w_per_s - goal_w_per_s))
        if w_per_s != sun_w_per_s:
            ends.append((sun_w - power_w) / (w_per_s - sun_w_per_s))
        duration_s = min(end for end in ends if end > _SAME_S)
        self._energy_wh += (power_w + w_per_s * duration_s / 2) * duration_s / 3600
        self._power_w = max(0.0, power_w + w_per_s * duration_s)
        return duration_s

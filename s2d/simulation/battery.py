"""The physical model of a simulated home battery. Pure: time is an argument, nothing runs between two calls.

Between two calls the power is known exactly: it ramps to its target at a constant rate, then stays. So a step may be
as long as it likes; one of an hour leaves the battery as 3600 steps of a second do.
"""

from collections.abc import Mapping
from enum import IntEnum
from math import copysign, inf, sqrt

from ..values import Value

IDLE_BELOW_W = 0.5
"""What a meter in whole watts shows as 0 is neither charging nor discharging."""

_EDGE_WH = 1e-6
"""So near to full or empty counts as there: far above what rounding adds up to, far below what anyone sees."""


class BatteryStatus(IntEnum):
    """The status that the battery reports."""

    IDLE = 0
    CHARGING = 1
    DISCHARGING = 2
    FAULT = 3


class SimulatedBattery:
    """A simulated battery, which follows its last order as far as it can. Charging is positive.

    Ordered power is clamped to the limits and reached at `ramp_w_per_s`. The power drops to 0 at once, without a ramp,
    when the state of charge leaves the usable range and when a fault is on. The order lapses to 0 when it is not
    repeated within `watchdog_s`. Times must not go back; one that does counts as the latest known.
    """

    def __init__(
        self,
        *,
        capacity_wh: float = 10_000.0,
        max_charge_power_w: float = 5000.0,
        max_discharge_power_w: float = 5000.0,
        round_trip_efficiency: float = 0.92,
        usable_range_percent: tuple[float, float] = (0.0, 100.0),
        soc_percent: float = 50.0,
        ramp_w_per_s: float = 2500.0,
        watchdog_s: float = 60.0,
        serial_number: str = "S2D-SIM-0001",
    ) -> None:
        """A battery at rest: until the first order its state does not depend on the time.

        Raises: ValueError: values that cannot be true.
        """
        low_percent, high_percent = usable_range_percent
        for is_true, rule in (
            (0 < capacity_wh < inf, "capacity must be above 0 Wh"),
            (0 < max_charge_power_w < inf, "max charge power must be above 0 W"),
            (0 < max_discharge_power_w < inf, "max discharge power must be above 0 W"),
            (0 < round_trip_efficiency <= 1, "round-trip efficiency must be above 0 and at most 1"),
            (0 <= low_percent < high_percent <= 100, "usable range must lie between 0 % and 100 %"),
            (0 <= soc_percent <= 100, "state of charge must be between 0 % and 100 %"),
            (0 < ramp_w_per_s < inf, "ramp must be above 0 W/s"),
            (0 <= watchdog_s < inf, "watchdog must be 0 s (never) or above"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.capacity_wh = capacity_wh
        self.max_charge_power_w = max_charge_power_w
        self.max_discharge_power_w = max_discharge_power_w
        self.serial_number = serial_number
        self._efficiency = sqrt(round_trip_efficiency)
        self._ramp_w_per_s = ramp_w_per_s
        self._watchdog_s = watchdog_s
        self._lowest_wh = capacity_wh * low_percent / 100
        self._highest_wh = capacity_wh * high_percent / 100
        self._stored_wh = capacity_wh * soc_percent / 100
        self._power_w = 0.0
        self._setpoint_w = 0.0
        self._fault = False
        self._ordered_at_s = 0.0
        self._now_s = 0.0

    @property
    def soc_percent(self) -> float:
        """State of charge as of the last call."""
        return self._stored_wh / self.capacity_wh * 100

    @property
    def power_w(self) -> float:
        """Power at the terminals as of the last call, losses not yet taken off."""
        return self._power_w

    @property
    def setpoint_w(self) -> float:
        """The order as given, be it beyond the limits; 0 once it lapsed."""
        return self._setpoint_w

    @property
    def watchdog_s(self) -> float:
        """An order not repeated for so long lapses; 0: never."""
        return self._watchdog_s

    @property
    def fault(self) -> bool:
        return self._fault

    @property
    def status(self) -> BatteryStatus:
        if self._fault:
            return BatteryStatus.FAULT
        if abs(self._power_w) < IDLE_BELOW_W:
            return BatteryStatus.IDLE
        return BatteryStatus.CHARGING if self._power_w > 0 else BatteryStatus.DISCHARGING

    def values(self) -> Mapping[str, Value]:
        """See `SimulatedHardware`."""
        return {
            "soc": self.soc_percent,
            "power": self._power_w,
            "capacity": self.capacity_wh,
            "max_charge_power": self.max_charge_power_w,
            "max_discharge_power": self.max_discharge_power_w,
            "serial_number": self.serial_number,
        }

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        return (
            f"{self.status.name.lower():12}soc {self.soc_percent:5.1f} %   "
            f"power {self._power_w:6.0f} W   setpoint {self._setpoint_w:6.0f} W"
        )

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*, in seconds on a clock that never steps."""
        while self._now_s < now_s:
            lapses_at_s = self._lapses_at_s
            until_s = min(now_s, lapses_at_s)
            left_s = until_s - self._now_s
            while left_s > 0:
                left_s -= self._live_through_a_stretch(left_s)
            self._now_s = until_s
            if until_s == lapses_at_s:
                self._setpoint_w = 0.0

    def order(self, power_w: float, now_s: float) -> None:
        """Orders *power_w* and restarts the watchdog, also when the order is the same as before."""
        self.advance(now_s)
        self._setpoint_w = power_w
        self._ordered_at_s = self._now_s

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """Orders the `power` in *orders*, in W; 0 without one. See `SimulatedHardware`."""
        power_w = orders.get("power", 0.0)
        self.order(0.0 if isinstance(power_w, str) else float(power_w), now_s)

    def set_watchdog(self, watchdog_s: float, now_s: float) -> None:
        """Changes the watchdog time, for the order in force too."""
        self.advance(now_s)
        self._watchdog_s = watchdog_s

    def set_fault(self, on: bool, now_s: float) -> None:
        """Switches the fault; while it is on the power is 0 and orders are only noted."""
        self.advance(now_s)
        self._fault = on
        if on:
            self._power_w = 0.0

    @property
    def _lapses_at_s(self) -> float:
        if not self._setpoint_w or not self._watchdog_s:
            return inf
        return max(self._now_s, self._ordered_at_s + self._watchdog_s)

    def _live_through_a_stretch(self, longest_s: float) -> float:
        """Lives until the ramp ends, the power changes sign, the storage is full or empty, or *longest_s* passed.

        Returns how long that took. Within a stretch the stored energy is one quadratic function of time.
        """
        power_w = self._power_w = self._possible_w(self._power_w)
        target_w = 0.0 if self._fault else self._possible_w(self._setpoint_w)
        # Losses add when discharging and take off when charging, so a stretch ends at 0 W.
        goal_w = 0.0 if power_w * target_w < 0 else target_w
        ramp_w_per_s = copysign(self._ramp_w_per_s, goal_w - power_w) if goal_w != power_w else 0.0
        ramp_s = (goal_w - power_w) / ramp_w_per_s if ramp_w_per_s else inf
        duration_s = min(longest_s, ramp_s)

        is_charging = power_w > 0 or goal_w > 0
        wh_per_ws = (self._efficiency if is_charging else 1 / self._efficiency) / 3600
        edge_wh = self._highest_wh if is_charging else self._lowest_wh
        energy_ws = power_w * duration_s + ramp_w_per_s * duration_s**2 / 2
        if energy_ws and abs(energy_ws) * wh_per_ws >= abs(edge_wh - self._stored_wh) - _EDGE_WH:
            room_ws = abs(edge_wh - self._stored_wh) / wh_per_ws
            growth_w_per_s = ramp_w_per_s if is_charging else -ramp_w_per_s
            root = sqrt(max(0.0, power_w**2 + 2 * growth_w_per_s * room_ws))
            self._stored_wh = edge_wh
            self._power_w = 0.0
            return min(duration_s, 2 * room_ws / (abs(power_w) + root))
        self._stored_wh += energy_ws * wh_per_ws
        self._power_w = goal_w if duration_s == ramp_s else power_w + ramp_w_per_s * duration_s
        return duration_s

    def _possible_w(self, power_w: float) -> float:
        """*power_w* within the limits, and 0 where there is no room or nothing left."""
        if power_w > 0 and self._stored_wh >= self._highest_wh - _EDGE_WH:
            return 0.0
        if power_w < 0 and self._stored_wh <= self._lowest_wh + _EDGE_WH:
            return 0.0
        return max(-self.max_discharge_power_w, min(self.max_charge_power_w, power_w))

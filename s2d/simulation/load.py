"""The physical model of a simulated load: a plug with a thing behind it, or a heater that modulates. Pure.

Between two calls its power is constant, but where a relay flips back; so a step may be as long as it likes.
"""

from collections.abc import Mapping
from math import floor, inf

from ..values import Value
from .hardware import ordered_number
from .relay import Relay


class SimulatedLoad:
    """A simulated load, which takes *power_w* as long as it is on, and less where it modulates.

    It can be told `on`, with `toggle_after` in s, and `power_limit` in W: it takes no more than that, in steps of
    *step_w*, and nothing below *least_power_w*. What is left out: it stays on or off; it is not limited.
    """

    def __init__(
        self,
        power_w: float = 2000.0,
        *,
        least_power_w: float = 0.0,
        step_w: float = 1.0,
        standby_w: float = 0.5,
        is_on: bool = False,
        serial_number: str = "S2D-SIM-0001",
    ) -> None:
        """A load that was switched on or off long ago. A thing that cannot modulate has its power as its least.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (0 < power_w < inf, "power must be above 0 W"),
            (0 <= least_power_w <= power_w, "the least power must lie between 0 W and the power"),
            (0 < step_w <= power_w, "the step must be above 0 W and at most the power"),
            (0 <= standby_w < inf, "standby must be 0 W or above"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.relay = Relay(is_on)
        self.energy_j = 0.0
        """What it has taken from the mains."""
        self._power_w = power_w
        self._least_power_w = least_power_w
        self._step_w = step_w
        self._standby_w = standby_w
        self._serial_number = serial_number
        self._limit_w = inf
        self._fault = False
        self._now_s = 0.0

    @property
    def power_w(self) -> float:
        """What it takes from the mains as of the last call."""
        if self._fault or not self.relay.is_on:
            return self._standby_w
        allowed_w = self._power_w
        if self._limit_w < self._power_w:
            allowed_w = max(0.0, floor(self._limit_w / self._step_w) * self._step_w)
        return self._standby_w + (allowed_w if allowed_w >= self._least_power_w else 0.0)

    @property
    def fault(self) -> bool:
        """Whether what is behind the plug is broken: it takes nothing."""
        return self._fault

    def advance(self, now_s: float) -> None:
        """See `SimulatedHardware`."""
        while self._now_s < now_s:
            until_s = min(now_s, max(self._now_s, self.relay.flips_at_s))
            self.energy_j += self.power_w * (until_s - self._now_s)
            self._now_s = until_s
            self.relay.advance(until_s)

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """See `SimulatedHardware`."""
        self.advance(now_s)
        self.relay.obey(orders, self._now_s)
        self._limit_w = ordered_number(orders, "power_limit", inf)

    def set_fault(self, on: bool, now_s: float) -> None:
        """See `SimulatedHardware`."""
        self.advance(now_s)
        self._fault = on

    def values(self) -> Mapping[str, Value | None]:
        """See `SimulatedHardware`."""
        return {
            "power": self.power_w,
            "energy": self.energy_j / 3600,
            "on": self.relay.is_on,
            "switched": self.relay.switched,
            "fault": "broken" if self._fault else "ok",
            "power_limit": min(self._power_w, self._limit_w),
            "max_power": self._power_w,
            "serial_number": self._serial_number,
        }

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        state = "fault" if self._fault else "on" if self.relay.is_on else "off"
        return f"{state:12}power {self.power_w:6.0f} W   energy {self.energy_j / 3600:8.0f} Wh"

"""The physical model of a simulated boiler: a tank with a heater element, behind a relay. Pure.

It lives in steps of 10 s: what it shows is as of the end of the last, and what it is told counts at once.

Most have a thermostat of their own, and all that are sold have a cut-out that nobody but a hand resets (EN 60335-2-21;
A. O. Smith DRE manual, "Safety devices": at 92 °C, to be reset below 83 °C). One that has neither boils.
"""

from collections.abc import Mapping
from math import inf

from ..values import Value
from .draws import HotWaterDraws
from .hardware import ordered_number
from .relay import Relay
from .sun import DAY_S
from .tank import Tank
from .time_steps import TimeSteps

STEP_S = 10.0
CUTS_OUT_C = 92.0
RESETS_BELOW_C = 83.0
BOILS_C = 100.0


class SimulatedBoiler:
    """A simulated boiler, whose element is on while its relay and its thermostat both are.

    It can be told `on`, with `toggle_after` in s, `power_limit` in W where its element modulates, and
    `temperature_setpoint` in °C of its thermostat. What is left out: the relay stays as it is, nothing limits it, and
    the thermostat is set as its owner set it.
    """

    def __init__(
        self,
        *,
        tank: Tank | None = None,
        draws: HotWaterDraws | None = None,
        element_w: float = 2000.0,
        is_modulating: bool = False,
        thermostat_c: float | None = 60.0,
        hysteresis_k: float = 8.0,
        has_cut_out: bool = True,
        is_on: bool = False,
        time_of_day_s: float = 0.0,
        serial_number: str = "S2D-SIM-0001",
    ) -> None:
        """A boiler without a thermostat has None as *thermostat_c*. *time_of_day_s*: when it is 0 s.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (0 < element_w < inf, "the power of the element must be above 0 W"),
            (thermostat_c is None or 20 <= thermostat_c <= 85, "a thermostat is set between 20 and 85 °C"),
            (0 < hysteresis_k <= 20, "the hysteresis must be above 0 K and at most 20 K"),
            (0 <= time_of_day_s < DAY_S, "the time of day must be between 00:00 and 24:00"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.tank = tank or Tank(120.0, 55.0, loss_w_per_k=1.0)
        self.relay = Relay(is_on)
        self.power_w = 0.0
        """What its element takes in the step that begins."""
        self.energy_j = 0.0
        """What its element has taken."""
        self.boiled_off_j = 0.0
        """What left as steam."""
        self.has_cut_out_tripped = False
        self.damage = 0
        """How often it came to boil."""
        self._draws = draws or HotWaterDraws()
        self._element_w = element_w
        self._is_modulating = is_modulating
        self._thermostat_c = thermostat_c
        self._hysteresis_k = hysteresis_k
        self._has_cut_out = has_cut_out
        self._serial_number = serial_number
        self._time_of_day_s = time_of_day_s
        self._setpoint_c = thermostat_c
        self._limit_w = inf
        self._is_broken = False
        self._boils = False
        """It has come to boil, and its element has been on since."""
        self._asks = thermostat_c is None
        """Whether its thermostat is closed."""
        self._steps = TimeSteps(STEP_S)
        self._decide()

    @property
    def fault(self) -> bool:
        """Whether its element is broken, or its cut-out has tripped."""
        return self._is_broken or self.has_cut_out_tripped

    def advance(self, now_s: float) -> None:
        """See `SimulatedHardware`."""
        while self.relay.flips_at_s <= now_s:
            self._live_until(self.relay.flips_at_s)
            self.relay.advance(self.relay.flips_at_s)
            self._decide()
        for duration_s in self._steps.until(now_s):
            self._live(duration_s)

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """See `SimulatedHardware`."""
        self.advance(now_s)
        self._live_until(now_s)
        self.relay.obey(orders, self._steps.now_s)
        self._limit_w = ordered_number(orders, "power_limit", inf)
        if self._thermostat_c is not None:
            self._setpoint_c = ordered_number(orders, "temperature_setpoint", self._thermostat_c)
        self._decide()

    def set_fault(self, on: bool, now_s: float) -> None:
        """Breaks the element, or has it repaired and the cut-out reset, which stays tripped as long as it is hot."""
        self.advance(now_s)
        self._live_until(now_s)
        self._is_broken = on
        if not on and self.tank.top_c < RESETS_BELOW_C:
            self.has_cut_out_tripped = False
        self._decide()

    def values(self) -> Mapping[str, Value | None]:
        """See `SimulatedHardware`."""
        return {
            "power": self.power_w,
            "energy": self.energy_j / 3600,
            "on": self.relay.is_on,
            "switched": self.relay.switched,
            "temperature": self.tank.bottom_c,
            "temperature_top": self.tank.top_c,
            "temperature_setpoint": self._setpoint_c,
            "fault": "cut out" if self.has_cut_out_tripped else "broken" if self._is_broken else "ok",
            "power_limit": min(self._element_w, self._limit_w),
            "damage": self.damage,
            "max_power": self._element_w,
            "serial_number": self._serial_number,
        }

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        state = (
            "cut out" if self.has_cut_out_tripped else "fault" if self.fault else "on" if self.relay.is_on else "off"
        )
        return f"{state:12}power {self.power_w:6.0f} W   tank {self.tank.bottom_c:5.1f} °C"

    def _live_until(self, now_s: float) -> None:
        for duration_s in self._steps.until(now_s):
            self._live(duration_s)
        self._live(self._steps.cut(now_s))

    def _live(self, duration_s: float) -> None:
        """Lives through a step, or the part of one, as was decided at its beginning."""
        if not duration_s:
            return
        is_at_boil = self.tank.top_c >= BOILS_C
        energy_j = self.power_w * duration_s
        self.energy_j += energy_j
        self.boiled_off_j += energy_j if is_at_boil else 0.0
        begins_s = self._time_of_day_s + self._steps.now_s - duration_s
        self.tank.live(duration_s, 0.0 if is_at_boil else self.power_w, self._draws.l_per_s(begins_s))
        self.damage += self.tank.top_c >= BOILS_C and not self._boils
        self._boils = self.tank.top_c >= BOILS_C or (self._boils and self.power_w > 0)
        if self._has_cut_out and self.tank.top_c >= CUTS_OUT_C:
            self.has_cut_out_tripped = True
        self._decide()

    def _decide(self) -> None:
        """What its element does in the step that begins."""
        if self._setpoint_c is not None:
            self._asks = self.tank.bottom_c < self._setpoint_c - (0.0 if self._asks else self._hysteresis_k)
        is_heating = self.relay.is_on and self._asks and not self.fault
        allowed_w = min(self._element_w, max(0.0, self._limit_w)) if self._is_modulating else self._element_w
        self.power_w = allowed_w if is_heating else 0.0

"""The physical model of a simulated air-to-water heat pump, with its tank, its house and its own control. Pure.

It lives in steps of 10 s: what it shows is as of the end of the last, and what it is told counts at once. Sources:

- COP: half of Carnot's between 4 K above the flow and 6 K below the air (emoncms/dynamic, docs/heatpumpmodel.md); by
  that A7/W35 is 4.1, A2/W35 3.6, A-7/W35 3.0, A7/W55 2.9, as certified pumps have it (hplib, EN 14825).
- Compressor: runs for 300 s at least, pauses for 240 s at least, starts 6 times in an hour at most (OpenQuatt, pull
  request 58 and issue 632).
- Defrost: below 5 °C outdoors after 45 to 90 min of heating, for 5 min, in which it takes power and draws heat from the
  house (goodheatglobal.com; freedomhvacal.com; ESPAltherma issue 69; HeishaMon issue 234).
- Hot water before heating, which starts 2 K below its curve and ends as far above (BenPru/luxtronik discussion 487).
- Legionella: once a week, by a heater rod where the compressor does not reach (WPM manuals; above 60 °C all die within
  minutes, health.qld.gov.au "Thermal treatment"; 30 min are common settings).
- Frost: with its supply it moves the water below 4 °C outdoors, whatever it was told. Without, what stands in the
  outdoor unit cools with the weather; frozen, it bursts (ENBRA: an insulated pipe takes a day or two, a bare heat
  exchanger hours; Poolex Silverline manual: antifreeze needs the pump powered).
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from math import exp, inf

from ..values import Value
from .draws import HotWaterDraws
from .hardware import ordered_number
from .heating import HEATING_LIMIT_C, HeatingCircuit
from .outdoor import OutdoorTemperature
from .sg_ready import SgReady, SgState, sg_state_of
from .sun import DAY_S
from .tank import Tank
from .time_steps import TimeSteps

STEP_S = 10.0

COMPRESSOR_MOST_C = 58.0
"""Hotter water the compressor does not make."""
LEGIONELLA_C = 60.0
LEGIONELLA_LASTS_S = 1800.0
DEFROST_S = 300.0
DEFROST_BELOW_C = 5.0
FROST_BELOW_C = 4.0
STANDBY_W = 8.0
PUMP_W = 40.0
"""The circulation pump."""

_FLOW_ABOVE_K = 5.0
"""The flow is so much hotter than what it heats."""
_RAISED_K = 5.0
"""By so much the hot water becomes hotter when more is recommended or ordered, or power is offered..."""
_HEATING_RAISED_K = 3.0
"""...and the heating water."""
_INVITED_HYSTERESIS_K = 1.0
_HEATING_HYSTERESIS_K = 2.0
_LEGIONELLA_TARGET_C = 63.0
_SOFT_START_S = 60.0
_ICES_S = 2700.0
_DRY_BELOW_C = -3.0
_STANDING_COOLS_S = 3600.0
"""Time constant of the water that stands in the outdoor unit."""
_DEFROST_HEAT_PER_POWER = -2.0
_MOST_STARTS_AN_HOUR = 6
_WEEK_S = 7 * DAY_S
_MODES = {
    "off": SgState.BLOCKED,
    "normal": SgState.NORMAL,
    "boost": SgState.RECOMMENDED,
    "forced": SgState.ORDERED,
}


class HeatPumpStatus(StrEnum):
    """The status that the heat pump reports."""

    OFF = "off"
    """Switched off by its owner."""
    REST = "rest"
    HEAT = "heat"
    HOT_WATER = "hot_water"
    DEFROST = "defrost"
    LEGIONELLA = "legionella"
    ALARM = "alarm"
    HOLIDAY = "holiday"


_HEATING = {HeatPumpStatus.HEAT, HeatPumpStatus.HOT_WATER, HeatPumpStatus.LEGIONELLA}


def cop_of(outdoor_c: float, flow_c: float) -> float:
    """The COP of the compressor, at least 1. Source: emoncms/dynamic, docs/heatpumpmodel.md."""
    condensing_k = flow_c + 4 + 273.15
    lift_k = condensing_k - (outdoor_c - 6 + 273.15)
    return max(1.0, 0.5 * condensing_k / lift_k) if lift_k > 10 else 0.5 * condensing_k / 10


class Compressor:
    """The compressor of a simulated heat pump, which protects itself from running and resting for too short a time."""

    def __init__(self, least_run_s: float = 300.0, least_pause_s: float = 240.0) -> None:
        self.is_on = False
        self.starts = 0
        self.cut_short = 0
        """How often it was stopped before it had run for its least time."""
        self._least_run_s = least_run_s
        self._least_pause_s = least_pause_s
        self._since_s = -inf
        self._latest_starts: deque[float] = deque(maxlen=_MOST_STARTS_AN_HOUR)

    def may_start(self, now_s: float) -> bool:
        """Whether its pause is over, and it has not started too often within the last hour."""
        is_often = len(self._latest_starts) == _MOST_STARTS_AN_HOUR and now_s - self._latest_starts[0] < 3600
        return not is_often and now_s - self._since_s >= self._least_pause_s

    def may_stop(self, now_s: float) -> bool:
        """Whether it has run for its least time."""
        return now_s - self._since_s >= self._least_run_s

    def runs_for_s(self, now_s: float) -> float:
        """How long it has been running."""
        return now_s - self._since_s if self.is_on else 0.0

    def switch(self, on: bool, now_s: float) -> None:
        """Switches it; whoever stops it for safety need not ask whether it may."""
        if on == self.is_on:
            return
        if on:
            self.starts += 1
            self._latest_starts.append(now_s)
        else:
            self.cut_short += not self.may_stop(now_s)
        self.is_on = on
        self._since_s = now_s


class SimulatedHeatPump:
    """A simulated heat pump, which keeps its tank and its house warm by itself, within what it is told.

    It can be told, all at once and each left out where it is left to itself:

    - `temperature_setpoint` in °C of the hot water, `flow_setpoint` in °C of the heating water.
    - `power_limit` in W, a cap: below its least power it stops if *cap_stops*, else runs at that.
    - `power_offer` in W, an invitation: from its least power on it heats beyond its setpoints with as much. What its
      own thermostats ask for it takes in any case.
    - `mode` (off, normal, boost, forced) or `relay_1` and `relay_2`, the contacts of its SG-Ready input.
    - `on`, an enable contact. False: neither compressor nor rod.
    - `owner`: automatic, off or holiday, what its owner chose at its display.
    - `supply`. False: its mains are cut.

    Whatever it is told, it protects itself: from starts (`Compressor`), from frost, from what SG-Ready forbids
    (`SgReady`); it defrosts, and kills legionella. What is told against that is counted.
    """

    def __init__(
        self,
        *,
        tank: Tank | None = None,
        heating: HeatingCircuit | None = None,
        outdoor: OutdoorTemperature | None = None,
        draws: HotWaterDraws | None = None,
        compressor: Compressor | None = None,
        least_power_w: float = 500.0,
        most_power_w: float = 2000.0,
        rod_power_w: float = 3000.0,
        hot_water_c: float = 50.0,
        hysteresis_k: float = 5.0,
        rod_when_ordered: bool = False,
        cap_stops: bool = False,
        legionella_after_s: float = _WEEK_S,
        time_of_day_s: float = 0.0,
        serial_number: str = "S2D-SIM-0001",
    ) -> None:
        """A heat pump at rest. *legionella_after_s* says when its first weekly run is due, *time_of_day_s* when it is
        0 s. Where both powers are the same, the compressor has one speed. *rod_when_ordered*: the heater rod helps in
        SG-Ready's state 4.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (0 < least_power_w <= most_power_w < inf, "the least power must be above 0 W, and the most not below it"),
            (0 <= rod_power_w < inf, "the power of the rod must be 0 W or above"),
            (30 <= hot_water_c <= COMPRESSOR_MOST_C, f"hot water must be between 30 and {COMPRESSOR_MOST_C:g} °C"),
            (0 < hysteresis_k <= 20, "the hysteresis must be above 0 K and at most 20 K"),
            (0 <= time_of_day_s < DAY_S, "the time of day must be between 00:00 and 24:00"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.tank = tank or Tank(temperature_c=hot_water_c)
        self.heating = heating or HeatingCircuit()
        self.compressor = compressor or Compressor()
        self.sg = SgReady()
        self.status = HeatPumpStatus.REST
        self.rod_is_on = False
        self.energy_j = 0.0
        """What it has taken from the mains."""
        self.power_w = 0.0
        """What it takes from the mains in the step that begins."""
        self.compressor_power_w = 0.0
        self.cop: float | None = None
        """What its compressor makes of its power; None while it makes no heat."""
        self.heat_power_w = 0.0
        """What goes into tank or heating water; negative while it defrosts."""
        self.defrosts = 0
        self.refused_starts = 0
        """How often somebody else than its own control wanted a start for which the compressor was not ready."""
        self.damage = 0
        """How often its outdoor unit froze."""
        self._outdoor = outdoor or OutdoorTemperature()
        self._draws = draws or HotWaterDraws()
        self._least_power_w = least_power_w
        self._most_power_w = most_power_w
        self._rod_power_w = rod_power_w
        self._hot_water_c = hot_water_c
        self._hysteresis_k = hysteresis_k
        self._rod_when_ordered = rod_when_ordered
        self._cap_stops = cap_stops
        self._legionella_due_s = legionella_after_s
        self._serial_number = serial_number
        self._time_of_day_s = time_of_day_s
        self._steps = TimeSteps(STEP_S)
        self.outdoor_c = 0.0
        """As of the end of the last step."""
        self._orders: dict[str, Value] = {}
        self._fault = False
        self._is_refused = False
        """The start that is wanted now has been counted, or is its own."""
        self._heated = HeatPumpStatus.HEAT
        """What the compressor heated for last."""
        self._ice = 0.0
        """Share of the ice at which it defrosts."""
        self._defrosts_until_s = -inf
        self._killed_for_s = 0.0
        """How long the tank has been hot enough for no legionella to live."""
        self._circulates = False
        self._exchanger_c = self.heating.water.mean_c
        """The water in the outdoor unit."""
        self._decide()

    @property
    def max_power_w(self) -> float:
        """Most that it takes: compressor, rod, pump and itself."""
        return self._most_power_w + self._rod_power_w + PUMP_W + STANDBY_W

    @property
    def hot_water_setpoint_c(self) -> float:
        """What its hot water is to be, before anything raises it."""
        return self._hot_water_setpoint_of(self._orders)

    @property
    def flow_setpoint_c(self) -> float:
        """What its heating water is to be, before anything raises it."""
        return self._flow_setpoint_of(self._orders)

    @property
    def fault(self) -> bool:
        """Whether it is in alarm."""
        return self._fault or self.damage > 0

    def advance(self, now_s: float) -> None:
        """See `SimulatedHardware`."""
        for duration_s in self._steps.until(now_s):
            self._live(duration_s)

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """See `SimulatedHardware`.

        Raises: ValueError: a `mode` that there is none.
        """
        self.advance(now_s)
        self._live(self._steps.cut(now_s))
        self._orders = dict(orders)
        self.sg.say(self._said(), self._steps.now_s)
        self._decide()

    def set_fault(self, on: bool, now_s: float) -> None:
        """Switches the alarm. What is frozen stays so."""
        self.advance(now_s)
        self._live(self._steps.cut(now_s))
        self._fault = on
        self._decide()

    def values(self) -> Mapping[str, Value | None]:
        """See `SimulatedHardware`."""
        return {
            "power": self.power_w,
            "energy": self.energy_j / 3600,
            "compressor_power": self.compressor_power_w,
            "heat_power": self.heat_power_w,
            "cop": self.cop,
            "temperature": self.tank.bottom_c,
            "temperature_top": self.tank.top_c,
            "temperature_setpoint": self.hot_water_setpoint_c,
            "buffer_temperature": self.heating.water.mean_c,
            "flow_setpoint": self.flow_setpoint_c,
            "outdoor": self.outdoor_c,
            "compressor": self.compressor.is_on,
            "rod": self.rod_is_on,
            "status": self.status.value,
            "sg_state": int(self.sg.state),
            "fault": "frozen" if self.damage else "alarm" if self._fault else "ok",
            "power_limit": min(self.max_power_w, ordered_number(self._orders, "power_limit", inf)),
            "power_offer": ordered_number(self._orders, "power_offer", 0.0),
            "starts": self.compressor.starts,
            "defrosts": self.defrosts,
            "refused": self.refused_starts + self.sg.refused_changes + self.sg.refused_blocks,
            "damage": self.damage,
            "max_power": self.max_power_w,
            "serial_number": self._serial_number,
        }

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        return (
            f"{self.status:12}power {self.power_w:5.0f} W   tank {self.tank.bottom_c:5.1f} °C   "
            f"heating {self.heating.water.mean_c:5.1f} °C   outdoor {self.outdoor_c:5.1f} °C   SG {self.sg.state:d}"
        )

    @property
    def _time_s(self) -> float:
        return self._time_of_day_s + self._steps.now_s

    @property
    def _own_orders(self) -> Mapping[str, Value]:
        """Of its orders those of its owner."""
        return {name: value for name, value in self._orders.items() if name == "owner"}

    @property
    def _heats_now(self) -> HeatPumpStatus | None:
        """What its compressor heats for, or did before it began to defrost."""
        return self._heated if self.compressor.is_on else None

    def _hot_water_setpoint_of(self, orders: Mapping[str, Value]) -> float:
        return min(COMPRESSOR_MOST_C, max(10.0, ordered_number(orders, "temperature_setpoint", self._hot_water_c)))

    def _flow_setpoint_of(self, orders: Mapping[str, Value]) -> float:
        by_curve_c = self.heating.flow_setpoint_c(self.outdoor_c)
        return min(COMPRESSOR_MOST_C, ordered_number(orders, "flow_setpoint", by_curve_c))

    def _said(self) -> SgState:
        if "mode" in self._orders:
            mode = self._orders["mode"]
            if not isinstance(mode, str) or mode not in _MODES:
                raise ValueError(f"a heat pump knows the modes {', '.join(_MODES)}, not {mode}")
            return _MODES[mode]
        return sg_state_of(bool(self._orders.get("relay_1")), bool(self._orders.get("relay_2")))

    def _live(self, duration_s: float) -> None:
        """Lives through a step, or the part of one, as was decided at its beginning."""
        if not duration_s:
            return
        is_for_tank = self.status in (HeatPumpStatus.HOT_WATER, HeatPumpStatus.LEGIONELLA)
        to_tank_w, to_rooms_w = (self.heat_power_w, 0.0) if is_for_tank else (0.0, self.heat_power_w)
        self.energy_j += self.power_w * duration_s
        self.tank.live(duration_s, to_tank_w, self._draws.l_per_s(self._time_s - duration_s))
        self.heating.water.live(duration_s, to_rooms_w)
        self._frost_over(duration_s)
        self._cool_outdoors(duration_s)
        self._kill_legionella(duration_s)
        self.sg.advance(self._steps.now_s)
        self._decide()

    def _frost_over(self, duration_s: float) -> None:
        """The outdoor heat exchanger ices in moist air that is little above freezing, slower in colder."""
        if self.status in _HEATING and self.compressor.is_on and self.outdoor_c < DEFROST_BELOW_C:
            self._ice += duration_s / (_ICES_S if self.outdoor_c > _DRY_BELOW_C else 2 * _ICES_S)

    def _cool_outdoors(self, duration_s: float) -> None:
        """Water that stands in the outdoor unit cools with the weather, and bursts it when it freezes."""
        if self._circulates:
            self._exchanger_c = self.heating.water.mean_c
            return
        was_frozen = self._exchanger_c < 0
        above_k = self._exchanger_c - self.outdoor_c
        self._exchanger_c = self.outdoor_c + above_k * exp(-duration_s / _STANDING_COOLS_S)
        self.damage += self._exchanger_c < 0 and not was_frozen

    def _kill_legionella(self, duration_s: float) -> None:
        self._killed_for_s = self._killed_for_s + duration_s if self.tank.bottom_c >= LEGIONELLA_C else 0.0
        if self._killed_for_s >= LEGIONELLA_LASTS_S:
            self._legionella_due_s = self._steps.now_s + _WEEK_S

    def _decide(self) -> None:
        """What it does in the step that begins."""
        now_s = self._steps.now_s
        self.outdoor_c = self._outdoor.at(self._time_s)
        is_supplied = bool(self._orders.get("supply", True))
        if self.fault or not is_supplied:
            self.status = HeatPumpStatus.ALARM if self.fault else HeatPumpStatus.REST
            self.compressor.switch(False, now_s)
            self._defrosts_until_s = -inf
        elif self._is_defrosting(now_s):
            self.status = HeatPumpStatus.DEFROST
        else:
            self._heat_or_rest(now_s)
        self._circulates = is_supplied and (self.compressor.is_on or self.outdoor_c < FROST_BELOW_C)
        self._set_powers(is_supplied)

    def _is_defrosting(self, now_s: float) -> bool:
        if self._ice >= 1 and self.compressor.is_on:
            self._ice = 0.0
            self.defrosts += 1
            self._defrosts_until_s = now_s + DEFROST_S
        return now_s < self._defrosts_until_s

    def _heat_or_rest(self, now_s: float) -> None:
        """Does what is wanted, as far as the compressor is ready for it."""
        wanted = self._wanted(self._orders, self.sg.state)
        is_on = self._wants_compressor(wanted)
        if not is_on and self._goes_on(now_s):
            wanted, is_on = self._heated, True
        if is_on and not self.compressor.is_on and not self.compressor.may_start(now_s):
            if not self._is_refused and self._wanted(self._own_orders, SgState.NORMAL) not in _HEATING:
                self.refused_starts += 1
            self._is_refused = True
            is_on = False
            if wanted is not HeatPumpStatus.LEGIONELLA:
                wanted = HeatPumpStatus.REST
        else:
            self._is_refused = False
        self.compressor.switch(is_on, now_s)
        self.status = wanted
        if wanted in _HEATING:
            self._heated = wanted

    def _goes_on(self, now_s: float) -> bool:
        """Whether the compressor runs on though nothing wants it: for its least time, if nothing forbids it."""
        if not self.compressor.is_on or self.compressor.may_stop(now_s):
            return False
        return not self._is_barred(self._orders, self.sg.state) and self.tank.bottom_c < COMPRESSOR_MOST_C + 2

    def _wants_compressor(self, wanted: HeatPumpStatus) -> bool:
        if wanted is HeatPumpStatus.LEGIONELLA:
            return self.tank.bottom_c < COMPRESSOR_MOST_C - (0 if self.compressor.is_on else self._hysteresis_k)
        return wanted in _HEATING

    def _is_barred(self, orders: Mapping[str, Value], sg_state: SgState) -> bool:
        """Whether neither compressor nor rod may run."""
        is_capped = self._cap_stops and ordered_number(orders, "power_limit", inf) < self._least_power_w
        return sg_state is SgState.BLOCKED or not orders.get("on", True) or is_capped

    def _wanted(self, orders: Mapping[str, Value], sg_state: SgState) -> HeatPumpStatus:
        """What its thermostats want under *orders*, hot water first."""
        owner = orders.get("owner")
        if owner in (HeatPumpStatus.OFF, HeatPumpStatus.HOLIDAY):
            return HeatPumpStatus(owner)
        if self._is_barred(orders, sg_state):
            return HeatPumpStatus.REST
        if self._rod_power_w and self._steps.now_s >= self._legionella_due_s:
            return HeatPumpStatus.LEGIONELLA
        is_invited = sg_state is SgState.ORDERED or ordered_number(orders, "power_offer", 0.0) >= self._least_power_w
        is_raised = is_invited or sg_state is SgState.RECOMMENDED
        target_c = self._hot_water_setpoint_of(orders)
        if is_raised:
            target_c = min(COMPRESSOR_MOST_C, target_c + _RAISED_K)
        if self._heats_now is not HeatPumpStatus.HOT_WATER:
            target_c -= _INVITED_HYSTERESIS_K if is_invited else self._hysteresis_k
        if self.tank.bottom_c < target_c:
            return HeatPumpStatus.HOT_WATER
        target_c = self._flow_setpoint_of(orders) + (_HEATING_RAISED_K if is_raised else 0.0)
        if self._heats_now is HeatPumpStatus.HEAT or is_invited:
            target_c += _HEATING_HYSTERESIS_K
        else:
            target_c -= _HEATING_HYSTERESIS_K
        if self.outdoor_c < HEATING_LIMIT_C and self.heating.water.mean_c < target_c:
            return HeatPumpStatus.HEAT
        return HeatPumpStatus.REST

    def _set_powers(self, is_supplied: bool) -> None:
        cap_w = ordered_number(self._orders, "power_limit", inf)
        self.compressor_power_w = self._compressor_power_w(cap_w) if self.compressor.is_on else 0.0
        self.cop = None
        self.heat_power_w = 0.0
        if self.status is HeatPumpStatus.DEFROST:
            self.heat_power_w = _DEFROST_HEAT_PER_POWER * self.compressor_power_w
        elif self.compressor.is_on:
            warm_c = self.heating.water.mean_c if self.status is HeatPumpStatus.HEAT else self.tank.bottom_c
            self.cop = cop_of(self.outdoor_c, warm_c + _FLOW_ABOVE_K)
            self.heat_power_w = self.compressor_power_w * self.cop
        self.power_w = STANDBY_W if is_supplied else 0.0
        self.power_w += self.compressor_power_w + (PUMP_W if self._circulates else 0.0)
        self.rod_is_on = self._wants_rod() and self.power_w + self._rod_power_w <= cap_w
        if self.rod_is_on:
            self.heat_power_w += self._rod_power_w
            self.power_w += self._rod_power_w

    def _wants_rod(self) -> bool:
        if self.status is HeatPumpStatus.LEGIONELLA:
            target_c = _LEGIONELLA_TARGET_C if self.rod_is_on else LEGIONELLA_C + 1
            return not self.compressor.is_on and self.tank.bottom_c < target_c
        is_ordered = self._rod_when_ordered and self.sg.state is SgState.ORDERED
        return is_ordered and self.status is HeatPumpStatus.HOT_WATER

    def _compressor_power_w(self, cap_w: float) -> float:
        if self.status is HeatPumpStatus.DEFROST:
            power_w = self._most_power_w
        elif self.compressor.runs_for_s(self._steps.now_s) < _SOFT_START_S:
            power_w = self._least_power_w
        elif (offered_w := ordered_number(self._orders, "power_offer", 0.0)) >= self._least_power_w and (
            self._wanted(self._own_orders, SgState.NORMAL) not in _HEATING
        ):
            power_w = offered_w
        elif self.status is HeatPumpStatus.HEAT:
            below_k = self.flow_setpoint_c + _HEATING_HYSTERESIS_K - self.heating.water.mean_c
            share = min(1.0, max(0.0, below_k / (2 * _HEATING_HYSTERESIS_K)))
            power_w = self._least_power_w + share * (self._most_power_w - self._least_power_w)
        else:
            power_w = self._most_power_w
        return max(self._least_power_w, min(self._most_power_w, cap_w, power_w))

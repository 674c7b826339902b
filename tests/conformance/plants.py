"""What our own RM manages under each control type: a battery, and the resources of the core's stories."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from s2d.driver import PointSettings
from s2d.quantities import Duration
from s2d.rm.control.operation_modes.operation_modes import ModeAndFactor
from s2d.rm.control.pebc.control import Constraints, EnergyNeed
from s2d.rm.kinds import ResourceSetup
from s2d.rm.kinds.battery import battery
from s2d.rm.occasion import SafeStates
from s2d.s2.messages import common, ddbc, frbc
from s2d.s2.messages.common import CommodityQuantity
from s2d.s2.messages.pebc import AllowedLimitRange
from s2d.s2.messages.ppbc import PowerSequenceContainer
from s2d.simulation.car import SimulatedCar
from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.ev_charger import SimulatedEvCharger
from s2d.simulation.heat_pump import Compressor, SimulatedHeatPump
from s2d.simulation.household import Household
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.load import SimulatedLoad
from s2d.simulation.meter import SimulatedMeter
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.sun import Sun
from s2d.simulation.tank import Tank as WaterTank
from s2d.values import Reading, Setpoint
from tests.core.resources_modes import DEMAND, HeatPump, Hybrid, Tank, way
from tests.core.resources_played import L1, L2
from tests.core.resources_roof import LOWER, UPPER, Roof, allowed, constraints
from tests.core.resources_washer import Washer, dishes, sequence
from tests.core.stage import abilities_of, settings

from .own import ModbusBattery, ModbusDevice, Plant, Played
from .wire import DDBC, FRBC, NOT_CONTROLABLE, OMBC, PEBC, PPBC, SHORT

TIMER_S = 30.0
"""How long the timers of these resources run: long enough to be met running on a slow machine."""
FOLLOWS_WITHIN_S = 30.0
WASH_S = 1800.0
HOLDS = Duration(2 * 86_400)
"""What is read holds while a row lets hours pass in an instant."""
READ, WRITE = PointSettings(max_age=HOLDS), PointSettings(access="write")
BOTH = PointSettings(access="read_write", max_age=HOLDS)
RUN = common.Timer(id="run", duration=round(TIMER_S * 1000))
REST = common.Timer(id="rest", duration=round(2 * TIMER_S * 1000))
ON_AND_OFF = (way("off", "on", starts=["run"]), way("on", "off", blocked_by=["run"]))
COMPRESSOR = (
    way("off", "on", starts=["run"], blocked_by=["rest"]),
    way("on", "off", starts=["rest"], blocked_by=["run"]),
    way("on", "boost", blocked_by=["run"]),
    way("boost", "on"),
    way("boost", "off", abnormal=True),
)
"""No way leads from off to boost, and one back in emergencies only; the timer `run` blocks two ways."""


def home_battery(*, max_age_s: float = HOLDS, owner: dict[str, Any] | None = None, **changes: Any) -> Played:
    """The battery as the daemon has it, but on hardware that a row can handle; at 50 % of 10 kWh.

    *owner* says what else its owner has set.
    """
    fallback = (Setpoint("power_setpoint", 0.0, "fallback"),)
    points = {"soc": PointSettings(max_age=Duration(max_age_s)), "power": READ, "power_setpoint": WRITE}
    resource_id = "3e1dc6a4-0f0a-4c9e-9d1b-5a3f3f1f7a11"
    known: dict[str, Any] = {
        "resource": lambda: battery(
            ResourceSetup(
                resource_id=resource_id,
                name="Home battery",
                settings=settings(**(owner or {})),
                abilities=abilities_of(points),
                safe=SafeStates(fallback),
            )
        ),
        "points": points,
        "values": {"soc": 50.0, "power": 0.0},
        "follows": {"power_setpoint": "power"},
    }
    return Played(**(known | changes))


def heat_pump(
    *,
    transitions: tuple[common.Transition, ...] = COMPRESSOR,
    follow_within_s: float = FOLLOWS_WITHIN_S,
    **changes: Any,
) -> Played:
    """OMBC: off, on, boost, and a mode for emergencies."""

    def resource() -> HeatPump:
        return _HeatPump(
            transitions=transitions, timers=(REST, RUN), emergency=("island",), follow_within_s=follow_within_s
        )

    return _by_modes(resource, {"resource": "off 0"}, **changes)


def tank(**changes: Any) -> Played:
    """FRBC: hot water with two heaters, each of which must run a little once it is on."""
    own = {key: changes.pop(key) for key in ("provides", "leakage", "usage", "target", "range") if key in changes}
    return _by_modes(lambda: _Tank(**own), {"pump": "off 0", "rod": "off 0"}, **changes)


def hybrid(*, provides_forecast: bool = False, **changes: Any) -> Played:
    """DDBC: a heat pump and a boiler."""
    element = ddbc.AverageDemandRateForecastElement(duration=3_600_000, demand_rate_expected=3200.0)
    forecast = (datetime.now(UTC), (element,)) if provides_forecast else None

    def resource() -> _Hybrid:
        return _Hybrid(forecast=forecast, provides_average_demand_rate_forecast=provides_forecast)

    return _by_modes(resource, {"pump": "off 0", "boiler": "on 0.5"}, **changes)


def roof(
    *ranges: AllowedLimitRange,
    valid_after_s: float | None = None,
    valid_for_s: float | None = None,
    needs_energy: bool = False,
    foresees: bool = False,
    **changes: Any,
) -> Played:
    """PEBC: solar panels of 4 kW, or what *ranges* say."""
    now = datetime.now(UTC)
    since = now + timedelta(seconds=valid_after_s) if valid_after_s else None
    until = now + timedelta(seconds=valid_for_s) if valid_for_s else None
    needs = (EnergyNeed(L1, now, now + timedelta(hours=8), 3000.0, 1000.0),) if needs_energy else ()
    offered = constraints(*(ranges or limits()), valid_from=since, valid_until=until)
    return Played(
        resource=lambda: (_ForeseeingRoof if foresees else _Roof)(offered, needs),
        points={"power": READ, "limits": WRITE},
        values={"power": 0.0},
        **changes,
    )


def limits(
    lowest: float = -4000.0, highest: float = 0.0, quantity: CommodityQuantity = L1, *, abnormal: bool = False
) -> tuple[AllowedLimitRange, AllowedLimitRange]:
    """Where the limits of a roof may be put: the lower between *lowest* and 0, the upper between 0 and *highest*."""
    return (
        allowed(LOWER, lowest, 0.0, quantity, abnormal=abnormal),
        allowed(UPPER, 0.0, highest, quantity, abnormal=abnormal),
    )


def new_limits(lowest: float) -> Constraints:
    return constraints(*limits(lowest))


def washer(**changes: Any) -> Played:
    """PPBC: a wash in one of three ways, then drying; it has four hours for it, and it is not too early."""
    now = datetime.now(UTC)
    wash = PowerSequenceContainer(
        id="wash",
        power_sequences=(
            sequence("quick", WASH_S),
            sequence("eco", 1800, is_interruptible=False),
            sequence("boost", 60, abnormal_condition_only=True),
        ),
    )
    drying = PowerSequenceContainer(id="dry", power_sequences=(sequence("hot", 600, max_pause_before=900_000),))
    task = dishes(
        start_time=now - timedelta(hours=1),
        end_time=now + timedelta(hours=4),
        containers=(wash, drying),
    )
    return Played(
        resource=lambda: _Washer(task),
        points={"power": READ, "does": READ, "task": WRITE},
        values={"power": 0.0, "does": "nothing"},
        follows={"task": "does"},
        **changes,
    )


def pump_with_tank(**changes: Any) -> Played:
    """A heat pump and its tank, which can be had by OMBC, by FRBC, or be looked at only."""
    return _by_modes(_PumpWithTank, {"resource": "off 0", "pump": "off 0", "rod": "off 0"}, **changes)


class Kind(NamedTuple):
    """A kind of device, as our daemon has it, and what it offers to a CEM."""

    plant: Callable[[], Plant]
    offers: tuple[str, ...]
    is_quick: bool = True
    """Whether it can be told something else every 15 s; an SG-Ready state lasts 10 min."""


def ev_charger() -> ModbusDevice:
    """A station with a car at 40 %, as its owner expects it to come, and a time at which it has to leave."""
    station = SimulatedEvCharger(SimulatedCar())
    station.plug_in(0.0)
    leaves = datetime.now().astimezone() + timedelta(hours=12)
    return ModbusDevice(
        "ev_charger",
        station,
        phases=3,
        max_current="16 A",
        cars=[{"name": "Our car", "battery_capacity": "60 kWh", "phases": 3, "first_charge": "0 s"}],
        arrival_soc="40 %",
        target_soc="50 %",
        departure=f"{leaves:%H:%M}",
        timers=dict.fromkeys(("on", "off", "phases"), "0 s"),
    )


def pv() -> ModbusDevice:
    return ModbusDevice("pv", SimulatedInverter(Sun(5000.0), ramp_percent_per_s=50.0), max_power="5 kW")


def plug() -> ModbusDevice:
    """A heater that is switched."""
    return ModbusDevice("load", SimulatedLoad(2000.0), kind="load", power="2 kW", timers={"on": "0 s", "off": "0 s"})


def heater() -> ModbusDevice:
    """One that takes what it is let."""
    hardware = SimulatedLoad(3000.0, is_on=True)
    timers = {"on": "0 s", "off": "0 s"}
    return ModbusDevice("load", hardware, {"modulates": True}, kind="load", power="3 kW", timers=timers)


def sg_ready() -> ModbusDevice:
    """A heat pump that is told its SG-Ready state."""
    return ModbusDevice(
        "heat_pump",
        SimulatedHeatPump(draws=HotWaterDraws(0), outdoor=OutdoorTemperature(10, 10)),
        {"steering": "sg_ready"},
        kind="heat_pump",
        timers={"hold": "0 s", "rest": "0 s"},
        power_normal="1 kW",
        power_boost="2 kW",
    )


def hot_water() -> ModbusDevice:
    """A heat pump that is told the temperature of its hot water."""
    return ModbusDevice(
        "heat_pump",
        SimulatedHeatPump(
            tank=WaterTank(200, 52.0),
            draws=HotWaterDraws(0),
            outdoor=OutdoorTemperature(10, 10),
            compressor=Compressor(0.0, 0.0),
            hysteresis_k=2.0,
        ),
        kind="heat_pump",
        storage="dhw",
        volume="200 l",
        hysteresis="2 K",
        cop=3,
        power="2 kW",
        timers={"run": "0 s", "pause": "0 s"},
    )


def meter() -> ModbusDevice:
    return ModbusDevice("meter", SimulatedMeter(Household(), Sun(0.0)), measures="house")


KINDS: dict[str, Kind] = {
    "ev_charger": Kind(ev_charger, (FRBC, PEBC)),
    "pv": Kind(pv, (PEBC,)),
    "load": Kind(plug, (OMBC,)),
    "heater": Kind(heater, (PEBC,)),
    "sg_ready": Kind(sg_ready, (OMBC,), is_quick=False),
    "hot_water": Kind(hot_water, (FRBC,)),
    "meter": Kind(meter, ()),
}
"""The kinds of device beside the battery, simulated; timers are off, as whoever certifies has them."""


PLANTS: dict[str, Callable[[], Plant]] = {
    FRBC: ModbusBattery,
    OMBC: heat_pump,
    DDBC: hybrid,
    PEBC: roof,
    PPBC: washer,
}
"""What our RM manages where a row asks for a control type and nothing else."""
TIMED = {FRBC: tank, OMBC: heat_pump, DDBC: hybrid}
"""Those with timers, by control type: from off to on starts `run`, which blocks the way back."""
by_control_type = pytest.mark.parametrize("control_type", list(PLANTS), ids=[SHORT[each] for each in PLANTS])
"""Asks a row of each control type."""
by_modes = pytest.mark.parametrize("control_type", list(TIMED), ids=[SHORT[each] for each in TIMED])
"""Asks a row of each control type by operation modes."""


def _by_modes(resource: Callable[[], Any], values: dict[str, str], **changes: Any) -> Played:
    return Played(resource=resource, points=dict.fromkeys(values, BOTH), values=values, **changes)


class _Metered:
    """Draws a kilowatt for each of its parts that is fully on."""

    doing: dict[str, ModeAndFactor]

    def power(self) -> dict[CommodityQuantity, Reading]:
        return {L1: Reading("power", 1000.0 * sum(each.factor for each in self.doing.values()))}


class _HeatPump(_Metered, HeatPump): ...


@dataclass
class _Tank(_Metered, Tank):
    follow_within_s: float = FOLLOWS_WITHIN_S

    def actuators(self) -> tuple[frbc.ActuatorDescription, ...]:
        return tuple(replace(each, transitions=ON_AND_OFF, timers=(RUN,)) for each in super().actuators())


@dataclass
class _Hybrid(_Metered, Hybrid):
    demand: common.NumberRange = DEMAND
    follow_within_s: float = FOLLOWS_WITHIN_S

    def suppliers(self) -> tuple[ddbc.ActuatorDescription, ...]:
        return tuple(replace(each, transitions=ON_AND_OFF, timers=(RUN,)) for each in super().suppliers())


class _Roof(Roof):
    follow_within_s = FOLLOWS_WITHIN_S


class _ForeseeingRoof(_Roof):
    """Expects 900 W for an hour. Of the second phase it expects something too, and does not measure it."""

    def __init__(self, *built: Any) -> None:
        super().__init__(*built)
        expected = tuple(
            common.PowerForecastValue(value_expected=-900.0, commodity_quantity=quantity) for quantity in (L1, L2)
        )
        element = common.PowerForecastElement(duration=3_600_000, power_values=expected)
        self.forecast = (datetime.now(UTC), (element,))

    @property
    def foreseen_power(self) -> Any:
        return self

    def power_forecast(self) -> tuple[datetime, tuple[common.PowerForecastElement, ...]]:
        return self.forecast


class _Washer(Washer):
    follow_within_s = FOLLOWS_WITHIN_S


class _PumpWithTank(_HeatPump):
    def __init__(self) -> None:
        super().__init__(transitions=COMPRESSOR, timers=(REST, RUN), follow_within_s=FOLLOWS_WITHIN_S)
        self.tank = _Tank()
        self.doing |= self.tank.doing
        self.storage, self.actuators, self.fill_level = self.tank.storage, self.tank.actuators, self.tank.fill_level
        self.foreseen = None

    def control_types(self) -> tuple[common.ControlType, ...]:
        return tuple(map(common.ControlType, (OMBC, FRBC, NOT_CONTROLABLE)))

"""Resources that are steered by operation modes and nothing else, and a stage to play their stories on.

What a scope does is one point named like it, written and read as "mode factor", e.g. "on 0.5".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from s2d.events import Applied, Measured
from s2d.rm.control import Control
from s2d.rm.control.context import ControlContext
from s2d.rm.control.execution import FOLLOWED, PENDING, Stage, Verdict
from s2d.rm.control.offers import Offer, offer_ddbc, offer_frbc, offer_ombc, offer_pebc, offer_ppbc
from s2d.rm.control.ombc import WHOLE, OperationModeMachine
from s2d.rm.control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from s2d.rm.control.reporting import ReportThresholds
from s2d.rm.instructions import Updates
from s2d.rm.kinds import Protection
from s2d.rm.kinds.kept_values import KeptValues
from s2d.rm.occasion import Occasion
from s2d.rm.resource_manager import Identity, Policy, ResourceManager
from s2d.s2.effects import (
    Apply,
    Connected,
    Disconnected,
    Effect,
    Event,
    Received,
    Send,
    Tick,
)
from s2d.s2.messages import ddbc, frbc, ombc, wire
from s2d.s2.messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    Message,
    NumberRange,
    PowerRange,
    ReceptionStatus,
    ReceptionStatusValues,
    Role,
    RoleType,
    SelectControlType,
    Tagged,
    Timer,
    Transition,
)
from s2d.values import Now, Reading, Setpoint

from ..published import SCHEMAS, has_schema, violations
from .stage import NOON, heard, said

BETA, FIRST = "0.0.2-beta", "1.0.0"
ROLES: tuple[Role, ...] = (Role(role=RoleType.ENERGY_CONSUMER, commodity=Commodity.ELECTRICITY),)
QUANTITIES: tuple[CommodityQuantity, ...] = (CommodityQuantity.ELECTRIC_POWER_L1,)
POWER = (PowerRange(start_of_range=0.0, end_of_range=1000.0, commodity_quantity=CommodityQuantity.ELECTRIC_POWER_L1),)
DEMAND = NumberRange(start_of_range=3000.0, end_of_range=3500.0)
TOP_TO_BOTTOM = NumberRange(start_of_range=0.0, end_of_range=100.0)


def way(
    before: str, after: str, *, starts: Iterable[str] = (), blocked_by: Iterable[str] = (), abnormal: bool = False
) -> Transition:
    return Transition(
        id=f"{before}-{after}",
        from_=before,
        to=after,
        start_timers=tuple(starts),
        blocking_timers=tuple(blocked_by),
        abnormal_condition_only=abnormal,
    )


REST, RUN = Timer(id="rest", duration=600_000), Timer(id="run", duration=300_000)
COMPRESSOR = (
    way("off", "on", starts=["run"], blocked_by=["rest"]),
    way("on", "off", starts=["rest"], blocked_by=["run"]),
    way("on", "boost"),
    way("boost", "on"),
    way("boost", "off", abnormal=True),
)
"""It must run for 5 minutes and rest for 10; from boost it goes down by way of on."""


def _itself(resource: Any) -> Any:
    return resource


OFFERS: dict[ControlType, Offer[Any]] = {
    ControlType.FILL_RATE_BASED_CONTROL: offer_frbc(_itself),
    ControlType.OPERATION_MODE_BASED_CONTROL: offer_ombc(_itself),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: offer_ddbc(_itself),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: offer_pebc(_itself),
    ControlType.POWER_PROFILE_BASED_CONTROL: offer_ppbc(_itself),
}
"""A resource of these stories is itself what its control type asks for."""


@dataclass
class Resource:
    """Does what it is told once it is measured doing it. Offers all *control_types* it is made for."""

    doing: dict[str, ModeAndFactor]
    follow_within_s: float = 60.0
    obstacle: str | None = None
    harm: str | None = None
    """Why what is ordered would do harm by now; said once."""

    roles = ROLES
    quantities = QUANTITIES
    offers = ControlType.NOT_CONTROLABLE
    foreseen_power = None
    wish = head_room = None
    is_at_rest = False
    kept = KeptValues()
    waits_for_device = False
    troubles: tuple[str, ...] = ()
    read_at = 0.0

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self.read_at = now.mono
        for reading in readings:
            mode, factor = str(reading.value).split()
            self.doing[reading.point] = ModeAndFactor(mode, float(factor))

    def lose(self) -> None:
        self.obstacle = "the device does not answer"

    def control_types(self) -> tuple[ControlType, ...]:
        return (self.offers,)

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return OFFERS[control_type](self, context)

    def advance(self, now: Now) -> bool:
        return False

    def deadlines(self) -> tuple[float, ...]:
        return ()

    def power(self) -> dict[CommodityQuantity, Reading]:
        return {}

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return [Setpoint(scope, "off 0", reason, is_safe=True) for scope in self.doing]

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return [Setpoint(scope, "off 0", reason, is_safe=True)]

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        pass

    def protect(self, now: Now) -> Protection | None:
        harm, self.harm = self.harm, None
        return Protection(harm, self.rest(Occasion.ABORTED, f"protection: {harm}", now)) if harm else None

    def activity_of(self, scope: str) -> ModeAndFactor:
        return self.doing[scope]

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        return self.obstacle

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        setpoint = Setpoint(scope, f"{goal.activity.operation_mode_id} {goal.activity.factor:g}", reason)
        return [Stage((setpoint,), self.follow_within_s)]

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        return FOLLOWED if self.read_at >= since and self.doing[scope] == goal else PENDING

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        return power_w / 1000.0


@dataclass
class HeatPump(Resource):
    """OMBC: off, on, boost, and a mode for emergencies."""

    doing: dict[str, ModeAndFactor] = field(default_factory=lambda: {WHOLE: ModeAndFactor("off", 0.0)})
    transitions: tuple[Transition, ...] = COMPRESSOR
    timers: tuple[Timer, ...] = (REST, RUN)
    modes: tuple[str, ...] = ("off", "on", "boost")
    emergency: tuple[str, ...] = ()

    offers = ControlType.OPERATION_MODE_BASED_CONTROL

    def state_machine(self) -> OperationModeMachine:
        modes = tuple(
            ombc.OperationMode(id=mode, power_ranges=POWER, abnormal_condition_only=mode in self.emergency)
            for mode in (*self.modes, *self.emergency)
        )
        known = {mode.id for mode in modes}
        transitions = tuple(each for each in self.transitions if {each.from_, each.to} <= known)
        return OperationModeMachine(modes, transitions, self.timers)


@dataclass
class Tank(Resource):
    """FRBC: a tank of hot water with two heaters."""

    doing: dict[str, ModeAndFactor] = field(
        default_factory=lambda: {"pump": ModeAndFactor("off", 0.0), "rod": ModeAndFactor("off", 0.0)}
    )
    modes: tuple[str, ...] = ("off", "on")
    level: float = 50.0
    range: NumberRange = TOP_TO_BOTTOM
    leakage: tuple[frbc.LeakageBehaviourElement, ...] = ()
    usage: tuple[datetime, tuple[frbc.UsageForecastElement, ...]] | None = None
    target: tuple[datetime, tuple[frbc.FillLevelTargetProfileElement, ...]] | None = None
    provides: tuple[str, ...] = ()

    @property
    def foreseen(self) -> "Tank":
        return self

    offers = ControlType.FILL_RATE_BASED_CONTROL

    def storage(self) -> frbc.StorageDescription:
        return frbc.StorageDescription(
            provides_leakage_behaviour="leakage" in self.provides,
            provides_fill_level_target_profile="target" in self.provides,
            provides_usage_forecast="usage" in self.provides,
            fill_level_range=self.range,
        )

    def actuators(self) -> tuple[frbc.ActuatorDescription, ...]:
        element = frbc.OperationModeElement(
            fill_level_range=TOP_TO_BOTTOM,
            fill_rate=NumberRange(start_of_range=0.0, end_of_range=0.01),
            power_ranges=POWER,
        )
        return tuple(
            frbc.ActuatorDescription(
                id=scope,
                supported_commodities=(Commodity.ELECTRICITY,),
                operation_modes=tuple(
                    frbc.OperationMode(id=mode, elements=(element,), abnormal_condition_only=False)
                    for mode in self.modes
                ),
                transitions=(way("off", "on", starts=["run"]), way("on", "off", blocked_by=["run"])),
                timers=(RUN,),
            )
            for scope in self.doing
        )

    def fill_level(self) -> float:
        return self.level

    def leakage_behaviour(self) -> tuple[frbc.LeakageBehaviourElement, ...]:
        return self.leakage

    def usage_forecast(self) -> tuple[datetime, tuple[frbc.UsageForecastElement, ...]] | None:
        return self.usage

    def fill_level_target_profile(self) -> tuple[datetime, tuple[frbc.FillLevelTargetProfileElement, ...]] | None:
        return self.target


@dataclass
class Hybrid(Resource):
    """DDBC: a heat pump and a gas boiler that together heat a house."""

    doing: dict[str, ModeAndFactor] = field(
        default_factory=lambda: {"pump": ModeAndFactor("off", 0.0), "boiler": ModeAndFactor("on", 0.5)}
    )
    demand: NumberRange = DEMAND
    forecast: tuple[datetime, tuple[ddbc.AverageDemandRateForecastElement, ...]] | None = None
    provides_average_demand_rate_forecast: bool = False

    offers = ControlType.DEMAND_DRIVEN_BASED_CONTROL

    def suppliers(self) -> tuple[ddbc.ActuatorDescription, ...]:
        supply = NumberRange(start_of_range=0.0, end_of_range=4000.0)
        return tuple(
            ddbc.ActuatorDescription(
                id=scope,
                supported_commodites=(Commodity.ELECTRICITY,),
                operation_modes=tuple(
                    ddbc.OperationMode(id=mode, power_ranges=POWER, supply_range=supply, abnormal_condition_only=False)
                    for mode in ("off", "on")
                ),
                transitions=(way("off", "on", starts=["run"]), way("on", "off", blocked_by=["run"])),
                timers=(RUN,) if scope == "pump" else (Timer(id="run", duration=1000),),
            )
            for scope in self.doing
        )

    def present_demand_rate(self) -> NumberRange:
        return self.demand

    def average_demand_rate_forecast(
        self,
    ) -> tuple[datetime, tuple[ddbc.AverageDemandRateForecastElement, ...]] | None:
        return self.forecast


@dataclass
class Play:
    """One resource and its CEM. All that is said is held against the published schemas, where these are at hand."""

    resource: Resource
    version: str = BETA
    updates: Updates = "full"
    says_hello: bool = True
    """Whether the CEM sends a Handshake."""
    every_s: float = 86_400.0
    """What was not told for so long is told again."""
    decided: dict[str, Any] = field(default_factory=dict)
    """What else the owner decided."""

    def __post_init__(self) -> None:
        policy = Policy(
            fallback_after_s=3600.0,
            thresholds=ReportThresholds(power_w=50.0, fill_level=1.0, every_s=self.every_s),
            processing_delay_s=1.0,
            updates=self.updates,
            **self.decided,
        )
        self._last_id = 0
        self.resource_manager = ResourceManager(Identity("house-1"), self.resource, policy, self.new_id)
        self.elapsed_s = 0.0
        self.utc_step = timedelta()

    @property
    def now(self) -> Now:
        return Now(1000.0 + self.elapsed_s, NOON + timedelta(seconds=self.elapsed_s) + self.utc_step)

    def new_id(self) -> str:
        self._last_id += 1
        return f"rm-{self._last_id}"

    def on(self, event: Event) -> list[Effect]:
        heard(self.resource_manager, self.now)
        effects = self.resource_manager.handle(event, self.now)
        for message in said(effects):
            name = wire.name_of(type(message))
            if SCHEMAS.is_dir() and has_schema(name) and not isinstance(message, ddbc.SystemDescription):
                assert violations(json.loads(wire.encode(message))) == []
        return effects

    def after(self, seconds: float) -> list[Effect]:
        """Lets time pass, waking the resource manager whenever it asked for it."""
        until, effects = self.elapsed_s + seconds, []
        while (wait := self.resource_manager.wake_after(self.now)) is not None and self.elapsed_s + wait <= until:
            self.elapsed_s += wait
            effects += self.on(Tick())
        self.elapsed_s = until
        return effects

    def seen(self, **doing: str) -> list[Effect]:
        """What scopes are measured doing."""
        return self.on(Measured(tuple(Reading(scope, what) for scope, what in doing.items())))

    def hears(self, message: Tagged) -> list[Effect]:
        effects = self.on(Received(wire.encode(message).decode()))
        for mine in said(effects):
            if isinstance(mine, Message):
                answer = ReceptionStatus(subject_message_id=mine.message_id, status=ReceptionStatusValues.OK)
                assert self.on(Received(wire.encode(answer).decode())) == []
        return effects

    def connected(self) -> list[Effect]:
        """A CEM connects and selects what the resource offers; what its selection led to."""
        self.on(Connected())
        if self.says_hello:
            self.hears(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
        self.hears(HandshakeResponse(message_id="version", selected_protocol_version=self.version))
        return self.selected()

    def selected(self) -> list[Effect]:
        return self.hears(SelectControlType(message_id="select", control_type=self.resource.offers))

    def left(self) -> list[Effect]:
        return self.on(Disconnected("gone"))

    def confirmed(self, effects: list[Effect]) -> list[Effect]:
        """The device confirms every setpoint among *effects*."""
        setpoints = [effect.setpoint for effect in effects if isinstance(effect, Apply)]
        return [effect for setpoint in setpoints for effect in self.on(Applied(setpoint))]

    def follows(self, effects: list[Effect]) -> list[Effect]:
        """The device confirms every setpoint among *effects*, and is seen doing it."""
        setpoints = [effect.setpoint for effect in effects if isinstance(effect, Apply)]
        self.confirmed(effects)
        return self.seen(**{setpoint.point: str(setpoint.value) for setpoint in setpoints})

    def orders(
        self, what: str, *, of: str = WHOLE, after_s: float = 0.0, name: str = "", **changes: Any
    ) -> list[Effect]:
        """An instruction to do *what*, as "mode factor"; what came of it."""
        mode, factor = what.split()
        name = name or self.new_id()
        known: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "operation_mode_factor": float(factor),
            "execution_time": self.now.utc + timedelta(seconds=after_s),
            "abnormal_condition": False,
        }
        match self.resource.offers:
            case ControlType.OPERATION_MODE_BASED_CONTROL:
                return self.hears(ombc.Instruction(**(known | {"operation_mode_id": mode} | changes)))
            case ControlType.DEMAND_DRIVEN_BASED_CONTROL:
                known |= {"operation_mode_id": mode, "actuator_id": of}
                return self.hears(ddbc.Instruction(**(known | changes)))
        return self.hears(frbc.Instruction(**(known | {"operation_mode": mode, "actuator_id": of} | changes)))


def timers(effects: list[Effect]) -> list[tuple[str, float]]:
    """The timers told of: id, and seconds after noon at which it finishes."""
    return [
        (message.timer_id, (message.finished_at - NOON).total_seconds())
        for message in said(effects)
        if isinstance(message, ombc.TimerStatus | frbc.TimerStatus | ddbc.TimerStatus)
    ]


def messages(effects: list[Effect]) -> list[Tagged]:
    """What was said but for answers."""
    return [
        effect.message
        for effect in effects
        if isinstance(effect, Send) and not isinstance(effect.message, ReceptionStatus)
    ]

"""A stage for stories about one battery and its CEM: a resource manager, a clock that is told, ids that count."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from s2d.events import Applied, Measured
from s2d.quantities import Energy, PercentageRange, Power
from s2d.rm.control.reporting import ReportThresholds
from s2d.rm.instructions import Updates
from s2d.rm.kinds import Ability, ResourceSetup
from s2d.rm.kinds.battery import KIND, BatterySettings
from s2d.rm.kinds.battery import battery as battery_of
from s2d.rm.kinds.battery.fill_rate import BatteryStorage
from s2d.rm.occasion import SafeStates
from s2d.rm.resource_manager import Identity, Policy, ResourceManager
from s2d.s2.effects import (
    Apply,
    Close,
    Connected,
    Disconnected,
    Effect,
    Event,
    Note,
    Received,
    Send,
    Started,
    Tick,
)
from s2d.s2.messages import frbc, wire
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    Message,
    ReceptionStatus,
    ReceptionStatusValues,
    SelectControlType,
    Tagged,
)
from s2d.values import Now, Reading, Setpoint

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BASIC = ("soc", "power", "power_setpoint")
"""The points of a battery that can be had by FRBC."""
FRBC = ControlType.FILL_RATE_BASED_CONTROL
OK = ReceptionStatusValues.OK


def abilities_of(points: Iterable[str]) -> dict[str, Ability]:
    """What can be done with *points* of a battery: what is there to be set can be, and all else is read."""
    is_set = {name: name in KIND.points and KIND.points[name].access == "write" for name in points}
    return {name: Ability(can_read=not can_write, can_write=can_write) for name, can_write in is_set.items()}


def settings(**changes: Any) -> BatterySettings:
    known: dict[str, Any] = {
        "capacity_wh": Energy(10_000),
        "max_charge_power_w": Power(5000),
        "max_discharge_power_w": Power(4000),
        "usable_range": PercentageRange((10.0, 95.0)),
    }
    return BatterySettings(**(known | changes))


@dataclass
class Stage:
    """Everything that happens goes through `on`; what it led to is the answer."""

    updates: Updates = "full"
    settings: BatterySettings = field(default_factory=settings)
    points: tuple[str, ...] = BASIC
    """Those that can be set are told from the others by the kind."""
    control_types: tuple[ControlType, ...] | None = None
    fallback: tuple[Setpoint, ...] = (Setpoint("power_setpoint", 0.0, "fallback"),)
    after_s: float = 60.0
    """How long the CEM may be away."""
    every_s: float = 300.0
    """What was not told for so long is told again."""
    power_w: float = 50.0
    """A change of power worth telling."""
    decided: dict[str, Any] = field(default_factory=dict)
    """What else the owner decided."""
    is_cem_there: bool = True
    """Whether the CEM is heard all the time, whatever it says; otherwise only what it is told to say here."""

    def __post_init__(self) -> None:
        self.battery = battery_of(
            ResourceSetup(
                resource_id="battery-1",
                name="Home battery",
                settings=self.settings,
                abilities=self.abilities(),
                safe=self.safe(),
            )
        )
        self.storage = BatteryStorage(self.battery)
        policy = Policy(
            fallback_after_s=self.after_s,
            thresholds=ReportThresholds(power_w=self.power_w, fill_level=0.5, every_s=self.every_s),
            processing_delay_s=1.0,
            updates=self.updates,
            control_types=self.control_types,
            **self.decided,
        )
        self._last_id = 0
        self.resource_manager = ResourceManager(
            Identity("battery-1", "Home battery"), self.battery, policy, self.new_id
        )
        self.elapsed_s = 0.0
        self.utc_step = timedelta()
        self.said: list[Tagged] = []
        charge, discharge, idle = self.storage.actuators()[0].operation_modes
        self.idle, self.charge, self.discharge = idle.id, charge.id, discharge.id

    def abilities(self) -> dict[str, Ability]:
        """What can be done with its points."""
        return abilities_of(self.points)

    def safe(self) -> SafeStates:
        """What it is when nobody is in charge."""
        return SafeStates(tuple(self.fallback))

    @property
    def now(self) -> Now:
        return Now(1000.0 + self.elapsed_s, NOON + timedelta(seconds=self.elapsed_s) + self.utc_step)

    def new_id(self) -> str:
        self._last_id += 1
        return f"rm-{self._last_id}"

    def on(self, event: Event) -> list[Effect]:
        if self.is_cem_there:
            heard(self.resource_manager, self.now)
        effects = self.resource_manager.handle(event, self.now)
        self.said += [effect.message for effect in effects if isinstance(effect, Send)]
        return effects

    def after(self, seconds: float) -> list[Effect]:
        """Lets time pass, waking the resource manager whenever it asked for it."""
        until, effects = self.elapsed_s + seconds, []
        while (wait := self.resource_manager.wake_after(self.now)) is not None and self.elapsed_s + wait <= until:
            self.elapsed_s += wait
            effects += self.on(Tick())
        self.elapsed_s = until
        return effects

    def measured(self, **values: Any) -> list[Effect]:
        return self.on(Measured(tuple(Reading(point, value) for point, value in values.items())))

    def hears(self, message: Tagged) -> list[Effect]:
        return self.on(Received(wire.encode(message).decode()))

    def confirmed(self, *effects: Effect) -> list[Effect]:
        """The device confirms every setpoint among *effects*."""
        confirmed: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Apply):
                confirmed += self.on(Applied(effect.setpoint))
        return confirmed

    def negotiated(self) -> list[Effect]:
        """A CEM connects and settles on a version; what follows the RM's OK."""
        self.on(Started())
        self.on(Connected())
        self.hears(Handshake(message_id="cem-hello", role=EnergyManagementRole.CEM))
        effects = self.hears(HandshakeResponse(message_id="cem-version", selected_protocol_version="0.0.2-beta"))
        self.heard(*effects)
        return effects

    def active(self, *, soc: float = 50.0, power: float = 0.0) -> list[Effect]:
        """A CEM that has selected FRBC; what its selection led to."""
        self.measured(soc=soc, power=power)
        self.negotiated()
        effects = self.hears(SelectControlType(message_id="cem-select", control_type=FRBC))
        self.heard(*effects)
        return effects

    def heard(self, *effects: Effect) -> list[Effect]:
        """The CEM answers OK to all that was said among *effects*."""
        answers: list[Effect] = []
        for message in said(effects):
            if isinstance(message, Message):
                answers += self.hears(ReceptionStatus(subject_message_id=message.message_id, status=OK))
        return answers

    def instruction(self, name: str, mode: str, factor: float, *, after_s: float = 0.0, **changes: Any) -> Message:
        known: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "actuator_id": self.battery.description.actuator_id,
            "operation_mode": mode,
            "operation_mode_factor": factor,
            "execution_time": self.now.utc + timedelta(seconds=after_s),
            "abnormal_condition": False,
        }
        return frbc.Instruction(**(known | changes))

    def left(self, reason: str = "gone") -> list[Effect]:
        return self.on(Disconnected(reason))


def heard(resource_manager: ResourceManager, now: Now) -> None:
    """The CEM is there: a frame of its comes that nothing else follows from."""
    if resource_manager.session:
        resource_manager.session.life.take(Received(""), now.mono)


def said(effects: list[Effect] | tuple[Effect, ...]) -> list[Tagged]:
    """The messages among *effects*."""
    return [effect.message for effect in effects if isinstance(effect, Send)]


def told(effects: list[Effect]) -> list[str]:
    """What was said, in short: message types, with the status where there is one."""
    return [_short(message) for message in said(effects)]


def applied(effects: list[Effect]) -> list[tuple[str, object]]:
    """What shall be written: point and value."""
    return [(effect.setpoint.point, effect.setpoint.value) for effect in effects if isinstance(effect, Apply)]


def closed(effects: list[Effect]) -> list[Close]:
    return [effect for effect in effects if isinstance(effect, Close)]


def notes(effects: list[Effect]) -> list[str]:
    return [effect.event for effect in effects if isinstance(effect, Note)]


def _short(message: Tagged) -> str:
    name = wire.name_of(type(message))
    status = getattr(message, "status", None) or getattr(message, "status_type", None)
    return f"{name} {status}" if status else name

"""What a resource played in a story has in common with every other, and the stage it is played on."""

from collections.abc import Iterable
from typing import Any, ClassVar

from s2d.rm.control import Control
from s2d.rm.control.context import ControlContext
from s2d.rm.control.reporting import ReportThresholds
from s2d.rm.instructions import Updates
from s2d.rm.kinds import Protection
from s2d.rm.kinds.kept_values import KeptValues
from s2d.rm.occasion import Occasion
from s2d.rm.resource_manager import Identity, Policy, ResourceManager
from s2d.s2.effects import Effect, Event, Send
from s2d.s2.messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    InstructionStatusUpdate,
    RevokableObjects,
    RevokeObject,
    Role,
    RoleType,
    SelectControlType,
    Tagged,
)
from s2d.values import Now, Reading, Setpoint, Value

from .resources_modes import OFFERS
from .stage import Stage, said

L1 = CommodityQuantity.ELECTRIC_POWER_L1
L2 = CommodityQuantity.ELECTRIC_POWER_L2


class Played:
    """A device with the points `power` and `mishap`; it remembers what it read, and when."""

    control_type: ClassVar[ControlType]
    roles = (Role(role=RoleType.ENERGY_CONSUMER, commodity=Commodity.ELECTRICITY),)
    quantities: tuple[CommodityQuantity, ...] = (L1,)
    foreseen_power: Any = None
    wish = head_room = None
    is_at_rest = False
    kept = KeptValues()
    waits_for_device = False
    troubles: tuple[str, ...] = ()
    follow_within_s = 30.0

    def __init__(self) -> None:
        self.read: dict[str, tuple[float, Value | None]] = {}
        self.is_lost = True

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self.is_lost = False
        self.read |= {reading.point: (now.mono, reading.value) for reading in readings}

    def lose(self) -> None:
        self.is_lost = True

    def control_types(self) -> tuple[ControlType, ...]:
        return (self.control_type,) if self.read else ()

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return OFFERS[control_type](self, context)

    def advance(self, now: Now) -> bool:
        return False

    def deadlines(self) -> tuple[float, ...]:
        return ()

    def power(self) -> dict[CommodityQuantity, Reading]:
        at, power = self.read.get("power", (0.0, None))
        return {L1: Reading("power", power, at=at)} if isinstance(power, float) else {}

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        raise NotImplementedError

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        pass

    def protect(self, now: Now) -> Protection | None:
        _, mishap = self.read.pop("mishap", (0.0, None))
        return Protection(str(mishap), self.rest(Occasion.ABORTED, "protection", now)) if mishap else None


class PlayedStage(Stage):
    """A stage for one played resource instead of a battery."""

    def __init__(self, played: Played, updates: Updates = "full", **decided: Any) -> None:
        super().__init__(updates=updates)
        self.played = played
        self.told: list[Tagged] = []
        thresholds = ReportThresholds(power_w=50.0, fill_level=0.5, every_s=300.0)
        policy = Policy(
            fallback_after_s=60.0, thresholds=thresholds, processing_delay_s=1.0, updates=updates, **decided
        )
        self.resource_manager = ResourceManager(Identity("played-1", "Played"), played, policy, self.new_id)

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        self.told += said(effects)
        return effects

    def active(self, **values: Value) -> list[Effect]:
        """A CEM that has selected the control type of the resource; what its selection led to."""
        self.measured(**({"power": 0.0} | values))
        self.negotiated()
        self._last_id = 0
        select = SelectControlType(message_id="cem-select", control_type=self.played.control_type)
        return self.hears(select)

    def after(self, seconds: float) -> list[Effect]:
        """Lets time pass; the CEM answers whatever it hears."""
        effects = [*self.heard(*_sends(self)), *super().after(seconds)]
        return [*effects, *self.heard(*effects)]

    def seen(self, **values: Value) -> list[Effect]:
        """A second later these are read."""
        self.elapsed_s += 1
        return self.measured(**values)

    def done(self, effects: list[Effect], **values: Value) -> list[Effect]:
        """The device confirms what is to be written among *effects*, and a second later these are read."""
        self.confirmed(*effects)
        return self.seen(**values)


def updates(effects: list[Effect]) -> list[tuple[str, str]]:
    """Which instruction became what."""
    return [
        (message.instruction_id, message.status_type.value)
        for message in said(effects)
        if isinstance(message, InstructionStatusUpdate)
    ]


def revocation(object_type: RevokableObjects, object_id: str) -> RevokeObject:
    return RevokeObject(message_id=f"revoke-{object_id}", object_type=object_type, object_id=object_id)


def _sends(stage: Stage) -> list[Effect]:
    sends: list[Effect] = [Send(message) for message in stage.said]
    stage.said.clear()
    return sends

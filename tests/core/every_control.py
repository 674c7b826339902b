"""A story for every control type: one face for the stages of all five."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from s2d.events import Applied
from s2d.rm.instructions import Updates
from s2d.s2.effects import (
    Apply,
    Connected,
    Disconnected,
    Effect,
    Tick,
)
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)
from s2d.s2.messages.ppbc import PowerSequenceContainer

from .resources_modes import HeatPump, Hybrid, Play
from .resources_roof import RoofStage
from .resources_washer import WasherStage, dishes, sequence
from .stage import NOON, Stage, said

DAY = 86_400.0
EDGES_OF_TIME = (
    datetime.min.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 20, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-12))),
)
"""The first and the last instants that a message can name, also beyond those of UTC."""


class Staged(ABC):
    """A CEM that has selected the one control type of a resource; orders count from 1, and no two ask for the same."""

    control_type: ControlType
    stage: Stage | Play

    @abstractmethod
    def __init__(self, updates: Updates = "full", **decided: Any) -> None: ...

    @abstractmethod
    def order(self, count: int, *, after_s: float = 0.0, **changes: Any) -> list[Effect]:
        """The instruction `i-{count}`."""

    @abstractmethod
    def shows(self, *values: Any) -> list[Effect]:
        """The device is read doing what was written."""

    @abstractmethod
    def harms(self) -> list[Effect]:
        """The device is read in a state in which what is ordered would do harm."""

    def revokes(self, count: int) -> list[Effect]:
        """The instruction `i-{count}` is taken back."""
        kind = RevokableObjects(self.kind_of(count))
        return self.stage.hears(RevokeObject(message_id=f"revoke-{count}", object_type=kind, object_id=f"i-{count}"))

    def kind_of(self, count: int) -> str:
        """The message type of the instruction `i-{count}`."""
        return f"{type(self).__name__.upper()}.Instruction"

    def joins(self) -> list[Effect]:
        """A CEM connects and settles on a version."""
        self.stage.on(Connected())
        hello = Handshake(message_id="hello-again", role=EnergyManagementRole.CEM)
        version = HandshakeResponse(message_id="version-again", selected_protocol_version="0.0.2-beta")
        return [*self.stage.hears(hello), *self.stage.hears(version)]

    def selects(self, control_type: ControlType | None = None) -> list[Effect]:
        """The CEM selects the one control type that is offered, or what is named."""
        select = SelectControlType(message_id="select-again", control_type=control_type or self.control_type)
        return self.stage.hears(select)

    def returns(self) -> list[Effect]:
        """A CEM connects and selects what it had; what its selection led to."""
        self.joins()
        return self.selects()

    def leaves(self) -> list[Effect]:
        return self.stage.on(Disconnected("gone"))

    def follows(self, effects: list[Effect]) -> list[Effect]:
        """The device confirms what is to be written among *effects* and is read doing it, a moment later."""
        setpoints = [effect.setpoint for effect in effects if isinstance(effect, Apply)]
        if not setpoints:
            return []
        confirmed = [each for setpoint in setpoints for each in self.stage.on(Applied(setpoint))]
        self.stage.elapsed_s += 0.001
        return [*confirmed, *self.shows(setpoints[-1].value)]

    def lives(self, seconds: float) -> list[Effect]:
        """Time passes, and the device follows."""
        stage, until, lived = self.stage, self.stage.elapsed_s + seconds, list[Effect]()
        while (wait := stage.resource_manager.wake_after(stage.now)) is not None and stage.elapsed_s + wait <= until:
            stage.elapsed_s += wait
            effects = stage.on(Tick())
            lived += [*effects, *self.follows(effects)]
        stage.elapsed_s = max(until, stage.elapsed_s)
        return lived


class Frbc(Staged):
    control_type = ControlType.FILL_RATE_BASED_CONTROL

    def __init__(self, updates: Updates = "full", **decided: Any) -> None:
        self.stage: Stage = Stage(updates, decided=decided)
        self.stage.active()

    def order(self, count: int, *, after_s: float = 0.0, **changes: Any) -> list[Effect]:
        instruction = self.stage.instruction(f"i-{count}", self.stage.charge, count / 1000, after_s=after_s, **changes)
        return self.stage.hears(instruction)

    def shows(self, *values: Any) -> list[Effect]:
        return self.stage.measured(soc=50.0, power=values[-1])

    def harms(self) -> list[Effect]:
        return self.stage.measured(soc=95.0)


class Ombc(Staged):
    control_type = ControlType.OPERATION_MODE_BASED_CONTROL

    def __init__(self, updates: Updates = "full", **decided: Any) -> None:
        self.stage: Play = Play(HeatPump(transitions=(), timers=()), updates=updates, decided=decided)
        self.stage.connected()

    def order(self, count: int, *, after_s: float = 0.0, **changes: Any) -> list[Effect]:
        return self.stage.orders(f"on {count / 1000}", name=f"i-{count}", after_s=after_s, **changes)

    def shows(self, *values: Any) -> list[Effect]:
        return self.stage.seen(resource=values[-1])

    def harms(self) -> list[Effect]:
        self.stage.resource.harm = "it is hot"
        return self.stage.seen(resource="on 0.001")


class Ddbc(Staged):
    control_type = ControlType.DEMAND_DRIVEN_BASED_CONTROL

    def __init__(self, updates: Updates = "full", **decided: Any) -> None:
        self.stage: Play = Play(Hybrid(), updates=updates, decided=decided)
        self.stage.connected()

    def order(self, count: int, *, after_s: float = 0.0, **changes: Any) -> list[Effect]:
        return self.stage.orders(f"on {count / 1000}", of="boiler", name=f"i-{count}", after_s=after_s, **changes)

    def shows(self, *values: Any) -> list[Effect]:
        return self.stage.seen(boiler=values[-1])

    def harms(self) -> list[Effect]:
        self.stage.resource.harm = "it is hot"
        return self.stage.seen(boiler="on 0.001")


class Pebc(Staged):
    control_type = ControlType.POWER_ENVELOPE_BASED_CONTROL

    def __init__(self, updates: Updates = "full", **decided: Any) -> None:
        self.stage: RoofStage = RoofStage(updates=updates, **decided)
        self.stage.active()

    def order(self, count: int, *, after_s: float = 0.0, **changes: Any) -> list[Effect]:
        return self.stage.hears(self.stage.envelope(f"i-{count}", (DAY, -count, 0), after_s=after_s, **changes))

    def shows(self, *values: Any) -> list[Effect]:
        return self.stage.measured(power=0.0)

    def harms(self) -> list[Effect]:
        return self.stage.measured(mishap="it is hot")


class Ppbc(Staged):
    """The first order begins a wash of a day; the others interrupt it and let it go on, in turn."""

    control_type = ControlType.POWER_PROFILE_BASED_CONTROL

    def __init__(self, updates: Updates = "full", **decided: Any) -> None:
        wash = PowerSequenceContainer(id="wash", power_sequences=(sequence("quick", DAY),))
        task = dishes(containers=(wash,), end_time=NOON + timedelta(days=30))
        self.stage: WasherStage = WasherStage(task, updates, **decided)
        self.stage.active()

    def order(self, count: int, *, after_s: float = 0.0, **changes: Any) -> list[Effect]:
        instruct: Callable[..., Any] = self.stage.schedule
        if count > 1:
            instruct = self.stage.resumption if count % 2 else self.stage.interruption
        return self.stage.hears(instruct(f"i-{count}", after_s=after_s, **changes))

    def kind_of(self, count: int) -> str:
        if count == 1:
            return "PPBC.ScheduleInstruction"
        return "PPBC.EndInterruptionInstruction" if count % 2 else "PPBC.StartInterruptionInstruction"

    def shows(self, *values: Any) -> list[Effect]:
        return self.stage.measured(power=0.0, does=values[-1])

    def harms(self) -> list[Effect]:
        return self.stage.measured(mishap="it is hot")


EVERY: tuple[type[Staged], ...] = (Frbc, Pebc, Ombc, Ddbc, Ppbc)


def statuses(effects: list[Effect]) -> list[tuple[int, str]]:
    """What became of which order, by its count."""
    return [
        (int(message.instruction_id.removeprefix("i-")), message.status_type.value)
        for message in said(effects)
        if hasattr(message, "status_type")
    ]

"""A stage for a device of any kind, configured as its owner would, and a CEM."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from s2d.config import load
from s2d.events import Measured
from s2d.rm.kinds import Resource
from s2d.rm.memory import decoded
from s2d.s2.effects import Effect, Event, Remember, Send
from s2d.s2.messages import pebc
from s2d.s2.messages.common import (
    CommodityQuantity,
    ControlType,
    InstructionStatusUpdate,
    ResourceManagerDetails,
    SelectControlType,
)
from s2d.s2.messages.pebc import PowerConstraints
from s2d.service.daemon import setup_of
from s2d.values import Quality, Reading

from ..core.resources_roof import envelope
from ..core.stage import Stage, said

GATEWAY = "cem: {url: 'ws://localhost:1/{resource_id}'}\ndevices:\n  - name: Device\n    driver: modbus\n"
CONNECTION = "    connection: {host: localhost}\n"
PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL
FRBC = ControlType.FILL_RATE_BASED_CONTROL
OMBC = ControlType.OPERATION_MODE_BASED_CONTROL
RESOURCE_ID = "9f6b2f6e-6d0a-4a38-9d61-0c7b9a7c5a11"
TIME_ZONE = "Europe/Amsterdam"


class KindStage(Stage):
    """A device configured by *keys*, YAML without name, driver and connection; no reading ages unless it is told to."""

    def __init__(self, keys: str, *, holds_s: float = inf, utc_step: timedelta = timedelta(0)) -> None:
        super().__init__()
        self.holds_s = holds_s
        self.utc_step = utc_step
        self.keys = keys
        self.kept: bytes | None = None
        """What is to survive a restart."""
        self._start()

    def _start(self) -> None:
        with TemporaryDirectory() as folder:
            indented = "".join(f"    {line}\n" for line in self.keys.strip().splitlines())
            (Path(folder) / "s2d.yaml").write_text(GATEWAY + CONNECTION + indented)
            config = load(Path(folder))
        memory = decoded(self.kept) if self.kept else None
        self.setup = setup_of(config.devices[0], RESOURCE_ID, TIME_ZONE, memory)
        self.resource_manager = self.setup.resource_manager(self.new_id)

    @property
    def resource(self) -> Resource:
        """Its model."""
        return self.resource_manager._resource

    def restarted(self, *, after_s: float = 0.0) -> None:
        """The process has died, and another comes up so much later; what was kept is there again."""
        self.elapsed_s += after_s
        self._start()

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        for effect in effects:
            if isinstance(effect, Remember):
                self.kept = effect.memory
        return effects

    def measured(self, **values: Any) -> list[Effect]:
        """These are read now; None: the device says that it has no value."""
        at, until = self.now.mono, self.now.mono + self.holds_s
        readings = (
            Reading(point, None, Quality.ABSENT, at=at)
            if value is None
            else Reading(point, value, at=at, good_until=until)
            for point, value in values.items()
        )
        return self.on(Measured(tuple(readings)))

    def seen(self, after_s: float = 1.0, **values: Any) -> list[Effect]:
        """So much later these are read."""
        effects = self.after(after_s)
        return [*effects, *self.measured(**values)]

    def selects(self, control_type: ControlType) -> list[Effect]:
        """The CEM selects; it answers OK to what follows, as to all else."""
        effects = self.hears(SelectControlType(message_id=f"select-{self.new_id()}", control_type=control_type))
        self.heard(*effects)
        return effects

    def in_session(self, control_type: ControlType, **values: Any) -> list[Effect]:
        """These are read, and a CEM comes and selects; what its selection led to."""
        self.measured(**values)
        self.negotiated()
        return self.selects(control_type)

    def offered(self) -> tuple[ControlType, ...]:
        """What was offered last."""
        return [each for each in self.said if isinstance(each, ResourceManagerDetails)][-1].available_control_types

    def envelope(
        self,
        name: str,
        *elements: tuple[float, float, float],
        quantity: CommodityQuantity = CommodityQuantity.ELECTRIC_POWER_L1,
        after_s: float = 0.0,
        is_abnormal: bool = False,
        at: datetime | None = None,
    ) -> pebc.Instruction:
        """An instruction with *elements* of seconds, lower and upper limit, by the constraints told last."""
        told_last = [message.id for message in self.said if isinstance(message, PowerConstraints)][-1]
        return pebc.Instruction(
            message_id=f"m-{name}",
            id=name,
            execution_time=at or self.now.utc + timedelta(seconds=after_s),
            abnormal_condition=is_abnormal,
            power_constraints_id=told_last,
            power_envelopes=(envelope(*elements, quantity=quantity),),
        )

    def limited(self, name: str, *elements: tuple[float, float, float], **options: Any) -> list[Effect]:
        """The CEM sets limits, and the device confirms whatever is written."""
        effects = self.hears(self.envelope(name, *elements, **options))
        return [*effects, *self.confirmed(*effects)]


def statuses(effects: Iterable[Effect]) -> list[tuple[str, str]]:
    """Which instruction became what."""
    return [
        (effect.message.instruction_id, effect.message.status_type.value)
        for effect in effects
        if isinstance(effect, Send) and isinstance(effect.message, InstructionStatusUpdate)
    ]


def of_type(kind: type, effects: list[Effect]) -> list[Any]:
    """The messages of that type among *effects*."""
    return [message for message in said(effects) if isinstance(message, kind)]

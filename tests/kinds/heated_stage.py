"""A stage for what heats a storage under FRBC, and a CEM that orders it to heat or to rest."""

from datetime import UTC, datetime
from typing import Any

from s2d.s2.effects import Effect, Started
from s2d.s2.messages import frbc

from ..core.stage import NOON, applied
from .stage import FRBC, KindStage

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
MONDAY = datetime(2026, 11, 30, 5, tzinfo=UTC)


class HeatedStage(KindStage):
    """A storage whose heater confirms whatever it is told; what it shows is as each story says."""

    def __init__(self, keys: str, **read: Any) -> None:
        super().__init__(keys, utc_step=MONDAY - NOON)
        self.read = read
        self.on(Started())
        self.first = self.in_session(FRBC, **read)
        self.told: list[tuple[str, object]] = []

    def does(self, effects: list[Effect]) -> list[Effect]:
        """It confirms what is written, and shows a setpoint that it can be read."""
        lived: list[Effect] = []
        while effects:
            lived += effects
            written = applied(effects)
            self.told += written
            self.read |= {point: value for point, value in written if point in self.read}
            effects = self.confirmed(*effects) if written else []
        return lived

    def lives(self, seconds: float = 10.0, step_s: float = 10.0, **read: Any) -> list[Effect]:
        """So long this is read every few seconds."""
        self.read |= read
        lived: list[Effect] = []
        until = self.elapsed_s + seconds
        while self.elapsed_s < until:
            lived += self.does(self.after(min(step_s, until - self.elapsed_s)))
            lived += self.does(self.measured(**self.read))
        return lived

    def order(self, name: str, mode: str, factor: float = 0.0, **changes: Any) -> list[Effect]:
        """The CEM orders it to `heat` or `rest`."""
        (actuator,) = self.description.actuators
        (mode_id,) = [each.id for each in actuator.operation_modes if each.diagnostic_label == mode] or ["gone"]
        instruction = frbc.Instruction(
            **{
                "message_id": f"m-{name}",
                "id": name,
                "actuator_id": actuator.id,
                "operation_mode": mode_id,
                "operation_mode_factor": factor,
                "execution_time": self.now.utc,
                "abnormal_condition": False,
                **changes,
            }
        )
        return self.does(self.hears(instruction))

    @property
    def description(self) -> frbc.SystemDescription:
        """As it was told last."""
        return [each for each in self.said if isinstance(each, frbc.SystemDescription)][-1]

    @property
    def activity(self) -> str:
        """The mode that was told last."""
        told = [each for each in self.said if isinstance(each, frbc.ActuatorStatus)][-1]
        labels = {mode.id: mode.diagnostic_label for mode in self.description.actuators[0].operation_modes}
        return str(labels[told.active_operation_mode_id])

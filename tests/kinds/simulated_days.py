"""Days of what heats a tank, as it is simulated, and of whoever steers it."""

from random import Random
from typing import Any

from s2d.s2.effects import Effect
from s2d.s2.messages import frbc
from s2d.simulation.boiler import SimulatedBoiler
from s2d.simulation.heat_pump import SimulatedHeatPump

from ..core.stage import applied
from .stage import KindStage, statuses

POLL_S = 10.0
HOUR_S, DAY_S = 3600.0, 86_400.0
Heater = SimulatedHeatPump | SimulatedBoiler


class Day(KindStage):
    """What heats a tank, told and read as a device would be."""

    def __init__(self, keys: str, points: tuple[str, ...], heater: Heater, orders: dict[str, Any]) -> None:
        super().__init__(keys, holds_s=4 * POLL_S)
        self.heater, self.points, self.orders = heater, points, orders
        self.ordered = 0
        self.became: list[tuple[str, str]] = []
        self.coldest, self.cold_s, self.hottest = 100.0, 0.0, 0.0

    def lives(self, seconds: float) -> None:
        until = self.elapsed_s + seconds
        while self.elapsed_s < until:
            poll_at = self.elapsed_s + POLL_S
            while self.elapsed_s < poll_at:  # what is due is done, and told, when it is due
                wait = self.resource_manager.wake_after(self.now)
                self.does(self.after(min(poll_at - self.elapsed_s, POLL_S if wait is None else max(wait, 0.01))))
            self.heater.advance(self.elapsed_s)
            self.does(self.measured(**self.shown()))
            self.coldest = min(self.coldest, self.heater.tank.bottom_c)
            self.hottest = max(self.hottest, self.heater.tank.top_c)
            self.cold_s += POLL_S if self.heater.tank.bottom_c < 50.0 else 0.0

    def shown(self) -> dict[str, Any]:
        values = self.heater.values()
        return {point: values[point] for point in self.points}

    def does(self, effects: list[Effect]) -> None:
        while True:
            self.became += statuses(effects)
            written = applied(effects)
            if not written:
                return
            self.orders |= dict(written)
            self.heater.obey(self.orders, self.elapsed_s)
            effects = self.confirmed(*effects)

    def orders_some_mode(self, chance: Random) -> None:
        """The CEM orders any mode of FRBC."""
        (actuator,) = [each for each in self.said if isinstance(each, frbc.SystemDescription)][-1].actuators
        self.ordered += 1
        order = frbc.Instruction(
            message_id=f"m-{self.ordered}",
            id=f"order-{self.ordered}",
            actuator_id=actuator.id,
            operation_mode=chance.choice(actuator.operation_modes).id,
            operation_mode_factor=0.0,
            execution_time=self.now.utc,
            abnormal_condition=False,
        )
        self.does(self.hears(order))

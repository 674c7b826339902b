"""What the owner of an endpoint has learnt about one unit on it."""

from .connection import ModbusConnection
from .cost import Cost
from .patience import Patience

_WEIGHT = 1 / 8
"""Of the newest turnaround against all before."""
_DRIFT = 1.25
"""A cost is worked out again once the turnaround has changed by this factor."""


class Unit:
    """A unit that answers, or does not."""

    def __init__(self) -> None:
        self.patience = Patience()
        self.turnaround_s: float | None = None
        """How long it takes from a question to its answer, wire time not counted; None before the first."""
        self._costs: dict[ModbusConnection, tuple[float | None, Cost]] = {}

    def answered(self, turnaround_s: float) -> None:
        """It answered after *turnaround_s*."""
        self.patience.succeed()
        known_s = turnaround_s if self.turnaround_s is None else self.turnaround_s
        self.turnaround_s = known_s + _WEIGHT * (turnaround_s - known_s)

    def probe_s(self, timeout_s: float) -> float:
        """How long to wait for its answer, of *timeout_s* at most."""
        return self.patience.probe_s(timeout_s, self.turnaround_s or 0.0)

    def cost(self, connection: ModbusConnection) -> Cost:
        """What a read from it costs; the same object until that has changed much."""
        at_s, cost = self._costs.get(connection, (None, None))
        now_s = self.turnaround_s
        if cost is None or (now_s is not None and (at_s is None or not at_s / _DRIFT <= now_s <= at_s * _DRIFT)):
            cost = connection.cost(now_s)
            self._costs[connection] = now_s, cost
        return cost

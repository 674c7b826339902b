"""What every RM tells under any control type, and all it tells under NOT_CONTROLABLE: its power."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from ...s2.effects import Effect, Send
from ...s2.messages.common import CommodityQuantity, PowerMeasurement, PowerValue
from ...values import Now
from .reporting import Reporting, Told


class MeasuredResource(Protocol):
    """A resource whose power is known."""

    def power_w(self) -> dict[CommodityQuantity, float]:
        """The last good readings of every quantity announced; empty while one is missing."""
        ...

    def measured_at(self) -> datetime:
        """When the power was read; meaningless while it is unknown."""
        ...


class NotControllable:
    """Tells the power of *resource*."""

    def __init__(self, resource: MeasuredResource, reporting: Reporting, new_id: Callable[[], str]) -> None:
        self._resource = resource
        self._reporting = reporting
        self._new_id = new_id
        self._told = Told(reporting.every_s)

    def report(self, now: Now) -> list[Effect]:
        """A PowerMeasurement, if it is worth telling."""
        power_w = self._resource.power_w()
        values = tuple(power_w.values())
        if not values or not self._told.is_due(now, values, self._reporting.power_w):
            return []
        self._told.tell(now, values)
        measured = PowerMeasurement(
            message_id=self._new_id(),
            measurement_timestamp=self._resource.measured_at(),
            values=tuple(PowerValue(commodity_quantity=each, value=value) for each, value in power_w.items()),
        )
        return [Send(measured)]

    def is_stale(self, now: Now) -> bool:
        """Whether `report` has something to say by itself."""
        return self._told.is_stale(now)

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `report` has something to say by itself."""
        return self._told.deadlines()

"""NOT_CONTROLABLE and what it shares with all control types: the power of the resource is measured, and told."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Protocol

from ...s2.effects import Effect, Send
from ...s2.messages.common import CommodityQuantity, PowerMeasurement, PowerValue
from ...values import Now, Reading
from .reporting import LastReported, ReportThresholds

_IN_WATTS = frozenset(
    (
        CommodityQuantity.ELECTRIC_POWER_L1,
        CommodityQuantity.ELECTRIC_POWER_L2,
        CommodityQuantity.ELECTRIC_POWER_L3,
        CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC,
        CommodityQuantity.HEAT_THERMAL_POWER,
    )
)
"""What the threshold of power is about; of others each change is told."""


class MeasuredResource(Protocol):
    """A resource whose power is known."""

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        """The readings of its power that hold now, by quantity; each is a number with the instant it was true."""
        ...


class NotControllable:
    """The control type NOT_CONTROLABLE: tells the power of *resource*, each message of one instant."""

    def __init__(self, resource: MeasuredResource, thresholds: ReportThresholds, new_id: Callable[[], str]) -> None:
        self._resource = resource
        self._thresholds = thresholds
        self._new_id = new_id
        self._told: dict[CommodityQuantity, LastReported] = {}
        self.due_at = inf
        """When (monotonic seconds) `report` has something to say by itself."""

    def report(self, now: Now) -> list[Effect]:
        """A PowerMeasurement for each instant at which something was measured that is worth telling."""
        power = self._resource.power()
        gone = self._told.keys() - power.keys()
        for quantity in gone:
            self._told[quantity].forget()
        due = [reading.at for quantity, reading in power.items() if self._is_due(quantity, reading, now)]
        measurements = [
            self._measurement({quantity: each for quantity, each in power.items() if each.at == at}, now)
            for at in dict.fromkeys(due)
        ]
        if gone or due:
            self.due_at = min([told.due_at for told in self._told.values()])
        return measurements

    def repeat(self, now: Now) -> list[Effect]:
        """The newest measurement once more, though it is no news; nothing if there is none."""
        for told in self._told.values():
            told.forget()
        return self.report(now)

    def is_stale(self, now: Now) -> bool:
        """Whether `report` has something to say by itself."""
        return now.mono >= self.due_at

    def _is_due(self, quantity: CommodityQuantity, reading: Reading, now: Now) -> bool:
        deadband = self._thresholds.power_w if quantity in _IN_WATTS else 0.0
        return self._last(quantity).is_due(now, (reading.number,), deadband)

    def _measurement(self, measured: Mapping[CommodityQuantity, Reading], now: Now) -> Effect:
        """What was measured at one instant."""
        for quantity, reading in measured.items():
            self._last(quantity).note(now, (reading.number,))
        message = PowerMeasurement(
            message_id=self._new_id(),
            measurement_timestamp=next(iter(measured.values())).true_at(now),
            values=tuple(
                PowerValue(commodity_quantity=quantity, value=reading.number) for quantity, reading in measured.items()
            ),
        )
        return Send(message)

    def _last(self, quantity: CommodityQuantity) -> LastReported:
        if quantity not in self._told:
            self._told[quantity] = LastReported(self._thresholds.every_s)
        return self._told[quantity]

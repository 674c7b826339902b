"""The power forecast, told by every RM that foresees its power: under any control type, and before one is active."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from ...s2.effects import Effect, Send
from ...s2.messages.common import CommodityQuantity, PowerForecast, PowerForecastElement
from ...values import Now


class ForeseeingResource(Protocol):
    """A resource of which the power is foreseen."""

    quantities: tuple[CommodityQuantity, ...]

    def power_forecast(self) -> tuple[datetime, tuple[PowerForecastElement, ...]] | None:
        """The power from that time on, told whenever it is another; None while it is unknown."""
        ...


class Outlook:
    """The power forecast of *resource*, told whenever it is another."""

    def __init__(self, resource: ForeseeingResource, new_id: Callable[[], str]) -> None:
        self._resource = resource
        self._new_id = new_id
        self._told: object = None

    def report(self, now: Now) -> list[Effect]:
        """A PowerForecast, if it is another than was told last."""
        forecast = self._resource.power_forecast()
        if forecast is None or forecast == self._told:
            return []
        self._told = forecast
        start_time, elements = forecast
        announced = tuple(self._announced(elements))
        if not announced:
            return []
        return [Send(PowerForecast(message_id=self._new_id(), start_time=start_time, elements=announced))]

    def _announced(self, elements: tuple[PowerForecastElement, ...]) -> Iterator[PowerForecastElement]:
        """*elements* of the quantities announced, as far as these are foreseen without a gap."""
        for element in elements:
            values = tuple(
                each for each in element.power_values if each.commodity_quantity in self._resource.quantities
            )
            if not values:
                return
            yield replace(element, power_values=values)

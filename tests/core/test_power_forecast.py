"""A resource that foresees its power tells so, whatever control type is active."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from s2d.s2.effects import Connected
from s2d.s2.messages.common import (
    CommodityQuantity,
    ControlType,
    HandshakeResponse,
    PowerForecast,
    PowerForecastElement,
    PowerForecastValue,
    ResourceManagerDetails,
    SelectControlType,
)

from .resources_modes import HeatPump, Hybrid, Tank
from .resources_played import L1, L2, Played, PlayedStage
from .resources_roof import Roof
from .resources_washer import Washer, dishes
from .stage import NOON, notes, said, told

NONE, NOT_CONTROLABLE = ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE


def foreseen(*powers_w: float, **also_w: float) -> tuple[PowerForecastElement, ...]:
    """An hour each of these powers on the first phase; *also_w* on other quantities, all the time."""
    return tuple(
        PowerForecastElement(
            duration=3_600_000,
            power_values=(value(L1, power_w), *(value(CommodityQuantity[name], also_w[name]) for name in also_w)),
        )
        for power_w in powers_w
    )


def value(quantity: CommodityQuantity, power_w: float) -> PowerForecastValue:
    return PowerForecastValue(value_expected=power_w, commodity_quantity=quantity)


class Foresight:
    """Whatever it is mixed with foresees its power."""

    foresight: tuple[datetime, tuple[PowerForecastElement, ...]] | None = (NOON, foreseen(-500, -900))

    @property
    def foreseen_power(self) -> Any:
        return self

    def power_forecast(self) -> tuple[datetime, tuple[PowerForecastElement, ...]] | None:
        return self.foresight


class ForeseeingRoof(Foresight, Roof): ...


class ForeseeingWasher(Foresight, Washer): ...


class ForeseeingTank(Foresight, Tank): ...


class ForeseeingHeatPump(Foresight, HeatPump): ...


class ForeseeingHybrid(Foresight, Hybrid): ...


def stage_of(resource: Any) -> PlayedStage:
    """A CEM that has settled the version and selected nothing yet."""
    stage = PlayedStage(resource)
    stage.measured(**({"power": 0.0} if isinstance(resource, Played) else {}))
    return stage


def selects(stage: PlayedStage, control_type: ControlType) -> list[Any]:
    return stage.hears(SelectControlType(message_id="select", control_type=control_type))


def forecasts(effects: list[Any]) -> list[PowerForecast]:
    return [message for message in said(effects) if isinstance(message, PowerForecast)]


def test_a_forecast_is_announced_and_told_before_anything_is_selected() -> None:
    stage = stage_of(ForeseeingRoof())
    effects = stage.negotiated()
    assert told(effects) == ["ReceptionStatus OK", "ResourceManagerDetails", "PowerForecast"]
    details, forecast = said(effects)[1:]
    assert isinstance(details, ResourceManagerDetails)
    assert details.provides_forecast
    assert isinstance(forecast, PowerForecast)
    assert (forecast.start_time, forecast.elements) == (NOON, foreseen(-500, -900))


@pytest.mark.parametrize(
    "make",
    [ForeseeingTank, ForeseeingRoof, ForeseeingHeatPump, ForeseeingHybrid, lambda: ForeseeingWasher(dishes())],
    ids=["FRBC", "PEBC", "OMBC", "DDBC", "PPBC"],
)
def test_a_forecast_is_told_after_every_selection_and_on_change(make: Callable[[], Any]) -> None:
    resource = make()
    stage = stage_of(resource)
    stage.negotiated()
    (offered,) = resource.control_types()
    for control_type in (offered, NOT_CONTROLABLE, offered):
        assert [each.elements for each in forecasts(selects(stage, control_type))] == [foreseen(-500, -900)]
        assert told(stage.measured()) == []
        resource.foresight = (NOON, foreseen(-400, -900))
        assert [each.elements for each in forecasts(stage.measured())] == [foreseen(-400, -900)]
        assert told(stage.measured()) == []
        resource.foresight = (NOON, foreseen(-500, -900))
        stage.measured()


def test_under_not_controllable_power_is_measured_and_foreseen() -> None:
    stage = stage_of(ForeseeingRoof())
    stage.negotiated()
    effects = selects(stage, NOT_CONTROLABLE)
    assert told(effects) == ["ReceptionStatus OK", "PowerMeasurement", "PowerForecast"]


def test_who_wants_nothing_is_told_nothing() -> None:
    roof = ForeseeingRoof()
    stage = stage_of(roof)
    stage.negotiated()
    assert told(selects(stage, NONE)) == ["ReceptionStatus OK"]
    roof.foresight = (NOON, foreseen(-1))
    assert told(stage.measured()) == []


def test_a_forecast_is_told_once_it_is_known() -> None:
    roof = ForeseeingRoof()
    roof.foresight = None
    stage = stage_of(roof)
    stage.negotiated()
    assert told(selects(stage, ControlType.POWER_ENVELOPE_BASED_CONTROL))[-1] == "PowerMeasurement"
    roof.foresight = (NOON + timedelta(hours=1), foreseen(-100))
    (forecast,) = forecasts(stage.measured())
    assert (forecast.start_time, forecast.elements) == (NOON + timedelta(hours=1), foreseen(-100))


def test_every_session_is_told_anew() -> None:
    stage = stage_of(ForeseeingRoof())
    stage.negotiated()
    stage.left()
    assert told(stage.measured()) == []
    stage.on(Connected())
    assert told(stage.measured()) == []
    effects = stage.hears(HandshakeResponse(message_id="again", selected_protocol_version="1.0.0"))
    assert len(forecasts(effects)) == 1


def test_what_is_not_announced_is_not_told() -> None:
    stage = stage_of(Roof())
    effects = [*stage.negotiated(), *selects(stage, ControlType.POWER_ENVELOPE_BASED_CONTROL), *stage.measured()]
    assert forecasts(effects) == []
    assert "message.withheld" not in notes(effects)
    (details,) = (message for message in said(effects) if isinstance(message, ResourceManagerDetails))
    assert not details.provides_forecast


def test_only_quantities_that_are_announced_are_foreseen_and_only_without_a_gap() -> None:
    roof = ForeseeingRoof()
    unannounced = PowerForecastElement(duration=1000, power_values=(value(L2, -3),))
    roof.foresight = (NOON, (*foreseen(-1, -2, ELECTRIC_POWER_L2=-9), unannounced, *foreseen(-4)))
    (forecast,) = forecasts(stage_of(roof).negotiated())
    assert forecast.elements == foreseen(-1, -2)
    roof.foresight = (NOON, (unannounced,))
    assert forecasts(stage_of(roof).negotiated()) == []

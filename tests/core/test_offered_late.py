"""A device that comes up after the session began: a CEM that selects only at first is asked to come anew, once."""

from collections.abc import Callable
from typing import Any

import pytest

from s2d.events import Measured
from s2d.s2.effects import Close, Connected, Effect, ReconnectPolicy
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    ResourceManagerDetails,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2d.values import Reading

from .resources_modes import HeatPump, Hybrid, Play, Tank
from .resources_roof import RoofStage
from .resources_washer import WasherStage
from .stage import BASIC, Stage, closed, notes, said, told

NONE = ControlType.NOT_CONTROLABLE
FRBC, PEBC = ControlType.FILL_RATE_BASED_CONTROL, ControlType.POWER_ENVELOPE_BASED_CONTROL
OMBC, DDBC = ControlType.OPERATION_MODE_BASED_CONTROL, ControlType.DEMAND_DRIVEN_BASED_CONTROL
PPBC = ControlType.POWER_PROFILE_BASED_CONTROL
REASON = "the offer has changed, and nothing of it was selected"


class Late:
    """A session in which nothing can be controlled yet, and what the device says once it is there."""

    def __init__(self, stage: Any, **values: Any) -> None:
        self.stage = stage
        self._values = values
        self._offers = NONE
        if isinstance(stage, Play):
            self._offers, stage.resource.offers = stage.resource.offers, NONE

    def begins(self) -> list[Effect]:
        self.stage.on(Connected())
        response = HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta")
        effects: list[Effect] = self.stage.hears(response)
        return effects

    def selects(self, control_type: ControlType) -> list[Effect]:
        effects: list[Effect] = self.stage.hears(SelectControlType(message_id="select", control_type=control_type))
        return effects

    def comes_up(self) -> list[Effect]:
        if isinstance(self.stage, Play):
            self.stage.resource.offers = self._offers
        effects: list[Effect] = self.stage.on(Measured(tuple(Reading(*each) for each in self._values.items())))
        return effects


def battery(*points: str) -> Stage:
    return Stage(points=points)


LATE: tuple[tuple[Callable[[], Late], ControlType], ...] = (
    (lambda: Late(battery(*BASIC), soc=50.0, power=0.0), FRBC),
    (lambda: Late(battery("power", "charge_limit", "discharge_limit"), power=0.0), PEBC),
    (lambda: Late(battery("power", "mode"), power=0.0), OMBC),
    (lambda: Late(Play(Tank()), pump="off 0", rod="off 0"), FRBC),
    (lambda: Late(Play(HeatPump()), resource="off 0"), OMBC),
    (lambda: Late(Play(Hybrid()), pump="off 0", boiler="on 0.5"), DDBC),
    (lambda: Late(RoofStage(), power=0.0), PEBC),
    (lambda: Late(WasherStage(), power=0.0), PPBC),
)
each = pytest.mark.parametrize(("new", "offered"), LATE)


def offers(effects: list[Effect]) -> list[tuple[ControlType, ...]]:
    return [message.available_control_types for message in said(effects) if isinstance(message, ResourceManagerDetails)]


@each
@pytest.mark.parametrize("selected", [None, NONE])
def test_a_cem_that_selects_nothing_of_it_comes_anew_and_finds_it_there(
    new: Callable[[], Late], offered: ControlType, selected: ControlType | None
) -> None:
    late = new()
    assert offers(late.begins()) == [(NONE,)]
    if selected:
        late.selects(selected)
    assert offers(late.comes_up()) == [(offered,)]
    assert closed(late.stage.after(29.9)) == []
    effects = late.stage.after(0.1)
    assert closed(effects) == [Close(REASON, ReconnectPolicy.SOON)]
    assert [each.request for each in said(effects) if isinstance(each, SessionRequest)] == [
        SessionRequestType.RECONNECT
    ]
    assert notes(effects).count("offer.unanswered") == 1
    late.stage.left()
    assert offers(late.begins()) == [(offered,)]
    assert told(late.selects(offered))[0] == "ReceptionStatus OK"
    assert closed(late.stage.after(1200)) == []


@each
def test_a_cem_that_selects_it_is_left_in_peace(new: Callable[[], Late], offered: ControlType) -> None:
    late = new()
    late.begins()
    late.comes_up()
    late.stage.after(29)
    assert told(late.selects(offered))[0] == "ReceptionStatus OK"
    assert closed(late.stage.after(60)) == []


def test_every_control_type_comes_late_here() -> None:
    assert {offered for _, offered in LATE} == {*ControlType} - {NONE, ControlType.NO_SELECTION}

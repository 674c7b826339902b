"""A CEM that comes back in time, and selects what it had or something else."""

from collections.abc import Callable

import pytest

from s2d.rm.control.ombc import OperationModeMachine
from s2d.s2.messages.common import (
    ControlType,
    Message,
    ReceptionStatus,
    ReceptionStatusValues,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)

from .resources_modes import HeatPump, Play, Tank
from .stage import Stage, applied, closed, said

FRBC, OMBC = ControlType.FILL_RATE_BASED_CONTROL, ControlType.OPERATION_MODE_BASED_CONTROL


class TankWithPump(Tank):
    """Can be steered as a storage, and as one machine."""

    def control_types(self) -> tuple[ControlType, ...]:
        return FRBC, OMBC

    def state_machine(self) -> OperationModeMachine:
        return HeatPump().state_machine()


@pytest.mark.parametrize(("then", "written"), [(FRBC, []), (OMBC, ["pump", "rod", "resource"])])
def test_what_was_ordered_under_one_control_type_is_not_left_to_another(then: ControlType, written: list[str]) -> None:
    tank = TankWithPump()
    tank.doing |= HeatPump().doing
    play = Play(tank)
    play.connected()
    play.follows(play.orders("on 1", of="pump"))
    play.left()
    tank.offers = then
    assert [point for point, _ in applied(play.connected())] == written


def asks_to_reconnect(stage: Stage) -> Message | ReceptionStatus:
    return SessionRequest(message_id="bye", request=SessionRequestType.RECONNECT)


def cannot_bear_what_was_said(stage: Stage) -> Message | ReceptionStatus:
    told = said(stage.measured(soc=60.0))[0]
    assert isinstance(told, Message)
    return ReceptionStatus(subject_message_id=told.message_id, status=ReceptionStatusValues.PERMANENT_ERROR)


@pytest.mark.parametrize("parting", [asks_to_reconnect, cannot_bear_what_was_said])
def test_while_a_session_closes_nothing_is_started_any_more(
    parting: Callable[[Stage], Message | ReceptionStatus],
) -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("later", stage.charge, 1.0, after_s=30.0))
    assert len(closed(stage.hears(parting(stage)))) == 1
    assert applied(stage.after(59.0)) == []
    stage.left()
    assert applied(stage.after(1.0)) == [("power_setpoint", 0.0)]


def test_who_asked_to_reconnect_and_does_finds_all_as_it_was() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("now", stage.charge, 1.0)))
    stage.hears(asks_to_reconnect(stage))
    stage.left()
    stage.negotiated()
    effects = stage.hears(SelectControlType(message_id="again", control_type=FRBC))
    assert applied([*effects, *stage.after(3600.0)]) == []

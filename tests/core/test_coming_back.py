"""A CEM that comes back in time, and selects what it had or something else."""

import pytest

from s2d.control.ombc import OperationModeMachine
from s2d.messages.common import ControlType

from .resources_modes import HeatPump, Play, Tank
from .stage import applied

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

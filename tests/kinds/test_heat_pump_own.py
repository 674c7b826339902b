"""On every occasion a heat pump that was told how warm, or in which state, to be is left to its own control again."""

from collections.abc import Callable
from typing import Any

import pytest

from s2d.events import Lost
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Connected, Disconnected, Started, Stopping
from s2d.s2.messages.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    RevokableObjects,
    RevokeObject,
)

from .stage import FRBC, OMBC, statuses
from .test_heat_pump_frbc import Pump as Tank
from .test_heat_pump_frbc import by_setpoint
from .test_heat_pump_sg_ready import Pump as SgPump

MINUTE = 60.0
Told = Tank | SgPump


def rested() -> Tank:
    """A tank that a CEM lets rest."""
    pump = by_setpoint()
    pump.order("order", "rest")
    assert statuses(pump.lives()) == [("order", "SUCCEEDED")]
    return pump


def boosted() -> SgPump:
    """A heat pump that a CEM has recommended to run."""
    pump = SgPump()
    assert statuses(pump.told("order", "boost"))[-1] == ("order", "SUCCEEDED")
    return pump


def loses_cem(pump: Told) -> None:
    pump.on(Disconnected("gone"))


def deselects(pump: Told) -> None:
    pump.does(pump.selects(ControlType.NO_SELECTION))


def stops(pump: Told) -> None:
    pump.does(pump.on(Stopping()))


def starts_anew(pump: Told) -> None:
    pump.restarted(after_s=MINUTE)
    pump.on(Started())


def device_returns(pump: Told) -> None:
    pump.on(Disconnected("gone"))
    pump.lives(11 * MINUTE)
    pump.on(Lost("no answer"))
    pump.elapsed_s += MINUTE
    pump.does(pump.measured(**pump.read))


def comes_back_and_says_nothing(pump: Told) -> None:
    """In a session of operation modes nothing that was ordered ends by that alone; it does as if nobody had come."""
    pump.on(Disconnected("gone"))
    pump.on(Connected())
    pump.hears(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
    pump.heard(*pump.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta")))
    pump.does(pump.selects(FRBC if isinstance(pump, Tank) else OMBC))


def its_clock_is_wrong(pump: Told) -> None:
    pump.on(Disconnected("gone"))
    pump.does(pump.on(Connected(cem_time=pump.now.utc.replace(year=2030), is_clock_synchronised=False)))


def is_not_read(pump: Told) -> None:
    pump.lives(10.0, temperature=None) if isinstance(pump, Tank) else None


AT_ONCE, LATER_S = 0.0, 600.0
MATRIX: dict[str, tuple[Callable[[Told], None], float]] = {
    "cem_lost": (loses_cem, LATER_S),
    "uninstructed": (comes_back_and_says_nothing, LATER_S),
    "deselected": (deselects, AT_ONCE),
    "stopping": (stops, AT_ONCE),
    "started": (starts_anew, LATER_S),
    "returned": (device_returns, AT_ONCE),
    "clock": (its_clock_is_wrong, AT_ONCE),
    "stale": (is_not_read, AT_ONCE),
}
"""By occasion: what happens, and by when it is its own again."""


@pytest.mark.parametrize("told", [rested, boosted])
@pytest.mark.parametrize("occasion", MATRIX)
def test_it_is_its_own_again(occasion: str, told: Callable[[], Any]) -> None:
    if occasion == "stale" and told is boosted:
        pytest.skip("a state depends on nothing that is read")
    happens, within_s = MATRIX[occasion]
    pump = told()

    def is_own() -> bool:
        own = {"temperature_setpoint": 58.0} if isinstance(pump, Tank) else {"relay_1": False, "relay_2": False}
        return all(pump.read[point] == value for point, value in own.items())

    assert not is_own()
    happens(pump)
    assert is_own() == (within_s == AT_ONCE)
    if within_s:
        pump.lives(within_s - MINUTE)
        assert not is_own()
        pump.lives(2 * MINUTE)
        assert is_own()


def test_every_occasion_has_a_row_but_those_of_an_order_under_way() -> None:
    assert {*MATRIX} == {*Occasion} - {Occasion.ABORTED, Occasion.ENDED}


def test_an_order_to_rest_that_fails_or_is_revoked_leaves_it_its_own() -> None:
    for ends in ("fails", "is revoked"):
        pump = by_setpoint()
        pump.order("order", "rest")
        if ends == "fails":
            pump.lives(11 * MINUTE, status="hot_water")
        else:
            kind = RevokableObjects.FRBC_INSTRUCTION
            pump.does(pump.hears(RevokeObject(message_id="revoke", object_type=kind, object_id="order")))
        assert pump.told == [("temperature_setpoint", 50.0), ("temperature_setpoint", 58.0)]

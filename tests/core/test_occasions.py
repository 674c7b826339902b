"""On each occasion the device becomes what its owner wants it to be then, at once or after a while."""

from typing import Any

import pytest

from s2d.events import Lost, Refused
from s2d.rm.occasion import Occasion, SafeStates
from s2d.s2.effects import Effect, Started, Stopping
from s2d.s2.messages.common import (
    ControlType,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2d.values import Setpoint

from .stage import FRBC, applied, notes
from .test_stale import Dated

OF = {occasion: float(number) for number, occasion in enumerate(Occasion, 1)}
"""What the battery is told on each occasion, in W: so each is told from all others."""
SPECIAL = {occasion: (Setpoint("power_setpoint", power_w, ""),) for occasion, power_w in OF.items()}

BYE = SessionRequest(message_id="bye", request=SessionRequestType.TERMINATE)


class Occasional(Dated):
    def safe(self) -> SafeStates:
        return SafeStates((), SPECIAL)


def charging(**changes: Any) -> Occasional:
    stage = Occasional(**changes)
    stage.charging()
    stage.read(soc=50.0, power=2500.0)
    return stage


def told(effects: list[Effect], occasion: Occasion) -> bool:
    return applied(effects) == [("power_setpoint", OF[occasion])]


def test_starting_and_stopping() -> None:
    assert told(Occasional().on(Started()), Occasion.STARTED)
    assert told(charging().on(Stopping()), Occasion.STOPPING)


def test_the_cem_stays_away() -> None:
    stage = charging()
    stage.left()
    assert applied(stage.after(9.9)) == []
    stage.read(soc=50.0, power=2500.0)
    stage.elapsed_s += 0.1
    for _ in range(5):
        stage.read(soc=50.0, power=2500.0)
        assert applied(stage.after(9)) == []
    stage.read(soc=50.0, power=2500.0)
    assert told(stage.after(6), Occasion.CEM_LOST)


@pytest.mark.parametrize("control_type", [FRBC, ControlType.NOT_CONTROLABLE, ControlType.NO_SELECTION])
def test_the_cem_selects_something_else(control_type: ControlType) -> None:
    assert told(charging().hears(SelectControlType(message_id="other", control_type=control_type)), Occasion.DESELECTED)


def test_the_cem_ends_the_session() -> None:
    assert told(charging().hears(BYE), Occasion.DESELECTED)


def test_an_order_is_revoked() -> None:
    stage = Occasional()
    stage.charging()
    revoke = RevokeObject(message_id="no", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id="one")
    assert told(stage.hears(revoke), Occasion.ENDED)


def test_an_order_fails() -> None:
    stage = Occasional()
    stage.selected()
    stage.hears(stage.instruction("one", stage.charge, 0.5))
    refused = Refused(Setpoint("power_setpoint", 2500.0, "instruction one"), "exception 4")
    assert told(stage.on(refused), Occasion.ABORTED)
    stage = Occasional()
    stage.charging()
    assert told(stage.on(Lost("no answer")), Occasion.ABORTED)


def test_what_it_is_judged_by_is_too_old() -> None:
    assert told(charging().after(10), Occasion.STALE)


def test_at_rest_it_is_told_once_what_it_is_while_that_is_unknown_and_full_it_stands_still() -> None:
    stage = Occasional()
    stage.selected()
    stage.hears(BYE)
    stage.left()
    stale = stage.polled(20, power=OF[Occasion.STALE])
    assert told(stale, Occasion.STALE)
    assert notes(stale) == ["resource.protected"]
    assert applied(stage.read(soc=95.0)) == [("power_setpoint", 0.0)]
    assert applied(stage.polled(20)) == []


def test_a_fault_is_answered_by_standing_still_once_whatever_is_unknown() -> None:
    stage = Occasional(points=("soc", "power", "power_setpoint", "fault"))
    stage.selected()
    stage.hears(BYE)
    assert applied(stage.read(fault=1.0)) == [("power_setpoint", 0.0)]
    stage = Occasional(points=("soc", "power", "power_setpoint", "fault"))
    stage.selected()
    assert told(stage.polled(20, power=1.0), Occasion.STALE)
    effects = stage.polled(20, power=1.0, fault=1.0)
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert notes(effects) == ["resource.protected"]


def test_the_device_comes_back_at_rest() -> None:
    stage = Occasional()
    stage.selected()
    stage.on(Lost("no answer"))
    assert told(stage.read(soc=50.0, power=0.0), Occasion.RETURNED)
    assert applied(stage.read(soc=50.0, power=0.0)) == []


def test_a_device_that_was_brought_to_rest_before_it_was_read_is_not_told_twice() -> None:
    stage = Occasional()
    stage.charging()
    safe = stage.on(Lost("no answer"))
    stage.confirmed(*safe)
    assert applied(stage.read(soc=50.0, power=0.0)) == []


def test_a_device_that_stood_still_against_harm_comes_back_at_rest() -> None:
    stage = charging()
    stage.read(soc=95.0)
    stage.on(Lost("no answer"))
    assert told(stage.read(soc=90.0, power=0.0), Occasion.RETURNED)


def test_a_device_that_comes_back_while_an_order_is_in_force_goes_on() -> None:
    stage = charging()
    stage.on(Lost("no answer"))
    assert applied(stage.read(soc=50.0, power=2500.0)) == []


def held_at_start() -> Occasional:
    """It began a moment ago, and a CEM has selected already what it did before."""
    stage = Occasional(decided={"hold_s": {Occasion.STARTED: 300.0}})
    stage.read(soc=50.0, power=2500.0)
    assert applied(stage.negotiated()) == []
    assert applied(stage.hears(SelectControlType(message_id="select", control_type=FRBC))) == []
    return stage


def test_what_may_wait_waits() -> None:
    stage = Occasional(decided={"hold_s": {Occasion.STARTED: 300.0}})
    assert applied(stage.on(Started())) == []
    assert applied(stage.after(299)) == []
    assert told(stage.after(1), Occasion.STARTED)


def test_a_cem_that_comes_meanwhile_and_orders_something_takes_over() -> None:
    stage = held_at_start()
    stage.polled(200, soc=50.0, power=2500.0)
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 0.5)))
    assert applied(stage.polled(400, soc=50.0, power=2500.0)) == []
    assert stage.resource_manager.fallback_at is None


def test_a_cem_that_comes_meanwhile_and_orders_nothing_is_not_waited_for_longer() -> None:
    stage = held_at_start()
    assert applied(stage.polled(299, soc=50.0, power=2500.0)) == []
    assert told(stage.polled(1, soc=50.0, power=2500.0), Occasion.STARTED)


def test_what_may_limit_the_device_still_is_left_for_as_long_as_all_else_and_then_no_limit_is_in_force() -> None:
    stage = Occasional(
        decided={"hold_s": {Occasion.STARTED: 300.0}}, points=("power", "charge_limit", "discharge_limit")
    )
    stage.read(power=0.0)
    stage.negotiated()
    pebc = SelectControlType(message_id="select", control_type=ControlType.POWER_ENVELOPE_BASED_CONTROL)
    assert applied(stage.hears(pebc)) == []
    assert applied(stage.polled(299, power=0.0)) == []
    assert told(stage.polled(1, power=0.0), Occasion.UNINSTRUCTED)
    assert applied(stage.polled(400, power=0.0)) == []


def test_who_selects_limits_while_nothing_may_be_in_force_has_none() -> None:
    stage = Occasional(points=("power", "charge_limit", "discharge_limit"))
    stage.read(power=0.0)
    stage.negotiated()
    pebc = SelectControlType(message_id="select", control_type=ControlType.POWER_ENVELOPE_BASED_CONTROL)
    assert told(stage.hears(pebc), Occasion.UNINSTRUCTED)


def test_what_is_ordered_while_a_device_that_came_back_is_left_as_it_is_stays_in_force() -> None:
    stage = Occasional(decided={"hold_s": {Occasion.RETURNED: 300.0}})
    stage.selected()
    stage.on(Lost("no answer"))
    assert applied(stage.read(soc=50.0, power=0.0)) == []
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 0.5)))
    assert applied(stage.polled(400, soc=50.0, power=2500.0)) == []
    assert stage.resource_manager.fallback_at is None


def test_a_device_that_is_lost_again_is_brought_to_rest_when_it_is_back_for_good() -> None:
    stage = Occasional(decided={"hold_s": {Occasion.RETURNED: 300.0}})
    stage.selected()
    stage.on(Lost("no answer"))
    stage.polled(299, soc=50.0, power=0.0)
    stage.on(Lost("no answer"))
    assert applied(stage.after(8)) == []
    assert applied(stage.polled(300, soc=50.0, power=0.0)) == []
    assert told(stage.polled(1, soc=50.0, power=0.0), Occasion.RETURNED)


@pytest.mark.parametrize(("hold_s", "written"), [(0.0, [("power_setpoint", OF[Occasion.RETURNED])]), (300.0, [])])
def test_a_device_that_comes_back_does_not_end_the_wait_for_the_cem(
    hold_s: float, written: list[tuple[str, object]]
) -> None:
    stage = Occasional(decided={"hold_s": {Occasion.RETURNED: hold_s}})
    stage.charging()
    stage.on(Lost("no answer"))
    stage.left()
    assert applied(stage.after(9)) == []
    assert applied(stage.read(soc=50.0, power=0.0)) == written
    assert applied(stage.polled(50, soc=50.0, power=0.0)) == []
    assert told(stage.polled(1, soc=50.0, power=0.0), Occasion.CEM_LOST)

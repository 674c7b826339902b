"""What was ordered goes on for as long as somebody may answer for it, whatever the sessions after do."""

from typing import Any

import pytest

from s2d.events import Lost
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Connected, Effect, Received, Started
from s2d.s2.messages import pebc, wire
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)

from .every_control import EVERY, Ddbc, Frbc, Ombc, Pebc, Ppbc, Staged, statuses
from .resources_modes import HeatPump, Play
from .resources_played import L1, revocation
from .stage import FRBC, Stage, applied, notes, told
from .test_occasions import OF, Occasional

PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL
every = pytest.mark.parametrize("staged", EVERY)


def ordered(staged: type[Staged], **decided: Any) -> Staged:
    """Something is ordered, and done. A wash pauses: while it runs it comes to an end of its own."""
    scene = staged(**decided)
    scene.follows(scene.order(1))
    if staged is Ppbc:
        scene.stage.elapsed_s += 1
        scene.follows(scene.order(2))
    return scene


def waits(scene: Staged, share: float) -> list[Effect]:
    """Time passes: that *share* of what a CEM may be away."""
    return scene.stage.after(share * (3600.0 if isinstance(scene, Ombc | Ddbc) else 60.0))


def is_rest(effects: list[Effect]) -> bool:
    """Whether the device is brought to rest for want of a CEM, once."""
    return bool(applied(effects)) and notes(effects).count("fallback.applied") == 1


def crashes(scene: Staged) -> list[Effect]:
    """A CEM comes back, selects what it had, and is gone."""
    return [*scene.returns(), *scene.leaves()]


# --- every control type ----------------------------------------------------------------------------------------------


@every
def test_a_cem_that_does_not_come_back_leaves_the_device_at_rest(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    assert applied(waits(scene, 0.99)) == []
    assert is_rest(waits(scene, 0.01))


@every
def test_a_cem_that_comes_back_has_the_whole_time_to_order_something_and_then_the_device_rests(
    staged: type[Staged],
) -> None:
    scene = ordered(staged)
    scene.leaves()
    waits(scene, 0.9)
    assert applied(scene.returns()) == []
    assert applied(waits(scene, 0.99)) == []
    assert is_rest(waits(scene, 0.01))
    assert applied(waits(scene, 5)) == []


@every
def test_a_cem_that_orders_something_is_in_charge(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    waits(scene, 0.5)
    scene.returns()
    waits(scene, 0.5)
    effects = scene.order(3)
    assert statuses(effects)[-1] == (3, "STARTED")
    scene.follows(effects)
    assert scene.stage.resource_manager.fallback_at is None
    if staged is Ppbc:  # which goes on by that; so that it does not end by itself either
        scene.stage.elapsed_s += 1
        scene.follows(scene.order(4))
    assert notes(waits(scene, 5)).count("fallback.applied") == 0
    # It may be away for as long as the first, and so may be who comes after it.
    scene.leaves()
    waits(scene, 0.9)
    scene.returns()
    assert applied(waits(scene, 0.99)) == []
    assert is_rest(waits(scene, 0.01))


@every
def test_sessions_that_only_select_put_it_off_once(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    assert applied(waits(scene, 0.9)) == []
    assert applied(crashes(scene)) == []
    for _ in range(9):
        assert applied(waits(scene, 0.1)) == []
        assert applied(crashes(scene)) == []
    assert is_rest(waits(scene, 0.1))
    assert notes([*crashes(scene), *waits(scene, 0.9), *crashes(scene)]).count("fallback.applied") == 0


@every
def test_a_session_that_has_selected_when_the_time_is_up_does_not_lengthen_it(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    crashes(scene)
    waits(scene, 0.99)
    assert applied(scene.returns()) == []
    assert is_rest(waits(scene, 0.01))


@every
@pytest.mark.parametrize("selection", [None, ControlType.NOT_CONTROLABLE, ControlType.NO_SELECTION])
def test_a_session_that_selects_nothing_to_control_by_lengthens_nothing(
    staged: type[Staged], selection: ControlType | None
) -> None:
    scene = ordered(staged)
    scene.leaves()
    waits(scene, 0.5)
    scene.joins()
    if selection:
        assert applied(scene.selects(selection)) == []
    assert applied(waits(scene, 0.49)) == []
    assert is_rest(waits(scene, 0.01))


@every
def test_what_is_refused_puts_nobody_in_charge(staged: type[Staged]) -> None:
    scene = ordered(staged, max_instruction_age_s=60.0)
    scene.leaves()
    scene.returns()
    assert statuses(scene.order(3, after_s=-61)) == [(3, "REJECTED")]
    assert applied(waits(scene, 0.99)) == []
    assert is_rest(waits(scene, 0.01))


@every
def test_while_an_order_waits_for_its_time_the_device_is_left_as_it_is(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    scene.returns()
    assert statuses(scene.order(3, after_s=2 * 3600)) == [(3, "ACCEPTED")]
    assert applied(scene.stage.after(2 * 3600 - 1)) == []
    effects = scene.stage.after(1)
    assert statuses(effects)[0] == (3, "STARTED")
    scene.follows(effects)
    assert scene.stage.resource_manager.fallback_at is None


@every
def test_an_order_that_waited_and_is_taken_back_leaves_nobody_in_charge(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    scene.returns()
    scene.order(3, after_s=2 * 3600)
    waits(scene, 1.1)
    revoke = RevokeObject(message_id="no", object_type=RevokableObjects(scene.kind_of(3)), object_id="i-3")
    assert statuses(scene.stage.on(Received(wire.encode(revoke).decode()))) == [(3, "REVOKED")]
    assert is_rest(scene.stage.after(0))


@every
def test_sessions_that_end_before_what_they_order_begins_put_it_off_no_more_than_those_that_order_nothing(
    staged: type[Staged],
) -> None:
    scene = ordered(staged)
    scene.leaves()
    effects: list[Effect] = []
    for count in range(3, 23):
        scene.returns()
        scene.order(count, after_s=2 * 3600)
        scene.leaves()
        effects += waits(scene, 0.1)
        assert bool(applied(effects)) is (count >= 12)


@every
def test_what_a_gone_session_has_ordered_for_later_is_never_begun(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.order(3, after_s=10)
    scene.leaves()
    scene.returns()
    assert applied(scene.stage.after(30)) == []


@every
def test_a_session_that_is_ended_in_order_ends_what_was_left(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    scene.returns()
    effects = scene.stage.hears(SessionRequest(message_id="bye", request=SessionRequestType.TERMINATE))
    assert applied(effects)
    assert notes(effects).count("fallback.applied") == 0


@every
def test_a_device_that_is_lost_and_back_meanwhile_lengthens_nothing(staged: type[Staged]) -> None:
    scene = ordered(staged)
    scene.leaves()
    waits(scene, 0.4)
    scene.stage.on(Lost("no answer"))
    scene.shows(*({Ppbc: ("pause wash quick",), Pebc: (0.0,), Frbc: (5.0,)}.get(staged, ("on 0.001",))))
    scene.returns()
    assert is_rest(waits(scene, 1))


@every
def test_what_is_left_as_it_is_after_a_restart_is_no_longer_so_for_sessions_that_only_select(
    staged: type[Staged],
) -> None:
    scene = staged(hold_s={Occasion.STARTED: 300.0})
    scene.leaves()
    scene.stage.on(Started())
    for _ in range(29):
        assert applied([*crashes(scene), *scene.stage.after(10)]) == []
    effects = [*scene.returns(), *scene.stage.after(10)]
    assert applied(effects)


# --- what each tells of it -------------------------------------------------------------------------------------------


def test_frbc_tells_that_the_battery_idles() -> None:
    scene = Frbc()
    stage = scene.stage
    scene.follows(stage.hears(stage.instruction("i-1", stage.charge, 0.5)))
    scene.leaves()
    scene.returns()
    stage.measured(soc=50.0, power=2500.0)
    effects = stage.after(60.1)
    assert (applied(effects), is_rest(effects)) == ([("power_setpoint", 0.0)], True)
    stage.confirmed(*effects)
    assert told(stage.measured(soc=50.0, power=0.0)) == ["FRBC.ActuatorStatus", "PowerMeasurement"]


def test_ombc_tells_the_mode_and_its_timer() -> None:
    play = Play(HeatPump())
    play.connected()
    play.follows(play.orders("on 1"))
    play.left()
    play.connected()
    effects = play.after(3600)
    assert (applied(effects), is_rest(effects)) == ([("resource", "off 0")], True)
    play.confirmed(effects)
    assert told(play.seen(resource="off 0")) == ["OMBC.Status", "OMBC.TimerStatus"]


def test_ppbc_tells_that_a_pause_which_nobody_ends_is_the_end() -> None:
    scene = ordered(Ppbc)
    scene.leaves()
    scene.returns()
    effects = scene.stage.after(60)
    assert applied(effects) == [("task", "nothing")]
    assert [each for each in told(effects) if each != "PowerMeasurement"] == ["PPBC.PowerProfileStatus"]


def test_a_sequence_that_runs_comes_to_its_end_while_a_cem_looks_on() -> None:
    scene = Ppbc()
    scene.follows(scene.order(1))
    scene.leaves()
    scene.returns()
    assert applied(scene.stage.after(86_000)) == []
    assert applied(scene.stage.after(400)) == [("task", "nothing")]


LIMITS = ("charge_limit", "discharge_limit")


def limited() -> Occasional:
    """A battery that may take 700 W for a day, and nobody has been in charge of since 30 s."""
    stage = Occasional(points=("power", *LIMITS))
    stage.read(power=0.0)
    selects_limits(stage)
    (constraints,) = [each for each in stage.said if isinstance(each, pebc.PowerConstraints)]
    up_to_700_w = pebc.PowerEnvelope(
        id="e-1",
        commodity_quantity=L1,
        power_envelope_elements=(
            pebc.PowerEnvelopeElement(duration=86_400_000, lower_limit=-700.0, upper_limit=700.0),
        ),
    )
    order = pebc.Instruction(
        message_id="m-1",
        id="i-1",
        execution_time=stage.now.utc,
        abnormal_condition=False,
        power_constraints_id=constraints.id,
        power_envelopes=(up_to_700_w,),
    )
    effects = stage.hears(order)
    assert applied(effects) == [(point, 700.0) for point in LIMITS]
    stage.confirmed(*effects)
    stage.left()
    stage.polled(30, power=0.0)
    return stage


def selects_limits(stage: Stage) -> list[Effect]:
    stage.on(Connected())
    stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta"))
    return stage.hears(SelectControlType(message_id="select", control_type=PEBC))


def test_a_battery_keeps_its_limits_while_a_cem_may_set_others_and_then_has_those_of_no_envelope() -> None:
    stage = limited()
    assert applied(selects_limits(stage)) == []
    assert applied(stage.polled(59, power=700.0)) == []
    effects = stage.polled(1, power=700.0)
    assert (applied(effects), is_rest(effects)) == ([("power_setpoint", OF[Occasion.UNINSTRUCTED])], True)
    assert applied(stage.polled(600, power=700.0)) == []


def test_without_a_cem_the_limits_end_as_all_else_does() -> None:
    stage = limited()
    assert applied(stage.polled(29, power=700.0)) == []
    assert applied(stage.polled(1, power=700.0)) == [("power_setpoint", OF[Occasion.CEM_LOST])]


def test_where_nothing_is_in_force_there_is_nothing_to_end() -> None:
    stage = Occasional()
    stage.charging()
    stage.hears(revocation(RevokableObjects.FRBC_INSTRUCTION, "one"))
    stage.left()
    stage.polled(30, soc=50.0, power=0.0)
    stage.on(Connected())
    stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta"))
    effects = stage.hears(SelectControlType(message_id="select", control_type=FRBC))
    assert stage.resource_manager.fallback_at is None
    assert applied([*effects, *stage.polled(600, soc=50.0, power=0.0)]) == []


def test_what_a_protection_ended_meanwhile_is_not_ended_again() -> None:
    stage = Occasional()
    stage.charging()
    stage.left()
    stage.on(Connected())
    stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta"))
    stage.hears(SelectControlType(message_id="select", control_type=FRBC))
    assert applied(stage.read(soc=95.0, power=2500.0)) == [("power_setpoint", 0.0)]
    effects = stage.polled(600, soc=95.0, power=0.0)
    assert (applied(effects), "fallback.applied" in notes(effects)) == ([], False)

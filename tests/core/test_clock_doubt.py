"""A clock that is wrong: it is said, an order for now is carried out now, and what our own cannot time ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from s2d.rm.occasion import Occasion
from s2d.s2.effects import Connected, Effect, Note
from s2d.s2.messages.common import EnergyManagementRole, Handshake, HandshakeResponse, SelectControlType

from .every_control import EVERY, Ppbc, Staged, statuses
from .stage import FRBC, Stage, applied, notes
from .test_occasions import OF, Occasional

every = pytest.mark.parametrize("staged", EVERY)


def connects(stage: Any, cem_ahead_s: float, *, is_synchronised: bool | None = None) -> list[Effect]:
    """A CEM whose clock is ahead of ours by so much, which it says in whole seconds."""
    cem_time = (stage.now.utc + timedelta(seconds=cem_ahead_s)).replace(microsecond=0)
    effects: list[Effect] = stage.on(Connected(cem_time, is_synchronised))
    return effects


def selects(scene: Staged, cem_ahead_s: float) -> Staged:
    """A CEM whose clock is ahead by so much has come in the place of the one before, and selected what it had."""
    scene.leaves()
    connects(scene.stage, cem_ahead_s)
    scene.stage.hears(Handshake(message_id="hello-again", role=EnergyManagementRole.CEM))
    scene.stage.hears(HandshakeResponse(message_id="version-again", selected_protocol_version="0.0.2-beta"))
    scene.selects()
    return scene


def doubts(effects: list[Effect]) -> list[object]:
    """By how much, each time it is said."""
    return [each.facts["cem_ahead_s"] for each in effects if isinstance(each, Note) and each.event == "clock.doubtful"]


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cem_ahead_s", "said"),
    [(0, []), (4, []), (-5, []), (6, [6.5]), (-7, [-6.5]), (3600, [3600.5]), (-3600, [-3599.5])],
)
def test_clocks_that_differ_are_said_to(cem_ahead_s: float, said: list[float]) -> None:
    stage = Stage()
    effects = connects(stage, cem_ahead_s)
    assert doubts(effects) == said
    assert stage.resource_manager.cem_ahead_s(stage.now) == (said[0] if said else 0)


def test_it_is_said_once_until_they_agree_again() -> None:
    stage = Stage()
    told = [doubts(connects(stage, ahead_s)) for ahead_s in (3600, 3600, -60, 0, 3600)]
    assert told == [[3600.5], [], [], [], [3600.5]]


@pytest.mark.parametrize("step_h", [1, -1])
def test_who_says_no_time_is_not_doubted_and_neither_is_a_clock_that_was_set_since(step_h: int) -> None:
    stage = Stage()
    connects(stage, 3600)
    stage.after(7200)
    assert stage.resource_manager.cem_ahead_s(stage.now) == 3600.5
    stage.utc_step = timedelta(hours=step_h)
    assert stage.resource_manager.cem_ahead_s(stage.now) == 0
    stage.utc_step = timedelta()
    assert doubts(stage.on(Connected())) == []
    assert stage.resource_manager.cem_ahead_s(stage.now) == 0


@pytest.mark.parametrize("edge", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(microsecond=0, tzinfo=UTC)])
def test_any_time_there_is_can_be_said(edge: datetime) -> None:
    assert notes(Stage().on(Connected(edge))) == ["clock.doubtful"]


@every
@pytest.mark.parametrize(
    ("late_s", "says"), [(5, []), (300, [-300]), (90_000, [])], ids=["in time", "late", "of another day"]
)
def test_where_the_cem_says_no_time_its_late_orders_do(staged: type[Staged], late_s: float, says: list[float]) -> None:
    scene = staged()
    assert doubts(scene.order(1, after_s=-late_s)) == says
    assert doubts(scene.order(2, after_s=-late_s)) == []


def test_an_order_that_comes_late_from_a_cem_that_knows_the_time_is_late() -> None:
    scene = selects(EVERY[0](), 0)
    assert doubts(scene.order(1, after_s=-300)) == []


# --- what is done ----------------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize(
    ("cem_ahead_s", "after_s", "became"),
    [
        (3600, 60, "STARTED"),
        (3600, 61, "ACCEPTED"),
        (20, 20, "STARTED"),
        (20, 22, "ACCEPTED"),
        (4, 3, "ACCEPTED"),
        (-3600, 30, "ACCEPTED"),
    ],
)
def test_an_order_that_may_be_meant_for_now_is_carried_out_now(
    staged: type[Staged], cem_ahead_s: float, after_s: float, became: str
) -> None:
    scene = selects(staged(), cem_ahead_s)
    effects = scene.order(1, after_s=after_s)
    assert statuses(effects)[-1] == (1, became)
    assert bool(applied(effects)) is (became == "STARTED")


def ordered(staged: type[Staged]) -> Staged:
    scene = staged()
    scene.follows(scene.order(1))
    if staged is Ppbc:
        scene.stage.elapsed_s += 1
        scene.follows(scene.order(2))
    scene.leaves()
    return scene


@every
@pytest.mark.parametrize(
    ("cem_ahead_s", "is_synchronised", "rests"),
    [(3600, False, True), (-3600, False, True), (3600, True, False), (3600, None, False), (0, False, False)],
)
def test_what_was_ordered_ends_where_our_clock_is_the_wrong_one(
    staged: type[Staged], cem_ahead_s: float, is_synchronised: bool | None, rests: bool
) -> None:
    scene = ordered(staged)
    effects = connects(scene.stage, cem_ahead_s, is_synchronised=is_synchronised)
    assert bool(applied(effects)) is rests
    assert (scene.stage.resource_manager.fallback_at is None) is rests


def test_the_battery_is_what_its_owner_wants_it_to_be_then_and_an_order_for_now_takes_over() -> None:
    stage = Occasional()
    stage.charging()
    stage.left()
    assert applied(connects(stage, 3600, is_synchronised=False)) == [("power_setpoint", OF[Occasion.CLOCK])]
    stage.left()
    assert applied(connects(stage, 3600, is_synchronised=False)) == []
    stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta"))
    stage.hears(SelectControlType(message_id="select", control_type=FRBC))
    assert applied(stage.hears(stage.instruction("two", stage.charge, 0.5, after_s=50))) == [("power_setpoint", 2500.0)]


def test_what_is_left_as_it_is_after_a_start_is_not_where_our_clock_is_wrong() -> None:
    stage = Occasional(decided={"hold_s": {Occasion.STARTED: 300.0}})
    stage.negotiated()
    stage.left()
    assert applied(connects(stage, 3600, is_synchronised=False)) == [("power_setpoint", OF[Occasion.CLOCK])]
    assert applied(stage.after(300)) == []


def test_a_sequence_that_runs_is_timed_by_the_clock_that_never_steps() -> None:
    scene = Ppbc()
    scene.follows(scene.order(1))
    scene.leaves()
    assert applied(connects(scene.stage, 3600, is_synchronised=False)) == []

"""What the device confirmed and does not hold any more: written again, waited for, or the end of the order."""

import pytest

from s2d.events import Applied, Measured, Refused, Undone, UndoneBy
from s2d.rm.order_guard import INSISTS_WITHIN_S
from s2d.s2.effects import Apply, Effect, Note
from s2d.s2.messages.common import ControlType
from s2d.values import Setpoint

from .every_control import EVERY, Ombc, Staged, statuses
from .stage import Stage, applied, notes, said, told

every = pytest.mark.parametrize("staged", EVERY)
CHANGED = "forced reads 4999 instead of 2500"


def followed(staged: type[Staged]) -> tuple[Staged, Setpoint]:
    """An order that has SUCCEEDED, and what it wrote."""
    scene = staged()
    effects = scene.order(1)
    assert statuses([*effects, *scene.follows(effects)])[-1] == (1, "SUCCEEDED")
    return scene, written(effects)[-1]


def written(effects: list[Effect]) -> list[Setpoint]:
    return [effect.setpoint for effect in effects if isinstance(effect, Apply)]


def undone(setpoint: Setpoint, by: UndoneBy, *, wears: bool = False, forgotten_at: float | None = None) -> Undone:
    return Undone(setpoint, CHANGED, by, wears, forgotten_at)


def reasons(effects: list[Effect]) -> list[object]:
    """Why instructions ended."""
    return [note.facts["reason"] for note in effects if isinstance(note, Note) and "instruction" in note.facts]


def is_over(scene: Staged, effects: list[Effect]) -> bool:
    """Whether the order is told to have ended, and the device brought to safety."""
    return statuses(effects) == [(1, "ABORTED")] and bool(written(effects))


@every
def test_what_is_gone_after_a_restart_is_written_again_each_time(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    for _ in range(3):
        effects = scene.stage.on(undone(setpoint, UndoneBy.RESTART))
        assert effects[1:] == [Apply(setpoint)]
        assert statuses([*effects, *scene.stage.on(Applied(setpoint)), *scene.stage.after(70)]) == []


@every
def test_nobody_insists_on_what_was_safe(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    safe = Setpoint(setpoint.point, setpoint.value, "fallback", is_safe=True)
    for by in (UndoneBy.OTHERS, UndoneBy.RESTART):
        assert scene.stage.on(undone(safe, by)) == []


@every
def test_what_others_have_changed_is_written_again_once(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    effects = scene.stage.on(undone(setpoint, UndoneBy.OTHERS))
    assert effects[1:] == [Apply(setpoint)]
    facts = {"point": setpoint.point, "value": setpoint.value, "reason": setpoint.reason, "why": CHANGED}
    note = effects[0]
    assert isinstance(note, Note)
    assert (note.event, note.facts) == ("setpoint.undone", {**facts, "by": "others"})
    scene.stage.on(Applied(setpoint))
    scene.stage.after(INSISTS_WITHIN_S - 1)
    assert is_over(scene, scene.stage.on(undone(setpoint, UndoneBy.OTHERS)))


@every
def test_who_changes_it_now_and_then_does_not_insist(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    for _ in range(3):
        effects = scene.stage.on(undone(setpoint, UndoneBy.OTHERS))
        assert written(effects) == [setpoint]
        scene.stage.on(Applied(setpoint))
        scene.lives(INSISTS_WITHIN_S)


@every
def test_memory_that_wears_out_is_not_fought_for(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    effects = scene.stage.on(undone(setpoint, UndoneBy.OTHERS, wears=True))
    assert is_over(scene, effects)
    assert reasons(effects) == [f"another controller or the app: {CHANGED}"]


@every
def test_who_may_have_understood_something_else_is_not_told_it_again_and_nobody_else_is_blamed(
    staged: type[Staged],
) -> None:
    scene, setpoint = followed(staged)
    effects = scene.stage.on(undone(setpoint, UndoneBy.WORD_ORDER))
    assert is_over(scene, effects)
    assert reasons(effects) == [CHANGED]
    assert setpoint not in written(effects)


@every
def test_what_a_protection_overrules_is_over_though_it_had_succeeded(staged: type[Staged]) -> None:
    scene, _ = followed(staged)
    effects = scene.harms()
    assert is_over(scene, effects)
    protections = [each for each in effects if isinstance(each, Note) and each.event == "resource.protected"]
    assert reasons(effects) == [each.facts["reason"] for each in protections]
    assert statuses(scene.stage.after(700)) == []


@every
def test_who_does_not_let_it_be_written_again_has_his_way(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    scene.stage.on(undone(setpoint, UndoneBy.OTHERS))
    effects = scene.stage.on(Refused(setpoint, "it is set to local operation"))
    assert is_over(scene, effects)
    assert setpoint not in written(scene.stage.after(700))


@every
@pytest.mark.parametrize(("forgotten_in_s", "waits_s"), [(20.0, 20.0), (500.0, None), (None, None)])
def test_a_refresh_that_stays_refused_ends_the_order_by_the_shorter_of_both_times(
    staged: type[Staged], forgotten_in_s: float | None, waits_s: float | None
) -> None:
    scene, setpoint = followed(staged)
    stage = scene.stage
    waits_s = waits_s or stage.resource_manager._resource.follow_within_s
    forgotten_at = None if forgotten_in_s is None else stage.now.mono + forgotten_in_s
    effects = stage.on(undone(setpoint, UndoneBy.REFUSED_REFRESH, forgotten_at=forgotten_at))
    assert notes(effects) == ["setpoint.undone"]
    assert written(effects) == []
    assert statuses(stage.after(waits_s - 0.1)) == []
    assert is_over(scene, stage.after(0.2))


@every
def test_a_refresh_that_gets_through_in_time_changes_nothing(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    scene.stage.on(undone(setpoint, UndoneBy.REFUSED_REFRESH))
    scene.stage.after(10)
    scene.stage.on(Applied(setpoint))
    effects = scene.lives(120)
    assert (statuses(effects), written(effects)) == ([], [])


@every
def test_what_is_silent_while_it_is_told_again_has_its_time(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    scene.stage.on(undone(setpoint, UndoneBy.RESTART))
    effects = scene.stage.on(Refused(setpoint, "no answer", will_retry=True))
    assert (statuses(effects), written(effects)) == ([], [])
    assert is_over(scene, scene.stage.after(61))


@every
def test_what_another_order_has_replaced_is_no_matter_any_more(staged: type[Staged]) -> None:
    scene, setpoint = followed(staged)
    scene.stage.on(undone(setpoint, UndoneBy.REFUSED_REFRESH))
    effects = scene.order(500)
    scene.follows(effects)
    assert statuses(scene.lives(120)) == []


def test_an_order_under_way_is_told_again_as_well() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("i-1", stage.charge, 0.5))
    stage.confirmed(*effects)
    setpoint = written(effects)[0]
    assert stage.on(undone(setpoint, UndoneBy.RESTART))[1:] == [Apply(setpoint)]
    stage.on(Applied(setpoint))
    stage.elapsed_s += 1
    assert "InstructionStatusUpdate SUCCEEDED" in told(stage.measured(soc=50.0, power=2500.0))


def test_the_same_order_again_stands_for_the_first() -> None:
    scene, setpoint = followed(Ombc)
    scene.stage.orders("on 0.001", name="i-2")
    effects = scene.stage.on(undone(setpoint, UndoneBy.OTHERS, wears=True))
    assert statuses(effects) == [(2, "ABORTED")]


def test_what_a_cem_has_left_is_told_again_until_it_is_brought_to_rest() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("i-1", stage.charge, 0.5))
    setpoint = written(effects)[0]
    stage.confirmed(*effects)
    stage.left()
    assert written(stage.on(undone(setpoint, UndoneBy.RESTART))) == [setpoint]
    effects = stage.on(undone(setpoint, UndoneBy.OTHERS, wears=True))
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert said(effects) == []


def test_at_rest_nothing_is_told_again() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(stage.instruction("i-1", stage.charge, 0.5))
    stage.confirmed(*effects)
    stage.on(Measured(()))
    assert applied(stage.measured(soc=95.0, power=2500.0)) == [("power_setpoint", 0.0)]
    assert stage.on(undone(written(effects)[0], UndoneBy.RESTART)) == []


def test_every_control_type_is_among_them() -> None:
    assert {scene.control_type for scene in EVERY} | {ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE} == set(
        ControlType
    )

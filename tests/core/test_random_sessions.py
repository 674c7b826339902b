"""Whatever sessions come and go: nothing stays in force for longer than somebody may still answer for it."""

from collections.abc import Callable
from random import Random

import pytest

from s2d.events import Lost
from s2d.s2.effects import Apply, Close, Effect
from s2d.s2.messages.common import ControlType

from .every_control import Ddbc, Frbc, Ombc, Pebc, Staged
from .resources_modes import Play

STEPS = 150
TYPES: tuple[type[Staged], ...] = (Frbc, Pebc, Ombc, Ddbc)
"""What is ordered by the others has no end of its own; a sequence has one."""


class Watch:
    """Who had something carried out, and for how long he has been gone."""

    def __init__(self, scene: Staged) -> None:
        self.scene = scene
        self.after_s = 3600.0 if isinstance(scene, Ombc | Ddbc) else 60.0
        self.is_connected = True
        self.in_force = False
        self.rests = 0
        self._is_there = False
        self._gone_at = 0.0

    def sees(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Apply):
                is_order = effect.setpoint.reason.startswith("instruction")
                self.rests += bool(self.in_force) and not is_order
                self.in_force = is_order
                self._is_there |= is_order
            elif isinstance(effect, Close):
                self.sees(self.leaves())
        held = self.scene.stage.resource_manager.instructions
        is_waiting = held is not None and held.is_any_held
        gone_s = 0.0 if self._is_there else self.scene.stage.elapsed_s - self._gone_at
        assert not self.in_force or is_waiting or gone_s <= 2 * self.after_s

    def leaves(self) -> list[Effect]:
        if self._is_there:
            self._is_there, self._gone_at = False, self.scene.stage.elapsed_s
        self.is_connected = False
        return self.scene.leaves()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("staged", TYPES)
def test_nothing_outlives_for_long_who_ordered_it(staged: type[Staged], seed: int) -> None:
    chance = Random(seed)
    scene = staged(max_instruction_age_s=60.0)
    watch = Watch(scene)
    count = 0

    def orders(after_s: float) -> list[Effect]:
        nonlocal count
        count += 1
        if scene.stage.resource_manager.instructions is None:
            return []
        effects = scene.order(count, after_s=after_s)
        return [*effects, *scene.follows(effects)] if chance.random() < 0.8 else effects

    def returns() -> list[Effect]:
        if watch.is_connected:
            watch.sees(watch.leaves())
        watch.is_connected = True
        return scene.returns() if chance.random() < 0.8 else scene.joins()

    def selects() -> list[Effect]:
        return scene.selects(chance.choice([ControlType.NOT_CONTROLABLE, ControlType.NO_SELECTION]))

    def reads() -> list[Effect]:
        if isinstance(scene.stage, Play):
            scene.stage.resource.obstacle = None
        return scene.shows(*({Frbc: (2000.0,), Pebc: (0.0,)}.get(staged, ("on 0.5",))))

    def lost() -> list[Effect]:
        return [*scene.stage.on(Lost("no answer")), *scene.stage.after(1), *reads()]

    happenings: dict[Callable[[], list[Effect]], int] = {
        returns: 6,
        lambda: watch.leaves() if watch.is_connected else []: 4,
        lambda: selects() if watch.is_connected else []: 1,
        lambda: orders(0.0): 2,
        lambda: orders(-61.0): 2,
        lambda: orders(2 * watch.after_s): 1,
        lost: 1,
        reads: 2,
        lambda: scene.stage.after(chance.uniform(0.01, 0.7) * watch.after_s): 8,
    }
    watch.sees(orders(0.0))
    for happens in chance.choices([*happenings], [*happenings.values()], k=STEPS):
        watch.sees(happens())
    assert watch.rests > 0

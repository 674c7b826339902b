"""Two chargers in a house where this and that is switched on and off, by meters that are slow: the fuse holds."""

from collections import deque
from random import Random
from typing import Any

import pytest

from s2d.events import Measured
from s2d.phases import UNROTATED
from s2d.rm.house_limit import HeldDevice, HouseLimit
from s2d.s2.effects import Started
from s2d.values import Reading

from .ev_stage import MINUTE, POINTS
from .stage import PEBC
from .test_ev_house_limit import HeldCharger

LIMIT_A = 25.0
STEP_S, EVERY_S = 1.0, 5.0
EXCEEDED_FOR_S = 15.0
"""A meter that tells every 10 s what was so 2 s ago, and a loop of 5 s."""
LIVES_S = 2400.0
QUIET_S = 4 * MINUTE
"""After so long without a change each has what it can have."""


class Slow:
    """Something that is measured, and told some seconds later."""

    def __init__(self, delay_s: int, every_s: int) -> None:
        self.values: deque[float] = deque([0.0], maxlen=delay_s + 1)
        self.every_s = every_s

    def measured(self, amperes: float, now_s: float) -> float | None:
        """What is told now, if anything is."""
        self.values.append(amperes)
        return self.values[0] if now_s % self.every_s == 0 else None


class RandomHouse:
    """A house with a *meter* and two chargers, each told what is left to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"house {seed}")
        self.chargers = {name: HeldCharger(POINTS) for name in ("Left", "Right")}
        held = tuple(HeldDevice(name, 3, UNROTATED, 6.0, 16.0) for name in self.chargers)
        self.limit = HouseLimit(LIMIT_A, held, "Meter")
        self.meters = {"Meter": Slow(self.random.randrange(3), self.random.choice((1, 5, 10)))}
        self.meters |= {name: Slow(self.random.randrange(5), self.random.choice((1, 2, 5))) for name in self.chargers}
        self.others_a = 2.0
        self.changed_s = self.exceeded_s = self.longest_s = 0.0
        for each in self.chargers.values():
            each.room = None
            each.on(Started())
            each.session(PEBC)

    @property
    def now(self) -> Any:
        return self.chargers["Left"].now

    def drawn_a(self, name: str) -> float:
        return self.chargers[name].taken_w / 3 / 230.0

    @property
    def total_a(self) -> float:
        return self.others_a + sum(map(self.drawn_a, self.chargers))

    def lives(self) -> None:
        """A second passes."""
        for each in self.chargers.values():
            each.lives(STEP_S, STEP_S)
        now_s = self.now.mono
        if self.random.random() < 1 / 200:
            self.others_a, self.changed_s = self.random.uniform(0.0, 22.0), now_s
        for name, meter in self.meters.items():
            told = meter.measured(self.total_a if name == "Meter" else self.drawn_a(name), now_s)
            if told is not None:
                readings = [Reading(f"current_l{p}", told, at=now_s, good_until=now_s + 30) for p in (1, 2, 3)]
                self.limit.observe(name, readings)
        if now_s % EVERY_S == 0:
            wanted_a = {name: each.resource.head_room.wanted_a for name, each in self.chargers.items()}  # type: ignore[union-attr]
            for name, shares in self.limit.shares(wanted_a, now_s).items():
                stage = self.chargers[name]
                stage.does(stage.on(Measured(shares, is_lent=True)))
        self.exceeded_s = self.exceeded_s + STEP_S if self.total_a > 1.05 * LIMIT_A else 0.0
        self.longest_s = max(self.longest_s, self.exceeded_s)


@pytest.mark.parametrize("seed", range(8))
def test_what_others_begin_to_take_is_given_up_soon_and_what_they_leave_is_used(seed: int) -> None:
    house = RandomHouse(seed)
    while house.chargers["Left"].elapsed_s < LIVES_S:
        house.lives()
        if house.now.mono - house.changed_s > QUIET_S and house.chargers["Left"].elapsed_s > 12 * MINUTE:
            room_a = LIMIT_A - house.others_a
            drawn_a = sum(map(house.drawn_a, house.chargers))
            # Each may round down to whole amperes, and one alone takes what there is, but for the most that it can.
            can_a = room_a - 2 if room_a >= 12 else min(16.0, room_a - 1) if room_a >= 7 else 0.0
            assert drawn_a >= min(32.0, can_a)
    assert house.longest_s <= EXCEEDED_FOR_S

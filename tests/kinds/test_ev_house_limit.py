"""An EV charger within the limit of its house: less at once, more after a while, and nothing rather than too little."""

from typing import Any

from msgspec.structs import replace

from s2d.events import Measured
from s2d.rm.kinds.head_room import HEAD_ROOM, UP_AFTER_S, HouseShare
from s2d.s2.effects import Effect, Started, Stopping, Wished
from s2d.values import Reading

from .ev_stage import HOUR, MINUTE, POINTS, EvStage
from .stage import FRBC, PEBC, statuses
from .test_ev_frbc import BOTH, KEYS, Planned

TOLD_EVERY_S = 6.0


class Held:
    """A charger of whose house something is told every few seconds, mixed with how it lives."""

    unknown_a = 6.0
    room: tuple[float, ...] | None = (32.0, 32.0, 32.0)
    """What is left to it on each of its phases; None: nobody tells."""

    def _start(self) -> None:
        super()._start()  # type: ignore[misc]
        self.setup: Any = replace(self.setup, house=HouseShare(self.unknown_a))
        self.resource_manager = self.setup.resource_manager(self.new_id)  # type: ignore[attr-defined]

    def reads(self) -> list[Effect]:
        effects: list[Effect] = super().reads()  # type: ignore[misc]
        stage: Any = self
        if self.room and stage.elapsed_s % TOLD_EVERY_S == 0:
            until = stage.now.mono + 15.0
            told = tuple(
                Reading(point, amperes, at=stage.now.mono, good_until=until)
                for point, amperes in zip(HEAD_ROOM, self.room, strict=True)
            )
            effects += stage.does(stage.on(Measured(told, is_lent=True)))
        return effects

    def within(self, *room: float) -> None:
        """So much is left from now on."""
        self.room = room


class HeldCharger(Held, EvStage):
    """One that is limited, no more."""


class HeldPlan(Held, Planned):
    """One whose car is charged by plan."""


def limited(**options: Any) -> HeldCharger:
    """A charger that is free to give all it has, and does."""
    stage = HeldCharger(POINTS, **options)
    stage.on(Started())
    stage.session(PEBC)
    stage.lives(11 * MINUTE)
    assert stage.limit_a == 16.0
    stage.written.clear()
    return stage


def planned(keys: str = KEYS) -> HeldPlan:
    """A charger of which nothing is ordered yet."""
    stage = HeldPlan(keys)
    stage.wants = False
    stage.session(FRBC)
    stage.lives(370)
    stage.wants = True
    stage.written.clear()
    return stage


def test_it_gives_less_at_once_and_more_after_a_while() -> None:
    stage = limited()
    stage.within(9.7, 32.0, 32.0)
    stage.lives(6)
    assert stage.limit_a == 9.0
    stage.within(32.0, 32.0, 32.0)
    stage.lives(UP_AFTER_S - 4)
    assert stage.limits() == [9.0]
    stage.lives(12)
    assert stage.limits() == [9.0, 16.0]


def test_what_comes_back_for_a_moment_is_not_used() -> None:
    stage = limited()
    for number in range(40):
        stage.within(10.0 if number % 4 == 0 else 20.0, 32.0, 32.0)
        stage.lives(6)
    assert stage.limits() == [10.0]


def test_it_stops_rather_than_to_give_less_than_its_least() -> None:
    stage = limited()
    stage.within(3.7, 32.0, 32.0)
    stage.lives(20)
    assert (stage.limit_a, stage.taken_w) == (0.0, 0.0)
    stage.within(7.0, 32.0, 32.0)
    stage.lives(UP_AFTER_S + 20)
    assert stage.limit_a == 7.0


def test_while_nobody_tells_it_has_its_share_of_what_fits_in_any_case() -> None:
    stage = limited()
    stage.room = None
    stage.lives(30)
    assert stage.limit_a == 6.0
    stage.within(32.0, 32.0, 32.0)
    stage.lives(UP_AFTER_S + 10)
    assert stage.limit_a == 16.0


def test_while_nobody_tells_it_gives_nothing_where_the_shares_of_all_do_not_fit() -> None:
    class Narrow(HeldCharger):
        unknown_a = 0.0

    stage = Narrow(POINTS)
    stage.room = None
    stage.session(PEBC)
    stage.lives(11 * MINUTE)
    assert stage.limit_a == 0.0
    stage.does(stage.on(Wished(HOUR)))
    stage.lives(MINUTE)
    assert stage.limit_a == 0.0


def test_a_limit_of_the_cem_and_one_of_the_house_both_hold() -> None:
    stage = limited()
    assert statuses(stage.ordered("low", (HOUR, 0.0, 8280.0)))[-1] == ("low", "SUCCEEDED")
    assert stage.limit_a == 12.0
    stage.within(8.0, 32.0, 32.0)
    stage.lives(20)
    assert stage.limit_a == 8.0
    stage.within(14.0, 32.0, 32.0)
    assert statuses(stage.lives(2 * MINUTE)) == []
    assert stage.limit_a == 12.0


def test_an_order_that_is_followed_stays_in_force_while_the_house_needs_more() -> None:
    stage = planned()
    stage.orders("go", stage.mode(3))
    assert statuses(stage.lives(80))[-1] == ("go", "SUCCEEDED")
    stage.within(9.0, 9.0, 9.0)
    assert statuses(stage.lives(5 * MINUTE)) == []
    assert stage.limit_a == 9.0
    model: Any = stage.resource
    assert model.car.learnt.most_per_phase_w is None
    stage.within(32.0, 32.0, 32.0)
    stage.lives(2 * MINUTE)
    assert stage.limit_a == 16.0


def test_an_order_for_which_there_is_no_room_is_aborted_and_says_why() -> None:
    stage = planned()
    stage.within(9.0, 9.0, 9.0)
    stage.lives(20)
    effects = [*stage.orders("go", stage.mode(3)), *stage.lives(3 * MINUTE)]
    assert statuses(effects) == [("go", "ACCEPTED"), ("go", "STARTED"), ("go", "ABORTED")]
    reasons = [each.facts.get("reason") for each in effects if getattr(each, "event", "") == "instruction.aborted"]
    assert reasons == ["house_limit leaves it 9.0 A on each phase"]
    # It goes on as far as it may, as with a station that limits the car by itself.
    assert stage.limit_a == 9.0


def test_what_its_owner_wants_now_and_what_has_to_be_keep_within_it() -> None:
    stage = planned()
    stage.within(10.0, 10.0, 10.0)
    stage.lives(20)
    stage.does(stage.on(Wished(HOUR)))
    stage.lives(2 * MINUTE)
    assert stage.limit_a == 10.0
    assert stage.resource.wish is not None
    assert stage.resource.wish.why_less() == "the house leaves it 10.0 A on each phase"
    stage.car_soc = 10.0
    stage.within(7.0, 7.0, 7.0)
    stage.lives(20)
    assert stage.limit_a == 7.0


def test_on_one_phase_only_that_one_counts() -> None:
    stage = planned(BOTH)
    stage.orders("one", stage.mode(1))
    stage.lives(2 * MINUTE)
    assert (stage.relay, stage.limit_a) == (1, 16.0)
    stage.within(16.0, 2.0, 2.0)
    stage.lives(20)
    assert stage.limit_a == 16.0


def test_at_the_start_a_car_that_takes_more_than_is_left_is_told_less() -> None:
    stage = HeldCharger(POINTS)
    stage.on(Started())
    stage.room = None
    stage.lives(4)
    assert stage.limit_a == 6.0


def test_nobody_looks_any_more_once_it_stops() -> None:
    stage = limited()
    stage.does(stage.on(Stopping()))
    assert stage.limit_a == 6.0

    class Narrow(HeldCharger):
        unknown_a = 0.0

    stage = Narrow(POINTS)
    stage.session(PEBC)
    stage.lives(11 * MINUTE)
    assert stage.limit_a == 16.0
    stage.does(stage.on(Stopping()))
    assert stage.limit_a == 0.0


def test_what_it_would_take_is_told_to_whoever_shares_the_limit_out() -> None:
    stage = limited()
    assert stage.resource.head_room is not None
    assert stage.resource.head_room.wanted_a == 16.0
    stage.within(9.0, 9.0, 9.0)
    stage.lives(20)
    assert stage.resource.head_room.wanted_a == 16.0
    stage.is_plugged = False
    stage.lives(20)
    assert stage.resource.head_room.wanted_a == 0.0

"""Orders in stages: what is written, what must be seen before the next is, and how an order ends by its verdict."""

from dataclasses import dataclass, field
from typing import Any

from s2d.rm.control.execution import FOLLOWED, PENDING, Stage, Verdict, failed
from s2d.rm.control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from s2d.s2.messages.common import Timer, Transition
from s2d.values import Now, Setpoint

from .resources_modes import HeatPump, Play, messages
from .resources_played import updates
from .stage import applied


@dataclass
class Contactor(HeatPump):
    """It changes phases before it runs: off, seen to be off, switched, left alone for ten seconds, on."""

    transitions: tuple[Transition, ...] = ()
    timers: tuple[Timer, ...] = ()
    refuses: str = ""
    seen_off_at: list[float] = field(default_factory=list)

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        if goal.activity.operation_mode_id == "off":
            return super().order(scope, goal, reason, now)
        return [
            Stage((Setpoint("resource", "off 0", reason),), at_most_s=60.0, is_seen=self.is_seen_off),
            Stage((Setpoint("phases", 3.0, reason),), at_most_s=5.0, settle_s=10.0),
            *super().order(scope, goal, reason, now),
        ]

    def is_seen_off(self, since: float) -> bool:
        self.seen_off_at.append(since)
        return self.read_at >= since and self.doing["resource"].operation_mode_id == "off"

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        if self.refuses:
            return failed(self.refuses)
        return FOLLOWED if self.read_at >= since and self.doing[scope] == goal else PENDING


def running(**changes: Any) -> Play:
    play = Play(Contactor(doing={"resource": ModeAndFactor("on", 0.5)}), **changes)
    play.connected()
    return play


def test_a_stage_begins_when_the_one_before_is_confirmed_and_seen() -> None:
    play = running()
    effects = play.orders("boost 1", name="one")
    assert applied(effects) == [("resource", "off 0")]
    assert applied(play.confirmed(effects)) == []
    play.elapsed_s += 3
    assert applied(play.seen(resource="on 0.2")) == []
    switching = play.seen(resource="off 0")
    assert applied(switching) == [("phases", 3.0)]
    assert applied(play.confirmed(switching)) == []
    assert applied(play.after(9)) == []
    starting = play.after(1)
    assert applied(starting) == [("resource", "boost 1")]
    play.elapsed_s += 1
    assert updates(play.follows(starting)) == [("one", "SUCCEEDED")]


def test_a_stage_that_is_done_is_not_given_up_while_the_device_is_left_alone() -> None:
    play = running(every_s=7.0)
    play.confirmed(play.orders("boost 1", name="one"))
    play.elapsed_s += 1
    play.confirmed(play.seen(resource="off 0"))
    waited = play.after(9)
    assert messages(waited)
    assert updates(waited) == []
    assert applied(play.after(1)) == [("resource", "boost 1")]


def test_a_stage_that_takes_too_long_ends_the_order() -> None:
    play = running()
    play.confirmed(play.orders("boost 1", name="one"))
    effects = play.after(60)
    assert updates(effects) == [("one", "ABORTED")]
    assert applied(effects) == [("resource", "off 0")]
    assert applied(play.seen(resource="off 0")) == []


def test_a_newer_order_takes_the_place_of_all_that_was_still_to_come() -> None:
    play = running()
    play.confirmed(play.orders("boost 1", name="one"))
    effects = play.orders("off 0", name="two")
    assert updates(effects) == [("two", "ACCEPTED"), ("one", "ABORTED"), ("two", "STARTED")]
    assert applied(effects) == [("resource", "off 0")]
    play.elapsed_s += 1
    assert updates(play.follows(effects)) == [("two", "SUCCEEDED")]
    assert applied(play.after(120)) == []


def test_an_order_that_cannot_succeed_any_more_is_not_waited_for() -> None:
    play = Play(Contactor(refuses="the car refuses"))
    play.connected()
    effects = play.orders("off 0", name="one")
    play.confirmed(effects)
    play.elapsed_s += 1
    failing = play.seen(resource="on 0.5")
    assert updates(failing) == [("one", "ABORTED")]
    assert applied(failing) == [("resource", "off 0")]

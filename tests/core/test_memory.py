"""What survives a restart: timers that run, the modes before, and how far a task has got."""

import json
from datetime import timedelta
from typing import Any

import pytest

from s2d.rm.memory import Memory, decoded, encoded
from s2d.rm.resource_manager import Identity, ResourceManager
from s2d.s2.effects import Effect, Remember, Stopping
from s2d.s2.messages import ombc, ppbc
from s2d.s2.messages.ppbc import PowerProfileDefinition, PowerSequenceStatus

from .resources_modes import HeatPump, Play, timers
from .resources_played import updates
from .resources_washer import WasherStage
from .stage import NOON, said


def remembered(effects: list[Effect]) -> list[Memory]:
    return [decoded(effect.memory) for effect in effects if isinstance(effect, Remember)]


class Restarted(Play):
    """A heat pump whose daemon is started anew now and then."""

    memory: Memory | None = None

    def on(self, event: Any) -> list[Effect]:
        effects = super().on(event)
        for memory in remembered(effects):
            self.memory = memory
        return effects

    def restarts(self, after_s: float, *, clock_s: float = 0.0) -> None:
        """The process ends, and begins after that time with a clock that is so much ahead of where it should be."""
        self.elapsed_s += after_s
        self.utc_step = timedelta(seconds=clock_s)
        policy = self.resource_manager._policy
        self.resource_manager = ResourceManager(Identity("played"), self.resource, policy, self.new_id, self.memory)


def rests() -> Restarted:
    """It was on for long, and has just been switched off: it rests for ten minutes."""
    play = Restarted(HeatPump())
    play.connected()
    play.follows(play.orders("on 1"))
    play.elapsed_s += 400
    play.follows(play.orders("off 0"))
    return play


def test_a_timer_that_was_started_is_kept_before_anything_else_happens() -> None:
    play = Restarted(HeatPump())
    play.connected()
    effects = play.orders("on 1")
    (keep,) = [effect for effect in effects if isinstance(effect, Remember)]
    assert keep.is_urgent
    assert [(each.timer_id, each.duration_s) for each in decoded(keep.memory).timers] == [("run", 300.0)]


def test_all_else_is_kept_now_and_then_and_at_the_end() -> None:
    play = Restarted(HeatPump(transitions=(), timers=()))
    assert len(remembered(play.connected())) == 1
    assert remembered(play.follows(play.orders("on 1"))) == []
    assert remembered(play.after(599)) == []
    (seen,) = remembered(play.after(1))
    assert seen.seen_mode == {"resource": "on"}
    assert remembered(play.after(5000)) == []
    assert len(remembered(play.orders("boost 1"))) == 1
    play.seen(resource="boost 1")
    assert remembered(play.follows(play.orders("off 0"))) == []
    (last,) = remembered(play.on(Stopping()))
    assert last.change["resource"][0] == "boost"


def test_a_compressor_rests_though_the_daemon_was_restarted() -> None:
    play = rests()
    play.restarts(120)
    told = play.connected()
    assert ("rest", 1000.0) in timers(told)
    assert updates(play.orders("on 1", name="too-soon")) == [("too-soon", "REJECTED")]
    play.elapsed_s += 481
    assert updates(play.orders("on 1", name="rested"))[0] == ("rested", "ACCEPTED")


@pytest.mark.parametrize(("clock_s", "left_s"), [(-3600.0, 600.0), (0.0, 480.0), (60.0, 420.0)])
def test_on_a_step_of_the_clock_the_longer_time_counts_and_never_more_than_the_whole(
    clock_s: float, left_s: float
) -> None:
    play = rests()
    play.restarts(120, clock_s=clock_s)
    play.connected()
    play.elapsed_s += left_s - 1
    assert updates(play.orders("on 1", name="too-soon")) == [("too-soon", "REJECTED")]
    play.elapsed_s += 2
    assert updates(play.orders("on 1", name="rested"))[0] == ("rested", "ACCEPTED")


def test_what_was_done_before_is_named_after_the_restart() -> None:
    play = rests()
    play.on(Stopping())
    play.restarts(120)
    (status,) = [each for each in said(play.connected()) if isinstance(each, ombc.Status)]
    assert (status.active_operation_mode_id, status.previous_operation_mode_id) == ("off", "on")
    assert status.transition_timestamp == NOON + timedelta(seconds=400)


def test_a_task_that_ran_is_told_to_have_been_given_up() -> None:
    stage = WasherStage()
    stage.active()
    stage.done(stage.hears(stage.schedule("begin")), does="run wash quick")
    stage.elapsed_s += 60
    (memory,) = remembered(stage.on(Stopping()))
    assert memory.task == stage.washer.task
    again = WasherStage()
    again.elapsed_s = stage.elapsed_s
    policy = again.resource_manager._policy
    again.resource_manager = ResourceManager(Identity("played-1"), again.washer, policy, again.new_id, memory)
    told = said(again.active(does="nothing"))
    assert any(isinstance(each, PowerProfileDefinition) for each in told)
    (status,) = [each for each in told if isinstance(each, ppbc.PowerProfileStatus)]
    wash = status.sequence_container_status[0]
    assert (wash.status, wash.selected_sequence_id) == (PowerSequenceStatus.ABORTED, "quick")
    assert wash.progress is not None
    assert wash.progress >= 60_000


def test_what_is_told_again_is_not_kept_again() -> None:
    stage = WasherStage()
    stage.active()
    assert remembered(stage.done(stage.hears(stage.schedule("begin")), does="run wash quick")) == []
    assert remembered(stage.after(1200))[-1].runs["wash"].status is PowerSequenceStatus.FINISHED
    assert remembered(stage.after(3600)) == []


def test_what_is_kept_comes_back_as_it_was() -> None:
    play = rests()
    assert play.memory is not None
    assert decoded(encoded(play.memory)) == play.memory


RAN = {"sequence_id": "quick", "lasts_s": 600.0, "action": "run", "status": "EXECUTING", "ran_s": 0.0, "over_at": None}
AT = "2026-06-01T12:00:00Z"
TIMER = {"scope": "resource", "timer_id": "rest", "started_at": AT, "duration_s": 600.0}


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ({"timers": [{**TIMER, "started_at": AT.removesuffix("Z")}]}, "timezone"),
        ({"timers": [{**TIMER, "duration_s": 1e300}]}, "<= 1"),
        ({"timers": [{**TIMER, "duration_s": -1.0}]}, ">= 0"),
        ({"change": {"resource": ["off", AT.removesuffix("Z")]}}, "timezone"),
        ({"runs": {"wash": {**RAN, "commanded_at": AT, "runs_since": AT, "action": "dance"}}}, "dance"),
        ({"runs": {"wash": {**RAN, "commanded_at": AT, "runs_since": AT.removesuffix("Z")}}}, "timezone"),
        ({"runs": {"wash": {**RAN, "commanded_at": AT, "runs_since": AT, "lasts_s": 1e300}}}, "<= 1"),
    ],
)
def test_what_nobody_can_count_with_is_no_memory(kept: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decoded(json.dumps(kept).encode())


def test_what_is_damaged_is_no_memory() -> None:
    with pytest.raises(ValueError, match="truncated"):
        decoded(b"{")

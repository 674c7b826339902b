"""What a kind keeps of its own survives a restart: values as they are, instants by the clock."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from s2d.rm.control.operation_modes.timers import TimersAndModes
from s2d.rm.control.ppbc.task import TaskProgress
from s2d.rm.kinds.kept_values import KeptValues
from s2d.rm.memory import Memory, RememberedTimer, decoded, encoded, memory_of, recall
from s2d.s2.effects import Effect, Remember
from s2d.s2.messages.common import ControlType
from s2d.values import Now, Reading

from .resources_played import Played, PlayedStage
from .stage import NOON


def kept_after_restart(kept: KeptValues, *, after_s: float) -> KeptValues:
    """*kept* by a process whose clocks read otherwise, that starts so much later."""
    memory = decoded(encoded(memory_of(TimersAndModes(), TaskProgress(), kept, Now(1000.0, NOON))))
    recalled = KeptValues()
    recall(memory, TimersAndModes(), TaskProgress(), recalled, Now(5.0, NOON + timedelta(seconds=after_s)))
    return recalled


def test_values_come_back_as_they_were_and_instants_as_long_ago_as_they_are() -> None:
    kept = KeptValues()
    kept.put("learnt_w", 1850.0)
    kept.put("phases", 3)
    kept.put_instant("switched", 940.0)
    recalled = kept_after_restart(kept, after_s=30.0)
    assert recalled.values == {"learnt_w": 1850.0, "phases": 3}
    assert recalled.instants == {"switched": 5.0 - 60.0 - 30.0}


def test_what_is_kept_of_another_kind_is_none_of_ours() -> None:
    kept = KeptValues()
    for name, value in (("power", "x"), ("counter", 3.0), ("shed", "yes"), ("limit", True)):
        kept.put(name, value)
    assert (kept.number("power"), kept.text("counter"), kept.flag("shed"), kept.number("limit")) == (None,) * 4
    assert (kept.number("counter"), kept.text("power"), kept.flag("limit"), kept.number("never")) == (
        3.0,
        "x",
        True,
        None,
    )


def test_an_instant_beyond_every_calendar_is_kept_as_far_away() -> None:
    kept = KeptValues()
    kept.put_instant("until", 1e12)
    kept.put_instant("since", -1e12)
    recalled = kept_after_restart(kept, after_s=0.0)
    assert recalled.instants["until"] > 1e11
    assert recalled.instants["since"] < -5e10


def test_nothing_kept_is_further_ahead_because_the_clock_has_stepped_back() -> None:
    kept = KeptValues()
    kept.put_instant("switched", 940.0)
    kept.put_instant("until", 1100.0)
    recalled = kept_after_restart(kept, after_s=-30 * 86_400.0)
    assert recalled.instants == {"switched": 5.0 - 60.0, "until": 5.0 + 100.0}


def test_a_timer_that_was_started_in_the_first_of_all_years_is_over_and_can_be_kept_again() -> None:
    timer = RememberedTimer("compressor", "rest", datetime.min.replace(tzinfo=UTC), 600.0)
    timers = TimersAndModes()
    recall(Memory((timer,)), timers, TaskProgress(), KeptValues(), Now(5.0, NOON))
    assert not timers.runs_at("compressor", "rest", 5.0)
    earlier = Now(6.0, NOON - timedelta(days=7300))
    assert memory_of(timers, TaskProgress(), KeptValues(), earlier).timers[0].started_at < earlier.utc


def test_what_is_dropped_is_not_kept() -> None:
    kept = KeptValues()
    kept.put("learnt_w", 1850.0)
    kept.put_instant("switched", 940.0)
    kept.drop("learnt_w", "switched", "never")
    recalled = kept_after_restart(kept, after_s=0.0)
    assert (recalled.values, recalled.instants) == ({}, {})


def test_the_same_once_more_is_no_change() -> None:
    kept = KeptValues()
    for _ in range(2):
        kept.put("learnt_w", 1850.0)
        kept.put_instant("switched", 940.0, is_urgent=True)
    assert (kept.changes, kept.urgent_changes) == (2, 1)


class Learning(Played):
    """It keeps how much it takes, and when it was switched."""

    control_type = ControlType.NOT_CONTROLABLE

    def __init__(self) -> None:
        super().__init__()
        self.kept = KeptValues()

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        super().observe(readings, now)
        for reading in readings:
            if reading.point == "power" and reading.value is not None:
                self.kept.put("learnt_w", reading.value)
            elif reading.point == "switched":
                self.kept.put_instant("switched", now.mono, is_urgent=True)


def test_what_hardware_has_switched_is_kept_at_once_and_the_rest_now_and_then() -> None:
    stage = PlayedStage(Learning())
    assert kept_at_once(stage.measured(power=1.0)) == [False]
    assert kept_at_once(stage.seen(power=2.0)) == []
    assert kept_at_once(stage.seen(switched=True)) == [True]


def kept_at_once(effects: list[Effect]) -> list[bool]:
    """Of each time that something is to be kept, whether that comes before anything else."""
    return [effect.is_urgent for effect in effects if isinstance(effect, Remember)]

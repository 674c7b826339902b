"""A PV inverter under PEBC: limited by the CEM, asleep at night, and given back what stood in it before."""

from typing import Any

import pytest

from s2d.events import Lost
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Note, Remember, Started, Stopping
from s2d.s2.messages.common import ControlType, NumberRange, PowerMeasurement, RevokableObjects, SelectControlType
from s2d.s2.messages.pebc import PowerConstraints, PowerEnvelopeConsequenceType, PowerEnvelopeLimitType

from ..core.resources_played import revocation
from ..core.stage import applied, told
from .stage import PEBC, KindStage, of_type, statuses

INVERTER = """
kind: pv
max_power: 4 kW
expected_offline: true
points:
  power: {register: 1, type: int16, unit: W}
  state: {register: 2, values: {1: sleeping, 2: producing}}
  limit: {register: 3, unit: W, access: read_write}
commands:
  power_limit: {unit: W, steps: [{write: {limit: value}}], release: [{write: {limit: found}}]}
"""
FREE = [("power_limit", "release")]


def producing(keys: str = INVERTER, **values: Any) -> KindStage:
    stage = KindStage(keys)
    stage.in_session(PEBC, **({"power": -3450.6, "state": "producing"} | values))
    return stage


def limited(name: str = "half", lower: float = -2000.0, seconds: float = 3600.0, **options: Any) -> KindStage:
    """One that keeps a limit."""
    stage = producing()
    stage.limited(name, (seconds, lower, 0.0), **options)
    assert (name, "SUCCEEDED") in statuses(stage.seen(power=lower + 10, state="producing"))
    return stage


def test_what_it_offers_is_what_it_produces_at_most() -> None:
    stage = KindStage(INVERTER)
    effects = stage.in_session(PEBC, power=-3450.6, state="producing")
    assert told(effects)[:3] == ["ReceptionStatus OK", "PEBC.PowerConstraints", "PowerMeasurement"]
    (constraints,) = of_type(PowerConstraints, effects)
    assert constraints.consequence_type is PowerEnvelopeConsequenceType.VANISH
    assert constraints.valid_until is None
    assert [(each.limit_type, each.range_boundary) for each in constraints.allowed_limit_ranges] == [
        (PowerEnvelopeLimitType.UPPER_LIMIT, NumberRange(start_of_range=0.0, end_of_range=0.0)),
        (PowerEnvelopeLimitType.LOWER_LIMIT, NumberRange(start_of_range=-4000.0, end_of_range=0.0)),
    ]
    (measured,) = of_type(PowerMeasurement, effects)
    assert [each.value for each in measured.values] == [-3450.6]


def test_before_anything_is_known_of_its_power_it_is_only_measured() -> None:
    stage = KindStage(INVERTER.replace("max_power: 4 kW", "") + "  # no nameplate\n")
    stage.measured(power=-3000.0)
    stage.negotiated()
    assert stage.offered() == (ControlType.NOT_CONTROLABLE,)


def test_the_lower_of_what_it_says_and_what_its_owner_says_is_its_nameplate() -> None:
    keys = INVERTER + "computed: {max_power: {value: '5000', unit: W}}\n"
    stage = KindStage(keys)
    (constraints,) = of_type(PowerConstraints, stage.in_session(PEBC, power=-10.0, max_power=3000.0))
    assert constraints.allowed_limit_ranges[1].range_boundary.start_of_range == -3000.0
    stage.after(3600.0)
    assert stage.offered() == (PEBC,)


def test_a_limit_for_later_is_set_then_and_followed() -> None:
    stage = producing()
    assert statuses(stage.limited("half", (3600.0, -2000.0, 0.0), after_s=900.0)) == [("half", "ACCEPTED")]
    started = stage.after(900.0)
    assert (statuses(started), applied(started)) == ([("half", "STARTED")], [("power_limit", 2000.0)])
    stage.confirmed(*started)
    assert statuses(stage.seen(power=-2800.0)) == []
    assert statuses(stage.seen(power=-2081.0)) == []
    assert statuses(stage.seen(power=-1990.0)) == [("half", "SUCCEEDED")]
    assert applied(stage.after(3600.0)) == FREE


def test_a_limit_that_it_does_not_keep_stays_when_it_is_aborted() -> None:
    stage = producing()
    stage.limited("half", (3600.0, -2000.0, 0.0))
    stage.seen(power=-3000.0)
    given_up = stage.after(120.0)
    assert statuses(given_up) == [("half", "ABORTED")]
    assert applied(given_up) == [("power_limit", 2000.0)]
    assert applied(stage.after(3700.0)) == []


def test_a_limit_that_failed_ends_with_the_next_word_of_the_cem() -> None:
    stage = producing()
    stage.limited("half", (3600.0, -2000.0, 0.0))
    stage.seen(power=-3000.0)
    stage.after(120.0)
    assert applied(stage.limited("all", (600.0, -4000.0, 0.0))) == FREE


def test_a_limit_above_what_it_can_is_none() -> None:
    assert applied(producing().limited("all", (600.0, -4000.0, 0.0))) == FREE


def test_beyond_what_it_can_is_rejected() -> None:
    assert statuses(producing().limited("more", (600.0, -4001.0, 0.0))) == [("more", "REJECTED")]


# What it becomes on each occasion, while a limit is in force.


def occasions() -> dict[Occasion, list[tuple[str, object]]]:
    kept = [("power_limit", 2000.0)]
    return {
        Occasion.CEM_LOST: kept,
        Occasion.ABORTED: kept,
        Occasion.STARTED: kept,
        Occasion.RETURNED: kept,
        Occasion.CLOCK: kept,
        Occasion.STALE: kept,
        Occasion.UNINSTRUCTED: kept,
        Occasion.DESELECTED: FREE,
        Occasion.ENDED: FREE,
        Occasion.STOPPING: FREE,
    }


@pytest.mark.parametrize(("occasion", "becomes"), occasions().items())
def test_on_each_occasion(occasion: Occasion, becomes: list[tuple[str, object]]) -> None:
    stage = limited()
    setpoints = stage.resource_manager._resource.rest(occasion, "test", stage.now)
    assert [(each.point, each.value) for each in setpoints] == becomes
    assert all(each.is_safe for each in setpoints)


@pytest.mark.parametrize("occasion", Occasion)
def test_without_a_limit_it_is_left_to_itself_on_every_occasion(occasion: Occasion) -> None:
    stage = producing()
    setpoints = stage.resource_manager._resource.rest(occasion, "test", stage.now)
    assert [(each.point, each.value) for each in setpoints] == FREE


def test_a_cem_that_is_lost_leaves_the_limit_to_its_own_end() -> None:
    stage = limited(seconds=3600.0)
    stage.left()
    assert applied(stage.after(59.0)) == []
    assert applied(stage.after(1.0)) == [("power_limit", 2000.0)]
    assert applied(stage.after(3538.0)) == []
    over = stage.after(1.0)
    assert applied(over) == FREE
    assert [note.facts["reason"] for note in over if isinstance(note, Note)] == [
        "the limit that was kept has come to its end"
    ]


def test_a_limit_for_abnormal_conditions_outlasts_the_cem_by_two_hours() -> None:
    stage = limited(seconds=600.0, is_abnormal=True)
    stage.left()
    assert applied(stage.after(60.0)) == [("power_limit", 2000.0)]
    assert applied(stage.after(7199.0)) == []
    assert applied(stage.after(1.0)) == FREE


def test_no_limit_outlasts_its_cem_by_more_than_a_day() -> None:
    stage = limited(seconds=30 * 86_400.0)
    stage.left()
    assert applied(stage.after(60.0)) == [("power_limit", 2000.0)]
    assert applied(stage.after(86_399.0)) == []
    assert applied(stage.after(1.0)) == FREE


def test_what_was_limited_before_a_crash_is_limited_after_it() -> None:
    stage = limited(seconds=3600.0)
    stage.after(600.0)
    stage.restarted(after_s=100.0)
    assert applied(stage.on(Started())) == [("power_limit", 2000.0)]
    stage.measured(power=-1990.0, state="producing")
    assert applied(stage.after(2898.0)) == []
    assert applied(stage.after(1.0)) == FREE


def test_a_limit_that_has_ended_while_the_process_was_away_is_not_set_again() -> None:
    stage = limited(seconds=3600.0)
    stage.after(600.0)
    stage.restarted(after_s=3100.0)
    assert applied(stage.on(Started())) == FREE


def test_when_it_stops_it_is_given_back() -> None:
    assert applied(limited().on(Stopping())) == FREE


def test_revoked_and_deselected_it_is_given_back() -> None:
    stage = limited()
    assert applied(stage.hears(revocation(RevokableObjects.PEBC_INSTRUCTION, "half"))) == FREE
    stage = limited()
    none = SelectControlType(message_id="none", control_type=ControlType.NO_SELECTION)
    assert applied(stage.hears(none)) == FREE


@pytest.mark.parametrize(
    ("limits_w", "is_kept_at_once"), [((2000,), [True]), ((2000, 1000), [True, True]), ((1000, 2000), [True, False])]
)
def test_a_limit_is_kept_before_anything_else_happens_where_it_is_stricter(
    limits_w: tuple[float, ...], is_kept_at_once: list[bool]
) -> None:
    stage = producing()
    stage.after(3600.0)
    kept_at_once = []
    for limit_w in limits_w:
        effects = stage.limited(f"to-{limit_w}", (3600.0, -limit_w, 0.0))
        kept_at_once.append(any(each.is_urgent for each in effects if isinstance(each, Remember)))
    assert kept_at_once == is_kept_at_once


def test_that_its_owner_lets_it_wait_on_an_occasion_does_not_end_a_limit() -> None:
    stage = KindStage(INVERTER + "safe: {cem_lost: {after: 5 min}, stale: {power_limit: 100 W}}\n")
    stage.in_session(PEBC, power=-3000.0)
    stage.limited("half", (3600.0, -2000.0, 0.0))
    stage.seen(power=-1990.0)
    stage.left()
    assert applied(stage.after(299.0)) == []
    assert applied(stage.after(1.0)) == [("power_limit", 2000.0)]
    assert [each.value for each in stage.resource.rest(Occasion.STALE, "test", stage.now)] == [100.0]


# The night.


def test_at_night_nothing_is_told_and_all_stays_offered_and_ordered() -> None:
    stage = KindStage(INVERTER, holds_s=30.0)
    stage.in_session(PEBC, power=-800.0, state="producing")
    stage.limited("long", (36_000.0, -500.0, 0.0))
    stage.seen(power=-495.0, state="producing")
    night = [*stage.on(Lost("switched off")), *stage.after(8 * 3600.0)]
    assert statuses(night) == []
    assert applied(night) == []
    assert stage.offered() == (PEBC,)


def test_what_is_ordered_in_the_dark_is_told_first_in_the_morning() -> None:
    stage = producing(power=0.0, state="sleeping")
    stage.on(Lost("switched off"))
    ordered = stage.hears(stage.envelope("morning", (36_000.0, -500.0, 0.0)))
    assert statuses(ordered) == [("morning", "ACCEPTED"), ("morning", "STARTED")]
    assert applied(ordered) == [("power_limit", 500.0)]
    assert statuses(stage.after(8 * 3600.0)) == []
    stage.measured(power=-300.0, state="producing")
    stage.confirmed(*ordered)
    assert statuses(stage.seen(power=-400.0, state="producing")) == [("morning", "SUCCEEDED")]


def test_asleep_it_keeps_every_limit() -> None:
    stage = producing(power=0.0, state="sleeping")
    stage.limited("any", (600.0, -100.0, 0.0))
    assert statuses(stage.seen(power=0.0, state="sleeping")) == [("any", "SUCCEEDED")]


def test_one_that_is_never_off_is_lost_when_it_does_not_answer() -> None:
    stage = producing(INVERTER.replace("expected_offline: true", ""))
    stage.limited("half", (3600.0, -2000.0, 0.0))
    assert statuses(stage.on(Lost("no answer"))) == [("half", "ABORTED")]
    assert statuses(stage.limited("next", (3600.0, -2000.0, 0.0))) == [("next", "REJECTED")]


# What it may never exceed.


def test_it_is_never_left_to_itself_where_it_may_not_feed_in_all() -> None:
    stage = producing(INVERTER + "feed_in_limit: 2.8 kW\n")
    assert applied(stage.limited("all", (600.0, -4000.0, 0.0))) == [("power_limit", 2800.0)]
    assert applied(stage.limited("half", (600.0, -2000.0, 0.0))) == [("power_limit", 2000.0)]
    assert applied(stage.on(Stopping())) == [("power_limit", 2800.0)]

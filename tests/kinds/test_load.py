"""A load: a plug or relay under OMBC, a heater that modulates under PEBC; off when nobody is in charge."""

from datetime import timedelta
from typing import Any

import pytest

from s2d.events import Lost
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Effect, Started, Stopping
from s2d.s2.messages import ombc
from s2d.s2.messages.common import ControlType, NumberRange, RevokableObjects
from s2d.s2.messages.ombc import Status, SystemDescription, TimerStatus
from s2d.s2.messages.pebc import PowerConstraints, PowerEnvelopeConsequenceType, PowerEnvelopeLimitType

from ..core.resources_played import revocation
from ..core.stage import NOON, applied
from .stage import OMBC, PEBC, KindStage, of_type, statuses

PLUG = """
kind: load
power: 2 kW
points:
  power: {register: 1, unit: W}
  "on": {register: 2, access: read_write, values: {0: "off", 1: "on"}}
"""
PLUG = PLUG.replace(', values: {0: "off", 1: "on"}', "")
BLIND = """
kind: load
power: 2 kW
points:
  "on": {register: 2, access: write}
"""
BOILER = PLUG + "thermostat: true\n"
HEATER = """
kind: load
power: 0 W .. 3 kW
points:
  power: {register: 1, unit: W}
  power_limit: {register: 3, unit: W, access: read_write}
"""
OFF = [("on", False)]


class Plug(KindStage):
    """A load that is switched, and a CEM."""

    def __init__(self, keys: str = PLUG, **options: Any) -> None:
        super().__init__(keys, **options)

    def active(self, **values: Any) -> "Plug":
        self.in_session(OMBC, **({"power": 0.0, "on": False} | values))
        return self

    @property
    def described(self) -> SystemDescription:
        return [each for each in self.said if isinstance(each, SystemDescription)][-1]

    def ordered(self, label: str, name: str = "order", *, is_abnormal: bool = False) -> list[Effect]:
        """The CEM orders the mode *label*; what follows."""
        (mode_id,) = [each.id for each in self.described.operation_modes if each.diagnostic_label == label]
        return self.hears(
            ombc.Instruction(
                message_id=f"m-{name}",
                id=name,
                execution_time=self.now.utc,
                operation_mode_id=mode_id,
                operation_mode_factor=0.0,
                abnormal_condition=is_abnormal,
            )
        )

    def switched_on(self) -> "Plug":
        """It is ordered to be on, and is."""
        effects = self.ordered("on", "on")
        self.confirmed(*effects)
        assert statuses(self.seen(power=1980.0, on=True)) == [("on", "SUCCEEDED")]
        return self


def test_it_is_described_as_it_stands() -> None:
    described = Plug().active().described
    assert [
        (mode.diagnostic_label, [(each.start_of_range, each.end_of_range) for each in mode.power_ranges])
        for mode in described.operation_modes
    ] == [("on", [(2000.0, 2000.0)]), ("off", [(0.0, 0.0)])]
    on, off = (mode.id for mode in described.operation_modes)
    least_on, least_off = (timer.id for timer in described.timers)
    assert [timer.duration for timer in described.timers] == [600_000, 300_000]
    assert [
        (each.from_, each.to, each.start_timers, each.blocking_timers, each.abnormal_condition_only)
        for each in described.transitions
    ] == [
        (off, on, (least_on,), (least_off,), False),
        (on, off, (least_off,), (least_on,), False),
        (on, off, (least_off,), (), True),
    ]


def test_it_is_switched_on_and_tells_since_when_it_is() -> None:
    stage = Plug().active()
    effects = stage.ordered("on")
    assert statuses(effects) == [("order", "ACCEPTED"), ("order", "STARTED")]
    assert applied(effects) == [("on", True)]
    (timer,) = of_type(TimerStatus, effects)
    assert timer.finished_at == NOON + timedelta(minutes=10)
    stage.confirmed(*effects)
    seen = stage.seen(2.0, power=1980.0, on=True)
    assert statuses(seen) == [("order", "SUCCEEDED")]
    (status,) = of_type(Status, seen)
    assert status.previous_operation_mode_id == stage.described.operation_modes[1].id
    assert status.transition_timestamp == NOON


def test_it_stays_on_for_its_least_time_unless_that_is_abnormal() -> None:
    stage = Plug().active().switched_on()
    stage.after(120.0)
    assert statuses(stage.ordered("off", "early")) == [("early", "REJECTED")]
    effects = stage.ordered("off", "shed", is_abnormal=True)
    assert statuses(effects) == [("shed", "ACCEPTED"), ("shed", "STARTED")]
    assert applied(effects) == OFF


def test_it_stays_off_for_its_least_time_whatever_is_abnormal() -> None:
    stage = Plug().active().switched_on()
    stage.after(600.0)
    stage.confirmed(*stage.ordered("off", "off"))
    assert statuses(stage.seen(power=0.0, on=False)) == [("off", "SUCCEEDED")]
    stage.after(200.0)
    assert statuses(stage.ordered("on", "soon", is_abnormal=True)) == [("soon", "REJECTED")]
    stage.after(100.0)
    assert statuses(stage.ordered("on", "later")) == [("later", "ACCEPTED"), ("later", "STARTED")]


def test_a_relay_that_does_not_move_is_given_up_after_ten_seconds() -> None:
    stage = Plug().active()
    stage.confirmed(*stage.ordered("on"))
    stage.seen(1.0, power=0.0, on=False)
    given_up = stage.after(20.0)
    assert statuses(given_up) == [("order", "ABORTED")]
    assert applied(given_up) == OFF


def test_one_that_tells_only_its_power_is_on_above_half_of_it() -> None:
    stage = Plug(PLUG.replace("access: read_write", "access: write"))
    stage.in_session(OMBC, power=0.0)
    stage.confirmed(*stage.ordered("on"))
    assert statuses(stage.seen(power=999.0)) == []
    assert statuses(stage.seen(power=1001.0)) == [("order", "SUCCEEDED")]


def test_one_that_tells_nothing_is_trusted_to_do_what_it_confirmed() -> None:
    stage = Plug(BLIND)
    stage.on(Started())
    stage.confirmed(*stage.after(300.0))
    stage.measured()
    stage.negotiated()
    stage.selects(OMBC)
    effects = stage.ordered("on")
    assert statuses([*effects, *stage.confirmed(*effects), *stage.measured()]) == [
        ("order", "ACCEPTED"),
        ("order", "STARTED"),
        ("order", "SUCCEEDED"),
    ]


def test_what_it_takes_is_learnt_and_described_anew_only_when_it_is_another() -> None:
    stage = Plug().active().switched_on()
    for _ in range(40):
        stage.seen(1.0, power=1900.0, on=True)
    assert stage.described.operation_modes[0].power_ranges[0].start_of_range == 2000.0
    for _ in range(200):
        stage.seen(1.0, power=1500.0, on=True)
    assert stage.described.operation_modes[0].power_ranges[0].start_of_range == 2000.0
    for _ in range(400):
        stage.seen(1.0, power=1500.0, on=True)
    learnt_w = stage.described.operation_modes[0].power_ranges[0].start_of_range
    assert 1500.0 <= learnt_w <= 1650.0
    stage.restarted()
    stage.measured(power=1500.0, on=True)
    stage.negotiated()
    stage.selects(OMBC)
    assert stage.described.operation_modes[0].power_ranges[0].start_of_range == learnt_w


def test_its_power_may_be_learnt_alone() -> None:
    stage = Plug(PLUG.replace("power: 2 kW\n", ""))
    stage.measured(power=0.0, on=False)
    stage.negotiated()
    assert stage.offered() == (ControlType.NOT_CONTROLABLE,)
    for _ in range(32):
        stage.seen(1.0, power=1234.0, on=True)
    assert stage.offered() == (OMBC,)
    stage.selects(OMBC)
    assert stage.described.operation_modes[0].power_ranges[0].start_of_range == 1234.0


# What it becomes on each occasion.


@pytest.mark.parametrize("occasion", Occasion)
def test_without_a_thermostat_it_is_off_on_every_occasion(occasion: Occasion) -> None:
    stage = Plug().active().switched_on()
    setpoints = stage.resource.rest(occasion, "test", stage.now)
    assert [(each.point, each.value, each.is_safe) for each in setpoints] == [("on", False, True)]


def test_a_cem_that_is_lost_and_a_start_leave_it_as_it_is_for_five_minutes() -> None:
    stage = Plug().active().switched_on()
    stage.left()
    assert applied(stage.after(299.0)) == []
    assert applied(stage.after(1.0)) == OFF
    stage = Plug()
    assert applied(stage.on(Started())) == []
    assert applied(stage.after(299.0)) == []
    assert applied(stage.after(1.0)) == OFF


def test_stopped_deselected_and_revoked_it_is_off_at_once() -> None:
    assert applied(Plug().active().switched_on().on(Stopping())) == OFF
    assert applied(Plug().active().switched_on().selects(ControlType.NO_SELECTION)) == OFF
    stage = Plug().active()
    stage.ordered("on")
    assert applied(stage.hears(revocation(RevokableObjects.OMBC_INSTRUCTION, "order"))) == OFF


def test_a_fault_switches_it_off() -> None:
    keys = PLUG + "  fault: {register: 4, values: {0: ok, 1: broken}}\n"
    stage = Plug(keys).active(fault="ok").switched_on()
    effects = stage.seen(power=1980.0, on=True, fault="broken")
    assert applied(effects) == OFF
    assert statuses(stage.ordered("on", "again")) == [("again", "REJECTED")]


def test_one_of_which_nothing_is_known_any_more_is_off_after_five_minutes() -> None:
    stage = Plug(holds_s=30.0).active().switched_on()
    assert applied(stage.after(329.0)) == []
    assert set(applied(stage.after(1.0))) == set(OFF)


def test_one_that_does_not_answer_is_ordered_nothing() -> None:
    stage = Plug().active()
    stage.on(Lost("no answer"))
    assert statuses(stage.ordered("on")) == [("order", "REJECTED")]


# With a thermostat of its own.


def test_with_a_thermostat_it_is_left_to_that_each_at_its_own_instant() -> None:
    stage = Plug(BOILER).active()
    stage.left()
    assert applied(stage.after(300.0)) == []
    on_again = stage.after(120.0)
    assert applied(on_again) == [("on", True)]
    assert 0.0 <= stage.elapsed_s - 300.0 <= 120.0


def test_one_that_is_on_already_is_left_on() -> None:
    stage = Plug(BOILER).active().switched_on()
    stage.left()
    assert applied(stage.after(300.0)) == [("on", True)]


def test_what_was_shed_is_left_to_its_thermostat_two_hours_later() -> None:
    stage = Plug(BOILER).active().switched_on()
    stage.confirmed(*stage.ordered("off", "shed", is_abnormal=True))
    assert statuses(stage.seen(power=0.0, on=False)) == [("shed", "SUCCEEDED")]
    assert applied(stage.selects(ControlType.NO_SELECTION)) == []
    assert applied(stage.after(7190.0)) == []
    assert applied(stage.after(10.0)) == [("on", True)]


def test_what_was_shed_stays_off_though_the_process_dies() -> None:
    stage = Plug(BOILER).active().switched_on()
    stage.confirmed(*stage.ordered("off", "shed", is_abnormal=True))
    stage.seen(power=0.0, on=False)
    stage.restarted(after_s=600.0)
    stage.on(Started())
    stage.measured(power=0.0, on=False)
    assert applied(stage.after(6590.0)) == []
    assert applied(stage.after(10.0)) == [("on", True)]


def test_what_is_given_back_to_its_thermostat_is_so_at_its_own_instant_as_well() -> None:
    keys = BOILER.replace('"on": {', "relay: {") + (
        'commands:\n  "on": {steps: [{write: {relay: value}}], release: [{write: {relay: 1}}]}\n'
    )
    stage = Plug(keys).active(relay=False)
    stage.left()
    assert applied(stage.after(300.0)) == []
    assert applied(stage.after(120.0)) == [("on", "release")]


def test_at_the_stop_it_is_left_to_its_thermostat_at_once_as_nobody_is_there_later() -> None:
    stage = Plug(BOILER).active().switched_on()
    stage.after(600.0)
    stage.confirmed(*stage.ordered("off", "off"))
    stage.seen(power=0.0, on=False)
    stage.after(300.0)
    assert applied(stage.on(Stopping())) == [("on", True)]


def test_at_the_stop_it_stays_off_within_its_least_time_off_and_where_it_was_shed() -> None:
    stage = Plug(BOILER).active().switched_on()
    stage.after(600.0)
    stage.confirmed(*stage.ordered("off", "off"))
    stage.seen(power=0.0, on=False)
    assert applied(stage.on(Stopping())) == []
    stage = Plug(BOILER).active().switched_on()
    stage.confirmed(*stage.ordered("off", "shed", is_abnormal=True))
    stage.seen(power=0.0, on=False)
    stage.after(3600.0)
    assert applied(stage.on(Stopping())) == []


def test_it_is_not_left_to_its_thermostat_within_its_least_time_off() -> None:
    stage = Plug(BOILER + "timers: {off: 20 min}\n").active().switched_on()
    stage.after(600.0)
    stage.confirmed(*stage.ordered("off", "off"))
    stage.seen(power=0.0, on=False)
    assert applied(stage.selects(ControlType.NO_SELECTION)) == []
    assert applied(stage.after(1190.0)) == []
    assert applied(stage.after(10.0)) == [("on", True)]


def test_without_a_thermostat_it_is_not_switched_on_while_nobody_knows_how_hot_it_is() -> None:
    stage = Plug(PLUG + "thermostat: false\n").active()
    assert statuses(stage.ordered("on")) == [("order", "REJECTED")]


# One that modulates.


def heating(**options: Any) -> KindStage:
    stage = KindStage(HEATER, **options)
    stage.in_session(PEBC, power=2900.0)
    return stage


def limited(stage: KindStage, upper_w: float, seconds: float = 900.0, **options: Any) -> list[Effect]:
    return stage.limited("limit", (seconds, 0.0, upper_w), **options)


def test_it_can_be_limited_to_anything_it_takes() -> None:
    stage = KindStage(HEATER)
    (constraints,) = of_type(PowerConstraints, stage.in_session(PEBC, power=0.0))
    assert constraints.consequence_type is PowerEnvelopeConsequenceType.DEFER
    assert [(each.limit_type, each.range_boundary) for each in constraints.allowed_limit_ranges] == [
        (PowerEnvelopeLimitType.UPPER_LIMIT, NumberRange(start_of_range=0.0, end_of_range=3000.0)),
        (PowerEnvelopeLimitType.LOWER_LIMIT, NumberRange(start_of_range=0.0, end_of_range=0.0)),
    ]


def test_before_it_was_heard_it_is_only_measured() -> None:
    for keys, heard in (
        (HEATER, {"power": 0.0}),
        (HEATER.replace("  power: {register: 1, unit: W}\n", ""), {"power_limit": 3000.0}),
    ):
        stage = KindStage(keys)
        stage.after(10.0)
        stage.negotiated()
        assert stage.offered() == (ControlType.NOT_CONTROLABLE,)
        stage.measured(**heard)
        assert stage.offered() == (PEBC,)


def test_a_lamp_does_not_do_later_what_it_did_not_do() -> None:
    stage = KindStage(HEATER + "consequence: vanish\n")
    (constraints,) = of_type(PowerConstraints, stage.in_session(PEBC, power=0.0))
    assert constraints.consequence_type is PowerEnvelopeConsequenceType.VANISH


def test_a_limit_is_kept() -> None:
    stage = heating()
    assert applied(limited(stage, 1240.0)) == [("power_limit", 1240.0)]
    assert statuses(stage.seen(7.0, power=1228.0)) == [("limit", "SUCCEEDED")]


def test_a_limit_below_its_least_power_stops_it() -> None:
    stage = KindStage(HEATER.replace("0 W .. 3 kW", "500 W .. 3 kW"))
    (constraints,) = of_type(PowerConstraints, stage.in_session(PEBC, power=0.0))
    assert [each.range_boundary.start_of_range for each in constraints.allowed_limit_ranges] == [500.0, 0.0, 0.0]
    assert applied(limited(stage, 499.0)) == [("power_limit", 0.0)]


def test_a_limit_that_it_does_not_keep_stays() -> None:
    stage = heating()
    limited(stage, 1240.0)
    stage.seen(power=2900.0)
    given_up = stage.after(60.0)
    assert (statuses(given_up), applied(given_up)) == ([("limit", "ABORTED")], [("power_limit", 1240.0)])


def test_a_limit_whose_cem_is_lost_is_kept_to_its_end_and_then_it_takes_nothing() -> None:
    stage = heating()
    limited(stage, 1240.0, seconds=3600.0)
    stage.seen(power=1228.0)
    stage.left()
    assert applied(stage.after(300.0)) == [("power_limit", 1240.0)]
    assert applied(stage.after(3298.0)) == []
    assert applied(stage.after(1.0)) == [("power_limit", 0.0)]


def test_with_a_thermostat_it_is_free_at_the_end_of_its_limit() -> None:
    stage = KindStage(HEATER + "thermostat: true\n")
    stage.in_session(PEBC, power=2900.0)
    limited(stage, 1240.0)
    stage.seen(power=1228.0)
    assert applied(stage.after(900.0)) == [("power_limit", 3000.0)]

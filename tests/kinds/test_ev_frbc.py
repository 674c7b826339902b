"""An EV charger under FRBC: the car is a storage with a target, charged in time whatever is ordered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from s2d.rm.kinds.ev_charger import KIND
from s2d.s2.effects import Effect, Level, Note
from s2d.s2.messages import frbc
from s2d.s2.messages.common import ControlType, PowerMeasurement
from s2d.s2.messages.pebc import PowerConstraints

from ..core.stage import NOON, notes, said
from .ev_stage import HOUR, MINUTE, POINTS, SWITCHED, EvStage
from .stage import FRBC, PEBC, of_type, statuses

EVENING = datetime(2026, 11, 30, 18, tzinfo=UTC)
PLAN = """\
cars: [{name: Our car, battery_capacity: 60 kWh}]
limit_soc: 90 %
target_soc: 80 %
departure: "08:00"
"""
SOC = '  vehicle_soc: {register: 7, unit: "%"}\n'
PHASED = "".join(f"  power_l{phase}: {{register: 1{phase}, unit: W}}\n" for phase in (1, 2, 3))
KEYS = POINTS + SOC + PHASED + PLAN
BOTH = POINTS + SOC + PHASED + SWITCHED + PLAN


_BEFORE_S = 364
"""At the start a charger is left as it is for a while, and a pause lasts for another."""


class Planned(EvStage):
    """A charger in the evening; the car has its state of charge from *soc* on, and comes with it."""

    def __init__(self, keys: str = KEYS, *, soc: float | None = 40.0, at: datetime = EVENING, **options: Any) -> None:
        super().__init__(keys, utc_step=at - NOON, **options)
        self.car_soc = soc

    def reads(self) -> list[Effect]:
        if "power_l1" in self.keys:
            used = min(self.relay, self.car_phases)
            each = self.taken_w / used
            self.extra |= {f"power_l{phase}": each if phase <= used else 0.0 for phase in (1, 2, 3)}
        if "vehicle_soc" in self.keys:
            self.extra["vehicle_soc"] = self.car_soc
        return super().reads()

    def lives(self, seconds: float, every_s: float = 2.0) -> list[Effect]:
        effects = []
        for _ in range(round(seconds / every_s)):
            if self.car_soc is not None:
                self.car_soc = min(100.0, self.car_soc + self.taken_w * 0.9 * every_s / 3600 / 60_000 * 100)
            effects += super().lives(every_s, every_s)
        return effects

    @property
    def control(self) -> Any:
        return self.resource_manager._control

    def mode(self, phases: int) -> str:
        """The id of the mode that charges on so many."""
        modes = self.control._resource.description.modes.values()
        return next(mode.id for mode in modes if mode.phases == phases)

    @property
    def off(self) -> str:
        return str(self.control._resource.description.off)

    def orders(self, name: str, mode: str, factor: float = 1.0, **options: Any) -> list[Effect]:
        message = self.instruction(name, mode, factor, **options)
        return self.does(self.hears(message))

    def instruction(self, name: str, mode: str, factor: float, *, after_s: float = 0.0, **changes: Any) -> Any:
        return frbc.Instruction(
            message_id=f"m-{name}",
            id=name,
            actuator_id=self.control._resource.description.actuator_id,
            operation_mode=mode,
            operation_mode_factor=factor,
            execution_time=self.now.utc + timedelta(seconds=after_s),
            abnormal_condition=changes.get("is_abnormal", False),
        )


def selected(keys: str = KEYS, *, at: datetime = EVENING, **options: Any) -> Planned:
    """A charger that charges nothing, as its CEM has ordered nothing yet."""
    stage = Planned(keys, at=at - timedelta(seconds=_BEFORE_S), **options)
    stage.wants = False
    stage.session(FRBC)
    stage.lives(_BEFORE_S)
    stage.wants = True
    stage.written.clear()
    return stage


def charging(keys: str = KEYS, factor: float = 1.0, **options: Any) -> Planned:
    stage = selected(keys, **options)
    stage.orders("go", stage.mode(3), factor)
    stage.lives(80)
    return stage


def modes(effects: list[Effect]) -> list[tuple[str, float, float, str]]:
    """The modes of the last description among *effects*."""
    description = of_type(frbc.SystemDescription, effects)[-1]
    return [
        (
            str(mode.diagnostic_label),
            mode.elements[0].power_ranges[0].start_of_range,
            mode.elements[0].power_ranges[0].end_of_range,
            mode.elements[0].power_ranges[0].commodity_quantity.value,
        )
        for mode in description.actuators[0].operation_modes
    ]


def test_it_is_offered_while_a_car_and_its_departure_are_known() -> None:
    for keys, offered in (
        (KEYS, [FRBC, PEBC]),
        (KEYS.replace('departure: "08:00"\n', ""), [PEBC]),
        (KEYS.replace(PLAN.splitlines()[0], ""), [PEBC]),
        (KEYS.replace(SOC, ""), [PEBC]),
        (KEYS.replace(SOC, "") + "arrival_soc: 30 %\n", [FRBC, PEBC]),
    ):
        stage = Planned(keys)
        stage.reads()
        stage.negotiated()
        assert list(stage.offered()) == offered


def test_a_session_without_an_order_does_not_charge() -> None:
    assert selected().limit_a == 0.0


def test_a_car_that_comes_is_described_and_one_that_goes_is_described_away() -> None:
    stage = Planned(BOTH, relay=1)
    stage.is_plugged = False
    first = stage.session(FRBC)
    assert [each[0] for each in modes(first)] == ["off"]
    assert of_type(frbc.StorageStatus, first)[-1].present_fill_level == 0.0
    assert of_type(frbc.SystemDescription, first)[-1].storage.fill_level_label == "no car connected"
    stage.lives(302)
    stage.is_plugged = True
    came = stage.reads()
    assert [type(each).__name__ for each in said(came)][:3] == ["StorageStatus", "SystemDescription", "StorageStatus"]
    assert modes(came) == [
        ("charge on 3 phases (factor 1 is full current)", 4140.0, 11040.0, "ELECTRIC.POWER.3_PHASE_SYMMETRIC"),
        ("charge on 1 phase (factor 1 is full current)", 1380.0, 3680.0, "ELECTRIC.POWER.L1"),
        ("off", 0.0, 0.0, "ELECTRIC.POWER.3_PHASE_SYMMETRIC"),
    ]
    stage.is_plugged = False
    gone = stage.lives(14)
    assert [each[0] for each in modes(gone)] == ["off"]
    told = [type(each).__name__ for each in said(gone) if type(each).__module__.endswith("frbc")]
    first = told.index("FillLevelTargetProfile")
    assert told[first : first + 4] == ["FillLevelTargetProfile", "StorageStatus", "SystemDescription", "StorageStatus"]
    assert told[-1] == "FillLevelTargetProfile"


def test_the_target_is_what_the_car_leaves_with() -> None:
    stage = Planned()
    (profile,) = of_type(frbc.FillLevelTargetProfile, stage.session(FRBC))
    assert profile.start_time == EVENING
    assert [
        (each.duration, each.fill_level_range.start_of_range, each.fill_level_range.end_of_range)
        for each in profile.elements
    ] == [(46_800_000, 0.0, 90.0), (900_000, 80.0, 90.0)]


@pytest.mark.parametrize(
    ("keys", "learnt_w", "latest"),
    [
        (KEYS.replace("60 kWh", "60 kWh, phases: 3"), None, datetime(2026, 12, 1, 4, 5, 35, tzinfo=UTC)),
        (KEYS, 7360.0, datetime(2026, 12, 1, 2, 45, 52, tzinfo=UTC)),
        (KEYS, None, datetime(2026, 11, 30, 22, 46, 44, tzinfo=UTC)),
    ],
)
def test_the_latest_start_supposes_no_phases_that_were_not_seen(
    keys: str, learnt_w: float | None, latest: datetime
) -> None:
    stage = Planned(keys)
    stage.wants = False
    stage.reads()
    model: Any = stage.resource
    if learnt_w:
        model.car.learnt.phases = 2
        model.car.learnt.learn_most(learnt_w / 2)
    assert abs(model.latest_start - latest) < timedelta(seconds=1)


def test_a_car_of_unknown_phases_is_supposed_to_take_on_one_what_the_station_gives_on_each() -> None:
    stage = Planned(KEYS.replace("max_current: 16 A", "max_current: 32 A\nmin_current: 25 A"))
    stage.wants = False
    stage.session(FRBC)
    model: Any = stage.resource
    # 24 kWh into the battery, by 7360 W.
    assert model.latest_start == datetime(2026, 12, 1, 7, tzinfo=UTC) - timedelta(
        hours=1.1 * 24_000 / 0.9 / 7360, minutes=15
    )


def test_a_station_that_can_give_nothing_on_the_phase_it_is_on_has_no_latest_start() -> None:
    keys = KEYS.replace("max_current: 16 A", "max_current: 32 A\nmin_current: 25 A")
    stage = Planned(keys.replace("points:\n", "points:\n  phase_count: {register: 4, access: read_write}\n"), relay=1)
    stage.wants = False
    assert modes(stage.session(FRBC)) == [("off", 0.0, 0.0, "ELECTRIC.POWER.3_PHASE_SYMMETRIC")]
    model: Any = stage.resource
    assert model.latest_start is None


def test_a_charge_becomes_the_nearest_ampere_after_its_phases_were_changed() -> None:
    stage = selected(BOTH + "", relay=1)
    stage.voltage_v = 231.333
    effects = stage.orders("go", stage.mode(3), 0.5)
    effects += stage.lives(60)
    assert [value for _, point, value in stage.written if point == "phase_count"] == [3]
    assert stage.limit_a == 11.0
    assert statuses(effects) == [("go", "ACCEPTED"), ("go", "STARTED"), ("go", "SUCCEEDED")]
    assert of_type(frbc.ActuatorStatus, effects)[-1].operation_mode_factor == pytest.approx(0.5064, abs=1e-4)
    started = of_type(frbc.TimerStatus, effects)
    assert len({each.timer_id for each in started}) == 2


def test_an_order_to_other_phases_that_are_not_had_is_aborted_and_they_are_tried_but_once() -> None:
    stage = selected(BOTH, relay=1)
    stage.is_relay_stuck = True
    effects = [*stage.orders("go", stage.mode(3)), *stage.lives(5 * MINUTE)]
    assert statuses(effects) == [("go", "ACCEPTED"), ("go", "STARTED"), ("go", "ABORTED")]
    assert [each[1:] for each in stage.written] == [
        ("current_limit", 0.0),
        ("phase_count", 3),
        ("current_limit", 6.0),
    ]


def test_phases_are_not_changed_back_before_their_time() -> None:
    stage = selected(BOTH, relay=1)
    stage.orders("go", stage.mode(3), 0.5)
    stage.lives(328)
    assert statuses(stage.orders("soon", stage.mode(1))) == [("soon", "REJECTED")]
    stage.lives(272)
    effects = [*stage.orders("back", stage.mode(1)), *stage.lives(80)]
    assert statuses(effects) == [("back", "ACCEPTED"), ("back", "STARTED"), ("back", "SUCCEEDED")]
    assert (stage.relay, stage.limit_a) == (1, 16.0)
    measured = of_type(PowerMeasurement, effects)[-1]
    assert [(each.commodity_quantity.value[-2:], each.value) for each in measured.values] == [
        ("L1", 3680.0),
        ("L2", 0.0),
        ("L3", 0.0),
    ]


def test_phases_are_told_as_the_house_has_them() -> None:
    stage = selected(BOTH + "phase_rotation: L2 L3 L1\n", relay=1)
    described = [mode.elements[0].power_ranges[0] for mode in stage.control._resource.actuators()[0].operation_modes]
    assert [each.commodity_quantity.value for each in described] == [
        "ELECTRIC.POWER.3_PHASE_SYMMETRIC",
        "ELECTRIC.POWER.L2",
        "ELECTRIC.POWER.3_PHASE_SYMMETRIC",
    ]
    effects = [*stage.orders("one", stage.mode(1)), *stage.lives(80)]
    measured = of_type(PowerMeasurement, effects)[-1]
    assert {each.commodity_quantity.value[-2:]: each.value for each in measured.values} == {
        "L1": 0.0,
        "L2": 3680.0,
        "L3": 0.0,
    }


def test_the_only_phase_is_that_of_the_house() -> None:
    stage = selected(POINTS + SOC + PLAN + "phases: 1\nphase_rotation: L3 L1 L2\n", relay=1)
    effects = [*stage.orders("go", stage.mode(1)), *stage.lives(80)]
    (measured,) = of_type(PowerMeasurement, effects)[-1].values
    assert (measured.commodity_quantity.value, measured.value) == ("ELECTRIC.POWER.L3", 3680.0)
    limited = Planned(POINTS + "phases: 1\nphase_rotation: L3 L1 L2\n")
    (constraints,) = of_type(PowerConstraints, limited.session(PEBC))
    ranges = constraints.allowed_limit_ranges
    assert {each.commodity_quantity.value for each in ranges} == {"ELECTRIC.POWER.L3"}


def test_phases_by_a_detour_over_off_wait_as_well() -> None:
    stage = selected(BOTH, relay=1)
    stage.orders("go", stage.mode(3))
    stage.lives(310)
    stage.orders("stop", stage.off)
    stage.lives(70)
    assert statuses(stage.orders("detour", stage.mode(1))) == [("detour", "REJECTED")]


@pytest.mark.parametrize(
    ("phases", "described", "half_a"),
    [
        (1, (1380.0, 3680.0, "ELECTRIC.POWER.L1"), 11.0),
        (2, (2760.0, 7360.0, "ELECTRIC.POWER.3_PHASE_SYMMETRIC"), 11.0),
    ],
)
def test_a_car_of_fewer_phases_is_described_as_it_is_and_offered_what_it_was(
    phases: int, described: tuple[float, float, str], half_a: float
) -> None:
    stage = selected()
    before = stage.mode(3)
    stage.car_phases = phases
    effects = [*stage.orders("go", stage.mode(3)), *stage.lives(90)]
    assert statuses(effects)[-1] == ("go", "SUCCEEDED")
    assert modes(effects)[0][1:] == described
    assert (stage.limit_a, stage.mode(3)) == (16.0, before)
    stage.lives(5 * MINUTE)
    effects = [*stage.orders("half", stage.mode(3), 0.5), *stage.lives(10)]
    assert statuses(effects)[-1] == ("half", "SUCCEEDED")
    assert stage.limit_a == half_a


def test_a_car_that_takes_less_is_the_limit_and_its_range_ends_there() -> None:
    stage = selected()
    stage.car_a = 10.0
    effects = [*stage.orders("go", stage.mode(3)), *stage.lives(90)]
    assert statuses(effects)[-1] == ("go", "SUCCEEDED")
    assert modes(effects)[0][1:3] == (4140.0, 6900.0)
    assert stage.limit_a == 16.0


def test_a_charger_that_gives_less_by_itself_teaches_nothing() -> None:
    stage = selected(KEYS.replace(SOC, SOC + "  current_offered: {register: 20, unit: A}\n"))
    stage.car_a = 10.0
    stage.extra["current_offered"] = 10.0
    effects = [*stage.orders("go", stage.mode(3)), *stage.lives(90)]
    assert statuses(effects)[-1] == ("go", "ABORTED")
    assert of_type(frbc.SystemDescription, effects) == []
    assert stage.limit_a == 16.0


def test_a_stop_waits_for_its_timer_unless_something_is_abnormal() -> None:
    stage = charging()
    assert statuses(stage.orders("stop", stage.off)) == [("stop", "REJECTED")]
    effects = [*stage.orders("shed", stage.off, is_abnormal=True), *stage.lives(4)]
    assert statuses(effects) == [("shed", "ACCEPTED"), ("shed", "STARTED"), ("shed", "SUCCEEDED")]
    assert statuses(stage.orders("again", stage.mode(3), is_abnormal=True)) == [("again", "REJECTED")]


def test_it_stops_by_itself_at_its_limit() -> None:
    stage = charging(soc=89.5)
    effects = stage.lives(10 * MINUTE)
    assert stage.limit_a == 0.0
    assert [each[0] for each in modes(effects)] == ["off"]
    assert of_type(frbc.SystemDescription, effects)[-1].storage.fill_level_label == "full"


@pytest.mark.parametrize(
    ("soc", "last_a", "is_full"),
    [
        (60.0, 2.0, True),  # it took less and less
        (89.3, 16.0, True),  # it stops a little sooner than it is told to
        (60.0, 16.0, False),  # it may have been its owner
    ],
)
def test_a_car_that_stops_by_itself_is_full_after_5_min_if_it_was_about_to_be(
    soc: float, last_a: float, is_full: bool
) -> None:
    stage = charging(soc=soc)
    stage.car_a = last_a
    stage.lives(10)
    stage.wants = False
    stage.car_soc = soc
    stage.lives(4 * MINUTE)
    effects = stage.lives(2 * MINUTE)
    described = [each for each in stage.said if isinstance(each, frbc.SystemDescription)][-1]
    assert (described.storage.fill_level_label == "full") is is_full
    assert (len(described.actuators[0].operation_modes) == 1) is is_full
    assert bool(of_type(frbc.SystemDescription, effects)) is is_full


def test_a_car_is_not_paused_before_it_has_charged_for_a_while_unless_that_is_abnormal() -> None:
    keys = KEYS.replace("60 kWh", "60 kWh, first_charge: 15 min") + "timers: {on: 0 s}\n"
    stage = charging(keys)
    stage.lives(12 * MINUTE)
    assert statuses(stage.orders("stop", stage.off)) == [("stop", "REJECTED")]
    stage.lives(2 * MINUTE)
    assert statuses([*stage.orders("again", stage.off), *stage.lives(4)])[-1] == ("again", "SUCCEEDED")
    other = charging(keys)
    assert statuses([*other.orders("shed", other.off, is_abnormal=True), *other.lives(4)])[-1] == ("shed", "SUCCEEDED")


@pytest.mark.parametrize(("limit_soc", "ends"), [(50.0, (20.0, 50.0)), (10.0, (10.0, 10.0)), (0.0, (0.0, 0.0))])
def test_a_car_that_limits_itself_is_described_up_to_there(limit_soc: float, ends: tuple[float, float]) -> None:
    stage = Planned(KEYS.replace(SOC, SOC + '  vehicle_soc_limit: {register: 8, unit: "%"}\n') + "min_soc: 20 %\n")
    stage.extra["vehicle_soc_limit"] = limit_soc
    stage.wants = False
    first = stage.session(FRBC)
    described = of_type(frbc.SystemDescription, first)[-1].storage.fill_level_range
    assert (described.start_of_range, described.end_of_range) == ends
    target = of_type(frbc.FillLevelTargetProfile, first)[-1].elements[-1].fill_level_range
    assert (target.start_of_range, target.end_of_range) == (limit_soc, limit_soc)


def test_a_car_that_is_unplugged_ends_its_order_and_nothing_is_given_to_the_next() -> None:
    stage = selected()
    stage.orders("go", stage.mode(3))
    stage.lives(2)
    stage.is_plugged = False
    assert statuses(stage.lives(14)) == [("go", "ABORTED")]
    assert stage.limit_a == 0.0


def test_a_station_that_shows_no_car_for_a_moment_ends_nothing() -> None:
    stage = charging()
    stage.extra["status"] = "A"
    effects = stage.lives(6)
    stage.extra.pop("status")
    effects += stage.lives(10)
    assert statuses(effects) == []
    assert of_type(frbc.SystemDescription, effects) == []
    assert stage.limit_a == 16.0


def test_a_car_is_the_limit_once_it_took_the_same_for_a_minute() -> None:
    stage = selected()
    stage.car_a = 10.0
    stage.orders("go", stage.mode(3))
    assert statuses(stage.lives(56)) == []
    assert statuses(stage.lives(12)) == [("go", "SUCCEEDED")]


def test_without_the_word_of_the_car_its_charge_is_counted() -> None:
    stage = Planned(KEYS.replace(SOC, SOC + "  session_energy: {register: 30, unit: Wh}\n"))
    stage.extra["session_energy"] = 0.0
    stage.wants = False
    stage.session(FRBC)
    stage.lives(302)
    stage.car_soc = None
    stage.extra["session_energy"] = 5000.0
    effects = stage.lives(4)
    assert of_type(frbc.StorageStatus, effects)[-1].present_fill_level == pytest.approx(47.5)
    label = of_type(frbc.SystemDescription, effects)[-1].storage.fill_level_label
    assert label == "state of charge of the car, % (estimated)"


def test_another_car_that_nobody_saw_come_is_another() -> None:
    keys = KEYS.replace(SOC, "  session_energy: {register: 30, unit: Wh}\n") + "arrival_soc: 30 %\n"
    stage = Planned(keys)
    stage.wants, stage.extra["session_energy"] = False, 0.0
    stage.session(FRBC)
    stage.extra["session_energy"] = 6000.0
    effects = stage.lives(4)
    assert of_type(frbc.StorageStatus, effects)[-1].present_fill_level == pytest.approx(39.0, abs=0.1)
    stage.extra["session_energy"] = 0.0
    assert of_type(frbc.StorageStatus, stage.lives(4))[-1].present_fill_level == 30.0


def test_a_card_that_is_waited_for_is_described() -> None:
    stage = Planned(KEYS.replace(SOC, SOC + "  authorised: {register: 8}\n"))
    stage.wants, stage.extra["authorised"] = False, False
    first = stage.session(FRBC)
    assert [each[0] for each in modes(first)] == ["off"]
    assert of_type(frbc.SystemDescription, first)[-1].storage.fill_level_label == "waiting for authorisation"
    stage.lives(450)
    stage.extra["authorised"] = True
    effects = stage.lives(2)
    assert [each[0] for each in modes(effects)] == ["charge (factor 1 is full current)", "off"]
    profile = of_type(frbc.FillLevelTargetProfile, effects)[-1]
    assert [each.duration for each in profile.elements] == [46_348_000, 900_000]


def test_a_car_that_sleeps_is_woken_then_refuses_and_is_back_when_it_charges() -> None:
    stage = selected(KEYS.replace(SOC, SOC + "  wake: {register: 8, access: write}\n"), soc=60.0)
    stage.wants = False
    stage.orders("go", stage.mode(3))
    ordered_at = stage.elapsed_s
    effects = stage.lives(298)
    assert statuses(effects) == []
    woken = [at - ordered_at for at, point, _ in stage.written if point == "wake"]
    assert woken == [pytest.approx(30 * number, abs=2) for number in range(1, 7)]
    effects = stage.lives(6)
    assert statuses(effects) == [("go", "ABORTED")]
    assert [each[0] for each in modes(effects)] == ["off"]
    assert of_type(frbc.SystemDescription, effects)[-1].storage.fill_level_label == "the car does not charge"
    assert of_type(frbc.StorageStatus, effects)[-1].present_fill_level == 60.0
    assert stage.limit_a == 6.0
    what = "the car does not charge, though it may and is not full"
    assert Note(Level.ERROR, "resource.troubled", {"what": what}) in effects
    assert stage.resource_manager.troubles == (what,)
    assert "resource.troubled" not in notes(stage.lives(25 * MINUTE))
    stage.wants = True
    effects = stage.lives(4)
    assert Note(Level.INFO, "resource.relieved", {"what": what}) in effects
    assert [each[0] for each in modes(effects)] == ["charge (factor 1 is full current)", "off"]
    status = of_type(frbc.ActuatorStatus, effects)[-1]
    assert (status.active_operation_mode_id, status.operation_mode_factor) == (stage.mode(3), 0.0)


def test_of_a_car_of_which_nobody_knows_how_full_it_is_nobody_is_told_that_it_does_not_charge() -> None:
    stage = EvStage()
    stage.session(PEBC)
    stage.wants = False
    stage.ordered("stop", (3600, 0, 0))
    stage.lives(2 * MINUTE)
    stage.ordered("go", (3600, 0, 11040))
    assert "resource.troubled" not in notes(stage.lives(20 * MINUTE))


def test_from_the_latest_start_on_it_charges_whatever_is_ordered() -> None:
    stage = selected(KEYS.replace("60 kWh", "60 kWh, phases: 3"), at=datetime(2026, 12, 1, 3, 50, tzinfo=UTC))
    stage.orders("off", stage.off)
    assert statuses(stage.lives(9 * MINUTE)) == [("off", "SUCCEEDED")]
    effects = stage.lives(8 * MINUTE)
    assert statuses(effects) == [("off", "ABORTED")]
    assert stage.limit_a == 16.0
    assert statuses(stage.orders("no", stage.off)) == [("no", "REJECTED")]
    shed = [*stage.orders("shed", stage.off, is_abnormal=True), *stage.lives(10 * MINUTE)]
    assert statuses(shed) == [("shed", "ACCEPTED"), ("shed", "STARTED"), ("shed", "SUCCEEDED")]
    assert stage.limit_a == 0.0


def test_from_the_latest_start_on_no_limit_that_stops_it_is_accepted_unless_that_is_abnormal() -> None:
    stage = Planned(KEYS.replace("60 kWh", "60 kWh, phases: 3"), at=datetime(2026, 12, 1, 4, 20, tzinfo=UTC))
    stage.session(PEBC)
    stage.lives(MINUTE)
    assert statuses(stage.ordered("off", (3600, 0, 0)))[:1] == [("off", "REJECTED")]
    assert statuses(stage.ordered("gap", (3600, 0, 3000)))[:1] == [("gap", "REJECTED")]
    assert stage.limit_a != 0
    assert statuses(stage.ordered("slow", (3600, 0, 5000)))[:1] == [("slow", "ACCEPTED")]
    assert statuses(stage.ordered("shed", (3600, 0, 3000), is_abnormal=True))[:1] == [("shed", "ACCEPTED")]
    assert stage.limit_a == 0


def test_a_car_that_refuses_is_woken_again_at_its_latest_start() -> None:
    keys = KEYS.replace("60 kWh", "60 kWh, phases: 3").replace(SOC, SOC + "  wake: {register: 8, access: write}\n")
    stage = selected(keys, at=datetime(2026, 12, 1, 3, 50, tzinfo=UTC))
    stage.wants = False
    stage.orders("go", stage.mode(3))
    stage.lives(15 * MINUTE)
    ordered_at, latest_s = stage.elapsed_s - 15 * MINUTE, 935.0
    stage.written.clear()
    stage.lives(10 * MINUTE)
    woken = [at - ordered_at - latest_s for at, point, _ in stage.written if point == "wake"]
    assert woken == [pytest.approx(30.0 * number, abs=3) for number in range(1, 7)]


def test_the_target_is_reached_whatever_is_ordered() -> None:
    stage = selected(KEYS, at=EVENING, soc=60.0)
    stage.lives(12.95 * HOUR, every_s=20)
    assert stage.car_soc is not None
    assert stage.car_soc >= 80.0


def test_below_its_least_it_is_charged_at_once_and_no_further() -> None:
    stage = selected(KEYS + "min_soc: 20 %\n", soc=19.5)
    assert stage.limit_a == 16.0
    stage.lives(10 * MINUTE)
    assert stage.limit_a == 0.0
    assert stage.car_soc == pytest.approx(21.0, abs=0.2)


def test_a_cem_that_is_lost_leaves_what_is_safe_though_it_would_miss_its_departure() -> None:
    stage = charging(KEYS.replace("60 kWh", "60 kWh, phases: 3"), at=datetime(2026, 12, 1, 3, 50, tzinfo=UTC))
    stage.left()
    stage.lives(HOUR, every_s=10)
    assert stage.limit_a == 6.0


def test_a_guest_is_limited_and_nothing_more() -> None:
    keys = KEYS.replace("name: Our car", "name: Our car, id: AA")
    stage = Planned(keys.replace(SOC, SOC + "  car_id: {register: 9}\n"))
    stage.extra["car_id"] = "BB"
    stage.reads()
    stage.negotiated()
    assert list(stage.offered()) == [ControlType.POWER_ENVELOPE_BASED_CONTROL]


def test_a_car_that_must_not_be_woken_is_not() -> None:
    keys = KEYS.replace("60 kWh", "60 kWh, wake: no").replace(SOC, SOC + "  wake: {register: 8, access: write}\n")
    stage = selected(keys)
    stage.wants = False
    stage.orders("go", stage.mode(3))
    assert statuses(stage.lives(310)) == [("go", "ABORTED")]
    assert [point for _, point, _ in stage.written if point == "wake"] == []


@pytest.mark.parametrize(("least", "amperes"), [("", 6.0), (", min_current: 8 A", 8.0)])
def test_a_car_that_is_never_paused_has_no_off(least: str, amperes: float) -> None:
    stage = Planned(KEYS.replace("60 kWh", f"60 kWh, pause: never{least}"))
    assert [each[:2] for each in modes(stage.session(FRBC))] == [("charge (factor 1 is full current)", amperes * 690)]
    stage.lives(302)
    assert stage.limit_a == amperes


def test_a_margin_keeps_the_very_ends_inside_what_is_told_and_moves_no_target() -> None:
    stage = selected(KEYS + "fill_level_margin: 1 %\n", soc=90.0)
    description = [each for each in stage.said if isinstance(each, frbc.SystemDescription)][-1]
    (off,) = description.actuators[0].operation_modes
    ranges = (description.storage.fill_level_range, off.elements[0].fill_level_range)
    assert [(each.start_of_range, each.end_of_range) for each in ranges] == [(-1.0, 91.0), (-1.0, 101.0)]
    level = [each for each in stage.said if isinstance(each, frbc.StorageStatus)][-1]
    assert (level.present_fill_level, description.storage.fill_level_label) == (90.0, "full")
    target = [each for each in stage.said if isinstance(each, frbc.FillLevelTargetProfile)][-1]
    assert [(each.fill_level_range.start_of_range, each.fill_level_range.end_of_range) for each in target.elements] == [
        (-1.0, 91.0),
        (80.0, 90.0),
    ]


LEAVES = "  departure: {register: 8, type: uint32, unit: s}\n"
SAID = POINTS + SOC + LEAVES + PLAN.replace('departure: "08:00"\n', "")


def told_departures(stage: Planned, effects: list[Effect]) -> list[datetime]:
    """When the targets say that the car leaves."""
    targets = of_type(frbc.FillLevelTargetProfile, effects)
    return [
        each.start_time + timedelta(milliseconds=each.elements[0].duration)
        for each in targets
        if len(each.elements) == 2
    ]


def leaving(keys: str = SAID, **said: Any) -> Planned:
    stage = Planned(keys)
    stage.wants = False
    stage.extra |= said
    return stage


def test_a_departure_that_is_counted_down_is_one_and_is_told_anew_when_it_moves() -> None:
    stage = leaving(departure=8 * HOUR)
    first = stage.session(FRBC)
    at = EVENING + timedelta(hours=8)
    assert told_departures(stage, first) == [at]
    model: Any = stage.resource
    assert KIND.out_of_reach(model.settings, model.abilities) == {}
    assert [*KIND.advice(model.settings, model.abilities)] == []
    for left_h in (7.99, 7.98, 7.97):
        stage.extra["departure"] = left_h * HOUR
        assert told_departures(stage, stage.lives(36)) == []
    stage.extra["departure"] = 5 * HOUR
    (sooner,) = told_departures(stage, stage.lives(2))
    assert abs(sooner - (EVENING + timedelta(hours=5, seconds=110))) < timedelta(seconds=2)


def test_a_departure_may_be_a_unix_time() -> None:
    at = datetime(2026, 12, 1, 5, 30, tzinfo=UTC)
    stage = leaving(departure=at.timestamp())
    assert told_departures(stage, stage.session(FRBC)) == [at]


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-12-01T05:30:00Z", datetime(2026, 12, 1, 5, 30, tzinfo=UTC)),
        ("2026-12-01 06:30:00+01:00", datetime(2026, 12, 1, 5, 30, tzinfo=UTC)),
        ("2026-12-01T06:30", datetime(2026, 12, 1, 5, 30, tzinfo=UTC)),
    ],
)
def test_a_departure_may_be_text_by_the_clock_on_the_wall_if_it_says_no_other(said: str, at: datetime) -> None:
    stage = leaving(
        SAID.replace("register: 8, type: uint32, unit: s", 'register: 8, type: "string[13]"'), departure=said
    )
    assert told_departures(stage, stage.session(FRBC)) == [at]


@pytest.mark.parametrize(
    "said",
    [
        *(0.0, -1e300, float("nan"), 1e300, datetime(2026, 11, 30, 17, tzinfo=UTC).timestamp(), 40 * 24 * HOUR, None),
        *("", "tomorrow", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-30T17:00:00Z"),
    ],
)
def test_a_departure_that_cannot_be_is_none_and_the_usual_one_holds(said: Any) -> None:
    usual = [datetime(2026, 12, 1, 7, tzinfo=UTC)]
    stage = leaving(SAID + 'departure: "08:00"\n', departure=said)
    assert told_departures(stage, stage.session(FRBC)) == usual
    stage.extra["departure"] = 3 * HOUR
    assert told_departures(stage, stage.lives(2)) == [stage.now.utc + timedelta(hours=3)]
    stage.extra["departure"] = said
    assert told_departures(stage, stage.lives(2)) == usual


def test_a_car_that_is_there_without_a_departure_is_only_limited_and_one_that_is_away_may_come_with_one() -> None:
    stage = leaving(departure=None)
    stage.is_plugged = False
    stage.session(FRBC)
    assert stage.offered() == (FRBC, PEBC)
    stage.is_plugged = True
    stage.lives(6 * MINUTE)
    assert stage.resource.control_types() == (PEBC,)
    stage.extra["departure"] = 3 * HOUR
    stage.lives(MINUTE)
    assert stage.resource.control_types() == (FRBC, PEBC)


def test_it_is_charged_in_time_for_what_a_point_says() -> None:
    stage = leaving(SAID.replace("60 kWh", "60 kWh, phases: 3"), departure=2 * HOUR)
    stage.session(FRBC)
    stage.wants = True
    stage.lives(310)
    assert stage.limit_a == 16.0  # 26.7 kWh take more than two hours


def test_a_car_that_was_started_often_is_so_after_a_restart_until_it_has_gone() -> None:
    stage = charging(KEYS + "max_starts: 1\n")
    least_on = [
        each.duration
        for each in stage.control._resource.actuators()[0].timers
        if each.diagnostic_label == "least time on"
    ]
    assert least_on == [1_800_000]
    stage.orders("stop", stage.off, is_abnormal=True)
    stage.lives(10 * MINUTE)
    stage.restarted(after_s=60)
    stage.session(FRBC)
    model: Any = stage.resource
    assert model.plug_in.starts == 1
    stage.is_plugged = False
    stage.lives(11 * MINUTE)
    stage.restarted(after_s=60)
    stage.is_plugged, stage.wants = True, False
    stage.session(FRBC)
    model = stage.resource
    assert model.plug_in.starts == 0

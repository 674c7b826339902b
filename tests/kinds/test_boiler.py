"""A boiler by FRBC: its element heats water or rests, which stays warm and never gets too hot, whatever is ordered."""

from typing import Any

import pytest

from s2d.errors import ConfigError
from s2d.events import Lost, Measured
from s2d.rm.kinds.load import KIND
from s2d.s2.effects import Effect, Started, Stopping, WishDropped, Wished
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import CONTROL_TYPES, ControlType, ReceptionStatus, ReceptionStatusValues
from s2d.values import Quality, Reading

from ..core.stage import applied, notes, said
from .heated_stage import DAY, HOUR, MINUTE, HeatedStage
from .stage import FRBC, OMBC, PEBC, KindStage, statuses

SWITCHED = """
kind: load
power: 2 kW
thermostat: false
volume: 120 l
comfort: 50 °C .. 60 °C
standing_losses: 40 W at 55 °C
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  "on": {register: 3, access: read_write}
  heat_now: {register: 5, table: discrete}
"""
OWN = SWITCHED.replace("thermostat: false", "thermostat: true")
LIMITED = """
kind: load
power: 500 W .. 3 kW
volume: 120 l
comfort: 50 °C .. 60 °C
points:
  temperature: {register: 1, type: int16, scale: 0.1, unit: "°C"}
  power: {register: 2, unit: W}
  power_limit: {register: 3, unit: W, access: write}
"""
ELEMENT_W = 1985.0


class Boiler(HeatedStage):
    """A boiler behind a relay, which takes what its element takes while its thermostat lets it."""

    is_closed = True
    """Its thermostat."""

    def __init__(self, keys: str = SWITCHED, **read: Any) -> None:
        super().__init__(keys, **({"temperature": 53.0, "power": 0.0, "on": False} | read))

    def does(self, effects: list[Effect]) -> list[Effect]:
        lived = super().does(effects)
        if "on" in self.read:
            self.read["power"] = ELEMENT_W if self.read["on"] and self.is_closed else 0.0
        return lived


def limited(keys: str = LIMITED, **read: Any) -> HeatedStage:
    return HeatedStage(keys, **({"temperature": 53.0, "power": 0.0} | read))


def test_it_is_described_as_water_that_all_of_its_power_heats() -> None:
    boiler = Boiler()
    heat, rest = boiler.description.actuators[0].operation_modes
    (element,), (resting,) = heat.elements, rest.elements
    assert element.fill_rate.start_of_range == element.fill_rate.end_of_range == pytest.approx(2000 / 502_800)
    assert [(each.start_of_range, each.end_of_range) for each in element.power_ranges] == [(2000.0, 2000.0)]
    assert (element.fill_level_range.start_of_range, element.fill_level_range.end_of_range) == (5.0, 60.0)
    assert (resting.fill_level_range.start_of_range, resting.fill_level_range.end_of_range) == (50.0, 95.0)
    assert boiler.description.storage.fill_level_label == "temperature of the hot water, °C"
    assert boiler.offered() == (FRBC, OMBC)


def test_it_heats_and_rests_as_ordered_and_neither_for_less_than_its_least_time() -> None:
    boiler = Boiler()
    boiler.order("heat", "heat")
    assert statuses(boiler.lives()) == [("heat", "SUCCEEDED")]
    assert (boiler.told, boiler.activity) == ([("on", True)], "heat")
    assert statuses(boiler.order("early", "rest")) == [("early", "REJECTED")]
    boiler.lives(10 * MINUTE - 10.0)
    boiler.order("rest", "rest")
    assert statuses(boiler.lives()) == [("rest", "SUCCEEDED")]
    assert (boiler.told[1:], boiler.activity) == ([("on", False)], "rest")
    assert statuses(boiler.order("soon", "heat", abnormal_condition=True)) == [("soon", "REJECTED")]
    boiler.lives(5 * MINUTE - 10.0)
    assert statuses(boiler.order("again", "heat"))[:2] == [("again", "ACCEPTED"), ("again", "STARTED")]


def test_under_abnormal_conditions_it_rests_at_once_and_below_its_band_for_two_hours() -> None:
    boiler = Boiler()
    boiler.order("heat", "heat")
    boiler.lives()
    assert statuses(boiler.order("shed", "rest", abnormal_condition=True))[0] == ("shed", "ACCEPTED")
    boiler.told.clear()
    boiler.lives(2 * HOUR - 10.0, 60.0, temperature=45.0)
    assert boiler.told == []
    boiler.lives(20.0)
    assert boiler.told == [("on", True)]


def test_an_element_that_does_not_heat_is_told_so() -> None:
    """Its cut-out has tripped: it is on, and takes nothing."""
    boiler = Boiler()
    boiler.is_closed = False
    boiler.order("heat", "heat")
    assert statuses(boiler.lives(50.0)) == []
    assert statuses(boiler.lives(20.0)) == [("heat", "ABORTED")]
    assert boiler.activity == "rest"


def test_what_is_full_is_switched_off_once_it_has_run_and_at_once_where_it_is_too_hot() -> None:
    for temperature, after_s in ((60.0, 10 * MINUTE), (63.0, 20.0)):
        boiler = Boiler()
        boiler.order("heat", "heat")
        boiler.lives()
        boiler.lives(after_s - 20.0, temperature=temperature)
        assert boiler.told == [("on", True)]
        boiler.lives(10.0)
        assert boiler.told[1:] == [("on", False)]


def test_what_is_too_cold_is_heated_to_2_k_more_whoever_is_in_charge() -> None:
    boiler = Boiler()
    boiler.left()
    boiler.lives(HOUR, 60.0)
    boiler.told.clear()
    lived = boiler.lives(temperature=49.9)
    assert boiler.told == [("on", True)]
    lived += boiler.lives(HOUR, 60.0, temperature=51.9)
    assert len(boiler.told) == 1
    lived += boiler.lives(temperature=52.0)
    assert boiler.told[1:] == [("on", False)]
    # That is no news to its owner, as no order was overruled.
    assert "resource.protected" not in notes(lived)


def test_what_was_just_switched_off_is_not_switched_on_again_before_that_is_read() -> None:
    boiler = Boiler()
    boiler.does(boiler.selects(OMBC))
    boiler.lives(20 * MINUTE, 60.0, temperature=49.0)
    boiler.lives(temperature=52.0)
    assert boiler.told[-1] == ("on", False)
    assert switch(boiler, "again", "on")[-1] == ("again", "REJECTED")


def test_that_an_order_was_overruled_is_told_to_its_owner() -> None:
    boiler = Boiler()
    boiler.order("rest", "rest")
    boiler.lives()
    lived = boiler.lives(temperature=49.9)
    assert statuses(lived) == [("rest", "ABORTED")]
    assert notes(lived).count("resource.protected") == 1


def test_what_somebody_else_has_switched_on_is_switched_off_where_it_gets_too_hot() -> None:
    boiler = Boiler()
    boiler.left()
    boiler.lives(HOUR, 60.0)
    boiler.told.clear()
    boiler.read |= {"on": True, "power": ELEMENT_W}
    boiler.lives(HOUR, 60.0, temperature=62.9)
    assert boiler.told == []
    boiler.lives(temperature=63.0)
    assert boiler.told == [("on", False)]
    boiler.lives(temperature=63.0)
    boiler.read |= {"on": True, "power": ELEMENT_W}
    boiler.lives(temperature=63.5)
    assert boiler.told == [("on", False), ("on", False)]


def test_a_relay_that_is_stuck_is_told_once_that_it_is_too_hot() -> None:
    boiler = Boiler()
    boiler.left()
    boiler.lives(HOUR, 60.0)
    boiler.told.clear()
    del boiler.read["on"]
    for _ in range(10):
        boiler.does(boiler.measured(temperature=64.0, power=ELEMENT_W, on=True))
        boiler.does(boiler.after(10.0))
    assert boiler.told == [("on", False)]


def test_what_has_a_thermostat_is_left_to_that_though_it_makes_it_hotter_than_its_band() -> None:
    boiler = Boiler(OWN, on=True, power=ELEMENT_W)
    boiler.left()
    boiler.lives(HOUR, 60.0, temperature=64.0)
    assert ("on", False) not in boiler.told


def test_it_does_not_heat_above_its_band_nor_rest_below() -> None:
    boiler = Boiler(temperature=60.5)
    for mode, temperature in (("heat", 60.5), ("rest", 49.0)):
        boiler.lives(20.0, temperature=temperature)
        (refused,) = [each for each in said(boiler.order(mode, mode)) if isinstance(each, ReceptionStatus)]
        assert refused.status is ReceptionStatusValues.INVALID_CONTENT


@pytest.mark.parametrize("keys", [SWITCHED, SWITCHED.replace("thermostat: false\n", "")])
def test_it_is_off_as_soon_as_nobody_knows_how_hot_it_is(keys: str) -> None:
    boiler = Boiler(keys)
    boiler.order("heat", "heat")
    boiler.lives()
    boiler.told.clear()
    assert ("heat", "ABORTED") not in statuses(boiler.lives())
    lived = boiler.lives(temperature=None)
    assert boiler.told == [("on", False)]
    assert not any(isinstance(each, frbc.StorageStatus) for each in said(lived))
    assert statuses(boiler.order("again", "heat"))[-1] == ("again", "REJECTED")


@pytest.mark.parametrize(("keys", "wanted"), [(SWITCHED, False), (OWN, True)])
def test_what_does_not_answer_any_more_is_off_or_left_to_its_thermostat(keys: str, wanted: bool) -> None:
    boiler = Boiler(keys)
    boiler.holds_s = 40.0
    boiler.order("heat", "heat")
    boiler.lives()
    boiler.told.clear()
    boiler.does(boiler.on(Lost("no answer")))
    assert statuses(boiler.order("rest", "rest", abnormal_condition=True)) == [("rest", "REJECTED")]
    assert ("heat", "ABORTED") in statuses(boiler.does(boiler.after(40.0)))
    boiler.lives(3 * MINUTE)
    assert {*boiler.told} == {("on", wanted)}
    assert boiler.resource.is_at_rest


def test_a_reading_in_doubt_is_taken_for_the_worst() -> None:
    boiler = Boiler()
    boiler.order("heat", "heat")
    boiler.lives()
    boiler.told.clear()
    boiler.does(boiler.on(Measured((Reading("temperature", 63.0, Quality.DOUBTFUL, at=boiler.now.mono),))))
    assert boiler.told == [("on", False)]


def test_its_fault_ends_that_it_heats() -> None:
    boiler = Boiler(SWITCHED + "  fault: {register: 6}\n", fault=0)
    boiler.order("heat", "heat")
    boiler.lives()
    boiler.told.clear()
    boiler.lives(fault=1)
    assert boiler.told == [("on", False)]
    assert statuses(boiler.order("again", "heat"))[-1] == ("again", "REJECTED")


def test_once_a_week_it_gets_hot_by_who_switches_it() -> None:
    boiler = Boiler()
    boiler.lives(6 * DAY, 600.0)
    boiler.told.clear()
    while not boiler.told:
        boiler.lives(60.0, 60.0)
    # 13:00 in Amsterdam.
    assert (boiler.told, boiler.now.utc.hour) == ([("on", True)], 12)
    boiler.lives(30 * MINUTE, 60.0, temperature=61.0)
    assert len(boiler.told) == 1
    boiler.lives(MINUTE, 60.0)
    assert boiler.told[1:] == [("on", False)]


def test_it_is_not_made_hotter_than_hot_enough_once_a_week() -> None:
    boiler = Boiler()
    boiler.lives(6 * DAY, 600.0)
    boiler.told.clear()
    while not boiler.told:
        boiler.lives(60.0, 60.0)
    boiler.lives(60.0, 60.0, temperature=63.0)
    assert boiler.told[1:] == [("on", False)]


def test_its_owner_may_want_it_heated_now() -> None:
    boiler = Boiler()
    boiler.does(boiler.on(Wished(HOUR)))
    assert boiler.told == [("on", True)]
    assert statuses(boiler.order("rest", "rest")) == [("rest", "REJECTED")]
    boiler.lives(20 * MINUTE, 60.0)
    assert ("on", False) not in boiler.told
    boiler.does(boiler.on(WishDropped()))
    boiler.lives()
    assert boiler.told[-1] == ("on", False)


# With a thermostat of its own.


def test_with_a_thermostat_it_is_told_to_heat_though_that_would_not_start() -> None:
    boiler = Boiler(OWN, temperature=54.9)
    boiler.is_closed = False
    boiler.order("soon", "heat")
    assert statuses(boiler.lives(50.0)) == []
    assert statuses(boiler.lives(10.0, temperature=55.0)) == [("soon", "SUCCEEDED")]
    assert boiler.activity == "rest"
    boiler.is_closed = True
    boiler.lives(20.0, temperature=54.0)
    assert boiler.activity == "heat"


def test_its_relay_is_switched_no_sooner_though_its_thermostat_had_it_rest_before() -> None:
    boiler = Boiler(OWN, on=True, temperature=57.0)
    boiler.is_closed = False
    boiler.lives(HOUR, 60.0)
    assert (boiler.activity, boiler.read["on"]) == ("rest", True)
    boiler.order("rest", "rest")
    boiler.lives(5 * MINUTE - 20.0)
    assert statuses(boiler.order("soon", "heat"))[-1] == ("soon", "REJECTED")
    boiler.lives(20.0)
    assert statuses(boiler.order("again", "heat"))[:2] == [("again", "ACCEPTED"), ("again", "STARTED")]


def test_with_a_thermostat_it_is_left_to_that_when_its_cem_goes() -> None:
    boiler = Boiler(OWN)
    boiler.order("rest", "rest")
    boiler.lives(10 * MINUTE)
    boiler.left()
    boiler.told.clear()
    boiler.lives(5 * MINUTE - 10.0)
    assert boiler.told == []
    boiler.lives(130.0)
    assert boiler.told == [("on", True)]


def test_what_has_no_thermostat_is_off_when_its_cem_goes() -> None:
    boiler = Boiler()
    boiler.order("heat", "heat")
    boiler.lives()
    boiler.left()
    boiler.told.clear()
    boiler.lives(5 * MINUTE - 10.0)
    assert boiler.told == []
    boiler.lives(20.0)
    assert boiler.told == [("on", False)]


def test_at_the_stop_it_is_left_on_or_off_as_it_has_a_thermostat() -> None:
    for keys, ordered, wanted in ((OWN, "rest", True), (SWITCHED, "heat", False), (SWITCHED, "rest", False)):
        boiler = Boiler(keys)
        boiler.order(ordered, ordered)
        boiler.lives(20 * MINUTE)
        assert applied(boiler.on(Stopping())) == [("on", wanted)]


def test_at_the_stop_nothing_starts_too_soon() -> None:
    boiler = Boiler(OWN)
    boiler.order("heat", "heat")
    boiler.lives(10 * MINUTE)
    boiler.order("rest", "rest")
    boiler.lives()
    assert applied(boiler.on(Stopping())) == []


def test_what_was_shed_is_left_to_its_thermostat_two_hours_later_though_it_restarts() -> None:
    boiler = Boiler(OWN)
    boiler.order("heat", "heat")
    boiler.lives()
    boiler.order("shed", "rest", abnormal_condition=True)
    boiler.lives()
    boiler.restarted(after_s=600.0)
    boiler.on(Started())
    boiler.told.clear()
    boiler.lives(2 * HOUR - 640.0, 60.0)
    assert boiler.told == []
    boiler.lives(60.0)
    assert boiler.told == [("on", True)]


def test_with_a_thermostat_it_is_left_to_that_while_nobody_knows_how_hot_it_is() -> None:
    boiler = Boiler(OWN)
    boiler.order("rest", "rest")
    boiler.lives(10 * MINUTE)
    boiler.told.clear()
    assert statuses(boiler.lives(temperature=None)) == [("rest", "ABORTED")]
    boiler.lives(2 * MINUTE)
    assert boiler.told == [("on", True)]
    boiler.lives(5 * MINUTE)
    assert boiler.offered() == (OMBC,)


def test_from_the_sixth_day_on_its_thermostat_is_let_make_it_hot() -> None:
    boiler = Boiler(OWN)
    boiler.lives(6 * DAY, 600.0)
    while boiler.now.utc.hour != 12:
        boiler.lives(10 * MINUTE, 600.0)
    assert statuses(boiler.order("rest", "rest")) == [("rest", "REJECTED")]
    boiler.lives(2 * DAY, 600.0)
    assert boiler.resource.troubles
    boiler.lives(40 * MINUTE, temperature=60.0)
    assert boiler.resource.troubles == ()


# Switched, under OMBC.


def switch(boiler: Boiler, name: str, label: str, *, is_abnormal: bool = False) -> list[tuple[str, str]]:
    """What becomes of the order to be on or off."""
    machine = [each for each in boiler.said if isinstance(each, ombc.SystemDescription)][-1]
    (mode_id,) = [each.id for each in machine.operation_modes if each.diagnostic_label == label]
    order = ombc.Instruction(
        message_id=f"m-{name}",
        id=name,
        execution_time=boiler.now.utc,
        operation_mode_id=mode_id,
        operation_mode_factor=0.0,
        abnormal_condition=is_abnormal,
    )
    return statuses(boiler.does(boiler.hears(order)))


def test_its_water_is_kept_the_same_where_it_is_only_switched() -> None:
    boiler = Boiler()
    boiler.does(boiler.selects(OMBC))
    boiler.told.clear()
    assert switch(boiler, "on", "on") == [("on", "ACCEPTED"), ("on", "STARTED")]
    assert statuses(boiler.lives(5.0)) == [("on", "SUCCEEDED")]
    boiler.lives(temperature=63.0)
    assert boiler.told == [("on", True), ("on", False)]
    assert switch(boiler, "hot", "on")[-1] == ("hot", "REJECTED")
    boiler.lives(5 * MINUTE, temperature=49.0)
    assert boiler.told[2:] == [("on", True)]
    assert switch(boiler, "cold", "off")[-1] == ("cold", "REJECTED")


def test_an_order_to_switch_that_it_does_not_follow_is_given_up_in_time() -> None:
    boiler = Boiler()
    boiler.does(boiler.selects(OMBC))
    del boiler.read["on"]
    switch(boiler, "on", "on")
    assert statuses(boiler.lives(70.0)) == [("on", "ABORTED")]


# One that modulates.


def test_what_modulates_takes_the_power_that_is_ordered_and_no_more() -> None:
    boiler = limited()
    assert boiler.offered() == (FRBC,)
    (element,) = boiler.description.actuators[0].operation_modes[0].elements
    assert (element.power_ranges[0].start_of_range, element.power_ranges[0].end_of_range) == (500.0, 3000.0)
    boiler.order("half", "heat", 0.5)
    assert boiler.told == [("power_limit", 1750.0)]
    assert statuses(boiler.lives(power=1850.0)) == []
    assert statuses(boiler.lives(power=1740.0)) == [("half", "SUCCEEDED")]
    boiler.lives(10 * MINUTE)
    boiler.order("rest", "rest")
    assert statuses(boiler.lives(power=0.0)) == [("rest", "SUCCEEDED")]
    assert boiler.told[1:] == [("power_limit", 0.0)]


def test_what_can_take_nothing_as_well_heats_with_all_it_has() -> None:
    boiler = limited(LIMITED.replace("500 W .. 3 kW", "0 W .. 3 kW"))
    (element,) = boiler.description.actuators[0].operation_modes[0].elements
    assert (element.power_ranges[0].start_of_range, element.power_ranges[0].end_of_range) == (3000.0, 3000.0)


def test_with_a_thermostat_it_can_be_limited_and_is_free_where_it_has_to_heat() -> None:
    boiler = limited(LIMITED + "thermostat: true\n")
    assert boiler.offered() == (FRBC, PEBC)
    boiler.does(boiler.selects(PEBC))
    boiler.told.clear()
    boiler.does(boiler.limited("less", (HOUR, 0.0, 1000.0)))
    boiler.lives(power=990.0, temperature=49.0)
    assert boiler.told == [("power_limit", 1000.0)]
    assert statuses(boiler.limited("none", (HOUR, 0.0, 0.0)))[-1] == ("none", "REJECTED")
    boiler.lives(temperature=53.0)
    boiler.told.clear()
    boiler.does(boiler.limited("off", (HOUR, 0.0, 0.0)))
    boiler.lives(power=0.0)
    assert boiler.told == [("power_limit", 0.0)]
    assert ("off", "ABORTED") in statuses(boiler.lives(temperature=49.0))
    assert boiler.told[1:] == [("power_limit", 3000.0)]


def test_a_limit_of_the_grid_is_kept_though_it_gets_cold() -> None:
    boiler = limited(LIMITED + "thermostat: true\n")
    boiler.does(boiler.selects(PEBC))
    boiler.told.clear()
    boiler.does(boiler.limited("grid", (HOUR, 0.0, 0.0), is_abnormal=True))
    boiler.lives(30 * MINUTE, power=0.0, temperature=45.0)
    assert boiler.told == [("power_limit", 0.0)]


def test_it_heats_for_its_own_sake_within_the_limit_that_is_kept() -> None:
    boiler = limited(LIMITED + "thermostat: true\n")
    boiler.does(boiler.selects(PEBC))
    boiler.does(boiler.limited("less", (6 * HOUR, 0.0, 1000.0)))
    boiler.left()
    boiler.lives(HOUR, 60.0, power=990.0)
    boiler.negotiated()
    boiler.does(boiler.selects(FRBC))
    boiler.told.clear()
    boiler.order("heat", "heat", 1.0)
    assert boiler.told == [("power_limit", 1000.0)]
    boiler.lives(10 * MINUTE, temperature=60.0)
    assert boiler.told[1:] == [("power_limit", 0.0)]


# What it lacks, and what does harm.


def without(point: str) -> str:
    """A boiler that has no such point."""
    return "".join(line for line in SWITCHED.splitlines(keepends=True) if not line.startswith(f"  {point}:"))


@pytest.mark.parametrize(
    ("keys", "short", "why"),
    [
        (
            SWITCHED.replace("volume: 120 l\n", ""),
            "frbc",
            "nobody says the volume, or the heat_capacity, of water in it",
        ),
        (without("temperature"), "frbc", "the temperature of its water is not read"),
        (without('"on"'), "frbc", "there is no on to write, nor a power_limit"),
        (LIMITED.replace("power: 500 W .. 3 kW\n", ""), "frbc", "nobody says its power"),
        (LIMITED, "pebc", "nobody else switches it off when it is warm (thermostat: true)"),
    ],
)
def test_what_keeps_a_control_type_from_it_is_said(keys: str, short: str, why: str) -> None:
    stage = KindStage(keys)
    stage.measured(temperature=53.0, power=0.0, on=False)
    stage.negotiated()
    out_of_reach = KIND.out_of_reach(stage.setup.settings, stage.setup.abilities)
    assert out_of_reach[short] == why
    assert CONTROL_TYPES[short] not in stage.offered()


def test_what_it_takes_is_learnt_and_told_where_nobody_says() -> None:
    stage = KindStage(SWITCHED.replace("power: 2 kW\n", ""))
    stage.measured(temperature=53.0, power=1980.0, on=True)
    stage.negotiated()
    assert stage.offered() == (ControlType.NOT_CONTROLABLE,)
    for _ in range(4):
        stage.seen(10.0, temperature=53.0, power=1980.0, on=True)
    assert stage.offered() == (FRBC, OMBC)


def test_a_band_that_grows_legionella_or_scalds_is_for_who_knows() -> None:
    for comfort, needs in (("45 °C .. 55 °C", "i_know: legionella"), ("50 °C .. 65 °C", "mixing_valve: true")):
        keys = SWITCHED.replace("50 °C .. 60 °C", comfort)
        with pytest.raises(ConfigError, match=needs):
            KindStage(keys)
        KindStage(keys + needs + "\n")


def test_what_is_no_boiler_keeps_what_it_had() -> None:
    stage = KindStage(LIMITED.replace("volume: 120 l\n", ""))
    stage.measured(temperature=53.0, power=0.0)
    stage.negotiated()
    assert (stage.offered(), stage.resource.wish) == ((PEBC,), None)

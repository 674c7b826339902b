"""What an owner wants now: the car charges and the water gets hot, whatever is ordered, within every limit."""

from typing import Any

import pytest

from s2d.s2.effects import Effect, Level, Note, Started, WishDropped, Wished

from ..core.stage import notes
from .ev_stage import HOUR, MINUTE, POINTS, SYMMETRIC, EvStage
from .stage import FRBC, PEBC, statuses
from .test_ev_frbc import KEYS, selected
from .test_heat_pump_frbc import by_setpoint
from .test_heat_pump_sg_ready import Pump as SwitchedPump

DAY = 24 * HOUR
NOW = "the owner wants it now"
CHARGE_NOW = "  charge_now: {register: 9, table: coil}\n"


def why(effects: list[Effect], event: str) -> list[Any]:
    """Why this was noted."""
    return [each.facts.get("why") for each in effects if isinstance(each, Note) and each.event == event]


def test_the_car_charges_at_once_and_what_is_ordered_less_is_rejected() -> None:
    stage = selected()
    stage.orders("off", stage.off)
    stage.lives(10)
    assert stage.limit_a == 0.0
    effects = stage.does(stage.on(Wished(HOUR)))
    assert statuses(effects) == [("off", "ABORTED")]
    assert notes(effects)[0] == "wish.heard"
    stage.lives(20)
    assert stage.limit_a == 16.0
    assert stage.taken_w == 11_040.0
    for name, mode, factor in (("off-again", stage.off, 0.0), ("half", stage.mode(3), 0.5), ("full", stage.mode(3), 1)):
        assert statuses(stage.orders(name, mode, factor)) == [(name, "REJECTED")]
    assert stage.limit_a == 16.0


def test_an_order_to_charge_that_runs_already_goes_on() -> None:
    stage = selected()
    stage.orders("go", stage.mode(3))
    stage.lives(80)
    assert statuses([*stage.does(stage.on(Wished(HOUR))), *stage.lives(60)]) == []
    assert stage.limit_a == 16.0


@pytest.mark.parametrize("ends", ["by time", "by word", "full", "gone"])
def test_it_ends_by_time_by_word_when_it_is_done_and_when_the_car_goes(ends: str) -> None:
    stage = selected()
    stage.does(stage.on(Wished(HOUR)))
    stage.lives(HOUR - 60)
    assert stage.limit_a == 16.0
    if ends == "by word":
        assert notes(stage.does(stage.on(WishDropped())))[0] == "wish.dropped"
    elif ends == "full":
        stage.car_soc = 90.0
    elif ends == "gone":
        stage.is_plugged = False
        stage.lives(14)
        stage.is_plugged = True
    else:
        stage.lives(60)
    stage.lives(20)
    assert stage.limit_a == 0.0
    assert statuses(stage.orders("off", stage.off))[:2] == [("off", "ACCEPTED"), ("off", "STARTED")]


def test_it_ends_within_a_day_though_it_is_never_done() -> None:
    stage = selected()
    stage.car_a = 6.0
    stage.does(stage.on(Wished(7 * DAY)))
    assert stage.resource.wish is not None
    assert stage.resource.wish.ends_at == stage.now.mono + DAY


def test_an_abnormal_order_outranks_it() -> None:
    stage = selected()
    stage.does(stage.on(Wished(HOUR)))
    stage.lives(10 * MINUTE)
    effects = [*stage.orders("grid", stage.off, 0.0, is_abnormal=True), *stage.lives(20)]
    assert statuses(effects) == [("grid", "ACCEPTED"), ("grid", "STARTED"), ("grid", "SUCCEEDED")]
    assert stage.limit_a == 0.0


def test_it_survives_a_restart_for_as_long_as_is_left_of_it() -> None:
    stage = selected()
    stage.does(stage.on(Wished(HOUR)))
    stage.lives(10)
    stage.restarted(after_s=60)
    stage.on(Started())
    stage.session(FRBC)
    stage.lives(10 * MINUTE)
    assert stage.limit_a == 16.0
    assert statuses(stage.orders("off", stage.off)) == [("off", "REJECTED")]
    stage.lives(49 * MINUTE)
    assert stage.limit_a == 0.0


def test_what_was_taken_back_does_not_come_back_with_a_restart() -> None:
    pump = by_setpoint()
    pump.on(Wished(HOUR))
    pump.on(WishDropped())
    pump.restarted(after_s=60)
    pump.on(Started())
    assert pump.resource.wish is not None
    assert pump.resource.wish.reason is None


def test_nothing_is_wanted_of_a_charger_without_a_car_or_with_a_full_one() -> None:
    stage = selected()
    stage.is_plugged = False
    stage.lives(14)
    refused = stage.on(Wished(HOUR))
    assert [(each.level, each.event) for each in refused if isinstance(each, Note)] == [(Level.WARNING, "wish.refused")]
    assert why(refused, "wish.refused") == ["no car connected"]
    stage.is_plugged, stage.car_soc = True, 90.0
    stage.lives(14)
    assert why(stage.on(Wished(HOUR)), "wish.refused") == ["the car is full"]
    assert stage.limit_a == 0.0


def test_a_button_of_the_station_says_the_same_until_the_car_is_full() -> None:
    stage = selected(KEYS.replace("points:\n", f"points:\n{CHARGE_NOW}"))
    stage.extra["charge_now"] = True
    stage.lives(20)
    assert stage.limit_a == 16.0
    stage.car_soc = 90.0
    stage.lives(20)
    assert stage.limit_a == 0.0
    stage.car_soc = 50.0
    stage.lives(2 * MINUTE)
    assert stage.limit_a == 0.0
    stage.extra["charge_now"] = False
    stage.lives(2)
    stage.extra["charge_now"] = True
    stage.lives(2 * MINUTE)
    assert stage.limit_a == 16.0


def test_a_limit_holds_and_a_new_one_that_stops_it_is_rejected() -> None:
    stage = EvStage(POINTS)
    stage.session(PEBC)
    stage.lives(6 * MINUTE)
    stage.ordered("low", (HOUR, 0.0, 6000.0))
    assert stage.limit_a == 8.0
    effects = [*stage.does(stage.on(Wished(2 * HOUR))), *stage.lives(MINUTE)]
    assert statuses(effects) == []
    assert stage.limit_a == 8.0
    assert stage.resource.wish is not None
    assert stage.resource.wish.why_less() == "its CEM limits it to 6000 W"
    refused = stage.hears(stage.envelope("stop", (HOUR, 0.0, 0.0), quantity=SYMMETRIC))
    assert statuses(refused) == [("stop", "REJECTED")]
    assert statuses(stage.ordered("grid", (HOUR, 0.0, 0.0), is_abnormal=True))[-1] == ("grid", "SUCCEEDED")
    assert stage.limit_a == 0.0


def test_while_nobody_is_in_charge_it_gives_no_more_than_it_does_then() -> None:
    stage = EvStage(POINTS)
    stage.on(Started())
    stage.reads()
    stage.does(stage.on(Wished(2 * HOUR)))
    assert stage.resource.wish is not None
    assert stage.resource.wish.why_less() == "it has just started, and is left as it is for a while"
    stage.lives(10 * MINUTE)
    assert stage.limit_a == 6.0
    assert stage.resource.wish.why_less() == "while no CEM is in charge it gives 6 A at most"


def test_the_water_is_heated_until_it_is_hot() -> None:
    pump = by_setpoint()
    pump.order("rest", "rest")
    pump.lives()
    effects = pump.does(pump.on(Wished(2 * HOUR)))
    assert statuses(effects) == [("rest", "ABORTED")]
    assert pump.told[-1] == ("temperature_setpoint", 58.0)
    assert statuses(pump.order("no", "rest")) == [("no", "REJECTED")]
    pump.lives(20 * MINUTE, temperature=58.0)
    assert statuses(pump.order("yes", "rest"))[-1] == ("yes", "STARTED")
    assert why(pump.on(Wished(HOUR)), "wish.refused") == ["it is 58 °C warm"]


def test_it_is_heated_no_longer_than_it_is_wanted() -> None:
    pump = by_setpoint()
    pump.does(pump.on(Wished(HOUR)))
    assert pump.told[-1] == ("temperature_setpoint", 58.0)
    pump.lives(HOUR, MINUTE)
    assert statuses(pump.order("rest", "rest"))[-1] == ("rest", "STARTED")


def test_a_heat_pump_by_sg_ready_is_boosted_once_it_may_change() -> None:
    pump = SwitchedPump()
    pump.lives(20 * MINUTE)
    blocked = pump.told("block", "blocked")
    assert statuses(blocked)[-1] == ("block", "SUCCEEDED")
    pump.moves.clear()
    pump.does(pump.on(Wished(2 * HOUR)))
    lived = pump.lives(5 * MINUTE)
    assert pump.moves == []
    lived += pump.lives(6 * MINUTE)
    assert statuses(lived) == [("block", "ABORTED")]
    pump.does(pump.after(10 * MINUTE))
    assert [move[1:] for move in pump.moves] == [("relay_1", False), ("relay_2", True)]
    assert pump.moves[1][0] - pump.moves[0][0] >= 10 * MINUTE
    assert statuses(pump.told("no", "blocked")) == [("no", "REJECTED")]
    pump.lives(2 * HOUR)
    assert [move[1:] for move in pump.moves][2:] == [("relay_2", False)]


def test_a_block_of_the_grid_outranks_it() -> None:
    pump = SwitchedPump()
    pump.lives(20 * MINUTE)
    pump.does(pump.on(Wished(2 * HOUR)))
    pump.lives(20 * MINUTE)
    assert pump.read["relay_2"] is True
    assert statuses(pump.told("grid", "blocked", is_abnormal=True))[-1] == ("grid", "SUCCEEDED")
    assert statuses(pump.lives(40 * MINUTE)) == []
    assert (pump.read["relay_1"], pump.read["relay_2"]) == (True, False)

"""A tank with two heaters steered by FRBC: what goes beyond a battery."""

from datetime import timedelta
from typing import Any

import pytest

from s2d.s2.messages import frbc
from s2d.s2.messages.common import InstructionStatusUpdate, NumberRange

from .resources_modes import TOP_TO_BOTTOM, Play, Tank, messages, timers
from .stage import NOON, applied, said, told

LEAKAGE = (frbc.LeakageBehaviourElement(fill_level_range=TOP_TO_BOTTOM, leakage_rate=0.001),)
USAGE = (NOON, (frbc.UsageForecastElement(duration=3_600_000, usage_rate_expected=-0.002),))
TARGET = (NOON, (frbc.FillLevelTargetProfileElement(duration=3_600_000, fill_level_range=TOP_TO_BOTTOM),))
OUTLOOK: dict[str, Any] = {"leakage": LEAKAGE, "usage": USAGE, "target": TARGET}
NAMES = {
    "leakage": "FRBC.LeakageBehaviour",
    "usage": "FRBC.UsageForecast",
    "target": "FRBC.FillLevelTargetProfile",
}
DESCRIBED = [
    "FRBC.SystemDescription",
    "FRBC.StorageStatus",
    "FRBC.ActuatorStatus",
    "FRBC.ActuatorStatus",
    "FRBC.TimerStatus",
    "FRBC.TimerStatus",
]


def play(**changes: Any) -> Play:
    """A tank with a CEM in charge."""
    playing = Play(Tank(**changes))
    playing.connected()
    return playing


def tank(playing: Play) -> Tank:
    assert isinstance(playing.resource, Tank)
    return playing.resource


def updates(effects: list[Any]) -> list[tuple[str, str]]:
    return [
        (message.instruction_id, message.status_type)
        for message in messages(effects)
        if isinstance(message, InstructionStatusUpdate)
    ]


# --- several actuators -----------------------------------------------------------------------------------------------


def test_every_actuator_and_every_timer_is_told_after_the_description() -> None:
    effects = Play(Tank()).connected()
    assert told(effects) == ["ReceptionStatus OK", *DESCRIBED]
    assert [message.actuator_id for message in messages(effects)[2:]] == ["pump", "rod"] * 2  # type: ignore[attr-defined]


def test_each_actuator_has_instructions_of_its_own() -> None:
    playing = play()
    pump = playing.orders("on 1", of="pump", name="pump-1")
    rod = playing.orders("on 0.5", of="rod", name="rod-1")
    assert (applied(pump), applied(rod)) == ([("pump", "on 1")], [("rod", "on 0.5")])
    assert updates(playing.follows(rod)) == [("rod-1", "SUCCEEDED")]
    assert updates(playing.orders("on 0.7", of="pump", name="pump-2")) == [
        ("pump-2", "ACCEPTED"),
        ("pump-1", "ABORTED"),
        ("pump-2", "STARTED"),
    ]


def test_each_actuator_has_timers_of_its_own_even_of_the_same_name() -> None:
    playing = play()
    effects = playing.orders("on 1", of="pump")
    (status,) = [message for message in messages(effects) if isinstance(message, frbc.TimerStatus)]
    assert (status.actuator_id, status.timer_id) == ("pump", "run")
    playing.follows(effects)
    playing.elapsed_s = 10.0
    playing.seen(rod="on 1")
    playing.elapsed_s = 305.0
    assert updates(playing.orders("off 0", of="pump", name="pump"))[-1] == ("pump", "STARTED")
    assert updates(playing.orders("off 0", of="rod", name="rod")) == [("rod", "REJECTED")]


def test_two_for_the_same_instant_but_for_two_actuators_do_not_get_in_each_others_way() -> None:
    playing = play()
    playing.orders("on 1", of="pump", after_s=60, execution_time=NOON + timedelta(seconds=60))
    playing.orders("on 1", of="rod", execution_time=NOON + timedelta(seconds=60))
    assert applied(playing.after(60)) == [("pump", "on 1"), ("rod", "on 1")]


def test_what_waits_for_one_actuator_does_not_blur_what_can_be_said_of_another() -> None:
    playing = play()
    playing.follows(playing.orders("on 1", of="pump"))
    playing.orders("on 1", of="rod", name="rod", after_s=30)
    assert updates(playing.orders("off 0", of="pump", name="pump", after_s=60)) == [("pump", "REJECTED")]


# --- leakage, usage, target ------------------------------------------------------------------------------------------


def test_what_is_provided_is_told_after_the_statuses() -> None:
    effects = Play(Tank(provides=("leakage", "usage", "target"), **OUTLOOK)).connected()
    assert told(effects) == ["ReceptionStatus OK", *DESCRIBED, *NAMES.values()]
    assert messages(effects)[-3:] == [
        frbc.LeakageBehaviour(message_id="rm-9", valid_from=NOON, elements=LEAKAGE),
        frbc.UsageForecast(message_id="rm-10", start_time=NOON, elements=USAGE[1]),
        frbc.FillLevelTargetProfile(message_id="rm-11", start_time=NOON, elements=TARGET[1]),
    ]


@pytest.mark.parametrize("what", OUTLOOK)
def test_what_is_not_provided_is_not_told(what: str) -> None:
    playing = Play(Tank(provides=(what,), **OUTLOOK))
    assert told(playing.connected())[-1:] == [NAMES[what]]
    assert set(told(playing.selected())) & set(NAMES.values()) == {NAMES[what]}


@pytest.mark.parametrize("what", OUTLOOK)
def test_what_is_provided_is_told_once_it_is_known_and_again_when_it_is_another(what: str) -> None:
    playing = Play(Tank(provides=(what,)))
    assert told(playing.connected()) == ["ReceptionStatus OK", *DESCRIBED]
    setattr(playing.resource, what, OUTLOOK[what])
    assert told(playing.seen()) == [NAMES[what]]
    assert told(playing.seen()) == []
    leaks_more = (frbc.LeakageBehaviourElement(fill_level_range=TOP_TO_BOTTOM, leakage_rate=0.002),)
    other = leaks_more if what == "leakage" else (NOON + timedelta(hours=1), OUTLOOK[what][1])
    setattr(playing.resource, what, other)
    assert told(playing.seen()) == [NAMES[what]]


# --- another description ---------------------------------------------------------------------------------------------


def test_another_capacity_is_described_anew_and_everything_told_again() -> None:
    playing = play(provides=("leakage",), leakage=LEAKAGE)
    tank(playing).range = NumberRange(start_of_range=20.0, end_of_range=80.0)
    effects = playing.seen()
    assert told(effects) == ["FRBC.StorageStatus", *DESCRIBED, "FRBC.LeakageBehaviour"]
    description = said(effects)[1]
    assert isinstance(description, frbc.SystemDescription)
    assert description.storage.fill_level_range == NumberRange(start_of_range=20.0, end_of_range=80.0)
    assert told(playing.seen()) == []


def test_an_actuator_that_is_gone_takes_its_instructions_with_it() -> None:
    playing = play()
    playing.orders("on 1", of="rod", name="runs")
    playing.orders("on 0.5", of="rod", name="waits", after_s=30)
    playing.orders("on 0.5", of="pump", name="stays", after_s=30)
    del tank(playing).doing["rod"]
    effects = playing.seen()
    assert updates(effects) == [("runs", "ABORTED")]
    assert applied(effects) == [("rod", "off 0")]
    effects = playing.after(30)
    assert set(updates(effects)) == {
        ("waits", "STARTED"),
        ("waits", "ABORTED"),
        ("stays", "STARTED"),
    }
    assert applied(effects) == [("pump", "on 0.5")]


def test_timers_run_on_under_another_description() -> None:
    playing = play()
    playing.follows(playing.orders("on 1", of="pump"))
    tank(playing).level = 60.0
    tank(playing).range = NumberRange(start_of_range=0.0, end_of_range=90.0)
    assert timers(playing.seen())[0] == ("run", 300.0)
    assert updates(playing.orders("off 0", of="pump", name="early")) == [("early", "REJECTED")]


def test_the_pace_of_the_fill_level_is_its_own() -> None:
    playing = play()
    playing.after(100)
    assert told(playing.seen(pump="on 1", rod="on 1"))[:2] == ["FRBC.ActuatorStatus"] * 2
    assert told(playing.after(86_300)) == ["FRBC.StorageStatus"]


def test_instructions_are_taken_while_the_fill_level_is_out_of_its_range() -> None:
    playing = play(range=NumberRange(start_of_range=60.0, end_of_range=90.0), level=50.0)
    assert applied(playing.orders("on 1", of="pump")) == [("pump", "on 1")]


@pytest.mark.parametrize("level", [-1.0, 101.0])
def test_where_no_mode_has_an_element_only_what_is_for_abnormal_conditions_is_done(level: float) -> None:
    playing = play(level=level)
    assert told(playing.orders("on 1", of="rod")) == ["ReceptionStatus INVALID_CONTENT"]
    effects = playing.orders("on 1", of="rod", name="frost", abnormal_condition=True)
    assert applied(effects) == [("rod", "on 1")]
    assert updates(playing.follows(effects)) == [("frost", "SUCCEEDED")]
    # Safety still wins.
    tank(playing).obstacle = "it would boil"
    assert updates(playing.orders("on 0.5", of="rod", name="boil", abnormal_condition=True)) == [("boil", "REJECTED")]

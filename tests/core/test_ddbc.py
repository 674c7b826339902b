"""A hybrid heat pump steered by DDBC: demand by protocol version, forecasts, and actuators that go their own ways."""

from typing import Any

import pytest

from s2d.s2.effects import Effect
from s2d.s2.messages import ddbc
from s2d.s2.messages.common import (
    InstructionStatusUpdate,
    NumberRange,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
)

from .resources_modes import BETA, DEMAND, FIRST, Hybrid, Play, messages, timers
from .stage import NOON, applied, said, told

HIGHER = NumberRange(start_of_range=4000.0, end_of_range=4500.0)
FORECAST = (NOON, (ddbc.AverageDemandRateForecastElement(duration=3_600_000, demand_rate_expected=3200.0),))
STATUSES = ["DDBC.ActuatorStatus", "DDBC.ActuatorStatus", "DDBC.TimerStatus", "DDBC.TimerStatus"]


def play(version: str = BETA, **changes: Any) -> Play:
    """A hybrid with a CEM in charge."""
    playing = Play(Hybrid(**changes), version)
    playing.connected()
    return playing


def demands(effects: list[Effect]) -> list[NumberRange]:
    """Every demand told, however it was."""
    return [
        message.present_demand_rate
        for message in messages(effects)
        if isinstance(message, ddbc.SystemDescriptionBeta | ddbc.PresentDemandStatus)
    ]


def test_before_the_first_version_the_demand_stands_in_the_description() -> None:
    resource = Hybrid()
    effects = Play(resource, BETA).connected()
    assert told(effects) == ["ReceptionStatus OK", "DDBC.SystemDescription", *STATUSES]
    assert messages(effects)[0] == ddbc.SystemDescriptionBeta(
        message_id="rm-3",
        valid_from=NOON,
        actuators=resource.suppliers(),
        present_demand_rate=DEMAND,
        provides_average_demand_rate_forecast=False,
    )


@pytest.mark.parametrize("version", [FIRST, "v1.0.0"])
def test_since_the_first_version_the_demand_is_a_message_of_its_own(version: str) -> None:
    resource = Hybrid()
    effects = Play(resource, version).connected()
    assert told(effects) == ["ReceptionStatus OK", "DDBC.SystemDescription", "DDBC.PresentDemandStatus", *STATUSES]
    assert messages(effects)[:2] == [
        ddbc.SystemDescription(
            message_id="rm-3",
            valid_from=NOON,
            actuators=resource.suppliers(),
            provides_average_demand_rate_forecast=False,
        ),
        ddbc.PresentDemandStatus(message_id="rm-4", present_demand_rate=DEMAND),
    ]


def test_statuses_say_what_each_actuator_does() -> None:
    statuses = messages(Play(Hybrid(), FIRST).connected())[2:]
    assert statuses[:2] == [
        ddbc.ActuatorStatus(
            message_id="rm-5", actuator_id="pump", active_operation_mode_id="off", operation_mode_factor=0.0
        ),
        ddbc.ActuatorStatus(
            message_id="rm-6", actuator_id="boiler", active_operation_mode_id="on", operation_mode_factor=0.5
        ),
    ]


def test_another_demand_is_told_as_the_version_has_it() -> None:
    for version, expected in (
        (BETA, ["DDBC.SystemDescription", *STATUSES]),
        (FIRST, ["DDBC.PresentDemandStatus"]),
    ):
        playing = play(version)
        assert messages(playing.seen()) == []
        assert isinstance(playing.resource, Hybrid)
        playing.resource.demand = HIGHER
        effects = playing.seen()
        assert told(effects) == expected
        told_demand = messages(effects)[0]
        assert isinstance(told_demand, ddbc.SystemDescriptionBeta | ddbc.PresentDemandStatus)
        assert told_demand.present_demand_rate == HIGHER
        assert messages(playing.seen()) == []


@pytest.mark.parametrize("version", [BETA, FIRST])
def test_a_demand_that_moves_by_less_than_a_hundredth_of_the_supply_is_told_at_the_steady_pace(version: str) -> None:
    playing = play(version)
    assert isinstance(playing.resource, Hybrid)
    for start, end, is_news in (
        (3000.001, 3500.0, False),
        (2961.0, 3539.0, False),
        (3039.0, 3461.0, False),
        (3040.0, 3500.0, True),
        (3001.0, 3539.0, False),
        (3001.0, 3540.0, True),
        (2970.0, 3510.0, False),
    ):
        playing.resource.demand = NumberRange(start_of_range=start, end_of_range=end)
        effects = playing.seen()
        assert demands(effects) == ([playing.resource.demand] if is_news else [])
        assert bool(messages(effects)) is is_news
    assert demands(playing.after(86_400)) == [playing.resource.demand]
    assert demands(playing.after(86_400)) == ([playing.resource.demand] if version is FIRST else [])


def test_the_demand_is_told_again_with_another_description() -> None:
    playing = play(FIRST)
    del playing.resource.doing["boiler"]
    effects = playing.seen()
    assert told(effects)[:2] == ["DDBC.SystemDescription", "DDBC.PresentDemandStatus"]
    assert demands(effects) == [DEMAND]


def test_another_demand_disturbs_no_instruction() -> None:
    playing = play(BETA)
    effects = playing.orders("on 1", of="pump")
    assert isinstance(playing.resource, Hybrid)
    playing.resource.demand = HIGHER
    assert "InstructionStatusUpdate SUCCEEDED" in told(playing.follows(effects))


def test_a_demand_that_stays_is_told_again_at_a_steady_pace() -> None:
    playing = play(FIRST)
    assert told(playing.after(86_400)) == ["DDBC.PresentDemandStatus", "DDBC.ActuatorStatus", "DDBC.ActuatorStatus"]


def test_the_pace_of_the_demand_is_its_own() -> None:
    playing = play(FIRST)
    playing.after(100)
    assert told(playing.seen(pump="on 1", boiler="off 0"))[:2] == ["DDBC.ActuatorStatus"] * 2
    assert told(playing.after(86_300)) == ["DDBC.PresentDemandStatus"]


def test_each_session_has_the_demand_as_its_own_version_has_it() -> None:
    playing = play(FIRST)
    playing.left()
    playing.version = BETA
    assert told(playing.connected()) == ["ReceptionStatus OK", "DDBC.SystemDescription", *STATUSES]


@pytest.mark.parametrize("version", [BETA, FIRST])
def test_a_forecast_is_told_if_announced_once_known_and_whenever_it_is_another(version: str) -> None:
    playing = Play(Hybrid(provides_average_demand_rate_forecast=True), version)
    effects = playing.connected()
    assert "DDBC.AverageDemandRateForecast" not in told(effects)
    assert isinstance(playing.resource, Hybrid)
    playing.resource.forecast = FORECAST
    assert messages(playing.seen()) == [
        ddbc.AverageDemandRateForecast(message_id=f"rm-{playing._last_id}", start_time=NOON, elements=FORECAST[1])
    ]
    assert messages(playing.seen()) == []
    assert told(playing.selected())[-1] == "DDBC.AverageDemandRateForecast"


def test_a_forecast_that_was_not_announced_is_not_told() -> None:
    playing = Play(Hybrid(forecast=FORECAST))
    assert "DDBC.AverageDemandRateForecast" not in told(playing.connected())


def test_each_actuator_follows_its_own_instructions_and_keeps_its_own_timers() -> None:
    playing = play()
    pump = playing.orders("on 1", of="pump", name="warm")
    assert applied(pump) == [("pump", "on 1")]
    assert timers(pump) == [("run", 300.0)]
    boiler = playing.orders("off 0", of="boiler", name="cold")
    assert applied(boiler) == [("boiler", "off 0")]
    ended = [
        (message.instruction_id, message.status_type)
        for message in messages([*playing.follows(boiler), *playing.follows(pump)])
        if isinstance(message, InstructionStatusUpdate)
    ]
    assert ended == [("cold", "SUCCEEDED"), ("warm", "SUCCEEDED")]
    assert told(playing.orders("off 0", of="pump"))[1] == "InstructionStatusUpdate REJECTED"


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"actuator_id": "nobody"}, "DDBC-003 at /actuator_id: 'nobody' is not an actuator here"),
        ({"operation_mode_id": "sleep"}, "DDBC-004 at /operation_mode_id: 'sleep' is not a mode of it"),
        ({"operation_mode_factor": 1.01}, "NUM-004 at /operation_mode_factor: a factor lies between 0 and 1"),
        ({"id": "known"}, "INST-001 at /id: 'known' was used before in this session"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_reception_and_changes_nothing(changes: dict[str, Any], label: str) -> None:
    playing = play()
    playing.orders("on 1", of="pump", name="known")
    effects = playing.orders("on 0.5", of="pump", name="bad", **changes)
    assert said(effects) == [
        ReceptionStatus(
            subject_message_id="m-bad", status=ReceptionStatusValues.INVALID_CONTENT, diagnostic_label=label
        )
    ]
    assert applied(effects) == []


def test_a_waiting_instruction_can_be_revoked() -> None:
    playing = play()
    playing.orders("on 1", of="pump", name="later", after_s=60)
    revoke = RevokeObject(message_id="revoke", object_type=RevokableObjects.DDBC_INSTRUCTION, object_id="later")
    assert told(playing.hears(revoke)) == ["ReceptionStatus OK", "InstructionStatusUpdate REVOKED"]
    assert applied(playing.after(120)) == []

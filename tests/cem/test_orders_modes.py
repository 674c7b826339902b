"""Operation modes there and back: FRBC with several actuators, OMBC and DDBC, ordered of our own resource manager."""

from datetime import timedelta

import pytest
from meeting import Meeting

from s2d.cem.choices import InstructionHeader
from s2d.cem.commands import CommandRefused
from s2d.cem.frbc import FillRateChoices
from s2d.cem.grammar import parse
from s2d.s2.messages import ddbc, frbc, wire
from s2d.s2.messages.common import ControlType, NumberRange, RevokeObject
from tests.core.resources_modes import BETA, FIRST, HeatPump, Hybrid, Play, Tank
from tests.core.stage import NOON
from tests.kinds.test_ev_frbc import BOTH, Planned


def met(resource, version=None):
    doing = {scope: f"{each.operation_mode_id} {each.factor:g}" for scope, each in resource.doing.items()}
    return Meeting(Play(resource), resource.offers, version, **doing)


def refusal_of(meeting, line):
    with pytest.raises(CommandRefused) as refused:
        meeting.order(line)
    return str(refused.value)


def test_ombc_a_mode_is_ordered_followed_and_taken_back():
    meeting = met(HeatPump())
    assert meeting.order("on 0.5") == "#1 on: S2 factor 0.5, 500 W, at once"
    instruction = meeting.sent[-1]
    assert instruction == {
        "message_type": "OMBC.Instruction",
        "message_id": instruction["message_id"],
        "id": instruction["id"],
        "execution_time": "2026-06-01T12:00:00Z",
        "operation_mode_id": "on",
        "operation_mode_factor": 0.5,
        "abnormal_condition": False,
    }
    meeting.follow(resource="on 0.5")
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED"]}
    assert meeting.order("factor boost 0.25 in 1 h") == "#2 boost: S2 factor 0.25, 250 W, at 2026-06-01 13:00:01Z"
    assert meeting.order("revoke boost") == "revoked: #2 boost, S2 factor 0.25, 250 W, at 2026-06-01 13:00:01Z"
    assert meeting.sent[-1]["object_type"] == "OMBC.Instruction"
    assert meeting.statuses[2] == ["ACCEPTED", "REVOKED"]


def test_ombc_modes_and_timers_are_shown():
    meeting = met(HeatPump(emergency=("panic",)))
    meeting.order("on 1")
    meeting.follow(resource="on 1")
    assert meeting.shown() == [
        "@1 house-1  house-1  0.0.2-beta  OPERATION_MODE_BASED_CONTROL",
        "modes        off 0 .. 1000 W, on 0 .. 1000 W, boost 0 .. 1000 W, panic 0 .. 1000 W (abnormal)",
        "mode         on  factor 1",
        "timers       rest until 2026-05-31 12:00:00Z, run until 2026-06-01 12:05:00Z",
        "instruction  #1 on, S2 factor 1, 1000 W  SUCCEEDED",
    ]
    assert refusal_of(meeting, "on 1 of pump") == '"pump" is not one actuator; there are none'
    assert refusal_of(meeting, "limit 0") == (
        '"limit" cannot be ordered: under OPERATION_MODE_BASED_CONTROL the modes are off, on, boost, panic'
    )


def test_ombc_what_is_for_abnormal_conditions_is_ordered_as_asked():
    meeting = met(HeatPump(emergency=("panic",), transitions=()))
    meeting.order("panic 1")
    assert meeting.sent[-1]["abnormal_condition"] is False
    meeting.order("panic 1 abnormal")
    assert meeting.sent[-1]["abnormal_condition"] is True
    assert meeting.statuses == {1: ["REJECTED"], 2: ["ACCEPTED", "STARTED"]}


def test_frbc_of_several_actuators_one_is_named():
    meeting = met(Tank())
    assert refusal_of(meeting, "on 1") == '"on" may be of pump or rod; say of which, such as "on of pump"'
    assert refusal_of(meeting, "on 1 of tap") == '"tap" is not one actuator; there are pump, rod'
    assert refusal_of(meeting, "boil") == (
        'no operation mode and no command "boil"; the modes are off, on of pump; off, on of rod; '
        '"help" lists the commands'
    )
    assert meeting.order("on 1 of pump") == "#1 on of pump: S2 factor 1, 1000 W, at once"
    assert meeting.order("factor on 0.25 of 2") == "#2 on of rod: S2 factor 0.25, 250 W, at once"
    assert [(each["actuator_id"], each["operation_mode"]) for each in meeting.sent[-2:]] == [
        ("pump", "on"),
        ("rod", "on"),
    ]
    meeting.follow(pump="on 1", rod="on 0.25")
    assert meeting.statuses == {number: ["ACCEPTED", "STARTED", "SUCCEEDED"] for number in (1, 2)}
    assert meeting.shown()[1:] == [
        "fill level   ██████████░░░░░░░░░░ 50  of 0 .. 100",
        "modes        pump: off 0 .. 1000 W, on 0 .. 1000 W",
        "mode         pump: on  factor 1",
        "timers       pump: run until 2026-06-01 12:05:00Z",
        "modes        rod: off 0 .. 1000 W, on 0 .. 1000 W",
        "mode         rod: on  factor 0.25",
        "timers       rod: run until 2026-06-01 12:05:00Z",
        "instruction  #2 on of rod, S2 factor 0.25, 250 W  SUCCEEDED",
    ]


def test_frbc_tells_what_is_foreseen():
    hour_ms, half = 3_600_000, NumberRange(start_of_range=50.0, end_of_range=100.0)
    tank = Tank(provides=("leakage", "usage", "target"))
    tank.leakage = (frbc.LeakageBehaviourElement(fill_level_range=half, leakage_rate=0.001),)
    usage = frbc.UsageForecastElement(duration=hour_ms, usage_rate_expected=0.01)
    tank.usage = (NOON, (usage,) * 5)
    tank.target = (NOON, (frbc.FillLevelTargetProfileElement(duration=hour_ms, fill_level_range=half),))
    each = "0.01 /s for 1 h"
    assert met(tank).shown()[-3:] == [
        "leakage      0.001 /s at 50 .. 100",
        f"usage        from 2026-06-01 12:00:00Z: {each}, then {each}, then {each}, and 2 more",
        "target       from 2026-06-01 12:00:00Z: 50 .. 100 for 1 h",
    ]


@pytest.mark.parametrize("version", [BETA, FIRST])
def test_ddbc_demand_is_met_in_every_version(version):
    element = ddbc.AverageDemandRateForecastElement(duration=900_000, demand_rate_expected=3200.0)
    house = Hybrid(provides_average_demand_rate_forecast=True, forecast=(NOON, (element,)))
    meeting = met(house, version)
    assert meeting.cem.version == version
    assert ("DDBC.PresentDemandStatus" in meeting.cem.received) == (version == FIRST)
    sentence = meeting.order("on 0.5 of pump in 30s")
    assert sentence == "#1 on of pump: S2 factor 0.5, 500 W, supply 2000, at 2026-06-01 12:00:30Z"
    instruction = meeting.sent[-1]
    assert instruction == {
        "message_type": "DDBC.Instruction",
        "message_id": instruction["message_id"],
        "id": instruction["id"],
        "execution_time": "2026-06-01T12:00:30Z",
        "abnormal_condition": False,
        "actuator_id": "pump",
        "operation_mode_id": "on",
        "operation_mode_factor": 0.5,
    }
    assert meeting.statuses == {1: ["ACCEPTED"]}
    meeting.after(30)
    meeting.follow(pump="on 0.5")
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED"]}
    house.demand = NumberRange(start_of_range=1000.0, end_of_range=1000.0)
    meeting.measure(pump="on 0.5")
    # A description that is new has its timers told anew.
    told_at = "12:00:31Z" if version == BETA else "12:00:00Z"
    modes = "off 0 .. 1000 W supply 0 .. 4000, on 0 .. 1000 W supply 0 .. 4000"
    assert meeting.shown() == [
        f"@1 house-1  house-1  {version}  DEMAND_DRIVEN_BASED_CONTROL",
        "demand       1000",
        f"modes        pump: {modes}",
        "mode         pump: on  factor 0.5",
        "timers       pump: run until 2026-06-01 12:05:30Z",
        f"modes        boiler: {modes}",
        "mode         boiler: on  factor 0.5",
        f"timers       boiler: run until 2026-05-31 {told_at}",
        "forecast     demand from 2026-06-01 12:00:00Z: 3200 for 15 min",
        "instruction  #1 on of pump, S2 factor 0.5, 500 W, supply 2000, at 2026-06-01 12:00:30Z  SUCCEEDED",
    ]


def test_a_share_is_of_the_supply_where_there_is_no_power_to_speak_of():
    class Boilers(Hybrid):
        def suppliers(self):
            gas = {"start_of_range": 0.0, "end_of_range": 2.0, "commodity_quantity": "NATURAL_GAS.FLOW_RATE"}
            return tuple(
                ddbc.ActuatorDescription(
                    id=each.id,
                    supported_commodites=("GAS",),
                    operation_modes=tuple(
                        ddbc.OperationMode(
                            id=mode.id,
                            diagnostic_label=f"{mode.id} or so",
                            power_ranges=(ddbc.PowerRange(**gas),),
                            supply_range=NumberRange(start_of_range=4000.0, end_of_range=1000.0),
                            abnormal_condition_only=False,
                        )
                        for mode in each.operation_modes
                    ),
                    transitions=each.transitions,
                    timers=each.timers,
                )
                for each in super().suppliers()
            )

    meeting = met(Boilers())
    sentence = meeting.order("on 0.5 of boiler")
    assert sentence == "#1 on or so of boiler: S2 factor 0.5, 1 l/s NATURAL_GAS.FLOW_RATE, supply 2500, at once"


def test_what_is_selected_decides_what_can_be_ordered():
    meeting = met(HeatPump())
    meeting.order("on 1")
    assert meeting.order("select no_selection") == "selected NO_SELECTION"
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "ABORTED"]}
    assert refusal_of(meeting, "on 1") == ('"on" cannot be ordered: NO_SELECTION takes no instructions; it offers ombc')
    meeting.order("select ombc")
    meeting.after(timedelta(minutes=10).total_seconds())
    meeting.order("on 1")
    assert meeting.statuses[2][0] == "ACCEPTED"


@pytest.mark.parametrize("resource", [HeatPump, Hybrid, Tank])
def test_a_description_taken_back_leaves_nothing_to_order(resource):
    meeting = met(resource())
    description = meeting.cem.choices.description
    for object_id, is_described in (("another", True), (description.message_id, False)):
        kind = wire.name_of(type(description))
        meeting.cem.receive(
            wire.encode(RevokeObject(message_id="revoke", object_type=kind, object_id=object_id)).decode()
        )
        assert (meeting.cem.choices.description is not None) == is_described
    assert refusal_of(meeting, "on 1") == '"on" cannot be ordered: the system has not been described'
    assert not any("modes" in line for line in meeting.shown())


def test_what_can_be_typed_is_completed():
    assert list(met(HeatPump()).cem.choices.completions()) == ["off", "on", "boost"]
    assert list(met(Tank()).cem.choices.completions()) == ["off", "on", "of", "pump", "rod"]


def test_an_owner_orders_a_power_or_a_share_in_percent_and_stops():
    meeting = met(HeatPump())
    assert meeting.order("on 400 W") == "#1 on: S2 factor 0.4, 400 W, at once"
    assert meeting.order("on 0.4 kW") == "#2 on: S2 factor 0.4, 400 W, at once"
    assert meeting.order("on 25 %") == "#3 on: S2 factor 0.25, 250 W, at once"
    assert refusal_of(meeting, "on 2 kW") == "on has 0 .. 1000 W, not 2000 W"
    assert refusal_of(meeting, "on 120 %") == "on takes a number of % from 0 to 100, got 120"
    assert refusal_of(meeting, "on -2 kW") == 'on takes a power such as 2 kW, whichever way it flows, got "-2 kW"'
    assert refusal_of(meeting, "stop").startswith('no mode takes and gives nothing, so "stop" means none of them')
    assert refusal_of(meeting, "stop now") == 'stop stands alone, or with an actuator as in stop of 2, got "now"'


@pytest.mark.parametrize(
    ("line", "phases", "details"),
    [
        ("charge 2 kW", 1, "S2 factor 0.269565, 2000 W"),
        ("charge 6 kW", 3, "S2 factor 0.269565, 6000 W"),
        ("charge 50 %", 3, "S2 factor 0.5, 7590 W"),
        ("stop", 0, "S2 factor 0, 0 W"),
    ],
)
def test_of_a_car_that_charges_on_one_phase_or_three_the_mode_is_what_the_power_needs(line, phases, details):
    stage = Planned(BOTH)
    stage.session(ControlType.FILL_RATE_BASED_CONTROL)
    choices = FillRateChoices()
    choices.receive([each for each in stage.said if isinstance(each, frbc.SystemDescription)][-1])
    header = InstructionHeader("message", "order", NOON, abnormal_condition=False)
    draft = choices.draft(parse(line).command, header, iter("x").__next__)
    assert draft.instruction.operation_mode == (stage.mode(phases) if phases else stage.off)
    assert draft.details == details

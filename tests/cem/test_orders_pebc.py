"""PEBC there and back: what is typed at the CEM, and what a roof behind our resource manager makes of it."""

from datetime import timedelta

import pytest
from meeting import Meeting
from msgspec.structs import replace

from s2d.cem.commands import CommandRefused
from s2d.rm.control.pebc.control import EnergyNeed
from s2d.s2.messages import wire
from s2d.s2.messages.common import ControlType
from tests.core.resources_played import L1, L2
from tests.core.resources_roof import LOWER, UPPER, Roof, RoofStage, allowed, constraints
from tests.core.stage import NOON

PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL
OFFER = "L1 lower limit -4000 .. 0 W, upper limit 0 W"
TWO_PHASES = constraints(
    allowed(LOWER, -4000, 0),
    allowed(UPPER, 0, 0),
    allowed(UPPER, 1000, 2000, abnormal=True),
    allowed(LOWER, -100, 0, L2),
    allowed(UPPER, 0, 100, L2),
)


def met(*offered, **options):
    return Meeting(RoofStage(Roof(*offered, **options)), PEBC, power=-3500.0)


def refusal_of(meeting, line):
    before = len(meeting.sent)
    with pytest.raises(CommandRefused) as refused:
        meeting.order(line)
    assert len(meeting.sent) == before
    return str(refused.value)


def elements(instruction):
    """Of its envelopes: quantity, and lower and upper limit for milliseconds."""
    return {
        envelope["commodity_quantity"]: [
            (each["lower_limit"], each["upper_limit"], each["duration"]) for each in envelope["power_envelope_elements"]
        ]
        for envelope in instruction["power_envelopes"]
    }


def test_a_limit_is_kept_until_it_is_taken_back():
    meeting = met()
    assert meeting.order("limit -3000 for 15m") == "#1 limit: L1 -3000 .. 0 W for 15 min, at once"
    instruction = meeting.sent[-1]
    envelope = instruction["power_envelopes"][0]["id"]
    assert instruction == {
        "message_type": "PEBC.Instruction",
        "message_id": instruction["message_id"],
        "id": instruction["id"],
        "execution_time": "2026-06-01T12:00:00Z",
        "abnormal_condition": False,
        "power_constraints_id": meeting.stage.roof
        and meeting.cem.choices.constraints[instruction["power_constraints_id"]].id,
        "power_envelopes": [
            {
                "id": envelope,
                "commodity_quantity": "ELECTRIC.POWER.L1",
                "power_envelope_elements": [{"duration": 900_000, "lower_limit": -3000.0, "upper_limit": 0.0}],
            }
        ],
    }
    assert len({instruction["message_id"], instruction["id"], envelope}) == 3
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED"]}
    meeting.follow(power=-2500.0)
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED"]}
    assert meeting.applied[-1] == ("limits", "L1 -3000..0")
    assert meeting.order("revoke") == "revoked: #1 limit, L1 -3000 .. 0 W for 15 min"
    assert meeting.sent[-1]["object_type"] == "PEBC.Instruction"
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED", "REVOKED"]}
    assert meeting.applied[-1] == ("limits", "none")
    assert refusal_of(meeting, "revoke") == "there is no instruction that can be taken back"


def test_limits_follow_one_another():
    meeting = met()
    sentence = meeting.order("limit -1000 0 for 1 min then -2 kW 0 for 1h in 10s")
    assert sentence == "#1 limit: L1 -1000 .. 0 W for 1 min, then -2000 .. 0 W for 1 h, at 2026-06-01 12:00:10Z"
    assert elements(meeting.sent[-1]) == {"ELECTRIC.POWER.L1": [(-1000.0, 0.0, 60_000), (-2000.0, 0.0, 3_600_000)]}
    written = len(meeting.applied)
    for elapsed_s, limits in ((9, []), (10, ["L1 -1000..0"]), (70, ["L1 -1000..0", "L1 -2000..0"])):
        meeting.after(elapsed_s - meeting.stage.elapsed_s)
        assert [value for _, value in meeting.applied[written:]] == limits
        if limits:
            meeting.follow(power=-900.0)
            meeting.stage.elapsed_s -= 1
    assert meeting.statuses == {1: ["ACCEPTED", "STARTED", "SUCCEEDED"]}


def test_a_limit_out_of_range_is_ordered_all_the_same_and_the_offer_told():
    meeting = met()
    outside = f"; outside what is offered: {OFFER}"
    assert meeting.order("limit 2000") == f"#1 limit: L1 -4000 .. 2000 W for 1 d, at once{outside}"
    assert elements(meeting.sent[-1]) == {"ELECTRIC.POWER.L1": [(-4000.0, 2000.0, 86_400_000)]}
    assert meeting.order("limit -4500 for 1 min") == f"#2 limit: L1 -4500 .. 0 W for 1 min, at once{outside}"
    assert meeting.order("limit L2 0").endswith("at once; outside what is offered: nothing of L2")
    assert meeting.statuses == {1: ["REJECTED"], 2: ["REJECTED"], 3: ["REJECTED"]}
    assert not meeting.cem.refusals


def test_with_several_quantities_each_limit_says_its_own():
    meeting = met(TWO_PHASES)
    question = "limit of what? There are L1, L2; say which, such as limit L1 2000"
    assert refusal_of(meeting, "limit -50") == question
    assert meeting.order("limit l2 -50 50 for 1 min and ELECTRIC.POWER.L1 0") == (
        "#1 limit: L2 -50 .. 50 W for 1 min and L1 0 .. 0 W for 1 d, at once"
    )
    assert elements(meeting.sent[-1]) == {
        "ELECTRIC.POWER.L2": [(-50.0, 50.0, 60_000)],
        "ELECTRIC.POWER.L1": [(0.0, 0.0, 86_400_000)],
    }
    assert meeting.applied[-1] == ("limits", "L2 -50..50, L1 0..0")
    assert refusal_of(meeting, "limit L2 0 and L2 1") == "one envelope for each quantity, got L2, L2"
    assert refusal_of(meeting, "limit gas 0") == '"gas" is no quantity and no power; there are L1, L2'


def test_what_is_for_abnormal_conditions_is_within_reach_when_they_are():
    meeting = met(TWO_PHASES)
    outside = "; outside what is offered: L1 lower limit -4000 .. 0 W, upper limit 0 W or 1000 .. 2000 W (abnormal)"
    assert meeting.order("limit L1 1500") == f"#1 limit: L1 -4000 .. 1500 W for 1 d, at once{outside}"
    assert meeting.order("limit L1 1500 abnormal") == "#2 limit: L1 -4000 .. 1500 W for 1 d, at once"
    assert [each["abnormal_condition"] for each in meeting.sent[-2:]] == [False, True]
    assert meeting.statuses == {1: ["REJECTED"], 2: ["ACCEPTED", "STARTED"]}


def test_constraints_and_energy_are_shown_and_what_is_taken_back_is_not():
    need = EnergyNeed(L1, NOON, NOON + timedelta(hours=1), -1000.0, -2000.0)
    roof = Roof(constraints(*constraints().allowed_limit_ranges, valid_until=NOON + timedelta(hours=2)), (need,))
    meeting = Meeting(RoofStage(roof), PEBC, power=-3500.0)
    title = "@1 Played  played-1  0.0.2-beta  POWER_ENVELOPE_BASED_CONTROL"
    power = "power        -3500 W ELECTRIC.POWER.L1"
    assert meeting.shown() == [
        title,
        power,
        f"limits       {OFFER}  VANISH  from 2026-06-01 12:00:00Z until 2026-06-01 14:00:00Z",
        "energy       L1 -2000 .. -1000 W on average from 2026-06-01 12:00:00Z until 2026-06-01 13:00:00Z",
    ]
    roof.offered, roof.needs = constraints(allowed(LOWER, -10, 0), allowed(UPPER, 0, 0)), ()
    meeting.measure(power=-3500.0)
    offer = "L1 lower limit -10 .. 0 W, upper limit 0 W"
    assert meeting.shown() == [title, power, f"limits       {offer}  VANISH  from 2026-06-01 12:00:00Z"]
    assert refusal_of(meeting, "charge 0.5") == (
        f'"charge" cannot be ordered: there is "limit", such as limit 0, within {offer}'
    )


def test_a_limit_goes_by_the_constraints_in_force_at_its_time():
    meeting = met(constraints(*constraints().allowed_limit_ranges, valid_until=NOON + timedelta(hours=2)))
    (now,) = meeting.cem.choices.constraints.values()
    later = replace(now, message_id="later", id="later", valid_from=NOON + timedelta(hours=2), valid_until=None)
    meeting.cem.receive(wire.encode(later).decode())
    for line, constraints_id in (("limit 0", now.id), ("limit 0 in 3 h", later.id), ("limit 0 at 11:00:00Z", later.id)):
        meeting.order(line)
        order = next(each for each in reversed(meeting.sent) if each["message_type"] == "PEBC.Instruction")
        assert order["power_constraints_id"] == constraints_id


def test_without_constraints_there_is_nothing_to_order():
    meeting = met()
    meeting.cem.choices.constraints.clear()
    assert refusal_of(meeting, "limit 0") == '"limit" cannot be ordered: no power constraints are in force'


def test_what_can_be_typed_is_completed():
    assert list(met().cem.choices.completions()) == ["limit", "charge", "stop", "for", "then"]
    words = ["limit", "charge", "stop", "for", "then", "and", "L1", "L2"]
    assert list(met(TWO_PHASES).cem.choices.completions()) == words


def test_an_instruction_is_taken_back_by_number_name_or_id():
    meeting = met()
    for line in ("limit -1 in 1 h", "limit -2 in 2 h", "limit -3 in 3 h", "limit -4 in 4 h"):
        meeting.order(line)
    second = meeting.sent[-3]["id"]
    told = [meeting.order(line).split(" L1")[0] for line in ("revoke 4", f"revoke {second}", "revoke limit", "revoke")]
    assert told == [f"revoked: #{number} limit," for number in (4, 2, 3, 1)]
    assert {statuses[-1] for statuses in meeting.statuses.values()} == {"REVOKED"}
    known = ", ".join(f"#{number} limit (REVOKED)" for number in (1, 2, 3, 4))
    assert refusal_of(meeting, "revoke charge") == f'no instruction is called "charge"; the last are {known}'
    # Whoever says which one may see the resource manager refuse.
    meeting.order("revoke 2")
    assert [refusal.status for refusal in meeting.cem.refusals] == ["INVALID_CONTENT"]


def test_what_could_not_be_taken_back_is_not_tried_again():
    meeting = met()
    meeting.order("limit -1000 for 1 min")
    meeting.follow(power=-900.0)
    meeting.after(120)
    assert meeting.applied[-1] == ("limits", "none")
    meeting.order("revoke")
    assert [refusal.message_type for refusal in meeting.cem.refusals] == ["RevokeObject"]
    assert refusal_of(meeting, "revoke") == "there is no instruction that can be taken back"


CHARGER = constraints(allowed(UPPER, 1380, 11040), allowed(UPPER, 0, 0), allowed(LOWER, 0, 0))


def test_an_owner_charges_at_a_power_or_at_a_share_of_the_largest_and_stops():
    meeting = met(CHARGER)
    assert meeting.order("charge 2 kW") == "#1 limit: L1 0 .. 2000 W for 1 d, at once"
    assert meeting.order("charge 50 % in 1 h") == "#2 limit: L1 0 .. 5520 W for 1 d, at 2026-06-01 13:00:00Z"
    assert meeting.order("stop") == "#3 limit: L1 0 .. 0 W for 1 d, at once"
    assert elements(meeting.sent[-1]) == {L1: [(0, 0, 86_400_000)]}
    assert refusal_of(meeting, "charge") == "charge needs a power, such as charge 2 kW"
    assert refusal_of(meeting, "discharge 2 kW").startswith('"discharge" cannot be ordered: there is "limit"')


def test_a_roof_is_stopped_as_well():
    meeting = met()
    meeting.order("stop")
    assert elements(meeting.sent[-1]) == {L1: [(0, 0, 86_400_000)]}

"""What the session does with the rules: refuses what is wrong, tells what is odd, and keeps its own mistakes back."""

from datetime import timedelta

from s2d.s2.effects import Level, Note
from s2d.s2.messages.common import SessionRequest, SessionRequestType

from .resources_modes import HeatPump, Play, way
from .stage import Stage, notes, told


def test_what_a_cem_says_oddly_is_accepted_and_told() -> None:
    stage = Stage()
    stage.active()
    instruction = stage.instruction("one", stage.charge, 0.5, message_id="cem-select")
    effects = stage.hears(instruction)
    assert told(effects)[0] == "ReceptionStatus OK"
    (doubt,) = [each for each in effects if isinstance(each, Note) and each.event == "message.doubted"]
    assert (doubt.level, doubt.facts["sender"]) == (Level.WARNING, "CEM")
    assert str(doubt.facts["reason"]).startswith("MSG-007 at /message_id: ")


def test_what_is_not_odd_is_not_told() -> None:
    stage = Stage()
    assert "message.doubted" not in notes(stage.active())
    assert "message.doubted" not in notes(stage.hears(stage.instruction("one", stage.charge, 0.5)))
    bye = SessionRequest(message_id="bye", request=SessionRequestType.RECONNECT)
    assert "message.doubted" not in notes(stage.hears(bye))


def test_what_we_say_oddly_is_said_and_told_once_a_session() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 0.5)))
    stage.measured(soc=50.0, power=2500.0)
    stage.utc_step = timedelta(hours=-1)
    effects = [stage.after(301), stage.after(301)]
    assert [told(each).count("FRBC.ActuatorStatus") for each in effects] == [1, 1]
    doubts = [[note for note in each if isinstance(note, Note) and note.event == "message.doubted"] for each in effects]
    assert [len(each) for each in doubts] == [1, 0]
    facts = {
        "message_type": "FRBC.ActuatorStatus",
        "message_id": "rm-27",
        "reason": "MSG-008 at /transition_timestamp: 2026-06-01T12:00:00+00:00 lies ahead",
        "sender": "RM",
    }
    assert doubts[0] == [Note(Level.WARNING, "message.doubted", facts)]


def test_what_we_would_say_against_a_rule_is_kept_back_and_told_as_our_bug() -> None:
    playing = Play(HeatPump(transitions=(way("off", "on"), way("off", "on"))))
    effects = playing.connected()
    withheld = [each for each in effects if isinstance(each, Note) and each.event == "message.withheld"]
    assert "OMBC.SystemDescription" not in told(effects)
    assert withheld[0] == Note(
        Level.ERROR,
        "message.withheld",
        {
            "message_type": "OMBC.SystemDescription",
            "message_id": "rm-3",
            "reason": "ID-003 at /transitions/1/id: 'off-on' stands there before",
        },
    )


def test_a_session_does_not_remember_what_was_said_in_another() -> None:
    stage = Stage()
    stage.active()
    stage.hears(stage.instruction("one", stage.charge, 0.5))
    stage.left()
    stage.active()
    assert told(stage.hears(stage.instruction("one", stage.charge, 0.5)))[0] == "ReceptionStatus OK"

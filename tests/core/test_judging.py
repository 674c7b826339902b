"""What the session does with the rules: refuses what is wrong, tells what is odd, and keeps its own mistakes back."""

from s2d.effects import Level, Note
from s2d.messages.common import SessionRequest, SessionRequestType

from .resources_modes import HeatPump, Play, way
from .stage import Stage, notes, told


def test_what_a_cem_says_oddly_is_accepted_and_told() -> None:
    stage = Stage()
    stage.active()
    instruction = stage.instruction("one", stage.charge, 0.5, message_id="cem-select")
    effects = stage.hears(instruction)
    assert told(effects)[0] == "ReceptionStatus OK"
    (doubt,) = [each for each in effects if isinstance(each, Note) and each.event == "message.doubted"]
    assert doubt.level is Level.WARNING
    assert str(doubt.facts["reason"]).startswith("MSG-007 at /message_id: ")


def test_what_is_not_odd_is_not_told() -> None:
    stage = Stage()
    assert "message.doubted" not in notes(stage.active())
    assert "message.doubted" not in notes(stage.hears(stage.instruction("one", stage.charge, 0.5)))
    bye = SessionRequest(message_id="bye", request=SessionRequestType.RECONNECT)
    assert "message.doubted" not in notes(stage.hears(bye))


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

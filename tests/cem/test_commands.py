"""What can be typed, and what is said when it cannot."""

from datetime import UTC, datetime, time

import pytest

from s2d.cem.commands import CommandRefused, Instruct, Line, Reconnect, Revoke, Select, Terminate, When, parse
from s2d.messages.common import ControlType


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("charge 0.5", Line(Instruct("charge", share=0.5), None)),
        ("  discharge   1  in 30s ", Line(Instruct("discharge", share=1.0, when=When(after_s=30.0)), None)),
        ("idle in 5 min", Line(Instruct("idle", when=When(after_s=300.0)), None)),
        ("idle at 14:30:00Z", Line(Instruct("idle", when=When(at=time(14, 30, tzinfo=UTC))), None)),
        ("idle at 2030-01-01T00:00:00Z", Line(Instruct("idle", when=When(at=datetime(2030, 1, 1, tzinfo=UTC))), None)),
        ("factor charge 0.3 in 1 h", Line(Instruct("charge", factor=0.3, when=When(after_s=3600.0)), None)),
        ("factor slow charge 1", Line(Instruct("slow charge", factor=1.0), None)),
        ("@2 charge 1", Line(Instruct("charge", share=1.0), "2")),
        ("@Home revoke", Line(Revoke(), "Home")),
        ("select pebc", Line(Select(ControlType.POWER_ENVELOPE_BASED_CONTROL), None)),
        ("terminate", Line(Terminate(), None)),
        ("reconnect", Line(Reconnect(), None)),
    ],
)
def test_a_line_is_a_command(line, meaning):
    assert parse(line) == meaning


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", 'expected a command, such as charge 0.5; "help" lists them'),
        ("@1", 'expected a command, such as charge 0.5; "help" lists them'),
        ("@ charge 1", 'expected a command, such as charge 0.5; "help" lists them'),
        ("charge half", 'charge takes a number from 0 to 1, got "half"'),
        ("charge 50", "charge takes a number from 0 to 1, got 50"),
        ("charge nan", "charge takes a number from 0 to 1, got nan"),
        ("charge 1 in 30", 'expected a duration such as "30 s", got "30"'),
        ("charge 1 in -3 s", 'expected a duration between 0 s and a year, got "-3 s"'),
        ("charge 1 in 1e9 d", 'expected a duration between 0 s and a year, got "1e9 d"'),
        ("charge 1 at noon", 'expected a time such as 14:30:00Z, got "noon"'),
        ("charge 1 at 14:30", "14:30 could be anywhere: add Z for UTC, or an offset such as +01:00"),
        ("factor charge", 'factor needs a mode and a number, such as factor charge 0.3, got "charge"'),
        ("factor charge 2", "factor takes a number from 0 to 1, got 2"),
        ("revoke 3", 'revoke stands alone, got "3"'),
        ("revoke in 3 s", "revoke happens at once; only instructions take a time"),
        (
            "select fbrc",
            'expected a control type, one of frbc, pebc, ppbc, ombc, ddbc, not_controlable, no_selection, got "fbrc"',
        ),
    ],
)
def test_a_line_that_asks_nothing_says_what_is_possible(line, sentence):
    with pytest.raises(CommandRefused) as refused:
        parse(line)
    assert str(refused.value) == sentence

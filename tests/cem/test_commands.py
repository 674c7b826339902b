"""What can be typed, and what is said when it cannot."""

from datetime import UTC, datetime, time

import pytest

from s2d.cem.commands import (
    CommandRefused,
    Element,
    Envelope,
    Limit,
    Operate,
    Reconnect,
    Revoke,
    Select,
    SequenceOrder,
    Terminate,
    When,
)
from s2d.cem.grammar import ParsedLine, parse
from s2d.s2.messages.common import ControlType

LIMIT = "limit takes an upper limit, or a lower and an upper one, such as limit 2000 or limit 0 2kW for 15 min"


def limit(*elements, **options):
    return Limit((Envelope(None, elements),), **options)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("charge 0.5", ParsedLine(Operate("charge", share=0.5), None)),
        ("  discharge   1  in 30s ", ParsedLine(Operate("discharge", share=1.0, when=When(after_s=30.0)), None)),
        ("idle in 5 min", ParsedLine(Operate("idle", when=When(after_s=300.0)), None)),
        ("idle at 14:30:00Z", ParsedLine(Operate("idle", when=When(at=time(14, 30, tzinfo=UTC))), None)),
        (
            "idle at 2030-01-01T00:00:00Z",
            ParsedLine(Operate("idle", when=When(at=datetime(2030, 1, 1, tzinfo=UTC))), None),
        ),
        ("factor charge 0.3 in 1 h", ParsedLine(Operate("charge", factor=0.3, when=When(after_s=3600.0)), None)),
        ("factor slow charge 1", ParsedLine(Operate("slow charge", factor=1.0), None)),
        ("@2 charge 1", ParsedLine(Operate("charge", share=1.0), "2")),
        ("@Home revoke", ParsedLine(Revoke(), "Home")),
        ("revoke 3", ParsedLine(Revoke("3"), None)),
        ("charge 0.5 of pump in 30s", ParsedLine(Operate("charge", 0.5, actuator="pump", when=When(30.0)), None)),
        ("idle of second pump", ParsedLine(Operate("idle", actuator="second pump"), None)),
        ("factor slow charge 1 of pump", ParsedLine(Operate("slow charge", factor=1.0, actuator="pump"), None)),
        ("boost 1 abnormal", ParsedLine(Operate("boost", 1.0, is_abnormal=True), None)),
        ("boost abnormal", ParsedLine(Operate("boost", is_abnormal=True), None)),
        ("limit 2000", ParsedLine(limit(Element(None, 2000.0)), None)),
        ("limit -2000", ParsedLine(limit(Element(-2000.0, None)), None)),
        ("limit 0", ParsedLine(limit(Element(0.0, 0.0)), None)),
        ("limit -3000 5000 for 15m", ParsedLine(limit(Element(-3000.0, 5000.0, 900.0)), None)),
        (
            "limit -3kW 5.5 kW for 15 min in 5s",
            ParsedLine(limit(Element(-3000.0, 5500.0, 900.0), when=When(5.0)), None),
        ),
        (
            "limit 0 4000 for 1h then 2000 for 30s then 0 abnormal",
            ParsedLine(
                limit(Element(0.0, 4000.0, 3600.0), Element(None, 2000.0, 30.0), Element(0.0, 0.0), is_abnormal=True),
                None,
            ),
        ),
        (
            "limit L1 1 and L2 2 3",
            ParsedLine(Limit((Envelope("L1", (Element(None, 1.0),)), Envelope("L2", (Element(2.0, 3.0),)))), None),
        ),
        ("schedule", ParsedLine(SequenceOrder("schedule"), None)),
        ("schedule 1 2 in 5 min", ParsedLine(SequenceOrder("schedule", ("1", "2"), When(300.0)), None)),
        ("interrupt wash abnormal", ParsedLine(SequenceOrder("interrupt", ("wash",), is_abnormal=True), None)),
        ("@2 resume", ParsedLine(SequenceOrder("resume"), "2")),
        ("select pebc", ParsedLine(Select(ControlType.POWER_ENVELOPE_BASED_CONTROL), None)),
        ("terminate", ParsedLine(Terminate(), None)),
        ("reconnect", ParsedLine(Reconnect(), None)),
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
        ("charge half", 'charge takes a number from 0 to 1, or a power such as 2 kW, got "half"'),
        ("charge 50", "charge takes a number from 0 to 1, got 50"),
        ("charge nan", "charge takes a number from 0 to 1, got nan"),
        ("charge 1 in 30", 'expected a duration such as "30 s", got "30"'),
        ("charge 1 in -3 s", 'expected a duration between 0 s and a year, got "-3 s"'),
        ("charge 1 in 1e9 d", 'must be at most 365 d, got "1e9 d"'),
        ("charge 1 at noon", 'expected a time such as 14:30:00Z, got "noon"'),
        ("charge 1 at 14:30", "14:30 could be anywhere: add Z for UTC, or an offset such as +01:00"),
        ("factor charge", 'factor needs a mode and a number, such as factor charge 0.3, got "charge"'),
        ("factor charge 2", "factor takes a number from 0 to 1, got 2"),
        ("terminate 3", 'terminate stands alone, got "3"'),
        ("revoke in 3 s", "revoke happens at once; only instructions take a time"),
        ("0.5", 'expected a command, such as charge 0.5, got "0.5"; "help" lists them'),
        ("charge one half", 'charge takes a number from 0 to 1, or a power such as 2 kW, got "one half"'),
        ("limit", f'{LIMIT}, got ""'),
        ("limit much", f'{LIMIT}, got "much"'),
        ("limit 1 2 3", f'{LIMIT}, got "1 2 3"'),
        ("limit nan", f'{LIMIT}, got "nan"'),
        ("limit L1 much", f'{LIMIT}, got "much"'),
        ("limit 0 4 kV", f'{LIMIT}, got "0 4 kV"'),
        ("limit 3 2", "the lower limit stands first, got 3 and 2"),
        ("limit 0 for", 'expected a duration such as "30 s", got ""'),
        ("limit 0 for ever", 'expected a duration such as "30 s", got "ever"'),
        (
            "limit 0 then 0 for 1h",
            'all but the last limits need a duration, such as 0 4000 for 15 min, got "0 then 0 for 1h"',
        ),
        (f"limit {' then '.join(['0 for 1s'] * 289)}", "an envelope has at most 288 elements, got 289"),
        ("schedule a b c d", 'schedule takes a profile, a container and a sequence, got "a b c d"'),
        ("select in 3 s", "select happens at once; only instructions take a time"),
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

"""Scripts: what stands in the file, and every mistake with its place."""

from datetime import UTC, time

import pytest

from s2d.cem.commands import Element, Envelope, Limit, Operate, Revoke, Select, SequenceOrder, Terminate, When
from s2d.cem.script import CommandStep, WaitForStep, WaitStep, load, steps_of
from s2d.config.yaml_source import SourcePosition
from s2d.errors import ConfigError
from s2d.s2.messages.common import ControlType


def test_a_script_is_read_step_by_step():
    text = """\
- wait for: FRBC.StorageStatus
- charge: 0.5
- wait: 5 s
- discharge: 1
  in: 10 s
  to: Home
- wait for: SUCCEEDED
  within: 2 min
- idle:
- factor: charge 0.3
- "@2 charge 1 in 30s"
- revoke
- select: no_selection
- wait for: control type
- limit: -3000 5000 for 15m then 0 for 1h
  in: 10 s
- limit: 2000
- schedule: wash eco
  at: 14:30:00Z
- interrupt
- resume: wash
- revoke: 2
- charge: 0.5 of pump
- terminate
"""
    spot = {number: SourcePosition("script.yaml", number, 3) for number in range(1, 25)}
    elements = (Element(-3000.0, 5000.0, 900.0), Element(0.0, 0.0, 3600.0))
    assert steps_of(text, "script.yaml") == [
        WaitForStep(spot[1], "FRBC.StorageStatus"),
        CommandStep(spot[2], Operate("charge", share=0.5)),
        WaitStep(spot[3], 5.0),
        CommandStep(spot[4], Operate("discharge", share=1.0, when=When(after_s=10.0)), "Home"),
        WaitForStep(spot[7], "SUCCEEDED", 120.0),
        CommandStep(spot[9], Operate("idle")),
        CommandStep(spot[10], Operate("charge", factor=0.3)),
        CommandStep(spot[11], Operate("charge", share=1.0, when=When(after_s=30.0)), "2"),
        CommandStep(spot[12], Revoke()),
        CommandStep(spot[13], Select(ControlType.NO_SELECTION)),
        WaitForStep(spot[14], "control type"),
        CommandStep(spot[15], Limit((Envelope(None, elements),), When(after_s=10.0))),
        CommandStep(spot[17], Limit((Envelope(None, (Element(None, 2000.0),)),))),
        CommandStep(spot[18], SequenceOrder("schedule", ("wash", "eco"), When(at=time(14, 30, tzinfo=UTC)))),
        CommandStep(spot[20], SequenceOrder("interrupt")),
        CommandStep(spot[21], SequenceOrder("resume", ("wash",))),
        CommandStep(spot[22], Revoke("2")),
        CommandStep(spot[23], Operate("charge", 0.5, actuator="pump")),
        CommandStep(spot[24], Terminate()),
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["s.yaml:1:1: the file is empty"]),
        ("charge: 1", ['s.yaml:1:1: a script is a list of steps, got a mapping. For example "- charge: 0.5"']),
        ("[]", ['s.yaml:1:1: a script is a list of steps, got a list. For example "- charge: 0.5"']),
        ("- 3", ["s.yaml:1:3: step 1: expected a mapping, got 3"]),
        ("- charge 3", ["s.yaml:1:3: step 1: charge takes a number from 0 to 1, got 3"]),
        ("- charge: 3\n- idle:\n- charge: no", [
            "s.yaml:1:11: step 1: charge takes a number from 0 to 1, got 3",
            's.yaml:3:11: step 3: charge takes a number from 0 to 1, or a power such as 2 kW, got "no"',
        ]),
        ("- limit: 5 3", ["s.yaml:1:10: step 1: the lower limit stands first, got 5 and 3"]),
        ("- charge: [1]", ["s.yaml:1:11: step 1: expected one value, got a list"]),
        ("- wait: 5", ['s.yaml:1:9: step 1: expected a duration such as "30 s", got "5"']),
        ("- wait: -5 s", ['s.yaml:1:9: step 1: must not be negative, got "-5 s"']),
        ("- charge: 1\n  in: soon", ['s.yaml:2:7: step 1: expected a duration such as "30 s", got "soon"']),
        ("- charge: 1\n  at: 12:00", [
            "s.yaml:2:7: step 1: 12:00 could be anywhere: add Z for UTC, or an offset such as +01:00"
        ]),
        ("- charge: 1\n  in: 1 s\n  at: 12:00:00Z", ['s.yaml:3:3: step 1: "in" and "at" exclude each other']),
        ("- charge: 1\n  idle:", [
            "s.yaml:2:3: step 1: one step says one thing, got charge and idle. Begin each step with a dash"
        ]),
        ("- in: 3 s", ["s.yaml:1:3: step 1: one step says one thing, got none. Begin each step with a dash"]),
        ("- wait: 3 s\n  to: Home", ['s.yaml:2:3: step 1: "to" does not go with "wait"']),
        ("- wait for: SUCCEEDED\n  in: 3 s", [
            's.yaml:2:3: step 1: "in" does not go with "wait for". It goes with within and to'
        ]),
        ("- revoke:\n  in: 3 s", ["s.yaml:1:10: step 1: revoke happens at once; only instructions take a time"]),
        ("- wait for: FRBC.StorageState", [
            "s.yaml:1:13: step 1: expected control type, a message type or one of NEW, ACCEPTED, REJECTED, REVOKED, "
            'STARTED, SUCCEEDED, ABORTED, got "FRBC.StorageState". Did you mean "FRBC.StorageStatus"?'
        ]),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(text, problems):
    with pytest.raises(ConfigError) as error:
        steps_of(text, "s.yaml")
    assert str(error.value).splitlines() == problems


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value) == f"{path}: cannot be read: No such file or directory"

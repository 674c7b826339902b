"""What the CEM says under every control type, as another implementation of S2 reads it."""

import json
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from meeting import Meeting
from s2python.s2_parser import S2Parser

from s2d.cem.commands import CONTROL_TYPES
from tests.core.resources_modes import HeatPump, Hybrid, Play, Tank
from tests.core.resources_roof import RoofStage
from tests.core.resources_washer import WasherStage


def with_uuids(part, name=""):
    """*part* with the ids of our made-up resources as s2-python wants them."""
    match part:
        case dict():
            return {key: with_uuids(value, key) for key, value in part.items()}
        case list():
            return [with_uuids(each, name) for each in part]
        case str() if name.endswith("id") or name == "operation_mode":
            try:
                return str(UUID(part))
            except ValueError:
                return str(uuid5(NAMESPACE_URL, part))
    return part


@pytest.mark.parametrize(
    ("name", "new_stage", "readings", "lines"),
    [
        ("frbc", lambda: Play(Tank()), {}, ("on 0.5 of pump", "revoke")),
        ("ombc", lambda: Play(HeatPump()), {}, ("on 0.5 in 1 h", "revoke")),
        ("ddbc", lambda: Play(Hybrid()), {}, ("on 0.5 of pump", "revoke")),
        ("pebc", RoofStage, {"power": 0.0}, ("limit -1000 for 1h then 0", "revoke")),
        (
            "ppbc",
            WasherStage,
            {"power": 0.0},
            ("schedule quick", "interrupt wash quick", "resume wash quick", "revoke 1"),
        ),
    ],
)
def test_s2_python_reads_every_order(name, new_stage, readings, lines):
    meeting = Meeting(new_stage(), CONTROL_TYPES[name], **readings)
    for line in lines:
        meeting.order(line)
    for said in meeting.sent[-len(lines) :]:
        assert said["message_type"].startswith((name.upper(), "RevokeObject"))
        order = with_uuids(said)
        read = json.loads(S2Parser().parse_as_any_message(order).to_json())
        assert read == order

"""What we write is what S2 publishes: judged by the published schemas and by s2-python, both from outside."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from s2python.s2_parser import S2Parser

from s2d.s2.effects import Connected, Received, Stopping
from s2d.s2.messages import wire
from s2d.s2.messages.common import (
    ControlType,
    ReceptionStatus,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    Tagged,
)

from ..core.stage import BASIC, FRBC, Stage, settings
from ..published import examples, has_schema, needs_spec, violations

MESSAGES_OF_BETA = wire.MESSAGES_OF["0.0.2-beta"]


class UuidStage(Stage):
    def new_id(self) -> str:
        return str(uuid4())

    def instruction(self, name: str, mode: str, factor: float, **changes: object) -> Tagged:  # type: ignore[override]
        ids = {"id": str(uuid4()), "message_id": str(uuid4())}
        return super().instruction(name, mode, factor, **(ids | changes))  # type: ignore[arg-type]


def everything_said(stage: Stage) -> list[Tagged]:
    """A day in the life of a battery: each message that an RM for it ever writes, in all its variants."""
    stage.negotiated()
    stage.measured(soc=50.0, power=0.0, power_l1=0.0, power_l2=0.0, power_l3=0.0)
    stage.hears(SelectControlType(message_id=str(uuid4()), control_type=FRBC))
    stage.confirmed(*stage.hears(stage.instruction("", stage.charge, 0.5)))
    stage.elapsed_s += 1.25
    stage.measured(soc=51.0, power=2500.0, power_l1=800.0, power_l2=800.0, power_l3=900.0)
    stage.hears(stage.instruction("", stage.discharge, 0.0))
    stage.hears(stage.instruction("", stage.idle, 0.0))
    later = str(uuid4())
    stage.hears(stage.instruction("", stage.charge, 1.0, id=later, after_s=60.0))
    revoke = RevokeObject(message_id=str(uuid4()), object_type=RevokableObjects.FRBC_INSTRUCTION, object_id=later)
    stage.hears(revoke)
    stage.hears(revoke)
    stage.hears(stage.instruction("", stage.charge, 7.0))
    stage.on(Received("{"))
    stage.measured(soc=95.0)
    stage.hears(stage.instruction("", stage.charge, 1.0))
    stage.after(400)
    stage.hears(SelectControlType(message_id=str(uuid4()), control_type=ControlType.NO_SELECTION))
    stage.on(Stopping())
    return stage.said


@pytest.fixture(
    params=[
        UuidStage(),
        UuidStage(settings=settings(phases=3, min_charge_power_w=200.0, fill_level_unit="Wh")),
        UuidStage(settings=settings(phases=3), points=(*BASIC, "power_l1", "power_l2", "power_l3")),
    ],
    ids=["one phase", "three phases", "three phases measured one by one"],
)
def frames(request: pytest.FixtureRequest) -> list[str]:
    # The stories call resource and messages by names; on the wire they are UUIDs.
    stage = UuidStage(settings=request.param.settings, points=request.param.points)
    names = {f'"{name}"': f'"{uuid4()}"' for name in ("battery-1", "cem-hello", "cem-version")}
    frames = [wire.encode(message).decode() for message in everything_said(stage)]
    return [re.sub("|".join(names), lambda name: names[name[0]], frame) for frame in frames]


def test_the_story_holds_every_message_we_write(frames: list[str]) -> None:
    assert {json.loads(frame)["message_type"] for frame in frames} == {
        "Handshake",
        "ReceptionStatus",
        "ResourceManagerDetails",
        "SessionRequest",
        "FRBC.SystemDescription",
        "FRBC.StorageStatus",
        "FRBC.ActuatorStatus",
        "PowerMeasurement",
        "InstructionStatusUpdate",
    }


@needs_spec
def test_all_we_write_is_valid_by_the_published_schemas(frames: list[str]) -> None:
    assert [(frame, violations(json.loads(frame))) for frame in frames if violations(json.loads(frame))] == []


def test_all_we_write_is_accepted_by_s2_python(frames: list[str]) -> None:
    for frame in frames:
        assert json.loads(S2Parser.parse_as_any_message(frame).to_json())["message_type"]


def test_all_we_write_begins_with_its_type_and_has_no_null(frames: list[str]) -> None:
    for frame in frames:
        assert frame.startswith('{"message_type":')
        assert "null" not in frame


@needs_spec
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_published_examples_are_read_and_written_back_the_same(path: Path) -> None:
    example = json.loads(path.read_text())
    assert json.loads(wire.encode(wire.decode(path.read_text()))) == example


def test_each_version_has_all_its_messages() -> None:
    names = {version: {wire.name_of(message) for message in messages} for version, messages in wire.MESSAGES_OF.items()}
    assert len(names["0.0.2-beta"]) == 35
    assert names["1.0.0"] == names["0.0.2-beta"] | {"DDBC.PresentDemandStatus"}


@needs_spec
@pytest.mark.parametrize("message", MESSAGES_OF_BETA, ids=wire.name_of)
def test_each_of_our_messages_is_a_published_one(message: type[Tagged]) -> None:
    assert has_schema(wire.name_of(message))
    assert message is ReceptionStatus or "message_id" in message.__struct_fields__


def test_a_frame_cut_anywhere_is_answered_and_nothing_more() -> None:
    stage = UuidStage()
    stage.on(Connected())
    frame = wire.encode(SelectControlType(message_id=str(uuid4()), control_type=FRBC)).decode()
    for length in range(len(frame)):
        stage.on(Received(frame[:length]))
        answer = stage.said[-1]
        assert isinstance(answer, ReceptionStatus)
        assert answer.status == "INVALID_DATA"

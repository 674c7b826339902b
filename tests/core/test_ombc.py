"""A heat pump steered by OMBC: its description, its status, and what instructions may ask for."""

from typing import Any

import pytest

from s2d.rm.control.ombc import WHOLE
from s2d.s2.effects import Apply
from s2d.s2.messages import ombc
from s2d.s2.messages.common import (
    InstructionStatus,
    InstructionStatusUpdate,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
)
from s2d.values import Setpoint

from .resources_modes import COMPRESSOR, POWER, REST, RUN, HeatPump, Play, messages
from .stage import NOON, applied, said, told

LONG_AGO = NOON.replace(day=31, month=5)


def revoke(object_type: RevokableObjects, object_id: str) -> RevokeObject:
    return RevokeObject(message_id="revoke", object_type=object_type, object_id=object_id)


def test_selecting_ombc_describes_the_machine_then_says_how_it_stands() -> None:
    playing = Play(HeatPump())
    playing.seen(resource="on 0.5")
    assert messages(playing.connected()) == [
        ombc.SystemDescription(
            message_id="rm-3",
            valid_from=NOON,
            operation_modes=tuple(
                ombc.OperationMode(id=mode, power_ranges=POWER, abnormal_condition_only=False)
                for mode in ("off", "on", "boost")
            ),
            transitions=COMPRESSOR,
            timers=(REST, RUN),
        ),
        ombc.Status(message_id="rm-4", active_operation_mode_id="on", operation_mode_factor=0.5),
        ombc.TimerStatus(message_id="rm-5", timer_id="rest", finished_at=LONG_AGO),
        ombc.TimerStatus(message_id="rm-6", timer_id="run", finished_at=LONG_AGO),
    ]


def test_an_instruction_lives_from_accepted_to_succeeded() -> None:
    playing = Play(HeatPump())
    playing.connected()
    effects = playing.orders("on 0.5", name="one")
    assert told(effects) == [
        "ReceptionStatus OK",
        "InstructionStatusUpdate ACCEPTED",
        "InstructionStatusUpdate STARTED",
        "OMBC.TimerStatus",
    ]
    assert Apply(Setpoint(WHOLE, "on 0.5", "instruction one")) in effects
    update = said(playing.follows(effects))[-1]
    assert isinstance(update, InstructionStatusUpdate)
    assert (update.instruction_id, update.status_type) == ("one", InstructionStatus.SUCCEEDED)


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"operation_mode_id": "sleep"}, "OMBC-003 at /operation_mode_id: 'sleep' is not a mode of it"),
        ({"operation_mode_factor": 1.01}, "NUM-004 at /operation_mode_factor: a factor lies between 0 and 1"),
        ({"operation_mode_factor": -0.01}, "NUM-004 at /operation_mode_factor: a factor lies between 0 and 1"),
        ({"id": "known"}, "INST-001 at /id: 'known' was used before in this session"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_reception_and_changes_nothing(changes: dict[str, Any], label: str) -> None:
    playing = Play(HeatPump())
    playing.connected()
    playing.orders("on 1", name="known")
    effects = playing.orders("on 0.5", name="bad", **changes)
    assert said(effects) == [
        ReceptionStatus(
            subject_message_id="m-bad", status=ReceptionStatusValues.INVALID_CONTENT, diagnostic_label=label
        )
    ]
    assert applied(effects) == []


def test_what_the_device_cannot_do_now_is_rejected() -> None:
    playing = Play(HeatPump(obstacle="the device does not answer"))
    playing.connected()
    effects = playing.orders("on 1")
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
    assert applied(effects) == []


def test_an_instruction_not_followed_is_aborted_and_the_device_brought_to_its_default() -> None:
    playing = Play(HeatPump())
    playing.connected()
    playing.orders("on 1")
    assert applied(playing.after(59)) == []
    effects = playing.after(1)
    assert told(effects) == ["InstructionStatusUpdate ABORTED"]
    assert applied(effects) == [(WHOLE, "off 0")]


def test_a_cem_may_revoke_its_instruction_and_nothing_else() -> None:
    playing = Play(HeatPump())
    playing.connected()
    playing.orders("on 1", name="later", after_s=60)
    (answer,) = said(playing.hears(revoke(RevokableObjects.OMBC_SYSTEM_DESCRIPTION, "later")))
    assert isinstance(answer, ReceptionStatus)
    label = "REV-002 at /object_type: a CEM may not revoke a OMBC.SystemDescription"
    assert (answer.status, answer.diagnostic_label) == (ReceptionStatusValues.INVALID_CONTENT, label)
    effects = playing.hears(revoke(RevokableObjects.OMBC_INSTRUCTION, "later"))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REVOKED"]
    assert applied(playing.after(120)) == []


def test_a_cem_that_wants_only_verdicts_gets_them_beside_the_timers() -> None:
    playing = Play(HeatPump(), updates="final")
    playing.connected()
    effects = playing.orders("on 1")
    assert told(effects) == ["ReceptionStatus OK", "OMBC.TimerStatus"]
    assert told(playing.follows(effects)) == ["OMBC.Status", "InstructionStatusUpdate SUCCEEDED"]

"""What fuzzing found, told as stories."""

from s2d.s2.effects import Received
from s2d.s2.messages.common import (
    NIL_ID,
    InstructionStatusUpdate,
    ReceptionStatus,
    ReceptionStatusValues,
    SessionRequest,
    SessionRequestType,
)
from s2d.s2.session import UNANSWERED_LIMIT

from ..core.stage import OK, Stage, said, told
from .trial import Trial


def test_a_cem_may_answer_in_any_order() -> None:
    stage = Stage()
    stage.active()
    earlier, later = (said(stage.measured(soc=soc))[0] for soc in (60.0, 70.0))
    for status in (later, earlier):
        assert stage.hears(ReceptionStatus(subject_message_id=status.message_id, status=OK)) == []  # type: ignore[attr-defined]


def test_nothing_is_said_again_while_the_session_closes() -> None:
    stage = Stage()
    stage.active()
    (status,) = said(stage.measured(soc=60.0))
    temporary = ReceptionStatusValues.TEMPORARY_ERROR
    stage.hears(ReceptionStatus(subject_message_id=status.message_id, status=temporary))  # type: ignore[attr-defined]
    stage.hears(SessionRequest(message_id="cem-end", request=SessionRequestType.TERMINATE))
    assert said(stage.after(10.0)) == []


def test_a_reception_status_with_a_key_twice_is_not_answered() -> None:
    stage = Stage()
    stage.active()
    frame = f'{{"message_type":"ReceptionStatus","subject_message_id":"{NIL_ID}","status":"OK","status":"OK"}}'
    assert told(stage.on(Received(frame))) == []


def test_a_cem_that_never_has_time_fills_no_memory() -> None:
    trial = Trial("active")
    stage, temporary = trial.stage, ReceptionStatusValues.TEMPORARY_ERROR
    for count in range(UNANSWERED_LIMIT + 10):
        effects = stage.hears(stage.instruction(f"i{count}", stage.charge, 0.5, after_s=60.0 + count))
        for update in said(effects):
            if isinstance(update, InstructionStatusUpdate):
                trial.happens(stage.hears(ReceptionStatus(subject_message_id=update.message_id, status=temporary)))
    trial.passes(10.0)
    trial.goes_on()

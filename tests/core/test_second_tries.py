"""What a CEM had no time for is told a second time, unless it holds no more."""

from datetime import timedelta

import pytest

from s2d.rm.control.pebc.control import EnergyNeed
from s2d.s2.messages.common import Message, ReceptionStatus, ReceptionStatusValues, RevokeObject

from .resources_played import L1
from .resources_roof import Roof, RoofStage
from .resources_washer import WasherStage
from .stage import NOON, notes, said, told


@pytest.mark.parametrize("is_answered_first", [True, False])
def test_a_task_that_is_withdrawn_is_not_told_a_second_time(is_answered_first: bool) -> None:
    stage = WasherStage()
    definition, status = (message for message in said(stage.active())[1:3] if isinstance(message, Message))
    answers = [
        ReceptionStatus(subject_message_id=each.message_id, status=ReceptionStatusValues.TEMPORARY_ERROR)
        for each in (definition, status)
    ]
    if is_answered_first:
        for answer in answers:
            stage.hears(answer)
    stage.washer.task = None
    assert told(stage.measured(power=0.0)) == ["RevokeObject"]
    if not is_answered_first:
        for answer in answers:
            stage.hears(answer)
    effects = stage.after(10)
    assert told(effects) == []
    assert "message.withheld" not in notes(effects)


def test_of_several_revocations_each_is_told_a_second_time() -> None:
    now = NOON
    needs = tuple(EnergyNeed(L1, now, now + timedelta(hours=hours), 0.0, -1000.0) for hours in (1, 2))
    stage = RoofStage(Roof(needs=needs))
    stage.active()
    stage.roof.needs = ()
    revocations = [message for message in said(stage.measured(power=0.0)) if isinstance(message, RevokeObject)]
    assert len(revocations) == 2
    temporary = ReceptionStatusValues.TEMPORARY_ERROR
    for each in revocations:
        stage.hears(ReceptionStatus(subject_message_id=each.message_id, status=temporary))
    assert told(stage.after(6)) == ["RevokeObject", "RevokeObject"]

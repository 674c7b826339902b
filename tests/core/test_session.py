"""The conversation on one connection: phases, answers, the ledger of what was said."""

import itertools

import pytest

from s2d.errors import LocalProtocolError
from s2d.s2.effects import Close, Connected, Note, Received, ReconnectPolicy, Send, Started
from s2d.s2.messages import ddbc, frbc, ombc, wire
from s2d.s2.messages.common import (
    NIL_ID,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    Message,
    PowerMeasurement,
    ReceptionStatus,
    ReceptionStatusValues,
    ResourceManagerDetails,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2d.s2.session import Session

from .resources_modes import DEMAND, Hybrid
from .stage import FRBC, NOON, OK, Stage, applied, closed, notes, said, told

INVALID_DATA = ReceptionStatusValues.INVALID_DATA
INVALID_MESSAGE = ReceptionStatusValues.INVALID_MESSAGE
INVALID_CONTENT = ReceptionStatusValues.INVALID_CONTENT
TEMPORARY_ERROR = ReceptionStatusValues.TEMPORARY_ERROR
PERMANENT_ERROR = ReceptionStatusValues.PERMANENT_ERROR


def test_a_connection_begins_with_our_handshake() -> None:
    stage = Stage()
    stage.on(Started())
    assert stage.on(Connected()) == [
        Send(
            Handshake(
                message_id="rm-1",
                role=EnergyManagementRole.RM,
                supported_protocol_versions=("0.0.2-beta", "1.0.0"),
            )
        )
    ]


@pytest.mark.parametrize("version", ["0.0.2-beta", "v0.0.2-beta", "1.0.0", "v1.0.0"])
@pytest.mark.parametrize("says_hello", [True, False])
def test_the_cem_settles_the_version_with_or_without_a_handshake_of_its_own(version: str, says_hello: bool) -> None:
    stage = Stage()
    stage.measured(soc=50.0, power=0.0)
    stage.on(Connected())
    if says_hello:
        hello = Handshake(message_id="hello", role=EnergyManagementRole.CEM)
        assert told(stage.hears(hello)) == ["ReceptionStatus OK"]
    effects = stage.hears(HandshakeResponse(message_id="version", selected_protocol_version=version))
    assert told(effects) == ["ReceptionStatus OK", "ResourceManagerDetails"]


@pytest.mark.parametrize("version", ["0.0.3", "1.0", "1.0.0-rc1", "", "v"])
def test_a_version_we_did_not_offer_ends_the_session(version: str) -> None:
    stage = Stage()
    stage.on(Connected())
    effects = stage.hears(HandshakeResponse(message_id="version", selected_protocol_version=version))
    assert told(effects) == ["ReceptionStatus INVALID_CONTENT", "SessionRequest"]
    assert [close.back for close in closed(effects)] == [ReconnectPolicy.LATE]
    assert stage.hears(HandshakeResponse(message_id="again", selected_protocol_version="1.0.0")) == []


def test_two_resource_managers_have_nothing_to_say_to_each_other() -> None:
    stage = Stage()
    stage.on(Connected())
    effects = stage.hears(Handshake(message_id="hello", role=EnergyManagementRole.RM))
    assert told(effects) == ["ReceptionStatus INVALID_CONTENT"]


@pytest.mark.parametrize(
    ("frame", "subject", "status"),
    [
        (b"{}", NIL_ID, INVALID_DATA),
        ("", NIL_ID, INVALID_DATA),
        ("hello", NIL_ID, INVALID_DATA),
        ("[]", NIL_ID, INVALID_DATA),
        ("null", NIL_ID, INVALID_DATA),
        ("{}", NIL_ID, INVALID_DATA),
        ("[" * 100_000, NIL_ID, INVALID_DATA),
        ('{"message_type":"Hello","message_id":"aa","x":' + "[" * 100_000, NIL_ID, INVALID_DATA),
        ('{"message_type":"Hello","message_id":"aa"', NIL_ID, INVALID_DATA),
        ('{"message_type":"SelectControlType"}', NIL_ID, INVALID_DATA),
        ('{"message_type":"SelectControlType","message_id":"!"}', NIL_ID, INVALID_DATA),
        ('{"message_type":"SelectControlType","message_id":17}', NIL_ID, INVALID_DATA),
        ('{"message_type":"SelectControlType","message_id":"aa","message_id":"aa"}', "aa", INVALID_MESSAGE),
        (
            '{"message_type":"SelectControlType","message_id":"aa","message_id":"aa","control_type":"NO_SELECTION"}',
            NIL_ID,
            INVALID_DATA,
        ),
        (
            '{"message_type":"SelectControlType","message_id":"aa","control_type":"NO_SELECTION","x":"\\u0022"}',
            "aa",
            INVALID_MESSAGE,
        ),
        ('{"message_type":"SelectControlType","message_id":"aa"}', "aa", INVALID_MESSAGE),
        ('{"message_type":"SelectControlType","message_id":"aa","control_type":"FRBC"}', "aa", INVALID_MESSAGE),
        ('{"message_type":"SelectControlType","message_id":"a b","control_type":"NO_SELECTION"}', NIL_ID, INVALID_DATA),
        ('{"message_type":"Hello","message_id":"aa"}', "aa", INVALID_MESSAGE),
        ('{"message_type":"Handshake","message_id":"aa","role":"RM","role":"CEM"}', NIL_ID, INVALID_DATA),
        (
            '{"message_type":"FRBC.ActuatorStatus","message_id":"aa","actuator_id":"bb","active_operation_mode_id":"cc",'
            '"operation_mode_factor":0,"previous_operation_mode_id":"é!é"}',
            "aa",
            INVALID_MESSAGE,
        ),
        (
            '{"message_type":"SessionRequest","message_id":"aa","request":"TERMINATE","diagnostic_label":"a, b",'
            '"request":"RECONNECT"}',
            NIL_ID,
            INVALID_DATA,
        ),
        ('{"message_id":"aa"}', "aa", INVALID_MESSAGE),
        (
            '{"message_type":"PowerMeasurement","message_id":"aa","measurement_timestamp":"2026-01-01T00:00:00Z",'
            '"values":[{"commodity_quantity":"ELECTRIC.POWER.L1","value":NaN}]}',
            NIL_ID,
            INVALID_DATA,
        ),
        (
            '{"message_type":"RevokeObject","message_id":"aa","object_type":"FRBC.Instruction","object_id":"sp ace"}',
            "aa",
            INVALID_MESSAGE,
        ),
    ],
)
def test_what_cannot_be_read_is_answered_once_and_the_session_lives_on(
    frame: str | bytes, subject: str, status: ReceptionStatusValues
) -> None:
    stage = Stage()
    stage.active()
    answers = said(stage.on(Received(frame)))
    assert [(a.subject_message_id, a.status) for a in answers if isinstance(a, ReceptionStatus)] == [(subject, status)]
    assert len(answers) == 1
    assert told(stage.hears(stage.instruction("next", stage.charge, 1.0)))[0] == "ReceptionStatus OK"


@pytest.mark.parametrize(
    "frame",
    [
        '{"message_type":"ReceptionStatus"}',
        '{"message_type":"ReceptionStatus","subject_message_id":"aa","status":"FINE"}',
        '{"message_type":"ReceptionStatus","message_id":"bb","subject_message_id":"aa","status":"OK"}',
    ],
)
def test_a_malformed_reception_status_is_never_answered(frame: str) -> None:
    stage = Stage()
    stage.active()
    effects = stage.on(Received(frame))
    assert said(effects) == []
    assert notes(effects) == ["message.refused"]


def test_an_absent_property_may_be_null() -> None:
    stage = Stage()
    stage.active()
    stage.elapsed_s += 1
    effects = stage.on(
        Received('{"message_type":"ReceptionStatus","subject_message_id":"aa","status":"OK","diagnostic_label":null}')
    )
    assert notes(effects) == ["reception_status.unexpected"]


A_CEM_SAYS: dict[type[Message], Message] = {
    Handshake: Handshake(message_id="x1", role=EnergyManagementRole.CEM),
    HandshakeResponse: HandshakeResponse(message_id="x2", selected_protocol_version="1.0.0"),
    SelectControlType: SelectControlType(message_id="x3", control_type=ControlType.NOT_CONTROLABLE),
    SessionRequest: SessionRequest(message_id="x4", request=SessionRequestType.RECONNECT),
    RevokeObject: RevokeObject(message_id="x5", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id="held"),
    frbc.Instruction: frbc.Instruction(
        message_id="x6",
        id="x6",
        actuator_id="to be replaced",
        operation_mode="to be replaced",
        operation_mode_factor=0.5,
        execution_time=NOON,
        abnormal_condition=False,
    ),
    ombc.Instruction: ombc.Instruction(
        message_id="x11",
        id="x11",
        operation_mode_id="xx",
        operation_mode_factor=0.5,
        execution_time=NOON,
        abnormal_condition=False,
    ),
}
ONLY_AN_RM_SAYS: list[Message] = [
    ResourceManagerDetails(
        message_id="x7",
        resource_id="xx",
        roles=(),
        instruction_processing_delay=0,
        available_control_types=(FRBC,),
        provides_forecast=False,
        provides_power_measurement_types=(),
    ),
    InstructionStatusUpdate(message_id="x8", instruction_id="xx", status_type=InstructionStatus.NEW, timestamp=NOON),
    PowerMeasurement(message_id="x9", measurement_timestamp=NOON, values=()),
    frbc.StorageStatus(message_id="x10", present_fill_level=1.0),
]

NEGOTIATING = {Handshake, HandshakeResponse, SessionRequest}
INITIALISED = {SelectControlType, SessionRequest}
ACTIVE = {SelectControlType, SessionRequest, RevokeObject, frbc.Instruction}


@pytest.mark.parametrize("message_type", A_CEM_SAYS)
@pytest.mark.parametrize(
    ("phase", "welcome"), [("negotiating", NEGOTIATING), ("initialised", INITIALISED), ("active", ACTIVE)]
)
def test_each_message_is_welcome_in_its_phases_only(
    phase: str, welcome: set[type[Message]], message_type: type[Message]
) -> None:
    stage = Stage()
    if phase == "negotiating":
        stage.on(Connected())
    elif phase == "initialised":
        stage.negotiated()
    else:
        stage.active()
        stage.hears(stage.instruction("held", stage.charge, 1.0, after_s=60))
    message = A_CEM_SAYS[message_type]
    if message_type is frbc.Instruction:
        message = stage.instruction("x6", stage.charge, 0.5, message_id="x6")
    answer = said(stage.hears(message))[0]
    assert isinstance(answer, ReceptionStatus)
    expected = OK if message_type in welcome else INVALID_CONTENT
    assert (answer.subject_message_id, answer.status) == (message.message_id, expected)


@pytest.mark.parametrize(
    ("selects", "why"),
    [(True, "instruction 'held' has ended"), (False, "nothing can be revoked while no control type is active")],
)
def test_a_revocation_while_no_control_type_is_active_is_heard_and_too_late(selects: bool, why: str) -> None:
    stage = Stage()
    if selects:
        stage.active()
        stage.hears(stage.instruction("held", stage.charge, 1.0, after_s=60))
        stage.hears(SelectControlType(message_id="none", control_type=ControlType.NO_SELECTION))
    else:
        stage.measured(soc=50.0, power=0.0)
        stage.negotiated()
    (answer,) = said(stage.hears(A_CEM_SAYS[RevokeObject]))
    assert isinstance(answer, ReceptionStatus)
    assert (answer.status, answer.diagnostic_label) == (INVALID_CONTENT, f"REV-001 at /object_id: {why}")


@pytest.mark.parametrize(
    ("version", "unknown"),
    [
        ("0.0.2-beta", [ddbc.PresentDemandStatus, ddbc.SystemDescription]),
        ("1.0.0", [ddbc.SystemDescriptionBeta]),
    ],
)
def test_only_what_the_version_has_is_said(version: str, unknown: list[type[Message]]) -> None:
    ids = (f"rm-{count}" for count in itertools.count())
    session, now = Session(lambda: next(ids), Stage().now), Stage().now
    response = HandshakeResponse(message_id="version", selected_protocol_version=version)
    session.receive(wire.encode(response).decode(), lambda *_: (), now)
    session.select(ControlType.DEMAND_DRIVEN_BASED_CONTROL)
    actuators = Hybrid().suppliers()
    forecasts = {"provides_average_demand_rate_forecast": False}
    refused: list[type[Message]] = []
    for kind, content in (
        (ddbc.SystemDescription, {"valid_from": NOON, "actuators": actuators, **forecasts}),
        (
            ddbc.SystemDescriptionBeta,
            {"valid_from": NOON, "actuators": actuators, "present_demand_rate": DEMAND, **forecasts},
        ),
        (ddbc.PresentDemandStatus, {"present_demand_rate": DEMAND}),
    ):
        message: Message = kind(message_id=next(ids), **content)  # type: ignore[arg-type]
        try:
            session.say(message, now)
        except LocalProtocolError:
            refused.append(type(message))
    assert set(refused) == set(unknown)


@pytest.mark.parametrize("phase", ["negotiating", "initialised", "active"])
@pytest.mark.parametrize("message", ONLY_AN_RM_SAYS, ids=lambda message: wire.name_of(type(message)))
def test_a_cem_may_not_say_what_only_an_rm_says(phase: str, message: Message) -> None:
    stage = Stage()
    {"negotiating": lambda: stage.on(Connected()), "initialised": stage.negotiated, "active": stage.active}[phase]()
    answers = stage.hears(message)
    assert told(answers)[0] in ("ReceptionStatus INVALID_CONTENT", "ReceptionStatus INVALID_MESSAGE")
    assert len(said(answers)) == 1


def test_a_message_nobody_answers_is_told_and_nothing_else() -> None:
    stage = Stage()
    stage.on(Connected())
    assert stage.after(4.9) == []
    effects = stage.after(0.2)
    assert [(n.event, n.facts) for n in effects if isinstance(n, Note)] == [
        ("reception_status.missed", {"message_type": "Handshake", "message_id": "rm-1"}),
        ("session.unanswered", {}),
    ]
    assert len(effects) == 2
    assert stage.after(1000) == []


def test_a_permanent_error_to_what_is_pending_ends_the_connection() -> None:
    stage = Stage()
    stage.active()
    stage.measured(soc=60.0)
    status = stage.said[-1]
    assert isinstance(status, frbc.StorageStatus)
    effects = stage.hears(ReceptionStatus(subject_message_id=status.message_id, status=PERMANENT_ERROR))
    assert [close.back for close in closed(effects)] == [ReconnectPolicy.SOON]
    assert said(effects) == []


def test_a_second_answer_to_the_same_message_changes_nothing() -> None:
    stage = Stage()
    stage.active()
    stage.measured(soc=60.0)
    subject = stage.said[-1].message_id  # type: ignore[attr-defined]
    assert stage.hears(ReceptionStatus(subject_message_id=subject, status=OK)) == []
    effects = stage.hears(ReceptionStatus(subject_message_id=subject, status=PERMANENT_ERROR))
    assert notes(effects) == ["reception_status.unexpected"]
    assert len(effects) == 1


def test_a_temporary_error_is_met_by_saying_it_once_more() -> None:
    stage = Stage()
    stage.active()
    stage.measured(soc=60.0)
    first = stage.said[-1]
    assert isinstance(first, frbc.StorageStatus)
    assert said(stage.hears(ReceptionStatus(subject_message_id=first.message_id, status=TEMPORARY_ERROR))) == []
    assert said(stage.after(4.9)) == []
    (again,) = said(stage.after(0.2))
    assert isinstance(again, frbc.StorageStatus)
    assert again.present_fill_level == 60.0
    assert again.message_id != first.message_id
    stage.hears(ReceptionStatus(subject_message_id=again.message_id, status=TEMPORARY_ERROR))
    assert said(stage.after(100)) == []


def test_a_temporary_error_to_what_is_no_longer_the_newest_is_let_go() -> None:
    stage = Stage()
    stage.active()
    stage.measured(soc=60.0)
    older = stage.said[-1].message_id  # type: ignore[attr-defined]
    stage.hears(ReceptionStatus(subject_message_id=older, status=TEMPORARY_ERROR))
    stage.heard(*stage.measured(soc=61.0))
    assert said(stage.after(100)) == []


def test_a_refusal_of_what_we_said_is_told_and_the_session_lives_on() -> None:
    stage = Stage()
    stage.active()
    stage.measured(soc=60.0)
    subject = stage.said[-1].message_id  # type: ignore[attr-defined]
    effects = stage.hears(ReceptionStatus(subject_message_id=subject, status=INVALID_CONTENT, diagnostic_label="no"))
    assert notes(effects) == ["message.disputed"]
    assert len(effects) == 1


def test_a_peer_that_never_answers_does_not_fill_the_memory() -> None:
    stage = Stage()
    stage.active()
    for step in range(3000):
        stage.measured(soc=50.0 + step % 2)
    session = stage.resource_manager._session
    assert session is not None
    assert len(session._unanswered) <= 1000
    assert len(session._newest) <= 10


def test_reconnect_closes_and_comes_back_soon_without_touching_the_device() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(SessionRequest(message_id="bye", request=SessionRequestType.RECONNECT))
    assert told(effects) == ["ReceptionStatus OK"]
    assert effects[-1] == Close("the CEM asked to reconnect", ReconnectPolicy.SOON)
    assert applied(effects) == []


def test_terminate_brings_the_device_to_its_default_and_stays_away_long() -> None:
    stage = Stage()
    stage.active()
    effects = stage.hears(SessionRequest(message_id="bye", request=SessionRequestType.TERMINATE))
    assert told(effects) == ["ReceptionStatus OK"]
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert [close.back for close in closed(effects)] == [ReconnectPolicy.LATE]
    assert stage.hears(stage.instruction("late", stage.charge, 1.0)) == []


def test_a_refusal_quotes_no_more_than_a_person_reads() -> None:
    stage = Stage()
    stage.active()
    long = "x" * 2**20
    (answer,) = said(stage.on(Received(f'{{"message_type":"{long}","message_id":"aa"}}')))
    assert isinstance(answer, ReceptionStatus)
    assert answer.status is INVALID_MESSAGE
    assert len(answer.diagnostic_label or "") == 500


def test_after_terminate_nobody_is_in_charge_so_no_fallback_is_due_later() -> None:
    stage = Stage()
    stage.active()
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 1.0)))
    effects = stage.hears(SessionRequest(message_id="bye", request=SessionRequestType.TERMINATE))
    assert applied(effects) == [("power_setpoint", 0.0)]
    stage.left()
    assert applied(stage.after(3600)) == []

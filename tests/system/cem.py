"""A CEM for stories: a real WebSocket server whose messages are those of s2-python, and which trusts no RM.

Every message an RM sends is parsed by s2-python and held against the published schemas; every message sent to it must
get exactly one ReceptionStatus. What goes against that fails the test, whatever else the test looks at.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Any, TypeVar
from uuid import UUID, uuid4

from s2python.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatusUpdate,
    ReceptionStatus,
    ReceptionStatusValues,
    ResourceManagerDetails,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2python.frbc import FRBCInstruction, FRBCSystemDescription
from s2python.ombc import OMBCInstruction, OMBCSystemDescription
from s2python.pebc import PEBCInstruction, PEBCPowerConstraints, PEBCPowerEnvelope, PEBCPowerEnvelopeElement
from s2python.s2_parser import S2Parser
from s2python.s2_validation_error import S2ValidationError
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed

from tests.chronicle import PATIENCE_S, Chronicle
from tests.published import violations

NIL = UUID(int=0)
"""What an answer is about when the question had no id."""
FINAL = ("SUCCEEDED", "ABORTED", "REJECTED", "REVOKED")

M = TypeVar("M")


class Rm:
    """One connection of an RM, seen from its CEM."""

    def __init__(self, websocket: ServerConnection, faults: list[str]) -> None:
        self._websocket = websocket
        self._faults = faults
        self._answers: Chronicle[ReceptionStatus] = Chronicle("answers of the RM")
        self._asked: list[UUID] = []
        self.heard: Chronicle[Any] = Chronicle("messages of the RM", kind_of=type)
        """All messages but answers, as s2-python models."""
        self.ended = asyncio.Event()
        """Set when the connection is closed."""
        self.is_mute = False
        """Whether to leave the RM's messages unanswered."""
        self.description: FRBCSystemDescription | None = None

    @property
    def path(self) -> str:
        """What it asked for, e.g. `/s2/3c1f…`."""
        assert self._websocket.request
        return self._websocket.request.path

    @property
    def headers(self) -> Headers:
        """What it said when it connected."""
        assert self._websocket.request
        return self._websocket.request.headers

    @property
    def close_code(self) -> int | None:
        return self._websocket.close_code

    async def negotiate(self, version: str = "0.0.2-beta") -> ResourceManagerDetails:
        """Settles on *version*; returns how the RM introduces itself."""
        hello = await self.expect(Handshake)
        assert hello.role is EnergyManagementRole.RM
        assert hello.supported_protocol_versions == ["0.0.2-beta", "1.0.0"]
        await self.must_take(Handshake(message_id=uuid4(), role=EnergyManagementRole.CEM))
        await self.must_take(HandshakeResponse(message_id=uuid4(), selected_protocol_version=version))
        return await self.expect(ResourceManagerDetails)

    async def select(self, control_type: ControlType) -> None:
        await self.must_take(SelectControlType(message_id=uuid4(), control_type=control_type))

    async def select_frbc(self) -> FRBCSystemDescription:
        """Selects FRBC as soon as it is offered; returns what the RM describes."""
        frbc = ControlType.FILL_RATE_BASED_CONTROL
        if not any(frbc in each.available_control_types for each in self.introductions()):
            await self.expect(ResourceManagerDetails, lambda details: frbc in details.available_control_types)
        await self.select(frbc)
        self.description = await self.expect(FRBCSystemDescription)
        return self.description

    async def in_charge(self) -> FRBCSystemDescription:
        """Negotiates and selects FRBC."""
        await self.negotiate()
        return await self.select_frbc()

    def introductions(self) -> list[ResourceManagerDetails]:
        return [message for message in self.heard.all if isinstance(message, ResourceManagerDetails)]

    async def expect(
        self, message: type[M], wanted: Callable[[M], bool] = lambda message: True, within_s: float = PATIENCE_S
    ) -> M:
        """The next such message that is *wanted*; what is of another type stays to be expected."""
        found: M = await self.heard.next(
            lambda heard: isinstance(heard, message) and wanted(heard), message.__name__, within_s
        )
        return found

    def mode(self, label: str) -> UUID:
        """The id of the operation mode whose label begins with *label*."""
        assert self.description
        modes = {str(each.diagnostic_label).split(" ")[0]: each.id for each in self._actuator.operation_modes}
        return modes[label]

    def instruction(self, *, mode: str, factor: float, at: datetime | None = None, **changes: Any) -> FRBCInstruction:
        known = {
            "message_id": uuid4(),
            "id": uuid4(),
            "actuator_id": self._actuator.id,
            "operation_mode": self.mode(mode),
            "operation_mode_factor": factor,
            "execution_time": at or datetime.now(UTC),
            "abnormal_condition": False,
        }
        return FRBCInstruction(**(known | changes))

    async def instruct(self, *, mode: str, factor: float, at: datetime | None = None) -> UUID:
        """Sends an instruction, which the RM takes; its id."""
        instruction = self.instruction(mode=mode, factor=factor, at=at)
        await self.must_take(instruction)
        return instruction.id

    async def revoke(self, instruction_id: UUID) -> ReceptionStatus:
        revocation = RevokeObject(
            message_id=uuid4(), object_type=RevokableObjects.FRBC_Instruction, object_id=instruction_id
        )
        return await self.tell(revocation)

    async def request(self, request: SessionRequestType) -> None:
        await self.must_take(SessionRequest(message_id=uuid4(), request=request))

    async def status_of(self, instruction_id: UUID, within_s: float = PATIENCE_S) -> list[str]:
        """All that was said of the instruction, once it has ended."""
        await self.heard.until(
            lambda _: self.steps_of(instruction_id)[-1:] and self.steps_of(instruction_id)[-1] in FINAL,
            f"at the end of instruction {instruction_id}",
            within_s,
        )
        return self.steps_of(instruction_id)

    async def reached(self, instruction_id: UUID, status: str) -> None:
        """Waits until the instruction has *status*."""
        await self.heard.until(lambda _: status in self.steps_of(instruction_id), f"{status}")

    def steps_of(self, instruction_id: UUID) -> list[str]:
        """All that was said of the instruction so far."""
        return [str(each.status_type.value) for each in self.updates_of(instruction_id)]

    def updates_of(self, instruction_id: UUID) -> list[InstructionStatusUpdate]:
        updates = [each for each in self.heard.all if isinstance(each, InstructionStatusUpdate)]
        return [each for each in updates if each.instruction_id == instruction_id]

    async def tell(self, message: Any) -> ReceptionStatus:
        """Sends *message*; returns the one answer to it."""
        return await self.send_raw(message.to_json(), about=message.message_id)

    async def must_take(self, message: Any) -> None:
        answer = await self.tell(message)
        assert answer.status is ReceptionStatusValues.OK, f"{message.message_type}: {answer.diagnostic_label}"

    async def send_raw(self, frame: str | bytes, about: UUID = NIL) -> ReceptionStatus:
        """Sends *frame* as it is; returns the one answer *about* that id."""
        self._asked.append(about)
        await self._websocket.send(frame)
        return await self._answers.next(lambda answer: answer.subject_message_id == about, f"answer about {about}")

    async def send(self, frame: str) -> None:
        """Sends *frame* and waits for nothing."""
        await self._websocket.send(frame)

    def break_off(self) -> None:
        """Drops the connection, as a CEM does that is killed."""
        self._websocket.transport.abort()

    async def listen(self) -> None:
        try:
            with suppress(ConnectionClosed):
                async for frame in self._websocket:
                    await self._hear(frame)
        except (S2ValidationError, AssertionError, ValueError) as exc:
            self._faults.append(f"{exc}: {exc.__cause__}")
            self.heard.fail(self._faults[-1])
            self._answers.fail(self._faults[-1])
        finally:
            self.ended.set()

    async def _hear(self, frame: str | bytes) -> None:
        assert isinstance(frame, str), "a binary frame"
        plain = json.loads(frame)
        assert not (problems := violations(plain)), "; ".join(problems)
        message = S2Parser.parse_as_any_message(frame)
        if isinstance(message, ReceptionStatus):
            about = message.subject_message_id
            assert about in self._asked, f"an answer too many about {about}: {frame}"
            self._asked.remove(about)
            self._answers.add(message)
            return
        if not self.is_mute:
            answer = ReceptionStatus(subject_message_id=message.message_id, status=ReceptionStatusValues.OK)
            with suppress(ConnectionClosed):  # an RM that says goodbye does not wait for the answer
                await self._websocket.send(answer.to_json())
        self.heard.add(message)

    @property
    def _actuator(self) -> Any:
        assert self.description
        return self.description.actuators[0]


class Cem:
    """A CEM that serves any number of RMs."""

    def __init__(self) -> None:
        self.port = 0
        self.rms: Chronicle[Rm] = Chronicle("RMs that joined", kind_of=id)
        self.requests: Chronicle[Request] = Chronicle("requests to connect", kind_of=id)
        self.faults: list[str] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/s2/{{resource_id}}"

    async def joined(self, path: str = "", within_s: float = PATIENCE_S) -> Rm:
        """The next RM that has connected; with *path* the next there."""
        return await self.rms.next(lambda rm: rm.path.endswith(path), f"RM at {path or 'any path'}", within_s)


@asynccontextmanager
async def cem(
    port: int = 0, *, token: str | None = None, ssl: SSLContext | None = None, is_reading: bool = True
) -> AsyncIterator[Cem]:
    """A CEM at work; with *token* it refuses who does not bear it. Unless *is_reading*, it never reads a frame."""
    here = Cem()

    def admit(connection: ServerConnection, request: Request) -> Response | None:
        here.requests.add(request)
        if token is not None and request.headers.get("Authorization") != f"Bearer {token}":
            return connection.respond(401, "who are you?\n")
        return None

    async def serve_one(websocket: ServerConnection) -> None:
        rm = Rm(websocket, here.faults)
        here.rms.add(rm)
        if is_reading:
            await rm.listen()
        else:
            await websocket.wait_closed()
            rm.ended.set()

    # Only of a socket that names its protocol does asyncio know that small messages must not wait.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    if not is_reading:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with serve(serve_one, sock=sock, process_request=admit, ssl=ssl, ping_interval=None, close_timeout=1.0):
        here.port = sock.getsockname()[1]
        try:
            yield here
        finally:
            for rm in here.rms.all:
                if not is_reading:
                    rm.break_off()
    assert not here.faults, here.faults


def limited(constraints: PEBCPowerConstraints, lower_w: float, upper_w: float) -> PEBCInstruction:
    """An instruction to stay between them for an hour, from now on."""
    element = PEBCPowerEnvelopeElement(duration=3_600_000, lower_limit=lower_w, upper_limit=upper_w)
    quantity = constraints.allowed_limit_ranges[0].commodity_quantity
    envelope = PEBCPowerEnvelope(id=str(uuid4()), commodity_quantity=quantity, power_envelope_elements=[element])
    return PEBCInstruction(
        message_id=uuid4(),
        id=uuid4(),
        execution_time=datetime.now(UTC),
        abnormal_condition=False,
        power_constraints_id=constraints.id,
        power_envelopes=[envelope],
    )


def switched(description: OMBCSystemDescription, label: str) -> OMBCInstruction:
    """An instruction to be in the mode whose label begins with *label*, from now on."""
    (mode,) = (each for each in description.operation_modes if str(each.diagnostic_label).startswith(label))
    return OMBCInstruction(
        message_id=uuid4(),
        id=uuid4(),
        execution_time=datetime.now(UTC),
        operation_mode_id=mode.id,
        operation_mode_factor=1.0,
        abnormal_condition=False,
    )

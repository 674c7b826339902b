"""A CEM that costs little and forgets nothing: raw JSON on a real WebSocket, every frame with the instant it came."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic_ns
from typing import Any
from uuid import uuid4

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

WITHIN_S = 20.0

Plain = dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """One message, and when its frame was here (monotonic ns)."""

    message: Plain
    at_ns: int

    @property
    def type(self) -> str:
        return str(self.message["message_type"])


@dataclass
class Session:
    """One connection of an RM; answers OK to all it says."""

    websocket: ServerConnection
    heard: list[Heard] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    modes: dict[str, Plain] = field(default_factory=dict)
    """Operation modes by the first word of their label."""
    actuator_id: str = ""

    async def take_charge(self) -> None:
        """Negotiates and selects FRBC.

        Raises: TimeoutError: the RM did not get that far.
        """
        await self.expect("Handshake")
        await self.say("Handshake", role="CEM")
        await self.say("HandshakeResponse", selected_protocol_version="0.0.2-beta")
        frbc = "FILL_RATE_BASED_CONTROL"
        await self.expect("ResourceManagerDetails", lambda details: frbc in details["available_control_types"])
        await self.say("SelectControlType", control_type=frbc)
        description = await self.expect("FRBC.SystemDescription")
        actuator = description.message["actuators"][0]
        self.actuator_id = actuator["id"]
        self.modes = {mode["diagnostic_label"].split(" ")[0]: mode for mode in actuator["operation_modes"]}

    async def say(self, message_type: str, **content: Any) -> None:
        await self.websocket.send(json.dumps({"message_type": message_type, "message_id": str(uuid4()), **content}))

    async def expect(
        self, message_type: str, wanted: Callable[[Plain], bool] = lambda message: True, since: int = 0
    ) -> Heard:
        """The first such message from number *since* on, now or soon. Raises: TimeoutError: none came."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for heard in self.heard[since:]:
                    if heard.type == message_type and wanted(heard.message):
                        return heard
                self.news.clear()
                await self.news.wait()

    def instruction(self, power_w: float) -> tuple[str, str, bytes]:
        """The id, the message id and the frame of an instruction that orders *power_w*, at once."""
        mode = self.modes["charge" if power_w > 0 else "discharge"]
        power = mode["elements"][0]["power_ranges"][0]
        start_w, end_w = power["start_of_range"], power["end_of_range"]
        instruction = {
            "message_type": "FRBC.Instruction",
            "message_id": str(uuid4()),
            "id": str(uuid4()),
            "actuator_id": self.actuator_id,
            "operation_mode": mode["id"],
            "operation_mode_factor": (power_w - start_w) / (end_w - start_w),
            "execution_time": datetime.now(UTC).isoformat(),
            "abnormal_condition": False,
        }
        return instruction["id"], instruction["message_id"], json.dumps(instruction).encode()

    async def _listen(self) -> None:
        try:
            async for frame in self.websocket:
                at_ns = monotonic_ns()
                heard = Heard(json.loads(frame), at_ns)
                self.heard.append(heard)
                self.news.set()
                if heard.type != "ReceptionStatus":
                    subject = heard.message["message_id"]
                    answer = {"message_type": "ReceptionStatus", "subject_message_id": subject, "status": "OK"}
                    await self.websocket.send(json.dumps(answer))
        except ConnectionClosed:
            pass


class Cem:
    """Serves any number of RMs, each at a path of its own choice."""

    def __init__(self) -> None:
        self.port = 0
        self.sessions: dict[str, Session] = {}
        """By path; the newest at each."""
        self._joined = asyncio.Event()

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}/{path}"

    async def joined(self, path: str) -> Session:
        """The session at *path*, once it is there. Raises: TimeoutError: nobody came."""
        async with asyncio.timeout(WITHIN_S):
            while path not in self.sessions:
                self._joined.clear()
                await self._joined.wait()
        return self.sessions[path]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits until *is_so*, looking whenever somebody joins."""
        while not is_so():
            self._joined.clear()
            await self._joined.wait()

    async def serve(self, websocket: ServerConnection) -> None:
        assert websocket.request
        session = Session(websocket)
        self.sessions[websocket.request.path.removeprefix("/")] = session
        self._joined.set()
        await session._listen()


@asynccontextmanager
async def serving() -> AsyncGenerator[Cem]:
    """A CEM, while the context lasts."""
    cem = Cem()
    async with serve(cem.serve, "127.0.0.1", 0) as server:
        cem.port = next(iter(server.sockets)).getsockname()[1]
        yield cem

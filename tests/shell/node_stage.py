"""A node at work in virtual time: a real resource manager between a device and a link that do what they are told."""

import asyncio
from contextlib import asynccontextmanager

from s2d.device.device import Device
from s2d.device.device_map import DeviceMap
from s2d.driver import PointSettings
from s2d.s2.effects import Connected, Disconnected, Received, ReconnectPolicy
from s2d.s2.messages import wire
from s2d.s2.messages.common import (
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatusUpdate,
    Message,
    ReceptionStatus,
    ReceptionStatusValues,
    SelectControlType,
)
from s2d.s2.messages.frbc import Instruction
from s2d.service.node import Node
from tests.core import stage as core
from tests.fakes import FakeDriver, FakeLog, Hardware, now, pass_s

POINTS = {"soc": PointSettings(), "power": PointSettings(), "power_setpoint": PointSettings(access="write")}


class FakeLink:
    """A link that is connected when the test says so, and a CEM behind it that answers everything."""

    def __init__(self):
        self.sent = []
        self.closed = []
        self.is_connected = False
        self.lets_go = True
        """Whether a close succeeds."""
        self.answer = ReceptionStatusValues.OK
        """None while it answers nothing."""
        self.heard = []
        self.terms = []
        """On which it is to come back."""
        self._node = None
        self._gone = asyncio.Event()

    def join(self, node, version="0.0.2-beta", says_hello=False):
        self._node = node
        self.is_connected = True
        node.take(Connected())
        if says_hello:
            self.say(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
        self.say(HandshakeResponse(message_id="version", selected_protocol_version=version))

    def leave(self):
        self.is_connected = False
        self._node.take(Disconnected("gone"))

    def say(self, message):
        self.say_frame(wire.encode(message).decode())

    def say_frame(self, frame):
        self.answer_all()
        self._node.take(Received(frame))
        self.answer_all()

    def answer_all(self):
        for message in self.sent:
            if isinstance(message, Message) and self.answer and self.is_connected:
                answer = ReceptionStatus(subject_message_id=message.message_id, status=self.answer)
                self._node.take(Received(wire.encode(answer).decode()))
        self.heard += self.sent
        self.sent = []

    def send(self, message):
        if not self.sent:
            asyncio.get_running_loop().call_soon(self.answer_all)
        self.sent.append(message)

    def close(self, back):
        self.closed.append(back)
        if back is ReconnectPolicy.NEVER and self.lets_go:
            self.is_connected = False
            self._gone.set()

    def come_back(self, terms):
        self.terms.append(terms)

    async def run(self):
        await self._gone.wait()


class Stage:
    def __init__(self, *, resource_manager=None, tap=None, points=POINTS, is_shadowed=False, **story):
        story = core.Stage(**story)
        self.battery = story.battery
        self.charge, self.idle = story.charge, story.idle
        self.hardware = Hardware({"soc": 50.0, "power": 0.0}, follows={"power_setpoint": "power"})
        self.log = FakeLog()
        self.link = FakeLink()
        self.stopping = asyncio.Event()
        self.device = Device(
            "battery",
            lambda points: FakeDriver.open(self.hardware, points, None),
            DeviceMap(points=points),
            poll_s=1.0,
            clock=now,
            log=self.log.logger,
            is_shadowed=is_shadowed,
        )
        self.resource_manager = resource_manager or story.resource_manager
        self.node = Node(self.resource_manager, self.device, clock=now, log=self.log.logger, tap=tap)
        self.is_safe = None
        """Whether the device was left in its safe state, once it has stopped."""

    async def run(self):
        self.is_safe = await self.node.run(self.link, self.stopping)

    async def activate(self):
        """A CEM joins and selects FRBC as soon as the battery is known."""
        await pass_s(1.5)
        self.link.join(self.node)
        self.link.say(SelectControlType(message_id="select", control_type=core.FRBC))

    def instruct(self, name, mode, factor=1.0, after_s=0.0):
        self.link.say(
            Instruction(
                message_id=f"m-{name}",
                id=name,
                actuator_id=self.battery.description.actuator_id,
                operation_mode=mode,
                operation_mode_factor=factor,
                execution_time=now().utc + core.timedelta(seconds=after_s),
                abnormal_condition=False,
            )
        )

    def steps_of(self, name):
        self.link.answer_all()
        updates = (message for message in self.link.heard if isinstance(message, InstructionStatusUpdate))
        return [str(update.status_type) for update in updates if update.instruction_id == name]

    def writes(self):
        return [value for _, _, value in self.hardware.writes]

    async def stop(self):
        """How long the node takes to stop."""
        since = self.hardware.elapsed_s
        self.stopping.set()
        await self.running
        return self.hardware.elapsed_s - since


@asynccontextmanager
async def at_work(**story):
    stage = Stage(**story)
    async with asyncio.TaskGroup() as tasks:
        stage.running = tasks.create_task(stage.run())
        yield stage
        stage.stopping.set()

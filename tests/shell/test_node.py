"""A node at work: a real resource manager between a device and a link that are told what to do. Time is virtual."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from s2d.device.device import Device
from s2d.device.device_map import DeviceMap
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Measured
from s2d.s2.effects import (
    Connected,
    Disconnected,
    Received,
    ReconnectPolicy,
)
from s2d.s2.messages import wire
from s2d.s2.messages.common import (
    HandshakeResponse,
    InstructionStatusUpdate,
    Message,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2d.s2.messages.frbc import Instruction
from s2d.service.node import Node
from s2d.values import Reading, Setpoint
from tests.core import stage as core
from tests.fakes import FakeDriver, FakeLog, Hardware, now, pass_s

pytestmark = pytest.mark.virtual_time

POINTS = {"soc": PointSettings(), "power": PointSettings(), "power_setpoint": PointSettings(access="write")}


class FakeLink:
    """A link that is connected when the test says so, and a CEM behind it that answers OK to everything."""

    def __init__(self):
        self.sent = []
        self.closed = []
        self.is_connected = False
        self.lets_go = True
        """Whether a close succeeds."""
        self._node = None
        self._gone = asyncio.Event()

    def join(self, node):
        self._node = node
        self.is_connected = True
        node.take(Connected())
        self.say(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta"))

    def leave(self):
        self.is_connected = False
        self._node.take(Disconnected("gone"))

    def say(self, message):
        self.answer_all()
        self._node.take(Received(wire.encode(message).decode()))
        self.answer_all()

    def answer_all(self):
        for message in self.sent:
            if isinstance(message, Message):
                answer = ReceptionStatus(subject_message_id=message.message_id, status=ReceptionStatusValues.OK)
                self._node.take(Received(wire.encode(answer).decode()))
        self.heard = [*getattr(self, "heard", []), *self.sent]
        self.sent = []

    def send(self, message):
        self.sent.append(message)

    def close(self, back):
        self.closed.append(back)
        if back is ReconnectPolicy.NEVER and self.lets_go:
            self.is_connected = False
            self._gone.set()

    def reset_backoff(self):
        pass

    async def run(self):
        await self._gone.wait()


class Stage:
    def __init__(self, **story):
        story = core.Stage(**story)
        self.battery = story.battery
        self.charge, self.idle = story.charge, story.idle
        self.hardware = Hardware({"soc": 50.0, "power": 0.0}, follows={"power_setpoint": "power"})
        self.log = FakeLog()
        self.link = FakeLink()
        self.stopping = asyncio.Event()
        device = Device(
            "battery",
            lambda points: FakeDriver.open(self.hardware, points, None),
            DeviceMap(points=POINTS),
            poll_s=1.0,
            clock=now,
            log=self.log.logger,
        )
        self.node = Node(story.resource_manager, device, clock=now, log=self.log.logger)
        self.ended_after_s = None

    async def run(self):
        await self.node.run(self.link, self.stopping)

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


async def test_first_of_all_the_device_is_brought_to_its_default_state():
    async with at_work() as stage:
        await pass_s(0.5)
        assert stage.writes() == [0.0]
        assert stage.log.events() == ["setpoint.applied"]


async def test_an_instruction_waits_six_hours():
    async with at_work() as stage:
        await stage.activate()
        told_at = stage.hardware.elapsed_s
        stage.instruct("later", stage.charge, after_s=6 * 3600)
        await pass_s(6 * 3600 - 10)
        assert stage.steps_of("later") == ["ACCEPTED"]
        assert stage.writes() == [0.0]
        await pass_s(20)
        assert stage.steps_of("later") == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        (_, (started_at, point, value)) = stage.hardware.writes
        assert (point, value) == ("power_setpoint", 5000.0)
        assert started_at == pytest.approx(told_at + 6 * 3600, abs=0.3)
        assert started_at >= told_at + 6 * 3600


async def test_an_earlier_instruction_does_not_wait_for_a_later_one():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("later", stage.charge, after_s=600)
        await pass_s(1)
        stage.instruct("sooner", stage.charge, 0.5, after_s=60)
        await pass_s(70)
        assert stage.steps_of("sooner") == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        assert stage.steps_of("later") == ["ACCEPTED"]
        await pass_s(600)
        assert stage.writes() == [0.0, 2500.0, 5000.0]


async def test_a_revoked_instruction_never_starts():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("later", stage.charge, after_s=600)
        stage.link.say(
            RevokeObject(message_id="revoke", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id="later")
        )
        await pass_s(1200)
        assert stage.steps_of("later") == ["ACCEPTED", "REVOKED"]
        assert stage.writes() == [0.0]


async def test_a_cem_that_stays_away_costs_it_the_battery():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        stage.link.leave()
        await pass_s(59)
        assert stage.writes() == [0.0, 5000.0]
        await pass_s(2)
        assert stage.writes() == [0.0, 5000.0, 0.0]
        assert "fallback.applied" in stage.log.events("warning")


async def test_a_device_that_is_lost_aborts_what_is_on_its_way():
    async with at_work() as stage:
        await stage.activate()
        stage.hardware.follows = {}
        stage.instruct("now", stage.charge)
        await pass_s(3)
        assert stage.steps_of("now") == ["ACCEPTED", "STARTED"]
        stage.hardware.fault = DeviceUnreachable("nobody is there")
        await pass_s(10)
        assert stage.steps_of("now") == ["ACCEPTED", "STARTED", "ABORTED"]
        stage.hardware.fault = None
        await pass_s(120)
        assert stage.writes()[-1] == 0.0


async def test_stopping_it_says_goodbye_and_waits_for_the_battery():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        assert await stage.stop() < 0.5
        farewell = stage.link.sent[-1]
        assert isinstance(farewell, SessionRequest)
        assert farewell.request is SessionRequestType.TERMINATE
        assert stage.link.closed == [ReconnectPolicy.NEVER]
        assert stage.writes() == [0.0, 5000.0, 0.0]
        assert "fallback.unconfirmed" not in stage.log.events()


async def test_stopping_it_waits_for_a_hung_battery_only_so_long():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        stage.hardware.is_hung = True
        await pass_s(5)
        assert 4 < await stage.stop() < 8.5
        assert [line["why"] for line in stage.log.lines if line["level"] == "error"] == ["the device is silent"]


async def test_stopping_it_says_why_the_battery_is_not_at_rest():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        stage.hardware.refusal = DeviceUnreachable("nobody is there")
        await stage.stop()
        assert stage.log.events("error") == ["fallback.unconfirmed"]
        assert [line["why"] for line in stage.log.lines if line["level"] == "error"] == ["nobody is there"]


async def test_stopping_it_is_content_with_what_overrules_the_default_state():
    async with at_work(fallback=(Setpoint("power_setpoint", -100.0, "fallback"),)) as stage:
        await stage.activate()
        stage.hardware.refusal = DeviceUnreachable("nobody is there")
        stage.stopping.set()
        await pass_s(0.5)
        stage.node.take(Measured((Reading("soc", 5.0),)))
        stage.hardware.refusal = None
        assert await stage.stop() < 4
        assert stage.writes()[-1] == 0.0
        assert stage.log.events("error") == []


async def test_stopping_it_insists_on_the_default_state():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        stage.hardware.refusal = DeviceRefused("it failed to do so")
        asyncio.get_running_loop().call_later(2, setattr, stage.hardware, "refusal", None)
        assert 2 < await stage.stop() < 4
        assert (stage.writes()[-1], stage.hardware.values["power"]) == (0.0, 0.0)
        assert "fallback.unconfirmed" not in stage.log.events()


async def test_stopping_it_says_why_the_battery_refuses_to_rest():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        stage.hardware.refusal = DeviceRefused("it failed to do so")
        assert 4 < await stage.stop() < 8.5
        assert [line["why"] for line in stage.log.lines if line["level"] == "error"] == ["it failed to do so"]


async def test_stopping_it_waits_for_a_cem_that_does_not_let_go_only_so_long():
    async with at_work() as stage:
        await stage.activate()
        stage.link.lets_go = False
        assert await stage.stop() < 4
        assert stage.writes() == [0.0, 0.0]


async def test_stopping_without_a_cem_the_battery_is_brought_to_its_default_state():
    async with at_work() as stage:
        await pass_s(3)
        assert await stage.stop() < 0.5
        assert [(point, value) for _, point, value in stage.hardware.writes] == [("power_setpoint", 0.0)] * 2


def refusals(log):
    return [line.get("more", 1) for line in log.lines if line["event"] == "message.refused"]


async def test_a_cem_that_talks_nonsense_does_not_fill_the_log():
    async with at_work() as stage:
        await stage.activate()
        for _ in range(10_000):
            stage.node.take(Received("[]"))
        await pass_s(59)
        assert refusals(stage.log) == [1] * 5
        await pass_s(2)
        assert refusals(stage.log) == [1] * 5 + [9995]
        await pass_s(3600)
        for _ in range(7):
            stage.node.take(Received("[]"))
        await stage.stop()
        assert refusals(stage.log) == [1] * 5 + [9995] + [1] * 5 + [2]


async def test_idle_it_wakes_for_nothing():
    async with at_work() as stage:
        stage.hardware.values = {"soc": 50.0, "power": 0.0}
        await pass_s(100)
        assert len(stage.hardware.reads) == pytest.approx(101, abs=2)
        assert stage.link.sent == []

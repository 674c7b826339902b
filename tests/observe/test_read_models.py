"""How a node says that it stands, from its start to the farewell. Time is virtual."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from s2d.device.write_saver import Tally
from s2d.errors import DeviceUnreachable
from s2d.observe.read_models import (
    ControlStatus,
    DeviceStatus,
    NodeStatus,
    OrderStatus,
    PointStatus,
    SessionStatus,
    SetpointStatus,
    control_status,
)
from s2d.s2.legality import Phase
from s2d.s2.messages.common import ControlType, SelectControlType, SessionRequest, SessionRequestType
from s2d.values import Quality, Reading
from tests.core.every_control import EVERY, Pebc, Ppbc
from tests.core.stage import FRBC
from tests.fakes import now, pass_s
from tests.shell.node_stage import at_work

pytestmark = pytest.mark.virtual_time

NOT_CONTROLABLE = ControlType.NOT_CONTROLABLE
GOOD = Quality.GOOD


async def test_before_anything_is_known_it_says_so():
    async with at_work() as stage:
        assert stage.node.status() == NodeStatus(
            device=DeviceStatus(
                name="battery",
                since_s=None,
                lost_because=None,
                retry_in_s=None,
                points=(),
                setpoints=(),
                tally=Tally(),
            ),
            session=None,
            control=ControlStatus(
                offered=(NOT_CONTROLABLE,), in_force=(), waiting=(), troubles=(), fallback_in_s=None, wish=None
            ),
        )
        assert not stage.node.status().device.is_online


async def test_at_work_it_says_what_is_known_agreed_and_ordered():
    async with at_work() as stage:
        await stage.activate()
        stage.hardware.follows = {}
        stage.instruct("now", stage.charge)
        stage.instruct("later", stage.charge, 0.5, after_s=600)
        ordered_at = now().utc
        await pass_s(3.25)
        status = stage.node.status()
        assert status == NodeStatus(
            device=DeviceStatus(
                name="battery",
                since_s=4.75,
                lost_because=None,
                retry_in_s=None,
                points=(
                    PointStatus("power", 0.0, GOOD, "", 0.25),
                    PointStatus("soc", 50.0, GOOD, "", 0.25),
                ),
                setpoints=(SetpointStatus("power_setpoint", 5000.0, "instruction now", is_done=True),),
                tally=Tally(commands=2, writes=2),
            ),
            session=SessionStatus(Phase.ACTIVE, "0.0.2-beta", FRBC, is_closing=False, unanswered=0, cem_ahead_s=0.0),
            control=ControlStatus(
                offered=(FRBC,),
                in_force=(OrderStatus("now", stage.battery.description.actuator_id, ordered_at, has_succeeded=False),),
                waiting=(
                    OrderStatus(
                        "later",
                        stage.battery.description.actuator_id,
                        ordered_at + timedelta(seconds=600),
                        has_succeeded=False,
                    ),
                ),
                troubles=(),
                fallback_in_s=None,
                wish=None,
            ),
        )
        assert status.device.is_online
        assert msgspec.json.decode(msgspec.json.encode(status), type=NodeStatus).control == status.control


async def test_a_session_tells_what_is_spoken_and_how_much_of_that_is_unanswered():
    async with at_work() as stage:
        await pass_s(1.5)
        stage.link.join(stage.node, version="1.0.0")
        stage.link.answer = None
        stage.link.say(SelectControlType(message_id="select", control_type=NOT_CONTROLABLE))
        expected = SessionStatus(
            Phase.INITIALISED, "1.0.0", NOT_CONTROLABLE, is_closing=False, unanswered=1, cem_ahead_s=0.0
        )
        assert stage.node.status().session == expected
        stage.link.say(SessionRequest(message_id="enough", request=SessionRequestType.TERMINATE))
        assert stage.node.status().session == replace(expected, is_closing=True)


async def test_what_the_device_has_not_done_yet_is_told_before_what_it_has():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("done", stage.charge)
        await pass_s(3)
        stage.hardware.refusal = DeviceUnreachable("nobody listens")
        stage.instruct("in-vain", stage.charge, 0.5)
        await pass_s(1)
        assert stage.node.status().device.setpoints == (
            SetpointStatus("power_setpoint", 0.0, "aborted: nobody listens", is_done=False),
        )


async def test_a_lost_device_is_told_with_what_is_known_of_it_and_when_it_is_asked_again():
    async with at_work() as stage:
        await stage.activate()
        await pass_s(10)
        stage.hardware.fault = DeviceUnreachable("nobody is there")
        await pass_s(100)
        device = stage.node.status().device
        assert (device.lost_because, device.is_online) == ("nobody is there", False)
        assert device.since_s == pytest.approx(100, abs=2)
        assert device.retry_in_s is not None
        assert 0 < device.retry_in_s <= 60
        (power, soc) = device.points
        assert (power.value, power.age_s) == (0.0, pytest.approx(100, abs=2))
        assert (soc.value, soc.age_s) == (50.0, pytest.approx(100, abs=2))
        stage.hardware.fault = None
        await pass_s(60)
        device = stage.node.status().device
        assert (device.lost_because, device.is_online, device.retry_in_s) == (None, True, None)
        assert device.since_s is not None
        assert device.since_s < 60


async def test_a_value_that_is_too_old_is_told_as_gone():
    async with at_work() as stage:
        await stage.activate()
        stage.hardware.values["soc"] = Reading("soc", None, Quality.BAD, "nonsense")
        await pass_s(20)
        (soc,) = [each for each in stage.node.status().device.points if each.point == "soc"]
        assert (soc.value, soc.quality, soc.age_s) == (None, Quality.BAD, None)
        assert soc.why


async def test_with_nobody_in_charge_it_tells_when_the_default_state_comes():
    async with at_work() as stage:
        await stage.activate()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        stage.link.leave()
        await pass_s(20)
        status = stage.node.status()
        assert status.session is None
        assert status.control == ControlStatus(
            offered=(FRBC,), in_force=(), waiting=(), troubles=(), fallback_in_s=40.0, wish=None
        )
        await pass_s(41)
        assert stage.node.status().control.fallback_in_s is None
        assert stage.node.status().device.setpoints == (
            SetpointStatus("power_setpoint", 0.0, "fallback", is_done=True),
        )


async def test_what_was_told_stays_as_it_was():
    async with at_work() as stage:
        await stage.activate()
        before = stage.node.status()
        stage.instruct("now", stage.charge)
        await pass_s(5)
        assert before.device.tally == Tally(commands=1, writes=1)
        assert before.control.in_force == ()


@pytest.mark.parametrize("staged", EVERY)
def test_under_every_control_type_orders_are_told_that_started_or_wait(staged):
    scene = staged()
    scene.order(1)
    scene.order(2, after_s=600)
    control = control_status(scene.stage.resource_manager, scene.stage.now)
    assert control.offered == (staged.control_type,)
    ((started,), (waiting,)) = control.in_force, control.waiting
    assert (started.instruction_id, started.has_succeeded) == ("i-1", False)
    assert waiting.instruction_id == "i-2"
    assert waiting.execution_time - started.execution_time == timedelta(seconds=600)


@pytest.mark.parametrize("staged", [Pebc, Ppbc])
def test_what_has_succeeded_is_told_as_long_as_it_is_in_force(staged):
    scene = staged()
    scene.follows(scene.order(1))
    (order,) = control_status(scene.stage.resource_manager, scene.stage.now).in_force
    assert (order.instruction_id, order.has_succeeded) == ("i-1", True)

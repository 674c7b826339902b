"""A node at work: a real resource manager between a device and a link that are told what to do. Time is virtual."""

import asyncio

import pytest

from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Applied, Measured
from s2d.quantities import Duration
from s2d.s2.effects import Received, ReconnectPolicy, Started
from s2d.s2.messages.common import RevokableObjects, RevokeObject, SessionRequest, SessionRequestType
from s2d.values import Reading, Setpoint
from tests.fakes import now, pass_s

from .node_stage import POINTS, at_work

pytestmark = pytest.mark.virtual_time


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
        farewell = (stage.link.heard + stage.link.sent)[-1]
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


@pytest.mark.parametrize(("settle_s", "errors"), [(20, []), (2, ["fallback.unconfirmed"])])
async def test_stopping_it_is_content_with_what_the_battery_took_and_does_not_show_yet(settle_s, errors):
    slow = PointSettings(access="read_write", poll="never", settle=Duration(settle_s))
    async with at_work(points=POINTS | {"power_setpoint": slow}) as stage:

        async def take(values):
            stage.hardware.writes += [(stage.hardware.elapsed_s, *each) for each in values.items()]
            return values

        stage.hardware.values["power_setpoint"] = 5000.0
        stage.hardware.take = take
        assert await stage.stop() < 8.5
        assert stage.writes()[-1] == 0.0
        assert (stage.log.events("error"), stage.is_safe) == (errors, not errors)


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


async def test_a_tap_is_handed_what_is_taken_and_also_what_breaks_it():
    taken = []
    async with at_work(tap=taken.append) as stage:
        await pass_s(0.5)
        assert [type(event) for event, _, _ in taken] == [Started, Applied, Measured]
        taken.clear()
        nonsense = Measured("nonsense")
        with pytest.raises(AttributeError):
            stage.node.take(nonsense)
        assert taken == [(nonsense, [], now())]


async def test_a_cem_that_takes_back_all_it_orders_at_once_wears_nothing_down():
    paced = POINTS | {"power_setpoint": PointSettings(access="write", interval=Duration(1))}
    async with at_work(points=paced) as stage:
        await stage.activate()
        before = len(stage.writes())
        for count in range(250):
            stage.instruct(f"one-{count}", stage.charge)
            stage.link.say(
                RevokeObject(
                    message_id=f"no-{count}", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id=f"one-{count}"
                )
            )
            await pass_s(0.02)
        await pass_s(2)
        assert len(stage.writes()) - before <= 12
        assert stage.writes()[-1] == 0.0

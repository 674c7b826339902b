"""Stories of a battery and its CEM that are recorded as they happen at a node. Time is virtual."""

from collections.abc import Awaitable, Callable
from uuid import NAMESPACE_OID, uuid5

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Identified, Undone, UndoneBy
from s2d.host.identifier import ids_from
from s2d.observe.recording import RecordedRun
from s2d.observe.tap import Taken
from s2d.rm.control.reporting import ReportThresholds
from s2d.rm.occasion import SafeStates
from s2d.rm.policy import Identity, Policy
from s2d.rm.setup import Setup
from s2d.s2.effects import Pinged, Ponged, WishDropped, Wished
from s2d.s2.messages.common import (
    ControlType,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2d.values import Quality, Reading, Setpoint
from tests.core.stage import FRBC, abilities_of, settings
from tests.fakes import pass_s
from tests.shell.node_stage import Stage, at_work

SETUP = Setup(
    kind="battery",
    identity=Identity("battery-1", "Home battery"),
    settings=settings(),
    abilities=abilities_of(("power", "power_setpoint", "soc")),
    safe=SafeStates((Setpoint("power_setpoint", 0.0, "fallback"),)),
    policy=Policy(
        fallback_after_s=60.0,
        thresholds=ReportThresholds(power_w=50.0, fill_level=0.5, every_s=300.0),
        processing_delay_s=1.0,
    ),
)


async def recorded(name: str) -> RecordedRun:
    """The story *name* as it happens; its ids are the same whenever it is told."""
    seed, taken = uuid5(NAMESPACE_OID, name), list[Taken]()
    resource_manager, is_shadowed = SETUP.resource_manager(ids_from(seed)), STORIES[name] in SHADOWED
    async with at_work(resource_manager=resource_manager, tap=taken.append, is_shadowed=is_shadowed) as stage:
        await STORIES[name](stage)
    return RecordedRun(SETUP, seed, taken)


async def a_cem_that_comes_and_goes(stage: Stage) -> None:
    """Instructions for now and for later; one is revoked, one the device refuses; then nobody is in charge.

    Its owner wants something of it now, which nobody can of a battery.
    """
    await pass_s(1.5)
    stage.link.join(stage.node, says_hello=True)
    stage.link.say(SelectControlType(message_id="select", control_type=FRBC))
    stage.instruct("now", stage.charge)
    await while_listening(stage, 5)
    stage.node.take(Pinged())
    stage.node.take(Ponged())
    stage.node.take(Wished(for_s=60.0))
    stage.node.take(WishDropped())
    stage.instruct("later", stage.charge, 0.5, after_s=60)
    stage.instruct("never", stage.idle, 0.0, after_s=90)
    stage.link.say(revoked("never"))
    await while_listening(stage, 70)
    stage.hardware.refusals["power_setpoint"] = DeviceRefused("it is too cold")
    stage.instruct("refused", stage.charge)
    await while_listening(stage, 3)
    del stage.hardware.refusals["power_setpoint"]
    await while_listening(stage, 120)
    stage.instruct("left-alone", stage.charge)
    await while_listening(stage, 5)
    stage.link.leave()
    await pass_s(65)
    stage.link.join(stage.node)
    stage.link.say(SelectControlType(message_id="select-again", control_type=FRBC))
    stage.instruct("at-last", stage.charge, 0.25)
    await while_listening(stage, 5)
    await stage.stop()


async def a_cem_that_errs(stage: Stage) -> None:
    """Frames that are no messages, messages out of place, answers that are errors, late or missing; a farewell."""
    await pass_s(1.5)
    stage.link.join(stage.node, version="1.0.0")
    for frame in ("no JSON", "[]", '{"message_type": "Unheard"}', b"\x00\xff"):
        stage.link.say_frame(frame)
    stage.instruct("too-early", stage.charge)
    stage.link.say(SelectControlType(message_id="select", control_type=FRBC))
    stage.instruct("unknown-mode", "no-such-mode")
    stage.instruct("beyond-factor", stage.charge, 1.5)
    stage.link.say(revoked("unheard-of"))
    stage.link.say(ReceptionStatus(subject_message_id="unheard-of", status=ReceptionStatusValues.OK))
    stage.link.answer = ReceptionStatusValues.TEMPORARY_ERROR
    stage.instruct("not-now", stage.charge)
    await while_listening(stage, 10)
    stage.link.answer = None
    stage.instruct("never-answered", stage.charge, 0.5)
    await while_listening(stage, 10)
    stage.link.answer = ReceptionStatusValues.OK
    stage.link.say(SelectControlType(message_id="only-look", control_type=ControlType.NOT_CONTROLABLE))
    await while_listening(stage, 310)
    stage.link.say(SelectControlType(message_id="take-over", control_type=FRBC))
    stage.link.say(SessionRequest(message_id="enough", request=SessionRequestType.TERMINATE))
    stage.link.leave()
    await pass_s(2)


async def a_battery_that_is_lost(stage: Stage) -> None:
    """It says what it is; one value is unknown for a while, then it is silent, comes back, and gets full."""
    await pass_s(1.5)
    stage.link.join(stage.node)
    stage.link.say(SelectControlType(message_id="select", control_type=FRBC))
    stage.node.take(Identified(manufacturer="Acme", model="Store 10", serial_number="47"))
    stage.hardware.values["soc"] = Reading("soc", None, Quality.ABSENT, "not now")
    stage.instruct("for-a-while", stage.charge)
    await while_listening(stage, 60)
    stage.instruct("blindly", stage.charge, 0.5)
    stage.hardware.values["soc"] = 94.0
    await while_listening(stage, 5)
    stage.hardware.follows = {}
    stage.instruct("in-vain", stage.charge, 0.5)
    await while_listening(stage, 3)
    stage.hardware.fault = DeviceUnreachable("nobody is there")
    await while_listening(stage, 60)
    stage.instruct("to-nobody", stage.charge)
    await while_listening(stage, 60)
    stage.hardware.fault = None
    stage.hardware.follows = {"power_setpoint": "power"}
    await while_listening(stage, 60)
    stage.instruct("to-the-brim", stage.charge)
    await while_listening(stage, 5)
    (done,) = stage.device.done
    stage.node.take(Undone(done, "it was switched on anew", UndoneBy.RESTART))
    await while_listening(stage, 5)
    stage.hardware.values["soc"] = 95.5
    await while_listening(stage, 5)
    stage.hardware.fault = DeviceUnreachable("nobody is there")
    await stage.stop()


async def a_battery_that_forgets(stage: Stage) -> None:
    """It was away and is told again; somebody else steers it, is overruled once, and has his way then."""
    await pass_s(1.5)
    stage.link.join(stage.node)
    stage.link.say(SelectControlType(message_id="select", control_type=FRBC))
    stage.instruct("forgotten", stage.charge)
    await while_listening(stage, 5)
    stage.hardware.fault = DeviceUnreachable("nobody is there")
    await while_listening(stage, 5)
    stage.hardware.fault = None
    await while_listening(stage, 30)
    (order,) = stage.device.done
    for _ in range(2):
        stage.node.take(Undone(order, "power_setpoint reads 0 instead of 5000", UndoneBy.OTHERS))
        await while_listening(stage, 5)
    await stage.stop()


async def a_battery_that_is_shadowed(stage: Stage) -> None:
    """Nothing is written to it, whatever is ordered."""
    await pass_s(1.5)
    stage.link.join(stage.node)
    stage.link.say(SelectControlType(message_id="select", control_type=FRBC))
    stage.instruct("in-vain", stage.charge)
    await while_listening(stage, 5)
    await stage.stop()


async def while_listening(stage: Stage, seconds: int) -> None:
    """Lets time pass; the CEM answers what it hears within a second."""
    for _ in range(seconds):
        await pass_s(1)
        stage.link.answer_all()


def revoked(name: str) -> RevokeObject:
    kind = RevokableObjects.FRBC_INSTRUCTION
    return RevokeObject(message_id=f"revoke-{name}", object_type=kind, object_id=name)


STORIES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    story.__name__: story
    for story in (
        a_cem_that_comes_and_goes,
        a_cem_that_errs,
        a_battery_that_is_lost,
        a_battery_that_forgets,
        a_battery_that_is_shadowed,
    )
}
SHADOWED = (a_battery_that_is_shadowed,)
"""Stories in which nothing is written to the device."""

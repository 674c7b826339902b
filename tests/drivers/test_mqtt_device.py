"""How long what a device behind a broker has said holds, in virtual time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from s2d_drivers.mqtt.broker import Heard
from s2d_drivers.mqtt.connection import MqttConnection, Presence, SignOfLife
from s2d_drivers.mqtt.device import MqttDevice
from s2d_drivers.mqtt.point import ExpectedReply, MqttPoint, Question
from s2d_drivers.payload.document import Document

from s2d.driver import News
from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Reading, Setpoint

pytestmark = pytest.mark.virtual_time

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
POWER = MqttPoint(topic="m/power", unit="W")


class Broker:
    """A broker that is always there, and passes on what the test says."""

    client_id = "s2d"
    away = None
    since = 0.0

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.said: list[tuple[str, str]] = []
        self._listeners: dict[str, Any] = {}

    def listen(self, topic: str, listener: Any) -> None:
        self._listeners[topic] = listener

    def watch(self, watcher: Any) -> None:
        pass

    async def settled(self, within_s: float) -> None:
        pass

    async def publish(self, topic: str, payload: str, **how: Any) -> None:
        self.said.append((topic, payload))

    def hear(self, topic: str, payload: str, *, is_kept: bool = False, later_s: float = 0.0) -> None:
        at = asyncio.get_running_loop().time()
        utc = NOON + timedelta(seconds=at + later_s)
        self._listeners[topic](topic, Heard(Document(payload.encode()), at, utc, is_kept))


def behind(broker: Broker, points: dict[str, MqttPoint], **connection: Any) -> MqttDevice:
    device = MqttDevice(MqttConnection(host="x", **connection), points, broker, News())  # type: ignore[arg-type]
    device.attend()
    return device


async def read(device: MqttDevice, point: str = "power") -> Reading:
    (reading,) = await device.read([point])
    return reading


async def away(device: MqttDevice) -> str:
    with pytest.raises(DeviceUnreachable) as raised:
        await device.read(["power"])
    return raised.value.reason


async def test_one_of_which_nothing_is_heard_for_a_minute_or_its_shortest_max_age_is_away() -> None:
    for max_age, silent_s in ((None, 60), (Duration(20), 20)):
        broker = Broker()
        broker.since = asyncio.get_running_loop().time()
        device = behind(broker, {"power": MqttPoint(topic="m/power", unit="W", max_age=max_age)})
        broker.hear("m/power", "5")
        await asyncio.sleep(silent_s - 1)
        assert (await read(device)).value == 5
        await asyncio.sleep(2)
        assert await away(device) == f"nothing was heard of it for {silent_s} s"
        broker.hear("m/power", "5")
        assert (await read(device)).value == 5


async def test_what_the_broker_kept_is_no_sign_of_life() -> None:
    broker = Broker()
    device = behind(broker, {"power": POWER}, alive=SignOfLife(topic="m/utc", within=Duration(20)))
    broker.hear("m/power", "5")
    broker.hear("m/utc", "1", is_kept=True)
    await asyncio.sleep(19)
    assert (await read(device)).value == 5
    await asyncio.sleep(2)
    assert await away(device) == "nothing was heard of it for 20 s"


async def test_what_holds_while_it_is_there_is_as_old_as_its_last_sign_of_life() -> None:
    broker = Broker()
    points = {"status": MqttPoint(topic="m/car", fresh="online"), "power": POWER}
    device = behind(broker, points)
    broker.hear("m/car", "C", is_kept=True)
    assert (await read(device, "status")).at == 0.0
    await asyncio.sleep(30)
    lived_at = asyncio.get_running_loop().time()
    broker.hear("m/power", "5")
    assert (await read(device, "status")).at == lived_at


async def test_what_came_just_before_it_said_that_it_is_there_is_of_then() -> None:
    broker = Broker()
    device = behind(broker, {"power": POWER}, online=(Presence(topic="m/lwt"),))
    for before_s, expected in ((3.0, None), (1.0, 7)):
        broker.hear("m/lwt", "Offline")
        broker.hear("m/power", "7")
        await asyncio.sleep(before_s)
        broker.hear("m/lwt", "Online")
        assert (await read(device)).value == expected


async def test_a_presence_of_which_nobody_speaks_is_told_to_its_owner_unless_it_may_be_silent() -> None:
    broker = Broker()
    device = behind(broker, {"power": POWER}, online=(Presence(topic="m/lwt"),))
    broker.hear("m/power", "7")
    assert await away(device) == "nothing is said on m/lwt about whether it is there"
    await asyncio.sleep(11)
    assert (
        await away(device) == "nothing is said on m/lwt about whether it is there, which it may have to be told to say"
    )
    device = behind(broker, {"power": POWER}, online=(Presence(topic="m/lwt", optional=True),))
    broker.hear("m/power", "7")
    assert (await read(device)).value == 7


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ('"2026-07-01T12:00:05Z"', 5.0),
        ('"2026-07-01T14:00:05+02:00"', 5.0),
        (f"{NOON.timestamp() + 5}", 5.0),
        (f"{round(NOON.timestamp() * 1000) + 5000}", 5.0),
        (f"{round(NOON.timestamp() * 1e6) + 5_000_000}", 5.0),
        ('"2026-07-01T12:00:30Z"', 10.0),
        ('"2026-07-01T12:30:00Z"', 10.0),
        ('"yesterday"', 10.0),
        ('"2026-07-01T12:00:05"', 10.0),
    ],
)
async def test_a_value_is_as_old_as_its_device_says_unless_that_cannot_be(stamp: str, at: float) -> None:
    broker = Broker()
    device = behind(broker, {"power": MqttPoint(topic="m", json="w", unit="W", stamp="t")})
    await asyncio.sleep(10)
    broker.hear("m", f'{{"w": 3, "t": {stamp}}}')
    reading = await read(device)
    assert (reading.value, reading.at) == (3, pytest.approx(at))
    assert bool(device.oddities) == (stamp in ('"2026-07-01T12:30:00Z"', '"yesterday"', '"2026-07-01T12:00:05"'))


@pytest.mark.parametrize("stamp", ['"2026-07-01T12:30:00Z"', '"yesterday"', None])
async def test_what_the_broker_kept_without_a_stamp_to_believe_is_of_unknown_age(stamp: str | None) -> None:
    broker = Broker()
    device = behind(broker, {"power": MqttPoint(topic="m", json="w", unit="W", stamp="t")})
    broker.hear("m", '{"w": 3}' if stamp is None else f'{{"w": 3, "t": {stamp}}}', is_kept=True)
    assert (await read(device)).detail == "only what the broker kept, of unknown age"
    broker.hear("m", '{"w": 3, "t": "2026-07-01T11:59:00Z"}', is_kept=True)
    reading = await read(device)
    assert (reading.value, reading.at) == (3, pytest.approx(-60.0, abs=2.0))


async def test_one_that_can_only_be_told_something_is_not_away_for_being_silent() -> None:
    broker = Broker()
    device = behind(broker, {"on": MqttPoint(set="m/on", access="write")})
    await asyncio.sleep(3600)
    await device.write([Setpoint("on", True, "test")])
    assert broker.said == [("m/on", "true")]


async def test_one_that_is_opened_later_is_given_a_moment_to_say_something() -> None:
    broker = Broker()
    await asyncio.sleep(3600)
    device = behind(broker, {"power": POWER})
    asyncio.get_running_loop().call_later(0.5, broker.hear, "m/power", "5")
    assert (await read(device)).value == 5


async def test_a_member_that_a_message_lacks_keeps_its_value_and_its_age() -> None:
    broker = Broker()
    device = behind(broker, {"power": MqttPoint(topic="m", json="w", unit="W")})
    broker.hear("m", '{"v": 1}')
    assert (await read(device)).detail == "m says nothing of it"
    broker.hear("m", '{"w": 3}')
    await asyncio.sleep(10)
    broker.hear("m", '{"v": 2}')
    reading = await read(device)
    assert (reading.value, reading.at) == (3, pytest.approx(1.0, abs=1.0))


async def test_one_that_does_not_answer_to_a_setpoint_could_not_be_reached() -> None:
    broker = Broker()
    reply = ExpectedReply(topic="m/{client}")
    points = {"on": MqttPoint(set="m/rpc", payload="[{id}, {value}]", reply=reply, access="write"), "power": POWER}
    device = behind(broker, points)
    broker.hear("m/power", "1")
    with pytest.raises(DeviceUnreachable, match="it did not answer on m/rpc within 5 s"):
        await device.write([Setpoint("on", True, "test")])
    assert not device._answers


async def test_it_is_asked_again_at_once_when_it_was_told_something() -> None:
    broker = Broker()
    question = Question(topic="m/get")
    points = {"on": MqttPoint(topic="m/on", ask=question, set="m/set", access="read_write")}
    device = behind(broker, points)
    for _ in range(2):
        await read(device, "on")
    await device.write([Setpoint("on", "ON", "test")])
    await read(device, "on")
    assert broker.said == [("m/get", ""), ("m/set", "ON"), ("m/get", "")]

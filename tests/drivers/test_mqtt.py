"""Devices behind a real broker: what they say is known as it comes, and they are told what they shall become."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import pytest
from s2d_drivers.mqtt import Mqtt
from s2d_drivers.mqtt.connection import Greeting, Presence, SignOfLife
from s2d_drivers.mqtt.point import ExpectedReply, MqttPoint, Question

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Setpoint
from tests.drivers.mqtt_peers import Opened, mosquitto, opened

pytestmark = pytest.mark.system

CHARGER = {
    "status": MqttPoint(topic="~/car", fresh="online", values={"1": "A", "2": "C"}),
    "power": MqttPoint(topic="~/nrg", json="[11]", unit="W"),
    "current_limit": MqttPoint(topic="~/amp", set="~/amp/set", unit="A", decimals=0, access="read_write"),
}
GO_E: dict[str, Any] = {"base": "go-e/1", "alive": SignOfLife(topic="~/utc")}


@asynccontextmanager
async def charger() -> AsyncIterator[tuple[aiomqtt.Client, Opened]]:
    async with mosquitto() as broker, broker.peer() as peer, opened(broker.connection(**GO_E), CHARGER) as device:
        await device.until(lambda: device.driver.bus.away is None)
        device.told.clear()
        yield peer, device


async def test_what_it_says_is_news_at_once_and_read_with_the_instant_at_which_it_came() -> None:
    async with charger() as (peer, device):
        await peer.publish("go-e/1/nrg", json.dumps(list(range(16))))
        await device.until(lambda: device.told == ["power"])
        came_at = asyncio.get_running_loop().time()
        power = await device.read("power")
        assert (power.value, power.at) == (11, pytest.approx(came_at, abs=1.0))
        await peer.publish("go-e/1/nrg", json.dumps([0] * 12))
        await device.until(lambda: device.told == ["power"] * 2)
        assert await device.values("power") == {"power": 0}


async def test_what_the_broker_kept_is_believed_only_where_that_the_device_is_there_shows_that_it_holds() -> None:
    async with mosquitto() as broker, broker.peer() as peer:
        await peer.publish("go-e/1/car", "2", retain=True, qos=1)
        await peer.publish("go-e/1/nrg", json.dumps([7] * 16), retain=True, qos=1)
        async with opened(broker.connection(**GO_E), CHARGER) as device:
            await device.known(status="C")
            status, power = await device.read("status"), await device.read("power")
            assert (status.quality, power.value) == (Quality.GOOD, None)
            assert power.detail == "only what the broker kept, of unknown age"
            await peer.publish("go-e/1/amp", "6")
            await device.known(current_limit=6)
            assert ((await device.read("status")).at or 0) > (status.at or 0)


async def test_it_is_told_as_it_reads_numbers_and_what_it_shows_then_is_what_it_was_told() -> None:
    async with charger() as (peer, device):
        await peer.subscribe("go-e/1/amp/set", qos=1)
        assert await device.write(Setpoint("current_limit", 13.7, "test")) == {"current_limit": 13}
        message = await anext(peer.messages)
        assert (message.payload, message.qos, message.retain) == (b"13", 0, False)
        await peer.publish("go-e/1/amp", message.payload)
        await device.known(current_limit=13)


async def test_what_it_is_told_is_void_before_anybody_could_be_surprised_by_it() -> None:
    points = {
        "limit": MqttPoint(set="m", access="write", settle=Duration(8)),
        "mode": MqttPoint(set="m", access="write"),
    }
    async with mosquitto() as broker, broker.peer(protocol=aiomqtt.ProtocolVersion.V5) as peer:
        await peer.subscribe("m")
        async with opened(broker.connection(), points) as device:
            for point, expires_s in (("limit", 8), ("mode", 5)):
                await device.write(Setpoint(point, 1.0, "test"))
                message = await anext(peer.messages)
                assert getattr(message.properties, "MessageExpiryInterval", None) == expires_s


async def test_nothing_stays_known_of_a_broker_that_was_away() -> None:
    async with mosquitto() as broker, opened(broker.connection(**GO_E), CHARGER) as device:
        assert (await device.read("power")).detail == "nothing was heard on go-e/1/nrg"
        async with broker.peer() as peer:
            await peer.publish("go-e/1/nrg", json.dumps([9] * 16))
            await device.known(power=9)
        await broker.stop()
        assert "connection to the broker" in await device.gone("power")
        with pytest.raises(DeviceUnreachable, match="connection to the broker"):
            await device.write(Setpoint("current_limit", 6.0, "test"))
        await broker.start()
        await device.until(lambda: device.driver.bus.away is None)
        assert (await device.read("power")).detail == "nothing was heard on go-e/1/nrg"
        async with broker.peer() as peer:
            await peer.publish("go-e/1/nrg", json.dumps([8] * 16))
            await device.known(power=8)


PLUG = {
    "on": MqttPoint(
        topic="~/state",
        json="on",
        set="~/rpc",
        payload='{"id": {id}, "src": "{client}", "on": {value}}',
        reply=ExpectedReply(topic="{client}/rpc", refused="error.message"),
        access="read_write",
    ),
    "power": MqttPoint(topic="~/state", json="power", unit="W"),
}


async def test_it_is_refused_in_the_words_of_the_device() -> None:
    async with mosquitto() as broker, broker.peer() as peer:
        connection = broker.connection(base="plug", online=(Presence(topic="~/online"),))
        await peer.publish("plug/online", "true", retain=True, qos=1)
        async with opened(connection, PLUG) as device:
            await peer.subscribe("plug/rpc")

            async def answer(**said: Any) -> None:
                asked = json.loads((await anext(peer.messages)).payload)
                stale, own = {"id": asked["id"] - 1}, {"id": asked["id"], **said}
                for each in (stale, own):
                    await peer.publish(f"{asked['src']}/rpc", json.dumps(each))

            for said, expected in (
                ({"result": 1}, None),
                ({"error": {"code": 1, "message": "overheated"}}, "overheated"),
            ):
                answering = asyncio.create_task(answer(**said))
                if expected:
                    with pytest.raises(DeviceRefused, match=f"it says: {expected}"):
                        await device.write(Setpoint("on", True, "test"))
                else:
                    assert await device.write(Setpoint("on", True, "test")) == {"on": True}
                await answering


async def test_one_that_says_that_it_goes_is_gone_with_all_that_it_said() -> None:
    async with mosquitto() as broker, broker.peer() as peer:
        connection = broker.connection(base="plug", online=(Presence(topic="~/online", is_=("yes",)),))
        async with opened(connection, PLUG) as device:
            with pytest.raises(DeviceUnreachable, match="nothing is said on plug/online about whether it is there"):
                await device.read("power")
            await peer.publish("plug/online", "YES")
            await peer.publish("plug/state", '{"power": 5}')
            await device.known(power=5)
            await peer.publish("plug/online", "no")
            assert await device.gone("power") == "plug/online says that it is not there"
            with pytest.raises(DeviceUnreachable):
                await device.write(Setpoint("on", True, "test"))
            await peer.publish("plug/online", "yes")
            await device.known(power=None)


async def test_what_was_heard_last_is_known_to_who_is_opened_anew() -> None:
    """As a device is that was lost, on a bus that others use as well."""
    async with mosquitto() as broker, broker.peer() as peer:
        await peer.publish("plug/online", "true", retain=True, qos=1)
        connection = broker.connection(base="plug", online=(Presence(topic="~/online"),))
        async with Mqtt.open_bus(connection) as bus:
            for _ in range(2):
                async with Mqtt.open(connection, PLUG, bus) as driver:
                    assert [each.detail for each in await driver.read(["power"])] == ["nothing was heard on plug/state"]


async def test_it_is_greeted_and_asked_for_what_it_tells_only_who_asks() -> None:
    points = {"power": MqttPoint(topic="m/status", json="power", unit="W", ask=Question(topic="m/cmnd", payload="10"))}
    async with mosquitto() as broker, broker.peer() as peer:
        await peer.subscribe("m/#")
        asked: list[tuple[str, Any]] = []
        greeted = asyncio.Event()

        async def be_meter() -> None:
            async for message in peer.messages:
                asked.append((message.topic.value, message.payload))
                if message.topic.value == "m/hello":
                    greeted.set()
                if message.topic.value == "m/cmnd":
                    await peer.publish("m/status", '{"power": 3}')

        being = asyncio.create_task(be_meter())
        async with opened(broker.connection(ask=Greeting(topic="m/hello", payload="hi")), points) as device:
            await device.known(power=3)
            await device.read("power")
            await greeted.wait()
        being.cancel()
        assert asked.count(("m/cmnd", b"10")) == 1


async def test_points_of_one_topic_are_told_together() -> None:
    points = {
        name: MqttPoint(set="inv", payload=payload, access="write", values=None, unit=unit)
        for name, payload, unit in (("a", '{"x": {"a": {value}}}', "W"), ("b", '{"x": {"b": {value}}}', "W"))
    }
    points["c"] = MqttPoint(set="other", access="write")
    points["d"] = MqttPoint(set="inv", payload='{"x": {"a": {value}}}', access="write", unit="W")
    async with mosquitto() as broker, broker.peer() as peer:
        await peer.subscribe("inv", qos=1)
        async with opened(broker.connection(), points) as device:
            await device.write(Setpoint("a", 1.0, "test"), Setpoint("b", 2.0, "test"))
            message = await anext(peer.messages)
            assert isinstance(message.payload, bytes)
            assert (json.loads(message.payload), message.qos) == ({"x": {"a": 1, "b": 2}}, 1)
            for other, why in (("c", "are told on different topics"), ("d", "would both be told as a")):
                with pytest.raises(DeviceRefused, match=why):
                    await device.write(Setpoint("a", 1.0, "test"), Setpoint(other, 3.0, "test"))


async def test_a_broker_says_that_nobody_listens_and_that_we_may_not_speak() -> None:
    points = {each: MqttPoint(set=each, access="write") for each in ("free", "forbidden")}
    async with mosquitto() as broker:
        async with opened(broker.connection(), points) as device:
            with pytest.raises(DeviceUnreachable, match="nobody listens on free"):
                await device.write(Setpoint("free", 1.0, "test"))
        await broker.stop()
        rules = broker._folder / "acl"
        rules.write_text("topic readwrite free\n")
        broker._settings = f"allow_anonymous true\nacl_file {rules}\n"
        await broker.start()
        async with opened(broker.connection(), points) as device:
            with pytest.raises(DeviceRefused, match="the broker does not let us write to forbidden: not authorized"):
                await device.write(Setpoint("forbidden", 1.0, "test"))


async def test_a_broker_that_does_not_know_us_says_so() -> None:
    async with mosquitto("allow_anonymous false\n") as broker, opened(broker.connection(), CHARGER) as device:
        with pytest.raises(DeviceUnreachable, match="the broker does not take who we say we are: not authorized"):
            await device.read("power")


async def test_a_message_too_long_to_be_one_is_never_sent_to_us() -> None:
    async with charger() as (peer, device):
        await peer.publish("go-e/1/nrg", json.dumps([1] * 200_000))
        await peer.publish("go-e/1/nrg", json.dumps([2] * 16))
        await device.known(power=2)
        assert device.told == ["power"]

"""A profile against its device behind a broker: a table of topics, a mosquitto, and the real driver.

    charger = Topics({"go-e/car": 2, "go-e/amp": 16}, obeys={"go-e/amp/set": lambda value: {"go-e/amp": value}})
    async with behind("go-e-mqtt", charger, serial="012345") as device:
        assert (await device.read())["status"] == "C"
        assert await device.told("current_limit", 10.0) == [Said("go-e/amp/set", "10"), ...]

What is written is what the device heard, message by message.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, NamedTuple

import aiomqtt
from s2d_drivers.mqtt.broker import Heard, MqttBroker

from tests.drivers.mqtt_peers import WITHIN_S, mosquitto
from tests.profiles.image import Played, configured

Payloads = Mapping[str, Any]
"""By topic; what is no text is JSON."""
_MARK, _ECHO = "test/mark", "test/echo"


class Said(NamedTuple):
    """One message that the device heard."""

    topic: str
    payload: str


class Topics:
    """What a device says, by topic, and what it says then to what it hears.

    What the broker is to keep is in *kept*. What is in *asked* it says only to who asks. *obeys* has what it hears:
    topic → what it says to a payload; None there is what it said last. Whatever else it hears, it ignores.
    """

    def __init__(
        self,
        says: Payloads,
        *,
        kept: Mapping[str, Any] = {},
        asked: Mapping[str, Any] = {},
        obeys: Mapping[str, Callable[[str], Payloads]] = {},
    ) -> None:
        self.written: list[Said] = []
        self._said = {**kept, **asked, **says}
        self._kept = {*kept}
        self._asked = {*asked} - {*says}
        self._obeys = obeys
        self._marks = count()
        self._echo = ""
        self._stirred = asyncio.Event()
        self._client: aiomqtt.Client
        self._bus: MqttBroker

    async def says(self, payloads: Payloads, *, is_kept: bool = False) -> None:
        """Has it say *payloads*, in that order."""
        self._said |= {topic: each for topic, each in payloads.items() if each is not None}
        for topic in payloads:
            said = self._said[topic]
            payload = said if isinstance(said, str) else json.dumps(said)
            # What is kept has to be there before anybody listens.
            await self._client.publish(topic, payload, qos=int(is_kept), retain=is_kept)

    async def settled(self) -> None:
        mark = str(next(self._marks))
        await self._bus.publish(_MARK, mark)
        async with asyncio.timeout(WITHIN_S):
            while self._echo != mark:
                self._stirred.clear()
                await self._stirred.wait()

    @asynccontextmanager
    async def at(self, client: aiomqtt.Client) -> AsyncIterator[None]:
        """It, connected to the broker as *client*."""
        self._client = client
        for topic in (_MARK, *self._obeys):
            await client.subscribe(topic)
        obeying = asyncio.create_task(self._obey())
        try:
            await self.says(dict.fromkeys(self._kept), is_kept=True)
            yield
        finally:
            obeying.cancel()

    async def heard_by(self, bus: MqttBroker) -> None:
        """Says all that it says by itself, to whoever listens on *bus*."""
        self._bus = bus
        bus.listen(_ECHO, self._hear_echo)
        await bus.settled(WITHIN_S)
        await self.settled()
        await self.says(dict.fromkeys(topic for topic in self._said if topic not in self._asked))
        await self.settled()

    async def _obey(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            topic, payload = message.topic.value, message.payload.decode()
            if topic == _MARK:
                await self._client.publish(_ECHO, payload)
            else:
                assert not message.retain, "nothing that a device is told may be told it again"
                self.written.append(Said(topic, payload))
                await self.says(self._obeys[topic](payload))

    def _hear_echo(self, topic: str, heard: Heard) -> None:
        self._echo = heard.document.text
        self._stirred.set()


@asynccontextmanager
async def behind(profile: str, topics: Topics, **keys: Any) -> AsyncIterator[Played]:
    """A device of *profile*, whose owner wrote *keys*, that is played by *topics*.

    Raises: ConfigError: the profile or the keys are wrong.
    """
    async with mosquitto() as broker, broker.peer() as client, topics.at(client):
        connection = {"host": "127.0.0.1", "port": broker.port}
        config = configured(profile, connection=connection, **keys)
        make = config.make
        async with (
            config.driver.open_bus(config.connection) as bus,
            config.driver.open(config.connection, make.points, bus) as driver,
        ):
            await topics.heard_by(bus)
            yield Played(config, make, driver, topics)

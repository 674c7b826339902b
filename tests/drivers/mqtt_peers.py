"""Peers of the MQTT driver: a mosquitto, and devices that speak through it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from s2d_drivers.mqtt import Mqtt
from s2d_drivers.mqtt.connection import MqttConnection
from s2d_drivers.mqtt.point import MqttPoint

from s2d.errors import DeviceUnreachable
from s2d.values import Reading, Setpoint, Value
from tests.ports import held_port

WITHIN_S = 20.0
MOSQUITTO = shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")


class Mosquitto:
    """A broker as distributions ship it, which can be stopped and started again on its port."""

    def __init__(self, folder: Path, port: int, settings: str) -> None:
        self.port = port
        self._folder = folder
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert MOSQUITTO
        config = self._folder / "mosquitto.conf"
        config.write_text(f"user root\nlistener {self.port} 127.0.0.1\n{self._settings}")
        self._process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", config, stderr=asyncio.subprocess.PIPE)
        assert self._process.stderr
        said = b""
        async with asyncio.timeout(WITHIN_S):
            while b" running" not in said:
                said = await self._process.stderr.readline()
                assert said, "it ended at once"

    async def stop(self) -> None:
        """As if its plug were pulled."""
        if self._process:
            self._process.kill()
            await self._process.communicate()
            self._process = None

    def connection(self, **settings: object) -> MqttConnection:
        return MqttConnection(host="127.0.0.1", port=self.port, **settings)  # type: ignore[arg-type]

    def peer(self, **settings: object) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.port, **settings)  # type: ignore[arg-type]


@asynccontextmanager
async def mosquitto(settings: str = "allow_anonymous true\n") -> AsyncIterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("install mosquitto (apt-get install mosquitto)")
    with tempfile.TemporaryDirectory() as folder, held_port() as port:
        broker = Mosquitto(Path(folder), port, settings)
        await broker.start()
        try:
            yield broker
        finally:
            await broker.stop()


class Opened:
    """A device behind a broker, as the daemon has it open."""

    def __init__(self, driver: Mqtt) -> None:
        self.driver = driver
        self.told: list[str] = []
        self._stirred = asyncio.Event()
        assert driver.news
        driver.news.listen(self._hear)

    def _hear(self, points: Collection[str]) -> None:
        self.told += points
        self._stirred.set()

    async def until(self, is_so: Callable[[], object]) -> None:
        """Waits until that is so; it is looked at whenever there are news."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():
                self._stirred.clear()
                await self._stirred.wait()

    async def known(self, **wanted: Value | None) -> None:
        """Waits until these are read so."""
        async with asyncio.timeout(WITHIN_S):
            while await self.values(*wanted) != wanted:
                self._stirred.clear()
                await self._stirred.wait()

    async def gone(self, point: str) -> str:
        """Waits until it cannot be reached; why it cannot."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                self._stirred.clear()
                try:
                    await self.read(point)
                except DeviceUnreachable as exc:
                    return exc.reason
                await self._stirred.wait()

    async def values(self, *points: str) -> dict[str, Value | None]:
        """What is read of *points*; nothing while the device is not there."""
        try:
            return {each.point: each.value for each in await self.driver.read(points)}
        except DeviceUnreachable:
            return {}

    async def read(self, point: str) -> Reading:
        (reading,) = await self.driver.read([point])
        return reading

    async def write(self, *setpoints: Setpoint) -> Mapping[str, Value]:
        return await self.driver.write(*setpoints)


@asynccontextmanager
async def opened(connection: MqttConnection, points: Mapping[str, MqttPoint]) -> AsyncIterator[Opened]:
    async with Mqtt.open_bus(connection) as bus, Mqtt.open(connection, points, bus) as driver:
        yield Opened(driver)

"""MQTT devices: points in messages of a broker, one connection per broker, each value in the core as it comes.

driver: mqtt
connection: {host: 192.168.1.5, base: go-eCharger/012345, alive: {topic: ~/utc, within: 20 s}}
points:
  status:        {topic: ~/car, fresh: online, values: {1: A, 2: C, 3: B, 4: B, 5: E}}
  power:         {topic: ~/nrg, json: "[11]", unit: W}
  current_limit: {topic: ~/amp, set: ~/amp/set, unit: A, decimals: 0, access: read_write}
"""

from collections.abc import AsyncIterator, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from s2d.driver import AttachedDevice, Doubt, Driver, News, Remark
from s2d.values import Reading, Setpoint, Value

from .connection import MqttConnection
from .point import MqttPoint

if TYPE_CHECKING:
    from .broker import MqttBroker


class Mqtt(Driver[MqttConnection, MqttPoint, "MqttBroker"]):
    """One device behind a broker."""

    Connection = MqttConnection
    Point = MqttPoint
    belongs_to: ClassVar[Mapping[str, Collection[str]]] = {"port": ("host",)}

    def __init__(self, connection: MqttConnection, points: Mapping[str, MqttPoint], bus: "MqttBroker") -> None:
        from .device import MqttDevice  # only for who talks to a device

        super().__init__(connection, points, bus)
        self.news = News()
        self.device = MqttDevice(connection, points, bus, self.news)

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        return await self.device.read(points)

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value]:
        return await self.device.write([setpoint, *together])

    @property
    def oddities(self) -> Sequence[str]:
        return self.device.oddities

    @property
    def doubt(self) -> Doubt | None:
        return self.bus.doubt

    @classmethod
    @asynccontextmanager
    async def open(
        cls, connection: MqttConnection, points: Mapping[str, MqttPoint], bus: "MqttBroker"
    ) -> AsyncIterator[Self]:
        driver = cls(connection, points, bus)
        driver.device.attend()
        try:
            yield driver
        finally:
            driver.device.leave()

    @classmethod
    def bus_of(cls, connection: MqttConnection) -> Hashable:
        return connection.broker

    @classmethod
    def open_bus(cls, connection: MqttConnection) -> "AbstractAsyncContextManager[MqttBroker]":
        from .broker import MqttBroker  # only for who talks to a device

        return MqttBroker.opened(connection.broker)

    @classmethod
    def problems_of_bus(cls, devices: Iterable[AttachedDevice[MqttConnection, MqttPoint]]) -> Iterable[Remark]:
        from .config_checks import remarks  # only for who reads a configuration

        return remarks(devices)

    @classmethod
    def where(cls, connection: MqttConnection) -> str:
        return connection.place

"""Modbus TCP and RTU devices: points in registers, one connection per endpoint, writes confirmed by reading back.

driver: modbus
connection: {host: 192.168.1.20, unit: 1}
points:
  soc:            {register: 843, table: input, unit: "%"}
  power:          {register: 842, table: input, type: int16, unit: W}
  power_setpoint: {register: 2700, type: int16, unit: W, access: read_write}
"""

from collections.abc import AsyncIterator, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec import Struct

from s2d.driver import Driver, PointSettings
from s2d.values import Reading, Setpoint

from .connection import ModbusConnection
from .device import ModbusDevice
from .point import ModbusPoint
from .register_bus import RegisterBus

if TYPE_CHECKING:
    from .config_checks import AttachedDevice, LineLoad, Remark
    from .tools.toolbox import ModbusTools


class Modbus(Driver):
    """One Modbus device."""

    Connection: ClassVar[type[Struct]] = ModbusConnection
    Point: ClassVar[type[PointSettings]] = ModbusPoint

    @classmethod
    def bus_of(cls, connection: ModbusConnection) -> Hashable:
        return connection.bus

    @classmethod
    def problems_of_bus(cls, devices: "Iterable[AttachedDevice]") -> "Iterator[Remark]":
        """Where *devices*, of one or several buses, clash or are unwise."""
        from .config_checks import remarks  # only for who reads a configuration

        return remarks(devices)

    @classmethod
    def loads_of_buses(cls, devices: "Iterable[AttachedDevice]") -> "Iterator[LineLoad]":
        """How busy *devices* will keep the serial lines that they share."""
        from .config_checks import loads

        return loads(devices)

    @classmethod
    def open_bus(cls, connection: ModbusConnection) -> AbstractAsyncContextManager[RegisterBus]:
        from .transport.bus import ModbusBus  # only for who talks to a device

        return ModbusBus.opened(connection)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus
    ) -> AsyncIterator[Self]:
        yield cls(connection, points, bus)

    @classmethod
    def tools(cls) -> "ModbusTools":
        """What stands beside it for who works at the device (`s2d/commissioning/tools.py`)."""
        from .tools.toolbox import ModbusTools  # only for who works at a device

        return ModbusTools()

    def __init__(self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus) -> None:
        self._device = ModbusDevice(connection, points, bus)

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        return await self._device.read(points)

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> None:
        await self._device.write(setpoint, *together)

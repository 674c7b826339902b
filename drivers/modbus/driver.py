"""Modbus TCP and RTU devices: points in registers, one connection per endpoint, writes confirmed by reading back.

driver: modbus
connection: {host: 192.168.1.20, unit: 1}
points:
  soc:            {register: 843, table: input, scale: 0.1, unit: "%"}
  power:          {register: 842, table: input, type: int16, unit: W}
  power_setpoint: {register: 2700, type: int16, unit: W, access: read_write}
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from s2d.driver import AttachedDevice, BusLoad, Doubt, Driver, Remark
from s2d.values import Reading, Setpoint, Value

from .connection import ModbusConnection
from .device import ModbusDevice
from .point import ModbusPoint
from .register_bus import RegisterBus


class Modbus(Driver[ModbusConnection, ModbusPoint, RegisterBus]):
    """One Modbus device."""

    Connection = ModbusConnection
    Point = ModbusPoint
    belongs_to: ClassVar[Mapping[str, Collection[str]]] = {
        "port": ("host",),
        "framing": ("host",),
        "transaction_ids": ("host",),
        "baudrate": ("serial", "framing"),
        "parity": ("serial", "framing"),
        "stopbits": ("serial", "framing"),
    }

    def __init__(self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus) -> None:
        super().__init__(connection, points, bus)
        self.device = ModbusDevice(connection, points, bus)

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        return await self.device.read(points)

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value]:
        return await self.device.write(setpoint, *together)

    @property
    def oddities(self) -> Sequence[str]:
        return self.device.oddities

    @property
    def doubt(self) -> Doubt | None:
        return self.bus.doubt

    def judge(self, doubt: Doubt, *, is_device: bool) -> None:
        self.bus.judge(doubt, is_device=is_device)

    @classmethod
    def bus_of(cls, connection: ModbusConnection) -> Hashable:
        return connection.bus

    @classmethod
    def open_bus(cls, connection: ModbusConnection) -> AbstractAsyncContextManager[RegisterBus]:
        from .transport.bus import ModbusBus  # only for who talks to a device

        return ModbusBus.opened(connection)

    @classmethod
    def where(cls, connection: ModbusConnection) -> str:
        return connection.place

    @classmethod
    def problems_of_bus(cls, devices: Iterable[AttachedDevice[ModbusConnection, ModbusPoint]]) -> Iterable[Remark]:
        from .config_checks import remarks  # only for who reads a configuration

        return remarks(devices)

    @classmethod
    def loads_of_buses(cls, devices: Iterable[AttachedDevice[ModbusConnection, ModbusPoint]]) -> Iterable[BusLoad]:
        from .config_checks import loads

        return loads(devices)

"""Tools beside the Modbus driver for who works at a device; the entry point `modbus` of the group `s2d.tools`."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from ..connection import ModbusConnection
from ..driver import Modbus
from ..point import ModbusPoint
from ..register_bus import RegisterBus
from . import probe, scan
from .register_image import RegisterImage
from .wire_tap import ModbusTap, TappedBus


class ModbusTools:
    """The tools of the Modbus driver. See `s2d.commissioning.tools.Tools`."""

    probe = probe
    scan = scan

    @staticmethod
    @asynccontextmanager
    async def tapped(
        connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus
    ) -> AsyncIterator[ModbusTap]:
        """See `s2d.commissioning.tools.Tools`."""
        tapped_bus = TappedBus(bus)
        async with Modbus.open(connection, points, tapped_bus) as driver:
            yield ModbusTap(driver, tapped_bus)

    @staticmethod
    def image(
        connection: ModbusConnection, points: Mapping[str, ModbusPoint], present: Collection[str]
    ) -> RegisterImage:
        """See `s2d.commissioning.tools.Tools`."""
        return RegisterImage(connection, points, present)

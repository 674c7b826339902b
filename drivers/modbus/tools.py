"""What stands beside the Modbus driver for who works at the device; loaded only for them."""

from collections.abc import Collection, Mapping

from . import probe, scan
from .connection import ModbusConnection
from .image import Image
from .observed import ObservedModbus
from .point import ModbusPoint


class ModbusTools:
    """See `s2d.commissioning.tools.Tools`."""

    observed = ObservedModbus
    probe = probe
    scan = scan

    @staticmethod
    def image(connection: ModbusConnection, points: Mapping[str, ModbusPoint], present: Collection[str]) -> Image:
        """See `s2d.commissioning.tools.Tools`."""
        return Image(connection, points, present)

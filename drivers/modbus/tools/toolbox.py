"""What stands beside the Modbus driver for who works at the device; loaded only for them."""

from collections.abc import Collection, Mapping

from ..connection import ModbusConnection
from ..point import ModbusPoint
from . import probe, scan
from .register_image import Image
from .tapped_driver import ObservedModbus


class ModbusTools:
    """See `s2d.commissioning.tools.Tools`."""

    observed = ObservedModbus
    probe = probe
    scan = scan

    @staticmethod
    def image(connection: ModbusConnection, points: Mapping[str, ModbusPoint], present: Collection[str]) -> Image:
        """See `s2d.commissioning.tools.Tools`."""
        return Image(connection, points, present)

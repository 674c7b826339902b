"""Tools beside the Modbus driver for who works at a device; loaded only for them."""

from collections.abc import Collection, Mapping

from ..connection import ModbusConnection
from ..point import ModbusPoint
from . import probe, scan
from .register_image import RegisterImage
from .tapped_driver import TappedModbus


class ModbusTools:
    """The tools of the Modbus driver. See `s2d.commissioning.tools.Tools`."""

    tapped_driver = TappedModbus
    probe = probe
    scan = scan

    @staticmethod
    def image(
        connection: ModbusConnection, points: Mapping[str, ModbusPoint], present: Collection[str]
    ) -> RegisterImage:
        """See `s2d.commissioning.tools.Tools`."""
        return RegisterImage(connection, points, present)

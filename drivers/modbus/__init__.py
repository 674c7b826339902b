"""Modbus TCP and RTU."""

from .connection import ModbusConnection
from .driver import Modbus
from .registers import ModbusPoint

__all__ = ["Modbus", "ModbusConnection", "ModbusPoint"]

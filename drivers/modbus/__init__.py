"""Modbus TCP and RTU."""

from .connection import ModbusConnection
from .driver import Modbus
from .point import ModbusPoint

__all__ = ["Modbus", "ModbusConnection", "ModbusPoint"]

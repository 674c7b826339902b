"""A real Modbus server, TCP or RTU, in front of simulated registers. Knows frames and units, no device.

Nothing runs between requests: time passes for the device when somebody asks it.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from ..errors import S2dError
from .registers import Registers

OPEN_WITHIN_S = 5.0

_REGISTER_FUNCTIONS = (3, 4, 6, 16, 22, 23)
"""Function codes that read or write registers; the others are about coils, and there are none."""


class CannotServe(S2dError):
    """The server cannot be where it was told to be."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot serve Modbus on {self.place}: {self.reason}"


class Address(NamedTuple):
    """Where a TCP server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@asynccontextmanager
async def serve_tcp(
    registers: Registers,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    unit: int = 1,
    clock: Callable[[], float] | None = None,
) -> AsyncGenerator[Address]:
    """Serves *registers* over Modbus TCP while the context lasts; port 0 lets the system choose.

    Another unit is answered with exception 11, as a gateway does. *clock* gives monotonic seconds, the event loop's
    by default.

    Raises: CannotServe: the address is in use, not ours, or not allowed.
    """
    server = ModbusTcpServer(_device(registers, unit, clock), address=(host, port))
    async with _running(server, Address(host, port)):
        assert isinstance(server.transport, asyncio.Server)
        yield Address(host, server.transport.sockets[0].getsockname()[1])


@asynccontextmanager
async def serve_rtu(
    registers: Registers,
    serial: str,
    *,
    baudrate: int = 9600,
    unit: int = 1,
    clock: Callable[[], float] | None = None,
    on_lost: Callable[[], None] = lambda: None,
) -> AsyncGenerator[None]:
    """Serves *registers* over Modbus RTU on the line *serial* (8N1) while the context lasts.

    Stays silent when another unit is asked, and carries out a broadcast (unit 0) without an answer. Calls *on_lost*
    when the line goes away (it does not come back), and as the context is left.

    Raises: CannotServe: no such line, in use, or not allowed.
    """
    server = ModbusSerialServer(
        _device(registers, unit, clock),
        framer=FramerType.RTU,
        port=serial,
        baudrate=baudrate,
        ignore_missing_devices=True,
        broadcast_enable=True,
        trace_connect=lambda is_connected: None if is_connected else on_lost(),
    )
    async with _running(server, serial):
        yield


def _device(registers: Registers, unit: int, clock: Callable[[], float] | None) -> SimDevice:
    now_s = clock or asyncio.get_running_loop().time

    async def access(
        function_code: int,
        first: int,
        address: int,
        count: int,
        current: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if function_code not in _REGISTER_FUNCTIONS:
            return ExcCodes.ILLEGAL_FUNCTION
        try:
            if written is None:
                current[address - first : address - first + count] = registers.read(address, count, now_s())
            else:
                registers.write(address, written, now_s())
        except LookupError:
            return ExcCodes.ILLEGAL_ADDRESS
        except ValueError:
            return ExcCodes.ILLEGAL_VALUE
        return None

    span = SimData(registers.first, count=registers.last - registers.first + 1, datatype=DataType.REGISTERS)
    return SimDevice(unit, simdata=[span], action=access)


@asynccontextmanager
async def _running(server: ModbusBaseServer, place: object) -> AsyncGenerator[None]:
    assert isinstance(server.context, SimCore)
    server.context = _Units(server.context)
    try:
        # What server.listen() does, which keeps the reason to itself.
        async with asyncio.timeout(OPEN_WITHIN_S):
            opened = await server.call_create()
    except TimeoutError as exc:
        raise CannotServe(str(place), "timed out") from exc
    except OSError as exc:
        raise CannotServe(str(place), os.strerror(exc.errno).lower() if exc.errno else str(exc)) from exc
    server.transport = opened[0] if isinstance(opened, tuple) else opened
    server.is_listener = True
    try:
        yield
    finally:
        server.close()


class _Units(SimCore):
    """The units on a line. pymodbus 3.16.1 takes a missing one for a failure (exception 4) instead of saying so."""

    def __init__(self, core: SimCore) -> None:
        self.devices = core.devices

    async def async_getValues(  # noqa: N802
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | list[bool] | ExcCodes:
        self._expect(device_id)
        return await super().async_getValues(device_id, func_code, address, count)

    async def async_setValues(  # noqa: N802
        self, device_id: int, func_code: int, address: int, values: list[int] | list[bool]
    ) -> ExcCodes | None:
        self._expect(device_id)
        return await super().async_setValues(device_id, func_code, address, values)

    def _expect(self, device_id: int) -> None:
        if device_id not in self.devices:
            raise NoSuchIdException(f"no unit {device_id} on this line")

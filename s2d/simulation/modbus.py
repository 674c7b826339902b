"""A real Modbus server, TCP or RTU, in front of simulated registers. Knows frames and units, no device.

Nothing runs between requests: time passes for the device when somebody asks it.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from ..errors import S2dError
from .faults import Faults
from .registers import ExceptionResponse, NoResponse, Registers, Table

OPEN_WITHIN_S = 5.0

# What pymodbus has to say of a request is no news to who simulates; without a handler it would go to stderr.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())

_TABLES: dict[int, Table] = {
    1: "coil",
    2: "discrete",
    3: "holding",
    4: "input",
    5: "coil",
    6: "holding",
    15: "coil",
    16: "holding",
    22: "holding",
    23: "holding",
}
"""Function → the table it is about.

Spec: MODBUS Application Protocol V1.1b3, 6.
"""
_SINGLE = (5, 6)
"""Functions whose answer repeats what was written."""


class CannotServe(S2dError):
    """An error: the server cannot listen where it was told to."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot serve Modbus on {self.place}: {self.reason}"


class ModbusAddress(NamedTuple):
    """The address on which a Modbus TCP server listens."""

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
    also: Mapping[int, Registers] = {},
    framing: Literal["tcp", "rtu"] = "tcp",
    faults: Faults | None = None,
    clock: Callable[[], float] | None = None,
) -> AsyncGenerator[ModbusAddress]:
    """Serves *registers* over Modbus TCP while the context lasts; port 0 lets the system choose.

    There are the units *unit* and those of *also*. Another is answered with exception 11, as a gateway does; with
    *framing* rtu, which is what an adapter speaks that only passes a serial line on, it is silent. *clock* gives
    monotonic seconds, the event loop's by default.

    Raises: CannotServe: the address is in use, not ours, or not allowed.
    """
    is_line = framing == "rtu"
    injector = _FaultInjector(faults)
    server = ModbusTcpServer(
        _UNUSED_DEVICE,
        framer=FramerType.RTU if is_line else FramerType.SOCKET,
        address=(host, port),
        ignore_missing_devices=is_line,
        trace_packet=injector.packet,
        trace_pdu=injector.pdu,
    )
    units = {unit: registers, **also}
    async with _listening(server, _Units(units, clock, injector), ModbusAddress(host, port)):
        assert isinstance(server.transport, asyncio.Server)
        yield ModbusAddress(host, server.transport.sockets[0].getsockname()[1])


@asynccontextmanager
async def serve_rtu(
    registers: Registers,
    serial: str,
    *,
    baudrate: int = 9600,
    unit: int = 1,
    also: Mapping[int, Registers] = {},
    faults: Faults | None = None,
    clock: Callable[[], float] | None = None,
    on_lost: Callable[[], None] = lambda: None,
) -> AsyncGenerator[None]:
    """Serves *registers* over Modbus RTU on the line *serial* (8N1) while the context lasts.

    Stays silent when another unit is asked, and carries out a broadcast (unit 0) without an answer. Calls *on_lost*
    when the line goes away (it does not come back), and as the context is left.

    Raises: CannotServe: no such line, in use, or not allowed.
    """
    injector = _FaultInjector(faults)
    server = ModbusSerialServer(
        _UNUSED_DEVICE,
        framer=FramerType.RTU,
        port=serial,
        baudrate=baudrate,
        ignore_missing_devices=True,
        broadcast_enable=True,
        trace_packet=injector.packet,
        trace_pdu=injector.pdu,
        trace_connect=lambda is_connected: None if is_connected else on_lost(),
    )
    async with _listening(server, _Units({unit: registers, **also}, clock, injector), serial):
        yield


_UNUSED_DEVICE = SimDevice(0, simdata=[SimData(0, datatype=DataType.REGISTERS)])
"""A device that pymodbus asks for; its registers are never read."""


@asynccontextmanager
async def _listening(server: ModbusBaseServer, units: "_Units", place: object) -> AsyncGenerator[None]:
    server.context = units
    units.injector.hang_up = lambda: _hang_up(server)
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
        units.injector.closing.set()
        server.close()
        await asyncio.sleep(0)  # lets go who waits to be late


def _hang_up(server: ModbusBaseServer) -> None:
    if isinstance(server, ModbusTcpServer):
        for connection in list(server.active_connections.values()):
            connection.close()


@dataclass
class _Exchange:
    """A request in progress, and what is to happen to its answer."""

    transaction: int
    faults: frozenset[str]
    """Those that strike it."""
    is_silent: bool = False
    written: list[int] | list[bool] = field(default_factory=list)


_transaction: ContextVar[int] = ContextVar("_transaction", default=0)
"""Of the request that was heard last on a connection. pymodbus answers it in a task that is made right then..."""
_exchange: ContextVar[_Exchange] = ContextVar("_exchange")
"""...and is the only one that answers it."""


class _FaultInjector:
    """The fault injector of a server: disturbs its frames as `Faults` says."""

    def __init__(self, faults: Faults | None) -> None:
        self.faults = faults or Faults()
        self.hang_up: Callable[[], None] = lambda: None
        self.closing = asyncio.Event()

    async def begin_exchange(self) -> _Exchange:
        """Begins to answer a request; waits while the answer is to be late."""
        exchange = _Exchange(_transaction.get(), self.faults.of_request())
        _exchange.set(exchange)
        if "late-reply" in exchange.faults:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.faults.late_s):
                    await self.closing.wait()
        return exchange

    def pdu(self, is_sent: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not is_sent:
            _transaction.set(pdu.transaction_id)
        elif exchange := _exchange.get(None):
            # pymodbus gives a late answer the number of the request that came last.
            pdu.transaction_id = exchange.transaction
            if "wrong-unit" in exchange.faults:
                pdu.dev_id = pdu.dev_id % 247 + 1
        return pdu

    def packet(self, is_sent: bool, packet: bytes) -> bytes:
        exchange = _exchange.get(None)
        if not is_sent or exchange is None:
            return packet
        if "drops-line" in exchange.faults:
            self.hang_up()
            return b""
        return b"" if exchange.is_silent else packet


class _Units(SimCore):
    """The Modbus units of a server, each with its registers, in place of those that pymodbus keeps itself."""

    def __init__(
        self, units: Mapping[int, Registers], clock: Callable[[], float] | None, injector: _FaultInjector
    ) -> None:
        self.injector = injector
        self._units = units
        self._now_s = clock or asyncio.get_running_loop().time

    def device_ids(self) -> list[int]:
        return list(self._units)

    async def async_getValues(  # noqa: N802
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | list[bool] | ExcCodes:
        if func_code in _SINGLE:
            return _exchange.get().written  # how pymodbus makes its answer to a write, no request
        registers = self._unit(device_id)
        exchange = await self.injector.begin_exchange()
        if "busy" in exchange.faults:
            return ExcCodes.DEVICE_BUSY
        try:
            words = registers.read(address, count, self._now_s(), _TABLES[func_code])
        except (LookupError, ExceptionResponse) as exc:
            return _code_of(exc)
        except NoResponse:
            exchange.is_silent = True
            return ExcCodes.DEVICE_FAILURE
        return [bool(word) for word in words] if func_code in (1, 2) else words

    async def async_setValues(  # noqa: N802
        self, device_id: int, func_code: int, address: int, values: list[int] | list[bool]
    ) -> ExcCodes | None:
        registers = self._unit(device_id)
        exchange = await self.injector.begin_exchange()
        exchange.written = values
        if "busy" in exchange.faults:
            return ExcCodes.DEVICE_BUSY
        if func_code == 6 and "refuses-fc6" in exchange.faults:
            return ExcCodes.ILLEGAL_FUNCTION
        if "ignores-writes" in exchange.faults:
            return None
        try:
            registers.write(address, [int(value) for value in values], self._now_s(), _TABLES[func_code])
        except (LookupError, ValueError, ExceptionResponse) as exc:
            return _code_of(exc)
        except NoResponse:
            exchange.is_silent = True
        return None

    def _unit(self, device_id: int) -> Registers:
        """Raises: NoSuchIdException, which pymodbus 3.16.1 itself forgets to raise for a unit that is missing."""
        if device_id not in self._units:
            raise NoSuchIdException(f"no unit {device_id} on this line")
        return self._units[device_id]


def _code_of(reason: Exception) -> ExcCodes:
    match reason:
        case ExceptionResponse(code=code):
            return ExcCodes(code)
        case LookupError():
            return ExcCodes.ILLEGAL_ADDRESS
    return ExcCodes.ILLEGAL_VALUE

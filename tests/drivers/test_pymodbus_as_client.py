"""Why Modbus framing is our own: a hostile server, asked by the driver's bus and by pymodbus' client side by side.

Each row of the table in `drivers/modbus/README.md`, decision 11, is measured anew with the pymodbus that is installed.
Where pymodbus does otherwise by now, the table is to be revised, and perhaps the decision.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pymodbus
import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from s2d_drivers.modbus import ModbusConnection
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.transport.bus import ModbusBus
from s2d_drivers.modbus.transport.framing import crc

from s2d.errors import DeviceError, DeviceUnreachable
from s2d.quantities import Duration
from tests.chronicle import PATIENCE_S

pytestmark = pytest.mark.virtual_time

README = Path(__file__).parents[2] / "drivers" / "modbus" / "README.md"
UNIT = 1
WANTED = RegisterBlock("holding", 10, 2)
ASKS_FOR_IT = bytes.fromhex("03 000A 0002")
GOOD = "03 04 0001 0002"
"""What the two registers hold, as a response says it."""
RIGHT, NOTHING = "1, 2", "nothing"
TIMEOUT_S = 1.0
FORGIVEN_AFTER_S = 0.7
"""The bus backs off for half a second from a unit that was silent once."""


def tcp(request: bytes, pdu: str, number: bytes | None = None) -> bytes:
    """A Modbus TCP frame with *pdu*, under the transaction number of *request* or another."""
    body = bytes((UNIT,)) + bytes.fromhex(pdu)
    return (number or request[:2]) + bytes(2) + len(body).to_bytes(2) + body


def rtu(pdu: str, unit: int = UNIT) -> bytes:
    frame = bytes((unit,)) + bytes.fromhex(pdu)
    return frame + crc(frame)


@dataclass(frozen=True)
class Trial:
    """A row of the table, and the server that plays it."""

    name: str
    framing: str
    says: Callable[[bytes], bytes] = lambda request: rtu(GOOD)
    """Request for what is wanted → what is said to it, in one piece."""
    before: RegisterBlock | None = None
    """Asked for before; the response comes only when something else is asked for..."""
    before_is_written: bool = False
    late: Callable[[bytes], bytes] = lambda request: b""
    """...and is this."""


OTHER, OTHERS = RegisterBlock("holding", 0, 1), RegisterBlock("holding", 0, 2)
INPUTS = RegisterBlock("input", 0, 2)

TRIALS = (
    Trial("six registers, under the right number", "tcp", lambda asked: tcp(asked, "03 0C" + 6 * " 0009")),
    Trial("the byte count of one register before two", "tcp", lambda asked: tcp(asked, "03 02 0001 0002")),
    Trial("a response of another function, under the right number", "tcp", lambda asked: tcp(asked, "04 04 0009 0009")),
    Trial(
        "other registers under number 0, then the right response",
        "tcp",
        lambda asked: tcp(asked, "03 04 0009 0009", bytes(2)) + tcp(asked, GOOD),
    ),
    Trial(
        "a late response under its own number, then the right one",
        "tcp",
        lambda asked: tcp(asked, GOOD),
        before=OTHERS,
        late=lambda asked: tcp(asked, "03 04 0009 0009"),
    ),
    Trial("a glitch, 00, before the right response", "rtu", lambda asked: b"\x00" + rtu(GOOD)),
    Trial("an echo of the request before it", "rtu", lambda asked: asked + rtu(GOOD)),
    Trial("a response of another unit before it", "rtu", lambda asked: rtu("03 04 0009 0009", unit=2) + rtu(GOOD)),
    Trial("six registers", "rtu", lambda asked: rtu("03 0C" + 6 * " 0009")),
    Trial("a late response of one register", "rtu", before=OTHER, late=lambda asked: rtu("03 02 0009")),
    Trial("a late response of two registers", "rtu", before=OTHERS, late=lambda asked: rtu("03 04 0009 0009")),
    Trial("a late response of another function", "rtu", before=INPUTS, late=lambda asked: rtu("04 04 0009 0009")),
    Trial(
        "a late response to a write",
        "rtu",
        before=OTHER,
        before_is_written=True,
        late=lambda asked: rtu("06 0000 0009"),
    ),
    Trial("a late exception response", "rtu", before=OTHERS, late=lambda asked: rtu("83 02")),
)


@asynccontextmanager
async def hostile_server(trial: Trial) -> AsyncIterator[int]:
    """The port of a server that plays *trial* on each connection."""
    conversations: list[asyncio.Task[None]] = []
    header, length = (1, 8) if trial.framing == "rtu" else (7, 12)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.append(asyncio.current_task())
        owed: list[bytes] = []
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):  # how a client goes away
            while request := await reader.readexactly(length):
                if request[header : header + 5] == ASKS_FOR_IT:
                    writer.writelines([*owed, trial.says(request)])
                    owed.clear()
                else:
                    owed.append(trial.late(request))
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        async with asyncio.timeout(PATIENCE_S):
            for conversation in conversations:
                await conversation


async def what_ours_makes_of(trial: Trial) -> str:
    async with hostile_server(trial) as port:
        connection = ModbusConnection(
            host="127.0.0.1", port=port, framing=trial.framing, unit=UNIT, timeout_s=Duration(TIMEOUT_S)
        )
        async with ModbusBus.opened(connection) as bus:
            if trial.before:
                with pytest.raises(DeviceUnreachable):
                    await _asked_by_ours(bus, connection, trial.before, is_written=trial.before_is_written)
                await asyncio.sleep(FORGIVEN_AFTER_S)
            try:
                return ", ".join(map(str, await bus.read(connection, WANTED)))
            except DeviceError:
                return NOTHING


async def _asked_by_ours(
    bus: ModbusBus, connection: ModbusConnection, block: RegisterBlock, *, is_written: bool
) -> None:
    if is_written:
        await bus.write(connection, block, [9], is_multiple=False)
    else:
        await bus.read(connection, block)


async def what_pymodbus_makes_of(trial: Trial) -> str:
    async with hostile_server(trial) as port:
        framer = FramerType.RTU if trial.framing == "rtu" else FramerType.SOCKET
        client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=framer, timeout=TIMEOUT_S)
        await client.connect()
        try:
            if trial.before:
                with pytest.raises(ModbusException):
                    await _asked_by_pymodbus(client, trial.before, is_written=trial.before_is_written)
            response = await client.read_holding_registers(WANTED.register, count=WANTED.count, device_id=UNIT)
            if response.isError():
                return f"exception {response.exception_code}"
            return ", ".join(map(str, response.registers))
        except ModbusException:
            return NOTHING
        finally:
            client.close()


async def _asked_by_pymodbus(client: AsyncModbusTcpClient, block: RegisterBlock, *, is_written: bool) -> None:
    if is_written:
        await client.write_register(block.register, 9, device_id=UNIT)
    elif block.table == "input":
        await client.read_input_registers(block.register, count=block.count, device_id=UNIT)
    else:
        await client.read_holding_registers(block.register, count=block.count, device_id=UNIT)


def told() -> dict[tuple[str, str], tuple[str, str]]:
    """Framing and name of each row of the table → what pymodbus makes of it, and what ours does."""
    decision = README.read_text().partition("\n11. **Modbus framing stays our own")[2]
    rows = re.findall(r"^ +\| (TCP|RTU) \| (.+?) \| (.+?) \| (.+?) \|$", decision, re.MULTILINE)
    return {(framing.lower(), name): (theirs.strip("*"), ours) for framing, name, theirs, ours in rows}


def test_the_table_has_what_is_tried_and_nothing_else() -> None:
    assert sorted(told()) == sorted((trial.framing, trial.name) for trial in TRIALS)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: f"{trial.framing}: {trial.name}")
async def test_ours_gives_what_is_right_or_nothing(trial: Trial) -> None:
    made = await what_ours_makes_of(trial)
    assert made in (RIGHT, NOTHING)
    assert made == told()[trial.framing, trial.name][1]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: f"{trial.framing}: {trial.name}")
async def test_pymodbus_does_as_the_table_says(trial: Trial) -> None:
    expected, _ = told()[trial.framing, trial.name]
    made = await what_pymodbus_makes_of(trial)
    assert made == expected, (
        f"pymodbus {pymodbus.__version__} makes {made!r} of {trial.name!r} ({trial.framing}), where decision 11 of "
        f"drivers/modbus/README.md says {expected!r}: revise the table, and see whether the decision still holds"
    )

"""Adapters that hear themselves: what we said ourselves is never what the device said."""

from collections.abc import Callable

import pytest
from modbus_peers import OddUnit, device, odd_device, odd_line, odd_server
from s2d_drivers.modbus import ModbusPoint
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.transport.framing import RtuFraming, crc
from s2d_drivers.modbus.transport.request import Request

from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.fakes import pass_s

pytestmark = pytest.mark.virtual_time

TRANSPORTS = ("line", "through tcp")
READ = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
WRITTEN: dict[int, tuple[dict[str, object], object]] = {
    5: ({"table": "coil"}, True),
    6: ({}, 1000),
    15: ({"table": "coil", "write": "multiple"}, True),
    16: ({"write": "multiple"}, 1000),
}
TIMEOUT = {"timeout_s": Duration(0.5)}


def after(turnaround_s: float) -> Callable[[bytes], list[tuple[float, bytes]]]:
    return lambda frame: [(turnaround_s, frame)]


def relay(function: int, access: str = "write") -> tuple[dict[str, ModbusPoint], Setpoint]:
    settings, value = WRITTEN[function]
    return {"relay": ModbusPoint(register=102, access=access, **settings)}, Setpoint("relay", value, "test")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("turnaround_s", [0.0, 0.03, 0.12])
@pytest.mark.parametrize("register", [10, 512, 640, 767])
@pytest.mark.parametrize("function", READ)
async def test_a_register_is_read_behind_the_echo(
    function: int, register: int, turnaround_s: float, transport: str
) -> None:
    """Also where the echo looks like the head of an answer, as those for 512 to 767 do: 01 03 02."""
    unit = OddUnit(echoes=True, says=after(turnaround_s))
    points = {"p": ModbusPoint(register=register, table=READ[function])}
    async with odd_device(unit, transport) as where, device(points, **where, **TIMEOUT) as modbus:
        for _ in range(3):
            assert await modbus.read(points) == [Reading("p", register if function > 2 else bool(register % 2))]
        (oddity,) = modbus.oddities
    assert len(unit.asked) == 3, "nothing was asked twice"
    assert oddity.endswith(" hears itself: what is sent comes back first")


@pytest.mark.parametrize("echoes", [False, True])
@pytest.mark.parametrize("unit_number", [1, 2, 16, 247])
async def test_whatever_register_is_read_singly_its_question_is_not_its_answer(unit_number: int, echoes: bool) -> None:
    for register in range(500, 780):
        request = Request(unit_number, RegisterBlock("holding", register, 1))
        for is_echoing in (None, echoes):
            framing = RtuFraming(is_echoing=is_echoing)
            sent = framing.encode(request)
            body = bytes((unit_number, 3, 2)) + register.to_bytes(2)
            heard = bytearray()
            for byte in (sent if echoes else b"") + body + crc(body)[:1]:
                heard.append(byte)
                assert framing.extract(heard) is None
            assert framing.misfit(heard) is None
            heard += crc(body)[1:]
            assert framing.extract(heard) == body[1:]
            assert framing.is_echoing is echoes


@pytest.mark.parametrize("block", [RegisterBlock("coil", 7, 1), RegisterBlock("holding", 7, 1)])
@pytest.mark.parametrize(("is_echoing", "copies"), [(None, 2), (True, 2), (False, 1)])
def test_a_write_is_acknowledged_by_the_second_copy_unless_the_line_is_known_not_to_echo(
    block: RegisterBlock, is_echoing: bool | None, copies: int
) -> None:
    framing = RtuFraming(is_echoing=is_echoing)
    sent = framing.encode(Request(1, block, (1,)))
    heard = bytearray()
    for copy in range(1, copies + 1):
        heard += sent
        assert framing.extract(heard) == (sent[1:-2] if copy == copies else None)
        assert copy == copies or framing.misfit(heard, is_final=True) is None
    assert framing.is_echoing is is_echoing, "it may be the unit that says all twice"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("is_read_first", [False, True])
@pytest.mark.parametrize("function", WRITTEN)
async def test_a_write_arrives_behind_the_echo_and_is_acknowledged_once(
    function: int, is_read_first: bool, transport: str
) -> None:
    unit = OddUnit(echoes=True, says=after(0.12))
    points, setpoint = relay(function, "read_write")
    async with odd_device(unit, transport) as where, device(points, **where, **TIMEOUT) as modbus:
        if is_read_first:
            await modbus.read(points)
        for _ in range(2):
            await modbus.write(setpoint)
        assert await modbus.read(points) == [Reading("relay", setpoint.value)]
    assert len(unit.written()) == 2
    assert unit.asked[0][0] < 5, "a line of which nothing is known is read first"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("access", ["write", "read_write"])
@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize("function", WRITTEN)
async def test_with_the_unit_switched_off_a_write_fails(
    function: int, was_there: bool, access: str, transport: str
) -> None:
    unit = OddUnit(echoes=True, is_there=was_there)
    points, setpoint = relay(function, access)
    async with odd_device(unit, transport) as where, device(points, **where, **TIMEOUT) as modbus:
        if was_there:
            await modbus.write(setpoint)
        unit.is_there = False
        for _ in range(3):
            with pytest.raises(DeviceUnreachable) as why:
                await modbus.write(setpoint)
            assert "all that was heard is what was sent, as the adapter hears itself" in str(why.value) or (
                "it is asked again in" in str(why.value)
            )


@pytest.mark.parametrize("function", WRITTEN)
async def test_a_line_is_classified_again_when_it_was_opened_anew(function: int) -> None:
    """It did not echo; then the connection ends, and by the time of the next one another adapter is there."""
    unit = OddUnit()
    points, setpoint = relay(function)
    async with odd_server(unit, framing="rtu") as where, device(points, **where, **TIMEOUT) as modbus:
        await modbus.write(setpoint)
        unit.is_there = False
        for unit.echoes in (False, True):
            for _ in range(3):
                with pytest.raises(DeviceUnreachable, match="no answer"):
                    await modbus.write(setpoint)
                await pass_s(31)  # for which it is left alone at most
        assert unit.connections > 1, "two silences end one"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", WRITTEN)
async def test_a_board_that_says_nothing_to_reads_is_written_where_no_echo_is_heard(
    function: int, transport: str
) -> None:
    unit = OddUnit(answers=lambda asked, pdu: pdu if asked[0] == function else None)
    points, setpoint = relay(function)
    async with odd_device(unit, transport) as where, device(points, **where, **TIMEOUT) as modbus:
        for _ in range(3):
            await modbus.write(setpoint)
    assert len(unit.written()) == 3


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", WRITTEN)
async def test_on_a_line_that_echoes_a_write_counts_that_reads_back(function: int, transport: str) -> None:
    """Its acknowledgement was lost, as adapters lose something that switch round late."""
    unit = OddUnit(echoes=True, answers=lambda asked, pdu: None if asked[0] == function else pdu)
    points, setpoint = relay(function)
    async with odd_device(unit, transport) as where, device(points, **where, **TIMEOUT) as modbus:
        await modbus.write(setpoint)
        unit.is_taking = False
        with pytest.raises(DeviceUnreachable):
            await modbus.write(Setpoint("relay", not setpoint.value if setpoint.value is True else 7, "test"))
    assert len(unit.written()) == 2


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", WRITTEN)
async def test_with_the_unit_switched_off_a_write_fails_though_the_line_could_not_be_classified(
    function: int, transport: str
) -> None:
    """The echo of what is read came garbled; that of the write does not."""
    unit = OddUnit(
        echoes=True, is_there=False, garbles=lambda heard: heard if heard[1] == function else heard[:-1] + b"\x77"
    )
    points, setpoint = relay(function)
    async with odd_device(unit, transport) as where, device(points, **where, **TIMEOUT) as modbus:
        for _ in range(3):
            with pytest.raises(DeviceUnreachable):
                await modbus.write(setpoint)
            await pass_s(31)


async def test_a_refusal_behind_the_echo_is_a_refusal() -> None:
    unit = OddUnit(echoes=True, lacks=lambda function, register: 2 * (register == 11))
    points = {name: ModbusPoint(register=10 + place) for place, name in enumerate("abc")}
    async with odd_line(unit) as where, device(points, **where, **TIMEOUT) as modbus:
        found = {each.point: each.quality for each in await modbus.read(points)}
    assert found == {"a": Quality.GOOD, "b": Quality.BAD, "c": Quality.GOOD}


async def test_an_echo_that_ends_is_noticed() -> None:
    """Somebody sets the adapter: whether it echoes is found out by reading before the next write."""
    unit = OddUnit(echoes=True)
    points, setpoint = relay(6, "read_write")
    async with odd_line(unit) as where, device(points, **where, **TIMEOUT) as modbus:
        await modbus.write(setpoint)
        unit.echoes = False
        await modbus.read(points)
        await modbus.write(Setpoint("relay", 7, "test"))
        unit.echoes = True
        await modbus.read(points)
        unit.is_there = False
        with pytest.raises(DeviceUnreachable):
            await modbus.write(Setpoint("relay", 8, "test"))

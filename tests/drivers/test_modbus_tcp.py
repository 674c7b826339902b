"""The Modbus driver against real servers on this machine, well behaved and otherwise."""

import asyncio
import logging

import pytest
from modbus_peers import (
    OddUnit,
    Unit,
    answer_to,
    device,
    odd_server,
    raw_server,
    reads_words,
    rtu_over_tcp_server,
    tcp_server,
)
from pymodbus.constants import ExcCodes
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.chronicle import PATIENCE_S
from tests.fakes import pass_s

pytestmark = pytest.mark.virtual_time

HOST = "127.0.0.1"
SOC = {"soc": ModbusPoint(register=10, unit="%")}
LIMIT = {"limit": ModbusPoint(register=20, type="int16", unit="W", access="read_write")}


def limit(value_w: float) -> Setpoint:
    return Setpoint("limit", value_w, "test")


async def test_every_table_and_type_is_read() -> None:
    unit = Unit()
    unit.input[5:7] = [0x4148, 0x0000]
    unit.holding[100:104] = [0x4163, 0x6D65, 0xFFFF, 0xFFFE]
    points = {
        "switch": ModbusPoint(table="coil", register=3),
        "alarm": ModbusPoint(table="discrete", register=0),
        "power": ModbusPoint(table="input", register=5, type="float32", unit="kW"),
        "name": ModbusPoint(register=100, type="string[4]"),
        "energy": ModbusPoint(register=102, type="int32", unit="Wh"),
        "none": ModbusPoint(register=102, sentinel=0xFFFF),
    }
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        readings = await modbus.read(points)
    assert {reading.point: reading.value for reading in readings} == {
        "switch": False,
        "alarm": True,
        "power": 12500.0,
        "name": "Acme",
        "energy": -2.0,
        "none": None,
    }
    assert sorted(unit.asked) == [(1, 3, 1), (2, 0, 1), (3, 100, 4), (4, 5, 2)]


async def test_only_the_points_asked_for_are_read() -> None:
    unit = Unit()
    points = {"a": ModbusPoint(register=1), "b": ModbusPoint(register=2), "c": ModbusPoint(register=3)}
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        assert await modbus.read({"a", "c"}) == [Reading("a", 0.0), Reading("c", 0.0)]
        assert await modbus.read({"b"}) == [Reading("b", 0.0)]
        assert await modbus.read(()) == []
    assert unit.asked == [(3, 1, 3), (3, 2, 1)]


@pytest.mark.parametrize(
    ("point", "value", "function", "count"),
    [
        (ModbusPoint(register=20, type="int16", access="read_write"), -300, 6, 1),
        (ModbusPoint(register=20, type="int16", access="read_write", write="multiple"), -300, 16, 1),
        (ModbusPoint(register=20, type="float32", access="read_write"), 12.5, 16, 2),
        (ModbusPoint(register=20, type="uint64", order="CDAB", access="read_write"), 2**40, 16, 4),
        (ModbusPoint(register=20, type="string[6]", access="read_write"), "boost", 16, 3),
        (ModbusPoint(register=20, values={"1": "auto", "2": "off"}, access="read_write"), "off", 6, 1),
        (ModbusPoint(table="coil", register=20, access="read_write"), True, 5, 1),
        (ModbusPoint(table="coil", register=20, access="read_write", write="multiple"), True, 15, 1),
    ],
)
async def test_a_write_arrives_and_says_what_it_reads_as(
    point: ModbusPoint, value: object, function: int, count: int
) -> None:
    unit = Unit()
    async with tcp_server({1: unit}) as server, device({"p": point}, host=HOST, port=server.port) as modbus:
        assert await modbus.write(Setpoint("p", value, "test")) == {"p": value}
        assert unit.asked == [(function, 20, count)]
        assert await modbus.read({"p"}) == [Reading("p", value)]


@pytest.mark.parametrize(
    ("point", "value", "reads_as"),
    [
        (ModbusPoint(register=20, scale=50, unit="W", access="read_write"), 1010, 1000.0),
        (ModbusPoint(register=20, type="float32", unit="W", access="read_write"), 1234.567, 1234.5670166015625),
        (ModbusPoint(register=20, bits="4..7", access="read_write"), 5, 5.0),
        (ModbusPoint(register=20, scale_register=30, unit="W", access="read_write"), 1234, 1200),
        (ModbusPoint(register=20, values={"1": "off", "2": "off", "3": "on"}, access="read_write"), "off", "off"),
    ],
)
async def test_what_a_write_reads_as_is_what_is_read_to_the_last_digit(
    point: ModbusPoint, value: object, reads_as: object
) -> None:
    unit = Unit()
    unit.holding[30] = 2
    async with tcp_server({1: unit}) as server, device({"p": point}, host=HOST, port=server.port) as modbus:
        assert await modbus.write(Setpoint("p", value, "test")) == {"p": reads_as}
        assert await modbus.read({"p"}) == [Reading("p", reads_as)]


async def test_a_write_only_point_reads_as_nothing() -> None:
    unit = Unit()
    points = {"p": ModbusPoint(register=20, access="write")}
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        assert await modbus.write(Setpoint("p", 7, "test")) == {}
    assert unit.asked == [(6, 20, 1)]


async def test_writing_bits_keeps_the_others() -> None:
    unit = Unit()
    unit.holding[20] = 0xF00F
    points = {
        "mode": ModbusPoint(register=20, bits="4..7", access="read_write"),
        "whole": ModbusPoint(register=20),
    }
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        await modbus.write(Setpoint("mode", 5, "test"))
        assert await modbus.read(points) == [Reading("mode", 5.0), Reading("whole", 0xF05F)]


async def test_a_value_that_does_not_fit_never_leaves_the_house() -> None:
    unit = Unit()
    async with tcp_server({1: unit}) as server, device(LIMIT, host=HOST, port=server.port) as modbus:
        with pytest.raises(DeviceRefused, match="does not fit int16"):
            await modbus.write(limit(40_000))
    assert unit.asked == []


async def test_a_point_for_reading_is_not_written() -> None:
    async with device(SOC, host=HOST) as modbus:
        with pytest.raises(DeviceRefused, match="soc is not for writing; its access is read"):
            await modbus.write(Setpoint("soc", 50, "test"))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (1, "{unit} refused to write holding register 20: it does not know the function (exception 1); "
            "it may want `write: multiple`"),
        (2, "{unit} refused to write holding register 20: it has no such address (exception 2); "
            "some manuals count from 1"),
        (3, "{unit} refused to write holding register 20: it does not accept the value (exception 3)"),
        (4, "{unit} refused to write holding register 20: it failed to do so (exception 4)"),
    ],
)  # fmt: skip
async def test_a_refused_write_says_why(code: int, sentence: str) -> None:
    unit = Unit(refuses=lambda function, register, count: ExcCodes(code))
    async with tcp_server({1: unit}) as server, device(LIMIT, host=HOST, port=server.port) as modbus:
        with pytest.raises(DeviceRefused) as refusal:
            await modbus.write(limit(300))
    assert str(refusal.value) == sentence.format(unit=f"unit 1 at 127.0.0.1:{server.port}")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (5, "{unit} is busy"),
        (6, "{unit} is busy"),
        (10, "the gateway has no path to {unit}"),
        (11, "the gateway got no answer from {unit}"),
    ],
)
async def test_an_exception_that_may_pass_means_try_again(code: int, sentence: str) -> None:
    unit = Unit(refuses=lambda function, register, count: ExcCodes(code))
    where = {"host": HOST, "timeout_s": Duration(0.2)}
    async with tcp_server({1: unit}) as server, device(SOC, port=server.port, **where) as modbus:
        with pytest.raises(DeviceUnreachable) as why:
            await modbus.read(SOC)
    assert str(why.value) == sentence.format(unit=f"unit 1 at 127.0.0.1:{server.port}")


async def test_what_a_device_does_not_have_is_found_and_does_not_part_the_others() -> None:
    def no_register_2(function: int, register: int, count: int) -> ExcCodes | None:
        return ExcCodes.ILLEGAL_ADDRESS if register <= 2 < register + count else None

    unit = Unit(refuses=no_register_2)
    unit.holding[:5] = [10, 11, 12, 13, 14]
    points = {name: ModbusPoint(register=register) for register, name in enumerate("abcd")}
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        first = await modbus.read(points)
        asked_first = list(unit.asked)
        unit.asked.clear()
        assert await modbus.read(points) == first
    assert asked_first == [(3, 0, 4), (3, 0, 2), (3, 2, 2), (3, 2, 1), (3, 3, 1)]
    assert unit.asked == [(3, 0, 4), (3, 0, 2), (3, 3, 1), (3, 2, 1)], "over register 2 only once more"
    reason = (
        f"unit 1 at 127.0.0.1:{server.port} refused to read holding register 2: it has no such address (exception 2); "
        "some manuals count from 1, or mean `table: input`; "
        "of a profile, `null` takes away a point that the device lacks"
    )
    assert first == [
        Reading("a", 10.0),
        Reading("b", 11.0),
        Reading("c", None, Quality.BAD, reason),
        Reading("d", 13.0),
    ]


async def test_two_units_share_one_connection() -> None:
    units = {1: Unit(), 2: Unit()}
    units[1].holding[10], units[2].holding[10] = 11, 22
    async with tcp_server(units) as server:
        first, second = (ModbusConnection(host=HOST, port=server.port, unit=unit) for unit in units)
        async with (
            Modbus.open_bus(first) as bus,
            Modbus.open(first, SOC, bus) as one,
            Modbus.open(second, SOC, bus) as two,
            asyncio.TaskGroup() as tasks,
        ):
            reads = [tasks.create_task(device.read(SOC)) for device in (one, two, one, two)]
    assert [read.result()[0].value for read in reads] == [11, 22, 11, 22]
    assert server.connections.count(True) == 1


async def test_a_gateway_that_gets_no_answer_is_asked_for_that_unit_less_and_less_often() -> None:
    """The answer is prompt, but the gateway may have waited for long."""
    living, dead = Unit(), Unit(refuses=lambda function, register, count: ExcCodes.GATEWAY_NO_RESPONSE)
    async with tcp_server({1: living, 2: dead}) as server, asyncio.timeout(PATIENCE_S):
        alive, gone = (ModbusConnection(host=HOST, port=server.port, unit=unit) for unit in (1, 2))
        async with (
            Modbus.open_bus(alive) as bus,
            Modbus.open(alive, SOC, bus) as answering,
            Modbus.open(gone, SOC, bus) as silent,
        ):
            began = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < began + 1.8:
                await answering.read(SOC)
                await _outcome(silent)
                await pass_s(0.05)
    assert len(dead.asked) == 4, "twice at once, after 0.5 s, and a second later"
    assert len(living.asked) > 20
    assert server.connections.count(True) == 1


async def test_a_device_may_have_points_in_other_units() -> None:
    units = {100: Unit(), 227: Unit()}
    units[100].holding[10], units[227].holding[11] = 55, 7
    points = {
        "soc": ModbusPoint(register=10),
        "state": ModbusPoint(register=11, unit_id=227),
        "limit": ModbusPoint(register=20, unit_id=227, access="read_write"),
    }
    async with tcp_server(units) as server, device(points, host=HOST, port=server.port, unit=100) as modbus:
        await modbus.write(limit(300))
        readings = {reading.point: reading.value for reading in await modbus.read(points)}
    assert readings == {"soc": 55, "state": 7, "limit": 300}
    assert units[100].asked == [(3, 10, 1)]
    assert units[227].asked == [(6, 20, 1), (3, 11, 10)]


async def test_another_unit_that_is_silent_takes_only_its_own_points_away() -> None:
    units = {1: Unit(), 7: Unit()}
    units[1].holding[10], units[7].holding[11] = 55, 7
    points = {"soc": ModbusPoint(register=10), "state": ModbusPoint(register=11, unit_id=7)}
    async with (
        rtu_over_tcp_server(units) as port,
        device(points, host=HOST, port=port, framing="rtu", timeout_s=0.1) as modbus,
    ):
        assert await modbus.read(points) == [Reading("soc", 55), Reading("state", 7)]
        other = units.pop(7)
        for asked in (points, ["state"]):  # by itself, it is left alone now
            *first, last = await modbus.read(asked)
            assert first == ([Reading("soc", 55)] if asked is points else [])
            assert (last.point, last.value, last.quality) == ("state", None, Quality.BAD)
            assert "unit 7" in last.detail
        units[7] = other
        units.pop(1)
        with pytest.raises(DeviceUnreachable, match="unit 1"):
            await modbus.read(points)


async def test_a_device_all_of_whose_points_are_in_another_unit_is_lost_with_it() -> None:
    points = {"state": ModbusPoint(register=11, unit_id=7), "limit": ModbusPoint(register=20, access="write")}
    async with (
        rtu_over_tcp_server({1: Unit()}) as port,
        device(points, host=HOST, port=port, framing="rtu", timeout_s=0.1) as modbus,
    ):
        with pytest.raises(DeviceUnreachable, match="unit 7"):
            await modbus.read(["state"])


async def test_a_connection_that_cannot_be_made_is_the_end_of_all_points(port: int) -> None:
    points = {"soc": ModbusPoint(register=10), "state": ModbusPoint(register=11, unit_id=7)}
    async with device(points, host=HOST, port=port) as modbus:
        for asked in ("soc", "state"):
            with pytest.raises(DeviceUnreachable, match="cannot connect"):
                await modbus.read([asked])


async def test_points_in_different_units_are_not_written_together() -> None:
    points = {
        name: ModbusPoint(register=20 + place, unit_id=unit, access="write")
        for place, (name, unit) in enumerate((("limit", None), ("other", 2)))
    }
    async with device(points, host=HOST) as modbus:
        with pytest.raises(DeviceRefused, match="limit and other are in different units"):
            await modbus.write(limit(1), Setpoint("other", 1, "test"))


async def test_writes_go_before_reads() -> None:
    """The first read is under way; of what queues behind it, the write comes first."""
    asked: list[int] = []

    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(12)
        await others_wait.wait()
        while request:
            asked.append(request[7])
            writer.write(request if request[7] == 6 else answer_to(request, 0))
            request = await reader.read(12)

    others_wait = asyncio.Event()
    points = SOC | {"limit": ModbusPoint(register=20, access="write")}
    async with raw_server(scene) as port, device(points, host=HOST, port=port) as modbus, asyncio.TaskGroup() as tasks:
        tasks.create_task(modbus.read({"soc"}))
        await _queued(tasks, modbus.read({"soc"}))
        await _queued(tasks, modbus.write(limit(1)))
        others_wait.set()
    assert asked == [3, 6, 3]


async def test_what_is_written_does_not_wait_for_what_is_silent() -> None:
    """All that a device ever answered falls silent, and its setpoint does not."""
    is_mute, written = False, []

    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(12):
            if request[7] == 6:
                written.append(int.from_bytes(request[10:12]))
                writer.write(request)
            elif not is_mute:
                writer.write(answer_to(request, 50))

    points = SOC | {"limit": ModbusPoint(register=20, access="write")}
    silences = 3
    async with (
        raw_server(scene) as port,
        device(points, host=HOST, port=port, timeout_s=Duration(0.2)) as modbus,
    ):
        assert await modbus.read({"soc"}) == [Reading("soc", 50.0)]
        is_mute = True
        for value in range(1, silences + 1):
            with pytest.raises(DeviceUnreachable):
                await modbus.read({"soc"})
            await modbus.write(limit(value))
    assert written == [1, 2, 3]


async def _queued(tasks: asyncio.TaskGroup, call: object) -> asyncio.Task[object]:
    task = tasks.create_task(call)
    await asyncio.sleep(0)
    return task


async def test_a_device_that_comes_back_is_read_again(port: int) -> None:
    unit = Unit()
    unit.holding[10] = 55
    where = ModbusConnection(host=HOST, port=port)
    async with Modbus.open_bus(where) as bus, Modbus.open(where, SOC, bus) as modbus:
        for _ in range(2):
            async with tcp_server({1: unit}, where.port), asyncio.timeout(PATIENCE_S):
                assert await _read_once_reachable(modbus) == [Reading("soc", 55.0)]
            with pytest.raises(DeviceUnreachable):
                await modbus.read(SOC)


async def _read_once_reachable(modbus: Modbus) -> list[Reading]:
    while True:
        try:
            return list(await modbus.read(SOC))
        except DeviceUnreachable:
            await asyncio.sleep(0.02)


async def test_a_host_that_cannot_be_a_name_is_unreachable() -> None:
    async with device(SOC, host="a..b") as modbus:
        assert (await _outcome(modbus)).startswith("cannot connect to a..b:502: ")


async def test_after_a_failed_connect_there_is_a_pause_without_attempts(port: int) -> None:
    """Somebody starts to listen, but no request finds out before the pause is over."""
    where = ModbusConnection(host=HOST, port=port)
    async with Modbus.open_bus(where) as bus, Modbus.open(where, SOC, bus) as modbus:
        assert await _outcome(modbus) == f"cannot connect to 127.0.0.1:{where.port}: Connection refused"
        async with tcp_server({1: Unit()}, where.port) as server:
            with pytest.raises(DeviceUnreachable, match="Connection refused"):
                await modbus.read(SOC)
            assert server.connections == []


async def test_the_first_request_on_a_connection_may_go_unheard() -> None:
    """It is asked again on the same connection, and should the first be answered after all, that is passed over."""

    async def sleepy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, second = await reader.readexactly(12), await reader.readexactly(12)
        writer.write(answer_to(first, 99) + answer_to(second, 55))
        await reader.read()

    async with raw_server(sleepy) as port, device(SOC, host=HOST, port=port, timeout_s=Duration(0.05)) as modbus:
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    """One silence does not cost the connection: a late answer has the number of its question."""

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(24)
        late = answer_to(first[12:], 99)
        while request := await reader.read(12):
            writer.write(late + answer_to(request, 55))

    async with (
        raw_server(hangs) as port,
        device(SOC, host=HOST, port=port, timeout_s=Duration(0.05)) as modbus,
    ):
        with pytest.raises(DeviceUnreachable) as why:
            await modbus.read(SOC)
        assert str(why.value) == f"no answer from unit 1 at 127.0.0.1:{port} within 0.05 s"
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]
        assert modbus.oddities == []


@pytest.mark.parametrize(
    ("settings", "idle_s", "connections"),
    [({}, 1, 1), ({"unit": 0}, 1, 2), ({"unit": 255}, 1, 2), ({"transaction_ids": "ignored"}, 1, 2), ({}, 60, 2)],
    ids=["known by its number", "of any unit", "of any unit", "of any number", "after a long time without a word"],
)
async def test_one_silence_costs_the_connection_only_where_a_late_answer_would_not_be_known(
    settings: dict[str, object], idle_s: float, connections: int
) -> None:
    is_silent = False
    unit = OddUnit(answers=lambda asked, pdu: None if is_silent else pdu)
    async with (
        odd_server(unit) as where,
        device(SOC, **where | settings, timeout_s=Duration(0.5)) as modbus,
    ):
        await modbus.read(SOC)
        await pass_s(idle_s)
        is_silent = True
        assert "no answer from unit" in await _outcome(modbus)
        is_silent = False
        assert await modbus.read(SOC) == [Reading("soc", 10.0)]
        assert unit.connections == connections
        is_silent = True
        for _ in range(2):
            await _outcome(modbus)
        is_silent = False
        assert await modbus.read(SOC) == [Reading("soc", 10.0)]
        assert unit.connections > connections, "two in a row do"


@pytest.mark.parametrize(
    "says", [[b"\0"], [b"\0\0\0"], [b"again"], [b"\0", b"\0\1\0\0"], [b"HTTP/1.1 400 Bad Request"]]
)
@pytest.mark.parametrize("after_s", [0.0, 0.03])
@pytest.mark.parametrize("is_before", [False, True])
async def test_what_is_nobodys_is_passed_over_and_the_connection_stays(
    says: list[bytes], after_s: float, is_before: bool
) -> None:
    """Before or behind the answer, at once or when nobody listens any more."""

    def with_more(frame: bytes) -> list[tuple[float, bytes]]:
        more = [(after_s, frame if each == b"again" else each) for each in says]
        return [*more, (0.0, frame)] if is_before else [(0.0, frame), *more]

    unit = OddUnit(says=with_more)
    points = SOC | LIMIT
    async with odd_server(unit) as where, device(points, **where) as modbus:
        for value in range(1, 6):
            await modbus.write(limit(value))
            assert await modbus.read(points) == [Reading("soc", 10.0), Reading("limit", value)]
            await pass_s(0.1 * (value % 2))
        (oddity,) = modbus.oddities
    assert " gives answers beside which come bytes that are too many, " in oddity
    assert unit.connections == 1
    assert len(unit.written()) == 5


async def test_what_comes_unasked_is_no_answer() -> None:
    """Also when it looks like one to what is asked next."""
    spoken = asyncio.Event()

    async def repeats_itself(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(12)
        writer.write(answer_to(request, 54))
        writer.write(b"\0\2" + answer_to(request, 99)[2:])
        spoken.set()
        writer.write(answer_to(await reader.read(12), 55))
        await reader.read()

    async with raw_server(repeats_itself) as port, device(SOC, host=HOST, port=port) as modbus:
        assert await modbus.read(SOC) == [Reading("soc", 54.0)]
        await spoken.wait()
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_an_answer_to_another_question_is_not_ours() -> None:
    """Neither by its number nor by what it says."""

    async def confuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x77\x77" + answer_to(await reader.read(12), 1, 2)[2:])
        assert await reader.read() == b"", "the driver stays on the line"

    async with raw_server(confuses, reads_words(55)) as port, device(SOC, host=HOST, port=port) as modbus:
        assert await _outcome(modbus) == (
            f"no proper answer from unit 1 at 127.0.0.1:{port}: "
            "it gave an answer to another question, 77 77 00 00 00 07 01 03 04 00 01 00 …"
        )
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


@pytest.mark.parametrize("spoken", [b"HTTP/1.1 400 Bad Request", bytes.fromhex("0001 0007 0001 01 03"), b"\0" * 300])
async def test_nonsense_is_no_answer(spoken: bytes) -> None:
    async def speaks_in_tongues(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(12)
        writer.write(spoken)
        await reader.read()

    async with raw_server(speaks_in_tongues, reads_words(55)) as port, device(SOC, host=HOST, port=port) as modbus:
        assert await _outcome(modbus) == (
            f"no proper answer from unit 1 at 127.0.0.1:{port}: what it says is no Modbus TCP, "
            f"{spoken[:12].hex(' ')}{' …' * (len(spoken) > 12)}; if it speaks RTU over TCP, add `framing: rtu`"
        )
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_an_answer_may_come_in_pieces() -> None:
    async def stammers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in answer_to(await reader.read(12), 55):
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with raw_server(stammers) as port, device(SOC, host=HOST, port=port) as modbus:
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_a_device_is_left_alone_until_it_is_warm() -> None:
    loop = asyncio.get_running_loop()
    async with (
        tcp_server({1: Unit()}) as server,
        device(SOC, host=HOST, port=server.port, warm_up_s=Duration(0.2)) as modbus,
    ):
        began = loop.time()
        await modbus.read(SOC)
        warm_after_s = loop.time() - began
        await modbus.read(SOC)
    assert warm_after_s >= 0.2
    assert loop.time() - began < 0.4


@pytest.mark.parametrize("code", [5, 6])
async def test_a_busy_device_is_waited_for(code: int) -> None:
    answers = [ExcCodes(code), ExcCodes(code), None]
    unit = Unit(refuses=lambda function, register, count: answers.pop(0))
    unit.holding[10] = 55
    async with tcp_server({1: unit}) as server, device(SOC, host=HOST, port=server.port) as modbus:
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]
    assert unit.asked == [(3, 10, 1)] * 3


async def test_a_connection_that_ends_ends_the_wait_at_once() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(12)

    async with (
        raw_server(hangs_up, reads_words(55)) as port,
        device(SOC, host=HOST, port=port, timeout_s=Duration(3600)) as modbus,
        asyncio.timeout(PATIENCE_S),
    ):
        with pytest.raises(DeviceUnreachable, match="closed the connection; if this repeats"):
            await modbus.read(SOC)
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_a_device_may_hang_up_after_every_answer() -> None:
    hung_up = asyncio.Queue[None]()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_to(await reader.read(12), 55))
        writer.write_eof()
        assert await reader.read() == b"", "the driver keeps a connection that has ended"
        hung_up.put_nowait(None)

    async with (
        raw_server(once, once, once) as port,
        device(SOC, host=HOST, port=port) as modbus,
        asyncio.timeout(PATIENCE_S),
    ):
        for _ in range(3):
            assert await modbus.read(SOC) == [Reading("soc", 55.0)]
            await hung_up.get()


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
@pytest.mark.parametrize("gap_s", [None, 0.05])
@pytest.mark.parametrize(
    ("hangs_up_s", "is_deaf"), [(0.003, True), (0.003, False), (0.02, False), (0.04, False), (0.0, True)]
)
async def test_a_connection_that_dies_unused_is_made_anew_for_reads_and_writes(
    hangs_up_s: float, is_deaf: bool, gap_s: float | None, framing: str
) -> None:
    """Two tables and a write, so that one question always meets the end of the connection."""
    unit = OddUnit(hangs_up_s=hangs_up_s, is_deaf_meanwhile=is_deaf)
    points = LIMIT | {"soc": ModbusPoint(table="input", register=10, unit="%")}
    gap = {} if gap_s is None else {"gap_s": Duration(gap_s)}
    async with odd_server(unit, framing=framing) as where, device(points, **where, **gap) as modbus:
        for value in range(1, 8):
            await modbus.write(limit(value))
            assert {each.point: each.value for each in await modbus.read(points)} == {"limit": value, "soc": 10}
            await pass_s(0.01 * value)
    assert len(unit.written()) == 7, "nothing was taken twice"


async def test_whoever_hangs_up_at_the_first_question_is_asked_once() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(12)

    async with raw_server(hangs_up, reads_words(55)) as port, device(SOC, host=HOST, port=port) as modbus:
        first = await _outcome(modbus)
        assert first.endswith("closed the connection; if this repeats, is another Modbus client connected to it?")
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_a_connection_that_ends_while_the_device_warms_up_is_made_anew() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with (
        raw_server(hangs_up, reads_words(55)) as port,
        device(SOC, host=HOST, port=port, warm_up_s=Duration(0.2)) as modbus,
    ):
        assert await modbus.read(SOC) == [Reading("soc", 55.0)]


async def test_the_only_place_of_a_device_may_be_held_for_a_while() -> None:
    """It was silent twice, so that the connection was given up; nobody else is blamed who was never seen."""
    is_silent = False
    unit = OddUnit(answers=lambda asked, pdu: None if is_silent else pdu, holds_s=8.0)
    async with odd_server(unit) as where, device(SOC, **where, timeout_s=Duration(0.5)) as modbus:
        await modbus.read(SOC)
        is_silent = True
        reasons = {await _outcome(modbus) for _ in range(2)}
        is_silent = False
        began = asyncio.get_running_loop().time()
        while True:
            try:
                assert await modbus.read(SOC) == [Reading("soc", 10.0)]
                break
            except DeviceUnreachable as exc:
                reasons.add(exc.reason)
                await pass_s(0.5)
        assert asyncio.get_running_loop().time() - began < 10
    assert not any("another" in reason for reason in reasons), reasons
    assert unit.connections == 2


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_caller_can_stop_waiting() -> None:
    async with raw_server(_says_nothing) as port, device(SOC, host=HOST, port=port) as modbus:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await modbus.read(SOC)


async def test_a_cancelled_group_ends_although_a_device_hangs() -> None:
    async def reads_for_ever(port: int) -> None:
        async with device(SOC, host=HOST, port=port) as modbus, asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(modbus.read(SOC))

    async with raw_server(_says_nothing) as port:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reads_for_ever(port), 0.05)


async def test_a_request_nobody_waits_for_any_more_is_not_made() -> None:
    unit = Unit()
    points = SOC | LIMIT
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(modbus.read({"soc"}))
            given_up = await _queued(tasks, modbus.write(limit(300)))
            given_up.cancel()
        await modbus.read({"soc"})
    assert unit.asked == [(3, 10, 1), (3, 10, 1)]


@pytest.mark.parametrize("turns", range(20))
async def test_whenever_a_bus_is_shut_down_it_ends(turns: int) -> None:
    """Also at the very moment of the answer."""
    async with (
        asyncio.timeout(PATIENCE_S),
        raw_server(reads_words(55)) as port,
        asyncio.TaskGroup() as tasks,
        device(SOC, host=HOST, port=port) as modbus,
    ):
        await modbus.read(SOC)
        reading = tasks.create_task(modbus.read(SOC))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()


async def test_waiting_callers_are_told_that_the_bus_is_shut_down() -> None:
    asked = asyncio.Event()

    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(12)
        asked.set()
        await reader.read()

    async with raw_server(scene) as port:
        where = ModbusConnection(host=HOST, port=port)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            async with Modbus.open_bus(where) as bus, Modbus.open(where, SOC, bus) as modbus:
                reads = [tasks.create_task(_outcome(modbus)) for _ in range(3)]
                await asked.wait()
            assert await _outcome(modbus) == f"the connection to 127.0.0.1:{port} is shut down"
    assert [read.result() for read in reads] == [f"the connection to 127.0.0.1:{port} is shut down"] * 3


async def _outcome(modbus: Modbus) -> str:
    with pytest.raises(DeviceUnreachable) as why:
        await modbus.read(SOC)
    return str(why.value)


async def test_nothing_is_connected_before_the_first_request() -> None:
    async with tcp_server({1: Unit()}) as server:
        async with device(SOC, host=HOST, port=server.port):
            await asyncio.sleep(0)
        assert server.connections == []


async def test_trouble_reaches_the_caller_and_not_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def answers_for_another_unit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = bytearray(answer_to(await reader.read(12), 99))
        answer[6] += 1
        writer.write(answer)
        await reader.read()

    with caplog.at_level(logging.DEBUG):
        async with (
            raw_server(answers_for_another_unit) as port,
            device(SOC, host=HOST, port=port, timeout_s=Duration(0.05)) as modbus,
        ):
            await _outcome(modbus)
    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == []

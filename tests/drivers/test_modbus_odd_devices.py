"""Devices whose answers are unmistakably theirs, but malformed: read, written and explained on every transport."""

import re
from collections.abc import Callable

import pytest
from modbus_peers import OddUnit, crc_of, device, odd_device, odd_server
from s2d_drivers.modbus import ModbusPoint
from s2d_drivers.modbus.transport.refusals import ForeignResponse

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint

pytestmark = pytest.mark.virtual_time

TRANSPORTS = ("tcp", "line", "through tcp")
WRITTEN: dict[int, tuple[dict[str, object], object]] = {
    5: ({"table": "coil"}, True),
    6: ({}, 1000),
    15: ({"table": "coil", "write": "multiple"}, True),
    16: ({"write": "multiple"}, 1000),
}
"""Function → the point that is written with it, and what is written."""
READ = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


def limit(function: int, access: str = "read_write") -> tuple[dict[str, ModbusPoint], Setpoint]:
    settings, value = WRITTEN[function]
    point = ModbusPoint(register=20, access=access, settle=Duration(0), **settings)
    return {"limit": point}, Setpoint("limit", value, "test")


def cut(pdu: bytes, size: int) -> bytes:
    return pdu if pdu[0] & 0x80 else pdu[:size]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("function", WRITTEN)
async def test_a_write_whose_acknowledgement_is_cut_short_is_made_once_and_told_once(
    function: int, size: int, transport: str
) -> None:
    unit = OddUnit(answers=lambda asked, pdu: cut(pdu, size) if asked[0] == function else pdu)
    unit.bits[20] = 0
    points, setpoint = limit(function)
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        for _ in range(2):
            await modbus.write(setpoint)
            assert await modbus.read(points) == [Reading("limit", setpoint.value)]
        (oddity,) = modbus.oddities
    assert len(unit.written()) == 2, "each once"
    said = unit.written()[0][:size].hex(" ")
    assert (
        f"acknowledges to write {'coil' if function in (5, 15) else 'holding register'} 20 with {said}, which" in oddity
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", WRITTEN)
async def test_a_malformed_acknowledgement_is_judged_by_what_reads_back(function: int, transport: str) -> None:
    unit = OddUnit(answers=lambda asked, pdu: cut(pdu, 2) if asked[0] == function else pdu, is_taking=False)
    unit.bits[20] = 0
    points, setpoint = limit(function)
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        assert await modbus.write(setpoint) == {"limit": setpoint.value}
        (reading,) = await modbus.read(points)
        assert reading.value != setpoint.value, "which whoever called finds"
    assert len(unit.written()) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", WRITTEN)
async def test_a_malformed_acknowledgement_of_what_cannot_be_read_counts(function: int, transport: str) -> None:
    unit = OddUnit(answers=lambda asked, pdu: cut(pdu, 2) if asked[0] == function else pdu)
    points, setpoint = limit(function, access="write")
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        await modbus.write(setpoint)
        assert len(modbus.oddities) == 1
    assert len(unit.written()) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", WRITTEN)
async def test_an_acknowledgement_may_say_more_than_it_should(function: int, transport: str) -> None:
    """As devices do that repeat the whole request."""
    unit = OddUnit(answers=lambda asked, pdu: asked if asked[0] == function else pdu)
    points, setpoint = limit(function)
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        await modbus.write(setpoint)
        assert await modbus.read(points) == [Reading("limit", setpoint.value)]
    assert len(unit.written()) == 1


@pytest.mark.parametrize("function", WRITTEN)
async def test_on_a_line_a_write_is_not_made_again_because_its_acknowledgement_was_garbled(function: int) -> None:
    def garbled(asked: bytes, frame: bytes) -> bytes:
        return frame[:-1] + bytes((frame[-1] ^ 0x55,)) if asked[0] == function else frame

    unit = OddUnit(frames=garbled)
    points, setpoint = limit(function)
    async with odd_device(unit, "line") as where, device(points, **where) as modbus:
        await modbus.write(setpoint)
    assert len(unit.written()) == 1


@pytest.mark.parametrize("is_said", [False, True], ids=["three bytes follow", "four bytes follow"])
@pytest.mark.parametrize("function", READ)
async def test_an_exception_ends_with_its_code_whatever_the_header_says(function: int, is_said: bool) -> None:
    def miscounted(asked: bytes, frame: bytes) -> bytes:
        return frame[:5] + b"\x04" + frame[6:] + b"\0" * is_said if frame[7] & 0x80 else frame

    unit = OddUnit(frames=miscounted, lacks=lambda of, register: 2 * (register == 11))
    points = {name: ModbusPoint(register=10 + place, table=READ[function]) for place, name in enumerate("abc")}
    async with odd_server(unit) as where, device(points, **where) as modbus:
        for _ in range(2):
            readings = {each.point: each for each in await modbus.read(points)}
            assert [readings[name].quality for name in "abc"] == [Quality.GOOD, Quality.BAD, Quality.GOOD]
            assert "it has no such address (exception 2)" in readings["b"].detail
        (oddity,) = modbus.oddities
    assert " gives answers whose header counts 4 bytes where 3 are the answer, 00 0" in oddity
    assert unit.connections == 1


@pytest.mark.parametrize("function", WRITTEN)
async def test_a_refused_write_is_one_whatever_the_header_says(function: int) -> None:
    unit = OddUnit(
        frames=lambda asked, frame: frame[:5] + b"\x04" + frame[6:] if frame[7] & 0x80 else frame,
        lacks=lambda of, register: 3 * (of == function),
    )
    points, setpoint = limit(function)
    async with odd_server(unit) as where, device(points, **where) as modbus:
        with pytest.raises(DeviceRefused, match="it does not accept the value"):
            await modbus.write(setpoint)
    assert (len(unit.asked), unit.connections) == (1, 1)


@pytest.mark.parametrize("length", [0, 3, 8, 255])
@pytest.mark.parametrize("function", READ)
async def test_a_response_is_as_long_as_it_says_itself(function: int, length: int) -> None:
    unit = OddUnit(frames=lambda asked, frame: frame[:4] + length.to_bytes(2) + frame[6:])
    points = {name: ModbusPoint(register=10 + place, table=READ[function]) for place, name in enumerate("abc")}
    right = 3 + (2 * len(points) if function > 2 else 1)
    async with odd_server(unit) as where, device(points, **where) as modbus:
        for _ in range(2):
            assert all(each.quality is Quality.GOOD for each in await modbus.read(points))
        (oddity,) = modbus.oddities
    assert f" gives answers whose header counts {length} bytes where {right} are the answer, 00 01" in oddity


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("function", "table"), [(3, "holding"), (4, "input")])
async def test_fewer_registers_than_asked_for_are_a_refusal_of_so_many(
    function: int, table: str, transport: str
) -> None:
    """Of every width that fits into what it gives."""
    unit = OddUnit(answers=lambda asked, pdu: bytes((function, 8)) + pdu[2:10] if len(pdu) > 10 else pdu)
    points = {
        "a": ModbusPoint(register=10, table=table),
        "b": ModbusPoint(register=11, table=table, type="int32"),
        "c": ModbusPoint(register=13, table=table, type="uint64"),
        "d": ModbusPoint(register=17, table=table, type="int16"),
    }
    right = {"a": 10, "b": 11 << 16 | 12, "c": 13 << 48 | 14 << 32 | 15 << 16 | 16, "d": 17}
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        for _ in range(3):
            unit.asked.clear()
            assert {each.point: each.value for each in await modbus.read(points)} == right
        (oddity,) = modbus.oddities
    assert "it gave 8 bytes where 16 were asked for, 0" in oddity
    assert oddity.endswith("; `max_registers: 4` spares it the asking")
    assert [asked.hex() for asked in unit.asked] == [f"0{function}{at}" for at in ("000a0003", "000d0004", "00110001")]


async def test_of_who_gives_few_registers_no_more_are_asked_for() -> None:
    """Ten by four take three requests, where halves of halves would take four."""
    unit = OddUnit(answers=lambda asked, pdu: b"\3\x08" + pdu[2:10] if len(pdu) > 10 else pdu)
    points = {f"p{at}": ModbusPoint(register=at) for at in range(10)}
    async with odd_server(unit) as where, device(points, **where) as modbus:
        await modbus.read(points)
        unit.asked.clear()
        assert [each.value for each in await modbus.read(points)] == list(range(10))
    assert len(unit.asked) == 3


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", READ)
async def test_a_response_may_come_in_pieces_with_pauses(function: int, transport: str) -> None:
    for at in (3, 8, 9, 10):
        unit = OddUnit(says=lambda frame, at=at: [(0.0, frame[:at]), (0.2, frame[at:])])
        points = {name: ModbusPoint(register=11 + place, table=READ[function]) for place, name in enumerate("ab")}
        async with odd_device(unit, transport) as where, device(points, **where) as modbus:
            found = await modbus.read(points)
            assert [each.value for each in found] == ([11, 12] if function > 2 else [True, False])
            assert modbus.oddities == []
        assert len(unit.asked) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("code", [4, 5, 6, 7, 8, 10, 11])
@pytest.mark.parametrize("function", READ)
async def test_an_exception_that_may_pass_is_asked_once_more_and_hurts_nobody(
    function: int, code: int, transport: str
) -> None:
    """Neither a reading nor the look whether a write was taken."""
    due = [0]

    def passing(asked: bytes, pdu: bytes) -> bytes:
        if asked[0] == function and due[0]:
            due[0] -= 1
            return bytes((function | 0x80, code))
        return pdu

    unit = OddUnit(answers=passing)
    access = "read_write" if READ[function] in ("coil", "holding") else "read"
    points = {"p": ModbusPoint(register=11, table=READ[function], access=access)}
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        for _ in range(3):
            assert [each.quality for each in await modbus.read(points)] == [Quality.GOOD]
            due[0] = 1
            unit.asked.clear()
            assert [each.quality for each in await modbus.read(points)] == [Quality.GOOD]
            assert len(unit.asked) == 2
            if access == "read_write":
                due[0] = 1
                await modbus.write(Setpoint("p", True if function == 1 else 700, "test"))
    assert unit.connections <= 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", [1, 2])
async def test_fewer_bits_than_asked_for_are_a_refusal_of_so_many(function: int, transport: str) -> None:
    unit = OddUnit(answers=lambda asked, pdu: bytes((function, 1)) + pdu[2:3] if len(pdu) > 3 else pdu)
    points = {f"b{at}": ModbusPoint(register=at, table=READ[function]) for at in range(16)}
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        for _ in range(2):
            unit.asked.clear()
            assert {each.point: each.value for each in await modbus.read(points)} == {
                f"b{at}": bool(at % 2) for at in range(16)
            }
    assert len(unit.asked) == 2, "what it does not give together is not asked for together"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("function", READ)
async def test_more_than_was_asked_for_is_refused_and_does_not_make_a_device_unreachable(
    function: int, transport: str
) -> None:
    is_odd = True

    def with_more(asked: bytes, pdu: bytes) -> bytes:
        return bytes((function, pdu[1] + 2)) + pdu[2:] + b"\0\0" if is_odd and asked[0] == function else pdu

    unit = OddUnit(answers=with_more)
    other = 3 if function != 3 else 4
    points = {
        "odd": ModbusPoint(register=11, table=READ[function]),
        "good": ModbusPoint(register=11, table=READ[other]),
    }
    async with odd_device(unit, transport) as where, device(points, **where) as modbus:
        found = {each.point: each for each in await modbus.read(points)}
        assert (found["odd"].value, found["odd"].quality, found["good"]) == (None, Quality.BAD, Reading("good", 11))
        assert re.search(rf"it gave \d bytes where \d were asked for, 0{function} 0\d", found["odd"].detail)
        assert len(modbus.oddities) == 1
        is_odd = False
        await modbus.read(points)
        found = {each.point: each for each in await modbus.read(points)}
        assert found["odd"].value in (11, True)


@pytest.mark.parametrize("function", READ)
async def test_a_response_of_another_function_under_our_number_is_a_refusal(function: int) -> None:
    other = {1: 2, 2: 1, 3: 4, 4: 3}[function]
    unit = OddUnit(answers=lambda asked, pdu: bytes((other,)) + pdu[1:] if asked[0] == function else pdu)
    points = {name: ModbusPoint(register=11, table=READ[of]) for name, of in (("odd", function), ("good", other))}
    async with odd_server(unit) as where, device(points, **where) as modbus:
        found = {each.point: each for each in await modbus.read(points)}
    assert (found["odd"].quality, found["good"].quality) == (Quality.BAD, Quality.GOOD)
    assert f"it answered to function {function} with 0{other} 0" in found["odd"].detail
    assert unit.connections == 1


@pytest.mark.parametrize("function", WRITTEN)
async def test_a_write_that_is_answered_by_another_function_is_refused_and_not_made_for_ever(function: int) -> None:
    unit = OddUnit(answers=lambda asked, pdu: b"\x2b" + pdu[1:] if asked[0] == function else pdu)
    points, setpoint = limit(function, access="write")
    async with odd_server(unit) as where, device(points, **where) as modbus:
        with pytest.raises(DeviceRefused, match=f"it answered to function {function} with 2b 00 14"):
            await modbus.write(setpoint)
    assert len(unit.written()) == 1


def zero(asked: bytes, frame: bytes) -> bytes:
    return b"\0\0" + frame[2:]


def one_ahead(asked: bytes, frame: bytes) -> bytes:
    return (int.from_bytes(frame[:2]) + 1).to_bytes(2) + frame[2:]


def as_unit(unit: int) -> Callable[[bytes, bytes], bytes]:
    return lambda asked, frame: frame[:6] + bytes((unit,)) + frame[7:]


@pytest.mark.parametrize("function", [*READ, *WRITTEN])
@pytest.mark.parametrize(
    ("frames", "what", "remedy"),
    [
        (zero, "under transaction number 0 where 1 was asked, 00 00 00 00", {"transaction_ids": "ignored"}),
        (one_ahead, "under transaction number 2 where 1 was asked, 00 02 00 00", {"transaction_ids": "ignored"}),
        (as_unit(0), "as unit 0 where unit 1 was asked, 00 01 00 00", {"unit": 0}),
        (as_unit(255), "as unit 255 where unit 1 was asked, 00 01 00 00", {"unit": 255}),
        (
            lambda asked, frame: as_unit(0)(asked, zero(asked, frame)),
            "under transaction number 0 where 1 was asked and as unit 0 where unit 1 was asked, 00 00 00 00",
            {"transaction_ids": "ignored", "unit": 0},
        ),
    ],
    ids=["number 0", "a number ahead", "unit 0", "unit 255", "number and unit"],
)
async def test_which_of_number_and_unit_differs_is_said_with_the_key_that_cures_it(
    frames: Callable[[bytes, bytes], bytes], what: str, remedy: dict[str, object], function: int
) -> None:
    unit = OddUnit(frames=frames)
    if function in READ:
        points, setpoint = {"limit": ModbusPoint(register=21, table=READ[function])}, None
    else:
        points, setpoint = limit(function)
    async with odd_server(unit) as where:
        async with device(points, **where) as modbus:
            with pytest.raises(ForeignResponse) as why:
                await (modbus.write(setpoint) if setpoint else modbus.read(points))
        keys = " and ".join(f"`{key}: {value}`" for key, value in remedy.items())
        assert f"it answers {what}" in why.value.reason
        assert why.value.reason.endswith(f"; if it always does, add {keys}")
        assert why.value.remedy == remedy
        async with device(points, **where | remedy) as modbus:
            for _ in range(2):
                if setpoint:
                    await modbus.write(setpoint)
                (found,) = await modbus.read(points)
                assert found.value == (setpoint.value if setpoint else 21 if function > 2 else True)
            assert modbus.oddities == []
    assert unit.connections == 2


async def test_where_numbers_are_ignored_a_late_response_is_not_the_next_one() -> None:
    """It would be told by nothing, so a silence costs the connection."""
    is_late = False

    def late(frame: bytes) -> list[tuple[float, bytes]]:
        return [(0.8 * is_late, frame)]

    unit = OddUnit(frames=zero, says=late)
    points = {name: ModbusPoint(register=10 * place) for place, name in enumerate("abc")}
    async with (
        odd_server(unit) as where,
        device(points, **where, transaction_ids="ignored", timeout_s=Duration(0.5)) as modbus,
    ):
        assert await modbus.read({"a"}) == [Reading("a", 0)]
        is_late = True
        with pytest.raises(DeviceUnreachable, match="no answer"):
            await modbus.read({"b"})
        is_late = False
        assert await modbus.read({"c"}) == [Reading("c", 20)]
    assert unit.connections == 3, "it was silent at `a` as well, by which it was to be told whether it is there"


async def test_who_was_understood_and_says_something_foreign_for_once_is_waited_for() -> None:
    """An answer to somebody else, say, before ours."""

    def with_others(frame: bytes) -> list[tuple[float, bytes]]:
        others = b"\x77\x77" + frame[2:7] + b"\x03\x02\x00\x63"
        return [(0.0, others), (0.2, frame)] if frame[1] > 1 else [(0.0, frame)]

    unit = OddUnit(says=with_others)
    points = {"a": ModbusPoint(register=10)}
    async with odd_server(unit) as where, device(points, **where) as modbus:
        for _ in range(3):
            assert await modbus.read(points) == [Reading("a", 10)]
    assert unit.connections == 1


async def test_only_who_says_rtu_is_said_to_speak_it() -> None:
    def rtu(asked: bytes, frame: bytes) -> bytes:
        return frame[6:] + crc_of(frame[6:])

    unit = OddUnit(frames=rtu)
    points = {"a": ModbusPoint(register=10)}
    async with odd_server(unit) as where, device(points, **where) as modbus:
        with pytest.raises(ForeignResponse) as why:
            await modbus.read(points)
    assert why.value.reason.endswith("is no Modbus TCP, 01 03 02 00 0a 38 43, but RTU: add `framing: rtu`")
    assert why.value.remedy == {"framing": "rtu"}


async def test_on_a_line_a_unit_that_answers_in_place_of_another_is_named() -> None:
    def as_7(asked: bytes, frame: bytes) -> bytes:
        body = b"\x07" + frame[1:-2]
        return body + crc_of(body)

    for transport in ("line", "through tcp"):
        unit = OddUnit(frames=as_7)
        points = {"a": ModbusPoint(register=10)}
        async with odd_device(unit, transport) as where, device(points, **where) as modbus:
            with pytest.raises(DeviceUnreachable, match=r"unit 7 answered in its place, 07 03 02 00 0a .* `unit: 7`"):
                await modbus.read(points)

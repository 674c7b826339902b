"""What is learnt from refusals: what is good keeps sharing requests, what is not is asked for seldom."""

import asyncio
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import structs
from s2d_drivers.modbus import ModbusConnection
from s2d_drivers.modbus.reader import NotGiven, ReadBatch, Reader
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.request_cost import RequestCost
from s2d_drivers.modbus.transport.refusals import BlockSilent, Busy, RequestRefused, Silent
from s2d_drivers.modbus.transport.request import Request

from tests.fakes import pass_s

CONNECTION = ModbusConnection(serial="/dev/ttyX")


class Device:
    """A unit whose registers hold their own number, and that refuses what it is told to."""

    def __init__(self, bad: Collection[int] = (), most: int = 125, code: int = 2, *, is_shy: bool = False) -> None:
        """*is_shy*: says nothing instead of no, which is found out once it has answered anything."""
        self.bad = set(bad)
        self.is_shy = is_shy
        self.busy: set[int] = set()
        self.is_dead = False
        self.has_answered = False
        self.most = most
        self.code = code
        self.asked: list[tuple[int, int]] = []
        self._cost = CONNECTION.cost()

    def cost(self, connection: ModbusConnection) -> RequestCost:
        return self._cost

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> list[int]:
        self.asked.append((block.register, block.count))
        registers = range(block.register, block.register + block.count)
        if self.is_dead:
            raise Silent("no answer")
        if self.busy & set(registers):
            raise Busy("unit 1 is busy")
        if self.is_shy and self.bad & set(registers):
            raise BlockSilent("no answer to that") if self.has_answered else Silent("no answer")
        self.has_answered = True
        if self.bad & set(registers) or block.count > self.most:
            raise RequestRefused("unit 1", Request(1, block), self.code)
        return list(registers)

    def asked_since(self) -> list[tuple[int, int]]:
        asked, self.asked = self.asked, []
        return asked


def holding(*registers: int) -> ReadBatch:
    return ReadBatch(RegisterBlock("holding", register, 1) for register in registers)


async def read(reader: Reader, batch: ReadBatch) -> list[int | None] | None:
    try:
        answers = await reader.read(batch)
    except Silent:
        return None
    return [None if isinstance(answer, NotGiven) else answer[0] for answer in answers]


def reader_of(device: Device, alone: Collection[RegisterBlock] = (), signs: Collection[RegisterBlock] = ()) -> Reader:
    return Reader(CONNECTION, device, alone, signs)  # type: ignore[arg-type]


async def test_a_hole_that_is_refused_is_not_read_over_again() -> None:
    device = Device(bad=[3])
    reader, batch = reader_of(device), holding(0, 1, 2, 4, 5, 8)
    for _ in range(2):
        assert await read(reader, batch) == [0, 1, 2, 4, 5, 8]
    assert device.asked_since() == [(0, 9), (0, 3), (4, 5), (0, 3), (4, 5)]


async def test_what_cannot_be_read_at_all_is_asked_for_more_and_more_seldom() -> None:
    device = Device(bad=[2])
    reader, batch = reader_of(device), holding(0, 1, 2, 3)
    reads_of_2 = []
    for number in range(100):
        assert await read(reader, batch) == [0, 1, None, 3]
        if (2, 1) in device.asked_since():
            reads_of_2.append(number)
    assert reads_of_2 == [0, 1, 3, 7, 15, 31, 63, 95]


async def test_what_is_good_again_is_read_with_its_neighbours_again() -> None:
    device = Device(bad=[0, 1, 2, 3], code=4)
    reader, batch = reader_of(device), holding(0, 1, 2, 3)
    assert await read(reader, batch) == [None] * 4
    device.bad.clear()
    assert await read(reader, batch) == [0, 1, 2, 3]
    device.asked_since()
    assert await read(reader, batch) == [0, 1, 2, 3]
    assert device.asked_since() == [(0, 4)]


PASSING = (4, 7, 8, 9, 12)


@pytest.mark.virtual_time
@pytest.mark.parametrize("code", PASSING)
async def test_an_exception_that_passes_teaches_nothing(code: int) -> None:
    device = Device(code=code)
    reader, batch = reader_of(device), holding(0, 1, 2, 3, 4, 5, 6, 7)
    for _ in range(10):
        device.most = 4
        assert await read(reader, batch) == list(range(8))
        assert device.asked_since() == [(0, 8), (0, 4), (4, 4)]
        device.most = 125
        await pass_s(700)
        assert await read(reader, batch) == list(range(8))
        assert device.asked_since() == [(0, 8)], "it was asked for as ever"
        await pass_s(700)


@pytest.mark.virtual_time
@pytest.mark.parametrize("code", PASSING)
async def test_an_exception_that_may_pass_teaches_once_it_came_three_times_ten_minutes_apart(code: int) -> None:
    device = Device(most=4, code=code)
    reader, batch = reader_of(device), holding(0, 1, 2, 3, 4, 5, 6, 7)
    for _ in range(20 * 60 // 10 + 1):
        assert await read(reader, batch) == list(range(8))
        assert device.asked_since() == [(0, 8), (0, 4), (4, 4)]
        await pass_s(10)
    await read(reader, batch)
    assert device.asked_since() == [(0, 4), (4, 4)]


@pytest.mark.virtual_time
@pytest.mark.parametrize("code", PASSING)
async def test_a_register_that_fails_is_asked_for_at_each_read_until_that_is_certain(code: int) -> None:
    device = Device(bad=[2], code=code)
    reader, batch = reader_of(device), holding(0, 1, 2, 3)
    reads_of_2 = []
    for number in range(200):
        assert await read(reader, batch) == [0, 1, None, 3]
        if (2, 1) in device.asked_since():
            reads_of_2.append(number)
        await pass_s(10)
    assert reads_of_2 == [*range(122), 123, 127, 135, 151, 183]
    device.bad.clear()
    assert await read(reader, batch) == [0, 1, None, 3], "it is not its turn"
    await pass_s(3600)
    assert await read(reader, batch) == [0, 1, 2, 3]
    device.asked_since()
    assert await read(reader, batch) == [0, 1, 2, 3]
    assert device.asked_since() == [(0, 4)]


@pytest.mark.virtual_time
@pytest.mark.parametrize("lesson", ["a hole", "so many registers", "silence"])
async def test_a_lesson_expires_after_an_hour(lesson: str) -> None:
    device = Device(most=4, code=3) if lesson == "so many registers" else Device([3], is_shy=lesson == "silence")
    device.has_answered = True
    reader, batch = reader_of(device), holding(0, 1, 2, 4, 5)
    await read(reader, batch)
    await pass_s(3590)
    device.bad, device.most = set(), 125
    device.asked_since()
    await read(reader, batch)
    assert len(device.asked_since()) == 2
    await pass_s(20)
    assert await read(reader, batch) == [0, 1, 2, 4, 5]
    assert device.asked_since() == [(0, 6)]


@pytest.mark.virtual_time
async def test_a_lesson_ends_when_the_device_was_lost_and_not_with_one_silence() -> None:
    device = Device([3])
    reader, batch = reader_of(device), holding(0, 1, 2, 4, 5)
    await read(reader, batch)
    device.bad = set()
    for silences, requests in ((1, 2), (1, 2), (2, 1)):
        device.is_dead = True
        for _ in range(silences):
            assert await read(reader, batch) is None
        device.is_dead = False
        device.asked_since()
        assert await read(reader, batch) == [0, 1, 2, 4, 5]
        assert len(device.asked_since()) == requests


@pytest.mark.parametrize("busy", [[0], [0, 10]])
async def test_what_a_device_is_too_busy_for_is_given_up_for_this_round_and_nothing_is_learnt(busy: list[int]) -> None:
    device = Device()
    reader = reader_of(device)
    batch = ReadBatch(RegisterBlock(table, register, 1) for table, register in (("holding", 0), ("input", 10)))
    device.busy = set(busy)
    if len(busy) == 2:
        with pytest.raises(Busy):
            await reader.read(batch)
    else:
        assert await read(reader, batch) == [None, 10]
    device.busy.clear()
    device.asked_since()
    assert await read(reader, batch) == [0, 10]
    assert device.asked_since() == [(0, 1), (10, 1)]


async def test_a_device_that_gives_little_at_once_gets_requests_that_it_can_take() -> None:
    device = Device(most=16, code=3)
    reader, batch = reader_of(device), holding(*range(64))
    for _ in range(4):
        assert await read(reader, batch) == list(range(64))
    device.asked_since()
    await read(reader, batch)
    assert device.asked_since() == [(0, 16), (16, 16), (32, 16), (48, 16)]


async def test_a_device_that_does_not_know_the_function_is_not_asked_register_by_register() -> None:
    device = Device(bad=range(64), code=1)
    assert await read(reader_of(device), holding(*range(64))) == [None] * 64
    assert device.asked == [(0, 64)]


async def test_the_holes_of_a_connection_are_not_read_over() -> None:
    device = Device()
    connection = structs.replace(CONNECTION, holes=("3", "input 5"))
    reader = Reader(connection, device)  # type: ignore[arg-type]
    assert await read(reader, holding(2, 4, 6)) == [2, 4, 6]
    assert device.asked == [(2, 1), (4, 3)]


async def test_what_shall_not_be_merged_is_read_alone_and_not_read_over() -> None:
    device = Device()
    reader = reader_of(device, [RegisterBlock("holding", 2, 1)])
    assert await read(reader, holding(0, 1, 2, 3, 4)) == [0, 1, 2, 3, 4]
    assert device.asked_since() == [(2, 1), (0, 2), (3, 2)]
    assert await read(reader, holding(0, 1, 3, 4)) == [0, 1, 3, 4]
    assert device.asked_since() == [(0, 2), (3, 2)]


async def test_a_device_that_says_nothing_instead_of_no_is_understood() -> None:
    device = Device(bad=[3], is_shy=True)
    batch = holding(0, 1, 2, 4, 5)
    reader = reader_of(device, signs=batch.wanted)
    right = [0, 1, 2, 4, 5]
    assert [await read(reader, batch) for _ in range(3)] == [None, right, right]
    assert device.asked_since() == [(0, 6), (0, 1), (0, 6), (0, 3), (4, 2), (0, 3), (4, 2)]


async def test_as_long_as_nothing_was_answered_another_block_is_tried_each_time() -> None:
    """Any of them may be the one at which the device is silent."""
    device = Device(bad=[0, 1], is_shy=True)
    batch = holding(0, 1, 2, 3)
    reader = reader_of(device, signs=batch.wanted)
    assert [await read(reader, batch) for _ in range(4)] == [None, None, None, [None, None, 2, 3]]
    assert device.asked_since()[:5] == [(0, 4), (0, 1), (1, 1), (2, 1), (0, 4)]


async def test_what_is_met_with_silence_is_soon_asked_for_very_seldom() -> None:
    device = Device(bad=[2], is_shy=True)
    reader, batch = reader_of(device), holding(0, 1, 2, 3)
    device.has_answered = True
    reads_of_2 = []
    for number in range(2000):
        assert await read(reader, batch) == [0, 1, None, 3]
        if (2, 1) in device.asked_since():
            reads_of_2.append(number)
    assert reads_of_2 == [0, 1, 9, 73, 585, 1609]


async def test_a_device_that_was_away_is_not_misunderstood() -> None:
    device = Device()
    batch = holding(0, 1, 2, 4, 5)
    reader = reader_of(device, signs=batch.wanted)
    device.is_dead = True
    for _ in range(6):
        assert await read(reader, batch) is None
    assert device.asked_since() == [(0, 6), (0, 1), (1, 1), (2, 1), (4, 1), (5, 1)], "one short question each time"
    device.is_dead = False
    for _ in range(4):
        assert await read(reader, batch) == [0, 1, 2, 4, 5]
    assert device.asked_since() == [(0, 1), *[(0, 6)] * 4]
    for is_dead in (True, True, False):
        device.is_dead = is_dead
        await read(reader, batch)
    assert device.asked_since() == [(0, 6)] * 3, "what was answered once is not doubted"


@pytest.mark.parametrize("most", [125, 20])
@given(wanted=some.sets(some.integers(0, 80), min_size=1), bad=some.sets(some.integers(0, 80), max_size=6))
def test_whatever_a_device_lacks_the_rest_is_read_and_soon_without_refusals(
    most: int, wanted: set[int], bad: set[int]
) -> None:
    async def story() -> None:
        device = Device(bad, most)
        reader, batch = reader_of(device), holding(*wanted)
        expected = [None if register in bad else register for register in wanted]
        for _ in range(12):
            assert await read(reader, batch) == expected
        device.asked_since()
        for _ in range(8):
            assert await read(reader, batch) == expected
        for register, count in device.asked_since():
            assert count == 1 or not bad & set(range(register, register + count))
            assert count <= most

    asyncio.run(story())

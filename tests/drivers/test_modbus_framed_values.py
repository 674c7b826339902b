"""A value and what says how it is to be taken, such as its power of ten, are of one moment; whatever is refused."""

from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

import pytest
from s2d_drivers.modbus import ModbusConnection, ModbusPoint
from s2d_drivers.modbus.device import ModbusDevice
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.request_cost import RequestCost
from s2d_drivers.modbus.transport.refusals import RequestRefused, Silent
from s2d_drivers.modbus.transport.request import Request

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading, Setpoint

MINUS_1 = 0xFFFF
SCALED = {"power": ModbusPoint(register=101, type="int16", unit="W", scale_register=102)}
FAR = {"power": ModbusPoint(register=101, type="int16", unit="W", scale_register=300)}
ALONE = {"power": ModbusPoint(register=101, type="int16", unit="W", scale_register=102, merge=False)}
SPREAD = {"energy": ModbusPoint(registers=(300, 101), type="uint32", unit="Wh")}


class Unit:
    """A unit whose registers become the next of its *states* after each request, and that refuses some."""

    def __init__(self, *states: dict[int, int], refuses: Callable[[RegisterBlock], int] = lambda block: 0) -> None:
        self.connection = ModbusConnection(host="battery")
        self.connection_number: int | None = 1
        self.states = [*states]
        self.registers = dict.fromkeys(range(90, 310), 7) | states[0]
        self.refuses = refuses
        """The exception with which it answers; 0: none."""
        self.is_dead = False
        self.asked: list[tuple[int, int]] = []
        self.written: list[tuple[int, list[int]]] = []

    def cost(self, connection: ModbusConnection) -> RequestCost:
        return connection.cost()

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> Sequence[int]:
        self.asked.append((block.register, block.count))
        if self.is_dead:
            raise Silent("no answer")
        if code := self.refuses(block):
            raise RequestRefused("unit 1", Request(1, block), code)
        words = [self.registers[register] for register in registers_of(block)]
        self.move()
        return words

    async def write(
        self, connection: ModbusConnection, block: RegisterBlock, words: Sequence[int], *, is_multiple: bool
    ) -> None:
        self.written.append((block.register, list(words)))
        self.registers |= dict(enumerate(words, block.register))

    def move(self) -> None:
        if len(self.states) > 1:
            self.states.append(self.states.pop(0))
            self.registers |= self.states[0]

    def asked_since(self) -> list[tuple[int, int]]:
        asked, self.asked = self.asked, []
        return asked


def device(unit: Unit, points: dict[str, ModbusPoint], **connection: object) -> ModbusDevice:
    unit.connection = ModbusConnection(host="battery", **connection)
    return ModbusDevice(unit.connection, points, unit)


def registers_of(block: RegisterBlock) -> range:
    return range(block.register, block.register + block.count)


async def values(of: ModbusDevice, points: Collection[str]) -> list[object]:
    readings = {each.point: each for each in await of.read(points)}
    return [readings[name].value if readings[name].value is not None else readings[name].quality for name in points]


TURNS = {101: 2000, 102: 0}, {101: 20000, 102: MINUS_1}


class TestTogether:
    """What fits into one request is read with one, whatever is refused."""

    async def test_value_and_scale_are_one_request(self) -> None:
        unit = Unit(*TURNS)
        battery = device(unit, SCALED)
        assert [(await battery.read(["power"]))[0].value for _ in range(4)] == [2000] * 4
        assert unit.asked == [(101, 2)] * 4

    @pytest.mark.parametrize("code", [1, 2, 3, 4])
    async def test_no_refusal_of_something_else_parts_them(self, code: int) -> None:
        points = SCALED | {"soc": ModbusPoint(register=100), "status": ModbusPoint(register=103)}
        refusals = iter([code, code])
        unit = Unit(*TURNS, refuses=lambda block: next(refusals, 0) if block.count > 2 else 0)
        battery = device(unit, points)
        told = [await values(battery, ["power"]) for _ in range(2)]
        told += [await values(battery, ["soc", "power", "status"]) for _ in range(60)]
        assert {value for row in told for value in row} <= {2000, 7, Quality.BAD}
        assert told[-1] == [7, 2000, 7]
        assert {(101, 1), (102, 1)}.isdisjoint(unit.asked)

    async def test_a_passing_refusal_of_both_parts_them_not_either(self) -> None:
        refusals = iter([0, 4])
        unit = Unit(*TURNS, refuses=lambda block: next(refusals, 0))
        battery = device(unit, SCALED)
        told = [(await values(battery, ["power"]))[0] for _ in range(10)]
        assert told.count(2000) >= 8
        assert set(told) == {2000, Quality.BAD}
        assert set(unit.asked) == {(101, 2)}

    async def test_over_a_long_way_too_with_what_lies_between(self) -> None:
        unit = Unit({101: 20000, 200: MINUS_1}, {101: 2000, 200: 0})
        battery = device(unit, {"power": ModbusPoint(register=101, unit="W", scale_register=200)})
        assert [await values(battery, ["power"]) for _ in range(3)] == [[2000]] * 3
        assert unit.asked == [(101, 100)] * 3

    async def test_several_values_share_a_scale(self) -> None:
        points = {name: ModbusPoint(register=at, unit="W", scale_register=105) for name, at in (("a", 101), ("b", 103))}
        unit = Unit({101: 10, 103: 20, 105: 1}, {101: 100, 103: 200, 105: 0})
        assert [await values(device(unit, points), ["a", "b"]) for _ in range(2)] == [[100, 200]] * 2
        assert unit.asked == [(101, 5)] * 2

    async def test_a_sunspec_point_and_its_scale_factor_are_one_request(self) -> None:
        ac_meter, power, factor = 40_002, 40_002 + 18, 40_002 + 22
        laid_out = {40_000: 0x5375, 40_001: 0x6E53, ac_meter: 203, ac_meter + 1: 105, ac_meter + 107: 0xFFFF}
        unit = Unit(laid_out | {power: 200, factor: 1}, {power: 2000, factor: 0}, {power: 20000, factor: MINUS_1})
        unit.registers |= dict.fromkeys(range(ac_meter + 2, ac_meter + 107), 0) | {ac_meter + 108: 0} | unit.states[0]
        battery = device(unit, {"power": ModbusPoint(sunspec="203:W", unit="W")})
        assert [await values(battery, ["power"]) for _ in range(5)] == [[2000]] * 5
        assert unit.asked[-5:] == [(power, 5)] * 5

    async def test_the_words_of_a_value_in_several_places_are_one_request(self) -> None:
        points = {"energy": ModbusPoint(registers=(110, 101), type="uint32", unit="Wh")}
        unit = Unit({110: 1, 101: 0xFFFF}, {110: 2, 101: 0})
        battery = device(unit, points)
        assert [await values(battery, ["energy"]) for _ in range(2)] == [[0x1FFFF], [0x20000]]
        assert unit.asked == [(101, 10)] * 2


class TestFramed:
    """What no one request reads is read between two looks at the rest."""

    async def test_a_scale_that_stays_is_read_once_and_now_and_then(self) -> None:
        unit = Unit({101: 2000, 300: 0})
        battery = device(unit, FAR)
        assert [await values(battery, ["power"]) for _ in range(33)] == [[2000]] * 33
        assert unit.asked[:3] == [(300, 1), (101, 1), (300, 1)]
        assert unit.asked[3:33] == [(101, 1)] * 30
        assert unit.asked[33:] == [(300, 1), (101, 1), (300, 1), (101, 1)]

    async def test_a_jump_by_a_power_of_ten_has_it_looked_at_and_then_it_is_watched(self) -> None:
        unit = Unit({101: 2000, 300: 0})
        battery = device(unit, FAR)
        assert await values(battery, ["power"]) == [2000]
        unit.asked_since()
        unit.registers |= {101: 20010, 300: MINUS_1}
        assert await values(battery, ["power"]) == [2001]
        assert unit.asked_since() == [(101, 1), (300, 1), (101, 1), (300, 1)]
        unit.registers |= {101: 2000, 300: 0}
        assert await values(battery, ["power"]) == [2000]
        assert unit.asked_since() == [(300, 1), (101, 1), (300, 1)]

    async def test_a_jump_of_the_value_itself_costs_a_look(self) -> None:
        unit = Unit({101: 2000, 300: 0})
        battery = device(unit, FAR)
        await values(battery, ["power"])
        unit.asked_since()
        unit.registers[101] = 200
        assert [await values(battery, ["power"]) for _ in range(2)] == [[200]] * 2
        assert unit.asked_since() == [(101, 1), (300, 1), (101, 1)]

    @pytest.mark.parametrize("points", [FAR, ALONE])
    async def test_what_moves_while_it_is_read_is_read_again_and_else_has_no_value(
        self, points: dict[str, ModbusPoint]
    ) -> None:
        scale = points["power"].scale_register or 0
        calm, moved = {101: 2000, scale: 0}, {101: 20000, scale: MINUS_1}
        unit = Unit(calm, calm, moved, moved, moved)  # the second look at the scale finds another
        assert await values(device(unit, points), ["power"]) == [2000]
        battery = device(Unit(calm, moved, {101: 200, scale: 1}), points)
        readings = await battery.read(["power"])
        why = "its registers changed each time while they were read"
        assert readings == [Reading("power", None, Quality.BAD, why)]

    @pytest.mark.parametrize("points", [FAR, ALONE])
    @pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 7])
    async def test_however_it_moves_nothing_else_is_told_than_what_is(
        self, points: dict[str, ModbusPoint], every: int
    ) -> None:
        scale = points["power"].scale_register or 0
        states = (
            [{101: 2000, scale: 0}] * every + [{101: 200, scale: 1}] * every + [{101: 20000, scale: MINUS_1}] * every
        )
        battery = device(Unit(*states), points)
        told = {value for _ in range(100) for value in await values(battery, ["power"])}
        assert told <= {2000, Quality.BAD}

    async def test_on_another_connection_and_after_silence_it_is_looked_at_anew(self) -> None:
        unit = Unit({101: 2000, 300: 0})
        battery = device(unit, FAR)
        await values(battery, ["power"])
        unit.connection_number = 2
        unit.registers |= {101: 2000, 300: 1}
        assert await values(battery, ["power"]) == [20000]

    async def test_a_value_in_several_places_is_framed_by_its_more_significant_words(self) -> None:
        unit = Unit({300: 1, 101: 0xFFFF}, *[{300: 2, 101: 0}] * 4)
        battery = device(unit, SPREAD)
        assert await values(battery, ["energy"]) == [0x20000]
        assert unit.asked == [(300, 1), (101, 1), (300, 1), (101, 1), (300, 1)]

    async def test_what_the_device_does_not_give_as_a_whole_is_read_in_parts_at_once(self) -> None:
        points = {"power": ModbusPoint(register=101, unit="W", scale_register=104), "soc": ModbusPoint(register=100)}
        unit = Unit({101: 20, 104: 2, 100: 55}, refuses=lambda block: 2 * (103 in registers_of(block)))
        battery = device(unit, points)
        assert await values(battery, ["power", "soc"]) == [2000, 55]
        unit.asked_since()
        assert await values(battery, ["power", "soc"]) == [2000, 55]
        assert unit.asked_since() == [(100, 2)]

    async def test_another_connection_is_asked_for_the_whole_again_in_time(self) -> None:
        points = {"power": ModbusPoint(register=101, unit="W", scale_register=104)}
        unit = Unit({101: 20, 104: 2}, refuses=lambda block: 2 * (103 in registers_of(block)))
        battery = device(unit, points)
        assert await values(battery, ["power"]) == [2000]
        unit.refuses, unit.connection_number = lambda block: 0, 2
        assert [await values(battery, ["power"]) for _ in range(3)] == [[2000]] * 3
        assert unit.asked[-1] == (101, 4)

    async def test_holes_and_the_longest_request_of_a_connection_are_kept(self) -> None:
        for settings in ({"holes": ("102..103",)}, {"max_registers": 3}):
            unit = Unit({101: 20, 104: 2})
            battery = device(unit, {"power": ModbusPoint(register=101, unit="W", scale_register=104)}, **settings)
            assert await values(battery, ["power"]) == [2000]
            assert max(count for _, count in unit.asked) == 1

    async def test_a_part_that_is_refused_says_so(self) -> None:
        unit = Unit({101: 20}, refuses=lambda block: 2 if block.register == 300 else 0)
        (reading,) = await device(unit, FAR).read(["power"])
        assert reading.quality is Quality.BAD
        assert "refused to read holding register 300" in reading.detail

    async def test_silence_is_silence(self) -> None:
        unit = Unit({101: 20})
        unit.is_dead = True
        with pytest.raises(DeviceUnreachable):
            await device(unit, FAR).read(["power"])


class TestWritten:
    """What is written means what it meant when it was worked out."""

    POINTS: ClassVar = {
        "limit": ModbusPoint(register=101, type="int16", unit="W", scale_register=102, access="read_write")
    }

    async def test_it_is_written_again_when_its_scale_has_moved(self) -> None:
        unit = Unit({102: 0}, {102: MINUS_1}, {102: MINUS_1}, {102: MINUS_1}, {102: MINUS_1}, {102: MINUS_1})
        await device(unit, self.POINTS).write(Setpoint("limit", 1500.0, "test"))
        assert unit.written == [(101, [1500]), (101, [15000])]

    async def test_and_refused_where_that_goes_on(self) -> None:
        unit = Unit({102: 0}, {102: MINUS_1})
        with pytest.raises(DeviceRefused, match="limit: the scale register changed each time while it was written"):
            await device(unit, self.POINTS).write(Setpoint("limit", 1500.0, "test"))

    async def test_the_scale_is_read_with_what_is_kept_of_the_register(self) -> None:
        unit = Unit({101: 0, 102: 1})
        await device(unit, self.POINTS).write(Setpoint("limit", 1500.0, "test"))
        assert unit.written == [(101, [150])]
        assert unit.asked == [(101, 2), (102, 1)]

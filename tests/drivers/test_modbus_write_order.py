"""What a device takes in another order than it shows: written so, read back as it is shown, of every width."""

import struct
from collections.abc import Sequence

import pytest
from s2d_drivers.modbus import ModbusConnection, ModbusPoint
from s2d_drivers.modbus.codec import Codec
from s2d_drivers.modbus.device import ModbusDevice
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.request_cost import RequestCost
from s2d_drivers.modbus.tools.decodings import other_reading
from s2d_drivers.modbus.tools.register_image import RegisterImage

from s2d.device.setpoint_watch import SetpointWatch
from s2d.events import Refused, Undone, UndoneBy
from s2d.quantities import Duration
from s2d.values import Reading, Setpoint, Value
from tests.fakes import pass_s
from tests.shell.device_stage import at_work

SWAPPED = (
    "power_setpoint shows 2000 W with its words in another order, 131072000 W: "
    "if the device wants them so, say `write_order`"
)
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
WIDTHS = {
    "int16": (-1000, ">h"),
    "uint16": (1000, ">H"),
    "int32": (-100_000, ">i"),
    "uint32": (100_000, ">I"),
    "float32": (12.5, ">f"),
    "int64": (-(10**12), ">q"),
    "uint64": (10**12, ">Q"),
    "float64": (12.5, ">d"),
}


def arranged(packed: bytes, order: str) -> list[int]:
    """The words of a value, the most significant byte first, in *order*."""
    words = list(struct.unpack(f">{len(packed) // 2}H", packed))
    words = [word >> 8 | (word & 0xFF) << 8 for word in words] if order in ("BADC", "DCBA") else words
    return words[::-1] if order in ("CDAB", "DCBA") else words


class Swapping:
    """A unit that understands what is written in one order, and shows it in another."""

    def __init__(self, taken: str, shown: str) -> None:
        self.connection = ModbusConnection(host="battery")
        self.connection_number = 1
        self.taken, self.shown = taken, shown
        self.words = dict.fromkeys(range(100, 110), 0)
        self.understood = b""

    def cost(self, connection: ModbusConnection) -> RequestCost:
        return connection.cost()

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> Sequence[int]:
        return [self.words[register] for register in range(block.register, block.register + block.count)]

    async def write(
        self, connection: ModbusConnection, block: RegisterBlock, words: Sequence[int], *, is_multiple: bool
    ) -> None:
        # Putting words into an order twice leads back to where they were.
        plain = arranged(struct.pack(f">{len(words)}H", *words), self.taken)
        self.understood = struct.pack(f">{len(plain)}H", *plain)
        self.words |= dict(enumerate(arranged(self.understood, self.shown), block.register))


@pytest.mark.parametrize("taken", ORDERS)
@pytest.mark.parametrize("shown", ORDERS)
@pytest.mark.parametrize("kind", WIDTHS)
async def test_the_device_understands_what_was_meant_and_is_understood(kind: str, taken: str, shown: str) -> None:
    value, form = WIDTHS[kind]
    unit = Swapping(taken, shown)
    point = ModbusPoint(register=100, type=kind, order=shown, write_order=taken, access="read_write", unit="W")
    device = ModbusDevice(unit.connection, {"limit": point}, unit)
    await device.write(Setpoint("limit", value, "test"))
    assert unit.understood == struct.pack(form, value)
    assert await device.read(["limit"]) == [Reading("limit", value)]


async def test_some_bits_leave_the_others_as_they_are() -> None:
    unit = Swapping("ABCD", "CDAB")
    unit.words |= {100: 0x5678, 101: 0x1234}
    point = ModbusPoint(register=100, type="uint32", bits="0..3", order="CDAB", write_order="ABCD", access="read_write")
    await ModbusDevice(unit.connection, {"mode": point}, unit).write(Setpoint("mode", 1, "test"))
    assert unit.understood == b"\x12\x34\x56\x71"


async def test_text_and_values_in_several_places_have_one_too() -> None:
    text = ModbusPoint(register=100, type="string[4]", write_order="BADC", access="read_write")
    spread = ModbusPoint(registers=(105, 107), type="uint32", write_order="BADC", access="read_write")
    assert Codec("name", text).words_of("Acme") == [0x6341, 0x656D]
    assert Codec("limit", spread).words_of(0x01020304) == [0x0201, 0x0403]


async def test_what_is_shown_in_another_order_than_said_is_not_what_it_should_read_as() -> None:
    unit = Swapping("ABCD", "CDAB")
    point = ModbusPoint(register=100, type="int32", write_order="ABCD", access="read_write", settle=Duration(0))
    device = ModbusDevice(unit.connection, {"limit": point}, unit)
    assert await device.write(Setpoint("limit", 1000, "test")) == {"limit": 1000}
    assert await device.read(["limit"]) == [Reading("limit", 65536000)]


@pytest.mark.parametrize("kind", WIDTHS)
def test_a_simulated_device_shows_what_it_was_told(kind: str) -> None:
    value, form = WIDTHS[kind]
    point = ModbusPoint(register=100, type=kind, order="DCBA", write_order="ABCD", access="read_write")
    image = RegisterImage(ModbusConnection(host="battery"), {"limit": point}, ["limit"])
    words = arranged(struct.pack(form, value), "ABCD")
    assert image.write(1, "holding", 100, words) == ["limit"]
    assert image.value_of("limit") == value
    image.show("limit", 0)
    image.show("limit", value)
    assert image.read(1, "holding", 100, len(words)) == arranged(struct.pack(form, value), "DCBA")


@pytest.mark.parametrize(
    ("settings", "words", "said"),
    [
        ({"type": "int32", "order": "CDAB"}, [1000, 0], "65536000 as ABCD"),
        ({"type": "int32"}, [0xFFFF, 0xFC18], "-65470465 as CDAB"),
        ({"type": "int32", "order": "BADC"}, [0x0000, 0xE803], "65536000 as DCBA"),
        ({"type": "float32"}, [0x4148, 0], "2.34185e-41 as CDAB"),
        ({"type": "uint64"}, [0, 0, 0, 1], "281474976710656 as CDAB"),
        ({"type": "int32"}, [7, 7], ""),
        ({"type": "int16"}, [7], ""),
        ({"type": "string[4]"}, [7, 8], ""),
        ({"type": "uint32", "registers": (1, 9), "register": None}, [7, 8], ""),
    ],
)
def test_both_readings_of_a_number_can_be_told(settings: dict[str, object], words: list[int], said: str) -> None:
    assert other_reading(ModbusPoint(**{"register": 100, **settings}), words) == said


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", WIDTHS)
def test_what_a_value_is_with_its_words_the_other_way_round_is_known(kind: str, order: str) -> None:
    value, layout = WIDTHS[kind]
    packed = struct.pack(layout, value)
    words = [packed[at : at + 2] for at in range(0, len(packed), 2)]
    (other,) = struct.unpack(layout, b"".join(words[::-1]))
    point = ModbusPoint(register=1, type=kind, order=order, access="read_write", scale=0.5)
    assert point.swapped(value * 0.5) == (None if len(words) == 1 else other * 0.5)


@pytest.mark.parametrize("was_lost", [False, True])
def test_an_order_that_is_taken_with_its_words_the_other_way_round_ends_with_the_way_out(was_lost: bool) -> None:
    point = ModbusPoint(register=1, type="int32", order="CDAB", access="read_write", unit="W")
    watch, order = SetpointWatch(), Setpoint("power_setpoint", 2000.0, "order")
    watch.start(order, {"power_setpoint": 2000.0}, [], 0.0)
    if was_lost:
        watch.lose()
    shown = Reading("power_setpoint", 131072000, at=1.0)
    assert watch.observe([shown], {"power_setpoint": point}) == [Undone(order, SWAPPED, UndoneBy.WORD_ORDER)]


@pytest.mark.virtual_time
async def test_who_shows_its_words_the_other_way_round_at_once_is_refused_with_the_way_out() -> None:
    point = ModbusPoint(register=1, type="int32", order="CDAB", access="read_write", unit="W")
    async with at_work({"power_setpoint": point}, power_setpoint=0) as stage:

        async def take(values: dict[str, Value]) -> dict[str, Value]:
            stage.hardware.values["power_setpoint"] = 131072000
            return values

        stage.hardware.take = take
        order = Setpoint("power_setpoint", 2000.0, "order")
        stage.device.offer(order)
        await pass_s(5)
        assert stage.news(Refused) == [Refused(order, SWAPPED)]

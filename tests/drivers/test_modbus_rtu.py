"""The Modbus driver on a serial line: a pair of ptys with pymodbus' RTU server, or with nobody, on the far end."""

import asyncio
import os
import re
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import serial
from modbus_peers import Unit, device, raw_server, rtu_over_tcp_server, rtu_server
from pymodbus.framer import FramerRTU
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint

from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.chronicle import PATIENCE_S
from tests.paced import PacedUnit, paced_line
from tests.ptys import pty_pair

pytestmark = pytest.mark.virtual_time

POINTS = {
    "power": ModbusPoint(table="input", register=0, type="int32", unit="W"),
    "limit": ModbusPoint(register=20, unit="W", access="read_write"),
    "on": ModbusPoint(table="coil", register=1, access="read_write"),
}


async def test_a_line_is_read_and_written() -> None:
    unit = Unit()
    unit.input[:2] = [0xFFFF, 0xFF9C]
    async with pty_pair() as (ours, theirs), rtu_server({7: unit}, theirs), device(POINTS, serial=ours, unit=7) as rtu:
        await rtu.write(Setpoint("limit", 4200, "test"))
        await rtu.write(Setpoint("on", True, "test"))
        readings = await rtu.read(POINTS)
    assert sorted(readings, key=lambda reading: reading.point) == [
        Reading("limit", 4200.0),
        Reading("on", True),
        Reading("power", -100.0),
    ]


async def test_a_dead_unit_does_not_keep_the_others_from_being_read() -> None:
    living = Unit()
    async with pty_pair() as (ours, theirs), rtu_server({2: living}, theirs):
        dead, alive = (ModbusConnection(serial=ours, unit=unit, timeout_s=Duration(0.1)) for unit in (1, 2))
        async with (
            Modbus.open_bus(dead) as bus,
            Modbus.open(dead, POINTS, bus) as silent,
            Modbus.open(alive, POINTS, bus) as answering,
        ):
            assert await _outcome(silent) == f"no answer from unit 1 at {ours} within 0.1 s"
            assert await answering.read({"limit"}) == [Reading("limit", 0.0)]
            began = asyncio.get_running_loop().time()
            told = await _outcome(silent)
            with pytest.raises(DeviceUnreachable):
                await silent.write(Setpoint("limit", 1, "test"))
            assert asyncio.get_running_loop().time() - began < 0.05, "it was asked again at once"
            assert re.fullmatch(rf"no answer from unit 1 at {ours} within 0.1 s; it is asked again in 0.\d s", told)
            assert await answering.read({"limit"}) == [Reading("limit", 0.0)]


@asynccontextmanager
async def far_end(path: str) -> AsyncIterator[tuple["asyncio.Queue[bytes]", Callable[..., None]]]:
    """The requests that arrive at *path*, and how to send a frame, its checksum added; *without* is not checked."""
    port = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
    loop = asyncio.get_running_loop()
    requests: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(port, lambda: requests.put_nowait(os.read(port, 256)))

    def send(frame: str, without: bytes = b"") -> None:
        body = bytes.fromhex(frame)
        os.write(port, body + FramerRTU.compute_CRC(body.removeprefix(without)).to_bytes(2))

    try:
        yield requests, send
    finally:
        loop.remove_reader(port)
        os.close(port)


async def test_a_foreign_answer_is_not_taken_for_the_next_one() -> None:
    """Neither one that came in the meantime, nor one of another unit that comes just now."""
    async with (
        asyncio.timeout(PATIENCE_S),
        pty_pair() as (ours, theirs),
        far_end(theirs) as (requests, send),
        device(POINTS, serial=ours, timeout_s=Duration(0.05)) as rtu,
        asyncio.TaskGroup() as tasks,
    ):
        await _outcome(rtu)
        await requests.get()
        await requests.get()
        send("01 03 02 00 63")
        await asyncio.sleep(0)  # the pair carries it to a port that nobody listens to

        async def answer() -> None:
            while await requests.get():
                send("02 03 02 00 62")
                send("01 03 02 00 37")

        answering = tasks.create_task(answer())
        assert await _read_once_patient(rtu) == [Reading("limit", 55.0)]
        answering.cancel()


ALIKE = {name: ModbusPoint(register=register) for name, register in (("a", 10), ("b", 20), ("c", 30))}


@pytest.mark.parametrize("order", [["late", "own"], ["own", "late"], ["own"], ["late"]])
async def test_a_late_answer_is_not_taken_for_that_to_another_question_of_the_same_shape(order: list[str]) -> None:
    """The unit is first asked for what it has given before, and may say meanwhile what it still has to say."""
    answers = {"late": "01 03 02 00 14", "own": "01 03 02 00 0A"}
    async with (
        asyncio.timeout(PATIENCE_S),
        pty_pair() as (ours, theirs),
        far_end(theirs) as (requests, send),
        device(ALIKE, serial=ours, timeout_s=Duration(0.3)) as rtu,
        asyncio.TaskGroup() as tasks,
    ):
        reading = tasks.create_task(rtu.read({"a"}))
        assert (await requests.get())[3] == 10
        send(answers["own"])
        assert await reading == [Reading("a", 10.0)]
        assert (await _outcome(rtu, "b")).startswith("no answer")  # and not to the question for `a` that proves it
        assert [(await requests.get())[3] for _ in range(2)] == [20, 10]
        reading = tasks.create_task(_read_once_patient(rtu, "c"))
        assert (await requests.get())[3] == 10
        for answer in order:
            send(answers[answer])
            await asyncio.sleep(0.05)  # on a line they take their time
        assert (await requests.get())[3] == 30
        send("01 03 02 00 1E")
        assert await reading == [Reading("c", 30.0)]


async def test_a_register_at_which_a_unit_is_silent_is_left_out_and_the_unit_is_not() -> None:
    unit = PacedUnit(mute=(20,))
    async with (
        asyncio.timeout(PATIENCE_S),
        paced_line({1: unit}, is_paced=False) as line,
        device(ALIKE, serial=line.path, timeout_s=Duration(0.1)) as rtu,
    ):
        await rtu.read({"a"})
        reason = f"unit 1 at {line.path} is there, but says nothing when asked for holding register 20"
        for _ in range(5):
            assert {each.point: each for each in await rtu.read(ALIKE)} == {
                "a": Reading("a", 10.0),
                "b": Reading("b", None, Quality.BAD, reason),
                "c": Reading("c", 30.0),
            }
    assert unit.asked.count((20, 1)) == 2, "when it was found out, and once more"


async def test_what_is_read_alone_and_met_with_silence_is_judged_by_another_register() -> None:
    """So that a probe which a device does not know does not keep it from being found out."""
    unit = PacedUnit(mute=(20,))
    async with (
        asyncio.timeout(60),
        paced_line({1: unit}, is_paced=False) as line,
        device(ALIKE, serial=line.path, timeout_s=Duration(0.05)) as rtu,
    ):
        (found,) = await _read_once_patient(rtu, "b")
    assert (found.value, found.quality) == (None, Quality.BAD)


@pytest.mark.parametrize("answered", ["a", "b", "c"])
async def test_one_register_that_answers_is_enough_wherever_it_is(answered: str) -> None:
    """A unit of which nothing is known is asked for another one each time."""
    unit = PacedUnit(mute={10, 20, 30} - {ALIKE[answered].register})
    async with (
        asyncio.timeout(PATIENCE_S),
        paced_line({1: unit}, is_paced=False) as line,
        device(ALIKE, serial=line.path, timeout_s=Duration(0.05)) as rtu,
    ):
        found = await _read_once_patient(rtu, *ALIKE)
    assert [each.point for each in found if each.quality is Quality.GOOD] == [answered]


async def test_a_unit_that_dies_at_a_register_that_it_never_gave_is_silent() -> None:
    unit = PacedUnit()
    async with paced_line({1: unit}, is_paced=False) as line, asyncio.timeout(PATIENCE_S):
        where = ModbusConnection(serial=line.path, timeout_s=Duration(0.1))
        async with Modbus.open_bus(where) as bus, Modbus.open(where, ALIKE, bus) as rtu:
            await rtu.read({"a"})
            unit.is_dead = True
            assert await _outcome(rtu, "b") == f"no answer from unit 1 at {line.path} within 0.1 s"
            assert "; it is asked again in" in await _outcome(rtu, "a")
            unit.is_dead = False
            assert await _read_once_patient(rtu, "b") == [Reading("b", 20.0)]


async def _read_once_patient(rtu: Modbus, *points: str) -> list[Reading]:
    while True:
        try:
            return list(await rtu.read(points or {"limit"}))
        except DeviceUnreachable:
            await asyncio.sleep(0.05)


async def test_a_line_that_is_switched_round_may_glitch() -> None:
    """The receiver sees a byte or two before the answer, and an echo of the question."""
    async with (
        asyncio.timeout(PATIENCE_S),
        pty_pair() as (ours, theirs),
        far_end(theirs) as (requests, send),
        device(POINTS, serial=ours) as rtu,
        asyncio.TaskGroup() as tasks,
    ):
        reading = tasks.create_task(rtu.read({"limit"}))
        await requests.get()
        send("01 03 00 14 00 01")
        send("00 FF 01 03 02 00 37", without=bytes.fromhex("00 FF"))
        assert await reading == [Reading("limit", 55.0)]


async def test_noise_is_shown_for_what_it_is() -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        pty_pair() as (ours, theirs),
        far_end(theirs) as (requests, send),
        device(POINTS, serial=ours, timeout_s=Duration(0.1)) as rtu,
        asyncio.TaskGroup() as tasks,
    ):
        reading = tasks.create_task(_outcome(rtu))
        await requests.get()
        send("01 03 02 00", without=b"\x01")
        told = (await reading).partition(",")[0] + ","
        assert told == f"no proper answer from unit 1 at {ours}: what was heard is no frame of its,"


async def test_an_adapter_that_is_unplugged_ends_the_wait_at_once() -> None:
    loop = asyncio.get_running_loop()
    adapter, port = os.openpty()
    tty.setraw(port)
    path = os.ttyname(port)
    asked = asyncio.Event()
    loop.add_reader(adapter, asked.set)
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            device(POINTS, serial=path, timeout_s=Duration(3600)) as rtu,
            asyncio.TaskGroup() as tasks,
        ):
            reading = tasks.create_task(_outcome(rtu))
            await asked.wait()
            loop.remove_reader(adapter)
            os.close(adapter)
        assert reading.result() == f"the serial port {path} went away; was the adapter unplugged?"
    finally:
        os.close(port)


async def _outcome(rtu: Modbus, point: str = "limit") -> str:
    with pytest.raises(DeviceUnreachable) as why:
        await rtu.read({point})
    return str(why.value)


async def test_requests_keep_their_distance() -> None:
    unit = Unit()
    loop = asyncio.get_running_loop()
    async with (
        pty_pair() as (ours, theirs),
        rtu_server({1: unit}, theirs),
        device(POINTS, serial=ours, gap_s=Duration(0.1)) as rtu,
    ):
        await rtu.read({"limit"})
        began = loop.time()
        await rtu.read({"limit"})
        assert loop.time() - began >= 0.1


async def test_a_port_that_is_not_there_is_named() -> None:
    async with device(POINTS, serial="/dev/serial/by-id/usb-none") as rtu:
        assert await _outcome(rtu) == "cannot open /dev/serial/by-id/usb-none: No such file or directory"


async def test_a_port_in_use_is_said_to_be() -> None:
    async with pty_pair() as (ours, _), device(POINTS, serial=ours) as rtu:
        with serial.Serial(ours, exclusive=True):
            assert await _outcome(rtu) == f"cannot open {ours}: another program has it open"


async def test_a_line_has_one_setting_for_all() -> None:
    first = ModbusConnection(serial="/dev/ttyX", unit=1)
    second = ModbusConnection(serial="/dev/ttyX", unit=2, baudrate=19200, parity="E")
    async with Modbus.open_bus(first) as bus, Modbus.open(second, POINTS, bus) as rtu:
        with pytest.raises(DeviceUnreachable) as why:
            await rtu.read(POINTS)
    assert str(why.value).startswith("/dev/ttyX runs at 9600 8N1 for another device, so it cannot run at 19200 8E1;")


async def test_a_line_on_which_somebody_never_stops_talking_is_used_all_the_same() -> None:
    loop = asyncio.get_running_loop()
    async with (
        asyncio.timeout(PATIENCE_S),
        pty_pair() as (ours, theirs),
        far_end(theirs) as (requests, send),
        device(POINTS, serial=ours, gap_s=Duration(0.05)) as rtu,
        asyncio.TaskGroup() as tasks,
    ):

        async def babble() -> None:
            while True:
                send("AA")
                await asyncio.sleep(0.02)

        babbling = tasks.create_task(babble())
        reading = tasks.create_task(rtu.read({"limit"}))
        await requests.get()
        send("01 03 02 00 37")
        assert await reading == [Reading("limit", 55.0)]
        began = loop.time()
        tasks.create_task(rtu.read({"limit"}))
        await requests.get()
        assert 0.25 < loop.time() - began < 1, "it listens for a while first"
        send("01 03 02 00 37")
        babbling.cancel()


async def test_rtu_is_spoken_through_tcp() -> None:
    """An adapter that passes a serial line on, against pymodbus' own framer."""
    unit = Unit()
    unit.input[:2] = [0xFFFF, 0xFF9C]
    async with (
        rtu_over_tcp_server({7: unit}) as port,
        device(POINTS, host="127.0.0.1", port=port, framing="rtu", unit=7) as rtu,
    ):
        await rtu.write(Setpoint("limit", 4200, "test"))
        assert sorted(await rtu.read(POINTS), key=lambda reading: reading.point) == [
            Reading("limit", 4200.0),
            Reading("on", False),
            Reading("power", -100.0),
        ]


async def test_a_dead_unit_behind_an_adapter_does_not_cost_the_others_the_connection() -> None:
    unit = Unit()
    async with rtu_over_tcp_server({2: unit}) as port:
        where = {"host": "127.0.0.1", "port": port, "framing": "rtu", "timeout_s": Duration(0.05)}
        dead, alive = (ModbusConnection(unit=unit, **where) for unit in (1, 2))
        async with (
            Modbus.open_bus(dead) as bus,
            Modbus.open(dead, POINTS, bus) as silent,
            Modbus.open(alive, POINTS, bus) as answering,
        ):
            for _ in range(2):
                await answering.read({"limit"})
                await _outcome(silent)
            assert bus.connection_number == 1


async def test_an_adapter_from_which_nothing_is_heard_any_more_is_connected_anew() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert len(await reader.read()) == 24, "asked twice as the connection was new, and once more"

    async with (
        asyncio.timeout(PATIENCE_S),
        raw_server(hangs) as port,
        device(POINTS, host="127.0.0.1", port=port, framing="rtu", timeout_s=Duration(0.05)) as rtu,
    ):
        assert (await _outcome(rtu)).startswith("no answer")
        for _ in range(100):
            told = await _outcome(rtu)
            if "asked again" not in told:  # what is silent is left alone for a while
                break
            await asyncio.sleep(0.02)
        assert told.startswith("no answer")


async def test_whoever_speaks_another_framing_on_the_same_endpoint_is_told() -> None:
    first = ModbusConnection(host="a", framing="rtu")
    second = ModbusConnection(host="a", unit=2)
    async with Modbus.open_bus(first) as bus, Modbus.open(second, POINTS, bus) as tcp:
        told = "a:502 is spoken to with another `framing` for another device; give both the same"
        assert await _outcome(tcp) == told

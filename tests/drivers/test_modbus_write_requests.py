"""Which requests write values."""

import pytest
from modbus_peers import Unit, device, tcp_server
from s2d_drivers.modbus import ModbusPoint

from s2d.errors import DeviceRefused
from s2d.quantities import Duration
from s2d.values import Setpoint

pytestmark = pytest.mark.virtual_time

HOST = "127.0.0.1"
POINTS = {
    "mode": ModbusPoint(register=20, access="read_write", values={"0": "self", "2": "forced"}),
    "charge": ModbusPoint(register=21, access="read_write", unit="W"),
    "discharge": ModbusPoint(register=22, type="int32", access="read_write", unit="W"),
    "limit": ModbusPoint(register=30, access="read_write", unit="W"),
    "on": ModbusPoint(table="coil", register=20, access="read_write"),
    "pace": ModbusPoint(register=21, bits="8..15", access="read_write"),
    "spread": ModbusPoint(registers=(45, 41), type="uint32", access="read_write"),
    "spread_alone": ModbusPoint(registers=(41, 40), type="uint32", access="read_write", write="single"),
    "neighbours": ModbusPoint(registers=(41, 40), type="uint32", access="read_write"),
}


def to(point: str, value: float | str | bool) -> Setpoint:
    return Setpoint(point, value, "test")


async def writes_of(unit: Unit, *setpoints: Setpoint, **connection: object) -> list[tuple[int, int, int]]:
    async with tcp_server({1: unit}) as server, device(POINTS, host=HOST, port=server.port, **connection) as modbus:
        await modbus.write(*setpoints)
    return [asked for asked in unit.asked if asked[0] in (5, 6, 15, 16)]


async def refusal_of(unit: Unit, *setpoints: Setpoint) -> str:
    async with tcp_server({1: unit}) as server, device(POINTS, host=HOST, port=server.port) as modbus:
        with pytest.raises(DeviceRefused) as refusal:
            await modbus.write(*setpoints)
    return str(refusal.value)


async def test_neighbours_are_written_with_one_request_that_says_what_each_reads_as() -> None:
    unit = Unit()
    together = (to("discharge", 70_000), to("mode", "forced"), to("charge", 300))
    async with tcp_server({1: unit}) as server, device(POINTS, host=HOST, port=server.port) as modbus:
        assert await modbus.write(*together) == {"discharge": 70_000.0, "mode": "forced", "charge": 300.0}
    assert unit.asked == [(16, 20, 4)]


@pytest.mark.parametrize(
    ("together", "why"),
    [
        ((to("mode", "self"), to("limit", 1)), "holding register 20, holding register 30 are not next to each other"),
        ((to("mode", "self"), to("on", True)), "are not next to each other"),
        ((to("charge", 1), to("pace", 1)), "holding register 21, holding register 21 are not next to each other"),
    ],
)
async def test_what_are_no_neighbours_is_not_written_together(together: tuple[Setpoint, ...], why: str) -> None:
    unit = Unit()
    assert why in await refusal_of(unit, *together)
    assert [asked for asked in unit.asked if asked[0] != 3] == []


async def test_one_value_that_does_not_fit_keeps_all_from_being_written() -> None:
    unit = Unit()
    refusal = await refusal_of(unit, to("mode", "forced"), to("charge", 70_000))
    assert refusal == "charge: the raw value 70000 does not fit uint16"
    assert unit.asked == []


async def test_bits_are_written_together_with_neighbours() -> None:
    unit = Unit()
    unit.holding[21] = 0x1234
    assert await writes_of(unit, to("mode", "forced"), to("pace", 0x56)) == [(16, 20, 2)]


@pytest.mark.parametrize(
    ("point", "requests"),
    [
        ("spread", [(6, 41, 1), (6, 45, 1)]),
        ("spread_alone", [(6, 40, 1), (6, 41, 1)]),
        ("neighbours", [(16, 40, 2)]),
    ],
)
async def test_a_value_that_is_spread_out_takes_a_request_for_each_place(
    point: str, requests: list[tuple[int, int, int]]
) -> None:
    assert await writes_of(Unit(), to(point, 0x0001_0002)) == requests


async def test_a_device_may_know_only_one_function() -> None:
    assert await writes_of(Unit(), to("limit", 1), write="multiple") == [(16, 30, 1)]
    assert await writes_of(Unit(), to("on", True), write="multiple") == [(15, 20, 1)]
    assert await writes_of(Unit(), to("limit", 1), write="single", timeout_s=Duration(1)) == [(6, 30, 1)]

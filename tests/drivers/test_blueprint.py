"""The driver that authors copy works as it stands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from s2d_drivers._blueprint import Heater, HeaterConnection, HeaterPoint

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading, Setpoint

pytestmark = pytest.mark.virtual_time

POINTS = {
    "power": HeaterPoint(word="PWR", unit="kW"),
    "limit": HeaterPoint(word="LIM", unit="W", access="read_write"),
}


@asynccontextmanager
async def heater(answers: dict[str, str]) -> AsyncIterator[Heater]:
    """A heater that has one answer for each request, and hangs up on any other."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readline()).decode().rstrip()
        if request in answers:
            writer.write(f"{answers[request]}\n".encode())
        writer.close()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as server:
        where = HeaterConnection(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        async with Heater.open_bus(where) as bus, Heater.open(where, POINTS, bus) as opened:
            yield opened


async def test_it_reads() -> None:
    async with heater({"GET PWR": "PWR 1.5", "GET LIM": "LIM ?"}) as opened:
        assert await opened.read(["power", "limit"]) == [
            Reading("power", 1500.0),
            Reading("limit", None, Quality.BAD, "could not convert string to float: '?'"),
        ]


async def test_it_writes() -> None:
    async with heater({"SET LIM 2000.0": "OK", "SET LIM 9000.0": "ERROR out of range"}) as opened:
        await opened.write(Setpoint("limit", 2000.0, "test"))
        with pytest.raises(DeviceRefused, match="limit: the heater answered 'ERROR out of range'"):
            await opened.write(Setpoint("limit", 9000.0, "test"))


async def test_it_says_when_there_is_no_answer() -> None:
    async with heater({}) as opened:
        with pytest.raises(DeviceUnreachable, match="hung up before it answered"):
            await opened.read(["power"])

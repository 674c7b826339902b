"""The floor: the libraries s2d stands on, with nothing on top.

`python bare.py` imports them, says so, and waits. `python bare.py URL` says Handshake there and answers every typed
message with a ReceptionStatus. `python bare.py URL COUNT` does so at COUNT addresses, `{number}` in the URL, and says a
measurement a second at each once it was answered.
"""

import asyncio
import itertools
import signal
import sys
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import msgspec
import pymodbus.client
import structlog
import websockets.asyncio.client
import yaml

LIBRARIES = (msgspec, pymodbus.client, structlog, websockets.asyncio.client, yaml)


class Handshake(msgspec.Struct, tag_field="message_type"):
    message_id: str
    role: str


class ReceptionStatus(msgspec.Struct, tag_field="message_type"):
    subject_message_id: str
    status: str


class Instruction(msgspec.Struct, tag_field="message_type", tag="FRBC.Instruction"):
    message_id: str
    id: str
    actuator_id: str
    operation_mode: str
    operation_mode_factor: float
    execution_time: str
    abnormal_condition: Literal[False]


class PowerValue(msgspec.Struct):
    commodity_quantity: str
    value: float


class PowerMeasurement(msgspec.Struct, tag_field="message_type"):
    message_id: str
    measurement_timestamp: datetime
    values: list[PowerValue]


async def main(url: str) -> None:
    decode = msgspec.json.Decoder(Handshake | ReceptionStatus | Instruction).decode
    encode = msgspec.json.Encoder().encode
    async with websockets.asyncio.client.connect(url, proxy=None) as websocket:
        await websocket.send(encode(Handshake("00000000-0000-0000-0000-000000000000", "RM")), text=True)
        async for frame in websocket:
            message = decode(frame)
            if not isinstance(message, ReceptionStatus):
                await websocket.send(encode(ReceptionStatus(message.message_id, "OK")), text=True)


async def measure_at(urls: list[str]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number, url in enumerate(urls):
            tasks.create_task(measure(url, number / len(urls)))


async def measure(url: str, phase_s: float) -> None:
    decode = msgspec.json.Decoder(ReceptionStatus).decode
    encode = msgspec.json.Encoder().encode
    async with websockets.asyncio.client.connect(url, proxy=None, compression=None, open_timeout=60) as websocket:
        await websocket.send(encode(Handshake(str(uuid4()), "RM")), text=True)
        decode(await websocket.recv())
        await asyncio.sleep(phase_s)
        for number in itertools.count():
            values = [PowerValue("ELECTRIC.POWER.L1", 1000.0 + number % 2)]
            await websocket.send(encode(PowerMeasurement(str(uuid4()), datetime.now(UTC), values)), text=True)
            decode(await websocket.recv())
            await asyncio.sleep(1)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        asyncio.run(measure_at([sys.argv[1].format(number=number) for number in range(int(sys.argv[2]))]))
    elif len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1]))
    else:
        print("waiting", flush=True)
        signal.pause()

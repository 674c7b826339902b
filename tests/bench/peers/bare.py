"""The floor: the libraries s2d stands on, with nothing on top.

`python bare.py` imports them, says so, and waits. `python bare.py URL` says Handshake there and answers every typed
message with a ReceptionStatus.
"""

import asyncio
import signal
import sys
from typing import Literal

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


async def main(url: str) -> None:
    decode = msgspec.json.Decoder(Handshake | ReceptionStatus | Instruction).decode
    encode = msgspec.json.Encoder().encode
    async with websockets.asyncio.client.connect(url, proxy=None) as websocket:
        await websocket.send(encode(Handshake("00000000-0000-0000-0000-000000000000", "RM")), text=True)
        async for frame in websocket:
            message = decode(frame)
            if not isinstance(message, ReceptionStatus):
                await websocket.send(encode(ReceptionStatus(message.message_id, "OK")), text=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1]))
    else:
        print("waiting", flush=True)
        signal.pause()

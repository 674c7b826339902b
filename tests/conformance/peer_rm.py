"""A foreign RM to try the suite on: a battery made with s2-python, which comes back whenever its connection ends.

`python -m tests.conformance.peer_rm ws://localhost:8080 [telling]`

It takes every instruction at once. It tells neither a fill level nor what it does, and so can hardly be asked, unless
it is `telling`: then it does, and says NEW of each instruction first.
"""

import asyncio
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from s2python.common import (
    InstructionStatus,
    InstructionStatusUpdate,
    PowerMeasurement,
    PowerValue,
    SessionRequest,
)
from s2python.connection.async_.medium.s2_medium import S2MediumException
from s2python.connection.errors import CouldNotReceiveStatusReceptionError, PermanentConnectionError
from s2python.frbc import FRBCActuatorStatus, FRBCStorageStatus
from websockets.exceptions import WebSocketException

from tests.bench.peers.rm import L1, Battery, description, main

BACK_AFTER_S = 0.05
BROKEN = (
    S2MediumException,
    CouldNotReceiveStatusReceptionError,
    PermanentConnectionError,
    WebSocketException,
    OSError,
    RuntimeError,
)
"""How s2-python says that a connection could not be made or went wrong."""


class TellingBattery(Battery):
    """A battery at 50 % that says of everything that it has worked."""

    def register_handlers(self, connection):
        super().register_handlers(connection)
        connection.register_handler(SessionRequest, self._leave)

    async def activate(self, connection):
        system = description()
        self._actuator_id = system.actuators[0].id
        await connection.send_and_forget(system)
        await connection.send_and_forget(FRBCStorageStatus(message_id=uuid.uuid4(), present_fill_level=50.0))
        await self._tell_mode(connection, system.actuators[0].operation_modes[0].id, 0.0)
        power = PowerMeasurement(
            message_id=uuid.uuid4(),
            measurement_timestamp=datetime.now(UTC),
            values=[PowerValue(commodity_quantity=L1, value=0.0)],
        )
        await connection.send_and_forget(power)

    async def handle_instruction(self, connection, msg, send_okay):
        await send_okay()
        for status in (InstructionStatus.NEW, InstructionStatus.ACCEPTED, InstructionStatus.STARTED):
            await self._tell_of(connection, msg.id, status)
        await self._tell_mode(connection, msg.operation_mode, msg.operation_mode_factor)
        await self._tell_of(connection, msg.id, InstructionStatus.SUCCEEDED)

    async def _tell_of(self, connection, instruction_id, status):
        update = InstructionStatusUpdate(
            message_id=uuid.uuid4(), instruction_id=instruction_id, status_type=status, timestamp=datetime.now(UTC)
        )
        await connection.send_and_forget(update)

    async def _tell_mode(self, connection, mode, factor):
        status = FRBCActuatorStatus(
            message_id=uuid.uuid4(),
            actuator_id=self._actuator_id,
            active_operation_mode_id=mode,
            operation_mode_factor=factor,
        )
        await connection.send_and_forget(status)

    async def _leave(self, connection, request, send_okay):
        await send_okay()
        await connection.stop()


async def come_back_forever(url, *, is_telling):
    while True:
        with suppress(*BROKEN):
            await main(url, TellingBattery() if is_telling else None)
        await asyncio.sleep(BACK_AFTER_S)


if __name__ == "__main__":
    asyncio.run(come_back_forever(sys.argv[1], is_telling="telling" in sys.argv[2:]))

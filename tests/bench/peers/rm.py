"""The peer: an RM made with s2-python as its documentation shows it, one battery and no hardware.

`python rm.py URL`; prints, for every instruction, its message id and the instant its handler ran (monotonic ns).
"""

import asyncio
import sys
import time
import uuid
from datetime import UTC, datetime

from s2python.common import (
    Commodity,
    CommodityQuantity,
    Duration,
    NumberRange,
    PowerRange,
    Role,
    RoleType,
    Transition,
)
from s2python.connection import AssetDetails
from s2python.connection.async_ import S2AsyncConnection
from s2python.connection.async_.control_type.class_based import FRBCControlType, ResourceManagerHandler
from s2python.connection.async_.medium.websocket import WebsocketClientMedium
from s2python.frbc import (
    FRBCActuatorDescription,
    FRBCOperationMode,
    FRBCOperationModeElement,
    FRBCStorageDescription,
    FRBCSystemDescription,
)

L1 = CommodityQuantity.ELECTRIC_POWER_L1


class Battery(FRBCControlType):
    async def handle_instruction(self, connection, msg, send_okay):
        at_ns = time.monotonic_ns()
        await send_okay()
        print(msg.message_id, at_ns, flush=True)

    async def activate(self, connection):
        await connection.send_and_forget(description())

    async def deactivate(self, connection):
        pass


def description():
    modes = [_mode("idle", 0, 0), _mode("charge", 0, 5000), _mode("discharge", -5000, 0)]
    pairs = [(before.id, after.id) for before in modes for after in modes if before is not after]
    actuator = FRBCActuatorDescription(
        id=uuid.uuid4(),
        supported_commodities=[Commodity.ELECTRICITY],
        operation_modes=modes,
        transitions=[
            Transition.model_validate(
                {
                    "id": uuid.uuid4(),
                    "from": before,
                    "to": after,
                    "start_timers": [],
                    "blocking_timers": [],
                    "abnormal_condition_only": False,
                }
            )
            for before, after in pairs
        ],
        timers=[],
    )
    storage = FRBCStorageDescription(
        provides_leakage_behaviour=False,
        provides_fill_level_target_profile=False,
        provides_usage_forecast=False,
        fill_level_range=NumberRange(start_of_range=10, end_of_range=95),
    )
    now = datetime.now(UTC)
    return FRBCSystemDescription(message_id=uuid.uuid4(), valid_from=now, actuators=[actuator], storage=storage)


def _mode(label, start_w, end_w):
    element = FRBCOperationModeElement(
        fill_level_range=NumberRange(start_of_range=10, end_of_range=95),
        fill_rate=NumberRange(start_of_range=start_w / 360_000, end_of_range=end_w / 360_000),
        power_ranges=[PowerRange(start_of_range=start_w, end_of_range=end_w, commodity_quantity=L1)],
    )
    return FRBCOperationMode(id=uuid.uuid4(), diagnostic_label=label, elements=[element], abnormal_condition_only=False)


async def main(url, battery=None):
    details = AssetDetails(
        resource_id=uuid.uuid4(),
        name="Home battery",
        provides_forecast=False,
        provides_power_measurements=[L1],
        instruction_processing_delay=Duration.from_milliseconds(1000),
        roles=[Role(role=RoleType.ENERGY_STORAGE, commodity=Commodity.ELECTRICITY)],
    )
    handler = ResourceManagerHandler(asset_details=details, control_types=[battery or Battery()])
    async with WebsocketClientMedium(url) as medium:
        connection = S2AsyncConnection(medium, asyncio.get_running_loop())
        handler.register_handlers(connection)
        await connection.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

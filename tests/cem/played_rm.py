"""A resource manager to play against the CEM: frames for the pure tests, a client for those with a socket."""

import asyncio
import itertools
import json
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from tests.chronicle import PATIENCE_S

ACTUATOR = "2ef52ab8-edcb-4363-b851-2dd1516e890c"
IDLE, CHARGE, DISCHARGE = (f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2, 3))


def counted_ids():
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


def handshake(versions=("0.0.2-beta",), role="RM"):
    message = {"message_type": "Handshake", "message_id": "rm-hello", "role": role}
    return message if versions is None else {**message, "supported_protocol_versions": list(versions)}


def details(*control_types, message_id="rm-details", name="Home battery", resource_id="battery-1"):
    return {
        "message_type": "ResourceManagerDetails",
        "message_id": message_id,
        "resource_id": resource_id,
        "name": name,
        "roles": [{"role": "ENERGY_STORAGE", "commodity": "ELECTRICITY"}],
        "instruction_processing_delay": 1000,
        "available_control_types": list(control_types or ["FILL_RATE_BASED_CONTROL"]),
        "provides_forecast": False,
        "provides_power_measurement_types": ["ELECTRIC.POWER.L1"],
    }


def mode(mode_id, label, *elements):
    """*elements*: ((lowest, highest fill level), power at factor 0, power at factor 1)."""
    return {
        "id": mode_id,
        "diagnostic_label": label,
        "elements": [
            {
                "fill_level_range": {"start_of_range": low, "end_of_range": high},
                "fill_rate": {"start_of_range": start_w / 1e6, "end_of_range": end_w / 1e6},
                "power_ranges": [
                    {"start_of_range": start_w, "end_of_range": end_w, "commodity_quantity": "ELECTRIC.POWER.L1"}
                ],
            }
            for (low, high), start_w, end_w in elements
        ],
        "abnormal_condition_only": False,
    }


MODES = (
    mode(IDLE, "idle", ((10, 95), 0, 0)),
    mode(CHARGE, "charge (factor 1 is full power)", ((10, 80), 0, 5000), ((80, 95), 0, 2000)),
    mode(DISCHARGE, "discharge (factor 0 is full power)", ((10, 95), -5000, -1000)),
)


def description(*modes, message_id="rm-system"):
    return {
        "message_type": "FRBC.SystemDescription",
        "message_id": message_id,
        "valid_from": "2030-01-01T00:00:00Z",
        "actuators": [
            {
                "id": ACTUATOR,
                "supported_commodities": ["ELECTRICITY"],
                "operation_modes": list(modes or MODES),
                "transitions": [],
                "timers": [],
            }
        ],
        "storage": {
            "fill_level_label": "state of charge, %",
            "provides_leakage_behaviour": False,
            "provides_fill_level_target_profile": False,
            "provides_usage_forecast": False,
            "fill_level_range": {"start_of_range": 10, "end_of_range": 95},
        },
    }


def storage_status(fill_level, message_id="rm-storage"):
    return {"message_type": "FRBC.StorageStatus", "message_id": message_id, "present_fill_level": fill_level}


def actuator_status(mode_id, factor, message_id="rm-actuator"):
    return {
        "message_type": "FRBC.ActuatorStatus",
        "message_id": message_id,
        "actuator_id": ACTUATOR,
        "active_operation_mode_id": mode_id,
        "operation_mode_factor": factor,
    }


def power(value_w, message_id="rm-power"):
    return {
        "message_type": "PowerMeasurement",
        "message_id": message_id,
        "measurement_timestamp": "2030-01-01T00:00:00Z",
        "values": [{"commodity_quantity": "ELECTRIC.POWER.L1", "value": value_w}],
    }


def forecast(*powers_w, message_id="rm-forecast"):
    """Of a quarter of an hour each."""
    values = [[{"commodity_quantity": "ELECTRIC.POWER.L1", "value_expected": power_w}] for power_w in powers_w]
    return {
        "message_type": "PowerForecast",
        "message_id": message_id,
        "start_time": "2030-01-01T00:00:00Z",
        "elements": [{"duration": 900_000, "power_values": each} for each in values],
    }


def update(instruction_id, status, message_id="rm-update"):
    return {
        "message_type": "InstructionStatusUpdate",
        "message_id": message_id,
        "instruction_id": instruction_id,
        "status_type": status,
        "timestamp": "2030-01-01T00:00:00Z",
    }


def reception(subject, status="OK", label=None):
    answer = {"message_type": "ReceptionStatus", "subject_message_id": subject, "status": status}
    return answer if label is None else {**answer, "diagnostic_label": label}


class PlayedRm:
    """A client that answers OK to everything, and keeps what it hears but ReceptionStatuses."""

    def __init__(self, socket):
        self._socket = socket
        self._heard = asyncio.Queue()
        self.receptions = []

    async def listen(self):
        async for frame in self._socket:
            message = json.loads(frame)
            if message["message_type"] == "ReceptionStatus":
                self.receptions.append(message)
            else:
                await self.say(reception(message["message_id"]))
                self._heard.put_nowait(message)
        self._heard.put_nowait({"message_type": "the end"})

    async def say(self, *messages):
        for message in messages:
            await self._socket.send(json.dumps(message))

    async def hear(self, message_type):
        async with asyncio.timeout(PATIENCE_S):
            message = await self._heard.get()
        assert message["message_type"] == message_type, message
        return message

    async def be_selected(self):
        """Negotiates, introduces itself and describes its system once FRBC is selected."""
        await self.hear("Handshake")
        await self.say(handshake())
        await self.hear("HandshakeResponse")
        await self.say(details())
        await self.hear("SelectControlType")
        await self.say(description(), storage_status(50.0), actuator_status(IDLE, 0.0))

    async def carry_out(self, *statuses):
        """Hears one instruction and tells *statuses* of it."""
        instruction = await self.hear("FRBC.Instruction")
        await self.say(*(update(instruction["id"], status, f"rm-update-{status}") for status in statuses))
        return instruction


@asynccontextmanager
async def played_rm(port, path="/s2/battery-1", **options):
    async with connect(f"ws://127.0.0.1:{port}{path}", **options) as socket, asyncio.TaskGroup() as tasks:
        rm = PlayedRm(socket)
        listening = tasks.create_task(rm.listen())
        yield rm
        listening.cancel()

"""An RM and its CEM in conversation, over a real WebSocket, about a battery behind real Modbus."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from s2python.common import (
    CommodityQuantity,
    ControlType,
    PowerMeasurement,
    ReceptionStatusValues,
    SessionRequest,
    SessionRequestType,
)
from s2python.frbc import FRBCActuatorStatus, FRBCStorageStatus
from s2python.ombc import OMBCInstruction

from tests.chronicle import PATIENCE_S
from tests.ptys import pty_pair
from tests.system.cem import cem
from tests.system.daemon import battery, configured, daemon
from tests.system.simulator import Simulator, at

pytestmark = pytest.mark.system

AHEAD = timedelta(seconds=5)
"""In the time until then, all is said that has to be said before."""
PUNCTUAL = timedelta(seconds=5)
"""In virtual time it is on the dot."""


@asynccontextmanager
async def in_charge(tmp_path, **changes):
    """A CEM that has selected FRBC of a battery: the RM it has, and the battery's simulator."""
    simulator = Simulator(**changes.pop("simulator", {}))
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address), **changes))
        async with daemon(config):
            rm = await energy_manager.joined()
            await rm.in_charge()
            await simulator.written(0)
            yield rm, simulator


async def test_a_battery_is_charged_and_discharged(tmp_path):
    simulator = Simulator(soc_percent=50.0)
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address), model="Store 1"))
        async with daemon(config) as process:
            rm = await energy_manager.joined()
            details = await rm.negotiate()
            assert rm.path == f"/s2/{details.resource_id}"
            assert (details.name, details.model) == ("Home battery", "Store 1")
            assert details.provides_power_measurement_types == [CommodityQuantity.ELECTRIC_POWER_L1]

            description = await rm.select_frbc()
            assert description.storage.fill_level_range.start_of_range == 10
            assert description.storage.fill_level_range.end_of_range == 90
            assert (await rm.expect(FRBCStorageStatus)).present_fill_level == 50
            status = await rm.expect(FRBCActuatorStatus)
            assert status.active_operation_mode_id == rm.mode("idle")
            assert status.previous_operation_mode_id is None
            assert (await rm.expect(PowerMeasurement)).values[0].value == 0

            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await simulator.written(0, 5000)
            status = await rm.expect(FRBCActuatorStatus)
            assert status.active_operation_mode_id == rm.mode("charge")
            assert status.operation_mode_factor == 1.0
            assert status.previous_operation_mode_id == rm.mode("idle")
            assert status.transition_timestamp == rm.updates_of(charge)[1].timestamp
            await rm.expect(PowerMeasurement, lambda measured: measured.values[0].value == 5000)
            await rm.expect(FRBCStorageStatus, lambda status: status.present_fill_level > 50)

            discharge = await rm.instruct(mode="discharge", factor=0.5)
            assert await rm.status_of(discharge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            idle = await rm.instruct(mode="idle", factor=0.0)
            assert await rm.status_of(idle) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await simulator.written(0, 5000, -2000, 0)

            assert await process.stopped() == 0
            farewell = await rm.expect(SessionRequest)
            assert farewell.request is SessionRequestType.TERMINATE
            await simulator.written(0, 5000, -2000, 0, 0)


async def test_a_battery_on_a_serial_line_is_charged(tmp_path):
    simulator = Simulator()
    async with pty_pair() as (ours, theirs), cem() as energy_manager, simulator.on_line(theirs):
        connection = {"serial": ours, "unit": 1, "timeout": f"{PATIENCE_S:g} s"}
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=connection))
        async with daemon(config):
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=0.5)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await simulator.written(0, 2500)


async def test_version_1_0_0_is_spoken_too(tmp_path):
    simulator = Simulator()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        async with daemon(config) as process:
            rm = await energy_manager.joined()
            await rm.negotiate("v1.0.0")
            await process.logged("session.opened", version="v1.0.0")


async def test_a_future_instruction_starts_at_its_time(tmp_path):
    async with in_charge(tmp_path) as (rm, simulator):
        start = datetime.now(UTC) + timedelta(seconds=1)
        charge = await rm.instruct(mode="charge", factor=1.0, at=start)
        await simulator.written(0, 5000)
        assert datetime.now(UTC) >= start
        assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        started = rm.updates_of(charge)[1].timestamp
        assert start <= started < start + PUNCTUAL


async def test_an_instruction_is_revoked_before_it_starts(tmp_path):
    async with in_charge(tmp_path) as (rm, simulator):
        soon = datetime.now(UTC) + AHEAD
        first = await rm.instruct(mode="charge", factor=1.0, at=soon)
        then = await rm.instruct(mode="discharge", factor=0.0, at=soon + timedelta(seconds=0.5))
        assert (await rm.revoke(first)).status is ReceptionStatusValues.OK
        assert await rm.status_of(first) == ["ACCEPTED", "REVOKED"]
        assert await rm.status_of(then) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        await simulator.written(0, -4000)
        again = await rm.revoke(first)
        assert again.status is ReceptionStatusValues.INVALID_CONTENT
        assert again.diagnostic_label == f"REV-001 at /object_id: instruction '{first}' has ended"


async def test_an_instruction_is_revoked_while_the_battery_is_on_its_way(tmp_path):
    async with in_charge(tmp_path, simulator={"ramp_w_per_s": 50.0}) as (rm, simulator):
        charge = await rm.instruct(mode="charge", factor=1.0)
        await rm.expect(FRBCActuatorStatus, lambda status: status.active_operation_mode_id == rm.mode("charge"))
        assert (await rm.revoke(charge)).status is ReceptionStatusValues.OK
        assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "REVOKED"]
        await simulator.written(0, 5000, 0)
        await rm.expect(FRBCActuatorStatus, lambda status: status.active_operation_mode_id == rm.mode("idle"))


async def test_an_instruction_that_the_battery_does_not_follow_is_aborted(tmp_path):
    slow = {"ramp_w_per_s": 100.0}
    async with in_charge(tmp_path, simulator=slow, follow_within="1 s") as (rm, simulator):
        charge = await rm.instruct(mode="charge", factor=1.0)
        assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "ABORTED"]
        await simulator.written(0, 5000, 0)


async def test_an_id_used_twice_changes_nothing(tmp_path):
    async with in_charge(tmp_path) as (rm, simulator):
        charge = await rm.instruct(mode="charge", factor=1.0)
        await rm.status_of(charge)
        twin = await rm.tell(rm.instruction(mode="discharge", factor=0.0, id=charge))
        assert twin.status is ReceptionStatusValues.INVALID_CONTENT
        assert twin.diagnostic_label == f"INST-001 at /id: '{charge}' was used before in this session"
        idle = await rm.instruct(mode="idle", factor=0.0)
        assert await rm.status_of(idle) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        await simulator.written(0, 5000, 0)
        assert rm.steps_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]


async def test_a_session_survives_whatever_it_is_told(tmp_path):
    async with in_charge(tmp_path) as (rm, simulator):
        order = json.loads(rm.instruction(mode="charge", factor=1.0).to_json())
        twice = json.dumps(order)[:-1] + ', "operation_mode_factor": 0.1}'
        for frame in ("", "to be or not to be", "[]", "7", "null", "{}", '{"message_id": 7}', twice):
            assert (await rm.send_raw(frame)).status is ReceptionStatusValues.INVALID_DATA, frame
        for frame in (b"\x00\xff", json.dumps(order).encode(), "[" * 100_000, json.dumps(order | {"message_id": "?"})):
            assert (await rm.send_raw(frame)).status is ReceptionStatusValues.INVALID_DATA, frame[:80]
        nan = json.dumps(order | {"operation_mode_factor": float("nan")})
        assert (await rm.send_raw(nan)).status is ReceptionStatusValues.INVALID_DATA

        invalid_message, invalid_content = ReceptionStatusValues.INVALID_MESSAGE, ReceptionStatusValues.INVALID_CONTENT
        for changes, status, label in (
            ({"operation_mode_factor": "full"}, invalid_message, "/operation_mode_factor"),
            ({"operation_mode_factor": None}, invalid_message, "/operation_mode_factor"),
            ({"colour": "green"}, invalid_message, "colour"),
            ({"execution_time": "2026-06-01T12:00:00"}, invalid_message, "/execution_time"),
            ({"message_type": "FRBC.Suggestion"}, invalid_message, "FRBC.Suggestion"),
            ({"operation_mode": str(uuid4())}, invalid_content, "FRBC-004 at /operation_mode"),
            ({"actuator_id": str(uuid4())}, invalid_content, "FRBC-003 at /actuator_id"),
            ({"operation_mode_factor": 1.01}, invalid_content, "NUM-004 at /operation_mode_factor"),
            ({"operation_mode_factor": -0.01}, invalid_content, "NUM-004 at /operation_mode_factor"),
        ):
            message_id = uuid4()
            answer = await rm.send_raw(json.dumps(order | {"message_id": str(message_id)} | changes), message_id)
            assert (answer.status, label in answer.diagnostic_label) == (status, True), (changes, answer)

        of_another_control_type = OMBCInstruction(
            message_id=uuid4(),
            id=uuid4(),
            execution_time=datetime.now(UTC),
            operation_mode_id=rm.mode("charge"),
            operation_mode_factor=1.0,
            abnormal_condition=False,
        )
        answer = await rm.tell(of_another_control_type)
        assert answer.status is invalid_content
        assert "STATE-001 at /message_type" in answer.diagnostic_label

        charge = await rm.instruct(mode="charge", factor=1.0)
        assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        await simulator.written(0, 5000)
        assert [type(message).__name__ for message in rm.heard.all].count("InstructionStatusUpdate") == 3


async def test_what_would_harm_is_rejected(tmp_path):
    async with in_charge(tmp_path, simulator={"soc_percent": 90.0}) as (rm, simulator):
        charge = await rm.instruct(mode="charge", factor=1.0)
        assert await rm.status_of(charge) == ["REJECTED"]
        discharge = await rm.instruct(mode="discharge", factor=0.0)
        assert await rm.status_of(discharge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        await simulator.written(0, -4000)


async def test_deselecting_leaves_the_battery_in_its_default_state(tmp_path):
    async with in_charge(tmp_path) as (rm, simulator):
        charge = await rm.instruct(mode="charge", factor=1.0)
        await rm.status_of(charge)
        later = await rm.instruct(mode="charge", factor=0.5, at=datetime.now(UTC) + timedelta(hours=6))
        await rm.reached(later, "ACCEPTED")
        await rm.select(ControlType.NOT_CONTROLABLE)
        assert await rm.status_of(later) == ["ACCEPTED", "ABORTED"]
        await simulator.written(0, 5000, 0)
        await rm.expect(PowerMeasurement, lambda measured: measured.values[0].value == 0)
        refused = await rm.tell(rm.instruction(mode="charge", factor=1.0))
        assert refused.status is ReceptionStatusValues.INVALID_CONTENT
        await rm.select_frbc()
        idle = await rm.instruct(mode="charge", factor=0.2)
        assert await rm.status_of(idle) == ["ACCEPTED", "STARTED", "SUCCEEDED"]


async def test_two_batteries_have_a_session_each(tmp_path):
    left, right = Simulator(), Simulator(soc_percent=70.0)
    async with cem() as energy_manager, left.on_tcp() as at_left, right.on_tcp() as at_right:
        url = f"ws://127.0.0.1:{energy_manager.port}/{{name}}"
        batteries = (battery("left", connection=at(at_left)), battery("right", connection=at(at_right)))
        async with daemon(configured(tmp_path, {"url": url}, *batteries)):
            rms = [await energy_manager.joined("left"), await energy_manager.joined("right")]
            async with asyncio.TaskGroup() as tasks:
                for rm in rms:
                    tasks.create_task(rm.in_charge())
            assert (await rms[1].expect(FRBCStorageStatus)).present_fill_level == 70
            charge = await rms[0].instruct(mode="charge", factor=1.0)
            assert await rms[0].status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await left.written(0, 5000)
            await right.written(0)

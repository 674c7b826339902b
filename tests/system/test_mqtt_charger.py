"""A charger behind a broker under the daemon: what it says reaches the CEM as it comes, and its limits reach it."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from s2python.common import ControlType, PowerMeasurement, ResourceManagerDetails
from s2python.pebc import PEBCPowerConstraints

from tests.chronicle import PATIENCE_S
from tests.drivers.mqtt_peers import mosquitto
from tests.system.cem import cem, limited
from tests.system.daemon import configured, daemon

pytestmark = pytest.mark.system

PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL

CHARGER = {
    "name": "Garage",
    "kind": "ev_charger",
    "driver": "mqtt",
    "max_current": "16 A",
    "poll": "200 ms",
    "safe": {"cem_lost": {"after": "1 s"}},
    "points": {
        "status": {"topic": "~/car", "fresh": "online", "values": {"1": "A", "2": "C", "3": "B", "4": "B", "5": "E"}},
        "power": {"topic": "~/nrg", "json": "[11]", "unit": "W"},
        "current_limit": {"topic": "~/amp", "set": "~/amp/set", "unit": "A", "decimals": 0, "access": "read_write"},
    },
}


class Station:
    """A charging station that says everything by MQTT, with a car that takes what it gets on three phases."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.amperes = 16
        self.told: asyncio.Queue[int] = asyncio.Queue()
        self._client = client

    async def work(self) -> None:
        await self._client.subscribe("go-e/1/+/set")
        await self._say("car", 2)
        await self._say("amp", self.amperes)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._live())
            tasks.create_task(self._obey())

    async def _live(self) -> None:
        while True:
            await self._say("utc", asyncio.get_running_loop().time())
            await self._say("nrg", [0] * 11 + [self.amperes * 3 * 230] + [0] * 4)
            await asyncio.sleep(0.2)

    async def _obey(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            self.amperes = int(message.payload)
            self.told.put_nowait(self.amperes)
            await self._say("amp", self.amperes)

    async def _say(self, key: str, value: Any) -> None:
        await self._client.publish(f"go-e/1/{key}", json.dumps(value), retain=True)


async def test_a_charger_behind_a_broker_is_limited_and_safe_when_its_cem_is_lost(tmp_path: Path) -> None:
    async with AsyncExitStack() as cems, mosquitto() as broker, broker.peer() as client:
        energy_manager = await cems.enter_async_context(cem())
        station = Station(client)
        working = asyncio.create_task(station.work())
        connection = {"host": "127.0.0.1", "port": broker.port, "base": "go-e/1", "alive": {"topic": "~/utc"}}
        config = configured(tmp_path, {"url": energy_manager.url}, CHARGER | {"connection": connection})
        async with daemon(config), asyncio.timeout(PATIENCE_S):
            rm = await energy_manager.joined()
            details = await rm.negotiate()
            if PEBC not in details.available_control_types:
                await rm.expect(ResourceManagerDetails, lambda each: PEBC in each.available_control_types)
            await rm.select(PEBC)
            constraints = await rm.expect(PEBCPowerConstraints)
            await rm.expect(PowerMeasurement, lambda said: said.values[0].value == pytest.approx(11_040))
            order = limited(constraints, 0, 7000)
            await rm.must_take(order)
            assert (await rm.status_of(order.id))[-1] == "SUCCEEDED"
            assert station.amperes == 10
            await rm.expect(PowerMeasurement, lambda said: said.values[0].value == pytest.approx(6900))
            rm.break_off()
            await cems.aclose()
            while await station.told.get() != 6:
                pass
        assert station.amperes == 6
        working.cancel()

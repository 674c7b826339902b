"""Plugs behind a broker under the daemon: a CEM switches them, whatever language they speak."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from s2python.common import ControlType, ResourceManagerDetails
from s2python.ombc import OMBCSystemDescription

from tests.chronicle import PATIENCE_S
from tests.drivers.mqtt_peers import mosquitto
from tests.profiles import test_shelly_gen2 as shelly
from tests.profiles import test_tasmota as tasmota
from tests.profiles import test_zigbee2mqtt_plug as zigbee
from tests.profiles.topics import Topics
from tests.system.cem import cem, switched
from tests.system.daemon import configured, daemon

pytestmark = pytest.mark.system

OMBC = ControlType.OPERATION_MODE_BASED_CONTROL


class Plug(NamedTuple):
    """A plug that is on, and what it hears when it is to be off, and on."""

    topics: Topics
    keys: dict[str, Any]
    off: str
    on: str


def plugs() -> dict[str, Plug]:
    return {
        "tasmota": Plug(tasmota.plug(), {"topic": "boiler"}, "OFF", "ON"),
        "shelly-gen2": Plug(
            shelly.Relay(**shelly.METERED), {"topic": shelly.BASE}, '"on":false}}', '"on":true,"toggle_after":150}}'
        ),
        "zigbee2mqtt-plug": Plug(
            zigbee.plug(**zigbee.METERED), {"device": "Boiler plug"}, '{"state":"OFF"}', '{"state":"ON"}'
        ),
    }


@pytest.mark.parametrize("name", [*plugs()])
async def test_a_cem_switches_a_plug(tmp_path: Path, name: str) -> None:
    plug = plugs()[name]
    async with cem() as energy_manager, mosquitto() as broker, broker.peer() as client, plug.topics.at(client):
        device = {
            "name": "Boiler",
            "profile": name,
            "kind": "load",
            "power": "1500 W",
            "timers": {"on": "0 s", "off": "0 s"},
            "connection": {"host": "127.0.0.1", "port": broker.port},
            **plug.keys,
        }
        config = configured(tmp_path, {"url": energy_manager.url}, device)
        async with daemon(config), asyncio.timeout(PATIENCE_S):
            rm = await energy_manager.joined()
            details = await rm.negotiate()
            if OMBC not in details.available_control_types:
                await rm.expect(ResourceManagerDetails, lambda each: OMBC in each.available_control_types)
            await rm.select(OMBC)
            description = await rm.expect(OMBCSystemDescription)
            for mode, said in (("off", plug.off), ("on", plug.on)):
                order = switched(description, mode)
                await rm.must_take(order)
                assert (await rm.status_of(order.id))[-1] == "SUCCEEDED"
                assert [each for each in plug.topics.written if each.payload.endswith(said)]

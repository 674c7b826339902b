"""Plugs behind Zigbee2MQTT: what they say, and what they are told."""

import json

import pytest

from s2d.errors import DeviceUnreachable
from tests.profiles.topics import Payloads, Said, Topics, behind

BASE = "zigbee2mqtt/Boiler plug"
BRIDGE = "zigbee2mqtt/bridge/state"
OWNER = {"device": "Boiler plug", "kind": "load", "power": "2 kW"}
METERED = {"power": 1503, "energy": 12.3, "voltage": 231}


def plug(*, is_watched: bool = True, **metered: float) -> Topics:
    """A plug whose state is told to whoever asks; *is_watched*: it is said whether it is there."""
    state = {"state": "ON", "linkquality": 120, **metered}

    def switch(payload: str) -> Payloads:
        return {BASE: {**state, "state": json.loads(payload)["state"]}}

    watched = {f"{BASE}/availability": {"state": "online"}} if is_watched else {}
    return Topics(
        {},
        kept={BRIDGE: {"state": "online"}, **watched},
        asked={BASE: state},
        obeys={f"{BASE}/get": lambda _: {BASE: None}, f"{BASE}/set": switch},
    )


async def test_what_it_says_to_who_asks() -> None:
    async with behind("zigbee2mqtt-plug", plug(**METERED), **OWNER) as device:
        assert await device.read() == {"relay": "on", "is_on": True, "power": 1503, "energy": 12_300}


async def test_one_that_does_not_measure_and_of_which_nobody_says_whether_it_is_there() -> None:
    async with behind("zigbee2mqtt-plug", plug(is_watched=False), **OWNER) as device:
        assert await device.read() == {"relay": "on", "is_on": True}


async def test_one_that_only_measures_is_a_meter() -> None:
    keys = {"device": "Boiler plug", "kind": "meter", "measures": "house", "switched": False}
    async with behind("zigbee2mqtt-plug", plug(**METERED), **keys) as device:
        assert (await device.read())["power"] == 1503
        assert "on" not in device.commands


async def test_it_is_switched_and_given_back_on() -> None:
    async with behind("zigbee2mqtt-plug", plug(), **OWNER) as device:
        for value, said in ((False, "OFF"), (True, "ON"), (False, "OFF")):
            assert await device.told("on", value) == [Said(f"{BASE}/set", f'{{"state":"{said}"}}')]
            assert (await device.read())["is_on"] is value
        assert await device.released("on") == [Said(f"{BASE}/set", '{"state":"ON"}')]


@pytest.mark.parametrize("gone", [f"{BASE}/availability", BRIDGE])
async def test_it_is_away_with_its_bridge_too(gone: str) -> None:
    topics = plug()
    async with behind("zigbee2mqtt-plug", topics, **OWNER) as device:
        await topics.says({gone: {"state": "offline"}}, is_kept=True)
        with pytest.raises(DeviceUnreachable, match=f"{gone} says that it is not there"):
            await device.told("on", False)
        assert Said(f"{BASE}/set", '{"state":"OFF"}') not in topics.written
        await topics.says({gone: {"state": "online"}}, is_kept=True)
        assert (await device.read())["is_on"] is True

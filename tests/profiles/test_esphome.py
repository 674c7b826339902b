"""Relays with ESPHome: what they say, and what they are told."""

import pytest

from s2d.errors import DeviceUnreachable
from tests.profiles.topics import Said, Topics, behind

STATE, COMMAND = "boiler/switch/relay/state", "boiler/switch/relay/command"
LOAD = {"topic": "boiler", "kind": "load"}


def node(power: str | None = "1503.2") -> Topics:
    measured = {} if power is None else {"boiler/sensor/power/state": power}
    return Topics(
        {"boiler/sensor/uptime/state": "12", **measured},
        kept={"boiler/status": "online", STATE: "ON"},
        asked={STATE: "ON"},
        obeys={COMMAND: lambda payload: {STATE: payload}},
    )


async def test_what_it_says() -> None:
    async with behind("esphome", node(), **LOAD) as device:
        assert await device.read() == {"relay": "on", "is_on": True, "power": 1503.2}


async def test_a_sensor_without_a_value_says_nothing() -> None:
    for power in ("nan", "None", None):
        async with behind("esphome", node(power), power="2 kW", alive="uptime", **LOAD) as device:
            assert await device.read() == {"relay": "on", "is_on": True}


async def test_one_that_only_measures_is_a_meter() -> None:
    keys = {"kind": "meter", "measures": "house", "switched": False}
    async with behind("esphome", node(), topic="boiler", **keys) as device:
        assert (await device.read())["power"] == 1503.2
        assert "on" not in device.commands


async def test_it_is_switched_and_given_back_on() -> None:
    async with behind("esphome", node(), **LOAD) as device:
        for value, said in ((False, "OFF"), (True, "ON"), (False, "OFF")):
            assert await device.told("on", value) == [Said(COMMAND, said)]
            assert (await device.read())["is_on"] is value
        assert await device.released("on") == [Said(COMMAND, "ON")]


async def test_one_that_is_offline_is_told_nothing_that_would_wait_for_it() -> None:
    topics = node()
    async with behind("esphome", topics, **LOAD) as device:
        await topics.says({"boiler/status": "offline"}, is_kept=True)
        with pytest.raises(DeviceUnreachable, match="boiler/status says that it is not there"):
            await device.told("on", False)
        assert topics.written == []

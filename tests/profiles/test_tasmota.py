"""Plugs with Tasmota: what they say, and what they are told."""

import pytest

from s2d.errors import DeviceUnreachable
from tests.profiles.topics import Payloads, Said, Topics, behind

SENSOR = {"StatusSNS": {"Time": "2026-07-01T12:00:00", "ENERGY": {"Total": 12.345, "Power": 1503, "Voltage": 231}}}
LWT = "tele/boiler/LWT"
LOAD = {"topic": "boiler", "kind": "load", "power": "2 kW"}


STATE, SENSORS = "stat/boiler/STATUS11", "stat/boiler/STATUS10"


def state_of(word: str, relay: str = "POWER") -> Payloads:
    return {STATE: {"StatusSTS": {"Time": "2026-07-01T12:00:00", relay: word}}}


def plug(relay: str = "POWER", sensor: object = SENSOR) -> Topics:
    """A plug that tells its state and its sensors to whoever asks."""
    now = {**state_of("ON", relay), SENSORS: sensor}

    def switch(payload: str) -> Payloads:
        assert payload, "to ask for its power may end its PulseTime"
        now.update(state_of(payload, relay))
        return {f"stat/boiler/{relay}": payload}

    def tell(payload: str) -> Payloads:
        topic = f"stat/boiler/STATUS{payload}"
        return {topic: now[topic]}

    return Topics(
        {},
        kept={LWT: "Online"},
        asked=now,
        obeys={f"cmnd/boiler/{relay}": switch, "cmnd/boiler/Status": tell},
    )


async def test_what_it_says_to_who_asks() -> None:
    async with behind("tasmota", plug(), topic="boiler") as device:
        assert await device.read() == {"relay_state": "on", "is_on": True, "power": 1503, "energy": 12_345}


async def test_one_that_does_not_measure() -> None:
    async with behind("tasmota", plug(sensor={"StatusSNS": {"Time": "2026-07-01T12:00:00"}}), topic="boiler") as device:
        assert await device.read() == {"relay_state": "on", "is_on": True}


async def test_one_that_only_measures_is_a_meter() -> None:
    keys = {"kind": "meter", "measures": "house", "switched": False}
    async with behind("tasmota", plug(), topic="boiler", **keys) as device:
        assert (await device.read())["power"] == 1503
        assert "on" not in device.commands


async def test_it_is_switched_and_given_back_on() -> None:
    for relay in ("POWER", "POWER2"):
        async with behind("tasmota", plug(relay), relay=relay, **LOAD) as device:
            assert await device.told("on", False) == [Said(f"cmnd/boiler/{relay}", "OFF")]
            assert (await device.read())["is_on"] is False
            for again in (False, True):
                assert await device.told("on", True, again=again) == [Said(f"cmnd/boiler/{relay}", "ON")]
            assert (await device.read())["is_on"] is True
            assert await device.told("on", False) == [Said(f"cmnd/boiler/{relay}", "OFF")]
            assert await device.released("on") == [Said(f"cmnd/boiler/{relay}", "ON")]


async def test_one_that_is_offline_is_neither_read_nor_told_anything() -> None:
    topics = plug()
    async with behind("tasmota", topics, topic="boiler") as device:
        await topics.says({LWT: "Offline"}, is_kept=True)
        with pytest.raises(DeviceUnreachable, match="tele/boiler/LWT says that it is not there"):
            await device.read()
        await topics.says({LWT: "Online"}, is_kept=True)
        assert (await device.read())["is_on"] is True


async def test_what_somebody_else_switches_is_seen() -> None:
    topics = plug()
    async with behind("tasmota", topics, topic="boiler") as device:
        assert (await device.read())["is_on"] is True
        await topics.says(state_of("OFF"))
        assert (await device.read())["is_on"] is False

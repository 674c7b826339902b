"""Shelly relays of the second generation: what they say, and what they are told by RPC."""

import json

import pytest

from s2d.errors import DeviceRefused, DeviceUnreachable
from tests.profiles.image import Played
from tests.profiles.topics import Payloads, Topics, behind

BASE = "shellyplus1pm-a8032ab12345"
METERED = {"apower": 1503.2, "voltage": 231.1, "current": 6.5, "aenergy": {"total": 12345.6}}
OWNER = {"topic": BASE, "kind": "load", "power": "2 kW"}


class Relay(Topics):
    """A relay that tells its status to whoever asks, and whenever it is switched."""

    def __init__(self, channel: int = 0, **metered: object) -> None:
        self.refuses: object = None
        self._status = f"{BASE}/status/switch:{channel}"
        self._state = {"id": channel, "output": True, **metered}
        self.called: list[dict[str, object]] = []
        super().__init__(
            {},
            kept={f"{BASE}/online": "true"},
            asked={self._status: self._state},
            obeys={f"{BASE}/command/switch:{channel}": self._tell, f"{BASE}/rpc": self._switch},
        )

    def _tell(self, payload: str) -> Payloads:
        return {self._status: None} if payload == "status_update" else {}

    def _switch(self, payload: str) -> Payloads:
        call = json.loads(payload)
        assert call["method"] == "Switch.Set"
        self.called.append(call["params"])
        answer = {"id": call["id"], "src": BASE, "dst": call["src"]}
        if self.refuses:
            return {f"{call['src']}/rpc": {**answer, "error": self.refuses}}
        was_on, self._state["output"] = self._state["output"], call["params"]["on"]
        return {f"{call['src']}/rpc": {**answer, "result": {"was_on": was_on}}, self._status: self._state}


async def told(relay: Relay, device: Played, value: bool | None) -> list[dict[str, object]]:
    """What it is called with so that it becomes *value*; None: given back."""
    relay.called.clear()
    await (device.released("on") if value is None else device.told("on", value))
    return relay.called


async def test_what_it_says_to_who_asks() -> None:
    async with behind("shelly-gen2", Relay(**METERED), **OWNER) as device:
        assert await device.read() == {"relay": "on", "is_on": True, "power": 1503.2, "energy": 12345.6}


async def test_one_that_does_not_measure() -> None:
    async with behind("shelly-gen2", Relay(1), channel=1, **OWNER) as device:
        assert await device.read() == {"relay": "on", "is_on": True}


async def test_one_that_only_measures_is_a_meter() -> None:
    keys = {"kind": "meter", "measures": "house", "switched": False}
    async with behind("shelly-gen2", Relay(**METERED), topic=BASE, **keys) as device:
        assert (await device.read())["power"] == 1503.2
        assert "on" not in device.commands


async def test_what_is_on_goes_off_by_itself_and_an_off_never_turns_into_an_on() -> None:
    relay = Relay()
    async with behind("shelly-gen2", relay, **OWNER) as device:
        assert await told(relay, device, False) == [{"id": 0, "on": False}]
        assert (await device.read())["is_on"] is False
        assert await told(relay, device, True) == [{"id": 0, "on": True, "toggle_after": 150}]
        assert (await device.read())["is_on"] is True
        assert await told(relay, device, None) == [{"id": 0, "on": True}]


async def test_what_must_not_be_cut_off_stays_on() -> None:
    relay = Relay(2)
    async with behind("shelly-gen2", relay, channel=2, goes_off=False, **OWNER) as device:
        assert await told(relay, device, True) == [{"id": 2, "on": True}]
        assert await told(relay, device, False) == [{"id": 2, "on": False}]
        assert await told(relay, device, None) == [{"id": 2, "on": True}]


async def test_it_says_why_it_refuses() -> None:
    relay = Relay()
    relay.refuses = {"code": -106, "message": "Device is overheated!"}
    async with behind("shelly-gen2", relay, **OWNER) as device:
        for value in (True, False):
            with pytest.raises(DeviceRefused, match="it says: Device is overheated!"):
                await device.told("on", value)
        assert (await device.read())["is_on"] is True


async def test_one_that_is_offline_is_neither_read_nor_told_anything() -> None:
    relay = Relay()
    async with behind("shelly-gen2", relay, **OWNER) as device:
        await relay.says({f"{BASE}/online": "false"}, is_kept=True)
        with pytest.raises(DeviceUnreachable, match="online says that it is not there"):
            await device.told("on", False)
        assert relay.called == []

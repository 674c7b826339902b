"""OpenEVSE by MQTT: what it says, and what it is told by claims."""

import json

import pytest

from s2d.errors import DeviceUnreachable
from tests.profiles.topics import Payloads, Said, Topics, behind

BASE = "openevse-55ad"
ANNOUNCED = "openevse/announce/55ad"
OWNER = {"topic": BASE, "number": "55ad", "max_current": "16 A"}
TOLD = f"{BASE}/claim/set"


class Station(Topics):
    """A station that keeps one claim, of which each order says a part."""

    def __init__(self, **says: object) -> None:
        self.claim: dict[str, object] = {}
        said = {"state": 3, "vehicle": 1, "power": 2346, "session_energy": 1000.5, "total_energy": 1234.5, **says}
        super().__init__(
            {f"{BASE}/{topic}": value for topic, value in said.items()},
            kept={ANNOUNCED: {"state": "connected", "mqtt": BASE}, f"{BASE}/claim": {"state": "null"}},
            asked={f"{BASE}/claim": {"state": "null"}},
            obeys={TOLD: self._take},
        )

    def _take(self, payload: str) -> Payloads:
        if payload == "release":
            self.claim.clear()
        else:
            self.claim |= json.loads(payload)
        return {f"{BASE}/claim": {**self.claim} or {"state": "null"}}


def told(**claimed: object) -> Said:
    return Said(TOLD, json.dumps(claimed, separators=(",", ":")))


async def test_what_it_says() -> None:
    async with behind("openevse-mqtt", Station(), **OWNER) as device:
        assert await device.read() == {
            "evse": "charging",
            "status": "C",
            "fault": "ok",
            "vehicle": "yes",
            "power": 2346,
            "session_energy": 1000.5,
            "energy": 1_234_500,
            "claim": "none",
            "released": "yes",
        }


@pytest.mark.parametrize(
    ("state", "vehicle", "status", "fault"),
    [
        (0, 0, "F", "ok"),
        (1, 0, "A", "ok"),
        (2, 1, "B", "ok"),
        (3, 1, "C", "ok"),
        (4, 1, "E", "ventilation required"),
        (6, 1, "E", "ground fault"),
        (11, 1, "E", "too much current"),
        (254, 0, "A", "ok"),
        (254, 1, "B", "ok"),
        (255, 1, "B", "ok"),
        (255, 0, "A", "ok"),
    ],
)
async def test_what_its_states_mean(state: int, vehicle: int, status: str, fault: str) -> None:
    async with behind("openevse-mqtt", Station(state=state, vehicle=vehicle), **OWNER) as device:
        readings = await device.read()
        assert (readings["status"], readings["fault"]) == (status, fault)


async def test_it_is_told_by_a_claim_that_outlives_the_car_and_is_released() -> None:
    station = Station()
    async with behind("openevse-mqtt", station, **OWNER) as device:
        active, disabled = (told(state=state, auto_release=False) for state in ("active", "disabled"))
        assert await device.told("current_limit", 12.7) == [told(charge_current=12), active]
        assert station.claim == {"charge_current": 12, "state": "active", "auto_release": False}
        readings = await device.read()
        assert (readings["claim_current"], readings["claim"], readings["released"]) == (12, "active", "no")
        for stopped_a in (0, 5.9):
            assert await device.told("current_limit", stopped_a) == [disabled]
            assert (await device.read())["claim"] == "disabled"
        assert await device.told("current_limit", 40) == [told(charge_current=16), active]
        assert await device.released("current_limit") == [Said(TOLD, "release")]
        readings = await device.read()
        assert (readings["claim"], readings["released"]) == ("none", "yes")


async def test_one_that_has_gone_is_told_nothing() -> None:
    station = Station()
    async with behind("openevse-mqtt", station, **OWNER) as device:
        await station.says({ANNOUNCED: {"state": "disconnected"}}, is_kept=True)
        with pytest.raises(DeviceUnreachable, match=f"{ANNOUNCED} says that it is not there"):
            await device.told("current_limit", 8)
        assert station.written == []

"""WARP chargers by MQTT: what they say, and what they are told."""

import json

import pytest

from tests.profiles.topics import Said, Topics, behind

BASE = "warp2/X8A"
OWNER = {"topic": BASE, "max_current": "16 A"}
TOLD = f"{BASE}/evse/external_current_update"


def charger(iec: int = 2, error: int = 0, *, is_external: bool = True, power: float = 6923.0) -> Topics:
    says = {
        "evse/low_level_state": {"uptime": 12345},
        "evse/state": {"iec61851_state": iec, "charger_state": 3, "error_state": error},
        "evse/external_enabled": {"enabled": is_external},
        "evse/external_current": {"current": 32000},
        "meter/values": {"power": power, "energy_rel": 1.5, "energy_abs": 1234.5},
    }
    return Topics(
        {f"{BASE}/{topic}": said for topic, said in says.items()},
        obeys={TOLD: lambda payload: {f"{BASE}/evse/external_current": json.loads(payload)}},
    )


async def test_what_it_says() -> None:
    async with behind("warp-mqtt", charger(), **OWNER) as device:
        assert await device.read() == {
            "iec": "C",
            "status": "C",
            "error": "ok",
            "fault": "ok",
            "is_external": True,
            "measured": 6923,
            "power": 6923,
            "energy": 1_234_500,
            "limit": 32,
        }
        assert await device.obstacle() is None


@pytest.mark.parametrize(
    ("iec", "status", "power_w"), [(0, "A", 0), (1, "B", 0), (2, "C", 40), (3, "D", 40), (4, "E", 40)]
)
async def test_what_its_states_mean(iec: int, status: str, power_w: float) -> None:
    async with behind("warp-mqtt", charger(iec, power=40.0), **OWNER) as device:
        readings = await device.read()
        assert (readings["status"], readings["power"]) == (status, power_w)


async def test_it_says_that_something_is_wrong_and_that_it_takes_no_orders() -> None:
    async with behind("warp-mqtt", charger(4, error=2, is_external=False), **OWNER) as device:
        assert (await device.read())["fault"] == "it says an error"
        assert await device.obstacle() == "its external control is switched off"


async def test_it_is_told_its_limit_in_ma_and_given_back_as_it_was() -> None:
    async with behind("warp-mqtt", charger(), **OWNER) as device:
        for limit_a, told_ma, again in (
            (12.3456, 12345, False),
            (12.3456, 12345, True),
            (5.9, 0, False),
            (40, 16000, False),
        ):
            assert await device.told("current_limit", limit_a, again=again) == [Said(TOLD, f'{{"current":{told_ma}}}')]
            assert (await device.read())["limit"] == told_ma / 1000
        assert await device.released("current_limit") == [Said(TOLD, '{"current":32000}')]

"""go-e Charger by MQTT: what it says, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.topics import Payloads, Said, Topics, behind

BASE = "go-eCharger/012345"
OWNER = {"max_current": "16 A", "serial": "012345"}
RUNNING = {
    "car": 2,
    "err": 0,
    "nrg": [229, 230, 231, 1, 10, 10.2, 9.9, 2290, 2346, 2287, 0, 6923, 100, 100, 100, 0],
    "wh": 1000.5,
    "eto": 1234500,
    "sse": '"012345"',
    "fwv": '"60.4"',
    "amp": 10,
    "frc": 0,
    "psm": 0,
}


def charger(**keys: object) -> Topics:
    def under(key: str, value: object) -> Payloads:
        return {f"{BASE}/{key}": value}

    return Topics(
        {f"{BASE}/{key}": value for key, value in {"utc": "2026-07-01T12:00:00", **RUNNING, **keys}.items()},
        obeys={
            f"{BASE}/{key}/set": lambda payload, key=key: under(key, int(payload))  # type: ignore[misc]
            for key in ("amp", "frc", "psm")
        },
    )


def told(key: str, payload: int) -> Said:
    return Said(f"{BASE}/{key}/set", str(payload))


async def test_what_it_says() -> None:
    async with behind("go-e-mqtt", charger(), **OWNER) as device:
        assert await device.read() == {
            "car": "charging",
            "status": "C",
            "error": "none",
            "fault": "ok",
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "current_l1": 10,
            "current_l2": 10.2,
            "current_l3": 9.9,
            "power": 6923,
            "energy": 1_234_500,
            "session_energy": 1000.5,
            "serial_number": "012345",
            "firmware": "60.4",
            "limit": 10,
            "force": "neutral",
            "phase_mode": "auto",
        }


async def test_what_its_states_and_errors_mean() -> None:
    topics = charger()
    async with behind("go-e-mqtt", topics, **OWNER) as device:
        for car, status in ((0, "E"), (1, "A"), (2, "C"), (3, "B"), (4, "B"), (5, "E")):
            await topics.says({f"{BASE}/car": car})
            assert (await device.read())["status"] == status
        for nothing in ("null", "9"):
            await topics.says({f"{BASE}/car": nothing})
            assert (await device.readings())["car"].value is None
        for error, fault in ((1, "residual current"), (3, "a phase is disturbed"), (8, "no ground"), (77, "ok")):
            await topics.says({f"{BASE}/err": error})
            assert (await device.read())["fault"] == fault


async def test_it_is_told_a_current_and_forced_off_and_on_and_given_back_as_it_was() -> None:
    async with behind("go-e-mqtt", charger(), **OWNER) as device:
        assert await device.told("current_limit", 12.7) == [told("amp", 12), told("frc", 2)]
        assert (await device.read())["limit"] == 12
        for stopped_a in (0, 5.9):
            assert await device.told("current_limit", stopped_a) == [told("frc", 1)]
        assert await device.told("current_limit", 40) == [told("amp", 16), told("frc", 2)]
        assert await device.released("current_limit") == [told("amp", 10), told("frc", 0)]


async def test_its_phases_are_never_switched_while_the_car_charges_and_are_put_back() -> None:
    idle = [230, 230, 230, 0, *[0] * 12]
    topics = charger(car=3, nrg=idle)
    async with behind("go-e-mqtt", topics, **OWNER) as device:
        assert await device.told("phase_count", 1) == [told("psm", 1)]
        assert await device.told("phase_count", 3) == [told("psm", 2)]
        assert await device.released("phase_count") == [told("psm", 0)]
        await topics.says({f"{BASE}/car": 2})
        with pytest.raises(DeviceRefused, match="the car is charging"):
            await device.told("phase_count", 1)


async def test_an_older_firmware_and_one_that_may_not_be_told_anything() -> None:
    old = f"/{BASE}"
    deaf = Topics(
        {f"{old}/{key}": value for key, value in RUNNING.items()},
        obeys={f"{old}/{key}/set": lambda _: {} for key in ("amp", "frc")},
    )
    async with behind("go-e-mqtt", deaf, topic="/go-eCharger", **OWNER) as device:
        assert (await device.read())["power"] == 6923
        assert await device.told("current_limit", 8) == [Said(f"{old}/amp/set", "8"), Said(f"{old}/frc/set", "2")]
        readings = await device.read()
        assert (readings["limit"], readings["force"]) == (10, "neutral")


async def test_what_the_broker_kept_of_it_is_no_measurement() -> None:
    kept = {f"{BASE}/{key}": value for key, value in {"utc": 1, **RUNNING}.items()}
    async with behind("go-e-mqtt", Topics({}, kept=kept, asked=kept), **OWNER) as device:
        readings = await device.read()
        assert "power" not in readings
        assert readings["limit"] == 10

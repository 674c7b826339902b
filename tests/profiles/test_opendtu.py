"""Micro-inverters behind an OpenDTU: what they say, and what they are told."""

import pytest

from s2d.errors import DeviceUnreachable
from tests.profiles.topics import Said, Topics, behind

BASE = "solar/114190641177"
OWNER = {"serial": "114190641177", "inverter_power": "800 W", "kind": "pv", "max_power": "800 W"}
TOLD = f"{BASE}/cmd/limit_nonpersistent_relative"
NOON = {"status/reachable": "1", "status/producing": "1", "status/limit_relative": "100.00", "0/power": "612.3"}


def inverter(**says: str) -> Topics:
    said = {**NOON, "0/yieldtotal": "13.338", **{topic.replace("_", "/", 1): value for topic, value in says.items()}}
    return Topics(
        {f"{BASE}/{topic}": value for topic, value in said.items()},
        kept={"solar/dtu/status": "online"},
        obeys={TOLD: lambda percent: {f"{BASE}/status/limit_relative": f"{int(percent)}.00"}},
    )


async def test_what_it_says() -> None:
    async with behind("opendtu", inverter(), **OWNER) as device:
        assert await device.read() == {
            "reachable": "yes",
            "producing": "yes",
            "ac_power": 612.3,
            "power": -612.3,
            "energy": 13_338,
            "limit_percent": 100,
        }
        assert await device.obstacle() is None


async def test_in_the_dark_it_gives_nothing_and_takes_no_orders() -> None:
    async with behind("opendtu", inverter(status_reachable="0", status_producing="0"), **OWNER) as device:
        assert (await device.read())["power"] == 0
        assert await device.obstacle() == "the OpenDTU does not reach it"


async def test_it_is_limited_in_whole_percent_and_never_to_more_than_is_wanted() -> None:
    async with behind("opendtu", inverter(status_limit_relative="90.00"), **OWNER) as device:
        for limit_w, percent in ((800.0, "100"), (607.0, "75"), (12.0, "1"), (0.0, "0"), (2000.0, "100")):
            assert await device.told("power_limit", limit_w) == [Said(TOLD, percent)]
            assert (await device.read())["limit_percent"] == int(percent)
        assert await device.released("power_limit") == [Said(TOLD, "90")]


async def test_nothing_is_known_of_it_while_its_opendtu_is_away() -> None:
    topics = inverter()
    async with behind("opendtu", topics, **OWNER) as device:
        await topics.says({"solar/dtu/status": "offline"}, is_kept=True)
        with pytest.raises(DeviceUnreachable, match="solar/dtu/status says that it is not there"):
            await device.told("power_limit", 400.0)
        assert topics.written == []

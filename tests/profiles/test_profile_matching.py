"""`s2d scan` tells of every type of device what it is, as far as such a device says anything of itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from s2d.commissioning.profile_matching import matching_profiles
from s2d.config.driver_discovery import find_driver
from s2d.host import clock
from s2d.simulation.modbus import serve_tcp
from tests.chronicle import PATIENCE_S
from tests.profiles import test_abb_b23 as abb
from tests.profiles import test_cg_em24 as carlo_gavazzi
from tests.profiles import test_eastron_sdm120 as sdm120
from tests.profiles import test_eastron_sdm630 as sdm630
from tests.profiles import test_marstek_venus as marstek
from tests.profiles import test_sunspec_meter as sunspec_meter
from tests.profiles.every import BY_MODBUS, LIBRARY, SIMULATED, simulated
from tests.profiles.image import Image, f32, served

pytestmark = pytest.mark.system

IMAGES = {
    "abb-b23": Image(abb.THREE_PHASES),
    "cg-em24": carlo_gavazzi.Meter(341),
    "eastron-sdm120": Image(input=sdm120.METER),
    "eastron-sdm630": Image(input=sdm630.BETWEEN | sdm630.PHASES | sdm630.TOTALS),
    "sunspec-meter": sunspec_meter.image(
        sunspec_meter.METER, sunspec_meter.model(203, sunspec_meter.THREE_PHASES | sunspec_meter.SCALES)
    ),
}
NAMELESS = {
    "eastron-sdm120": "the meter says nothing of itself but measurements, which any device may",
    "eastron-sdm630": "the meter says nothing of itself but measurements, which any device may",
    "sg-ready-relays": "a relay says nothing of itself",
}
"""Profiles that no device is recognised by, and why."""


@asynccontextmanager
async def there(name: str) -> AsyncIterator[dict[str, object]]:
    """A device of the profile *name*, simulated or as its own test has it, and where it is."""
    quickly = {"gap": "0 s", "warm_up": "0 s", "timeout": f"{PATIENCE_S:g} s"}
    if name not in SIMULATED:
        async with served(IMAGES[name]) as port:
            yield {"host": "127.0.0.1", "port": port, **quickly}
        return
    device, _ = simulated(name)
    (unit, registers), *others = device.units.items()
    async with serve_tcp(registers, unit=unit, also=dict(others)) as address:
        yield {"host": address.host, "port": address.port, "unit": unit, **quickly}


async def recognised(connection: dict[str, object]) -> list[str]:
    return [
        match.profile.name for match in await matching_profiles(find_driver("modbus"), connection, LIBRARY, clock.now)
    ]


@pytest.mark.parametrize("name", BY_MODBUS)
async def test_every_device_that_says_what_it_is_is_known_first_of_all_as_that(name: str) -> None:
    async with there(name) as connection:
        known = await recognised(connection)
    assert known[:1] == [name] or (name in NAMELESS and name not in known)


async def test_part_of_a_number_is_not_taken_for_the_model_of_another_meter() -> None:
    busy = Image(input=sdm630.BETWEEN | sdm630.PHASES | sdm630.TOTALS | {0x0A: f32(7.26)})
    async with served(busy) as port:
        assert await recognised({"host": "127.0.0.1", "port": port}) == []


@pytest.mark.parametrize("generation", [marstek.v12, marstek.v3])
async def test_a_device_may_be_any_of_its_variants(generation: type[Image]) -> None:
    async with served(generation()) as port:
        assert await recognised({"host": "127.0.0.1", "port": port}) == ["marstek-venus"]

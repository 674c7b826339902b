"""Every profile of a meter as a resource of its own: what its owner has to say, and what a CEM is told."""

from pathlib import Path

import pytest
from s2python.common import CommodityQuantity, ControlType, PowerMeasurement, RoleType

from s2d.config import load
from tests.profiles.every import BY_MODBUS, of
from tests.profiles.image import Image, served
from tests.profiles.test_abb_b23 import ONE_PHASE
from tests.profiles.test_eastron_sdm630 import BETWEEN, TOTALS
from tests.profiles.test_profile_matching import there
from tests.system.cem import cem
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = pytest.mark.system

METERS = [name for name in BY_MODBUS if of(name) == "meter"]
L1, L2, L3 = (
    CommodityQuantity.ELECTRIC_POWER_L1,
    CommodityQuantity.ELECTRIC_POWER_L2,
    CommodityQuantity.ELECTRIC_POWER_L3,
)
TOLD_W = {
    "abb-b23": {L1: -300.25, L2: -550, L3: -1500.25},
    "cg-em24": {L1: -300.2, L2: -550, L3: -15002.5},
    "eastron-sdm120": {L1: -1095.5},
    "eastron-sdm630": {L1: -300.25, L2: 550, L3: -1500.25},
    "sunspec-meter": {L1: 400, L2: 300, L3: 534},
}
"""What each says, as in its own test."""


def metered(name: str, connection: dict[str, object], **keys: object) -> dict[str, object]:
    return {"name": "House", "profile": name, "connection": connection, "kind": "meter", "measures": "house", **keys}


async def told_w(directory: Path, device: dict[str, object]) -> dict[CommodityQuantity, float]:
    """What a CEM hears first of the meter *device*; there is nothing to warn of."""
    async with cem() as energy_manager, running(configured(directory, {"url": energy_manager.url}, device)) as log:
        rm = await energy_manager.joined()
        details = await rm.negotiate()
        assert [role.role for role in details.roles] == [RoleType.ENERGY_CONSUMER]
        await rm.select(ControlType.NOT_CONTROLABLE)
        told = await rm.expect(PowerMeasurement)
    assert not [line for line in log if line["log_level"] in ("warning", "error")]
    return {each.commodity_quantity: each.value for each in told.values}


@pytest.mark.parametrize("name", sorted({*METERS} - {"simulated-meter"}))
async def test_a_cem_is_told_what_flows(tmp_path: Path, name: str) -> None:
    async with there(name) as connection:
        assert await told_w(tmp_path, metered(name, connection)) == TOLD_W[name]


async def test_a_cem_is_told_what_a_simulated_household_uses(tmp_path: Path) -> None:
    async with there("simulated-meter") as connection:
        told = await told_w(tmp_path, metered("simulated-meter", connection))
    assert told.keys() == {L1, L2, L3}


@pytest.mark.parametrize("phases", [{}, {"phases": 1}])
async def test_a_meter_of_one_phase_need_not_be_said_to_be_one(tmp_path: Path, phases: dict[str, int]) -> None:
    async with served(Image(ONE_PHASE)) as port:
        device = metered("abb-b23", {"host": "127.0.0.1", "port": port}, **phases)
        assert await told_w(tmp_path, device) == {L1: -1250.5}


async def test_one_that_has_only_a_total_tells_that(tmp_path: Path) -> None:
    async with served(Image(input=BETWEEN | TOTALS)) as port:
        device = metered("eastron-sdm630", {"host": "127.0.0.1", "port": port}, phases=1)
        assert await told_w(tmp_path, device) == {L1: -1250.5}


@pytest.mark.parametrize("measures", ["house", "grid", "generation", "device"])
@pytest.mark.parametrize("name", METERS)
def test_its_owner_says_what_it_measures_and_no_more(tmp_path: Path, name: str, measures: str) -> None:
    device = metered(name, {"host": "127.0.0.1"}, measures=measures)
    (meter,) = load(configured(tmp_path, {"url": "ws://127.0.0.1:1"}, device)).devices
    assert (meter.kind, meter.settings.measures) == ("meter", measures)


@pytest.mark.parametrize("name", sorted({*METERS} - {"simulated-meter"}))
def test_one_that_only_gives_points_is_no_resource(tmp_path: Path, name: str) -> None:
    device = {"name": "House", "profile": name, "connection": {"host": "127.0.0.1"}}
    (meter,) = load(configured(tmp_path, {"url": "ws://127.0.0.1:1"}, device)).devices
    assert meter.kind is None

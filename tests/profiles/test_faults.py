"""A device with a fault says so by its own registers, in every profile that knows where."""

import pytest

from s2d.commissioning.device_visit import visited
from s2d.host import clock
from s2d.simulation.modbus import serve_tcp
from s2d.values import Value
from tests.profiles.every import SIMULATED, device, makes, simulated, there

pytestmark = pytest.mark.system

TELLING = {name for name in SIMULATED if all("fault" in {*make.points, *make.computed} for make in makes(name))}
SILENT = {
    "goodwe-et": "where it tells a fault is not in the map",
    "kostal-plenticore": "where it tells a fault is not in the map",
    "marstek-venus": "known from one source for its first generations, and an empty battery is one of its faults",
    "sg-ready-relays": "relays tell nothing of the heat pump behind them",
    "simulated-meter": "a meter with a fault measures nothing",
    "sungrow-sh": "where it tells a fault is not in the map",
    "victron-gx-ess": "a fault is an alarm of one of many devices behind it",
}
"""Devices whose fault cannot be seen, and why."""


def test_every_device_tells_a_fault_or_there_is_a_reason() -> None:
    assert {*SIMULATED} - TELLING == {*SILENT}


@pytest.mark.parametrize("name", sorted(TELLING))
async def test_a_fault_that_is_simulated_is_told_and_goes(name: str) -> None:
    served, hardware = simulated(name)
    (unit, registers), *others = served.units.items()
    async with serve_tcp(registers, unit=unit, also=dict(others)) as address:
        connection = there(address.host, address.port)
        async with visited(device(name, connection=connection), clock.now) as visit:

            async def fault() -> Value | None:
                (reading,) = await visit.read(["fault"])
                return reading.value

            assert await fault() == "ok"
            hardware.set_fault(True, 0.0)
            assert await fault() not in ("ok", None)
            hardware.set_fault(False, 0.0)
            assert await fault() == "ok"

"""The meter of `s2d simulate meter`, read through its own registers."""

import pytest

from s2d.simulation.modbus import serve_tcp
from s2d.values import Quality
from tests.profiles.every import simulated
from tests.profiles.image import connected

AT_ONCE = {"warm_up": "0 s", "gap": "0 s"}


async def test_it_measures_three_phases_and_their_sum() -> None:
    served, meter = simulated("simulated-meter")
    async with (
        serve_tcp(served.units[1], clock=lambda: 1800.0) as address,
        connected("simulated-meter", address.port, measures="grid", connection=AT_ONCE) as device,
    ):
        readings = await device.read()
        names = [f"{what}_l{phase}" for what in ("power", "current", "voltage") for phase in (1, 2, 3)]
        assert {*readings} == {"type", "serial", "power", *names, "energy_import", "energy_export"}
        assert readings["type"] == "meter"
        phases = [float(readings[f"power_l{phase}"]) for phase in (1, 2, 3)]
        assert readings["power"] == pytest.approx(sum(phases), abs=0.1)
        told = meter.values()
        assert {name: readings[name] for name in names} == {name: pytest.approx(told[name], rel=1e-5) for name in names}
        assert readings["energy_export"] == pytest.approx(told["energy_export"], abs=0.5)
        assert float(readings["power"]) < 0 < float(readings["energy_export"])


async def test_with_a_fault_it_says_that_it_knows_nothing() -> None:
    served, meter = simulated("simulated-meter")
    meter.set_fault(True, 0.0)
    async with (
        serve_tcp(served.units[1]) as address,
        connected("simulated-meter", address.port, measures="grid", connection=AT_ONCE) as device,
    ):
        readings = await device.readings()
        assert {name for name, each in readings.items() if each.quality is Quality.GOOD} == {"type", "serial"}

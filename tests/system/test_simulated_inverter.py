"""The inverter of `s2d simulate pv` at work: the daemon in front of it, and a CEM that limits it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from s2python.common import CommodityQuantity, ControlType, ResourceManagerDetails
from s2python.pebc import (
    PEBCInstruction,
    PEBCPowerConstraints,
    PEBCPowerEnvelope,
    PEBCPowerEnvelopeElement,
)

from s2d.cli.simulated_device import profile_device
from s2d.simulation.faults import Faults
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.sun import Sun
from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = pytest.mark.system

INSTALLED_W = 3500
PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL
QUANTITY = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC


def limited_to(produced_w: float, constraints: PEBCPowerConstraints) -> PEBCInstruction:
    """An instruction to produce at most so much for an hour."""
    element = PEBCPowerEnvelopeElement(duration=3_600_000, lower_limit=-produced_w, upper_limit=0)
    envelope = PEBCPowerEnvelope(id=str(uuid4()), commodity_quantity=QUANTITY, power_envelope_elements=[element])
    return PEBCInstruction(
        message_id=uuid4(),
        id=uuid4(),
        execution_time=datetime.now(UTC),
        abnormal_condition=False,
        power_constraints_id=constraints.id,
        power_envelopes=[envelope],
    )


async def test_it_is_limited_and_what_its_installer_set_comes_back(tmp_path: Path) -> None:
    inverter = SimulatedInverter(Sun(4000, seed=7), installed_limit_w=INSTALLED_W, ramp_percent_per_s=1000)
    simulated = profile_device("simulated-pv", {}, inverter, Faults(), kind_name="pv")
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with (
        cem() as energy_manager,
        serve_tcp(simulated.units[1], clock=lambda: loop.time() - began_s) as address,
    ):
        device = {
            "name": "Roof",
            "profile": "simulated-pv",
            "connection": {"host": address.host, "port": address.port, "timeout": f"{PATIENCE_S:g} s"},
            "poll": "200 ms",
        }
        async with running(configured(tmp_path, {"url": energy_manager.url}, device)):
            rm = await energy_manager.joined()
            details = await rm.negotiate()
            if PEBC not in details.available_control_types:
                await rm.expect(ResourceManagerDetails, lambda each: PEBC in each.available_control_types)
            await rm.select(PEBC)
            limit = limited_to(1000, await rm.expect(PEBCPowerConstraints))
            await rm.must_take(limit)
            assert (await rm.status_of(limit.id))[-1] == "SUCCEEDED"
            assert (inverter.produced_w, inverter.limit_w) == (1000, 1000)
        assert inverter.limit_w == INSTALLED_W

"""One instruction to a device that does something wrong: it ends well or with a reason, and leaves nothing behind."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import FAULTS, Faults
from s2d.simulation.modbus import serve_tcp
from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = pytest.mark.system

PROFILES = ("sma-storage", "sungrow-sh")
"""One that forgets what it is told and cannot be asked for it, and one that keeps it for ever and can."""
LIMIT_W = 3000
"""What its owner allows; the battery itself could do more."""
TIMEOUT_S = 1.0
SILENT = ("late-reply", "wrong-unit")
"""With these the timeout is what ends the wait; with all others it may be as long as a slow machine needs."""
SHORTER = {"late-reply": f"late-reply={2 * TIMEOUT_S:g}s", "forgets": "forgets=10s"}
EITHER = {"SUCCEEDED", "ABORTED"}
ENDS = {
    "nan": {"ABORTED"},
    "refuses-fc6": {"sma-storage": {"SUCCEEDED"}, "sungrow-sh": {"ABORTED"}},
    "forgets": {"SUCCEEDED"},
    "ignores-writes": {"ABORTED"},
}
"""How an instruction may end; by profile where it depends on that. What comes and goes may strike or not."""
REASONS = {
    ("sma-storage", "nan"): "the device did not follow",
    ("sungrow-sh", "nan"): "the device did not follow",
    ("sungrow-sh", "refuses-fc6"): "it may want `write: multiple`",
    ("sma-storage", "ignores-writes"): "the device did not follow",
    ("sungrow-sh", "ignores-writes"): "but still reads",
}
UNMOVED = {("sma-storage", "ignores-writes"), ("sungrow-sh", "ignores-writes"), ("sungrow-sh", "refuses-fc6")}
"""Never get so far as to charge."""


class Watched(SimulatedBattery):
    """A battery that remembers what it was ordered."""

    def __init__(self):
        super().__init__(
            capacity_wh=10_000, max_charge_power_w=5000, max_discharge_power_w=5000, ramp_w_per_s=1e12, watchdog_s=0
        )
        self.ordered_w = set()

    def order(self, power_w, now_s):
        self.ordered_w.add(power_w)
        super().order(power_w, now_s)


@asynccontextmanager
async def simulated(profile, faults, timeout_s):
    """A device of *profile* that *faults* may strike: the battery in it, and how its owner writes it."""
    battery = Watched()
    simulated = profile_device(profile, {}, battery, faults)
    (unit, registers), *others = simulated.units.items()
    async with serve_tcp(registers, unit=unit, also=dict(others), faults=faults) as address:
        yield (
            battery,
            {
                "name": profile,
                "profile": profile,
                "connection": {"host": address.host, "port": address.port, "timeout": f"{timeout_s:g} s"},
                "poll": "200 ms",
                "points": {"soc": {"poll": "200 ms"}},
                "follow_within": "5 s",
                "capacity": "10 kWh",
                "max_charge_power": f"{LIMIT_W} W",
                "max_discharge_power": f"{LIMIT_W} W",
            },
        )


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "on"])
async def test_an_instruction_ends_and_leaves_nothing_behind(tmp_path, fault):
    faults = {profile: Faults([SHORTER.get(fault, fault)]) for profile in PROFILES}
    timeout_s = TIMEOUT_S if fault in SILENT else PATIENCE_S
    ended = {}

    async def charge(rm):
        profile = (await rm.negotiate()).name
        await rm.select_frbc()
        faults[profile].switch(fault)
        instruction = await rm.instruct(mode="charge", factor=1.0)
        ended[profile] = (await rm.status_of(instruction))[-1]

    for each in faults.values():
        each.switch(fault, False)
    async with (
        cem() as energy_manager,
        simulated(PROFILES[0], faults[PROFILES[0]], timeout_s) as (first, one),
        simulated(PROFILES[1], faults[PROFILES[1]], timeout_s) as (second, other),
    ):
        async with (
            running(configured(tmp_path, {"url": energy_manager.url}, one, other)) as log,
            asyncio.TaskGroup() as stories,
        ):
            for _ in PROFILES:
                stories.create_task(charge(await energy_manager.joined()))
        for profile, battery in zip(PROFILES, (first, second), strict=True):
            lines = [line for line in log if profile in (line.get("rm"), line.get("device"))]
            judge(profile, fault, battery, ended[profile], lines)


def judge(profile, fault, battery, end, lines):
    expected = ENDS.get(fault, EITHER)
    assert end in (expected if isinstance(expected, set) else expected[profile])
    reasons = [line["reason"] for line in lines if line["event"] == "instruction.aborted"]
    assert (len(reasons), all(reasons)) == (end == "ABORTED", True)
    assert REASONS.get((profile, fault), "") in "".join(reasons)
    assert battery.ordered_w <= ({0} if (profile, fault) in UNMOVED else {0, LIMIT_W})
    assert LIMIT_W in battery.ordered_w or end == "ABORTED"
    is_told = any(line["event"] == "fallback.unconfirmed" or line["log_level"] == "error" for line in lines)
    assert battery.setpoint_w == 0 or is_told, "left on without a word"

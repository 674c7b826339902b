"""What resources of mixed kinds cost in one process, without wires to devices: processor and memory, each and all."""

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from time import monotonic_ns
from typing import NamedTuple

from .cem import Cem, Session, serving
from .process import _cpu_s, _rss_mb
from .rig import bare_measurements
from .run import REPOSITORY, Run, started
from .table import Row

COUNT = 1000
CPU_PERCENT = 40.0
KB_EACH = 120.0
FLAT_PERCENT = 110.0
"""What one of many costs, of what one of a hundred does."""
SETTLE_S = 8.0
"""Processor time is counted after so long."""
JOIN_AT_ONCE = 50

_GATEWAY = """\
gateway: {{state_dir: {state_dir}}}
cem: {{url: "{url}"}}
devices:
"""
_DEVICE = """\
  - name: Resource {number}
    driver: tests.bench.simulated_device:Simulated
    connection: {{number: {number}}}
    resource_id: resource-{number}
    poll: 1 s
"""
_KINDS = (
    """\
    kind: battery
    capacity: 10 kWh
    max_charge_power: 5 kW
    max_discharge_power: 5 kW
    points:
      soc: {unit: "%", holds: 50.0}
      power: {unit: W, holds: 1000.0, sways: true}
      power_setpoint: {unit: W, access: write}
""",
    """\
    kind: ev_charger
    max_current: 16 A
    points:
      status: {holds: C}
      power: {unit: W, holds: 7000.0, sways: true}
      current_limit: {unit: A, access: write}
""",
    """\
    kind: pv
    max_power: 5 kW
    points:
      power: {unit: W, holds: -3000.0, sways: true}
      power_limit: {unit: W, access: write}
""",
    """\
    kind: meter
    measures: house
    points:
      power_l1: {unit: W, holds: 300.0, sways: true}
      power_l2: {unit: W, holds: 400.0, sways: true}
      power_l3: {unit: W, holds: 500.0, sways: true}
""",
    """\
    kind: load
    power: 2 kW
    points:
      power: {unit: W, holds: 1900.0, sways: true}
      "on": {access: read_write, holds: true}
""",
)


class Mixed(NamedTuple):
    """What the process cost."""

    cpu_percent: float
    rss_mb: float


def rows(run: Run) -> list[Row]:
    """Processor and memory of a thousand, and of one among ten, a hundred and a thousand."""
    return asyncio.run(_rows(run))


async def _rows(run: Run) -> list[Row]:
    watch_s = 8.0 if run.is_quick else 30.0
    found: dict[int, Mixed] = {}
    floor_percent: dict[int, float] = {}
    for count in (10, 100, COUNT):
        async with serving() as cem:
            run.tell(f"watching {count} resources of mixed kinds for {watch_s:g} s")
            found[count] = await mixed_resources(run, cem, count, watch_s)
            run.tell(f"watching {count} bare connections for {watch_s:g} s")
            floor_percent[count] = await _bare_percent(run, cem, count, watch_s)
    few, some, many = found.values()
    each_ms = {count: 10 * mixed.cpu_percent / count for count, mixed in found.items()}
    floor_ms = {count: 10 * percent / count for count, percent in floor_percent.items()}
    return [
        Row(
            what=f"processor, {COUNT} resources of mixed kinds, a reading a second each (bare: a message)",
            unit="%",
            ours=many.cpu_percent,
            floor=floor_percent[COUNT],
            at_most=CPU_PERCENT,
        ),
        Row(
            what=f"RSS for one more, from 10 to {COUNT}",
            unit="kB",
            ours=1000 * (many.rss_mb - few.rss_mb) / (COUNT - 10),
            at_most=KB_EACH,
        ),
        Row(
            what=f"processor for one of {COUNT}, of that for one of 100",
            unit="%",
            ours=100 * each_ms[COUNT] / each_ms[100],
            floor=100 * floor_ms[COUNT] / floor_ms[100],
            at_most=FLAT_PERCENT,
        ),
        Row(
            what="processor for one of 10, a second",
            unit="ms",
            ours=each_ms[10],
            floor=floor_percent[10] * 10 / 10,
            is_detail=True,
        ),
        Row(
            what="processor for one of 100, a second",
            unit="ms",
            ours=each_ms[100],
            floor=floor_percent[100] * 10 / 100,
            is_detail=True,
        ),
        Row(what="RSS with 10", unit="MB", ours=few.rss_mb, is_detail=True),
        Row(what="RSS with 100", unit="MB", ours=some.rss_mb, is_detail=True),
    ]


async def mixed_resources(run: Run, cem: Cem, count: int, watch_s: float) -> Mixed:
    """*count* resources, read every second for *watch_s*, in sessions that chose the richest that is offered."""
    with _running(run, cem.url("{resource_id}"), count) as process:
        for first in range(1, count + 1, JOIN_AT_ONCE):
            async with asyncio.TaskGroup() as tasks:
                for number in range(first, min(first + JOIN_AT_ONCE, count + 1)):
                    tasks.create_task(_joined(cem, f"resource-{number}"))
        cpu_percent = await _settled_percent(process, watch_s)
        return Mixed(cpu_percent, _rss_mb(process))


async def _bare_percent(run: Run, cem: Cem, count: int, watch_s: float) -> float:
    """Processor of *count* connections without a resource, over which a measurement a second is said and answered."""
    with bare_measurements(run, cem, count) as process:
        for number in range(count):
            await (await cem.joined(f"bare-{number}")).expect("PowerMeasurement")
        return await _settled_percent(process, watch_s)


async def _settled_percent(process: subprocess.Popen[str], watch_s: float) -> float:
    await asyncio.sleep(SETTLE_S)
    before_s, began_ns = _cpu_s(process), monotonic_ns()
    await asyncio.sleep(watch_s)
    used_s, passed_s = _cpu_s(process) - before_s, (monotonic_ns() - began_ns) / 1e9
    return 100 * used_s / passed_s


async def _joined(cem: Cem, path: str) -> None:
    session: Session = await cem.joined(path)
    await session.expect("Handshake")
    await session.say("Handshake", role="CEM")
    await session.say("HandshakeResponse", selected_protocol_version="0.0.2-beta")
    details = await session.expect("ResourceManagerDetails")
    richest = details.message["available_control_types"][0]
    await session.say("SelectControlType", control_type=richest)
    await session.expect("PowerMeasurement")


@contextmanager
def _running(run: Run, url: str, count: int) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "s2d.yaml"
        devices = (_DEVICE.format(number=number) + _KINDS[number % len(_KINDS)] for number in range(1, count + 1))
        config.write_text(_GATEWAY.format(state_dir=folder, url=url) + "".join(devices))
        finding = {**environ, "PYTHONPATH": str(REPOSITORY)}
        command = [run.s2d, "run", "-c", config]
        with started(command, "s2d run", cwd=folder, stdout=subprocess.DEVNULL, env=finding) as process:
            yield process

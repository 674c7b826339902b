"""One daemon with many Modbus TCP devices, each with its own connection, its own resource manager and session."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import NamedTuple

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from .cem import Cem
from .device import POWER, SETPOINT, SOC
from .process import _cpu_s, _rss_mb
from .rig import Lines
from .run import REPOSITORY, Run, started

SETTLE_S = 5.0
"""Processor time is counted after so long."""

_GATEWAY = """\
gateway: {{state_dir: {state_dir}}}
cem: {{url: "{url}"{trusting}}}
devices:
"""
_DEVICE = """\
  - name: Battery {number}
    kind: battery
    driver: modbus
    connection: {{host: 127.0.{number}.1, port: {port}, unit: 1}}
    resource_id: battery-{number}
    capacity: 10 kWh
    max_charge_power: 5 kW
    max_discharge_power: 5 kW
    poll: 1 s
    points:
      soc: {{register: {soc}, table: input, type: uint16, scale: 0.1, unit: "%"}}
      power: {{register: {power}, table: input, type: int16, unit: W}}
      power_setpoint: {{register: {setpoint}, type: int16, unit: W, access: read_write, refresh: 20 s, interval: 0 s}}
"""


class Many(NamedTuple):
    """What the process cost."""

    cpu_percent: float
    rss_mb: float


async def many_devices(run: Run, cem: Cem, count: int, watch_s: float) -> Many:
    """*count* devices, polled every second for *watch_s*, in sessions that chose FRBC."""
    with devices_served() as port, many_run(run, cem.url("{resource_id}"), count, port) as process:
        async with asyncio.TaskGroup() as tasks:
            for number in range(1, count + 1):
                session = await cem.joined(f"battery-{number}")
                tasks.create_task(session.take_charge())
        await asyncio.sleep(SETTLE_S)
        before_s, began_ns = _cpu_s(process), monotonic_ns()
        await asyncio.sleep(watch_s)
        used_s, passed_s = _cpu_s(process) - before_s, (monotonic_ns() - began_ns) / 1e9
        return Many(100 * used_s / passed_s, _rss_mb(process))


@contextmanager
def devices_served() -> Iterator[int]:
    """The port at which a Modbus server is whatever address of this machine it is asked at."""
    with started([sys.executable, "-m", "tests.bench.many"], "the devices", cwd=REPOSITORY) as process:
        lines = Lines(process)
        port = int(lines.first())
        lines.gather()
        yield port


@contextmanager
def many_run(run: Run, url: str, count: int, port: int, ca_file: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """`s2d run` with *count* devices at *port*, whose CEM is at *url*, and trusted by *ca_file* if that is wss."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "s2d.yaml"
        devices = (
            _DEVICE.format(number=number, port=port, soc=SOC, power=POWER, setpoint=SETPOINT)
            for number in range(1, count + 1)
        )
        trusting = f", ca_file: {ca_file}" if ca_file else ""
        config.write_text(_GATEWAY.format(state_dir=folder, url=url, trusting=trusting) + "".join(devices))
        with started([run.s2d, "run", "-c", config], "s2d run", cwd=folder, stdout=subprocess.DEVNULL) as process:
            yield process


async def _serve() -> None:
    none, full = [SimData(0, values=[False] * 16, datatype=DataType.BITS)], [0] * (SETPOINT + 1)
    full[SOC] = 500
    words = [SimData(0, values=full, datatype=DataType.REGISTERS)]
    server = ModbusTcpServer(SimDevice(id=1, simdata=(none, none, words, words)), address=("0.0.0.0", 0))
    await server.serve_forever(background=True)
    assert isinstance(server.transport, asyncio.Server)
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(_serve())

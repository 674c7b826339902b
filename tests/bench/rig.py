"""The processes that are measured, and what stands around them: a CEM here, a device beside."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from .cem import Cem
from .device import POWER, SETPOINT, SOC
from .run import PEERS, REPOSITORY, Run, started

_CONFIG = """\
gateway: {{state_dir: {state_dir}}}
cem: {{url: "{url}"}}
devices:
  - name: Home battery
    kind: battery
    driver: modbus
    connection: {{host: 127.0.0.1, port: {port}, unit: 1}}
    capacity: 10 kWh
    max_charge_power: 5 kW
    max_discharge_power: 5 kW
    usable_range: 10 % .. 95 %
    poll: 1 s
    points:
      soc: {{register: {soc}, table: input, type: uint16, scale: 0.1, unit: "%"}}
      power: {{register: {power}, table: input, type: int16, unit: W}}
      power_setpoint: {{register: {setpoint}, type: int16, unit: W, access: read_write, refresh: 20 s, interval: 0 s}}
    fallback: {{after: 60 s, power_setpoint: 0 W}}
"""


class Lines:
    """What a process prints, gathered in the background so that its pipe never fills."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self._stdout = process.stdout
        self.all: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)

    def gather(self) -> None:
        self._reader.start()

    def first(self) -> str:
        """The next line; only before `gather`."""
        return self._stdout.readline()

    def _read(self) -> None:
        with suppress(ValueError):  # closed with its process
            for line in self._stdout:
                self.all.append(line)


@dataclass(frozen=True)
class Device:
    """The device beside."""

    port: int
    lines: Lines

    def written(self) -> dict[int, int]:
        """Setpoint → when it was first written (monotonic ns)."""
        found: dict[int, int] = {}
        for line in self.lines.all:
            value, at_ns = line.split()
            found.setdefault(int(value), int(at_ns))
        return found


@contextmanager
def device() -> Iterator[Device]:
    """A Modbus server, while the context lasts."""
    with started([sys.executable, "-m", "tests.bench.device"], "the device", cwd=REPOSITORY) as process:
        lines = Lines(process)
        port = int(lines.first())
        lines.gather()
        yield Device(port, lines)


@contextmanager
def s2d_run(run: Run, cem: Cem, path: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """`s2d run` with one battery at the Modbus *port*, which joins *cem* at *path*."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "s2d.yaml"
        config.write_text(
            _CONFIG.format(state_dir=folder, url=cem.url(path), port=port, soc=SOC, power=POWER, setpoint=SETPOINT)
        )
        with started([run.s2d, "run", "-c", config], "s2d run", cwd=folder, stdout=subprocess.DEVNULL) as process:
            yield process


@contextmanager
def peer_rm(run: Run, cem: Cem, path: str) -> Iterator[subprocess.Popen[str]]:
    """The RM made with s2-python."""
    with _script(run.peer_python, "rm.py", [cem.url(path)]) as process:
        yield process


@contextmanager
def bare_rm(run: Run, cem: Cem, path: str) -> Iterator[subprocess.Popen[str]]:
    """A bare websockets client that answers."""
    with _script(run.s2d_python, "bare.py", [cem.url(path)]) as process:
        yield process


@contextmanager
def bare_measurements(run: Run, cem: Cem, count: int) -> Iterator[subprocess.Popen[str]]:
    """Bare websockets clients that say a measurement a second each."""
    with _script(run.s2d_python, "bare.py", [cem.url("bare-{number}"), str(count)]) as process:
        yield process


@contextmanager
def bare_libraries(run: Run) -> Iterator[subprocess.Popen[str]]:
    """The libraries of our stack, imported, and nothing done with them."""
    with _script(run.s2d_python, "bare.py", []) as process:
        assert process.stdout
        process.stdout.readline()
        yield process


@contextmanager
def _script(python: Path, name: str, arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    with started([python, "-P", PEERS / name, *arguments], name, cwd="/") as process:
        yield process

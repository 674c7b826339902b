"""The daemon as a process of its own, its log read as it is written, and the configuration it runs with."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.chronicle import PATIENCE_S, Chronicle

ENDS_WITHIN_S = 20.0
"""After a SIGTERM, whatever hangs; then systemd kills it."""
LINE_LIMIT = 2**22
"""A line of the log may hold a whole frame, and a frame 1 MiB."""

Event = dict[str, Any]


class Daemon:
    """A running `s2d run`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.log: Chronicle[Event] = Chronicle("log of the daemon", kind_of=lambda event: event["event"])
        self.expects_bugs = False
        """Unless set, a traceback in the log fails the test."""
        self.stderr = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def logged(self, event: str, within_s: float = PATIENCE_S, **facts: Any) -> Event:
        """The next line of the log that says *event* with *facts*."""
        return await self.log.next(
            lambda line: line["event"] == event and facts.items() <= line.items(), f"{event} {facts or ''}", within_s
        )

    def events(self) -> list[str]:
        return [line["event"] for line in self.log.all]

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)

    def kill(self) -> None:
        self._process.kill()

    async def ended(self, within_s: float = ENDS_WITHIN_S) -> int:
        """Its exit status, once it has ended."""
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def stopped(self) -> int:
        """Its exit status, once it has heeded a SIGTERM; fails if that takes too long."""
        since = time.monotonic()
        self.terminate()
        status = await self.ended()
        assert time.monotonic() - since < ENDS_WITHIN_S
        return status

    async def read(self) -> None:
        """Reads what the process says until it ends."""
        assert self._process.stdout
        assert self._process.stderr
        async for line in self._process.stdout:
            self.log.add(json.loads(line))
        self.stderr = (await self._process.stderr.read()).decode()

    async def end(self) -> None:
        if self._process.returncode is None:
            self.terminate()
            try:
                await self.ended()
            except TimeoutError:
                self.kill()
                raise AssertionError("the daemon did not heed SIGTERM") from None


@asynccontextmanager
async def daemon(
    config: Path, log_level: str = "debug", arguments: Sequence[str] = (), **environment: str
) -> AsyncIterator[Daemon]:
    """A daemon with the configuration in *config*, and further *arguments*; it is stopped when the story is over.

    A story with a bug in it (a traceback on stderr, a broken node) fails.
    """
    command = [
        sys.executable,
        "-m",
        "s2d",
        "run",
        "-c",
        str(config),
        "--log",
        "json",
        "--log-level",
        log_level,
        *arguments,
    ]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdout=pipe, stderr=pipe, limit=LINE_LIMIT, env=os.environ | environment
    )
    started = Daemon(process)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(started.read())
        try:
            yield started
        finally:
            await started.end()
    if not started.expects_bugs:
        assert not started.stderr, started.stderr
        broken = [line for line in started.log.all if "exception" in line]
        assert not broken, broken[0]["exception"]


def battery(name: str = "Home battery", *, connection: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A battery as it stands in a device file; the simulated one behind *connection*."""
    known = {
        "name": name,
        "kind": "battery",
        "driver": "modbus",
        "connection": connection,
        "capacity": "1 kWh",
        "max_charge_power": "5 kW",
        "max_discharge_power": "4 kW",
        "usable_range": "10 % .. 90 %",
        "follow_within": "60 s",
        "poll": "200 ms",
        "points": {
            "soc": {"register": 843, "table": "input", "type": "uint16", "scale": 0.1, "unit": "%"},
            "power": {"register": 842, "table": "input", "type": "int16", "unit": "W"},
            "power_setpoint": {"register": 2700, "type": "int16", "unit": "W", "access": "read_write"},
        },
        "fallback": {"after": "20 s", "power_setpoint": "0 W"},
        "report": {"power": "50 W", "soc": "0.1 %", "every": "30 s"},
    }
    return known | changes


def configured(directory: Path, cem: dict[str, Any], *devices: dict[str, Any]) -> Path:
    """A configuration directory in *directory*; what the daemon keeps is there too."""
    # JSON is YAML.
    written = {"gateway": {"state_dir": str(directory / "state")}, "cem": cem, "devices": devices}
    (directory / "s2d.yaml").write_text(json.dumps(written, indent=2))
    return directory

"""Our own RM at work, on hardware that can refuse, hang or be lost.

The battery is the daemon as it is run, with a simulated battery behind real Modbus. The others are made of the same
parts, a ResourceManager, a Node and a Link, around resources that exist only in tests.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from uuid import uuid4

from structlog.testing import capture_logs

from s2d.backoff import Backoff
from s2d.cli.simulated_device import profile_device
from s2d.config import load
from s2d.device.device import Device
from s2d.device.device_map import DeviceMap
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.host import clock
from s2d.host.store import Store
from s2d.rm.control.reporting import ReportThresholds
from s2d.rm.instructions import Updates
from s2d.rm.kinds import Resource
from s2d.rm.resource_manager import Identity, Policy, ResourceManager
from s2d.s2.effects import Tick
from s2d.s2.messages import common
from s2d.service import daemon
from s2d.service.link import Link
from s2d.service.node import Node
from s2d.simulation.faults import Faults
from s2d.simulation.hardware import SimulatedHardware
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.registers import BatteryRegisters
from s2d.values import Now
from tests.chronicle import PATIENCE_S, Chronicle
from tests.fakes import FakeDriver, FakeLog, Hardware
from tests.system.daemon import battery, configured
from tests.system.simulator import Simulator, at

from .wire import utc_now

POLL_S = 0.03
ENDS_WITHIN_S = 30.0
CALM = ReportThresholds(power_w=50.0, fill_level=1.0, every_s=60.0)


class Plant(Protocol):
    """Something our own RM manages."""

    def at_work(self, url: str, directory: Path) -> Any:
        """An RM that connects to *url*, as long as the context lasts."""
        ...


class ModbusBattery:
    """The daemon with a simulated battery behind a Modbus server."""

    def __init__(self, *, simulator: Mapping[str, Any] | None = None, **device: Any) -> None:
        self.simulator = FaultySimulator(**(simulator or {}))
        self._device = {"poll": "50 ms", **device}
        self.stopping = asyncio.Event()

    @asynccontextmanager
    async def at_work(self, url: str, directory: Path) -> AsyncIterator[None]:
        with capture_logs() as log:
            async with self.simulator.on_tcp() as address:
                device = battery(connection=at(address), resource_id=str(uuid4()), **self._device)
                config = load(configured(directory, {"url": url}, device))
                async with _beside(daemon.run(config, Store(), stopping=self.stopping)) as running:
                    yield
                    self.stopping.set()
                    async with asyncio.timeout(ENDS_WITHIN_S):
                        await running
        _has_no_bug(log)


class ModbusDevice:
    """The daemon, in virtual time, with a simulated device of some kind behind a Modbus server."""

    def __init__(
        self,
        kind: str,
        hardware: SimulatedHardware,
        told: Mapping[str, str | bool] = MappingProxyType({}),
        /,
        **device: Any,
    ) -> None:
        """*told* is what its profile is told; *device* is what else its owner has written."""
        profile = f"simulated-{kind.replace('_', '-')}"
        keys = {key: json.dumps(value) for key, value in told.items()}
        self._simulated = profile_device(profile, keys, hardware, Faults(), kind_name=kind)
        self._device = {"name": "Device", "profile": profile, **told, **device}

    @asynccontextmanager
    async def at_work(self, url: str, directory: Path) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        with capture_logs() as log:
            async with serve_tcp(self._simulated.units[1]) as address:
                device = {"connection": at(address), "resource_id": str(uuid4()), **self._device}
                config = load(configured(directory, {"url": url}, device))
                async with _beside(daemon.run(config, Store(), clock=_time, stopping=stopping)) as running:
                    yield
                    stopping.set()
                    async with asyncio.timeout(ENDS_WITHIN_S):
                        await running
        _has_no_bug(log)


def _time() -> Now:
    return Now(asyncio.get_running_loop().time(), utc_now())


class FaultySimulator(Simulator):
    """One whose `faults` can be switched."""

    def __init__(self, **battery: Any) -> None:
        super().__init__(**battery)
        self.faults = Faults()
        self._registers = BatteryRegisters(self.battery, lambda name, value: self.writes.add(value), self.faults)


@dataclass
class WatchedLog(FakeLog):
    """A log that can be waited for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.told: Chronicle[Any] = Chronicle("log of the RM")

    def _keep(self, *given: Any) -> Any:
        try:
            return super()._keep(*given)
        finally:
            self.told.add(self.lines[-1])


class WatchedHardware(Hardware):
    """Hardware that tells when it was asked or told something, and can be led through that step by step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._touch = asyncio.Event()
        self.takes_s = 0.0
        """How long it takes to do what it is asked or told."""
        self.turns: asyncio.Semaphore | None = None
        """If there is one, whatever it is asked or told next waits for its turn."""

    async def asked(self) -> None:
        self._touch.set()
        self._touch = asyncio.Event()
        if self.turns:
            await self.turns.acquire()
        await asyncio.sleep(self.takes_s)
        await super().asked()

    async def touched(self) -> None:
        """Waits until it is asked or told something."""
        await self._touch.wait()


@dataclass
class Played:
    """A resource that exists only in tests, on hardware that does what a row says."""

    resource: Callable[[], Resource]
    points: Mapping[str, PointSettings]
    values: Mapping[str, Any]
    follows: Mapping[str, str] = field(default_factory=dict)
    updates: Updates = "full"
    control_types: tuple[common.ControlType, ...] | None = None
    fallback_after_s: float = 60.0
    max_instruction_age_s: float | None = None
    thresholds: ReportThresholds = CALM
    poll_s: float = POLL_S
    step: timedelta = timedelta()
    """How far the RM's clock is off."""
    token_file: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        self.hardware = WatchedHardware(dict(self.values), follows=dict(self.follows))
        self.built = self.resource()
        self.stopping = asyncio.Event()
        self.backoff = Backoff(first_s=0.02, most_s=0.1)
        self._passed = timedelta()
        self._made = Now(asyncio.get_running_loop().time(), clock.now().utc)

    def now(self) -> Now:
        mono = asyncio.get_running_loop().time()
        utc = self._made.utc + timedelta(seconds=mono - self._made.mono)
        return Now(mono + self._passed.total_seconds(), utc + self._passed + self.step)

    @asynccontextmanager
    async def at_work(self, url: str, directory: Path) -> AsyncIterator[None]:
        self.log = log = WatchedLog()
        device = Device(
            "played",
            lambda points: FakeDriver.open(self.hardware, points, None),
            DeviceMap(points=self.points),
            poll_s=self.poll_s,
            clock=self.now,
            log=log.logger,
            backoff=self.backoff,
        )
        policy = Policy(
            fallback_after_s=self.fallback_after_s,
            thresholds=self.thresholds,
            processing_delay_s=POLL_S,
            updates=self.updates,
            max_instruction_age_s=self.max_instruction_age_s,
            control_types=self.control_types,
        )
        resource_manager = ResourceManager(Identity(str(uuid4()), "Played"), self.built, policy, lambda: str(uuid4()))
        self._node = node = Node(resource_manager, device, clock=self.now, log=log.logger)
        link = Link(
            url,
            take=node.take,
            log=log.logger,
            backoff=self.backoff,
            token_file=self.token_file,
            ca_file=self.ca_file,
            is_clock_synchronised=lambda: None,
        )
        async with _beside(node.run(link, self.stopping)):
            yield
        _has_no_bug(log.lines)

    def passes(self, seconds: float) -> None:
        """Lets so much time pass for the RM, in an instant: what lasts is not a race with a slow machine."""
        self._passed += timedelta(seconds=seconds)
        self._node.post(Tick())

    # What the hardware is made to do.

    def shows(self, **values: Any) -> None:
        """What is read from now on."""
        self.hardware.values |= values

    def refuses(self) -> None:
        self.hardware.refusal = DeviceRefused("exception 4")

    def is_lost(self) -> None:
        self.hardware.fault = DeviceUnreachable("no answer")

    def is_back(self) -> None:
        self.hardware.fault = self.hardware.refusal = None

    async def waits(self) -> None:
        """Has whatever it is asked or told next wait for its turn; returns when something does."""
        self.hardware.turns = asyncio.Semaphore(0)
        await self.hardware.touched()

    async def goes_on(self) -> None:
        """Lets what waits have its turn; returns when the next waits."""
        assert self.hardware.turns
        self.hardware.turns.release()
        await self.hardware.touched()

    def waits_no_more(self) -> None:
        assert self.hardware.turns
        self.hardware.turns.release()
        self.hardware.turns = None

    async def is_read(self) -> None:
        """Waits until what it shows now has been read by the RM."""
        for _ in range(2):
            await self.hardware.touched()

    async def has_logged(self, event: str, within_s: float = PATIENCE_S) -> None:
        """Waits until the RM has noticed."""
        await self.log.told.until(lambda _: event in self.log.events(), event, within_s)

    async def has_written(self, point: str, *values: Any) -> None:
        """Waits until *values*, in that order, are all that was ever written to *point*."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.written(point)) < len(values):
                await self.hardware.touched()
        assert self.written(point) == list(values)

    def written(self, point: str) -> list[Any]:
        """All that was written to *point*, in order."""
        return [value for _, each, value in self.hardware.writes if each == point]


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Has *work* done until the context ends. What goes wrong there or here is raised as it is, not in a group."""
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            try:
                yield task
            finally:
                task.cancel()
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


def _has_no_bug(log: Iterable[Mapping[str, Any]]) -> None:
    bugs = [line for line in log if line["event"] in ("message.withheld", "node.broken")]
    assert not bugs, bugs[0]

"""The daemon: all nodes at work, from start to stop, and again when one of them breaks.

Policy by moment. While starting, an error is told and nothing starts. While running, expected errors stay within the
link or device they belong to; an unexpected one is logged with its traceback and restarts its node alone. A node that
keeps breaking ends the process, and the service manager starts it afresh.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from msgspec import Raw
from msgspec.structs import replace

from ..backoff import Backoff
from ..config import Config, DeviceConfig, House
from ..config.driver_discovery import DriverUnavailable, code_of
from ..device.device import Device
from ..device.found_values import FoundValues
from ..device.write_ledger import WriteLedger, ledger_of
from ..errors import ConfigError, Problem
from ..events import DeviceEvent, Lost, Measured
from ..host import clock, control_socket
from ..host.disk import AtOnce, Disk
from ..host.identifier import ids_from
from ..host.log import Logger, flush, get_logger
from ..host.notify import notify
from ..host.store import SOON_S, Key, Store
from ..rm.kinds import Ability, Kind, kind
from ..rm.memory import Memory
from ..rm.occasion import SafeStates
from ..rm.policy import Identity, Policy
from ..rm.setup import Setup
from ..s2.messages.common import CONTROL_TYPES
from ..values import Clock, Quality, Reading
from .house import HouseLoop
from .link import BACKOFF, Link
from .node import Node
from .owner_requests import answer_to
from .tls import TlsContexts
from .watchdog import Hung, watch

STRIKES = 5
"""A node that broke this often ends the process..."""
STRIKE_DECAYS_AFTER_S = 600.0
"""...unless each break is forgotten in time."""
OURS = "s2d_drivers"
"""The package of the drivers that come with s2d."""
FOREIGN_AFTER_S = 3.0
"""So long devices of others' drivers wait at most for those of ours to be made safe."""
STOP_WITHIN_S = 15.0
"""Whatever a device or its driver does; systemd is patient for longer."""
RESTART = Backoff(first_s=1.0, most_s=60.0)


async def run(
    config: Config,
    store: Store,
    *,
    clock: Clock = clock.now,
    stopping: asyncio.Event | None = None,
    files: Disk = AtOnce(),  # noqa: B008 (immutable)
    control_dir: Path | None = None,
) -> bool:
    """The whole life of the daemon: open, work until told to stop, leave every device in its safe state.

    SIGTERM, SIGINT and SIGHUP tell it to stop, as does *stopping*; a second SIGTERM or SIGINT ends the process at once.
    *files* waits for what is read meanwhile. The owner can ask by a socket in *control_dir*, of which one has the lock.

    Returns whether all was well; it is not when a node broke too often and the process shall be started afresh, or when
    a device did not confirm its safe state, unless it is one that is switched off at times.

    Raises: ConfigError: what is kept in *store* cannot be used, or a bus cannot be opened.
    """
    stop = stopping or asyncio.Event()
    gateway = config.gateway.id or store.gateway_id()
    ledgers = {each.name: _ledger(store, gateway, each) for each in config.devices}
    log = get_logger()
    if shadowed := [each.name for each in config.devices if each.is_shadowed]:
        log.warning("daemon.shadowing", devices=shadowed)
    with _signals(stop, log):
        async with AsyncExitStack() as buses:
            opened, problems = await _open_buses(config.devices, buses)
            if not problems:
                zone = config.gateway.time_zone
                sites = _sites(config.devices, opened, ledgers, store, clock, log, files, zone)
                if config.house:
                    _hold(config.house, sites, clock)
                if control_dir:
                    await _listen(control_dir, sites, buses, log)
                return await _run(sites, gateway, store, stop, clock, log)
    raise ConfigError(problems)


def _hold(house: House, sites: Sequence["RunningDevice"], clock: Clock) -> None:
    """Has the devices of *house* among *sites* share its limit."""
    by_name = {each.name: each for each in sites}
    loop = HouseLoop(house, lambda: {name: site.node for name, site in by_name.items()}, clock)
    for name in (*([house.meter] if house.meter else []), *(each.name for each in house.held)):
        by_name[name].listen(partial(loop.heard, name))


async def _listen(folder: Path, sites: Sequence["RunningDevice"], lasting: AsyncExitStack, log: Logger) -> None:
    """Has the owner of *sites* be heard; where there can be no socket, all goes on without."""

    def answer(line: bytes) -> bytes:
        return answer_to(line, {each.name: each.node for each in sites})

    try:
        await lasting.enter_async_context(control_socket.listening(folder, answer))
    except OSError as exc:
        log.warning("control.failed", path=str(folder / control_socket.SOCKET), reason=exc.strerror or str(exc))


async def _run(
    sites: Sequence["RunningDevice"], gateway: UUID, store: Store, stop: asyncio.Event, clock: Clock, log: Logger
) -> bool:
    """All *sites* at work, from ready to safe. Returns whether all was well."""
    async with asyncio.TaskGroup() as tasks:
        workers = [tasks.create_task(_supervise(each, gateway, store, stop, clock, log)) for each in sites]
        watching = tasks.create_task(watch(sites, clock, log))
        log.info("daemon.ready", gateway=str(gateway), devices=len(sites))
        notify("READY=1")
        await stop.wait()
        log.info("daemon.stopping")
        notify("STOPPING=1")
        await asyncio.wait(workers, timeout=STOP_WITHIN_S)
        if not all(worker.done() for worker in workers):
            log.error("daemon.killed", reason="a device holds up the end")
            flush()
            os._exit(1)
        watching.cancel()
    return all(worker.result() for worker in workers)


async def make_safe(devices: Sequence[DeviceConfig], store: Store, gateway: UUID, *, clock: Clock = clock.now) -> bool:
    """Brings *devices* to the safe state in which a daemon leaves them, as one that is stopped before it began.

    Those of drivers that do not come with s2d are seen to last, as one that blocks may be why there is no daemon. What
    is kept in *store* of *gateway* is made use of as far as it can be read. Returns whether all confirmed it, but
    for those that are switched off at times.
    """
    stop, log = asyncio.Event(), get_logger()
    stop.set()
    ledgers = {}
    for each in devices:
        try:
            ledgers[each.name] = _ledger(store, gateway, each)
        except ConfigError as exc:
            log.warning("ledger.failed", device=each.name, reason=str(exc))
            ledgers[each.name] = WriteLedger()
    workers: list[asyncio.Task[bool]] = []
    problems: list[Problem] = []
    async with AsyncExitStack() as buses, asyncio.TaskGroup() as tasks:
        for is_ours in (True, False):
            steered = [
                each for each in devices if each.kind and (each.driver.__module__.split(".")[0] == OURS) is is_ours
            ]
            if steered and workers:
                await asyncio.wait(workers, timeout=FOREIGN_AFTER_S)
            opened, flaws = await _open_buses(steered, buses)
            problems += flaws
            sites = _sites([each for each in steered if _bus_key(each) in opened], opened, ledgers, store, clock, log)
            workers += [tasks.create_task(_supervise(each, gateway, store, stop, clock, log)) for each in sites]
    for problem in problems:
        log.error("fallback.unconfirmed", device=problem.path, why=problem.what)
    return all(worker.result() for worker in workers) and not problems


class RunningDevice:
    """A running device, as configured, and what is attached to it; makes its parts anew whenever it is started."""

    def __init__(
        self,
        config: DeviceConfig,
        buses: Mapping[Hashable, Any],
        ledger: WriteLedger,
        store: Store,
        tls: TlsContexts,
        files: Disk,
        clock: Clock,
        log: Logger,
        time_zone: str,
    ) -> None:
        self.config = config
        self.time_zone = time_zone
        self.tls = tls
        self.files = files
        self._buses = buses
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._log = log
        self._listeners: list[Callable[[DeviceEvent], None]] = []
        self.node: Node | None = None
        self._device: Device | None = None
        self._work: asyncio.Task[bool] | None = None
        self._ending_since: float | None = None

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def alive_until(self) -> float:
        """Until when (monotonic seconds) all its tasks may be silent."""
        if self._work is None:
            return inf
        return self.node.alive_until if self.node else self._device.alive_until if self._device else inf

    @property
    def ending_since(self) -> float | None:
        """Since when (monotonic seconds) it is to end, as it is hung; None: it is not."""
        return self._ending_since

    def end(self, now: float) -> None:
        """Has its work end, as it is hung."""
        if self._work:
            self._ending_since = now
            self._work.cancel()

    async def at_work(self, work: Coroutine[Any, Any, bool]) -> bool:
        """What comes of *work*, which `end` may end. Raises: Hung: it did."""
        self._work = asyncio.create_task(work)
        try:
            return await self._work
        except asyncio.CancelledError:
            if self._ending_since is None:
                raise
            raise Hung from None
        finally:
            self._work = self._ending_since = None

    def listen(self, listener: Callable[[DeviceEvent], None]) -> None:
        """Has *listener* hear all that it emits, whenever it is started."""
        self._listeners.append(listener)

    def pass_on(self, point: str, to: "RunningDevice", as_point: str) -> None:
        """Lets *to* have this device's *point* under the name *as_point*."""

        def pass_on(event: DeviceEvent) -> None:
            match event:
                case Measured(readings):
                    passed = tuple(replace(each, point=as_point) for each in readings if each.point == point)
                case Lost(reason):
                    passed = (Reading(as_point, None, Quality.BAD, f"{self.config.name}: {reason}"),)
                case _:
                    passed = ()
            if passed and to.node:
                to.node.post(Measured(passed, is_lent=True))

        self.listen(pass_on)

    def device(self) -> Device:
        config = self.config
        bus = self._buses[_bus_key(config)]
        device = Device(
            config.name,
            lambda points: config.driver.open(config.connection, points, bus),
            config.make,
            poll_s=config.poll_s,
            variants=config.variants,
            ledger=self._ledger,
            found=FoundValues(self._store, config.name),
            is_expected_offline=config.is_expected_offline,
            is_shadowed=config.is_shadowed,
            where=config.driver.where(config.connection),
            clock=self._clock,
            log=self._log,
        )
        for listener in self._listeners:
            device.listen(listener)
        self._device = device
        return device


def _sites(
    devices: Sequence[DeviceConfig],
    buses: Mapping[Hashable, Any],
    ledgers: Mapping[str, WriteLedger],
    store: Store,
    clock: Clock,
    log: Logger,
    files: Disk = AtOnce(),  # noqa: B008 (immutable)
    time_zone: str = "UTC",
) -> list[RunningDevice]:
    tls = TlsContexts()
    sites = {
        each.name: RunningDevice(each, buses, ledgers[each.name], store, tls, files, clock, log, time_zone)
        for each in devices
    }
    for site in sites.values():
        for point, source in site.config.sources.items():
            if source.device in sites:
                sites[source.device].pass_on(source.point, site, point)
    return list(sites.values())


async def _supervise(
    site: RunningDevice, gateway: UUID, store: Store, stop: asyncio.Event, clock_: Clock, log: Logger
) -> bool:
    """Keeps one device at work until *stop*, and starts it again when it breaks; also to leave it in its safe state.

    Once it has broken too often, all others are stopped in good order. Returns whether it was left as it should be.
    """
    strikes: list[float] = []
    while True:
        try:
            return await site.at_work(_work(site, gateway, store, stop, clock_, log))
        except Exception:
            now = clock_().mono
            strikes = [at for at in strikes if now - at < STRIKE_DECAYS_AFTER_S] + [now]
            log.exception("node.broken", device=site.config.name, strikes=len(strikes))
            if stop.is_set() or len(strikes) >= STRIKES:
                stop.set()
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(RESTART.ceiling_s(len(strikes) - 1)):
                    await stop.wait()


async def _work(
    site: RunningDevice, gateway: UUID, store: Store, stop: asyncio.Event, clock_: Clock, log: Logger
) -> bool:
    """Works until *stop*; returns whether the device was left as it should be."""
    config, device = site.config, site.device()
    if config.kind is None:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(device.run())
            await stop.wait()
            running.cancel()
        return True
    assert config.cem is not None
    resource_id = config.resource_id or str(uuid5(gateway, config.name))
    log = log.bind(rm=config.name)
    key = Key("resource-manager", resource_id)
    setup = setup_of(config, resource_id, site.time_zone, store.get(key, Memory))
    resource_manager = setup.resource_manager(ids_from(uuid4()))

    def keep(memory: bytes, is_urgent: bool) -> None:
        if not config.is_shadowed:  # the next run is to know nothing of what was never done
            store.put_soon(key, Raw(memory), within_s=0 if is_urgent else SOON_S)

    node = Node(resource_manager, device, clock=clock_, log=log, keep=keep)
    site.node = node
    try:
        is_safe = await node.run(
            Link(
                config.cem.url_of(resource_id=resource_id, name=config.name),
                take=node.take,
                log=log,
                token_file=config.cem.token_file,
                ca_file=config.cem.ca_file,
                tls=site.tls,
                files=site.files,
                backoff=BACKOFF,
            ),
            stop,
        )
        return is_safe or config.is_expected_offline
    finally:
        site.node = None


def setup_of(config: DeviceConfig, resource_id: str, time_zone: str, memory: Memory | None) -> Setup:
    """What the resource manager of *config* is made from, a device that is a resource."""
    assert config.kind is not None
    assert config.cem is not None
    assert config.settings is not None
    assert config.fallback is not None
    of_kind, report, chosen = kind(config.kind), config.report, config.control_types
    abilities = config.abilities(of_kind)
    identity = Identity(
        resource_id,
        of_kind.called(config.settings, config.name),
        config.manufacturer,
        config.model,
        config.serial_number,
        config.firmware_version,
    )
    policy = Policy(
        fallback_after_s=config.fallback.after_s,
        hold_s=config.fallback.hold_s,
        thresholds=of_kind.thresholds(config.settings, report.power_w, report.fill_level, report.every_s),
        processing_delay_s=_processing_delay_s(config, of_kind, abilities),
        updates=config.cem.instruction_updates,
        max_instruction_age_s=config.cem.max_instruction_age_s,
        redescribe_after_status=config.cem.redescribe_after_status,
        control_types=None if chosen is None else tuple(CONTROL_TYPES[each] for each in chosen),
    )
    return Setup(
        kind=config.kind,
        identity=identity,
        settings=config.settings,
        abilities=abilities,
        safe=SafeStates(config.fallback.setpoints, dict(config.fallback.special)),
        policy=policy,
        time_zone=time_zone,
        is_expected_offline=config.is_expected_offline,
        house=config.house,
        memory=memory,
    )


def _processing_delay_s(config: DeviceConfig, of_kind: Kind, abilities: Mapping[str, Ability]) -> float:
    """How long an order takes until it shows, as it is told before that was timed; nothing shows between two polls."""
    return max(float(config.poll_s), of_kind.shows_within_s(abilities)) if of_kind.control_types else 0.0


def _ledger(store: Store, gateway: UUID, device: DeviceConfig) -> WriteLedger:
    ledger = ledger_of(device.name, store, gateway)
    if flaw := ledger.tidy():
        get_logger().warning("ledger.failed", device=device.name, reason=flaw)
    return ledger


async def _open_buses(
    devices: Sequence[DeviceConfig], buses: AsyncExitStack
) -> tuple[dict[Hashable, Any], list[Problem]]:
    """The buses of *devices*, and why some cannot be opened."""
    opened: dict[Hashable, Any] = {}
    problems: list[Problem] = []
    for device in devices:
        key = _bus_key(device)
        if key not in opened:
            try:
                with code_of(device.driver.__name__):
                    opened[key] = await buses.enter_async_context(device.driver.open_bus(device.connection))
            except DriverUnavailable as exc:
                problems.append(Problem(device.name, 0, 0, "", str(exc), exc.hint))
    return opened, problems


def _bus_key(device: DeviceConfig) -> Hashable:
    return device.driver, device.driver.bus_of(device.connection)


@contextmanager
def _signals(stop: asyncio.Event, log: Logger) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop_or_die(name: str) -> None:
        # A terminal that is lost says so more than once, by itself and by its shell, and means nothing by that.
        if stop.is_set() and name != "SIGHUP":
            log.warning("daemon.killed", signal=name)
            flush()
            os._exit(1)
        stop.set()

    names = ("SIGTERM", "SIGINT", "SIGHUP")
    for name in names:
        loop.add_signal_handler(signal.Signals[name], stop_or_die, name)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(signal.Signals[name])

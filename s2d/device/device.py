"""The task of one device: finds out what it is, reads on schedule, has done what is wanted, and emits what it has seen.

The driver has the mechanics, this has the patience. Only this task touches the driver. Whoever listens hears Measured,
Lost, Applied, Refused and Identified, in the order they happened.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from math import inf
from random import random

from ..backoff import Backoff
from ..driver import AnyDriver, Doubt, PointSettings
from ..errors import DeviceUnreachable
from ..events import DeviceEvent, Identified, Lost, Measured
from ..host.log import Logger
from ..values import Clock, Reading, Setpoint
from .command_runner import CommandRunner
from .device_map import DeviceMap, Variant, probing_map
from .found_values import FoundValues
from .latest_values import LatestValues
from .opened_device import SILENT_AT_MOST_S, DriverHung, NotReady, OpenedDevice, Unbelieved
from .write_ledger import WriteLedger
from .write_saver import Tally

LOST_AFTER = 2
"""So many failures in a row make a device lost; a single one happens on every bus."""
UNPROVEN_FOR_S = 600.0
"""So long a device that says nothing of itself is believed to be where it was, though its name cannot be looked up."""

Listener = Callable[[DeviceEvent], None]


class Device:
    """One device, opened by *opened* with the points it turns out to have.

    Its map is *make*, unless one of its *variants* holds; that is found out again whenever it was lost.
    """

    def __init__(
        self,
        name: str,
        opened: Callable[[Mapping[str, PointSettings]], AbstractAsyncContextManager[AnyDriver]],
        make: DeviceMap,
        *,
        poll_s: float,
        clock: Clock,
        log: Logger,
        variants: Sequence[Variant] = (),
        ledger: WriteLedger | None = None,
        found: FoundValues | None = None,
        is_expected_offline: bool = False,
        is_shadowed: bool = False,
        where: str = "",
        backoff: Backoff = Backoff(first_s=1.0, most_s=60.0),  # noqa: B008 (immutable)
    ) -> None:
        """*is_expected_offline*: it is switched off at times, every night say, which is nothing to warn of.

        *is_shadowed*: it is never written to; what would be is logged. *where* it is, for people.
        """
        self.name = name
        self._opened = opened
        self._make = make
        self._variants = variants
        self._probes = {name: point for name, point in make.points.items() if variants and point.poll == "once"}
        """What tells the variants apart."""
        self._poll_s = poll_s
        self._clock = clock
        self._log = log.bind(device=name)
        self._is_expected_offline = is_expected_offline
        self._is_shadowed = is_shadowed
        self._where = where
        self._backoff = backoff
        self._listeners: list[Listener] = []
        self._is_offered = False
        """Something is wanted that was not tried since."""
        self._is_earlier = asyncio.Event()
        self._wake_at = -inf
        """Until when it waits; below all instants while it is at work."""
        self._commands = CommandRunner(
            ledger or WriteLedger(), clock=clock, log=self._log, emit=self._emit, found=found
        )
        self._oddities: set[str] = set()
        """Those that were told, in all its openings."""
        self._is_started = False
        """It was started, and introduced itself, since it was last lost."""
        self._said: list[str | None] = []
        """What it said of itself when it was sure that it was the device."""
        self._failures = 0
        self._is_answering = True
        """Though it may be lost: it cannot be had."""
        self._latest: LatestValues | None = None
        self._failing_since = 0.0
        self._failed_at = 0.0
        self._lost_because: str | None = None
        self._since: float | None = None
        self._retry_at = 0.0
        self._alive_until = inf

    @property
    def tally(self) -> Tally:
        """What was written since the start."""
        return self._commands.tally

    def listen(self, listener: Listener) -> None:
        """Has *listener* called with every event from now on."""
        self._listeners.append(listener)

    def offer(self, setpoint: Setpoint) -> None:
        """Wants *setpoint* done, at once if possible; it replaces what was wanted of its point before.

        It stays wanted until the device confirmed or refused it, however long the device is away.
        """
        self._commands.offer(setpoint)
        self._is_offered = True
        self._is_earlier.set()

    async def run(self) -> None:
        """Serves the device for ever. Raises nothing but what is a bug."""
        while True:
            self._alive(self._clock().mono + SILENT_AT_MOST_S)
            make = await self._identified_map()
            async with self._opened(make.points) as driver:
                await self._serve(self._opening(driver, make))

    async def _identified_map(self) -> DeviceMap:
        """What the device turns out to be."""
        known = dict(self._make.parameters)
        if self._probes:
            make = probing_map(self._make)
            # With all its points: where a probe gets no answer, another may tell whether the device is there.
            async with self._opened(self._make.points) as driver:
                opened = self._opening(driver, make)
                while not await self._attempt(opened, lambda: opened.read(self._probes)):
                    await self._wait(inf)
                known = opened.latest.values
        return next((each.make for each in self._variants if each.when.evaluate(known)), self._make)

    def _opening(self, driver: AnyDriver, make: DeviceMap) -> OpenedDevice:
        def emit(news: tuple[Reading, ...]) -> None:
            self._commands.observe(news, make.points)
            self._emit(Measured(news))

        opened = OpenedDevice(
            driver,
            make,
            poll_s=self._poll_s,
            clock=self._clock,
            log=self._log,
            emit=emit,
            wake=self._read_news_at,
            alive=self._alive,
            note_odd=self._note_odd,
            is_shadowed=self._is_shadowed,
        )
        self._latest = opened.latest
        return opened

    async def _serve(self, opened: OpenedDevice) -> None:
        """Works until the device was lost and may come back as another."""
        while not (self._probes and self._is_lost and not self._is_answering):
            await self._attempt(opened, lambda: self._exchange(opened))
            await self._wait(min(opened.next_at(), self._commands.next_at(opened)))

    async def _attempt(self, opened: OpenedDevice, exchange: Callable[[], Awaitable[object]]) -> bool:
        """Whether the device could be reached; while it is away it is left alone, unless something is wanted of it."""
        is_offered, self._is_offered = self._is_offered, False
        if not is_offered and self._clock().mono < self._retry_at:
            return False
        try:
            await exchange()
        except NotReady as exc:
            if isinstance(exc, Unbelieved) and self._is_lost:
                await self._commands.write_safe(opened)
            self._mark_unavailable(exc.reason)
            return False
        except DeviceUnreachable as exc:
            # Many are deaf while they do what they were told.
            if self._clock().mono < opened.deaf_until and not self._is_lost:
                self._commands.invalidate()
                self._retry_at = self._clock().mono + self._backoff.half_jitter_s(0, random())
                self._log.debug("device.silent", reason=exc.reason, settles=True)
            else:
                self._fail(opened, exc.reason)
            return False
        self._recover()
        return True

    async def _exchange(self, opened: OpenedDevice) -> None:
        """Writes what is wanted, then reads what is due, also when a write meets with silence."""
        if doubt := opened.doubt:
            await self._judge(doubt, opened)
        if not self._is_started:
            await self._start_device(opened)
        try:
            await self._commands.write_due(opened)
        except (NotReady, DriverHung):
            raise
        except DeviceUnreachable:
            if not await opened.read_due():
                raise
            self._commands.put_off()
        else:
            await opened.read_due()

    async def _judge(self, doubt: Doubt, opened: OpenedDevice) -> None:
        """Finds out whether the device is where it was, by what it said of itself while that was sure.

        Raises: DeviceUnreachable: that cannot be told any more. NotReady: it is not. Both: it is looked for anew.
        """
        named = opened.latest.inputs_of(opened.make.nameplate.names)
        if named and self._said:
            await opened.read(named)
            is_device = self._said == [_said(name, opened) for name in opened.make.nameplate.texts]
            opened.judge(doubt, is_device=is_device)
            if not is_device:
                raise NotReady(f"its name cannot be looked up, and at its last address, {doubt.address}, is another")
            return
        is_recent = self._clock().mono - doubt.since < UNPROVEN_FOR_S
        opened.judge(doubt, is_device=is_recent)
        if not is_recent:
            told = f"its name cannot be looked up, and who is at its last address, {doubt.address}, does not say"
            raise DeviceUnreachable(told)

    async def _start_device(self, opened: OpenedDevice) -> None:
        """Has the device say what it is, and brings it into the state in which it starts."""
        make = opened.make
        named = opened.latest.inputs_of(make.nameplate.names)
        identity = [name for name, point in make.points.items() if point.poll == "once" and point.is_readable]
        conditions = [*([make.available.if_] if make.available else []), *([make.ready] if make.ready else [])]
        decisive = opened.latest.inputs_of(frozenset().union(*(each.names for each in conditions)))
        if asked := dict.fromkeys([*identity, *named, *decisive, *([make.uptime] if make.uptime else [])]):
            await opened.read(asked)
        if doubt := opened.doubt:
            await self._judge(doubt, opened)
        await self._commands.prepare(opened)
        self._is_started = True
        said = [_said(name, opened) for name in make.nameplate.texts]
        if not opened.doubt:
            self._said = said
        if any(said):
            self._emit(Identified(*said))

    @property
    def _is_lost(self) -> bool:
        return self._failures >= LOST_AFTER

    def _fail(self, opened: OpenedDevice, reason: str) -> None:
        """It did not answer; it is asked again more and more seldom."""
        self._is_answering = False
        was_lost = self._is_lost
        wait_s = self._backoff.half_jitter_s(self._failures, random())
        self._back_off(wait_s, self._failures + 1)
        if self._is_lost and not was_lost:
            self._lose(opened.explained(reason), wait_s)
        else:
            self._log.debug("device.silent", reason=reason, failures=self._failures, retry_in_s=round(wait_s, 1))

    def _mark_unavailable(self, reason: str) -> None:
        """It answers, so it is believed at once, and asked as often as ever."""
        self._is_answering = True
        was_lost = self._is_lost
        self._back_off(self._poll_s, LOST_AFTER)
        if not was_lost:
            self._lose(reason, self._poll_s)

    def _back_off(self, wait_s: float, failures: int) -> None:
        now = self._clock().mono
        if self._failures == 0:
            self._failing_since = now
        self._failures = failures
        self._failed_at = now
        self._commands.invalidate()
        self._retry_at = now + wait_s
        self._is_started = self._is_started and not self._is_lost

    def _lose(self, reason: str, wait_s: float) -> None:
        event = "device.unavailable" if self._is_answering else "device.unreachable"
        facts = {"where": self._where, "reason": reason, "retry_in_s": round(wait_s, 1)}
        self._lost_because, self._since = reason, self._failing_since
        self._commands.lose()
        if self._is_expected_offline:
            own = self._make.points.keys() | self._make.computed.keys()
            values = self._latest.values if self._latest else {}
            known = {name: value for name, value in values.items() if name in own}
            self._log.info(event, **facts, expected=True, known=known)
        else:
            self._log.warning(event, **facts)
        self._emit(Lost(reason))

    def _recover(self) -> None:
        now = self._clock().mono
        if self._is_lost:
            self._log.info("device.recovered", down_s=round(now - self._failing_since, 1))
            self._commands.recover()
        if self._is_lost or self._since is None:
            self._lost_because, self._since = None, now
        self._failures = 0
        self._retry_at = 0.0

    async def _wait(self, until: float) -> None:
        """Waits until something is due, new or offered; *until* holds as long as the device answers."""
        if self._is_offered:
            return
        is_left_alone = self._failures > 0 or self._retry_at > self._clock().mono
        self._wake_at = self._retry_at if is_left_alone else until
        wait_s = None if self._wake_at == inf else max(0.0, self._wake_at - self._clock().mono)
        self._is_earlier.clear()
        self._alive(self._wake_at + SILENT_AT_MOST_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._is_earlier.wait()
        except TimeoutError:
            pass
        self._wake_at = -inf
        self._alive(self._clock().mono + SILENT_AT_MOST_S)

    def _read_news_at(self, at: float) -> None:
        """Reads at *at* what the device says is new. Who speaks is there, so it is left alone only shortly."""
        if self._failures:
            self._retry_at = at = min(self._retry_at, max(at, self._failed_at + self._backoff.first_s))
        if at < self._wake_at:
            self._is_earlier.set()

    def _emit(self, event: DeviceEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def _note_odd(self, oddities: Collection[str]) -> None:
        for oddity in oddities:
            if oddity not in self._oddities:
                self._oddities.add(oddity)
                self._log.warning("device.odd", what=oddity)

    def _alive(self, until: float) -> None:
        self._alive_until = until

    @property
    def alive_until(self) -> float:
        """Until when (monotonic seconds) its task may be silent; if it says nothing of itself by then, it is hung."""
        return self._alive_until

    @property
    def latest(self) -> LatestValues | None:
        """What is known since it was opened, to look at; None before."""
        return self._latest

    @property
    def since(self) -> float | None:
        """When (monotonic seconds) it first answered, came back, or stopped answering; None while that is open."""
        return self._since

    @property
    def lost_because(self) -> str | None:
        """Why it is lost; None unless it is."""
        return self._lost_because

    @property
    def retry_at(self) -> float | None:
        """When (monotonic seconds) it is asked again though it did not answer; None while it does."""
        return self._retry_at if self._failures else None

    @property
    def wanted(self) -> tuple[Setpoint, ...]:
        """What is wanted of it and not done yet; the newest of each point."""
        return self._commands.wanted

    @property
    def acknowledged(self) -> frozenset[Setpoint]:
        """What it took and does not show yet."""
        return self._commands.acknowledged

    @property
    def done(self) -> tuple[Setpoint, ...]:
        """What it confirmed last of each point."""
        return self._commands.done


def _said(name: str | None, opened: OpenedDevice) -> str | None:
    """What the point or text *name* of a nameplate comes to."""
    make = opened.make
    if name is None or not (name in make.points or name in make.computed):
        return name
    value = opened.latest.values.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value).strip() or None

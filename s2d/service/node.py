"""A node, one resource at work: its resource manager, its device and its link. What breaks restarts as a node.

Whatever happens goes into the resource manager at once, and what it wants is carried out at once; no effect blocks.
"""

import asyncio
from collections.abc import Callable, Iterable
from math import inf

from ..device.device import Device
from ..device.opened_device import SILENT_AT_MOST_S
from ..events import Applied, Refused, Shadowed
from ..host.log import Logger
from ..observe.read_models import NodeStatus, node_status
from ..observe.tap import Taken
from ..rm.resource_manager import ResourceManager
from ..s2.effects import (
    Apply,
    Close,
    Disconnected,
    Effect,
    Event,
    Level,
    Note,
    ReconnectTerms,
    Remember,
    Send,
    Started,
    Stopping,
    Tick,
)
from ..values import Clock, Now, Setpoint
from .link import Link
from .log_limiter import LogLimiter

FAREWELL_WITHIN_S = 3.0
"""How long the CEM may take to hear that we stop."""
SAFE_WITHIN_S = 8.0
"""How long the device may take to confirm its safe state when we stop; systemd is patient for longer."""


class Node:
    """A node: one resource at work. `take` is its only way in."""

    def __init__(
        self,
        resource_manager: ResourceManager,
        device: Device,
        *,
        clock: Clock,
        log: Logger,
        keep: Callable[[bytes, bool], None] = lambda memory, is_urgent: None,
        tap: Callable[[Taken], None] | None = None,
    ) -> None:
        """*keep* has the memory of the resource manager survive a restart, at once if it is urgent.

        *tap* is handed whatever was taken; it is quick, and changes nothing.
        """
        self._resource_manager = resource_manager
        self._device = device
        self._clock = clock
        self._log = log
        self._keep = keep
        self._tap = tap
        self._link: Link | None = None
        self._wake_at = inf
        self._alive_until = inf
        self._is_earlier = asyncio.Event()
        self._posted: list[Event] = []
        self._unlogged: list[Note] = []
        self._limiter = LogLimiter()
        self._is_stopping = False
        self._unconfirmed: dict[Setpoint, str] = {}
        """What is wanted of each point since we stop, as far as the device has not confirmed it; and why it has not."""
        self._is_safe = asyncio.Event()
        self._is_refused = False
        """The device will never take something of its safe state."""
        device.listen(self.take)

    def take(self, event: Event) -> None:
        """Lets the resource manager handle *event* now, and carries out what it wants."""
        now = self._clock()
        effects: list[Effect] = []
        try:
            effects = self._resource_manager.handle(event, now)
        finally:
            # Also what breaks it is to be seen.
            if self._tap:
                self._tap((event, effects, now))
        if isinstance(event, Stopping):
            self._is_stopping = True
        for effect in effects:
            self._carry_out(effect)
        if isinstance(event, Disconnected):
            self._unlogged.append(Note(Level.INFO, "session.closed", {"reason": event.reason}))
        if self._unlogged:
            # The CEM and the device wait for what is sent and written, the log does not.
            asyncio.get_running_loop().call_soon(self._write_log)
        if self._is_stopping:
            self._cross_off(event)
        self._wake_by(self._next_at(now))

    @property
    def alive_until(self) -> float:
        """Until when (monotonic seconds) all its tasks may be silent; if one says nothing by then, it is hung."""
        link_until = self._link.alive_until if self._link else inf
        return min(self._alive_until, self._device.alive_until, link_until)

    def status(self) -> NodeStatus:
        """How it stands now."""
        return node_status(self._device, self._resource_manager, self._clock())

    @property
    def wanted_a(self) -> float:
        """The current on each phase that it would take if its house had all the room; 0 where none holds it."""
        return self._resource_manager.wanted_a

    def post(self, event: Event) -> None:
        """Has *event* taken by this node's own task, so that what breaks over it is this node and not the caller."""
        self._posted.append(event)
        self._is_earlier.set()

    async def run(self, link: Link, stopping: asyncio.Event) -> bool:
        """Works until *stopping* is set, then leaves the device in its safe state and the CEM informed.

        Returns whether the device confirmed its safe state.
        """
        self._link = link
        try:
            return await self._work(link, stopping)
        finally:
            self._write_log()
            self._log_notes(self._limiter.due(inf))

    async def _work(self, link: Link, stopping: asyncio.Event) -> bool:
        async with asyncio.TaskGroup() as tasks:
            device = tasks.create_task(self._device.run())
            self.take(Started())
            linked = tasks.create_task(link.run())
            timer = tasks.create_task(self._keep_time())
            await stopping.wait()
            self._alive_until = inf  # there is nothing more to wait for
            safe_by = asyncio.get_running_loop().time() + SAFE_WITHIN_S
            self.take(Stopping())
            await self._say_farewell(link, linked)
            is_safe = await self._wait_until_safe(safe_by)
            timer.cancel()
            device.cancel()
        return is_safe

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(message):
                if self._link:
                    self._link.send(message)
            case Apply(setpoint):
                if self._is_stopping:
                    others = {each: why for each, why in self._unconfirmed.items() if each.point != setpoint.point}
                    self._unconfirmed = {**others, setpoint: "the device is silent"}
                self._device.offer(setpoint)
            case Note():
                self._unlogged.append(effect)
            case Close(reason, back):
                self._unlogged.append(Note(Level.INFO, "session.closing", {"reason": reason}))
                if self._link:
                    self._link.close(back)
            case Remember(memory, is_urgent):
                self._keep(memory, is_urgent)
            case ReconnectTerms():
                if self._link:
                    self._link.come_back(effect)

    def _write_log(self) -> None:
        notes, self._unlogged = self._unlogged, []
        now = self._clock()
        self._log_notes([each for note in notes for each in self._limiter.admit(note, now.mono)])
        self._wake_by(self._limiter.next_at())

    def _log_notes(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self._log.log(_LEVELS[note.level], note.event, **note.facts)

    def _next_at(self, now: Now) -> float:
        """When the resource manager is due a Tick."""
        wait_s = self._resource_manager.wake_after(now)
        return inf if wait_s is None else now.mono + wait_s

    def _wake_by(self, at: float) -> None:
        if at < self._wake_at:
            self._is_earlier.set()

    async def _keep_time(self) -> None:
        """Takes what was posted, and a Tick whenever the resource manager is due one."""
        while True:
            while self._posted:
                self.take(self._posted.pop(0))
            now = self._clock()
            self._log_notes(self._limiter.due(now.mono))
            self._wake_at = min(self._next_at(now), self._limiter.next_at())
            self._is_earlier.clear()
            self._alive_until = self._wake_at + SILENT_AT_MOST_S
            try:
                async with asyncio.timeout(None if self._wake_at == inf else self._wake_at - now.mono):
                    await self._is_earlier.wait()
            except TimeoutError:
                self.take(Tick())

    async def _say_farewell(self, link: Link, linked: asyncio.Task[None]) -> None:
        if link.is_connected:
            await asyncio.wait([linked], timeout=FAREWELL_WITHIN_S)
        linked.cancel()

    def _cross_off(self, event: Event) -> None:
        """Crosses off what the device confirmed, will not take or is not to be told, of its safe state."""
        match event:
            case Refused(setpoint, reason, will_retry=True) if setpoint in self._unconfirmed:
                self._unconfirmed[setpoint] = reason
            case Refused(setpoint) if setpoint in self._unconfirmed:
                del self._unconfirmed[setpoint]
                self._is_refused = True
            case Applied(setpoint) | Shadowed(setpoint):
                self._unconfirmed.pop(setpoint, None)
        if self._unconfirmed:
            self._is_safe.clear()
        else:
            self._is_safe.set()

    async def _wait_until_safe(self, by: float) -> bool:
        """Whether the device confirms its safe state *by* then, on the clock of the loop."""
        try:
            async with asyncio.timeout_at(by):
                await self._is_safe.wait()
        except TimeoutError:
            for setpoint in self._device.acknowledged:  # some show only much later what they have done long ago
                self._unconfirmed.pop(setpoint, None)
            for setpoint, why in self._unconfirmed.items():
                self._log.error("fallback.unconfirmed", point=setpoint.point, value=setpoint.value, why=why)
        return not self._unconfirmed and not self._is_refused


_LEVELS = {Level.DEBUG: 10, Level.INFO: 20, Level.WARNING: 30, Level.ERROR: 40}

"""The task of one device: reads on schedule, writes what is wanted, and says what it has seen.

The driver has the mechanics, this has the patience: poll times, staleness, refresh, back-off. Only this task touches
the driver. Whoever listens hears Measured, Lost, Applied and Refused, in the order they happened.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from random import random

from .backoff import Backoff
from .driver import Driver, PointSettings
from .effects import Applied, Event, Lost, Measured, Refused
from .errors import DeviceRefused, DeviceUnreachable
from .log import Logger
from .values import Clock, Quality, Reading, Setpoint

LOST_AFTER = 2
"""So many failures in a row make a device lost; a single one happens on every bus."""
EXCHANGE_WITHIN_S = 30.0
"""A driver that is silent for this long is taken for hung, whatever its own limits are."""
STALE_AFTER_POLLS = 3
STALE_AFTER_S = 10.0
"""Without a `max_age` a value is stale after the longer of the two."""

Listener = Callable[[Event], None]


class Device:
    """One device, opened by *opened* as often as its task is run."""

    def __init__(
        self,
        name: str,
        opened: Callable[[], AbstractAsyncContextManager[Driver]],
        points: Mapping[str, PointSettings],
        *,
        poll_s: float,
        clock: Clock,
        log: Logger,
        backoff: Backoff = Backoff(first_s=1.0, most_s=60.0),  # noqa: B008 (immutable)
    ) -> None:
        self.name = name
        self._opened = opened
        self._points = points
        self._poll_s = {name: point.poll or poll_s for name, point in points.items() if point.is_readable}
        self._clock = clock
        self._log = log.bind(device=name)
        self._backoff = backoff
        self._listeners: list[Listener] = []
        self._wanted: dict[str, Setpoint] = {}
        """Offered and not confirmed yet; the newest of each point."""
        self._written: dict[str, tuple[Setpoint, float]] = {}
        """Confirmed last, and when: what a refresh repeats."""
        self._refused: dict[str, Setpoint] = {}
        """Wanted still, though the device could not be reached with it."""
        self._offered = asyncio.Event()
        self._read_at: dict[str, float] = {}
        self._good_at: dict[str, float] = {}
        self._stale: set[str] = set()
        self._rejected: set[str] = set()
        self._failures = 0
        self._failing_since = 0.0
        self._retry_at = 0.0

    def listen(self, listener: Listener) -> None:
        """Has *listener* called with every event from now on."""
        self._listeners.append(listener)

    def offer(self, setpoint: Setpoint) -> None:
        """Wants *setpoint* written, at once if possible; it replaces what was wanted of its point before.

        It stays wanted until the device confirmed or refused it, however long the device is away.
        """
        self._wanted[setpoint.point] = setpoint
        self._offered.set()

    async def run(self) -> None:
        """Serves the device for ever. Raises nothing but what is a bug."""
        now = self._clock().mono
        self._read_at = dict.fromkeys(self._poll_s, now)
        self._good_at = dict.fromkeys(self._poll_s, now)
        async with self._opened() as driver:
            while True:
                is_offered = self._offered.is_set()
                self._offered.clear()
                if is_offered or self._clock().mono >= self._retry_at:
                    await self._exchange(driver)
                await self._rest()

    async def _exchange(self, driver: Driver) -> None:
        """Writes what is wanted, then reads what is due."""
        try:
            async for setpoint in self._due_setpoints():
                async with asyncio.timeout(EXCHANGE_WITHIN_S):
                    await self._write(driver, setpoint)
            due = [point for point, at in self._read_at.items() if at <= self._clock().mono]
            if due:
                async with asyncio.timeout(EXCHANGE_WITHIN_S):
                    readings = await driver.read(due)
                self._take(readings, due)
            self._recover()
        except DeviceUnreachable as exc:
            self._fail(exc.reason)
        except TimeoutError:
            self._fail(f"the driver was silent for {EXCHANGE_WITHIN_S:g} s")

    async def _due_setpoints(self) -> AsyncIterator[Setpoint]:
        """What is wanted, and what has to be refreshed; looks again after each, as things may have changed."""
        tried: set[Setpoint] = set()
        while untried := [setpoint for setpoint in self._wanted.values() if setpoint not in tried]:
            tried.add(untried[0])
            yield untried[0]
        for setpoint, _ in list(self._written.values()):
            if self._refresh_at(setpoint.point) <= self._clock().mono:
                yield setpoint

    async def _write(self, driver: Driver, setpoint: Setpoint) -> None:
        is_wanted = self._wanted.get(setpoint.point) is setpoint
        try:
            await driver.write(setpoint)
        except DeviceRefused as exc:
            self._forget(setpoint)
            self._written.pop(setpoint.point, None)
            self._tell(Refused(setpoint, exc.reason))
        except DeviceUnreachable as exc:
            if is_wanted and self._refused.get(setpoint.point) is not setpoint:
                self._refused[setpoint.point] = setpoint
                self._tell(Refused(setpoint, exc.reason, will_retry=True))
            raise
        else:
            self._recover()
            self._forget(setpoint)
            self._written[setpoint.point] = (setpoint, self._clock().mono)
            if is_wanted:
                # What it does now is news: look at once.
                self._read_at = dict.fromkeys(self._read_at, self._clock().mono)
                self._tell(Applied(setpoint))

    def _forget(self, setpoint: Setpoint) -> None:
        if self._wanted.get(setpoint.point) is setpoint:
            del self._wanted[setpoint.point]
            self._refused.pop(setpoint.point, None)

    def _take(self, readings: Sequence[Reading], due: list[str]) -> None:
        now = self._clock().mono
        for point in due:
            self._read_at[point] += self._poll_s[point]
            if self._read_at[point] <= now:
                self._read_at[point] = now + self._poll_s[point]
        told = []
        for reading in readings:
            if reading.quality is Quality.GOOD:
                self._good_at[reading.point] = now - reading.age_s
                self._stale.discard(reading.point)
                self._rejected.discard(reading.point)
                told.append(reading)
            elif reading.point not in self._rejected:
                self._rejected.add(reading.point)
                self._log.warning("reading.rejected", point=reading.point, reason=reading.detail or reading.quality)
        told += self._gone_stale(now)
        if told:
            self._tell(Measured(tuple(told)))

    def _gone_stale(self, now: float) -> list[Reading]:
        gone = []
        for point, at in self._good_at.items():
            max_age_s = self._points[point].max_age or max(STALE_AFTER_POLLS * self._poll_s[point], STALE_AFTER_S)
            if now - at > max_age_s and point not in self._stale:
                self._stale.add(point)
                detail = f"no good value for {now - at:.0f} s"
                gone.append(Reading(point, None, Quality.BAD, detail))
        return gone

    def _fail(self, reason: str) -> None:
        now = self._clock().mono
        if self._failures == 0:
            self._failing_since = now
        self._failures += 1
        wait_s = self._backoff.half_jitter_s(self._failures - 1, random())
        self._retry_at = now + wait_s
        if self._failures == LOST_AFTER:
            self._log.warning("device.unreachable", reason=reason, retry_in_s=round(wait_s, 1))
            self._tell(Lost(reason))
        else:
            self._log.debug("device.silent", reason=reason, failures=self._failures, retry_in_s=round(wait_s, 1))

    def _recover(self) -> None:
        if self._failures >= LOST_AFTER:
            self._log.info("device.recovered", down_s=round(self._clock().mono - self._failing_since, 1))
        self._failures = 0
        self._retry_at = 0.0

    async def _rest(self) -> None:
        """Waits until something is due or offered."""
        now = self._clock().mono
        if self._failures:
            until = self._retry_at
        else:
            refreshes = [self._refresh_at(point) for point in self._written]
            until = min([*self._read_at.values(), *refreshes], default=now + EXCHANGE_WITHIN_S)
        try:
            async with asyncio.timeout(max(0.0, until - now)):
                await self._offered.wait()
        except TimeoutError:
            pass

    def _refresh_at(self, point: str) -> float:
        refresh_s = self._points[point].refresh
        return self._written[point][1] + refresh_s if refresh_s else float("inf")

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

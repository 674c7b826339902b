"""An opened device: one opening of its driver, when its points are read, and the latest values."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import TypeVar

from ..driver import AnyDriver, Doubt, PointSettings
from ..errors import DeviceRefused, DeviceUnreachable
from ..host.log import Logger
from ..values import RELEASE, Clock, Quality, Reading, Setpoint, Value
from .device_map import DeviceMap, commands_of
from .latest_values import LatestValues
from .news_schedule import NewsSchedule
from .poll_schedule import PollSchedule

EXCHANGE_WITHIN_S = 30.0
"""A driver that is silent for this long is taken for hung, whatever its own limits are."""
SILENT_AT_MOST_S = 2 * EXCHANGE_WITHIN_S
"""Whatever is at work and says nothing of itself for longer is hung: a driver lets nobody end its exchange."""

T = TypeVar("T")


class DriverHung(DeviceUnreachable):
    """A driver that did not come back in time; to ask it anything else would take as long."""


class NotReady(DeviceUnreachable):
    """A device that answers, but cannot be had: it says so itself, or was switched on anew."""


class WriteShadowed(DeviceRefused):
    """A write that was held back, as the device is only shadowed."""

    def __init__(self) -> None:
        super().__init__("the device is only shadowed")


class Unbelieved(NotReady):
    """A device of which nothing is believed, as it says itself; it may be told something all the same."""


class OpenedDevice:
    """One opening of a device by the map *make*; *emit* is called with all that is new, once it is available.

    Where the device speaks unasked, *wake* hears from when on that may be read. *alive* hears until when its task may
    be silent, *note_odd* what is odd about how the device speaks. A device that *is_shadowed* is never written to.
    """

    def __init__(
        self,
        driver: AnyDriver,
        make: DeviceMap,
        *,
        poll_s: float,
        clock: Clock,
        log: Logger,
        emit: Callable[[tuple[Reading, ...]], None],
        wake: Callable[[float], None] = lambda at: None,
        alive: Callable[[float], None] = lambda until: None,
        note_odd: Callable[[Collection[str]], None] = lambda oddities: None,
        is_shadowed: bool = False,
    ) -> None:
        now = clock().mono
        self.make = make
        self.is_shadowed = is_shadowed
        self.commands = commands_of(make)
        self.restored = frozenset[str]().union(*(command.restored for command in make.commands.values()))
        """Points in which releasing puts back what was found there."""
        self.schedule = PollSchedule(make.points, poll_s, now)
        self.latest = LatestValues(make, self.schedule.period_s, now, log)
        self._inputs: dict[tuple[str, bool], list[str]] = {}
        """By point of a command and whether it is to be released."""
        self._driver = driver
        self._clock = clock
        self._emit = emit
        self._wake = wake
        self._alive = alive
        self._news = NewsSchedule(make.points)
        self._has_withheld = False
        self._decisive = self.latest.inputs_of(make.ready.names if make.ready else ())
        """Read along with everything: whether the device is ready."""
        self._log = log
        self._note_odd = note_odd
        self._is_deaf = False
        """It has said nothing since it took a write, which was told to nobody yet."""
        self._alone_until = now
        self.settled_at = self.deaf_until = now
        """When (monotonic seconds) what was written shows, and until when silence says nothing: a line on which a unit
        was silent asks it again after as long at the latest."""
        if driver.news:
            driver.news.listen(self._hear)

    def next_at(self) -> float:
        """When something is to be read: it is due, or the device says that it is new."""
        return min(self.schedule.next_at(), self._news.next_at())

    def inputs_for(self, setpoint: Setpoint) -> list[str]:
        """The points that must be known to do *setpoint*, for which there is a command."""
        of = setpoint.point, setpoint.value == RELEASE
        if of not in self._inputs:
            self._inputs[of] = self.latest.inputs_of(self.commands[setpoint.point].names_for(setpoint.value))
        return self._inputs[of]

    async def read_due(self) -> bool:
        """Reads what the schedule says, and what the device says is new; whether there was any.

        Raises: DeviceUnreachable: the device did not answer. NotReady: it cannot be had, or was switched on anew.
        """
        due = self._due()
        if not due:
            return False
        before_s = self._uptime_s
        await self.read(due)
        if before_s is not None and (uptime_s := self._uptime_s) is not None and uptime_s < before_s:
            raise NotReady("it was switched on anew")
        return True

    def _due(self) -> list[str]:
        now = self._clock().mono
        due = self.schedule.due(now)
        return [*due, *(name for name in self._news.due(now) if name not in due)]

    async def look(self, points: Collection[str]) -> dict[str, Value]:
        """What *points* hold now, as far as they say. Read beside what is due; when they are due themselves stays.

        Raises: DeviceUnreachable: the device did not answer. NotReady: it says that it cannot be had.
        """
        due = [name for name in self._due() if name != self.make.uptime]  # which is compared elsewhere
        news = await self._read([*due, *(name for name in points if name not in due)], due)
        good = {each.point: each.value for each in news if each.quality is Quality.GOOD and each.value is not None}
        return {name: good[name] for name in points if name in good}

    async def read(self, points: Collection[str]) -> tuple[Reading, ...]:
        """Reads *points* now, whatever the schedule says, and returns what is news.

        Raises: DeviceUnreachable: the device did not answer. NotReady: it says that it cannot be had.
        """
        return await self._read(points, points)

    async def _read(self, points: Collection[str], scheduled: Collection[str]) -> tuple[Reading, ...]:
        """Reads *points*; of those *scheduled* the next time is put off by that."""
        await self.rested()
        asked_at = self._clock().mono
        self._alive(asked_at + SILENT_AT_MOST_S)
        points = dict.fromkeys((*points, *self._decisive)) if self._decisive else points
        with_news = self._news.pop(points, asked_at)
        try:
            readings = await self.answer_to(self._driver.read(points))
        except (DeviceUnreachable, asyncio.CancelledError):
            self._news.add(with_news)
            raise
        if why := self.latest.why_not_ready(readings):
            self._news.add(with_news)
            raise Unbelieved(why)
        now = self._clock().mono
        self.schedule.mark_read(scheduled, now)
        news = self.latest.observe(readings, now, asked_at)
        available = self.make.available
        if available and available.if_.evaluate(self.latest.values) in (False, 0):
            self._has_withheld = True
            raise NotReady(available.else_)
        if self._has_withheld:
            self._has_withheld = False
            news = self.latest.everything()
        if news:
            self._emit(news)
        return news

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value]:
        """Writes with one request; what its points read as once the device has done it, where that is to be seen.

        It is the only way to the driver's `write`.

        Raises: DeviceUnreachable, DeviceRefused. WriteShadowed: it was logged instead.
        """
        if self.is_shadowed:
            values = {each.point: each.value for each in (setpoint, *together)}
            self._log.info("write.shadowed", values=values, reason=setpoint.reason)
            raise WriteShadowed
        await self.rested()
        self._alive(self._clock().mono + SILENT_AT_MOST_S)
        points = [self.make.points[each.point] for each in (setpoint, *together)]
        try:
            reads_as = await self.answer_to(self._driver.write(setpoint, *together))
        except DeviceUnreachable:
            self._leave_alone(points)  # it may have heard all the same
            raise
        self._is_deaf = True
        self._leave_alone(points)
        settle_s = max(float(point.settle) for point in points)
        self.settled_at = self._alone_until + settle_s
        self.deaf_until = self.settled_at + settle_s
        return reads_as or {}

    async def answer_to(self, question: Awaitable[T]) -> T:
        """What the driver answers to *question*.

        Raises: DeviceRefused. DeviceUnreachable: silence. DriverHung: too much of it.
        """
        try:
            async with asyncio.timeout(EXCHANGE_WITHIN_S):
                said = await question
        except TimeoutError as exc:
            raise DriverHung(f"the driver was silent for {EXCHANGE_WITHIN_S:g} s") from exc
        except DeviceRefused:
            self._is_deaf = False
            raise
        finally:
            if oddities := self._driver.oddities:
                self._note_odd(oddities)
        self._is_deaf = False
        return said

    def explained(self, silence: str) -> str:
        """*silence* as it is told: with the way out, once, where it has lasted since a write."""
        if not self._is_deaf:
            return silence
        self._is_deaf = False
        what = f"it took a write, and may hold it, but has said nothing since: {silence}"
        return f"{what}. If it always does so, state a `rest`, or a longer `settle`"

    async def rested(self) -> None:
        """Waits until the device may be asked something again, after what it was told last."""
        if (left_s := self._alone_until - self._clock().mono) > 0:
            await self.pause(left_s)

    def _leave_alone(self, points: Iterable[PointSettings]) -> None:
        self._alone_until = self._clock().mono + max(float(point.rest) for point in points)

    @property
    def doubt(self) -> Doubt | None:
        """Why who answers may be another device by now; see `Driver.doubt`."""
        return self._driver.doubt

    def judge(self, doubt: Doubt, *, is_device: bool) -> None:
        """See `Driver.judge`."""
        self._driver.judge(doubt, is_device=is_device)

    async def pause(self, seconds: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Leaves the device alone for *seconds*, unless *sleep* ends sooner."""
        self._alive(self._clock().mono + seconds + SILENT_AT_MOST_S)
        await sleep(seconds)

    def _hear(self, points: Collection[str]) -> None:
        self._news.add(points)
        self._wake(self._news.next_at())

    @property
    def _uptime_s(self) -> float | None:
        """How long the device has been on; None if it does not say."""
        value = self.latest.values.get(self.make.uptime) if self.make.uptime else None
        return value if isinstance(value, int | float) else None

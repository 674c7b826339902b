"""Stand-ins that behave: a device that does what its hardware says, a clock of virtual time, a disk, a log to read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

import structlog

from s2d.driver import Driver, News, PointSettings
from s2d.errors import DeviceError
from s2d.values import Now, Reading, Setpoint, Value

T = TypeVar("T")

EPOCH = datetime(2026, 6, 1, tzinfo=UTC)


def now() -> Now:
    """The loop's time on both clocks."""
    elapsed_s = asyncio.get_running_loop().time()
    return Now(elapsed_s, EPOCH + timedelta(seconds=elapsed_s))


async def pass_s(seconds: float) -> None:
    """Lets (virtual) time pass."""
    await asyncio.sleep(seconds)


@dataclass
class Hardware:
    """What is behind a FakeDriver, and what has happened to it. Times are seconds since it was made."""

    values: dict[str, Value | Reading | DeviceError] = field(default_factory=dict)
    """Of its points; a Reading is told as it is, an error is raised at whoever reads the point."""
    follows: dict[str, str] = field(default_factory=dict)
    """Written point → point that takes the same value at once."""
    fault: Exception | None = None
    """Raised at whoever asks, as long as it is set."""
    faults: list[Exception] = field(default_factory=list)
    """Raised at the next who ask, one each."""
    refusal: Exception | None = None
    """Raised at whoever writes."""
    refusals: dict[str, DeviceError] = field(default_factory=dict)
    """Written point → what is raised at whoever writes it."""
    is_hung: bool = False
    answers_after_s: float = 0.0
    take: Callable[[dict[str, Value]], Awaitable[Mapping[str, Value]]] | None = None
    """Takes what is written, in its own way, and says what is to be read back; by default all is seen at once."""
    news: News | None = None
    """None for what only answers."""
    opened: int = 0
    reads: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    writes: list[tuple[float, str, Value]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._since = asyncio.get_running_loop().time()

    @property
    def elapsed_s(self) -> float:
        return asyncio.get_running_loop().time() - self._since

    def push(self, **values: Value | Reading | DeviceError) -> None:
        """Takes *values*, and says so."""
        assert self.news
        self.values |= values
        self.news.tell(*values)

    async def asked(self) -> None:
        if self.is_hung:
            await asyncio.Event().wait()
        if self.answers_after_s:
            await asyncio.sleep(self.answers_after_s)
        if self.faults:
            raise self.faults.pop()
        if self.fault:
            raise self.fault


class FakeDriver(Driver[Any, PointSettings, None]):
    """Reads from and writes to a Hardware, which it takes for its connection."""

    Connection = Hardware
    Point = PointSettings

    def __init__(self, connection: Hardware, points: Mapping[str, PointSettings], bus: None) -> None:
        super().__init__(connection, points, bus)
        self.news = connection.news

    @classmethod
    def bus_of(cls, connection: Hardware) -> int:
        return id(connection)

    @classmethod
    def where(cls, connection: Hardware) -> str:
        return "nowhere"

    @classmethod
    @asynccontextmanager
    async def open(cls, connection: Hardware, points: Mapping[str, PointSettings], bus: None) -> AsyncIterator[Self]:
        connection.opened += 1
        yield cls(connection, points, bus)

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        hardware = self.connection
        hardware.reads.append((hardware.elapsed_s, tuple(sorted(points))))
        await hardware.asked()
        values = [(point, hardware.values[point]) for point in points]
        for _, value in values:
            if isinstance(value, DeviceError):
                raise value
        return [value if isinstance(value, Reading) else Reading(point, value) for point, value in values]

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value] | None:
        hardware = self.connection
        if hardware.take:
            reads_as = await hardware.take({each.point: each.value for each in (setpoint, *together)})
            return {name: value for name, value in reads_as.items() if self.points[name].is_readable}
        hardware.writes += [(hardware.elapsed_s, each.point, each.value) for each in (setpoint, *together)]
        await hardware.asked()
        if hardware.refusal:
            raise hardware.refusal
        for each in (setpoint, *together):
            if each.point in hardware.refusals:
                raise hardware.refusals[each.point]
            hardware.values[each.point] = each.value
            if follower := hardware.follows.get(each.point):
                hardware.values[follower] = each.value
        return None


@dataclass
class FakeLog:
    """A log whose lines can be read: event, level, facts."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logger = structlog.wrap_logger(
            None, processors=[self._keep], wrapper_class=structlog.make_filtering_bound_logger(0)
        )

    def events(self, *levels: str) -> list[str]:
        """What was said at *levels*; by default all but debug."""
        wanted = levels or ("info", "warning", "error")
        return [line["event"] for line in self.lines if line["level"] in wanted]

    def _keep(self, _: object, level: str, line: dict[str, Any]) -> Any:
        self.lines.append({"level": level, **line})
        raise structlog.DropEvent


@dataclass
class FakeDisk:
    """A disk that does its works at once, unless it hangs: then once it recovers."""

    is_hung: bool = False
    awaited: Future[Any] | None = None
    done: int = 0
    """So many works."""
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()

        def carry_out() -> None:
            if not future.set_running_or_notify_cancel():
                return
            self.done += 1
            try:
                future.set_result(work())
            except OSError as exc:
                future.set_exception(exc)

        self.waiting.append(carry_out)
        if not self.is_hung:
            self.recover()
        return future

    def recover(self) -> None:
        self.is_hung = False
        while self.waiting:
            self.waiting.pop(0)()

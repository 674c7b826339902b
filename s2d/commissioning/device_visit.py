"""A device visit: a configured device opened for a while as the daemon opens it, with its wire traffic tapped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from ..config import Config, DeviceConfig
from ..config.wording import did_you_mean
from ..device.device_map import DeviceMap, probing_map
from ..device.opened_device import OpenedDevice
from ..driver import AnyDriver
from ..errors import DeviceUnreachable, S2dError
from ..host.log import silent
from ..values import Clock, Quality, Reading
from .tools import WireTap, tools_of

RETRY_AFTER_S = 0.6
"""A bus backs off for half a second from a unit that was silent once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeviceVisit:
    """A device that is open, in the variant that it turned out to be."""

    config: DeviceConfig
    make: DeviceMap
    driver: AnyDriver
    tap: WireTap | None
    """None of a driver without tools."""
    opened: OpenedDevice
    clock: Clock

    @property
    def names(self) -> list[str]:
        """The points and computed values that can be read."""
        return [*(name for name, point in self.make.points.items() if point.is_readable), *self.make.computed]

    async def read(self, names: Collection[str]) -> list[Reading]:
        """What *names* are now, points or computed values, in that order.

        Raises: DeviceUnreachable: the device did not answer.
        """
        latest = self.opened.latest
        inputs = latest.inputs_of([*names, *(self.make.ready.names if self.make.ready else ())])
        asked_at = self.clock().mono
        readings = list(await self.opened.answer_to(self.driver.read(inputs))) if inputs else []
        if why := latest.why_not_ready(readings):
            return [Reading(name, None, Quality.BAD, why) for name in names]
        news = latest.observe(readings, self.clock().mono, asked_at)
        found = {each.point: each for each in (*readings, *news)} | latest.rejected
        unknown = "what it is computed of is unknown"
        return [found.get(name) or Reading(name, None, Quality.BAD, unknown) for name in names]


async def with_one_retry(ask: Callable[[], Awaitable[T]]) -> T:
    """The result of *ask*, which is tried once more after a silence: a single one happens on every bus.

    Raises: DeviceUnreachable: the device did not answer either time.
    """
    try:
        return await ask()
    except DeviceUnreachable:
        await asyncio.sleep(RETRY_AFTER_S)
        return await ask()


@asynccontextmanager
async def visited(config: DeviceConfig, clock: Clock) -> AsyncIterator[DeviceVisit]:
    """The device *config*, alone on its bus, while the context lasts.

    Raises: DeviceUnreachable: the device did not say which of its variants it is.
    """
    async with alone_on_bus(config) as bus, _opened_visit(config, bus, clock) as visit:
        yield visit


@asynccontextmanager
async def alone_on_bus(config: DeviceConfig) -> AsyncIterator[Any]:
    """The bus of the device *config*, used by nobody else; errors are raised as they are, not in a group."""
    try:
        async with config.driver.open_bus(config.connection) as bus:
            yield bus
    except BaseExceptionGroup as group:  # a bus has a task of its own
        raise _single_error(group) from group


@asynccontextmanager
async def _opened_visit(config: DeviceConfig, bus: object, clock: Clock) -> AsyncIterator[DeviceVisit]:
    make, known = config.make, dict(config.parameters)
    probes = {name: point for name, point in make.points.items() if point.poll == "once" and point.is_readable}
    if config.variants and probes:
        asked = probing_map(make)
        async with _opened_driver(config, make, bus) as (driver, _):
            opened = _opened_device(config, driver, asked, clock)
            await with_one_retry(lambda: opened.read(probes))
            known = opened.latest.values
        make = config.make_of(known)
    async with _opened_driver(config, make, bus) as (driver, tap):
        yield DeviceVisit(config, make, driver, tap, _opened_device(config, driver, make, clock), clock)


@asynccontextmanager
async def _opened_driver(
    config: DeviceConfig, make: DeviceMap, bus: object
) -> AsyncIterator[tuple[AnyDriver, WireTap | None]]:
    tools = tools_of(config.driver)
    if tools is None:
        async with config.driver.open(config.connection, make.points, bus) as driver:
            yield driver, None
    else:
        async with tools.tapped(config.connection, make.points, bus) as tap:
            yield tap.driver, tap


def _single_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error in *group*, however deep; *group* itself if there are several."""
    if len(group.exceptions) != 1:
        return group
    inner = group.exceptions[0]
    return _single_error(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _opened_device(config: DeviceConfig, driver: AnyDriver, make: DeviceMap, clock: Clock) -> OpenedDevice:
    return OpenedDevice(driver, make, poll_s=config.poll_s, clock=clock, log=silent(), emit=lambda news: None)


class NoSuchDevice(S2dError):
    """An error: the configuration has no device of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        self.known = known

    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known) or f"There are: {', '.join(self.known) or 'none'}"
        return f'no device is named "{self.name}". {hint}'


def device_named(name: str, config: Config) -> DeviceConfig:
    """Raises: NoSuchDevice."""
    for device in config.devices:
        if device.name == name:
            return device
    raise NoSuchDevice(name, [device.name for device in config.devices])

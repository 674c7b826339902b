"""Reads what a device says now, once: value, unit, how the device itself says it, age and quality."""

import asyncio
from argparse import ArgumentParser, Namespace

from ..commissioning.device_visit import NoSuchDevice, device_named, visited, with_one_retry
from ..commissioning.running_daemon import conflict_warning
from ..commissioning.table import readings_table
from ..config import DeviceConfig, load
from ..config.wording import did_you_mean
from ..errors import ConfigError, DeviceUnreachable, S2dError
from ..host import clock
from ..host.console import DIM, StyledText, complain, show
from ..values import Quality
from . import add_config_argument, print_problems


class NoSuchPoint(S2dError):
    """An error: a device has no point of that name to read."""

    def __init__(self, device: str, name: str, known: list[str]) -> None:
        self.device = device
        self.name = name
        self.known = known

    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known) or f"It has: {', '.join(self.known)}"
        return f'{self.device} has no point "{self.name}" to read. {hint}'


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument("device", metavar="DEVICE", help="its name in the configuration")
    parser.add_argument("points", nargs="*", metavar="POINT", help="points or computed values; default: all")


def run(args: Namespace) -> int:
    """Returns 0, 1 when the device did not answer or a point that was asked for has no value, 2, 78."""
    try:
        config = load(args.config)
        device = device_named(args.device, config)
        return asyncio.run(_read(device, args.points))
    except ConfigError as exc:
        return print_problems(exc)
    except (NoSuchDevice, NoSuchPoint) as exc:
        complain(f"s2d read: {exc}")
        return 2
    except DeviceUnreachable as exc:
        complain(f"s2d read: {exc.reason}")
        if conflict := conflict_warning(device.driver.where(device.connection), config.gateway.state_dir):
            complain(f"s2d read: {conflict}")
        return 1


async def _read(device: DeviceConfig, points: list[str]) -> int:
    async with visited(device, clock.now) as visit:
        for name in points:
            if name not in visit.names:
                raise NoSuchPoint(device.name, name, visit.names)
        readings = await with_one_retry(lambda: visit.read(points or visit.names))
        titles, *rows = readings_table(visit, readings)
    show(StyledText(titles, DIM), *rows)
    complain(*(f"s2d read: {oddity}" for oddity in visit.driver.oddities))
    return int(bool(points) and any(reading.quality is not Quality.GOOD for reading in readings))

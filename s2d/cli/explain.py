"""Explains a device: what it is to a CEM now, what it becomes when nobody is in charge, and if this machine dies."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid5

from msgspec.structs import replace

from ..commissioning.device_visit import NoSuchDevice, device_named, visited, with_one_retry
from ..commissioning.readings_file import readings_of
from ..commissioning.running_daemon import conflict_warning
from ..config import Config, DeviceConfig, load
from ..errors import ConfigError, DeviceUnreachable
from ..host import clock
from ..host.console import complain, show
from ..host.store import Key, Store
from ..rm.memory import Memory
from ..rm.setup import Setup
from ..service.daemon import setup_of
from ..values import Quality, Reading
from . import add_config_argument, print_problems
from .explanation import explanation

_NO_GATEWAY = UUID(int=0)
"""The gateway that has never run; nothing is kept of it."""


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument("device", metavar="DEVICE", help="its name in the configuration")
    parser.add_argument(
        "--readings",
        type=Path,
        metavar="FILE",
        help="YAML that says what its points are (`soc: 55 %%`) instead of the hardware, which is not asked then",
    )


def run(args: Namespace) -> int:
    """Returns 0, 1 when the device did not answer, 2, 78. Nothing is written, to no device and to no disk."""
    try:
        config = load(args.config)
        device = device_named(args.device, config)
        read = readings_of(args.readings, device, clock.now()) if args.readings else asyncio.run(_read(device, config))
    except ConfigError as exc:
        return print_problems(exc)
    except NoSuchDevice as exc:
        complain(f"s2d explain: {exc}")
        return 2
    except DeviceUnreachable as exc:
        complain(f"s2d explain: {exc.reason}. Without it, say what it would: --readings FILE")
        if conflict := conflict_warning(device.driver.where(device.connection), config.gateway.state_dir):
            complain(f"s2d explain: {conflict}")
        return 1
    setup = _setup_of(device, config) if device.kind else None
    show(*explanation(device, setup, read, clock.now()))
    return 0


def _setup_of(device: DeviceConfig, config: Config) -> Setup:
    """What the daemon makes its resource manager from, with what it has kept of that."""
    store = Store(config.gateway.state_dir)
    resource_id, memory = device.resource_id, None
    with suppress(ConfigError):
        gateway = config.gateway.id or store.known_gateway_id or _NO_GATEWAY
        resource_id = resource_id or str(uuid5(gateway, device.name))
        memory = store.get(Key("resource-manager", resource_id), Memory)
    return setup_of(device, resource_id or str(uuid5(_NO_GATEWAY, device.name)), config.gateway.time_zone, memory)


async def _read(device: DeviceConfig, config: Config) -> list[Reading]:
    """What *device* says now, and those say of which it has points.

    Raises: DeviceUnreachable: it does not answer. That another does not makes what comes from there unknown.
    """
    readings = await _all_of(device, ())
    for name in dict.fromkeys(source.device for source in device.sources.values()):
        lent = {point: source.point for point, source in device.sources.items() if source.device == name}
        other = device_named(name, config)
        try:
            said = {each.point: each for each in await _all_of(other, lent.values())}
        except DeviceUnreachable as exc:
            said = {point: Reading(point, None, Quality.BAD, f"{name}: {exc.reason}") for point in lent.values()}
        readings += [replace(said[of], point=point) for point, of in lent.items()]
    return readings


async def _all_of(device: DeviceConfig, names: Collection[str]) -> list[Reading]:
    async with visited(device, clock.now) as visit:
        readings = await with_one_retry(lambda: visit.read([*names] or visit.names))
        complain(*(f"s2d explain: {oddity}" for oddity in visit.driver.oddities))
        return readings

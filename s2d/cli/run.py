"""Be the resource manager of the configured devices: connect each to its CEM, and carry out what it is told."""

import asyncio
import os
from argparse import ArgumentParser, Namespace
from typing import NoReturn

from ..config import Config, load
from ..errors import ConfigError, LockHeld
from ..host import lock, log
from ..host.console import complain
from ..host.disk import DiskThread
from ..host.store import Store
from ..service import daemon
from . import EX_TEMPFAIL, add_config_argument, no_devices, print_problems


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument(
        "--log",
        choices=("auto", "json", "console"),
        default="auto",
        help="form of the log on stdout (default: console on a terminal, else json)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what is less is left out (default: %(default)s)",
    )


def run(args: Namespace) -> int:
    """Runs until told to stop, then ends the process: 0, or 1 after too many breaks.

    Returns 75 where another `s2d run` is at work, 78 where the configuration cannot be used; nothing was written then.
    """
    try:
        config = load(args.config)
        if not config.devices:
            raise no_devices(args.config)
        with lock.held(config.gateway.state_dir):
            log.configure(args.log, args.log_level)
            log.get_logger().info("config.loaded", path=str(args.config), devices=len(config.devices))
            for warning in config.warnings:
                log.get_logger().warning("config.doubtful", problem=str(warning))
            asyncio.run(_run(config))
    except LockHeld as exc:
        complain(f"s2d run: {exc}")
        return EX_TEMPFAIL
    except ConfigError as exc:
        return print_problems(exc)


async def _run(config: Config) -> NoReturn:
    """Runs the daemon, and ends the process with it."""
    store = Store(config.gateway.state_dir, DiskThread(), log.get_logger())
    try:
        is_well = await daemon.run(config, store)
    finally:
        store.close()
    log.flush()
    # To return would be to wait, for as long as it takes, for a name of a host that is still being looked up.
    os._exit(0 if is_well else 1)

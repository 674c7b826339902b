"""Be the resource manager of the configured devices: connect each to its CEM, and carry out what it is told."""

import asyncio
from argparse import ArgumentParser, Namespace

from .. import daemon, log
from ..config import load
from ..errors import ConfigError
from . import add_config_argument, no_devices, print_problems


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
    """Runs until told to stop. Exit status 78 when the configuration cannot be used, 1 after too many breaks."""
    try:
        config = load(args.config)
        if not config.devices:
            raise no_devices(args.config)
        log.configure(args.log, args.log_level)
        log.get_logger().info("config.loaded", path=str(args.config), devices=len(config.devices))
        for warning in config.warnings:
            log.get_logger().warning("config.doubtful", problem=str(warning))
        is_well = asyncio.run(daemon.run(config))
    except ConfigError as exc:
        return print_problems(exc)
    return 0 if is_well else 1
